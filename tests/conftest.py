"""Fixtures every test may use: a real Postgres server and a migrated warehouse of the test's own."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from filelock import FileLock

os.environ.setdefault(
    "AIRFLOW_HOME", str(Path(__file__).resolve().parents[1] / "var" / "test-airflow")
)
os.environ["CLAIMHOUSE_SETTLE_SECONDS"] = "0"

from claimhouse import embedded, schema

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
TEMPLATE = "warehouse_template"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[str]:
    """The address of a Postgres server that this test run (all its workers) shares."""
    run = (
        tmp_path_factory.getbasetemp()
        if worker_id == "master"
        else tmp_path_factory.getbasetemp().parent
    )
    folder = run / "pg"
    with FileLock(run / "pg.lock"):
        address = embedded.start(folder)
        with psycopg.connect(address, autocommit=True) as connection:
            found = connection.execute("select 1 from pg_database where datname = %s", (TEMPLATE,))
            if found.fetchone() is None:
                connection.execute("alter system set fsync = off")  # tests only: nothing to keep
                connection.execute("select pg_reload_conf()")
                schema.upgrade(embedded.create_database(address, TEMPLATE))
    yield address


@pytest.fixture
def warehouse_url(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty, migrated warehouse that only this test sees; ``WAREHOUSE_URL`` names it."""
    name = f"w_{uuid.uuid4().hex[:12]}"
    address = embedded.create_database(server, name, template=TEMPLATE)
    monkeypatch.setenv("WAREHOUSE_URL", address)
    yield address
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'drop database "{name}" with (force)')


@pytest.fixture
def warehouse(warehouse_url: str) -> Iterator[psycopg.Connection[Any]]:
    """An autocommit connection to the test's own warehouse."""
    with psycopg.connect(warehouse_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def landing_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty landing root on the local disk, with its archive and corrections beside it."""
    root = tmp_path / "landing"
    root.mkdir()
    monkeypatch.setenv("CLAIMHOUSE_LANDING_ROOT", f"file://{root}")
    monkeypatch.setenv("CLAIMHOUSE_ARCHIVE_ROOT", f"file://{tmp_path}/archive")
    monkeypatch.setenv("CLAIMHOUSE_CORRECTIONS_ROOT", f"file://{tmp_path}/corrections")
    return root


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real feeds; a test that needs it is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the real feeds are not at {SHARED_DATA}")
    return SHARED_DATA


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop the workers' shared server when the run that started them ends."""
    factory = getattr(session.config, "_tmp_path_factory", None)
    if factory is not None and not hasattr(session.config, "workerinput"):
        embedded.stop(factory.getbasetemp() / "pg")
