"""What is checked of every feed without anybody writing it.

Expected numbers come from the file by plain Python, those of NPIs from python-stdnum.
"""

from __future__ import annotations

import csv
import io
import os
import re
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from stdnum import luhn
from tests.worlds.carrier_source import MONEY, SOURCE, TEXT, Carrier
from tests.worlds.feeds import take_in_all
from tests.worlds.properties import examples

from claimhouse import checks, contracts, warehouse
from claimhouse.checks import plausibility
from claimhouse.contracts import ContractError

RECEIVED = date(2025, 7, 1)
KEY = "{logicalType: string, physicalType: text, required: true, primaryKey: true, classification: identifier}"
CLINICAL = "{logicalType: string, physicalType: text, classification: clinical}"
DAY = (
    "{logicalType: date, physicalType: date, classification: date,"
    " customProperties: [{property: dateFormats, value: [YYYY-MM-DD]}]}"
)
COLUMNS = {
    "claim_id": KEY,
    "member_id": TEXT,
    "birth_date": DAY,
    "service_date": DAY,
    "paid_date": DAY,
    "npi": TEXT,
    "taxonomy_code": TEXT,
    "dx_1": CLINICAL,
    "dx_2": CLINICAL,
    "procedure_code": CLINICAL,
    "snomed_code": CLINICAL,
    "place_of_service": CLINICAL,
    "member_state": TEXT,
    "provider_state": TEXT,
    "provider_zip": TEXT,
    "claim_amount": MONEY,
    "paid_amount": MONEY,
}
GOOD = {
    "birth_date": "1970-03-04",
    "paid_date": "2025-06-30",
    "npi": "1234567893",
    "taxonomy_code": "207Q00000X",
    "dx_1": "E11.9",
    "dx_2": "J45909",
    "procedure_code": "99213",
    "snomed_code": "44054006",
    "place_of_service": "11",
    "member_state": "CO",
    "provider_state": "Illinois",
    "provider_zip": "60601",
}
# What is written over a good row, each in a row of its own, and the check that tells it.
BROKEN = [
    ("birth_date", "2025-07-02", "birth_date_in_future"),
    ("paid_date", "2026-01-01", "paid_date_in_future"),
    ("service_date", "2025-07-02", "service_date_in_future"),
    ("npi", "1234567890", "npi_npi_check_digit"),
    ("npi", "123456789", "npi_npi_check_digit"),
    ("npi", "12345A7893", "npi_npi_check_digit"),
    ("taxonomy_code", "207Q00000", "taxonomy_code_taxonomy_shape"),
    ("dx_1", "250.00", "dx_icd10_shape"),
    ("dx_2", "E1", "dx_icd10_shape"),
    # a heading, no code at all, a code that ended in 2021, one that began in 2025
    ("dx_1", "E11", "dx_icd10_validity"),
    ("dx_2", "E11.Z", "dx_icd10_validity"),
    ("dx_1", "M54.5", "dx_icd10_validity"),
    ("dx_1", "E11.A", "dx_icd10_validity"),
    ("procedure_code", "9921", "procedure_code_procedure_code_shape"),
    ("procedure_code", "W1234", "procedure_code_procedure_code_shape"),
    ("snomed_code", "1853470", "snomed_code_snomed_shape"),
    ("place_of_service", "30", "place_of_service_unknown_place_of_service"),
    ("member_state", "XX", "member_state_unknown_state"),
    ("provider_zip", "80201", "provider_zip_zip_of_other_state"),
    ("paid_amount", "-1.00", "paid_amount_negative_amount"),
    ("paid_amount", "1000000.00", "paid_amount_beyond_usual"),
]  # fmt: skip
RIGHT = [
    ("npi", ""),
    ("dx_1", "A00.0"),
    ("dx_1", "T36.0X1A"),
    ("procedure_code", "D0120"),
    ("procedure_code", "J1100"),
    ("procedure_code", "0001F"),
    ("place_of_service", "2"),
    ("member_state", "colorado"),
    ("provider_zip", "60601-1234"),
    ("provider_zip", "00000"),
    ("paid_amount", "9000.00"),
    ("service_date", "2025-07-01"),
]


@pytest.fixture
def carrier(
    warehouse: psycopg.Connection,
    tmp_path: Path,
    landing_root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Carrier:
    return Carrier(warehouse, tmp_path, landing_root, monkeypatch)


def rows(changes: list[tuple[str, str]], first: int = 1) -> list[dict[str, str]]:
    """A good row for each of *changes*, with that value in place of its own; no two are one claim."""
    made = []
    for number, (column, value) in enumerate(changes, first):
        row = {
            "claim_id": f"C{number}",
            "member_id": f"M{number}",
            "service_date": "2025-06-01",
            "claim_amount": f"{100 + number}.00",
            "paid_amount": f"{50 + number % 30}.00",
        }
        made.append({**GOOD, **row, column: value})
    return made


def text(lines: list[dict[str, str]]) -> bytes:
    file = io.StringIO()
    writer = csv.DictWriter(file, list(COLUMNS), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return file.getvalue().encode()


def deliver(carrier: Carrier, name: str, lines: list[dict[str, str]]) -> None:
    """Deliver a file that arrived on the day RECEIVED, and scan its batch."""
    file = carrier.folder / name
    file.write_bytes(text(lines))
    moment = (RECEIVED - date(1970, 1, 1)) // timedelta(seconds=1) + 43_200
    os.utime(file, (moment, moment))
    assert take_in_all(SOURCE) == ["verified"]
    ((batch,),) = carrier.connection.execute("select max(batch_id) from landing.batch").fetchall()
    checks.scan_batches(SOURCE, [batch])


def told(carrier: Carrier) -> dict[str, str]:
    """The message of each check of the newest batch that warns."""
    found = carrier.connection.execute(
        "select rule, message from quality.issue where rule like 'soda:%' and status = 'open'"
        " and severity = 'warning' and batch_id = (select max(batch_id) from landing.batch)"
    )
    return {rule.removeprefix("soda:"): message for rule, message in found.fetchall()}


def test_each_rule_tells_what_it_is_for_and_nothing_else(carrier):
    carrier.describes("claims", {"format": "csv", "delimiter": ","}, COLUMNS)
    right = rows([*RIGHT, *[("member_id", f"other {n}") for n in range(40)]])
    deliver(carrier, "claims_1.csv", right)
    assert told(carrier) == {}

    wrong = rows([(column, value) for column, value, _ in BROKEN], first=1000)
    again = [{**row, "claim_id": f"A{n}"} for n, row in enumerate(right[-2:])]
    twice = [{**wrong[-3], "claim_id": "B", "service_date": "2025-05-05"}]
    twice.append({**twice[0], "claim_id": "BB"})
    lines = [*wrong, *rows([("npi", "1234567893")] * 60, first=2000), *again, *twice]
    deliver(carrier, "claims_2.csv", lines)

    messages = told(carrier)
    expected = {check for _, _, check in BROKEN} | {"duplicate_claims"}
    # the copy has the same wrong ZIP code as its original
    assert messages.keys() == expected
    numbers = {
        check: tuple(map(int, re.match(r"(\d+) of (\d+)", message).groups()))
        for check, message in messages.items()
    }
    given_values = {name: [row[name] for row in lines if row[name]] for name in COLUMNS} | {
        "dx": [row[name] for row in lines for name in ("dx_1", "dx_2") if row[name]]
    }
    for check in expected - {"duplicate_claims"}:
        column = next(name for name in given_values if check.startswith(f"{name}_"))
        is_wrong = [
            line for line, (_, _, told_by) in zip(lines, BROKEN, strict=False) if told_by == check
        ]
        copies = 2 if check == "provider_zip_zip_of_other_state" else 0
        assert numbers[check] == (len(is_wrong) + copies, len(given_values[column])), check
    wrong_npis = [npi for npi in given_values["npi"] if len(npi) != 10 or not luhn_is_valid(npi)]
    assert numbers["npi_npi_check_digit"][0] == len(wrong_npis)
    assert numbers["duplicate_claims"] == (4, len(lines))
    assert re.search(r"\(\d+(\.\d+)?%\) (is|are) after the day", messages["paid_date_in_future"])

    kept = carrier.connection.execute(
        "select f.record_key, f.failing_row ->> 'column_name', f.failing_row ->> 'value'"
        " from quality.failing_row as f join quality.check_result as r using (check_result_id)"
        " where r.check_name = 'dx_icd10_validity' order by f.position"
    ).fetchall()
    assert kept == [
        (lines[place]["claim_id"], column, value)
        for place, (column, value, check) in enumerate(BROKEN)
        if check == "dx_icd10_validity"
    ]
    duplicates = carrier.connection.execute(
        "select f.record_key from quality.failing_row as f join quality.check_result as r using (check_result_id)"
        " where r.check_name = 'duplicate_claims'"
    ).fetchall()
    assert {key for (key,) in duplicates} == {"A0", "A1", "B", "BB"}

    file = carrier.contracts / "claims.yaml"
    reason = "a reason: {name: value}"
    turned_off = [rule for rule in contracts.rules() if rule != "npi_check_digit"]
    off = ", ".join(f'{rule}: "{reason}"' for rule in turned_off)
    file.write_text(
        file.read_text()
        .replace("schema:\n", f"  - {{property: unchecked, value: {{{off}}}}}\nschema:\n", 1)
        .replace(
            f"{{name: npi, {TEXT[1:]}",
            f"{{name: npi, {TEXT[1:-1]}, customProperties: [{{property: kind, value: none}}]}}",
        )
    )
    assert plausibility.names(contracts.of(SOURCE, "claims")) == []


def luhn_is_valid(npi: str) -> bool:
    return npi.isdigit() and luhn.is_valid(f"80840{npi}")


@pytest.fixture(scope="module")
def database(server):
    with psycopg.connect(server, autocommit=True) as connection:
        yield connection


def judged(database, rule: str, values: list[str], **more: str) -> list[bool]:
    """What a rule's SQL says of each value."""
    condition = warehouse.expression(
        plausibility.CONDITIONS, contracts.rules()[rule].sql["wrong"], value="v.value", **more
    )
    listed = "unnest(%s::text[]) with ordinality as v (value, n)"
    query = f"select coalesce({condition.replace('%', '%%')}, false) from {listed} order by n"
    return [wrong for (wrong,) in database.execute(query, [values])]


DIGITS = st.text("0123456789", min_size=10, max_size=10)
NPI = DIGITS.map(lambda npi: npi[:9] + luhn.calc_check_digit(f"80840{npi[:9]}"))
NO_NUL = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)


@examples(60)
@given(st.lists(DIGITS | NPI | NO_NUL, min_size=1))
@example(["1234567893", "1234567890", "", "١٢٣٤٥٦٧٨٩٣", "1234567893\n"])
def test_the_check_digit_of_an_npi_is_that_of_stdnum(database, values):
    expected = [
        not (re.fullmatch("[0-9]{10}", value) and luhn.is_valid(f"80840{value}"))
        for value in values
    ]
    assert judged(database, "npi_check_digit", values) == expected


CODE = st.from_regex(r"[A-Z][0-9][0-9A-Z](\.?[0-9A-Z]{1,4})?", fullmatch=True)


@examples(60)
@given(
    st.lists(CODE | CODE.map(str.lower) | CODE.map(lambda code: code + "0") | NO_NUL, min_size=1)
)
@example(["E11.9", "E119", "E11.", "e11.9", "250.00", "E11.9\n", "V30.00XA"])
def test_the_shape_of_a_diagnosis(database, values):
    def has_shape(value: str) -> bool:
        """A letter, a digit, a letter or digit; up to four more, after a point or not."""
        head, rest = value[:3], value[3:].removeprefix(".")
        capitals = set("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        digits = set("0123456789")
        return (
            len(head) == 3
            and head[0] in capitals
            and head[1] in digits
            and head[2] in capitals | digits
            and (value[3:] == "" or 1 <= len(rest) <= 4)
            and set(rest) <= capitals | digits
        )

    found = judged(database, "icd10_shape", values, service_date="null", service_end_date="null")
    assert found == [not has_shape(value) for value in values]


def test_codes_before_icd10_are_not_called_wrong(database):
    before = {"service_date": "date '2015-09-30'", "service_end_date": "null"}
    assert judged(database, "icd10_shape", ["250.00"], **before) == [False]
    after = {"service_date": "date '2015-09-30'", "service_end_date": "date '2015-10-01'"}
    assert judged(database, "icd10_shape", ["250.00"], **after) == [True]


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        ([100.0] * 30 + [100_100.0], 1),
        ([100.0] * 30 + [99_000.0], 0),
        ([100.0] * 18 + [1_000_000.0], 0),  # too few to say what is usual
        # honestly skewed: from a dollar to ten thousand, and one of a million
        ([10 ** (4 * n / 400) for n in range(401)] + [1_000_000.0], 0),
        ([10 ** (4 * n / 400) for n in range(401)] + [1e10], 1),
    ],
)  # fmt: skip
def test_beyond_the_usual_amount(database, amounts, expected):
    factor = warehouse.expression(plausibility.CONDITIONS, "beyond_usual_by", value="v.value")
    query = f"select {factor} from unnest(%s::numeric[]) as v (value)"
    ((by,),) = database.execute(query, [amounts])
    assert (by > 0) == bool(expected)
    with database.transaction():
        database.execute(
            "create temporary table amounts on commit drop as"
            " select 1 as batch_id, value from unnest(%s::numeric[]) as v (value)",
            [amounts],
        )
        wrong = warehouse.expression(
            plausibility.CONDITIONS, "beyond_usual", value="amounts.value", column="value",
            table="pg_temp.amounts", batch_id="1",
        )  # fmt: skip
        found = database.execute(f"select count(*) from amounts where {wrong}").fetchone()
    assert found == (expected,)


def contract_with(tmp_path: Path, feed: str = "", column: str = "") -> Path:
    """The contract of billing's patients with more custom properties."""
    original = contracts.of("billing", "patients").file
    folder = tmp_path / "billing"
    folder.mkdir()
    (tmp_path / "vocabulary").symlink_to(original.parents[1] / "vocabulary")
    lines = original.read_text("utf-8")
    if feed:
        lines = lines.replace("\nschema:\n", f"\n  - {feed}\nschema:\n", 1)
    if column:
        head, found, tail = lines.partition("      - name: fname\n")
        lines = f"{head}{found}        customProperties: [{column}]\n{tail}"
    file = folder / "patients.yaml"
    file.write_text(lines)
    return file


@pytest.mark.parametrize(
    ("feed", "column", "what"),
    [
        ("{property: unchecked, value: {in_the_future: x}}", "", "'in_the_future' is no rule; known: in_future"),
        ("{property: unchecked, value: {in_future: ''}}", "", "must be a mapping of rules to the reasons"),
        ("{property: unchecked, value: {in_future: '  '}}", "", "must be a mapping of rules to the reasons"),
        ("{property: unchecked, value: [in_future]}", "", "must be a mapping of rules to the reasons"),
        ("", "{property: unchecked, value: {in_future: x}}", "'in_future' does not concern the column"),
        ("", "{property: kind, value: nip}", "'nip' is not known; known: service_date"),
        ("", "{property: kind, value: birth_date}", "birth_date is for columns of type date"),
    ],
)  # fmt: skip
def test_an_error_names_file_and_line(tmp_path, feed, column, what):
    file = contract_with(tmp_path, feed, column)
    stated = feed or column
    line = next(n for n, one in enumerate(file.read_text().split("\n"), 1) if stated in one)
    with pytest.raises(ContractError, match=f"{re.escape(str(file))}:{line}: .*{re.escape(what)}"):
        contracts.load(file)


def test_a_kind_can_be_stated(tmp_path):
    contract = contracts.load(contract_with(tmp_path, column="{property: kind, value: npi}"))
    assert {column.name: column.kind for column in contract.columns}["fname"] == "npi"


def test_known_codes_and_their_years():
    """Of the fiscal years in the editions: when codes came and went, as CMS told."""
    file = contracts.plausibility.FILE.parent / "reference" / "icd10_cm.csv"
    known = {row["code"]: row for row in csv.DictReader(file.open())}
    assert (known["E119"]["first_day"], known["E119"]["last_day"]) == ("", "")
    assert (known["M545"]["first_day"], known["M545"]["last_day"]) == ("", "2021-09-30")
    assert known["M5450"]["first_day"] <= "2021-10-01"
    assert "E11" not in known
    sizes = {"2021-10-01": 72750, "2022-10-01": 73674, "2023-10-01": 74044, "2024-10-01": 74260}
    for day, size in sizes.items():
        valid = [
            code
            for code, row in known.items()
            if row["first_day"] <= day <= (row["last_day"] or "9999-12-31")
        ]
        # what is added in April counts half a year before the list of October has it
        assert 0 <= len(valid) - size < 500, day
