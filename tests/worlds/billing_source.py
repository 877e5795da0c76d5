"""A billing source for tests of the star: its tables, and batches put into them by hand."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from tests.worlds.manifest import enter_file

from claimhouse import star
from claimhouse.batches import in_state

Row = dict[str, Any]

TABLES = """
create schema if not exists source_billing;
create table source_billing.patients (
    batch_id bigint not null, row_number bigint not null, patient_id text, fname text, lname text,
    date_of_birth date, address text, city text, state text, zipcode text,
    date_of_residence date, last_modified_date date
);
create table source_billing.providers (
    batch_id bigint not null, row_number bigint not null, provider_id text, fname text, lname text,
    facility_name text, address text, city text, state text, zipcode text,
    specialty_code text, start_date date
);
create table source_billing.claims (
    batch_id bigint not null, row_number bigint not null, claim_id text, patient_id text,
    provider_id text, visit_type text, total_cost numeric(12, 2), coverage_type integer,
    date_of_service date, claim_date date, billed boolean, last_modified_date date
);
"""


class Billing:
    """The billing source in a test's warehouse."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        connection.execute(TABLES)
        star.create_mappings(connection, "billing")

    def batch(
        self, feed: str, rows: Iterable[Row], received: str = "2021-02-09", state: str = "checked"
    ) -> int:
        """Put *rows* into a source table as one batch; its id."""
        file_id = enter_file(self.connection, "billing", feed, at=received)
        batch_id = self.value(
            "insert into landing.batch (file_id, source_system, feed, received_date, state, code_version)"
            " values (%s, 'billing', %s, %s, %s, 'test') returning batch_id",
            (file_id, feed, received, state),
        )
        for number, row in enumerate(rows, start=2):
            named = {"batch_id": batch_id, "row_number": number, **row}
            self.connection.execute(
                sql.SQL("insert into {} ({}) values ({})").format(
                    sql.Identifier("source_billing", feed),
                    sql.SQL(", ").join(map(sql.Identifier, named)),
                    sql.SQL(", ").join(sql.Literal(value) for value in named.values()),
                )
            )
        return int(batch_id)

    def load(self, *batches: int) -> dict[str, int]:
        """Load *batches* (all that are checked when none is named) into the star."""
        named = list(batches) or in_state(self.connection, "billing", "checked")
        load = star.Load(self.connection, "billing", named)
        return star.load_dimensions(load) | star.load_facts(load) | star.finish(load)

    def forget(self) -> None:
        """Empty the source, its batches and its star."""
        self.connection.execute(
            "truncate source_billing.patients, source_billing.providers, source_billing.claims,"
            " star.fact_claim, star.fact_claim_change, star.member_to_rekey, landing.file, landing.batch,"
            " quality.issue, quality.quarantine, quality.check_result restart identity cascade;"
            " delete from star.dim_patient where patient_key > 0;"
            " delete from star.dim_provider where provider_key > 0;"
            " delete from star.dim_facility where facility_key > 0;"
            " delete from star.dim_claim_profile where claim_profile_key > 0"
        )

    def rows(self, query: str, values: Any = ()) -> list[tuple[Any, ...]]:
        """What *query* finds."""
        return self.connection.execute(query, values).fetchall()  # type: ignore[arg-type]

    def value(self, query: str, values: Any = ()) -> Any:
        """The single value that *query* finds."""
        (row,) = self.rows(query, values)
        return row[0]

    def states(self, member: str, member_id: str, column: str) -> list[tuple[Any, ...]]:
        """The timeline of a member: (value of *column*, valid_from, valid_to, is_current)."""
        return self.rows(
            f"select {column}, valid_from::text, valid_to::text, is_current from star.dim_{member}"
            f" where {member}_id = %s order by valid_from, valid_to",
            (member_id,),
        )

    def star(self) -> dict[str, list[tuple[Any, ...]]]:
        """All the star holds, by natural keys, without what tells one arrival from another."""
        claim_keys = (
            " p.patient_id, p.valid_from, p.is_inferred, r.provider_id, r.valid_from, l.facility_id,"
            " j.visit_type, j.coverage_type, j.is_billed, s.date, c.date, f.service_date"
        )
        joins = (
            " join star.dim_patient p using (patient_key) join star.dim_provider r using (provider_key)"
            " join star.dim_facility l on l.facility_key = f.facility_key"
            " join star.dim_claim_profile j using (claim_profile_key)"
            " join star.dim_date s on s.date_key = f.service_date_key"
            " join star.dim_date c on c.date_key = f.claim_date_key"
        )
        queries = {
            "patients": "select to_jsonb(d) - '{patient_key,batch_id}'::text[] from star.dim_patient d",
            "providers": "select to_jsonb(d) - '{provider_key,facility_key,batch_id}'::text[],"
            " l.facility_id from star.dim_provider d left join star.dim_facility l using (facility_key)",
            "facilities": "select to_jsonb(d) - 'facility_key' from star.dim_facility d",
            "claims": f"select f.claim_id, f.total_cost, f.covered_amount, f.version_count, {claim_keys}"
            f" from star.fact_claim f {joins}",
            "versions": "select f.claim_id, f.version_number, f.version_date, f.total_cost_delta,"
            f" f.covered_amount_delta, {claim_keys} from star.fact_claim_version f {joins}",
        }
        star = {name: sorted(self.rows(query), key=repr) for name, query in queries.items()}
        for name in ("claims", "versions"):  # no row is lost by the joins: there is no orphan key
            table = "fact_claim" if name == "claims" else "fact_claim_version"
            assert len(star[name]) == self.value(f"select count(*) from star.{table}")
        return star


def patient(patient_id: str = "P1", **values: Any) -> Row:
    """A patient's row as billing would send it."""
    return {
        "patient_id": patient_id, "fname": "Ann", "lname": "Ward", "date_of_birth": "1950-01-02",
        "address": "1 First Street", "city": "Dayton", "state": "Ohio", "zipcode": "01234",
        "date_of_residence": "2001-01-01", "last_modified_date": "2020-01-01",
    } | values  # fmt: skip


def provider(provider_id: str = "R1", **values: Any) -> Row:
    """A provider's row as billing would send it."""
    return {
        "provider_id": provider_id, "fname": "Bob", "lname": "Dawson", "facility_name": "Royal",
        "address": "2 Second Street", "city": "Dayton", "state": "Ohio", "zipcode": "45401",
        "specialty_code": "orthopedist", "start_date": "2005-01-01",
    } | values  # fmt: skip


def claim(claim_id: str = "C1", **values: Any) -> Row:
    """A claim's row as billing would send it."""
    return {
        "claim_id": claim_id, "patient_id": "P1", "provider_id": "R1", "visit_type": "surgery",
        "total_cost": "100.00", "coverage_type": 50, "date_of_service": "2018-06-15",
        "claim_date": "2019-01-01", "billed": True, "last_modified_date": "2021-02-08",
    } | values  # fmt: skip


def real_rows(file: Path) -> list[Row]:
    """The rows of a real feed that fit its columns, their dates read; the others are left out."""
    newest: dict[str, Row] = {}
    with file.open(encoding="utf-8-sig", newline="") as lines:
        header, *rows = csv.reader(lines)
        for values in rows:
            row: Row = dict(zip(header, (value or None for value in values), strict=False))
            if len(values) == len(header) and _read_in_place(row):
                newest[str(values[0])] = row  # the last of several with one key
    return list(newest.values())


def _read_in_place(row: Row) -> bool:
    """Read dates and flags of *row*; whether all could be."""
    for name, value in row.items():
        if value and ("date" in name):
            try:
                row[name] = _day(value)
            except ValueError:
                return False
        if name == "total_cost" and not re.fullmatch(r"\d+(\.\d+)?", value or ""):
            return False
        if name == "claim_id" and not (value or "").startswith("CF#"):
            return False
        if name == "coverage_type" and value not in ("0", "50", "100"):
            return False
        if name == "billed":
            row[name] = {"T": True, "F": False}.get(value)
    return True


def _day(text: str) -> date:
    return datetime.strptime(text.replace("-", "/"), "%m/%d/%Y").date()
