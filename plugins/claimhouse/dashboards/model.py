"""What ``include/dashboards`` says: dashboards, filters and tiles, checked against what their readers may read.

``include/dashboard_schema.yaml`` lists what a file can say. A file with anything else, with a metric, report,
measure or reader that does not exist, or with something that one of its readers is not entitled to is an error
that names the file and the line.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from claimhouse import glossary, settings, strict_yaml
from claimhouse.metrics import Metric
from claimhouse.reporting import metric_reports, readers, reports
from claimhouse.reporting.readers import Reader
from claimhouse.reporting.reports import Report
from claimhouse.strict_yaml import Document, Place

# Pages beside those of the dashboards.
RESERVED = ("explore",)
_OF_ONE_PERSON = re.compile(
    r"_pseudonym$|^(claim|patient|person|member|encounter|visit|appointment|survey|subscriber|record)_(id|number)$"
    r"|^(patient|member|first|last|full)_name$|birth|^(street|address|phone|email|ssn|mrn|zip|zipcode)$|^row_"
)
_TIMES = ("day", "date", "month", "quarter", "year", "week")
# The default of a period: its newest value.
NEWEST = "newest"
# The default of a choice: the specialty of the person.
OWN = "own"


@dataclass(frozen=True)
class Measure:
    """A number that a tile shows, and what it means.

    Attributes:
        name: of the metric, measure or column.
        title: its name in plain words.
        sentence: what it is, exactly.
        owner: who decides what it means.
        unit: what it is counted in: ``dollars``, ``share``, ...; None where it has none.
    """

    name: str
    title: str
    sentence: str
    owner: str
    unit: str | None


@dataclass(frozen=True)
class Filter:
    """A field by which a dashboard can be filtered.

    Attributes:
        field: a cut, or a column of a report.
        kind: ``choice`` of values, a ``period`` or a ``range``.
        default: what is chosen at first; None for everything.
    """

    field: str
    kind: str
    title: str
    default: str | None = None


class Source(NamedTuple):
    """What a tile reads: some metrics by their cuts, or a report."""

    metrics: tuple[str, ...]
    report: str | None

    @property
    def relations(self) -> tuple[str, ...]:
        """The reports that it reads."""
        return (self.report,) if self.report else tuple(map(metric_reports.name, self.metrics))


@dataclass(frozen=True)
class Tile:
    """A number, chart or table.

    Attributes:
        name: its place in the dashboard, as ``tile-2-1``.
        measures: of its report, added up over the rows that it makes.
        columns: of its report, shown as they are.
        by: what makes its rows.
        split: what makes the series of a chart.
        where: the values that a field must have; and, in *but*, the values that it must not have.
        order: what its rows are ordered by, and whether the largest come first.
        most: how many rows it has at most.
        better: whether ``higher`` or ``lower`` values are better; None where neither is.
        compares: whether it is compared with the period before.
        unfiltered: the filters that it does not follow, as a line that shows what was before.
        drill: the report with the rows behind it.
    """

    name: str
    kind: str
    title: str
    source: Source
    measures: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    split: str | None = None
    note: str | None = None
    where: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    but: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    order: tuple[str, bool] | None = None
    most: int | None = None
    better: str | None = None
    compares: bool = False
    unfiltered: frozenset[str] = frozenset()
    drill: str | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """What makes its rows, the series included."""
        return (*self.by, self.split) if self.split else self.by

    @property
    def numbers(self) -> tuple[str, ...]:
        """The names of what it shows beside its fields."""
        return self.source.metrics or self.measures or self.columns

    @property
    def is_rows(self) -> bool:
        """Whether it shows the rows of a report as they are."""
        return bool(self.columns)


@dataclass(frozen=True)
class Dashboard:
    """A dashboard.

    Attributes:
        question: what its first screen answers.
        readers: who opens it: names of clients and of roles inside the house.
        rows: its tiles, from left to right and top to bottom.
        count: what the values of filters are counted by, as a tile without rows; None where they are not.
    """

    name: str
    title: str
    question: str
    readers: tuple[str, ...]
    filters: tuple[Filter, ...]
    rows: tuple[tuple[Tile, ...], ...]
    count: Tile | None

    @property
    def tiles(self) -> tuple[Tile, ...]:
        """All tiles."""
        return tuple(tile for row in self.rows for tile in row)

    def filter_of(self, name: str) -> Filter | None:
        """The filter of a field."""
        return next((entry for entry in self.filters if entry.field == name), None)


def load_all(
    folder: Path | None = None, everyone: Sequence[Reader] | None = None
) -> dict[str, Dashboard]:
    """The dashboards of *folder*, by name, each checked against what its readers may read.

    Args:
        folder: ``include/dashboards`` by default.
        everyone: all readers; those of ``include`` by default.

    Raises:
        YamlError: a file says something it may not; the message names file and line.
    """
    files = sorted((folder or settings.INCLUDE / "dashboards").glob("*.yaml"))
    people = {reader.name: reader for reader in (everyone or readers.load_all())}
    return {file.stem: load(file, people) for file in files}


def load(file: Path, people: Mapping[str, Reader]) -> Dashboard:
    """The dashboard that *file* describes.

    Args:
        file: a file of ``include/dashboards``.
        people: all readers, by name.

    Raises:
        YamlError: it says something it may not; the message names file and line.
    """
    document = strict_yaml.read(file, settings.INCLUDE / "dashboard_schema.yaml")
    content = document.data
    if content["name"] in RESERVED:
        raise document.error(["name"], "another page has this name")
    if content["name"] != file.stem:
        raise document.error(["name"], f"the file of this dashboard is {content['name']}.yaml")
    for number, name in enumerate(content["readers"]):
        if name not in people:
            raise document.error(["readers", number], "no client and no role has this name")
    rows = tuple(
        tuple(
            _tile(document, ["rows", row, column], entry, f"tile-{row + 1}-{column + 1}")
            for column, entry in enumerate(entries)
        )
        for row, entries in enumerate(content["rows"])
    )
    count = content.get("count")
    dashboard = Dashboard(
        name=content["name"],
        title=content["title"],
        question=content["question"],
        readers=tuple(content["readers"]),
        filters=tuple(_filter(entry) for entry in content.get("filters", ())),
        rows=rows,
        count=_tile(document, ["count"], {"kind": "number", **count}, "count") if count else None,
    )
    _check_filters(document, dashboard)
    for name in dashboard.readers:
        _check_reader(document, dashboard, people[name])
    return dashboard


@functools.cache
def _reports(_include: Path) -> Mapping[str, Report]:
    return {name: reports.load(name) for name in reports.names()}


def known_reports() -> Mapping[str, Report]:
    """The reports that have a folder, by name."""
    return _reports(settings.INCLUDE)


def can_be(source: Source, name: str) -> bool:
    """Whether *name* can be a field of *source*; that a report has the column is seen at publication."""
    if source.report:
        return True
    known = metric_reports.known()
    return all(name in known[metric].dimensions for metric in source.metrics)


def grain(
    grains: Iterable[metric_reports.Grain], fields: Iterable[str]
) -> metric_reports.Grain | None:
    """The grain with the fewest cuts that has all *fields*: its rows are the fewest.

    This is aggregate navigation (Kimball and Ross, The Data Warehouse Toolkit, chapter 20).

    Returns:
        None where no grain has them all.
    """
    wanted = set(fields)
    fitting = [cuts for cuts in grains if wanted <= set(cuts)]
    return min(fitting, key=len, default=None)


def tells_people_apart(name: str) -> bool:
    """Whether the values of a column are of one person or claim: no address may have one."""
    return bool(_OF_ONE_PERSON.search(name))


def is_time(name: str) -> bool:
    """Whether the values of a field are periods, which are along a chart in their order."""
    return name.rpartition("_")[2] in _TIMES


def months_of(name: str) -> str | None:
    """The field with the months of a quarter; None where *name* is no quarter."""
    return name.removesuffix("quarter") + "month" if name.endswith("_quarter") else None


def measures_of(source: Source, names: Iterable[str]) -> dict[str, Measure]:
    """What the measures of a report mean, by name."""
    described = known_reports()[source.report or ""].measures
    return {
        name: Measure(
            name, described[name]["title"], described[name]["sentence"].strip(),
            described[name]["owner"], described[name]["unit"],
        )
        for name in names
    }  # fmt: skip


def metrics_of(names: Iterable[str]) -> dict[str, Measure]:
    """What metrics mean, by name."""
    known = metric_reports.known()
    return {name: _of_metric(known[name]) for name in names}


def _of_metric(metric: Metric) -> Measure:
    return Measure(metric.name, metric.title, metric.sentence.strip(), metric.owner, metric.unit)


def _filter(entry: Mapping[str, Any]) -> Filter:
    title = entry.get("title") or glossary.title(entry["field"])
    return Filter(entry["field"], entry["kind"], title, entry.get("default"))


def _tile(document: Document, place: Place, entry: Mapping[str, Any], name: str) -> Tile:
    source = _source(document, place, entry)
    measures, columns = _several(entry, "measure"), _several(entry, "column")
    if source.report and bool(measures) == bool(columns):
        raise document.error(place, "a tile of a report has measures or columns")
    if source.metrics and (measures or columns):
        raise document.error(place, "a tile has metrics, or a report")
    for measure in measures:
        if measure not in known_reports()[source.report or ""].measures:
            raise document.error(place, f"report.yaml of {source.report} has no measure {measure}")
    for drill in filter(None, [entry.get("drill")]):
        if drill not in known_reports():
            raise document.error([*place, "drill"], "there is no such report")
    numbers = source.metrics or measures or columns
    tile = Tile(
        name=name,
        kind=entry["kind"],
        title=entry.get("title") or _title(source, numbers, entry.get("by", ())),
        source=source,
        measures=measures,
        columns=columns,
        by=tuple(entry.get("by", ())),
        split=entry.get("split"),
        note=entry.get("note"),
        where=_values(entry.get("where")),
        but=_values(entry.get("except")),
        order=_order(entry.get("order")),
        most=entry.get("most"),
        better=entry.get("better"),
        compares="compare" in entry,
        unfiltered=frozenset(entry.get("unfiltered", ())),
        drill=entry.get("drill"),
    )
    _check_tile(document, place, tile)
    return tile


def _source(document: Document, place: Place, entry: Mapping[str, Any]) -> Source:
    metrics, report = _several(entry, "metric"), entry.get("report")
    if bool(metrics) == bool(report):
        raise document.error(place, "a tile has metrics or a report, and not both")
    for metric in metrics:
        if metric not in metric_reports.known():
            raise document.error(place, f"include/metrics has no {metric}")
    if report and report not in known_reports():
        raise document.error([*place, "report"], "there is no such report")
    return Source(metrics, report)


def _check_tile(document: Document, place: Place, tile: Tile) -> None:
    for key, fields in (
        ("by", tile.by),
        ("split", filter(None, [tile.split])),
        ("where", tile.where),
    ):
        for name in fields:
            if not can_be(tile.source, name):
                raise document.error([*place, key], f"{name} is no cut of its metrics")
    if tile.kind in ("bar", "line", "heat", "decomposition") and not tile.fields:
        raise document.error([*place, "kind"], f"a {tile.kind} needs the key by")
    if tile.kind == "number" and tile.fields:
        raise document.error([*place, "by"], "a number has no rows")
    if tile.order and tile.order[0] not in (*tile.numbers, *tile.fields):
        raise document.error([*place, "order"], "is none of its numbers and fields")


def _check_filters(document: Document, dashboard: Dashboard) -> None:
    for tile in dashboard.tiles:
        if unknown := tile.unfiltered - {entry.field for entry in dashboard.filters}:
            place = [*_place(dashboard, tile), "unfiltered"]
            raise document.error(place, f"{min(unknown)} is no filter of the dashboard")
    for number, entry in enumerate(dashboard.filters):
        if tells_people_apart(entry.field):
            place = ["filters", number, "field"]
            raise document.error(place, "its values tell people apart, and would be in addresses")
        if not any(can_be(tile.source, entry.field) for tile in dashboard.tiles):
            raise document.error(["filters", number, "field"], "no tile has this field")


def _check_reader(document: Document, dashboard: Dashboard, reader: Reader) -> None:
    """Refuse what the reader is not entitled to: a report, a metric, or a metric by these cuts."""
    tiles = [(tile, _place(dashboard, tile)) for tile in dashboard.tiles]
    if dashboard.count:
        tiles.append((dashboard.count, ["count"]))
    for tile, place in tiles:
        for name in (*tile.source.relations, *filter(None, [tile.drill])):
            if name not in reader.reports:
                raise document.error(place, f"{reader.name} is not entitled to {name}")
        needed = (*tile.fields, *tile.where, *tile.but)
        for metric in tile.source.metrics:
            if grain(reader.metrics[metric], needed) is None:
                cuts = ", ".join(needed) or "the total"
                raise document.error(place, f"{reader.name} does not read {metric} by {cuts}")


def _place(dashboard: Dashboard, tile: Tile) -> Place:
    for row, tiles in enumerate(dashboard.rows):
        if tile in tiles:
            return ["rows", row, tiles.index(tile)]
    return []


def _several(entry: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """What the key and its plural list."""
    return (*filter(None, [entry.get(key)]), *entry.get(f"{key}s", ()))


def _values(entries: Mapping[str, Any] | None) -> dict[str, tuple[Any, ...]]:
    return {
        name: tuple(values) if isinstance(values, list) else (values,)
        for name, values in (entries or {}).items()
    }


def _order(text: str | None) -> tuple[str, bool] | None:
    return (text.removeprefix("-"), text.startswith("-")) if text else None


def _title(source: Source, numbers: Sequence[str], by: Sequence[str]) -> str:
    described: dict[str, Measure] = {}
    if source.metrics:
        described = metrics_of(numbers)
    elif known_reports()[source.report or ""].measures.keys() >= set(numbers):
        described = measures_of(source, numbers)
    words = [
        described[name].title if name in described else glossary.title(name) for name in numbers
    ]
    title = ", ".join(words[:1] + [word.lower() for word in words[1:]])
    return f"{title} by {' and '.join(map(glossary.title, by)).lower()}" if by else title


def tiles_of(dashboards: Iterable[Dashboard]) -> Iterator[Tile]:
    """The tiles of several dashboards."""
    for dashboard in dashboards:
        yield from dashboard.tiles
