"""What a publication costs: the first one, and one after 20,000 changed claims, at several sizes.

    python -m bench.publication                       0.2, 2 and 10 million claims
    python -m bench.publication --claims 2000000      one size
    python -m bench.publication --keep                leaves the database for bench.reading

The star is filled by SQL, with the claims of one source system; the readers are those of ``include``.
Seconds are those of the clock and, since machines are shared, of the processor: of the server's
process and of this one.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "var" / "bench"
SIZES = (200_000, 2_000_000, 10_000_000)
CHANGED = 20_000
# The targets of the project.
MOST_FIRST_SECONDS, MOST_CHANGE_SECONDS, MOST_GROWTH, MOST_MEMORY_MIB = 30.0, 5.0, 1.5, 1024
FILL = """
insert into star.dim_patient (source_system, patient_id, first_name, last_name, city, state, valid_from, valid_to,
    is_current)
select 'billing', 'P' || n, 'First', 'Last' || n % 1000, 'City ' || n % 300, 'NY', '1900-01-01', '9999-12-31', true
from generate_series(1, {claims} / 10) as n;
insert into star.dim_provider (source_system, provider_id, last_name, specialty, valid_from, valid_to, is_current)
select 'billing', 'D' || n, 'Doctor ' || n,
    (array['orthopedist', 'physical_therapist', 'heart_surgeon', 'family_physician', 'dentist',
        'dermatologist', 'neurologist', 'internist'])[n % 8 + 1],
    '1900-01-01', '9999-12-31', true
from generate_series(1, 10000) as n;
insert into star.dim_payer (source_system, payer_id, payer_name, is_insurer)
select 'billing', 'Y' || n, 'Payer ' || n, true from generate_series(1, 20) as n;
insert into star.dim_procedure (source_system, procedure_id, procedure_name, specialty, is_restricted)
select 'billing', 'C' || n, 'Procedure ' || n, 'specialty ' || n % 12, false from generate_series(1, 300) as n;
insert into star.dim_claim_profile (visit_type, coverage_type, is_billed, claim_type, plan_type, claim_status)
select 'visit ' || n % 4, 100, n % 2 = 0, 'type ' || n % 3, 'plan ' || n % 2, 'status ' || n % 5
from generate_series(1, 60) as n;
insert into star.fact_claim (source_system, claim_id, patient_key, provider_key, facility_key, payer_key,
    procedure_key, diagnosis_key, claim_profile_key, service_date_key, claim_date_key, paid_date_key,
    service_date, total_cost, covered_amount, allowed_amount, paid_amount, version_count, batch_id, row_number)
select 'billing', 'CLM' || n, p.low + n * 3 % p.many, v.low + n * 7 % v.many, -1,
    y.low + n % y.many, c.low + n * 11 % c.many, -2, f.low + n * 13 % f.many,
    to_char(d.day, 'YYYYMMDD')::integer, to_char(d.day, 'YYYYMMDD')::integer,
    to_char(d.day + 30, 'YYYYMMDD')::integer,
    d.day, n % 90000 / 100.0, n % 45000 / 100.0, n % 60000 / 100.0, case when n % 3 > 0 then n % 60000 / 100.0 end,
    1, 1, n
from generate_series(1, {claims}) as n
cross join (select min(patient_key) as low, count(*) as many from star.dim_patient where patient_key > 0) as p
cross join (select min(provider_key) as low, count(*) as many from star.dim_provider where provider_key > 0) as v
cross join (select min(payer_key) as low, count(*) as many from star.dim_payer where payer_key > 0) as y
cross join (select min(procedure_key) as low, count(*) as many from star.dim_procedure
    where procedure_key > 0) as c
cross join (select min(claim_profile_key) as low, count(*) as many from star.dim_claim_profile
    where claim_profile_key > 0) as f
cross join lateral (select date '2023-01-01' + (n * 17 % 1000)::integer as day) as d;
"""
CHANGE = """
update star.fact_claim set paid_amount = coalesce(paid_amount, 0) + 1, total_cost = total_cost + 1
where claim_id in (select 'CLM' || 1 + (n::bigint * 7919 % {claims}) from generate_series(1, {changed}) as n)
"""


@dataclass(frozen=True)
class Cost:
    """What a publication took: seconds of the clock, of the processor, and rows that were written."""

    seconds: float
    processor_seconds: float
    rows: int


def main() -> None:
    """Parse the arguments, measure, print the table."""
    parser = argparse.ArgumentParser(prog="bench.publication", description=__doc__.splitlines()[0])
    parser.add_argument("--claims", type=int, action="append")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    print(
        f"{'claims':>12}{'first s':>10}{'cpu':>8}{'rows':>12}{'20,000 s':>10}{'cpu':>8}{'rows':>10}"
    )
    changes: list[Cost] = []
    for claims in options.claims or SIZES:
        first, change = measure(claims)
        changes.append(change)
        print(
            f"{claims:>12,}{first.seconds:>10.1f}{first.processor_seconds:>8.1f}{first.rows:>12,}"
            f"{change.seconds:>10.2f}{change.processor_seconds:>8.2f}{change.rows:>10,}",
            flush=True,
        )
    most = max(change.processor_seconds for change in changes)
    print(
        f"largest / smallest {most / min(c.processor_seconds for c in changes):.2f}, target {MOST_GROWTH}"
    )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of the client {memory:.0f} MiB, target {MOST_MEMORY_MIB}")


def measure(claims: int) -> tuple[Cost, Cost]:
    """The first publication of a warehouse with *claims* claims, and one after some of them changed."""
    sys.path.insert(0, str(ROOT / "plugins"))
    os.environ["AIRFLOW_HOME"] = str(FOLDER / "airflow")
    os.environ["AIRFLOW_CONN_CLAIMHOUSE_PSEUDONYM"] = json.dumps(
        {"conn_type": "generic", "password": "for the benchmark"}
    )
    import psycopg
    from local import embedded

    from claimhouse import schema

    server = embedded.start(FOLDER / "pg")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("drop database if exists bench with (force)")
    os.environ["WAREHOUSE_URL"] = embedded.create_database(server, "bench")
    schema.upgrade()
    with psycopg.connect(os.environ["WAREHOUSE_URL"], autocommit=True) as connection:
        for statement in FILL.format(claims=claims).split(";\n")[:-1]:
            connection.execute(statement.encode())
        connection.execute("vacuum analyze")
        first = publish(connection)
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")
        publish(connection)
        connection.execute(CHANGE.format(claims=claims, changed=CHANGED).encode())
        return first, publish(connection)


def publish(connection: Any) -> Cost:
    """Publish to the readers of ``include``."""
    from claimhouse import reporting

    server, client = psutil.Process(connection.info.backend_pid), psutil.Process()
    before = _processor(server) + _processor(client)
    started = time.perf_counter()
    publication = reporting.publish(connection)
    seconds = time.perf_counter() - started
    rows = sum(sum(edition.changed.values()) for edition in publication.editions)
    return Cost(seconds, _processor(server) + _processor(client) - before, rows)


def _processor(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    main()
