"""Which chart a summary makes, whatever draws it: a workbook natively, a page as a picture."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

# Told apart also by those who see few colours (after Okabe and Ito), darkest first.
COLOURS = ("#1F4E79", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#8C564B")
MOST_SERIES = len(COLOURS)
MOST_BARS = 25


@dataclass(frozen=True)
class Chart:
    """Lines over time or bars, of one measure.

    ``series`` are names with the first and the last row, from 0, that each takes of the summary.
    """

    title: str
    measure: str
    category: str
    split_by: str | None
    over_time: bool
    series: tuple[tuple[str, int, int], ...]


def shape(summary: pl.DataFrame) -> Chart | None:
    """The chart that shows *summary*, or None where it has nothing to draw.

    Its columns before the first number say how: one is the category, of two the first splits
    it into series, whose rows must stand together. The first number is what is drawn.
    """
    numbers = [name for name, kind in summary.schema.items() if kind.is_numeric()]
    if summary.is_empty() or not numbers:
        return None
    names = summary.columns[: summary.columns.index(numbers[0])]
    if not names or len(names) > 2:
        return None
    category, measure, split_by = names[-1], numbers[0], names[0] if len(names) == 2 else None
    over_time = summary.schema[category].is_temporal()
    found = _series(summary, split_by) if split_by else [(_said(measure), 0, summary.height - 1)]
    series = _largest(summary[measure], found)
    if not over_time:
        series = [(name, first, min(last, first + MOST_BARS - 1)) for name, first, last in series]
    left_out = "" if len(series) == len(found) else f", the {len(series)} largest"
    title = f"{_said(measure)} by {_said(category).lower()}{left_out}"
    return Chart(title, measure, category, split_by, over_time, tuple(series))


def _series(summary: pl.DataFrame, split_by: str) -> list[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = []
    last_value: object = None
    for row, value in enumerate(summary[split_by]):
        if found and value == last_value:
            found[-1] = (found[-1][0], found[-1][1], row)
        else:
            found.append((_said(str(value)), row, row))
        last_value = value
    return found


def _largest(measure: pl.Series, series: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """The series that draw the most, in their own order: more would be told apart by nobody."""

    def total(one: tuple[str, int, int]) -> float:
        return float(measure[one[1] : one[2] + 1].sum() or 0)

    kept = sorted(series, key=total, reverse=True)[:MOST_SERIES]
    return [one for one in series if one in kept]


def _said(name: str) -> str:
    return name.replace("_", " ").capitalize()
