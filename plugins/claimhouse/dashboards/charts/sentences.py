"""What a chart shows, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from claimhouse.dashboards import numbers
from claimhouse.dashboards.answer import Answer
from claimhouse.dashboards.charts import decomposition
from claimhouse.dashboards.charts.rows import exact, name_of, number_of
from claimhouse.dashboards.selection import UNKNOWN


def sentence(answer: Answer) -> str:
    """What a chart shows, in a sentence; empty where there is none to say."""
    if answer.problem or not answer.rows or not answer.measures:
        return ""
    if answer.tile.kind == "decomposition":
        return decomposition.sentence(answer)
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
        (value, name_of(answer, row))
        for row in answer.rows
        if not row.is_rest and (value := number_of(row.values[place])) is not None
    ]
    if len(rows) < 2:
        return f"{rows[0][1]}: {numbers.text(exact(rows[0][0]), unit)}" if rows else ""
    most, least = max(rows)[0], min(rows)[0]
    if most == least:
        return f"all {numbers.text(exact(most), unit)}"
    return (
        f"highest: {_with(rows, most)}, {numbers.text(exact(most), unit)}; "
        f"lowest: {_with(rows, least)}, {numbers.text(exact(least), unit)}"
    )


def _with(rows: Sequence[tuple[float, str]], value: float) -> str:
    """Who has a value: one, two, or one of several."""
    names = [name for number, name in rows if number == value]
    if len(names) < 3:
        return " and ".join(names)
    return f"{names[0]} and {len(names) - 1} others"


def _of_newest(answer: Answer) -> str:
    known = [row for row in answer.rows if any(number_of(v) is not None for v in row.values)]
    newest = max((row.fields[0] for row in known if row.fields[0]), default=None)
    if newest is None:
        return ""
    rows = [row for row in known if row.fields[0] == newest]
    if answer.tile.split:
        rows = sorted(rows, key=lambda row: -(number_of(row.values[0]) or 0))
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
