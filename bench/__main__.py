"""The measurements that have an aim, in under ten minutes on two cores, and which of them misses it.

    python -m bench             all of them
    python -m bench load        some, by name

Each is a module of its own, which measures more and at other sizes: ``python -m bench.load --help``. Results
are kept by commit, see ``bench/results.py``. Every figure is of this machine in this run: what a ratio compares
runs in turn.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time

from local import places

from bench import results

# Of the peers the one that needs the fewest processor seconds; `make bench-peers` runs all.
MEASUREMENTS = {
    "load": ["bench.load", "pandas", "--rounds", "2"],
    "extract": ["bench.extract", "--runs", "1"],
    "updates": ["bench.updates", "--runs", "1", "--load-only"],
}
MOST_MINUTES = 10.0


def main() -> None:
    """Run the measurements in turn, and print what they found beside what was found before."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MEASUREMENTS))
    parser.add_argument(
        "--minutes", type=float, default=MOST_MINUTES, help="what runs then is ended"
    )
    given = parser.parse_args()
    names = given.names or list(MEASUREMENTS)
    if unknown := set(names) - MEASUREMENTS.keys():
        parser.error(f"no measurement is named {', '.join(sorted(unknown))}")
    end = time.perf_counter() + 60 * given.minutes
    failed = [name for name in names if not measured(name, end)]
    results.summary()
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def measured(name: str, end: float) -> bool:
    """Whether a measurement has succeeded by *end*, in the seconds of ``time.perf_counter``."""
    started = time.perf_counter()
    command = [sys.executable, "-m", *MEASUREMENTS[name]]
    with subprocess.Popen(command, cwd=places.ROOT, start_new_session=True) as process:
        try:
            code = process.wait(max(end - started, 0))
        except subprocess.TimeoutExpired:
            # with the processes that it has started
            os.killpg(process.pid, signal.SIGKILL)
            print(f"\n{name} was ended: the time is over; see python -m {' '.join(command[2:])}")
            return False
    print(f"\n{name} took {time.perf_counter() - started:.0f} s\n", flush=True)
    return code == 0


if __name__ == "__main__":
    main()
