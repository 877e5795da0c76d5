"""Workload W as Claimhouse loads it: all stages of an ingest run in this process, without Airflow's start-up."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from pathlib import Path

from bench import meter

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "var" / "bench"
sys.path.insert(0, str(ROOT / "plugins"))
os.environ["AIRFLOW_HOME"] = str(FOLDER / "airflow")
os.environ["CLAIMHOUSE_SETTLE_SECONDS"] = "0"
os.environ["CLAIMHOUSE_ARCHIVE_ROOT"] = f"file://{FOLDER}/archive"
os.environ["CLAIMHOUSE_CORRECTIONS_ROOT"] = f"file://{FOLDER}/corrections"


def prepare(url: str) -> None:
    """Make the empty warehouse, and have Airflow load its plugins, which it does at the first byte it reads."""
    from claimhouse import schema, storage

    shutil.rmtree(FOLDER / "archive", ignore_errors=True)
    os.environ["WAREHOUSE_URL"] = url
    schema.upgrade()
    importlib.import_module("claimhouse.ingest")
    with storage.at(f"file://{__file__}").open("rb") as own:
        own.read(1)


def load(url: str, folder: Path) -> dict[str, list[float]]:
    """Load the files below *folder*.

    Returns:
        For each stage its seconds of the clock, and of the processors on both sides.
    """
    from claimhouse import ingest

    os.environ["WAREHOUSE_URL"] = url
    os.environ["CLAIMHOUSE_LANDING_ROOT"] = f"file://{folder}"
    costs = {}
    with meter.of(url) as cost:
        for name, stage in ingest.stages("billing"):
            spent = cost(stage)
            costs[name] = [spent.seconds, spent.processor_seconds]
    return costs
