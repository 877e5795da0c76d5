"""The first load of workload W and its update, beside a plain COPY and beside other tools, in the same run.

    python -m bench.load                       Claimhouse and the COPY, three rounds
    python -m bench.load pandas dlt dbt        and its peers, one after the other in each round
    python -m bench.load --growth              0.1, 0.5, 1 and 2 times W: is the time linear in the rows?
    python -m bench.load --scale 10 --rounds 1 ten times W: is the memory the same?

All load into the embedded server, with durability on, each time into a fresh database. The time is from files
to facts, without the start-up of a process (of Claimhouse: Airflow's). Processor seconds are those of both
sides. The result of the first round is compared with the truth, row for row: see ``bench/truth.py``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from local import embedded, places

from bench import peers, results, truth, workload
from bench.results import Ratio

FOLDER = places.VAR / "bench"
OWN = ("plain_copy", "claimhouse")
CHECKS = ("checks", "star checks")
MOST_PRIME, MOST_UPDATE, MOST_CHECKS, MOST_MEMORY_MIB, MOST_BEND = 4.0, 1.5, 0.20, 1024, 0.20
LEAST_FASTER = 1.5

Costs = dict[str, Any]


def main() -> None:
    """Parse the arguments, measure, print the tables."""
    parser = argparse.ArgumentParser(prog="bench.load", description=__doc__.splitlines()[0])
    parser.add_argument("peers", nargs="*", metavar="PEER", help=", ".join(peers.PEERS))
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--growth", action="store_true")
    given = parser.parse_args()
    if unknown := set(given.peers) - set(peers.PEERS):
        parser.error(f"no peer is named {', '.join(sorted(unknown))}")
    if given.growth:
        growth([0.1, 0.5, 1.0, 2.0], given.rounds)
    else:
        measured = rounds([*OWN, *given.peers], given.scale, given.rounds)
        report(given.scale, measured)


def rounds(contestants: list[str], scale: float, count: int) -> dict[str, list[Costs]]:
    """Let *contestants* load one after the other, *count* times: what each run cost, by contestant.

    Raises:
        SystemExit: a run failed, or its result is not the truth.
    """
    files = files_of(scale)
    measured: dict[str, list[Costs]] = {contestant: [] for contestant in contestants}
    for contestant in contestants:
        peers.python(contestant)
    for number in range(count):
        for contestant, costs in measured.items():
            told = f"{contestant}, round {number + 1} of {count} at {scale:g} x W ..."
            print(told, file=sys.stderr, flush=True)
            url = _fresh_database(f"bench_{contestant}")
            costs.append(run(contestant, url, files))
            if number == 0 and contestant != "plain_copy":
                check(contestant, url, files)
    return measured


def files_of(scale: float) -> Path:
    """The folder with the files of W times *scale*, which are made once."""
    files = FOLDER / f"workload-{scale:g}"
    if not (files / "update" / "billing" / "claims_update.csv").exists():
        workload.make(files, scale)
    workload.make_clean(files)
    return files


def run(contestant: str, url: str, files: Path) -> Costs:
    """One load into an empty database, in a process of its own: what :mod:`bench.once` prints.

    Raises:
        SystemExit: it failed; the end of what it printed is told.
    """
    postmaster = (FOLDER / "pg" / "postmaster.pid").read_text().split()[0]
    load = peers.FOLDER / contestant / "load.py"
    once = Path(__file__).with_name("once.py")
    state = FOLDER / "state" / contestant
    state.mkdir(parents=True, exist_ok=True)
    # -P: a folder of this package is named as the package that its peer imports.
    command = [
        str(peers.python(contestant)),
        "-P",
        str(once),
        str(load),
        url,
        str(files),
        postmaster,
    ]
    environment = {**os.environ, **peers.SILENT, "PEERS_STATE": str(state)}
    if contestant in peers.PEERS:
        environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        command, cwd=places.ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{contestant} failed:\n{done.stderr[-4000:]}")
    costs: Costs = json.loads(done.stdout.splitlines()[-1])
    return costs


def check(contestant: str, url: str, files: Path) -> None:
    """Compare what *contestant* has loaded with the truth.

    Raises:
        SystemExit: it differs; both sides are written to files.
    """
    rejected, claims = (peers.query(contestant, name) for name in ("rejected", "claims"))
    rekeyed = contestant == "claimhouse"
    expected = truth.of(files)
    with psycopg.connect(url, options=f"-c search_path={peers.SCHEMAS}") as connection:
        row = connection.execute(rejected).fetchone()
        with connection.cursor().copy(b"copy (" + claims + b") to stdout") as rows:
            found = truth.checksum(bytes(line) for line in rows)
        wanted = (expected.claims, expected.rekeyed if rekeyed else expected.as_loaded)
        if row == (expected.rejected,) and found == wanted:
            return
        loaded, true = FOLDER / f"{contestant}.rows", FOLDER / "truth.rows"
        with connection.cursor().copy(b"copy (" + claims + b") to stdout") as rows:
            loaded.write_bytes(b"".join(bytes(line) for line in rows))
    true.write_bytes(b"".join(truth.lines(files, rekeyed=rekeyed)))
    sys.exit(
        f"{contestant} refused {row} rows and loaded {found[0]} claims; the truth is {expected}.\n"
        f"See diff {loaded} {true}"
    )


def _fresh_database(name: str) -> str:
    server = embedded.start(FOLDER / "pg")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"drop database if exists {name} with (force)".encode())
        connection.execute("checkpoint")
    return embedded.create_database(server, name)


def report(scale: float, measured: dict[str, list[Costs]]) -> None:
    """Print medians, stages and ratios, and keep the ratios of W itself."""
    count = len(measured["claimhouse"])
    print(
        f"\nWorkload {scale:g} x W, medians of {count} round{'s' * (count > 1)}:"
        " seconds, and processor seconds of both sides\n"
    )
    print(f"{'stage':<16}{'prime':>10}{'processor':>11}{'update':>10}{'processor':>11}")
    own = measured["claimhouse"]
    for stage in own[0]["prime"]["stages"]:
        figures = [
            statistics.median(costs[part]["stages"][stage][kind] for costs in own)
            for part in truth.PARTS
            for kind in (0, 1)
        ]
        print(
            f"{stage:<16}{figures[0]:>10.2f}{figures[1]:>11.2f}{figures[2]:>10.2f}{figures[3]:>11.2f}"
        )
    print()
    print(
        f"{'loaded by':<16}{'prime':>10}{'processor':>11}{'update':>10}{'processor':>11}{'memory MiB':>12}"
    )
    figures_kept = {}
    for contestant, costs in measured.items():
        row = [middle(costs, part, kind) for part in truth.PARTS for kind in (seconds, processor)]
        memory = max(max(run["client_mib"], run["server_mib"]) for run in costs)
        print(
            f"{contestant:<16}"
            + "{:>10.1f}{:>11.1f}{:>10.1f}{:>11.1f}".format(*row)
            + f"{memory:>12.0f}"
        )
        figures_kept[contestant] = [*row, memory]
    print()
    found = ratios(measured)
    if scale == 1:
        results.keep("load", found, figures_kept)
    else:
        for ratio in found:
            print(results.line(ratio))


def seconds(costs: Costs, part: str) -> float:
    """Seconds of the clock of a part, without the checks of Soda, which are counted beside it."""
    return float(costs[part]["seconds"]) - checks(costs, part, 0)


def processor(costs: Costs, part: str) -> float:
    """Processor seconds of a part on both sides, without the checks of Soda."""
    return float(costs[part]["client"] + costs[part]["server"]) - checks(costs, part, 1)


def checks(costs: Costs, part: str, kind: int) -> float:
    """What Soda's checks took: seconds of the clock (*kind* 0) or of the processors (1)."""
    return sum(float(costs[part]["stages"].get(stage, (0, 0))[kind]) for stage in CHECKS)


def middle(costs: list[Costs], part: str, kind: Callable[[Costs, str], float]) -> float:
    """The median of what a part took."""
    return statistics.median(kind(run, part) for run in costs)


def ratios(measured: dict[str, list[Costs]]) -> list[Ratio]:
    """The figures that have an aim: medians of ratios within a round, so that the machine's drift cancels out."""
    own, copies = measured["claimhouse"], measured["plain_copy"]
    found = []
    for part, most in (("prime", MOST_PRIME), ("update", MOST_UPDATE)):
        for name, kind in (("time", seconds), ("processor", processor)):
            pairs = zip(own, copies, strict=True)
            value = statistics.median(kind(run, part) / kind(copy, "prime") for run, copy in pairs)
            found.append(Ratio(f"{part} / COPY of the claims, {name}", value, most))
    for part in truth.PARTS:
        value = statistics.median(checks(run, part, 1) / processor(run, part) for run in own)
        found.append(Ratio(f"Soda / load, {part}, processor", value, MOST_CHECKS))
    for side in ("client", "server"):
        peak = max(run[f"{side}_mib"] for run in own)
        found.append(Ratio(f"peak memory of a process, {side} MiB", peak, MOST_MEMORY_MIB))
    others = [measured[peer] for peer in peers.PEERS if peer in measured]
    for name, kind in (("time", seconds), ("processor", processor)):
        if others:
            fastest = min(others, key=lambda costs: middle(costs, "prime", kind))
            pairs = zip(fastest, own, strict=True)
            value = statistics.median(
                kind(peer, "prime") / kind(run, "prime") for peer, run in pairs
            )
            found.append(
                Ratio(f"fastest peer / Claimhouse, prime, {name}", value, LEAST_FASTER, True)
            )
    return found


def growth(scales: list[float], count: int) -> None:
    """Print the processor time per million claims at each scale, and how far it is from linear."""
    each = {}
    print(
        f"{'scale':>8}{'prime s':>10}{'processor':>11}{'per million':>13}{'client MiB':>12}{'server MiB':>12}"
    )
    for scale in scales:
        costs = rounds(["claimhouse"], scale, count)["claimhouse"]
        spent = middle(costs, "prime", processor)
        each[scale] = spent / (2 * scale)
        memory = [max(run[name] for run in costs) for name in ("client_mib", "server_mib")]
        print(
            f"{scale:>8g}{middle(costs, 'prime', seconds):>10.2f}{spent:>11.2f}{each[scale]:>13.2f}"
            f"{memory[0]:>12.0f}{memory[1]:>12.0f}"
        )
    bend = max(each.values()) / min(each.values()) - 1
    results.keep("growth", [Ratio("bend from a straight line", bend, MOST_BEND)])


if __name__ == "__main__":
    main()
