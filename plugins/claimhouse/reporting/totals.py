"""Control totals: the sums over a report's published rows are the star's, or the edition is not published.

What is shown is added up by triggers of the published tables, whoever writes them. What the star has
is added up from the facts by classes (payer, specialties, what is restricted), of which each audience
is entitled to some: by another route than the SELECT of the report, its row filter and its deltas.
Both totals are kept, and an edition moves them by what changed; those of a fact with few rows are the
sums over all of them each time.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from psycopg import Connection

from claimhouse import glossary, warehouse
from claimhouse.reporting import metric_reports
from claimhouse.reporting.audiences import Audience
from claimhouse.reporting.changes import OF_ENCOUNTERS, Changes
from claimhouse.reporting.reports import Report
from claimhouse.reporting.tables import Table

CHECK = "report_equals_star"
RULE = f"publication:{CHECK}"
# The kinds of entitlements that open rows of a fact; of any other fact every_row alone does.
OPENED_BY = {
    "fact_claim": ("payer", "provider_specialty", "procedure_specialty"),
    "fact_claim_change": ("payer", "provider_specialty", "procedure_specialty"),
    "fact_encounter": ("payer", "provider_specialty", "procedure_specialty"),
    "fact_procedure": ("payer", "procedure_specialty"),
}
# Numbers of these units are no parts of a sum.
NOT_ADDED_UP = (None, "percent", "ratio", "years")
# Sums of these depend on the order of their parts.
INEXACT = ("double precision", "real")
# A fact with fewer rows is added up from the beginning at each publication, whatever is known to have changed.
FEW_ROWS = 50_000
MOST_NAMED = 5


class TotalsDiffer(RuntimeError):
    """Reports do not add up to the star; the message names reports, readers and measures, and no value.

    Attributes:
        differences: all of them, with the values.
    """

    def __init__(self, source: str, differences: Sequence[Difference]) -> None:
        self.differences = differences
        measures: dict[str, list[str]] = {}
        for difference in differences:
            of_report = measures.setdefault(f"{difference.report} for {difference.readers}", [])
            if difference.measure not in of_report:
                of_report.append(difference.measure)
        named = [f"{report}: {', '.join(names)}" for report, names in measures.items()]
        others = len(named) - MOST_NAMED
        super().__init__(
            f"{source} was not published, because reports do not add up to the star: "
            + "; ".join(named[:MOST_NAMED])
            + (f"; and {others} more" if others > 0 else "")
            + ". See docs/how-to/repair-a-report.md"
        )


@dataclass(frozen=True)
class Difference:
    """A sum over the published rows of a report that is not the star's.

    Attributes:
        readers: who reads them, in words.
        part: which rows: those by the same cuts; empty where all add up.
        shown: the sum over the published rows.
        star: the sum over the star.
    """

    report: str
    readers: str
    part: str
    measure: str
    shown: str
    star: str


@dataclass(frozen=True)
class Control:
    """What is added up of a report.

    Attributes:
        fact: the fact of which its rows are, or sums of its rows.
        joins: the dimensions that aggregates over the fact name, as ``table`` and ``key``.
        part: SQL of a published row: which rows are added up together.
        condition: SQL of a published row: whether it is added up.
        shown: the aggregates over published rows, by measure.
        star: the aggregates over rows of the fact, by whose they are and measure.
    """

    fact: str
    joins: tuple[Mapping[str, str], ...]
    part: str
    condition: str
    shown: Mapping[str, str]
    star: Mapping[str, Mapping[str, str]]

    @property
    def definition(self) -> str:
        """What triggers read; another one makes the totals anew."""
        return json.dumps(
            {
                "part": self.part,
                "condition": self.condition,
                "measures": list(self.shown),
                "aggregates": list(self.shown.values()),
                "star": [self.fact, self.star],
            }
        )

    def expected(self, audience: Audience) -> dict[tuple[str, str], str]:
        """The aggregates over the fact, by part and measure, that *audience* is shown."""
        return {
            (part, measure): aggregate
            for owner, measures in self.star.items()
            for part in _parts(owner, audience)
            for measure, aggregate in measures.items()
        }


@dataclass(frozen=True)
class Controlled:
    """A report of an audience, of which control totals are kept."""

    table: Table
    audience: Audience
    control: Control
    expected: Mapping[tuple[str, str], str]

    @property
    def pair(self) -> dict[str, Any]:
        """The names of report and audience in a statement."""
        return {"report": self.table.report.name, "audience": self.audience.number}


class Work(Protocol):
    """A publication under way.

    Attributes:
        since: what has changed since the last edition; None where that is not known.
        renewed: the reports of which some rows follow from something else than before.
    """

    since: Changes | None
    renewed: set[str]

    def affects(self, fact: str) -> bool:
        """Whether few enough rows of *fact* are affected to look at them alone."""


def keep(
    connection: Connection[Any], tables: Iterable[Table], audiences: Iterable[Audience]
) -> None:
    """Let the tables of reports keep control totals; one that does already is not touched."""
    audiences = list(audiences)
    names = []
    for table in tables:
        control = _control(connection, table)
        definition = control.definition if control else None
        warehouse.query(connection, "reporting/totals/define", table.report.name, definition)
        if control:
            names.append(table.report.name)
            names += [
                table.names(audience)["partition"]
                for audience in audiences
                if table.report.name in audience.reports
            ]
    warehouse.query(connection, "reporting/totals/control", names)


def begin(
    connection: Connection[Any], source: str, published: Iterable[tuple[Table, Audience]]
) -> list[Controlled]:
    """Add up what is shown of reports that have no control totals yet; triggers move those of all others.

    Args:
        connection: in the transaction of the publication, before anything is written.
        source: the source system that is published.
        published: each report of the source with each of its audiences.
    """
    controls: dict[str, Control | None] = {}
    controlled = []
    for table, audience in published:
        name = table.report.name
        if name not in controls:
            controls[name] = _control(connection, table)
        control = controls[name]
        if control and source in table.report.names.get("sources_of_metric", [source]):
            controlled.append(Controlled(table, audience, control, control.expected(audience)))
    pairs = json.dumps([entry.pair for entry in controlled])
    warehouse.query(connection, "reporting/totals/forget", source, pairs)
    known: dict[tuple[str, int], set[tuple[str, str]]] = {}
    for row in warehouse.query(connection, "reporting/totals/known", source):
        known.setdefault((row["report"], row["audience"]), set()).add((row["part"], row["measure"]))
    for entry in controlled:
        key = (entry.table.report.name, entry.audience.number)
        if known.get(key, set()) != set(entry.expected):
            _add_up(connection, source, entry)
    return controlled


def check(
    connection: Connection[Any],
    source: str,
    controlled: Sequence[Controlled],
    work: Work,
    *,
    everything: bool,
) -> None:
    """Bring the totals of the star up to date, and compare.

    Args:
        connection: in the transaction of the publication, after everything is written.
        source: the source system.
        controlled: what :func:`begin` returned.
        work: what the publication has followed.
        everything: whether what is shown is added up anew.

    Raises:
        TotalsDiffer: a sum is another one in a report than in the star.
    """
    if everything:
        for entry in controlled:
            _add_up(connection, source, entry)
    rows = warehouse.query(connection, "reporting/totals/new", source)
    new = work.renewed | {row["report"] for row in rows}
    for fact in sorted({entry.control.fact for entry in controlled}):
        of_fact = [entry for entry in controlled if entry.control.fact == fact]
        is_new = not new.isdisjoint(entry.table.report.name for entry in of_fact)
        is_all = work.since is None or is_new or _has_few_rows(connection, fact)
        if is_all or (work.since and work.since.tables and not work.affects(fact)):
            _add_facts(connection, source, fact, of_fact, None)
        elif work.since and work.since.tables:
            _add_facts(connection, source, fact, of_fact, work.since)
    readers = {entry.audience.number: _named(entry.audience, source) for entry in controlled}
    differences = [
        Difference(readers=readers[row.pop("audience")], **row)
        for row in warehouse.query(connection, "reporting/totals/differences", source)
    ]
    if differences:
        raise TotalsDiffer(source, differences)
    if controlled:
        record(connection, source, [])


def record(connection: Connection[Any], source: str, differences: Sequence[Difference]) -> None:
    """Keep the outcome of the check with those of the other checks; an issue is open while it fails."""
    result = {
        "scan_id": str(uuid.uuid4()),
        "source_system": source,
        "table_name": "published",
        "check_name": CHECK,
        "definition": "the sums over the published rows of a report are those of the star",
        "outcome": "fail" if differences else "pass",
        "severity": "error",
        "measured_value": len(differences),
    }
    warehouse.query(connection, "reporting/totals/forget_differences", source, CHECK)
    rows = warehouse.query(connection, "checks/results", json.dumps([result]))
    examples = [
        {
            "check_result_id": rows[0]["check_result_id"],
            "position": position,
            "failing_row": vars(difference),
        }
        for position, difference in enumerate(differences, 1)
    ]
    warehouse.query(connection, "checks/failing_rows", json.dumps(examples[:100]))
    if differences:
        issue = {
            "source_system": source,
            "rule": RULE,
            "severity": "error",
            "message": str(TotalsDiffer(source, differences)),
        }
        warehouse.query(connection, "checks/issues", json.dumps([issue]))
    else:
        warehouse.query(connection, "reporting/totals/close_issue", source, RULE)


def _has_few_rows(connection: Connection[Any], fact: str) -> bool:
    rows = warehouse.query(connection, "reporting/totals/about_rows", fact)
    return bool(rows[0]["about_rows"] < FEW_ROWS)


def _control(connection: Connection[Any], table: Table) -> Control | None:
    """What is added up of *table*; None where no sum of its rows is one of the star's."""
    report = table.report
    if report.is_selection or report.counts:
        return None
    if "metrics" in report.names:
        return _of_metrics(connection, report)
    fact = report.of or next(
        (named.partition(".")[0] for named in report.totals.values() if named), None
    )
    if fact is None:
        return None
    of_report = report.sums or table.columns if report.of else ()
    columns = [
        column
        for column, kind in warehouse.columns(connection, "star", fact).items()
        if column in of_report
        and glossary.unit_of(column) not in NOT_ADDED_UP
        and kind not in INEXACT
    ]
    measures = {column: f"sum({fact}.{column})" for column in columns}
    shown = {column: f"sum(r.{column})" for column in columns}
    if report.sums:
        counted = next(iter(report.sums))
        measures[counted], shown[counted] = "count(*)", f"sum(r.{counted})"
    elif report.of:
        measures["rows"], shown["rows"] = "count(*)", "count(*)"
    for column, named in report.totals.items():
        if named is None:
            del measures[column], shown[column]
        else:
            measures[column] = f"sum({named})" if "." in named else "count(*)"
            shown[column] = f"sum(r.{column})"
    return Control(fact, (), "''::text", report.adds_up or "true", shown, {"": measures})


def _of_metrics(connection: Connection[Any], report: Report) -> Control | None:
    """What is added up of the sums of metrics; None where they are made of several facts, or do not add up."""
    if report.names["base"] or not report.is_part:
        return None
    fact, joins = report.names["fact_table"], tuple(report.names["metric_joins"])
    star = {
        metric: {
            column.name: column.aggregate
            for column in columns
            if not column.name.endswith("_known") and metric_reports.plain(column.aggregate)
        }
        for metric, columns in report.names["sums_of"].items()
    }
    listed = list(dict.fromkeys(a for measures in star.values() for a in measures.values()))
    row = warehouse.query(
        connection, "reporting/totals/types", fact=fact, joins=joins, aggregates=listed
    )[0]
    inexact = {a for a, kind in zip(listed, row["types"], strict=True) if kind in INEXACT}
    star = {
        metric: {measure: a for measure, a in measures.items() if a not in inexact}
        for metric, measures in star.items()
    }
    return Control(
        fact,
        joins,
        "r.cuts",
        "true",
        {measure: f"sum(r.{measure})" for measures in star.values() for measure in measures},
        star,
    )


def _parts(owner: str, audience: Audience) -> list[str]:
    """The cuts by which *audience* is shown a metric; one part of everything, where rows are of no metric."""
    if not owner:
        return [""]
    return [", ".join(grain) for grain in audience.metrics.get(owner, ())]


def _add_up(connection: Connection[Any], source: str, entry: Controlled) -> None:
    """Add up the published rows of a report."""
    warehouse.run(
        connection,
        "reporting/totals/shown",
        source=source,
        control=entry.control,
        parts=list(entry.expected),
        **entry.table.names(entry.audience),
    )


def _add_facts(
    connection: Connection[Any],
    source: str,
    fact: str,
    controlled: Sequence[Controlled],
    since: Changes | None,
) -> None:
    """Add up the rows of a fact for each audience; those that are affected where it is known what changed."""
    aggregates = list(dict.fromkeys(a for entry in controlled for a in entry.expected.values()))
    joins = {join["table"]: join for entry in controlled for join in entry.control.joins}
    warehouse.run(
        connection,
        "reporting/totals/classes",
        source=source,
        fact=fact,
        columns=list(warehouse.columns(connection, "star", fact)),
        pk=[
            row["name"] for row in warehouse.query(connection, "catalog/key_columns", "star", fact)
        ],
        opened_by=OPENED_BY.get(fact, ()),
        of_encounters=fact in OF_ENCOUNTERS,
        is_moved=since is not None,
        changed_dimensions=list(since.dimensions) if since else [],
        aggregates=aggregates,
        joins=[joins[table] for table in sorted(joins)],
    )
    sums: dict[int, dict[str, Any]] = {}
    totals = []
    for entry in controlled:
        number = entry.audience.number
        if number not in sums:
            sums[number] = _of_audience(connection, source, fact, entry.audience, aggregates)
        totals += [
            entry.pair | {"part": part, "measure": measure, "value": str(sums[number][aggregate])}
            for (part, measure), aggregate in entry.expected.items()
        ]
    warehouse.query(
        connection, "reporting/totals/star", source, json.dumps(totals), since is not None
    )


def _of_audience(
    connection: Connection[Any],
    source: str,
    fact: str,
    audience: Audience,
    aggregates: Sequence[str],
) -> dict[str, Any]:
    """The sums over the classes that are open to an audience, by aggregate."""
    entitled = audience.entitled.get(source, {})
    opened = list(entitled.get("restricted_specialty", ()))
    row = warehouse.query(
        connection,
        "reporting/totals/of_audience",
        "every_row" in entitled,
        *(
            list(entitled.get(kind, ())) if kind in OPENED_BY.get(fact, ()) else []
            for kind in ("payer", "provider_specialty", "procedure_specialty")
        ),
        [*opened, ""] if opened else [],
        aggregates=aggregates,
    )[0]
    return dict(zip(aggregates, row["sums"], strict=True))


def _named(audience: Audience, source: str) -> str:
    """Who reads, in words of the owner of the warehouse."""
    values = [
        f"{kind.replace('_', ' ')} {', '.join(values)}".removesuffix(" *")
        for kind, values in audience.entitled.get(source, {}).items()
    ]
    return (
        f"{audience.client or 'readers inside the house'} ({audience.level}; {'; '.join(values)})"
    )
