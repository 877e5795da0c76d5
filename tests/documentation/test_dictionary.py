"""The data dictionary: everything in a contract is on it, and a stale page is refused."""

from __future__ import annotations

import functools
import re
from dataclasses import fields, replace
from typing import Any

import pytest
import yaml
from local import dictionary

from claimhouse import contracts as contract
from claimhouse import settings
from claimhouse.contracts import Column
from claimhouse.reading import Dialect, Records
from claimhouse.word_lists import WordList

contracts = functools.cache(contract.load_all)
CLAIMS = contract.of("billing", "claims")
# Another value for each attribute of a column: changing it must change the page.
OTHER: dict[str, Any] = {
    "name": "another",
    "word_list": WordList("claim_status", frozenset({"paid"})),
    "type": "boolean",
    "physical_type": "numeric(9,2)",
    "description": "Another meaning",
    "aliases": ("other header",),
    "required": False,
    "missing": "warning",
    "invalid": "warning",
    "pattern": "^another$",
    "enum": ("another",),
    "minimum": "-7",
    "maximum": "77",
    "max_length": 7,
    "date_formats": ("%Y/%m/%d",),
    "century": 1930,
    "time_zone": "America/Chicago",
    "no_value": ("NULL",),
    "translations": {"MCD": "Medicaid"},
    "number": contract.NumberFormat(","),
    "true_values": ("yes",),
    "false_values": ("no",),
    "corrections": {"wrogn": "wrong"},
    "restore_zeros": 9,
    "restore_from": 4,
    "from_file_name": r"_(\d)",
    "repair_encoding": True,
    "is_money": True,
    "is_amount": True,
    "classification": "free_text",
    "kind": "npi",
    "unchecked": {"npi_check_digit": "another reason"},
}
# Attributes that show only together with another.
NEEDS = {
    "true_values": {"type": "boolean"},
    "false_values": {"type": "boolean"},
    "restore_from": {"restore_zeros": 9},
    "missing": {"required": True},
}


@pytest.mark.parametrize("attribute", [attribute.name for attribute in fields(Column)])
def test_every_attribute_of_a_column_is_on_the_page(attribute):
    plain = Column("plain", "string", "text", required=True)
    plain = replace(plain, **NEEDS.get(attribute, {}))
    changed = replace(plain, **{attribute: OTHER[attribute]})
    pages = [
        dictionary.page([replace(CLAIMS, columns=(column,), row_rules=(), key=("none",))])
        for column in (plain, changed)
    ]
    assert pages[0] != pages[1]


def test_every_column_of_every_contract_has_its_row_with_meaning_and_class():
    page = dictionary.page(contracts())
    sections = re.split(r"^### ", page, flags=re.M)[1:]
    by_feed = {section.split("\n", 1)[0]: section for section in sections}
    files = [
        file
        for file in (settings.INCLUDE / "schemas").glob("*/*.yaml")
        if file.parent.name != "vocabulary"
    ]
    texts = {file: yaml.safe_load(file.read_text(encoding="utf-8")) for file in files}
    in_use = {file: text for file, text in texts.items() if text["status"] != "draft"}
    assert set(by_feed) == {f"{file.parent.name}.{file.stem}" for file in in_use}
    for file, text in in_use.items():
        rows = {
            row.split(" | ")[0].strip("| *"): row
            for row in by_feed[f"{file.parent.name}.{file.stem}"].splitlines()
            if row.startswith("| ")
        }
        for column in text["schema"][0]["properties"]:
            row = rows[column["name"]]
            assert f" {column['classification']} " in row
            assert " ".join(column.get("description", "").split()).replace("|", "\\|") in row
            for relation in column.get("relationships", []):
                assert f"a key of {relation['to']}" in row


def test_each_class_of_a_contract_is_explained():
    page = dictionary.page(contracts())
    for name, meaning in contract.CLASSIFICATIONS.items():
        assert f"| {name} | {meaning} |" in page


def test_a_bar_in_a_value_does_not_break_the_table():
    column = Column("one", "string", "text", pattern="^a|b$", description="either | or")
    page = dictionary.page([replace(CLAIMS, columns=(column,), row_rules=(), key=("one",))])
    row = next(line for line in page.splitlines() if line.startswith("| **one**"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 8


def test_rules_of_rows_drafts_and_several_ways_of_writing():
    both = contract.of("hospital", "encounters")
    page = dictionary.page([both, replace(CLAIMS, is_draft=True)])
    assert "billing.claims" not in page
    for rule in both.row_rules:
        assert f"| `{rule.name}` | `{rule.expression}` | {rule.message} |" in page
    known = replace(CLAIMS, is_by_content=True, other_dialects=(Dialect("xlsx", sheet="List"),))
    page = dictionary.page([known])
    assert "sheet 'List'" in page and "whatever their name" in page


def test_a_stale_page_is_refused_and_a_fresh_one_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(dictionary.places, "ROOT", tmp_path)
    monkeypatch.setattr(dictionary, "PAGE", tmp_path / "dictionary.md")
    monkeypatch.setattr(dictionary, "load_all", contracts)
    with pytest.raises(SystemExit, match="make docs"):
        dictionary.main(["--check"])
    dictionary.main([])
    dictionary.main(["--check"])
    dictionary.PAGE.write_text(dictionary.PAGE.read_text(encoding="utf-8") + "\nmore")
    with pytest.raises(SystemExit, match="make docs"):
        dictionary.main(["--check"])


WAYS: dict[str, tuple[Any, str]] = {
    "format": ("parquet", "format: parquet"),
    "delimiter": ("~", "delimiter '~'"),
    "quote": ("", "quotes have no meaning"),
    "encoding": ("cp1252", "cp1252"),
    "compression": ("gzip", "gzip"),
    "widths": ((("claim_id", 3, 4),), "columns by character: `claim_id 3-6`"),
    "sheet": ("Claims", "sheet 'Claims'"),
    "header": ("search", "header: below lines of titles"),
    "columns": (("", "claim_id"), "header: none; columns by place: `2 claim_id`"),
    "records": (
        Records(
            type=(1,), rows=("D",), header="H", trailer="T", others=("N",), count=(2,), counted="lines",
            sums=(("paid", (3,)),), taken=(("C", "claim_id", (2,)),),
        ),
        "* the kind of a line: field 1; rows: `D`; header: `H`; trailer: `T`; others: `N`\n"
        "* `claim_id`: field 2 of the last line `C` above\n"
        "* the trailer counts the lines: field 2\n"
        "* the trailer sums up `paid`: field 3\n",
    ),
}  # fmt: skip


def test_every_way_to_write_a_file_is_on_the_page():
    # `names` are those of the columns
    assert WAYS.keys() == {field.name for field in fields(Dialect)} - {"names"}
    for option, (value, wanted) in WAYS.items():
        more = {"header": "none"} if option == "columns" else {}
        dialect = replace(CLAIMS.dialect, **{option: value}, **more)
        assert wanted in dictionary.page([replace(CLAIMS, dialect=dialect)]), option


def test_places_in_lines_of_fixed_width_are_characters():
    dialect = Dialect(format="fixed", records=Records(type=(1, 3), rows=("DTL",)))
    page = dictionary.page([replace(CLAIMS, dialect=dialect)])
    assert "the kind of a line: characters 1-3; rows: `DTL`\n" in page
