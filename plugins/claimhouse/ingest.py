"""The stages of one source system, from its files to the star: what the ingest DAG's tasks call.

Each function is a stage that can be killed and run again: the work left is read from the states
of batches in ``landing.batch`` and never passed between tasks.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from claimhouse import batches, checks, landing, star, storage, verification, warehouse
from claimhouse.reading import Unreadable

log = logging.getLogger(__name__)

# Groups of batches: Airflow maps a task over no more than 1,024, and each is a process of its own.
MOST_GROUPS = 32
# What verifying a file takes besides its bytes, in bytes.
COST_OF_A_FILE = 256 * 1024
# What is verified in the time that a task takes to start, in bytes.
SMALLEST_GROUP = 8 * 1024 * 1024
# Fewer rows are loaded into all facts in the time that tasks of the facts take to start.
SMALL_LOAD = 100_000
# How long a publication waits for loads of other sources, and how often it looks, in seconds.
LOADS_END_WITHIN, LOOK_SECONDS = 30.0, 0.5
DAMAGED = (
    "The archived copy of the file is {}, and the landing root has no file with its checksum. Nothing "
    "of it is loaded. Deliver the same file again, and check the disk of the archive."
)
NOT_READ_AGAIN = (
    "The contract has changed, and the batch cannot be read again: the archived copy of the file is {}, and "
    "the landing root has no file with its checksum. The batch keeps what it has. Deliver the same file "
    "again, then run claimhouse reverify."
)


def land(system: str) -> list[int]:
    """Land a source's new files, and create the source tables of its contracts.

    Returns:
        The batches to verify: those that have landed, and those to read again because their contract
        has changed.

    Raises:
        claimhouse.star.MappingError: a mapping file does not fit its target; nothing has landed.
    """
    verification.ensure_tables(system)
    with warehouse.connect() as connection:
        star.check_mappings(connection, system)
    landed = landing.land(system)
    return [*landed, *verification.to_read_again(system)]


def begin(system: str) -> list[list[int]]:
    """Land a source's new files: see :func:`land`.

    Returns:
        The batches to verify, see :func:`in_groups`. Where there are none, those that an earlier run left
        on their way to the star. None if there is nothing to do at all.
    """
    return in_groups(land(system) or _waiting(system) or _to_check_again(system))


def in_groups(batch_ids: Sequence[int]) -> list[list[int]]:
    """Divide batches for the scheduler: neighbors together, by the size of their files.

    Returns:
        At most :data:`MOST_GROUPS` groups, none of them smaller than need be; a file that is larger than a
        group's share is alone.
    """
    with warehouse.connect() as connection:
        rows = warehouse.query(connection, "batches/sizes", list(batch_ids))
    costs = [(int(row["batch_id"]), int(row["size_bytes"]) + COST_OF_A_FILE) for row in rows]
    # Any two neighboring groups are together larger than a share.
    share = max(SMALLEST_GROUP, 2 * sum(cost for _, cost in costs) / (MOST_GROUPS - 1))
    groups: list[list[int]] = []
    filled = share
    for batch_id, cost in costs:
        if filled + cost > share:
            groups.append([])
            filled = 0
        groups[-1].append(batch_id)
        filled += cost
    return groups


def named(batch_ids: Sequence[int]) -> str:
    """What a group of batches is called."""
    low, high = min(batch_ids), max(batch_ids)
    return f"batch {low}" if low == high else f"batches {low}-{high}"


def verify(batch_id: int) -> str:
    """Verify one batch and load what it accepts: see :func:`verification.verify_batch`.

    An archived file that is not the one that landed is restored from the landing root; where that
    is impossible the batch is rejected, or keeps what it has.
    """
    try:
        return verification.verify_batch(batch_id)
    except storage.Damaged as error:
        if landing.restore(batch_id):
            return verification.verify_batch(batch_id)
        state = verification.reject_batch(
            batch_id, Unreadable("archive_damaged", DAMAGED.format(error))
        )
        if state == "rejected":
            return state
        return verification.keep_unread(batch_id, NOT_READ_AGAIN.format(error))


def verify_group(batch_ids: Sequence[int]) -> list[str]:
    """Verify batches one after the other; what is wrong with one does not keep the others.

    Returns:
        The states of the batches.

    Raises:
        ExceptionGroup: batches could not be verified; all others are.
    """
    states = []
    errors: dict[int, Exception] = {}
    for batch_id in batch_ids:
        try:
            states.append(verify(batch_id))
        except Exception as error:
            log.error("batch %s could not be verified: %s", batch_id, type(error).__name__)
            errors[batch_id] = error
    if errors:
        which = ", ".join(map(str, errors))
        summary = f"{len(errors)} of {len(batch_ids)} batches could not be verified: {which}"
        raise ExceptionGroup(summary, list(errors.values()))
    return states


def check(system: str) -> list[int]:
    """Set undeclared reversals aside, close the issues that new batches resolve, and run the Soda checks of each.

    Returns:
        The batches that may be loaded.

    Raises:
        claimhouse.checks.ChecksFailed: a check of severity error failed; its batch is held.
    """
    verification.index(system)
    return _check(system)


def load(system: str) -> list[str]:
    """Begin a load of the checked batches: bring the dimensions up to date, and for a small load the facts.

    Returns:
        The facts that are left to load: all of a large load, none of a small one.

    Raises:
        ExceptionGroup: facts could not be loaded; all others are.
    """
    load_dimensions(system)
    facts = star.fact_tables(system)
    if _rows(_loading(system)) >= SMALL_LOAD:
        return facts
    load_facts(system, facts)
    return []


def _rows(batch_ids: Sequence[int]) -> int:
    """The accepted rows of batches."""
    with warehouse.connect() as connection:
        (rows,) = warehouse.query(connection, "batches/rows_accepted", list(batch_ids))
    return int(rows["rows_accepted"])


def load_dimensions(system: str) -> None:
    """Begin a load of the checked batches, and bring the dimensions up to date.

    A batch that is released while the load runs waits for the next load.

    Raises:
        claimhouse.star.MappingError: a mapping gives rows twice or without a key; the star is as it was.
    """
    with warehouse.connect() as connection:
        warehouse.query(connection, "batches/begin_load", system)
    # In its own transaction: its lock would block the loads of other sources.
    with warehouse.connect() as connection:
        warehouse.run(connection, "batches/analyze_batch")
    with warehouse.connect() as connection:
        star.create_mappings(connection, system)
    loading = _loading(system)
    with warehouse.connect() as connection:
        star.check_mapped_rows(connection, system, loading)
    _rebuild(system, loading)
    star.load_dimensions_in_parts(system, loading)


def _rebuild(system: str, loading: Sequence[int]) -> None:
    """Load all of a source's star anew where rows have left its batches, or are others, that it has."""
    with warehouse.connect() as connection:
        if warehouse.query(connection, "batches/lost_rows", system, list(loading)):
            log.warning(
                "%s: rows have left batches that were loaded; its star is built anew", system
            )
            star.rebuild(connection, system, loading)
            warehouse.query(connection, "batches/rebuilt", system, list(loading))


def load_facts(system: str, facts: Sequence[str]) -> None:
    """Load the batches of the load into *facts*, one after the other; one that fails keeps no other from loading.

    Raises:
        ExceptionGroup: facts could not be loaded; all others are.
    """
    errors = []
    for fact in facts:
        try:
            load_fact(system, fact)
        except Exception as error:
            log.error("%s of %s could not be loaded: %s", fact, system, type(error).__name__)
            errors.append(error)
    if errors:
        raise ExceptionGroup(f"{len(errors)} of {len(facts)} facts could not be loaded", errors)


def load_fact(system: str, fact: str) -> None:
    """Load the batches of the load into one fact."""
    star.load_fact_in_parts(system, fact, _loading(system))


def end(system: str) -> list[int]:
    """End a load: see :func:`check_star` and :func:`finish`."""
    check_star(system)
    return finish(system)


def check_star(system: str) -> None:
    """Run the Soda checks of the star on what was loaded; on all of it where that takes less time.

    Raises:
        claimhouse.checks.ChecksFailed: a check of severity error failed.
    """
    loading = _loading(system)
    is_large = _rows(loading) * star.LOOK_UP_ROWS > _rows(_batches(system, "loaded"))
    checks.scan_star(system, loading, everything=is_large)


def audit(system: str) -> bool:
    """Run the Soda checks on all of a source's rows in the star.

    Returns:
        False where they did not run: before the first load, and while a load runs.

    Raises:
        claimhouse.checks.ChecksFailed: a check of severity error failed.
    """
    if _loading(system) or not _batches(system, "loaded"):
        return False
    checks.scan_star(system, everything=True)
    return True


def finish(system: str) -> list[int]:
    """End the load: mark its batches loaded.

    Returns:
        The batches that are now in the star.
    """
    loaded = _loading(system)
    with warehouse.connect() as connection:
        star.finish(star.Load(connection, system, loaded))
    return loaded


def await_loads(seconds: float = LOADS_END_WITHIN) -> bool:
    """Wait until no batch is on its way to the star: sources that end together are published together.

    Args:
        seconds: for how long at most. Batches that have not moved for a while are not waited for.

    Returns:
        Whether no batch is on its way.
    """
    give_up = time.monotonic() + seconds
    with warehouse.connect() as connection:
        connection.autocommit = True
        while warehouse.query(connection, "batches/on_their_way"):
            if time.monotonic() > give_up:
                return False
            time.sleep(LOOK_SECONDS)
    return True


def run(system: str) -> dict[str, float]:
    """Run all stages of one source in this process, without Airflow.

    Returns:
        The seconds that each stage took, by its name.
    """
    seconds = {}
    for name, stage in stages(system):
        started = time.perf_counter()
        stage()
        seconds[name] = time.perf_counter() - started
    return seconds


def stages(system: str) -> list[tuple[str, Callable[[], object]]]:
    """The stages of one source in their order, each with its name: a stage is run before the next one."""
    landed: list[int] = []

    def verify_all() -> None:
        with ThreadPoolExecutor(2) as workers:  # in parallel, like the scheduler
            list(workers.map(verify, landed))

    def load_each() -> None:
        for fact in star.fact_tables(system):
            load_fact(system, fact)

    return [
        ("landing", lambda: landed.extend(land(system))),
        ("verification", verify_all),
        ("indexes", lambda: verification.index(system)),
        ("checks", lambda: _check(system)),
        ("dimensions", lambda: load_dimensions(system)),
        ("facts", load_each),
        ("star checks", lambda: check_star(system)),
        ("finish", lambda: finish(system)),
    ]


def _check(system: str) -> list[int]:
    """:func:`check`, once the rows are indexed."""
    reopened = verification.reopen_issues(system)
    if waiting := _batches(system, "verified"):
        withdrawn = verification.set_reversals_aside(waiting)
        verification.close_issues(sorted({*waiting, *withdrawn, *reopened}))
        checks.scan_batches(system, waiting)
    _check_again(system, waiting)
    return _batches(system, "checked")


def _check_again(system: str, waiting: Sequence[int]) -> None:
    """Check held batches again of which a check could not be run: somebody may have mended it."""
    if again := [batch_id for batch_id in _to_check_again(system) if batch_id not in waiting]:
        try:
            checks.scan_batches(system, again)
        except (checks.ChecksFailed, checks.ScanBroken) as error:
            log.warning("%s: batches stay held: %s", system, error)


def _to_check_again(system: str) -> list[int]:
    """The held batches of which a check could not be run."""
    with warehouse.connect() as connection:
        rows = warehouse.query(connection, "batches/held_by_broken_checks", system)
    return [int(row["batch_id"]) for row in rows]


def _batches(system: str, state: str) -> list[int]:
    with warehouse.connect() as connection:
        return batches.in_state(connection, system, state)


def _waiting(system: str) -> list[int]:
    """The batches that an earlier run left on their way to the star."""
    with warehouse.connect() as connection:
        rows = warehouse.query(connection, "batches/waiting", system)
    return [int(row["batch_id"]) for row in rows]


def _loading(system: str) -> list[int]:
    """The batches of the load in progress, which :func:`load_dimensions` began."""
    with warehouse.connect() as connection:
        rows = warehouse.query(connection, "batches/batches_loading", system)
    return [int(row["batch_id"]) for row in rows]
