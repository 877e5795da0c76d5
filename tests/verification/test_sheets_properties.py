"""Whatever the sheets of a workbook: each visible row is read, or its sheet has a note."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from tests.worlds.feeds import claim
from tests.worlds.properties import examples
from tests.worlds.workbooks import HEADER, Page, table, workbook

from claimhouse import contracts
from claimhouse.reading import SHEET_ROWS, Dialect, Unreadable
from claimhouse.verification import open_tables
from claimhouse.verification.verify import verify

CLAIMS = replace(contracts.of("billing", "claims"), dialect=Dialect(format="xlsx"))
PROSE = [["How to read this"], ["Amounts are in dollars"], ["Ann knows more"]]
STATES = st.sampled_from(["visible", "visible", "visible", "hidden", "very_hidden"])


@st.composite
def pages(draw: st.DrawFn) -> list[tuple[Page, list[int], int]]:
    """Sheets, each with the numbers of the claims on it, and the row of its first claim."""
    drawn, number = [], 0
    for place in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["claims", "claims", "prose", "empty", "no key"]))
        state = draw(STATES) if place else "visible"  # the first sheet is always visible
        count, titles = draw(st.integers(1, 4)), draw(st.integers(0, 3))
        names = draw(st.permutations(HEADER))
        numbers = list(range(number, number + count))
        number += count
        rows: list[list[str]] = {"prose": PROSE, "empty": []}.get(kind) or []
        if kind in ("claims", "no key"):
            header = names if kind == "claims" else [name for name in names if name != "claim_id"]
            rows = [[f"title {n}"] for n in range(titles)]
            rows += table([claim(n) for n in numbers], header)
        name = f"{kind} {place}"
        drawn.append((Page(name, rows, state), numbers if kind == "claims" else [], titles + 2))
    return drawn


@examples(40)
@given(drawn=pages())
def test_each_row_is_read_or_its_sheet_has_a_note(drawn):
    shown = [(page, numbers, top) for page, numbers, top in drawn if page.state == "visible"]
    expected = {
        (page.name, top + at): f"CF#{number}NN"
        for page, numbers, top in shown
        for at, number in enumerate(numbers)
    }
    with TemporaryDirectory() as folder:
        path = Path(folder, "claims.xlsx")
        path.write_bytes(workbook(*(page for page, _, _ in drawn)))
        try:
            opened = open_tables(CLAIMS, path)
        except Unreadable:
            assert not expected  # rejected whole: nothing on it fits
            return
        blocks = list(opened.reading)
    only = drawn[0][0].name
    found: dict[tuple[str, int], str] = {}
    for block in blocks:
        rows = verify(block, opened.plans[block.table]).accepted.select("row_number", "claim_id")
        assert (rows["row_number"] // SHEET_ROWS == block.table).all()
        sheet = opened.plans[block.table].sheet or only
        found |= {(sheet, number % SHEET_ROWS): claim_id for number, claim_id in rows.rows()}
    assert found == expected
    numbers = pl.concat([block.rows["row_number"] for block in blocks]).to_list()
    assert numbers == sorted(set(numbers))
    noted = {note.sheet_name for note in opened.notes if note.rule.endswith("_sheet")}
    read = {sheet for sheet, _ in expected}
    assert noted == {page.name for page, _, _ in drawn if page.rows} - read
