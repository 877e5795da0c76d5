"""Lines along time, each with its name at its end."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence

from claimhouse.dashboards import numbers, selection, theme
from claimhouse.dashboards.answer import Answer, Mark
from claimhouse.dashboards.charts.chart import Chart, Datum, Spec
from claimhouse.dashboards.charts.parts import (
    CHARACTER,
    IS_NUMBER,
    axis_of_values,
    cursor,
    nice,
    whole,
)
from claimhouse.dashboards.charts.rows import exact, number_of
from claimhouse.dashboards.model import Tile
from claimhouse.dashboards.selection import UNKNOWN
from claimhouse.glossary import title

# More periods than this are not filled up.
MOST_PERIODS = 1_000
# The series without a color of their own.
_OTHERS = "(others)"


def draw(
    answer: Answer, width: int, height: int, chosen: Mapping[str, Sequence[str]]
) -> list[Chart]:
    """Lines: one chart for numbers of one unit, else one for each number."""
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
                "row": number, "at": row.fields[0], "of": of, "value": number_of(row.values[place]),
                "text": numbers.text(row.values[place], unit),
                "is_hidden": isinstance(row.values[place], Mark),
            }  # fmt: skip
    times = _times(time for points in of_series.values() for time in points)
    shown = _shown_series(of_series, chosen.get(tile.split or "", ()))
    known = [d["value"] for p in of_series.values() for d in p.values() if d["value"] is not None]
    domain, ticks = nice(known)
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
    # On a phone the lines keep more than half.
    beside = f"min({room:.0f}, width * 0.45)"
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
        "scale": {"domain": times, "range": [0, {"expr": f"width - {beside}"}], "padding": 0.3},
        "axis": {"labelAngle": 0, "labelOverlap": "greedy", "labelSeparation": 10, "domain": True},
    }  # fmt: skip
    y = {
        "field": "value", "type": "quantitative", "scale": {"domain": domain, "nice": False},
        "axis": {**axis_of_values(domain, unit), "values": ticks},
    }  # fmt: skip
    tip = [
        {"field": "at", "title": title(tile.by[0])},
        {"field": "text", "title": answer.measures[places[0]].title if tile.split or not places[1:] else "Value"},
    ]  # fmt: skip
    if tile.split or places[1:]:
        tip.insert(0, {"field": "of", "title": title(tile.split) if tile.split else " "})
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
            "transform": [IS_NUMBER],
            "mark": {"type": "point", "filled": True, "size": 8 if is_dense else 30, "opacity": 1},
            "encoding": {"x": x, "y": y, "color": color},
        },
        {
            "transform": [IS_NUMBER],
            "mark": {"type": "point", "filled": True, "size": 260, "opacity": 0, "cursor": cursor(answer)},
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
            "mark": {"type": "text", "align": "left", "dx": 22, "limit": {"expr": f"{beside} - 24"}},
            "encoding": {"x": x, "y": {"field": "value", "type": "quantitative"}, "text": {"field": "label"}},
        },
    ]  # fmt: skip
    if not set(of_series) - set(shown):
        layers.pop(0)
    return whole(width, height, data, layers, {})


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
            text = numbers.short(exact(value), unit)
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
                {
                    "at": times[-1],
                    "series": _OTHERS,
                    "value": middle,
                    "label": f"{count} other{'s' * (count > 1)}",
                }
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


def height_of(answer: Answer) -> int:
    """The least height, in pixels."""
    return 260
