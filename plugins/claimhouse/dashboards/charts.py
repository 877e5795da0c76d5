"""Charts of what a tile shows, as Vega-Lite specifications, and each in a sentence.

A chart shows no number that is not in the tile's table. What is hidden, unknown or not there is a word in the
place of a mark; zero is a mark.
"""

from __future__ import annotations

import calendar
import itertools
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from claimhouse.dashboards import numbers, selection, theme
from claimhouse.dashboards.answer import Answer, Mark, Row, Value
from claimhouse.dashboards.model import Measure, Tile, metrics_of
from claimhouse.dashboards.selection import UNKNOWN

Datum = dict[str, Any]
Spec = dict[str, Any]

# Rows and columns of more than this have no room for their words.
MOST_BARS, MOST_COLUMNS, MOST_LABELED_COLUMNS, MOST_PERIODS = 25, 60, 14, 1_000
BAR, CHARACTER = 32, 7.2
# The widest name beside a bar, in pixels.
LONGEST_NAME = 190
TIMES = ("day", "date", "month", "quarter", "year", "week")


@dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes:
        title: what it shows; empty where the tile has only one chart.
        spec: in Vega-Lite.
        height: of the drawing, at least.
    """

    title: str
    spec: Spec

    @property
    def json(self) -> str:
        """The specification as text, which can stand within a page."""
        text = json.dumps(self.spec, ensure_ascii=False, separators=(",", ":"))
        return text.replace("<", "\\u003c").replace("\N{LINE SEPARATOR}", "\\u2028")

    @property
    def svg(self) -> str:
        """The chart, drawn."""
        return theme.svg(self.json)


def of(
    answer: Answer,
    width: int,
    height: int = 0,
    chosen: Mapping[str, Sequence[str]] | None = None,
) -> list[Chart]:
    """The charts of a tile: none where it is a number or a table, or has nothing to show.

    Args:
        answer: what the tile shows.
        width: in pixels.
        height: in pixels, at least; see :func:`height`.
        chosen: the values that are chosen of each field; where some of a chart's are, these are told apart.
    """
    if answer.problem or not answer.rows or answer.tile.kind not in _MAKERS:
        return []
    return _MAKERS[answer.tile.kind](answer, width, max(height, height_of(answer)), chosen or {})


def height_of(answer: Answer) -> int:
    """The least height of the charts of a tile, in pixels: those of one row get the largest of theirs."""
    rows = len(answer.rows)
    if answer.tile.kind == "heat":
        return 34 * len({row.fields[0] for row in answer.rows}) + 60
    if answer.tile.kind == "decomposition":
        return 30 * (len(_effects(answer)) + 2) + 10
    if answer.tile.kind == "bar" and not _is_along_time(answer.tile):
        series = _bar_series(answer)
        if len(series) < 2 or len({measure.unit for measure in answer.measures}) > 1:
            return min(rows, MOST_BARS) * BAR + 10
        names = len({row.fields[: len(answer.tile.by)] for row in answer.rows})
        return min(names, MOST_BARS) * (17 * len(series) + 8) + 40
    return 260 if answer.tile.kind in ("line", "bar") else 0


def sentence(answer: Answer) -> str:
    """What a chart shows, in a sentence; empty where there is none to say."""
    if answer.problem or not answer.rows or not answer.measures:
        return ""
    if answer.tile.kind == "decomposition":
        return _of_change(answer)
    if answer.tile.kind == "line":
        return _of_newest(answer)
    found = [
        f"{measure.title}: {extremes}." if len(answer.measures) > 1 else f"{extremes}."
        for place, measure in enumerate(answer.measures)
        if (extremes := _extremes(answer, place))
    ]
    return " ".join(text[0].upper() + text[1:] for text in found)


def _extremes(answer: Answer, place: int) -> str:
    unit = answer.measures[place].unit
    rows = [
        (value, _name(answer, row))
        for row in answer.rows
        if not row.is_rest and (value := _number(row.values[place])) is not None
    ]
    if len(rows) < 2:
        return f"{rows[0][1]} {numbers.text(_exact(rows[0][0]), unit)}" if rows else ""
    (most, highest), (least, lowest) = max(rows), min(rows)
    if most == least:
        return f"all {numbers.text(_exact(most), unit)}"
    return (
        f"highest {highest} {numbers.text(_exact(most), unit)}, "
        f"lowest {lowest} {numbers.text(_exact(least), unit)}"
    )


def _of_newest(answer: Answer) -> str:
    known = [row for row in answer.rows if any(_number(v) is not None for v in row.values)]
    newest = max((row.fields[0] for row in known if row.fields[0]), default=None)
    if newest is None:
        return ""
    rows = [row for row in known if row.fields[0] == newest]
    if answer.tile.split:
        rows = sorted(rows, key=lambda row: -(_number(row.values[0]) or 0))
        words = [
            f"{row.fields[-1] or UNKNOWN} {numbers.text(row.values[0], answer.measures[0].unit)}"
            for row in rows
        ]
    else:
        words = [
            f"{measure.title.lower()} {numbers.text(rows[0].values[place], measure.unit)}"
            if answer.measures[1:]
            else numbers.text(rows[0].values[place], measure.unit)
            for place, measure in enumerate(answer.measures)
        ]
    rest = f", and {len(words) - 4} more" if len(words) > 5 else ""
    return f"Newest, {newest}: {', '.join(words if len(words) <= 5 else words[:4])}{rest}."


# Bars


def _bars(
    answer: Answer, width: int, height: int, chosen: Mapping[str, Sequence[str]]
) -> list[Chart]:
    tile = answer.tile
    draw = _columns if _is_along_time(tile) else _across
    if tile.split or (len(answer.measures) > 1 and len({m.unit for m in answer.measures}) == 1):
        return [Chart("", _grouped(answer, width, height))]
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
    names = _told_apart(_name(answer, row) for row in answer.rows[:most])
    is_one_chosen = any(_is_chosen(answer, row, chosen) for row in answer.rows)
    for number, row in enumerate(answer.rows[:most]):
        value = row.values[place]
        before = row.before[place] if row.before else None
        look = "rest" if row.is_rest else "muted" if is_one_chosen else "plain"
        data.append(
            {
                "row": number,
                "name": names[number],
                "value": _number(value),
                "label": numbers.short(value, unit),
                "text": numbers.text(value, unit),
                "look": "chosen" if _is_chosen(answer, row, chosen) else look,
                **(
                    {"before": _number(before), "before_text": numbers.text(before, unit)}
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
        "field": "name", "type": "nominal", "sort": None,
        "axis": {"labelLimit": LONGEST_NAME, "labelColor": theme.color("ink"),
                 "domain": all((datum["value"] or 0) >= 0 for datum in data)},
    }  # fmt: skip
    scale = {"domain": _domain(data), "nice": False, "range": _with_room(data)}
    x = {"field": "value", "type": "quantitative", "axis": None, "scale": scale}
    return _whole(
        width, height, data,
        [
            {
                "transform": [_IS_NUMBER],
                "mark": {"type": "bar", "height": _thickness(height, data), "cursor": _cursor(answer)},
                "encoding": {"x": x, "y": y, "color": _LOOKS, "tooltip": _tooltip(answer, measure, data)},
            },
            *_earlier(data, "x", {"y": y}, _thickness(height, data) + 8),
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
    low, high = _domain(data, 0.12 if is_labeled else 0.02)
    axis = None if is_labeled else _axis_of_values([low, high], measure.unit)
    y = {"field": "value", "type": "quantitative", "axis": axis, "scale": {"domain": [low, high]}}
    x = {
        "field": "name", "type": "nominal", "sort": None,
        "axis": {"labelAngle": 0, "labelOverlap": "greedy", "labelSeparation": 10, "domain": True},
    }  # fmt: skip
    return _whole(
        width, height, data,
        [
            {
                "transform": [_IS_NUMBER],
                "mark": {"type": "bar", "width": {"band": 0.7}, "cursor": _cursor(answer)},
                "encoding": {"x": x, "y": y, "color": _LOOKS, "tooltip": _tooltip(answer, measure, data)},
            },
            *_earlier(data, "y", {"x": x}, {"band": 0.86}),
            {
                "transform": [] if is_labeled else [_IS_WORD],
                "mark": {"type": "text", "dy": -8, "limit": 200},
                "encoding": {"x": x, "y": {"field": "at", "type": "quantitative"}, "text": {"field": "label"},
                             "color": _INK_OR_SOFT},
            },
        ],
        {"x": x},
    )  # fmt: skip


def _grouped(answer: Answer, width: int, height: int) -> Spec:
    """Bars side by side: of several numbers of one unit, or of the values of a second field."""
    tile, series, data = answer.tile, _bar_series(answer), []
    for number, row in enumerate(answer.rows):
        pairs: Iterable[tuple[str, Value, str | None]]
        if tile.split:
            pairs = [(row.fields[-1] or UNKNOWN, row.values[0], answer.measures[0].unit)]
        else:
            pairs = [
                (measure.title, value, measure.unit)
                for measure, value in zip(answer.measures, row.values, strict=True)
            ]
        name = _joined(row.fields[: len(tile.by)]) if not row.is_rest else _name(answer, row)
        for of, value, unit in pairs:
            data.append(
                {
                    "row": number, "name": name, "of": of, "value": _number(value),
                    "label": numbers.short(value, unit), "text": numbers.text(value, unit),
                    "look": "plain",
                }
            )  # fmt: skip
    data = [datum for datum in data if datum["of"] in series]
    names = list(dict.fromkeys(datum["name"] for datum in data))
    if _is_along_time(tile):
        names.sort()
    names = names[: MOST_COLUMNS if _is_along_time(tile) else MOST_BARS]
    data = [datum for datum in data if datum["name"] in names]
    unit = answer.measures[0].unit
    color = {
        "field": "of", "type": "nominal",
        "scale": {"domain": series, "range": [theme.series(n) for n in range(len(series))]},
        "legend": {"columns": max(1, width // 180), "labelLimit": 160},
    }  # fmt: skip
    tip = [
        {"field": "name", "title": _words(tile.by[0]) if tile.by else " "},
        {"field": "of", "title": _words(tile.split) if tile.split else " "},
        {"field": "text", "title": answer.measures[0].title if tile.split else "Value"},
    ]
    along, across = ("x", "y") if _is_along_time(tile) else ("y", "x")
    domain = _domain(data, 0.02 if along == "x" else 0)
    place = {"field": "name", "type": "nominal", "sort": None, "scale": {"domain": names},
             "axis": {"labelLimit": LONGEST_NAME, "labelAngle": 0, "labelOverlap": "greedy", "labelSeparation": 10,
                      "labelColor": theme.color("ink"), "domain": along == "x"}}  # fmt: skip
    offset = {"field": "of", "type": "nominal", "sort": None, "scale": {"domain": series}}
    size = {
        "field": "value", "type": "quantitative",
        "scale": {"domain": domain, "nice": False, **({} if along == "x" else {"range": _with_room(data)})},
        "axis": _axis_of_values(domain, unit) if along == "x" else None,
    }  # fmt: skip
    layers: list[Spec] = [
        {
            "transform": [_IS_NUMBER],
            "mark": {"type": "bar", "cursor": _cursor(answer)},
            "encoding": {across: size, "color": color, "tooltip": tip},
        }
    ]
    if along == "y":
        layers.append(
            {
                "mark": {"type": "text", "align": "left", "dx": 5, "fontSize": 12},
                "encoding": {"x": {"field": "at", "type": "quantitative"}, "text": {"field": "label"},
                             "color": _INK_OR_SOFT},
            }
        )  # fmt: skip
    return _whole(width, height, data, layers, {along: place, f"{along}Offset": offset})


def _thickness(height: int, data: Sequence[Datum]) -> int:
    """Of a horizontal bar: few bars beside a high chart are no blocks."""
    return round(min(height / len(data) * 0.62, 28))


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
                "transform": [_IS_WORD],
                "mark": {"type": "rule", "strokeDash": [3, 3], "color": theme.color("soft")},
                "encoding": {"x": {"field": "at", "type": "quantitative"}, "x2": {"field": "stub"}, **place},
            },
            {
                "transform": [_IS_WORD],
                "mark": {"type": "text", "align": "left", "dx": 6, "color": theme.color("soft")},
                "encoding": {"x": {"field": "stub", "type": "quantitative"}, "text": {"field": "label"}, **place},
            },
        ]  # fmt: skip
    return layers


# Lines


def _lines(
    answer: Answer, width: int, height: int, chosen: Mapping[str, Sequence[str]]
) -> list[Chart]:
    if answer.tile.split or len({measure.unit for measure in answer.measures}) == 1:
        return [Chart("", _line(answer, range(len(answer.measures)), width, height, chosen))]
    several = len(answer.measures)
    return [
        Chart(measure.title, _line(answer, [place], width // several - 16, height, chosen))
        for place, measure in enumerate(answer.measures)
    ]


def _line(
    answer: Answer,
    places: Sequence[int],
    width: int,
    height: int,
    chosen: Mapping[str, Sequence[str]],
) -> Spec:
    """Lines along time, each with its name at its end; a line breaks where there is no number."""
    tile, unit = answer.tile, answer.measures[places[0]].unit
    of_series: dict[str, dict[str, Datum]] = {}
    for number, row in enumerate(answer.rows):
        if row.is_rest or row.fields[0] is None:
            continue
        for place in places:
            of = (row.fields[-1] or UNKNOWN) if tile.split else answer.measures[place].title
            of_series.setdefault(of, {})[row.fields[0]] = {
                "row": number, "at": row.fields[0], "of": of, "value": _number(row.values[place]),
                "text": numbers.text(row.values[place], unit),
                "is_hidden": isinstance(row.values[place], Mark),
            }  # fmt: skip
    times = _times(time for points in of_series.values() for time in points)
    shown = _shown_series(of_series, chosen.get(tile.split or "", ()))
    known = [d["value"] for p in of_series.values() for d in p.values() if d["value"] is not None]
    domain, ticks = _nice(known)
    for points in of_series.values():
        for time in times:
            points.setdefault(time, {"at": time, "value": None})
    data: list[Datum] = []
    is_daily = all(selection.is_day(time) for time in times)
    for of, points in of_series.items():
        for time in times:
            datum = points[time]
            if is_daily and "text" not in datum:
                continue  # not every day has a report: the line goes on
            is_hidden = datum.pop("is_hidden", False)
            data.append(
                {
                    **datum, "of": of, "series": of if of in shown else _OTHERS,
                    **({"floor": domain[0]} if is_hidden else {}),
                }
            )  # fmt: skip
    labels = _end_labels(of_series, shown, times, domain, height, unit, tile)
    room = min(max((len(label["label"]) for label in labels), default=0) * CHARACTER + 28, 220)
    names = [*shown, _OTHERS]
    color = {
        "field": "series", "type": "nominal", "legend": None,
        "scale": {"domain": names, "range": [*map(theme.series, range(len(shown))), theme.color("other")]},
    }  # fmt: skip
    dash = {
        "field": "series", "type": "nominal", "legend": None,
        "scale": {"domain": names, "range": [*theme.DASHES[: len(shown)], [1, 0]]},
    }  # fmt: skip
    x = {
        "field": "at", "type": "ordinal", "sort": None,
        "scale": {"domain": times, "range": [0, {"expr": f"width - {room:.0f}"}], "padding": 0.3},
        "axis": {"labelAngle": 0, "labelOverlap": "greedy", "labelSeparation": 10, "domain": True},
    }  # fmt: skip
    y = {
        "field": "value", "type": "quantitative", "scale": {"domain": domain, "nice": False},
        "axis": {**_axis_of_values(domain, unit), "values": ticks},
    }  # fmt: skip
    tip = [
        {"field": "at", "title": _words(tile.by[0])},
        {"field": "text", "title": answer.measures[places[0]].title if tile.split or not places[1:] else "Value"},
    ]  # fmt: skip
    if tile.split or places[1:]:
        tip.insert(0, {"field": "of", "title": _words(tile.split) if tile.split else " "})
    is_dense = len(times) > 60
    is_other = f"datum.series === '{_OTHERS}'"
    layers: list[Spec] = [
        {
            "transform": [{"filter": is_other}],
            "mark": {"type": "line", "strokeWidth": 1.25, "opacity": 0.75, "color": theme.color("other"),
                     "invalid": "break-paths-show-path-domains"},
            "encoding": {"x": x, "y": y, "detail": {"field": "of"}},
        },
        {
            "transform": [{"filter": f"datum.series !== '{_OTHERS}'"}],
            "mark": {"type": "line", "strokeWidth": 2.5, "invalid": "break-paths-show-path-domains"},
            "encoding": {"x": x, "y": y, "color": color, "strokeDash": dash},
        },
        {
            "transform": [_IS_NUMBER],
            "mark": {"type": "point", "filled": True, "size": 8 if is_dense else 30, "opacity": 1},
            "encoding": {"x": x, "y": y, "color": color},
        },
        {
            "transform": [_IS_NUMBER],
            "mark": {"type": "point", "filled": True, "size": 260, "opacity": 0, "cursor": _cursor(answer)},
            "encoding": {"x": x, "y": y, "tooltip": tip},
        },
        {
            "transform": [{"filter": "isValid(datum.floor)"}],
            "mark": {"type": "point", "shape": "cross", "size": 40, "filled": False, "opacity": 1,
                     "color": theme.color("soft")},
            "encoding": {"x": x, "y": {"field": "floor", "type": "quantitative"}, "tooltip": tip},
        },
        {
            "data": {"values": labels},
            "mark": {"type": "point", "shape": "square", "filled": True, "size": 55, "opacity": 1, "xOffset": 14},
            "encoding": {"x": x, "y": {"field": "value", "type": "quantitative"}, "color": color},
        },
        {
            "data": {"values": labels},
            "mark": {"type": "text", "align": "left", "dx": 22, "limit": room - 24},
            "encoding": {"x": x, "y": {"field": "value", "type": "quantitative"}, "text": {"field": "label"}},
        },
    ]  # fmt: skip
    if not set(of_series) - set(shown):
        layers.pop(0)
    return _whole(width, height, data, layers, {})


def _shown_series(of_series: Mapping[str, Mapping[str, Datum]], chosen: Sequence[str]) -> list[str]:
    """The series with a color: what is chosen, then those with the largest newest value."""

    def size(of: str) -> tuple[bool, float, str]:
        values = [d["value"] for _, d in sorted(of_series[of].items()) if d["value"] is not None]
        return of not in chosen, -(values[-1] if values else -math.inf), of

    most = theme.MOST_SERIES
    return sorted(of_series, key=size)[:most]


def _end_labels(
    of_series: Mapping[str, Mapping[str, Datum]],
    shown: Sequence[str],
    times: Sequence[str],
    domain: Sequence[float],
    height: int,
    unit: str | None,
    tile: Tile,
) -> list[Datum]:
    """The name of each series where its line ends, moved apart where they would cover each other."""
    labels = []
    for of in shown:
        ends = [t for t in times if of_series[of][t]["value"] is not None]
        if ends:
            value = of_series[of][ends[-1]]["value"]
            text = numbers.short(_exact(value), unit)
            is_alone = len(of_series) == 1
            text += f" in {ends[-1]}" if ends[-1] != times[-1] else ""
            labels.append(
                {
                    "at": times[-1], "series": of, "value": value,
                    "label": text if is_alone else f"{of} {text}",
                }
            )  # fmt: skip
    if set(of_series) - set(shown):
        others = [
            points[times[-1]]["value"]
            for of, points in of_series.items()
            if of not in shown and points[times[-1]]["value"] is not None
        ]
        if others:
            middle = sorted(others)[len(others) // 2]
            count = len(of_series) - len(shown)
            labels.append(
                {"at": times[-1], "series": _OTHERS, "value": middle, "label": f"{count} others"}
            )
    low, high = domain
    apart = (high - low) * 17 / max(height - 40, 100)
    labels.sort(key=lambda label: label["value"])
    for before, label in itertools.pairwise(labels):
        label["value"] = max(label["value"], before["value"] + apart)
    ceiling = high
    for label in reversed(labels):
        label["value"] = min(label["value"], ceiling)
        ceiling = label["value"] - apart
    return labels


def _times(found: Iterable[str]) -> list[str]:
    """All periods from the first to the last, those without a row too."""
    known = sorted(set(found))
    if not known or any(selection.period_of(time) is None for time in known):
        return known
    if len({len(time) for time in known}) > 1:
        return known
    filled: list[str] = []
    time = known[0]
    while time < known[-1] and len(filled) < MOST_PERIODS:
        filled.append(time)
        following = (selection.period_of(time) or (None, None))[1]
        if following is None:
            return known
        quarter = f"{following.year:04}-Q{(following.month + 2) // 3}"
        time = quarter if "Q" in known[0] else following.isoformat()[: len(known[0])]
    return [*filled, known[-1]] if set(known) <= {*filled, known[-1]} else known


# Heat


def _heat(
    answer: Answer, width: int, height: int, chosen: Mapping[str, Sequence[str]]
) -> list[Chart]:
    """Cells, each with its number; the higher, the darker."""
    measure, tile = answer.measures[0], answer.tile
    cells = {
        (row.fields[0] or UNKNOWN, _joined(row.fields[1:]) if row.fields[1:] else measure.title): (number, row)
        for number, row in enumerate(answer.rows)
        if not row.is_rest
    }  # fmt: skip
    lines = _in_order(of for of, _ in cells)
    columns = list(dict.fromkeys(column for _, column in cells))
    if len(tile.fields) > 1:
        order = dict.fromkeys(
            sorted((row.fields[1:] for row in answer.rows if not row.is_rest), key=_by_known)
        )
        columns = _in_order(_joined(fields) for fields in order)
    known = [v for _, row in cells.values() if (v := _number(row.values[0])) is not None]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    data: list[Datum] = []
    for line in lines:
        for column in columns:
            found = cells.get((line, column))
            value = found[1].values[0] if found else None
            size = _number(value)
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
                    **({"row": found[0]} if found else {}),
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
        {"field": "line", "title": _words(tile.fields[0])},
        {"field": "column", "title": _words(tile.fields[1]) if tile.fields[1:] else " "},
        {"field": "text", "title": measure.title},
    ]
    layers: list[Spec] = [
        {
            "mark": {"type": "rect", "cornerRadius": 3, "width": {"band": 0.96}, "height": {"band": 0.92},
                     "cursor": _cursor(answer)},
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
                "mark": {"type": "text", "cursor": _cursor(answer)},
                "encoding": {
                    "text": {"field": "label"}, "tooltip": tip,
                    "color": {"field": "ink", "type": "nominal", "legend": None,
                              "scale": {"domain": inks, "range": [theme.color(ink) for ink in inks]}},
                },
            }
        )  # fmt: skip
    spec = _whole(width, height, data, layers, {"x": x, "y": y})
    spec["resolve"] = {"scale": {"color": "independent"}}
    return [Chart("", spec)]


def _in_order(names: Iterable[str]) -> list[str]:
    """Names, each once; days of the week from Monday on."""
    found = list(dict.fromkeys(names))
    if any(name not in (*calendar.day_name, UNKNOWN) for name in found):
        return found
    return sorted(found, key=[*calendar.day_name, UNKNOWN].index)


# Decomposition


@dataclass(frozen=True)
class Effect:
    """A part of a change.

    Attributes:
        name: what has it.
        value: how much.
        row: of the answer; None where it is a sum over several.
    """

    name: str
    value: float
    row: int | None = None


# The columns of a decomposition that are no effect: the whole before, now, and what it changed by.
_WHOLE_BEFORE, _WHOLE, _CHANGE = "whole_before", "whole", "whole_change"


def _effects(answer: Answer) -> list[Effect]:
    """The parts of the change, the largest first: of each row its own, and what the mix of all changed."""
    names = [measure.name for measure in answer.measures]
    effects, mix = [], Decimal(0)
    has_mix = "mix_effect" in names
    for number, row in enumerate(answer.rows):
        for name, value in zip(names, row.values, strict=True):
            if name in (_WHOLE_BEFORE, _WHOLE, _CHANGE) or _number(value) is None:
                continue
            if name == "mix_effect":
                mix += Decimal(str(value))
            else:
                effects.append(Effect(_name(answer, row), float(str(value)), number))
    effects.sort(key=lambda effect: -abs(effect.value))
    return [*effects, Effect("Mix", float(mix))] if has_mix else effects


def _metric_of(answer: Answer) -> Measure | None:
    """The metric whose change is decomposed, where the tile says which."""
    named = answer.tile.where.get("measure", ())
    try:
        return next(iter(metrics_of(map(str, named)).values()), None)
    except KeyError:
        return None


def _unit_of_change(answer: Answer) -> str | None:
    metric = _metric_of(answer)
    return metric.unit if metric else answer.measures[0].unit


def _whole_of(answer: Answer, name: str) -> float | None:
    names = [measure.name for measure in answer.measures]
    return _number(answer.rows[0].values[names.index(name)]) if name in names else None


def _signed(value: float, unit: str | None) -> str:
    text = numbers.text(_exact(abs(value)), "points" if unit == "share" else unit)
    return text if _is_nothing(text) else ("+" if value > 0 else numbers.MINUS) + text


def _is_nothing(text: str) -> bool:
    return not any(character in text for character in "123456789")


def _of_change(answer: Answer) -> str:
    metric, unit, effects = _metric_of(answer), _unit_of_change(answer), _effects(answer)
    if not effects:
        return ""
    change = _whole_of(answer, _CHANGE)
    change = sum(effect.value for effect in effects) if change is None else change
    text = _signed(change, unit)
    verb = "rose" if change > 0 else "fell"
    began = "did not change" if _is_nothing(text) else f"{verb} {text[1:]}"
    has_mix = effects[-1].row is None
    own, told = " own rate" if has_mix else "", 0.0
    words = []
    for effect in [effect for effect in effects if effect.row is not None][:3]:
        if not _is_nothing(part := _signed(effect.value, unit)):
            name = f"{effect.name}'s{own}" if own else effect.name
            if effect.name.startswith("no "):
                name = f"what has {effect.name}"
            elif effect.name == UNKNOWN:
                name = "what is unknown"
            words.append(f"{part.removesuffix(' points')} from {name}")
            told += effect.value
    if has_mix and not _is_nothing(part := _signed(effects[-1].value, unit)):
        words.append(f"{part.removesuffix(' points')} from mix")
        told += effects[-1].value
    if not _is_nothing(part := _signed(change - told, unit)):
        words.append(f"{part.removesuffix(' points')} from all others")
    parts = f": {', '.join(words)}" if words else ""
    return f"{metric.title if metric else 'It'} {began}{parts}."


def _decomposition(
    answer: Answer, width: int, height: int, chosen: Mapping[str, Sequence[str]]
) -> list[Chart]:
    """A waterfall: each effect begins where the one before it ended."""
    unit, effects = _unit_of_change(answer), _effects(answer)
    if not effects:
        return []
    start, end = _whole_of(answer, _WHOLE_BEFORE), _whole_of(answer, _WHOLE)
    data: list[Datum] = [] if start is None else [_total("Before", start, unit)]
    at = first = start or 0.0
    names = _told_apart(effect.name for effect in effects)
    for name, effect in zip(names, effects, strict=True):
        data.append(
            {
                **({} if effect.row is None else {"row": effect.row}),
                "name": name, "from": at, "to": at + effect.value,
                "label": _signed(effect.value, unit), "text": _signed(effect.value, unit),
                "look": "rise" if effect.value >= 0 else "fall", "end": max(at, at + effect.value),
            }
        )  # fmt: skip
        at += effect.value
    if start is None:
        text = _signed(at, unit)
        data.append(
            {
                "name": "Together", "from": first, "to": at, "look": "total", "end": max(first, at),
                "label": text, "text": text,
            }
        )  # fmt: skip
    else:
        data.append(_total("Now", at if end is None else end, unit))
    values = [value for datum in data for value in (datum["from"], datum["to"])]
    low, high = min(values), max(values)
    spread = (high - low) or abs(high) or 1.0
    y = {"field": "name", "type": "nominal", "sort": None,
         "axis": {"labelLimit": LONGEST_NAME, "labelColor": theme.color("ink"), "domain": False}}  # fmt: skip
    scale = {
        "domain": [low - spread * 0.02, high],
        "zero": False,
        "nice": False,
        "range": _with_room(data),
    }
    x = {"field": "from", "type": "quantitative", "axis": None, "scale": scale}
    tip = [
        {"field": "name", "title": _words(answer.fields[-1])},
        {"field": "text", "title": "Effect"},
    ]
    spec = _whole(
        width, height, data,
        [
            {
                "mark": {"type": "bar", "height": _thickness(height, data), "cursor": _cursor(answer)},
                "encoding": {
                    "x": x, "x2": {"field": "to"}, "tooltip": tip,
                    "color": {"field": "look", "type": "nominal", "legend": None,
                              "scale": {"domain": ["rise", "fall", "total"],
                                        "range": [theme.series(1), theme.series(0), theme.color("other")]}},
                },
            },
            {
                "mark": {"type": "tick", "thickness": 2, "height": _thickness(height, data) + 8,
                         "color": theme.color("ink")},
                "encoding": {"x": {"field": "to", "type": "quantitative"}},
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 6},
                "encoding": {"x": {"field": "end", "type": "quantitative"}, "text": {"field": "label"}},
            },
        ],
        {"y": y},
    )  # fmt: skip
    return [Chart("", spec)]


def _total(name: str, value: float, unit: str | None) -> Datum:
    text = numbers.text(_exact(value), unit)
    return {
        "name": name, "from": value, "to": value, "end": value, "label": text, "text": text,
        "look": "total",
    }  # fmt: skip


_MAKERS: dict[str, Callable[[Answer, int, int, Mapping[str, Sequence[str]]], list[Chart]]] = {
    "bar": _bars,
    "line": _lines,
    "heat": _heat,
    "decomposition": _decomposition,
}

# Parts of specifications. No name is in an expression: sort and filter compare with what is written here, and the
# order of names is that of a domain or of the data.

_OTHERS = "(others)"
_IS_NUMBER = {"filter": "isValid(datum.value)"}
_IS_WORD = {"filter": "!isValid(datum.value)"}
_LOOKS = {
    "field": "look", "type": "nominal", "legend": None,
    "scale": {
        "domain": ["plain", "chosen", "muted", "rest"],
        "range": [theme.series(0), theme.series(0), theme.color("muted"), theme.color("other")],
    },
}  # fmt: skip
_INK_OR_SOFT = {
    "condition": {"test": "isValid(datum.value)", "value": theme.color("ink")},
    "value": theme.color("soft"),
}


def _whole(width: int, height: int, data: list[Datum], layers: list[Spec], encoding: Spec) -> Spec:
    for datum in data:
        if "look" in datum and "value" in datum:
            datum["at"] = datum["value"] or 0
            datum["end"] = (
                max(datum["at"], datum.get("before") or 0)
                if datum["at"] >= 0
                else min(datum["at"], datum.get("before") or 0)
            )
    ends = [0, *(datum["end"] for datum in data if "end" in datum)]
    stub = max(ends) * 0.06 or (0 if min(ends) < 0 else 0.06)
    for datum in data:
        if datum.get("value") is None and "look" in datum:
            datum["stub"] = stub
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": width,
        "height": height,
        "autosize": {"type": "fit", "contains": "padding"},
        "data": {"values": data},
        "encoding": encoding,
        "layer": layers,
        "config": theme.config(),
    }


def _tooltip(answer: Answer, measure: Measure, data: Sequence[Datum]) -> list[Spec]:
    tip = [
        {"field": "name", "title": " and ".join(map(_words, answer.fields)) or " "},
        {"field": "text", "title": measure.title},
    ]
    if any("before" in datum for datum in data):
        tip.append({"field": "before_text", "title": "Before"})
    return tip


def _cursor(answer: Answer) -> str:
    return "pointer" if answer.filters else "default"


def _axis_of_values(domain: Sequence[float], unit: str | None) -> Spec:
    """The axis of numbers, written as everywhere else."""
    if unit in ("share", "points"):
        spread, after = abs(domain[1] - domain[0]), " %" if unit == "share" else " points"
        label = f"format(datum.value * 100, '.{0 if spread > 0.05 else 1}f') + '{after}'"
    elif unit in ("dollars", "money"):
        label = "'$' + replace(replace(format(datum.value, '~s'), 'G', 'B'), 'k', 'K')"
    else:
        after = {"percent": " %", "days": " days", "minutes": " min"}.get(unit or "", "")
        label = (
            "abs(datum.value) < 10000 ? format(datum.value, ',~f')"
            " : replace(replace(format(datum.value, '~s'), 'G', 'B'), 'k', 'K')"
        )
        label = f"({label}) + '{after}'"
    return {"labelExpr": label, "tickCount": 4, "domain": False}


def _domain(data: Sequence[Datum], room: float = 0) -> list[float]:
    """From zero, or the least, to the largest, with *room* (a share of the whole) for a word beyond."""
    values = [0.0]
    for datum in data:
        values += [v for v in (datum["value"], datum.get("before")) if v is not None]
    low, high = min(values), max(values)
    spread = (high - low) or 1.0
    return [low - (spread * room if low < 0 else 0), high + spread * room]


def _with_room(data: Sequence[Datum]) -> list[Any]:
    """From left to right, with room for the longest word beside a bar."""
    room = max((len(datum["label"]) for datum in data), default=0) * CHARACTER + 14
    is_left = any((datum.get("value") or 0) < 0 for datum in data)
    return [room if is_left else 0, {"expr": f"max(width - {room:.0f}, 40)"}]


def _nice(values: Sequence[float]) -> tuple[list[float], list[float]]:
    """Round ends around *values*, and the ticks between them; from zero unless all are far from it."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    if low > 0 and low < high * 0.6:
        low = 0.0
    if high == low:
        low, high = (0.0, high or 1.0) if high >= 0 else (low, 0.0)
    rough = (high - low) / 4
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.floor(low / step), math.ceil(high / step - 1e-9)
    ticks = [round(number * step, 12) for number in range(first, last + 1)]
    return [ticks[0], ticks[-1]], ticks


def _bar_series(answer: Answer) -> list[str]:
    if not answer.tile.split:
        return [measure.title for measure in answer.measures][: theme.MOST_SERIES]
    sizes: dict[str, float] = {}
    for row in answer.rows:
        of = row.fields[-1] or UNKNOWN
        sizes[of] = sizes.get(of, 0) + abs(_number(row.values[0]) or 0)
    return sorted(sizes, key=lambda of: (-sizes[of], of))[: theme.MOST_SERIES]


def _is_along_time(tile: Tile) -> bool:
    return bool(tile.by) and tile.by[0].split("_")[-1] in TIMES


def _is_chosen(answer: Answer, row: Row, chosen: Mapping[str, Sequence[str]]) -> bool:
    return any(
        (value or UNKNOWN) in chosen.get(field, ())
        for field, value in zip(answer.fields, row.fields, strict=False)
    )


def _name(answer: Answer, row: Row) -> str:
    if row.is_rest:
        return f"all others ({answer.left_out})"
    return _joined(row.fields)


def _joined(fields: Sequence[str | None]) -> str:
    return " \N{MIDDLE DOT} ".join(value if value is not None else UNKNOWN for value in fields)


def _told_apart(names: Iterable[str]) -> list[str]:
    """Names, each once: a name that was there before has spaces at its end."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, -1) + 1
        result.append(name + "\N{ZERO WIDTH SPACE}" * seen[name])
    return result


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _number(value: Value) -> float | None:
    """A value as a number to draw; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _exact(value: float) -> Decimal:
    return Decimal(repr(value))


def _by_known(fields: Sequence[str | None]) -> tuple[Any, ...]:
    return tuple((value is None, value or "") for value in fields)
