"""Small billing feeds for tests, and the way from a file to its batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from claimhouse import ingest
from claimhouse.verification import source_tables

CLAIMS_HEADER = (
    "claim_id,patient_id,provider_id,visit_type,total_cost,coverage_type,"
    "date_of_service,claim_date,billed,last_modified_date"
)
PATIENTS_HEADER = (
    "patient_id,fname,lname,date_of_birth,address,city,state,zipcode,"
    "date_of_residence,last_modified_date"
)


def claim(number: int = 1, **changes: Any) -> dict[str, str]:
    """A good claim, with *changes*."""
    row = {
        "claim_id": f"CF#{number}NN",
        "patient_id": "1000U",
        "provider_id": "N3T100A",
        "visit_type": "routine",
        "total_cost": "10.50",
        "coverage_type": "100",
        "date_of_service": "1/3/2016",
        "claim_date": "2/11/2019",
        "billed": "F",
        "last_modified_date": "2/8/2021",
    }
    return {**row, **{name: str(value) for name, value in changes.items()}}


def csv_line(row: dict[str, str]) -> str:
    """A row as a csv line, values quoted where needed."""
    return ",".join(
        f'"{value.replace(chr(34), chr(34) * 2)}"' if set(value) & set('",\n') else value
        for value in row.values()
    )


def claims_csv(*rows: dict[str, str]) -> bytes:
    """A claims file of *rows*."""
    return "\n".join([CLAIMS_HEADER, *map(csv_line, rows), ""]).encode()


def drop(root: Path, name: str, content: bytes) -> Path:
    """Write a file to the billing folder of a landing root."""
    path = root / "billing" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def take_in_all(source: str = "billing") -> list[str]:
    """Land and verify all new files; returns the states of their batches."""
    landed = ingest.land(source)
    states = [ingest.verify(batch) for batch in landed]
    verified = [batch for batch, state in zip(landed, states, strict=True) if state == "verified"]
    source_tables.close_issues(verified)
    return states


def batches(warehouse: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """Each batch: file, state, rows read, accepted, quarantined, dropped."""
    return warehouse.execute(
        "select file_name, state, rows_read, rows_accepted, rows_quarantined, rows_dropped"
        " from landing.batch join landing.file using (file_id) order by batch_id"
    ).fetchall()


def issues(warehouse: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """Each issue: row, column, rule, severity, status, raw value."""
    return warehouse.execute(
        "select row_number, column_name, rule, severity, status, raw_value from quality.issue"
        " order by batch_id, row_number, issue_id"
    ).fetchall()
