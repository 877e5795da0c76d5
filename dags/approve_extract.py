"""### What it does
Asks a person to approve an extract before it is sent, where its subscription requires that
(`approval` in the client file): before the first delivery, and when the row count jumps. `deliver`
starts one run for each such file. The question appears in Airflow under *Required Actions*, with
the row counts of this file and of the last one.

* **Approve**: the mails are sent at once.
* **Reject**: the mails are given up (state `refused` in `delivery.outbox`). The next period is asked
  about again.

A run waits for any length of time and occupies no worker; other deliveries continue.

### When it fails
Clear the task. `select * from delivery.approval where is_approved is null;` lists what waits. If a
run was deleted before somebody answered, trigger this DAG again with the same configuration.

### What to look at
`select * from delivery.approval order by decided_at desc;` for who decided what.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param, dag, task

from claimhouse import notify, settings

APPROVE, REJECT = "Approve", "Reject"
QUESTION = """\
Period {{ params.period }}, recipients: {{ params.recipients }}.

| | |
|---|---|
| Why you are asked | {{ params.why }} |
| Rows | {{ params.row_count }} |
| Rows of the last file | {{ params.previous_row_count }} |
"""


@dag(
    description="Ask a person to approve an extract before it is sent",
    doc_md=__doc__,
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=100,
    tags=["claimhouse", "reporting"],
    params={
        "extract_id": Param(type="integer"),
        "subscription_id": Param(type="string"),
        "period": Param(type="string"),
        "row_count": Param(type="string"),
        "previous_row_count": Param(type="string"),
        "why": Param(type="string"),
        "recipients": Param(type="integer"),
    },
    default_args=notify.task_defaults(
        retries=8,
        first=timedelta(minutes=1),
        longest=timedelta(minutes=30),
        queue=settings.DELIVER_QUEUE,
    ),
)
def approve_extract() -> None:
    """Ask, record the answer, and send what was approved."""
    ask = HITLOperator(
        task_id="ask",
        subject="May {{ params.subscription_id }} be sent?",
        body=QUESTION,
        options=[APPROVE, REJECT],
    )

    @task(multiple_outputs=False)
    def decide(answer: dict[str, Any], extract_id: str) -> str | None:
        from claimhouse import delivery

        user = answer["responded_by_user"] or {}
        return delivery.decide(
            int(extract_id),
            may_be_sent=answer["chosen_options"] == [APPROVE],
            by=str(user.get("name") or user.get("id") or "unknown"),
        )

    @task
    def send(subscription_id: str | None) -> int:
        from claimhouse import delivery

        return delivery.send(subscription_id) if subscription_id else 0

    send(decide(ask.output, "{{ params.extract_id }}"))


approve_extract()
