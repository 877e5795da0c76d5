"""How long Airflow takes to read the ingest DAGs, beside their number of contracts.

    python -m bench.contracts

Each time is that of a new process, without the import of Airflow, of five source systems and their share
of the contracts. *new* is the first time, with nothing remembered; *known* each time after it.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = 5
RUNS = 5
READ = """
import json, sys, time
from pathlib import Path
from claimhouse import settings
settings.INCLUDE = Path(sys.argv[1])
from airflow.dag_processing.dagbag import DagBag
started = time.perf_counter()
bag = DagBag(str(settings.PROJECT / "dags" / "ingest.py"))
seconds = time.perf_counter() - started
print(json.dumps({"seconds": seconds, "dags": len(bag.dags), "errors": len(bag.import_errors)}))
"""


def main() -> None:
    """Measure, and print the table."""
    base = None
    print(f"{'contracts':>9} {'new':>8} {'known':>8} {'known, to 20':>13}")
    for count in (20, 50, 100, 200):
        with tempfile.TemporaryDirectory() as folder:
            include = make(Path(folder), count)
            first, *others = [read(include, Path(folder)) for _ in range(RUNS + 1)]
        known = statistics.median(others)
        base = base or known
        print(f"{count:9} {first:7.2f}s {known:7.2f}s {known / base:12.2f}x")


def make(folder: Path, count: int) -> Path:
    """A folder ``include`` with that many contracts, all alike."""
    include = shutil.copytree(ROOT / "include", folder / "include")
    sample = (include / "schemas" / "billing_exports" / "anthem_medical.yaml").read_text("utf-8")
    for source in (include / "schemas").iterdir():
        if source.name != "vocabulary":
            shutil.rmtree(source)
    for number in range(count):
        source, feed = f"source_{number % SOURCES}", f"feed_{number}"
        (include / "schemas" / source).mkdir(exist_ok=True)
        text = sample.replace("domain: billing_exports", f"domain: {source}")
        text = text.replace("anthem_medical", feed)
        (include / "schemas" / source / f"{feed}.yaml").write_text(text, encoding="utf-8")
    return include


def read(include: Path, folder: Path) -> float:
    """The seconds in which a new process reads the DAG file."""
    home = folder / "airflow"
    found = subprocess.run(
        [sys.executable, "-c", READ, str(include)],
        env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "AIRFLOW_HOME": str(home)},
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    measured = json.loads(found.stdout.splitlines()[-1])
    if measured["errors"] or measured["dags"] != SOURCES:
        sys.exit(found.stderr[-4000:])
    return float(measured["seconds"])


if __name__ == "__main__":
    main()
