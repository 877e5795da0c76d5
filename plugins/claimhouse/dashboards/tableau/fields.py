"""What Tableau calls a column, a metric or a measure: caption, type, role, format, meaning and formula."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from claimhouse import glossary
from claimhouse.dashboards.model import Measure
from claimhouse.dashboards.numbers import UNITS
from claimhouse.dashboards.tableau.markup import bracketed, quoted
from claimhouse.metrics import Metric
from claimhouse.reporting import metric_reports

# The types of Postgres, as Tableau's driver shows them; text is what is in no list.
_TYPES = {
    "boolean": "boolean",
    "date": "date",
    "smallint": "integer",
    "integer": "integer",
    "bigint": "integer",
    "numeric": "real",
    "double precision": "real",
    "timestamp with time zone": "datetime",
}
# Units of which a sum means something.
_ADDS_UP = {"count", "money"}
# What the loader keeps beside a row.
_OF_THE_LOADER = {"batch_id", "row_number", "row_hash"}
# A column that says which rows are added up, where others are their totals.
ADDS_UP = "is_added_up"
_PARTS = ("numerator", "denominator", "value", "unknown_count")


@dataclass(frozen=True)
class Field:
    """A field of a data source.

    Attributes:
        name: without brackets; that of the column where there is one.
        datatype: ``string``, ``integer``, ``real``, ``date``, ``datetime``, ``boolean``.
        role: ``measure`` of what adds up, else ``dimension``.
        format: how a number is written; None as Tableau does it.
        formula: of a calculated field.
        is_aggregate: whether the formula is of an aggregate.
    """

    name: str
    caption: str
    datatype: str
    role: str = "dimension"
    meaning: str = ""
    format: str | None = None
    formula: str | None = None
    is_hidden: bool = False
    is_aggregate: bool = False

    @property
    def type(self) -> str:
        """How its values are shown: as names, in an order, or along an axis."""
        if self.role == "measure":
            return "quantitative"
        return "nominal" if self.datatype in ("string", "boolean") else "ordinal"


def words(name: str) -> str:
    """A name in plain words."""
    return glossary.title(name)


def datatype(postgres: str) -> str:
    """The type of Tableau that a type of Postgres is."""
    return _TYPES.get(postgres.partition("(")[0], "string")


def number_format(unit: str | None, kind: str = "real") -> str | None:
    """How a number of a unit is written, as the pages write it; None for what is no number."""
    if unit == "share":
        return f"p0.{'0' * UNITS['share'][0]}%"
    if unit in UNITS:
        digits, before, after, _ = UNITS[unit]
        whole = "#,##0" + (f".{'0' * digits}" if digits else "")
        both = [f'"{text}"' if text else "" for text in (before, after)]
        return f"*{both[0]}{whole}{both[1]};-{both[0]}{whole}{both[1]}"
    if unit is None and kind != "integer":
        return None
    return "n#,##0;-#,##0"


def of_columns(
    schema: str,
    relation: str,
    columns: Mapping[str, str],
    meanings: Mapping[str, str] | None = None,
) -> list[Field]:
    """The fields that the columns of a relation are.

    Args:
        schema: of the relation.
        relation: a table or view.
        columns: its columns, with their types.
        meanings: of columns that the glossary does not describe.
    """
    return [
        of_column(schema, relation, name, postgres, meanings or {})
        for name, postgres in columns.items()
    ]


def of_column(
    schema: str, relation: str, name: str, postgres: str, meanings: Mapping[str, str]
) -> Field:
    """The field that a column is."""
    unit, kind = glossary.unit_of(name), datatype(postgres)
    if name in _PARTS and relation.startswith("metric_"):
        unit = "count"
    is_number = kind in ("integer", "real")
    adds_up = is_number and unit in _ADDS_UP and name != "value"
    return Field(
        name=name,
        caption=words(name),
        datatype=kind,
        role="measure" if adds_up else "dimension",
        meaning=meanings.get(name) or _meaning(schema, relation, name),
        format=number_format(unit, kind) if is_number and unit else None,
        is_hidden=schema == "star" and (name.endswith("_key") or name in _OF_THE_LOADER),
    )


def of_metric(
    metric: Metric, metric_column: bool, newest_by: str | None = None, periods: Sequence[str] = ()
) -> Field:
    """A metric as a calculated field over the rows of one grain.

    Sums are divided by sums; what does not add up is shown where it is one row, and as ``*`` where it is several.

    Args:
        metric: the metric.
        metric_column: whether the data source has the rows of several metrics, which ``[metric]`` tells apart.
        newest_by: the cut over which it does not add up, to take the newest of; None where that is in the sheet.
        periods: fields that say whether a row is in the period of which the newest is taken.
    """
    conditions = [f"[metric] = {quoted(metric.name)}"] if metric_column else []
    if newest_by:
        per = "[grain]" if metric_column else "[cuts]"
        within = _where(newest_by, [f"[{name}]" for name in periods])
        conditions.append(f"[{newest_by}] = {{FIXED {per} : MAX({within})}}")
    if metric.kind in metric_reports.NOT_ADDITIVE:
        formula = f"ATTR({_where('value', conditions)})"
    else:
        formula = f"SUM({_where('numerator', conditions)})"
        if metric.kind == "ratio":
            formula += f" / SUM({_where('denominator', conditions)})"
    newest = f", newest {newest_by.replace('_', ' ')}" if newest_by else ""
    return Field(
        name=f"{metric_reports.name(metric.name)}{'_newest' if newest_by else ''}",
        caption=f"{metric.title}{newest}",
        datatype="real",
        role="measure",
        meaning=explained(metric.sentence, metric.owner),
        format=number_format(metric.unit),
        formula=formula,
        is_aggregate=True,
    )


def of_measure(name: str, described: Mapping[str, Any], has_totals: bool) -> Field:
    """A measure of a report as a calculated field.

    Args:
        name: of the measure.
        described: what ``report.yaml`` says of it.
        has_totals: whether some rows are totals of others, and left out.
    """
    conditions = [f"[{ADDS_UP}]"] if has_totals else []
    if "distinct" in described:
        formula = f"COUNTD({_where(described['distinct'], conditions)})"
    elif "sum" in described:
        formula = f"SUM({_where(described['sum'], conditions)})"
        if less := described.get("less"):
            formula = f"({formula} - SUM({_where(less, conditions)}))"
        if over := described.get("over"):
            formula += f" / SUM({_where(over, conditions)})"
    else:
        formula = "SUM(IF [is_added_up] THEN 1 END)" if has_totals else "SUM(1)"
    return Field(
        name=f"measure_{name}",
        caption=described["title"],
        datatype="real",
        role="measure",
        meaning=explained(described["sentence"], described["owner"]),
        format=number_format(described["unit"]),
        formula=formula,
        is_aggregate=True,
    )


def of_totals(total_words: Mapping[str, str]) -> Field:
    """Whether a row adds up to others, and is no total of them."""
    parts = [
        f'IFNULL([{name}], "") <> {quoted(word)}' for name, word in sorted(total_words.items())
    ]
    return Field(
        name=ADDS_UP,
        caption="Is added up",
        datatype="boolean",
        meaning="Whether the row is no total of other rows",
        formula=" AND ".join(parts),
    )


def of_cut(name: str, day: str, is_quarter: bool) -> Field:
    """The month or quarter of a day, as cuts write it: ``2025-03``, ``2025-Q1``."""
    year = f"STR(YEAR([{day}]))"
    if is_quarter:
        formula = f'{year} + "-Q" + STR(DATEPART("quarter", [{day}]))'
    else:
        formula = f'{year} + "-" + RIGHT("0" + STR(MONTH([{day}])), 2)'
    meaning = metric_reports.cuts()[name].meaning
    return Field(name, words(name), "string", meaning=meaning, formula=formula)


def unique(fields: Iterable[Field]) -> list[Field]:
    """Fields whose captions differ: of two of the same words, the later has its name behind."""
    found: list[Field] = []
    taken: Collection[str] = set()
    for field in fields:
        caption = field.caption if field.caption not in taken else f"{field.caption} ({field.name})"
        taken = {*taken, caption}
        found.append(replace(field, caption=caption))
    return found


def explained(sentence: str, owner: str) -> str:
    """What a number is, and who decides it."""
    return " ".join(f"{sentence.strip()} Owner: {owner}.".split())


def described(measure: Measure) -> str:
    """The title, the definition and the owner of a number in one sentence."""
    return f"{measure.title}: {explained(measure.sentence, measure.owner)}"


def named(*path: str) -> str:
    """A field of a data source, as shelves and filters name it."""
    return bracketed(*path)


def _where(column: str, conditions: list[str]) -> str:
    return f"IF {' AND '.join(conditions)} THEN [{column}] END" if conditions else f"[{column}]"


def _meaning(schema: str, relation: str, name: str) -> str:
    try:
        return glossary.meaning_of(schema, relation, name)
    except glossary.GlossaryError:
        cut = metric_reports.cuts().get(name)
        return cut.meaning if cut else ""
