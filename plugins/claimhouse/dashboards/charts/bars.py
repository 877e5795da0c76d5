"""Bars: horizontal, or vertical along time, each with its number and what it was before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from claimhouse.dashboards import numbers, theme
from claimhouse.dashboards.answer import Answer
from claimhouse.dashboards.charts import grouped_bars
from claimhouse.dashboards.charts.chart import Chart, Datum, Spec
from claimhouse.dashboards.charts.grouped_bars import MOST_BARS, MOST_COLUMNS
from claimhouse.dashboards.charts.parts import (
    CHARACTER,
    INK_OR_SOFT,
    IS_NUMBER,
    IS_WORD,
    LONGEST_NAME,
    LOOKS,
    axis_of_values,
    cursor,
    domain_of,
    thickness,
    tooltip,
    whole,
    with_room,
)
from claimhouse.dashboards.charts.rows import (
    is_along_time,
    is_chosen,
    name_of,
    number_of,
    told_apart,
)

# More columns than this have no room for their numbers.
MOST_LABELED_COLUMNS = 14
# The height of a bar with the space around it, in pixels.
BAR = 32


def draw(
    answer: Answer, width: int, height: int, chosen: Mapping[str, Sequence[str]]
) -> list[Chart]:
    """Bars: one chart for numbers of one unit, else one for each number."""
    tile = answer.tile
    draw = _columns if is_along_time(tile) else _across
    if _is_grouped(answer):
        return [Chart("", grouped_bars.grouped(answer, width, height))]
    several = len(answer.measures)
    return [
        Chart(
            measure.title if several > 1 else "",
            draw(answer, place, width // several - 16 * (several > 1), height, chosen),
        )
        for place, measure in enumerate(answer.measures)
    ]


def _bar_data(
    answer: Answer, place: int, chosen: Mapping[str, Sequence[str]], most: int
) -> list[Datum]:
    unit, data = answer.measures[place].unit, []
    names = told_apart(name_of(answer, row) for row in answer.rows[:most])
    is_one_chosen = any(is_chosen(answer, row, chosen) for row in answer.rows)
    for number, row in enumerate(answer.rows[:most]):
        value = row.values[place]
        before = row.before[place] if row.before else None
        look = "rest" if row.is_rest else "muted" if is_one_chosen else "plain"
        data.append(
            {
                "row": number,
                "name": names[number],
                "value": number_of(value),
                "label": numbers.short(value, unit),
                "text": numbers.text(value, unit),
                "look": "chosen" if is_chosen(answer, row, chosen) else look,
                **(
                    {"before": number_of(before), "before_text": numbers.text(before, unit)}
                    if row.before
                    else {}
                ),
            }
        )
    return data


def _across(
    answer: Answer, place: int, width: int, height: int, chosen: Mapping[str, Sequence[str]]
) -> Spec:
    """Horizontal bars, each with its number; what it was before is a line across it."""
    measure, data = answer.measures[place], _bar_data(answer, place, chosen, MOST_BARS)
    y = {
        "field": "name", "type": "nominal", "sort": None, "scale": {"domain": _names(data)},
        "axis": {"labelLimit": LONGEST_NAME, "labelColor": theme.color("ink"),
                 "domain": all((datum["value"] or 0) >= 0 for datum in data)},
    }  # fmt: skip
    scale = {"domain": domain_of(data), "nice": False, "range": with_room(data)}
    x = {"field": "value", "type": "quantitative", "axis": None, "scale": scale}
    return whole(
        width, height, data,
        [
            {
                "transform": [IS_NUMBER],
                "mark": {"type": "bar", "height": thickness(height, data), "cursor": cursor(answer)},
                "encoding": {"x": x, "y": y, "color": LOOKS, "tooltip": tooltip(answer, measure, data)},
            },
            *_earlier(data, "x", {"y": y}, thickness(height, data) + 8),
            *_words_beside(data, {"y": y}, x),
        ],
        {"y": y},
    )  # fmt: skip


def _columns(
    answer: Answer, place: int, width: int, height: int, chosen: Mapping[str, Sequence[str]]
) -> Spec:
    """Vertical bars along time."""
    measure, data = answer.measures[place], _bar_data(answer, place, chosen, MOST_COLUMNS)
    data.sort(key=lambda datum: (datum["look"] == "rest", datum["name"]))
    is_labeled = len(data) <= min(
        MOST_LABELED_COLUMNS,
        width / CHARACTER / (max(len(datum["label"]) for datum in data) + 1),
    )
    low, high = domain_of(data, 0.12 if is_labeled else 0.02)
    axis = None if is_labeled else axis_of_values([low, high], measure.unit)
    y = {"field": "value", "type": "quantitative", "axis": axis, "scale": {"domain": [low, high]}}
    x = {
        "field": "name", "type": "nominal", "sort": None, "scale": {"domain": _names(data)},
        "axis": {"labelAngle": 0, "labelOverlap": "greedy", "labelSeparation": 10, "domain": True},
    }  # fmt: skip
    return whole(
        width, height, data,
        [
            {
                "transform": [IS_NUMBER],
                "mark": {"type": "bar", "width": {"band": 0.7}, "cursor": cursor(answer)},
                "encoding": {"x": x, "y": y, "color": LOOKS, "tooltip": tooltip(answer, measure, data)},
            },
            *_earlier(data, "y", {"x": x}, {"band": 0.86}),
            {
                "transform": [] if is_labeled else [IS_WORD],
                "mark": {"type": "text", "dy": -8, "limit": 200},
                "encoding": {"x": x, "y": {"field": "at", "type": "quantitative"}, "text": {"field": "label"},
                             "color": INK_OR_SOFT},
            },
        ],
        {"x": x},
    )  # fmt: skip


def _earlier(data: Sequence[Datum], axis: str, place: Spec, length: Any) -> list[Spec]:
    """A line across each bar where it was before."""
    if not any(datum.get("before") is not None for datum in data):
        return []
    return [
        {
            "transform": [{"filter": "isValid(datum.before)"}],
            "mark": {
                "type": "tick", "thickness": 2.5, "color": theme.color("ink"),
                ("height" if axis == "x" else "width"): length,
            },
            "encoding": {axis: {"field": "before", "type": "quantitative"}, **place},
        }
    ]  # fmt: skip


def _words_beside(data: Sequence[Datum], place: Spec, x: Spec) -> list[Spec]:
    """The number at the end of each bar; where there is none, the word and a dashed line."""
    layers: list[Spec] = [
        {
            "transform": [{"filter": "isValid(datum.value) && datum.value >= 0"}],
            "mark": {"type": "text", "align": "left", "dx": 6},
            "encoding": {"x": {"field": "end", "type": "quantitative"}, "text": {"field": "label"}, **place},
        }
    ]  # fmt: skip
    if any((datum["value"] or 0) < 0 for datum in data):
        layers.append(
            {
                "transform": [{"filter": "datum.value < 0"}],
                "mark": {"type": "text", "align": "right", "dx": -6},
                "encoding": {"x": {"field": "end", "type": "quantitative"}, "text": {"field": "label"}, **place},
            }
        )  # fmt: skip
    if any(datum["value"] is None for datum in data):
        layers += [
            {
                "transform": [IS_WORD],
                "mark": {"type": "rule", "strokeDash": [3, 3], "color": theme.color("soft")},
                "encoding": {"x": {"field": "at", "type": "quantitative"}, "x2": {"field": "stub"}, **place},
            },
            {
                "transform": [IS_WORD],
                "mark": {"type": "text", "align": "left", "dx": 6, "color": theme.color("soft")},
                "encoding": {"x": {"field": "stub", "type": "quantitative"}, "text": {"field": "label"}, **place},
            },
        ]  # fmt: skip
    return layers


def _names(data: Sequence[Datum]) -> list[str]:
    """The names in their order: a layer that has only some of them would bring its own first."""
    return [datum["name"] for datum in data]


def height_of(answer: Answer) -> int:
    """The least height, in pixels."""
    if is_along_time(answer.tile):
        return 260
    if _is_grouped(answer) and len(grouped_bars.series_of(answer)) > 1:
        return grouped_bars.height_of(answer)
    return min(len(answer.rows), MOST_BARS) * BAR + 10


def _is_grouped(answer: Answer) -> bool:
    units = {measure.unit for measure in answer.measures}
    return bool(answer.tile.split) or (len(answer.measures) > 1 and len(units) == 1)
