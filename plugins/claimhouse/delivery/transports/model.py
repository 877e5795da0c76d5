"""What a transport is, and what it makes of a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection

from claimhouse.delivery.model import WaitingMail


@dataclass(frozen=True)
class Enclosure:
    """What a mail has of the file.

    Attributes:
        text: the paragraph that says where the file is.
        attachment: the file and its media type; None where it is not in the mail.
    """

    text: str
    attachment: tuple[Path, str] | None = None


@dataclass(frozen=True)
class Transport:
    """A registered transport.

    Attributes:
        enclose: given a connection of :func:`outbox.connect`, the mail, its file and the file's
            media type. It may be killed at any moment and called again for the same mail.
        most_bytes: the size of the largest file it takes; None where it takes any.
    """

    enclose: Callable[[Connection[Any], WaitingMail, Path, str], Enclosure]
    most_bytes: Callable[[], int] | None = None
