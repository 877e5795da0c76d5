"""The generated parts of ``docs/model.md``: ``python -m local.model``.

They are between the comments ``<!-- made: <part> -->`` and ``<!-- end -->``; the rest of the page is
written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from claimhouse import metrics
from local import diagram, places
from local.dictionary import markdown_table

PAGE = places.ROOT / "docs" / "model.md"


def parts(connection: Connection[Any]) -> dict[str, str]:
    """The text of each generated part, by its name."""
    tables = diagram.tables(connection)
    facts = [table for table in tables if table.name.startswith("fact_")]
    facts += [table for table in tables if table.name.startswith("bridge_")]
    return {"grains": _grains(facts), "bus matrix": _bus_matrix(facts), "metrics": _metrics()}


def filled(page: str, texts: dict[str, str]) -> str:
    """*page* with the text of each generated part replaced.

    Raises:
        KeyError: the page has no place for a part.
    """
    for name, text in texts.items():
        place = re.compile(rf"(<!-- made: {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
        if not place.search(page):
            raise KeyError(f"{PAGE.name} has no place for the part '{name}'")
        page = place.sub(lambda match: f"{match[1]}\n{text}\n\n{match[2]}", page)  # noqa: B023
    return page


def _grains(facts: Sequence[diagram.Table]) -> str:
    rows = [(f"`{fact.name}`", fact.grain) for fact in facts]
    return markdown_table(("table", "grain: one row is"), rows)


def _bus_matrix(facts: Sequence[diagram.Table]) -> str:
    """Facts by the dimensions they share; dimensions of a single fact are left out."""
    used = [set(fact.keys.values()) for fact in facts]
    shared = sorted(
        {name for names in used for name in names if not name.endswith("_profile")},
        key=lambda name: (-sum(name in names for names in used), name),
    )
    rows = [
        (f"`{fact.name}`", *("x" if name in names else "" for name in shared))
        for fact, names in zip(facts, used, strict=True)
    ]
    return markdown_table(("", *(name.removeprefix("dim_") for name in shared)), rows)


def _metrics() -> str:
    rows = [
        (f"`{metric.name}`", metric.title, metric.unit, metric.kind.replace("_", " "), metric.owner)
        for metric in metrics.load_all()
    ]
    return markdown_table(("metric", "name", "unit", "rolls up as", "owner"), rows)


def main() -> None:
    """Generate the parts from a freshly migrated database."""
    with diagram.fresh_database() as connection:
        texts = parts(connection)
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), texts), encoding="utf-8")


if __name__ == "__main__":
    main()
