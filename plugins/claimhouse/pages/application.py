"""The routes of the pages. Each asks who is there; a route that does not is refused when the application is made."""

from __future__ import annotations

from functools import cache

from airflow.configuration import conf
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import HTTPException
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException as AnyHTTPException

from claimhouse import web
from claimhouse.pages import overview
from claimhouse.pages.rights import Looks, person


@cache
def application() -> web.Walls:
    """The application, behind its walls."""
    pages = FastAPI(
        title="Claimhouse", docs_url=None, redoc_url=None, openapi_url=None,
        dependencies=[Depends(person)],
    )  # fmt: skip
    pages.add_exception_handler(AnyHTTPException, _refused)
    pages.get("/", response_class=HTMLResponse)(_overview)
    return web.Walls(pages, conf.get("api", "base_url"))


def _overview(looks: Looks) -> str:
    return web.page("pages/overview.html", person=looks, **overview.overview(looks))


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException | AnyHTTPException)
    return HTMLResponse(
        web.page("web/refused.html", status=error.status_code, message=error.detail),
        error.status_code,
        headers=error.headers,
    )
