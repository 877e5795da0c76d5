"""### What it does
Runs after each publication. Where the connection `claimhouse_tableau` exists, it writes an extract of each
report that a client's file or `include/roles.yaml` lists under `tableau_extracts`, and publishes it to the
Tableau site, in the place of the one before. Where the connection does not exist, nothing is queued but the
task that looks for it.

An extract holds what the reader's own login sees: `claimhouse_tableau`'s project has a project for each reader,
with the reader's name, and only the reader's people may look into it (docs/tableau.md). A restricted specialty
is in no extract.

One extract is written at a time: a second session with the same token would end the first. Rows lie in a folder
that only the worker's user can read, and are removed at the end; what a killed run left is removed by the next.

### When it fails
The site keeps the extract before. Clear the task, or wait for the next publication.

* **NotSetUp**: the connection lacks something, or the site has no project of the reader's name. The message
  says which; docs/tableau.md says what is needed.
* **SiteError**: the site does not answer, does not let the token in (tokens expire), or has no room.
* **Refused**: the reader's own login sees a restricted specialty, or its file no longer lists the report.
* **ExtractError**: the report is not published yet, or holds a value that no extract can hold.
* **ReaderError**: the message names the client file or roles file and the line.

### What to look at
The log of `publish_extract` says how many rows each has. A reader who is no longer entitled keeps what the
site holds until somebody deletes it there: removing a report from `tableau_extracts` stops its renewal alone.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import Asset, dag, get_current_context, task

from claimhouse import notify, settings


@dag(
    description="Publish the extracts that readers' files list to a Tableau site",
    doc_md=__doc__,
    schedule=[Asset("claimhouse://reporting")],
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    tags=["claimhouse", "reporting"],
    default_args=notify.task_defaults(queue=settings.DELIVER_QUEUE),
)
def tableau_extracts() -> None:
    """Publish each extract, one after the other."""

    @task
    def due() -> list[str]:
        from claimhouse.dashboards.tableau import extracts

        return extracts.due()

    @task(map_index_template="{{ extract }}", max_active_tis_per_dagrun=1)
    def publish_extract(extract: str) -> int:
        from claimhouse.dashboards.tableau import extracts, site

        get_current_context()["extract"] = extract
        with notify.final(extracts.Refused, site.NotSetUp):
            return extracts.publish(extract)

    publish_extract.expand(extract=due())


tableau_extracts()
