"""What a page answers with: HTML in the layout, another page to go to, or why not."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from claimhouse import warehouse, web
from claimhouse.pages.rights import Person

log = logging.getLogger(__name__)

# The tabs: address below the root, and name.
TABS = (
    ("", "Overview"),
    ("upload", "Upload"),
    ("files", "Files"),
    ("issues", "Issues"),
    ("dashboards", "Dashboards"),
)
# Pages below another tab than their address says.
BELOW = {"held": "issues", "acts": "issues", "mailings": "dashboards"}
UNKNOWN = "There is no such page."


def show(request: Request, template: str, person: Person, **values: Any) -> HTMLResponse:
    """The page of ``plugins/claimhouse/pages/templates/<template>.html``.

    Args:
        request: what was asked for.
        template: the name of the page's template.
        person: who asks.
        values: what the template shows.
    """
    tab = request.url.path.removeprefix(root(request)).partition("/")[0]
    tab = BELOW.get(tab, tab)
    text = web.page(
        f"pages/{template}.html", root=root(request), tabs=TABS, tab=tab, person=person, **values
    )
    return HTMLResponse(text)


def go_to(request: Request, place: str, **query: Any) -> RedirectResponse:
    """Another page, after a change: what is shown then can be loaded again without repeating the change.

    Args:
        request: what was asked for.
        place: the address below the root of the pages.
        query: what the address also says.
    """
    address = root(request) + place + (f"?{urlencode(query, doseq=True)}" if query else "")
    return RedirectResponse(address, 303)


def root(request: Request) -> str:
    """The path of the overview, with a slash at its end: Airflow may be served below another path."""
    return str(request.scope["root_path"]) + "/"


def airflow(request: Request) -> str:
    """The path of Airflow's own pages, with a slash at its end."""
    return root(request).removesuffix("claimhouse/")


def refuse(request: Request, error: Exception) -> Response:
    """Say why a request is refused."""
    assert isinstance(error, HTTPException)
    message = UNKNOWN if error.status_code == 404 else str(error.detail)
    text = web.page(
        "web/refused.html", status=error.status_code, message=message, root=root(request)
    )
    return HTMLResponse(text, error.status_code, headers=error.headers)


def misunderstand(request: Request, _: Exception) -> Response:
    """Refuse an address with a value that none of our pages links to; the value is not repeated."""
    text = web.page(
        "web/refused.html",
        status=400,
        message="This address is not one of a page.",
        root=root(request),
    )
    return HTMLResponse(text, 400)


def wait(request: Request, error: Exception) -> Response:
    """Say that a contract cannot be used, and why."""
    text = web.page("web/refused.html", status=503, message=str(error), root=root(request))
    return HTMLResponse(text, 503)


def fail(request: Request, error: Exception) -> Response:
    """Say that something went wrong, and neither here nor in the log what the values were."""
    # The messages of the warehouse hold no values, and others may.
    what = str(error) if isinstance(error, warehouse.WarehouseError) else type(error).__name__
    route = request.scope.get("route")
    log.error("%s %s failed: %s", request.method, getattr(route, "path", "a page"), what)
    text = web.page(
        "web/refused.html",
        status=500,
        message="Something went wrong here. Nothing was changed. Try again; the log of the API server says more.",
        root=root(request),
    )
    return HTMLResponse(text, 500)
