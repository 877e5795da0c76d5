"""Which run of a DAG was at work at a time.

Airflow's own table is read as its API does, in the process of the API server.
"""

from __future__ import annotations

from datetime import datetime

from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from sqlalchemy import select


def at(dag: str, moment: datetime) -> str | None:
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
