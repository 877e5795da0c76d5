"""Which contract a file is of, told from its header and content, whatever its name.

A contract *fits* a file by a share of 1: over all columns that the contract has and all that
the file has beyond them, how many are there under a known name, each counted by the share of
its sampled values that keep the column's rules. The best fit claims the file if

* it is at least :data:`ENOUGH`,
* no required column is missing (verification would reject the file whole),
* at least :data:`ENOUGH_KEYS` of the sampled keys have the form of the contract's keys: two
  senders may use one layout, and their keys tell them apart,
* and no other contract that meets all this comes within :data:`TIE` of it.

Any other file waits, and :func:`explain` says why.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from claimhouse.contracts import Contract
from claimhouse.reading import Dialect, Unreadable, open_file
from claimhouse.verification import verify

# The seven real files fit their own contracts by 0.999 and more, every other one by less than 0.14;
# a layout that gained or lost some columns stays above.
ENOUGH = 0.8
ENOUGH_KEYS = 0.5
TIE = 0.01
SAMPLE_ROWS, SAMPLE_BYTES = 1000, 1024 * 1024
MOST_NAMES = 12


@dataclass(frozen=True)
class Sample:
    """The beginning of a file: its header, and some rows of text columns of these names."""

    header: tuple[str, ...]
    rows: pl.DataFrame


@dataclass(frozen=True)
class Fit:
    """How well one contract describes a file.

    Attributes:
        share: see the module; 0 is nothing in common, 1 a file as its contract says.
        missing: columns of the contract that the header lacks.
        is_complete: whether none of them is required.
        extra: names of the header that the contract does not know.
        values: for each column found, the share of its sampled values that keep its rules.
        has_keys: whether enough of the sampled keys have the form of the contract's.
    """

    contract: Contract
    dialect: Dialect
    share: float
    missing: tuple[str, ...]
    is_complete: bool
    extra: tuple[str, ...]
    values: dict[str, float]
    has_keys: bool

    @property
    def is_enough(self) -> bool:
        """Whether the contract may claim the file."""
        return self.share >= ENOUGH and self.is_complete and self.has_keys


@dataclass(frozen=True)
class Found:
    """What a look at a file told.

    Attributes:
        fits: every contract that could read the file, the best first.
        trouble: why no contract could read it, a sentence; empty where one could.
    """

    fits: tuple[Fit, ...]
    trouble: str = ""

    @property
    def best(self) -> tuple[Fit, ...]:
        """The fit that claims the file; none, or several that fit it equally."""
        enough = [one for one in self.fits if one.is_enough]
        return tuple(one for one in enough if one.share > enough[0].share - TIE)


def look(contracts: Sequence[Contract], path: Path) -> Found:
    """Hold the beginning of the local file *path* against each of *contracts*."""
    fits: list[Fit] = []
    samples: dict[Dialect, Sample | Unreadable] = {}
    for contract in contracts:
        for dialect in (contract.dialect, *contract.other_dialects):
            if dialect not in samples:
                samples[dialect] = _sample(path, dialect)
            sample = samples[dialect]
            if isinstance(sample, Sample):
                fits.append(fit(contract, sample, dialect))
    troubles = [one.message for one in samples.values() if isinstance(one, Unreadable)]
    trouble = "" if fits else " ".join(dict.fromkeys(troubles))
    # By name where they fit equally, so that what is reported does not depend on chance.
    best_first = sorted(fits, key=lambda one: (-one.share, one.contract.name))
    return Found(tuple(_once(best_first)), trouble)


def dialect_of(contract: Contract, path: Path) -> Dialect:
    """How the local file *path* is written, of the ways its contract knows.

    Where no way can read it, the first: verification says what is wrong with it.
    """
    if not contract.other_dialects:
        return contract.dialect
    fits = look([contract], path).fits
    return fits[0].dialect if fits else contract.dialect


def fit(contract: Contract, sample: Sample, dialect: Dialect | None = None) -> Fit:
    """How well *contract* describes a file that begins with *sample*."""
    found, extra = verify.match_header(contract, sample.header)
    values = {
        column.name: verify.share_fitting(column, sample.rows[found[column.name]])
        for column in contract.columns
        if column.name in found
    }
    missing = [one for one in contract.columns if one.name not in found and not one.from_file_name]
    return Fit(
        contract=contract,
        dialect=dialect or contract.dialect,
        share=sum(values.values()) / (len(values) + len(missing) + len(extra)),
        missing=tuple(one.name for one in missing),
        is_complete=not any(one.required and one.missing == "error" for one in missing),
        extra=tuple(extra),
        values=values,
        has_keys=all(values.get(name, 1) >= ENOUGH_KEYS for name in contract.key),
    )


def explain(found: Found) -> str:
    """Why a file waits, for a person; names of columns, never a value of the file."""
    if len(found.best) > 1:
        names = ", ".join(one.contract.feed for one in found.best)
        return f"More than one contract fits the file's content equally ({names}); it waits."
    if not found.fits:
        return f"No contract can read the file; it waits. {found.trouble}".strip()
    closest = found.fits[0]
    # Without known names the first line may be no header at all, but a person's data.
    if len(closest.values) < 2:
        count = len(closest.values) + len(closest.extra)
        return f"No contract fits the file's content; it waits. None knows its {count} columns."
    parts = [
        f"No contract fits the file's content; it waits. The closest is {closest.contract.feed} "
        f"(fit {math.floor(100 * closest.share)}%, needed {ENOUGH:.0%})."
    ]
    if closest.missing:
        parts.append(f"Missing columns: {_listed(closest.missing)}.")
    if closest.extra:
        parts.append(f"Columns the contract does not know: {_listed(closest.extra)}.")
    wrong = [
        f"{name} ({math.floor(100 * share)}% fit)"
        for name, share in closest.values.items()
        if share < 1
    ]
    if wrong:
        parts.append(f"Columns with values that do not fit: {_listed(wrong)}.")
    if not closest.has_keys:
        parts.append(f"Its keys ({_listed(closest.contract.key)}) do not have the contract's form.")
    return " ".join(parts)


def _sample(path: Path, dialect: Dialect) -> Sample | Unreadable:
    try:
        with open_file(path, dialect, SAMPLE_BYTES) as reading:
            rows = next((block.rows for block in reading if block.rows.height), None)
    except Unreadable as error:
        return error
    if rows is None:
        rows = pl.DataFrame(schema=dict.fromkeys(reading.header, pl.String))
    return Sample(tuple(reading.header), rows.head(SAMPLE_ROWS))


def _once(fits: Sequence[Fit]) -> list[Fit]:
    """Each contract's best fit: one of its dialects reads the file best."""
    return list({one.contract.name: one for one in reversed(fits)}.values())[::-1]


def _listed(names: Sequence[str]) -> str:
    """Some names for a sentence; of very many, the first."""
    shown = ", ".join(names[:MOST_NAMES])
    return shown if len(names) <= MOST_NAMES else f"{shown} and {len(names) - MOST_NAMES} more"
