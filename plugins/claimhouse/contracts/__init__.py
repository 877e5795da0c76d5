"""What a feed must look like: contracts read from YAML and checked.

Comes in: ``include/schemas/<source>/<feed>.yaml``. Goes out: :class:`Contract`, which every later
room reads instead of the file. May not know a database or Airflow.
"""

from __future__ import annotations

from claimhouse.contracts.parse import (
    CLASSIFICATIONS,
    Column,
    Contract,
    ContractError,
    Reference,
    RowRule,
    load,
    load_all,
    of,
    of_source,
    sources,
    strptime,
)

__all__ = [
    "CLASSIFICATIONS",
    "Column",
    "Contract",
    "ContractError",
    "Reference",
    "RowRule",
    "load",
    "load_all",
    "of",
    "of_source",
    "sources",
    "strptime",
]
