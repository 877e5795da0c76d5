"""How long the pages take: each list and page, from the address to the HTML, in a warehouse of some years.

    python -m bench.pages                  100,000 files, 1 million issues, 10 million rows of claims
    python -m bench.pages --keep           leave the database for the next run

Each question is asked with several values of its filters, on the first, a middle and the last page. The target
is 300 ms at the 95th percentile.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
from fastapi.testclient import TestClient

from bench import warehouse

DATABASE = "pages"
FILL = Path(__file__).with_suffix(".sql")
TARGET_MS = 300
SEED = 20_261_129
# What the lists are narrowed to.
FILES = (
    "",
    "source=hospital&feed=patients",
    "state=held",
    "state=repeated",
    "name=0715",
    "from=2025-06-01&to=2025-06-30",
    "source=billing&feed=claims&state=rejected&name=claims_2025",
    "name=nothing+has+this",
    "sender=me",
    "sender=delivered&state=held",
)
ISSUES = (
    "",
    "state=all",
    "source=clinic",
    "source=billing&feed=claims&rule=pattern",
    "severity=error&state=waived",
    "rule=number&state=resolved",
    "age=week",
    "age=older-quarter&state=all",
    "file=claims_2025",
    "text=total_cost",
    "text=nothing+has+this&state=all",
)


def main() -> None:
    """Fill a warehouse, ask the questions, print the table; fails if one misses the target."""
    parser = argparse.ArgumentParser(prog="bench.pages", description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--issues", type=int, default=1_000_000)
    parser.add_argument("--rows", type=int, default=10_000_000, help="of claims")
    parser.add_argument("--times", type=int, default=40)
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    address = warehouse.url(DATABASE) if given.keep else None
    if address is None:
        address = create(given.files, given.issues, given.rows)
    os.environ["WAREHOUSE_URL"] = address
    _make_airflow()
    slow = report(given.files, given.issues, given.times)
    if not given.keep:
        warehouse.drop(DATABASE)
    sys.exit(f"slower than {TARGET_MS} ms: {', '.join(slow)}" if slow else 0)


def create(files: int, issues: int, rows: int) -> str:
    """A filled warehouse."""
    started = time.perf_counter()
    address = warehouse.create(DATABASE)
    from claimhouse import contracts
    from claimhouse.verification import ensure_tables, index

    for source in contracts.sources():
        ensure_tables(source)
    with psycopg.connect(address, autocommit=True) as connection:
        text = FILL.read_text().format(files=files, issues=issues, rows=rows)
        for statement in text.split(";\n\n"):
            connection.execute(statement.encode())
        index("billing")
        connection.execute("vacuum analyze")
    print(f"filled in {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    return address


def questions(files: int, issues: int) -> dict[str, Callable[[random.Random], str]]:
    """The addresses that are asked for, by name."""
    from claimhouse.pages import keyset

    def key(chance: random.Random) -> str:
        with psycopg.connect(os.environ["WAREHOUSE_URL"]) as connection:
            row = connection.execute(
                "select landed_at, file_id from landing.file where file_id = %s",
                (chance.randint(files // 4, files * 3 // 4),),
            ).fetchone()
        assert row is not None
        return keyset.key(*row)

    def list_of(place: Callable[[random.Random], str]) -> Callable[[random.Random], str]:
        return lambda chance: f"/files?{chance.choice(FILES)}&{place(chance)}"

    def issues_of(place: Callable[[random.Random], str]) -> Callable[[random.Random], str]:
        return lambda chance: f"/issues?{chance.choice(ISSUES)}{place(chance)}"

    return {
        "overview": lambda _: "/",
        "files, first page": list_of(lambda _: ""),
        "files, a middle page": list_of(lambda chance: f"before={key(chance)}"),
        "files, the page above": list_of(lambda chance: f"after={key(chance)}"),
        "files, last page": list_of(lambda _: f"after={keyset.OLDEST}"),
        "files that wait": lambda _: "/files/not-taken",
        "log of a file": lambda chance: f"/files/{chance.randint(1, files)}",
        "log of the file with most issues": lambda _: "/files/1",
        "issues, first page": issues_of(lambda _: ""),
        "issues, a middle page": issues_of(
            lambda chance: f"&before={chance.randint(issues // 4, issues * 3 // 4)}"
        ),
        "issues, last page": issues_of(lambda _: "&before=60"),
        "issues of a file": lambda chance: f"/issues?batch={chance.randint(1, files)}&state=all",
        "an issue": lambda chance: f"/issues/{chance.randint(1, issues)}",
        "held batches": lambda _: "/held",
        "what was decided": lambda _: "/acts",
    }


def report(files: int, issues: int, times: int) -> list[str]:
    """Ask each question, print what it took, and name those that miss the target."""
    chance, slow = random.Random(SEED), []
    print(f"{'question':36} {'median':>8} {'95 %':>8}   ms, of {times}; the slowest")
    with _client() as client:
        for name, address in questions(files, issues).items():
            addresses = [address(chance) for _ in range(times)]
            taken = list(_asked(client, addresses))
            most = statistics.quantiles(taken, n=20)[-1]
            slowest = addresses[taken.index(max(taken))]
            print(f"{name:36} {statistics.median(taken):8.0f} {most:8.0f}   {slowest}", flush=True)
            if most > TARGET_MS:
                slow.append(name)
    return slow


def _asked(client: TestClient, addresses: list[str]) -> Iterator[float]:
    """Ask for each address, and yield the milliseconds until its page was there."""
    client.get(addresses[0])  # templates are read once
    for address in addresses:
        started = time.perf_counter()
        answer = client.get(address)
        yield (time.perf_counter() - started) * 1000
        if answer.status_code not in (200, 404):  # a number without a file is asked for too
            sys.exit(f"{address}: {answer.status_code}")


def _client() -> TestClient:
    """A client of the pages, of somebody who is signed in and may see everything."""
    from fastapi import FastAPI

    from claimhouse import contracts
    from claimhouse.pages import application, rights

    pages = application().application
    assert isinstance(pages, FastAPI)
    sources = tuple(contracts.sources())
    pages.dependency_overrides[rights.person] = lambda: rights.Person("bench", sources, (), "")
    return TestClient(pages, root_path="/claimhouse")


def _make_airflow() -> None:
    """Airflow's own database, in which the pages look up runs."""
    os.environ["AIRFLOW_HOME"] = str(warehouse.FOLDER / "airflow")
    subprocess.run(
        [Path(sys.executable).with_name("airflow"), "db", "migrate"],
        check=True,
        capture_output=True,
    )


if __name__ == "__main__":
    main()
