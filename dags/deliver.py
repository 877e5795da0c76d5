"""### What it does
Runs after each publication. For every subscription of `include/clients/*.yaml` that has
something to send:

1. `prepare` reads the report as the client's own role, writes the workbook, encrypts it and
   enters one mail for each recipient in `delivery.outbox`.
2. `send` hands each mail to the mail server and, once it is taken, marks it sent and enters it
   in the ledger, `delivery.disclosure`.

A subscription's schedule names its periods: the latest tick is the period that is due, and each
period goes to each recipient once, however often this runs.

### When it fails
Nothing is lost and nothing is sent twice: clear the task, or wait for the next run.

* **The mail server is away** (`ConnectionRefusedError`, `TimeoutError`, ...): the mails wait in
  the outbox. The retries go on for about two hours, then the next run sends them.
* **MissingConnection**: `claimhouse_extract_<client>` must have the extract's password,
  `claimhouse_mail` must name the mail server.
* **A mail has the state `failed`**: the server will never take it (no such mailbox, too large;
  `last_error` has the code). Mend the recipient in the client file and publish; to try the same
  mail again: `update delivery.outbox set state = 'prepared' where outbox_id = ...;`
* **Its file must be prepared anew**: it was removed from the extract folder, or what the client
  may see has changed since. Clear `prepare`, which writes it again. If it stays so, the workers
  do not share the folder `CLAIMHOUSE_EXTRACT_FOLDER`.
* **TooManyRows**: the report no longer fits on a sheet. Nothing was sent.
* **Another run is at it**: wait for that one.

A mail that was in state `sending` when a worker died is sent again under the same Message-ID.

### What to look at
`select * from delivery.outbox where state <> 'sent';` for what waits,
`select * from delivery.disclosure order by disclosed_at desc;` for what left the house.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.sdk import Asset, dag, get_current_context, task, task_group

from claimhouse import notify


@dag(
    description="Mail each client the extracts it subscribed to, once",
    doc_md=__doc__,
    schedule=[Asset("claimhouse://reporting")],
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

    subscription.expand(subscription_id=due())


deliver()
