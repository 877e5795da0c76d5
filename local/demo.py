"""``make demo``: start the system, have the scheduler run the main job, and show the result.

Every ``ingest_*`` DAG, and the one that reports files without a contract, is triggered through the
REST API. Runs that they trigger through assets are followed to their end.
"""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Any, NamedTuple

from local import environment, places, readers_portal, samples, summary, supervisor, system
from local.airflow_api import Airflow
from local.board import DONE, ENDED, FAILED, Board, Stage, stage
from local.progress import Stopwatch

WATCH, PUBLISH = "watch_landing", "publish"
PARSE_SECONDS = 90  # until the DAG files are read
BEGIN_SECONDS = 10  # until the schedule of a new DAG has started its first run
FOLLOW_SECONDS = 30  # until an asset event has triggered its runs
RUN_SECONDS = 3600  # a landing root of real feeds may be large


class Run(NamedTuple):
    """One DAG run."""

    dag_id: str
    run_id: str

    @property
    def name(self) -> str:
        """What a person calls it: the source system of an ingest DAG, else the DAG."""
        return self.dag_id.removeprefix("ingest_")


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
    failed = run_main_job(airflow, watch, news, is_upgraded=addresses.is_upgraded)
    system.await_portal(addresses)
    readers = readers_portal.add_accounts(addresses.warehouse)
    print("\n" + summary.on_one_screen(addresses.warehouse, places.MAIL))
    print("\n" + system.describe_in_short(addresses, readers), flush=True)
    if failed:
        raise SystemExit("\n" + "\n".join(failed))
    watch.say("the demo is done")


def run_main_job(
    airflow: Airflow, watch: Stopwatch, news: supervisor.News, *, is_upgraded: bool = False
) -> list[str]:
    """Run every DAG that reads the landing root, and follow the runs they trigger.

    Args:
        airflow: where they run.
        watch: what prints messages.
        news: what has died meanwhile.
        is_upgraded: whether an upgrade has taken the reports away: they are published, also if nothing is new.

    Returns:
        A message for each failed run.
    """
    dags = _first_dags(airflow, watch, news) + ([PUBLISH] if is_upgraded else [])
    begun = airflow.runs(state=["queued", "running"])
    active = {run["dag_id"]: Run(run["dag_id"], run["dag_run_id"]) for run in begun}
    first = [active.get(dag_id) or _begin(airflow, dag_id) for dag_id in dags]
    with Board(watch) as board:
        followed = {run: Followed(run, airflow, watch, board) for run in first}
        while waiting := [one for one in followed.values() if not one.is_over]:
            if news.tell():  # the scheduler, for one, could not create runs while it was away
                for run in waiting:
                    run.wait_anew()
            tasks = airflow.tasks_of([run.run for run in waiting if not run.has_ended])
            for run in waiting:
                for later in run.look(tasks.get(run.run, [])):
                    followed.setdefault(later, Followed(later, airflow, watch, board))
            time.sleep(1)
    return [run.failure for run in followed.values() if run.failure]


def _first_dags(airflow: Airflow, watch: Stopwatch, news: supervisor.News) -> list[str]:
    """Wait until the scheduler knows the DAGs, and return those that read the landing root.

    Raises:
        SystemExit: a DAG file cannot be read, or there is no ingest DAG.
    """
    watch.say("waiting for the DAG files to be read")
    folder = places.ROOT / "dags"
    files = {file.name for file in folder.glob("*.py") if "@dag(" in file.read_text("utf-8")}
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
    airflow.unpause_all()
    known = sorted(dag["dag_id"] for dag in dags)
    ingests = [dag_id for dag_id in known if dag_id.startswith("ingest_")]
    if not ingests:
        raise SystemExit(f"no ingest DAG was found in {places.ROOT / 'dags'}, see {places.LOGS}")
    return ingests + [dag_id for dag_id in known if dag_id == WATCH]


def _begin(airflow: Airflow, dag_id: str) -> Run:
    """A run of *dag_id* that starts now.

    On a new system the daily schedule starts a run as soon as the DAG is known. That run is used: a
    second one would find nothing left to do.
    """
    end = time.monotonic() + BEGIN_SECONDS
    while not airflow.runs(dag_id) and time.monotonic() < end:
        time.sleep(0.5)
    for run in airflow.runs(dag_id, state="queued") + airflow.runs(dag_id, state="running"):
        return Run(dag_id, run["dag_run_id"])
    return Run(dag_id, airflow.trigger(dag_id, "make demo"))


class Followed:
    """A run that is followed to its end, and until the runs are known that it triggered.

    Args:
        run: the run.
        airflow: where it runs.
        watch: what prints messages.
        board: what shows its stage.

    Attributes:
        has_ended: whether the run itself is over.
        is_over: whether there is nothing more to look for.
        failure: why it failed; empty if it did not.
    """

    def __init__(self, run: Run, airflow: Airflow, watch: Stopwatch, board: Board) -> None:
        self.run, self._airflow, self._watch, self._board = run, airflow, watch, board
        self._end = time.monotonic() + RUN_SECONDS
        self.has_ended = False
        self._retried: set[tuple[str, int, int]] = set()
        self.is_over, self.failure = False, ""

    def wait_anew(self) -> None:
        """Wait again as long for the runs that it triggers."""
        if self.has_ended:
            self._end = time.monotonic() + FOLLOW_SECONDS

    def look(self, tasks: list[dict[str, Any]]) -> list[Run]:
        """Look at it once.

        Args:
            tasks: its task instances now.

        Returns:
            The runs that it is known to have triggered.

        Raises:
            SystemExit: it takes too long.
        """
        if self.has_ended:
            return self._triggered()
        run = self.run
        # The API server shares the cores with the tasks.
        is_at_work = any(task["state"] not in ENDED for task in tasks)
        state = "running" if is_at_work else self._airflow.run(run.dag_id, run.run_id)["state"]
        for task in tasks:
            attempt = (task["task_id"], task["map_index"], task["try_number"])
            if task["state"] == "up_for_retry" and attempt not in self._retried:
                self._retried.add(attempt)
                name = f"{run.dag_id}.{task['task_id']}"
                self._watch.say(f"{name}: {_reason(_log(run, task))}; it will be retried")
        if state == "failed":
            self._board.show(run.name, Stage(FAILED, done=stage(tasks).done))
            self.failure, self.is_over = _explain(self._airflow, run), True
        elif state == "success":
            self._board.show(run.name, Stage(DONE, done=1))
            self.has_ended = True
            self.wait_anew()
        else:
            self._board.show(run.name, stage(tasks))
            if time.monotonic() > self._end:
                raise SystemExit(
                    f"{run.dag_id} has not ended after {RUN_SECONDS} s, see the Airflow UI"
                )
        return []

    def _triggered(self) -> list[Run]:
        """The runs triggered by the assets that it has updated."""
        events = self._airflow.events(self.run.dag_id, self.run.run_id)
        if events is None:  # one of them is queued
            self.wait_anew()
            return []
        triggered = {
            Run(created["dag_id"], created["run_id"])
            for event in events
            for created in event["created_dagruns"]
        }
        expected = {dag for event in events for dag in self._airflow.listeners(event["asset_id"])}
        missing = expected - {run.dag_id for run in triggered}
        if any(self._airflow.runs(dag, state="running") for dag in missing):
            self.wait_anew()  # the next one begins when that one has ended
        if missing and time.monotonic() < self._end:
            return []
        if missing:
            self._watch.say(f"{', '.join(sorted(missing))} waits for other assets")
        self.is_over = True
        return sorted(triggered, key=lambda run: run.dag_id)


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
