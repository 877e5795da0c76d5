"""What was measured, by commit, and which ratio misses its aim.

    python -m bench.results     the ratios of this commit beside those of the commit measured before it

Results are of one machine, so they are in ``var/bench/results`` and not in git; the figures that the project
states are in docs/performance.md.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from local import places

FOLDER = places.VAR / "bench" / "results"


class Ratio(NamedTuple):
    """A figure that has an aim: *value* is at most *aim*, or at least where ``at_least`` is set."""

    name: str
    value: float
    aim: float
    at_least: bool = False

    def met(self) -> bool:
        """Whether the figure, as it is printed, meets its aim."""
        value = round(self.value, 2)
        return value >= self.aim if self.at_least else value <= self.aim


def commit() -> str:
    """The commit that is measured, with ``-changed`` where files differ from it."""
    command = ["git", "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=-changed"]
    done = subprocess.run(command, cwd=places.ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def keep(measurement: str, ratios: Iterable[Ratio], figures: dict[str, Any] | None = None) -> None:
    """Print *ratios* beside their aims, and keep them for this commit under the name of the *measurement*.

    Args:
        measurement: its module, ``load`` for one.
        ratios: the figures with an aim.
        figures: what else is worth keeping, in the form of JSON.
    """
    found = list(ratios)
    for ratio in found:
        print(line(ratio))
    file = FOLDER / f"{commit()}.json"
    kept = json.loads(file.read_text()) if file.exists() else {}
    kept[measurement] = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "ratios": {ratio.name: ratio._asdict() for ratio in found},
        "figures": figures or {},
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(kept, indent=1))


def summary() -> list[str]:
    """Print all ratios of this commit beside those measured before, and return the names of those that miss."""
    file = FOLDER / f"{commit()}.json"
    if not file.exists():
        print(f"nothing is measured at {commit()}")
        return []
    before, named = _before(file)
    print(f"commit {commit()}" + (f", beside {named}" if named else ""))
    missed = []
    for measurement, kept in json.loads(file.read_text()).items():
        earlier = before.get(measurement, {}).get("ratios", {})
        print(f"\n{measurement}: {kept['at']}, {kept['cores']} cores, load {kept['load']:.1f}")
        for name, ratio in kept["ratios"].items():
            print(line(Ratio(**ratio), earlier.get(name, {}).get("value")))
            if not Ratio(**ratio).met():
                missed.append(f"{measurement}: {name}")
    print("\nall aims are met" if not missed else f"\n{len(missed)} missed: {'; '.join(missed)}")
    return missed


def line(ratio: Ratio, before: float | None = None) -> str:
    """A ratio, its aim, whether it is met, and what it was *before*."""
    aim = f"{'at least' if ratio.at_least else 'at most'} {ratio.aim:g}"
    verdict = "met" if ratio.met() else "MISSED"
    last = "" if before is None else f"   before {before:.2f}"
    return f"  {ratio.name:<46}{ratio.value:>9.2f}   {aim:<14}{verdict:<6}{last}"


def _before(file: Path) -> tuple[dict[str, Any], str]:
    """The results that were kept last before those of *file*, and the commit they are of."""
    others = [other for other in FOLDER.glob("*.json") if other != file]
    if not others:
        return {}, ""
    last = max(others, key=lambda other: other.stat().st_mtime)
    return json.loads(last.read_text()), last.stem


if __name__ == "__main__":
    summary()
