"""### What it does
Once a night, runs the Soda checks on the whole star: every fact, version and dimension state of
every source. An ingest run checks only what it loaded. The audit finds facts changed or deleted by
hand, and money that no longer reconciles with the source tables. A source that is being loaded, or
has never been loaded, is left for the next night (the task returns False).

### When it fails
`select * from quality.check_history where outcome <> 'pass' order by checked_at desc;` shows the
checks that failed, and `quality.failing_row` has examples of the rows. The audit changes nothing.
To rebuild the star of a source from its source tables: `claimhouse star rebuild <source>`.

### What to look at
`quality.open_issues`: rules that begin with `soda:`.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import CronTriggerTimetable, dag, get_current_context, task

from claimhouse import contracts, notify


@dag(
    description="Run the checks of the whole star",
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
