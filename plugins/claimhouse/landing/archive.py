"""The archive: each landed file, unchanged."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

from claimhouse import settings, storage
from claimhouse.contracts import Contract
from claimhouse.landing.arrivals import Arrival


def copy(contract: Contract, arrival: Arrival, day: date) -> tuple[Any, str]:
    """Copy the file to the archive and compute its checksum, in one pass.

    The copy's name is derived from the file's path, size and time, so that a copy left by a crash
    is overwritten.
    """
    root = storage.at(settings.archive_root())
    folder = root / contract.source_system / contract.feed / f"{day:%Y/%m/%d}"
    folder.mkdir(parents=True, exist_ok=True)
    mark = hashlib.sha256(
        f"{arrival.path}|{arrival.size}|{arrival.modified_at}".encode()
    ).hexdigest()
    archived, digest = folder / f"{mark[:12]}-{arrival.name}", hashlib.sha256()
    with (
        arrival.path.open("rb") as original,
        archived.open("wb") as copy,
        ThreadPoolExecutor(1, "checksum") as thread,
    ):
        while chunk := original.read(storage.CHUNK):
            digested = thread.submit(digest.update, chunk)
            copy.write(chunk)
            digested.result()
    return archived, digest.hexdigest()


def drop(copied: Any, known: dict[str, Any]) -> None:
    """Delete a copy, unless the manifest names it as the known file's."""
    if str(copied) != known["archive_path"]:
        copied.unlink()
