"""Workload W: billing feeds of any size, seeded, in the shape of the real ones.

At scale 1: 200,000 patients and an update of 20,000; 10,000 providers and 1,000; 2,000,000
claims and 200,000. Half an update is new records, half are changes; a third of the changed
patients and providers moved amid the visits that are loaded already, which re-keys some 16,000
claims. The others keep the date since when they are where they are. About 0.5 % of the rows of
each file are invalid.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

SEED = 20_261_122
INVALID = 0.005
MOVED = 1 / 3
STATES = ["Ohio", "Texas", "Maine", "Utah", "New York", "Georgia", "Oregon", "Kansas"]
CITIES = ["Akron", "Waco", "Bangor", "Provo", "Albany", "Macon", "Salem", "Topeka"]
SPECIALTIES = ["family_physician", "orthopedist", "heart_surgeon", "physical_therapist"]
VISITS = ["physical", "routine", "illness", "surgery"]
EPOCH = np.datetime64("1970-01-01")


@dataclass(frozen=True)
class Sizes:
    """Rows of the priming files; an update is a tenth of each."""

    patients: int
    providers: int
    claims: int


def sizes(scale: float) -> Sizes:
    """The sizes of W times *scale*."""
    return Sizes(int(200_000 * scale), int(10_000 * scale), int(2_000_000 * scale))


def make(landing: Path, scale: float = 1.0) -> Sizes:
    """Write the priming files into ``landing/prime/billing`` and the updates beside them."""
    size, random = sizes(scale), np.random.default_rng(SEED)
    prime, update = landing / "prime" / "billing", landing / "update" / "billing"
    for folder in (prime, update):
        folder.mkdir(parents=True, exist_ok=True)
    homes = _days(random, "2000-01-01", "2015-12-31", size.patients + size.patients // 20)
    posts = _days(random, "1995-01-01", "2015-12-31", size.providers + size.providers // 20)
    keys = np.arange(size.patients)
    _write(_patients(random, keys, homes, "2020-01-15"), prime / "patients_prime.csv")
    keys = np.arange(size.providers)
    _write(_providers(random, keys, posts), prime / "providers_prime.csv")
    _write(_claims(random, np.arange(size.claims), size, "2021-02-08"), prime / "claims_prime.csv")

    keys = _half_new(random, size.patients)
    homes = _some_moved(random, homes)
    _write(_patients(random, keys, homes, "2021-02-09"), update / "patients_update.csv")
    keys = _half_new(random, size.providers)
    posts = _some_moved(random, posts)
    _write(_providers(random, keys, posts), update / "providers_update.csv")
    keys = _half_new(random, size.claims)
    _write(_claims(random, keys, size, "2021-02-09"), update / "claims_update.csv")
    return size


def make_update(landing: Path, scale: float, claims: int, number: int) -> Path:
    """Write a later update of *claims* claims, with a tenth as many patients and a two hundredth of providers.

    Args:
        landing: where the priming files of :func:`make` are.
        scale: that of the priming files.
        claims: the rows of claims, half of them new.
        number: from 1; updates before it have been loaded.

    Returns:
        The landing root, with the files of this update alone.
    """
    size, random = sizes(scale), np.random.default_rng(SEED + number)
    root = landing / f"update-{claims}-{number}"
    folder = root / "billing"
    folder.mkdir(parents=True)
    first = np.random.default_rng(SEED)
    homes = _days(first, "2000-01-01", "2015-12-31", size.patients + size.patients // 20)
    posts = _days(first, "1995-01-01", "2015-12-31", size.providers + size.providers // 20)
    day = str(np.datetime64("2021-02-09") + number)
    keys, homes = _update_of(random, claims // 10, number, size.patients, homes)
    _write(_patients(random, keys, homes, day), folder / f"patients_update_{number}.csv")
    keys, posts = _update_of(random, claims // 200, number, size.providers, posts)
    _write(_providers(random, keys, posts), folder / f"providers_update_{number}.csv")
    known = random.choice(size.claims, size=claims // 2, replace=False)
    new = size.claims + (number - 1) * (claims // 2) + np.arange(claims // 2)
    _write(
        _claims(random, np.concatenate([known, new]), size, day),
        folder / f"claims_update_{number}.csv",
    )
    return root


def _update_of(
    random: np.random.Generator, count: int, number: int, known: int, since: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The keys of *count* members, half of them new, and the days *since* when each is where it is, by key."""
    half = count // 2
    changed = random.choice(known, size=half, replace=False)
    new = known + (number - 1) * half + np.arange(half)
    days = np.full(max(int(new[-1]) + 1, len(since)), since[0])
    days[: len(since)] = since
    moved = _some_moved(random, days[changed])
    days[changed] = moved
    return np.concatenate([changed, new]), days


def make_clean(landing: Path) -> None:
    """Write the claims that a typed table takes beside the folders: all files of a landing root are landed."""
    for part in ("prime", "update"):
        kept = landing / f"claims_{part}.clean"
        if not kept.exists():
            file = landing / part / "billing" / f"claims_{part}.csv"
            with file.open() as rows, kept.open("w") as clean:
                clean.writelines(
                    row for row in rows if ",xyz," not in row and ",dogcat," not in row
                )


def _half_new(random: np.random.Generator, known: int) -> np.ndarray:
    """The keys of an update: half of them new, half of them known."""
    half = known // 20
    changed = random.choice(known, size=half, replace=False)
    return np.concatenate([changed, np.arange(known, known + half)])


def _some_moved(random: np.random.Generator, since: np.ndarray) -> np.ndarray:
    """The days *since* when each is where it is, for some of them put amid the visits."""
    late = _days(random, "2018-01-01", "2019-12-31", len(since))
    return np.where(random.random(len(since)) < MOVED, late, since)


def _patients(
    random: np.random.Generator, keys: np.ndarray, homes: np.ndarray, modified: str
) -> pl.DataFrame:
    count = len(keys)
    place = random.integers(0, len(STATES), count)
    born = _dates(_days(random, "1930-01-01", "2005-12-31", count), "%-m-%-d-%Y")
    return pl.DataFrame(
        {
            "patient_id": _ids(keys, "", "U"),
            "fname": _ids(random.integers(0, 5_000, count), "First", ""),
            "lname": _ids(random.integers(0, 20_000, count), "Last", ""),
            "date_of_birth": _spoiled(random, born, "89322222222222"),
            "address": _ids(random.integers(1, 9_999, count), "", " Main Street"),
            "city": np.array(CITIES)[place],
            "state": np.array(STATES)[place],
            "zipcode": _ids(random.integers(10_000, 99_999, count), "", ""),
            "date_of_residence": _dates(homes[keys], "%-m-%-d-%Y"),
            "last_modified_date": _dates(np.full(count, _day(modified)), "%-m-%-d-%Y"),
        }
    )


def _providers(random: np.random.Generator, keys: np.ndarray, posts: np.ndarray) -> pl.DataFrame:
    count = len(keys)
    place = random.integers(0, len(STATES), count)
    zipcode = _ids(random.integers(10_000, 99_999, count), "", "")
    return pl.DataFrame(
        {
            "provider_id": _ids(keys, "N3T", "A"),
            "fname": _ids(random.integers(0, 5_000, count), "First", ""),
            "lname": _ids(random.integers(0, 20_000, count), "Last", ""),
            "facility_name": _ids(random.integers(0, 500, count), "Facility ", ""),
            "address": _ids(random.integers(0, 500, count), "", " High Street"),
            "city": np.array(CITIES)[place],
            "state": np.array(STATES)[place],
            "zipcode": _spoiled(random, zipcode, "dgfdfg"),
            "specialty_code": np.array(SPECIALTIES)[random.integers(0, 4, count)],
            "start_date": _dates(posts[keys], "%-m/%-d/%Y"),
        }
    )


def _claims(
    random: np.random.Generator, keys: np.ndarray, size: Sizes, modified: str
) -> pl.DataFrame:
    count = len(keys)
    cents = random.integers(1_00, 2_000_00, count)
    cost = pl.Series(cents).cast(pl.String).str.replace(r"(\d\d)$", ".$1")
    service = _days(random, "2016-01-01", "2019-12-31", count)
    dates = _dates(service, "%-m/%-d/%Y")
    half = INVALID / 2
    return pl.DataFrame(
        {
            "claim_id": _ids(keys, "CF#", "NN"),
            "patient_id": _ids(random.integers(0, size.patients, count), "", "U"),
            "provider_id": _ids(random.integers(0, size.providers, count), "N3T", "A"),
            "visit_type": np.array(VISITS)[random.integers(0, 4, count)],
            "total_cost": _spoiled(random, cost, "xyz", half),
            "coverage_type": np.array(["100", "50", "0"])[random.integers(0, 3, count)],
            "date_of_service": _spoiled(random, dates, "dogcat", half),
            "claim_date": _dates(service + random.integers(1, 90, count), "%-m/%-d/%Y"),
            "billed": np.array(["T", "F"])[random.integers(0, 2, count)],
            "last_modified_date": _dates(np.full(count, _day(modified)), "%-m/%-d/%Y"),
        }
    )


def _day(text: str) -> int:
    return int((np.datetime64(text) - EPOCH).astype(int))


def _days(random: np.random.Generator, first: str, last: str, count: int) -> np.ndarray:
    return random.integers(_day(first), _day(last), count)


def _dates(days: np.ndarray, form: str) -> pl.Series:
    return pl.Series(days).cast(pl.Int32).cast(pl.Date).dt.strftime(form)


def _ids(numbers: np.ndarray, before: str, after: str) -> pl.Series:
    text = pl.Series("n", numbers).cast(pl.String)
    return pl.select(pl.concat_str(pl.lit(before), text, pl.lit(after))).to_series()


def _spoiled(
    random: np.random.Generator, values: pl.Series, junk: str, share: float = INVALID
) -> pl.Series:
    spoil = pl.Series(random.random(len(values)) < share)
    return pl.select(pl.when(spoil).then(pl.lit(junk)).otherwise(values)).to_series()


def _write(frame: pl.DataFrame, file: Path) -> None:
    frame.write_csv(file)
