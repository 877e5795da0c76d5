"""Dashboards in Airflow: a user reads as the logins that the administrator has given to their name.

``claimhouse portal add-user --kind airflow`` gives them (``portal.account``). What may be read is decided in the
database, as in the portal: the rights of Airflow open none.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse

from claimhouse import portal
from claimhouse.dashboards import known, page
from claimhouse.dashboards.frame import Frame
from claimhouse.dashboards.model import Dashboard
from claimhouse.pages import answers
from claimhouse.pages.rights import Looks


@dataclass(frozen=True)
class Opened:
    """A login as which the user reads, and the dashboards that it opens.

    Attributes:
        title: of the reader.
        person: whose login it is.
        has_metrics: whether there is something to explore.
    """

    login: str
    title: str
    person: str
    dashboards: list[Dashboard]
    has_metrics: bool


def reads_as(request: Request, looks: Looks, login: str) -> None:
    """Read as *login*, where it is given to the user.

    Raises:
        HTTPException: 404, as if there were no such page.
    """
    if login not in portal.logins_of(looks.name):
        raise HTTPException(404, answers.UNKNOWN)
    root = answers.root(request)
    request.state.reader = login
    request.state.frame = Frame(
        login=login,
        person=looks.name,
        token=looks.token,
        root=root,
        place=f"{root}dashboards/as/{login}/",
        tabs=answers.TABS,
        tab="dashboards",
    )


routes = APIRouter()
as_login = APIRouter(prefix="/dashboards/as/{login}", dependencies=[Depends(reads_as)])
as_login.include_router(page.routes)


@routes.get("/dashboards")
def show(request: Request, looks: Looks) -> HTMLResponse:
    """The dashboards that the user may open, by the login as which they read."""
    page.warm()
    given = portal.logins_of(looks.name)
    opened = [
        Opened(
            login,
            reader.title,
            login.rpartition("__")[2].replace("_", " "),
            page.open_to(reader),
            bool(reader.metrics),
        )
        for login in given
        for reader in known.readers()
        if login in reader.roles
    ]
    return answers.show(request, "dashboards", looks, opened=opened)


routes.include_router(as_login)
