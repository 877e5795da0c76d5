"""### What it does
Looks once a day for files in the landing root that lie in the folder of no known source, and
reports each in `quality.issue` (rule `unclaimed_file`). Files in a known source's folder that
no contract claims are reported by that source's own ingest DAG.

### When it fails
The landing root could not be listed: look at the connection `claimhouse_landing`. Nothing is
lost, the next run looks again.

### What to do about a report
Write a contract for the feed (`include/schemas/<source>/<feed>.yaml`), or move the file to
where it belongs. The issue closes by itself when the file is landed.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import CronDataIntervalTimetable, dag, task

from claimhouse import notify


@dag(
    description="Report files that belong to no known source",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("30 5 * * *", timezone="UTC"),
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    tags=["claimhouse"],
    default_args=notify.task_defaults(),
)
def watch_landing() -> None:
    """Report what no source claims."""

    @task
    def report() -> list[str]:
        from claimhouse import landing

        return landing.report_unclaimed()

    report()


watch_landing()
