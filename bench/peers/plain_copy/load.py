"""The measure of all loads: a plain COPY of the claims into a logged, typed table without keys."""

from __future__ import annotations

from pathlib import Path

import psycopg

CREATE = """
create table if not exists plain_copy (
    claim_id text, patient_id text, provider_id text, visit_type text, total_cost numeric(12, 2),
    coverage_type smallint, date_of_service date, claim_date date, billed boolean, last_modified_date date
)
"""


def load(url: str, folder: Path) -> None:
    """Copy the rows of claims that a typed table takes; they lie beside *folder*, ready made."""
    clean = folder.parent / f"claims_{folder.name}.clean"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(CREATE)
        connection.execute("set datestyle = 'iso, mdy'")
        statement = "copy plain_copy from stdin with (format csv, header)"
        with clean.open("rb") as rows, connection.cursor().copy(statement) as copy:
            while chunk := rows.read(1 << 20):
                copy.write(chunk)
