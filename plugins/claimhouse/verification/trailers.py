"""The sums that a file's trailer states, compared with those of the rows that were read."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal

import polars as pl

from claimhouse.contracts import Column, Contract
from claimhouse.counted import counted
from claimhouse.reading import Note, Reading, Trailer, Unreadable
from claimhouse.verification.judge import judge
from claimhouse.verification.verify import Amount


class Trailers:
    """The sums of a file so far, for each of its tables.

    Attributes:
        are_stated: whether the contract says where a trailer has some.
    """

    def __init__(self, contract: Contract) -> None:
        records = contract.dialect.records
        self.are_stated = bool(records and records.sums)
        self._columns = {column.name: column for column in contract.columns}
        self._sums: dict[tuple[int, str], Amount] = defaultdict(Amount)

    def add(self, table: int, amounts: dict[str, Amount]) -> None:
        """Add the sums of a block."""
        for name, amount in amounts.items():
            self._sums[table, name] += amount

    def check(self, reading: Reading) -> list[Note]:
        """Compare the sums with those that the trailers state, once all blocks were read.

        Returns:
            Notes on sums that cannot be compared, as values of the rows cannot be read.

        Raises:
            Unreadable: a trailer states another sum, or none.
        """
        checked = [
            self._check(trailer, name, text, reading.tables[trailer.table].sheet)
            for trailer in reading.trailers
            for name, text in trailer.sums
        ]
        return [note for note in checked if note is not None]

    def _check(self, trailer: Trailer, name: str, text: str, sheet: str | None) -> Note | None:
        read = self._sums[trailer.table, name]
        stated = _value(self._columns[name], text)
        if stated is None:
            message = f"The trailer has no number where its sum of {name} should be."
            raise Unreadable("trailer", message, trailer.row_number, name)
        numbers = f"The trailer has {stated:,} as the sum of {name}, the rows that were read {read.read:,}"
        if read.unreadable:
            message = (
                f"{numbers}; they cannot be compared, as {counted(read.unreadable, 'value')} of it cannot be"
                " read."
            )
            return Note("trailer", message, trailer.row_number, name, sheet)
        if stated != read.read:
            message = f"{numbers}. Ask the sender to send the file again."
            raise Unreadable("trailer", message, trailer.row_number, name)
        return None


def _value(column: Column, text: str) -> Decimal | None:
    """A sum as the column writes its values; it may be longer than any of them."""
    longest = "bigint" if column.type == "integer" else f"numeric(38,{column.scale})"
    judged = judge(replace(column, physical_type=longest), pl.Series([text]))
    value = judged.each("value")[0]
    return None if value is None else Decimal(value)
