"""What a mark needs of a row of an answer: its name, and its value as a number to draw."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from claimhouse.dashboards.answer import Answer, Row, Value
from claimhouse.dashboards.model import Tile, is_time
from claimhouse.dashboards.selection import UNKNOWN


def is_along_time(tile: Tile) -> bool:
    """Whether the rows of a tile are periods."""
    return bool(tile.by) and is_time(tile.by[0])


def is_chosen(answer: Answer, row: Row, chosen: Mapping[str, Sequence[str]]) -> bool:
    """Whether a value of a row is one of the chosen."""
    return any(
        (value or UNKNOWN) in chosen.get(field, ())
        for field, value in zip(answer.fields, row.fields, strict=False)
    )


def name_of(answer: Answer, row: Row) -> str:
    """What a row is about, as text."""
    if row.is_rest:
        return f"all others ({answer.left_out})"
    return joined(row.fields)


def joined(fields: Sequence[str | None]) -> str:
    """Values of several fields as one text."""
    return " \N{MIDDLE DOT} ".join(value if value is not None else UNKNOWN for value in fields)


def told_apart(names: Iterable[str]) -> list[str]:
    """Names, each once: a name that was there before has spaces at its end."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, -1) + 1
        result.append(name + "\N{ZERO WIDTH SPACE}" * seen[name])
    return result


def number_of(value: Value) -> float | None:
    """A value as a number to draw; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def exact(value: float) -> Decimal:
    """A number that was drawn, to be written."""
    return Decimal(repr(value))
