"""Dimensions and facts, from the source tables' rows.

Comes in: checked batches, through the mapping views of their source system. Goes out: rows of the
schema ``star``. Does not know landing, metrics, reporting or delivery.

``load`` orders the steps; ``dimensions``, ``facts`` and ``claims`` are the steps; ``steps`` has
their locks and runs their SQL; ``tables`` reads what the star's tables are from the catalog;
``mapping`` creates the mapping views, ``kept`` evaluates some of them once a load, ``layouts`` adds
what the layout of a row leaves out, by the ``lineage`` of the columns; ``mapping_check`` holds them
against what ``targets`` says they need, and ``mapped_rows`` looks at the rows that they give of a
load; ``calendar`` fills ``dim_date``.
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
from claimhouse.star.mapped_rows import check as check_mapped_rows
from claimhouse.star.mapping import MappingError, MissingMapping
from claimhouse.star.mapping_check import check as check_mappings
from claimhouse.star.mapping_check import faults as mapping_faults
from claimhouse.star.steps import LOOK_UP_ROWS, Load, Statement
from claimhouse.star.tried import Rows as TriedRows
from claimhouse.star.tried import load as try_load
from claimhouse.star.tried import rows as tried_rows

__all__ = [
    "LOOK_UP_ROWS",
    "Load",
    "MappingError",
    "MissingMapping",
    "Statement",
    "TriedRows",
    "check_mapped_rows",
    "check_mappings",
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
    "mapping_faults",
    "rebuild",
    "statements",
    "tables_of",
    "tried_rows",
    "try_load",
]
