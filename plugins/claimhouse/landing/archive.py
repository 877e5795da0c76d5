"""The archive: each landed file, unchanged.

A file is first copied to a name of its own, and moved to its place when it is complete. So a copy is
whole or is not there, whoever is killed, and however many land at the same time.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from claimhouse import batches, settings, storage, warehouse
from claimhouse.batches import Batch
from claimhouse.contracts import Contract
from claimhouse.landing import arrivals
from claimhouse.landing.arrivals import Arrival

log = logging.getLogger(__name__)

# Of the file's name, how many characters the archived copy's name has: no file system takes more
# than 255 bytes, and the ending tells a person what the file is.
NAME_CHARACTERS = 100


RESTORED = (
    "The archived copy was damaged. It was restored from the file in the landing root, which has the "
    "checksum of what landed. Check the disk of the archive."
)


class CannotBeRead(Exception):
    """A file in the landing root cannot be read; the message says why, for a person."""


@dataclass(frozen=True)
class Copy:
    """A complete copy of a file, which is not yet in the archive.

    Attributes:
        size: in bytes.
        checksum: SHA-256.
    """

    path: Path
    size: int
    checksum: str


@contextmanager
def copied(arrival: Arrival) -> Iterator[Copy]:
    """Copy a file and compute its checksum, in one pass; the copy is gone afterwards if it is not stored.

    Raises:
        CannotBeRead: the file cannot be read; nothing is left of it.
        OSError: the copy cannot be written.
    """
    with _folder() as folder:
        path = folder / f".{os.getpid()}-{uuid.uuid4().hex}{storage.IN_PROGRESS}"
        try:
            with _opened(arrival) as original, storage.new_file(path) as file:
                size, checksum = storage.pour(partial(_read, original), file.write)
                storage.sync(file)
            yield Copy(path, size, checksum)
        finally:
            path.unlink(missing_ok=True)


def _opened(arrival: Arrival) -> IO[bytes]:
    try:
        return arrival.open()
    except Exception as error:
        raise CannotBeRead(_why(error)) from None


def _read(file: IO[bytes], size: int) -> bytes:
    try:
        return file.read(size)
    except Exception as error:
        raise CannotBeRead(_why(error)) from None


def _why(error: Exception) -> str:
    """What is wrong with the original, and what to do; drivers' own messages may hold names."""
    if isinstance(error, FileNotFoundError):
        return "The file was gone when it was read. Deliver it again."
    if isinstance(error, PermissionError):
        return "The file cannot be read: access is denied. Let the account of Claimhouse read it."
    if isinstance(error, storage.NotPlain):
        return "The file is no plain file any more. Deliver the file itself."
    code = errno.errorcode.get(getattr(error, "errno", None) or 0, type(error).__name__)
    return f"The file cannot be read ({code}). Check the disk or share it lies on, or deliver it again."


def store(copy: Copy, contract: Contract, arrival: Arrival, day: date) -> str:
    """Move a copy to its place in the archive.

    Its name is derived from the file's path, size and time: a run that is killed before the file
    is in the manifest leaves a copy that the next run replaces by the same.

    Returns:
        Its address.
    """
    folder = storage.private_folder(
        settings.archive_root(),
        contract.source_system,
        contract.feed,
        *f"{day:%Y/%m/%d}".split("/"),
    )
    mark = hashlib.sha256(
        f"{arrival.path}|{arrival.size}|{arrival.modified_at}".encode()
    ).hexdigest()
    address = f"{folder}/{mark[:12]}-{plain(arrival.name)}"
    storage.put(copy.path, address)
    return address


def restore(batch_id: int) -> bool:
    """Replace the damaged archived file of a batch by the original, if that still lies in the landing root.

    Returns:
        Whether a file with the batch's checksum was there; an issue of the batch says so.
    """
    with warehouse.connect() as connection:
        batch = batches.locked(connection, batch_id)
        files = [
            file
            for file in arrivals.of_source(batch.source_system).files
            if file.size == batch.size_bytes
        ]
        # Any file of these bytes will do; most likely it is the one of the same name.
        for arrival in sorted(files, key=lambda file: file.place != batch.file_name):
            if _has_replaced(batch, arrival):
                warehouse.query(connection, "landing/report_restored", batch_id, RESTORED)
                log.warning("batch %s: its archived file was damaged, and is restored", batch_id)
                return True
    return False


def _has_replaced(batch: Batch, arrival: Arrival) -> bool:
    try:
        with copied(arrival) as copy:
            if copy.checksum != batch.checksum:
                return False
            if path := storage.local(batch.archive_path):
                storage.make_private(path.parent)
            storage.put(copy.path, batch.archive_path)
            return True
    except CannotBeRead:
        return False


def plain(name: str) -> str:
    """The end of a file's name in letters, digits, dots, hyphens and underscores."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)[-NAME_CHARACTERS:]


@contextmanager
def _folder() -> Iterator[Path]:
    """Where copies are made: on the archive's own disk, where there is one."""
    root = storage.local(settings.archive_root())
    if root is None:
        with TemporaryDirectory(prefix="claimhouse-") as folder:
            yield Path(folder)
    else:
        storage.make_private(root)
        storage.remove_abandoned(root)
        yield root
