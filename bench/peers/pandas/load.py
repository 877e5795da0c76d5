"""Workload W as users of pandas load it: read_csv, merge_asof for the keys, to_sql through ADBC.

What its documentation recommends for speed is followed: the reader and the types of pyarrow, and an ADBC driver
for ``read_sql`` and ``to_sql``. https://pandas.pydata.org/docs/user_guide/io.html#adbc-drivers
"""

from __future__ import annotations

from pathlib import Path

import adbc_driver_postgresql.dbapi as adbc
import numpy as np
import pandas as pd
import pyarrow as pa

FOLDER = Path(__file__).parent
FIRST_DAY = pd.Timestamp("1900-01-01")
# What tells in each feed who it is, since when it is so, and when that was recorded.
MEMBERS = {
    "patient": ("patient_id", "date_of_residence", "last_modified_date"),
    "provider": ("provider_id", "start_date", None),
}
DATES = ["date_of_birth", "date_of_residence", "last_modified_date", "start_date", "valid_from"]
DATE, SMALL = pd.ArrowDtype(pa.date32()), pd.ArrowDtype(pa.int16())
MONEY, FLAG = pd.ArrowDtype(pa.decimal128(12, 2)), pd.ArrowDtype(pa.bool_())


def load(url: str, folder: Path) -> None:
    """Load the files below *folder*, in one transaction."""
    with adbc.connect(url) as connection:
        _run(connection, "schema")
        claims = _claims(connection, folder)
        for name in MEMBERS:
            claims = _with_key(claims, _load_dimension(connection, folder, name), name)
        _load_fact(connection, claims)
        connection.commit()


def _run(connection: adbc.Connection, statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in (FOLDER / f"{statements}.sql").read_text().split(";\n"):
            if statement.strip():
                cursor.execute(statement)


def _read(folder: Path, feed: str) -> pd.DataFrame:
    file = folder / "billing" / f"{feed}_{folder.name}.csv"
    header = pd.read_csv(file, nrows=0).columns
    types = dict.fromkeys(header, "string[pyarrow]")
    return pd.read_csv(file, engine="pyarrow", dtype_backend="pyarrow", dtype=types)


def _dates(text: pd.Series) -> pd.Series:
    """Days; what is none is missing. Of equal texts only one is parsed."""
    return pd.to_datetime(text.str.replace("-", "/"), format="%m/%d/%Y", errors="coerce")


def _claims(connection: adbc.Connection, folder: Path) -> pd.DataFrame:
    """The typed claims of the file; rows without a cost or a date of service are kept aside."""
    claims = _read(folder, "claims")
    cost = pd.to_numeric(claims["total_cost"], errors="coerce")
    service = _dates(claims["date_of_service"])
    valid = (cost.notna() & service.notna()).to_numpy(bool)
    claims[~valid].to_sql("rejected_claim", connection, if_exists="append", index=False)
    claims["service_date"] = service
    claims = claims[valid]
    return pd.DataFrame(
        {
            "claim_id": claims["claim_id"],
            "patient_id": claims["patient_id"],
            "provider_id": claims["provider_id"],
            "visit_type": claims["visit_type"],
            "total_cost": claims["total_cost"].astype(MONEY),
            "coverage_type": claims["coverage_type"].astype(SMALL),
            "service_date": claims["service_date"],
            "claim_date": _dates(claims["claim_date"]).astype(DATE),
            "is_billed": (claims["billed"] == "T").astype(FLAG),
            "last_modified_date": _dates(claims["last_modified_date"]).astype(DATE),
        }
    )


def _load_dimension(connection: adbc.Connection, folder: Path, name: str) -> pd.DataFrame:
    """End the versions that the file of a dimension changes, and append its new ones.

    Returns:
        Key, member and first day of every version.
    """
    member, since, recorded = MEMBERS[name]
    versions = pd.read_sql(
        f"select {name}_key, {member}, {since}, valid_from, is_current from dim_{name}",
        connection,
        dtype_backend="pyarrow",
    )
    rows = _read(folder, f"{name}s")
    for column in rows.columns.intersection(DATES):
        rows[column] = _dates(rows[column])
    rows["zipcode"] = rows["zipcode"].where(rows["zipcode"].str.fullmatch(r"\d{5}"))
    current = versions.loc[versions["is_current"], [member, since]]
    before = rows[[member]].merge(current, on=member, how="left")[since]
    before = before.astype("datetime64[us]").to_numpy()
    moved = rows[since].to_numpy() != before
    changed = rows[recorded] if recorded else pd.Timestamp.today().normalize()
    rows["valid_from"] = rows[since].where(moved, changed).mask(np.isnat(before), FIRST_DAY)
    rows[f"{name}_key"] = np.arange(len(versions), len(versions) + len(rows))
    days = dict.fromkeys(rows.columns.intersection(DATES), DATE)
    rows.astype(days).to_sql(f"new_{name}", connection, if_exists="replace", index=False)
    _run(connection, f"merge_{name}")
    columns = [f"{name}_key", member, "valid_from"]
    return pd.concat([versions[columns].astype(rows[columns].dtypes), rows[columns]])


def _with_key(claims: pd.DataFrame, versions: pd.DataFrame, name: str) -> pd.DataFrame:
    """*claims* with the key of the version that holds on the date of service."""
    return pd.merge_asof(
        claims.sort_values("service_date"),
        versions.sort_values("valid_from"),
        left_on="service_date",
        right_on="valid_from",
        by=f"{name}_id",
    ).drop(columns="valid_from")


def _load_fact(connection: adbc.Connection, claims: pd.DataFrame) -> None:
    claims = claims.astype({"service_date": DATE})
    empty = pd.read_sql("select not exists (select from fact_claim)", connection).iat[0, 0]
    if empty:
        claims.to_sql("fact_claim", connection, if_exists="append", index=False)
        _run(connection, "index_fact")
    else:
        claims.to_sql("new_claim", connection, if_exists="replace", index=False)
        _run(connection, "merge_claim")
