"""The processes of production on one machine, while a worker and the scheduler are killed.

The system runs the samples of all five sources with a Valkey broker, two Celery workers and an S3
server. Amid a task, the worker that runs it is killed with all its processes, and the scheduler after
it. The supervisor starts both again. The result must be that of the system without Celery that the
demo's tests started.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from local import processes
from local.airflow_api import Airflow, health
from tests.system.running import System, ended_well
from tests.system.state import differences

WORKERS = ("airflow-worker-1", "airflow-worker-2")
# So that the test need not wait for the minute that suits a person.
QUICK = {"AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30"}
START_SECONDS, KILL_SECONDS = 180, 180


@dataclass(frozen=True)
class Ran:
    """What a system with Celery went through.

    Attributes:
        killed: the task instance amid which its worker was killed.
        pids: the processes that were killed, by name.
        output: what the demo printed.
        tasks: every task instance of the day, as Airflow's REST API shows it.
    """

    system: System
    killed: dict[str, Any]
    pids: dict[str, int]
    output: str
    tasks: list[dict[str, Any]]


@pytest.fixture(scope="module")
def ran(demo: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """A system that has run the demo with Celery and lost a worker meanwhile."""
    folder = tmp_path_factory.mktemp("celery")
    folder.chmod(0o755)
    # Pseudonyms are the same when their key is.
    shutil.copy(demo.folder / "local.env", folder)
    system = System(folder, {"CLAIMHOUSE_EXECUTOR": "celery", **QUICK})
    begun = system.begin("local.demo")
    try:
        airflow = connect(system, begun)
        pids = {name: process(system, name).pid for name in ("scheduler", *WORKERS)}
        killed = kill_a_worker(system, airflow)
        process(system, "scheduler").kill()
        output = ended_well(begun)
        pids = {name: pids[name] for name in ("scheduler", killed["hostname"])}
        yield Ran(system, killed, pids, output, tasks_of_the_day(airflow))
    finally:
        begun.kill()
        system.run("local.system", "down")


def connect(system: System, begun: subprocess.Popen[str]) -> Airflow:
    """A session with the system's Airflow, as soon as it answers."""
    end = time.monotonic() + START_SECONDS
    ports = system.folder / "run" / "ports.json"
    while time.monotonic() < end and begun.poll() is None:
        if ports.exists() and processes.find("scheduler", ports.parent):
            port = json.loads(ports.read_text())["api-server"]
            if health(port):
                return Airflow(port, "admin", system.secrets["ADMIN_PASSWORD"])
        time.sleep(0.5)
    raise AssertionError(ended_well(begun) or "Airflow does not answer")


def process(system: System, name: str) -> psutil.Process:
    """The running part *name* of *system*."""
    found = processes.find(name, system.folder / "run")
    assert found is not None, name
    return found


def tasks_of_the_day(airflow: Airflow) -> list[dict[str, Any]]:
    """The task instances of all runs."""
    runs = [(run["dag_id"], run["dag_run_id"]) for run in airflow.runs()]
    return [task for tasks in airflow.tasks_of(runs).values() for task in tasks]


def kill_a_worker(system: System, airflow: Airflow) -> dict[str, Any]:
    """Kill a worker amid a verification, once each worker has run a task; returns the task."""
    end = time.monotonic() + KILL_SECONDS
    while time.monotonic() < end:
        tasks = tasks_of_the_day(airflow)
        both = {task["hostname"] for task in tasks if task["state"] == "success"} >= set(WORKERS)
        running = [
            task for task in tasks if task["state"] == "running" and task["task_id"] == "verify"
        ]
        if both and running and killed_amid(running[0], system, airflow):
            return running[0]
        time.sleep(0.1)
    raise AssertionError("no task to kill a worker amid was seen")


def killed_amid(task: dict[str, Any], system: System, airflow: Airflow) -> bool:
    """Kill the worker of *task*, unless the task ended before that."""
    leader = process(system, task["hostname"])
    family = [leader, *leader.children(recursive=True)]
    for member in family:
        send(member, signal.SIGSTOP)
    is_running = [
        now["state"] == "running"
        for now in airflow.tasks(task["dag_id"], task["dag_run_id"])
        if (now["task_id"], now["map_index"]) == (task["task_id"], task["map_index"])
    ]
    for member in family:
        send(member, signal.SIGKILL if is_running == [True] else signal.SIGCONT)
    return is_running == [True]


def send(process: psutil.Process, number: signal.Signals) -> None:
    """Send a signal to *process*, which may have ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def test_every_run_ends_well_without_a_person(ran: Ran) -> None:
    assert {task["state"] for task in ran.tasks} <= {"success", "skipped"}


def test_the_killed_task_was_done_by_another_attempt(ran: Ran) -> None:
    key = ("dag_id", "dag_run_id", "task_id", "map_index")
    (task,) = (task for task in ran.tasks if all(task[name] == ran.killed[name] for name in key))
    assert task["state"] == "success"
    assert task["hostname"] in WORKERS


def test_what_was_killed_runs_again_and_the_demo_said_so(ran: Ran) -> None:
    assert ran.pids.keys() == {"scheduler", ran.killed["hostname"]}
    for name, pid in ran.pids.items():
        assert process(ran.system, name).pid != pid
        assert f"{name} has died (1 of at most" in ran.output
        assert f"{name} was started again" in ran.output


def test_both_workers_ran_tasks_of_the_day(ran: Ran) -> None:
    ingests = [task for task in ran.tasks if task["dag_id"].startswith("ingest_")]
    assert {task["hostname"] for task in ingests if task["hostname"]} == set(WORKERS)


def test_the_result_is_that_of_one_process(ran: Ran, demo: System) -> None:
    mine, expected = ran.system.state(), demo.state()
    assert len(expected["star.fact_claim"]) > 1000
    assert len([name for name in expected if name.startswith("mail to")]) == 2
    assert differences(expected, mine) == []


def test_files_and_logs_are_in_the_bucket_and_logs_hold_no_patient(ran: Ran) -> None:
    bucket = ran.system.folder / "s3" / "claimhouse"
    assert not (ran.system.folder / "archive").exists()
    samples = ran.system.folder / "samples" / "landing"
    assert files(bucket / "landing") == files(samples)
    assert files(bucket / "archive")
    logs = [log.read_text(errors="replace") for log in (bucket / "logs").rglob("*.log")]
    assert len(logs) > len(ran.tasks) / 2
    with psycopg.connect(ran.system.warehouse) as connection:
        found = connection.execute("select distinct address from star.dim_patient").fetchall()
    text = "\n".join(logs)
    assert [street for (street,) in found if street and street in text] == []


def files(folder: Path) -> dict[str, bytes]:
    """The content of each file below *folder*, but for the server's own notes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.parts)
    }
