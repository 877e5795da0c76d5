"""The servers that Airflow connects to, each on a port of this machine."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local import broker, environment, object_store, places, processes, supervisor, topology
from local.progress import Stopwatch, failure
from local.topology import BROKER, OBJECT_STORE, Service, Topology

START_SECONDS = 60
PORTS_TRIED = 100


def of(chosen: Topology) -> tuple[Service, ...]:
    """The services to run: those of the topology, and the object store once it holds files."""
    if OBJECT_STORE in chosen.services or not places.OBJECTS.exists():
        return chosen.services
    return (*chosen.services, OBJECT_STORE)


def choose_ports(services: Collection[Service], watch: Stopwatch) -> dict[str, int]:
    """The port of each service, by name: the port it runs on, else a free one."""
    previous = known_ports() if places.PORTS.exists() else {}
    ports: dict[str, int] = {}
    for service in services:
        if service.name in previous and processes.find(service.name, places.RUN) is not None:
            ports[service.name] = previous[service.name]
            continue
        wanted = int(os.environ.get(service.variable, service.port))
        ports[service.name] = free_port(wanted)
        if ports[service.name] != wanted:
            watch.say(f"port {wanted} is taken: the {service.name} uses {ports[service.name]}")
    places.PORTS.write_text(json.dumps(ports))
    return ports


def known_ports() -> dict[str, int]:
    """The ports of the running system, by name of the service."""
    ports: dict[str, int] = json.loads(places.PORTS.read_text())
    return ports


def free_port(wanted: int) -> int:
    """*wanted*, or the next port after it on which nothing listens on this machine.

    Raises:
        SystemExit: a hundred ports in a row are taken.
    """
    for port in range(wanted, wanted + PORTS_TRIED):
        with socket.socket() as probe:
            # Without this a port counts as taken for a minute after its last connection.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise SystemExit(f"no free port between {wanted} and {wanted + PORTS_TRIED - 1}")


def start(services: Collection[Service], ports: Mapping[str, int]) -> None:
    """Start the services that do not run."""
    for service in services:
        if processes.find(service.name, places.RUN) is None:
            command, word, secrets = _command(service, ports[service.name])
            processes.restart(service.name, command, word, environment.of_python() | secrets)


def _command(service: Service, port: int) -> tuple[list[str], str, dict[str, str]]:
    """The command of *service*, a word of its command line, and variables of its environment."""
    secrets = environment.known_secrets()
    if service is BROKER:
        return broker.command(places.BROKER, port, secrets["BROKER_PASSWORD"]), "valkey", {}
    if service is OBJECT_STORE:
        return object_store.command(places.OBJECTS, port), "nanio", object_store.keys(secrets)
    command = [sys.executable, "-m", "local.mailbox", str(port), str(places.MAIL)]
    return command, "local.mailbox", {}


def wait(services: Collection[Service], ports: Mapping[str, int], watch: Stopwatch) -> None:
    """Wait until each service answers, and say what dies meanwhile.

    Raises:
        SystemExit: a service died too often, or does not answer.
    """
    news = supervisor.News(watch)
    deadline = time.monotonic() + START_SECONDS
    for service in services:
        while not _is_ready(service, ports[service.name]):
            news.tell()
            if time.monotonic() > deadline:
                raise SystemExit(failure(f"the {service.name}", service.name))
            time.sleep(0.1)


def _is_ready(service: Service, port: int) -> bool:
    if service is BROKER:
        return broker.is_ready(port, environment.known_secrets()["BROKER_PASSWORD"])
    return object_store.is_ready(port)


def stop(kept: Collection[Service] = ()) -> None:
    """Stop all services except *kept*."""
    names = set(topology.SERVICES) - {service.name for service in kept}
    with ThreadPoolExecutor(len(topology.SERVICES)) as pool:
        list(pool.map(lambda name: processes.stop(name, places.RUN), names))


def fill_bucket(landing: Path, port: int, watch: Stopwatch) -> None:
    """Upload new and changed files of the folder *landing* to the landing root in the bucket."""
    s3 = object_store.client(port, environment.known_secrets())
    object_store.create_bucket(s3)
    count = object_store.upload(s3, landing, "landing")
    watch.say(f"{count} files uploaded to s3://{object_store.BUCKET}/landing")
