"""What a feed must look like: contracts read from YAML and checked.

Comes in: ``include/schemas/<source>/<feed>.yaml``. Goes out: :class:`Contract`, which every later
room reads instead of the file. May not know a database or Airflow.

:mod:`model` holds what a contract says, :mod:`parse` reads and checks the YAML, :mod:`dates` is
the one table of date formats, :mod:`versions` tells one version of a contract from another,
:mod:`outlines` keeps what DAG files need between processes.
"""

from __future__ import annotations

from claimhouse.contracts.dates import (
    DATE_TOKENS,
    EXCEL,
    date_format,
    date_in,
    date_words,
    has_day,
    strptime,
)
from claimhouse.contracts.model import (
    CLASSIFICATIONS,
    CORRECTED_ROW,
    Column,
    Contract,
    FileOrder,
    NumberFormat,
    Reference,
    RowRule,
    share_files,
)
from claimhouse.contracts.outlines import Outline, outline
from claimhouse.contracts.parse import (
    ContractError,
    broken,
    feeds,
    load,
    load_all,
    of,
    of_source,
    read_apart,
    sound,
    sources,
)
from claimhouse.contracts.plausibility import Rule, kinds, rules

__all__ = [
    "CLASSIFICATIONS",
    "CORRECTED_ROW",
    "DATE_TOKENS",
    "EXCEL",
    "Column",
    "Contract",
    "ContractError",
    "FileOrder",
    "NumberFormat",
    "Outline",
    "Reference",
    "RowRule",
    "Rule",
    "broken",
    "date_format",
    "date_in",
    "date_words",
    "feeds",
    "has_day",
    "kinds",
    "load",
    "load_all",
    "of",
    "of_source",
    "outline",
    "read_apart",
    "rules",
    "share_files",
    "sound",
    "sources",
    "strptime",
]
