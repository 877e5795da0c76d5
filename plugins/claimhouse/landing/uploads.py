"""Uploads: files that people bring themselves, and that wait until somebody processes them.

They wait in a folder of the landing root that is of no source system, by the day of their upload:
``_uploads/<day>/<random>/<name>``. Processing moves a file below its source's folder, where it lands like
any other, under a name that its contract takes.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
import unicodedata
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from claimhouse import contracts, settings, storage
from claimhouse.contracts import Contract, share_files
from claimhouse.landing import arrivals, order
from claimhouse.storage import Kind

MOST_CHARACTERS, MOST_BYTES = 150, 200
# A file of text is looked at by its beginning, any other as a whole if it is no larger.
BEGINNING_BYTES, WHOLE_BYTES = 16 * 1024 * 1024, 256 * 1024 * 1024
# How files begin that have to be read as a whole: gzip, zip and workbooks, Parquet, old Office files.
_PACKED = (b"\x1f\x8b", b"PK", b"PAR1", b"\xd0\xcf\x11\xe0")
_LETTERS = str.maketrans("0123456789", "abcdefghij")


class Refused(ValueError):
    """An upload cannot be taken, or not be processed so; the message says why, for a person."""


class NotLookedAt(Refused):
    """An upload is too large to be looked at before it is processed."""


def safe_name(name: str) -> str:
    """The name under which a file called *name* is kept: no folder, no character that means anything elsewhere.

    Raises:
        Refused: nothing sensible remains of it, or no file of this name would land.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    visible = "".join(
        letter if unicodedata.category(letter)[0] in "LMN" or letter in " ._-+()&," else "_"
        for letter in last
        if unicodedata.category(letter)[0] != "C"
    )
    safe = re.sub(r"\s+", " ", visible).strip(" .")
    stem = visible.rpartition(".")[0] if "." in visible else visible
    if not any(letter.isalnum() for letter in stem):
        raise Refused(
            "The file's name has no letter and no digit. Rename it, for example to claims_2026-01.csv."
        )
    if len(last) > MOST_CHARACTERS or len(safe.encode()) > MOST_BYTES:
        raise Refused(
            f"The file's name is longer than {MOST_CHARACTERS} characters. Rename it, and upload it again."
        )
    if safe.lower() in arrivals.LITTER:
        raise Refused("This file belongs to a folder window of Windows. It holds no records.")
    if safe.lower().endswith(arrivals.UNFINISHED):
        raise Refused(
            "The file's name says that a program is still writing it. Wait until it is complete, or rename it."
        )
    return safe


class Incoming:
    """A file that is being uploaded.

    Args:
        name: see :func:`safe_name`.

    Attributes:
        parts: where it will wait, below the landing root.
        size: what came so far, in bytes.
    """

    def __init__(self, name: str) -> None:
        day = f"{datetime.now(UTC):%Y-%m-%d}"
        self.parts = (settings.UPLOADS, day, secrets.token_hex(8), name)
        self.size = 0
        self._digest = hashlib.sha256()
        self._file = storage.NewFile(settings.landing_root(), self.parts)

    @property
    def place(self) -> str:
        """Where it will wait, as text."""
        return "/".join(self.parts)

    @property
    def checksum(self) -> str:
        """SHA-256 of what came so far."""
        return self._digest.hexdigest()

    def write(self, piece: bytes) -> None:
        """Add a piece.

        Raises:
            OSError: there is no room for it.
        """
        self._file.write(piece)
        self._digest.update(piece)
        self.size += len(piece)

    def finish(self) -> None:
        """Have the file in its place."""
        self._file.finish()

    def discard(self) -> None:
        """Leave nothing of it."""
        self._file.discard()


@contextmanager
def looked_at(place: str, size: int) -> Iterator[Path]:
    """A local file with the upload at *place*; of a large file of text, its beginning up to the end of a line.

    Raises:
        NotLookedAt: it is packed, and too large.
        Refused: it is gone.
    """
    root, parts = settings.landing_root(), tuple(place.split("/"))
    try:
        with (
            storage.opened(root, parts) as file,
            TemporaryDirectory(prefix="claimhouse-") as folder,
        ):
            beginning = file.read(BEGINNING_BYTES)
            is_packed = beginning.startswith(_PACKED)
            if is_packed and size > WHOLE_BYTES:
                raise NotLookedAt(
                    "The file is too large to be shown before it is processed, because it is packed. "
                    "Each of its rows is checked when it is processed."
                )
            path = storage.local(root)
            if path is not None and (is_packed or size <= BEGINNING_BYTES):
                yield path.joinpath(*parts)
                return
            copy = Path(folder) / parts[-1]
            with storage.new_file(copy) as target:
                if is_packed:
                    target.write(beginning)
                    storage.pour(file.read, target.write)
                elif size > BEGINNING_BYTES:
                    target.write(beginning[: beginning.rfind(b"\n") + 1] or beginning)
                else:
                    target.write(beginning)
            yield copy
    except FileNotFoundError:
        raise Refused("The file is gone. Upload it again.") from None


def name_for(contract: Contract, name: str) -> str:
    """The name under which the file lands as one of *contract*: its own, or one that the contract's pattern takes.

    Raises:
        Refused: there is none, or another contract of the source would take the file.
    """
    known = contracts.of_source(contract.source_system)
    taken = name if contract.is_by_content or contract.claims(name) else _named(contract, name)
    claiming = [other for other in known if other.claims(taken)]
    claimed = [other.feed for other in claiming]
    is_shared = contract.feed in claimed and share_files(claiming)
    if not is_shared and claimed != ([] if contract.is_by_content else [contract.feed]):
        feeds = ", ".join(claimed)
        raise Refused(f"By its name, {taken} is a file of {feeds}. Rename it, and upload it again.")
    if order.lacks_number(contract.file_order, taken):
        raise Refused(
            f"Files of {contract.feed} have a number in their names that says which is the newer one, and "
            "this name has none. Rename it, and upload it again."
        )
    return taken


def landing_path(contract: Contract, name: str, day: str, number: int) -> str:
    """Where an upload goes to be landed, below the landing root.

    Args:
        contract: what it is landed as.
        name: see :func:`name_for`.
        day: the day of its upload.
        number: the upload's own: two uploads of one name stay apart.
    """
    folder = f"{day}/{number}"
    # The contract may read a value or an order from the name: not from these folders.
    if contract.from_name(f"{folder}/{name}") != contract.from_name(name):
        folder = f"uploaded-{str(number).translate(_LETTERS)}"
    return f"{contract.source_system}/{folder}/{name}"


def process(place: str, path: str) -> None:
    """Move an upload from *place* to *path*, both below the landing root; it may be repeated.

    Raises:
        FileNotFoundError: it is at neither.
    """
    storage.move(settings.landing_root(), tuple(place.split("/")), tuple(path.split("/")))


def take_back(place: str) -> None:
    """Remove an upload that waits; it may be repeated."""
    storage.remove(settings.landing_root(), tuple(place.split("/")))


def clear(known: Collection[str]) -> int:
    """Remove what killed servers left: files that nobody knows, older than a day.

    Args:
        known: the places of the uploads that wait.

    Returns:
        How many there were.
    """
    root, count = settings.landing_root(), 0
    for thing in storage.things(root, settings.UPLOADS):
        age = time.time() - thing.modified_at.timestamp()
        is_old = thing.kind is Kind.FILE and age > storage.ABANDONED_SECONDS
        if is_old and "/".join(thing.parts) not in known:
            storage.remove(root, thing.parts)
            count += 1
    storage.remove_unfinished(root, settings.UPLOADS)
    return count


def _named(contract: Contract, name: str) -> str:
    """*name* written into the contract's file pattern."""
    for pattern in contract.file_pattern.split("|"):
        beginning, _, ending = pattern.partition("*")
        if not re.search(r"[*?\[\]]", beginning + ending):
            stem = name.removesuffix(ending)
            joint = "" if not beginning or beginning[-1] in "-_. " else "_"
            return f"{beginning}{joint}{stem}{ending}"
    raise Refused(
        f"Files of {contract.feed} are called {contract.file_pattern}. Rename it, and upload it again."
    )
