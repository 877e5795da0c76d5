"""The production shape: what no container engine here can start is at least well-formed and whole."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yaml"
SPECIFICATION = ROOT / "tests" / "data" / "compose" / "compose-spec.json"
SETTINGS = ROOT / "plugins" / "claimhouse" / "settings.py"
READERS = ("os.environ.get", "os.environ.setdefault", "os.getenv")
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(:\?|:-)?")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The compose file, anchors and merges resolved."""
    return yaml.safe_load(COMPOSE.read_text())


@pytest.fixture(scope="module")
def example() -> dict[str, str]:
    """What .env.example sets; a setting in a comment counts as named, with no value."""
    found = {}
    for line in (ROOT / ".env.example").read_text().splitlines():
        if match := re.fullmatch(r"(#?)([A-Z][A-Z0-9_]*)=(.*)", line):
            found[match[2]] = match[3] if not match[1] else "(commented)"
    return found


def test_it_fits_the_compose_specification(compose: dict[str, Any]) -> None:
    schema = json.loads(SPECIFICATION.read_text())
    assert schema["title"] == "Compose Specification"
    errors = Draft202012Validator(schema).iter_errors(compose)
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_it_has_every_part(compose: dict[str, Any]) -> None:
    services = compose["services"]
    images = {name: one.get("image", "") for name, one in services.items()}
    airflow = ("init", "api-server", "scheduler", "dag-processor", "triggerer", "worker")
    assert all(images[name].startswith("claimhouse:") for name in airflow)
    assert images["metadata"] == images["warehouse"] == "postgres:18"
    assert images["redis"].startswith("redis:")
    assert images["s3"].startswith("versity/versitygw:")
    assert images["mail"].startswith("axllent/mailpit:")
    assert set(services) == {*airflow, "metadata", "warehouse", "redis", "s3", "mail"}


def test_every_service_that_stays_up_says_whether_it_is_healthy(compose: dict[str, Any]) -> None:
    without = {name for name, one in compose["services"].items() if "healthcheck" not in one}
    assert without == {"init"}


def test_no_image_is_a_moving_target(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert ":" in service["image"], name
        assert not service["image"].endswith(":latest"), name


def test_ports_are_open_to_this_machine_only(compose: dict[str, Any]) -> None:
    ports = [port for one in compose["services"].values() for port in one.get("ports", ())]
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
    assert _read_by(SETTINGS)  # the parser below still finds them
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


def test_what_the_image_adds_fits_what_was_tested() -> None:
    def pins(path: str) -> dict[str, str]:
        return dict(re.findall(r"^([\w.\[\]-]+)==(\S+)", (ROOT / path).read_text(), re.M))

    tested, added = pins("requirements.txt"), pins("docker/requirements.txt")
    assert "apache-airflow-providers-fab" in added
    different = {name for name in added.keys() & tested.keys() if added[name] != tested[name]}
    assert different == set()


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
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        asked: ast.expr | None = None
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            asked = node.slice
        if isinstance(node, ast.Call) and ast.unparse(node.func) in READERS:
            asked = node.args[0]
        if isinstance(asked, ast.Constant) and isinstance(asked.value, str):
            found.add(asked.value)
    return found
