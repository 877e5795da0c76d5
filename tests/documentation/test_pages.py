"""What the pages say is there: commands, make targets, files, properties of contracts."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from local import dags

from claimhouse import cli, settings

ROOT = settings.PROJECT
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
# Decisions tell what was true on their day.
LIVING = [page for page in PAGES if page.parent.name != "decisions"]
RUN_BOOKS = sorted((ROOT / "dags").glob("*.py"))


def code_of(page: Path) -> str:
    """The code of a page: what stands in backticks, in fences or indented by four spaces."""
    text = page.read_text(encoding="utf-8")
    fenced = re.findall(r"```.*?```", text, re.DOTALL)
    indented = re.findall(r"^ {4}\S.*$", text, re.MULTILINE)
    return "\n".join([*fenced, *indented, *re.findall(r"`([^`\n]+)`", text)])


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", LIVING, ids=name)
def test_every_make_target_that_is_named_exists(page):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"(?:^|[\s;&|])make ((?:[A-Z]+=\S+ )*)([a-z-]+)", code_of(page)))
    assert {target for _, target in named} <= targets


@pytest.mark.parametrize("page", [*LIVING, *RUN_BOOKS], ids=name)
def test_every_command_that_is_named_exists(page):
    text = "\n".join(re.findall(r"`([^`]+)`", page.read_text(encoding="utf-8")))
    if page.suffix == ".md":
        text = code_of(page)
    named = set(re.findall(r"(?:^|bin/| && |; |\| )claimhouse ([a-z]+)\b", text, re.MULTILINE))
    assert named <= cli.COMMANDS.keys()


@pytest.mark.system
@pytest.mark.parametrize("command", sorted(cli.COMMANDS))
def test_every_command_explains_itself(command):
    answer = subprocess.run(
        [sys.executable, "-m", "claimhouse.cli", command, "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"claimhouse {command}" in answer.stdout


@pytest.mark.parametrize("page", LIVING, ids=name)
def test_every_file_that_is_named_exists(page):
    roots = "dags|plugins|include|tests|local|bench|docs|docker"
    named = set(re.findall(rf"`((?:{roots})/[\w./-]+)`", page.read_text(encoding="utf-8")))
    assert [file for file in named if "acme" not in file and not (ROOT / file).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page):
    prose = re.sub(r"`[^`\n]*`", "", page.read_text(encoding="utf-8"))
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", prose)
    local = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_every_guide_is_listed_for_its_readers():
    lists = "".join((ROOT / page).read_text("utf-8") for page in ("README.md", "CONTRIBUTING.md"))
    guides = [guide.name for guide in (ROOT / "docs" / "how-to").glob("*.md")]
    assert [guide for guide in guides if f"docs/how-to/{guide}" not in lists] == []


def test_decisions_have_a_status_and_a_date():
    for page in (ROOT / "docs" / "decisions").glob("*.md"):
        text = page.read_text(encoding="utf-8")
        assert re.search(
            r"^Status: (accepted|superseded by \d{4})\. Date: \d{4}-\d\d-\d\d\.$", text, re.M
        ), page


def test_pages_cite_nothing_outside_the_repository():
    for page in PAGES:
        assert "../shared" not in page.read_text(encoding="utf-8").replace("shared/data", ""), page


def test_the_page_of_the_dags_is_fresh():
    dags.main(["--check"])


def test_a_stale_page_of_the_dags_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(dags.places, "ROOT", ROOT)
    monkeypatch.setattr(dags, "PAGE", ROOT / "README.md")
    with pytest.raises(SystemExit, match="make docs"):
        dags.main(["--check"])
