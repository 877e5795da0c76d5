"""Data sources: the star, each publication, and the metrics that a dashboard shows, live on Postgres.

The star has one for each fact, with its dimensions joined by its keys: facts of different grains in one data
source would count one another's rows several times. A person reads it with a login of their own. Every other
data source reads as ``tableau_service``, and its Initial SQL binds the session to the person who looks
(docs/readers.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element

from claimhouse.dashboards import model
from claimhouse.dashboards.tableau import catalog, fields, star_metrics
from claimhouse.dashboards.tableau.catalog import Catalog
from claimhouse.dashboards.tableau.fields import Field
from claimhouse.dashboards.tableau.markup import (
    VERSION,
    bracketed,
    element,
    formatted,
    identity,
    manifest,
)
from claimhouse.metrics import Metric
from claimhouse.reporting import metric_reports, reports
from claimhouse.reporting.roles import TABLEAU

# An administrator puts the address of the warehouse here (docs/tableau.md).
SERVER, PORT, DATABASE = "warehouse.example.org", 5432, "warehouse"
# TableauServerUser is who looks; empty where nobody is signed in, and then there are no rows.
INITIAL_SQL = "select security.bind([TableauServerUser])"

# What can be opened step by step, by the columns of a publication or of the star.
_HIERARCHIES = {
    "Date of service": (
        "service_year",
        "service_year_quarter",
        "service_year_month",
        "service_date",
    ),
    "Date": ("year", "quarter", "month"),
    "Place": ("state", "city", "facility_name"),
    "Place of a facility": ("facility_state", "facility_city", "facility_name"),
    "Practitioners": ("provider_group", "provider_specialty", "provider_name"),
    "Procedures": ("procedure_specialty", "procedure_name"),
    "Procedures by specialty": ("specialty", "procedure_name"),
}
_STEPS = 2


@dataclass(frozen=True)
class Join:
    """A dimension of a fact: the table, and the key that both have."""

    table: str
    key: str


@dataclass(frozen=True)
class DataSource:
    """A data source.

    Attributes:
        name: of its file, and what its id is made of.
        schema: of its tables.
        tables: the one that is read, or a fact and its dimensions; empty where there is *sql*.
        sql: a statement of our own that is read.
        places: of each field that is a column, its table and column.
        binds: whether its sessions are bound to the person who looks.
        hierarchies: fields from the coarsest to the finest, by name.
    """

    name: str
    caption: str
    meaning: str
    schema: str
    fields: tuple[Field, ...]
    places: Mapping[str, tuple[str, str]]
    tables: tuple[str, ...] = ()
    joins: tuple[Join, ...] = ()
    sql: str | None = None
    binds: bool = True
    hierarchies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """How workbooks call it."""
        return f"federated.{identity('source', self.name).hex}"

    def field(self, name: str) -> Field | None:
        """A field by its name."""
        return next((entry for entry in self.fields if entry.name == name), None)


def of_star(columns: Catalog) -> list[DataSource]:
    """A data source for each fact of the star."""
    facts = [name for name in columns if name.startswith(f"{catalog.STAR}.fact_")]
    return [_of_fact(columns, name.removeprefix(f"{catalog.STAR}.")) for name in sorted(facts)]


def of_report(columns: Catalog, name: str) -> DataSource:
    """The data source of a publication.

    Raises:
        UnknownRelation: the catalog does not have it.
    """
    of_columns = catalog.columns(columns, catalog.REPORTING, name)
    metric = _metric_of(name)
    meanings = _meanings([metric]) if metric else {}
    listed = fields.of_columns(catalog.REPORTING, name, of_columns, meanings)
    if metric:
        title, meaning = metric.title, fields.explained(metric.sentence, metric.owner)
        listed += [fields.of_metric(metric, metric_column=False)]
        if metric.not_across in of_columns:
            listed += [fields.of_metric(metric, False, metric.not_across)]
    else:
        known = _report(name)
        title = fields.words(name)
        meaning = f"{known.description}." if known else ""
        listed += _calculated(known, of_columns) if known else []
    return DataSource(
        name=name,
        caption=title,
        meaning=meaning,
        schema=catalog.REPORTING,
        fields=tuple(fields.unique(listed)),
        places={column: (name, column) for column in of_columns},
        tables=(name,),
        hierarchies=_hierarchies(of_columns),
    )


def of_metrics(columns: Catalog, name: str, title: str, metrics: Sequence[str]) -> DataSource:
    """One data source of several metrics, so that a filter works on all of them.

    ``[metric]`` says which metric a row is of, and ``[grain]`` by which cuts: rows of several grains would count
    twice.

    Args:
        columns: the columns of the star and of reports.
        name: of what shows them.
        title: the same in plain words.
        metrics: their names, in the order of the dashboard.

    Raises:
        UnknownRelation: the catalog does not have one of them.
    """
    known = metric_reports.known()
    of_each = {
        metric: catalog.columns(columns, catalog.REPORTING, metric_reports.name(metric))
        for metric in metrics
    }
    cuts = {
        cut: next(types[cut] for types in of_each.values() if cut in types)
        for cut in metric_reports.cuts()
        if any(cut in types for types in of_each.values())
    }
    parts = {"numerator": "numeric", "denominator": "numeric", "value": "numeric"}
    last = {"unknown_count": "bigint", "as_of": "timestamp with time zone"}
    every = {"metric": "text", "grain": "text", **cuts, **parts, **last}
    meanings = {
        "metric": "The metric that the row is of",
        "grain": "The metric and the cuts that the row is by. Read the rows of one grain at a time",
        **_meanings([known[metric] for metric in metrics]),
    }
    listed = fields.of_columns(catalog.REPORTING, "metric_of_several", every, meanings)
    listed += [fields.of_metric(known[metric], metric_column=True) for metric in metrics]
    return DataSource(
        name=f"metrics_of_{name}",
        caption=f"Metrics: {title}",
        meaning="The metrics of the dashboard. " + _definitions(metrics),
        schema=catalog.REPORTING,
        fields=tuple(fields.unique(listed)),
        places={column: ("metrics", column) for column in every},
        sql="\nunion all\n".join(_of_one(metric, every, of_each[metric]) for metric in metrics),
    )


def grain_text(metric: str, grain: Iterable[str]) -> str:
    """What ``[grain]`` is in the rows of a grain."""
    return f"{metric} by {', '.join(grain)}"


def to_xml(source: DataSource, in_workbook: bool, extra: Sequence[Field] = ()) -> Element:
    """A data source in XML.

    Args:
        source: what it is of.
        in_workbook: whether it is part of a workbook, or a file of its own.
        extra: calculated fields of the workbook.
    """
    connection = f"postgres.{identity('connection', source.name).hex}"
    return element(
        "datasource",
        None if in_workbook else manifest(),
        element(
            "connection",
            element(
                "named-connections",
                element(
                    "named-connection",
                    element("connection", **_connection(source)),
                    caption=SERVER,
                    name=connection,
                ),
            ),
            _relation(source, connection),
            element(
                "cols",
                *(
                    element("map", key=bracketed(name), value=bracketed(*source.places[name]))
                    for name in sorted(source.places)
                ),
            ),
            class_="federated",
        ),
        element("aliases", enabled="yes"),
        *(column(entry) for entry in sorted((*source.fields, *extra), key=lambda f: f.name)),
        _drill_paths(source),
        inline=True,
        version=VERSION,
        caption=source.caption if in_workbook else None,
        name=source.id if in_workbook else None,
        formatted_name=None if in_workbook else source.id,
        source_platform=None if in_workbook else "win",
    )


def column(entry: Field) -> Element:
    """A field in XML, with its meaning, which Tableau shows beside it."""
    return element(
        "column",
        element("calculation", class_="tableau", formula=entry.formula) if entry.formula else None,
        element("desc", formatted((entry.meaning, {}))) if entry.meaning else None,
        caption=entry.caption,
        datatype=entry.datatype,
        default_format=entry.format,
        hidden=True if entry.is_hidden else None,
        name=bracketed(entry.name),
        role=entry.role,
        type=entry.type,
        aggregation="Sum" if entry.role == "measure" and not entry.formula else None,
    )


def _connection(source: DataSource) -> dict[str, Any]:
    return {
        "authentication": "username-password",
        "class_": "postgres",
        "dbname": DATABASE,
        "one_time_sql": INITIAL_SQL if source.binds else "",
        "port": PORT,
        "server": SERVER,
        "sslmode": "require",
        "username": TABLEAU if source.binds else "",
        "workgroup_auth_mode": "as-is" if source.binds else "prompt",
    }


def _relation(source: DataSource, connection: str) -> Element:
    if source.sql:
        return element(
            "relation", connection=connection, name="metrics", type="text", text=source.sql
        )
    relation = _table(source.schema, source.tables[0], connection)
    for join in source.joins:
        sides = [bracketed(table, join.key) for table in (source.tables[0], join.table)]
        relation = element(
            "relation",
            element(
                "clause",
                element("expression", *(element("expression", op=side) for side in sides), op="="),
                type="join",
            ),
            relation,
            _table(source.schema, join.table, connection),
            join="left",
            type="join",
        )
    return relation


def _table(schema: str, name: str, connection: str) -> Element:
    return element(
        "relation", connection=connection, name=name, table=bracketed(schema, name), type="table"
    )


def _drill_paths(source: DataSource) -> Element | None:
    if not source.hierarchies:
        return None
    return element(
        "drill-paths",
        *(
            element(
                "drill-path",
                *(element("field", text=bracketed(step)) for step in steps),
                name=name,
            )
            for name, steps in source.hierarchies.items()
        ),
    )


def _of_fact(columns: Catalog, fact: str) -> DataSource:
    tables = [fact]
    joins = []
    for name in catalog.columns(columns, catalog.STAR, fact):
        dimension = f"dim_{name.removesuffix('_key')}"
        if name.endswith("_key") and f"{catalog.STAR}.{dimension}" in columns:
            joins.append(Join(dimension, name))
            tables.append(dimension)
    listed: list[Field] = []
    places: dict[str, tuple[str, str]] = {}
    for table in tables:
        of_table = catalog.columns(columns, catalog.STAR, table)
        for entry in fields.of_columns(catalog.STAR, table, of_table):
            name = entry.name if entry.name not in places else f"{entry.name} ({table})"
            places[name] = (table, entry.name)
            listed.append(_of_dimension(entry, name, table, is_fact=table == fact))
    of_places = {place: name for name, place in places.items()}
    metrics = [metric for metric in metric_reports.known().values() if metric.fact == fact]
    listed += filter(None, [star_metrics.of(metric, of_places) for metric in metrics])
    return DataSource(
        name=f"star_{fact}",
        caption=f"Star: {fields.words(fact.removeprefix('fact_')).lower()}",
        meaning=f"Every row of star.{fact} with its dimensions, as it is loaded.",
        schema=catalog.STAR,
        fields=tuple(fields.unique(listed)),
        places=places,
        tables=tuple(tables),
        joins=tuple(joins),
        binds=False,
        hierarchies=_hierarchies(places),
    )


def _of_dimension(entry: Field, name: str, table: str, is_fact: bool) -> Field:
    """A field of a joined table; the numbers of a dimension add up to nothing."""
    if is_fact:
        return entry
    what = table.removeprefix("dim_").replace("_", " ")
    caption = entry.caption if name == entry.name else f"{entry.caption} ({what})"
    # A dimension's own keys and sources are those of the fact.
    is_hidden = entry.is_hidden or entry.name == "source_system"
    return Field(
        name, caption, entry.datatype, meaning=entry.meaning, format=entry.format,
        is_hidden=is_hidden,
    )  # fmt: skip


def _calculated(report: reports.Report, columns: Mapping[str, str]) -> list[Field]:
    """What a report adds to its columns: its measures, and cuts that are months or quarters of a day."""
    found = [
        fields.of_cut(name, next(iter(column.values())), "quarter_of" in column)
        for name, column in report.cuts.items()
        if isinstance(column, Mapping) and name not in columns
    ]
    if report.total_words:
        found.append(fields.of_totals(report.total_words))
    has_totals = bool(report.total_words)
    return found + [
        fields.of_measure(name, described, has_totals)
        for name, described in report.measures.items()
    ]


def _hierarchies(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    there = set(names)
    found = {
        title: tuple(step for step in steps if step in there)
        for title, steps in _HIERARCHIES.items()
    }
    taken: set[str] = set()
    kept = {}
    for title, steps in found.items():
        # A field is in one hierarchy.
        free = tuple(step for step in steps if step not in taken)
        if len(free) >= _STEPS:
            kept[title] = free
            taken |= set(free)
    return kept


def _of_one(metric: str, every: Mapping[str, str], own: Mapping[str, str]) -> str:
    """The SELECT of one metric of several, with every column that any of them has."""
    constant = {"metric": f"'{metric}'", "grain": f"'{metric} by ' || cuts"}
    lines = [
        f"{constant.get(name) or (name if name in own else f'null::{kind}')} as {name}"
        for name, kind in every.items()
    ]
    return f"select {', '.join(lines)}\nfrom {catalog.REPORTING}.{metric_reports.name(metric)}"


def _definitions(metrics: Iterable[str]) -> str:
    return " ".join(map(fields.described, model.metrics_of(metrics).values()))


def _meanings(metrics: Iterable[Metric]) -> dict[str, str]:
    """What the columns of the reports of metrics mean."""
    found = {name: cut.meaning for name, cut in metric_reports.cuts().items()}
    for metric in metrics:
        found |= metric_reports.meanings(metric)
    return found


def _metric_of(report: str) -> Metric | None:
    name = report.removeprefix("metric_")
    return metric_reports.known().get(name) if name != report else None


def _report(name: str) -> reports.Report | None:
    return model.known_reports().get(name)
