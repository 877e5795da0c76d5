"""The SELECT of a report, as publication runs it for one audience and one source system."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence

from claimhouse import warehouse
from claimhouse.reporting import metric_reports, small_cells
from claimhouse.reporting.audiences import Audience
from claimhouse.reporting.reports import Report


def select(
    report: Report,
    audience: Audience,
    source: str,
    scope: str = "all",
    primary_key: Sequence[str] = (),
    changed_dimensions: Sequence[str] = (),
    alike: Collection[str] = (),
) -> str:
    """The text of the SELECT, without a semicolon.

    Args:
        report: a report with a SELECT.
        audience: who will read the rows.
        source: the source system that is published.
        scope: ``all`` rows, the ``affected`` ones, or these as they ``was``; of sums of metrics also
            the ``changes``, what to add to the rows that are shown.
        primary_key: of the fact that *report* is of.
        changed_dimensions: the dimensions of which ``was`` reads the earlier state.
        alike: cuts of metrics in which the rows of the source system are alike; the result is the same without.
    """
    assert report.select
    text = warehouse.sql(
        report.select,
        audience=audience,
        source=source,
        scope=scope,
        of=report.of,
        pk=primary_key,
        changed_dimensions=changed_dimensions,
        count_tables=_count_tables(),
        grains=metric_reports.grains_of(report, audience.metrics, alike),
        **report.names,
    )
    return text.strip().rstrip(";")


@functools.cache
def _count_tables() -> Mapping[str, Sequence[str]]:
    """The columns that divide each count table, by its name."""
    return {table.name: tuple(table.partition_by) for table in small_cells.load_all()}
