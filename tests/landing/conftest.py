"""A database of another system, from which feeds are fetched."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from local import embedded

TABLES = """
create table pend_queue (
    claim_id char(20), receipt_date timestamp, total_charge numeric(12, 3), npi bigint,
    most_recent_note text, pended_on date, cleared_on date
);
insert into pend_queue values
('900000000000001', '2025-12-31 13:14:15.5', 1000.50, 1000000001, 'note, with a "comma"', '2026-01-01', null),
('900000000000002', '2026-01-02', -3, 43392001, e'two\\nlines — naïve', '2026-01-03', '2026-01-06'),
('900000000000003', null, null, null, null, '2026-01-05', null),
('900000000000004', '2026-01-02', 7, 1000000001, 'cleared today', '2026-01-03', '2026-01-05'),
('900000000000005', '2026-01-06', 7, 1000000001, 'not yet', '2026-01-06', null);
create table provider (
    npi bigint, provider_group text, last_name text, first_name text, addr_1 text, addr_2 text,
    city text, state text
);
insert into provider values (43392001, null, 'Alder', 'Ada', '1 Mill Lane', null, 'Bangor', 'ME');
"""


@pytest.fixture
def foreign(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection[Any]]:
    """The databases of the claims system and of the providers: here one, on a server of its own kind."""
    name = f"f_{uuid.uuid4().hex[:12]}"
    address = embedded.create_database(server, name)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(TABLES)
        told = json.dumps(
            {
                "conn_type": "postgres",
                "host": connection.info.host,
                "login": connection.info.user,
                "schema": name,
            }
        )
        for one in ("CLAIMHOUSE_PENDED_CLAIMS", "CLAIMHOUSE_PROVIDERS"):
            monkeypatch.setenv(f"AIRFLOW_CONN_{one}", told)
        yield connection
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'drop database "{name}" with (force)')
