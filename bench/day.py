"""What a day through Airflow costs: the tasks of a running system, by stage.

    make demo && python -m bench.day             all runs since the scheduler began
    python -m bench.day --since 2026-11-29T20:40 runs that began later

*waits* is the time from queued to begun, *start-up* from begun to the first line of the task's own code (its
process, its DAG, Airflow's own work), *work* the rest, all in seconds of all tasks of the stage together. The
last lines have the processor seconds of each part of the system since it began, those of ended tasks among the
scheduler's.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg
from local import places, processes, system, topology
from psycopg.rows import dict_row

TASKS = """
    select dag_id, run_id, task_id, map_index, try_number, state,
           extract(epoch from queued_dttm)::float as queued,
           extract(epoch from start_date)::float as began,
           extract(epoch from end_date)::float as ended
    from task_instance
    where start_date >= %s and queued_dttm is not null
    order by start_date
"""
RUNS = "select dag_id, count(*) as runs from dag_run where start_date >= %s group by 1 order by 1"


def main() -> None:
    """Parse the arguments, read, print the tables."""
    parser = argparse.ArgumentParser(prog="bench.day", description=__doc__.splitlines()[0])
    parser.add_argument("--since", type=datetime.fromisoformat, help="in UTC")
    given = parser.parse_args()
    scheduler = processes.find(topology.SCHEDULER, places.RUN)
    if scheduler is None:
        raise SystemExit("no system runs: make demo")
    since = (given.since or datetime.fromtimestamp(scheduler.create_time(), UTC)).replace(
        tzinfo=UTC
    )
    with psycopg.connect(_metadata(), row_factory=dict_row) as connection:
        tasks = connection.execute(TASKS, [since]).fetchall()
        runs = connection.execute(RUNS, [since]).fetchall()
    if not tasks:
        raise SystemExit(f"no task has begun since {since:%Y-%m-%d %H:%M} UTC")
    print("runs: " + ", ".join(f"{run['dag_id']} {run['runs']}" for run in runs) + "\n")
    _print_stages(tasks)
    print()
    for name, seconds in _processors():
        print(f"{name:<28} {seconds:>8.1f} processor seconds")


def _metadata() -> str:
    """The address of Airflow's database."""
    warehouse = system.running()
    assert warehouse is not None
    return warehouse.warehouse.replace("/warehouse", "/airflow", 1)


def _print_stages(tasks: list[dict[str, Any]]) -> None:
    """A line for each stage, one for all, and the time from the first task to the last."""
    stages: dict[str, list[dict[str, Any]]] = {}
    for task in tasks:
        dag_id = "ingest" if task["dag_id"].startswith("ingest_") else task["dag_id"]
        stages.setdefault(f"{dag_id}.{task['task_id']}", []).append(task)
    print(f"{'stage':<28} {'tasks':>6} {'waits':>8} {'start-up':>9} {'work':>8} {'share':>6}")
    for name, of_stage in stages.items():
        _print_line(name, of_stage)
    _print_line("all", tasks)
    ended = max(task["ended"] or task["began"] for task in tasks)
    print(f"from the first task to the last: {ended - tasks[0]['began']:.1f} s")


def _print_line(name: str, tasks: list[dict[str, Any]]) -> None:
    over = [task for task in tasks if task["ended"]]
    waits = sum(max(0.0, task["began"] - (task["queued"] or task["began"])) for task in over)
    starts = sum(_start_up(task) for task in over)
    runs = sum(task["ended"] - task["began"] for task in over)
    share = starts / runs if runs else 0
    print(
        f"{name:<28} {len(tasks):>6} {waits:>8.1f} {starts:>9.1f} {runs - starts:>8.1f} {share:>6.0%}"
    )


def _start_up(task: dict[str, Any]) -> float:
    """Seconds until a task's own code began, by its log; 0 where it left none."""
    log = _log(task)
    if not log.exists():
        return 0.0
    for line in log.read_text(errors="replace").splitlines():
        if '"::endgroup::"' in line:
            stamp = datetime.fromisoformat(json.loads(line)["timestamp"]).timestamp()
            return max(0.0, stamp - float(task["began"]))
    return 0.0


def _log(task: dict[str, Any]) -> Path:
    folder = system.task_logs() / f"dag_id={task['dag_id']}" / f"run_id={task['run_id']}"
    folder /= f"task_id={task['task_id']}"
    if task["map_index"] >= 0:
        folder /= f"map_index={task['map_index']}"
    return folder / f"attempt={task['try_number']}.log"


def _processors() -> Iterator[tuple[str, float]]:
    """The parts of the system that run, and the processor seconds that they and their children took."""
    for name in sorted(topology.COMPONENTS):
        process = processes.find(name, places.RUN)
        if process is not None:
            yield name, sum(map(_seconds, [process, *process.children(recursive=True)]))
    server = int((places.POSTGRES / "postmaster.pid").read_text().split("\n", 1)[0])
    yield (
        "postgres",
        sum(map(_seconds, [psutil.Process(server), *psutil.Process(server).children()])),
    )


def _seconds(process: psutil.Process) -> float:
    try:
        return sum(process.cpu_times()[:4])
    except psutil.NoSuchProcess:
        return 0.0


if __name__ == "__main__":
    main()
