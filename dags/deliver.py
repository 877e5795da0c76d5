"""### What it does
Runs after each publication, and every 15 minutes for the schedules. For every subscription that has something
to send, those of `include/clients/*.yaml` and the dashboards by mail that were approved on `/claimhouse/mailings`
(docs/dashboards.md, "By mail"):

1. `prepare` reads the report as the client's own role, or the dashboard as the person's who asked for it, writes
   the encrypted file and enters one mail for each recipient in `delivery.outbox`.
2. `send` hands each mail to the mail server. Once the server takes it, the mail is marked sent and
   the disclosure is logged in `delivery.disclosure`. A file too large to attach goes to the bucket
   `CLAIMHOUSE_LINK_STORE`, and the mail has a link that expires.
3. `ask` starts a run of `approve_extract` for each file that a person must approve first, once an hour
   until somebody has answered; a run that is there already is left alone.

Beside that, `notify_owner` mails the owner about what needs a person, again every 24 hours while it is open
(`CLAIMHOUSE_REMINDER_HOURS`).

The schedule of a subscription defines its periods: the latest tick is the period that is due. Each
period goes to each recipient once, however often this DAG runs.

### To hold deliveries
`claimhouse delivery hold <client> --reason "..."` takes effect from the next mail on.
`claimhouse delivery release <client>` resumes deliveries; mails that waited are sent. `hold:
<reason>` in the client file does the same from the next publication on.

### When it fails
Nothing is lost and nothing is sent twice: clear the task, or wait for the next run.

* **The mail server is down** (`ConnectionRefusedError`, `TimeoutError`, ...): the mails wait in
  the outbox. Retries continue for about two hours, then the next run sends them.
* **MissingConnection**: `claimhouse_extract_<client>` must have the password of the client's
  extracts, `claimhouse_mail` must name the mail server (type `smtp`, or `aws` for SES).
* **A mail has the state `failed`**: the server will never take it (no such mailbox, too large), or broke
  off `CLAIMHOUSE_MAIL_ATTEMPTS` times; `last_error` has the code. Fix the recipient in the client file and
  publish, or remove the cause and run `claimhouse delivery resolve <mail> resend --reason "..."`.
* **A mail is in doubt**: its run ended between the last byte of the mail and the server's answer.
  With the connection `claimhouse_journal` this settles itself; without it the owner is notified until
  somebody answers. Check the server's log or ask the recipient, then run
  `claimhouse delivery resolve <mail> arrived --reason "..."`, or `resend`, or `lost`
  (docs/how-to/answer-a-mail-in-doubt.md).
* **The owner was not notified**: the mail server does not take the notices either, or the owner's address
  is wrong. Each run tries again. Run `claimhouse delivery needs-a-person` and repair the mail server.
* **The password of the connection ... is too weak**: it needs 14 characters, no name of the client, no
  repetition or sequence, and no other client may have it (docs/how-to/rotate-a-key.md).
* **An extract is withheld**: its data was not refreshed; the mail to the owner says why. Fix the
  load or the publication; the extract is then sent without further action.
  `CLAIMHOUSE_REFRESH_MINUTES` is how long a refresh may take.
* **A dashboard is not mailed**: the mail to the owner and the page `/claimhouse/mailings` say why: its login has
  left or no longer opens it, no file has the address any more, the dashboard lacks a filter, the connection
  `claimhouse_extract_<client>` has no password. Remove the cause, and it is mailed; or stop it on the page. The
  task does not fail.
* **Not prepared, ... has not been published**: a publication is under way. A retry succeeds when it has ended.
* **Its file must be prepared again**: the file was removed from the extract folder, or the client's
  entitlements have changed since. Clear `prepare`, which writes it again. If the error stays, the
  workers do not share the folder `CLAIMHOUSE_EXTRACT_FOLDER`.
* **TooManyRows, UnfitValue**: the format cannot hold the report; the message says what can.
* **NoLinkStore**: a file is too large to attach and no bucket is configured.
* **Another run is preparing or sending it**: wait for that run.

### What to look at
`claimhouse delivery needs-a-person` for what waits for a person and since when,
`select * from delivery.outbox where state <> 'sent';` for what waits,
`claimhouse delivery ledger --patient <source>:<id> --client <client> --from <day> --to <day>`
(each option may be left out) for what was disclosed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

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

from claimhouse import notify, settings


@dag(
    description="Mail each client the extracts it subscribed to, once",
    doc_md=__doc__,
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("*/15 * * * *", timezone="UTC"),
        assets=[Asset("claimhouse://reporting")],
    ),
    catchup=False,
    max_active_runs=1,
    tags=["claimhouse", "reporting"],
    default_args=notify.task_defaults(
        retries=8,
        first=timedelta(minutes=1),
        longest=timedelta(minutes=30),
        queue=settings.DELIVER_QUEUE,
    ),
)
def deliver() -> None:
    """Prepare and send what is due, subscriptions in parallel."""

    @task
    def due() -> list[str]:
        from claimhouse import delivery

        return delivery.due()

    @task(map_index_template="{{ subscription_id }}")
    def prepare(subscription_id: str) -> str:
        from claimhouse import delivery
        from claimhouse.dashboards import mailed

        get_current_context()["subscription_id"] = subscription_id
        return delivery.prepare(subscription_id, known=mailed)

    @task(map_index_template="{{ subscription_id }}")
    def send(subscription_id: str) -> int:
        from claimhouse import delivery
        from claimhouse.dashboards import mailed

        get_current_context()["subscription_id"] = subscription_id
        return delivery.send(subscription_id, known=mailed)

    @task_group
    def subscription(subscription_id: str) -> None:
        send(prepare(subscription_id))

    @task(trigger_rule="all_done")
    def to_ask() -> list[dict[str, Any]]:
        from claimhouse import delivery

        return [
            {"conf": approval, "trigger_run_id": f"extract_{approval['extract_id']}"}
            for approval in delivery.approvals_to_ask()
        ]

    # Red in the UI where the mail server does not take the notices either. The next run is soon.
    @task(retries=1)
    def notify_owner() -> None:
        from claimhouse import delivery

        delivery.notify_owner()

    approvals = to_ask()
    subscription.expand(subscription_id=due()) >> approvals
    TriggerDagRunOperator.partial(
        task_id="ask", trigger_dag_id="approve_extract", skip_when_already_exists=True
    ).expand_kwargs(approvals)
    notify_owner()


deliver()
