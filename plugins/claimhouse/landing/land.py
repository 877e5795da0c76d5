"""Landing: each new file claimed by a contract, archived unchanged and entered in the manifest.

A file is known by its checksum: the same bytes are landed once, whatever they are called.
Files stay where they are; what has been looked at is remembered by path, size and time.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from psycopg import Connection

import claimhouse
from claimhouse import batches, contracts, settings, storage, warehouse
from claimhouse.contracts import Contract
from claimhouse.verification import recognize

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Arrival:
    """A file as it lies in the landing root.

    Attributes:
        place: its name, after the folders between the source's folder and it.
    """

    path: Any  # an ObjectStoragePath
    size: int
    modified_at: datetime
    place: str
    is_correction: bool = False

    @property
    def name(self) -> str:
        """The file's name without its folders."""
        return str(self.path.name)


def land(source: str, received: date | None = None) -> list[int]:
    """Land every new file of a source.

    Args:
        source: the source system, and so the folder below the landing root.
        received: the day the files count as received; today (UTC) when left out.

    Returns:
        The batches to verify, in the order in which their files are to be taken in: those
        just landed and those an earlier, interrupted run left behind.
    """
    day = received or datetime.now(UTC).date()
    arrivals, growing = _settled(_arrivals(source))
    for one in growing:
        _report(
            source,
            one,
            "still_growing",
            "The file was still being written; it is landed when it rests.",
        )
    for one in sorted(arrivals, key=lambda arrival: (arrival.name, arrival.modified_at)):
        _land_one(source, one, day)
    with warehouse.connect() as connection:
        return batches.in_state(connection, source, "landed")


def report_unclaimed() -> list[str]:
    """Report files in folders of no known source; files of known sources are their own DAG's.

    Returns:
        The folders concerned, without file names (which can hold a person's).
    """
    known = {*contracts.sources(), "archive", "corrections"}
    folders = []
    for folder in sorted(storage.at(settings.landing_root()).iterdir(), key=str):
        if folder.name in known or not folder.is_dir():
            continue
        arrivals = list(_files(folder))
        for one in arrivals:
            if not _seen(folder.name, one):
                _report(
                    folder.name,
                    one,
                    "unclaimed_file",
                    "No contract knows this source; the file waits.",
                )
        if arrivals:
            folders.append(folder.name)
    return folders


def _arrivals(source: str) -> list[Arrival]:
    found = list(_files(storage.at(settings.landing_root()) / source))
    corrections = storage.at(settings.corrections_root()) / source
    return [*found, *_files(corrections, is_correction=True)]


def _files(folder: Any, *, is_correction: bool = False) -> Iterator[Arrival]:
    if not folder.exists():
        return
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            status = path.stat()
            modified = datetime.fromtimestamp(status.st_mtime, UTC)
            # Of a correction, the folders only say its feed.
            place = path.name if is_correction else str(path).removeprefix(f"{folder}/")
            yield Arrival(path, status.st_size, modified, place, is_correction)


def _settled(arrivals: list[Arrival]) -> tuple[list[Arrival], list[Arrival]]:
    """Split into files at rest and files still being written, after one look more at young ones."""
    pause = settings.settle_seconds()
    now = datetime.now(UTC)
    young = [one for one in arrivals if (now - one.modified_at).total_seconds() < pause]
    if not young:
        return arrivals, []
    time.sleep(pause)
    growing = [one for one in young if _changed(one)]
    return [one for one in arrivals if one not in growing], growing


def _changed(arrival: Arrival) -> bool:
    if not arrival.path.exists():
        return True
    status = arrival.path.stat()
    modified = datetime.fromtimestamp(status.st_mtime, UTC)
    return (status.st_size, modified) != (arrival.size, arrival.modified_at)


def _seen(source: str, arrival: Arrival) -> bool:
    with warehouse.connect() as connection:
        # A file no contract claimed does not count: a contract may have come since.
        found = warehouse.query(
            connection,
            "landing/sighting",
            str(arrival.path),
            arrival.size,
            arrival.modified_at,
            source,
        )
    return bool(found)


def _land_one(source: str, arrival: Arrival, day: date) -> None:
    if _seen(source, arrival):
        return
    contract, why = _claiming(source, arrival)
    if contract is None:
        _report(source, arrival, "unclaimed_file", why)
    else:
        _take(contract, arrival, day)


def _claiming(source: str, arrival: Arrival) -> tuple[Contract | None, str]:
    """The contract that claims a file, by its name or else by its content; if none, why."""
    known = contracts.of_source(source)
    claiming = [one for one in known if _is_claimed(one, arrival)]
    if len(claiming) > 1:
        names = ", ".join(one.feed for one in claiming)
        return None, f"More than one contract claims it ({names}); it waits."
    if claiming:
        return claiming[0], ""
    by_content = [one for one in known if one.is_by_content]
    if arrival.is_correction or not by_content:
        return None, "No contract claims a file of this name; it waits."
    with storage.local_copy(str(arrival.path)) as path:
        found = recognize.fit_contracts(by_content, path)
    if len(found.best) == 1:
        return found.best[0].contract, ""
    return None, recognize.explain(found)


def _is_claimed(contract: Contract, arrival: Arrival) -> bool:
    # A correction lies in a folder named after its feed; its own name says nothing.
    if arrival.is_correction:
        return bool(arrival.path.parent.name == contract.feed)
    return contract.claims(arrival.name)


def _take(contract: Contract, arrival: Arrival, day: date) -> None:
    """Archive one file and enter it, or find that its content is known."""
    source = contract.source_system
    archived, checksum = _archive(contract, arrival, day)
    if _changed(arrival):
        archived.unlink()
        why = "The file changed while it was read; it is landed when it rests."
        _report(source, arrival, "still_growing", why)
        return
    with warehouse.connect() as connection:
        connection.execute("select pg_advisory_xact_lock(hashtext(%s))", (checksum,))
        known = warehouse.query(
            connection,
            "landing/known_file",
            checksum,
            str(arrival.path),
            contract.told_by_name(arrival.place),
        )
        if known:
            file_id = int(known[0]["file_id"])
            _drop_copy(archived, known[0])
            if not known[0]["is_known_here"]:
                why = f"The file holds the same bytes as file {file_id}, landed before; it is not landed again."
                _report(source, arrival, "already_landed", why)
        else:
            file_id = _enter(connection, contract, arrival, checksum, str(archived), day)
        _sight(connection, source, arrival, file_id)
        warehouse.query(connection, "landing/close_file_issues", source, arrival.place)


def _archive(contract: Contract, arrival: Arrival, day: date) -> tuple[Any, str]:
    """Copy the file to the archive and take its checksum, in one reading.

    The copy's name follows from the file's place, size and time, so that a copy which a crash
    left behind is simply written again.
    """
    root = storage.at(settings.archive_root())
    folder = root / contract.source_system / contract.feed / f"{day:%Y/%m/%d}"
    folder.mkdir(parents=True, exist_ok=True)
    mark = hashlib.sha256(
        f"{arrival.path}|{arrival.size}|{arrival.modified_at}".encode()
    ).hexdigest()
    kept, digest = folder / f"{mark[:12]}-{arrival.name}", hashlib.sha256()
    with (
        arrival.path.open("rb") as came,
        kept.open("wb") as copy,
        ThreadPoolExecutor(1, "checksum") as beside,
    ):
        while chunk := came.read(storage.CHUNK):
            digested = beside.submit(digest.update, chunk)
            copy.write(chunk)
            digested.result()
    return kept, digest.hexdigest()


def _drop_copy(copy: Any, known: dict[str, Any]) -> None:
    if str(copy) != known["archive_path"]:
        copy.unlink()


def _enter(
    connection: Connection[Any],
    contract: Contract,
    arrival: Arrival,
    checksum: str,
    archived: str,
    day: date,
) -> int:
    entered = warehouse.query(
        connection, "landing/file", checksum, arrival.size, contract.source_system, contract.feed,
        arrival.place, archived, day, arrival.is_correction, claimhouse.__version__,
        contract.told_by_name(arrival.place),
    )  # fmt: skip
    log.info("%s: file %s landed, %s bytes", contract.name, entered[0]["file_id"], arrival.size)
    return int(entered[0]["file_id"])


def _sight(connection: Connection[Any], source: str, arrival: Arrival, file_id: int | None) -> None:
    path = str(arrival.path)
    warehouse.query(
        connection, "landing/sight", path, arrival.size, arrival.modified_at, source, file_id
    )


def _report(source: str, arrival: Arrival, rule: str, message: str) -> None:
    """One open issue for each file and rule, however often it is seen."""
    with warehouse.connect() as connection:
        warehouse.query(connection, "landing/report_file", source, arrival.place, rule, message)
    log.warning("%s: a file is reported: %s", source, rule)
