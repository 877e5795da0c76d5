"""The parts of ``docs/model.md`` that are made from the database: ``python -m local.model``.

They stand between the comments ``<!-- made: <part> -->`` and ``<!-- end -->``; the rest of the
page is written by hand.
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
    """What stands in each of the places, by the part's name."""
    known = diagram.tables(connection)
    facts = [one for one in known if one.name.startswith("fact_")]
    facts += [one for one in known if one.name.startswith("bridge_")]
    return {"grains": _grains(facts), "bus matrix": _bus_matrix(facts), "metrics": _metrics()}


def filled(page: str, made: dict[str, str]) -> str:
    """*page* with every part of *made* in its place.

    Raises:
        KeyError: the page has no place for one of them.
    """
    for name, text in made.items():
        place = re.compile(rf"(<!-- made: {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
        if not place.search(page):
            raise KeyError(f"{PAGE.name} has no place for the part '{name}'")
        page = place.sub(lambda found: f"{found[1]}\n{text}\n\n{found[2]}", page)  # noqa: B023
    return page


def _grains(facts: Sequence[diagram.Table]) -> str:
    rows = [(f"`{one.name}`", one.grain) for one in facts]
    return markdown_table(("table", "grain: one row is"), rows)


def _bus_matrix(facts: Sequence[diagram.Table]) -> str:
    """Facts against the dimensions they share; those of one fact alone are left out."""
    used = [set(one.keys.values()) for one in facts]
    shared = sorted(
        {name for names in used for name in names if not name.endswith("_profile")},
        key=lambda name: (-sum(name in names for names in used), name),
    )
    rows = [
        (f"`{one.name}`", *("x" if name in names else "" for name in shared))
        for one, names in zip(facts, used, strict=True)
    ]
    return markdown_table(("", *(name.removeprefix("dim_") for name in shared)), rows)


def _metrics() -> str:
    rows = [
        (f"`{one.name}`", one.title, one.unit, one.kind.replace("_", " "), one.owner)
        for one in metrics.load_all()
    ]
    return markdown_table(("metric", "name", "unit", "rolls up as", "owner"), rows)


def main() -> None:
    """Make the parts anew from a freshly migrated database."""
    with diagram.fresh_database() as connection:
        made = parts(connection)
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), made), encoding="utf-8")


if __name__ == "__main__":
    main()
