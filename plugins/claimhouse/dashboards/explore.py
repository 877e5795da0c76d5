"""Explore: a person picks governed numbers, rows, columns, filters and a chart, and takes them along as YAML.

What is picked makes a dashboard of one tile, which is read as any other. Nothing that a person writes becomes text
of a statement: names are looked up among those that the reader has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from claimhouse import glossary
from claimhouse.dashboards import model
from claimhouse.dashboards.fields import Fields
from claimhouse.dashboards.model import Dashboard, Filter, Source, Tile
from claimhouse.reporting import metric_reports
from claimhouse.reporting.readers import Reader

CHARTS = {"bar": "Bars", "line": "Lines", "heat": "Heat table", "table": "Table"}
MOST_NUMBERS, MOST_ROWS, MOST_FILTERS = 6, 50, 8
# What an address calls the parts of a question; no field has these names.
NUMBER, ROWS, COLUMNS, CHART, FILTER = (
    "explore.number", "explore.rows", "explore.columns", "explore.chart", "explore.filter",
)  # fmt: skip


@dataclass(frozen=True)
class Question:
    """What is picked.

    Attributes:
        numbers: metrics, or ``<report>.<measure>`` of one report.
        rows: what makes the rows; *columns*: what makes the series or columns.
        filters: the fields of which values can be chosen.
    """

    numbers: tuple[str, ...] = ()
    rows: str | None = None
    columns: str | None = None
    chart: str = "bar"
    filters: tuple[str, ...] = ()

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The same, as an address says it."""
        pairs = [(NUMBER, number) for number in self.numbers]
        pairs += [(ROWS, self.rows)] if self.rows else []
        pairs += [(COLUMNS, self.columns)] if self.columns else []
        pairs += [(FILTER, name) for name in self.filters]
        return [*pairs, (CHART, self.chart)]

    @property
    def fields(self) -> tuple[str, ...]:
        """What makes its rows and columns."""
        return tuple(name for name in (self.rows, self.columns) if name)


def of(pairs: Iterable[tuple[str, str]], numbers: Mapping[str, str], fields: Fields) -> Question:
    """What an address picks; what the reader does not have, or what does not go together, is left out.

    Args:
        pairs: the names and values of the address.
        numbers: those that the reader has, see :func:`numbers`.
        fields: what the reader can ask for.
    """
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    picked = [name for name in dict.fromkeys(given.get(NUMBER, ())) if name in numbers]
    first = source_of(picked[:1])
    together = tuple(name for name in picked if source_of([name]).report == first.report)[
        :MOST_NUMBERS
    ]
    question = Question(together)
    for key in (ROWS, COLUMNS):
        name = given.get(key, [""])[-1]
        if name and name not in question.fields and name in dict(cuts(question, fields)):
            question = (
                replace(question, rows=name) if key == ROWS else replace(question, columns=name)
            )
    chart = given.get(CHART, ["bar"])[-1]
    if chart not in CHARTS or (chart == "line" and not any(map(model.is_time, question.fields))):
        chart = "bar"
    possible = dict(cuts(question, fields))
    filters = [name for name in dict.fromkeys(given.get(FILTER, ())) if name in possible]
    return replace(question, chart=chart, filters=tuple(filters[:MOST_FILTERS]))


def numbers(reader: Reader) -> dict[str, str]:
    """The numbers that *reader* has: metrics, and measures of reports; the title of each, by name."""
    known, reports = metric_reports.known(), model.known_reports()
    found = {
        name: known[name].title
        for name in reader.metrics
        if known[name].kind not in metric_reports.NOT_ADDITIVE
    }
    for report in reader.reports:
        for name, measure in (reports[report].measures if report in reports else {}).items():
            found[f"{report}.{name}"] = (
                f"{measure['title']} ({reports[report].description.lower()})"
            )
    return found


def by_source(reader: Reader) -> dict[str, dict[str, str]]:
    """The numbers that *reader* has, by what has them: those of one source can be picked together.

    Returns:
        The titles of numbers by their names, by the title of the source.
    """
    found: dict[str, dict[str, str]] = {}
    for name, title in numbers(reader).items():
        report = source_of([name]).report
        source = model.known_reports()[report].description if report else "Metrics"
        found.setdefault(source, {})[name] = title.partition(" (")[0] if report else title
    return found


def source_of(numbers: Sequence[str]) -> Source:
    """What has these numbers."""
    report = numbers[0].partition(".")[0] if numbers and "." in numbers[0] else None
    return Source((), report) if report else Source(tuple(numbers), None)


def cuts(question: Question, fields: Fields) -> list[tuple[str, str]]:
    """What can make rows, columns and filters beside what is picked: names, and the kind of each as a filter."""
    source = source_of(question.numbers)
    if source.report is None:
        grains = [fields.reader.metrics[metric] for metric in source.metrics]
        known = list(metric_reports.cuts())
        together = [
            cut
            for cut in known
            if grains and all(model.grain(of, (*question.fields, cut)) is not None for of in grains)
        ]
        return [(cut, _kind_of_cut(cut)) for cut in together]
    report = model.known_reports()[source.report]
    kinds = {"number": "range", "day": "period", "moment": "period"}
    columns = [
        (name, kinds.get(kind, "choice"))
        for name, kind in fields.columns(source.report).items()
        if name not in ("as_of", "is_hidden") and not model.tells_people_apart(name)
    ]
    return [*((cut, _kind_of_cut(cut)) for cut in report.cuts), *columns]


def dashboard(question: Question, reader: Reader, fields: Fields) -> Dashboard:
    """The dashboard of one tile that *question* makes."""
    source, titles = source_of(question.numbers), numbers(reader)
    words = [titles[name].partition(" (")[0] for name in question.numbers]
    title = ", ".join(words[:1] + [word.lower() for word in words[1:]]) or "Nothing is picked"
    by = [name.replace("_", " ") for name in question.fields]
    rows, columns = question.rows, question.columns
    if question.chart == "line" and not (rows and model.is_time(rows)):
        # Lines are along time, whichever of the two it is.
        rows, columns = columns, rows
    tile = Tile(
        name="tile-1-1",
        kind=question.chart if question.fields else "number",
        title=f"{title} by {' and '.join(by)}" if by else title,
        source=source,
        measures=() if source.metrics else tuple(n.partition(".")[2] for n in question.numbers),
        by=(rows,) if rows else (),
        split=columns,
        most=MOST_ROWS if question.chart in ("bar", "table") else None,
    )
    filters = tuple(
        Filter(name, kind, glossary.title(name))
        for name, kind in cuts(question, fields)
        if name in question.filters
    )
    return Dashboard(
        "explore", "Explore", "Which numbers, by what, and of which rows?", (reader.name,),
        filters, ((tile,),) if question.numbers else (), None,
    )  # fmt: skip


def as_yaml(explored: Dashboard) -> str:
    """The file of ``include/dashboards`` that shows the same, for an engineer to name and add."""
    tile = explored.tiles[0]
    entry: dict[str, Any] = {"kind": tile.kind}
    if tile.source.report:
        entry |= {"report": tile.source.report, "measures": list(tile.measures)}
    else:
        entry |= {"metrics": list(tile.source.metrics)}
    if tile.by:
        entry["by"] = list(tile.by)
    if tile.split:
        entry["split"] = tile.split
    if tile.most:
        entry["most"] = tile.most
    filters = [{"field": known.field, "kind": known.kind} for known in explored.filters]
    content: dict[str, Any] = {
        "name": "my_dashboard",
        "title": tile.title[:60],
        "question": "Which question does it answer?",
        "readers": list(explored.readers),
    }
    content |= {"filters": filters} if filters else {}
    content["rows"] = [[entry]]
    head = "# include/dashboards/my_dashboard.yaml: give it a name, a title and its question.\n"
    return head + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)


def readable(statement: str) -> str:
    """A statement without what is only for those who write it; it is run as it is shown."""
    lines = [
        line for line in statement.splitlines() if line.strip() and not line.startswith("-- noqa")
    ]
    return "\n".join(lines)


def _kind_of_cut(cut: str) -> str:
    is_period = cut.endswith(("_month", "_quarter", "_date")) and cut != "service_weekday"
    return "period" if is_period else "choice"
