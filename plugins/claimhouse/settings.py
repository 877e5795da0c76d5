"""Where things are: every setting of Claimhouse, read from the environment in one place."""

from __future__ import annotations

import os
from pathlib import Path

PROJECT = Path(os.environ.get("CLAIMHOUSE_HOME", Path(__file__).resolve().parents[2]))
INCLUDE = PROJECT / "include"
CODE = Path(__file__).parent

WAREHOUSE_CONNECTION = "claimhouse_warehouse"
LANDING_CONNECTION = "claimhouse_landing"
MAIL_CONNECTION = "claimhouse_mail"
JOURNAL_CONNECTION = "claimhouse_journal"
PSEUDONYM_CONNECTION = "claimhouse_pseudonym"


def landing_root() -> str:
    """The landing root's URL: ``<root>/<source>/<file>`` is where a feed arrives."""
    return os.environ.get("CLAIMHOUSE_LANDING_ROOT", f"file://{PROJECT}/var/landing")


def archive_root() -> str:
    """The URL under which every landed file is kept, unchanged."""
    return os.environ.get("CLAIMHOUSE_ARCHIVE_ROOT", f"{landing_root()}/archive")


def corrections_root() -> str:
    """The URL under which a reviewer's corrected rows are laid, to be landed like any file."""
    return os.environ.get("CLAIMHOUSE_CORRECTIONS_ROOT", f"{landing_root()}/corrections")


def settle_seconds() -> float:
    """How long, in seconds, a file must lie unchanged before it is landed."""
    return float(os.environ.get("CLAIMHOUSE_SETTLE_SECONDS", "2"))


def block_bytes() -> int:
    """How many bytes of a file are verified at a time: what bounds the memory a file takes."""
    return int(os.environ.get("CLAIMHOUSE_BLOCK_MIB", "8")) * 1024 * 1024


def fiscal_year_starts() -> int:
    """The month, 1 to 12, in which the fiscal year starts; October, as the US government's does.

    Raises:
        ValueError: the setting is no month.
    """
    month = int(os.environ.get("CLAIMHOUSE_FISCAL_YEAR_STARTS", "10"))
    if month not in range(1, 13):
        raise ValueError(f"CLAIMHOUSE_FISCAL_YEAR_STARTS is a month, 1 to 12, not {month}")
    return month


def extract_folder() -> Path:
    """The folder in which finished, encrypted extracts wait until they are sent."""
    return Path(os.environ.get("CLAIMHOUSE_EXTRACT_FOLDER", PROJECT / "var" / "extracts"))


def owner_address() -> str:
    """Who is told when a run fails."""
    return os.environ.get("CLAIMHOUSE_OWNER_EMAIL", "data-engineering@claimhouse.example")


def attachment_bytes() -> int:
    """The size, in bytes, from which an extract is sent as a link instead of an attachment."""
    return int(float(os.environ.get("CLAIMHOUSE_ATTACHMENT_MIB", "10")) * 1024 * 1024)


def link_store() -> str:
    """Where extracts lie for download: ``s3://<connection>@<bucket>/<prefix>``; empty for nowhere."""
    return os.environ.get("CLAIMHOUSE_LINK_STORE", "")


def link_hours() -> float:
    """How long, in hours, a link to an extract opens it; at most 168."""
    return float(os.environ.get("CLAIMHOUSE_LINK_HOURS", "72"))


def link_encryption() -> str:
    """How the bucket's server encrypts extracts: ``AES256`` or ``aws:kms``."""
    return os.environ.get("CLAIMHOUSE_LINK_ENCRYPTION", "AES256")


def link_kms_key() -> str:
    """The key for ``aws:kms``; empty for the account's own."""
    return os.environ.get("CLAIMHOUSE_LINK_KMS", "")


def journal_minutes() -> float:
    """After how many minutes a mail that has not come to the journal was not taken."""
    return float(os.environ.get("CLAIMHOUSE_JOURNAL_MINUTES", "15"))


def refresh_minutes() -> float:
    """How many minutes loading and publishing may take before they count as failed."""
    return float(os.environ.get("CLAIMHOUSE_REFRESH_MINUTES", "60"))
