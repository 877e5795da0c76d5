"""What Airflow's processes import before they fork."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from local import places

IN_A_FORK = """
import os, sys
sys.argv = ["airflow", "scheduler"]
include = os.path.join(os.environ["CLAIMHOUSE_HOME"], "include")
def note(event, arguments):
    if event == "open" and str(arguments[0]).startswith(include):
        print("read", os.path.relpath(arguments[0], include), flush=True)
sys.addaudithook(note)
import airflow_local_settings
for change in (False, True):
    if change:
        with open(os.environ["CHANGED"], "a") as file:
            file.write("CHANGED = True\\n")
        os.utime(os.environ["CHANGED"], (1, 1))
    child = os.fork()
    if child == 0:
        was_there = "claimhouse.ingest" in sys.modules
        from claimhouse import counted
        print(was_there, hasattr(counted, "CHANGED"), "soda.scan" in sys.modules, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


def test_a_forked_process_has_the_code_unless_a_file_of_it_has_changed(tmp_path: Path):
    shutil.copytree(places.ROOT / "plugins" / "claimhouse", tmp_path / "claimhouse")
    folders = (tmp_path, places.ROOT / "local" / "preload")
    environment = {
        **os.environ,
        "PYTHONPATH": ":".join(map(str, folders)),
        "CLAIMHOUSE_HOME": str(places.ROOT),
        "CHANGED": str(tmp_path / "claimhouse" / "counted.py"),
    }
    done = subprocess.run(
        [sys.executable, "-c", IN_A_FORK],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = [line for line in done.stdout.splitlines() if line.startswith(("True", "False", "read"))]
    # What a data engineer edits is read by each task anew; Soda's own settings do not change.
    assert said == ["read soda/configuration.yml", "True False True", "False True True"]
