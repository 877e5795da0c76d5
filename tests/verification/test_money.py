"""Amounts as people and billing systems write them: read where they are certain, refused elsewhere."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.worlds.feeds import batches, claim, claims_csv, drop, issues, take_in_all
from tests.worlds.properties import examples

from claimhouse import contracts
from claimhouse.contracts import Column
from claimhouse.verification.judge import judge

(COST,) = (
    column for column in contracts.of("billing", "claims").columns if column.name == "total_cost"
)
MONEY = replace(COST, minimum=None)
NO_BREAK = "\u00a0"


def read(text: str, column: Column = MONEY) -> tuple[Decimal | None, list[str]]:
    """The amount that *text* is read as, and the rules it breaks."""
    judged = judge(column, pl.Series([text], dtype=pl.String))
    return judged.each("value")[0], [failure.rule for failure in judged.failures]


CERTAIN = {
    # the text, what it is, and the rule of its warning
    "(12.50)": ("-12.50", "sign_format"),
    "( 12.50 )": ("-12.50", "sign_format"),
    "(1,234.50)": ("-1234.50", "sign_format"),
    "($12.50)": ("-12.50", "sign_format"),
    "$(12.50)": ("-12.50", "sign_format"),
    "$ (12.50)": ("-12.50", "sign_format"),
    "(12.50)$": ("-12.50", "sign_format"),
    f"({NO_BREAK}12.50)": ("-12.50", "sign_format"),
    "(0.00)": ("0", "sign_format"),
    "12.50-": ("-12.50", "sign_format"),
    "12.50 -": ("-12.50", "sign_format"),
    "$12.50-": ("-12.50", "sign_format"),
    "1,234.50-": ("-1234.50", "sign_format"),
    "12.50+": ("12.50", "sign_format"),
    "12.50 CR": ("-12.50", "sign_format"),
    "12.50CR": ("-12.50", "sign_format"),
    "$1,234.50 cr": ("-1234.50", "sign_format"),
    "12.50 DR": ("12.50", "sign_format"),
    "\u221212.50": ("-12.50", "sign_format"),
    "\u201312.50": ("-12.50", "sign_format"),
    "$\u221212.50": ("-12.50", "sign_format"),
    "12.50\u2212": ("-12.50", "sign_format"),
    "-$12.50": ("-12.50", "money_format"),
    "- $12.50": ("-12.50", "money_format"),
    "$-12.50": ("-12.50", "money_format"),
    "$ -12.50": ("-12.50", "money_format"),
    "- 12.50": ("-12.50", "money_format"),
    f"-{NO_BREAK}12.50": ("-12.50", "money_format"),
    "-1,234.50": ("-1234.50", "money_format"),
    "USD -12.50": ("-12.50", "money_format"),
    "-12.50 USD": ("-12.50", "money_format"),
    "US$12.50": ("12.50", "money_format"),
    f"1{NO_BREAK}234.50": ("1234.50", "money_format"),
    "+$12.50": ("12.50", "money_format"),
    "$.50": ("0.50", "money_format"),
    "-.50": ("-0.50", None),
    ".5": ("0.50", None),
    "12.": ("12.00", None),
    "000000000012.50": ("12.50", None),
    "1,234,567.00": ("1234567.00", "money_format"),
    "-12.50": ("-12.50", None),
    "+12.50": ("12.50", None),
}


@pytest.mark.parametrize("text", CERTAIN)
def test_an_amount_that_can_mean_one_thing_is_read(text):
    amount, rule = CERTAIN[text]
    assert read(text) == (Decimal(amount), [rule] if rule else [])
    assert read(f" {text}{NO_BREAK} ") == (Decimal(amount), [rule] if rule else [])


AMBIGUOUS = [
    "1.234,56", "1,23", "12,50", "0,123", "1,2345", "12,34,567", "1,234,56", "1 234.50",
    "(12.50", "12.50)", "-(12.50)", "(-12.50)", "(12.50)-", "(12.50) CR", "((12.50))", "()", "(",
    "--12", "-12.50-", "+-12", "12.50--", "12-50", "12.50-CR", "-12.50 CR", "CR 12.50", "CR", "DR",
    "-", "$", "$-", "-$", "$$5", "12.5.0", "1e5", "5%", "€12.50", "£-5", "'12.50", "\u201412.50",
    "12.50 CREDIT", "1/2", "0x10", "١٢", "NaN", "Infinity", "-\u221212",
]  # fmt: skip


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_what_could_mean_two_things_is_no_amount(text):
    assert read(text) == (None, ["number"])


STYLES = {
    "parentheses": "({})",
    "dollar in parentheses": "(${})",
    "dollar before parentheses": "$({})",
    "trailing minus": "{}-",
    "trailing minus, dollar": "${}-",
    "credit": "{} CR",
    "minus, dollar": "-${}",
    "dollar, minus": "$-{}",
    "spaced": "- {}",
    "minus sign": "\u2212{}",
    "en dash": "\u2013{}",
    "code": "USD -{}",
    "code behind": "-{} USD",
    "no-break": "-${}".replace("$", f"${NO_BREAK}"),
}
AMOUNTS = st.integers(0, 10**11).map(lambda cents: Decimal(cents).scaleb(-2))


@examples(200)
@given(amount=AMOUNTS, style=st.sampled_from(sorted(STYLES)), grouped=st.booleans())
def test_a_negative_amount_is_what_was_rendered(amount, style, grouped):
    figures = f"{amount:,.2f}" if grouped else f"{amount:.2f}"
    wide = replace(MONEY, physical_type="numeric(14,2)")
    value, rules = read(STYLES[style].format(figures), wide)
    assert value == -amount
    assert rules in (["sign_format"], ["money_format"])


@examples(200)
@given(text=st.text(st.sampled_from("0123456789.,-+()$ CRDUS\u2212\u2013\u00a0"), max_size=12))
def test_whatever_is_read_has_the_digits_that_were_written(text):
    value, rules = read(text)
    if value is None:
        return
    figures = "".join(character for character in text if character in "0123456789.")
    assert abs(value) == Decimal(figures.rstrip(".") or "0")
    signs = sum(text.count(sign) for sign in "-\u2212\u2013(") + text.count("CR")
    assert (value < 0) == (signs == 1 and value != 0)
    assert signs <= 1
    assert rules == [] or rules == ["money_format"] or rules == ["sign_format"]


def test_only_money_is_read_so():
    plain = replace(MONEY, is_money=False, is_amount=False)
    assert read("(12.50)", plain) == (None, ["number"])
    assert read("(12.50)", replace(MONEY, is_money=False)) == (Decimal("-12.50"), ["sign_format"])


def test_a_sign_has_its_consequences(landing_root, warehouse):
    """A minimum of zero holds for a negative amount however it is written, and money reconciles."""
    drop(
        landing_root,
        "claims.csv",
        claims_csv(
            claim(1, total_cost="(5.00)"),
            claim(2, total_cost="5.00 DR"),
            claim(3, total_cost="(5.00"),
            claim(4, total_cost="1.234,56"),
            claim(5),
        ),
    )
    take_in_all()
    assert batches(warehouse)[0][2:] == (5, 2, 3, 0)
    assert [(row, rule, severity, raw) for row, _, rule, severity, _, raw in issues(warehouse)] == [
        (2, "sign_format", "warning", "(5.00)"),
        (2, "minimum", "error", "(5.00)"),
        (3, "sign_format", "warning", "5.00 DR"),
        (4, "number", "error", "(5.00"),
        (5, "number", "error", "1.234,56"),
    ]
    (amounts,) = warehouse.execute("select amounts -> 'total_cost' from landing.batch").fetchone()
    assert {name: Decimal(str(value)) for name, value in amounts.items()} == {
        "read": Decimal("10.50"),
        "accepted": Decimal("15.50"),
        "quarantined": Decimal("-5.00"),
        "dropped": Decimal(0),
        "unreadable": Decimal(2),
    }
    messages = dict(
        warehouse.execute(
            "select row_number, message from quality.issue where rule = 'number'"
        ).fetchall()
    )
    assert "decimal comma" in messages[5]
    assert "decimal comma" not in messages[4]
