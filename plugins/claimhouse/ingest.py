"""The stages of one source system, from its files to the star: what the ingest DAG's tasks call.

Each function is a stage that can be killed and run again: the work left is read from the states
of batches in ``landing.batch`` and never passed between tasks.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date

from claimhouse import batches, checks, landing, star, verification, warehouse


def land(system: str, received: date | None = None) -> list[int]:
    """Land a source's new files, and create the source tables of its contracts.

    Returns:
        The batches to verify.
    """
    verification.ensure_tables(system)
    return landing.land(system, received)


def verify(batch_id: int) -> str:
    """Verify one batch and load what it accepts: see :func:`verification.verify_batch`."""
    return verification.verify_batch(batch_id)


def check(system: str) -> list[int]:
    """Close the issues that new batches resolve, and run the Soda checks of each.

    Returns:
        The batches that may be loaded.

    Raises:
        claimhouse.checks.ChecksFailed: a check of severity error failed; its batch is held.
    """
    verification.index(system)
    return _check(system)


def load_dimensions(system: str) -> None:
    """Begin a load of the checked batches, and bring the dimensions up to date.

    A batch that is released while the load runs waits for the next load.
    """
    with warehouse.connect() as connection:
        warehouse.query(connection, "batches/begin_load", system)
    # In its own transaction: its lock would block the loads of other sources.
    with warehouse.connect() as connection:
        warehouse.run(connection, "batches/analyze_batch")
    with warehouse.connect() as connection:
        star.create_mappings(connection, system)
    star.load_dimensions_in_parts(system, _loading(system))


def load_fact(system: str, fact: str) -> None:
    """Load the batches of the load into one fact."""
    star.load_fact_in_parts(system, fact, _loading(system))


def check_star(system: str) -> None:
    """Run the Soda checks of the star on what was loaded.

    Raises:
        claimhouse.checks.ChecksFailed: a check of severity error failed.
    """
    checks.scan_star(system, _loading(system))


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


def run(system: str, received: date | None = None) -> dict[str, float]:
    """Run all stages of one source in this process, without Airflow.

    Returns:
        The seconds that each stage took, by its name.
    """
    seconds: dict[str, float] = {}

    def timed(stage: str, started: float) -> float:
        seconds[stage] = time.perf_counter() - started
        return time.perf_counter()

    clock = time.perf_counter()
    landed = land(system, received)
    clock = timed("landing", clock)
    with ThreadPoolExecutor(2) as workers:  # in parallel, like the scheduler
        list(workers.map(verify, landed))
    clock = timed("verification", clock)
    verification.index(system)
    clock = timed("indexes", clock)
    _check(system)
    clock = timed("checks", clock)
    load_dimensions(system)
    clock = timed("dimensions", clock)
    for fact in star.fact_tables(system):
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
    """The batches of the load in progress, which :func:`load_dimensions` began."""
    with warehouse.connect() as connection:
        rows = warehouse.query(connection, "batches/batches_loading", system)
    return [int(row["batch_id"]) for row in rows]
