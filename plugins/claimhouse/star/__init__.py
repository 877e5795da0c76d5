"""Dimensions and facts, from the source tables' rows.

Comes in: checked batches, through the mapping views of their source system. Goes out: rows of the
schema ``star``. Does not know landing, metrics, reporting or delivery.

``load`` orders the steps; ``dimensions``, ``facts`` and ``claims`` are the steps; ``steps`` has
their locks and runs their SQL; ``tables`` reads what the star's tables are from the catalog;
``mapping`` creates the mapping views; ``calendar`` fills ``dim_date``.
"""

from __future__ import annotations

from claimhouse.star.dimensions import load_dimensions, load_dimensions_in_parts
from claimhouse.star.facts import load_fact, load_fact_in_parts, load_facts
from claimhouse.star.load import (
    create_mappings,
    fact_tables,
    finish,
    load_source,
    main,
    rebuild,
    statements,
    tables_of,
)
from claimhouse.star.mapping import MissingMapping
from claimhouse.star.steps import Load, Statement

__all__ = [
    "Load",
    "MissingMapping",
    "Statement",
    "create_mappings",
    "fact_tables",
    "finish",
    "load_dimensions",
    "load_dimensions_in_parts",
    "load_fact",
    "load_fact_in_parts",
    "load_facts",
    "load_source",
    "main",
    "rebuild",
    "statements",
    "tables_of",
]
