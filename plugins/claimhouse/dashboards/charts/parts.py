"""Parts that specifications of several kinds have: axes, domains, tooltips and the whole around the layers.

No name is in an expression: sort and filter compare with what is written here, and the order of names is that of a
domain or of the data.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from claimhouse.dashboards import theme
from claimhouse.dashboards.answer import Answer
from claimhouse.dashboards.charts.chart import Datum, Spec
from claimhouse.dashboards.model import Measure
from claimhouse.glossary import title

# The width of a character, and of the longest name beside a mark, in pixels.
CHARACTER, LONGEST_NAME = 7.2, 190

IS_NUMBER = {"filter": "isValid(datum.value)"}
IS_WORD = {"filter": "!isValid(datum.value)"}
LOOKS = {
    "field": "look", "type": "nominal", "legend": None,
    "scale": {
        "domain": ["plain", "chosen", "muted", "rest"],
        "range": [theme.series(0), theme.series(0), theme.color("muted"), theme.color("other")],
    },
}  # fmt: skip
INK_OR_SOFT = {
    "condition": {"test": "isValid(datum.value)", "value": theme.color("ink")},
    "value": theme.color("soft"),
}


def whole(width: int, height: int, data: list[Datum], layers: list[Spec], encoding: Spec) -> Spec:
    """A specification of its layers; tells each datum where its bar and its word end."""
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


def tooltip(answer: Answer, measure: Measure, data: Sequence[Datum]) -> list[Spec]:
    """What hovering over a mark says."""
    tip = [
        {"field": "name", "title": " and ".join(map(title, answer.fields)) or " "},
        {"field": "text", "title": measure.title},
    ]
    if any("before" in datum for datum in data):
        tip.append({"field": "before_text", "title": "Before"})
    return tip


def cursor(answer: Answer) -> str:
    """Over a mark: whether a click filters the page."""
    return "pointer" if answer.filters else "default"


def axis_of_values(domain: Sequence[float], unit: str | None) -> Spec:
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


def domain_of(data: Sequence[Datum], room: float = 0) -> list[float]:
    """From zero, or the least, to the largest, with *room* (a share of the whole) for a word beyond."""
    values = [0.0]
    for datum in data:
        values += [v for v in (datum["value"], datum.get("before")) if v is not None]
    low, high = min(values), max(values)
    spread = (high - low) or 1.0
    return [low - (spread * room if low < 0 else 0), high + spread * room]


def with_room(data: Sequence[Datum]) -> list[Any]:
    """From left to right, with room for the longest word beside a bar."""
    room = max((len(datum["label"]) for datum in data), default=0) * CHARACTER + 14
    is_left = any((datum.get("value") or 0) < 0 for datum in data)
    return [room if is_left else 0, {"expr": f"max(width - {room:.0f}, 40)"}]


def nice(values: Sequence[float]) -> tuple[list[float], list[float]]:
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


def thickness(height: int, data: Sequence[Datum]) -> int:
    """Of a horizontal bar: few bars beside a high chart are no blocks."""
    return round(min(height / len(data) * 0.62, 28))
