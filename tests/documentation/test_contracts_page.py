"""docs/contracts.md lists every property of a contract that is read, and no other."""

from __future__ import annotations

import json
import re
from importlib import resources

import pytest

from claimhouse import contracts, settings
from claimhouse.contracts import model, parse

PAGE = (settings.PROJECT / "docs" / "contracts.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def keys(title: str) -> list[str]:
    """The first cells of the tables of a section."""
    return re.findall(r"^\| (`.*?) \|", section(title), re.MULTILINE)


def custom_properties(title: str) -> set[str]:
    cells = [cell for cell in keys(title) if cell.startswith("`customProperties: ")]
    text = " ".join(cells).replace("customProperties: ", "")
    return set(re.findall(r"`(\w+)`", text))


@pytest.mark.parametrize(
    ("title", "known"),
    [("The feed", set(parse.properties("feed"))), ("A column", set(parse.properties("column")))],
)
def test_the_page_lists_the_properties_of_our_own(title, known):
    assert custom_properties(title) == known


def test_the_other_keys_are_those_of_the_standard():
    schema = (resources.files("open_data_contract_standard") / "schema.json").read_text("utf-8")
    known = set(re.findall(r'"(\w+)":', json.dumps(json.loads(schema))))
    named = [cell for title in ("The feed", "A column") for cell in keys(title)]
    words = {word for cell in named for word in re.findall(r"`(\w+)", cell)}
    assert words - set(parse.properties("column")) <= known


def test_the_page_names_every_classification_and_type():
    text = section("A column")
    for name in (*model.CLASSIFICATIONS, *model.TYPES):
        assert re.search(rf"\b{name}\b", text), name


def test_the_page_lists_the_kinds_and_rules_of_what_is_plausible():
    text = section("What is plausible")
    rules = [
        f"| `{rule.name}` | {', '.join(f'`{kind}`' for kind in rule.kinds) or 'the feed'} | {rule.meaning} |"
        for rule in contracts.rules().values()
    ]
    kinds = [f"| `{kind.name}` | {kind.meaning} |" for kind in contracts.kinds().values()]
    rows = re.findall(r"^\| `.*$", text, re.MULTILINE)
    assert rows == [*rules, *kinds]
