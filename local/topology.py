"""The processes of one machine, as data: a topology for each value of ``CLAIMHOUSE_EXECUTOR``.

``local`` (the default) runs tasks in the scheduler's own processes and reads feeds from a folder.
``celery`` runs the processes of production: a broker, workers, and an S3 server for what production
keeps in a bucket.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from claimhouse import settings

CHOICE = "CLAIMHOUSE_EXECUTOR"
WORKERS = 2
WORKER_CONCURRENCY = 2
# worker_name() below returns the value of this variable.
WORKER_NAME = "CLAIMHOUSE_WORKER_NAME"


@dataclass(frozen=True)
class Service:
    """A server that Airflow connects to, on a port of this machine.

    Attributes:
        name: of its pid file and its log.
        port: the preferred port; if it is taken, the next free one is used.
        variable: the environment variable for another port.
    """

    name: str
    port: int
    variable: str


@dataclass(frozen=True)
class Component:
    """A process of Airflow.

    Attributes:
        name: of its pid file and its log.
        arguments: of the ``airflow`` command.
        settings: environment variables of this process alone.
        niceness: how far it stands back for others, 0 to 19.
    """

    name: str
    arguments: tuple[str, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    niceness: int = 0


@dataclass(frozen=True)
class Topology:
    """The processes of one executor.

    Attributes:
        components: in order of start. The scheduler is last, after the API server answers: a
            task that cannot reach it uses up one of its tries.
        workers: the components that are Celery workers.
    """

    name: str
    services: tuple[Service, ...]
    components: tuple[Component, ...]
    workers: tuple[str, ...] = ()


def worker_name() -> str:
    """The host name of this process in Airflow: the name of its worker, if it is one."""
    return os.environ.get(WORKER_NAME, "localhost")


def _worker(name: str) -> Component:
    """A worker of every queue; production has workers of their own for publication and delivery."""
    queues = ",".join(("default", settings.PUBLISH_QUEUE, settings.DELIVER_QUEUE))
    arguments = (
        "celery",
        "worker",
        "--skip-serve-logs",
        "--celery-hostname",
        name,
        "--queues",
        queues,
    )
    return Component(name, arguments, {WORKER_NAME: name})


API = Service("api-server", 8080, "API_PORT")
PORTAL = Service("portal", 8090, "PORTAL_PORT")
MAILBOX = Service("mailbox", 2525, "SMTP_PORT")
BROKER = Service("broker", 6379, "BROKER_PORT")
OBJECT_STORE = Service("object-store", 7070, "S3_PORT")

DAG_PROCESSOR, SCHEDULER, TRIGGERER = "dag-processor", "scheduler", "triggerer"
# No logs are served: the API server reads them from disk or from the bucket.
_BEFORE = (
    Component("api-server", ("api-server",)),
    Component(DAG_PROCESSOR, (DAG_PROCESSOR,)),
)
# Started once the API answers, which tasks need. No task of Claimhouse waits in the triggerer: its start, three
# seconds of a processor, keeps nobody waiting.
_LAST = (
    Component(SCHEDULER, (SCHEDULER, "--skip-serve-logs")),
    Component(TRIGGERER, (TRIGGERER, "--skip-serve-logs"), niceness=19),
)
# Processes are identified by the word "airflow", which Celery's process titles contain only here.
_WORKERS = tuple(f"airflow-worker-{number}" for number in range(1, WORKERS + 1))

TOPOLOGIES = {
    "local": Topology("local", (MAILBOX,), _BEFORE + _LAST),
    "celery": Topology(
        "celery",
        (MAILBOX, BROKER, OBJECT_STORE),
        _BEFORE + tuple(_worker(name) for name in _WORKERS) + _LAST,
        _WORKERS,
    ),
}
# Every component of any topology, in the order in which they are stopped.
COMPONENTS = tuple(
    dict.fromkeys(part.name for topology in TOPOLOGIES.values() for part in topology.components)
)
SERVICES = tuple(
    dict.fromkeys(service.name for topology in TOPOLOGIES.values() for service in topology.services)
)


def chosen() -> Topology:
    """The topology named by ``CLAIMHOUSE_EXECUTOR``; ``local`` by default.

    Raises:
        SystemExit: there is no such topology.
    """
    name = os.environ.get(CHOICE) or "local"
    if name not in TOPOLOGIES:
        raise SystemExit(f"{CHOICE}={name}: must be one of {', '.join(sorted(TOPOLOGIES))}")
    return TOPOLOGIES[name]
