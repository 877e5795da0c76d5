"""Contracts are read completely, and refused with file and line when they cannot be used."""

from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path

import pytest
import yaml

from claimhouse import contracts, settings
from claimhouse.reading import FORMATS, Dialect

CLAIMS = settings.INCLUDE / "schemas" / "billing" / "claims.yaml"


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    """A copy of the contracts, to break."""
    return Path(shutil.copytree(settings.INCLUDE / "schemas", tmp_path / "schemas"))


def test_every_contract_of_the_project_can_be_used():
    feeds = contracts.load_all()
    assert {contract.name for contract in feeds} >= {
        "billing.claims",
        "billing.patients",
        "billing.providers",
    }
    for contract in feeds:
        assert set(contract.key) <= {column.name for column in contract.columns}


def test_a_contract_describes_its_feed():
    claims = contracts.load(CLAIMS)
    cost = next(column for column in claims.columns if column.name == "total_cost")
    assert claims.key == ("claim_id",)
    assert claims.version_column == "last_modified_date"
    assert (cost.type, cost.precision, cost.scale, cost.is_amount) == ("decimal", 12, 2, True)
    assert {(reference.column, reference.to_feed) for reference in claims.references} == {
        ("patient_id", "patients"),
        ("provider_id", "providers"),
    }


def test_a_contract_says_what_a_row_means(schemas):
    claims = schemas / "billing" / "claims.yaml"
    assert not contracts.load(claims).rows_are_transactions
    for meaning, expected in (("state", False), ("transaction", True)):
        rows = f"{{property: rows, value: {meaning}}}"
        text = CLAIMS.read_text().replace("{property: keyIndex, value: false}", rows)
        claims.write_text(text)
        assert contracts.load(claims).rows_are_transactions == expected


@pytest.mark.parametrize(
    ("value", "kind", "name", "found"),
    [
        ("arrival", "arrival", "x", None),
        ("number", "number", "x", None),
        ("{number: '_([0-9]+)_'}", "number", "x_12_3.csv", "12"),
        ("{date: MMDDYYYY}", "date", "x_01312026.csv", "2026-01-31"),
        ("{date: MMDDYYYY}", "date", "x_013120261.csv", None),
        ("{date: MMDDYYYY}", "date", "x_13312026.csv", None),
        ("{date: MonYYYY}", "date", "xFebruary2026.csv", "2026-02-01"),
        ("{date: M-D-YYYY}", "date", "x 1-2-2026 sent 2-3-2026.csv", "2026-02-03"),
        ("{date: YYYY.MM.DD}", "date", "2026.01.31/x.csv", "2026-01-31"),
        ("{date: YYYYMMDDHHMISS}", "date", "x20260131235959.csv", "2026-01-31"),
    ],
)
def test_a_contract_says_what_orders_its_files(value, kind, name, found, schemas):
    claims = schemas / "billing" / "claims.yaml"
    order = f"{{property: fileOrder, value: {value}}}"
    claims.write_text(CLAIMS.read_text().replace("{property: keyIndex, value: false}", order))
    declared = contracts.load(claims).file_order
    assert declared.is_declared and declared.kind == kind
    if kind == "date":
        day = contracts.date_in(name, declared.pattern)
        assert (day and f"{day:%Y-%m-%d}") == found
    if found and kind == "number":
        assert re.search(declared.pattern, name).group(1) == found


def test_without_a_word_files_are_ordered_by_arrival_and_those_of_a_fetch_by_their_day():
    assert contracts.of("billing", "claims").file_order == contracts.FileOrder()
    fetched = contracts.of("pended", "pend_queue").file_order
    assert (fetched.kind, fetched.is_declared) == ("date", False)
    assert contracts.date_in("pend_queue_2026-01-05.csv", fetched.pattern)
    assert not contracts.date_in("old_pend_queue_2026-01-05.csv", fetched.pattern)


def test_transactions_without_an_amount_are_refused(schemas):
    """There would be nothing to add up."""
    patients = schemas / "billing" / "patients.yaml"
    lines = patients.read_text().splitlines()
    place = lines.index("customProperties:") + 1
    lines.insert(place, "  - {property: rows, value: transaction}")
    patients.write_text("\n".join(lines))
    with pytest.raises(contracts.ContractError, match=rf"patients.yaml:{place + 1}: .*tags"):
        contracts.load(patients)


BROKEN = {
    # text of the contract, what replaces it, and what the error must say
    "an unknown key of a column": (
        "        description: The day of the visit",
        "        descripton: x",
        "descripton",
    ),
    "an unknown key at the top": ("status: active", "state: active", "state"),
    "a key that occurs twice": (
        "status: active",
        "status: draft\nstatus: active",
        "status: occurs twice",
    ),
    "a key index that is neither": (
        "keyIndex, value: false",
        "keyIndex, value: no index",
        "keyIndex",
    ),
    "a meaning of rows that does not exist": (
        "{property: keyIndex, value: false}",
        "{property: rows, value: transactions}",
        "rows must be state or transaction",
    ),
    "an order of files that does not exist": (
        "{property: keyIndex, value: false}",
        "{property: fileOrder, value: modified}",
        "fileOrder must be arrival, number",
    ),
    "an order of files by two things": (
        "{property: keyIndex, value: false}",
        "{property: fileOrder, value: {date: YYYYMMDD, number: x}}",
        "fileOrder must be",
    ),
    "an order of files by a date without a year": (
        "{property: keyIndex, value: false}",
        "{property: fileOrder, value: {date: MMDD}}",
        "needs a year and a month",
    ),
    "an order of files by a date with two years": (
        "{property: keyIndex, value: false}",
        "{property: fileOrder, value: {date: YYYYMMYYYY}}",
        "the year twice",
    ),
    "an order of files by a bad expression": (
        "{property: keyIndex, value: false}",
        "{property: fileOrder, value: {number: '_([0-9'}}",
        "no regular expression",
    ),
    "an order of files by no number": (
        "{property: keyIndex, value: false}",
        "{property: fileOrder, value: {number: '_[0-9]+'}}",
        "exactly one group",
    ),
    "an order of files by what is no text": (
        "{property: keyIndex, value: false}",
        "{property: fileOrder, value: {date: 20260101}}",
        "fileOrder must be arrival",
    ),
    "an unknown custom property": ("property: money", "property: monney", "monney"),
    "a type that does not exist": ("numeric(12,2)", "dollars", "dollars"),
    "a classification that does not exist": (
        "classification: clinical",
        "classification: secret",
        "classification",
    ),
    "a severity that does not exist": ("severity: warning", "severity: fatal", "missingValues"),
    "a pattern that is no regular expression": ("^CF#[0-9]+NN$", "^CF#[0-9+NN$", "unterminated"),
    "a version column that is none": ("value: last_modified_date", "value: modified", "modified"),
    "a date without formats": (
        "property: dateFormats, value: [M/D/YYYY, YYYY-MM-DD]",
        "property: vocabulary, value: us_states",
        "dateFormats",
    ),
    "a vocabulary that is not there": (
        "property: money, value: true",
        "property: vocabulary, value: nowhere",
        "nowhere",
    ),
    "an unknown dialect option": ("format: csv,", "formt: csv,", "formt"),
    "a reference to no column": ("to: patients.patient_id", "to: patients", "patients"),
    "a file format that does not exist": ("format: csv,", "format: xml,", "csv, fixed, xlsx"),
    "another source than the folder's": ("domain: billing", "domain: hospital", "billing"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_bad_contract_names_its_file_and_line(kind, schemas):
    before, after, message = BROKEN[kind]
    file = schemas / "billing" / "claims.yaml"
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after, 1))
    with pytest.raises(contracts.ContractError, match=message) as error:
        contracts.load(file)
    place, line, _ = str(error.value).split(":", 2)
    assert place == str(file)
    broken_on = text[: text.index(before)].count("\n") + 1
    # the line itself, or that of the block it belongs to
    assert 1 <= int(line) <= broken_on + before.count("\n")
    assert (
        kind not in ("an unknown key of a column", "an unknown key at the top")
        or int(line) == broken_on
    )


def test_a_file_that_is_not_yaml_names_its_line(schemas):
    file = schemas / "billing" / "claims.yaml"
    file.write_text(file.read_text().replace("status: active", "status: [active"))
    with pytest.raises(contracts.ContractError, match=r"claims\.yaml:\d+: not YAML"):
        contracts.load(file)


@pytest.mark.parametrize(
    ("feed", "old", "new"),
    [
        ("pended/pend_queue", "extractSource", "fetch"),
        ("billing_exports/claim_list", "recognise", "recognize"),
    ],
)
def test_a_property_of_an_earlier_name_is_refused_with_its_line_and_the_new_name(
    feed, old, new, schemas
):
    file = schemas / f"{feed}.yaml"
    text = file.read_text()
    assert f"property: {new}," in text
    file.write_text(text.replace(f"property: {new},", f"property: {old},"))
    line = text[: text.index(f"property: {new},")].count("\n") + 1
    with pytest.raises(contracts.ContractError, match=f"'{old}' is now '{new}'") as error:
        contracts.load(file)
    assert str(error.value).startswith(f"{file}:{line}: ")


def test_an_error_in_a_custom_property_names_its_own_line(schemas):
    file = schemas / "pended" / "pend_queue.yaml"
    text = file.read_text()
    pattern = r"pend_queue_(\d{4}-\d{2}-\d{2})"
    file.write_text(text.replace(pattern, "no group"))
    line = text[: text.index(pattern)].count("\n") + 1
    with pytest.raises(contracts.ContractError, match="exactly one group") as error:
        contracts.load(file)
    assert str(error.value).startswith(f"{file}:{line}: ")


def test_a_key_that_is_twice_in_a_vocabulary_is_refused(schemas):
    file = schemas / "vocabulary" / "us_states.yaml"
    file.write_text(f"{file.read_text()}  Deleware: Maine\n")
    with pytest.raises(contracts.ContractError, match=r"us_states\.yaml:\d+"):
        contracts.load(schemas / "billing" / "patients.yaml")


def test_the_schema_of_dialects_has_every_option_and_format():
    schema = yaml.safe_load((settings.INCLUDE / "contract_schema.yaml").read_text("utf-8"))
    options = schema["$defs"]["dialect"]["properties"]
    of_columns = {"names"}  # which the contract's columns give
    assert set(options) == {option.name for option in dataclasses.fields(Dialect)} - of_columns
    assert set(options["format"]["enum"]) == set(FORMATS)


WAYS = {
    # properties of the column date_of_service or total_cost, of the feed, and what the error must say
    "a letter of a date that nobody knows": ("dateFormats, value: [M/D/YYYX]", "", "'YX' of 'M/D/YYYX' is"),
    "a date without a year": ("dateFormats, value: [M/D]", "", "lacks a year"),
    "two digits of no century": ("dateFormats, value: [M/D/YY]", "", "century: 1930"),
    "a zone of a day": ("timeZone, value: America/Chicago", "", "not for a column of this type"),
    "translations of a date": ("translations, value: {x: y}", "", "text columns only"),
    "a number of a date": ("number, value: {groupMark: ','}", "", "not for a column of this type"),
    "a zone that does not exist": ("", "values, value: {timeZone: Chicago}", "is no time zone"),
    "one mark for two things": ("", "values, value: {number: {groupMark: '.'}}", "one mark"),
    "punched signs and others": (
        "", "values, value: {number: {overpunched: true, negative: [CR]}}", "overpunched",
    ),
    "implied decimals with a mark": (
        "", "values, value: {number: {impliedDecimals: 2, decimalMark: ','}}", "implied decimals",
    ),
    "an option that does not exist": ("", "values, value: {number: {decimal: ','}}", "no option 'decimal'"),
    "a sign that does not exist": ("", "values, value: {number: {negative: [minus]}}", "parentheses"),
    "a default that is for no feed": ("", "values, value: {dateFormats: [YYYY]}", "no option 'dateFormats'"),
}  # fmt: skip


@pytest.mark.parametrize("kind", WAYS)
def test_a_way_to_write_values_that_means_nothing_is_refused(kind, schemas):
    of_column, of_feed, message = WAYS[kind]
    claims = schemas / "billing" / "claims.yaml"
    text = CLAIMS.read_text()
    dates = "{property: dateFormats, value: [M/D/YYYY, YYYY-MM-DD]}"
    if of_column:
        others = "" if of_column.startswith("dateFormats") else f"\n          - {dates}"
        text = text.replace(dates, f"{{property: {of_column}}}{others}", 1)
    if of_feed:
        order = "{property: keyIndex, value: false}"
        text = text.replace(order, f"{{property: {of_feed}}}\n  - {order}")
    claims.write_text(text)
    with pytest.raises(contracts.ContractError, match=rf"claims.yaml:\d+: .*{re.escape(message)}"):
        contracts.load(claims)


def test_a_feed_says_for_all_columns_how_values_are_written(schemas):
    claims = schemas / "billing" / "claims.yaml"
    order = "{property: keyIndex, value: false}"
    ways = "{noValue: [NULL, 'n/a', '-'], number: {decimalMark: ','}, century: 1930, timeZone: UTC}"
    claims.write_text(
        CLAIMS.read_text().replace(order, f"{{property: values, value: {ways}}}\n  - {order}")
    )
    for column in contracts.load(claims).columns:
        assert column.no_value == ("NULL", "n/a", "-")
        assert (column.number is not None) == (column.type in ("decimal", "integer"))
        assert column.century == (1930 if column.type in ("date", "timestamp") else None)
