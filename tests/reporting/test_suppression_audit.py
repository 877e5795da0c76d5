"""Suppression audited by Tau-Argus, the statistical offices' own program, with an engine of its own.

It is given a table as cells and equations (its JJ format) and says how small and how great each
hidden cell can be. A second month is more cells and equations: the growth of a cell is a cell too.
"""

from __future__ import annotations

from hypothesis import given
from pytauargus.engine import audit_jj
from tests.reporting.test_suppression import tables, two_months, with_totals
from tests.worlds.attacker import lines
from tests.worlds.properties import examples

from claimhouse.privacy import SMALL_CELLS
from claimhouse.reporting.suppression import PROTECTION, Version, suppress

ENDLESS = 100_000


def widths(folder, *versions, grew=False):
    """How many more the greatest possible count of each hidden cell is than the least."""
    cells, equations = {}, []
    for number, (table, hidden) in enumerate(versions):
        for cell, count in table.items():
            cells[number, cell] = (count, cell in hidden, 1)
        for total, parts in lines(table):
            equations.append({(number, total): -1} | {(number, part): 1 for part in parts})
    if grew:
        for cell in versions[0][0]:
            grown = versions[1][0][cell] - versions[0][0][cell]
            cells["growth", cell] = (grown, True, 0)
            equations.append({(1, cell): 1, (0, cell): -1, ("growth", cell): -1})
    places = {cell: place for place, cell in enumerate(cells)}
    rows = ["0", str(len(cells))]
    for cell, (count, is_hidden, least) in cells.items():
        bounds = f"u {least} {ENDLESS}" if is_hidden else f"s 0 {ENDLESS}"
        rows.append(f"{places[cell]} {count} 1 {bounds} 0 0 0")
    rows.append(str(len(equations)))
    for weights in equations:
        terms = " ".join(f"{places[cell]} ({weight})" for cell, weight in weights.items())
        rows.append(f"0 {len(weights)} : {terms}")
    file = folder / "table.jj"
    file.write_text("\n".join(rows) + "\n")
    names = list(cells)
    return {names[row["cell"]]: row["max"] - row["min"] for row in audit_jj(str(file))}


@examples(20)
@given(table=tables())
def test_every_hidden_count_has_ten_possible_values(tmp_path_factory, table):
    hidden = suppress(table)
    found = widths(tmp_path_factory.getbasetemp(), (table, hidden))
    assert found.keys() == {(0, cell) for cell in hidden}
    assert all(width >= PROTECTION - 1e-6 for width in found.values())


@examples(10)
@given(months=two_months())
def test_a_second_month_leaves_every_hidden_count_ten_values(tmp_path_factory, months):
    first, second = months
    before = Version(first, suppress(first))
    hidden = suppress(second, before)
    grew = all(second[cell] >= first[cell] for cell in first)
    found = widths(
        tmp_path_factory.getbasetemp(), (first, before.hidden), (second, hidden), grew=grew
    )
    counts = {cell: width for cell, width in found.items() if cell[0] != "growth"}
    assert counts.keys() == {(0, cell) for cell in before.hidden} | {(1, cell) for cell in hidden}
    assert all(width >= PROTECTION - 1e-6 for width in counts.values())


def test_it_finds_what_hiding_the_small_counts_alone_leaves_open(tmp_path):
    table = with_totals({((row,),): count for row, count in zip("abc", (4, 30, 90), strict=True)})
    small = {cell for cell, count in table.items() if count in SMALL_CELLS}
    assert widths(tmp_path, (table, small)) == {(0, (("a",),)): 0}
