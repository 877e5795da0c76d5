"""The secrets and settings of the local system.

Secrets are generated on first use and kept in ``var/local.env``, which only its owner can read. No
secret is in the repository.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from local import broker, object_store, places, postgres, topology

LOGIN = "admin"
# The logins of the UI and Airflow's role of each: one may do everything, one works on the pages, one looks.
LOGINS = {LOGIN: "admin", "reviewer": "user", "viewer": "viewer"}
TASKS_AT_ONCE = 3  # each is a process of 150 to 250 MB
SENDER = "claimhouse@claimhouse.example"


def read(path: Path) -> dict[str, str]:
    """The ``NAME=value`` lines of *path*; empty if there is no such file."""
    if not path.exists():
        return {}
    lines = (line.split("=", 1) for line in path.read_text().splitlines())
    return {line[0]: line[1] for line in lines if len(line) == 2 and not line[0].startswith("#")}


def write(path: Path, values: dict[str, str], note: str) -> None:
    """Write *values* to *path* as ``NAME=value`` lines under *note*; only the owner can read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"# {note}\n" + "".join(f"{name}={value}\n" for name, value in values.items()))
    draft.replace(path)


def clients() -> list[str]:
    """The clients that have a file, in upper case as in names of connections."""
    files = sorted((places.ROOT / "include" / "clients").glob("*.yaml"))
    return [file.stem.upper().replace("-", "_") for file in files]


def known_secrets() -> dict[str, str]:
    """Every secret of this system; missing ones are generated and saved."""
    generators: dict[str, Callable[[], str]] = {
        **{f"{login.upper()}_PASSWORD": lambda: secrets.token_urlsafe(12) for login in LOGINS},
        "FERNET_KEY": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "API_SECRET_KEY": lambda: secrets.token_urlsafe(32),
        "JWT_SECRET": lambda: secrets.token_urlsafe(48),
        "PSEUDONYM_KEY": lambda: secrets.token_urlsafe(32),
        "PORTAL_PASSWORD": lambda: secrets.token_hex(24),
        "BROKER_PASSWORD": lambda: secrets.token_hex(24),
        "S3_ACCESS_KEY": lambda: secrets.token_hex(10),
        "S3_SECRET_KEY": lambda: secrets.token_hex(20),
    }
    for client in clients():
        generators[f"EXTRACT_PASSWORD_{client}"] = lambda: secrets.token_urlsafe(15)
    return kept(generators)


def kept(generators: Mapping[str, Callable[[], str]]) -> dict[str, str]:
    """Every secret of this system, those of *generators* among them: missing ones are generated and saved."""
    known = read(places.SECRETS)
    missing = generators.keys() - known.keys()
    if missing:
        known |= {name: generators[name]() for name in generators if name in missing}
        write(places.SECRETS, known, "Secrets of this machine's system: never commit them.")
    return known


def of_python() -> dict[str, str]:
    """The environment of this process without variables that refer to another system."""
    foreign = ("AIRFLOW", "CLAIMHOUSE_", "PYTHON", "WAREHOUSE_URL", "LANDING")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    venv = str(Path(sys.executable).parent)
    return kept | {
        "PATH": f"{venv}:{kept.get('PATH', os.defpath)}",
        "PYTHONPATH": f"{places.ROOT}:{places.ROOT / 'plugins'}",
        "PYTHONUNBUFFERED": "1",
        "CLAIMHOUSE_VAR": str(places.VAR),
    }


def for_airflow(
    warehouse: str,
    metadata: str,
    landing: Path,
    api_port: int,
    mail_port: int,
    of_topology: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The complete environment of an Airflow component.

    Args:
        warehouse: ``postgresql://`` URL of the warehouse.
        metadata: ``postgresql://`` URL of Airflow's own database.
        landing: the landing root.
        api_port: the port of the API server, on 127.0.0.1.
        mail_port: the port of the mailbox, on 127.0.0.1.
        of_topology: settings that replace these; see :func:`for_celery`.
    """
    own = known_secrets()
    settings = {
        "AIRFLOW_HOME": str(places.AIRFLOW_HOME),
        "WAREHOUSE_URL": warehouse,
        "CLAIMHOUSE_HOME": str(places.ROOT),
        "CLAIMHOUSE_LANDING_ROOT": f"file://{landing}",
        "CLAIMHOUSE_ARCHIVE_ROOT": f"file://{places.ARCHIVE}",
        "CLAIMHOUSE_CORRECTIONS_ROOT": f"file://{places.VAR / 'corrections'}",
        "CLAIMHOUSE_EXTRACT_FOLDER": str(places.VAR / "extracts"),
        "SCARF_ANALYTICS": "false",
        "DO_NOT_TRACK": "1",
    }
    settings |= _airflow_options(own, metadata, api_port)
    settings |= _connections(own, warehouse, mail_port)
    python = of_python()
    settings["PYTHONPATH"] = f"{python['PYTHONPATH']}:{places.ROOT / 'local' / 'preload'}"
    settings |= of_topology or {}
    # Variables set for this run take precedence.
    chosen = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("AIRFLOW__", "CLAIMHOUSE_"))
        and name not in ("CLAIMHOUSE_VAR", topology.CHOICE)
    }
    return python | settings | chosen


def for_celery(metadata: str, broker_port: int) -> dict[str, str]:
    """The settings that differ from :func:`for_airflow` with Celery workers and a bucket.

    Timeouts are shorter than in docker-compose.yaml, for a person who is watching; their effect
    when a worker dies is described in docs/decisions/0013.

    Args:
        metadata: ``postgresql://`` URL of Airflow's own database.
        broker_port: the port of the broker, on 127.0.0.1.
    """
    own = known_secrets()
    database = metadata.removeprefix("postgresql://")
    options = {
        ("core", "executor"): "CeleryExecutor",
        ("core", "hostname_callable"): "local.topology.worker_name",
        ("celery", "broker_url"): broker.url(broker_port, own["BROKER_PASSWORD"]),
        ("celery", "result_backend"): f"db+postgresql+psycopg2://{database}",
        ("celery", "worker_concurrency"): str(topology.WORKER_CONCURRENCY),
        # As many as the workers run: tasks that wait in the broker would count as stuck.
        ("core", "parallelism"): str(topology.WORKERS * topology.WORKER_CONCURRENCY),
        ("celery", "worker_prefetch_multiplier"): "1",
        ("celery", "task_acks_late"): "True",
        ("celery_broker_transport_options", "visibility_timeout"): "21600",
        ("scheduler", "task_queued_timeout"): "120",
        ("scheduler", "task_queued_timeout_check_interval"): "15",
        ("logging", "remote_logging"): "True",
        ("logging", "remote_base_log_folder"): f"s3://{object_store.BUCKET}/logs",
        ("logging", "remote_log_conn_id"): object_store.CONNECTION,
        ("logging", "delete_local_logs"): "True",
    }
    return _variables(options) | {
        "CLAIMHOUSE_LANDING_ROOT": object_store.address("landing"),
        "CLAIMHOUSE_ARCHIVE_ROOT": object_store.address("archive"),
        "CLAIMHOUSE_CORRECTIONS_ROOT": object_store.address("corrections"),
        "CLAIMHOUSE_LINK_STORE": object_store.address("extracts"),
    }


def _airflow_options(own: dict[str, str], metadata: str, api_port: int) -> dict[str, str]:
    passwords = places.AIRFLOW_HOME / "passwords.json"
    database = metadata.removeprefix("postgresql://")
    options = {
        ("core", "dags_folder"): str(places.ROOT / "dags"),
        ("core", "plugins_folder"): str(places.ROOT / "plugins"),
        ("core", "load_examples"): "False",
        ("core", "executor"): "LocalExecutor",
        ("core", "parallelism"): str(TASKS_AT_ONCE),
        ("core", "dags_are_paused_at_creation"): "False",
        ("core", "fernet_key"): own["FERNET_KEY"],
        ("core", "simple_auth_manager_users"): ",".join(
            f"{login}:{role}" for login, role in LOGINS.items()
        ),
        ("core", "simple_auth_manager_passwords_file"): str(passwords),
        ("core", "execution_api_server_url"): f"http://127.0.0.1:{api_port}/execution/",
        ("database", "sql_alchemy_conn"): f"postgresql+psycopg2://{database}",
        ("database", "sql_alchemy_conn_async"): f"postgresql+psycopg://{database}",
        ("database", "sql_alchemy_pool_size"): "3",
        ("logging", "base_log_folder"): str(places.AIRFLOW_LOGS),
        ("logging", "colored_console_log"): "False",
        # Airflow sets these itself, whatever the umask.
        ("logging", "file_task_handler_new_folder_permissions"): "0o700",
        ("logging", "file_task_handler_new_file_permissions"): "0o600",
        ("api", "host"): "127.0.0.1",
        ("api", "port"): str(api_port),
        ("api", "base_url"): f"http://localhost:{api_port}",
        ("api", "workers"): "1",
        ("api", "secret_key"): own["API_SECRET_KEY"],
        ("api_auth", "jwt_secret"): own["JWT_SECRET"],
        # On a busy machine the API server may answer a task slowly.
        ("workers", "execution_api_retries"): "8",
        # One who waits for a task looks this often whether its process has ended, unless told so.
        ("workers", "min_heartbeat_interval"): "1",
        # A new DAG file is seen soon, but the cores are left to the tasks.
        ("dag_processor", "refresh_interval"): "20",
        ("dag_processor", "bundle_refresh_check_interval"): "5",
        ("dag_processor", "min_file_process_interval"): "60",
        ("dag_processor", "parsing_processes"): "1",
        ("scheduler", "scheduler_heartbeat_sec"): "2",
        ("scheduler", "scheduler_idle_sleep_time"): "0.5",
        # A killed scheduler takes its tasks along. They are found soon, for a person who watches.
        ("scheduler", "orphaned_tasks_check_interval"): "15",
        ("scheduler", "task_instance_heartbeat_timeout"): "60",
        ("scheduler", "task_instance_heartbeat_timeout_detection_interval"): "5",
    }
    return _variables(options)


def _variables(options: Mapping[tuple[str, str], str]) -> dict[str, str]:
    """Airflow's *options* by section and key, as environment variables."""
    return {
        f"AIRFLOW__{section.upper()}__{key.upper()}": value
        for (section, key), value in options.items()
    }


def _connections(own: dict[str, str], warehouse: str, mail_port: int) -> dict[str, str]:
    mail = {
        "conn_type": "smtp",
        "host": "127.0.0.1",
        "port": mail_port,
        # Loopback only: the mailbox has no TLS.
        "extra": {"disable_ssl": True, "disable_tls": True, "from_email": SENDER, "timeout": 30},
    }
    connections = {
        "CLAIMHOUSE_WAREHOUSE": warehouse,
        "CLAIMHOUSE_MAIL": json.dumps(mail),
        "CLAIMHOUSE_PORTAL": portal_url(warehouse, own["PORTAL_PASSWORD"]),
        "CLAIMHOUSE_PSEUDONYM": _password(own["PSEUDONYM_KEY"]),
    }
    connections |= {
        f"CLAIMHOUSE_EXTRACT_{client}": _password(own[f"EXTRACT_PASSWORD_{client}"])
        for client in clients()
    }
    return {f"AIRFLOW_CONN_{name}": value for name, value in connections.items()}


def portal_url(warehouse: str, password: str) -> str:
    """The address of the warehouse for the portal's role."""
    return urlsplit(warehouse)._replace(netloc=f"{postgres.PORTAL_ROLE}:{password}@").geturl()


def _password(value: str) -> str:
    return json.dumps({"conn_type": "generic", "password": value})
