"""What all tasks share: an owner, retries with exponential back-off, and a mail when they fail.

The mail names the task and the run, and holds no data.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from claimhouse import settings

SUBJECT = "Claimhouse: {{ ti.dag_id }} failed at {{ ti.task_id }}"
# No exception text: it may quote a value of a file.
TEXT = """\
<p>The task <b>{{ ti.task_id }}</b> of the DAG <b>{{ ti.dag_id }}</b> failed after
{{ ti.try_number }} attempt{{ "" if ti.try_number == 1 else "s" }} (run <code>{{ run_id }}</code>).</p>
<p>The DAG's documentation in Airflow says what to do. The log is at
<a href="{{ ti.log_url }}">{{ ti.log_url }}</a>.</p>
"""


def on_failure() -> list[Any]:
    """The callbacks for ``on_failure_callback``: a mail to the owner, without data."""
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    return [
        SmtpNotifier(
            to=settings.owner_address(),
            subject=SUBJECT,
            html_content=TEXT,
            smtp_conn_id=settings.MAIL_CONNECTION,
        )
    ]


def task_defaults(
    retries: int = 2,
    first: timedelta = timedelta(seconds=30),
    longest: timedelta = timedelta(minutes=10),
    queue: str | None = None,
) -> dict[str, Any]:
    """The ``default_args`` of a DAG.

    Args:
        retries: how often a failed task is tried again.
        first: how long it waits before the first retry; each later wait is twice as long.
        longest: no wait is longer than this.
        queue: the queue of the Celery workers that have what the tasks need (docs/security.md);
            Airflow's default, that of loads, when left out.
    """
    of_queue = {"queue": queue} if queue else {}
    return of_queue | {
        "owner": "data-engineering",
        "retries": retries,
        "retry_delay": first,
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": longest,
        "on_failure_callback": on_failure(),
    }


@contextmanager
def final(*errors: type[Exception]) -> Iterator[None]:
    """Fail the task at once when one of *errors* is raised, whatever retries are left.

    For a verdict that a retry would only repeat. The retries stay for a worker that dies, and for a group of
    errors of which one is another.

    Raises:
        airflow.sdk.exceptions.AirflowFailException: in the place of one of *errors*, or of a group of them.
    """
    from airflow.sdk.exceptions import AirflowFailException

    try:
        yield
    except errors as error:
        raise AirflowFailException(_described(error)) from None
    except ExceptionGroup as group:
        if group.split(errors)[1]:
            raise
        raise AirflowFailException("; ".join(map(_described, group.exceptions))) from None


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
