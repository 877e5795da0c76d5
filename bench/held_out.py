"""Twenty layouts that no rule of the drafts was made or changed for: written down before anybody looked.

They are of the same claims as those of :mod:`bench.layouts`, with other names and habits. Where a draft
of one of them is wrong, a rule may be mended for the kind that it shows, and it stays in this list as
it was; docs/drafts.md has the first figures beside those of today.
"""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal

import polars as pl
import xlsxwriter

from bench.layouts import Encode, Layout, Write, dated, delimited, flagged, or_word, text


def cents(value: Decimal) -> str:
    """An amount as a number of cents."""
    return str(int(value * 100))


def lettered(value: Decimal) -> str:
    """An amount as USD 1,234.50."""
    return f"{'-' if value < 0 else ''}USD {abs(value):,.2f}"


def signed_after_dollar(value: Decimal) -> str:
    """An amount as $-12.50."""
    return f"${value}"


def spaced(value: Decimal) -> str:
    """An amount as 1 234,50."""
    return f"{value:,.2f}".translate(str.maketrans(",.", " ,"))


def padded(width: int, write: Write = text, is_right: bool = False) -> Write:
    """A value filled with blanks to a width."""
    return lambda value: write(value).rjust(width) if is_right else write(value).ljust(width)


def zeros(width: int) -> Write:
    """An amount in cents with zeros before it, a minus in front."""
    return lambda value: f"{'-' if value < 0 else '0'}{abs(int(value * 100)):0{width - 1}}"


def fixed(above: str = "", below: str = "") -> Encode:
    """Lines whose values stand one behind the other."""

    def encode(_: list[str], rows: list[list[str]]) -> bytes:
        return (above + "".join(f"{''.join(row)}\r\n" for row in rows) + below).encode()

    return encode


def framed(first: str, kind: str, last: str, delimiter: str) -> Encode:
    """A csv whose rows begin with a word for their kind, between a header record and a trailer."""

    def encode(_: list[str], rows: list[list[str]]) -> bytes:
        lines = [delimiter.join([kind, *row]) for row in rows]
        return "\n".join([first, *lines, last.format(rows=len(rows)), ""]).encode()

    return encode


def objects(header: list[str], rows: list[list[str]]) -> bytes:
    """A JSON object on each line, null where there is no value."""
    made = ({name: cell or None for name, cell in zip(header, row, strict=True)} for row in rows)
    return "".join(f"{json.dumps(row)}\n" for row in made).encode()


def columnar(header: list[str], rows: list[list[str]]) -> bytes:
    """Parquet of texts."""
    file = io.BytesIO()
    pl.DataFrame(rows, schema=dict.fromkeys(header, pl.String), orient="row").write_parquet(file)
    return file.getvalue()


def broken_names(header: list[str], rows: list[list[str]]) -> bytes:
    """A workbook whose names have line breaks in them."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet("Export")
        for number, row in enumerate([[name.replace(" ", "\n") for name in header], *rows]):
            for place, cell in enumerate(row):
                sheet.write_string(number, place, cell)
    return file.getvalue()


def held_out() -> list[Layout]:
    """The twenty layouts."""
    return [
        Layout(
            "words of an 837",
            {
                "ClaimControlNumber": ("claim", text),
                "SubscriberIdentifier": ("patient", text),
                "StatementFromDate": ("served", dated("%m/%d/%Y")),
                "TotalClaimChargeAmount": ("charge", text),
                "PayerPaidAmount": ("paid", text),
                "RenderingProviderNPI": ("npi", text),
            },
            ("ClaimControlNumber",),
            delimited(quoting=csv.QUOTE_ALL),
        ),
        Layout(
            "Spanish names",
            {
                "numero_reclamo": ("claim", text),
                "fecha_servicio": ("served", dated("%d/%m/%Y")),
                "monto_facturado": ("charge", spaced),
                "monto_pagado": ("paid", spaced),
                "estado": ("status", text),
            },
            ("numero_reclamo",),
            delimited(";"),
        ),
        Layout(
            "padded cells",
            {
                "Document #": ("claim", padded(12)),
                "Insured ID": ("patient", padded(12)),
                "Service Thru": ("served", padded(12, dated("%m/%d/%Y"))),
                "Chgs": ("charge", padded(14, is_right=True)),
                "Pmts": ("paid", padded(14, is_right=True)),
            },
            ("Document #",),
            delimited("|"),
        ),
        Layout(
            "dashes and UNK",
            {
                "ticket": ("claim", text),
                "visit_date": ("served", dated("%Y-%m-%d")),
                "remittance_dt": ("paid_on", dated("%Y-%m-%d", "--")),
                "carc": ("reason", or_word("UNK")),
                "gross_chg": ("charge", text),
                "net_pmt": ("paid", text),
            },
            ("ticket",),
            delimited(),
        ),
        Layout(
            "times without marks",
            {
                "EncounterNbr": ("claim", text),
                "ArrivalTS": ("seen", dated("%Y%m%d%H%M")),
                "TotChg": ("charge", text),
                "FinClass": ("payer", text),
            },
            ("EncounterNbr",),
            delimited("^"),
        ),
        Layout(
            "times with Z",
            {
                "encounterId": ("claim", text),
                "startedAt": ("seen", dated("%Y-%m-%dT%H:%M:%S.000Z")),
                "grossCharges": ("charge", text),
                "insurerName": ("payer", text),
            },
            ("encounterId",),
            objects,
            "encounters.jsonl",
        ),
        Layout(
            "T and F, Yes and No",
            {
                "acct": ("claim", text),
                "first_visit": ("is_new", flagged("T", "F")),
                "Referred (Yes/No)": ("is_new", flagged("Yes", "No")),
                "srv_dte": ("served", dated("%Y/%m/%d")),
                "amt_chg": ("charge", text),
            },
            ("acct",),
            delimited("\t"),
        ),
        Layout(
            "cents",
            {
                "claim_key": ("claim", text),
                "incurred": ("served", dated("%Y%m%d")),
                "billed_cents": ("charge", cents),
                "paid_cents": ("paid", cents),
            },
            ("claim_key",),
            delimited(),
        ),
        Layout(
            "USD before the amount",
            {
                "Invoice": ("claim", text),
                "Treatment Date": ("served", dated("%d %b %Y")),
                "Fee": ("charge", lettered),
                "Benefit Paid": ("paid", lettered),
                "Patient Surname": ("last", text),
            },
            ("Invoice",),
            delimited(quoting=csv.QUOTE_ALL),
        ),
        Layout(
            "pharmacy",
            {
                "RxClaimNbr": ("claim", text),
                "FillDt": ("served", dated("%m-%d-%Y")),
                "NDC11": ("drug", text),
                "DaysSup": ("days", text),
                "IngredientCost": ("charge", text),
                "PrescriberNPI": ("npi", text),
                "DrugTier": ("tier", text),
            },
            ("RxClaimNbr",),
            delimited(),
        ),
        Layout(
            "document and line",
            {
                "DCN": ("claim_of_line", text),
                "LN": ("line", text),
                "DOS_FROM": ("served", dated("%m/%d/%y")),
                "CPT4": ("procedure", text),
                "DX1": ("diagnosis", text),
                "POS_CD": ("place", text),
                "SUBMITTED": ("charge", text),
                "ELIGIBLE": ("allowed", text),
            },
            ("DCN", "LN"),
            delimited("|"),
        ),
        Layout(
            "line breaks in names",
            {
                "Claim Identifier": ("claim", text),
                "Member Birth Date": ("birth", dated("%m/%d/%Y")),
                "Date Rendered": ("served", dated("%m/%d/%Y")),
                "Charges Submitted": ("charge", signed_after_dollar),
                "Plan Payment": ("paid", signed_after_dollar),
            },
            ("Claim Identifier",),
            broken_names,
            "export.xlsx",
        ),
        Layout(
            "Unicode text of Excel",
            {
                "Claim": ("claim", text),
                "Rendered": ("served", dated("%b %d %Y")),
                "Mbr Zip": ("zip", text),
                "Charge $": ("charge", text),
                "Paid $": ("paid", text),
            },
            ("Claim",),
            delimited("\t", encoding="utf-16"),
        ),
        Layout(
            "Parquet",
            {
                "claim_sk": ("claim", text),
                "svc_begin_dt": ("served", dated("%Y-%m-%d")),
                "attending_npi": ("npi", text),
                "chrg": ("charge", text),
                "adjud_sts": ("status", text),
            },
            ("claim_sk",),
            columnar,
            "claims.parquet",
        ),
        Layout(
            "points in short years",
            {
                "Case": ("claim", text),
                "Date": ("served", dated("%d.%m.%y")),
                "Amount": ("charge", text),
                "Reimbursed": ("paid", text),
                "Hospital days": ("days", text),
            },
            ("Case",),
            delimited(";"),
        ),
        Layout(
            "no header, tabs",
            {
                "claim": ("claim", text),
                "npi": ("npi", text),
                "served": ("served", dated("%m/%d/%Y")),
                "diagnosis": ("diagnosis", text),
                "charge": ("charge", text),
            },
            ("claim",),
            delimited("\t", has_header=False),
            is_plain=False,
        ),
        Layout(
            "header and trailer, pipes",
            {
                "claim": ("claim", text),
                "served": ("served", dated("%Y%m%d")),
                "procedure": ("procedure", text),
                "charge": ("charge", text),
                "paid": ("paid", text),
            },
            ("claim",),
            framed("HDR|20240105|NORTHWIND|P", "DTL", "TRL|{rows:09}", "|"),
            "NW0105.txt",
            is_plain=False,
        ),
        Layout(
            "header and trailer, digits",
            {
                "claim": ("claim", text),
                "patient": ("patient", text),
                "served": ("served", dated("%m/%d/%Y")),
                "charge": ("charge", text),
            },
            ("claim",),
            framed("00,EASTERN,2024-01-05", "10", "99,EASTERN,{rows}", ","),
            "eastern.dat",
            is_plain=False,
        ),
        Layout(
            "fixed width, blanks between",
            {
                "claim": ("claim", padded(10)),
                "last": ("last", padded(14)),
                "served": ("served", padded(10, dated("%m/%d/%y"))),
                "procedure": ("procedure", padded(7)),
                "charge": ("charge", padded(11, is_right=True)),
            },
            ("claim",),
            fixed(),
            "claims.txt",
            is_plain=False,
        ),
        Layout(
            "fixed width, nothing between",
            {
                "claim": ("claim", text),
                "served": ("served", dated("%Y%m%d")),
                "npi": ("npi", text),
                "place": ("place", text),
                "charge": ("charge", zeros(9)),
                "paid": ("paid", zeros(9)),
            },
            ("claim",),
            fixed(),
            "extract.txt",
            is_plain=False,
        ),
    ]
