"""Start and stop the whole system on one machine: ``python -m local.system up`` or ``down``.

Postgres, the services and the Airflow components of a topology (``local.topology``) run in the
background, reachable from this machine only. What dies is started again (``local.supervisor``).
Both commands can be repeated at any time, also after
a crash and with another topology.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock

from claimhouse import schema
from local import (
    components,
    environment,
    object_store,
    places,
    postgres,
    processes,
    readers_portal,
    services,
    supervisor,
    topology,
)
from local.progress import Stopwatch
from local.topology import API, BROKER, MAILBOX, OBJECT_STORE, PORTAL, Topology

# Ends sessions of readers that are in the way of others: claimhouse.reporting.guard.
GUARD = "guard"
# The tabs of the pages, in Airflow's frame.
FRAME = "/plugin/claimhouse"
MAY = {
    "reviewer": "uploads, processes, waives, corrects",
    "viewer": "looks",
    "admin": "everything in Airflow, dashboards too",
}


@dataclass(frozen=True)
class Addresses:
    """Where the running system is reached.

    Attributes:
        ports: the port of each service, by its name.
        warehouse: the ``postgresql://`` URL of the warehouse.
        is_upgraded: whether this start has changed the warehouse's schema.
    """

    ports: Mapping[str, int]
    warehouse: str
    is_upgraded: bool = False

    @property
    def api_port(self) -> int:
        """The port of Airflow's API and UI."""
        return self.ports[API.name]

    @property
    def portal(self) -> str:
        """The address of the readers' portal."""
        return readers_portal.address(self.ports[PORTAL.name])

    @property
    def ui(self) -> str:
        """The address of the Airflow UI."""
        return f"http://localhost:{self.api_port}"


def up(watch: Stopwatch, landing: Path) -> Addresses:
    """Start whatever does not run yet, wait until it is healthy, and return its addresses.

    Args:
        watch: where progress messages go.
        landing: the landing root; Airflow is restarted if it ran with another one.

    Raises:
        SystemExit: a part could not be started; the message names its log.
    """
    places.make_private()
    chosen = topology.chosen()
    places.RUN.mkdir(parents=True, exist_ok=True)
    with _lock():
        supervisor.stop()
        supervisor.forget_dead_parts()
        watch.say(f"starting Postgres in {places.POSTGRES}")
        metadata, warehouse = postgres.start()
        to_run = services.of(chosen)
        ports = services.choose_ports((API, PORTAL, *to_run), watch)
        addresses = Addresses(ports, warehouse)
        settings = _settings(chosen, addresses, metadata, landing)
        places.LANDING_CHOSEN.write_text(str(landing))
        services.start(to_run, ports)
        supervisor.start(replace=True)
        migration = components.start_migration(metadata, settings, watch)
        if migration is None or not migration.is_first:
            _stop_before_upgrade(warehouse, watch)
        else:
            components.start_api(chosen, settings)
        addresses = replace(addresses, is_upgraded=_upgrade(warehouse, watch))
        postgres.let_the_portal_in(warehouse, environment.known_secrets()["PORTAL_PASSWORD"])
        _write_warehouse_env(settings, addresses)
        services.wait(to_run, ports, watch)
        if OBJECT_STORE in chosen.services:
            services.fill_bucket(landing, ports[OBJECT_STORE.name], watch)
        components.finish_migration(migration)
        components.start(chosen, settings, ports, watch)
        # Airflow's API has answered, for which everything else waits.
        _start_guard(settings)
        readers_portal.start(settings, warehouse, ports[PORTAL.name])
        services.stop(kept=to_run)
        components.wait_for_health(chosen, ports, watch)
    return addresses


def await_portal(addresses: Addresses) -> None:
    """Wait until the readers' portal answers; :func:`up` does not, for its readers have nothing to read yet.

    Raises:
        SystemExit: it does not.
    """
    readers_portal.wait(addresses.ports[PORTAL.name])


def _stop_before_upgrade(warehouse: str, watch: Stopwatch) -> None:
    """Stop a running Airflow of an earlier version, if the warehouse is to be upgraded."""
    with _explained():
        if schema.pending(warehouse) and components.any_runs():
            watch.say("the warehouse is of an earlier version: stopping Airflow to upgrade it")
            components.stop()


def _upgrade(warehouse: str, watch: Stopwatch) -> bool:
    """Upgrade the warehouse to this version's schema.

    Returns:
        Whether it had another one.
    """
    with _explained():
        is_pending = bool(schema.pending(warehouse))
        schema.upgrade(warehouse, say=lambda text: _say(text, watch))
        return is_pending


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Exit where the warehouse cannot be upgraded.

    Raises:
        SystemExit: it cannot; the message says why.
    """
    try:
        yield
    except schema.UpgradeError as error:
        raise SystemExit(f"{error}\nThe warehouse is unchanged: {places.POSTGRES}") from None


def _say(text: str, watch: Stopwatch) -> None:
    """Report the progress of an upgrade, but not each of its revisions."""
    if "the warehouse is at" not in text or ";" in text:
        watch.say(text)


def _start_guard(settings: dict[str, str]) -> None:
    """Start the guard; one that runs may be of an earlier version."""
    command = [sys.executable, "-m", "claimhouse.cli", GUARD]
    processes.restart(GUARD, command, "claimhouse.cli", settings)


def down(watch: Stopwatch) -> None:
    """Stop everything: the supervisor, Airflow, the services, and Postgres last."""
    places.RUN.mkdir(parents=True, exist_ok=True)
    with _lock():
        watch.say("stopping Airflow and its services")
        places.PORTS.unlink(missing_ok=True)  # those who wait stop waiting
        supervisor.stop()
        components.stop()
        services.stop()
        processes.stop(PORTAL.name, places.RUN)
        processes.stop(GUARD, places.RUN)
        watch.say("stopping Postgres")
        postgres.stop()
    watch.say(f"everything is stopped; the data stays in {places.VAR}")


def running() -> Addresses | None:
    """The addresses of the system if its Airflow runs."""
    if processes.find(topology.SCHEDULER, places.RUN) is None:
        return None
    warehouse = environment.read(places.WAREHOUSE_ENV)["WAREHOUSE_URL"]
    return Addresses(services.known_ports(), warehouse)


@contextlib.contextmanager
def _lock() -> Iterator[None]:
    """Only one command at a time starts or stops the system."""
    with FileLock(places.VAR / "system.lock"):
        yield


def _settings(
    chosen: Topology, addresses: Addresses, metadata: str, landing: Path
) -> dict[str, str]:
    """The environment shared by all components of Airflow."""
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
    """Write the variables with which commands reach the warehouse and its files."""
    values = {"WAREHOUSE_URL": addresses.warehouse}
    values |= {name: value for name, value in settings.items() if name.endswith("_ROOT")}
    if OBJECT_STORE.name in addresses.ports:
        port, secrets = addresses.ports[OBJECT_STORE.name], environment.known_secrets()
        connection = object_store.connection_url(port, secrets)
        values[f"AIRFLOW_CONN_{object_store.CONNECTION.upper()}"] = connection
    environment.write(places.WAREHOUSE_ENV, values, "The warehouse, while the system is up.")


def describe(addresses: Addresses) -> str:
    """The addresses, folders and logins of the running system, one a line."""
    known = environment.known_secrets()
    ports = addresses.ports
    lines = [
        f"  Pages      {addresses.ui}/plugin/claimhouse   (Overview)",
        f"  Airflow    {addresses.ui}",
        *(
            f"             login: {login:<9} password: {known[f'{login.upper()}_PASSWORD']}"
            for login in environment.LOGINS
        ),
        f"  Portal     {addresses.portal}   (accounts: `claimhouse portal list`)",
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
    lines += [
        f"  Secrets    {_short(places.SECRETS)}   (including the passwords of extracts)",
        f"  Logs       {_short(places.LOGS)}; of tasks {_short(task_logs())}",
        "  It runs until `make down`.",
    ]
    return "\n".join(lines)


def describe_in_short(addresses: Addresses, readers: Mapping[str, str]) -> str:
    """The pages and logins, and where the rest is found, in a few lines of at most 80 characters.

    Args:
        addresses: of the system.
        readers: the passwords of the accounts of the portal, by name.
    """
    known = environment.known_secrets()
    lines = [f"Pages        {addresses.ui}{FRAME}"]
    logins = [
        f"{login:<9} {known[f'{login.upper()}_PASSWORD']}  {may}" for login, may in MAY.items()
    ]
    lines += [f"{'' if at else 'Log in as':<12} {login}" for at, login in enumerate(logins)]
    lines += [f"Dashboards   {addresses.portal}  sign in as a reader:"]
    people = [f"{name:<10} {password}" for name, password in readers.items()]
    lines += [f"  {'   '.join(people[at : at + 3])}" for at in range(0, len(people), 3)]
    lines += [
        f'Warehouse    . {_short(places.WAREHOUSE_ENV)} && psql "$WAREHOUSE_URL"',
        "More         make summary; make down stops it; "
        f"see {_short(places.MAIL)}, {_short(places.SECRETS)}",
    ]
    return "\n".join(lines)


def task_logs() -> Path:
    """The folder with the logs of finished tasks."""
    if topology.chosen().workers:
        return places.OBJECTS / object_store.BUCKET / "logs"
    return places.AIRFLOW_LOGS


def _short(path: Path) -> Path:
    return path.relative_to(places.ROOT) if path.is_relative_to(places.ROOT) else path


def main() -> None:
    """``up`` or ``down``."""
    command = sys.argv[1] if len(sys.argv) == 2 else ""
    watch = Stopwatch()
    places.make_private()
    if command == "up":
        landing = places.landing_as_before()
        watch.say(f"the landing root is {landing}")
        addresses = up(watch, landing)
        await_portal(addresses)
        print("\n" + describe(addresses))
    elif command == "down":
        down(watch)
    else:
        raise SystemExit("usage: python -m local.system up|down")


if __name__ == "__main__":
    main()
