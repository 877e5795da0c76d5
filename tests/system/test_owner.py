"""The warehouse's owner need not be a superuser, as on a managed Postgres."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from local import embedded

from claimhouse import metrics, reporting, schema, warehouse


@pytest.fixture
def owner_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty database whose owner can only create roles.

    On a server of its own, because it could not alter roles that another owner has created.
    """
    with tempfile.TemporaryDirectory(prefix="claimhouse-test-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        folder = Path(name) / "pg"
        server = embedded.start(folder)
        try:
            with psycopg.connect(server, autocommit=True) as connection:
                connection.execute("create role house login createrole")
                connection.execute("create database warehouse owner house template template0")
            key = json.dumps({"conn_type": "generic", "password": "k" * 40})
            monkeypatch.setenv("AIRFLOW_CONN_CLAIMHOUSE_PSEUDONYM", key)
            url = urlsplit(server)._replace(netloc="house@", path="/warehouse").geturl()
            monkeypatch.setenv("WAREHOUSE_URL", url)
            yield url
        finally:
            embedded.stop(folder)


def test_an_owner_that_may_create_roles_can_upgrade_and_publish(owner_url):
    schema.upgrade()
    with warehouse.connect() as connection:
        metrics.publish(connection)
        reporting.publish(connection)
    with psycopg.connect(owner_url) as connection:
        (is_superuser,) = connection.execute(
            "select rolsuper from pg_roles where rolname = current_user"
        ).fetchone()
        (reports,) = connection.execute(
            "select count(*) from pg_views where schemaname = 'reporting'"
        ).fetchone()
    assert not is_superuser
    assert reports > 20
