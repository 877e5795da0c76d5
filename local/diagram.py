"""The diagram of the star, drawn from the database's catalog: ``python -m local.diagram``.

Each fact and bridge is a box with its keys. A shared dimension is a lane in the middle, and a dot
marks the key that joins it; a junk dimension, which belongs to one fact, is named after its key.
So lines cross only at right angles.
"""

from __future__ import annotations

import math
import tempfile
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from itertools import chain
from pathlib import Path
from typing import Any

from psycopg import Connection

from claimhouse import schema, warehouse
from local import embedded, places

PICTURE = places.ROOT / "docs" / "images" / "star.svg"

BOX, LANE, ROW, GAP, MARGIN = 272, 96, 16, 16, 14  # pixels
HEAD = 74
LINE, LETTERS = 13, 50  # of the text above the keys: height in pixels, letters that fit
INK, PAPER, RIM, SOFT = "#1f2933", "#ffffff", "#9aa5b1", "#52606d"
# After Okabe and Ito, distinguishable by color-blind readers.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#a66f00", "#3b9ad1", "#6b5ca5", "#444444")


@dataclass(frozen=True)
class Table:
    """What the diagram shows of a table of the star."""

    name: str
    grain: str
    primary_key: tuple[str, ...]
    columns: tuple[str, ...]

    @property
    def keys(self) -> dict[str, str]:
        """The surrogate keys, with the dimension of each."""
        return {column: dimension(column) for column in self.columns if column.endswith("_key")}

    @property
    def lines(self) -> list[tuple[str, str]]:
        """The lines above the keys, with their colors: the grain, and the rest of the primary key."""
        identity = ", ".join(column for column in self.primary_key if column not in self.keys)
        texts = [(self.grain, SOFT), (f"key: {identity}" if identity else "", INK)]
        return [(line, ink) for text, ink in texts for line in textwrap.wrap(text, LETTERS)]

    @property
    def height(self) -> int:
        """The height of the box in pixels: a multiple of a row, so that all keys share one grid."""
        text = 22 + LINE * len(self.lines)
        return ROW * (math.ceil(text / ROW) + len(self.keys) + 1)


def dimension(key: str) -> str:
    """The dimension a key belongs to: ``service_date_key`` is one of ``dim_date``."""
    return "dim_date" if key.endswith("date_key") else f"dim_{key.removesuffix('_key')}"


def tables(connection: Connection[Any]) -> list[Table]:
    """The star's tables, from the catalog."""
    return [
        Table(
            row["name"],
            row["comment"].removeprefix("Grain: "),
            tuple(row["primary_key"]),
            tuple(row["columns"]),
        )
        for row in warehouse.query(connection, "catalog/star")
    ]


def draw(connection: Connection[Any]) -> str:
    """Draw the star of the database as SVG."""
    star = tables(connection)
    facts = [table for table in star if not table.name.startswith("dim_")]
    used = Counter(chain.from_iterable(set(fact.keys.values()) for fact in facts))
    dimensions = {table.name: table for table in star if table.name.startswith("dim_")}
    lanes = [
        name
        for name in sorted(used, key=lambda name: (-used[name], name))
        if not _is_junk(dimensions[name])
    ]
    left, right = _columns(facts)
    width = 2 * (BOX + MARGIN) + LANE * len(lanes) + GAP
    height = MARGIN + HEAD + max(_height(left), _height(right) + ROW)
    at = {name: MARGIN + BOX + GAP / 2 + LANE * (number + 0.5) for number, name in enumerate(lanes)}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="Helvetica, Arial, sans-serif" font-size="11">',
        "<title>The star schema: facts, the dimensions they share, and their keys</title>",
        f'<rect width="{width}" height="{height}" fill="{PAPER}"/>',
    ]
    for number, name in enumerate(lanes):
        parts += _lane(dimensions[name], at[name], _color(number), height)
    for side, column in ((0, left), (1, right)):
        top = MARGIN + HEAD + side * ROW // 2  # so that no lines overlap
        for fact in column:
            parts += _fact(fact, side, top, width, lanes, at)
            top += fact.height + GAP
    return "\n".join([*parts, "</svg>", ""])


def _is_junk(table: Table) -> bool:
    """Whether *table* is a junk dimension, which has no source system."""
    return table.name != "dim_date" and "source_system" not in table.columns


def _columns(facts: list[Table]) -> tuple[list[Table], list[Table]]:
    """Split the facts into two columns of about the same height, each sorted by name."""
    columns: tuple[list[Table], list[Table]] = ([], [])
    for fact in sorted(facts, key=lambda fact: (-fact.height, fact.name)):
        min(columns, key=_height).append(fact)
    return sorted(columns[0], key=_order), sorted(columns[1], key=_order)


def _order(table: Table) -> tuple[bool, str]:
    return table.name.startswith("bridge_"), table.name


def _height(column: Iterable[Table]) -> int:
    return sum(table.height + GAP for table in column)


def _color(number: int) -> str:
    return COLORS[number % len(COLORS)]


def _lane(table: Table, x: float, color: str, height: int) -> Iterable[str]:
    """A shared dimension: its box on top, and the line down from it."""
    wide, top = LANE - 6, MARGIN
    natural = f"{table.name.removeprefix('dim_')}_id"
    lines = [table.primary_key[0], f"+ {natural}" if natural in table.columns else ""]
    lines.append("with history" if "valid_from" in table.columns else "")
    yield f'<path d="M{x} {top + 50}V{height - MARGIN}" stroke="{color}" stroke-width="1.5"/>'
    yield _box(x - wide / 2, top, wide, 54, color, "#fff")
    yield _text(x, top + 15, table.name, color, bold=True, anchor="middle")
    for number, line in enumerate(lines):
        yield _text(x, top + 28 + 11 * number, line, INK, anchor="middle", size=9)


def _fact(
    fact: Table, side: int, top: int, width: int, lanes: list[str], at: dict[str, float]
) -> Iterable[str]:
    """A fact or bridge: its box, and a line from each key to the lane of its dimension."""
    x = MARGIN if side == 0 else width - MARGIN - BOX
    edge = x + BOX if side == 0 else x
    yield _box(x, top, BOX, fact.height, INK, "#f5f7fa")
    yield _text(x + 10, top + 19, fact.name, INK, bold=True, size=13)
    y = top + 33
    for line, ink in fact.lines:
        yield _text(x + 10, y, line, ink, size=10)
        y += LINE
    y = top + fact.height - ROW * len(fact.keys)
    for key, name in fact.keys.items():
        if name in at:
            color = _color(lanes.index(name))
            yield f'<path d="M{edge} {y}H{at[name]}" stroke="{color}" stroke-width="1"/>'
            yield f'<circle cx="{at[name]}" cy="{y}" r="4" fill="{color}"/>'
            yield f'<circle cx="{edge}" cy="{y}" r="2" fill="{color}"/>'
            inner = x + BOX - 10 if side == 0 else x + 10
            yield _text(inner, y + 4, key, color, anchor="end" if side == 0 else "start")
        else:
            yield _text(x + 10, y + 4, f"{key} → {name}", SOFT, size=10)
        y += ROW


def _box(x: float, y: float, width: float, height: float, rim: str, fill: str) -> str:
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="5" fill="{fill}" '
        f'stroke="{rim}" stroke-width="1.2"/>'
    )


def _text(
    x: float,
    y: float,
    text: str,
    color: str,
    bold: bool = False,
    anchor: str = "start",
    size: int = 11,
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x}" y="{y}" fill="{color}" font-size="{size}" text-anchor="{anchor}"{weight}>'
        f"{escape(text)}</text>"
    )


@contextmanager
def fresh_database() -> Iterator[Connection[Any]]:
    """A connection to a freshly migrated temporary database."""
    with tempfile.TemporaryDirectory(prefix="claimhouse-docs-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server runs as another user if this one is root
        try:
            address = embedded.create_database(embedded.start(folder / "pg"), "warehouse")
            schema.upgrade(address)
            with warehouse.connect(address) as connection:
                yield connection
        finally:
            embedded.stop(folder / "pg")


def main() -> None:
    """Write the diagram of a freshly migrated database."""
    with fresh_database() as connection:
        PICTURE.write_text(draw(connection), encoding="utf-8")


if __name__ == "__main__":
    main()
