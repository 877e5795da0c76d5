"""A change in its parts: a waterfall, where each effect begins where the one before it ended, and a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from claimhouse.dashboards import numbers, theme
from claimhouse.dashboards.answer import Answer
from claimhouse.dashboards.charts.chart import Chart, Datum
from claimhouse.dashboards.charts.parts import LONGEST_NAME, cursor, thickness, whole, with_room
from claimhouse.dashboards.charts.rows import exact, name_of, number_of, told_apart
from claimhouse.dashboards.model import Measure, metrics_of
from claimhouse.dashboards.selection import UNKNOWN
from claimhouse.glossary import title

# The columns that are no effect: the whole before, now, and what it changed by.
WHOLE_BEFORE, WHOLE, CHANGE = "whole_before", "whole", "whole_change"


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


@dataclass(frozen=True)
class Step:
    """A bar of the waterfall, from where it starts to where it ends.

    Attributes:
        label: how much it is, as text.
        look: ``rise``, ``fall`` or ``total``.
        row: of the answer; None where it is none.
    """

    name: str
    start: float
    end: float
    label: str
    look: str
    row: int | None = None


def steps_of(answer: Answer) -> list[Step]:
    """The whole before, its changes, the largest first, and the whole now; of changes alone, their sum."""
    unit, effects = unit_of(answer), effects_of(answer)
    if not effects:
        return []
    before, now = whole_of(answer, WHOLE_BEFORE), whole_of(answer, WHOLE)
    steps = [] if before is None else [_total("Before", before, unit)]
    at = first = before or 0.0
    names = told_apart(effect.name for effect in effects)
    for name, effect in zip(names, effects, strict=True):
        end, look = at + effect.value, "rise" if effect.value >= 0 else "fall"
        steps.append(Step(name, at, end, signed(effect.value, unit), look, effect.row))
        at = end
    if before is None:
        return [*steps, Step("Together", first, at, signed(at, unit), "total")]
    return [*steps, _total("Now", at if now is None else now, unit)]


def draw(
    answer: Answer, width: int, height: int, chosen: Mapping[str, Sequence[str]]
) -> list[Chart]:
    """A waterfall: each effect begins where the one before it ended."""
    data: list[Datum] = [
        {
            **({} if step.row is None else {"row": step.row}),
            "name": step.name, "from": step.start, "to": step.end, "end": max(step.start, step.end),
            "label": step.label, "text": step.label, "look": step.look,
        }
        for step in steps_of(answer)
    ]  # fmt: skip
    if not data:
        return []
    values = [value for datum in data for value in (datum["from"], datum["to"])]
    low, high = min(values), max(values)
    spread = (high - low) or abs(high) or 1.0
    y = {"field": "name", "type": "nominal", "sort": None,
         "axis": {"labelLimit": LONGEST_NAME, "labelColor": theme.color("ink"), "domain": False}}  # fmt: skip
    scale = {
        "domain": [low - spread * 0.02, high],
        "zero": False,
        "nice": False,
        "range": with_room(data),
    }
    x = {"field": "from", "type": "quantitative", "axis": None, "scale": scale}
    tip = [
        {"field": "name", "title": title(answer.fields[-1])},
        {"field": "text", "title": "Effect"},
    ]
    spec = whole(
        width, height, data,
        [
            {
                "mark": {"type": "bar", "height": thickness(height, data), "cursor": cursor(answer)},
                "encoding": {
                    "x": x, "x2": {"field": "to"}, "tooltip": tip,
                    "color": {"field": "look", "type": "nominal", "legend": None,
                              "scale": {"domain": ["rise", "fall", "total"],
                                        "range": [theme.series(1), theme.series(0), theme.color("other")]}},
                },
            },
            {
                "mark": {"type": "tick", "thickness": 2, "height": thickness(height, data) + 8,
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


def _total(name: str, value: float, unit: str | None) -> Step:
    return Step(name, value, value, numbers.text(exact(value), unit), "total")


def effects_of(answer: Answer) -> list[Effect]:
    """The parts of the change, the largest first: of each row its own, and what the mix of all changed."""
    names = [measure.name for measure in answer.measures]
    effects, mix = [], Decimal(0)
    has_mix = "mix_effect" in names
    for number, row in enumerate(answer.rows):
        for name, value in zip(names, row.values, strict=True):
            if name in (WHOLE_BEFORE, WHOLE, CHANGE) or number_of(value) is None:
                continue
            if name == "mix_effect":
                mix += Decimal(str(value))
            else:
                effects.append(Effect(name_of(answer, row), float(str(value)), number))
    effects.sort(key=lambda effect: -abs(effect.value))
    return [*effects, Effect("Mix", float(mix))] if has_mix else effects


def _metric_of(answer: Answer) -> Measure | None:
    """The metric whose change is decomposed, where the tile says which."""
    named = answer.tile.where.get("measure", ())
    try:
        return next(iter(metrics_of(map(str, named)).values()), None)
    except KeyError:
        return None


def unit_of(answer: Answer) -> str | None:
    """The unit of the change: of the metric, where the tile says which."""
    metric = _metric_of(answer)
    return metric.unit if metric else answer.measures[0].unit


def whole_of(answer: Answer, name: str) -> float | None:
    """A number of the whole, by the name of its column; None where there is none."""
    names = [measure.name for measure in answer.measures]
    return number_of(answer.rows[0].values[names.index(name)]) if name in names else None


def signed(value: float, unit: str | None) -> str:
    """A part of a change as text, with its sign unless it is nothing."""
    text = numbers.text(exact(abs(value)), "points" if unit == "share" else unit)
    return text if _is_nothing(text) else ("+" if value > 0 else numbers.MINUS) + text


def _is_nothing(text: str) -> bool:
    return not any(character in text for character in "123456789")


def sentence(answer: Answer) -> str:
    """The change and its largest parts in a sentence; empty where nothing is known."""
    metric, unit, effects = _metric_of(answer), unit_of(answer), effects_of(answer)
    if not effects:
        return ""
    change = whole_of(answer, CHANGE)
    change = sum(effect.value for effect in effects) if change is None else change
    text = signed(change, unit)
    verb = "rose" if change > 0 else "fell"
    began = "did not change" if _is_nothing(text) else f"{verb} {text[1:]}"
    has_mix = effects[-1].row is None
    own, told = " own rate" if has_mix else "", 0.0
    words = []
    for effect in [effect for effect in effects if effect.row is not None][:3]:
        if not _is_nothing(part := signed(effect.value, unit)):
            name = f"{effect.name}'s{own}" if own else effect.name
            if effect.name.startswith("no "):
                name = f"what has {effect.name}"
            elif effect.name == UNKNOWN:
                name = "what is unknown"
            words.append(f"{part.removesuffix(' points')} from {name}")
            told += effect.value
    if has_mix and not _is_nothing(part := signed(effects[-1].value, unit)):
        words.append(f"{part.removesuffix(' points')} from mix")
        told += effects[-1].value
    if not _is_nothing(part := signed(change - told, unit)):
        words.append(f"{part.removesuffix(' points')} from all others")
    parts = f": {', '.join(words)}" if words else ""
    return f"{metric.title if metric else 'It'} {began}{parts}."


def height_of(answer: Answer) -> int:
    """The least height, in pixels."""
    return 30 * (len(effects_of(answer)) + 2) + 10
