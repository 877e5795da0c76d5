"""The pages of the portal: sign in, sign out, the dashboards of whoever is signed in.

Every route asks who is there, by a dependency of the whole application: a new one cannot be without. The few that
are for people who are not signed in yet are listed in :data:`OPEN`.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import math
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from secrets import token_hex, token_urlsafe
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import (
    FileResponse,
    HTMLResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from claimhouse import connections, settings, warehouse, web
from claimhouse.dashboards import known, page
from claimhouse.dashboards.database import Busy, NoReader, TooSlow
from claimhouse.dashboards.frame import Frame
from claimhouse.portal import provider, sessions, sign_in
from claimhouse.portal.limit import Limited
from claimhouse.portal.sessions import Session

log = logging.getLogger(__name__)

FORM = "application/x-www-form-urlencoded"
LARGEST_FORM = 16_384
FORM_SECONDS = 10.0
LONGEST_ADDRESS = 2_000
# Each takes memory and a processor: a few at a time, and a few that wait for them.
HASHES_AT_ONCE = 2
MOST_WAITING = 16
# An answer to a wrong password comes at a multiple of this: how long it took tells nothing.
STEP_SECONDS = 0.5
PROVIDER_SECONDS = 600
OPEN = {
    "/sign-in",
    "/sign-in/provider",
    "/sign-in/provider/done",
    "/health",
    "/favicon.ico",
    "/static/{name}",
}
FAILED = (
    "The name or the password is wrong, or there were too many wrong passwords: "
    "then wait for some minutes, and try again."
)
REFUSED = (
    "You could not be signed in. Begin anew; if it happens again, ask whoever gave you access."
)
NO_ACCOUNT = (
    "Your organization knows you, but nobody has given you access to these dashboards. "
    "Ask whoever told you of them."
)
NO_LOGIN = "There is nothing for you to read any more. Ask whoever gave you access."


class NotSignedIn(Exception):
    """Nobody is signed in."""


def application() -> web.Application:
    """The application, behind its walls."""
    pages = FastAPI(
        title="Claimhouse portal",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(signed_in), Depends(is_from_our_page)],
    )
    pages.add_exception_handler(NotSignedIn, _ask_to_sign_in)
    pages.add_exception_handler(HTTPException, _refuse)
    pages.add_exception_handler(RequestValidationError, _misunderstand)
    for error in (Busy, TooSlow):
        pages.add_exception_handler(error, _wait)
    pages.add_exception_handler(NoReader, _nothing_to_read)
    pages.add_exception_handler(Exception, _fail)
    pages.get("/")(home)
    pages.get("/sign-in")(show_sign_in)
    pages.post("/sign-in")(take_password)
    pages.get("/sign-in/provider")(go_to_provider)
    pages.get("/sign-in/provider/done")(come_from_provider)
    pages.post("/sign-out")(sign_out)
    pages.include_router(page.routes, prefix="/dashboards")
    pages.get("/health")(health)
    pages.get("/favicon.ico")(no_icon)
    pages.get("/static/{name}")(static)
    return _Host(web.Walls(Limited(pages), settings.portal_address()))


class _Host:
    """The portal answers under its own address alone: a page of another name cannot be made to show it."""

    def __init__(self, application: web.Application) -> None:
        address = urlsplit(settings.portal_address())
        self.application, self.host = application, address.netloc.lower()
        self.is_safe = address.scheme == "https"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def send_with_header(message: Any) -> None:
            if message["type"] == "http.response.start" and self.is_safe:
                message["headers"] = [
                    *message["headers"],
                    (b"strict-transport-security", b"max-age=31536000"),
                ]
            await send(message)

        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] == "http" and scope["path"] != "/health":
            hosts = [value for name, value in scope["headers"] if name == b"host"]
            if [host.decode("latin-1").lower() for host in hosts] != [self.host]:
                text = f"The portal is at {settings.portal_address()}/\n"
                await PlainTextResponse(text, 421)(scope, receive, send_with_header)
                return
        await self.application(scope, receive, send_with_header)


# Who is there -------------------------------------------------------------------------------------


def signed_in(request: Request) -> None:
    """Who is signed in, as ``request.state.session`` and, for dashboards, ``request.state.frame``.

    Raises:
        NotSignedIn: nobody is, and the page is not for everybody.
        HTTPException: 403, nobody reads as the login any more.
    """
    session = sessions.find(request.cookies.get(cookie("session"), ""))
    request.state.session = session
    if session is None:
        if _path_of_route(request) not in OPEN:
            raise NotSignedIn
        return
    request.state.reader = session.login
    request.state.frame = _frame(request, session)
    if session.title is None and _path_of_route(request) not in {*OPEN, "/sign-out"}:
        raise HTTPException(403, NO_LOGIN)


async def is_from_our_page(request: Request) -> None:
    """Refuse a change whose form is not from a page that was made for the same browser.

    Raises:
        HTTPException: 403; 413, 415 or 408 for a form that is none of ours.
    """
    if request.method in web.SAFE_METHODS:
        return
    token = request.headers.get(web.HEADER) or str((await form(request)).get(web.FIELD, ""))
    if not tokens().is_of(token, _whose(request)):
        raise HTTPException(403, "This page is too old. Open it anew and try again.")


async def form(request: Request) -> FormData:
    """The fields of a form.

    Raises:
        HTTPException: it is no form (415), too large (413), or too slow (408).
    """
    if request.headers.get("content-type", "").partition(";")[0] != FORM:
        raise HTTPException(415, "This is not a form.")
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > LARGEST_FORM:
        raise HTTPException(413, "This form is too large.")
    try:
        return await asyncio.wait_for(request.form(), FORM_SECONDS)
    except TimeoutError:
        raise HTTPException(408, "This form came too slowly.") from None


Form = Annotated[FormData, Depends(form)]


def cookie(what: str) -> str:
    """The name of a cookie. With https a browser takes it from this host alone, for all of it, and by https."""
    return f"__Host-claimhouse-{what}" if _is_https() else f"claimhouse-{what}"


@cache
def tokens() -> web.Tokens:
    """The tokens of the forms."""
    return web.Tokens(_key("forms"))


def _whose(request: Request) -> str:
    """Whose forms are taken: those of a session, or of a browser that is not signed in."""
    session: Session | None = request.state.session
    return f"session {session.key}" if session else f"visit {_visit(request)}"


def _visit(request: Request) -> str:
    """What a browser has that is not signed in; it must have it to sign in."""
    return request.cookies.get(cookie("visit"), "")[:100] or "none"


def _frame(request: Request, session: Session) -> Frame:
    return Frame(
        login=session.login,
        person=session.name,
        token=tokens().of(_whose(request)),
        root="/",
        place="/dashboards/",
        tabs=(("", "Dashboards"),),
        tab="",
        sign_out="/sign-out",
    )


def _path_of_route(request: Request) -> str:
    return str(getattr(request.scope.get("route"), "path", ""))


# Pages --------------------------------------------------------------------------------------------


def home(request: Request) -> HTMLResponse:
    """What whoever is signed in may open."""
    session: Session = request.state.session
    opened = [entry for entry in known.dashboards().values() if session.client in entry.readers]
    return _page("home", request, session=session, dashboards=opened)


def show_sign_in(request: Request) -> Response:
    """Sign in with a password, or by the provider."""
    if request.state.session:
        return RedirectResponse(_ours(request.query_params.get("next")), 303)
    return _sign_in_page(request)


async def take_password(request: Request, fields: Form) -> Response:
    """Sign in with a name and a password."""
    if not settings.has_local_accounts():
        raise HTTPException(403, "Nobody signs in with a password here.")
    started = time.monotonic()
    name, password = str(fields.get("name", "")), str(fields.get("password", ""))
    attempt = await _attempt(name, password)
    if attempt.account_id is None:
        if attempt.outcome == "no_login":
            raise HTTPException(403, NO_LOGIN)
        taken = time.monotonic() - started
        await asyncio.sleep(
            math.ceil(taken / STEP_SECONDS) * STEP_SECONDS - taken if STEP_SECONDS else 0
        )
        return await run_in_threadpool(
            _sign_in_page, request, FAILED, 403, str(fields.get("next", ""))
        )
    return await run_in_threadpool(_begin, request, attempt.account_id, str(fields.get("next", "")))


def go_to_provider(request: Request) -> Response:
    """Go to the provider to sign in."""
    asked = _provider()
    try:
        begun = provider.begin(asked, _back())
    except provider.Refused as error:
        log.error("nobody can be sent to the provider: %s", error)
        raise HTTPException(
            503, "Your organization's sign-in does not answer. Try again in a minute."
        ) from None
    kept = [begun.state, begun.nonce, begun.verifier, _ours(request.query_params.get("next"))]
    answer = RedirectResponse(begun.address, 303)
    _set(answer, "provider", _signer().dumps(kept), PROVIDER_SECONDS)
    return answer


def come_from_provider(request: Request) -> Response:
    """Come back from the provider."""
    asked = _provider()
    try:
        state, nonce, verifier, place = _signer().loads(
            request.cookies.get(cookie("provider"), ""), max_age=PROVIDER_SECONDS
        )
        given = request.query_params.get("state", "")
        if not hmac.compare_digest(state.encode(), given.encode()) or not _is_new(state):
            raise provider.Refused("the state is that of no sign-in of this browser")
        if "error" in request.query_params:
            raise provider.Refused("the provider did not sign the person in")
        name = provider.person(
            asked, _back(), request.query_params.get("code", ""), nonce, verifier
        )
    except (provider.Refused, BadData) as error:
        log.warning(
            "a sign-in by the provider is refused: %s",
            error if isinstance(error, provider.Refused) else "no cookie",
        )
        sign_in.refused_by_provider()
        return _sign_in_page(request, REFUSED, 403)
    attempt = sign_in.by_provider(name)
    if attempt.account_id is None:
        text = NO_LOGIN if attempt.outcome == "no_login" else NO_ACCOUNT
        return _sign_in_page(request, text, 403)
    answer = _begin(request, attempt.account_id, place)
    answer.delete_cookie(cookie("provider"), **_kind_of_cookie())
    return answer


def sign_out(request: Request) -> Response:
    """End the session, in the database too."""
    sessions.end(request.cookies.get(cookie("session"), ""))
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(cookie("session"), **_kind_of_cookie())
    return answer


def health() -> PlainTextResponse:
    """That the portal answers."""
    return PlainTextResponse("ok\n")


def no_icon() -> Response:
    """What browsers ask for, and nobody has drawn."""
    return Response(status_code=204)


def static(name: str) -> FileResponse:
    """A style sheet, script or font."""
    path = web.static_path(name)
    if path is None:
        raise HTTPException(404)
    return FileResponse(path, headers={"Cache-Control": "private, max-age=86400"})


def _sign_in_page(
    request: Request, problem: str = "", status: int = 200, place: str | None = None
) -> HTMLResponse:
    place = _ours(place or request.query_params.get("next"))
    visit = request.cookies.get(cookie("visit"), "")
    is_new = len(visit) < 32
    visit = token_urlsafe(32) if is_new else visit[:100]
    answer = _page(
        "sign_in",
        request,
        status,
        problem=problem,
        place=place,
        query=urlencode({"next": place}),
        token=tokens().of(f"visit {visit}"),
        has_passwords=settings.has_local_accounts(),
        has_provider=settings.portal_provider() is not None,
    )
    if is_new:
        _set(answer, "visit", visit, None)
    return answer


def _page(template: str, request: Request, status: int = 200, **values: Any) -> HTMLResponse:
    frame = getattr(request.state, "frame", None)
    around = {"root": "/", "tabs": frame.tabs if frame else (), "tab": ""}
    if frame:
        around["frame"] = frame
    return HTMLResponse(web.page(f"portal/{template}.html", **around, **values), status)


def _begin(request: Request, account_id: int, place: str) -> RedirectResponse:
    """Begin a session, which is always a new one, and go where the person wanted to."""
    sessions.end(request.cookies.get(cookie("session"), ""))
    answer = RedirectResponse(_ours(place), 303)
    # It ends with the browser; how long it lasts at most the database knows.
    _set(answer, "session", sessions.begin(account_id), None)
    answer.delete_cookie(cookie("visit"), **_kind_of_cookie())
    return answer


def _ours(place: str | None) -> str:
    """*place* where it is a path of ours, else that of the first page."""
    is_ours = (
        place is not None
        and len(place) <= LONGEST_ADDRESS
        and place.isascii()
        and place.isprintable()
        and "\\" not in place
        and (place == "/" or place.startswith(("/dashboards/", "/?", "/dashboards?")))
    )
    return place if is_ours and place else "/"


# Passwords ----------------------------------------------------------------------------------------

_hashes = ThreadPoolExecutor(HASHES_AT_ONCE, "password")
_waiting = [0]


async def _attempt(name: str, password: str) -> sign_in.Attempt:
    """Try a password, after those that came before.

    Raises:
        HTTPException: 503, too many wait.
    """
    if _waiting[0] >= MOST_WAITING:
        raise HTTPException(
            503, "Many people sign in just now. Try again in a minute.", {"Retry-After": "60"}
        )
    _waiting[0] += 1
    try:
        # Not given up where the browser leaves: the attempt counts.
        return await asyncio.get_running_loop().run_in_executor(
            _hashes, sign_in.by_password, name, password
        )
    finally:
        _waiting[0] -= 1


# The provider -------------------------------------------------------------------------------------

_used: dict[str, float] = {}


def _provider() -> settings.Provider:
    configured = settings.portal_provider()
    if configured is None:
        raise HTTPException(404)
    return configured


def _back() -> str:
    return f"{settings.portal_address()}/sign-in/provider/done"


def _is_new(state: str) -> bool:
    """Whether a state comes back for the first time."""
    now = time.monotonic()
    for earlier, ends_at in list(_used.items()):
        if ends_at < now:
            _used.pop(earlier, None)
    return _used.setdefault(state, now + PROVIDER_SECONDS) == now + PROVIDER_SECONDS


@cache
def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(_key("provider"), salt="claimhouse portal")


# Cookies ------------------------------------------------------------------------------------------


@cache
def _key(what: str) -> str:
    """A secret that all processes of the portal share and nobody else has."""
    own = connections.find(settings.PORTAL_CONNECTION)
    password = str(own.password) if own and own.password else token_hex(32)
    return hmac.digest(
        password.encode(), f"claimhouse portal {what}".encode(), hashlib.sha256
    ).hex()


def _is_https() -> bool:
    return urlsplit(settings.portal_address()).scheme == "https"


def _kind_of_cookie() -> dict[str, Any]:
    return {"path": "/", "secure": _is_https(), "httponly": True, "samesite": "lax"}


def _set(answer: Response, what: str, value: str, seconds: int | None) -> None:
    answer.set_cookie(cookie(what), value, max_age=seconds, **_kind_of_cookie())


# Refusals -----------------------------------------------------------------------------------------


def _ask_to_sign_in(request: Request, _: Exception) -> Response:
    if request.method not in web.SAFE_METHODS:
        return _refusal(
            401, "You are not signed in, or were not here for too long. Sign in and try again."
        )
    place = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    kept = _ours(place)
    query = f"?{urlencode({'next': kept})}" if kept != "/" else ""
    return RedirectResponse(f"/sign-in{query}", 303)


def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    text = "There is no such page." if error.status_code == 404 else str(error.detail)
    answer = _refusal(error.status_code, text)
    answer.headers.update(error.headers or {})
    return answer


def _misunderstand(_: Request, __: Exception) -> Response:
    return _refusal(400, "This address is not one of a page.")


def _wait(_: Request, __: Exception) -> Response:
    answer = _refusal(503, "This takes too long just now. Try again in a minute.")
    answer.headers["Retry-After"] = "60"
    return answer


def _nothing_to_read(_: Request, __: Exception) -> Response:
    return _refusal(403, NO_LOGIN)


def _fail(request: Request, error: Exception) -> Response:
    what = str(error) if isinstance(error, warehouse.WarehouseError) else type(error).__name__
    log.error("%s %s failed: %s", request.method, _path_of_route(request) or "a page", what)
    return _refusal(500, "Something went wrong here. Try again in a minute.")


def _refusal(status: int, message: str) -> HTMLResponse:
    text = web.page("web/refused.html", status=status, message=message, root="/")
    return HTMLResponse(text, status)
