"""Speed, memory and growth of the main line, each beside a plain COPY in the same run.

    python -m bench                 workload W three times: medians, ratios, phases, memory
    python -m bench --growth        0.1, 0.5, 1 and 2 times W: is the time linear in the rows?
    python -m bench --scale 10 --runs 1    ten times W: is the memory the same?

The time is from files to facts, without Airflow's start-up. The server is the embedded one, with
durability on. Every run has a fresh database; the plain COPY loads the same files, without the rows
that a typed table refuses, into logged, typed tables without keys.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "var" / "bench"
# The targets of the project: whole load against the plain COPY of the claims file.
MOST_PRIME, MOST_UPDATE, MOST_CHECKS, MOST_MEMORY_MIB, MOST_BEND = 4.0, 1.5, 0.30, 1024, 0.20
CHECKS = ("checks", "star checks")


def main() -> None:
    """Parse the arguments, measure, print the tables."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.scale)))
    elif given.growth:
        growth([0.1, 0.5, 1.0, 2.0], given.runs)
    else:
        report(given.scale, runs(given.scale, given.runs))


def runs(scale: float, count: int) -> list[dict[str, Any]]:
    """Measure *count* times, each in a process of its own, for its own peak memory."""
    measured = []
    for number in range(count):
        print(f"run {number + 1} of {count} at {scale:g} x W ...", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", "bench", "--one", "--scale", str(scale)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr[-4000:])
        measured.append(json.loads(done.stdout.splitlines()[-1]))
    return measured


def measure(scale: float) -> dict[str, Any]:
    """One run: make the files, prime and update the warehouse, COPY the files plainly."""
    sys.path.insert(0, str(ROOT / "plugins"))
    os.environ["AIRFLOW_HOME"] = str(FOLDER / "airflow")
    os.environ["CLAIMHOUSE_SETTLE_SECONDS"] = "0"
    os.environ["CLAIMHOUSE_ARCHIVE_ROOT"] = f"file://{FOLDER}/archive"
    os.environ["CLAIMHOUSE_CORRECTIONS_ROOT"] = f"file://{FOLDER}/corrections"
    import psycopg
    from local import embedded

    from bench import workload
    from claimhouse import ingest, schema, storage

    # Airflow loads its plugins at the first byte it reads: that is its start-up, which is not measured.
    with storage.at(f"file://{__file__}").open("rb") as own:
        own.read(1)
    files = FOLDER / f"workload-{scale:g}"
    if not (files / "update").exists():
        workload.make(files, scale)
    server = embedded.start(FOLDER / "pg")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("drop database if exists bench with (force)")
        connection.execute("checkpoint")
    os.environ["WAREHOUSE_URL"] = embedded.create_database(server, "bench")
    schema.upgrade()
    measured: dict[str, Any] = {}
    with _PeakOfServer() as peak:
        for part in ("prime", "update"):
            os.environ["CLAIMHOUSE_LANDING_ROOT"] = f"file://{files}/{part}"
            measured[part] = ingest.run("billing")
    measured["copy"] = {
        part: plain_copy(files / part / "billing" / f"claims_{part}.csv")
        for part in ("prime", "update")
    }
    measured["client_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    measured["server_mib"] = peak.mib
    with psycopg.connect(os.environ["WAREHOUSE_URL"]) as connection:
        measured["facts"] = connection.execute("select count(*) from star.fact_claim").fetchone()[0]  # type: ignore[index]
    shutil.rmtree(FOLDER / "archive", ignore_errors=True)
    return measured


def plain_copy(file: Path) -> float:
    """Seconds in which the server COPYs the readable rows of *file* into a logged, typed table."""
    import psycopg

    # Not beside it: everything in the landing root is landed.
    clean = file.parents[2] / f"{file.stem}.clean"
    if not clean.exists():
        with file.open() as raw, clean.open("w") as kept:
            kept.writelines(line for line in raw if ",xyz," not in line and ",dogcat," not in line)
    with psycopg.connect(os.environ["WAREHOUSE_URL"], autocommit=True) as connection:
        connection.execute("create table plain_copy (like source_billing.claims)")
        connection.execute("alter table plain_copy drop batch_id, drop row_number")
        connection.execute("set datestyle = 'iso, mdy'")
        started = time.perf_counter()
        statement = "copy plain_copy from stdin with (format csv, header)"
        with clean.open("rb") as rows, connection.cursor().copy(statement) as copy:
            while chunk := rows.read(1 << 20):
                copy.write(chunk)
        seconds = time.perf_counter() - started
        connection.execute("drop table plain_copy")
    return seconds


class _PeakOfServer:
    """The most memory, in MiB, that one process of the server had while the block ran."""

    def __enter__(self) -> _PeakOfServer:
        self.mib, self._over = 0.0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.25):
            for process in psutil.process_iter(["name"]):
                if process.info["name"] == "postgres":
                    self.mib = max(self.mib, _high_water(process.pid))


def _high_water(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def report(scale: float, measured: list[dict[str, Any]]) -> None:
    """Print medians, phases and ratios beside the targets."""
    copy = statistics.median(run["copy"]["prime"] for run in measured)
    print(
        f"\nWorkload {scale:g} x W, {measured[0]['facts']:,} claims in the end, medians of {len(measured)} runs\n"
    )
    print(f"{'phase':<16}{'prime s':>10}{'update s':>10}")
    for phase in measured[0]["prime"]:
        seconds = [
            statistics.median(run[part][phase] for run in measured) for part in ("prime", "update")
        ]
        print(f"{phase:<16}{seconds[0]:>10.2f}{seconds[1]:>10.2f}")
    loads = {part: _median(measured, part, checks=False) for part in ("prime", "update")}
    checks = {part: _median(measured, part, checks=True) for part in ("prime", "update")}
    print(f"{'files to facts':<16}{loads['prime']:>10.2f}{loads['update']:>10.2f}")
    print(
        f"{'plain COPY':<16}{copy:>10.2f}{statistics.median(run['copy']['update'] for run in measured):>10.2f}\n"
    )
    _line("prime / COPY of the claims", _ratio(measured, "prime"), MOST_PRIME)
    _line("update / COPY of the claims", _ratio(measured, "update"), MOST_UPDATE)
    _line("checks / load, prime", checks["prime"] / loads["prime"], MOST_CHECKS)
    _line("checks / load, update", checks["update"] / loads["update"], MOST_CHECKS)
    _line("peak memory, client MiB", max(run["client_mib"] for run in measured), MOST_MEMORY_MIB)
    _line("peak memory, server MiB", max(run["server_mib"] for run in measured), MOST_MEMORY_MIB)


def _line(what: str, value: float, most: float) -> None:
    print(f"{what:<30}{value:>10.2f}   target {most:g}   {'met' if value <= most else 'MISSED'}")


def _seconds(run: dict[str, Any], part: str, *, checks: bool) -> float:
    return sum(seconds for phase, seconds in run[part].items() if (phase in CHECKS) == checks)


def _median(measured: list[dict[str, Any]], part: str, *, checks: bool) -> float:
    return statistics.median(_seconds(run, part, checks=checks) for run in measured)


def _ratio(measured: list[dict[str, Any]], part: str) -> float:
    """The median of the ratios, each within one run, so that the machine's drift cancels out."""
    return statistics.median(
        _seconds(run, part, checks=False) / run["copy"]["prime"] for run in measured
    )


def growth(scales: list[float], count: int) -> None:
    """Print the time per million claims at each scale, and how far it is from linear."""
    each = {}
    print(f"{'scale':>8}{'prime s':>10}{'s per million':>14}{'client MiB':>12}{'server MiB':>12}")
    for scale in scales:
        measured = runs(scale, count)
        seconds = _median(measured, "prime", checks=False)
        each[scale] = seconds / (2 * scale)
        memory = [max(run[name] for run in measured) for name in ("client_mib", "server_mib")]
        print(
            f"{scale:>8g}{seconds:>10.2f}{each[scale]:>14.2f}{memory[0]:>12.0f}{memory[1]:>12.0f}"
        )
    bend = max(each.values()) / min(each.values()) - 1
    _line("bend from a straight line", bend, MOST_BEND)


if __name__ == "__main__":
    main()
