"""Numbers of things in sentences: ``1 row``, ``2 rows``."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """*number* and *noun*, in the plural unless it is one: ``counted(3, "row")`` is ``3 rows``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
