"""The walls around every request: where a change may come from, and what a browser may do with an answer.

They stand before the application, so that they hold for its errors too, and before a byte of a body is read.
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
}
# Pages show patients' data: no copy stays in a browser or a proxy. A style sheet or script says otherwise itself.
CACHE = (b"cache-control", b"no-store")
REFUSED = (
    b"This request does not come from a page of Claimhouse. Open the page anew and try again.\n"
)


class Walls:
    """An application behind the walls.

    Args:
        application: what answers.
        address: the address that people see; a change must come from its host and port. Where it is not
            configured: from those that the request is sent to, which no page of another site can choose.
    """

    def __init__(self, application: Application, address: str) -> None:
        self.application, self.host = application, urlsplit(address).netloc

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            return await self.application(scope, receive, send)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name.lower().encode(): value.encode() for name, value in HEADERS.items()}
                kept = [(name, value) for name, value in message["headers"] if name not in own]
                if CACHE[0] not in dict(kept):
                    kept.append(CACHE)
                message["headers"] = [*kept, *own.items()]
            await send(message)

        if scope["method"] not in SAFE_METHODS and not self._is_from_here(scope):
            return await _refuse(send_with_headers)
        return await self.application(scope, receive, send_with_headers)

    def _is_from_here(self, scope: Scope) -> bool:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host = self.host or headers.get(b"host")
        return host is not None and urlsplit(headers.get(b"origin", "")).netloc == host


async def _refuse(send: Send) -> None:
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(REFUSED)),
    ]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": REFUSED})
