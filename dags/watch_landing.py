"""### What it does
Once a day, reports each file of the landing root in a folder of no source system in
`quality.issue` (rule `unclaimed_file`). Files without a contract in the folder of a source system
are reported by its ingest DAG.

### When it fails
The landing root could not be listed: check the connection `claimhouse_landing`. Nothing is lost;
the next run looks again.

### What to do about a report
Write a contract for the feed (`include/schemas/<source>/<feed>.yaml`), or move the file to the
right folder. The issue is closed when the file has landed.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import CronDataIntervalTimetable, dag, task

from claimhouse import notify


@dag(
    description="Report files that belong to no source system",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("30 5 * * *", timezone="UTC"),
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    tags=["claimhouse"],
    default_args=notify.task_defaults(),
)
def watch_landing() -> None:
    """Report files of no source system."""

    @task
    def report() -> list[str]:
        from claimhouse import landing

        return landing.report_unclaimed()

    report()


watch_landing()
