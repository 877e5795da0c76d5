"""The application of the pages: its routes, and what holds for all of them.

Every route asks who is there, and every change whether that person may change something and whether it
comes from a page of theirs: these are dependencies of the application, so no new route can be without.
"""

from __future__ import annotations

from functools import cache

from airflow.configuration import conf
from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse
from starlette.exceptions import HTTPException

from claimhouse import contracts, warehouse, web
from claimhouse.pages import (
    answers,
    dashboards,
    downloads,
    files,
    issues,
    mailings,
    overview,
    rights,
    several,
    upload,
)


@cache
def application() -> web.Walls:
    """The application, behind its walls."""
    pages = FastAPI(
        title="Claimhouse",
        # The generated pages would be routes without a login.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(rights.person), Depends(rights.changes)],
    )
    pages.add_exception_handler(HTTPException, answers.refuse)
    pages.add_exception_handler(RequestValidationError, answers.misunderstand)
    pages.add_exception_handler(warehouse.WarehouseError, answers.fail)
    pages.add_exception_handler(contracts.ContractError, answers.wait)
    pages.add_exception_handler(Exception, answers.fail)
    pages.get("/static/{name}")(_static)
    for room in (overview, upload, files, downloads, several, issues, mailings, dashboards):
        pages.include_router(room.routes)
    return web.Walls(pages, conf.get("api", "base_url", fallback="") or "")


def _static(name: str) -> FileResponse:
    """A style sheet, script or font."""
    path = web.static_path(name)
    if path is None:
        raise HTTPException(404)
    return FileResponse(path, headers={"Cache-Control": "private, max-age=86400"})
