"""A contract that cannot be used keeps nobody else's data from being published."""

from __future__ import annotations

import json
import shutil

import psycopg
import pytest
from tests.worlds.client_world import MASTER_KEY, roles_file

from claimhouse import contracts, reporting, settings, verification

NEIGHBOR = "hospital"


@pytest.fixture
def include(tmp_path, monkeypatch):
    monkeypatch.setenv(
        f"AIRFLOW_CONN_{settings.PSEUDONYM_CONNECTION.upper()}",
        json.dumps({"conn_type": "generic", "password": MASTER_KEY}),
    )
    folder = shutil.copytree(settings.INCLUDE, tmp_path / "include")
    monkeypatch.setattr(settings, "INCLUDE", folder)
    return folder


def test_a_publication_goes_on_without_the_source_of_a_broken_contract(
    warehouse_url, include, tmp_path
):
    feeds = [("billing", "providers"), (NEIGHBOR, "payers")]
    roles = roles_file(
        tmp_path / "roles.yaml",
        {
            "name": "readers_of_feeds",
            "privacy_level": "identified",
            "logins": [{"name": "pat", "tableau_user": "pat"}],
            "entitlements": [{"source_system": source, "feeds": [feed]} for source, feed in feeds],
        },
    )
    (tmp_path / "clients").mkdir()
    for source, _ in feeds:
        verification.ensure_tables(source)
    with psycopg.connect(warehouse_url, autocommit=True) as connection:
        expected = "select source_system, feed from landing.expected_feed order by 1, 2"
        views = "select table_name from information_schema.views where table_schema = 'reporting'"
        reporting.publish(connection, tmp_path / "clients", roles)
        before = connection.execute(expected).fetchall(), set(connection.execute(views))
        file = include / "schemas" / "billing" / "claims.yaml"
        file.write_text(file.read_text("utf-8").replace("keyIndex", "keyIdnex"))
        assert list(contracts.broken()) == ["billing"]
        reporting.publish(connection, tmp_path / "clients", roles)
        assert connection.execute(expected).fetchall() == before[0]
        gone = before[1] - set(connection.execute(views))
        assert gone == {("raw_billing_providers",)}
        file.write_text(file.read_text("utf-8").replace("keyIdnex", "keyIndex"))
        reporting.publish(connection, tmp_path / "clients", roles)
        assert (connection.execute(expected).fetchall(), set(connection.execute(views))) == before
