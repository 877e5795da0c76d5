"""Reports: what ``include/sql/reporting`` says of each.

A report is a folder with a ``report.yaml``. Its ``select.sql`` is rendered and run by publication,
once for each audience; its ``view.sql`` is what readers read, and may be left out where that is the
published rows as they are. ``rows.sql`` and ``summary.sql`` beside them are the sheets of an
extract. The rows of a feed as they came are a report without a folder, ``raw_<source>_<feed>``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from claimhouse import contracts, metrics, privacy, settings, strict_yaml

_FOLDER = settings.INCLUDE / "sql" / "reporting"

# A SELECT that names a fact would show rows that are not open to the audience.
_FACT = re.compile(r"\bstar\.(fact|bridge)_\w+")
_PSEUDONYM = re.compile(r"\bpseudonym\(")
_COUNTS = re.compile(r"\bcounts\(\"(\w+)\"\)")


class ReportError(ValueError):
    """A report that cannot be used; the message names its file."""


@dataclass(frozen=True)
class Report:
    """A report.

    Attributes:
        level: the lowest privacy level of its readers.
        is_internal: whether only readers inside the house may have it.
        is_part: whether it has no view of its own, because only the views of other reports read it.
        is_live: whether its view reads the star itself.
        select: the path of the SELECT that publication runs; None for a view of other reports.
        view: the path of the SELECT that readers read; None where that is the published rows.
        of: the fact of which each row is a row, or, where there are *sums*, a group of rows; None where
            the SELECT joins facts or does not add up.
        sums: the columns that add up, the count of rows first; each with the column that counts what is
            known of it, or None.
        totals: columns whose sums over the published rows are the star's, each with ``<fact>.<column>`` or a
            fact, whose rows it counts; None for one that is compared with no column of its name.
        adds_up: SQL of a published row ``r``: whether it is added up; None where all rows are.
        is_selection: whether the SELECT leaves out rows of its fact that are open to the audience.
        key: the columns that tell rows apart.
        identified_by: the columns that tell them apart for a client that keeps a copy.
        hidden: columns of the SELECT that no reader sees.
        look_up: the columns with an index of their own; None for those of the key.
        reads: the reports that the view reads.
        has_pseudonyms: whether the rows differ between clients who may see the same facts.
        counts: the count tables that the SELECT reads.
        reads_star: whether its readers see the star as it is loaded.
        measures: what dashboards may add up of its rows, by name: each a mapping as in ``report.yaml``.
        cuts: the columns that are cuts of ``include/metric_dimensions.yaml``, by cut: a column, or
            ``{"month_of": column}``.
        same_cuts: the cuts whose values are those of the metrics that its measures are; of *known_cuts* only
            the known ones are.
        total_words: columns that hold a word in rows that are totals of others.
        names: what the SELECT calls its parts, besides what every SELECT knows. ``meanings``: those of
            columns that ``include/columns.yaml`` does not describe.
    """

    name: str
    description: str
    level: str
    is_internal: bool = False
    is_part: bool = False
    is_live: bool = False
    select: str | None = None
    view: str | None = None
    of: str | None = None
    key: tuple[str, ...] = ()
    identified_by: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    look_up: tuple[str, ...] | None = None
    sums: Mapping[str, str | None] = field(default_factory=dict)
    totals: Mapping[str, str | None] = field(default_factory=dict)
    adds_up: str | None = None
    is_selection: bool = False
    reads: tuple[str, ...] = ()
    has_pseudonyms: bool = False
    counts: tuple[str, ...] = ()
    reads_star: bool = False
    measures: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    cuts: Mapping[str, Any] = field(default_factory=dict)
    same_cuts: tuple[str, ...] = ()
    known_cuts: tuple[str, ...] = ()
    total_words: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_of_metrics(self) -> bool:
        """Whether its rows follow from the metrics that its reader lists."""
        return (self.select or "").startswith("reporting/metrics/")


def names() -> list[str]:
    """The reports that have a folder, by name."""
    return sorted(file.parent.name for file in _FOLDER.glob("*/report.yaml"))


def folder(report: str) -> Path:
    """The folder of *report*."""
    return _FOLDER / report


def raw_report(source_system: str, feed: str) -> str:
    """The report with the rows of a feed as they came."""
    return f"raw_{source_system}_{feed}"


def load_all(feeds: Iterable[tuple[str, str]] = ()) -> dict[str, Report]:
    """All reports, by name.

    Args:
        feeds: the feeds, as (source system, feed), that have a raw report.

    Raises:
        strict_yaml.YamlError: a ``report.yaml`` says something it may not.
        ReportError: a SELECT names a fact, or a key is missing.
    """
    loaded = [load(name) for name in names()]
    loaded += [_raw(source, feed) for source, feed in sorted(feeds)]
    return {report.name: report for report in loaded}


@functools.cache
def load(name: str) -> Report:
    """The report with the folder *name*.

    Raises:
        strict_yaml.YamlError: its ``report.yaml`` says something it may not; the message names the line.
        ReportError: its SELECT names a fact, or its key is missing.
    """
    file = _FOLDER / name / "report.yaml"
    document = strict_yaml.read(file, settings.INCLUDE / "report_schema.yaml")
    content: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in document.data.items()
    }
    select, view = (_FOLDER / name / f"{part}.sql" for part in ("select", "view"))
    text = select.read_text("utf-8") if select.exists() else ""
    report = Report(
        name=name,
        select=f"reporting/{name}/select" if select.exists() else None,
        view=f"reporting/{name}/view" if view.exists() else None,
        reads_star=view.exists() and "star." in view.read_text("utf-8"),
        has_pseudonyms=bool(_PSEUDONYM.search(text)),
        counts=tuple(sorted(set(_COUNTS.findall(text)))),
        **content,
    )
    _check(report, document)
    _check_metrics(report, document)
    for path in (select, view):
        if path.exists() and not report.is_live:
            _check_facts(path)
    return report


def check_columns(report: Report, columns: Collection[str]) -> None:
    """Check that a report names columns that it has.

    Args:
        report: a report with a folder; any other names none.
        columns: those of its SELECT.

    Raises:
        strict_yaml.YamlError: it names another; the message says on which line.
    """
    file = _FOLDER / report.name / "report.yaml"
    if not file.exists():
        return
    document = strict_yaml.read(file)
    for key in ("key", "identified_by", "sums", "hidden", "look_up", "totals"):
        named = document.data.get(key) or ()
        for place, column in enumerate(named):
            if column not in columns:
                raise document.error(
                    [key, column if isinstance(named, dict) else place],
                    f"no column {column} in select.sql",
                )
    for column, known in report.sums.items():
        if known is not None and known not in columns:
            raise document.error(["sums", column], f"no column {known} in select.sql")


def _check(report: Report, document: strict_yaml.Document) -> None:
    if report.select is None and report.view is None:
        raise document.error([], "there is no select.sql and no view.sql beside it")
    if report.is_live and (report.select or not report.view):
        raise document.error(["is_live"], "a live report is a view.sql without a select.sql")
    if report.select and bool(report.of) == bool(report.key) and not report.sums:
        raise document.error([], "a report with a select.sql needs one of the keys of and key")
    if report.sums and not (report.of and report.key):
        raise document.error(["sums"], "needs the keys of and key")
    if len({*filter(None, map(_fact_of, report.totals.values())), *filter(None, [report.of])}) > 1:
        raise document.error(
            ["totals"], "must name one fact, that of the key of where there is one"
        )
    if report.key and "source_system" not in report.key:
        raise document.error(["key"], "source_system must be part of it")
    if not report.select and not report.is_live and not report.reads:
        raise document.error([], "a view.sql without a select.sql needs the key reads")
    if report.look_up is not None and not report.select:
        raise document.error(["look_up"], "only a report with a select.sql has indexes")
    if report.identified_by and not report.select:
        raise document.error(["identified_by"], "only a report with a select.sql keeps editions")
    for key in ("look_up", "identified_by"):
        for place, column in enumerate(getattr(report, key) or ()):
            if column in report.hidden:
                raise document.error([key, place], f"{column} is hidden")


def _check_metrics(report: Report, document: strict_yaml.Document) -> None:
    known = metrics.names()
    for name, measure in report.measures.items():
        if "metric" in measure and measure["metric"] not in known:
            raise document.error(["measures", name, "metric"], "include/metrics has no such metric")
    cuts = metrics.dimensions() if report.same_cuts or report.known_cuts else {}
    for key in ("same_cuts", "known_cuts"):
        for place, cut in enumerate(getattr(report, key)):
            if cut not in cuts:
                raise document.error([key, place], f"include/metric_dimensions.yaml has no {cut}")


def _fact_of(total: str | None) -> str:
    """The fact that an entry of *totals* names."""
    return (total or "").partition(".")[0]


def _check_facts(path: Path) -> None:
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.lstrip().startswith("--") and (fact := _FACT.search(line)):
            raise ReportError(
                f"{path}, line {number}: {fact[0]} has the rows of everybody; "
                f'write {{{{ fact("{fact[0].removeprefix("star.")}") }}}}'
            )


def _raw(source: str, feed: str) -> Report:
    contract = contracts.of(source, feed)
    columns = [
        {"name": column.name, "lowest_level": privacy.lowest_level(column.classification)}
        for column in contract.columns
    ]
    return Report(
        name=raw_report(source, feed),
        description=f"{contract.description}: the accepted rows as they came",
        level="safe_harbor",
        is_internal=True,
        select="reporting/reports/raw_select",
        key=("batch_id", "row_number"),
        hidden=("source_system",),
        look_up=tuple(dict.fromkeys([*contract.key, *(r.column for r in contract.references)])),
        names={
            "feed": feed,
            "source_of_feed": source,
            "columns": columns,
            "meanings": {column.name: column.description for column in contract.columns},
        },
    )
