"""How many lines of a draft have to be changed until its file loads right.

    python -m bench.drafts [FOLDER ...]

Twenty layouts are made of the same claims, each with names and habits of its own. A draft is right
where each value of each row is loaded as the value that the file was written from, to the cent. A
column that is not costs four lines (its two types, a property and its heading), a part of the key that
is wrong two, a column without a name one. Of the files of a folder below ``<source>/``, the contract of
their feed says what the values are; the draft is made as if no contract knew a name.
"""

from __future__ import annotations

import csv
import io
import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

import xlsxwriter

from claimhouse import contracts
from claimhouse.contracts import Contract
from claimhouse.drafting import words
from claimhouse.drafting.draft import drafts
from claimhouse.drafting.yaml import write_draft
from claimhouse.verification import dialect_of, fit_contracts, open_tables
from claimhouse.verification.header import match_header
from claimhouse.verification.verify import verify

SEED, CLAIMS = 20261129, 120
SOURCE, FEED = "strange", "claims"
# A column of a file that has dirt is right if so many of its values are.
RIGHT = 0.97

Value = str | Decimal | date | datetime | bool | int | None
Write = Callable[[Any], str]


@dataclass(frozen=True)
class Layout:
    """A way in which a carrier writes the claims.

    Attributes:
        columns: for each header, the field of a claim and how it is written.
        key: the headers of the key.
        name: of the file.
        encode: its bytes, from the header and the rows as text.
    """

    title: str
    columns: Mapping[str, tuple[str, Write]]
    key: tuple[str, ...]
    encode: Callable[[list[str], list[list[str]]], bytes]
    name: str = "claims_20240105.csv"
    is_plain: bool = True
    changes: Mapping[str, Callable[[int], Value]] = field(default_factory=dict)


@dataclass(frozen=True)
class Measure:
    """What a draft costs.

    Attributes:
        lines: of the draft that have to be changed.
        wrong: the headers whose values it loads otherwise, and ``key``.
    """

    title: str
    rows: int
    columns: int
    lines: int
    wrong: tuple[str, ...]
    is_plain: bool = True


def claims() -> list[dict[str, Value]]:
    """The claims that all layouts are made of."""
    draw = random.Random(SEED)
    made: list[dict[str, Value]] = []
    for number in range(CLAIMS):
        served = date(2023, 1, 1) + timedelta(draw.randrange(365))
        charge = Decimal(draw.randrange(1000, 2_500_000)) / 100
        if number % 17 == 5:
            charge = -charge
        is_paid = number % 5 != 0
        made.append(
            {
                "claim": f"C{100_000 + number * 7}",
                "claim_of_line": f"C{100_000 + number // 3}",
                "line": number % 3 + 1,
                "patient": f"M{draw.randrange(10_000_000):08}",
                "last": draw.choice(("Alvarez", "Brandvold", "Czajkowski", "O'Neil", "de la Cruz")),
                "first": draw.choice(("Rosalind", "Ingeborg", "Tadeusz", "Odile", "Mary Ann")),
                "birth": date(1931, 1, 1) + timedelta(draw.randrange(33_000)),
                "served": served,
                "seen": datetime(served.year, served.month, served.day, draw.randrange(24), draw.randrange(60)),
                "paid_on": served + timedelta(draw.randrange(10, 40)) if is_paid else None,
                "npi": f"1{draw.randrange(10**9):09}",
                "procedure": draw.choice(("99213", "99214", "G0439", "0001A", "D1110")),
                "diagnosis": draw.choice(("4019", "25000", "V270", "J45909", "78650")),
                "place": draw.choice(("11", "21", "22", "02")),
                "zip": draw.choice(("02134", "77002", "73301", "60614")),
                "drug": f"{draw.randrange(10**11):011}",
                "charge": charge,
                "allowed": (charge * 8 / 10).quantize(Decimal("0.01")),
                "paid": (charge * 6 / 10).quantize(Decimal("0.01")) if is_paid else Decimal("0.00"),
                "status": "Paid" if is_paid else "Denied",
                "reason": draw.choice(("045", "097", "016", "204")) if not is_paid else None,
                "payer": draw.choice(("Aetna", "Cigna", "Humana")),
                "days": draw.randrange(1, 31),
                "is_new": draw.random() < 0.3,
                "tier": draw.choice(("Preferred", "Generic", "Brand")),
            }
        )  # fmt: skip
    return made


def text(value: Value) -> str:
    """A value as most files write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def dated(form: str, none: str = "") -> Write:
    """Dates by :func:`date.strftime`; ``-m`` and ``-d`` are without zeros."""
    return lambda value: none if value is None else value.strftime(form)


def flagged(true: str, false: str) -> Write:
    """Flags by two words."""
    return lambda value: true if value else false


def or_word(word: str, write: Write = text) -> Write:
    """A word where there is no value."""
    return lambda value: word if value is None else write(value)


def us(value: Decimal) -> str:
    """An amount as $1,234.50, negative in parentheses."""
    return f"(${-value:,.2f})" if value < 0 else f"${value:,.2f}"


def european(value: Decimal) -> str:
    """An amount as 1.234,50."""
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


def trailing(value: Decimal) -> str:
    """An amount as 12.50-."""
    return f"{abs(value)}{'-' if value < 0 else ''}"


def credited(value: Decimal) -> str:
    """An amount as 12.50 CR."""
    return f"{abs(value)}{' CR' if value < 0 else ''}"


def parenthesized(value: Decimal) -> str:
    """An amount as (12.50)."""
    return f"({-value})" if value < 0 else str(value)


def overpunched(value: Decimal) -> str:
    """An amount in cents with its sign over the last digit."""
    digits = f"{int(abs(value) * 100):09}"
    signs = "}JKLMNOPQR" if value < 0 else "{ABCDEFGHI"
    return digits[:-1] + signs[int(digits[-1])]


def serial(value: date) -> str:
    """A day as a spreadsheet counts it."""
    return str((value - date(1899, 12, 30)).days)


def delimited(
    delimiter: str = ",",
    above: str = "",
    has_header: bool = True,
    encoding: str = "utf-8",
    quoting: int = 0,
) -> Callable[[list[str], list[list[str]]], bytes]:
    """A csv."""

    def encode(header: list[str], rows: list[list[str]]) -> bytes:
        file = io.StringIO()
        writer = csv.writer(file, delimiter=delimiter, quoting=quoting)  # type: ignore[arg-type]
        writer.writerows([header, *rows] if has_header else rows)
        return (above + file.getvalue()).encode(encoding)

    return encode


def lines_of_json(header: list[str], rows: list[list[str]]) -> bytes:
    """A JSON object on each line."""
    return "".join(f"{json.dumps(dict(zip(header, row, strict=True)))}\n" for row in rows).encode()


def workbook(header: list[str], rows: list[list[str]]) -> bytes:
    """A workbook with a cover, and the claims on the second sheet below a title."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        book.add_worksheet("Cover").write(0, 0, "Claims of 2023")
        sheet = book.add_worksheet("Data")
        for number, row in enumerate([["Claims of ACME"], [], header, *rows]):
            for place, cell in enumerate(row):
                sheet.write_string(number, place, cell)
    return file.getvalue()


US_DATE, ISO = dated("%m/%d/%Y"), dated("%Y-%m-%d")


def layouts() -> list[Layout]:
    """The twenty layouts."""
    return [
        Layout(
            "snake case, ISO dates",
            {
                "claim_id": ("claim", text),
                "member_id": ("patient", text),
                "service_date": ("served", ISO),
                "npi": ("npi", text),
                "procedure_code": ("procedure", text),
                "billed_amount": ("charge", text),
                "paid_amount": ("paid", text),
            },
            ("claim_id",),
            delimited(),
        ),
        Layout(
            "capitals run together",
            {
                "CLAIMNO": ("claim", text),
                "PATID": ("patient", text),
                "DOB": ("birth", dated("%m%d%Y")),
                "SERVICEDATE": ("served", dated("%m%d%Y")),
                "PROVNPI": ("npi", text),
                "CHARGEAMT": ("charge", text),
                "PAIDAMT": ("paid", text),
                "ZIPCODE": ("zip", text),
            },
            ("CLAIMNO",),
            delimited("|"),
        ),
        Layout(
            "dollars and commas",
            {
                "Claim Number": ("claim", text),
                "Date of Service": ("served", US_DATE),
                "Patient Last Name": ("last", text),
                "Patient First Name": ("first", text),
                "Total Charges": ("charge", us),
                "Allowed": ("allowed", us),
                "Plan Paid": ("paid", us),
            },
            ("Claim Number",),
            delimited(quoting=csv.QUOTE_ALL),
        ),
        Layout(
            "decimal comma",
            {
                "ClaimRef": ("claim", text),
                "Served": ("served", dated("%d.%m.%Y")),
                "Charged": ("charge", european),
                "Paid": ("paid", european),
            },
            ("ClaimRef",),
            delimited(";"),
        ),
        Layout(
            "tabs, parentheses",
            {
                "clm_nbr": ("claim", text),
                "svc_dt": ("served", dated("%Y%m%d")),
                "chrg_amt": ("charge", parenthesized),
                "pd_amt": ("paid", parenthesized),
                "clm_sts": ("status", text),
            },
            ("clm_nbr",),
            delimited("\t"),
        ),
        Layout(
            "years of two digits",
            {
                "Claim ID": ("claim", text),
                "Birth": ("birth", dated("%m/%d/%y")),
                "From": ("served", dated("%m/%d/%y")),
                "Check Dt": ("paid_on", dated("%m/%d/%y")),
                "Billed": ("charge", text),
            },
            ("Claim ID",),
            delimited(),
            changes={"birth": lambda n: date(1935, 1, 1) + timedelta(n * 250)},
        ),
        Layout(
            "no header",
            {
                "claim": ("claim", text),
                "last": ("last", text),
                "born": ("birth", ISO),
                "served": ("served", ISO),
                "zip": ("zip", text),
                "charge": ("charge", text),
            },
            ("claim",),
            delimited(has_header=False),
            is_plain=False,
        ),
        Layout(
            "titles above the header",
            {
                "Claim #": ("claim", text),
                "DOS": ("served", US_DATE),
                "Payer": ("payer", text),
                "Amount Billed": ("charge", text),
                "Amount Paid": ("paid", text),
            },
            ("Claim #",),
            delimited(above="ACME Health\r\nClaims of 2023\r\n\r\n"),
            is_plain=False,
        ),
        Layout(
            "words for no value",
            {
                "claim_no": ("claim", text),
                "dos": ("served", ISO),
                "remit_date": ("paid_on", dated("%Y-%m-%d", "NULL")),
                "denial_code": ("reason", or_word("N/A")),
                "charges": ("charge", text),
                "payment": ("paid", text),
            },
            ("claim_no",),
            delimited(),
        ),
        Layout(
            "flags",
            {
                "ClaimID": ("claim", text),
                "NewPatientYN": ("is_new", flagged("Y", "N")),
                "is_new_patient": ("is_new", flagged("1", "0")),
                "new_pt": ("is_new", flagged("true", "false")),
                "SvcDate": ("served", US_DATE),
                "BilledAmt": ("charge", text),
            },
            ("ClaimID",),
            delimited(),
        ),
        Layout(
            "a workbook with a cover",
            {
                "Claim Reference": ("claim", text),
                "Member Number": ("patient", text),
                "Service From": ("served", dated("%Y/%m/%d")),
                "Total Billed": ("charge", text),
                "Paid": ("paid", text),
            },
            ("Claim Reference",),
            workbook,
            "claims_2023.xlsx",
        ),
        Layout(
            "days of a spreadsheet",
            {
                "claim_number": ("claim", text),
                "service_date": ("served", serial),
                "paid_date": ("paid_on", or_word("", serial)),
                "charge_amount": ("charge", text),
                "paid_amount": ("paid", text),
            },
            ("claim_number",),
            delimited(),
        ),
        Layout(
            "AM and PM",
            {
                "Claim No.": ("claim", text),
                "Admit Time": ("seen", dated("%m/%d/%Y %I:%M %p")),
                "Charge": ("charge", text),
                "Paid": ("paid", text),
            },
            ("Claim No.",),
            delimited(),
        ),
        Layout(
            "lines of claims",
            {
                "CLM_ID": ("claim_of_line", text),
                "LINE_NBR": ("line", text),
                "LINE_SVC_DT": ("served", dated("%d-%b-%Y")),
                "HCPCS_CD": ("procedure", text),
                "LINE_CHRG_AMT": ("charge", text),
                "LINE_PD_AMT": ("paid", text),
            },
            ("CLM_ID", "LINE_NBR"),
            delimited("|"),
        ),
        Layout(
            "codes that look like numbers",
            {
                "claimid": ("claim", text),
                "pos": ("place", text),
                "DIAGNOSIS1": ("diagnosis", text),
                "DIAGNOSIS2": ("diagnosis", text),
                "reasoncode": ("reason", text),
                "ndc": ("drug", text),
                "patient_zip": ("zip", text),
                "dayssupply": ("days", text),
                "svcdt": ("served", ISO),
                "billed": ("charge", text),
            },
            ("claimid",),
            delimited(),
        ),
        Layout(
            "lines of JSON",
            {
                "claimId": ("claim", text),
                "memberId": ("patient", text),
                "serviceDate": ("served", ISO),
                "billedAmount": ("charge", text),
                "payerName": ("payer", text),
            },
            ("claimId",),
            lines_of_json,
            "claims_2023.jsonl",
        ),
        Layout(
            "signs behind the amount",
            {
                "ICN": ("claim", text),
                "FDOS": ("served", dated("%m-%d-%Y")),
                "Submitted Chg": ("charge", trailing),
                "Pd": ("paid", credited),
            },
            ("ICN",),
            delimited(),
        ),
        Layout(
            "tildes, names of months",
            {
                "CLAIM": ("claim", text),
                "SERVICE DATE": ("served", dated("%d-%b-%y")),
                "PAID DATE": ("paid_on", dated("%B %d, %Y")),
                "CHARGES": ("charge", text),
                "PAYMENT": ("paid", text),
            },
            ("CLAIM",),
            delimited("~"),
        ),
        Layout(
            "overpunched signs",
            {
                "CLM-NUM": ("claim", text),
                "FROM-DT": ("served", dated("%Y%m%d")),
                "CHG-AMT": ("charge", overpunched),
                "PD-AMT": ("paid", overpunched),
            },
            ("CLM-NUM",),
            delimited(),
        ),
        Layout(
            "near names, Windows-1252",
            {
                "Claim_Number": ("claim", text),
                "formulary_status": ("tier", text),
                "claim_status": ("status", text),
                "Carrier": ("payer", text),
                "Rendering NPI": ("npi", text),
                "Paid Dt": ("paid_on", US_DATE),
                "Paid Amt": ("paid", text),
                "Insured Name": ("last", text),
            },
            ("Claim_Number",),
            delimited(encoding="cp1252"),
            changes={"last": lambda n: ("Núñez", "Müller", "Smith")[n % 3]},
        ),
    ]


def measure(layout: Layout, folder: Path) -> Measure:
    """What the draft of a layout costs."""
    made = [
        row | {name: change(number) for name, change in layout.changes.items()}
        for number, row in enumerate(claims())
    ]
    header = list(layout.columns)
    rows = [[write(row[name]) for name, write in layout.columns.values()] for row in made]
    path = folder / layout.name
    path.write_bytes(layout.encode(header, rows))
    truth = {head: [row[name] for row in made] for head, (name, _) in layout.columns.items()}
    return _measured(layout.title, path, truth, layout.key, layout.is_plain)


def _measured(
    title: str,
    path: Path,
    truth: Mapping[str, Sequence[Any]],
    key: Sequence[str],
    is_plain: bool = True,
    least: float = 1,
) -> Measure:
    with (
        mock.patch.object(words, "known_names", lambda _: ({}, {})),
        mock.patch("claimhouse.drafting.draft.known_names", lambda _: ({}, {})),
    ):
        draft = drafts(path, SOURCE, FEED)[0]
    headers = list(truth) if not draft.has_names else [guess.header for guess in draft.guesses]
    names = dict(zip(headers, (guess.column.name for guess in draft.guesses), strict=True))
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, SOURCE, f"{draft.feed}.yaml")
        target.parent.mkdir()
        target.write_text(write_draft(draft), encoding="utf-8")
        loaded, numbers = load(contracts.load(target), path)
    wrong = [
        head for head, values in truth.items()
        if head in names and _share(loaded[names[head]], numbers, values) < least
    ]  # fmt: skip
    is_key_wrong = [names.get(head) for head in key] != list(draft.key)
    lines = 4 * len(wrong) + (
        2 * len(set(draft.key) ^ {names.get(head) for head in key}) if is_key_wrong else 0
    )
    if not draft.has_names:
        lines += len(names)  # each column is named
    count = max(map(len, truth.values()), default=0)
    return Measure(
        title, count, len(names), lines, (*wrong, *(["key"] if is_key_wrong else [])), is_plain
    )


def load(contract: Contract, path: Path) -> tuple[dict[str, dict[int, Any]], list[int]]:
    """What a contract loads of a file: the values of each column by row number; and all row numbers."""
    values: dict[str, dict[int, Any]] = {column.name: {} for column in contract.columns}
    numbers: list[int] = []
    opened = open_tables(contract, path, path.name)
    with opened.reading as reading:
        for block in reading:
            numbers += [*block.rows["row_number"], *(row.row_number for row in block.broken)]
            accepted = verify(block, opened.plans[block.table]).accepted
            rows = accepted["row_number"].to_list()
            for name, column in values.items():
                column |= dict(zip(rows, accepted[name].to_list(), strict=True))
    return values, sorted(numbers)


def _share(loaded: Mapping[int, Any], numbers: Sequence[int], values: Sequence[Any]) -> float:
    """The share of the rows that have the value that they should have, of the same kind."""
    if len(numbers) != len(values):
        return 0
    same = sum(
        _is_same(loaded.get(number, ...), value)
        for number, value in zip(numbers, values, strict=True)
    )
    return same / len(values) if values else 1


def _is_same(found: Any, value: Any) -> bool:
    if isinstance(found, datetime) and isinstance(value, datetime):
        return found.replace(tzinfo=None) == value.replace(tzinfo=None)
    if isinstance(value, Decimal):
        return isinstance(found, Decimal | int) and found == value
    if isinstance(value, str) and isinstance(found, str):
        return found.strip().casefold() == value.strip().casefold()
    return type(found) is type(value) and bool(found == value)


def of_folder(root: Path) -> Iterator[Measure]:
    """What the drafts of real files cost: the contract of their feed says what they hold."""
    for source in contracts.sources():
        known = contracts.sound([source])
        seen: set[str] = set()
        for path in sorted((root / source).rglob("*")):
            fits = [feed for feed in known if path.is_file() and feed.claims(path.name)]
            if not fits and path.is_file() and any(feed.is_by_content for feed in known):
                fits = [fit.contract for fit in fit_contracts(known, path).best]
            if len(fits) != 1 or fits[0].feed in seen:
                continue
            contract = replace(fits[0], dialect=dialect_of(fits[0], path))
            seen.add(contract.feed)
            with open_tables(contract, path, path.name).reading as reading:
                renames, _ = match_header(contract, reading.header)
            loaded, numbers = load(contract, path)
            truth = {
                head: [loaded[name].get(number) for number in numbers]
                for name, head in renames.items()
            }
            key = [renames[name] for name in contract.key if name in renames]
            yield _measured(f"{source}/{contract.feed}", path, truth, key, least=RIGHT)


def table(measures: Sequence[Measure]) -> str:
    """The measures as a table of Markdown."""
    lines = ["| file | columns | lines to change | what |", "|---|---|---|---|"]
    for draft in measures:
        what = ", ".join(f"`{name}`" for name in draft.wrong) or ("names" if draft.lines else "")
        lines.append(f"| {draft.title} | {draft.columns} | {draft.lines} | {what} |")
    return "\n".join(lines)


def made() -> list[Measure]:
    """What the drafts of the twenty layouts cost."""
    with tempfile.TemporaryDirectory() as folder:
        return [measure(layout, Path(folder)) for layout in layouts()]


def main() -> None:
    """Print the tables."""
    print(table(made()))
    for root in sys.argv[1:]:
        print(f"\n{table(list(of_folder(Path(root))))}")


if __name__ == "__main__":
    main()
