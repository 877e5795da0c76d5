"""Reports of metrics: the sums of each metric at the grains that a file about readers lists.

A grain is a list of cuts. The report ``metric_<metric>`` has one row for each combination of the
values of a grain's cuts, made of ``include/metrics/<metric>.yaml``. The metrics of one fact are
published together, in the table ``sums_of_<fact>``: the fact is read once, and a row has the sums of
all metrics for the values of a grain's cuts. The report ``metric_catalog`` says what each metric of
the reader means.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from claimhouse import metrics, settings
from claimhouse.metrics import Metric
from claimhouse.reporting.reports import Report
from claimhouse.star.tables import Fact

# The cuts that tell the rows of a grain apart, in the order of include/metric_dimensions.yaml.
Grain = tuple[str, ...]
# The grains of each metric, by its name.
Grains = Mapping[str, tuple[Grain, ...]]

CATALOG = "metric_catalog"
# Each row is of one source system, so this cut is in every grain.
SOURCE = "source_system"
# No sum of these over rows means anything: their total is a grain of its own.
NOT_ADDITIVE = ("share_of_members", "median")

_FACT = re.compile(r"\bfact\(\"(\w+)\"\)")
# SQL of a metric that reads more than its fact and dimensions would show rows of everybody.
_OTHER_RELATION = re.compile(r"\bselect\b|\b(star|metrics|published|counts)\.", re.IGNORECASE)

_AGGREGATE = re.compile(
    r"(?P<name>sum|count)\((?P<argument>.*?)\)"
    r"(?P<filter>\s+filter\s*\(\s*where\s+(?P<condition>.*\S)\s*\))?",
    re.DOTALL,
)
# Which rows of these are open also depends on other rows of their encounter, as they are: the sums of
# the rows as they were are not known.
_RESTRICTED_BY_ENCOUNTER = {"fact_encounter", "fact_procedure", "fact_survey"}
_MEANINGS = {
    "cuts": "The cuts of the row's grain; empty for the total. The columns of all other cuts are empty. "
    "Read the rows of one grain at a time",
    "numerator": "What is counted or added up; add it up over rows of one grain",
    "denominator": "Of a ratio or share: what the numerator is divided by",
    "value": "The metric for the row. Divide sums of numerators by sums of denominators; do not average it",
    "unknown_count": "How many facts are on neither side, because a word is missing or in no list",
    "as_of": "When the rows were published",
}
_NOT_ADDITIVE_MEANINGS = {
    "numerator": "How many are counted, each once: rows do not add up, for somebody may be in several",
    "denominator": "Of how many, each once: rows do not add up",
    "value": "The metric for the row. It does not add up over rows, and has no average",
}


@dataclass(frozen=True)
class Sum:
    """A column of the published sums of a metric.

    Attributes:
        name: of the column.
        aggregate: the same over the fact and its dimensions, without the metric's filter where that
            is one of *conditions*.
        type: of the column.
        known: the column that counts the rows that it is a sum of: without any, the sum is empty.
        condition: the metric's filter, where the aggregate cannot have it in itself.
    """

    name: str
    aggregate: str
    type: str
    known: str
    condition: str | None = None


def name(metric: str) -> str:
    """The report of a metric."""
    return f"metric_{metric}"


def names(grains: Grains) -> list[str]:
    """The reports of a reader with *grains*."""
    return [*map(name, grains), CATALOG] if grains else []


def known() -> Mapping[str, Metric]:
    """All metrics, by name."""
    return _known(settings.INCLUDE)


def cuts() -> Mapping[str, metrics.Dimension]:
    """All cuts, by name."""
    return _cuts(settings.INCLUDE)


def of_entries(entries: Iterable[Mapping[str, Any]]) -> dict[str, tuple[Grain, ...]]:
    """The grains that the key ``metrics`` of a reader lists.

    Args:
        entries: each with the ``names`` of metrics and the lists of cuts ``by`` which they are shown; checked.
    """
    grains: dict[str, set[Grain]] = {}
    for entry in entries:
        for metric in entry["names"]:
            grains.setdefault(metric, set()).update(map(_grain, entry["by"]))
    for metric, listed in grains.items():
        if known()[metric].kind in NOT_ADDITIVE:
            listed.add(())
    return {metric: tuple(sorted(grains[metric])) for metric in sorted(grains)}


def load_all(everyone: Iterable[Grains]) -> dict[str, Report]:
    """The reports of the metrics that somebody reads, by name.

    Args:
        everyone: the grains of each reader.

    Raises:
        YamlError: the file of a metric says something it may not.
    """
    cuts_of: dict[str, set[str]] = {}
    for grains in everyone:
        for metric_name, of_metric in grains.items():
            cuts_of.setdefault(metric_name, set()).update(*of_metric)
    if not cuts_of:
        return {}
    listed = {known()[metric_name]: cuts_of[metric_name] for metric_name in sorted(cuts_of)}
    additive: dict[str, dict[Metric, set[str]]] = {}
    for metric, read_by in listed.items():
        if metric.kind not in NOT_ADDITIVE:
            additive.setdefault(metric.fact, {})[metric] = read_by
    reports = [
        *(_report(metric, read_by) for metric, read_by in listed.items()),
        *(_sums(fact, of_fact) for fact, of_fact in additive.items()),
        _catalog(listed),
    ]
    return {report.name: report for report in reports}


def sources(metric: Metric) -> list[str]:
    """The source systems that have what the metric is made of."""
    mappings = (settings.INCLUDE / "sql" / "mapping").iterdir()
    return sorted(
        folder.name
        for folder in mappings
        if all((folder / f"{fact}.sql").exists() for fact in _facts(metric))
    )


def is_of_base(metric: Metric) -> bool:
    """Whether the metric is made of several facts, by a SELECT of ``include/sql/metrics``."""
    return _base(metric).exists()


def meanings(metric: Metric) -> dict[str, str]:
    """What the columns of a metric's report mean, by name."""
    return _MEANINGS | ({} if metric.kind not in NOT_ADDITIVE else _NOT_ADDITIVE_MEANINGS)


def problem(metric: Metric) -> str | None:
    """Why the metric cannot be published; None where it can."""
    parts = (metric.numerator, metric.denominator, metric.member, metric.filter, metric.unknown)
    if any(_OTHER_RELATION.search(part) for part in parts if part):
        return "reads more than its fact and dimensions: only readers of the star may have it"
    return None


@functools.cache
def _known(_include: Path) -> Mapping[str, Metric]:
    return {metric.name: metric for metric in metrics.load_all()}


@functools.cache
def _cuts(_include: Path) -> Mapping[str, metrics.Dimension]:
    return metrics.dimensions()


def _base(metric: Metric) -> Path:
    return settings.INCLUDE / "sql" / "metrics" / f"{metric.fact}.sql"


def _facts(metric: Metric) -> set[str]:
    if not is_of_base(metric):
        return {metric.fact}
    return set(_FACT.findall(_base(metric).read_text("utf-8")))


def _grain(listed: Iterable[str]) -> Grain:
    wanted = set(listed)
    return tuple(cut for cut in cuts() if cut in wanted)


def _report(metric: Metric, listed: Iterable[str]) -> Report:
    """What readers read of *metric*, with the cuts that somebody reads it by."""
    columns = _grain(listed)
    is_additive = metric.kind not in NOT_ADDITIVE
    table = _table_of(metric.fact) if is_additive else name(metric.name)
    return Report(
        name=name(metric.name),
        description=f"{metric.title}: {metric.sentence.strip()}",
        level="aggregate",
        select=None if is_additive else "reporting/metrics/others",
        view="reporting/metrics/view",
        key=() if is_additive else (SOURCE, "cuts", *columns),
        reads=(table,) if is_additive else (),
        names=_names([metric], columns)
        | {
            "metric": metric,
            "table": table,
            "is_additive": is_additive,
            "meanings": meanings(metric) | {cut: cuts()[cut].meaning for cut in columns},
        },
    )


def _sums(fact: str, listed: Mapping[Metric, set[str]]) -> Report:
    """The published sums of all metrics of a fact, of which each has a view of its own."""
    columns = _grain(cut for read_by in listed.values() for cut in read_by)
    sums = {metric.name: sums_of(metric) for metric in listed}
    known: dict[str, str | None] = {"facts": None}
    known |= {column.name: column.known for of_metric in sums.values() for column in of_metric}
    # An edition follows changed facts where each sum has a count of what is known beside it.
    follows = (
        not is_of_base(next(iter(listed)))
        and fact not in _RESTRICTED_BY_ENCOUNTER
        and all(
            plain(aggregate)
            for metric in listed
            for aggregate in (metric.numerator, metric.denominator, metric.unknown)
            if aggregate
        )
    )
    return Report(
        name=_table_of(fact),
        description=f"The sums of the metrics of {fact}",
        level="aggregate",
        select="reporting/metrics/sums",
        key=(SOURCE, "cuts", *columns),
        of=fact if follows else None,
        sums=known if follows else {},
        hidden=tuple(known),
        is_part=True,
        names=_names(list(listed), columns)
        | {
            "metric_joins": _names(list(listed), ())["joins"],
            "sums_of": sums,
        },
    )


def sums_of(metric: Metric) -> list[Sum]:
    """The columns of a metric in the published sums of its fact; the count of its rows first.

    A sum is empty where nothing is known, so there is a count of what is known beside it. A count is
    one of all rows of the metric.
    """
    facts = f"{metric.name}_facts"
    columns = [_sum(facts, "count(*)", facts, metric.filter)]
    for part, aggregate in (
        ("numerator", metric.numerator),
        ("denominator", metric.denominator),
        ("unknown", metric.unknown),
    ):
        if aggregate is None:
            continue
        column, known = f"{metric.name}_{part}", facts
        counted = _count_of_known(aggregate)
        if counted != "count(*)":
            known = f"{column}_known"
            columns.append(_sum(known, counted or "count(*)", facts, metric.filter))
        columns.append(_sum(column, aggregate, known, metric.filter))
    return columns


def _sum(column: str, aggregate: str, known: str, restriction: str | None) -> Sum:
    match = plain(aggregate)
    type_ = "bigint" if match and match["name"] == "count" else "numeric"
    restricted = only(aggregate, restriction)
    if restricted is None:
        return Sum(column, aggregate, type_, known, restriction)
    return Sum(column, restricted, type_, known)


def grains_of(report: Report, read: Grains, alike: Collection[str] = ()) -> list[dict[str, Grain]]:
    """The grains of a fact's sums, for who has the grains *read*: ``cuts``, and the grain it is ``made_of``.

    Args:
        report: the sums of the metrics of a fact, or another report, which has no grains.
        read: the grains that somebody reads, by metric.
        alike: see :func:`made_of`.
    """
    if "sums_of" not in report.names:
        return []
    listed = {grain for metric in report.names["sums_of"] for grain in read.get(metric, ())}
    every = tuple(cut["name"] for cut in report.names["cuts"])
    return [
        {"cuts": grain, "made_of": finest}
        for grain, finest in made_of(listed or {every}, alike).items()
    ]


def made_of(grains: Iterable[Grain], alike: Collection[str] = ()) -> dict[Grain, Grain]:
    """For each grain the one of whose rows it is made: itself, where no other has all of its cuts.

    Of several, the one with the fewest cuts: it has fewer rows.

    Args:
        grains: those that are read.
        alike: cuts in which most rows are alike. They divide few rows, so all are made of grains that have them:
            then these are fewer, and the facts are added up fewer times.
    """
    listed = sorted(set(grains), key=lambda grain: (len(grain), grain))
    dividing = {grain: frozenset(grain).difference(alike) for grain in listed}
    finest = [d for d in dividing.values() if not any(d < other for other in dividing.values())]
    shared = {cut for grain in listed for cut in grain if cut in alike}
    return {
        grain: _grain(next(f for f in finest if divided <= f) | shared)
        for grain, divided in dividing.items()
    }


def alike_cuts(report: Report, fact: Fact) -> frozenset[str]:
    """The cuts of a fact's sums that a source system says nothing of, so that all of its rows are alike in them.

    Rows of an earlier mapping may differ, so this may decide how something is computed, and never what.

    Args:
        report: the sums of the metrics of a fact, or another report, which has no cuts.
        fact: what the mapping of the source system brings of it.
    """
    unnamed = set(fact.unnamed).difference(*(fact.borrowed(d.member) for d in fact.members))
    undated = {f"dim_{role}_date" for role, is_given in fact.dates.items() if not is_given}
    return frozenset(
        cut["name"]
        for cut in report.names.get("cuts", ())
        if cut["table"] in undated
        or (cut["table"] or "").removeprefix("dim_") in unnamed
        or (cut["table"] == fact.junk and cut["column"] not in fact.brought)
    )


def _count_of_known(aggregate: str) -> str | None:
    """The aggregate that counts the rows that *aggregate* has a value of; None where that is not plain.

    ``sum(x)`` has those of ``count(x)``, and a count has one of every row.
    """
    match = plain(aggregate)
    if match is None:
        return None
    if match["name"] == "count":
        return "count(*)"
    return f"count({match['argument']}){match['filter'] or ''}"


def only(aggregate: str, condition: str | None) -> str | None:
    """*aggregate* over the rows for which *condition* holds; None where the aggregate is not plain."""
    match = plain(aggregate)
    if match is None:
        return None
    conditions = [match["condition"], condition]
    both = " and ".join(f"({text})" for text in conditions if text)
    return f"{match['name']}({match['argument']})" + (f" filter (where {both})" if both else "")


def plain(aggregate: str) -> re.Match[str] | None:
    """The parts of an aggregate that is nothing but a sum or a count."""
    match = _AGGREGATE.fullmatch(aggregate.strip())
    is_plain = match and all(map(_is_balanced, (match["argument"], match["condition"] or "")))
    return match if is_plain else None


def _is_balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            return False
    return depth == 0


def _table_of(fact: str) -> str:
    """The report with the sums of the metrics of a fact or base."""
    return f"sums_of_{fact.removeprefix('fact_')}"


def _names(of_fact: Sequence[Metric], columns: Sequence[str]) -> dict[str, Any]:
    """What SQL files call the parts of metrics of one fact by the cuts *columns*."""
    parts = [metrics.names_in_sql(metric, [cuts()[cut] for cut in columns]) for metric in of_fact]
    joins = {join["table"]: join for part in parts for join in part["joins"]}
    return {
        "metrics": of_fact,
        "cuts": parts[0]["cuts"],
        "joins": [joins[table] for table in sorted(joins)],
        "fact_table": of_fact[0].fact,
        "base": of_fact[0].fact if is_of_base(of_fact[0]) else None,
        "sources_of_metric": sources(of_fact[0]),
    }


def _catalog(listed: Iterable[Metric]) -> Report:
    """The report of what the metrics mean."""
    described = [asdict(metric) | {"sources": sources(metric)} for metric in listed]
    return Report(
        name=CATALOG,
        description="What each metric means, who owns it, and by which cuts it is shown",
        level="aggregate",
        select="reporting/metrics/catalog",
        key=(SOURCE, "metric"),
        names={
            "described": described,
            "meanings": {
                "metric": "The metric; reporting.metric_<metric> has its values",
                "title": "Its name in plain words",
                "sentence": "What it is, exactly",
                "owner": "Who decides what it means",
                "unit": "What its value is counted in",
                "kind": "How its rows become one: sum, level, ratio, share_of_members, median",
                "grains": "The cuts of each grain, in parentheses",
                "roll_up": "How values of several rows become one",
                "as_of": "When the rows were published",
            },
        },
    )
