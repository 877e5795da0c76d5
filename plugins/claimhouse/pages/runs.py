"""Runs of the ingest DAGs: triggered for a person, and their stages in words that need no Airflow.

Airflow's own tables are read and written as its API does, in the process of the API server.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.asset import AssetEvent
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import select
from sqlalchemy.orm import Session

# The stages of a run: what a person calls it, and its tasks.
STAGES = (
    ("Asking the source's databases for new rows", ("to_fetch", "fetch")),
    ("Taking the file in", ("land",)),
    ("Checking every field", ("verify",)),
    ("Checking the file as a whole", ("check",)),
    ("Loading the records", ("load", "load_facts")),
    ("Checking what was loaded", ("check_star",)),
)
PUBLISHING = "Bringing the reports up to date"
WAITS, WORKS, DONE, FAILED, NOT_REACHED = "waits", "works", "done", "failed", "not reached"
NOT_NEEDED, AGAIN = "not needed", "is tried again"
_WORDS = {
    "success": DONE,
    "failed": FAILED,
    "upstream_failed": NOT_REACHED,
    "removed": NOT_REACHED,
    "skipped": NOT_NEEDED,
    "running": WORKS,
    "restarting": WORKS,
    "up_for_retry": AGAIN,
}
# Of the tasks of one stage, the word that says most.
_MOST = (FAILED, AGAIN, WORKS, NOT_REACHED, WAITS, DONE, NOT_NEEDED)
# After this many seconds without a publication nobody has asked for one.
_PATIENCE = 90


@dataclass(frozen=True)
class Stage:
    """A stage of a run, and how far it is: one of the words above."""

    name: str
    word: str


@dataclass(frozen=True)
class Run:
    """How far a run is.

    Attributes:
        stages: in their order; none where Airflow does not know the run any more.
        has_ended: whether nothing more will happen.
        hindrance: what keeps it from beginning, a sentence; empty where nothing does.
    """

    stages: tuple[Stage, ...]
    has_ended: bool
    has_failed: bool
    hindrance: str = ""


def trigger(source: str, login: str) -> str:
    """Have the files of *source* ingested: a new run, or one that waits to begin and will see them too.

    Args:
        source: the source system.
        login: who asks for it.

    Returns:
        The run.
    """
    dag = f"ingest_{source}"
    with create_session() as session:
        waiting = session.scalar(
            select(DagRun.run_id)
            .where(
                DagRun.dag_id == dag,
                DagRun.state == DagRunState.QUEUED,
                DagRun.start_date.is_(None),
                DagRun.clear_number == 0,
            )
            .limit(1)
        )
    if waiting is not None:
        return str(waiting)
    run_id = f"manual__{datetime.now(UTC).isoformat()}_{secrets.token_hex(4)}"
    trigger_dag(
        dag, run_id=run_id, triggered_by=DagRunTriggeredByType.UI, triggering_user_name=login
    )
    return run_id


def follow(source: str, run_id: str) -> Run:
    """How far a run of *source* is, the publication that follows it included."""
    dag = f"ingest_{source}"
    with create_session() as session:
        run = session.scalar(select(DagRun).where(DagRun.dag_id == dag, DagRun.run_id == run_id))
        if run is None:
            return Run((), has_ended=True, has_failed=False)
        words: dict[str, set[str]] = defaultdict(set)
        for task, state in session.execute(
            select(TaskInstance.task_id, TaskInstance.state).where(
                TaskInstance.dag_id == dag, TaskInstance.run_id == run_id
            )
        ):
            words[task].add(_WORDS.get(str(state), WAITS))
        stages = [
            Stage(name, _summed(word for task in tasks for word in words[task]))
            for name, tasks in STAGES
            if any(task in words for task in tasks)
        ]
        has_failed = run.state == DagRunState.FAILED
        has_ended = has_failed or run.state == DagRunState.SUCCESS
        published = NOT_REACHED if has_failed else WAITS
        if has_ended and not has_failed:
            published = (
                NOT_NEEDED  # nothing was new, and nobody is asked to publish it
                if stages and stages[-1].word == NOT_NEEDED
                else _published(session, dag, run_id, run.end_date)
            )
        hindrance = "" if has_ended else _hindrance(session, run)
    return Run(
        (*stages, Stage(PUBLISHING, published)),
        has_ended and published not in (WAITS, WORKS, AGAIN),
        has_failed or published == FAILED,
        hindrance,
    )


def at_work(dag: str, moment: datetime) -> str | None:
    """The run of *dag* that was at work at *moment*; None where Airflow does not know one."""
    with create_session() as session:
        run = session.scalar(
            select(DagRun)
            .where(DagRun.dag_id == dag, DagRun.start_date <= moment)
            .order_by(DagRun.start_date.desc())
            .limit(1)
        )
        is_known = run is not None and (run.end_date is None or run.end_date >= moment)
        return str(run.run_id) if run is not None and is_known else None


def _published(session: Session, dag: str, run_id: str, ended_at: datetime | None) -> str:
    """How far the publication is that an ended run asked for."""
    events = session.scalars(
        select(AssetEvent).where(
            AssetEvent.source_dag_id == dag, AssetEvent.source_run_id == run_id
        )
    )
    states = [str(run.state) for event in events for run in event.created_dagruns]
    if states:
        return _summed(_WORDS.get(state, WAITS) for state in states)
    age = (datetime.now(UTC) - ended_at).total_seconds() if ended_at else 0
    return WAITS if age < _PATIENCE else NOT_REACHED


def _hindrance(session: Session, run: DagRun) -> str:
    if run.state != DagRunState.QUEUED:
        return ""
    if session.scalar(select(DagModel.is_paused).where(DagModel.dag_id == run.dag_id)):
        return (
            f"{run.dag_id} is switched off in Airflow, so nothing begins. Ask who runs Claimhouse to switch "
            "it on; your file is then processed."
        )
    other = select(DagRun.run_id).where(
        DagRun.dag_id == run.dag_id, DagRun.state == DagRunState.RUNNING
    )
    if session.scalar(other.limit(1)):
        return "Another run of this source is not finished. This one begins after it."
    return ""


def _summed(words: Iterable[str]) -> str:
    found = set(words)
    if found == {WAITS, DONE}:  # some of several are done
        return WORKS
    return next((word for word in _MOST if word in found), WAITS)
