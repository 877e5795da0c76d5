"""Who may look and who may act: whoever may read a source's ingest DAG, and whoever may trigger it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import (
    DagAccessEntity,
    DagDetails,
)
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, HTTPException

from claimhouse import contracts


@dataclass(frozen=True)
class Person:
    """Somebody who is logged in to Airflow.

    Attributes:
        name: the name of the login, for the record of what was done.
        sees: the source systems whose files and issues this person may look at.
        runs: those whose files this person may upload, process, waive and correct.
    """

    name: str
    sees: tuple[str, ...]
    runs: tuple[str, ...]


def person(user: GetUserDep) -> Person:
    """The person of a request.

    Raises:
        HTTPException: nobody is logged in (401), or the person may read no ingest DAG (403).
    """
    sees = tuple(source for source in contracts.sources() if _may(user, source, "GET"))
    runs = tuple(source for source in sees if _may(user, source, "POST", DagAccessEntity.RUN))
    if not sees:
        raise HTTPException(403, "You may not read the ingest DAGs.")
    return Person(user.get_name(), sees, runs)


def _may(user: Any, source: str, method: Any, entity: DagAccessEntity | None = None) -> bool:
    details = DagDetails(id=f"ingest_{source}")
    return bool(
        get_auth_manager().is_authorized_dag(
            method=method, access_entity=entity, details=details, user=user
        )
    )


Looks = Annotated[Person, Depends(person)]
