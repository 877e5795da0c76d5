"""Whether the first row of a file names its columns, or is a record: a person's values are no names."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import polars as pl

from claimhouse.drafting.words import is_known
from claimhouse.verification import fold

# This share of a column's values has one shape, where its shape says anything.
MOST = 0.8
# Numbers, dates, amounts, identifiers; a name is none of these.
DATA = re.compile(
    r"[-+$(]*[0-9][0-9.,:/ $%)+-]*(CR|DR|[AP]M|Z)?|.*[0-9]{5}.*|.*@.*|[0-9]{1,4}[-/ ][A-Za-z]{3,9}[-/ ][0-9]{1,4}",
    re.IGNORECASE | re.DOTALL,
)
TYPED = r"^[-+$(]*[0-9][0-9.,:/TZ $)-]*$"


def names_columns(cells: Sequence[str], rows: pl.DataFrame, known: Collection[str]) -> bool:
    """Whether *cells*, the first row of a file, are names of its columns.

    Where that is in doubt they are taken for values: a name too few costs a line, a value too many
    is a person's.

    Args:
        cells: the row, as text.
        rows: the rows below, with the cells as names of the columns.
        known: names that contracts know, folded.
    """
    values = [_present(rows[cell]) for cell in cells]
    named = sum(is_known(cell) or fold(cell) in known for cell in cells)
    like_data = sum(
        _is_data(cell, below)
        for cell, below in zip(cells, values, strict=True)
        if fold(cell) not in known
    )
    if like_data and like_data * 4 >= len(cells):
        return False
    if any(
        cell.strip() and (below == cell.strip()).any()
        for cell, below in zip(cells, values, strict=True)
    ):
        return named > len(cells) / 2
    if named:
        return like_data < named
    # Unknown words, perhaps of another language: they are names if other values than texts are below.
    return not like_data and any(
        (len(below) and below.str.contains(TYPED).mean()) or MOST < 0 for below in values
    )


def _is_data(cell: str, below: pl.Series) -> bool:
    """Whether a cell looks like a value, or as the values below it do."""
    cell = cell.strip()
    if not cell:
        return False
    if DATA.fullmatch(cell):
        return True
    shape = _shape(cell)
    if "9" not in shape or not len(below):
        return False
    shapes = below.str.replace_all("[0-9]+", "9").str.replace_all("[A-Za-z]+", "a")
    return float((shapes == shape).mean() or 0) > MOST  # type: ignore[arg-type]


def _shape(text: str) -> str:
    return re.sub("[A-Za-z]+", "a", re.sub("[0-9]+", "9", text))


def _present(raw: pl.Series) -> pl.Series:
    # Polars reads a name such as ^$ as an expression for many columns.
    text = raw.head(1000).alias("text").str.strip_chars()
    return text.filter(text != "")
