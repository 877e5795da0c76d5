"""What a feed must look like: contracts read from YAML and checked.

Comes in: ``include/schemas/<source>/<feed>.yaml``. Goes out: :class:`Contract`, which every later
room reads instead of the file. May not know a database or Airflow.
"""

from __future__ import annotations

from claimhouse.contracts.dates import DATE_TOKENS, date_format, date_words, strptime
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
)

__all__ = [
    "CLASSIFICATIONS",
    "DATE_TOKENS",
    "Column",
    "Contract",
    "ContractError",
    "Reference",
    "RowRule",
    "date_format",
    "date_words",
    "load",
    "load_all",
    "of",
    "of_source",
    "sources",
    "strptime",
]
