"""The measurements that have an aim, in under ten minutes on two cores, and which of them misses it.

    python -m bench             all of them
    python -m bench load        some, by name

Each is a module of its own, which measures more and at other sizes: ``python -m bench.load --help``. Results
are kept by commit, see ``bench/results.py``. Every figure is of this machine in this run: what a ratio compares
runs in turn.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

from local import places

from bench import results

# Of the peers the fastest alone; `make bench-peers` runs all.
MEASUREMENTS = {
    "load": ["bench.load", "pandas", "--rounds", "2"],
    "updates": ["bench.updates", "--runs", "1"],
    "extract": ["bench.extract", "--runs", "1"],
}


def main() -> None:
    """Run the measurements in turn, and print what they found beside what was found before."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MEASUREMENTS))
    names = parser.parse_args().names or list(MEASUREMENTS)
    if unknown := set(names) - MEASUREMENTS.keys():
        parser.error(f"no measurement is named {', '.join(sorted(unknown))}")
    failed = []
    for name in names:
        started = time.perf_counter()
        command = [sys.executable, "-m", *MEASUREMENTS[name]]
        if subprocess.run(command, cwd=places.ROOT, check=False).returncode:
            failed.append(name)
        print(f"\n{name} took {time.perf_counter() - started:.0f} s\n", flush=True)
    results.summary()
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
