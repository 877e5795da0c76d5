"""What a publication costs: the first one, and one after 20,000 changed claims, at several sizes.

    python -m bench.publication                       0.2, 2 and 10 million claims
    python -m bench.publication --claims 2000000      one size
    python -m bench.publication --encounters 2000000  with a hospital of that many encounters, for count tables
    python -m bench.publication --keep                leaves the database for bench.reading

The star is filled by SQL, with the claims of one source system and the encounters of another; the readers are
those of ``include``. Seconds are those of the clock and, since machines are shared, of the processor: of the
server's processes and of this one. Memory is what no other process shares: of a server's process ``RssAnon``, read
20 times a second, and of this one its peak.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "var" / "bench"
SIZES = (200_000, 2_000_000, 10_000_000)
CHANGED = 20_000
CHANGED_CLAIMS = "20,000 changed claims"
# The targets of the project.
MOST_GROWTH, MOST_MEMORY_MIB = 1.5, 1024
FILL_BATCHES = """
insert into landing.file (checksum, size_bytes, source_system, feed, file_name, archive_path, arrived_at,
    file_order)
select source, 1, source, 'feed', 'file', '-', now(), '' from unnest(array['billing', 'hospital']) as source;
insert into landing.batch (file_id, source_system, feed, received_date, state, code_version, loaded_at)
select file_id, source_system, feed, current_date, 'loaded', 'bench', now() from landing.file;
"""
FILL_CLAIMS = """
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
FILL_ENCOUNTERS = """
insert into star.dim_patient (source_system, patient_id, first_name, last_name, city, state, zipcode,
    birth_date, gender, valid_from, valid_to, is_current)
select 'hospital', 'P' || n, 'First', 'Last' || n % 1000, 'City ' || n % 300, 'State ' || n % 40,
    lpad((n % 90000)::text, 5, '0'), date '1930-01-01' + (n * 7 % 30000)::integer, 'F',
    '1900-01-01', '9999-12-31', true
from generate_series(1, {encounters} / 20) as n;
insert into star.dim_payer (source_system, payer_id, payer_name, is_insurer)
select 'hospital', 'Y' || n, (array['Humana', 'UnitedHealthcare', 'Aetna', 'Cigna', 'Uninsured'])[n], n < 5
from generate_series(1, 5) as n;
insert into star.dim_procedure (source_system, procedure_id, procedure_name, specialty, is_restricted)
select 'hospital', 'C' || n, 'Procedure ' || n,
    case when n % 50 = 0 then 'hospice' else 'specialty ' || n % 12 end, n % 50 = 0
from generate_series(1, 200) as n;
insert into star.fact_encounter (source_system, encounter_id, patient_key, provider_key, facility_key, payer_key,
    procedure_key, diagnosis_key, encounter_profile_key, service_date_key, specialty, is_restricted, service_date,
    total_claim_cost, payer_coverage, patient_share, length_minutes, batch_id, row_number)
select 'hospital', 'E' || n, p.low + n::bigint * 7919 % p.many, -2, -1, y.low + n * 3 % y.many, -2, -2, -1,
    to_char(d.day, 'YYYYMMDD')::integer,
    case when n % 50 = 0 then 'hospice' else 'specialty ' || n % 12 end, n % 50 = 0, d.day,
    100 + n % 90000 / 100.0, 0, 0, n % 120, 1, n
from generate_series(1, {encounters}) as n
cross join (select min(patient_key) as low, count(*) as many from star.dim_patient
    where source_system = 'hospital') as p
cross join (select min(payer_key) as low, count(*) as many from star.dim_payer
    where source_system = 'hospital') as y
cross join lateral (select date '2016-01-01' + (n::bigint * 31 % 3650)::integer as day) as d;
insert into star.fact_procedure (source_system, encounter_id, procedure_id, started_at, patient_key, facility_key,
    payer_key, procedure_key, diagnosis_key, service_date_key, is_restricted, service_date, length_minutes,
    base_cost, batch_id, row_number)
select f.source_system, f.encounter_id, 'C' || k.number, '2020-01-01'::timestamptz, f.patient_key, -1, f.payer_key,
    c.low + k.number - 1, -2, f.service_date_key, k.number % 50 = 0, f.service_date, 15,
    100 + f.row_number % 90000 / 100.0, 1, f.row_number
from star.fact_encounter as f
cross join (select min(procedure_key) as low from star.dim_procedure where source_system = 'hospital') as c
cross join lateral (
    select 1 + (f.row_number * 11 + i * 37) % 200 as number from generate_series(0, f.row_number % 2) as i
) as k
where f.source_system = 'hospital';
"""
CHANGE_CLAIMS = """
update star.fact_claim set paid_amount = coalesce(paid_amount, 0) + 1, total_cost = total_cost + 1
where claim_id in (select 'CLM' || 1 + (n::bigint * 7919 % {claims}) from generate_series(1, {changed}) as n)
"""


CHANGE_ENCOUNTERS = """
update star.fact_encounter set total_claim_cost = total_claim_cost + 1
where encounter_id in (
    select 'E' || 1 + (n::bigint * 7919 % {encounters})
    from generate_series(1, least({changed}, {encounters})) as n
)
"""


@dataclass(frozen=True)
class Cost:
    """What a publication or a statement took.

    Attributes:
        seconds: of the clock.
        processor_seconds: of this process and the server's.
        rows: how many rows of reports were written.
        memory_mib: the most that a process of the server had for itself.
    """

    seconds: float
    processor_seconds: float
    rows: int
    memory_mib: float


def main() -> None:
    """Parse the arguments, measure, print the table."""
    parser = argparse.ArgumentParser(prog="bench.publication", description=__doc__.splitlines()[0])
    parser.add_argument("--claims", type=int, action="append")
    parser.add_argument("--encounters", type=int, default=0)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    changes: list[Cost] = []
    memory = 0.0
    sizes = options.claims or ([0] if options.encounters else SIZES)
    for claims in sizes:
        print(f"{claims:,} claims, {options.encounters:,} encounters", flush=True)
        for name, cost in measure(claims, options.encounters):
            print(
                f"    {name:<32}{cost.seconds:>8.2f} s{cost.processor_seconds:>8.2f} s of processors"
                f"{cost.rows:>12,} rows{cost.memory_mib:>7.0f} MiB",
                flush=True,
            )
            memory = max(memory, cost.memory_mib)
            if name == CHANGED_CLAIMS:
                changes.append(cost)
    if changes:
        most = max(change.processor_seconds for change in changes)
        ratio = most / min(change.processor_seconds for change in changes)
        print(f"20,000 changes, largest / smallest {ratio:.2f}, target {MOST_GROWTH}")
    client = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"peak memory: client {client:.0f} MiB, server {memory:.0f} MiB, target {MOST_MEMORY_MIB}"
    )
    if not options.keep:
        _drop()


def measure(claims: int, encounters: int) -> Iterator[tuple[str, Cost]]:
    """What publications of a warehouse of this size cost, each with its name."""
    _prepare()
    import psycopg
    from local import embedded

    from claimhouse import schema

    _drop()
    os.environ["WAREHOUSE_URL"] = embedded.create_database(_server(), "bench")
    schema.upgrade()
    with psycopg.connect(os.environ["WAREHOUSE_URL"], autocommit=True) as connection:
        fill(connection, claims, encounters)
        yield "first", publish(connection)
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")
        yield "nothing changed", publish(connection)
        changes = (
            (CHANGED_CLAIMS, "fact_claim", claims and CHANGE_CLAIMS),
            ("20,000 changed encounters", "fact_encounter", encounters and CHANGE_ENCOUNTERS),
        )
        for name, table, change in changes:
            if change:
                text = change.format(claims=claims, encounters=encounters, changed=CHANGED)
                yield from _change(connection, table, text)
                yield name, publish(connection)


def _change(connection: Any, table: str, change: str) -> Iterator[tuple[str, Cost]]:
    """Change facts, and say what it costs that the change is recorded."""

    def run() -> None:
        connection.execute(change.encode())

    # Twice, so that the second finds the pages in memory.
    for _ in range(2):
        with connection.transaction(force_rollback=True):
            connection.execute(f"alter table star.{table} disable trigger user".encode())
            unrecorded = _cost(connection, run)
    yield f"{table} written, not recorded", unrecorded
    yield f"{table} written, recorded", _cost(connection, run)


def fill(connection: Any, claims: int, encounters: int) -> None:
    """Fill the star."""
    fills = [FILL_BATCHES, *[FILL_CLAIMS] * bool(claims), *[FILL_ENCOUNTERS] * bool(encounters)]
    for text in fills:
        for statement in text.format(claims=claims, encounters=encounters).split(";\n")[:-1]:
            connection.execute(statement.encode())
    connection.execute("vacuum analyze")


def publish(connection: Any) -> Cost:
    """Publish to the readers of ``include``."""
    from claimhouse import reporting

    return _cost(connection, lambda: reporting.publish(connection))


def _cost(connection: Any, work: Callable[[], Any]) -> Cost:
    backend = psutil.Process(connection.info.backend_pid)
    before, started = _processor(backend), time.perf_counter()
    with _Memory(backend) as memory:
        done = work()
    seconds = time.perf_counter() - started
    editions = getattr(done, "editions", ())
    rows = sum(sum(edition.changed.values()) for edition in editions)
    return Cost(seconds, _processor(backend) - before, rows, memory.most_mib)


class _Memory(threading.Thread):
    """Watches what a process of the server, and its parallel workers, have for themselves."""

    def __init__(self, backend: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.backend, self.most_mib, self._ended = backend, 0.0, threading.Event()

    def __enter__(self) -> _Memory:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()

    def run(self) -> None:
        """Read the memory until the work has ended."""
        while not self._ended.wait(0.05):
            self.most_mib = max(self.most_mib, *map(_private_mib, _of_server(self.backend)))


def _of_server(backend: psutil.Process) -> list[psutil.Process]:
    workers = [p for p in backend.parent().children() if "parallel worker" in " ".join(_command(p))]
    return [backend, *workers]


def _command(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        return list(process.cmdline())
    return []


def _private_mib(process: psutil.Process) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{process.pid}/status").read_text("ascii").splitlines():
            if line.startswith("RssAnon"):
                return int(line.split()[1]) / 1024
    return 0.0


def _processor(backend: psutil.Process) -> float:
    """Seconds of a processor: of this process, of *backend* and of its parallel workers, which have ended."""
    own, server, ended = (p.cpu_times() for p in (psutil.Process(), backend, backend.parent()))
    return float(
        own.user + own.system + server.user + server.system
        + ended.children_user + ended.children_system
    )  # fmt: skip


def _prepare() -> None:
    sys.path.insert(0, str(ROOT / "plugins"))
    os.environ["AIRFLOW_HOME"] = str(FOLDER / "airflow")
    os.environ["AIRFLOW_CONN_CLAIMHOUSE_PSEUDONYM"] = json.dumps(
        {"conn_type": "generic", "password": "for the benchmark"}
    )


def _server() -> str:
    from local import embedded

    return embedded.start(FOLDER / "pg")


def _drop() -> None:
    import psycopg

    with psycopg.connect(_server(), autocommit=True) as connection:
        connection.execute("drop database if exists bench with (force)")


if __name__ == "__main__":
    main()
