"""The portal's own tables, as the portal's own role: what it reads for people it reads otherwise.

See :mod:`claimhouse.dashboards.database`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from claimhouse import settings, warehouse

CONNECTIONS = 4
WAIT_SECONDS = 5.0
# A form or an address cannot keep one for longer.
LIMITS = "-c statement_timeout=5s -c lock_timeout=3s -c idle_in_transaction_session_timeout=10s"

_lock = threading.Lock()
_pools: list[ConnectionPool[Connection[Any]]] = []


@contextmanager
def connected() -> Iterator[Connection[Any]]:
    """A transaction of the portal itself: committed when the block ends, rolled back when it raises.

    Raises:
        claimhouse.warehouse.WarehouseError: the server refused something, or does not answer.
    """
    with warehouse.without_values(), _sessions().connection() as connection:
        yield connection


def close() -> None:
    """Close all sessions; the next request opens new ones."""
    with _lock:
        while _pools:
            _pools.pop().close()


def _sessions() -> ConnectionPool[Connection[Any]]:
    with _lock:
        if not _pools:
            pool: ConnectionPool[Connection[Any]] = ConnectionPool(
                warehouse.url(settings.PORTAL_CONNECTION),
                kwargs={"application_name": "claimhouse portal", "options": LIMITS},
                min_size=0,
                max_size=CONNECTIONS,
                timeout=WAIT_SECONDS,
                max_idle=300.0,
                reconnect_timeout=WAIT_SECONDS,
                check=ConnectionPool.check_connection,
                name="claimhouse portal sessions",
                open=True,
            )
            _pools.append(pool)
        return _pools[0]
