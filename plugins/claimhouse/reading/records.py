"""Files with lines of several kinds: which line is a row, and what stands around the rows.

One feed reads the rows of some kinds; a header and a trailer frame them, and other kinds are other
feeds'. A line of a kind that nobody names is a broken row, and so might be any: no row below it takes
a value from a line above it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from enum import IntEnum

import numpy as np
import polars as pl
from numpy.typing import NDArray

from claimhouse.counted import counted
from claimhouse.reading.kinds import AGAIN
from claimhouse.reading.lines import Numbers
from claimhouse.reading.parts import Records, Spot, Trailer, Unreadable


class Role(IntEnum):
    """What a line is to the feed that is read."""

    ROW = 0
    HEADER = 1
    TRAILER = 2
    OTHER = 3
    UNKNOWN = 4


Roles = NDArray[np.int8]


class Frame:
    """What was seen so far of a file with lines of several kinds."""

    def __init__(self, records: Records) -> None:
        self._records = records
        # how many lines of each role there were
        self._lines: Counter[Role] = Counter()
        self._has_begun = False
        self._trailer: tuple[int, dict[str, str | None]] | None = None
        self._carried: dict[str, str] = {}
        others = {*records.others, *(kind for kind, _, _ in records.taken)}
        self._role_of = dict.fromkeys(others, Role.OTHER) | dict.fromkeys(records.rows, Role.ROW)
        if records.header:
            self._role_of[records.header] = Role.HEADER
        if records.trailer:
            self._role_of[records.trailer] = Role.TRAILER
        self._others = Role.UNKNOWN if records.rows else Role.ROW

    @property
    def message(self) -> str:
        """What is wrong with a line of a kind that nobody names."""
        known = ", ".join(sorted(self._role_of))
        return f"The line is of a kind that the contract does not name here; it names {known}."

    def role_of(self, kind: str) -> Role:
        """The role of a line of this kind, wherever it stands."""
        return self._role_of.get(kind, self._others)

    def begin(self, text_of: Callable[[Spot], str | None]) -> None:
        """Take note of the header record, which stands above the names of the columns."""
        self._has_begun = True
        self._lines[Role.HEADER] += 1
        for kind, column, spot in self._records.taken:
            if kind == self._records.header:
                self._carried[column] = text_of(spot) or ""

    def name_columns(self) -> None:
        """Take note of a line with the names of the columns."""
        self._lines[Role.HEADER] += 1

    def roles(
        self, kinds: pl.Series, numbers: Numbers, text_at: Callable[[int, Spot], str | None]
    ) -> Roles:
        """The role of each of some lines, which follow those given before.

        Args:
            kinds: of each line; null where it cannot be told.
            numbers: of each line.
            text_at: a field of a line, by its index.

        Raises:
            Unreadable: there is more than a trailer at the end.
        """
        found = kinds.replace_strict(
            {kind: int(role) for kind, role in self._role_of.items()},
            default=int(self._others),
            return_dtype=pl.Int8,
        )
        is_known = kinds.is_not_null()
        roles: Roles = found.set(~is_known, int(Role.UNKNOWN)).to_numpy().copy()
        headers = np.flatnonzero(roles == Role.HEADER)
        roles[headers if self._has_begun else headers[headers > 0]] = Role.UNKNOWN
        self._has_begun |= len(roles) > 0
        self._check_end(roles, numbers, text_at)
        self._lines.update(
            dict(zip(Role, np.bincount(roles, minlength=len(Role)).tolist(), strict=True))
        )
        return roles

    def taken(
        self, roles: Roles, kinds: pl.Series, text_at: Callable[[Numbers, Spot], list[str | None]]
    ) -> dict[str, list[str]]:
        """The values that rows take from the last line of another kind above them.

        Args:
            roles: of some lines, see :meth:`roles`.
            kinds: of these lines.
            text_at: a field of some lines, by their indices.

        Returns:
            One value for each row, by column.
        """
        rows = np.flatnonzero(roles == Role.ROW)
        unknown = np.flatnonzero(roles == Role.UNKNOWN)
        columns = {}
        for kind, column, spot in self._records.taken:
            givers = (kinds == kind).fill_null(False).to_numpy().nonzero()[0]
            places = np.concatenate((givers, unknown))
            texts = [*(text or "" for text in text_at(givers, spot)), *[""] * len(unknown)]
            order = np.argsort(places, kind="stable")
            values = [self._carried.get(column, ""), *(texts[place] for place in order)]
            last = np.searchsorted(places[order], rows)
            columns[column] = [values[place] for place in last]
            self._carried[column] = values[-1]
        return columns

    def end(self) -> Trailer | None:
        """What the trailer says, once all lines were seen.

        Raises:
            Unreadable: there is none, or it states another number of rows.
        """
        if not self._records.trailer:
            return None
        if self._trailer is None:
            raise Unreadable(
                "truncated",
                f"The file ends without its trailer, a line of the kind {self._records.trailer}: it is"
                f" cut off. {AGAIN}",
            )
        number, texts = self._trailer
        if self._records.count:
            self._check_count(number, texts["count"] or "")
        sums = tuple((column, texts[f"sum {column}"] or "") for column, _ in self._records.sums)
        return Trailer(number, sums)

    def _check_count(self, number: int, text: str) -> None:
        if not re.fullmatch("[0-9]+", text.strip()):
            raise Unreadable(
                "trailer",
                f"The trailer has no number where its count of rows should be. {AGAIN}",
                number,
            )
        known = self._counts()
        if int(text) == known[self._records.counted]:
            return
        message = (
            f"The trailer counts {counted(int(text), self._records.counted.removesuffix('s'))}, the file has"
            f" {known[self._records.counted]:,}."
        )
        others = [name for name, count in known.items() if count == int(text)]
        message += (
            f" It has as many {others[0]}: does `counted` say what is counted?"
            if others
            else f" {AGAIN}"
        )
        raise Unreadable("trailer", message, number)

    def _counts(self) -> dict[str, int]:
        """What a trailer may count, and how many there are."""
        lines = self._lines.total()
        frame = self._lines[Role.HEADER] + self._lines[Role.TRAILER]
        return {"rows": self._lines[Role.ROW], "records": lines - frame, "lines": lines}

    def _check_end(
        self, roles: Roles, numbers: Numbers, text_at: Callable[[int, Spot], str | None]
    ) -> None:
        trailers = np.flatnonzero(roles == Role.TRAILER)
        if self._trailer is None and len(trailers):
            first = int(trailers[0])
            spots = {"count": self._records.count} if self._records.count else {}
            spots |= {f"sum {column}": spot for column, spot in self._records.sums}
            texts = {name: text_at(first, spot) for name, spot in spots.items()}
            self._trailer = int(numbers[first]), texts
            rest = numbers[first + 1 :]
        else:
            rest = numbers if self._trailer is not None else numbers[:0]
        if len(rest) and self._trailer is not None:
            raise Unreadable(
                "truncated",
                f"Line {self._trailer[0]:,} is a trailer, and line {int(rest[0]):,} follows it: files may"
                " have been joined, or put into one another. Ask the sender for each as it was.",
                int(rest[0]),
            )
