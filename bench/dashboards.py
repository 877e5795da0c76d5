"""How long a dashboard takes: all of its data, for many readers at once, and the same asked of the star.

    python -m bench.dashboards                      10 million claims, 20 readers at once
    python -m bench.dashboards --claims 200000      another size; each has a database of its own, which is kept
    python -m bench.dashboards --new                fills and publishes the warehouse anew
    python -m bench.dashboards --pause 5            each reader looks at a page so many seconds on average

Each reader opens dashboards of its own, one after another: half of the time as they are at first, else with one
value chosen of one filter. The time is that of all tiles and filters, from the request for a session to the last
row; drawing and sending them is not in it. The readers are threads of as many processes as there are cores, as
those of the portal are. Then ten of the tiles are asked of the star, by SQL that groups the views of metrics.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from bench import reading

CLAIMS, READERS, PAGES = 10_000_000, 20, 15
# The target of the project, in milliseconds, of 95 in 100 pages.
MOST = 500.0
ASKED_OF_STAR = 10


@dataclass(frozen=True)
class Opened:
    """A dashboard that somebody opened."""

    dashboard: str
    is_filtered: bool
    milliseconds: float
    problems: int


def main() -> None:
    """Parse the arguments, open dashboards, print the tables."""
    parser = argparse.ArgumentParser(prog="bench.dashboards", description=__doc__.splitlines()[0])
    parser.add_argument("--claims", type=int, default=CLAIMS)
    parser.add_argument("--readers", type=int, default=READERS)
    parser.add_argument("--pages", type=int, default=PAGES)
    parser.add_argument("--pause", type=float, default=0.0)
    parser.add_argument("--new", action="store_true")
    options = parser.parse_args()
    address = reading.prepared(options.claims, is_new=options.new)
    os.environ["AIRFLOW_CONN_CLAIMHOUSE_PORTAL"] = address
    report(opened(options.readers, options.pages, options.pause), options.readers)
    print(f"\n{'the star, by plain SQL':<56}{'ms':>8}{'dashboard':>11}{'ratio':>8}")
    for line in of_star(address):
        print(line)


def opened(readers: int, pages: int, pause: float) -> list[Opened]:
    """The dashboards that *readers* open at once, *pages* each."""
    processes = min(os.cpu_count() or 1, readers)
    shares = [list(range(readers))[number::processes] for number in range(processes)]
    with ProcessPoolExecutor(processes) as pool:
        futures = [pool.submit(_of_process, share, pages, pause) for share in shares]
        return [page for future in futures for page in future.result()]


def report(pages: list[Opened], readers: int) -> None:
    """Print the times of each dashboard, and of all."""
    print(f"{readers} readers at once; milliseconds for all of a dashboard's data")
    print(f"{'dashboard':<32}{'opened':>8}{'p50':>8}{'p95':>8}{'max':>8}{'problems':>10}")
    for name in (*sorted({page.dashboard for page in pages}), "all"):
        of_name = [page for page in pages if name in (page.dashboard, "all")]
        times = sorted(page.milliseconds for page in of_name)
        mostly = times[min(len(times) * 95 // 100, len(times) - 1)]
        problems = sum(page.problems for page in of_name)
        print(f"{name:<32}{len(times):>8}{statistics.median(times):>8.0f}{mostly:>8.0f}"
              f"{times[-1]:>8.0f}{problems:>10}")  # fmt: skip
    print(f"target: 95 in 100 in less than {MOST:.0f} ms")


def of_star(address: str) -> list[str]:
    """Ten tiles, each asked of the star by plain SQL and of the dashboard, with nobody else there."""
    from claimhouse import metrics
    from claimhouse.dashboards import known, selection
    from claimhouse.dashboards.database import as_reader
    from claimhouse.dashboards.read import Reading
    from claimhouse.dashboards.session import KEPT

    people = {reader.name: reader for reader in known.readers()}
    tiles = [
        (people[dashboard.readers[0]], dashboard, tile)
        for dashboard in known.dashboards().values()
        for tile in dashboard.tiles
        if len(tile.source.metrics) == 1
    ]
    lines, ratios = [], []
    with psycopg.connect(address, autocommit=True) as owner:
        metrics.publish(owner)
        for reader, dashboard, tile in _spread(tiles, ASKED_OF_STAR):
            live = _milliseconds(lambda tile=tile: owner.execute(_of_star(tile)).fetchall())
            with as_reader(reader.logins[0].role, seconds=120) as connection:
                chosen = selection.of(dashboard, [(f.field, "") for f in dashboard.filters])

                def ask(
                    connection=connection,
                    reader=reader,
                    dashboard=dashboard,
                    chosen=chosen,
                    tile=tile,
                ):
                    KEPT.clear()
                    return Reading(connection, reader, None, dashboard, chosen).answer(tile)

                published = _milliseconds(ask)
            ratios.append(live / published)
            lines.append(f"{f'{dashboard.name}: {tile.title}'[:55]:<56}{live:>8.0f}{published:>11.0f}"
                         f"{live / published:>8.0f}")  # fmt: skip
    if ratios:
        lines.append(f"{'median of the ratios':<56}{statistics.median(ratios):>27.0f}")
    return lines


def _of_process(share: list[int], pages: int, pause: float) -> list[Opened]:
    with ThreadPoolExecutor(len(share)) as pool:
        return [page for of_one in pool.map(lambda seed: _of_reader(seed, pages, pause), share)
                for page in of_one]  # fmt: skip


def _of_reader(seed: int, pages: int, pause: float) -> list[Opened]:
    """The pages that one reader opens; the first of each dashboard is not counted."""
    from claimhouse.dashboards import known

    dice = random.Random(seed)
    dashboards = list(known.dashboards().values())
    people = {reader.name: reader for reader in known.readers()}
    found = []
    for number in range(pages + 1):
        dashboard = dashboards[(seed + number) % len(dashboards)]
        reader = people[dashboard.readers[seed % len(dashboard.readers)]]
        if pause:
            time.sleep(dice.expovariate(1 / pause))
        found.append(_open(dice, reader, dashboard))
    return found[1:]


def _open(dice: random.Random, reader: Any, dashboard: Any) -> Opened:
    from claimhouse.dashboards.database import as_reader
    from claimhouse.dashboards.read import Reading
    from claimhouse.dashboards.selection import Selection

    login = reader.logins[0]
    chosen = Selection()
    filters = [entry for entry in dashboard.filters if entry.kind == "choice"]
    if filters and dice.random() < 0.5:
        entry = dice.choice(filters)
        with as_reader(login.role) as connection:
            values = Reading(connection, reader, login, dashboard, chosen).choices(entry.field)
        if values:
            chosen = chosen.choosing(entry.field, dice.choice(values[:20]).value)
    started = time.perf_counter()
    with as_reader(login.role) as connection:
        page = Reading(connection, reader, login, dashboard, chosen).page()
    seconds = time.perf_counter() - started
    problems = sum(answer.problem is not None for answer in page.answers.values())
    return Opened(dashboard.name, bool(chosen.fields), 1000 * seconds, problems)


def _of_star(tile: Any) -> sql.Composed:
    """The numbers of a tile by its fields, of the view of its metric over the star."""
    fields = sql.SQL(", ").join(map(sql.Identifier, tile.fields))
    by = sql.SQL("group by {}").format(fields) if tile.fields else sql.SQL("")
    return sql.SQL("select {} sum(m.numerator) from metrics.{} as m {}").format(
        sql.SQL("{},").format(fields) if tile.fields else sql.SQL(""),
        sql.Identifier(tile.source.metrics[0]), by,
    )  # fmt: skip


def _milliseconds(work: Any) -> float:
    work()
    started = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - started)


def _spread(items: list[Any], most: int) -> list[Any]:
    return items[:: max(len(items) // most, 1)][:most]


if __name__ == "__main__":
    main()
