"""``make demo``: start the system, have the scheduler run the main job, and show the result.

Every ``ingest_*`` DAG, and the one that reports files without a contract, is triggered through the
REST API. Runs that they trigger through assets are followed to their end.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import environment, places, samples, summary, supervisor, system
from local.airflow_api import Airflow
from local.progress import Stopwatch

ENDED = {"success", "failed"}
WATCH = "watch_landing"
PARSE_SECONDS = 90  # until the DAG files are read
BEGIN_SECONDS = 10  # until the schedule of a new DAG has started its first run
FOLLOW_SECONDS = 30  # until an asset event has triggered its runs
RUN_SECONDS = 3600  # a landing root of real feeds may be large


@dataclass(frozen=True)
class Run:
    """One DAG run."""

    dag_id: str
    run_id: str


def main() -> None:
    """Run the demo; exit with 1 and the names of failed tasks if the job fails."""
    watch = Stopwatch()
    places.make_private()
    landing = places.landing()
    if landing == places.SAMPLES:
        _, written = samples.write_all(landing)
        watch.say(f"sample feeds are in {landing} ({written} files written)")
    else:
        watch.say(f"the landing root is {landing}")
    addresses = system.up(watch, landing)
    news = supervisor.News(watch)
    password = environment.known_secrets()["ADMIN_PASSWORD"]
    airflow = Airflow(addresses.api_port, environment.LOGIN, password, between=news.tell)
    failed = run_main_job(airflow, watch, news)
    print("\n" + summary.summary(addresses.warehouse, places.MAIL))
    print("\nWhere to look\n" + system.describe(addresses), flush=True)
    if failed:
        raise SystemExit("\n" + "\n".join(failed))
    watch.say("the demo is done")


def run_main_job(airflow: Airflow, watch: Stopwatch, news: supervisor.News) -> list[str]:
    """Run every DAG that reads the landing root, and follow the runs they trigger.

    Returns:
        A message for each failed run.
    """
    waiting = [_begin(airflow, dag_id, watch) for dag_id in _first_dags(airflow, watch, news)]
    failed = []
    seen = set(waiting)
    while waiting:
        run = waiting.pop(0)
        if _follow(airflow, run, watch, news) == "failed":
            failed.append(_explain(airflow, run))
            continue
        later = [next_ for next_ in _triggered_by(airflow, run, watch, news) if next_ not in seen]
        seen.update(later)
        waiting += later
    return failed


def _first_dags(airflow: Airflow, watch: Stopwatch, news: supervisor.News) -> list[str]:
    """Wait until the scheduler knows the DAGs, and return those that read the landing root.

    Raises:
        SystemExit: a DAG file cannot be read, or there is no ingest DAG.
    """
    watch.say("waiting for the DAG files to be read")
    files = {file.name for file in (places.ROOT / "dags").glob("*.py")}
    end = time.monotonic() + PARSE_SECONDS
    while True:
        if errors := airflow.import_errors():
            text = "\n".join(f"{e['filename']}:\n{e['stack_trace']}" for e in errors)
            raise SystemExit(f"a DAG file cannot be read:\n{text}")
        dags = airflow.dags()
        read = {dag["relative_fileloc"] for dag in dags}
        if files <= read or time.monotonic() > end:
            break
        news.tell()
        time.sleep(1)
    for dag in dags:
        if dag["is_paused"]:
            airflow.unpause(dag["dag_id"])
    known = sorted(dag["dag_id"] for dag in dags)
    ingests = [dag_id for dag_id in known if dag_id.startswith("ingest_")]
    if not ingests:
        raise SystemExit(f"no ingest DAG was found in {places.ROOT / 'dags'}, see {places.LOGS}")
    return ingests + [dag_id for dag_id in known if dag_id == WATCH]


def _begin(airflow: Airflow, dag_id: str, watch: Stopwatch) -> Run:
    """A run of *dag_id* that starts now.

    On a new system the daily schedule starts a run as soon as the DAG is known. That run is used: a
    second one would find nothing left to do.
    """
    end = time.monotonic() + BEGIN_SECONDS
    while not airflow.runs(dag_id) and time.monotonic() < end:
        time.sleep(0.5)
    for run in airflow.runs(dag_id, state="queued") + airflow.runs(dag_id, state="running"):
        watch.say(f"{dag_id}: its schedule has started {run['dag_run_id']}")
        return Run(dag_id, run["dag_run_id"])
    run_id = airflow.trigger(dag_id, "make demo")
    watch.say(f"{dag_id}: triggered {run_id}")
    return Run(dag_id, run_id)


def _follow(airflow: Airflow, run: Run, watch: Stopwatch, news: supervisor.News) -> str:
    """Print the progress of *run*, and what dies meanwhile, until it has ended.

    Returns:
        Its state.
    """
    end = time.monotonic() + RUN_SECONDS
    printed: dict[str, str] = {}
    while True:
        news.tell()
        state = airflow.run(run.dag_id, run.run_id)["state"]
        tasks = airflow.tasks(run.dag_id, run.run_id)
        for name, progress in _progress(tasks).items():
            if printed.get(name) == progress:
                continue
            printed[name] = progress
            watch.say(f"{run.dag_id}.{name}: {progress}")
            for task in tasks:
                if task["task_id"] == name and task["state"] == "up_for_retry":
                    watch.say(f"    {_reason(_log(run, task))}; it will be retried")
        if state in ENDED:
            watch.say(f"{run.dag_id}: {state}")
            return state
        if time.monotonic() > end:
            raise SystemExit(
                f"{run.dag_id} has not ended after {RUN_SECONDS} s, see the Airflow UI"
            )
        time.sleep(1)


def _progress(tasks: list[dict[str, Any]]) -> dict[str, str]:
    """The states of each task that has started, such as ``3 of 12 success, 2 of 12 running``."""
    states: dict[str, Counter[str]] = {}
    for task in tasks:
        states.setdefault(task["task_id"], Counter())[task["state"] or "waiting"] += 1
    not_started = {"waiting", "scheduled", "queued"}
    progress = {}
    for name, counts in states.items():
        total = sum(counts.values())
        shown = [(state, counts[state]) for state in sorted(counts) if state not in not_started]
        if total == 1:
            progress[name] = "".join(state for state, _ in shown)
        else:
            progress[name] = ", ".join(f"{number} of {total} {state}" for state, number in shown)
    return {name: text for name, text in progress.items() if text}


def _triggered_by(airflow: Airflow, run: Run, watch: Stopwatch, news: supervisor.News) -> list[Run]:
    """The runs triggered by the assets that *run* has updated."""
    end = time.monotonic() + FOLLOW_SECONDS
    while True:
        events = airflow.events(run.dag_id, run.run_id)
        triggered = {
            Run(created["dag_id"], created["run_id"])
            for event in events
            for created in event["created_dagruns"]
        }
        expected = {dag for event in events for dag in airflow.listeners(event["asset_id"])}
        missing = expected - {run.dag_id for run in triggered}
        if news.tell():  # the scheduler, for one, could not create runs while it was away
            end = time.monotonic() + FOLLOW_SECONDS
        if not missing:
            return sorted(triggered, key=lambda run: run.dag_id)
        if time.monotonic() > end:
            watch.say(f"{', '.join(sorted(missing))} waits for other assets")
            return sorted(triggered, key=lambda run: run.dag_id)
        time.sleep(1)


def _explain(airflow: Airflow, run: Run) -> str:
    """The failed tasks of *run*, with reasons and logs."""
    lines = [f"{run.dag_id} failed (run {run.run_id}):"]
    for task in airflow.tasks(run.dag_id, run.run_id):
        if task["state"] == "failed":
            name = task["task_id"] + (f" [{task['map_index']}]" if task["map_index"] >= 0 else "")
            log = _log(run, task)
            lines.append(f"  task {name}: {_reason(log)}; see {log}")
    return "\n".join(lines)


def _log(run: Run, task: dict[str, Any]) -> Path:
    """The log of a task's latest attempt."""
    folder = system.task_logs() / f"dag_id={run.dag_id}" / f"run_id={run.run_id}"
    folder /= f"task_id={task['task_id']}"
    if task["map_index"] >= 0:
        folder /= f"map_index={task['map_index']}"
    return folder / f"attempt={task['try_number']}.log"


def _reason(log: Path) -> str:
    """The exception at the end of a task's log."""
    reason = "ended without an exception"
    if not log.exists():
        return "left no log"
    for line in log.read_text(errors="replace").splitlines():
        with contextlib.suppress(ValueError, TypeError, AttributeError, LookupError):
            last = json.loads(line).get("error_detail")[0]
            reason = f"{last['exc_type']}: {last['exc_value'].strip().splitlines()[0]}"
    return reason


if __name__ == "__main__":
    main()
