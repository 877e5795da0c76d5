"""A dashboard by mail: a person asks for it, and somebody else approves it before anything is mailed.

It is mailed to an address that the file of the reader has, and to no other: the person's own, or, where that has
none, one of the recipients of the reader's extracts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import psycopg
from fastapi import APIRouter, Depends, HTTPException, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from claimhouse import settings, warehouse, web
from claimhouse.dashboards import selection
from claimhouse.dashboards.asked import Asked, asked
from claimhouse.dashboards.drill import Fields, fields
from claimhouse.dashboards.frame import Framed
from claimhouse.dashboards.mailed import (
    WEEKDAYS,
    Pairs,
    addresses_of,
    opens_more,
    refused_filters,
)
from claimhouse.dashboards.model import Dashboard
from claimhouse.delivery import schedule

routes = APIRouter()
MailingId = Annotated[int, Path(ge=1, le=2**63 - 1)]

FORMATS = {"pdf": "PDF", "xlsx": "Excel"}
# Mails of a login that wait for approval or are sent.
MOST = 20
NOT_THIS_LOGIN = (
    "You see a restricted specialty, and others know the password of the mails. "
    "Nothing is mailed to you."
)


def words(dashboard: Dashboard, filters: Pairs) -> str:
    """The filters of a mail, for a person."""
    chosen = selection.of(dashboard, [(name, value) for name, value in filters])
    pairs = chosen.words(dashboard).items()
    return "; ".join(f"{title}: {text}" for title, text in pairs) or "as the dashboard opens"


def next_mail(row: Mapping[str, Any], now: datetime | None = None) -> str:
    """When the next mail goes, on the clock of its reader: ``Monday, 2026-03-02 06:00 America/Chicago``.

    Empty where one is due now.

    Args:
        row: of ``portal.mailed``.
        now: the present when left out.
    """
    now = now or datetime.now(UTC)
    current = schedule.period(row["schedule"], row["time_zone"], now)
    is_open = current >= row["starts_at"] and (
        row["last_period"] is None or current > row["last_period"]
    )
    if is_open:
        return ""
    return schedule.wall_day(
        schedule.next_period(row["schedule"], row["time_zone"], now), row["time_zone"]
    )


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
    if opens_more(wanted.reader, frame.login):
        raise HTTPException(403, NOT_THIS_LOGIN)
    if refused_filters(wanted.chosen):
        raise HTTPException(409, "A mail cannot be filtered by what could be about one person.")
    with _connected() as connection:
        kept = warehouse.query(
            connection, "dashboards/ask_for_mailing", frame.login, frame.person, name,
            json.dumps(wanted.chosen.pairs), form["format"], int(weekday), form["recipient"], MOST,
            wanted.reader.time_zone,
        )  # fmt: skip
    if not kept:
        raise HTTPException(409, f"You have {MOST} such mails already. Stop one first.")
    return RedirectResponse(wanted.address(wanted.chosen, "/by-mail"), 303)


@routes.post("/{name}/by-mail/{mailing_id}/stop", dependencies=[Depends(fields)])
def stop(request: Request, frame: Framed, name: str, mailing_id: MailingId) -> Response:
    """Mail no more what this person asked for."""
    wanted = asked(request, frame, name)
    with _connected() as connection:
        done = warehouse.query(
            connection, "dashboards/stop_mailing", mailing_id, frame.login, frame.person
        )
    if not done:
        raise HTTPException(404, "You have no such mail.")
    return RedirectResponse(wanted.address(wanted.chosen, "/by-mail"), 303)


@contextmanager
def _connected() -> Iterator[psycopg.Connection[Any]]:
    with (
        warehouse.without_values(),
        psycopg.connect(
            warehouse.url(settings.PORTAL_CONNECTION), application_name="claimhouse portal"
        ) as connection,
    ):
        yield connection


def _page(wanted: Asked) -> HTMLResponse:
    frame, dashboard = wanted.frame, wanted.dashboard
    with _connected() as connection:
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
        not_this_login=NOT_THIS_LOGIN if opens_more(wanted.reader, frame.login) else "",
        field=web.FIELD, time_zone=wanted.reader.time_zone,
        before=[
            row | {
                "filters": words(dashboard, row["filters"]),
                "next": next_mail(row) if row["schedule"] else "",
            }
            for row in before
        ],
    )  # fmt: skip
    return HTMLResponse(text)
