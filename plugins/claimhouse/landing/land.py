"""Files of the landing root matched with a contract, archived unchanged and entered in the manifest.

A delivery is what arrived at one path at one time: files stay where they are, and those seen are
remembered by path, size and modification time. :mod:`deliveries` says which of them are new.
"""

from __future__ import annotations

import functools
import logging
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from psycopg import Connection

from claimhouse import batches, contracts, settings, storage, warehouse
from claimhouse.contracts import Contract, FileOrder, share_files
from claimhouse.landing import archive, arrivals, corrections, deliveries, order, rejected
from claimhouse.landing.archive import CannotBeRead, Copy
from claimhouse.landing.arrivals import Arrival, Listing
from claimhouse.landing.deliveries import Content, Entered
from claimhouse.landing.order import Delivery
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
        reported: the rules and places of the issues it reported.
        landed: the feeds that each file which was seen before has landed for, where several share files.
    """

    connection: Connection[Any]
    source: str
    reported: set[str] = field(default_factory=set)
    landed: dict[tuple[str, int, datetime], set[str]] = field(default_factory=dict)

    def has(self, contract: Contract, arrival: Arrival) -> bool:
        """Whether a file has landed for a feed already: not for one whose contract is new."""
        return contract.feed in self.landed.get(_sighting(arrival), ())


def land(source: str) -> list[int]:
    """Land every new file of a source.

    What is wrong with one file is an issue of that file, and the others land. Two calls for one
    source do not overlap: the second waits.

    Args:
        source: the source system, and so the folder below the landing root.

    Returns:
        The batches to verify, in the order of their files: those just landed, and those that
        an earlier, interrupted run left.

    Raises:
        claimhouse.warehouse.WarehouseError: the warehouse could not be reached or refused.
        OSError: the landing root cannot be listed, or the archive not written.
    """
    known = contracts.of_source(source)  # a broken contract is no fault of a file
    with warehouse.connect() as connection:
        connection.autocommit = True
        _alone(connection, source)
        corrections.write_missing(connection, source)
        listing = arrivals.of_source(source)
        rejected.move(connection, source, known)
        for contract in known:
            _reorder(connection, contract)
            _reopen(connection, contract)
        _land(_Run(connection, source), listing)
        return batches.in_state(connection, source, "landed")


def report_unclaimed() -> list[str]:
    """Report files in folders that belong to no source system.

    Files of known source systems are reported by their own DAGs.

    Returns:
        The folders concerned, without file names (they may hold a person's name).
    """
    known = {*contracts.sources(), "archive", "corrections", settings.UPLOADS}
    folders = []
    with warehouse.connect() as connection:
        connection.autocommit = True
        for name in storage.names(settings.landing_root()):
            if name in known:
                continue
            run = _Run(connection, storage.shown(name))
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
    for arrival in sorted(unseen, key=_rank):
        try:
            _land_one(run, arrival)
        except CannotBeRead as error:
            _report(run, arrival.place, "cannot_be_read", str(error))
    _report_others(run, listing)


def _rank(arrival: Arrival) -> str:
    """Where a file stands as long as its contract is not known."""
    return order.place(FileOrder(), Delivery(0, arrival.place, arrival.modified_at))


def _reorder(connection: Connection[Any], contract: Contract) -> None:
    with connection.transaction():
        count = deliveries.reorder(connection, contract)
    if count:
        log.info("%s: fileOrder has changed; %s deliveries are reordered", contract.name, count)


def _reopen(connection: Connection[Any], contract: Contract) -> None:
    with connection.transaction():
        count = rejected.reopen(connection, contract)
    if count:
        log.info(
            "%s: the contract has changed; %s rejected files are read again", contract.name, count
        )


def _report_others(run: _Run, listing: Listing) -> None:
    """Report what is not read, and close the reports of what is no longer there."""
    for place in listing.unfinished:
        why = "Its name says that it is still being written; it is landed under its final name."
        _report(run, place, "still_growing", why)
    for place, kind in listing.others.items():
        _report(run, place, *NOT_READ[kind])
    warehouse.query(run.connection, "landing/close_gone", run.source, sorted(run.reported))


def _unseen(run: _Run, files: list[Arrival]) -> list[Arrival]:
    """The files that have not landed; one without a contract has not, as a contract may exist now.

    Of files that several feeds read, those that have not landed for all of them.
    """
    rows = warehouse.query(run.connection, "landing/sightings", run.source)
    seen = {(row["path"], row["size_bytes"], row["modified_at"]) for row in rows}
    groups = _sharing(run.source)
    if not groups:
        return [file for file in files if _sighting(file) not in seen]
    landed: dict[tuple[str, int], set[str]] = defaultdict(set)
    for row in warehouse.query(run.connection, "landing/feeds_of_files", run.source):
        landed[row["file_name"], row["size_bytes"]].add(row["feed"])
    for file in files:
        feeds = _feeds_of(groups, file)
        if feeds and _sighting(file) in seen:
            run.landed[_sighting(file)] = landed[file.place, file.size]
            if not feeds <= landed[file.place, file.size]:
                seen.remove(_sighting(file))
    return [file for file in files if _sighting(file) not in seen]


def _sighting(arrival: Arrival) -> tuple[str, int, datetime]:
    return arrival.path, arrival.size, arrival.modified_at


def _sharing(source: str) -> list[list[Contract]]:
    """The feeds of a source of which each reads a part of the same files."""
    by_pattern: dict[str, list[Contract]] = defaultdict(list)
    for contract in contracts.of_source(source) if source in contracts.sources() else ():
        by_pattern[contract.file_pattern].append(contract)
    return [feeds for feeds in by_pattern.values() if len(feeds) > 1 and share_files(feeds)]


def _feeds_of(groups: list[list[Contract]], arrival: Arrival) -> set[str]:
    """The feeds that share a file; none where there is only one."""
    if arrival.is_correction:
        return set()
    sharing = (feeds for feeds in groups if feeds[0].claims(arrival.name))
    return {contract.feed for contract in next(sharing, [])}


def _land_one(run: _Run, arrival: Arrival) -> None:
    """Land one file.

    Raises:
        CannotBeRead: it cannot be read.
    """
    known = contracts.of_source(run.source)
    named = [contract for contract in known if _is_of(contract, arrival)]
    by_content = [contract for contract in known if contract.is_by_content]
    if len(named) > 1 and not share_files(named):
        names = ", ".join(contract.feed for contract in named)
        why = f"More than one contract matches the file's name ({names}); it waits."
        _report(run, arrival.place, "unclaimed_file", why)
    elif not named and (arrival.is_correction or not by_content):
        why = "No contract matches the file's name; it waits."
        _report(run, arrival.place, "unclaimed_file", why)
    else:
        with archive.copied(arrival) as copy:
            why = ""
            if not named:
                contract, why = _recognized(by_content, copy)
                named = [contract] if contract else []
            if not named:
                _report(run, arrival.place, "unclaimed_file", why)
            else:
                _take(run, [each for each in named if not run.has(each, arrival)], arrival, copy)


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


def _take(run: _Run, feeds: list[Contract], arrival: Arrival, copy: Copy) -> None:
    """Archive one file and enter its delivery: one of each feed that reads a part of it."""
    if arrivals.has_changed(arrival):
        why = "The file changed while it was read; it is landed when it is complete."
        _report(run, arrival.place, "still_growing", why)
        return
    for contract in feeds:
        if not arrival.is_correction and order.lacks_number(contract.file_order, arrival.place):
            why = (
                f"The contract of {contract.name} orders its files by a number in their names, and this "
                "name has none; it waits. Rename it, or change fileOrder in the contract."
            )
            _report(run, arrival.place, "no_number_in_name", why)
            return
    now = datetime.now(UTC)
    arrived_at = order.credible(arrival.modified_at, now)
    # What one feed has stored is the archived copy of all.
    store = functools.cache(lambda: archive.store(copy, feeds[0], arrival, arrived_at.date()))
    content = Content(
        arrival.place, copy.size, copy.checksum, arrived_at, store, arrival.is_correction
    )
    with run.connection.transaction():
        was_here = warehouse.query(run.connection, "landing/seen_here", arrival.path, copy.checksum)
        numbers = [
            _enter(run, contract, arrival, content, now, was_here=bool(was_here))
            for contract in feeds
        ]
        _sight(run, arrival, numbers[0])
        warehouse.query(run.connection, "landing/close_file_issues", run.source, arrival.place)
    for contract, number in zip(feeds, numbers, strict=True):
        log.info("%s: file %s landed, %s bytes", contract.name, number, copy.size)


def _enter(
    run: _Run,
    contract: Contract,
    arrival: Arrival,
    content: Content,
    now: datetime,
    *,
    was_here: bool,
) -> int:
    """Enter the delivery of a file to a feed, and report what is doubtful; its number."""
    entered = deliveries.enter(run.connection, contract, content)
    if entered.repeats and not was_here and not _is_fetched(contract, arrival):
        why = f"The file has the same content as file {entered.repeats}; it is not landed again."
        _report(run, arrival.place, "already_landed", why)
    for rule, why in _doubts(contract, arrival, entered, now):
        _report(run, arrival.place, rule, why)
    return entered.number


def _is_fetched(contract: Contract, arrival: Arrival) -> bool:
    """Whether a fetch wrote the file: a day without change is no news to anybody."""
    name = rf"{re.escape(contract.feed)}_\d{{4}}-\d\d-\d\d\.csv"
    return contract.fetch_connection is not None and re.fullmatch(name, arrival.place) is not None


def _doubts(
    contract: Contract, arrival: Arrival, entered: Entered, now: datetime
) -> Iterator[tuple[str, str]]:
    """What is doubtful about the place of a file in the order: rules and messages."""
    if order.credible(arrival.modified_at, now) != arrival.modified_at:
        yield (
            "impossible_arrival",
            f"The file's modification time, {arrival.modified_at:%Y-%m-%d}, cannot be when it arrived; "
            "the time at which it landed counts. Ask the sender to set the clock.",
        )
    if not arrival.is_correction and order.lacks_date(contract.file_order, arrival.place):
        yield (
            "no_date_in_name",
            f"The contract of {contract.name} orders its files by a date in their names, and this name "
            "has none; the day of its arrival counts.",
        )
    if entered.doubt:
        yield "uncertain_file_order", entered.doubt


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
