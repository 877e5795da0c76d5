"""### What it does
Once a night, runs the Soda checks on the whole star: every fact, version and dimension state of
every source. An ingest run checks only what it loaded. The audit finds facts changed or deleted by
hand, and money that no longer reconciles with the source tables. A source that is being loaded, or
has never been loaded, is left for the next night (the task returns False).

Then it compares everything that is published with the star and writes the differences
(`publish_everything`): what the day's publications did not see, such as a change of a table by hand.

### When it fails
`select * from quality.check_history where outcome <> 'pass' order by checked_at desc;` shows the
checks that failed, and `quality.failing_row` has examples of the rows. The audit of the star changes nothing.
To rebuild the star of a source from its source tables: `claimhouse star rebuild <source>`. What to do about
`publish_everything` is on the page of the DAG `publish`.

### What to look at
`quality.open_issues`: rules that begin with `soda:`; the log of `publish_everything` for the reports that
changed.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag, get_current_context, task

from claimhouse import contracts, notify, settings


@dag(
    description="Run the checks of the whole star, and publish what differs from it",
    doc_md=__doc__,
    # A system that is new has nothing to audit: the first run waits for its time.
    schedule=CronTriggerTimetable("0 2 * * *", timezone="UTC", run_immediately=timedelta(0)),
    catchup=False,
    max_active_runs=1,
    tags=["claimhouse"],
    default_args=notify.task_defaults(),
)
def audit() -> None:
    """Check every fact of every source, and everything that is published."""

    @task(map_index_template="{{ source }}")
    def check_all(source: str) -> bool:
        from claimhouse import checks, ingest

        get_current_context()["source"] = source
        with notify.final(checks.ChecksFailed):
            return ingest.audit(source)

    # A check that failed keeps no correction from being published.
    @task(queue=settings.PUBLISH_QUEUE, trigger_rule="all_done")
    def publish_everything() -> None:
        from claimhouse import reporting, warehouse

        with warehouse.connect() as connection, notify.final(reporting.TotalsDiffer):
            reporting.publish(connection, everything=True)

    check_all.expand(source=contracts.sources()) >> publish_everything()


audit()
