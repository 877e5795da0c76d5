"""The portal's way into a warehouse of the tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest
from filelock import FileLock
from tests.conftest import RUN

from claimhouse.dashboards import database

ROLE = "claimhouse_portal"


def let_in(address: str) -> str:
    """The address of the warehouse at *address* for the portal's role, which may log in from then on."""
    with FileLock(RUN / "portal.lock"), psycopg.connect(address, autocommit=True) as owner:
        owner.execute(f"alter role {ROLE} login")
    return urlsplit(address)._replace(netloc=f"{ROLE}@").geturl()


@contextmanager
def portal(address: str) -> Iterator[str]:
    """The warehouse at *address* is the one that dashboards are read from, as the portal's role."""
    own = let_in(address)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_CLAIMHOUSE_PORTAL", own)
        database.close()
        yield own
        database.close()
