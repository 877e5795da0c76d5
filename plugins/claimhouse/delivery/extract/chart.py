"""The chart of a summary, whatever draws it: a workbook natively, a page as a picture."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from claimhouse.delivery.extract.model import heading

# Distinguishable with color-vision deficiency (after Okabe and Ito), darkest first.
COLORS = ("#1F4E79", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#8C564B")
MOST_SERIES = len(COLORS)
MOST_BARS = 25


@dataclass(frozen=True)
class Chart:
    """Lines over time, or bars, of one number.

    Attributes:
        title: above the chart.
        measure: the column that is drawn.
        category: the column along which it is drawn.
        split_by: the column that makes the series; None for one series.
        over_time: whether *category* is a date; lines then, else bars.
        series: the name of each, with its first and last row in the summary, from 0.
    """

    title: str
    measure: str
    category: str
    split_by: str | None
    over_time: bool
    series: tuple[tuple[str, int, int], ...]


def shape(summary: pl.DataFrame) -> Chart | None:
    """The chart of *summary*; None where there is nothing to draw.

    The columns before the first number decide: one is the category; of two, the first makes the
    series, whose rows must be adjacent. The first number is drawn.
    """
    numbers = [name for name, kind in summary.schema.items() if kind.is_numeric()]
    if summary.is_empty() or not numbers:
        return None
    names = summary.columns[: summary.columns.index(numbers[0])]
    if not names or len(names) > 2:
        return None
    category, measure, split_by = names[-1], numbers[0], names[0] if len(names) == 2 else None
    over_time = summary.schema[category].is_temporal()
    whole = [(heading(measure), 0, summary.height - 1)]
    every = _series(summary, split_by) if split_by else whole
    series = _largest(summary[measure], every)
    if not over_time:
        series = [(name, first, min(last, first + MOST_BARS - 1)) for name, first, last in series]
    left_out = "" if len(series) == len(every) else f", the {len(series)} largest"
    title = f"{heading(measure)} by {heading(category).lower()}{left_out}"
    return Chart(title, measure, category, split_by, over_time, tuple(series))


def _series(summary: pl.DataFrame, split_by: str) -> list[tuple[str, int, int]]:
    series: list[tuple[str, int, int]] = []
    last_value: object = None
    for row, value in enumerate(summary[split_by]):
        if series and value == last_value:
            series[-1] = (series[-1][0], series[-1][1], row)
        else:
            series.append((heading(str(value)), row, row))
        last_value = value
    return series


def _largest(measure: pl.Series, series: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """The series with the largest totals, in their own order: as many as there are colors."""

    def total(entry: tuple[str, int, int]) -> float:
        _, first, last = entry
        return float(measure[first : last + 1].sum() or 0)

    kept = sorted(series, key=total, reverse=True)[:MOST_SERIES]
    return [entry for entry in series if entry in kept]
