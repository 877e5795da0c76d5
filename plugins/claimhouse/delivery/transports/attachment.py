"""The transport ``attachment``: the file is in the mail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from psycopg import Connection

from claimhouse import settings
from claimhouse.delivery.model import WaitingMail
from claimhouse.delivery.transports.model import Enclosure

TEXT = "The file is attached."


def enclose(
    connection: Connection[Any], mail: WaitingMail, file: Path, media_type: str
) -> Enclosure:
    """Attach *file*."""
    return Enclosure(TEXT, (file, media_type))


def most_bytes() -> int:
    """The size, in bytes, of the largest file that is attached."""
    return settings.attachment_bytes()
