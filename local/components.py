"""The Airflow processes of the local system, and the schema of Airflow's database."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psycopg

import claimhouse
from claimhouse import revisions
from local import airflow_api, broker, environment, places, processes, supervisor, topology
from local.progress import Stopwatch, failure
from local.topology import API, BROKER, Component, Topology

# Airflow is restarted when one of these settings changes. The rest of the environment does not
# count: a shell changes some of it with every command.
OWN_SETTINGS = ("AIRFLOW", "CLAIMHOUSE_", "WAREHOUSE_URL", "PYTHONPATH")
HEALTH_SECONDS = 180
LOOK_SECONDS = 0.3
# These have nothing to finish. The API server ends its server at once, and takes up to ten seconds of a processor
# to forget its models; in the triggerer nothing waits.
KILLED_SOON, SOON_SECONDS = {API.name, topology.TRIGGERER}, 2.0


@dataclass(frozen=True)
class Migration:
    """A migration of Airflow's database that has been started.

    Attributes:
        process: that does it.
        is_first: whether the database is new.
    """

    process: subprocess.Popen[bytes]
    is_first: bool


def start_migration(metadata: str, settings: dict[str, str], watch: Stopwatch) -> Migration | None:
    """Start migrating Airflow's database to this Airflow's schema; None if it has it already."""
    with psycopg.connect(metadata) as connection:
        row = connection.execute("select to_regclass('alembic_version')").fetchone()
    has_schema = row is not None and row[0] is not None
    stamp = places.AIRFLOW_MIGRATED
    before = stamp.read_text() if has_schema and stamp.exists() else None
    if before == _airflow_version():
        return None
    origin = f"from {before} to {_airflow_version()}" if before else "only the first time"
    watch.say(f"migrating Airflow's database ({origin})")
    if any_runs():
        stop()
    places.LOGS.mkdir(parents=True, exist_ok=True)
    with (places.LOGS / "migrate.log").open("ab") as log:
        command = [sys.executable, "-m", "airflow", "db", "migrate"]
        process = subprocess.Popen(command, env=settings, stdout=log, stderr=subprocess.STDOUT)
    return Migration(process, is_first=not has_schema)


def finish_migration(migration: Migration | None) -> None:
    """Wait for *migration* to end.

    Raises:
        SystemExit: it failed.
    """
    if migration is None:
        return
    if migration.process.wait() != 0:
        raise SystemExit(failure("the migration of Airflow's database", "migrate"))
    places.AIRFLOW_MIGRATED.write_text(_airflow_version())


def _airflow_version() -> str:
    return version("apache-airflow-core")


def start_api(chosen: Topology, settings: dict[str, str]) -> None:
    """Start the API server of a new system before the others: its start takes longest, and needs no table."""
    _write_logins()
    # The migration is under way.
    unchecked = {"AIRFLOW__DATABASE__CHECK_MIGRATIONS": "False"}
    for component in chosen.components:
        if component.name == API.name:
            _start(component, settings | unchecked)
    _stamp().write_text(_digest(settings))


def start(
    chosen: Topology, settings: dict[str, str], ports: Mapping[str, int], watch: Stopwatch
) -> None:
    """Start the components that do not run, or restart all if their settings have changed."""
    digest, stamp = _digest(settings), _stamp()
    missing = _missing(chosen)
    is_same = stamp.exists() and stamp.read_text() == digest
    if not missing and is_same:
        watch.say("Airflow is running already")
        return
    if not is_same:
        if len(missing) < len(chosen.components):
            watch.say("settings or version have changed: restarting Airflow")
        stop()  # components of another topology too
        missing = chosen.components
    _write_logins()
    watch.say("starting Airflow: " + ", ".join(component.name for component in missing))
    for component in missing:
        if component.name == topology.SCHEDULER:
            _wait_for_api(ports[API.name], watch)
            airflow_api.prepare_for_tasks(ports[API.name])
        _start(component, settings)
        if component.name == topology.DAG_PROCESSOR:  # the scheduler waits for the API server first
            processes.stand_back(component.name, 19)
    processes.stand_back(topology.DAG_PROCESSOR, 0)
    stamp.write_text(digest)


def _start(component: Component, settings: dict[str, str]) -> None:
    command = ["nice", "-n", str(component.niceness), sys.executable, "-m", "airflow"]
    command += component.arguments
    processes.restart(component.name, command, "airflow", settings | component.settings)
    if component.niceness:
        processes.stand_back(component.name, component.niceness)


def _stamp() -> Path:
    """The file that says with which settings the components run."""
    return places.RUN / "settings.sha256"


def _digest(settings: Mapping[str, str]) -> str:
    """A hash of what the running components depend on."""
    own = [pair for pair in sorted(settings.items()) if pair[0].startswith(OWN_SETTINGS)]
    own += [("version", claimhouse.__version__), ("revision", revisions.head())]
    return hashlib.sha256(json.dumps(own).encode()).hexdigest()


def _missing(chosen: Topology) -> tuple[Component, ...]:
    """The components that do not run."""
    return tuple(
        component
        for component in chosen.components
        if processes.find(component.name, places.RUN) is None
    )


def any_runs() -> bool:
    """Whether any component of any topology runs."""
    return any(processes.find(name, places.RUN) is not None for name in topology.COMPONENTS)


def stop() -> None:
    """Stop all components at once."""

    def stop_component(name: str) -> None:
        processes.stop(name, places.RUN, SOON_SECONDS if name in KILLED_SOON else None)

    with ThreadPoolExecutor(len(topology.COMPONENTS)) as pool:
        list(pool.map(stop_component, topology.COMPONENTS))


def _write_logins() -> None:
    known = environment.known_secrets()
    passwords = {login: known[f"{login.upper()}_PASSWORD"] for login in environment.LOGINS}
    places.AIRFLOW_HOME.mkdir(parents=True, exist_ok=True)
    file = places.AIRFLOW_HOME / "passwords.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(passwords))


def _wait_for_api(port: int, watch: Stopwatch) -> None:
    _wait(lambda: airflow_api.health(port), bool, watch)


def wait_for_health(chosen: Topology, ports: Mapping[str, int], watch: Stopwatch) -> None:
    """Wait until Airflow reports that what tasks need is healthy, and each worker answers.

    Raises:
        SystemExit: a component died too often, or not all are healthy in time.
    """

    def states() -> dict[str, str]:
        health = airflow_api.health(ports[API.name])
        health.pop(topology.TRIGGERER, None)
        if not health or not chosen.workers:
            return health
        password = environment.known_secrets()["BROKER_PASSWORD"]
        return health | broker.answering(broker.url(ports[BROKER.name], password), chosen.workers)

    _wait(states, lambda states: set(states.values()) == {"healthy"}, watch)
    watch.say(" and ".join(["Airflow is healthy", *(f"{name} answers" for name in chosen.workers)]))


def _wait(
    states: Callable[[], dict[str, str]],
    ready: Callable[[dict[str, str]], bool],
    watch: Stopwatch,
) -> None:
    """Wait until the *states* are *ready*, and say what dies meanwhile.

    Raises:
        SystemExit: a part died too often, or the wait took too long.
    """
    news = supervisor.News(watch)
    deadline = time.monotonic() + HEALTH_SECONDS
    shown = ""
    while not ready(current := states()):
        if news.tell():
            deadline = time.monotonic() + HEALTH_SECONDS
        waiting = [name for name, state in current.items() if state != "healthy"] or ["api-server"]
        if (text := "waiting for " + ", ".join(waiting)) != shown:
            watch.say(text)
            shown = text
        if time.monotonic() > deadline:
            raise SystemExit(f"not healthy after {HEALTH_SECONDS} s, see {places.LOGS}: {shown}")
        time.sleep(LOOK_SECONDS)
