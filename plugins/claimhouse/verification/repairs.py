"""Corrections that are certain: misread text, misspellings, lost zeros, money written for people.

Each is a warning that keeps the raw value.
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
GROUPED_MONEY = r"^\$? ?([0-9]{1,3}(,[0-9]{3})+|[0-9]+)(\.[0-9]+)?$"


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
    if column.is_money:
        allowed.append(lambda frame: _money(column))
    return allowed


def suspects(column: Column) -> pl.Expr | None:
    """Rows that may need a repair although they break no rule; None where there are none."""
    if not column.repair_encoding:
        return None
    return pl.col("text").str.contains(mojibake.SUSPECT).fill_null(False)


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
        text.str.contains("[$,]") & text.str.contains(GROUPED_MONEY),
        text.str.replace_all("[$, ]", ""),
    )


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
