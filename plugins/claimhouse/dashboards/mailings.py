"""A dashboard by mail: a person asks for it, and somebody else approves it before anything is mailed.

It is mailed to an address that the file of the reader has, and to no other: the person's own, or, where that has
none, one of the recipients of the reader's extracts.
"""

from __future__ import annotations

import json
from calendar import day_name
from collections.abc import Sequence

import psycopg
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from claimhouse import metrics, settings, warehouse, web
from claimhouse.dashboards import selection
from claimhouse.dashboards.asked import Asked, asked
from claimhouse.dashboards.drill import Fields, fields
from claimhouse.dashboards.frame import Framed
from claimhouse.dashboards.model import Dashboard
from claimhouse.dashboards.selection import Selection
from claimhouse.reporting.readers import Reader

routes = APIRouter()

FORMATS = {"pdf": "PDF", "xlsx": "Excel"}
WEEKDAYS = dict(enumerate(day_name, start=1))
# Mails of a login that wait for approval or are sent.
MOST = 20

__all__ = [
    "FORMATS",
    "WEEKDAYS",
    "addresses_of",
    "is_open_to",
    "refused_filters",
    "routes",
    "words",
]


def addresses_of(reader: Reader, login: str) -> tuple[str, ...]:
    """The addresses to which a dashboard may be mailed that *login* reads; none where no file has one."""
    person = next((entry for entry in reader.logins if entry.role == login), None)
    if person is None:
        return ()
    if person.email:
        return (person.email,)
    found = (address for entry in reader.subscriptions for address in entry.recipients)
    return tuple(dict.fromkeys(found))


def is_open_to(dashboard: Dashboard | None, reader: Reader | None) -> bool:
    """Whether *reader* may still open the dashboard."""
    return dashboard is not None and reader is not None and reader.name in dashboard.readers


def refused_filters(chosen: Selection) -> list[str]:
    """The fields by which no mail is filtered: all but cuts of metrics, for a value could be about one person."""
    cuts = metrics.dimensions()
    return [name for name in chosen.fields if name not in cuts]


def words(dashboard: Dashboard, filters: Sequence[Sequence[str]]) -> str:
    """The filters of a mail, for a person."""
    chosen = selection.of(dashboard, [(name, value) for name, value in filters])
    pairs = chosen.words(dashboard).items()
    return "; ".join(f"{title}: {text}" for title, text in pairs) or "as the dashboard opens"


@routes.get("/{name}/by-mail")
def show(request: Request, frame: Framed, name: str) -> HTMLResponse:
    """Ask to be mailed a dashboard with the filters of the address, and what was asked before."""
    return _page(asked(request, frame, name))


@routes.post("/{name}/by-mail", dependencies=[Depends(fields)])
def ask(request: Request, frame: Framed, name: str, form: Fields) -> Response:
    """Keep what a person asks for, until somebody approves it."""
    wanted = asked(request, frame, name)
    weekday = form.get("weekday", "")
    if form.get("format") not in FORMATS or weekday not in map(str, WEEKDAYS):
        raise HTTPException(400, "Choose a format and a day.")
    if form.get("recipient") not in addresses_of(wanted.reader, frame.login):
        raise HTTPException(403, "Nothing is mailed to this address.")
    if refused_filters(wanted.chosen):
        raise HTTPException(409, "A mail cannot be filtered by what could be about one person.")
    with (
        warehouse.without_values(),
        psycopg.connect(
            warehouse.url(settings.PORTAL_CONNECTION), application_name="claimhouse portal"
        ) as connection,
    ):
        kept = warehouse.query(
            connection, "dashboards/ask_for_mailing", frame.login, frame.person, name,
            json.dumps(wanted.chosen.pairs), form["format"], int(weekday), form["recipient"], MOST,
        )  # fmt: skip
    if not kept:
        raise HTTPException(409, f"You have {MOST} such mails already. Have one stopped first.")
    return RedirectResponse(wanted.address(wanted.chosen, "/by-mail"), 303)


def _page(wanted: Asked) -> HTMLResponse:
    frame, dashboard = wanted.frame, wanted.dashboard
    with (
        warehouse.without_values(),
        psycopg.connect(
            warehouse.url(settings.PORTAL_CONNECTION), application_name="claimhouse portal"
        ) as connection,
    ):
        before = warehouse.query(connection, "dashboards/mailings_of", frame.login, dashboard.name)
    refused = [
        entry.title.lower()
        for entry in dashboard.filters
        if entry.field in refused_filters(wanted.chosen)
    ]
    text = web.page(
        "dashboards/by_mail.html",
        root=frame.root, tabs=frame.tabs, tab=frame.tab, frame=frame, dashboard=dashboard,
        wanted=wanted, filters=words(dashboard, wanted.chosen.pairs), refused=refused,
        addresses=addresses_of(wanted.reader, frame.login), formats=FORMATS, weekdays=WEEKDAYS,
        field=web.FIELD,
        before=[row | {"filters": words(dashboard, row["filters"])} for row in before],
    )  # fmt: skip
    return HTMLResponse(text)
