"""### What it does
Runs after each load of the star. While other sources are being loaded it waits for them, 30 s at most, so that
sources that end together are published together.

1. It makes the database agree with `include/clients/*.yaml` and `include/roles.yaml` (roles,
   entitlements, audiences, pseudonym keys, subscriptions, grants), in one transaction, which ends with
   an audit of what every reader's role can reach.
2. It publishes each source system to its audiences, each in one transaction, two at a time: the rows
   that changed are written to the tables of the schema `published`, and the edition is counted up.
   Readers see the edition before or the one after. A source that is being loaded keeps its edition,
   with its `as_of`, and is published when its load ends.

Then `deliver` runs. Where no reader sees another row than before, the task is skipped at its end, and nothing
follows, unless it was tried again or cleared.

Access that a file no longer lists is closed. `security.entitlement_history` keeps who could see
what and when. A grant made by hand on the schema `reporting` is revoked by the next run.

### When it fails
Readers see the last edition of each source that could not be published.

* **ReaderError**: the message names the client file or roles file and the line. Fix it and clear
  the task.
* **YamlError**: the message names the file of a metric, count table or dashboard and the line. Fix it and
  clear the task. Nothing is published while a dashboard shows a reader what it is not entitled to.
* **MissingConnection**: `claimhouse_pseudonym` must have the master key of the pseudonyms as its
  password. Create it once (`openssl rand -hex 32`) and back it up.
* **KeyChanged**: the password of `claimhouse_pseudonym` was changed. Restore it. Only if the client
  agrees to new pseudonyms, delete its row in `security.pseudonym_key` and clear the task.
* **GlossaryError**: a report has a column that `include/columns.yaml` does not describe. Add it and
  clear the task.
* **TotalsDiffer**: the sums over a report are not those of the star. Run the DAG `audit`, which compares
  everything; docs/how-to/repair-a-report.md says what to do if it fails too.
* **ReportingError**: the message lists every way in which a reader could see more than it may, for
  example a grant made by hand. Revoke it and clear the task.

### What to look at
`select * from published.edition_log order by published_at desc;`,
`select * from security.entitlement_history order by valid_from desc;` and
`select metric, sentence, example from metrics.catalog;`
"""

from __future__ import annotations

import pendulum
from airflow.sdk import Asset, AssetAny, dag, get_current_context, task

from claimhouse import contracts, notify, settings


@dag(
    description="Give every reader the access its file lists, and no other",
    doc_md=__doc__,
    schedule=AssetAny(*(Asset(f"claimhouse://star/{source}") for source in contracts.sources())),
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    tags=["claimhouse", "reporting"],
    default_args=notify.task_defaults(queue=settings.PUBLISH_QUEUE),
)
def publish() -> None:
    """Create roles, entitlements and reports as the files describe them."""

    @task(outlets=[Asset("claimhouse://reporting")])
    def create_reports() -> None:
        from airflow.sdk.exceptions import AirflowSkipException

        from claimhouse import dashboards, ingest, metrics, reporting, warehouse

        dashboards.check()
        ingest.await_loads()
        with warehouse.connect() as connection, notify.final(reporting.TotalsDiffer):
            # Readers of a metric that has changed have no right to it between these two.
            metrics.publish(connection)
            publication = reporting.publish(connection)
            dashboards.check_columns(connection)
        # What a first attempt published before it died is not new to the second.
        if not publication.is_new and get_current_context()["ti"].try_number == 1:
            raise AirflowSkipException("no reader sees another row than before")

    create_reports()


publish()
