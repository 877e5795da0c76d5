"""How numbers are shown: one format for each unit of ``include/columns.yaml``, on sheets and pages."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import polars as pl


@dataclass(frozen=True)
class NumberFormat:
    """A format of numbers.

    Attributes:
        decimals: digits after the point; None for those of the value.
        is_grouped: whether thousands are separated.
    """

    decimals: int | None
    is_grouped: bool = False

    @property
    def excel(self) -> str:
        """The number format of a cell: ``#,##0.00``."""
        if self.decimals is None:
            return "General"
        whole = "#,##0" if self.is_grouped else "0"
        return f"{whole}.{'0' * self.decimals}" if self.decimals else whole

    @property
    def excel_axis(self) -> str:
        """The number format of a chart's axis, which has round values only."""
        return "#,##0" if self.is_grouped else "General"

    def text(self, value: Decimal | float) -> str:
        """*value* as text: ``1,234.50``."""
        if self.decimals is None:
            return f"{value:.10g}" if isinstance(value, float) else str(value)
        return f"{value:{',' if self.is_grouped else ''}.{self.decimals}f}"


GENERAL = NumberFormat(None)
# By unit: for whole numbers, and for numbers with a fraction.
UNITS = {
    "count": (NumberFormat(0, is_grouped=True), NumberFormat(0, is_grouped=True)),
    "days": (NumberFormat(0, is_grouped=True), NumberFormat(1, is_grouped=True)),
    "minutes": (NumberFormat(0, is_grouped=True), NumberFormat(1, is_grouped=True)),
    "money": (NumberFormat(2, is_grouped=True), NumberFormat(2, is_grouped=True)),
    # Already times 100; Excel's own 0% would do that again.
    "percent": (NumberFormat(0), NumberFormat(1)),
    # Four digits: a rate of 0.0034 is 34 in 10,000.
    "ratio": (NumberFormat(0), NumberFormat(4)),
    "score": (NumberFormat(0, is_grouped=True), NumberFormat(2, is_grouped=True)),
    "years": (NumberFormat(0), NumberFormat(1)),
}


def number_format(unit: str | None, kind: pl.DataType) -> NumberFormat:
    """The format of a column of numbers.

    Args:
        unit: a key of :data:`UNITS`; None, or any other, for the column's own scale.
        kind: the column's type, a number.
    """
    whole, fraction = UNITS.get(unit or "", (GENERAL, NumberFormat(_scale(kind))))
    return whole if kind.is_integer() else fraction


def _scale(kind: pl.DataType) -> int | None:
    return kind.scale if isinstance(kind, pl.Decimal) else None
