"""Every SELECT of these pages runs, as the reader it is written for, on a published warehouse.

A block of SQL begins with ``-- as <role>``; one without is for the warehouse's owner. ``<name>`` in
a role is any person's. A SELECT in running text (in backticks) is for the owner.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.worlds.client_world import roles_file
from tests.worlds.hospital_world import Hospital, database

from claimhouse import contracts, metrics, reporting, settings
from claimhouse.privacy import SMALL_CELLS
from claimhouse.verification import source_tables

PAGES = ["README.md", "docs/readers.md", "docs/dags.md"]
OWNER = "owner"
PERSON = "reader"


def statements(page: Path) -> Iterator[tuple[str, str]]:
    """Each SELECT of a page: the role that runs it, and its text."""
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^```sql\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        role = re.match(r"-- as (\S+)\n", block)
        for statement in block[role.end() if role else 0 :].split(";"):
            if statement.strip():
                yield (role[1].replace("<name>", PERSON) if role else OWNER), statement.strip()
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    for statement in re.findall(r"`(select [^`]+);`", prose):
        yield OWNER, statement


def cases() -> list[Any]:
    return [
        pytest.param(role, statement, id=f"{page} {role} {statement[:60]}")
        for page in PAGES
        for role, statement in statements(settings.PROJECT / page)
    ]


@pytest.fixture(scope="module")
def published(server, tmp_path_factory):
    """The clients and roles of the repository, each role with a person, on a small hospital."""
    with database(server) as (address, owner):
        world = Hospital(owner, address, encounters=60)
        for source in contracts.sources():
            source_tables.ensure_tables(source)
        roles = yaml.safe_load((settings.INCLUDE / "roles.yaml").read_text())["roles"]
        file = tmp_path_factory.mktemp("roles") / "roles.yaml"
        roles_file(file, *(role | {"logins": [PERSON]} for role in roles))
        metrics.publish(owner)
        reporting.publish(owner, settings.INCLUDE / "clients", file)
        yield world


@pytest.mark.parametrize("role, statement", cases())
def test_every_select_of_the_pages_runs(published, role, statement):
    if role == OWNER:
        published.connection.execute(statement)
        return
    with published.session(role) as session:
        session.execute(statement)


def test_the_pages_have_selects():
    found = {page: len(list(statements(settings.PROJECT / page))) for page in PAGES}
    assert all(count > 3 for count in found.values()), found


def test_the_threshold_of_small_cells_is_the_one_in_force(published):
    """It is told once in the code; the comment of the schema ``counts`` and the page follow."""
    threshold = f"{SMALL_CELLS[0]} to {SMALL_CELLS[-1]} patients"
    (comment,) = published.connection.execute(
        "select obj_description('counts'::regnamespace)"
    ).fetchone()
    assert threshold in comment
    for page in ("readers.md", "glossary.md", "decisions/0006-small-cells.md"):
        assert threshold in (settings.PROJECT / "docs" / page).read_text(encoding="utf-8"), page
