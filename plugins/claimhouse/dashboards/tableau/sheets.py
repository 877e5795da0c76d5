"""Which sheets a dashboard has: a tile of one source is a sheet, by the rows of one grain.

A filter works on every sheet whose rows have its field. A choice or range is a filter of Tableau; a period is a
parameter, whose value ``newest`` no filter of Tableau has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from claimhouse.dashboards import model
from claimhouse.dashboards.model import NEWEST, OWN, Dashboard, Filter, Source, Tile
from claimhouse.dashboards.selection import UNKNOWN
from claimhouse.dashboards.tableau import fields, sources
from claimhouse.dashboards.tableau.catalog import Catalog
from claimhouse.dashboards.tableau.fields import Field
from claimhouse.dashboards.tableau.markup import quoted
from claimhouse.dashboards.tableau.sources import DataSource
from claimhouse.reporting import metric_reports
from claimhouse.reporting.readers import Reader

# What a parameter of a period can say besides a value or its beginning.
ALL = "all"
_NAME_LETTERS = 80


@dataclass(frozen=True)
class Values:
    """A filter of a sheet that nobody changes.

    Attributes:
        values: of a field; None among them is a missing one.
        is_except: whether these are left out, instead of kept.
    """

    field: str
    values: tuple[Any, ...]
    is_except: bool = False


@dataclass(frozen=True)
class Control:
    """A filter of the dashboard on the sheets of a data source.

    Attributes:
        field: of the data source, or of the workbook.
        group: the same for all sheets that the filter works on.
        is_range: whether it has two ends; else it is a choice.
        default: what is chosen at first; None for everything.
        formula: of a period, whether a row is in what its parameter says.
    """

    title: str
    field: str
    group: int
    is_range: bool = False
    default: str | None = None
    formula: str | None = None
    parameter: str | None = None


@dataclass(frozen=True)
class Sheet:
    """A sheet.

    Attributes:
        dimensions: what makes its rows, fields of the source.
        split: what makes its series.
        values: the numbers that it shows; none for a table of rows as they are.
        is_exact: whether the numbers are shown as they are, and not added up.
        kept: its filters that nobody changes.
        controls: the dashboard's filters that work on it.
        order: by which field, and whether the largest come first.
    """

    name: str
    kind: str
    title: str
    caption: str
    source: DataSource
    tile: str
    dimensions: tuple[str, ...]
    values: tuple[str, ...]
    split: str | None = None
    is_exact: bool = False
    kept: tuple[Values, ...] = ()
    controls: tuple[Control, ...] = ()
    order: tuple[str, bool] | None = None
    most: int | None = None


@dataclass(frozen=True)
class Book:
    """What a workbook of a dashboard has.

    Attributes:
        rows: its sheets, from left to right and top to bottom.
        added: fields that only the workbook has, by the name of a data source.
        parameters: of each period, its title and what it is at first.
    """

    dashboard: Dashboard
    sources: tuple[DataSource, ...]
    rows: tuple[tuple[Sheet, ...], ...]
    added: Mapping[str, tuple[Field, ...]] = field(default_factory=dict)
    parameters: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def sheets(self) -> tuple[Sheet, ...]:
        """All sheets."""
        return tuple(sheet for row in self.rows for sheet in row)


def of(dashboard: Dashboard, people: Mapping[str, Reader], columns: Catalog) -> Book:
    """The sheets of a dashboard.

    Args:
        dashboard: the dashboard.
        people: all readers, by name.
        columns: the columns of the star and of reports.

    Raises:
        UnknownRelation: the catalog lacks what the dashboard reads.
    """
    maker = _Maker(dashboard, [people[name] for name in dashboard.readers], columns)
    rows = tuple(tuple(maker.sheet(tile) for tile in tiles) for tiles in dashboard.rows)
    used = {sheet.source.name: sheet.source for row in rows for sheet in row}
    added: dict[str, dict[str, Field]] = {}
    if maker.added:
        added[maker.source(None).name] = maker.added
    for row in rows:
        for sheet in row:
            for control in sheet.controls:
                if control.formula:
                    of_source = added.setdefault(sheet.source.name, {})
                    of_source[control.field] = _in_period(control)
    return Book(
        dashboard=dashboard,
        sources=tuple(used[name] for name in sorted(used)),
        rows=_with_names_of_their_own(rows),
        added={name: tuple(entries.values()) for name, entries in added.items()},
        parameters={
            entry.field: (entry.title, NEWEST if entry.default == NEWEST else entry.default or ALL)
            for entry in dashboard.filters
            if any(
                control.parameter == entry.field
                for row in rows
                for sheet in row
                for control in sheet.controls
            )
        },
    )


class _Maker:
    """Makes the sheets of one dashboard.

    Args:
        readers: who opens it.
    """

    def __init__(self, dashboard: Dashboard, readers: Sequence[Reader], columns: Catalog) -> None:
        self.dashboard, self.readers, self.columns = dashboard, readers, columns
        metrics = [name for tile in dashboard.tiles for name in tile.source.metrics]
        self.metrics = list(dict.fromkeys(metrics))
        self.known: dict[str | None, DataSource] = {}
        # Metrics that the source of all metrics does not have in this form.
        self.added: dict[str, Field] = {}

    def sheet(self, tile: Tile) -> Sheet:
        """The sheet of a tile."""
        return self._of_report(tile) if tile.source.report else self._of_metrics(tile)

    def source(self, report: str | None) -> DataSource:
        """The data source of a report, or that of all metrics of the dashboard."""
        if report not in self.known:
            self.known[report] = (
                sources.of_report(self.columns, report)
                if report
                else sources.of_metrics(
                    self.columns, self.dashboard.name, self.dashboard.title, self.metrics
                )
            )
        return self.known[report]

    def _of_metrics(self, tile: Tile) -> Sheet:
        source = self.source(None)
        needed = (*tile.fields, *tile.where, *tile.but)
        grains = {name: self._grains(name, needed, tile) for name in tile.source.metrics}
        every = [grain for of_metric in grains.values() for grain in of_metric]
        common = {cut for cut in metric_reports.cuts() if all(cut in grain for grain in every)}
        known = metric_reports.known()
        controls = self._controls(tile, source, common)
        periods = tuple(control.field for control in controls if control.formula)
        values = []
        for name in tile.source.metrics:
            across = known[name].not_across
            if across not in common or across in tile.fields:
                values.append(metric_reports.name(name))
                continue
            newest = fields.of_metric(known[name], True, across, periods)
            self.added[newest.name] = newest
            values.append(newest.name)
        rows_of = tuple(
            sources.grain_text(name, grain)
            for name, of_metric in grains.items()
            for grain in of_metric
        )
        described = " ".join(map(fields.described, model.metrics_of(tile.source.metrics).values()))
        return Sheet(
            name=tile.title,
            kind=tile.kind,
            title=tile.title,
            caption=_caption(tile, described),
            source=source,
            tile=tile.name,
            dimensions=tile.by,
            split=tile.split,
            values=tuple(values),
            kept=(Values("grain", rows_of), *_kept(tile, {})),
            controls=controls,
            order=self._order(tile, values, {}),
            most=tile.most,
        )

    def _of_report(self, tile: Tile) -> Sheet:
        report = tile.source.report or ""
        source = self.source(report)
        cuts = {
            name: column
            for name, column in model.known_reports()[report].cuts.items()
            if isinstance(column, str)
        }
        values = [f"measure_{name}" for name in tile.measures]
        dimensions, exact = tuple(cuts.get(name, name) for name in tile.by), bool(tile.columns)
        if tile.columns and tile.kind == "table":
            dimensions = (*dimensions, *tile.columns)
        elif tile.columns:
            values = list(tile.columns)
        there = {entry.name for entry in source.fields} | set(cuts)
        return Sheet(
            name=tile.title,
            kind=tile.kind,
            title=tile.title,
            caption=_caption(tile, self._meanings(tile)),
            source=source,
            tile=tile.name,
            dimensions=tuple(dict.fromkeys(dimensions)),
            split=cuts.get(tile.split, tile.split) if tile.split else None,
            values=tuple(values),
            is_exact=exact,
            kept=_kept(tile, cuts),
            controls=self._controls(tile, source, there, cuts),
            order=self._order(tile, values, cuts),
            most=tile.most,
        )

    def _grains(self, metric: str, needed: Sequence[str], tile: Tile) -> list[metric_reports.Grain]:
        """The rows of a metric that the sheet reads: of one grain that all readers have, or else of one for each.

        Of what adds up, the one on which most filters work; of what does not, the smallest.
        """
        is_additive = metric_reports.known()[metric].kind not in metric_reports.NOT_ADDITIVE
        filters = [
            entry.field for entry in self.dashboard.filters if entry.field not in tile.unfiltered
        ]

        def fitting(of_reader: Iterable[metric_reports.Grain]) -> metric_reports.Grain | None:
            grains = [cuts for cuts in sorted(of_reader) if set(needed) <= set(cuts)]
            if not is_additive:
                return min(grains, key=len, default=None)
            return min(
                grains,
                key=lambda cuts: (-sum(_has(cuts, name) for name in filters), len(cuts)),
                default=None,
            )

        of_each = [reader.metrics[metric] for reader in self.readers]
        if shared := fitting(set(of_each[0]).intersection(*of_each)):
            return [shared]
        return sorted({cuts for grains in of_each if (cuts := fitting(grains)) is not None})

    def _controls(
        self,
        tile: Tile,
        source: DataSource,
        there: Iterable[str],
        cuts: Mapping[str, str] | None = None,
    ) -> tuple[Control, ...]:
        """The filters of the dashboard that work on the rows of a sheet.

        Args:
            tile: the tile of the sheet.
            source: what it reads.
            there: the fields that its rows have.
            cuts: the columns that are cuts, by the cut.
        """
        found = []
        for number, entry in enumerate(self.dashboard.filters, 1):
            name = (cuts or {}).get(entry.field, entry.field)
            if entry.field in tile.unfiltered:
                continue
            known = source.field(name)
            if entry.kind == "choice" and known and name in there:
                default = entry.default if entry.default != OWN else None
                found.append(Control(entry.title, name, number, default=default))
            elif entry.kind == "range" and known and name in there and _has_ends(known):
                found.append(Control(entry.title, name, number, is_range=True))
            elif entry.kind != "choice":
                found += self._period(entry, source, set(there), name, number)
        return tuple(found)

    def _period(
        self, entry: Filter, source: DataSource, there: set[str], name: str, number: int
    ) -> list[Control]:
        months = model.months_of(entry.field)
        known, of_months = source.field(name), source.field(months or "")
        is_there = (known and name in there) or (of_months and months in there)
        if not is_there:
            return []
        # One field for all sheets of the source, whether their rows have quarters or months.
        by_month = f'LEFT([{months}], 4) + "-Q" + STR(INT((INT(RIGHT([{months}], 2)) + 2) / 3))'
        own = f"[{name}]" if known and known.datatype == "string" else f"STR([{name}])"
        value = own if known else by_month
        if known and of_months:
            value = f"IFNULL({own}, {by_month})"
        newest = "{FIXED [grain] : MAX(%s)}" if source.sql else "{FIXED : MAX(%s)}"
        parameter = f"[Parameters].[{entry.field}]"
        formula = (
            f"IF {parameter} = {quoted(ALL)} THEN TRUE "
            f"ELSEIF {parameter} = {quoted(NEWEST)} THEN {value} = {newest % value} "
            f"ELSE STARTSWITH({value}, {parameter}) END"
        )
        return [
            Control(
                entry.title,
                f"in_{entry.field}",
                number,
                formula=formula,
                parameter=entry.field,
            )
        ]

    def _order(
        self, tile: Tile, values: Sequence[str], cuts: Mapping[str, str]
    ) -> tuple[str, bool] | None:
        """By what the rows are ordered, as the page does it."""
        if not (tile.by or tile.is_rows) or tile.kind in ("line", "heat"):
            return None
        if tile.order is None:
            return (values[0], True) if values and not tile.is_rows else None
        name, largest_first = tile.order
        if name in tile.numbers and values:
            return values[list(tile.numbers).index(name)], largest_first
        return cuts.get(name, name), largest_first

    def _meanings(self, tile: Tile) -> str:
        if tile.measures:
            found = model.measures_of(Source((), tile.source.report), tile.measures)
            return " ".join(map(fields.described, found.values()))
        source = self.source(tile.source.report)
        entries = [source.field(name) for name in tile.columns]
        return " ".join(f"{entry.caption}: {entry.meaning}." for entry in entries if entry)


def _in_period(control: Control) -> Field:
    meaning = (
        f"Whether the row is in the {control.title.lower()} that the parameter says: {NEWEST}, {ALL}, a value, "
        "or what it begins with, as 2025"
    )
    return Field(
        control.field, f"In the chosen {control.title.lower()}", "boolean", meaning=meaning,
        formula=control.formula,
    )  # fmt: skip


def _has(cuts: Iterable[str], name: str) -> bool:
    return name in cuts or (model.months_of(name) or name) in cuts


def _has_ends(known: Field) -> bool:
    return known.datatype in ("integer", "real", "date", "datetime")


def _kept(tile: Tile, cuts: Mapping[str, str]) -> tuple[Values, ...]:
    def values(entries: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(None if value == UNKNOWN else value for value in entries)

    return (
        *(Values(cuts.get(name, name), values(entries)) for name, entries in tile.where.items()),
        *(
            Values(cuts.get(name, name), values(entries), True)
            for name, entries in tile.but.items()
        ),
    )


def _caption(tile: Tile, described: str) -> str:
    return f"{tile.note} {described}" if tile.note else described


def _with_names_of_their_own(
    rows: Sequence[Sequence[Sheet]],
) -> tuple[tuple[Sheet, ...], ...]:
    """The sheets with names that differ, whatever the case of their letters."""
    taken: set[str] = set()
    found = []
    for row in rows:
        named = []
        for sheet in row:
            name, number = sheet.title[:_NAME_LETTERS], 2
            while name.lower() in taken:
                name, number = f"{sheet.title[:_NAME_LETTERS]} ({number})", number + 1
            taken.add(name.lower())
            named.append(replace(sheet, name=name))
        found.append(tuple(named))
    return tuple(found)


def relations(dashboards: Iterable[Dashboard], readers: Iterable[Reader]) -> list[str]:
    """The publications that a dashboard or a reader reads."""
    names = {name for reader in readers for name in reader.reports}
    for tile in model.tiles_of(dashboards):
        names |= {*tile.source.relations, *filter(None, [tile.drill])}
    return sorted(names)
