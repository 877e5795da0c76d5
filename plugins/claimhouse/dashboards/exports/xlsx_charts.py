"""The charts of a workbook: native ones that follow its cells, in the colors of the pages.

What a chart needs in another order than the table has it is written once more, to the right of the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from xlsxwriter.utility import xl_range_abs, xl_rowcol_to_cell

from claimhouse.dashboards import numbers, theme
from claimhouse.dashboards.answer import Value
from claimhouse.dashboards.charts import decomposition, heat
from claimhouse.dashboards.charts.decomposition import Step
from claimhouse.dashboards.exports.model import Column, Table
from claimhouse.dashboards.exports.xlsx_cells import BLUE, Styles, put, write_value
from claimhouse.delivery.extract.model import neutral

MOST_BARS = 30
WIDTH, HEIGHT = 760, 400
BAR_HEIGHT = 34  # of a waterfall, with the space around it
# Of the lines, so that they are told apart without colors.
_DASHES = ("solid", "dash", "round_dot", "long_dash_dot")
_GRID = {"visible": True, "line": {"color": "#D9D9D9"}}
# The color of each look of a waterfall's bars, as on the page.
_LOOKS = {"rise": theme.series(1), "fall": theme.series(0), "total": theme.color("other")}
# Columns of a waterfall: what is before a bar and not seen; and what of one that crosses zero is below it.
_STARTS, _BELOW = "starts at", " below zero"


@dataclass(frozen=True)
class Series:
    """What a chart draws of a sheet: a name, and the values of *lines* rows below it.

    Attributes:
        categories: the column with what is along the chart.
        values: the column with the name in its first row.
    """

    categories: int
    values: int
    lines: int

    def options(self, sheet: str) -> dict[str, Any]:
        """The same as the library takes it; the name is the cell's, for a text may begin as a formula does."""
        return {
            "name": [sheet, 0, self.values],
            "categories": [sheet, 1, self.categories, self.lines, self.categories],
            "values": [sheet, 1, self.values, self.lines, self.values],
        }


def draw(book: Any, sheet: Any, name: str, table: Table, styles: Styles) -> None:
    """Insert the chart of a tile that has one on its page.

    Args:
        book: the workbook.
        sheet: the sheet of the tile, with its table.
        name: of the sheet.
        table: what the tile shows.
        styles: of the workbook.
    """
    has_numbers = any(not column.is_field for column in table.columns)
    if not table.body or not has_numbers:
        return
    if table.tile.kind in ("bar", "line"):
        _bars_or_lines(book, sheet, name, table, styles)
    elif table.tile.kind == "heat":
        _heat(sheet, table, styles)
    elif table.tile.kind == "decomposition":
        _waterfall(book, sheet, name, table, styles)


def _bars_or_lines(book: Any, sheet: Any, name: str, table: Table, styles: Styles) -> None:
    places = [place for place, column in enumerate(table.columns) if not column.is_field]
    fields = len(table.columns) - len(places)
    if fields == 1:
        last = min(table.body, MOST_BARS) if table.tile.kind == "bar" else table.body
        series, right = [Series(0, places[0], last)], len(table.columns)
    elif fields == 2:
        series, right = _wide(sheet, table, places[0], styles)
    else:
        return
    is_line = table.tile.kind == "line"
    chart = book.add_chart({"type": "line" if is_line else "bar"})
    for number, entry in enumerate(series):
        color = theme.series(number)
        chart.add_series(
            entry.options(name)
            | {
                "line": {"color": color, "width": 2.0, "dash_type": _DASHES[number % len(_DASHES)]},
                "fill": {"color": color},
                "gap": 60,
            }
        )
    form = numbers.excel(1, table.columns[places[0]].unit)
    grid = {"major_gridlines": _GRID, "num_format": form}
    if is_line:
        chart.set_y_axis(grid)
    else:
        chart.set_y_axis({"reverse": True})
        chart.set_x_axis(grid)
    chart.set_legend({"position": "bottom"} if len(series) > 1 else {"none": True})
    _insert(sheet, chart, table, right, HEIGHT)


def _insert(sheet: Any, chart: Any, table: Table, right: int, height: int) -> None:
    chart.set_title({"name": neutral(table.title), "name_font": {"size": 13, "color": BLUE}})
    chart.set_size({"width": WIDTH, "height": height})
    sheet.insert_chart(1, right + 1, chart)


def _wide(sheet: Any, table: Table, place: int, styles: Styles) -> tuple[list[Series], int]:
    """Write the rows once more beside them, a column for each of the largest series, for the chart."""
    column = table.columns[place]
    cells = {row[:2]: row[place] for row in table.rows[: table.body]}
    along = list(dict.fromkeys(key[0] for key in cells))
    sizes: dict[Value, Decimal] = {}
    for (_, series), value in cells.items():
        sizes[series] = sizes.get(series, Decimal(0)) + _size(value)
    largest = sorted(sizes, key=lambda series: -sizes[series])[: theme.MOST_SERIES]
    left = len(table.columns) + 1
    put(sheet, 0, left, table.columns[0].title, styles.look("head"))
    for line, value in enumerate(along, start=1):
        put(sheet, line, left, numbers.text(value), styles.look("plain"))
    drawn = []
    for number, series in enumerate(largest, start=left + 1):
        put(sheet, 0, number, str(series), styles.look("head"))
        for line, key in enumerate(along, start=1):
            value = cells.get((key, series))
            if value is not None:
                write_value(sheet, line, number, column, value, styles, is_last=False)
        drawn.append(Series(left, number, len(along)))
    return drawn, left + len(largest) + 1


def _heat(sheet: Any, table: Table, styles: Styles) -> None:
    """Color the numbers: of one field in the table, of two in a grid beside it, as on the page."""
    column = next(column for column in table.columns if not column.is_field)
    if len(table.answer.fields) == 1:
        _color(sheet, styles, (1, 1, table.body, 1))
        return
    cells, left = heat.cells_of(table.answer), len(table.columns) + 1
    put(sheet, 0, left, table.columns[0].title, styles.look("head"))
    sheet.set_column(left, left, max(map(len, [table.columns[0].title, *cells.lines])) + 2)
    for place, title in enumerate(cells.columns, start=left + 1):
        put(sheet, 0, place, title, styles.look("head"))
        sheet.set_column(place, place, max(11, *map(len, title.split())) + 1)
    for line, of_line in enumerate(cells.lines, start=1):
        put(sheet, line, left, of_line, styles.look("plain"))
        for place, of_column in enumerate(cells.columns, start=left + 1):
            row = cells.rows.get((of_line, of_column))
            value = None if row is None else table.answer.rows[row].values[0]
            write_value(sheet, line, place, column, value, styles, is_last=False)
    _color(sheet, styles, (1, left + 1, len(cells.lines), left + len(cells.columns)))


def _color(sheet: Any, styles: Styles, area: tuple[int, int, int, int]) -> None:
    """The higher, the darker; numbers on what is dark are light."""
    first, whole = xl_rowcol_to_cell(*area[:2]), xl_range_abs(*area)
    dark = f"MIN({whole})+(MAX({whole})-MIN({whole}))*{theme.CELLS - 2}/{theme.CELLS}"
    sheet.conditional_format(
        *area,
        {
            "type": "formula",
            "criteria": f"=AND(ISNUMBER({first}),{first}>={dark},MAX({whole})>MIN({whole}))",
            "format": styles.look("on dark"),
        },
    )
    ends = {end: theme.color(f"cell-{step}") for end, step in (("min", 0), ("mid", 3), ("max", 5))}
    sheet.conditional_format(
        *area,
        {
            "type": "3_color_scale",
            "mid_type": "percent",
            "mid_value": 50,
            **{f"{end}_color": color for end, color in ends.items()},
        },
    )


def _waterfall(book: Any, sheet: Any, name: str, table: Table, styles: Styles) -> None:
    """Stacked bars, of which the first of each is not seen: each effect begins where the one before it ended."""
    steps = decomposition.steps_of(table.answer)
    if not steps:
        return
    unit, left = decomposition.unit_of(table.answer), len(table.columns) + 1
    parts = [_parts(step) for step in steps]
    keys = [_STARTS, *(key for look in _LOOKS for key in (look, look + _BELOW)
                        if any(key in part for part in parts))]  # fmt: skip
    put(sheet, 0, left, "Step", styles.look("head"))
    sheet.set_column(left, left, max(len(_step(step)) for step in steps) + 2)
    for place, key in enumerate(keys, start=left + 1):
        put(sheet, 0, place, key.capitalize(), styles.look("head"))
    for line, (step, part) in enumerate(zip(steps, parts, strict=True), start=1):
        put(sheet, line, left, _step(step), styles.look("plain"))
        for place, key in enumerate(keys, start=left + 1):
            if key in part:
                number = Decimal(repr(round(part[key], 12)))
                column = Column(key, key, unit, is_field=False)
                write_value(sheet, line, place, column, number, styles, is_last=False)
    chart = book.add_chart({"type": "bar", "subtype": "stacked"})
    for place, key in enumerate(keys, start=left + 1):
        look = key.removesuffix(_BELOW)
        fill = {"color": _LOOKS[look]} if look in _LOOKS else {"none": True}
        series = Series(left, place, len(steps)).options(name)
        chart.add_series(series | {"fill": fill, "gap": 45})
    chart.set_y_axis({"reverse": True, "label_position": "low", "num_font": {"size": 10}})
    lowest = _axis_from(steps)
    start = {} if lowest is None else {"min": lowest}
    chart.set_x_axis({"major_gridlines": _GRID, "num_format": numbers.excel(1, unit)} | start)
    unseen = [number for number, key in enumerate(keys) if key == _STARTS or key.endswith(_BELOW)]
    chart.set_legend({"position": "bottom", "delete_series": unseen})
    if lowest is not None:
        note = "The axis of the chart does not begin at zero."
        put(sheet, len(steps) + 2, left, note, styles.look("note"))
    _insert(sheet, chart, table, left + len(keys), max(HEIGHT, BAR_HEIGHT * len(steps) + 110))


def _step(step: Step) -> str:
    return f"{step.name}: {step.label}"


def _parts(step: Step) -> dict[str, float]:
    """How a bar is stacked: what is before it and not seen, and what is seen above zero and below."""
    start = 0.0 if step.look == "total" else step.start
    low, high = min(start, step.end), max(start, step.end)
    if low < 0 < high:
        return {step.look: high, step.look + _BELOW: low}
    if low >= 0:
        return {_STARTS: low, step.look: high - low}
    return {_STARTS: high, step.look: low - high}


def _axis_from(steps: Sequence[Step]) -> float | None:
    """Where the axis begins: small changes of something large would not be seen from zero; None for zero."""
    ends = [end for step in steps for end in (step.start, step.end)]
    low, high = min(ends), max(ends)
    return low - (high - low) / 4 if 0 < high - low < low else None


def _size(value: Value) -> Decimal:
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    number = Decimal(str(value)) if is_number else Decimal(0)
    return abs(number) if number.is_finite() else Decimal(0)
