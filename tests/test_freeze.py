"""A revision that is committed stays as it is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from local import freeze

LANDED = "sql/0001_a.sql"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with one committed revision."""
    folder = tmp_path / "migrations"
    (folder / "sql" / "0002_b").mkdir(parents=True)
    (folder / "versions").mkdir()
    (folder / LANDED).write_text("create table a ();\n")
    (folder / "versions" / "0001_a.py").write_text("revision = '0001'\n")
    freeze.add_new(folder)
    git(tmp_path, "init", "-q")
    commit(tmp_path)
    return folder


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=test", "-c", "user.email=test@claimhouse.example")
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True)


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "test")


def test_the_revisions_of_this_project_are_frozen() -> None:
    assert freeze.problems(freeze.FOLDER) == []


def test_a_new_file_is_wanted_in_the_list_and_added_by_the_command(folder: Path) -> None:
    new = "sql/0002_b/upgrade.sql"
    (folder / new).write_text("create table b ();\n")
    assert freeze.problems(folder) == [f"{new} is new: run `make freeze`"]
    assert freeze.add_new(folder) == [new]
    assert freeze.problems(folder) == []


def test_a_changed_file_is_refused_and_not_added_again(folder: Path) -> None:
    (folder / LANDED).write_text("create table c ();\n")
    assert freeze.add_new(folder) == []
    (problem,) = freeze.problems(folder)
    assert problem.startswith(f"{LANDED} was changed: restore it, and write a new revision")


@pytest.mark.parametrize("is_committed", [False, True])
def test_a_list_written_anew_hides_no_change(folder: Path, is_committed: bool) -> None:
    (folder / LANDED).write_text("create table c ();\n")
    (folder / freeze.LIST).unlink()
    freeze.add_new(folder)
    if is_committed:
        commit(folder.parent)
    (problem,) = freeze.problems(folder)
    assert problem.startswith(f"{LANDED} was changed")


def test_a_removed_file_is_refused_even_when_its_line_goes_too(folder: Path) -> None:
    (folder / LANDED).unlink()
    assert freeze.problems(folder) == [
        f"{LANDED} was removed and is part of a revision: restore it"
    ]
    (folder / freeze.LIST).unlink()
    freeze.add_new(folder)
    commit(folder.parent)
    assert freeze.problems(folder) == [
        f"{LANDED} was removed and is part of a revision: restore it"
    ]


def test_without_git_the_list_alone_counts(folder: Path, tmp_path: Path) -> None:
    (tmp_path / ".git").rename(tmp_path / "elsewhere")
    assert freeze.problems(folder) == []
    (folder / LANDED).write_text("create table c ();\n")
    assert len(freeze.problems(folder)) == 1
