"""``make faults TRIALS=200``: disturb days at random, and compare them with undisturbed ones.

``SEED=`` repeats a run, ``TRIAL=`` one of its trials. ``SYSTEMS=4`` also kills parts of four whole
systems, of a few minutes each.
"""

from __future__ import annotations

import argparse
import random
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.system.faults.trial import Result


def main() -> None:
    """Run trials; exit with 1 where one of them ended in another state."""
    # Imported here: each stage imports this module again.
    from tests.system.faults import systems, trial

    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--trial", type=int, default=None)
    parser.add_argument("--systems", type=int, default=0)
    given = parser.parse_args()
    seed = random.randrange(1_000_000) if given.seed is None else given.seed
    print(f"SEED={seed}", flush=True)
    numbers = range(given.trials) if given.trial is None else [given.trial]
    began = time.monotonic()
    results = []
    with trial.trials(seed) as trials:
        if not trials.server.has_disks:
            print("no disk can be mounted here: a limit of file sizes stands for a full disk")
        for number in numbers:
            results.append(shown(trials.run(number)))
    if given.systems:
        results += [shown(result) for result in systems.trials(seed, given.systems)]
    print(f"\n{trial.table(results)}\n{time.monotonic() - began:.0f} s")
    if bad := [result.number for result in results if result.differences]:
        again = "\n".join(f"  make faults SEED={seed} TRIAL={number}" for number in bad)
        raise SystemExit(f"{len(bad)} trials ended in another state; to repeat one:\n{again}")


def shown(result: Result) -> Result:
    """Print *result*, and return it."""
    verdict = "DIFFERENT" if result.differences else "healed"
    print(
        f"{result.number:4} {verdict:9} {result.seconds:5.1f} s  {result.kind}: {result.what}",
        flush=True,
    )
    for difference in result.differences:
        print("     " + difference.replace("\n", "\n     "), flush=True)
    return result


if __name__ == "__main__":
    main()
