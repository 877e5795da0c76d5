"""The pages of dashboards, the same in Airflow and in the portal.

What a page shows is read as its reader. An address says which dashboard and which filters, and nothing
of a person.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from claimhouse import web
from claimhouse.dashboards import explore, known, numbers, selection
from claimhouse.dashboards.answer import Page
from claimhouse.dashboards.database import Busy, NoReader, TooSlow, as_reader
from claimhouse.dashboards.frame import NOBODY, Frame, Framed
from claimhouse.dashboards.model import Dashboard
from claimhouse.dashboards.read import Reading
from claimhouse.dashboards.selection import Selection
from claimhouse.reporting.readers import Reader

routes = APIRouter()


@dataclass(frozen=True)
class Asked:
    """A dashboard, with filters, of a reader.

    Attributes:
        kept: what each address of it also says.
    """

    frame: Frame
    reader: Reader
    dashboard: Dashboard
    chosen: Selection
    kept: Sequence[tuple[str, str]] = ()

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """Its answers, read as the login of the request.

        Raises:
            HTTPException: nobody reads as the login (403), or the warehouse has no session to spare (503).
        """
        person = self.frame.login_of(self.reader)
        try:
            with as_reader(self.frame.login) as connection:
                yield Reading(connection, self.reader, person, self.dashboard, self.chosen)
        except NoReader:
            raise HTTPException(403, NOBODY) from None
        except (Busy, TooSlow):
            raise HTTPException(503, "The warehouse is busy. Try again in a minute.") from None

    def address(self, chosen: Selection, end: str = "") -> str:
        """The address of the dashboard with other filters."""
        pairs = [*self.kept, *chosen.pairs]
        return (
            f"{self.frame.place}{self.dashboard.name}{end}{'?' + urlencode(pairs) if pairs else ''}"
        )


def open_to(reader: Reader) -> list[Dashboard]:
    """The dashboards that *reader* opens."""
    return [entry for entry in known.dashboards().values() if reader.name in entry.readers]


def asked(request: Request, frame: Frame, name: str) -> Asked:
    """The dashboard that a request asks for.

    Raises:
        HTTPException: 404, there is none, or it is not the reader's: the same answer for both.
    """
    reader = frame.reader
    dashboard = known.dashboards().get(name)
    if dashboard is None or reader.name not in dashboard.readers:
        raise HTTPException(404)
    return Asked(
        frame, reader, dashboard, selection.of(dashboard, request.query_params.multi_items())
    )


# Before the dashboards, of which none has this name.
@routes.get("/explore")
def explored(request: Request, frame: Framed) -> HTMLResponse:
    """Explore: what is picked, its tile, and the statement behind it."""
    with _exploring(request, frame) as (question, wanted, reading):
        page, possible = reading.page(), explore.cuts(question, reading.fields)
    return HTMLResponse(
        render(
            wanted,
            reading.chosen,
            page,
            "explore",
            question=question,
            possible=possible,
            numbers_of_reader=explore.numbers(wanted.reader),
            charts=explore.CHARTS,
            readable=explore.readable,
        )
    )


@routes.get("/explore.yaml")
def explored_yaml(request: Request, frame: Framed) -> Response:
    """What is picked, as the file of a dashboard."""
    with _exploring(request, frame) as (question, wanted, _):
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
    wanted = asked(request, frame, name)
    entry = wanted.dashboard.filter_of(field)
    if entry is None or entry.kind != "choice":
        raise HTTPException(404)
    with wanted.reading() as reading:
        found = reading.choices(field, text.replace("\0", "")[: selection.LONGEST])
    return JSONResponse([[choice.value, numbers.text(choice.count)] for choice in found])


@contextmanager
def _exploring(request: Request, frame: Frame) -> Iterator[tuple[explore.Question, Asked, Reading]]:
    pairs, reader = request.query_params.multi_items(), frame.reader
    found = explore.numbers(reader)
    if not found:
        raise HTTPException(404)
    nothing = Asked(frame, reader, Dashboard("explore", "", "", (), (), (), None), Selection())
    with nothing.reading() as empty:
        question = explore.of(pairs, found, empty.fields)
        dashboard = explore.dashboard(question, reader, empty.fields)
        chosen = selection.of(dashboard, pairs)
        wanted = replace(nothing, dashboard=dashboard, chosen=chosen, kept=question.pairs)
        yield question, wanted, Reading(empty.connection, reader, None, dashboard, chosen)


def render(
    wanted: Asked, chosen: Selection, page: Page, template: str = "dashboard", **values: Any
) -> str:
    """The HTML of a dashboard."""
    frame = wanted.frame
    return web.page(
        f"dashboards/{template}.html",
        root=frame.root,
        tabs=frame.tabs,
        tab=frame.tab,
        frame=frame,
        dashboard=wanted.dashboard,
        wanted=wanted,
        chosen=chosen,
        page=page,
        unknown=selection.UNKNOWN,
        text=numbers.text,
        short=numbers.short,
        change=numbers.change,
        **values,
    )
