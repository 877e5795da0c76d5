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
import resource
import sys
import threading
import time
from pathlib import Path
from typing import Any

PARTS = ("prime", "update")
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Load both parts, and print the costs."""
    load, url, files, postmaster = sys.argv[1:]
    module = _imported(Path(load))
    server = Server(int(postmaster))
    # What the contestant prints goes where errors go: the last line is ours.
    with contextlib.redirect_stdout(sys.stderr), server.watched():
        if hasattr(module, "prepare"):
            module.prepare(url)
        costs = {part: _cost(module, url, Path(files) / part, server) for part in PARTS}
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    client = max(own.ru_maxrss, children.ru_maxrss) / 1024
    print(json.dumps({**costs, "client_mib": client, "server_mib": server.peak_mib}))


def _imported(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("load", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    # Before it runs: its dataclasses and pools look themselves up.
    sys.modules["load"] = module
    spec.loader.exec_module(module)
    return module


def _cost(module: Any, url: str, folder: Path, server: Server) -> dict[str, Any]:
    """Seconds of the clock and of the processors; ``stages`` where the contestant tells them."""
    started, client_before, server_before = time.perf_counter(), client(), server.processor()
    stages = module.load(url, folder)
    return {
        "seconds": time.perf_counter() - started,
        "client": client() - client_before,
        "server": server.processor() - server_before,
        "stages": stages or {},
    }


def client() -> float:
    """Processor seconds of this process and of the children that it has waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


class Server:
    """The processes of a Postgres server on this machine, by the id of its first."""

    def __init__(self, postmaster: int) -> None:
        self.postmaster, self.peak_mib = postmaster, 0.0

    def processor(self) -> float:
        """Processor seconds of all its processes so far, those that have ended among them."""
        while True:
            # Its own and those of ended children, which it waits for.
            before = _ticks(self.postmaster)[:4]
            living = sum(sum(_ticks(child)[:2]) for child in self._children())
            if before == _ticks(self.postmaster)[:4]:  # else one has ended meanwhile
                return (sum(before) + living) / TICKS

    def _children(self) -> list[int]:
        return [process for process in _processes() if parent(process) == self.postmaster]

    @contextlib.contextmanager
    def watched(self) -> Any:
        """Note the most memory, in MiB, that one of its processes ever had while the block runs."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.5):
                self.peak_mib = max([self.peak_mib, *map(_high_water, self._children())])

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _stat(process: int) -> list[str]:
    """The fields of /proc/<process>/stat after the name of the program; none where it has ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def parent(process: int) -> int:
    """The id of the process that started *process*; 0 where it has ended."""
    fields = _stat(process)
    return int(fields[1]) if fields else 0


def _ticks(process: int) -> list[int]:
    return [int(field) for field in _stat(process)[11:15]]


def _high_water(process: int) -> float:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


if __name__ == "__main__":
    main()
