"""Bars side by side: of several numbers of one unit, or of the values of a second field."""

from __future__ import annotations

from collections.abc import Iterable

from claimhouse.dashboards import numbers, theme
from claimhouse.dashboards.answer import Answer, Value
from claimhouse.dashboards.charts.chart import Spec
from claimhouse.dashboards.charts.parts import (
    INK_OR_SOFT,
    IS_NUMBER,
    LONGEST_NAME,
    axis_of_values,
    cursor,
    domain_of,
    whole,
    with_room,
)
from claimhouse.dashboards.charts.rows import is_along_time, joined, name_of, number_of
from claimhouse.dashboards.selection import UNKNOWN
from claimhouse.glossary import title

# Horizontal and vertical bars: more than these have no room for their names.
MOST_BARS, MOST_COLUMNS = 25, 60


def grouped(answer: Answer, width: int, height: int) -> Spec:
    """Bars side by side: of several numbers of one unit, or of the values of a second field."""
    tile, series, data = answer.tile, series_of(answer), []
    for number, row in enumerate(answer.rows):
        pairs: Iterable[tuple[str, Value, str | None]]
        if tile.split:
            pairs = [(row.fields[-1] or UNKNOWN, row.values[0], answer.measures[0].unit)]
        else:
            pairs = [
                (measure.title, value, measure.unit)
                for measure, value in zip(answer.measures, row.values, strict=True)
            ]
        name = joined(row.fields[: len(tile.by)]) if not row.is_rest else name_of(answer, row)
        for of, value, unit in pairs:
            data.append(
                {
                    "row": number, "name": name, "of": of, "value": number_of(value),
                    "label": numbers.short(value, unit), "text": numbers.text(value, unit),
                    "look": "plain",
                }
            )  # fmt: skip
    data = [datum for datum in data if datum["of"] in series]
    names = list(dict.fromkeys(datum["name"] for datum in data))
    if is_along_time(tile):
        names.sort()
    names = names[: MOST_COLUMNS if is_along_time(tile) else MOST_BARS]
    data = [datum for datum in data if datum["name"] in names]
    unit = answer.measures[0].unit
    color = {
        "field": "of", "type": "nominal",
        "scale": {"domain": series, "range": [theme.series(n) for n in range(len(series))]},
        "legend": {"columns": max(1, width // 180), "labelLimit": 160},
    }  # fmt: skip
    tip = [
        {"field": "name", "title": title(tile.by[0]) if tile.by else " "},
        {"field": "of", "title": title(tile.split) if tile.split else " "},
        {"field": "text", "title": answer.measures[0].title if tile.split else "Value"},
    ]
    along, across = ("x", "y") if is_along_time(tile) else ("y", "x")
    domain = domain_of(data, 0.02 if along == "x" else 0)
    place = {"field": "name", "type": "nominal", "sort": None, "scale": {"domain": names},
             "axis": {"labelLimit": LONGEST_NAME, "labelAngle": 0, "labelOverlap": "greedy", "labelSeparation": 10,
                      "labelColor": theme.color("ink"), "domain": along == "x"}}  # fmt: skip
    offset = {"field": "of", "type": "nominal", "sort": None, "scale": {"domain": series}}
    size = {
        "field": "value", "type": "quantitative",
        "scale": {"domain": domain, "nice": False, **({} if along == "x" else {"range": with_room(data)})},
        "axis": axis_of_values(domain, unit) if along == "x" else None,
    }  # fmt: skip
    layers: list[Spec] = [
        {
            "transform": [IS_NUMBER],
            "mark": {"type": "bar", "cursor": cursor(answer)},
            "encoding": {across: size, "color": color, "tooltip": tip},
        }
    ]
    if along == "y":
        layers.append(
            {
                "mark": {"type": "text", "align": "left", "dx": 5, "fontSize": 12},
                "encoding": {"x": {"field": "at", "type": "quantitative"}, "text": {"field": "label"},
                             "color": INK_OR_SOFT},
            }
        )  # fmt: skip
    return whole(width, height, data, layers, {along: place, f"{along}Offset": offset})


def series_of(answer: Answer) -> list[str]:
    """What stands side by side in each group, the largest first."""
    if not answer.tile.split:
        return [measure.title for measure in answer.measures][: theme.MOST_SERIES]
    sizes: dict[str, float] = {}
    for row in answer.rows:
        of = row.fields[-1] or UNKNOWN
        sizes[of] = sizes.get(of, 0) + abs(number_of(row.values[0]) or 0)
    return sorted(sizes, key=lambda of: (-sizes[of], of))[: theme.MOST_SERIES]


def height_of(answer: Answer) -> int:
    """The least height of horizontal ones, in pixels."""
    names = len({row.fields[: len(answer.tile.by)] for row in answer.rows})
    return min(names, MOST_BARS) * (17 * len(series_of(answer)) + 8) + 40
