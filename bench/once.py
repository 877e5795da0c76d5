"""Load workload W once, as one contestant does: what each part costs, as a line of JSON.

    python -P bench/once.py LOAD URL FILES POSTMASTER

LOAD is a Python file with ``load(url, folder)``, which is called for the first load and for the update. This
runs in the environment of the contestant: it needs the standard library alone. Neither the import of LOAD is
counted nor its ``prepare(url)``, if there is one: the start-up of a process, and an empty schema.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PARTS = ("prime", "update")
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Load both parts, and print the costs."""
    load, url, files, postmaster = sys.argv[1:]
    module = _imported(Path(load))
    sides = {"client": os.getpid(), "server": int(postmaster)}
    # What the contestant prints goes where errors go: the last line is ours.
    with contextlib.redirect_stdout(sys.stderr), _peaks(sides) as peaks:
        if hasattr(module, "prepare"):
            module.prepare(url)
        costs = {part: _cost(module, url, Path(files) / part, sides) for part in PARTS}
    print(json.dumps({**costs, **peaks}))


def _imported(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("load", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    # Before it runs: its dataclasses and pools look themselves up.
    sys.modules["load"] = module
    spec.loader.exec_module(module)
    return module


def _cost(module: Any, url: str, folder: Path, sides: dict[str, int]) -> dict[str, Any]:
    """Seconds of the clock and of the processors; ``stages`` where the contestant tells them."""
    started = time.perf_counter()
    before = {side: processor_seconds(process) for side, process in sides.items()}
    stages = module.load(url, folder)
    spent = {side: processor_seconds(process) - before[side] for side, process in sides.items()}
    return {"seconds": time.perf_counter() - started, **spent, "stages": stages or {}}


@contextlib.contextmanager
def _peaks(sides: dict[str, int]) -> Iterator[dict[str, float]]:
    """The most memory, in MiB, that one process of each side ever had, while the block runs and before."""
    peaks, over = {f"{side}_mib": 0.0 for side in sides}, threading.Event()

    def look() -> None:
        for side, process in sides.items():
            # Not ru_maxrss, which a process has from the one that started it.
            found = [_high_water(member) for member in _family(process)]
            peaks[f"{side}_mib"] = max(peaks[f"{side}_mib"], *found)

    def watch() -> None:
        while not over.wait(0.5):
            look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peaks
    finally:
        over.set()
        thread.join()
        look()


def processor_seconds(process: int) -> float:
    """Processor seconds so far of a process and of all that it has started, also of those that have ended."""
    while True:
        ended = _times(process)[2:]
        family = _family(process)
        if ended == _times(process)[2:]:  # else one has ended meanwhile
            return sum(map(sum, family.values())) / TICKS


def parent(process: int) -> int:
    """The id of the process that started *process*; 0 where it has ended."""
    fields = _stat(process)
    return int(fields[1]) if fields else 0


def _family(process: int) -> dict[int, list[int]]:
    """A process and all below it that live, each with its times."""
    entries = (entry.name for entry in Path("/proc").iterdir())
    started_by = {int(name): parent(int(name)) for name in entries if name.isdigit()}
    family, found = {process}, {process}
    while found := {child for child, of in started_by.items() if of in found}:
        family |= found
    return {member: _times(member) for member in family}


def _times(process: int) -> list[int]:
    """Ticks in user and system mode, its own and those of children that it has waited for."""
    return [int(field) for field in _stat(process)[11:15]]


def _stat(process: int) -> list[str]:
    """The fields of /proc/<process>/stat after the name of the program; none where it has ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _high_water(process: int) -> float:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


if __name__ == "__main__":
    main()
