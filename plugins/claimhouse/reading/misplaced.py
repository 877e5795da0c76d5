"""Rows below a table's header that are no records: a repeated header, a total, another table.

All of a sheet is one grid, so such rows would be read as values of the wrong columns. They become
broken rows, which are quarantined as they came.
"""

from __future__ import annotations

import polars as pl

# The first filled cell of a row of totals; of the longer form, where the row is mostly blank.
TOTAL = r"^(grand |sub[- ]?)?totals?\s*:?$"
LONG_TOTAL = r"^(grand |sub[- ]?)?totals? .*"
MOST_FILLED = 2  # columns that a row of totals may fill in a table that has no more

MESSAGES = {
    "repeated_header": "The header is repeated here; the row is no record.",
    "total_row": "The row is a total, not a record. Leave totals out of the table.",
    "second_table": (
        "Another table begins on this sheet, and its columns are not those of the first. "
        "Put it on a sheet of its own."
    ),
}


def misplaced(rows: pl.DataFrame, header: list[str]) -> dict[int, str]:
    """The rule that each such row breaks, by row number.

    A row that repeats the header's names in their own columns repeats the header. One with at least
    two of its names, which are half of its cells or more, in any columns, begins another table,
    which goes on to the end of the sheet.

    Args:
        rows: ``row_number`` and the text columns of *header*.
        header: the names.
    """
    cells = [pl.col(name).str.strip_chars().str.to_lowercase() for name in header]
    names = [name.strip().lower() for name in header]
    is_filled = [cell != "" for cell in cells]
    filled = pl.sum_horizontal(is_filled)
    own = pl.sum_horizontal(cell == name for cell, name in zip(cells, names, strict=True))
    named = pl.sum_horizontal(cell.is_in(names) for cell in cells)
    first = pl.coalesce(
        pl.when(full).then(cell) for cell, full in zip(cells, is_filled, strict=True)
    )
    least = min(2, len(header))
    kinds = rows.select(
        "row_number",
        ((own >= least) & (own == filled)).alias("repeated_header"),
        ((named >= 2) & (2 * named >= filled) & (own < filled)).alias("second_table"),
        (
            (first.str.contains(TOTAL) & ((filled < len(header)) | (filled <= MOST_FILLED)))
            | (first.str.contains(LONG_TOTAL) & (2 * filled <= len(header)))
        )
        .fill_null(False)
        .alias("total_row"),
    )
    found: dict[int, str] = {}
    for rule in ("total_row", "repeated_header"):
        found |= dict.fromkeys(kinds.filter(pl.col(rule))["row_number"].to_list(), rule)
    begins = kinds.filter(pl.col("second_table"))["row_number"].min()
    if begins is not None:
        others = kinds.filter(pl.col("row_number") >= begins)["row_number"].to_list()
        found |= dict.fromkeys(others, "second_table")
    return found
