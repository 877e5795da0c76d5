"""Workload W as users of dbt load it: a COPY of the files as text, then models that type, check and merge them.

What its documentation recommends for speed is followed: staging models are views, the others incremental and
merged by their keys, with indexes by configuration; the text, which a load replaces, is not logged. Seeds,
which dbt loads row by row, are for small lists.
https://docs.getdbt.com/reference/resource-configs/postgres-configs, https://docs.getdbt.com/docs/build/seeds
"""

from __future__ import annotations

import os
import urllib.parse
from pathlib import Path

import psycopg2
from dbt.cli.main import dbtRunner

FOLDER = Path(__file__).parent
STATE = Path(os.environ["PEERS_STATE"])
FEEDS = ("patients", "providers", "claims")


def prepare(url: str) -> None:
    """Read the models, which dbt keeps for the next run."""
    database = urllib.parse.urlsplit(url).path.lstrip("/")
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        # How the dates of the files are written.
        cursor.execute(f"alter database {database} set datestyle = 'iso, mdy'")
    os.environ["PEERS_HOST"] = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["host"][0]
    os.environ["PEERS_DATABASE"] = database
    _dbt("parse")


def load(url: str, folder: Path) -> None:
    """Load the files below *folder*."""
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute((FOLDER / "raw.sql").read_text())
        for feed in FEEDS:
            with (folder / "billing" / f"{feed}_{folder.name}.csv").open() as rows:
                cursor.copy_expert(f"copy raw.{feed} from stdin with (format csv, header)", rows)
    _dbt("run")


def _dbt(command: str) -> None:
    paths = ["--project-dir", str(FOLDER), "--profiles-dir", str(FOLDER)]
    paths += ["--target-path", str(STATE / "target"), "--log-path", str(STATE)]
    done = dbtRunner().invoke([command, "--quiet", *paths])
    if not done.success:
        raise RuntimeError(f"dbt {command} failed") from done.exception
