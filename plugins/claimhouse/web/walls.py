"""The walls around every request: where a form may come from, and what a browser may do with an answer.

They stand before the application, so that they hold for its errors and static files too, and before a byte of a
body is read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Pages show patients' data.
    "Cache-Control": "no-store",
}


class Walls:
    """An application behind the walls.

    Args:
        application: what answers.
        origin: the address that people see, whose scheme, host and port a changing request must come from.
    """

    def __init__(self, application: Application, origin: str) -> None:
        parts = urlsplit(origin)
        self.application, self.origin = application, f"{parts.scheme}://{parts.netloc}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            return await self.application(scope, receive, send)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name.lower().encode(): value.encode() for name, value in HEADERS.items()}
                sent = [(name, value) for name, value in message["headers"] if name not in own]
                kept = dict(message["headers"]).get(b"cache-control")
                if kept and scope.get("path", "").rpartition("/static/")[1]:
                    own[b"cache-control"] = kept
                message["headers"] = [*sent, *own.items()]
            await send(message)

        if scope["method"] not in SAFE_METHODS and self._origin(scope) != self.origin:
            return await _refuse(with_headers)
        return await self.application(scope, receive, with_headers)

    @staticmethod
    def _origin(scope: Scope) -> str:
        headers = dict(scope["headers"])
        return str(headers.get(b"origin", b"").decode("latin-1"))


async def _refuse(send: Send) -> None:
    body = b"This request does not come from a page of Claimhouse. Open the page anew and try again.\n"
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
