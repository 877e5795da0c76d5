"""Who may look and who may act: whoever may read a source's ingest DAG, and whoever may trigger it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import (
    DagAccessEntity,
    DagDetails,
)
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.configuration import conf
from fastapi import Depends, HTTPException, Request
from starlette.datastructures import FormData

from claimhouse import contracts, web
from claimhouse.web import multipart

FORM = "application/x-www-form-urlencoded"
# Forms of dashboards look and ask, and change nothing of a source; what they read the database decides.
DASHBOARDS = "/dashboards/as/"
# Whoever may trigger it approves what is mailed.
APPROVES = "approve_extract"
LARGEST_FORM = 1_000_000
LONGEST_TOKEN = 1_000


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in to Airflow.

    Attributes:
        name: the name of the login, for the record of what was done.
        sees: the source systems whose files and issues this person may look at.
        runs: those whose files this person may upload, process, waive and correct.
        token: what the forms of this person's pages carry.
    """

    name: str
    sees: tuple[str, ...]
    runs: tuple[str, ...]
    token: str

    def must_see(self, source: str) -> None:
        """Refuse what belongs to a source that this person may not look at.

        Raises:
            HTTPException: 404, as if there were no such thing.
        """
        if source not in self.sees:
            raise HTTPException(404, "There is no such page.")

    def must_run(self, source: str) -> None:
        """Refuse to act on a source whose ingest DAG this person may not trigger.

        Raises:
            HTTPException: 404 where the person may not even look, else 403.
        """
        self.must_see(source)
        if source not in self.runs:
            raise HTTPException(403, f"You may look at {source}, and not change anything of it.")


def person(user: GetUserDep) -> Person:
    """The person of a request.

    Raises:
        HTTPException: nobody is signed in (401), or the person may read no ingest DAG (403).
    """
    sees = tuple(source for source in contracts.sources() if _may(user, source, "GET"))
    runs = tuple(source for source in sees if _may(user, source, "POST", DagAccessEntity.RUN))
    if not sees:
        raise HTTPException(403, "You may not read the ingest DAGs of any source system.")
    name = user.get_name()
    return Person(name, sees, runs, tokens().of(name))


Looks = Annotated[Person, Depends(person)]


def approver(user: GetUserDep, looks: Looks) -> Person:
    """The person of a request, who may approve what is mailed.

    Raises:
        HTTPException: 403, this person may not.
    """
    details = DagDetails(id=APPROVES)
    if not get_auth_manager().is_authorized_dag(
        method="POST", access_entity=DagAccessEntity.RUN, details=details, user=user
    ):
        raise HTTPException(403, "You may not approve what is mailed.")
    return looks


Approves = Annotated[Person, Depends(approver)]


async def changes(request: Request, looks: Looks) -> None:
    """Refuse a change by a person who may change nothing, or from elsewhere than a page of this person's.

    Raises:
        HTTPException: 403; 413 or 415 for a form that is none of ours.
    """
    if request.method in web.SAFE_METHODS:
        return
    route = str(getattr(request.scope.get("route"), "path", ""))
    if not looks.runs and not route.startswith(DASHBOARDS):
        raise HTTPException(403, "You may look, and not change anything.")
    token = request.headers.get(web.HEADER)
    if token is None and request.headers.get("content-type", "").startswith(multipart.CONTENT_TYPE):
        token = await _first_part(request)
    elif token is None:
        token = str((await form(request)).get(web.FIELD, ""))
    if not tokens().is_of(token, looks.name):
        raise HTTPException(403, "This page is too old. Open it anew and try again.")


async def _first_part(request: Request) -> str:
    """The token of a form with files, in its first part: no more of the body is read.

    What follows is in ``request.state.parts``.
    """
    parts = multipart.events(request.headers["content-type"], request.stream())
    request.state.parts, token = parts, b""
    try:
        begin = await anext(parts)
        if not isinstance(begin, multipart.Begin) or begin.name != web.FIELD:
            return ""
        while isinstance(piece := await anext(parts), bytes) and len(token) <= LONGEST_TOKEN:
            token += piece
    except (multipart.NotMultipart, StopAsyncIteration):
        return ""
    return token.decode("utf-8", "replace")


async def form(request: Request) -> FormData:
    """The fields of a form; no files, which are uploaded otherwise.

    Raises:
        HTTPException: it is no form (415), or too large (413).
    """
    if request.headers.get("content-type", "").partition(";")[0] != FORM:
        raise HTTPException(415, "This is not a form.")
    if int(request.headers.get("content-length") or LARGEST_FORM + 1) > LARGEST_FORM:
        raise HTTPException(413, "This form is too large.")
    return await request.form()


Form = Annotated[FormData, Depends(form)]


@cache
def tokens() -> web.Tokens:
    """The tokens of the pages' forms, under the key of Airflow's sessions."""
    return web.Tokens(conf.get_mandatory_value("api", "secret_key"))


def _may(user: Any, source: str, method: Any, entity: DagAccessEntity | None = None) -> bool:
    details = DagDetails(id=f"ingest_{source}")
    return bool(
        get_auth_manager().is_authorized_dag(
            method=method, access_entity=entity, details=details, user=user
        )
    )
