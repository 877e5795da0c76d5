"""### What it does
Runs after each load of the star. Makes the database agree with `include/clients/*.yaml`: roles,
entitlements, pseudonym keys, subscriptions, and the secured views of the schema `reporting`,
laid anew with their grants; and with `include/metrics/*.yaml`: the schema `metrics`. It is one
transaction: all of it or nothing, and it ends with an audit of what every client role can reach.
Then it tells `deliver` that the reports are fresh.

Whatever a file no longer names loses its access here. `security.entitlement_history` keeps who
could see what and when. A grant made by hand on the schema `reporting` does not outlive a run.

### When it fails
Nothing has changed: clients see what they saw before, and nothing is delivered.

* **ClientError**: the message names the client file and the line. Mend it and clear the task.
* **YamlError**: the message names the metric's file and the line. Mend it and clear the task.
* **MissingConnection**: `claimhouse_pseudonym` must have the key of the pseudonyms as its
  password. Make it once (`openssl rand -hex 32`) and never lose it.
* **ReportingError, the key is not the one**: the connection's password was changed. Restore it.
  Only when the client is told and wants new pseudonyms, delete its row in
  `security.pseudonym_key` and clear the task.
* **ReportingError, not safe**: the message lists every way by which a reader would see more than
  it may, for example a grant made by hand. Take that away and clear the task.

### What to look at
`select * from security.entitlement_history order by valid_from desc;` and
`select metric, sentence, example from metrics.catalog;`
"""

from __future__ import annotations

import pendulum
from airflow.sdk import Asset, AssetAny, dag, task

from claimhouse import contracts, notify


@dag(
    description="Give every client the access its file names, and no other",
    doc_md=__doc__,
    schedule=AssetAny(*(Asset(f"claimhouse://star/{one}") for one in contracts.sources())),
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    tags=["claimhouse", "reporting"],
    default_args=notify.task_defaults(),
)
def publish() -> None:
    """Lay roles, entitlements and secured views anew."""

    @task(outlets=[Asset("claimhouse://reporting")])
    def lay_reports() -> None:
        from claimhouse import metrics, reporting, warehouse

        with warehouse.connect() as connection:
            metrics.publish(connection)
            reporting.publish(connection)

    lay_reports()


publish()
