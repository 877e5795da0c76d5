"""The bulk extract: 500,000 rows of 20 columns, as xlsx and as csv, from the server to the file.

    python -m bench.extract              both formats three times: medians, the ratio, peak memory
    python -m bench.extract --rows 50000 --runs 1
    python -m bench.extract --rows 5000000 --runs 1 --formats csv parquet

Each run is a process of its own, so that its peak memory is its own. The time is that of
``extract.write``: the query's rows streamed from the server, the file written and encrypted. ``copy``
is the same rows read by COPY and thrown away, in the same run.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import results
from bench.results import Ratio

ROOT = Path(__file__).resolve().parents[1]
SERVER = ROOT / "var" / "bench" / "pg"
ROWS, MOST_MEMORY_MIB, MOST_RATIO = 500_000, 512, 4.0
COPY = "copy"
# Rows like those of a claims extract: pseudonyms, dates, amounts, names that repeat.
FILL = """
create table if not exists public.bulk_{rows} as
select
    g as claim_number, md5(g::text) as claim_pseudonym, md5((g % 20000)::text) as patient_pseudonym,
    date '2020-01-01' + g % 1000 as date_of_service,
    timestamptz '2020-01-01' + g * interval '1 min' as received_at,
    ((g % 90000) / 100.0)::numeric(12, 2) as total_cost,
    ((g::bigint * 7 % 90000) / 100.0)::numeric(12, 2) as covered_amount,
    ((g::bigint * 11 % 90000) / 100.0)::numeric(12, 2) as paid_amount,
    ((g::bigint * 13 % 90000) / 100.0)::numeric(12, 2) as allowed_amount,
    g % 3 = 0 as is_billed, 'orthopedist' as provider_specialty, 'Albany, ' || g % 50 as city,
    'NY' as state, 'routine' as visit_type, 100 as coverage_percent, g % 77 as age,
    g % 1000 as days, 'A procedure with a name ' || g % 300 as procedure_name, null::text as note,
    'Payer ' || g % 10 as payer_name
from generate_series(1, {rows}) as g
"""


def main() -> None:
    """Parse the arguments, measure, print the table."""
    parser = argparse.ArgumentParser(prog="bench.extract", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--formats", nargs="+", default=["csv", "xlsx"])
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one, given.rows)))
    else:
        report(given.rows, given.runs, given.formats)


def measure(form: str, rows: int) -> dict[str, Any]:
    """One file, in this process."""
    sys.path.insert(0, str(ROOT / "plugins"))
    import psycopg
    from local import embedded

    from claimhouse.delivery import extract
    from claimhouse.delivery.extract import rows as extract_rows

    with psycopg.connect(embedded.start(SERVER)) as connection:
        connection.execute(FILL.format(rows=rows).encode())
        connection.commit()
        # The median of the runs would hide a first read from disk; this takes it out of all.
        connection.execute(f"select count(*) from public.bulk_{rows}".encode())
        query = f"select * from public.bulk_{rows}"
        before, cpu = time.perf_counter(), time.process_time()
        if form == COPY:
            count, size = copied(connection, query), 0
        else:
            found = extract_rows.stream(connection, query)
            layout = extract.layout(form, extract_rows.count(connection, query), len(found.schema))
            content = extract.Extract(
                "Bulk", "Bench", "", "", None, "limited", {}, found, None,
                part_sizes=layout.part_sizes,
            )  # fmt: skip
            with tempfile.TemporaryDirectory(dir=ROOT / "var" / "bench") as folder:
                file = Path(folder) / f"bulk.{extract.form(form, layout.parts).suffix}"
                written = extract.write(content, form, "a password", file)
            count, size = written.row_count, written.size
        spent, cpu = time.perf_counter() - before, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if count != rows:
        sys.exit(f"{count} rows were written, not {rows}")
    return {"seconds": spent, "cpu": cpu, "mib": peak, "size": size}


def copied(connection: Any, query: str) -> int:
    """Read the rows of *query* by COPY; returns how many."""
    with (
        connection.cursor() as cursor,
        cursor.copy(f"copy ({query}) to stdout (format csv)") as rows,
    ):
        return sum(1 for _ in rows)


def report(rows: int, runs: int, formats: list[str]) -> None:
    """Measure the formats in turn, and print their medians."""
    (ROOT / "var" / "bench").mkdir(parents=True, exist_ok=True)
    found: dict[str, list[dict[str, Any]]] = {form: [] for form in (COPY, *formats)}
    for number in range(runs):
        for form, runs_of_form in found.items():
            print(f"{form}, run {number + 1} of {runs} ...", file=sys.stderr, flush=True)
            command = [sys.executable, "-m", "bench.extract", "--one", form, "--rows", str(rows)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            if done.returncode:
                sys.exit(done.stderr[-4000:])
            runs_of_form.append(json.loads(done.stdout.splitlines()[-1]))
    print(f"an extract of {rows:,} rows of 20 columns, encrypted; medians of {runs}")
    middle = {
        form: {key: statistics.median(result[key] for result in results) for key in results[0]}
        for form, results in found.items()
    }
    for form, median in middle.items():
        print(
            f"  {form:7} {median['seconds']:6.1f} s  (cpu {median['cpu']:5.1f} s,"
            f" {median['cpu'] / middle[COPY]['cpu']:4.1f} x copy)"
            f"  {median['size'] / 2**20:6.1f} MiB on disk  peak memory {median['mib']:4.0f} MiB"
        )
    ratios = [
        Ratio(f"peak memory of {form}, MiB", middle[form]["mib"], MOST_MEMORY_MIB)
        for form in formats
    ]
    if {"csv", "xlsx"} <= middle.keys():
        time_ratio = middle["xlsx"]["seconds"] / middle["csv"]["seconds"]
        ratios.append(Ratio("xlsx / csv, time", time_ratio, MOST_RATIO))
    results.keep("extract", ratios)


if __name__ == "__main__":
    main()
