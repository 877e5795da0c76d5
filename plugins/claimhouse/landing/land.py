"""Files of the landing root matched with a contract, archived unchanged and entered in the manifest.

A file is identified by its checksum: the same bytes land once, whatever their name. Files stay
where they are; those seen are remembered by path, size and modification time.
"""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime
from typing import Any

from psycopg import Connection

import claimhouse
from claimhouse import batches, contracts, settings, storage, warehouse
from claimhouse.contracts import Contract
from claimhouse.landing import archive, arrivals
from claimhouse.landing.arrivals import Arrival
from claimhouse.verification import explain, fit_contracts

log = logging.getLogger(__name__)


def land(source: str, received: date | None = None) -> list[int]:
    """Land every new file of a source.

    Args:
        source: the source system, and so the folder below the landing root.
        received: the day on which the files count as received; today (UTC) by default.

    Returns:
        The batches to verify, in the order of their files: those just landed, and those that
        an earlier, interrupted run left.
    """
    day = received or datetime.now(UTC).date()
    complete, growing = arrivals.settled(arrivals.of_source(source))
    for arrival in growing:
        why = "The file was still being written; it is landed when it is complete."
        _report(source, arrival, "still_growing", why)
    for arrival in sorted(complete, key=lambda arrival: (arrival.name, arrival.modified_at)):
        _land_one(source, arrival, day)
    with warehouse.connect() as connection:
        return batches.in_state(connection, source, "landed")


def report_unclaimed() -> list[str]:
    """Report files in folders that belong to no source system.

    Files of known source systems are reported by their own DAGs.

    Returns:
        The folders concerned, without file names (they may hold a person's name).
    """
    known = {*contracts.sources(), "archive", "corrections"}
    folders = []
    for folder in sorted(storage.at(settings.landing_root()).iterdir(), key=str):
        if folder.name in known or not folder.is_dir():
            continue
        waiting = list(arrivals.files_in(folder))
        for arrival in waiting:
            if not _seen(folder.name, arrival):
                why = "No source system has this folder's name; the file waits."
                _report(folder.name, arrival, "unclaimed_file", why)
        if waiting:
            folders.append(folder.name)
    return folders


def _seen(source: str, arrival: Arrival) -> bool:
    """Whether the file has landed; one without a contract has not, as a contract may exist now."""
    with warehouse.connect() as connection:
        rows = warehouse.query(
            connection, "landing/sighting",
            str(arrival.path), arrival.size, arrival.modified_at, source,
        )  # fmt: skip
    return bool(rows)


def _land_one(source: str, arrival: Arrival, day: date) -> None:
    if _seen(source, arrival):
        return
    contract, why = _contract_of(source, arrival)
    if contract is None:
        _report(source, arrival, "unclaimed_file", why)
    else:
        _take(contract, arrival, day)


def _contract_of(source: str, arrival: Arrival) -> tuple[Contract | None, str]:
    """The contract of a file, by its name or else by its content; if there is none, why."""
    known = contracts.of_source(source)
    by_name = [contract for contract in known if _is_of(contract, arrival)]
    if len(by_name) > 1:
        names = ", ".join(contract.feed for contract in by_name)
        return None, f"More than one contract matches the file's name ({names}); it waits."
    if by_name:
        return by_name[0], ""
    by_content = [contract for contract in known if contract.is_by_content]
    if arrival.is_correction or not by_content:
        return None, "No contract matches the file's name; it waits."
    with storage.local_copy(str(arrival.path)) as path:
        recognition = fit_contracts(by_content, path)
    if len(recognition.best) == 1:
        return recognition.best[0].contract, ""
    return None, explain(recognition)


def _is_of(contract: Contract, arrival: Arrival) -> bool:
    """Whether the file is the contract's by name; a correction is in a folder named after its feed."""
    if arrival.is_correction:
        return bool(arrival.path.parent.name == contract.feed)
    return contract.claims(arrival.name)


def _take(contract: Contract, arrival: Arrival, day: date) -> None:
    """Archive one file and enter it, unless its content has landed before."""
    source = contract.source_system
    archived, checksum = archive.copy(contract, arrival, day)
    if arrivals.has_changed(arrival):
        archived.unlink()
        why = "The file changed while it was read; it is landed when it is complete."
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
            archive.drop(archived, known[0])
            if not known[0]["is_known_here"]:
                why = f"The file has the same content as file {file_id}; it is not landed again."
                _report(source, arrival, "already_landed", why)
        else:
            file_id = _enter(connection, contract, arrival, checksum, str(archived), day)
        _sight(connection, source, arrival, file_id)
        warehouse.query(connection, "landing/close_file_issues", source, arrival.place)


def _enter(
    connection: Connection[Any],
    contract: Contract,
    arrival: Arrival,
    checksum: str,
    archived: str,
    day: date,
) -> int:
    rows = warehouse.query(
        connection, "landing/file", checksum, arrival.size, contract.source_system, contract.feed,
        arrival.place, archived, day, arrival.is_correction, claimhouse.__version__,
        contract.told_by_name(arrival.place),
    )  # fmt: skip
    log.info("%s: file %s landed, %s bytes", contract.name, rows[0]["file_id"], arrival.size)
    return int(rows[0]["file_id"])


def _sight(connection: Connection[Any], source: str, arrival: Arrival, file_id: int | None) -> None:
    path = str(arrival.path)
    warehouse.query(
        connection, "landing/sight", path, arrival.size, arrival.modified_at, source, file_id
    )


def _report(source: str, arrival: Arrival, rule: str, message: str) -> None:
    """One open issue for each file and rule, however often it is seen."""
    with warehouse.connect() as connection:
        warehouse.query(connection, "landing/report_file", source, arrival.place, rule, message)
    log.warning("%s: reported a file: %s", source, rule)
