"""Answers of tiles, made by hand: for tests of how they look."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from claimhouse.dashboards.answer import Answer, Mark, Row
from claimhouse.dashboards.model import Measure, Source, Tile

RATE = Measure("no_show_rate", "No-show rate", "No-shows over appointments.", "Clinics", "share")
CLAIMS = Measure("claims", "Claims", "How many claims.", "Finance", "claims")
BILLED = Measure("billed", "Billed", "What was billed.", "Finance", "dollars")
PAID = Measure("paid", "Paid", "What was paid.", "Finance", "dollars")


def answer(
    kind: str,
    rows: Sequence[tuple[Any, ...]],
    *,
    by: Sequence[str] = ("facility",),
    split: str | None = None,
    measures: Sequence[Measure] = (RATE,),
    compared: str | None = None,
    where: dict[str, tuple[str, ...]] | None = None,
    filters: Sequence[str] = ("facility",),
    left_out: int = 0,
) -> Answer:
    """An answer with rows of fields and numbers; with *compared*, the numbers before follow."""
    tile = Tile(
        "tile-1-1", kind, "A tile", Source(tuple(m.name for m in measures), None), by=tuple(by),
        split=split, where=where or {},
    )  # fmt: skip
    width, count = len(tile.fields), len(measures)
    made = tuple(
        Row(
            tuple(row[:width]),
            tuple(map(_number, row[width : width + count])),
            tuple(map(_number, row[width + count :])) if compared else None,
            is_rest=row[0] == "REST",
        )
        for row in rows
    )
    return Answer(
        tile, tile.fields, tuple(measures), made, left_out=left_out, compared=compared,
        filters=frozenset(filters),
    )  # fmt: skip


def _number(value: Any) -> Any:
    return Decimal(str(value)) if isinstance(value, int | float) else value


MONTHS = [f"2025-{month:02}" for month in range(1, 13)]
CLINICS = ("West", "East", "North", "South", "Lakeside", "Downtown")

BARS = answer(
    "bar",
    [("West", 0.15, 0.1), (None, 0.12, 0.13), ("East", 0, 0.02), ("Lakeside", Mark.HIDDEN, 0.1),
     ("South", Mark.UNKNOWN, None), ("North", None, None), ("REST", 0.05, None)],
    compared="2025-Q3", left_out=4,
)  # fmt: skip
LOSSES = answer("bar", [("West", 1200.5), ("East", -800), ("North", 0)], measures=(BILLED,))
MONTHLY = answer("bar", [(month, 100 + 7 * n) for n, month in enumerate(MONTHS)],
                 by=("service_month",), measures=(CLAIMS,), filters=())  # fmt: skip
GROUPED = answer(
    "bar", [(name, 9e6 - n * 1e6, 5e6 - n * 3e5) for n, name in enumerate(CLINICS)],
    measures=(BILLED, PAID),
)  # fmt: skip
SEVERAL = answer(
    "bar", [(name, 900 - 90 * n, 0.3 - 0.02 * n) for n, name in enumerate(CLINICS)],
    measures=(CLAIMS, RATE),
)  # fmt: skip
SPLIT = answer(
    "bar", [(month, clinic, 10 + n + m) for n, month in enumerate(MONTHS[:4]) for m, clinic in enumerate(CLINICS)],
    by=("service_month",), split="facility", measures=(CLAIMS,),
)  # fmt: skip
LINES = answer(
    "line",
    [(month, clinic, Mark.HIDDEN if (n, m) == (5, 1) else 0.1 + 0.01 * ((n * (m + 2)) % 7))
     for n, month in enumerate(MONTHS) for m, clinic in enumerate(CLINICS) if (n, m) != (7, 0)],
    by=("service_month",), split="facility",
)  # fmt: skip
LINE = answer("line", [(m, 1_000_000 + n * 50_000) for n, m in enumerate(MONTHS) if n != 4],
              by=("service_month",), measures=(BILLED,), filters=())  # fmt: skip
HEAT = answer(
    "heat",
    [(clinic, payer, Mark.HIDDEN if (n, m) == (1, 1) else 0.02 + 0.03 * n + 0.02 * m)
     for n, clinic in enumerate(CLINICS) for m, payer in enumerate(("Commercial", "Medicaid", "Medicare", None))
     if (n, m) != (2, 2)],
    by=("facility",), split="payer_type",
)  # fmt: skip
EFFECTS = tuple(
    Measure(name, name, "", "", unit)
    for name, unit in (
        ("rate_effect", "share"), ("mix_effect", "share"), ("whole_before", "share"),
        ("whole", "share"), ("whole_change", "share"),
    )
)  # fmt: skip
CHANGE = answer(
    "decomposition",
    [("Downtown", 0.023, -0.002, 0.105, 0.1232, 0.0182), ("West", -0.004, 0.001, 0.105, 0.1232, 0.0182),
     ("East", 0.0002, 0, 0.105, 0.1232, 0.0182)],
    measures=EFFECTS, where={"measure": ("no_show_rate",)},
)  # fmt: skip
PARTS = answer(
    "decomposition", [("Downtown", 0.023, -0.002), ("West", -0.004, 0.001)],
    measures=EFFECTS[:2], where={"measure": ("no_show_rate",)},
)  # fmt: skip
DAILY = answer(
    "line", [(f"2025-01-{day:02}", day * 3 % 7) for day in range(1, 29) if day % 7 > 1],
    by=("report_date",), measures=(CLAIMS,), filters=(),
)  # fmt: skip
ALL = {
    "bars": BARS, "losses": LOSSES, "monthly": MONTHLY, "grouped": GROUPED, "several": SEVERAL,
    "split": SPLIT, "lines": LINES, "line": LINE, "heat": HEAT, "change": CHANGE, "parts": PARTS, "daily": DAILY,
}  # fmt: skip
