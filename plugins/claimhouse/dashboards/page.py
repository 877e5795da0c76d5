"""The pages of dashboards, the same in Airflow and in the portal.

What a page shows is read as its reader. An address says which dashboard and which filters, and nothing
of a person.
"""

from __future__ import annotations

import json
import logging
import threading
from functools import cache
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from claimhouse import web
from claimhouse.dashboards import (
    downloads,
    drill,
    explore,
    known,
    mailings,
    numbers,
    selection,
    theme,
    view,
)
from claimhouse.dashboards.answer import Page
from claimhouse.dashboards.asked import Asked, asked, exploring, open_to, read
from claimhouse.dashboards.frame import Framed
from claimhouse.dashboards.selection import Selection

__all__ = ["Asked", "asked", "open_to", "render", "routes", "warm"]

log = logging.getLogger(__name__)
routes = APIRouter()
routes.include_router(downloads.routes)
routes.include_router(drill.routes)
routes.include_router(mailings.routes)


@cache
def warm() -> None:
    """Read the dashboards and start what draws charts, in a thread: it takes seconds that no reader shall wait."""
    threading.Thread(target=_warm, name="dashboards", daemon=True).start()


def _warm() -> None:
    dot = {"data": {"values": [{"x": 1}]}, "mark": "bar", "encoding": {"x": {"field": "x"}}}
    try:
        theme.svg(json.dumps(dot))
        known.dashboards()
    except Exception:  # whoever asks is told
        log.exception("dashboards are not ready")


# Before the dashboards, of which none has this name.
@routes.get("/explore")
def explored(request: Request, frame: Framed) -> HTMLResponse:
    """Explore: what is picked, its tile, and the statement behind it."""
    with exploring(request, frame) as (question, wanted, reading):
        page, possible = reading.page(), explore.cuts(question, reading.fields)
    return HTMLResponse(
        render(
            wanted,
            reading.chosen,
            page,
            "explore",
            question=question,
            possible=possible,
            sources=explore.by_source(wanted.reader),
            charts=explore.CHARTS,
            readable=explore.readable,
        )
    )


@routes.get("/explore.yaml")
def explored_yaml(request: Request, frame: Framed) -> Response:
    """What is picked, as the file of a dashboard."""
    with exploring(request, frame) as (question, wanted, _):
        if not question.numbers:
            raise HTTPException(404)
    headers = {"Content-Disposition": 'attachment; filename="my_dashboard.yaml"'}
    return Response(
        explore.as_yaml(wanted.dashboard), media_type="application/yaml", headers=headers
    )


@routes.get("/{name}")
def show(request: Request, frame: Framed, name: str) -> HTMLResponse:
    """A dashboard."""
    wanted = asked(request, frame, name)
    with wanted.reading() as reading:
        page = reading.page()
    return HTMLResponse(render(wanted, reading.chosen, page))


@routes.get("/{name}/choices/{field}")
def choices(request: Request, frame: Framed, name: str, field: str, text: str = "") -> JSONResponse:
    """The values of a filter that contain a text, each with how much there is of it."""
    with read(request, frame, name) as (wanted, reading):
        entry = wanted.dashboard.filter_of(field)
        if entry is None or entry.kind != "choice":
            raise HTTPException(404)
        found = reading.choices(field, text.replace("\0", "")[: selection.LONGEST])
    return JSONResponse([[choice.value, numbers.text(choice.count)] for choice in found])


def render(
    wanted: Asked, chosen: Selection, page: Page, template: str = "dashboard", **values: Any
) -> str:
    """The HTML of a dashboard."""
    frame, dashboard = wanted.frame, wanted.dashboard
    return web.page(
        f"dashboards/{template}.html",
        root=frame.root,
        tabs=frame.tabs,
        tab=frame.tab,
        frame=frame,
        dashboard=dashboard,
        wanted=wanted,
        chosen=chosen,
        page=page,
        rows=list(view.rows(dashboard, page, chosen, wanted.address)),
        periods=view.periods(dashboard, page, chosen, wanted.address),
        chips=view.chips(dashboard, chosen, wanted.address),
        short=numbers.short,
        **values,
    )
