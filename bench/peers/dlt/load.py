"""Workload W as users of dlt load it: Arrow tables through parquet and ADBC, then SQL in the destination.

What its documentation recommends for speed is followed: resources yield Arrow tables, and files are parquet,
which the postgres destination copies through ADBC. Its own merge strategy ``scd2`` dates a version by its load,
not by the day since when somebody lives somewhere; so dimensions and the fact are made from the loaded tables
by SQL. https://dlthub.com/docs/reference/performance, https://dlthub.com/docs/dlt-ecosystem/transformations/sql
"""

from __future__ import annotations

import os
import shutil
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

FOLDER = Path(__file__).parent
STATE = Path(os.environ["PEERS_STATE"])
TRANSFORMATIONS = ("schema", "dim_patient", "dim_provider", "fact_claim")
MONEY = pa.decimal128(12, 2)
REJECTED = dlt.mark.make_hints(table_name="rejected_claims", write_disposition="append")


def prepare(url: str) -> None:
    """Forget the pipeline of another database."""
    shutil.rmtree(STATE, ignore_errors=True)


def load(url: str, folder: Path) -> None:
    """Load the files below *folder*."""
    os.environ["EXTRACT__WORKERS"] = "2"
    pipeline = dlt.pipeline(
        "billing",
        pipelines_dir=str(STATE),
        destination=dlt.destinations.postgres(credentials=_credentials(url)),
        dataset_name="billing",
    )
    feeds = [claims(folder), patients(folder), providers(folder)]
    pipeline.run(feeds, loader_file_format="parquet")
    with pipeline.sql_client() as client:
        for name in TRANSFORMATIONS:
            client.execute_many((FOLDER / f"{name}.sql").read_text().split(";\n"))


def _credentials(url: str) -> str:
    """The URL with its Unix socket where dlt looks for the host."""
    parts = urllib.parse.urlsplit(url)
    host = urllib.parse.parse_qs(parts.query)["host"][0]
    return f"postgresql://postgres:trust@{urllib.parse.quote(host, safe='')}:5432{parts.path}"


@dlt.resource(write_disposition="replace")
def claims(folder: Path) -> Iterator[Any]:
    """The typed claims of the file; rows without a cost or a date of service go to a table of their own."""
    for rows in _batches(folder, "claims"):
        service = _dates(rows["date_of_service"])
        valid = pc.and_(
            pc.match_substring_regex(rows["total_cost"], r"^\d+\.\d\d$"), pc.is_valid(service)
        )
        accepted = rows.append_column("service_date", service).filter(valid)
        yield _put(
            accepted.drop_columns("date_of_service"),
            total_cost=accepted["total_cost"].cast(MONEY),
            coverage_type=accepted["coverage_type"].cast(pa.int16()),
            claim_date=_dates(accepted["claim_date"]),
            billed=pc.equal(accepted["billed"], "T"),
            last_modified_date=_dates(accepted["last_modified_date"]),
        )
        yield dlt.mark.with_hints(
            rows.filter(pc.invert(valid)), REJECTED, create_table_variant=True
        )


@dlt.resource(write_disposition="replace")
def patients(folder: Path) -> Iterator[pa.Table]:
    """The typed patients of the file; a value that is not valid is missing."""
    for rows in _batches(folder, "patients"):
        days = ("date_of_birth", "date_of_residence", "last_modified_date")
        yield _put(rows, zipcode=_zipcodes(rows), **{day: _dates(rows[day]) for day in days})


@dlt.resource(write_disposition="replace")
def providers(folder: Path) -> Iterator[pa.Table]:
    """The typed providers of the file; a value that is not valid is missing."""
    for rows in _batches(folder, "providers"):
        yield _put(rows, zipcode=_zipcodes(rows), start_date=_dates(rows["start_date"]))


def _batches(folder: Path, feed: str) -> Iterator[pa.Table]:
    """The rows of a file as text, 16 MiB at a time."""
    file = folder / "billing" / f"{feed}_{folder.name}.csv"
    with file.open() as rows:
        header = rows.readline().strip().split(",")
    text = csv.ConvertOptions(column_types=dict.fromkeys(header, pa.string()))
    for batch in csv.open_csv(file, csv.ReadOptions(block_size=1 << 24), convert_options=text):
        yield pa.table(batch)


def _put(rows: pa.Table, **columns: pa.ChunkedArray) -> pa.Table:
    """*rows* with *columns* in place of those of the same names."""
    for name, values in columns.items():
        rows = rows.set_column(rows.column_names.index(name), name, values)
    return rows


def _dates(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Days; what is none is missing. Of equal texts only one is parsed."""
    distinct = pc.dictionary_encode(text).combine_chunks()
    days = pc.strptime(
        pc.replace_substring(distinct.dictionary, "-", "/"),
        format="%m/%d/%Y",
        unit="s",
        error_is_null=True,
    )
    return pa.chunked_array([days.cast(pa.date32()).take(distinct.indices)])


def _zipcodes(rows: pa.Table) -> pa.ChunkedArray:
    return pc.if_else(pc.match_substring_regex(rows["zipcode"], r"^\d{5}$"), rows["zipcode"], None)
