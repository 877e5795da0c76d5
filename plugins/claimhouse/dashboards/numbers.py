"""How numbers are written: on the page, in files and in sentences alike."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TypeGuard

from claimhouse.dashboards.answer import Mark, Value

NONE = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
# Digits after the point, what is before and after the number, and by what it is multiplied.
UNITS: dict[str, tuple[int, str, str, int]] = {
    "share": (1, "", " %", 100),
    "points": (1, "", " points", 100),
    "percent": (1, "", " %", 1),
    "ratio": (3, "", "", 1),
    "score": (2, "", "", 1),
    "dollars": (2, "$", "", 1),
    "money": (2, "$", "", 1),
    "days": (1, "", " days", 1),
    "minutes": (1, "", " min", 1),
}
_SHORT = ((10**9, "B"), (10**6, "M"), (10**4, "K"))


def text(value: Value, unit: str | None = None) -> str:
    """A value in full: ``$1,234.50``, ``12.3 %``, ``hidden``."""
    if value is None:
        return NONE
    if isinstance(value, Mark):
        return value.value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, str | date) or not Decimal(str(value)).is_finite():
        return str(value)
    digits, before, after, factor = UNITS.get(unit or "", (_digits(value), "", "", 1))
    if unit in ("days", "minutes") and isinstance(value, int):
        digits = 0
    number = Decimal(str(value)) * factor
    sign = MINUS if round(number, digits) < 0 else ""
    return f"{sign}{before}{abs(number):,.{digits}f}{after}"


def short(value: Value, unit: str | None = None) -> str:
    """A value for a glance: ``$10.1M``."""
    if _is_number(value):
        number = Decimal(str(value))
        size = abs(number)
        _, before, _, factor = UNITS.get(unit or "", (0, "", "", 1))
        for step, letter in _SHORT:
            if size >= step and factor == 1 and unit not in ("days", "minutes"):
                sign = MINUS if number < 0 else ""
                divisor = 1000 if letter == "K" else step
                return f"{sign}{before}{size / divisor:,.1f}{letter}"
    return text(value, unit)


def excel(value: Value, unit: str | None = None) -> str:
    """The number format of a cell that shows a number as :func:`text` does: ``"$"#,##0.00``."""
    digits = _digits(value) if _is_number(value) else 0
    digits, before, after, factor = UNITS.get(unit or "", (digits, "", "", 1))
    number = "#,##0" + ("." + "0" * digits if digits else "")
    # A percent sign outside quotes multiplies by 100, and nothing else does: points are written as percent.
    end = " %" if factor == 100 else f'"{after}"' if after else ""
    form = (f'"{before}"' if before else "") + number + end
    return f"{form};{MINUS}{form}"


def change(now: Value, before: Value, unit: str | None) -> str | None:
    """What became of a value: in points of a share, else in percent of what it was; None where nobody can tell."""
    if not _is_number(now) or not _is_number(before):
        return None
    new, old = Decimal(str(now)), Decimal(str(before))
    if unit == "share":
        return f"{_signed((new - old) * 100)} points"
    return f"{_signed((new - old) / abs(old) * 100)} %" if old else None


def _is_number(value: Value) -> TypeGuard[int | float | Decimal]:
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return is_number and Decimal(str(value)).is_finite()


def _signed(number: Decimal) -> str:
    rounded = number.quantize(Decimal("0.1"))
    sign = "+" if rounded > 0 else MINUS if rounded < 0 else "±"
    return f"{sign}{abs(rounded):,.1f}"


def _digits(value: int | float | Decimal) -> int:
    return 0 if value == int(value) else 2
