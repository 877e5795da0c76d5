"""Metrics as calculated fields of the star: what ``include/metrics`` says in SQL, in Tableau's words.

Sums and counts of columns under plain conditions are translated. What is more than that, a metric of several facts
and what does not add up over days stay with the publications, and with ``metrics.roll_up``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from claimhouse.dashboards.tableau import fields
from claimhouse.dashboards.tableau.fields import Field
from claimhouse.dashboards.tableau.markup import bracketed, quoted
from claimhouse.metrics import Metric
from claimhouse.reporting import metric_reports

# The field of each table and column.
Places = Mapping[tuple[str, str], str]

_COLUMN = r"(?P<table>\w+)\.(?P<column>\w+)"
_CONDITION = re.compile(
    rf"(?P<not>not )?{_COLUMN}(?: (?P<operator>=|<>|<|>|<=|>=|in|is not null|is null)(?: (?P<value>.+))?)?"
)
_LITERAL = re.compile(r"'(?P<text>[^']*)'|(?P<number>-?\d+)")


class _NotPlain(ValueError):
    """SQL that is more than is translated."""


def of(metric: Metric, places: Places) -> Field | None:
    """The calculated field that a metric of a fact is.

    Args:
        metric: the metric.
        places: the fields of the data source of its fact.

    Returns:
        None where its SQL is more than is translated.
    """
    if metric.kind not in ("sum", "ratio") or metric_reports.is_of_base(metric):
        return None
    try:
        formula = _aggregate(metric.numerator, metric.filter, places)
        if metric.denominator:
            formula += f" / {_aggregate(metric.denominator, metric.filter, places)}"
    except _NotPlain:
        return None
    return replace(fields.of_metric(metric, metric_column=False), formula=formula)


def _aggregate(text: str, condition: str | None, places: Places) -> str:
    """A sum or count, over the rows for which the condition of the metric holds."""
    match = metric_reports.plain(text)
    if match is None:
        raise _NotPlain(text)
    parts = [part for part in (condition, match["condition"]) if part]
    conditions = [_condition(entry, places) for part in parts for entry in _joined(part)]
    if match["name"] == "sum":
        value = _column(match["argument"], places)
        return (
            f"SUM(IF {' AND '.join(conditions)} THEN {value} END)"
            if conditions
            else f"SUM({value})"
        )
    if match["argument"] != "*":
        conditions.append(f"NOT ISNULL({_column(match['argument'], places)})")
    # None is zero, and not unknown.
    return f"SUM(IF {' AND '.join(conditions)} THEN 1 ELSE 0 END)" if conditions else "SUM(1)"


def _joined(text: str) -> list[str]:
    return " ".join(text.split()).split(" and ")


def _condition(text: str, places: Places) -> str:
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise _NotPlain(text)
    column, operator = _field(match, places), match["operator"]
    if operator is None:
        return f"NOT {column}" if match["not"] else column
    if match["not"]:
        raise _NotPlain(text)
    if operator in ("is null", "is not null"):
        return f"{'NOT ' if operator == 'is not null' else ''}ISNULL({column})"
    value = (match["value"] or "").strip()
    if operator == "in":
        listed = value.removeprefix("(").removesuffix(")").split(",")
        return f"{column} IN ({', '.join(_literal(entry.strip()) for entry in listed)})"
    return f"{column} {operator} {_literal(value)}"


def _literal(text: str) -> str:
    match = _LITERAL.fullmatch(text)
    if match is None:
        raise _NotPlain(text)
    return match["number"] or quoted(match["text"])


def _column(text: str, places: Places) -> str:
    match = re.fullmatch(_COLUMN, text.strip())
    if match is None:
        raise _NotPlain(text)
    return _field(match, places)


def _field(match: re.Match[str], places: Places) -> str:
    name = places.get((match["table"], match["column"]))
    if name is None:
        raise _NotPlain(match[0])
    return bracketed(name)
