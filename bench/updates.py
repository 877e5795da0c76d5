"""What an update of 20,000 claims costs among few claims and among many, stage by stage.

    python -m bench.updates                                       0.2 and 2 million claims
    python -m bench.updates --claims 200000 --claims 10000000     other sizes
    python -m bench.updates --runs 1                              one update of each
    python -m bench.updates --load-only                           without publication
    python -m bench.updates --drop                                removes the warehouses

The first call for a size loads workload W of that size and publishes it, which takes minutes for two million
claims. The warehouse is kept: each later call adds updates to it, so that a change of the code is measured in
a minute. With ``--load-only`` it is another warehouse, of which nothing is published. An update has 20,000
claims, 2,000 patients and 100 providers, half of them known, and points some 7,000 facts to other states of
their members, at every size.

Seconds are those of the processors, of this process and of the server, since machines are shared; those of the
clock stand beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local import embedded, places

from bench import meter, results, workload
from bench.results import Ratio

FOLDER = places.VAR / "bench"
SIZES = (200_000, 2_000_000)
UPDATED = 20_000
# The targets of the project, for an update of all stages.
MOST_GROWTH, MOST_SECONDS = 1.5, 6.0

Costs = dict[str, meter.Cost]


def main() -> None:
    """Parse the arguments, measure, print the table."""
    parser = argparse.ArgumentParser(prog="bench.updates", description=__doc__.splitlines()[0])
    parser.add_argument("--claims", type=int, action="append")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--load-only", action="store_true")
    parser.add_argument("--drop", action="store_true")
    options = parser.parse_args()
    _settings()
    sizes = options.claims or SIZES
    if options.drop:
        for claims in sizes:
            _drop(_folder(claims, load_only=False))
            _drop(_folder(claims, load_only=True))
        return
    report({claims: measure(claims, options.runs, options.load_only) for claims in sizes})


def measure(claims: int, runs: int, load_only: bool) -> list[Costs]:
    """What *runs* updates among *claims* claims cost, by stage; the warehouse is made if there is none."""
    import psycopg

    from claimhouse import schema

    scale = claims / workload.sizes(1).claims
    files = _folder(claims, load_only)
    server = embedded.start(FOLDER / "pg")
    os.environ["WAREHOUSE_URL"] = embedded.url_of(server, files.name)
    os.environ["CLAIMHOUSE_ARCHIVE_ROOT"] = f"file://{files}/archive"
    if not (files / "primed").exists():
        _drop(files)
        print(f"loading {claims:,} claims ...", file=sys.stderr, flush=True)
        embedded.create_database(server, files.name)
        schema.upgrade()
        workload.make(files, scale)
        _all_stages(files / "prime", load_only)
        with psycopg.connect(os.environ["WAREHOUSE_URL"], autocommit=True) as connection:
            connection.execute("vacuum analyze")
            connection.execute("checkpoint")
        (files / "primed").touch()
    schema.upgrade()
    measured = []
    for run in range(runs):
        number = 1 + len(list(files.glob("update-*")))
        print(f"update {run + 1} of {runs} among {claims:,} ...", file=sys.stderr, flush=True)
        landing = workload.make_update(files, scale, UPDATED, number)
        measured.append(_all_stages(landing, load_only))
    return measured


def _all_stages(landing: Path, load_only: bool) -> Costs:
    """Load and publish the files of a landing root; what each stage cost."""
    from claimhouse import ingest, reporting, warehouse

    os.environ["CLAIMHOUSE_LANDING_ROOT"] = f"file://{landing}"

    def publish() -> None:
        with warehouse.connect() as connection:
            reporting.publish(connection)

    stages: list[tuple[str, Callable[[], object]]] = ingest.stages("billing")
    if not load_only:
        stages.append(("publication", publish))
    with meter.of(os.environ["WAREHOUSE_URL"]) as costs:
        return {name: costs(stage) for name, stage in stages}


def report(measured: dict[int, list[Costs]]) -> None:
    """Print the medians by stage and size, and how they grow."""
    sizes = list(measured)
    print("\nprocessor seconds (seconds) of an update of 20,000 claims among\n")
    print(f"{'':<14}" + "".join(f"{claims:>18,}" for claims in sizes) + f"{'growth':>8}")
    rows = {
        name: [_medians(measured[claims], name) for claims in sizes] for name in _names(measured)
    }
    rows["all"] = [_medians([_whole(run) for run in measured[claims]], "all") for claims in sizes]
    for name, costs in rows.items():
        processor = [cost.processor_seconds for cost in costs]
        cells = "".join(f"{cost.processor_seconds:>10.2f} ({cost.seconds:5.2f})" for cost in costs)
        print(f"{name:<14}{cells}{max(processor) / max(min(processor), 0.01):>8.2f}")
    whole = [cost.processor_seconds for cost in rows["all"]]
    print()
    found = [
        Ratio("growth from few claims to many", max(whole) / min(whole), MOST_GROWTH),
        Ratio("most processor seconds", max(whole), MOST_SECONDS),
    ]
    results.keep("updates", found)


def _names(measured: dict[int, list[Costs]]) -> list[str]:
    return list(next(iter(measured.values()))[0])


def _medians(runs: list[Costs], name: str) -> meter.Cost:
    return meter.Cost(
        seconds=statistics.median(run[name].seconds for run in runs),
        processor_seconds=statistics.median(run[name].processor_seconds for run in runs),
    )


def _whole(run: Costs) -> Costs:
    return {
        "all": meter.Cost(
            sum(cost.seconds for cost in run.values()),
            sum(cost.processor_seconds for cost in run.values()),
        )
    }


def _folder(claims: int, load_only: bool) -> Path:
    """The files of a warehouse, whose database has the same name."""
    return FOLDER / f"updates-{claims}{'-unpublished' if load_only else ''}"


def _drop(files: Path) -> None:
    import psycopg

    with psycopg.connect(embedded.start(FOLDER / "pg"), autocommit=True) as connection:
        connection.execute(f'drop database if exists "{files.name}" with (force)'.encode())
    shutil.rmtree(files, ignore_errors=True)


def _settings() -> None:
    """What the stages need of their surroundings."""
    sys.path.insert(0, str(places.ROOT / "plugins"))
    os.environ["AIRFLOW_HOME"] = str(FOLDER / "airflow")
    os.environ["CLAIMHOUSE_SETTLE_SECONDS"] = "0"
    os.environ["CLAIMHOUSE_CORRECTIONS_ROOT"] = f"file://{FOLDER}/corrections"
    pseudonyms: dict[str, Any] = {"conn_type": "generic", "password": "for the benchmark"}
    os.environ["AIRFLOW_CONN_CLAIMHOUSE_PSEUDONYM"] = json.dumps(pseudonyms)
    from claimhouse import storage

    # Airflow loads its plugins at the first byte it reads: that is its start-up, which is not measured.
    with storage.at(f"file://{__file__}").open("rb") as own:
        own.read(1)


if __name__ == "__main__":
    main()
