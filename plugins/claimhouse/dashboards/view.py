"""A dashboard as a browser shows it: tiles with their words, charts and tables, and the form of its filters."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from claimhouse import glossary
from claimhouse.dashboards import charts, numbers, selection
from claimhouse.dashboards.answer import Answer, Page, Row
from claimhouse.dashboards.charts import Chart
from claimhouse.dashboards.model import Dashboard, Filter, Tile
from claimhouse.dashboards.selection import UNKNOWN, Selection

log = logging.getLogger(__name__)

# The width of a chart in pixels, by the number of tiles beside each other, as a screen of 1,440 pixels has them.
# A script draws it again as wide as its tile is.
WIDTHS = {1: 1340, 2: 648, 3: 416, 4: 300, 5: 232, 6: 184}
# More periods than this are typed, not chosen from a list.
MOST_PERIODS = 120

Address = Callable[[Selection], str]


@dataclass(frozen=True)
class Figure:
    """A number that stands for itself.

    Attributes:
        text: for a glance; *exact* is in full.
        change: what became of it since the period before; empty where nobody can tell.
        verdict: whether that is ``better`` or ``worse``; empty where nobody says.
    """

    title: str
    text: str
    exact: str
    change: str = ""
    before: str = ""
    verdict: str = ""


@dataclass(frozen=True)
class Cell:
    """A value of a table, and where a click on it leads."""

    text: str
    address: str | None = None
    is_chosen: bool = False


@dataclass(frozen=True)
class Line:
    """A row of a table.

    Attributes:
        number: of the row in the answer; a mark of a chart names it.
        address: the dashboard, filtered by all of the row's fields.
    """

    number: int
    heads: Sequence[Cell]
    values: Sequence[str]
    address: str | None


@dataclass(frozen=True)
class Without:
    """The dashboard without filters of which a tile has too many."""

    text: str
    address: str


@dataclass(frozen=True)
class Shown:
    """A tile as it is shown.

    Attributes:
        titles: of the table's columns: fields, and numbers.
        is_text: of each number's column, whether it has words instead.
        foot: the total of each number; empty where there is none.
        without: of a tile that cannot be shown by all filters, the dashboards without some.
    """

    answer: Answer
    figures: Sequence[Figure]
    charts: Sequence[Chart]
    sentence: str
    titles: tuple[Sequence[str], Sequence[str]]
    is_text: Sequence[bool]
    lines: Sequence[Line]
    foot: Sequence[str]
    notes: Sequence[str]
    without: Sequence[Without] = ()

    @property
    def tile(self) -> Tile:
        """What is shown."""
        return self.answer.tile


@dataclass(frozen=True)
class Chip:
    """A value that is chosen, and the dashboard without it."""

    title: str
    text: str
    address: str


@dataclass(frozen=True)
class Period:
    """The field of a period or range in the form.

    Attributes:
        kind: of the inputs: ``select``, ``month``, ``date`` or ``text``.
        options: of a ``select``.
        links: other periods, each with the dashboard of it.
    """

    kind: str
    chosen: tuple[str, str]
    ends: tuple[str, str]
    options: Sequence[str]
    links: Sequence[tuple[str, str]]


def rows(
    dashboard: Dashboard, page: Page, chosen: Selection, address: Address
) -> Iterator[list[Shown]]:
    """The tiles of a dashboard, row by row; charts beside each other are of one height."""
    for tiles in dashboard.rows:
        answers = [page.answers[tile.name] for tile in tiles]
        height = max(charts.height_of(answer) for answer in answers)
        width = WIDTHS[len(tiles)]
        yield [shown(dashboard, answer, width, height, chosen, address) for answer in answers]


def shown(
    dashboard: Dashboard,
    answer: Answer,
    width: int,
    height: int,
    chosen: Selection,
    address: Address,
) -> Shown:
    """A tile.

    Args:
        dashboard: whose it is.
        answer: what it shows.
        width: of its charts, in pixels.
        height: of its charts, at least.
        chosen: what is chosen on the dashboard.
        address: of the dashboard with other filters.
    """
    compares = answer.compared is not None and answer.tile.kind != "number"
    return Shown(
        answer=answer,
        figures=_figures(answer),
        charts=_drawn(charts.of(answer, width, height, chosen.choices)),
        sentence=charts.sentence(answer) if answer.tile.kind != "table" else "",
        titles=(
            [glossary.title(name) for name in answer.fields],
            [title for measure in answer.measures for title in _titles(measure.title, answer, compares)],
        ),
        is_text=[
            any(isinstance(row.values[place], str) for row in answer.rows)
            for place in range(len(answer.measures))
            for _ in range(3 if compares else 1)
        ],
        lines=[
            Line(
                number,
                _heads(answer, row, chosen, address),
                list(_values(answer, row, compares)),
                _address_of(answer, row, chosen, address),
            )
            for number, row in enumerate(answer.rows)
        ],
        foot=list(_values(answer, answer.total, compares)) if answer.total and answer.fields else (),
        notes=[note for note in answer.notes if note != f"Compared with {answer.compared}."],
        without=[_without(dashboard, names, chosen, address) for names in answer.without],
    )  # fmt: skip


def _without(
    dashboard: Dashboard, names: Sequence[str], chosen: Selection, address: Address
) -> Without:
    for name in names:
        chosen = chosen.without(name)
    titles = [entry.title for entry in dashboard.filters if entry.field in names]
    return Without(" and ".join(titles), address(_shortest(dashboard, chosen)))


def _drawn(made: list[Chart]) -> list[Chart]:
    """Charts that can be drawn; where one cannot, none: the table is shown."""
    try:
        for chart in made:
            chart.svg  # noqa: B018
    except ValueError as error:
        log.error("a chart cannot be drawn: %s", str(error).splitlines()[0])
        return []
    return made


def _figures(answer: Answer) -> list[Figure]:
    row = answer.total or (answer.rows[0] if answer.rows else None)
    if answer.tile.kind != "number" or row is None:
        return []
    figures = []
    for place, measure in enumerate(answer.measures):
        value = row.values[place]
        before = row.before[place] if row.before else None
        change = numbers.change(value, before, measure.unit) or ""
        figures.append(
            Figure(
                measure.title,
                numbers.short(value, measure.unit),
                numbers.text(value, measure.unit),
                change,
                numbers.text(before, measure.unit) if change else "",
                verdict(change, answer.tile.better),
            )
        )
    return figures


def verdict(change: str, better: str | None) -> str:
    """Whether a change, as it is written, is for the ``better`` or ``worse``; empty where it is neither."""
    if better is None or not change.startswith(("+", numbers.MINUS)):
        return ""
    return "better" if change.startswith("+") == (better == "higher") else "worse"


def _titles(title: str, answer: Answer, compares: bool) -> list[str]:
    return [title, f"{answer.compared}", "Change"] if compares else [title]


def _values(answer: Answer, row: Row, compares: bool) -> Iterator[str]:
    for place, measure in enumerate(answer.measures):
        value = row.values[place]
        yield numbers.text(value, measure.unit)
        if compares:
            before = row.before[place] if row.before else None
            yield numbers.text(before, measure.unit)
            change = numbers.change(value, before, measure.unit) or numbers.NONE
            yield ", ".join(filter(None, [change, verdict(change, answer.tile.better)]))


def _heads(answer: Answer, row: Row, chosen: Selection, address: Address) -> list[Cell]:
    if row.is_rest:
        left = "" if answer.left_out is None else f" ({answer.left_out:,})"
        return [
            Cell(f"all others{left}"),
            *(Cell("") for _ in answer.fields[1:]),
        ]
    cells = []
    for name, field in zip(answer.fields, row.fields, strict=True):
        value = UNKNOWN if field is None else field
        if name in answer.filters:
            is_chosen = _is_chosen(chosen, name, value)
            other = chosen.without(name) if is_chosen else chosen.choosing(name, value)
            cells.append(Cell(value, address(other), is_chosen))
        else:
            cells.append(Cell(value))
    return cells


def _address_of(answer: Answer, row: Row, chosen: Selection, address: Address) -> str | None:
    """The dashboard, filtered by a row; where it is already, without that."""
    if row.is_rest or not answer.filters:
        return None
    pairs = [
        (name, UNKNOWN if field is None else field)
        for name, field in zip(answer.fields, row.fields, strict=True)
        if name in answer.filters
    ]
    is_chosen = all(_is_chosen(chosen, name, value) for name, value in pairs)
    for name, value in pairs:
        chosen = chosen.without(name) if is_chosen else chosen.choosing(name, value)
    return address(chosen)


def _is_chosen(chosen: Selection, name: str, value: str) -> bool:
    return chosen.choices.get(name) == (value,) or chosen.ranges.get(name) == (value, value)


# The form


def chips(dashboard: Dashboard, chosen: Selection, address: Address) -> list[Chip]:
    """What is chosen, each with the dashboard without it."""
    found = []
    for entry in dashboard.filters:
        values = chosen.choices.get(entry.field, ())
        for value in values:
            rest = tuple(other for other in values if other != value)
            without = chosen.without(entry.field)
            if rest:
                without = replace(chosen, choices={**chosen.choices, entry.field: rest})
            found.append(Chip(entry.title, value, address(_shortest(dashboard, without))))
        if ends := chosen.ranges.get(entry.field):
            without = _shortest(dashboard, chosen.without(entry.field))
            found.append(Chip(entry.title, selection.range_in_words(ends), address(without)))
    return found


def _shortest(dashboard: Dashboard, chosen: Selection) -> Selection:
    """The same in fewer words: that all of a field is asked for needs saying only where it has a default."""
    return replace(
        chosen,
        cleared=frozenset(
            entry.field
            for entry in dashboard.filters
            if entry.field in chosen.cleared and entry.default
        ),
    )


def periods(
    dashboard: Dashboard, page: Page, chosen: Selection, address: Address
) -> dict[str, Period]:
    """The fields of periods and ranges in the form, by name."""
    return {
        entry.field: _period(dashboard, entry, page, chosen, address)
        for entry in dashboard.filters
        if entry.kind != "choice"
    }


def _period(
    dashboard: Dashboard, entry: Filter, page: Page, chosen: Selection, address: Address
) -> Period:
    least, most = (
        "" if end is None else str(end) for end in page.ends.get(entry.field, (None, None))
    )
    ends = chosen.ranges.get(entry.field, ("", ""))
    options = _periods_from(least, most)
    kind = "text"
    if options and "Q" in most:
        kind = "select"
    elif selection.period_of(most):
        kind = {7: "month", 10: "date"}.get(len(most), "text")
    links = []
    if entry.kind == "period" and selection.period_of(most):
        steps = [("Newest", (most, most))] if ends != (most, most) else []
        if any(ends) and (earlier := selection.before(ends)) and earlier[1] >= least:
            steps.insert(0, ("Before", earlier))
        for word, other in steps:
            ranges = {**chosen.ranges, entry.field: other}
            text = f"{word}: {selection.range_in_words(other)}"
            changed = replace(chosen, ranges=ranges, cleared=chosen.cleared - {entry.field})
            links.append((text, address(changed)))
    return Period(kind, ends, (least, most), options, links)


def _periods_from(least: str, most: str) -> list[str]:
    """The quarters from *least* to *most*, the newest first; none where they are no quarters, or too many."""
    found: list[str] = []
    first, last = selection.period_of(least), selection.period_of(most)
    if first is None or last is None or "Q" not in least or "Q" not in most:
        return []
    day = first[0]
    while day < last[1] and len(found) <= MOST_PERIODS:
        found.insert(0, f"{day.year:04}-Q{(day.month + 2) // 3}")
        day = (selection.period_of(found[0]) or last)[1]
    return found if len(found) <= MOST_PERIODS else []
