"""The fields of what tiles read, in SQL: which relation, which of its rows, and what makes the groups.

Every name comes from our own files; what people choose is a parameter, and never text of a statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from claimhouse.dashboards import model, selection
from claimhouse.dashboards.model import Source, Tile
from claimhouse.dashboards.selection import UNKNOWN, Range, Selection
from claimhouse.dashboards.session import Session
from claimhouse.reporting import metric_reports
from claimhouse.reporting.readers import Reader

# A month or quarter of a day.
_PERIOD = re.compile(r"to_char\((?P<day>t\.\w+), .*\)")
# By the number of a type in PostgreSQL's catalog.
_KINDS = {
    **dict.fromkeys((20, 21, 23, 700, 701, 1700), "number"),
    16: "flag",
    1082: "day",
    **dict.fromkeys((1114, 1184), "moment"),
}


class NotShown(Exception):
    """A tile has nothing to show; the message says why, to its reader."""


@dataclass(frozen=True)
class Condition:
    """A condition on a field; see ``sql/conditions.jinja``.

    Attributes:
        field: its SQL.
        value: of the parameter *number*, which is cast to the type *cast*.
        with_unknown: whether rows without a value hold.
    """

    field: str
    operator: str
    value: Any
    number: int
    cast: str = "text"
    with_unknown: bool = False


@dataclass
class Asked:
    """What is asked of the warehouse for a tile.

    Attributes:
        relation: the report that is read.
        fields: the SQL of what makes the groups.
        conditions: which of its rows.
    """

    relation: str
    fields: list[str] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)

    @property
    def values(self) -> list[Any]:
        """The parameters."""
        return [condition.value for condition in self.conditions]

    def add(self, column: str, operator: str, value: Any, cast: str = "text") -> None:
        """Ask for the rows for which a comparison holds."""
        self.conditions.append(Condition(column, operator, value, len(self.conditions) + 1, cast))

    def add_values(self, column: str, operator: str, values: Iterable[Any]) -> None:
        """Ask for the rows that have (``in``), or do not have (``not in``), one of some values."""
        texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in values]
        number, is_unknown = len(self.conditions) + 1, UNKNOWN in texts
        self.conditions.append(Condition(column, operator, texts, number, with_unknown=is_unknown))


@dataclass(frozen=True)
class Instead:
    """A report that tells the number of a metric.

    Attributes:
        chosen: which of its rows: the fields by which the metric is filtered, and no others.
    """

    report: str
    measure: str
    chosen: Selection


def ordered_by(field: str) -> str:
    """The SQL that puts rows in the order of a field: of a month or quarter, its day, which may have an index."""
    match = _PERIOD.fullmatch(field)
    return match["day"] if match else field


class Fields:
    """The fields that a reader can ask for.

    Args:
        session: what is asked of the warehouse as the reader.
        reader: whose grains there are.
        titles: what a person knows fields by, where that is not their name.
    """

    def __init__(
        self, session: Session, reader: Reader, titles: Mapping[str, str] | None = None
    ) -> None:
        self.session, self.reader, self.titles = session, reader, titles or {}
        self._columns: dict[str, dict[str, str]] = {}

    def has(self, source: Source, name: str) -> bool:
        """Whether *source* has the field."""
        if source.report:
            return self._of_report(source.report, name) is not None
        return all(
            model.grain(self.reader.metrics.get(metric, ()), [name]) is not None
            for metric in source.metrics
        )

    def in_sql(self, source: Source, name: str) -> str:
        """A field in SQL.

        Raises:
            NotShown: there is no such field.
        """
        expression = self._of_report(source.report, name) if source.report else f"t.{name}"
        if expression is None:
            raise NotShown(f"It has no {name.replace('_', ' ')}.")
        return expression

    def columns(self, relation: str) -> dict[str, str]:
        """The columns of a report, and the kind of each: number, day, moment, flag or text."""
        if relation not in self._columns:
            self._columns[relation] = {
                name: _KINDS.get(kind, "text")
                for name, kind in self.session.columns(relation).items()
            }
        return self._columns[relation]

    def ask(self, tile: Tile, names: Sequence[str], chosen: Selection) -> Asked:
        """What to ask for a tile of a report, or of one metric.

        Args:
            tile: the tile.
            names: what makes its groups.
            chosen: which of its rows; of a field that it does not have, all.

        Raises:
            NotShown: no grain has all that is asked for.
        """
        source, asked = tile.source, Asked(tile.source.relations[0])
        needed = (*names, *tile.where, *tile.but)
        filtered = self.filtered(tile, chosen)
        if source.report is None:
            cuts = self._grain(source.metrics[0], needed, filtered)
            # A quarter is three months where the rows have months.
            filtered = {
                name: name if name in cuts else model.months_of(name) or name for name in filtered
            }
            asked.add("t.cuts", "=", ", ".join(cuts))
        elif not tile.is_rows:
            for name, word in model.known_reports()[source.report].total_words.items():
                asked.add_values(f"t.{name}", "not in", (word,))
        for name, values in tile.where.items():
            asked.add_values(self.in_sql(source, name), "in", values)
        for name, values in tile.but.items():
            asked.add_values(self.in_sql(source, name), "not in", values)
        for name, of_source in filtered.items():
            self._choose(
                asked, source, of_source, chosen.choices.get(name), chosen.ranges.get(name)
            )
        asked.fields = [self.in_sql(source, name) for name in names]
        return asked

    def filtered(self, tile: Tile, chosen: Selection) -> dict[str, str]:
        """The chosen fields that filter a tile, each with the field of its source that it filters by."""
        found = {}
        for name in chosen.fields:
            months = model.months_of(name)
            if name in tile.unfiltered:
                continue
            if self.has(tile.source, name):
                found[name] = name
            elif months and self.has(tile.source, months):
                found[name] = months
        return found

    def shows(self, tile: Tile, chosen: Selection) -> bool:
        """Whether all metrics of a tile are published by what makes its rows and filters them."""
        return all(
            self._has_grain(
                metric, (*tile.fields, *tile.where, *tile.but), self.filtered(of_metric, chosen)
            )
            or self.instead(of_metric, chosen) is not None
            for metric in tile.source.metrics
            for of_metric in [replace(tile, source=Source((metric,), None))]
        )

    def instead(self, tile: Tile, chosen: Selection) -> Instead | None:
        """Rows that tell a metric by more than any list of cuts has, where the reader has such a report.

        Args:
            tile: of one metric.
            chosen: which of its rows.

        Returns:
            The report with the fewest rows; None where none has all that is asked for, as the metric has it.
        """
        metric, names = tile.source.metrics[0], self.filtered(tile, chosen)
        known = [
            model.known_reports()[name]
            for name in self.reader.reports
            if name in model.known_reports()
        ]
        for report in sorted(known, key=lambda report: not report.sums):
            measure = next(
                (name for name, entry in report.measures.items() if entry.get("metric") == metric),
                None,
            )
            exact, cuts = {*report.same_cuts}, {*report.same_cuts, *report.known_cuts}
            is_known = not any(
                {UNKNOWN, UNKNOWN.strip("()")} & {*chosen.choices.get(name, ())}
                for name, cut in names.items()
                if cut not in exact
            )
            needed = {*tile.fields, *tile.where, *tile.but}
            if measure and needed <= exact and set(names.values()) <= cuts and is_known:
                kept = Selection(
                    {name: values for name, values in chosen.choices.items() if name in names},
                    {name: ends for name, ends in chosen.ranges.items() if name in names},
                )
                return Instead(report.name, measure, kept)
        return None

    def _has_grain(self, metric: str, needed: Sequence[str], filtered: Iterable[str]) -> bool:
        try:
            self._grain(metric, needed, filtered)
        except NotShown:
            return False
        return True

    def _grain(
        self, metric: str, needed: Sequence[str], filtered: Iterable[str]
    ) -> metric_reports.Grain:
        grains, filtered = self.reader.metrics[metric], list(filtered)
        by_month = [model.months_of(name) or name for name in filtered]
        cuts = model.grain(grains, (*needed, *filtered)) or model.grain(
            grains, (*needed, *by_month)
        )
        if cuts is None:
            raise NotShown(f"It is not published by {self._listed(*needed, *filtered)} together.")
        is_additive = metric_reports.known()[metric].kind not in metric_reports.NOT_ADDITIVE
        if not is_additive and set(cuts) - {*needed, *filtered}:
            raise NotShown(
                f"It does not add up, and is not published by {self._listed(*needed, *filtered)}."
            )
        return cuts

    def _listed(self, *names: str) -> str:
        return listed(self.titles.get(name, name) for name in names)

    def _choose(
        self,
        asked: Asked,
        source: Source,
        name: str,
        values: Sequence[str] | None,
        ends: Range | None,
    ) -> None:
        if values:
            asked.add_values(self.in_sql(source, name), "in", values)
        if ends is None:
            return
        day = self._day_of(source.report, name) if source.report else None
        column = f"t.{day}" if day else self.in_sql(source, name)
        if name.endswith("_month") and not day:
            ends = selection.in_months(ends)
        for end, operator in zip(ends, (">=", "<="), strict=True):
            if not end:
                continue
            period = selection.period_of(end)
            if period and (day or selection.is_day(end)):
                # A day may have a time: it counts up to its end.
                first, after = period
                if operator == ">=":
                    asked.add(column, ">=", first.isoformat(), "date")
                else:
                    asked.add(column, "<", after.isoformat(), "date")
            else:
                asked.add(column, operator, end, "text" if period else "numeric")

    def _of_report(self, report: str, name: str) -> str | None:
        column = model.known_reports()[report].cuts.get(name, name)
        if isinstance(column, Mapping):
            if day := column.get("month_of"):
                return f"to_char(t.{day}, 'YYYY-MM')"
            return f"to_char(t.{column['quarter_of']}, 'YYYY-\"Q\"Q')"
        return f"t.{column}" if column in self.columns(report) else None

    def _day_of(self, report: str, name: str) -> str | None:
        """The column with the days of a month or quarter; None where the field is a column itself."""
        column = model.known_reports()[report].cuts.get(name)
        return str(next(iter(column.values()))) if isinstance(column, Mapping) else None


def listed(names: Iterable[str]) -> str:
    """Names in a sentence."""
    words = [name.replace("_", " ") for name in dict.fromkeys(names)]
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)
