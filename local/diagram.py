"""The picture of the star, drawn from the database's catalog: ``python -m local.diagram``.

Each fact and bridge is a box of its keys. A dimension that several of them share is a lane in
the middle, and a dot says which key joins it; a junk dimension, which belongs to one fact, stands
behind its key. So no line crosses another except at a right angle.
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
LINE, LETTERS = 13, 50  # of the text above the keys: pixels, and how much fits
INK, PAPER, RIM, SOFT = "#1f2933", "#ffffff", "#9aa5b1", "#52606d"
# Of Okabe and Ito, told apart by color-blind readers too.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#a66f00", "#3b9ad1", "#6b5ca5", "#444444")


@dataclass(frozen=True)
class Table:
    """A table of the star, with what the picture shows of it."""

    name: str
    grain: str
    primary_key: tuple[str, ...]
    columns: tuple[str, ...]

    @property
    def keys(self) -> dict[str, str]:
        """Its surrogate keys, and the dimension each belongs to."""
        return {one: dimension(one) for one in self.columns if one.endswith("_key")}

    @property
    def lines(self) -> list[tuple[str, str]]:
        """What stands above the keys: the grain and what tells rows apart, and in which color."""
        identity = ", ".join(one for one in self.primary_key if one not in self.keys)
        told = [(self.grain, SOFT), (f"key: {identity}" if identity else "", INK)]
        return [(line, ink) for text, ink in told for line in textwrap.wrap(text, LETTERS)]

    @property
    def height(self) -> int:
        """Of its box, in pixels: a multiple of a row, so that all keys stand in one raster."""
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
    """The star that *connection* leads to, as an SVG picture."""
    known = tables(connection)
    facts = [one for one in known if not one.name.startswith("dim_")]
    used = Counter(chain.from_iterable(set(one.keys.values()) for one in facts))
    dimensions = {one.name: one for one in known if one.name.startswith("dim_")}
    lanes = [
        name
        for name in sorted(used, key=lambda one: (-used[one], one))
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
        top = MARGIN + HEAD + side * ROW // 2  # so that no two lines lie on each other
        for fact in column:
            parts += _fact(fact, side, top, width, lanes, at)
            top += fact.height + GAP
    return "\n".join([*parts, "</svg>", ""])


def _is_junk(table: Table) -> bool:
    """Whether it holds flags of one fact: its rows come from no source."""
    return table.name != "dim_date" and "source_system" not in table.columns


def _columns(facts: list[Table]) -> tuple[list[Table], list[Table]]:
    """The facts in two columns of about the same height, each in the order of the names."""
    columns: tuple[list[Table], list[Table]] = ([], [])
    for one in sorted(facts, key=lambda one: (-one.height, one.name)):
        min(columns, key=_height).append(one)
    return sorted(columns[0], key=_order), sorted(columns[1], key=_order)


def _order(table: Table) -> tuple[bool, str]:
    return table.name.startswith("bridge_"), table.name


def _height(column: Iterable[Table]) -> int:
    return sum(one.height + GAP for one in column)


def _color(number: int) -> str:
    return COLORS[number % len(COLORS)]


def _lane(table: Table, x: float, color: str, height: int) -> Iterable[str]:
    """A shared dimension: its box on top, and the line that leads down from it."""
    wide, top = LANE - 6, MARGIN
    natural = f"{table.name.removeprefix('dim_')}_id"
    told = [table.primary_key[0], f"+ {natural}" if natural in table.columns else ""]
    told.append("with history" if "valid_from" in table.columns else "")
    yield f'<path d="M{x} {top + 50}V{height - MARGIN}" stroke="{color}" stroke-width="1.5"/>'
    yield _box(x - wide / 2, top, wide, 54, color, "#fff")
    yield _text(x, top + 15, table.name, color, bold=True, anchor="middle")
    for number, line in enumerate(told):
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
    """A connection to a freshly migrated database of its own, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="claimhouse-docs-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server runs as another user where this one is root
        try:
            address = embedded.create_database(embedded.start(folder / "pg"), "warehouse")
            schema.upgrade(address)
            with warehouse.connect(address) as connection:
                yield connection
        finally:
            embedded.stop(folder / "pg")


def main() -> None:
    """Draw the star of a freshly migrated database."""
    with fresh_database() as connection:
        PICTURE.write_text(draw(connection), encoding="utf-8")


if __name__ == "__main__":
    main()
