"""Recognition: which contract describes a file, by its header and content, whatever its name.

A contract *fits* a file by a share from 0 to 1. Of all columns of the contract and all further
columns of the file, it counts those that both have, each by the share of its sampled values that
keep the column's rules. The best fit is taken if

* it is at least :data:`ENOUGH`,
* no required column is missing (verification would reject the file whole),
* at least :data:`ENOUGH_KEYS` of the sampled keys match the pattern of the contract's key: two
  senders may use one layout with different keys,
* and no other contract that meets these conditions is within :data:`TIE` of it.

Any other file waits, and :func:`explain` says why.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from claimhouse.contracts import Contract
from claimhouse.counted import counted
from claimhouse.reading import Dialect, Reading, Sheet, Unreadable, open_file, open_sheets
from claimhouse.verification.header import is_needed, match_header
from claimhouse.verification.sheets import candidates, listed
from claimhouse.verification.verify import share_fitting

# The real files fit their own contracts by 0.999 or more and all others by less than 0.14; a layout
# that gains or loses a few columns stays above.
ENOUGH = 0.8
ENOUGH_KEYS = 0.5
TIE = 0.01
SAMPLE_ROWS, SAMPLE_BYTES = 1000, 1024 * 1024


@dataclass(frozen=True)
class Sample:
    """The beginning of a table: its header, and some rows as text columns of these names.

    Attributes:
        sheet: the sheet it is on, in a workbook of several.
    """

    header: tuple[str, ...]
    rows: pl.DataFrame
    sheet: str | None = None


@dataclass(frozen=True)
class Fit:
    """How well one contract describes a file.

    Attributes:
        share: see the module; 0 is nothing in common, 1 a file as its contract says.
        missing: columns of the contract that the header lacks.
        is_complete: whether no required column is missing.
        extra: names of the header that the contract does not have.
        values: for each column in both, the share of its sampled values that keep its rules.
        has_keys: whether enough of the sampled keys match the pattern of the contract's key.
        sheet: the sheet that was compared, in a workbook of several: the one that fits best.
    """

    contract: Contract
    dialect: Dialect
    share: float
    missing: tuple[str, ...]
    is_complete: bool
    extra: tuple[str, ...]
    values: dict[str, float]
    has_keys: bool
    sheet: str | None = None

    @property
    def is_enough(self) -> bool:
        """Whether the file may be taken as this contract's."""
        return self.share >= ENOUGH and self.is_complete and self.has_keys


@dataclass(frozen=True)
class Recognition:
    """How well each contract describes one file.

    Attributes:
        fits: every contract that can read the file, the best first.
        trouble: why no contract can read it, a sentence; empty where one can.
    """

    fits: tuple[Fit, ...]
    trouble: str = ""

    @property
    def best(self) -> tuple[Fit, ...]:
        """The fit to take; none, or several that fit equally."""
        enough = [fit for fit in self.fits if fit.is_enough]
        return tuple(fit for fit in enough if fit.share > enough[0].share - TIE)


def fit_contracts(contracts: Sequence[Contract], path: Path) -> Recognition:
    """Compare the beginning of the local file *path* with each of *contracts*."""
    fits: list[Fit] = []
    begun: dict[Dialect, Sample | list[Sheet] | Unreadable] = {}
    for contract in contracts:
        for dialect in (contract.dialect, *contract.other_dialects):
            if dialect not in begun:
                begun[dialect] = _begin(path, dialect)
            beginning = begun[dialect]
            if not isinstance(beginning, Unreadable):
                samples = _samples(replace(contract, dialect=dialect), beginning)
                fits += [fit(contract, sample, dialect) for sample in samples]
    troubles = [error.message for error in begun.values() if isinstance(error, Unreadable)]
    if not troubles:
        troubles = ["No visible sheet of the workbook holds a table."]
    trouble = "" if fits else " ".join(dict.fromkeys(troubles))
    # Equal fits are ordered by name, so that a report does not depend on chance.
    best_first = sorted(fits, key=lambda fit: (-fit.share, fit.contract.name))
    return Recognition(tuple(_best_dialects(best_first)), trouble)


def dialect_of(contract: Contract, path: Path) -> Dialect:
    """The dialect of *contract* in which the local file *path* is written.

    Where none can read it, the contract's first: verification then reports what is wrong.
    """
    if not contract.other_dialects:
        return contract.dialect
    fits = fit_contracts([contract], path).fits
    return fits[0].dialect if fits else contract.dialect


def fit(contract: Contract, sample: Sample, dialect: Dialect | None = None) -> Fit:
    """How well *contract* describes a file that begins with *sample*."""
    dialect = dialect or contract.dialect
    renames, extra = match_header(replace(contract, dialect=dialect), sample.header)
    values = {
        column.name: share_fitting(column, sample.rows[renames[column.name]])
        for column in contract.columns
        if column.name in renames
    }
    missing = [
        column
        for column in contract.columns
        if column.name not in renames and not column.from_file_name
        if dialect.header != "none" or is_needed(column)
    ]
    return Fit(
        contract=contract,
        dialect=dialect,
        share=sum(values.values()) / (len(values) + len(missing) + len(extra)),
        missing=tuple(column.name for column in missing),
        is_complete=not any(is_needed(column) for column in missing),
        extra=tuple(extra),
        values=values,
        has_keys=all(values.get(name, 1) >= ENOUGH_KEYS for name in contract.key),
        sheet=sample.sheet,
    )


def explain(recognition: Recognition) -> str:
    """Why a file waits, for a person: names of columns, never a value of the file."""
    if len(recognition.best) > 1:
        names = ", ".join(fit.contract.feed for fit in recognition.best)
        return f"More than one contract fits the file's content equally ({names}); it waits."
    if not recognition.fits:
        return f"No contract can read the file; it waits. {recognition.trouble}".strip()
    closest = recognition.fits[0]
    # With no known names the first line may be a person's data and no header.
    if len(closest.values) < 2:
        count = len(closest.values) + len(closest.extra)
        columns = counted(count, "column")
        return f"No contract fits the file's content; it waits. None knows its {columns}."
    return " ".join(_differences(closest))


def _differences(closest: Fit) -> list[str]:
    """What keeps the closest contract from describing the file, in sentences."""
    parts = [
        f"No contract fits the file's content; it waits. The closest is {closest.contract.feed} "
        f"(fit {math.floor(100 * closest.share)}%, needed {ENOUGH:.0%})."
    ]
    if closest.sheet:
        parts.append(f"Compared with the sheet {closest.sheet}.")
    if closest.missing:
        parts.append(f"Missing columns: {listed(closest.missing)}.")
    if closest.extra:
        parts.append(f"Columns the contract does not know: {listed(closest.extra)}.")
    wrong = [
        f"{name} ({math.floor(100 * share)}% fit)"
        for name, share in closest.values.items()
        if share < 1
    ]
    if wrong:
        parts.append(f"Columns with values that do not fit: {listed(wrong)}.")
    if not closest.has_keys:
        keys = listed(closest.contract.key)
        parts.append(f"Its keys ({keys}) do not match the contract's pattern.")
    return parts


def _begin(path: Path, dialect: Dialect) -> Sample | list[Sheet] | Unreadable:
    """The beginning of a file: of a workbook, its sheets; or why it cannot be read."""
    try:
        if sheets := open_sheets(path, dialect):
            return sheets
        with open_file(path, dialect, SAMPLE_BYTES) as reading:
            rows = _first_rows(reading, dialect)
    except Unreadable as error:
        return error
    if rows is None:
        rows = pl.DataFrame(schema=dict.fromkeys(reading.header, pl.String))
    return Sample(tuple(reading.header), rows.head(SAMPLE_ROWS))


def _first_rows(reading: Reading, dialect: Dialect) -> pl.DataFrame | None:
    """The rows of the first block with any; None where there are none.

    Raises:
        Unreadable: without a header, most lines have another number of fields than the contract says.
    """
    for block in reading:
        is_unlike = len(block.broken) > block.rows.height and dialect.header == "none"
        if is_unlike:
            raise Unreadable(
                "field_count", f"Its lines do not have {counted(len(dialect.columns), 'field')}."
            )
        if block.rows.height:
            return block.rows
    return None


def _samples(contract: Contract, beginning: Sample | list[Sheet]) -> list[Sample]:
    """What of a file's beginning may be rows of *contract*: of a workbook, each visible sheet."""
    if isinstance(beginning, Sample):
        return [beginning]
    samples = []
    for found in candidates(contract, beginning):
        if found.trouble:
            continue
        rows = found.sheet.below(found.header_row).drop("row_number")
        name = found.sheet.name if len(beginning) > 1 else None
        samples.append(Sample(tuple(rows.columns), rows.head(SAMPLE_ROWS), name))
    return samples


def _best_dialects(fits: Sequence[Fit]) -> list[Fit]:
    """Each contract's best fit, in the dialect and sheet that fit best; *fits* is best first."""
    return list({fit.contract.name: fit for fit in reversed(fits)}.values())[::-1]
