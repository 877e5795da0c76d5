"""How many requests an address may make: whoever tries passwords, or asks for pages without end, is told to wait.

It is counted in the memory of the process. Several portals at one address count for themselves.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from fastapi.responses import HTMLResponse
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from claimhouse import settings, web
from claimhouse.settings import Network
from claimhouse.web.walls import Receive, Scope, Send

FORWARDED = b"x-forwarded-for"
PROVIDER = "/sign-in/provider"
# Whoever has one address of version 6 has all of such a network.
OF_ONE = 64
Address = IPv4Address | IPv6Address


class Limited:
    """An application that answers each address so many times a minute.

    Args:
        application: what answers.
    """

    def __init__(self, application: web.Application) -> None:
        self.application, self.proxies = application, settings.portal_proxies()
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._attempts = _per_minute(settings.portal_sign_ins_per_minute(), "sign-in")
        self._requests = _per_minute(settings.portal_requests_per_minute(), "request")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or say when the next one is answered."""
        if scope["type"] == "http" and not _is_free(scope["path"]):
            who = who_asks(scope, self.proxies)
            limits = [self._requests, self._attempts if _is_attempt(scope) else None]
            for limit in filter(None, limits):
                if not self._limiter.hit(limit, who):
                    again = self._limiter.get_window_stats(limit, who).reset_time - time.time()
                    return await _wait(math.ceil(again))(scope, receive, send)
        return await self.application(scope, receive, send)


def who_asks(scope: Scope, proxies: Sequence[Network]) -> str:
    """The address that a request comes from; of version 6, its network.

    ``X-Forwarded-For`` counts only from a proxy of ours, and of it only what our proxies have added: anybody can
    write the rest.
    """
    client = scope.get("client")
    address = _parsed(client[0]) if client else None
    lines = [value for name, value in scope["headers"] if name == FORWARDED]
    hops = b",".join(lines).decode("latin-1").split(",") if lines else []
    while address is not None and hops and any(address in network for network in proxies):
        before = _parsed(hops.pop())
        if before is None:
            break
        address = before
    if isinstance(address, IPv6Address):
        return str(ip_network((address, OF_ONE), strict=False))
    return str(address)


def _is_attempt(scope: Scope) -> bool:
    """Whether a request tries to sign somebody in."""
    path = str(scope["path"])
    return (path == "/sign-in" and scope["method"] == "POST") or path.startswith(PROVIDER)


def _is_free(path: str) -> bool:
    """Whether a request costs the portal nothing, and a page or a probe makes it by itself."""
    return path.startswith("/static/") or path in ("/health", "/favicon.ico")


def _per_minute(number: int, what: str) -> RateLimitItemPerMinute | None:
    return RateLimitItemPerMinute(number, namespace=what) if number else None


def _parsed(text: str) -> Address | None:
    """An address; one of version 4 is the same where it is written as one of version 6."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address


def _wait(seconds: int) -> HTMLResponse:
    seconds = max(seconds, 1)
    text = f"This is more than one address may ask for. Try again in {seconds} seconds."
    page = web.page("web/refused.html", status=429, message=text, root="/")
    return HTMLResponse(page, 429, {"Retry-After": str(seconds)})
