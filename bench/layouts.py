"""Twenty ways in which carriers write the same claims, each with names and habits of its own."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import xlsxwriter

SEED, CLAIMS = 20261129, 120

Value = str | Decimal | date | datetime | bool | int | None
Write = Callable[[Any], str]
Encode = Callable[[list[str], list[list[str]]], bytes]


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
    encode: Encode
    name: str = "claims_20240105.csv"
    is_plain: bool = True
    changes: Mapping[str, Callable[[int], Value]] = field(default_factory=dict)


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
) -> Encode:
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
