"""### What it does
Once a night, holds the whole star against its Soda checks: every fact, every version, every
dimension state of every source, where the check inside an ingest run looks at what that run
loaded. It finds what no load would: a fact changed or deleted by hand, money that no longer
reconciles with the source tables. A source that is being loaded at the time, or was never
loaded, is left for the next night (the task then returns False).

### When it fails
`select * from quality.check_history where outcome <> 'pass' order by checked_at desc;` tells
which check of which table, and `quality.failing_row` holds examples of the rows. Nothing was
changed. The star of a source can be laid anew from its source tables, with the same result:
`claimhouse star rebuild <source>`.

### What to look at
`quality.open_issues`, rules that begin with `soda:`.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import CronTriggerTimetable, dag, get_current_context, task

from claimhouse import contracts, notify


@dag(
    description="Hold the whole star against its checks",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("0 2 * * *", timezone="UTC"),
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    tags=["claimhouse"],
    default_args=notify.task_defaults(),
)
def audit() -> None:
    """Check every fact of every source."""

    @task(map_index_template="{{ source }}")
    def check_all(source: str) -> bool:
        from claimhouse import checks, ingest

        get_current_context()["source"] = source
        with notify.final(checks.ChecksFailed):
            return ingest.audit(source)

    check_all.expand(source=contracts.sources())


audit()
