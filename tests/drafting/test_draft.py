"""A draft contract: what it guesses, that it can be read, and that a person can finish it."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from local.samples import SEED, billing_exports
from tests.sources.billing_exports.test_samples_billing_exports import table
from tests.worlds.feeds import take_in_all
from tests.worlds.properties import examples
from tests.worlds.workbooks import Page, workbook

from claimhouse import contracts, drafting
from claimhouse import settings as places
from claimhouse.contracts import Column, Contract, identifiers
from claimhouse.drafting import words
from claimhouse.drafting.yaml import as_yaml
from claimhouse.reading import open_file
from claimhouse.verification import fold, make_plan, match_header, recognize
from claimhouse.verification.verify import verify

SOURCE = "billing_exports"
MADE = billing_exports.make(SEED)
# Of each real file: the claim's number, the date format, and two of its amounts.
REAL = {
    "claim_data.csv": ("Claim ID", "M/D/YYYY", {"Billed Amount", "Paid Amount"}),
    "claims_data.xlsx": ("Claim ID", "YYYY-MM-DD", {"Billed Amount", "Paid Amount"}),
    "five_payers/dental-claims-20240301.csv": ("CLM_NBR", "M-D-YYYY", {"CHRG_AMT", "DED_AMT"}),
    "five_payers/medical-claims-20240115.csv": (
        "CLAIM_NUM",
        "YYYY-MM-DD",
        {"BILLED_CHARGES", "COPAY"},
    ),
    "five_payers/medical-claims-20240215.xlsx": (
        "Claim Reference",
        "YYYYMMDD",
        {"Total Billed", "Paid"},
    ),
    "five_payers/medical-claims-20240315.xlsx": (
        "ClaimNumber",
        "YYYY/MM/DD",
        {"ChargedAmount", "CopayAmount"},
    ),
    "five_payers/pharmacy-claims-20240201.csv": (
        "ClaimID",
        "M/D/YYYY",
        {"BilledAmt", "PlanPaidAmt"},
    ),
}
OTHERS = {
    "billing/claims_priming.csv": ("claim_id",),
    "billing/patients_priming.csv": ("patient_id",),
    "hospital/payers.csv": ("id",),
    "hospital/procedures.csv": ("patient_id", "code", "started_at"),
    "pended/provider_directory.csv": ("npi",),
    "pended/cleared_claims.csv": ("claim_id",),
}


def drafted(path: Path, source: str, folder: Path) -> Contract:
    return contracts.load(drafting.write(path, source, folder=folder))


def accepted(path: Path, contract: Contract) -> float:
    """The share of a file's rows that its draft accepts."""
    rows_read = rows_accepted = 0
    with open_file(path, contract.dialect, 1 << 24) as reading:
        plan = make_plan(contract, reading.header)
        assert not plan.notes
        for block in reading:
            verified = verify(block, plan)
            rows_read += verified.rows_read
            rows_accepted += len(verified.accepted)
    return rows_accepted / rows_read


def by_header(contract: Contract, path: Path) -> dict[str, Column]:
    with open_file(path, contract.dialect, 1 << 24) as reading:
        header_of, extra = match_header(contract, reading.header)
    assert not extra
    columns = {column.name: column for column in contract.columns}
    return {header: columns[name] for name, header in header_of.items()}


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("is_known", [True, False], ids=["known", "unheard of"])
def test_a_draft_of_a_real_claim_file_describes_it_and_names_nobody(
    name, is_known, shared_data, tmp_path, monkeypatch
):
    path = shared_data / SOURCE / name
    if not is_known:  # no contract knows any name: only the words of the header help
        monkeypatch.setattr(words, "known_names", lambda _: ({}, {}))
    draft = drafting.write(path, SOURCE, folder=tmp_path)
    contract = contracts.load(draft)
    assert contract.is_draft and accepted(path, contract) > 0.99
    key, form, money = REAL[name]
    columns = by_header(contract, path)
    assert contract.key == (columns[key].name,) == ("claim_id",)
    assert columns[key].classification == "identifier" and columns[key].invalid == "error"
    dates = {column.date_formats for column in contract.columns if column.type == "date"}
    assert dates == {(contracts.strptime(form),)}
    assert all(columns[header].is_amount and columns[header].scale == 2 for header in money)
    canonical = {column.name for column in contract.columns}
    assert {"claim_id", "service_date", "provider_id", "claim_amount", "paid_amount"} <= canonical
    births = [column for column in contract.columns if column.classification == "birth_date"]
    assert len(births) == (2 if "five_payers" in name else 0)
    fit = recognize.fit_contracts([contract], path).fits[0]
    assert fit.is_enough and fit.share > 0.99
    private = ("name", "identifier", "birth_date", "street", "city")
    assert not [
        column for column in contract.columns if column.enum and column.classification in private
    ]
    private_values = {
        row[header]
        for row in table(name, path.read_bytes())
        for header, column in columns.items()
        if column.classification in private
    } - {value for column in contract.columns for value in column.enum}
    _, text = draft.read_text().split("properties:\n")
    assert not [
        value
        for value in private_values
        if len(value) > 3 and re.search(rf"[ \"']{re.escape(value)}", text)
    ]


@pytest.mark.parametrize("name", OTHERS)
def test_a_draft_of_any_real_feed_accepts_its_own_file(name, shared_data, tmp_path):
    source = name.split("/")[0]
    path = shared_data / name
    contract = drafted(path, source, tmp_path)
    # no contract accepts a row without all its fields
    assert accepted(path, contract) > (0.97 if source == "billing" else 0.99)
    assert contract.key == OTHERS[name]
    assert not contract.is_by_content and contract.claims(path.name)


def test_a_file_nobody_described_lands_once_a_person_has_finished_its_draft(
    tmp_path, landing_root, warehouse, monkeypatch
):
    path = landing_root / SOURCE / "export.csv"
    path.parent.mkdir()
    path.write_bytes(MADE.files[billing_exports.UNDESCRIBED])
    assert take_in_all(SOURCE) == []
    shutil.copytree(places.INCLUDE, tmp_path / "include")
    monkeypatch.setattr(places, "INCLUDE", tmp_path / "include")
    draft = drafting.write(path, SOURCE, "humana_list", tmp_path)
    assert recognize.fit_contracts(contracts.of_source(SOURCE), path).best == ()
    finished = draft.read_text().replace("status: draft", "status: active")
    assert "TODO" in finished and "# Is it claim_amount? Its header suggests so." in finished
    schema = tmp_path / "include" / "schemas" / SOURCE / "humana_list.yaml"
    schema.write_text(finished.replace("TODO", "A claim of Humana's"))
    assert take_in_all(SOURCE) == ["verified"]
    rows = table("export.csv", MADE.files[billing_exports.UNDESCRIBED])
    loaded = warehouse.execute(
        "select count(*), sum(claim_amount), sum(paid_amount), min(service_date)"
        " from source_billing_exports.humana_list"
    ).fetchone()
    assert loaded == (
        len(rows),
        sum(Decimal(row["Charged"]) for row in rows),
        sum(Decimal(row["Paid Amount"]) for row in rows),
        min(date(*map(int, reversed(row["Date of Service"].split(".")))) for row in rows),
    )


def one_column(tmp_path: Path, header: str, values: list[str]) -> Column:
    """What a draft makes of a column beside a claim's number."""
    path = tmp_path / "x.csv"
    rows = [["claim_id", header], *([f"C{at}", value] for at, value in enumerate(values))]
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    path.write_text(file.getvalue())
    return drafted(path, "made", tmp_path).columns[1]


def test_dirt_does_not_change_a_type_and_is_reported(tmp_path):
    values = [f"2025-01-{day:02d}" for day in range(1, 29)] * 4
    column = one_column(tmp_path, "Fill Date", [*values, "soon"])
    assert (column.type, column.date_formats) == ("date", ("%Y-%m-%d",))
    text = (tmp_path / "made" / "x.yaml").read_text()
    assert "# 0.88 % of its values do not fit." in text


def test_zeros_are_no_day_and_an_amount(tmp_path):
    assert one_column(tmp_path, "Paid Amt", ["00000000", "00012050"]).no_value == ()
    column = one_column(tmp_path, "Paid Date", ["00000000", "20240105", "20240106"])
    assert (column.type, column.no_value) == ("date", ("00000000",))


def test_a_date_that_two_formats_explain_is_doubted(tmp_path):
    column = one_column(tmp_path, "served", ["03/04/2025", "05/06/2025"])
    assert column.type == "date"
    assert "# Or is it D/M/YYYY? Every value fits both." in (tmp_path / "made/x.yaml").read_text()
    column = one_column(tmp_path, "served", ["03/04/2025", "25/06/2025"])
    assert column.date_formats == ("%d/%m/%Y",)


@pytest.mark.parametrize(
    ("header", "values", "type_", "classification"),
    [
        ("ZIP", ["01234", "22222"], "text", "zipcode"),
        ("npi", ["1234567890", "1234567891"], "text", "public"),
        ("count", ["1", "20"], "integer", "identifier"),
        ("ratio", ["0.123", "1.5"], "numeric(18,3)", "identifier"),
        ("co_pay_fee", ["$1,200.50", "3"], "numeric(12,2)", "financial"),
        ("is_new", ["Y", "N"], "boolean", "identifier"),
        ("employer", ["A", "B"], "text", "name"),
        ("remark", ["x", "y"], "text", "free_text"),
        ("seen at", ["2025-01-02T10:11:12Z", "2025-01-03T10:11:12Z"], "timestamptz", "date"),
        ("empty", ["", ""], "text", "identifier"),
    ],
)
def test_type_and_class_follow_from_values_and_header(
    tmp_path, header, values, type_, classification
):
    column = one_column(tmp_path, header, values)
    assert (column.physical_type, column.classification) == (type_, classification)


CELLS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=0, max_size=12
)


@examples(15)
@given(
    header=st.lists(CELLS.filter(str.strip), min_size=2, max_size=6, unique_by=words.snake),
    rows=st.lists(st.lists(CELLS, min_size=6, max_size=6), min_size=1, max_size=20),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
)
@example(header=["NULL", "no"], rows=[["a"] * 6], delimiter=",")
@example(header=["0", "^$"], rows=[[""] * 6], delimiter=",")
def test_whatever_a_file_holds_its_draft_can_be_read(tmp_path_factory, header, rows, delimiter):
    folder = tmp_path_factory.mktemp("draft")
    path = folder / "x.csv"
    file = io.StringIO()
    numbered = [["claim id", *header], *([f"K{at}", *row] for at, row in enumerate(rows))]
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerows(row[: len(header) + 1] for row in numbered)
    path.write_text(file.getvalue(), encoding="utf-8", newline="")
    contract = drafted(path, "made", folder)
    assert len({column.name for column in contract.columns}) == len(contract.columns)
    assert contract.key


# Text that some version of YAML reads as something else, or that breaks a careless writer.
HOSTILE = [
    *("NULL", "null", "~", "true", "TRUE", "false", "yes", "no", "NO", "on", "Off", "y", "N"),
    *("1e3", "1.5", "-1", "+1", "017", "0o17", "0x1F", "0b1", "1_000", "1:20", "190:20:30"),
    *(".5", ".inf", "-.Inf", ".nan", "2024-01-01", "2024-01-01T00:00:00Z"),
    *("-", "--", "---", "...", "=", "<<", "?", ":", "#", "&", "*", "!", "|", ">", "%", "@", "`"),
    *("'", '"', "\\", ",", "[", "]", "{", "}", "'a'", '"a"', "[a]", "{a}", "{a:1}", "a,b"),
    *(
        "-a",
        "?a",
        "a:",
        "a:b",
        ":a",
        "#a",
        "a#b",
        "&a",
        "*a",
        "!a",
        "!!str",
        "|a",
        ">a",
        "%a",
        "@a",
    ),
    *("- a", "? a", "a: b", "a #b", "a, b", " padded ", "\t", "a\nb", "a\r\nb", "a\n# b"),
    *("é", "日本", "😀", "\x01", "\x1b[0m", "\x7f", "\x85", "\xa0", "\u2028", "\ufeff", "\ufffe"),
]
HOSTILE_TEXT = st.sampled_from(HOSTILE) | st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12
)
HOSTILE_NAMES = st.sampled_from(
    [text for text in HOSTILE if text.isprintable() and text.strip(". ") and "/" not in text]
)
HOSTILE_IDENTIFIERS = st.sampled_from([text for text in HOSTILE if not identifiers.fault(text)])


@examples(60)
@given(
    # To a contract names that differ in case alone are one.
    header=st.lists(
        HOSTILE_TEXT.filter(lambda text: fold(text) not in ("claimid", "procedure")),
        min_size=1, max_size=6, unique_by=fold,
    ),
    values=st.lists(HOSTILE_TEXT, min_size=1, max_size=2),
    source=st.just("made") | HOSTILE_IDENTIFIERS,
    feed=st.just("feed") | HOSTILE_IDENTIFIERS,
    name=st.just("x.jsonl") | HOSTILE_NAMES,
)  # fmt: skip
@example(
    header=[*{fold(text): text for text in HOSTILE}.values()],
    values=["NULL", "1e3"], source="yes", feed="no", name="a[1]|*.jsonl",
)  # fmt: skip
@example(header=["AmountPaid"], values=["NULL"], source="made", feed="feed", name="x.jsonl")
def test_a_draft_reads_back_with_exactly_the_names_and_values_of_its_file(
    tmp_path_factory, header, values, source, feed, name
):
    folder = tmp_path_factory.mktemp("draft")
    path = folder / name
    # JSON, as a csv with control characters in its header is refused; "procedure" may be listed.
    records = [
        {"claim id": f"K{at}", **dict.fromkeys(header, "x"), "procedure": values[at % len(values)]}
        for at in range(40)
    ]
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    contract = contracts.load(drafting.write(path, source, feed, folder / "drafts"))

    assert (contract.source_system, contract.feed) == (source, feed)
    assert contract.claims(path.name)
    with open_file(path, contract.dialect, 1 << 24) as reading:
        cells = reading.header
        rows = next(iter(reading)).rows
    # Values that are amounts or dates show that it is no procedure's code after all, and "x" is neither.
    unfit = {("procedure", "procedure_code")} - {
        (cell, column.name) for cell, column in zip(cells, contract.columns, strict=True)
    }
    promised = [name for name in words.canonical_names() if name.endswith(("_date", "_amount"))]
    unfit |= {(cell, name) for cell in header for name in promised}
    assert [column.name for column in contract.columns] == [
        name.column for name in words.names(source, cells, unfit)
    ]
    for cell, column in zip(cells, contract.columns, strict=True):
        assert cell in column.aliases or fold(cell) == fold(column.name)
    procedure = contract.columns[cells.index("procedure")]
    if procedure.type == "string":
        present = rows["procedure"].str.strip_chars().unique().to_list()
        no_value = {word.lower() for word in procedure.no_value}
        listed = {value for value in present if value and value.lower() not in no_value}
        assert set(procedure.enum) in (
            listed,
            set(),
        )  # a value that may be somebody's is not listed


def test_only_plain_words_are_left_unquoted():
    assert as_yaml(["claim id", "M/D/YYYY", "x-1.csv"]) == "[claim id, M/D/YYYY, x-1.csv]"
    for text in HOSTILE:
        assert as_yaml(text).startswith('"'), text


def test_the_command_prints_where_the_draft_is_or_what_is_wrong(tmp_path, capsys):
    path = tmp_path / "claims-20260101.csv"
    path.write_text("claim id,paid\n1,2\n")
    drafting.main([str(path), "--source", "made", "--folder", str(tmp_path)])
    draft = tmp_path / "made" / "claims.yaml"
    assert str(draft) in capsys.readouterr().out and contracts.load(draft).key == ("claim_id",)
    assert contracts.load(draft).claims("claims-20270909.csv")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    for file in (path, tmp_path / "nowhere"):
        with pytest.raises(SystemExit):
            drafting.main([str(file), "--folder", str(tmp_path)])


def test_workbooks_lines_of_json_and_parquet_are_drafted_too(tmp_path):
    frame = pl.DataFrame({"claim_id": ["a1", "a2"], "paid amt": ["1.50", "2"]})
    (tmp_path / "a.jsonl").write_text(
        "".join(f"{line}\n" for line in frame.write_ndjson().splitlines())
    )
    frame.write_parquet(tmp_path / "b.parquet")
    (tmp_path / "c.xlsx").write_bytes(MADE.files[billing_exports.CIGNA])
    for name, form in (("a.jsonl", "jsonl"), ("b.parquet", "parquet"), ("c.xlsx", "xlsx")):
        contract = drafted(tmp_path / name, "made", tmp_path)
        assert contract.dialect.format == form and accepted(tmp_path / name, contract) == 1


def test_the_table_of_a_workbook_is_found_below_titles_and_behind_a_cover(tmp_path):
    rows = [[f"K{n}", f"2024-01-{n:02}", n] for n in range(1, 20)]
    table = [["Claims of ACME"], [], ["key", "served", "paid"], *rows]
    path = tmp_path / "claims.xlsx"
    path.write_bytes(workbook(Page("Cover", [["ACME"]]), Page("Data", table)))
    contract = drafted(path, SOURCE, tmp_path / "drafts")
    assert [column.type for column in contract.columns] == ["string", "date", "decimal"]


def test_the_table_of_a_csv_is_found_below_titles_that_are_padded_to_its_width(tmp_path, capsys):
    titles = "ACME BENEFITS,,,\r\nRun date:,03/31/2024,,\r\n,,,\r\n"
    rows = "".join(f"24000{n},W{n:04},0{n % 9 + 1}/02/2024,$12.{n:02}\r\n" for n in range(10, 30))
    path = tmp_path / "remit report.csv"
    path.write_text(f"{titles}Claim #,Member ID,DOS,Paid Amt\r\n{rows}", newline="")
    contract = drafted(path, SOURCE, tmp_path / "drafts")
    assert contract.dialect.header == "search"
    assert [column.name for column in contract.columns] == [
        "claim_id", "patient_id", "service_date", "paid_amount",
    ]  # fmt: skip
    assert accepted(path, contract) == 1
    # the command to try it can be copied, whatever the file is called
    drafting.main([str(path), "--source", SOURCE, "--folder", str(tmp_path / "other")])
    assert f"'{path}'" in capsys.readouterr().out


def test_a_field_longer_than_python_reads_is_drafted_all_the_same(tmp_path):
    path = tmp_path / "claims.csv"
    notes = ["x" * (200_000 if number == 3 else 3) for number in range(30)]
    rows = "".join(f"C{number},{note},1.00\n" for number, note in enumerate(notes))
    for beginning in ("", "ACME,,\n"):
        path.write_text(f"{beginning}claim_id,note,paid\n{rows}")
        assert len(drafted(path, SOURCE, tmp_path / "drafts").columns) == 3


def test_no_column_has_the_name_of_one_that_every_source_table_has(tmp_path):
    column = one_column(tmp_path, "Batch ID", ["a", "b"])
    assert (column.name, column.aliases) == ("batch_id_2", ("Batch ID",))
    assert one_column(tmp_path, "row_number", ["a", "b"]).name == "row_number_2"


PEOPLE = [
    ["C1000001", "ALVAREZ", "ROSALIND", "1961-03-04", "401-22-9988", "TX", "120.50"],
    ["C1000002", "BRANDVOLD", "INGEBORG", "1958-11-30", "401-22-9989", "TX", "80.00"],
    ["C1000003", "CZAJKOWSKI", "TADEUSZ", "1972-07-19", "401-22-9990", "OK", "99.95"],
    ["C1000004", "DELACROIX", "ODILE", "1990-01-02", "401-22-9991", "TX", "12.00"],
]
# Records without a header, each a way in which its first row could pass for names.
WITHOUT_HEADER = {
    "everything": [0, 1, 2, 3, 4, 5, 6],
    "names and a state": [1, 2, 5],
    "names": [1, 2],
    "a name and a number": [1, 4],
    "names and an amount": [1, 2, 6],
    "a name and a birth date": [1, 3],
    "numbers of claims": [0, 1],
}


@pytest.mark.parametrize("delimiter", [",", "|"])
@pytest.mark.parametrize("places", WITHOUT_HEADER.values(), ids=WITHOUT_HEADER)
def test_a_file_without_a_header_puts_nobody_into_its_draft(tmp_path, places, delimiter, capsys):
    path = tmp_path / "x.csv"
    rows = [[row[place] for place in places] for row in PEOPLE]
    path.write_text("".join(f"{delimiter.join(row)}\n" for row in rows))
    drafting.main([str(path), "--source", "made", "--folder", str(tmp_path)])
    text = "".join(file.read_text() for file in (tmp_path / "made").rglob("*") if file.is_file())
    said = (text + "".join(capsys.readouterr())).lower()
    assert not [
        value
        for row in rows
        for value in row
        if value.lower() in said and value not in ("TX", "OK")
    ]
    contract = contracts.load(tmp_path / "made" / "x.yaml")
    assert [column.name for column in contract.columns] == [
        f"column_{number}" for number in range(1, len(places) + 1)
    ]
    assert "the columns are numbered" in text


@pytest.mark.parametrize(
    "header",
    [
        ["claim_id", "last", "first", "dob", "ssn", "st", "paid"],
        ["CLMNO", "LNAME", "FNAME", "BIRTHDT", "SSN", "STATE", "PAIDAMT"],
        ["numero", "apellido", "nombre", "nacimiento", "seguro", "estado", "pagado"],
        ["ICD10", "DX2", "F1", "dob", "x5", "st", "Paid 2024"],
    ],
)
def test_names_of_columns_are_kept_as_such(tmp_path, header):
    path = tmp_path / "x.csv"
    path.write_text("".join(f"{','.join(row)}\n" for row in [header, *PEOPLE]))
    contract = drafted(path, "made", tmp_path)
    assert by_header(contract, path).keys() == set(header)


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("formulary_status,claim_status,status", ["formulary_status", "claim_status", "status"]),
        ("SERVICEDATE,DOB,CLAIMNO", ["service_date", "patient_birth_date", "claim_id"]),
        (
            "SVCDT,PAIDDT,PTDOB,MBRID",
            ["service_date", "paid_date", "patient_birth_date", "patient_id"],
        ),
        (
            "Charge,Total Charge Amount,claim_amount",
            ["charge", "total_charge_amount", "claim_amount"],
        ),
        ("Patient Paid,Plan Paid", ["patient_paid", "paid_amount"]),
        ("Service Code,Service", ["service_code", "service_date"]),
        ("Type of Bill,Billed", ["type_of_bill", "claim_amount"]),
        ("payer_type,Carrier Name", ["payer_type", "payer"]),
    ],
)
def test_the_nearest_header_is_a_canonical_column(header, column, monkeypatch):
    monkeypatch.setattr(words, "known_names", lambda _: ({}, {}))
    assert [name.column for name in words.names("made", header.split(","))] == column


def test_names_can_be_given_to_the_columns_of_a_file_without_a_header_alone(tmp_path, capsys):
    path = tmp_path / "x.csv"
    path.write_text("".join(f"{','.join(row)}\n" for row in PEOPLE))
    given = "claim,last,first,dob,ssn,state,paid"
    arguments = [str(path), "--source", "made", "--folder", str(tmp_path), "--columns"]
    drafting.main([*arguments, given])
    contract = contracts.load(tmp_path / "made" / "x.yaml")
    assert contract.key == ("claim_id",) and contract.dialect.header == "none"
    assert "ALVAREZ" not in (tmp_path / "made" / "x.yaml").read_text()
    for wrong in ("a,b", "a,a,b,c,d,e,f"):
        with pytest.raises(SystemExit):
            drafting.main([*arguments, wrong])
    assert "the file has 7 columns" in capsys.readouterr().err
    path.write_text(f"{given}\n1,2,3,4,5,6,7\n")
    with pytest.raises(SystemExit):
        drafting.main([*arguments, given])
