"""### What it does
Runs after each publication, and every quarter of an hour for the schedules. For every
subscription of `include/clients/*.yaml` that has something to send:

1. `prepare` reads the report as the client's own role, writes the encrypted file and enters one
   mail for each recipient in `delivery.outbox`.
2. `send` hands each mail to the mail server and, once it is taken, marks it sent and enters it
   in the ledger, `delivery.disclosure`. A file too big to attach goes into the bucket
   `CLAIMHOUSE_LINK_STORE`, and the mail has a link that expires.
3. `ask` starts a run of `approve_extract` for each file that a person must approve first.

A subscription's schedule names its periods: the latest tick is the period that is due, and each
period goes to each recipient once, however often this runs.

### To hold deliveries
`claimhouse delivery hold <client> --reason "..."` stops the next mail already;
`release <client>` lets them go on, and what waited is sent. `hold: <reason>` in the client file
does the same from the next publication on.

### When it fails
Nothing is lost and nothing is sent twice: clear the task, or wait for the next run.

* **The mail server is away** (`ConnectionRefusedError`, `TimeoutError`, ...): the mails wait in
  the outbox. The retries go on for about two hours, then the next run sends them.
* **MissingConnection**: `claimhouse_extract_<client>` must have the extract's password,
  `claimhouse_mail` must name the mail server (type `smtp`, or `aws` for SES).
* **A mail has the state `failed`**: the server will never take it (no such mailbox, too large;
  `last_error` has the code). Mend the recipient in the client file and publish; to try the same
  mail again: `update delivery.outbox set state = 'prepared' where outbox_id = ...;`
* **A mail is in doubt**: its run ended between the mail's last byte and the server's answer. With
  the connection `claimhouse_journal` this is found out by itself; without it the owner is told.
  Ask the server's log or the recipient, then
  `claimhouse delivery resolve <mail> arrived` or `resend`.
* **An extract is withheld**: its data was not refreshed; the owner's mail says why. Mend the
  load or the publication, and it is sent by itself. `CLAIMHOUSE_REFRESH_MINUTES` is how long a
  refresh may take.
* **Its file must be prepared anew**: it was removed from the extract folder, or what the client
  may see has changed since. Clear `prepare`, which writes it again. If it stays so, the workers
  do not share the folder `CLAIMHOUSE_EXTRACT_FOLDER`.
* **TooManyRows, UnfitValue**: the format does not hold the report; the message says what would.
* **NoLinkStore**: a file is too big to attach and no bucket is set.
* **Another run is at it**: wait for that one.

### What to look at
`select * from delivery.outbox where state <> 'sent';` for what waits,
`claimhouse delivery ledger --patient <source>:<id> --client <client> --from <day> --to
<day>` (each part may be left out) for what left the house.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import (
    Asset,
    AssetOrTimeSchedule,
    CronTriggerTimetable,
    dag,
    get_current_context,
    task,
    task_group,
)

from claimhouse import notify


@dag(
    description="Mail each client the extracts it subscribed to, once",
    doc_md=__doc__,
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("*/15 * * * *", timezone="UTC"),
        assets=[Asset("claimhouse://reporting")],
    ),
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    tags=["claimhouse", "reporting"],
    default_args=notify.task_defaults(
        retries=8, first=timedelta(minutes=1), longest=timedelta(minutes=30)
    ),
)
def deliver() -> None:
    """Prepare and send what is due, one subscription beside the other."""

    @task
    def due() -> list[str]:
        from claimhouse import delivery

        return delivery.due()

    @task(map_index_template="{{ subscription_id }}")
    def prepare(subscription_id: str) -> str:
        from claimhouse import delivery

        get_current_context()["subscription_id"] = subscription_id
        return delivery.prepare(subscription_id)

    @task(map_index_template="{{ subscription_id }}")
    def send(subscription_id: str) -> int:
        from claimhouse import delivery

        get_current_context()["subscription_id"] = subscription_id
        return delivery.send(subscription_id)

    @task_group
    def subscription(subscription_id: str) -> None:
        send(prepare(subscription_id))

    @task(trigger_rule="all_done")
    def to_ask() -> list[dict[str, Any]]:
        from claimhouse import delivery

        return [{"conf": one} for one in delivery.approvals_to_ask()]

    wanted = to_ask()
    subscription.expand(subscription_id=due()) >> wanted
    TriggerDagRunOperator.partial(task_id="ask", trigger_dag_id="approve_extract").expand_kwargs(
        wanted
    )


deliver()
