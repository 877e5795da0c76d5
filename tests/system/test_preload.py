"""What Airflow's processes import and read before they fork."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from local import places

from claimhouse import contracts

# Prints the process's threads, then what a process has that is forked before and after a change of a file.
FORKS = """
import os, sys
component, file, line = sys.argv[1:]
sys.argv = ["airflow", component]
import airflow_local_settings
threads = {open(f"/proc/self/task/{number}/comm").read().strip() for number in os.listdir("/proc/self/task")}
print("the pool of polars:", "polars-0" in threads, flush=True)
for is_changed in (False, True):
    if is_changed:
        with open(file, "a") as changed:
            changed.write(line)
    if os.fork() == 0:
        modules = ("claimhouse.contracts", "claimhouse.ingest", "soda.scan")
        imported = [name.rpartition(".")[2] for name in modules if name in sys.modules]
        from claimhouse import counted
        from claimhouse.contracts import parse
        has_change = hasattr(counted, "CHANGED")
        print(imported, "sources", len(parse._read), "change", has_change, flush=True)
        os._exit(0)
    os.wait()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of Claimhouse's code and of what it reads."""
    shutil.copytree(places.ROOT / "plugins" / "claimhouse", tmp_path / "claimhouse")
    shutil.copytree(places.ROOT / "include", tmp_path / "include")
    return tmp_path


def forked(project: Path, component: str, file: str, line: str) -> list[str]:
    """What a component of Airflow and its forks print, where *line* is added to *file* between them."""
    done = subprocess.run(
        [sys.executable, "-c", FORKS, component, str(project / file), line],
        env={
            **os.environ,
            "PYTHONPATH": f"{project}:{places.ROOT / 'local' / 'preload'}",
            "CLAIMHOUSE_HOME": str(project),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()[-3:]


def test_a_process_of_a_dag_file_has_the_code_unless_it_has_changed(project: Path):
    assert forked(project, "dag-processor", "claimhouse/counted.py", "CHANGED = True\n") == [
        "the pool of polars: False",
        "['contracts'] sources 0 change False",
        "[] sources 0 change True",
    ]


def test_a_task_has_code_and_contracts_unless_one_of_them_has_changed(project: Path):
    sources = len(contracts.sources())
    assert forked(project, "scheduler", "include/schemas/clinic/patients.yaml", "# changed\n") == [
        "the pool of polars: False",
        f"['contracts', 'ingest', 'scan'] sources {sources} change False",
        "['scan'] sources 0 change False",
    ]


def test_airflow_starts_where_a_contract_and_a_dashboard_cannot_be_read(project: Path):
    (project / "include" / "schemas" / "clinic" / "patients.yaml").write_text("- [")
    (project / "include" / "dashboards" / "claims_analytics.yaml").write_text("- [")
    readable = len(contracts.sources()) - 1
    printed = forked(project, "celery", "claimhouse/counted.py", "CHANGED = True\n")
    assert printed[1] == f"['contracts', 'ingest', 'scan'] sources {readable} change False"
