"""Files of the landing root matched with a contract, archived unchanged and entered in the manifest.

A file is identified by its checksum: the same bytes land once, whatever their name. Files stay
where they are; those seen are remembered by path, size and modification time.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from psycopg import Connection

import claimhouse
from claimhouse import batches, contracts, settings, storage, warehouse
from claimhouse.contracts import Contract
from claimhouse.landing import archive, arrivals
from claimhouse.landing.archive import CannotBeRead, Copy
from claimhouse.landing.arrivals import Arrival, Listing
from claimhouse.storage import Kind
from claimhouse.verification import explain, fit_contracts

log = logging.getLogger(__name__)

# Why something below the landing root is not read, and what to do: rule and message.
NOT_READ = {
    Kind.LINK: ("not_a_plain_file", "A symbolic link is not followed. Deliver the file itself."),
    Kind.SPECIAL: ("not_a_plain_file", "A pipe, socket or device is not read. Deliver a file."),
    Kind.TOO_DEEP: (
        "cannot_be_read",
        f"Folders nested more than {storage.MOST_FOLDERS} deep are not read. Deliver the files further up.",
    ),
    Kind.UNREADABLE: (
        "cannot_be_read",
        "The folder cannot be read. Let the account of Claimhouse read it.",
    ),
}


@dataclass(frozen=True)
class _Run:
    """One run of landing: its connection, in which each statement outside of a block is a transaction.

    Attributes:
        day: on which its files count as received.
        reported: the rules and places of the issues it reported.
    """

    connection: Connection[Any]
    source: str
    day: date
    reported: set[str] = field(default_factory=set)


def land(source: str, received: date | None = None) -> list[int]:
    """Land every new file of a source.

    What is wrong with one file is an issue of that file, and the others land. Two calls for one
    source do not overlap: the second waits.

    Args:
        source: the source system, and so the folder below the landing root.
        received: the day on which the files count as received; today (UTC) by default.

    Returns:
        The batches to verify, in the order of their files: those just landed, and those that
        an earlier, interrupted run left.

    Raises:
        claimhouse.warehouse.WarehouseError: the warehouse could not be reached or refused.
        OSError: the landing root cannot be listed, or the archive not written.
    """
    contracts.of_source(source)  # a broken contract is no fault of a file
    with warehouse.connect() as connection:
        connection.autocommit = True
        _alone(connection, source)
        listing = arrivals.of_source(source)
        _land(_Run(connection, source, received or datetime.now(UTC).date()), listing)
        return batches.in_state(connection, source, "landed")


def report_unclaimed() -> list[str]:
    """Report files in folders that belong to no source system.

    Files of known source systems are reported by their own DAGs.

    Returns:
        The folders concerned, without file names (they may hold a person's name).
    """
    known = {*contracts.sources(), "archive", "corrections"}
    folders = []
    with warehouse.connect() as connection:
        connection.autocommit = True
        for name in storage.names(settings.landing_root()):
            if name in known:
                continue
            run = _Run(connection, storage.shown(name), datetime.now(UTC).date())
            listing = arrivals.in_folder(name)
            for arrival in _unseen(run, listing.files):
                why = "No source system has this folder's name; the file waits."
                _report(run, arrival.place, "unclaimed_file", why)
            _report_others(run, listing)
            if listing.files:
                folders.append(run.source)
    return folders


def _alone(connection: Connection[Any], source: str) -> None:
    """Wait until no other run lands files of the source; the connection's end lets the next one in."""
    if not warehouse.query(connection, "landing/try_alone", source)[0]["is_alone"]:
        log.info("%s: another run lands its files; waiting for it", source)
        warehouse.query(connection, "landing/alone", source)


def _land(run: _Run, listing: Listing) -> None:
    complete, growing = arrivals.settled(listing.files)
    for arrival in growing:
        why = "The file was still being written; it is landed when it is complete."
        _report(run, arrival.place, "still_growing", why)
    unseen = _unseen(run, complete)
    for arrival in sorted(unseen, key=lambda arrival: (arrival.name, arrival.modified_at)):
        try:
            _land_one(run, arrival)
        except CannotBeRead as error:
            _report(run, arrival.place, "cannot_be_read", str(error))
    _report_others(run, listing)


def _report_others(run: _Run, listing: Listing) -> None:
    """Report what is not read, and close the reports of what is no longer there."""
    for place in listing.unfinished:
        why = "Its name says that it is still being written; it is landed under its final name."
        _report(run, place, "still_growing", why)
    for place, kind in listing.others.items():
        _report(run, place, *NOT_READ[kind])
    warehouse.query(run.connection, "landing/close_gone", run.source, sorted(run.reported))


def _unseen(run: _Run, files: list[Arrival]) -> list[Arrival]:
    """The files that have not landed; one without a contract has not, as a contract may exist now."""
    rows = warehouse.query(run.connection, "landing/sightings", run.source)
    seen = {(row["path"], row["size_bytes"], row["modified_at"]) for row in rows}
    return [file for file in files if (file.path, file.size, file.modified_at) not in seen]


def _land_one(run: _Run, arrival: Arrival) -> None:
    """Land one file.

    Raises:
        CannotBeRead: it cannot be read.
    """
    known = contracts.of_source(run.source)
    named = [contract for contract in known if _is_of(contract, arrival)]
    by_content = [contract for contract in known if contract.is_by_content]
    if len(named) > 1:
        names = ", ".join(contract.feed for contract in named)
        why = f"More than one contract matches the file's name ({names}); it waits."
        _report(run, arrival.place, "unclaimed_file", why)
    elif not named and (arrival.is_correction or not by_content):
        why = "No contract matches the file's name; it waits."
        _report(run, arrival.place, "unclaimed_file", why)
    else:
        with archive.copied(arrival) as copy:
            contract, why = (named[0], "") if named else _recognized(by_content, copy)
            if contract is None:
                _report(run, arrival.place, "unclaimed_file", why)
            else:
                _take(run, contract, arrival, copy)


def _recognized(by_content: list[Contract], copy: Copy) -> tuple[Contract | None, str]:
    """The contract of a file by its content; if there is none, why."""
    try:
        recognition = fit_contracts(by_content, copy.path)
    except Exception as error:
        log.exception("a file cannot be recognized")
        raise CannotBeRead(
            f"The file cannot be recognized ({type(error).__name__}). Ask its sender for a file "
            "that opens, and tell who maintains Claimhouse."
        ) from None
    if len(recognition.best) == 1:
        return recognition.best[0].contract, ""
    return None, explain(recognition)


def _is_of(contract: Contract, arrival: Arrival) -> bool:
    """Whether the file is the contract's by name; a correction is in a folder named after its feed."""
    if arrival.is_correction:
        return arrival.folders[-1:] == (contract.feed,)
    return contract.claims(arrival.name)


def _take(run: _Run, contract: Contract, arrival: Arrival, copy: Copy) -> None:
    """Archive one file and enter it, unless its content has landed before."""
    if arrivals.has_changed(arrival):
        why = "The file changed while it was read; it is landed when it is complete."
        _report(run, arrival.place, "still_growing", why)
        return
    from_name = contract.told_by_name(arrival.place)
    with run.connection.transaction():
        # A file may lie in the folders of two sources.
        run.connection.execute("select pg_advisory_xact_lock(hashtext(%s))", (copy.checksum,))
        known = warehouse.query(
            run.connection, "landing/known_file", copy.checksum, arrival.path, from_name
        )
        if known:
            file_id = int(known[0]["file_id"])
            if not known[0]["is_known_here"] and contract.fetch_connection is None:
                why = f"The file has the same content as file {file_id}; it is not landed again."
                _report(run, arrival.place, "already_landed", why)
        else:
            file_id = _enter(run, contract, arrival, copy)
        _sight(run, arrival, file_id)
        warehouse.query(run.connection, "landing/close_file_issues", run.source, arrival.place)


def _enter(run: _Run, contract: Contract, arrival: Arrival, copy: Copy) -> int:
    archived = archive.store(copy, contract, arrival, run.day)
    rows = warehouse.query(
        run.connection, "landing/file", copy.checksum, copy.size, contract.source_system,
        contract.feed, arrival.place, archived, run.day, arrival.is_correction,
        claimhouse.__version__, contract.told_by_name(arrival.place),
    )  # fmt: skip
    log.info("%s: file %s landed, %s bytes", contract.name, rows[0]["file_id"], copy.size)
    return int(rows[0]["file_id"])


def _sight(run: _Run, arrival: Arrival, file_id: int) -> None:
    warehouse.query(
        run.connection,
        "landing/sight",
        arrival.path,
        arrival.size,
        arrival.modified_at,
        run.source,
        file_id,
    )


def _report(run: _Run, place: str, rule: str, message: str) -> None:
    """One open issue for each file and rule, however often it is seen."""
    run.reported.add(f"{rule} {place}")
    warehouse.query(run.connection, "landing/report_file", run.source, place, rule, message)
    log.warning("%s: reported a file: %s", run.source, rule)
