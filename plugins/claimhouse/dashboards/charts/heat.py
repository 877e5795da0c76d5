"""Heat: cells of two fields, each with its number; the higher, the darker."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from claimhouse.dashboards import numbers, theme
from claimhouse.dashboards.answer import Answer
from claimhouse.dashboards.charts.chart import Chart, Datum, Spec
from claimhouse.dashboards.charts.parts import CHARACTER, LONGEST_NAME, cursor, whole
from claimhouse.dashboards.charts.rows import joined, number_of
from claimhouse.dashboards.selection import UNKNOWN
from claimhouse.glossary import title


@dataclass(frozen=True)
class Cells:
    """Where the rows of an answer are.

    Attributes:
        lines: the names, in their order; and those of the *columns*.
        rows: the number of the row, by the names of its line and column.
    """

    lines: list[str]
    columns: list[str]
    rows: Mapping[tuple[str, str], int]


def cells_of(answer: Answer) -> Cells:
    """The cells of a heat map: a line for each value of the first field, a column for those of the others."""
    listed = [(number, row.fields) for number, row in enumerate(answer.rows) if not row.is_rest]
    if len(answer.fields) == 1:
        title = answer.measures[0].title
        rows = {(fields[0] or UNKNOWN, title): number for number, fields in listed}
        return Cells(_in_order(line for line, _ in rows), [title], rows)
    rows = {(fields[0] or UNKNOWN, joined(fields[1:])): number for number, fields in listed}
    others = sorted((fields[1:] for _, fields in listed), key=_by_known)
    return Cells(_in_order(line for line, _ in rows), _in_order(map(joined, others)), rows)


def draw(
    answer: Answer, width: int, height: int, chosen: Mapping[str, Sequence[str]]
) -> list[Chart]:
    """Cells, each with its number; the higher, the darker."""
    measure, tile, cells = answer.measures[0], answer.tile, cells_of(answer)
    lines, columns = cells.lines, cells.columns
    known = [
        v
        for number in cells.rows.values()
        if (v := number_of(answer.rows[number].values[0])) is not None
    ]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    data: list[Datum] = []
    for line in lines:
        for column in columns:
            found = cells.rows.get((line, column))
            value = None if found is None else answer.rows[found].values[0]
            size = number_of(value)
            step = (
                None
                if size is None
                else min(
                    int((size - low) / (high - low) * theme.CELLS) if high > low else 2,
                    theme.CELLS - 1,
                )
            )
            data.append(
                {
                    **({} if found is None else {"row": found}),
                    "line": line, "column": column,
                    "step": "none" if step is None else str(step),
                    "label": numbers.short(value, measure.unit), "text": numbers.text(value, measure.unit),
                    "ink": "soft" if step is None else "on-high" if step > 3 else "on-low",
                }
            )  # fmt: skip
    beside = min(max(len(line) for line in lines) * CHARACTER, LONGEST_NAME) + 10
    each = (width - beside) / max(len(columns), 1)
    is_tight = each < max(map(len, columns), default=0) * CHARACTER
    is_labeled = each >= (max(len(datum["label"]) for datum in data)) * 6.5
    steps = [*map(str, range(theme.CELLS)), "none"]
    x = {"field": "column", "type": "nominal", "sort": None, "scale": {"domain": columns},
         "axis": {"orient": "top", "labelAngle": -35 if is_tight else 0, "labelLimit": 120, "domain": False,
                  "labelColor": theme.color("ink"), "labelAlign": "left" if is_tight else "center"}}  # fmt: skip
    y = {"field": "line", "type": "nominal", "sort": None, "scale": {"domain": lines},
         "axis": {"labelLimit": LONGEST_NAME, "labelColor": theme.color("ink"), "domain": False}}  # fmt: skip
    inks = ["on-low", "on-high", "soft"]
    tip = [
        {"field": "line", "title": title(tile.fields[0])},
        {"field": "column", "title": title(tile.fields[1]) if tile.fields[1:] else " "},
        {"field": "text", "title": measure.title},
    ]
    layers: list[Spec] = [
        {
            "mark": {"type": "rect", "cornerRadius": 3, "width": {"band": 0.96}, "height": {"band": 0.92},
                     "cursor": cursor(answer)},
            "encoding": {
                "color": {"field": "step", "type": "nominal", "legend": None,
                          "scale": {"domain": steps, "range": [theme.color(f"cell-{step}") for step in steps]}},
                "tooltip": tip,
            },
        }
    ]  # fmt: skip
    if is_labeled:
        layers.append(
            {
                "mark": {"type": "text", "cursor": cursor(answer)},
                "encoding": {
                    "text": {"field": "label"}, "tooltip": tip,
                    "color": {"field": "ink", "type": "nominal", "legend": None,
                              "scale": {"domain": inks, "range": [theme.color(ink) for ink in inks]}},
                },
            }
        )  # fmt: skip
    spec = whole(width, height, data, layers, {"x": x, "y": y})
    spec["resolve"] = {"scale": {"color": "independent"}}
    return [Chart("", spec)]


def _in_order(names: Iterable[str]) -> list[str]:
    """Names, each once; days of the week from Monday on."""
    found = list(dict.fromkeys(names))
    if any(name not in (*calendar.day_name, UNKNOWN) for name in found):
        return found
    return sorted(found, key=[*calendar.day_name, UNKNOWN].index)


def _by_known(fields: Sequence[str | None]) -> tuple[Any, ...]:
    return tuple((value is None, value or "") for value in fields)


def height_of(answer: Answer) -> int:
    """The least height, in pixels."""
    return 34 * len({row.fields[0] for row in answer.rows}) + 60
