"""The page of security: every promise has a test, and the tables say what the containers have."""

from __future__ import annotations

import ast
import functools
import re

import pytest
import yaml

from claimhouse import settings

PAGE = (settings.PROJECT / "docs" / "security.md").read_text(encoding="utf-8")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def section(title: str) -> str:
    """The text below a heading of the second level."""
    return re.split(r"(?m)^## ", PAGE.split(f"\n## {title}\n", 1)[1])[0]


def rows(text: str) -> list[list[str]]:
    """The cells of the rows of a section's tables, without their headers."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    heads = {place - 1 for place, line in enumerate(lines) if re.fullmatch(r"[|-]+", line)}
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for place, line in enumerate(lines)
        if place not in heads and place - 1 not in heads
    ]


PROMISES = rows(section("What is promised"))


@functools.cache
def defined_in(file: str) -> set[str]:
    """The tests that a file defines."""
    tree = ast.parse((settings.PROJECT / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("promise", "held_by"), PROMISES, ids=range(len(PROMISES)))
def test_every_promise_is_held_by_tests_that_exist(promise: str, held_by: str) -> None:
    named = TEST.findall(held_by)
    assert named, promise
    assert TEST.sub("", held_by).strip(", ") == "", "a cell names tests and nothing else"
    for file, test in named:
        assert test in defined_in(file), f"{file} has no {test}"


def test_every_adversary_has_a_promise() -> None:
    parts = re.split(r"(?m)^### ", section("What is promised"))[1:]
    assert len(parts) >= 8
    for part in parts:
        assert rows(part), part.splitlines()[0]
    assert len(PROMISES) >= 25


def test_no_test_that_holds_a_promise_is_always_skipped() -> None:
    for _, held_by in PROMISES:
        for file, test in TEST.findall(held_by):
            text = (settings.PROJECT / file).read_text(encoding="utf-8")
            before = text[: text.index(f"def {test}(")].rsplit("\ndef ", 1)[-1]
            assert "mark.skip" not in before.rsplit("\n\n\n", 1)[-1], test


def test_the_table_of_secrets_is_that_of_the_containers() -> None:
    services = yaml.safe_load((settings.PROJECT / "docker-compose.yaml").read_text())["services"]
    mounted: dict[str, set[str]] = {}
    for name, service in services.items():
        for secret in service.get("secrets", ()):
            source = secret["source"] if isinstance(secret, dict) else secret
            mounted.setdefault(source, set()).add(name)
    for file, _, holders in rows(section("Secrets")):
        told = set(re.findall(r"[\w-]+", holders))
        if holders.startswith("nobody"):
            told = set()
        if holders.startswith("all but "):
            told = services.keys() - told
        assert mounted.get(file.strip("`"), set()) == told, file


def test_the_table_of_roles_is_that_of_the_server() -> None:
    made = set(
        re.findall(
            r"alter role (\w+)", (settings.PROJECT / "docker/warehouse/roles.sql").read_text()
        )
    )
    told = {
        name
        for cells in rows(section("Database roles"))
        for name in re.findall(r"`(\w+)`", cells[0])
    }
    assert told == made | {"postgres"}
