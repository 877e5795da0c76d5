"""Dimensions and facts, made from the source tables' rows.

Comes in: checked batches, through the mapping views of their source. Goes out: rows of the
schema ``star``. May not know reporting or delivery.
"""

from __future__ import annotations

from claimhouse.star.load import (
    create_mappings,
    facts,
    finish,
    load,
    load_dimensions,
    load_dimensions_in_parts,
    load_fact,
    load_fact_in_parts,
    load_facts,
    main,
    rebuild,
)

__all__ = [
    "create_mappings",
    "facts",
    "finish",
    "load",
    "load_dimensions",
    "load_dimensions_in_parts",
    "load_fact",
    "load_fact_in_parts",
    "load_facts",
    "main",
    "rebuild",
]
