"""The main line of one source, from its files to the star: what the ingest DAG's tasks call.

Each function is a stage that can be killed and run again; what is left to do is read from
the batches' states in ``landing.batch``, never handed from task to task.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date

from claimhouse import batches, checks, landing, star, verification, warehouse


def land(system: str, received: date | None = None) -> list[int]:
    """Land a source's new files and lay the tables its contracts ask for.

    Returns:
        The batches to verify.
    """
    verification.ensure_tables(system)
    return landing.land(system, received)


def verify(batch_id: int) -> str:
    """Verify one batch and take in what it accepts; see :func:`claimhouse.source.take_in`."""
    return verification.verify_batch(batch_id)


def check(system: str) -> list[int]:
    """Close what the new batches resolve, and hold each of them against its Soda checks.

    Returns:
        The batches now fit to be loaded.

    Raises:
        claimhouse.checks.ChecksFailed: a check of severity error failed; its batch is held.
    """
    verification.index(system)
    return _check(system)


def load_dimensions(system: str) -> None:
    """Begin a load of the batches that are fit for it, and bring the dimensions up to them.

    A batch that a reviewer releases while the load runs waits for the next one.
    """
    with warehouse.connect() as connection:
        warehouse.query(connection, "batches/begin_load", system)
    # A transaction of its own: its lock would make the loads of other sources wait.
    with warehouse.connect() as connection:
        warehouse.run(connection, "batches/analyze_batch")
    with warehouse.connect() as connection:
        star.create_mappings(connection, system)
    star.load_dimensions_in_parts(system, _loading(system))


def load_fact(system: str, fact: str) -> None:
    """Bring one fact up to the batches of the load."""
    star.load_fact_in_parts(system, fact, _loading(system))


def check_star(system: str) -> None:
    """Hold the star against its Soda checks.

    Raises:
        claimhouse.checks.ChecksFailed: a check of severity error failed.
    """
    checks.scan_star(system, _loading(system))


def audit(system: str) -> bool:
    """Hold all of a source's star against its Soda checks, whatever was loaded when.

    Returns:
        Whether it was looked at: not before the first load, and not while one runs.

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
        star.finish(connection, system, loaded)
    return loaded


def run(system: str, received: date | None = None) -> dict[str, float]:
    """The whole line of one source in this process, without Airflow.

    Returns:
        The seconds each stage took, by its name.
    """
    seconds: dict[str, float] = {}

    def timed(stage: str, started: float) -> float:
        seconds[stage] = time.perf_counter() - started
        return time.perf_counter()

    clock = time.perf_counter()
    batches = land(system, received)
    clock = timed("landing", clock)
    # Side by side, as the scheduler would.
    with ThreadPoolExecutor(2) as both:
        list(both.map(verify, batches))
    clock = timed("verification", clock)
    verification.index(system)
    clock = timed("indexes", clock)
    _check(system)
    clock = timed("checks", clock)
    load_dimensions(system)
    clock = timed("dimensions", clock)
    for fact in star.facts(system):
        load_fact(system, fact)
    clock = timed("facts", clock)
    check_star(system)
    clock = timed("star checks", clock)
    finish(system)
    timed("finish", clock)
    return seconds


def _check(system: str) -> list[int]:
    """:func:`check`, once the rows are indexed."""
    if waiting := _batches(system, "verified"):
        verification.close_issues(waiting)
        checks.scan_batches(system, waiting)
    return _batches(system, "checked")


def _batches(system: str, state: str) -> list[int]:
    with warehouse.connect() as connection:
        return batches.in_state(connection, system, state)


def _loading(system: str) -> list[int]:
    """The batches of the load that :func:`load_dimensions` began."""
    with warehouse.connect() as connection:
        found = warehouse.query(connection, "batches/batches_loading", system)
    return [int(row["batch_id"]) for row in found]
