"""What loading workload W must give, told from its files by a few lines of plain Python.

Each claim is a line, in the form of ``COPY ... TO STDOUT``, in the order of claim numbers: the claim as its
newest valid row says, and the patient and the provider as they were on the date of service. Who does not re-key
leaves the claims that were loaded before a patient moved with the address before; so there are two truths after
an update.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

PARTS = ("prime", "update")
COLUMNS = (
    "claim_id",
    "patient_id",
    "provider_id",
    "visit_type",
    "total_cost",
    "coverage_type",
    "service_date",
    "claim_date",
    "is_billed",
    "patient_residence_date",
    "patient_address",
    "patient_zipcode",
    "patient_birth_date",
    "provider_start_date",
    "provider_address",
    "provider_zipcode",
    "provider_specialty",
)
NULL = "\\N"


class Truth(NamedTuple):
    """The claims in the end, their cost in dollars, the rows that are refused, and checksums of all lines.

    ``rekeyed`` is the checksum where a patient's move re-keys the claims that were loaded before, ``as_loaded``
    where it does not.
    """

    claims: int
    cost: str
    rejected: int
    rekeyed: str
    as_loaded: str


def of(landing: Path) -> Truth:
    """The truth about the files that :func:`bench.workload.make` wrote; it is told once and kept beside them."""
    kept = landing / "truth.json"
    if not kept.exists():
        claims, rejected = _claims(landing)
        cost = sum((Decimal(fields[4]) for fields, _ in claims.values()), Decimal(0))
        sums = [checksum(_lines(landing, claims, rekeyed=rekeyed))[1] for rekeyed in (True, False)]
        kept.write_text(json.dumps(Truth(len(claims), str(cost), rejected, *sums)._asdict()))
    return Truth(**json.loads(kept.read_text()))


def checksum(rows: Iterable[bytes]) -> tuple[int, str]:
    """How many *rows* there are, and the SHA-256 of them all."""
    digest, count = hashlib.sha256(), 0
    for row in rows:
        digest.update(row)
        count += 1
    return count, digest.hexdigest()


def lines(landing: Path, *, rekeyed: bool) -> Iterator[bytes]:
    """The lines of all claims in the end."""
    return _lines(landing, _claims(landing)[0], rekeyed=rekeyed)


def _lines(
    landing: Path, claims: dict[str, tuple[list[str], str]], *, rekeyed: bool
) -> Iterator[bytes]:
    patients = _members(landing, "patients", _patient)
    providers = _members(landing, "providers", _provider)
    for key in sorted(claims):
        fields, part = claims[key]
        known = len(PARTS) if rekeyed else PARTS.index(part) + 1
        patient = _as_of(patients[fields[1]], fields[6], known)
        provider = _as_of(providers[fields[2]], fields[6], known)
        yield ("\t".join([*fields, *patient, *provider]) + "\n").encode()


def _claims(landing: Path) -> tuple[dict[str, tuple[list[str], str]], int]:
    """The newest valid row of each claim with the part that brought it, and how many rows are not valid."""
    claims: dict[str, tuple[list[str], str]] = {}
    rejected = 0
    for part in PARTS:
        for claim, patient, provider, visit, cost, coverage, service, made, billed, _ in _rows(
            landing, part, "claims"
        ):
            amount, day = _amount(cost), _day(service)
            if NULL in (amount, day):
                rejected += 1
                continue
            fields = [claim, patient, provider, visit, amount, coverage, day, _day(made)]
            claims[claim] = [*fields, billed.lower()], part
    return claims, rejected


def _members(
    landing: Path, feed: str, member: Callable[..., list[str]]
) -> dict[str, list[tuple[int, list[str]]]]:
    """The states of each member, oldest first, with the number of the part that brought it."""
    members: dict[str, list[tuple[int, list[str]]]] = {}
    for number, part in enumerate(PARTS, start=1):
        for key, *fields in _rows(landing, part, feed):
            members.setdefault(key, []).append((number, member(*fields)))
    return members


def _patient(_first: str, _last: str, born: str, address: str, *place: str) -> list[str]:
    _city, _state, zipcode, residence, _modified = place
    return [_day(residence), address, zipcode, _day(born)]


def _provider(_first: str, _last: str, _facility: str, address: str, *place: str) -> list[str]:
    _city, _state, zipcode, specialty, start = place
    return [_day(start), address, zipcode if re.fullmatch(r"\d{5}", zipcode) else NULL, specialty]


def _as_of(states: list[tuple[int, list[str]]], day: str, known: int) -> list[str]:
    """The state that holds on *day*: the first one from the beginning of time, one that moved from its move.

    One that tells the same day as the one before it was true from the day on which it was recorded, which is later
    than all claims of the workload.
    """
    holding = states[0][1]
    for part, state in states[1:]:
        if part <= known and state[0] != holding[0] and state[0] <= day:
            holding = state
    return holding


def _rows(landing: Path, part: str, feed: str) -> Iterator[list[str]]:
    with (landing / part / "billing" / f"{feed}_{part}.csv").open(newline="") as file:
        rows = csv.reader(file)
        next(rows)
        yield from rows


def _amount(text: str) -> str:
    return text if re.fullmatch(r"\d+\.\d\d", text) else NULL


@functools.cache
def _day(text: str) -> str:
    found = re.fullmatch(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})", text)
    if found is None:
        return NULL
    month, day, year = map(int, found.groups())
    return date(year, month, day).isoformat()
