"""The first rows of a file nobody has described."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from claimhouse import settings
from claimhouse.reading import Dialect, open_file, open_sheets, widest

ROWS = 20_000


def first_rows(path: Path, dialect: Dialect) -> pl.DataFrame:
    """The first :data:`ROWS` rows of the file, as text, with their ``row_number``.

    Raises:
        Unreadable: the file as a whole cannot be read.
    """
    blocks: list[pl.DataFrame] = []
    places = widest(open_sheets(path, dialect))
    with open_file(path, dialect, settings.block_bytes(), places) as reading:
        for block in reading:
            blocks.append(block.rows)
            if sum(map(len, blocks)) >= ROWS:
                break
        header = reading.header
    if not blocks:
        return pl.DataFrame(schema={"row_number": pl.Int64} | dict.fromkeys(header, pl.String))
    return pl.concat(blocks).head(ROWS)
