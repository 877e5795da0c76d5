"""Starts and stops the whole system on one machine: ``python -m local.system up`` or ``down``.

Postgres, the services and the Airflow components of a topology (``local.topology``) run in the
background, reachable from this machine only. Both commands may be repeated at any time; after a
crash too, and with another topology.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from filelock import FileLock

import claimhouse
from claimhouse import revisions, schema
from local import (
    airflow_api,
    broker,
    embedded,
    environment,
    object_store,
    places,
    processes,
    topology,
)
from local.topology import API, BROKER, MAILBOX, OBJECT_STORE, Component, Service, Topology

# What tells whether Airflow must be started anew.
OUR_SETTINGS = ("AIRFLOW", "CLAIMHOUSE_", "WAREHOUSE_URL", "PYTHONPATH")
HEALTH_SECONDS = 180
SERVICE_SECONDS = 60
RECOVERY_SECONDS = 120


@dataclass(frozen=True)
class Addresses:
    """Where the running system is reached: ports by the name of the service, and the warehouse."""

    ports: Mapping[str, int]
    warehouse: str

    @property
    def api_port(self) -> int:
        """The port of Airflow's API and UI."""
        return self.ports[API.name]

    @property
    def ui(self) -> str:
        """The address of the Airflow UI."""
        return f"http://localhost:{self.api_port}"


class Stopwatch:
    """Says what is being done, and how long it has been going on."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        """Print *text* behind the seconds since the beginning."""
        print(f"[{time.monotonic() - self._began:4.0f} s] {text}", flush=True)


def up(watch: Stopwatch, landing: Path) -> Addresses:
    """Start whatever does not run yet, wait until it is healthy, and say where it is.

    Args:
        watch: what to tell the progress to.
        landing: the landing root; Airflow is started anew when it ran with another one.

    Raises:
        SystemExit: a part could not be started; the message names its log.
    """
    chosen = topology.chosen()
    places.RUN.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time():
        watch.say(f"starting Postgres in {places.POSTGRES}")
        metadata, warehouse = start_postgres()
        services = _services(chosen)
        ports = _ports((API, *services), watch)
        addresses = Addresses(ports, warehouse)
        settings = _settings(chosen, addresses, metadata, landing)
        places.LANDING_CHOSEN.write_text(str(landing))
        _start_services(services, ports)
        migration = _start_migration(metadata, settings, watch)
        _upgrade(warehouse, watch)
        _write_warehouse_env(settings, addresses)
        _wait_for_services(services, ports)
        if OBJECT_STORE in chosen.services:
            _fill_bucket(landing, ports[OBJECT_STORE.name], watch)
        _finish_migration(migration)
        _start_airflow(chosen, settings, addresses, watch)
        _stop_services(kept=services)
        _wait_for_health(chosen, addresses, watch)
    return addresses


def _upgrade(warehouse: str, watch: Stopwatch) -> None:
    """Bring the warehouse to this version's schema; Airflow, which runs an earlier one, stops first."""
    try:
        if schema.pending(warehouse) and _any_component_runs():
            watch.say("the warehouse is of an earlier version: stopping Airflow to upgrade it")
            stop_airflow()
        schema.upgrade(warehouse, say=watch.say)
    except schema.UpgradeError as error:
        raise SystemExit(f"{error}\nThe warehouse was left as it is: {places.POSTGRES}") from None


def down(watch: Stopwatch) -> None:
    """Stop all that runs, Airflow first and Postgres last."""
    places.RUN.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time():
        watch.say("stopping Airflow and its services")
        stop_airflow()
        _stop_services()
        watch.say("stopping Postgres")
        _forget_stale_postmaster()
        embedded.stop(places.POSTGRES)
        (places.RUN / "ports.json").unlink(missing_ok=True)
    watch.say("everything is stopped; what it wrote stays in " + str(places.VAR))


def running() -> Addresses | None:
    """Where the system is reached, when its Airflow runs."""
    if processes.find(topology.SCHEDULER, places.RUN) is None:
        return None
    ports = json.loads((places.RUN / "ports.json").read_text())
    warehouse = environment.read(places.WAREHOUSE_ENV)["WAREHOUSE_URL"]
    return Addresses(ports, warehouse)


def _services(chosen: Topology) -> tuple[Service, ...]:
    """The services to run: those of the topology, and the bucket once files are archived in it."""
    if OBJECT_STORE in chosen.services or not places.OBJECTS.exists():
        return chosen.services
    return (*chosen.services, OBJECT_STORE)


def _settings(
    chosen: Topology, addresses: Addresses, metadata: str, landing: Path
) -> dict[str, str]:
    """The environment that all components of Airflow share."""
    ports = addresses.ports
    of_topology = {}
    if OBJECT_STORE.name in ports:
        connection = object_store.connection(ports[OBJECT_STORE.name], environment.known_secrets())
        of_topology[f"AIRFLOW_CONN_{object_store.CONNECTION.upper()}"] = connection
    if BROKER in chosen.services:
        of_topology |= environment.for_celery(metadata, ports[BROKER.name])
    return environment.for_airflow(
        addresses.warehouse, metadata, landing, ports[API.name], ports[MAILBOX.name], of_topology
    )


def _write_warehouse_env(settings: dict[str, str], addresses: Addresses) -> None:
    """Keep what the command line needs to reach the warehouse and its files."""
    values = {"WAREHOUSE_URL": addresses.warehouse}
    values |= {name: value for name, value in settings.items() if name.endswith("_ROOT")}
    if OBJECT_STORE.name in addresses.ports:
        port, own = addresses.ports[OBJECT_STORE.name], environment.known_secrets()
        connection = object_store.connection_url(port, own)
        values[f"AIRFLOW_CONN_{object_store.CONNECTION.upper()}"] = connection
    environment.write(places.WAREHOUSE_ENV, values, "The warehouse, while the system is up.")


def start_postgres() -> tuple[str, str]:
    """Start the server and make its two databases.

    Returns:
        The ``postgresql://`` URLs of Airflow's database and of the warehouse.
    """
    _forget_stale_postmaster()
    end = time.monotonic() + RECOVERY_SECONDS
    while True:
        try:
            server = embedded.start(places.POSTGRES)
            with psycopg.connect(server):
                break
        except (subprocess.SubprocessError, psycopg.OperationalError, FileNotFoundError) as problem:
            # After a crash the server replays its log first, which may take a while.
            if time.monotonic() > end:
                log = places.POSTGRES / "log"
                raise SystemExit(f"Postgres does not start, see {log}: {problem}") from None
            time.sleep(1)
    metadata = embedded.create_database(server, "airflow")
    warehouse = embedded.create_database(server, "warehouse")
    return with_safe_path(metadata), with_safe_path(warehouse)


def with_safe_path(address: str) -> str:
    """*address* with the socket's folder spelt so that a shell and every driver can read it."""
    head, _, folder = address.partition("?host=")
    return f"{head.replace(':@', '@')}?host={quote(folder, safe='/')}"


def _forget_stale_postmaster() -> None:
    """Remove a pid file that a crash left and whose number another program bears by now."""
    file = places.POSTGRES / "postmaster.pid"
    if not file.exists():
        return
    first = file.read_text().split("\n", 1)[0].strip()
    with contextlib.suppress(psutil.Error, ValueError):
        if "postgres" in psutil.Process(int(first)).name():
            return
    file.unlink()


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    with FileLock(places.VAR / "system.lock"):
        yield


def _ports(services: Collection[Service], watch: Stopwatch) -> dict[str, int]:
    """The port of each service: the one it runs on, else a free one."""
    file = places.RUN / "ports.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    ports: dict[str, int] = {}
    for service in services:
        if service.name in known and processes.find(service.name, places.RUN) is not None:
            ports[service.name] = known[service.name]
            continue
        wanted = int(os.environ.get(service.variable, service.port))
        ports[service.name] = free_port(wanted)
        if ports[service.name] != wanted:
            watch.say(f"port {wanted} is taken: the {service.name} uses {ports[service.name]}")
    file.write_text(json.dumps(ports))
    return ports


def free_port(wanted: int) -> int:
    """*wanted*, or the next port after it on which nothing listens on this machine.

    Raises:
        SystemExit: a hundred ports in a row are taken.
    """
    for port in range(wanted, wanted + 100):
        with socket.socket() as probe:
            # Without this a port counts as taken for a minute after its last connection.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise SystemExit(f"no free port between {wanted} and {wanted + 99}")


def _start_services(services: Collection[Service], ports: Mapping[str, int]) -> None:
    """Start the services that do not run."""
    own = environment.known_secrets()
    for service in services:
        if processes.find(service.name, places.RUN) is not None:
            continue
        port, settings = ports[service.name], environment.of_python()
        if service is BROKER:
            command, word = broker.command(places.BROKER, port, own["BROKER_PASSWORD"]), "valkey"
        elif service is OBJECT_STORE:
            command, word = object_store.command(places.OBJECTS, port), "nanio"
            settings |= object_store.keys(own)
        else:
            command = [sys.executable, "-m", "local.mailbox", str(port), str(places.MAIL)]
            word = "local.mailbox"
        _start(service.name, command, word, settings)


def _wait_for_services(services: Collection[Service], ports: Mapping[str, int]) -> None:
    """Wait until each service answers.

    Raises:
        SystemExit: one ended, or does not answer.
    """
    password = environment.known_secrets()["BROKER_PASSWORD"]
    end = time.monotonic() + SERVICE_SECONDS
    for service in services:
        port = ports[service.name]
        while not (
            broker.is_ready(port, password) if service is BROKER else object_store.is_ready(port)
        ):
            if processes.find(service.name, places.RUN) is None or time.monotonic() > end:
                raise SystemExit(_failure(f"the {service.name}", service.name))
            time.sleep(0.1)


def _stop_services(kept: Collection[Service] = ()) -> None:
    for name in set(topology.SERVICES) - {service.name for service in kept}:
        processes.stop(name, places.RUN)


def _fill_bucket(landing: Path, port: int, watch: Stopwatch) -> None:
    """Upload what is new in the folder *landing* to the landing root of the bucket."""
    s3 = object_store.client(port, environment.known_secrets())
    object_store.create_bucket(s3)
    count = object_store.upload(s3, landing, "landing")
    watch.say(f"{count} files uploaded to s3://{object_store.BUCKET}/landing")


def _start(name: str, command: list[str], word: str, settings: dict[str, str]) -> None:
    processes.stop(name, places.RUN)  # what a crashed one left behind
    processes.start(name, command, word, environment=settings, run=places.RUN, logs=places.LOGS)


def _start_migration(
    metadata: str, settings: dict[str, str], watch: Stopwatch
) -> subprocess.Popen[bytes] | None:
    """Begin to bring Airflow's database to this Airflow's schema, unless it is there already."""
    with psycopg.connect(metadata) as connection:
        row = connection.execute("select to_regclass('alembic_version')").fetchone()
    is_there = row is not None and row[0] is not None
    before = _migrated().read_text() if is_there and _migrated().exists() else None
    if before == _airflow_version():
        return None
    origin = f"from {before} to {_airflow_version()}" if before else "only the first time"
    watch.say(f"migrating Airflow's database ({origin})")
    if _any_component_runs():
        stop_airflow()
    places.LOGS.mkdir(parents=True, exist_ok=True)
    with (places.LOGS / "migrate.log").open("ab") as log:
        command = [sys.executable, "-m", "airflow", "db", "migrate"]
        return subprocess.Popen(command, env=settings, stdout=log, stderr=subprocess.STDOUT)


def _finish_migration(migration: subprocess.Popen[bytes] | None) -> None:
    if migration is None:
        return
    if migration.wait() != 0:
        raise SystemExit(_failure("the migration of Airflow's database", "migrate"))
    _migrated().write_text(_airflow_version())


def _migrated() -> Path:
    return places.AIRFLOW_HOME / "migrated"


def _airflow_version() -> str:
    return version("apache-airflow-core")


def _start_airflow(
    chosen: Topology, settings: dict[str, str], addresses: Addresses, watch: Stopwatch
) -> None:
    """Start the components that do not run; all of them again when their settings have changed."""
    # Not the rest of the environment: a shell changes some of it with every command.
    own = [pair for pair in sorted(settings.items()) if pair[0].startswith(OUR_SETTINGS)]
    own += [("version", claimhouse.__version__), ("revision", revisions.head())]
    digest = hashlib.sha256(json.dumps(own).encode()).hexdigest()
    stamp = places.RUN / "settings.sha256"
    missing = _missing(chosen)
    is_same = stamp.exists() and stamp.read_text() == digest
    if not missing and is_same:
        watch.say("Airflow runs already")
        return
    if len(missing) < len(chosen.components) and not is_same:
        watch.say(
            "settings or version have changed: stopping Airflow to start it with the new ones"
        )
    if not is_same:
        stop_airflow()  # of another topology too
        missing = chosen.components
    _write_login()
    watch.say("starting Airflow: " + ", ".join(component.name for component in missing))
    for component in missing:
        if component.name == topology.SCHEDULER:
            _wait_for_api(chosen, addresses.api_port, watch)
        command = [sys.executable, "-m", "airflow", *component.arguments]
        _start(component.name, command, "airflow", settings | component.settings)
    stamp.write_text(digest)


def _missing(chosen: Topology) -> tuple[Component, ...]:
    """The components that do not run."""
    return tuple(
        component
        for component in chosen.components
        if processes.find(component.name, places.RUN) is None
    )


def _any_component_runs() -> bool:
    return any(processes.find(name, places.RUN) is not None for name in topology.COMPONENTS)


def stop_airflow() -> None:
    """Stop Airflow's components, all at once."""
    with ThreadPoolExecutor(len(topology.COMPONENTS)) as pool:
        list(pool.map(lambda name: processes.stop(name, places.RUN), topology.COMPONENTS))


def _write_login() -> None:
    password = environment.known_secrets()["ADMIN_PASSWORD"]
    places.AIRFLOW_HOME.mkdir(parents=True, exist_ok=True)
    file = places.AIRFLOW_HOME / "passwords.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps({environment.LOGIN: password}))


def _wait_for_api(chosen: Topology, port: int, watch: Stopwatch) -> None:
    started = [part.name for part in chosen.components if part.name != topology.SCHEDULER]
    _wait(lambda: airflow_api.health(port), bool, started, watch)


def _wait_for_health(chosen: Topology, addresses: Addresses, watch: Stopwatch) -> None:
    """Wait until Airflow says that it is healthy, and each worker answers."""

    def states() -> dict[str, str]:
        found = airflow_api.health(addresses.api_port)
        if not found or not chosen.workers:
            return found
        password = environment.known_secrets()["BROKER_PASSWORD"]
        at = broker.url(addresses.ports[BROKER.name], password)
        return found | broker.answering(at, chosen.workers)

    started = [component.name for component in chosen.components]
    _wait(states, lambda found: set(found.values()) == {"healthy"}, started, watch)
    watch.say(" and ".join(["Airflow is healthy", *(f"{name} answers" for name in chosen.workers)]))


def _wait(
    states: Callable[[], dict[str, str]],
    ready: Callable[[dict[str, str]], bool],
    started: Collection[str],
    watch: Stopwatch,
) -> None:
    """Wait until the *states* are *ready*, or say which of the *started* components ended."""
    end = time.monotonic() + HEALTH_SECONDS
    shown = ""
    while not ready(found := states()):
        for name in started:
            if processes.find(name, places.RUN) is None:
                raise SystemExit(_failure(f"Airflow's {name}", name))
        waiting = [name for name, state in found.items() if state != "healthy"] or ["api-server"]
        if (text := "waiting for " + ", ".join(waiting)) != shown:
            watch.say(text)
            shown = text
        if time.monotonic() > end:
            raise SystemExit(f"not healthy after {HEALTH_SECONDS} s, see {places.LOGS}: {shown}")
        time.sleep(1)


def _failure(what: str, log: str) -> str:
    """Why *what* ended: the last lines of its log."""
    file = places.LOGS / f"{log}.log"
    lines = file.read_text(errors="replace").splitlines()[-15:]
    return "\n".join([f"{what} ended; the end of {file}:", *(f"    {line}" for line in lines)])


def describe(addresses: Addresses) -> str:
    """Where to go now, for a person."""
    password = environment.known_secrets()["ADMIN_PASSWORD"]
    ports = addresses.ports
    lines = [
        f"  Airflow    {addresses.ui}   login: {environment.LOGIN}   password: {password}",
        f"  Warehouse  {addresses.warehouse}",
        f'             . {_short(places.WAREHOUSE_ENV)} && psql "$WAREHOUSE_URL"',
        f"  Mailbox    {_short(places.MAIL)}/*.eml   (SMTP on 127.0.0.1:{ports[MAILBOX.name]})",
    ]
    if BROKER.name in ports:
        lines += [
            f"  Bucket     {_short(places.OBJECTS / object_store.BUCKET)}"
            f"   (S3 on 127.0.0.1:{ports[OBJECT_STORE.name]})",
            f"  Broker     Valkey on 127.0.0.1:{ports[BROKER.name]}",
        ]
    return "\n".join(
        [
            *lines,
            f"  Secrets    {_short(places.SECRETS)}   (passwords of the extracts among them)",
            f"  Logs       {_short(places.LOGS)}; of tasks {_short(task_logs())}",
            "  It stays up until `make down`.",
        ]
    )


def task_logs() -> Path:
    """The folder of the logs of tasks that have ended."""
    if topology.chosen().workers:
        return places.OBJECTS / object_store.BUCKET / "logs"
    return places.AIRFLOW_LOGS


def _short(path: Path) -> Path:
    return path.relative_to(places.ROOT) if path.is_relative_to(places.ROOT) else path


def main() -> None:
    """``up`` or ``down``."""
    what = sys.argv[1] if len(sys.argv) == 2 else ""
    watch = Stopwatch()
    if what == "up":
        landing = places.landing_as_before()
        watch.say(f"feeds are taken from {landing}")
        addresses = up(watch, landing)
        print("\n" + describe(addresses))
    elif what == "down":
        down(watch)
    else:
        raise SystemExit("usage: python -m local.system up|down")


if __name__ == "__main__":
    main()
