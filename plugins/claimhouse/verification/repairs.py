"""Corrections that are certain: misread text, misspellings, lost zeros, money written for people.

Each is a warning that keeps the raw value. Digits that a spreadsheet lost cannot be corrected: the
warning says so, and the value stays.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from claimhouse.contracts import Column
from claimhouse.severity import WARNING
from claimhouse.verification import mojibake
from claimhouse.verification.rules import Failure

# Minimum similarity for an automatic correction.
MIN_SIMILARITY = 0.85
# A text longer than the longest valid value by more than this cannot be as similar.
MOST_EXTRA_CHARACTERS = 2

# Money as people and billing systems write it. Spaces may be no-break, narrow or thin ones.
_SPACE = "[ \u00a0\u2009\u202f]*"
_DOLLAR = r"(?:\$|US\$|USD)"
_MINUS = "[-\u2212\u2013\u2010\u2011]"  # hyphen, minus, en dash, two more hyphens
_LONG_MINUS = _MINUS.replace("-", "", 1)
# Groups of three digits after a first one that is no zero: 0,123 may be a decimal comma.
_NUMBER = (
    r"(?:(?:[1-9][0-9]{0,2}(?:,[0-9]{3})+|[1-9][0-9]{0,2}(?:[\u00a0\u202f][0-9]{3})+|[0-9]+)"
    r"(?:\.[0-9]+)?|\.[0-9]+)"
)
_AMOUNT = f"(?:{_DOLLAR}{_SPACE})?{_NUMBER}(?:{_SPACE}{_DOLLAR})?"
PLAIN_NUMBER = r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)$"
# The sign, if any, is a hyphen or plus before the number.
MONEY = f"(?i)^(?:[-+]?{_SPACE}{_AMOUNT}|{_DOLLAR}{_SPACE}[-+]{_SPACE}{_NUMBER})$"
# The sign is another one, or elsewhere: 1.00-, (1.00), $(1.00), 1.00 CR. One sign and no more:
# what -(1.00) or 1.00-CR mean, nobody knows.
SIGNED_MONEY = (
    "(?i)^(?:"
    f"{_LONG_MINUS}{_SPACE}{_AMOUNT}"
    f"|{_DOLLAR}{_SPACE}{_LONG_MINUS}{_SPACE}{_NUMBER}"
    f"|{_AMOUNT}{_SPACE}(?:{_MINUS}|\\+)"
    f"|(?:{_DOLLAR}{_SPACE})?\\({_SPACE}{_AMOUNT}{_SPACE}\\)(?:{_SPACE}{_DOLLAR})?"
    f"|{_AMOUNT}{_SPACE}(?:CR|DR)"
    ")$"
)
NEGATIVE = f"(?i){_MINUS}|\\(|CR$"
# How spreadsheets and programs write a number of many digits: the last ones are gone.
SCIENTIFIC = r"^[0-9](?:\.[0-9]+)?[Ee]\+(?:1[1-9]|[2-9][0-9])$"
LOST_DIGITS = (
    "is a long number from a spreadsheet, which keeps 15 digits at most: its last digits are lost. "
    "Format the column as text, enter the numbers again and send the file again"
)


@dataclass(frozen=True)
class Correction:
    """One repair of a column.

    Attributes:
        applies: the rows it concerns, over ``text``.
        corrected: their corrected text.
    """

    failure: Failure
    applies: pl.Expr
    corrected: pl.Expr


def repairs(column: Column) -> list[Callable[[pl.DataFrame], Correction | None]]:
    """The repairs that *column*'s contract allows, in the order in which they are made.

    Each takes a frame with the column ``text``, as the repairs before it left it, and returns the
    correction, or None where it has nothing to correct.
    """
    allowed: list[Callable[[pl.DataFrame], Correction | None]] = []
    if column.repair_encoding:
        allowed.append(lambda frame: _encoding(column, frame))
    if column.corrections:
        allowed.append(lambda frame: _spelling(column, frame))
    if column.restore_zeros:
        allowed.append(lambda frame: _zeros(column))
    if is_money(column):
        allowed.append(lambda frame: _money(column))
        allowed.append(lambda frame: _signed_money(column))
    if may_lose_digits(column):
        allowed.append(lambda frame: _digits(column))
    return allowed


def is_money(column: Column) -> bool:
    """Whether a column's numbers may be written as people write money.

    Not where the contract gives marks and digits another meaning: 1.234 may be more than a thousand.
    """
    if column.number is not None and column.number.is_own:
        return False
    return column.type in ("decimal", "integer") and (column.is_money or column.is_amount)


def may_lose_digits(column: Column) -> bool:
    """Whether a value of *column* as ``1.23457E+16`` shows that a spreadsheet cut it."""
    return column.type in ("string", "integer") and column.classification != "free_text"


def suspects(column: Column) -> pl.Expr | None:
    """Rows that may need a repair although they break no rule; None where there are none."""
    text = pl.col("text")
    found = []
    if column.repair_encoding:
        found.append(text.str.contains(mojibake.SUSPECT))
    if may_lose_digits(column):
        found.append(text.str.contains("+", literal=True) & text.str.contains(SCIENTIFIC))
    return pl.any_horizontal(found).fill_null(False) if found else None


def _correction(
    column: Column, rule: str, message: str, applies: pl.Expr, corrected: pl.Expr
) -> Correction:
    failure = Failure(column, rule, WARNING, f"{column.name} {message}.", is_correction=True)
    return Correction(failure, applies.fill_null(False), corrected)


def _encoding(column: Column, frame: pl.DataFrame) -> Correction | None:
    suspect = frame.filter(pl.col("text").str.contains(mojibake.SUSPECT))["text"].unique()
    repaired = {text: mojibake.repaired(text) for text in suspect}
    certain = {text: meant for text, meant in repaired.items() if meant is not None}
    if not certain:
        return None
    return _correction(
        column,
        "misread_encoding",
        "was UTF-8 read as another encoding; it has been restored",
        pl.col("text").is_in(list(certain)),
        pl.col("text").replace(certain),
    )


def _spelling(column: Column, frame: pl.DataFrame) -> Correction:
    known = {**column.corrections, **_likely_misspellings(column, frame)}
    return _correction(
        column,
        "misspelling",
        "was misspelled and has been corrected",
        pl.col("text").is_in(list(known)),
        pl.col("text").replace(known),
    )


def _zeros(column: Column) -> Correction:
    digits = rf"^[0-9]{{{column.restore_from},{column.restore_zeros - 1}}}$"
    return _correction(
        column,
        "lost_zeros",
        "had lost its leading zeros; they have been restored",
        pl.col("text").str.contains(digits),
        pl.col("text").str.zfill(column.restore_zeros),
    )


def _money(column: Column) -> Correction:
    text = pl.col("text")
    return _correction(
        column,
        "money_format",
        "was written with a currency sign or separators; they have been removed",
        text.str.contains(MONEY) & ~text.str.contains(PLAIN_NUMBER),
        _plain_amount(text),
    )


def _signed_money(column: Column) -> Correction:
    text = pl.col("text")
    return _correction(
        column,
        "sign_format",
        "was written with its sign in another way; (1.00), 1.00- and 1.00 CR are read as -1.00, "
        "1.00+ and 1.00 DR as 1.00",
        text.str.contains(SIGNED_MONEY),
        _plain_amount(text),
    )


def _plain_amount(text: pl.Expr) -> pl.Expr:
    """An amount with nothing but digits, a point, and a hyphen before it if it is negative."""
    digits = text.str.replace_all("[^0-9.]", "").str.replace(r"^\.", "0.")
    return pl.when(text.str.contains(NEGATIVE)).then(pl.lit("-") + digits).otherwise(digits)


def _digits(column: Column) -> Correction:
    text = pl.col("text")
    return _correction(column, "digits_lost", LOST_DIGITS, text.str.contains(SCIENTIFIC), text)


def _likely_misspellings(column: Column, frame: pl.DataFrame) -> dict[str, str]:
    """Texts that mean a valid value with certainty, and that value.

    They equal a valid value or a known misspelling but for case and spaces, or are similar to
    exactly one valid value.
    """
    valid = {_fold(value): value for value in column.enum}
    known = {_fold(value): meant for value, meant in column.corrections.items()} | valid
    longest = max(map(len, valid), default=0) + MOST_EXTRA_CHARACTERS
    texts = set(frame["text"].unique().drop_nulls().to_list())
    likely = {}
    for text in texts - set(column.enum) - set(column.corrections):
        folded = _fold(text)
        if folded in known:
            likely[text] = known[folded]
        elif len(folded) <= longest:
            similar = difflib.get_close_matches(folded, valid, n=2, cutoff=MIN_SIMILARITY)
            if len(similar) == 1:
                likely[text] = valid[similar[0]]
    return likely


def _fold(text: str) -> str:
    """Text without case, and with single spaces."""
    return " ".join(text.lower().split())
