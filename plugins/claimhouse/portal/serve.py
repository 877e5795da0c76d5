"""The process of the portal."""

from __future__ import annotations

import asyncio
import logging
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from claimhouse import settings, warehouse
from claimhouse.dashboards import page
from claimhouse.portal import application

# How long a request may take to arrive, but for its body: a form has a time of its own.
HEADER_SECONDS = 15.0
MOST_CONNECTIONS = 500
LARGEST_HEADERS = 32_768


class ServeError(RuntimeError):
    """The portal cannot be served as its settings say."""


class Protocol(H11Protocol):
    """HTTP/1.1 that closes a connection on which a request does not come to its end."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Somebody connects."""
        super().connection_made(transport)
        self._late = self.loop.call_later(HEADER_SECONDS, self._close_if_waiting)

    def data_received(self, data: bytes) -> None:
        """A part of a request arrives."""
        if self._late is None:
            self._late = self.loop.call_later(HEADER_SECONDS, self._close_if_waiting)
        super().data_received(data)
        if self._is_answering() and self._late is not None:
            self._late.cancel()
            self._late = None

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        if self._late is not None:
            self._late.cancel()
        super().connection_lost(exc)

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _close_if_waiting(self) -> None:
        self._late = None
        if not self._is_answering() and not self.transport.is_closing():
            self.transport.close()


def serve(host: str, port: int) -> None:
    """Serve the portal until it is stopped.

    Raises:
        ServeError: its address is not one of a whole host, or a limit or proxy is none.
        claimhouse.warehouse.WarehouseError: no warehouse is set.
    """
    address = urlsplit(settings.portal_address())
    if (
        address.scheme not in ("http", "https")
        or not address.netloc
        or address.path
        or address.query
    ):
        raise ServeError(
            "CLAIMHOUSE_PORTAL_ADDRESS must be the address of a host of its own, such as "
            f"https://reports.example.org, and is {settings.portal_address()!r}"
        )
    try:
        served = application.application()
    except ValueError as error:
        raise ServeError(f"a setting CLAIMHOUSE_PORTAL_* is wrong: {error}") from None
    warehouse.url(settings.PORTAL_CONNECTION)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    page.warm()
    uvicorn.run(
        served,
        host=host,
        port=port,
        http=Protocol,
        ws="none",
        lifespan="off",
        # Addresses of a person's requests are in the log of the proxy, if anywhere.
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        h11_max_incomplete_event_size=LARGEST_HEADERS,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=10,
    )
