"""Starts and stops the whole system on one machine: ``python -m local.system up`` or ``down``.

Postgres, a mailbox and the four Airflow components run in the background, reachable from this
machine only. Both commands may be repeated at any time; after a crash too.
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
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from filelock import FileLock

from claimhouse import schema
from local import airflow_api, embedded, environment, places, processes

# What tells whether Airflow must be started anew.
OUR_SETTINGS = ("AIRFLOW", "CLAIMHOUSE_", "WAREHOUSE_URL", "PYTHONPATH")
# The API server reads task logs from disk: the others need no port to serve them. The scheduler
# comes last, when the API server answers: a task that cannot reach it uses up one of its tries.
AIRFLOW = {
    "api-server": ("api-server",),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
    "scheduler": ("scheduler", "--skip-serve-logs"),
}
MAILBOX = "mailbox"
HEALTH_SECONDS = 180
RECOVERY_SECONDS = 120


@dataclass(frozen=True)
class Addresses:
    """Where the running system is reached."""

    api_port: int
    mail_port: int
    warehouse: str

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
    places.RUN.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time():
        watch.say(f"starting Postgres in {places.POSTGRES}")
        metadata, warehouse = start_postgres()
        ports = _ports(watch)
        addresses = Addresses(ports["api"], ports["mail"], warehouse)
        settings = environment.for_airflow(
            warehouse, metadata, landing, addresses.api_port, addresses.mail_port
        )
        places.LANDING_CHOSEN.write_text(str(landing))
        _start_mailbox(addresses.mail_port)
        migration = _start_migration(metadata, settings, watch)
        watch.say("bringing the warehouse to the newest schema")
        schema.upgrade(warehouse)
        roots = {name: value for name, value in settings.items() if name.endswith("_ROOT")}
        values = {"WAREHOUSE_URL": warehouse} | roots
        environment.write(places.WAREHOUSE_ENV, values, "The warehouse, while the system is up.")
        _finish_migration(migration)
        _start_airflow(settings, addresses.api_port, watch)
        _wait_for_health(addresses.api_port, watch)
    return addresses


def down(watch: Stopwatch) -> None:
    """Stop all that runs, Airflow first and Postgres last."""
    places.RUN.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time():
        watch.say("stopping Airflow and the mailbox")
        stop_airflow()
        processes.stop(MAILBOX, places.RUN)
        watch.say("stopping Postgres")
        _forget_stale_postmaster()
        embedded.stop(places.POSTGRES)
        (places.RUN / "ports.json").unlink(missing_ok=True)
    watch.say("everything is stopped; what it wrote stays in " + str(places.VAR))


def running() -> Addresses | None:
    """Where the system is reached, when its Airflow runs."""
    if any(processes.find(name, places.RUN) is None for name in AIRFLOW):
        return None
    ports = json.loads((places.RUN / "ports.json").read_text())
    warehouse = environment.read(places.WAREHOUSE_ENV)["WAREHOUSE_URL"]
    return Addresses(ports["api"], ports["mail"], warehouse)


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
        except (subprocess.SubprocessError, psycopg.OperationalError) as problem:
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


def _ports(watch: Stopwatch) -> dict[str, int]:
    """The ports in use, or free ones where a part does not run yet."""
    file = places.RUN / "ports.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    wanted = {
        "api": int(os.environ.get("API_PORT", "8080")),
        "mail": int(os.environ.get("SMTP_PORT", "2525")),
    }
    users = {"api": "api-server", "mail": MAILBOX}
    ports = {}
    for use, port in wanted.items():
        if use in known and processes.find(users[use], places.RUN) is not None:
            ports[use] = known[use]
            continue
        ports[use] = free_port(port)
        if ports[use] != port:
            watch.say(f"port {port} is taken: the {users[use]} uses {ports[use]}")
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


def _start_mailbox(port: int) -> None:
    if processes.find(MAILBOX, places.RUN) is not None:
        return
    command = [sys.executable, "-m", "local.mailbox", str(port), str(places.MAIL)]
    _start(MAILBOX, command, "local.mailbox", environment.of_python())


def _start(name: str, command: list[str], word: str, settings: dict[str, str]) -> None:
    processes.stop(name, places.RUN)  # what a crashed one left behind
    processes.start(name, command, word, environment=settings, run=places.RUN, logs=places.LOGS)


def _start_migration(
    metadata: str, settings: dict[str, str], watch: Stopwatch
) -> subprocess.Popen[bytes] | None:
    """Begin to bring Airflow's database to this Airflow's schema, unless it is there already."""
    with psycopg.connect(metadata) as connection:
        row = connection.execute("select to_regclass('alembic_version')").fetchone()
    done = row is not None and row[0] is not None and _migrated().exists()
    if done and _migrated().read_text() == _airflow_version():
        return None
    watch.say("migrating Airflow's database (only the first time)")
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


def _start_airflow(settings: dict[str, str], port: int, watch: Stopwatch) -> None:
    """Start the components that do not run; all of them anew when their settings have changed."""
    # Not the rest of the environment: a shell changes some of it with every command.
    own = [pair for pair in sorted(settings.items()) if pair[0].startswith(OUR_SETTINGS)]
    digest = hashlib.sha256(json.dumps(own).encode()).hexdigest()
    stamp = places.RUN / "settings.sha256"
    missing = [name for name in AIRFLOW if processes.find(name, places.RUN) is None]
    if not missing and stamp.exists() and stamp.read_text() == digest:
        watch.say("Airflow runs already")
        return
    if len(missing) < len(AIRFLOW) and (not stamp.exists() or stamp.read_text() != digest):
        watch.say("settings have changed: stopping Airflow to start it with the new ones")
        stop_airflow()
        missing = list(AIRFLOW)
    _write_login()
    watch.say("starting Airflow: " + ", ".join(missing))
    for name in missing:
        if name == "scheduler":
            _wait_for_api(port, watch)
        _start(name, [sys.executable, "-m", "airflow", *AIRFLOW[name]], "airflow", settings)
    stamp.write_text(digest)


def stop_airflow() -> None:
    """Stop Airflow's components, all at once."""
    with ThreadPoolExecutor(len(AIRFLOW)) as pool:
        list(pool.map(lambda name: processes.stop(name, places.RUN), AIRFLOW))


def _write_login() -> None:
    password = environment.known_secrets()["ADMIN_PASSWORD"]
    places.AIRFLOW_HOME.mkdir(parents=True, exist_ok=True)
    file = places.AIRFLOW_HOME / "passwords.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps({environment.LOGIN: password}))


def _wait_for_api(port: int, watch: Stopwatch) -> None:
    _wait(port, watch, bool, AIRFLOW.keys() - {"scheduler"})


def _wait_for_health(port: int, watch: Stopwatch) -> None:
    _wait(port, watch, lambda states: set(states.values()) == {"healthy"}, AIRFLOW.keys())
    watch.say("Airflow is healthy")


def _wait(
    port: int,
    watch: Stopwatch,
    ready: Callable[[dict[str, str]], bool],
    started: Collection[str],
) -> None:
    """Wait until Airflow's health is *ready*, or say which of the *started* components ended."""
    end = time.monotonic() + HEALTH_SECONDS
    told = ""
    while not ready(states := airflow_api.health(port)):
        for name in started:
            if processes.find(name, places.RUN) is None:
                raise SystemExit(_failure(f"Airflow's {name}", name))
        waiting = [name for name, state in states.items() if state != "healthy"] or ["api-server"]
        if (text := "waiting for " + ", ".join(waiting)) != told:
            watch.say(text)
            told = text
        if time.monotonic() > end:
            raise SystemExit(f"not healthy after {HEALTH_SECONDS} s, see {places.LOGS}: {told}")
        time.sleep(1)


def _failure(what: str, log: str) -> str:
    """Why *what* ended: the last lines of its log."""
    file = places.LOGS / f"{log}.log"
    lines = file.read_text(errors="replace").splitlines()[-15:]
    return "\n".join([f"{what} ended; the end of {file}:", *(f"    {line}" for line in lines)])


def describe(addresses: Addresses) -> str:
    """Where to go now, for a person."""
    password = environment.known_secrets()["ADMIN_PASSWORD"]
    return "\n".join(
        [
            f"  Airflow    {addresses.ui}   login: {environment.LOGIN}   password: {password}",
            f"  Warehouse  {addresses.warehouse}",
            f'             . {_short(places.WAREHOUSE_ENV)} && psql "$WAREHOUSE_URL"',
            f"  Mailbox    {_short(places.MAIL)}/*.eml   (SMTP on 127.0.0.1:{addresses.mail_port})",
            f"  Secrets    {_short(places.SECRETS)}   (passwords of the extracts among them)",
            f"  Logs       {_short(places.LOGS)}; of tasks {_short(places.AIRFLOW_LOGS)}",
            "  It stays up until `make down`.",
        ]
    )


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
