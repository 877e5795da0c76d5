"""Hidden counts stay hidden: generated tables are attacked from their totals and last month's version.

The attacker here is independent of the code: its unknowns are the leaves, and its equations are all
numbers shown, each as a sum of leaves. It solves them as linear programs (the range of a hidden
count) and exactly, in fractions (whether the count is determined).
"""

from __future__ import annotations

import functools
import itertools
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog
from tests.worlds.properties import examples

from claimhouse.privacy import SMALL_CELLS
from claimhouse.reporting.suppression import PROTECTION, Version, suppress

COUNTS = st.one_of(st.just(0), st.integers(1, 12), st.integers(0, 80))


def with_totals(leaves):
    """A table with all its totals, in which each patient is in one leaf only."""
    table = {}
    for leaf, count in leaves.items():
        starts = [[path[:length] for length in range(len(path) + 1)] for path in leaf]
        for cell in itertools.product(*starts):
            table[cell] = table.get(cell, 0) + count
    return table


@st.composite
def shapes(draw):
    """The leaves of a table with two or three dimensions, one of them in groups."""
    groups = draw(st.lists(st.integers(1, 3), min_size=1, max_size=2))
    rows = [(f"g{group}", f"p{group}{n}") for group, size in enumerate(groups) for n in range(size)]
    columns = [(f"c{n}",) for n in range(draw(st.integers(1, 3)))]
    places = [(f"z{n}",) for n in range(2)] if draw(st.booleans()) else [()]
    return list(itertools.product(rows, columns, places))


@st.composite
def tables(draw):
    return with_totals({leaf: draw(COUNTS) for leaf in draw(shapes())})


@st.composite
def two_months(draw):
    """A table and its version a month later; mostly it grew, sometimes a few patients were removed."""
    shape = draw(shapes())
    first = {leaf: draw(COUNTS) for leaf in shape}
    change = st.one_of(st.just(0), st.integers(0, 14))
    if draw(st.integers(0, 4)) == 0:
        change = st.integers(-3, 14)
    second = {leaf: max(0, first[leaf] + draw(change)) for leaf in shape}
    return with_totals(first), with_totals(second)


class Attacker:
    """What can be derived from the numbers shown in some versions of a table."""

    def __init__(self, *versions, grew=False):
        self.leaves = [
            (number, cell)
            for number, (table, _) in enumerate(versions)
            for cell in table
            if not any(other != cell and is_within(other, cell) for other in table)
        ]
        self.rows, self.right = [], []
        for number, (table, hidden) in enumerate(versions):
            for cell, count in table.items():
                if cell not in hidden:
                    self.rows.append(self.sum_of(number, cell))
                    self.right.append(count)
        self.least = [1 if cell in versions[number][1] else 0 for number, cell in self.leaves]
        self.growth = []
        if grew:
            for cell in versions[0][0]:
                self.growth.append(self.sum_of(0, cell) - self.sum_of(1, cell))

    def sum_of(self, number, cell):
        """The weights of the leaves that *cell* of a version adds up."""
        return np.array(
            [float(version == number and is_within(leaf, cell)) for version, leaf in self.leaves]
        )

    def width(self, goal):
        """How far apart the least and the greatest value of *goal* are."""
        more = {}
        if self.growth:
            more = {"A_ub": np.array(self.growth), "b_ub": np.zeros(len(self.growth))}
        ends = []
        for sign in (1, -1):
            found = linprog(
                sign * goal, A_eq=np.array(self.rows) if self.rows else None,
                b_eq=self.right if self.rows else None,
                bounds=[(low, None) for low in self.least], **more,
            )  # fmt: skip
            if found.status == 3:
                return float("inf")
            assert found.status == 0
            ends.append(sign * found.fun)
        return ends[1] - ends[0]

    def determines(self, goal):
        """Whether the numbers shown determine *goal*: it is a linear combination of their sums."""
        rest = [Fraction(int(value)) for value in goal]
        for place, row in self.solved:
            rest = subtract(rest, row, place)
        return not any(rest)

    @functools.cached_property
    def solved(self):
        """The rows in echelon form, each with the position of its first unknown."""
        rows = [[Fraction(int(value)) for value in row] for row in self.rows]
        steps = []
        for place in range(len(self.leaves)):
            pivot = next((row for row in rows if row[place]), None)
            if pivot is not None:
                rows.remove(pivot)
                rows = [subtract(row, pivot, place) if row[place] else row for row in rows]
                steps.append((place, pivot))
        return steps


def subtract(row, pivot, place):
    if not row[place]:
        return row
    times = row[place] / pivot[place]
    return [a - times * b for a, b in zip(row, pivot, strict=True)]


def is_within(cell, total):
    return all(path[: len(start)] == start for path, start in zip(cell, total, strict=True))


def check(table, hidden):
    assert all(cell in hidden for cell, count in table.items() if count in SMALL_CELLS)
    assert all(table[cell] > 0 for cell in hidden)  # zero stays


@examples(30)
@given(tables())
def test_no_hidden_count_can_be_derived_from_the_totals(table):
    hidden = suppress(table)
    check(table, hidden)
    attacker = Attacker((table, hidden))
    for cell in hidden:
        goal = attacker.sum_of(0, cell)
        assert not attacker.determines(goal)
        assert attacker.width(goal) >= PROTECTION - 1e-6


@examples(12)
@given(two_months())
def test_no_hidden_count_and_no_small_change_can_be_derived_from_two_months(months):
    first, second = months
    before = Version(first, suppress(first))
    hidden = suppress(second, before)
    check(second, hidden)
    grew = all(second[cell] >= first[cell] for cell in first)
    attacker = Attacker((first, before.hidden), (second, hidden), grew=grew)
    for number, cells in enumerate((before.hidden, hidden)):
        for cell in cells:
            goal = attacker.sum_of(number, cell)
            assert not attacker.determines(goal)
            assert attacker.width(goal) >= PROTECTION - 1e-6
    for cell in first:
        if abs(second[cell] - first[cell]) in SMALL_CELLS:
            goal = attacker.sum_of(1, cell) - attacker.sum_of(0, cell)
            assert not attacker.determines(goal)
            assert attacker.width(goal) >= PROTECTION - 1e-6


def test_a_single_small_count_hides_the_next_smallest_too():
    table = with_totals({((row,),): count for row, count in zip("abc", (4, 30, 90), strict=True)})
    assert suppress(table) == {(("a",),), (("b",),)}


def test_two_small_counts_of_a_small_total_need_a_third():
    """3 + 4 next to 50 and 90: the total minus those is 7, so neither can be above 6."""
    table = with_totals({((row,),): n for row, n in zip("abcd", (3, 4, 50, 90), strict=True)})
    assert suppress(table) == {(("a",),), (("b",),), (("c",),)}


def test_a_table_without_small_counts_is_shown_whole():
    assert not suppress(with_totals({((row,),): 11 for row in "ab"} | {(("c",),): 0}))


def test_a_value_shown_long_ago_still_counts():
    """Hidden last month, shown the month before: a difference of two would be two patients."""
    table = with_totals({((row,),): n for row, n in zip("abc", (40, 60, 90), strict=True)})
    assert (("a",),) in suppress(table, shown={(("a",),): 38})
    assert not suppress(table, shown={(("a",),): 20})


def test_a_patient_counted_twice_in_a_total_protects_nobody():
    """Totals of distinct patients are checked as if the attacker knew who is counted twice."""
    cells = {(("a",),): 5, (("b",),): 40, ((),): 41}
    assert suppress(cells) >= {(("a",),), (("b",),)}


def test_hiding_only_small_counts_is_not_enough():
    leaves = {
        ((row,), (column,)): count
        for row, counts in {"x": (5, 6, 90), "y": (7, 40, 95), "z": (70, 6, 80)}.items()
        for column, count in zip("abc", counts, strict=True)
    }
    table = with_totals(leaves)
    small = frozenset(cell for cell, count in table.items() if count in SMALL_CELLS)
    attacker = Attacker((table, small))
    assert any(attacker.determines(attacker.sum_of(0, cell)) for cell in small)


def test_hiding_two_in_every_line_is_not_enough():
    """Every line hides two or none, and still a cell between two closed squares is determined."""
    rows = {
        "a": (3, 4, 90, 90, 90),
        "b": (4, 3, 4, 90, 90),
        "c": (90, 90, 4, 3, 4),
        "d": (90, 90, 90, 4, 3),
    }
    leaves = {
        ((row,), (str(column),)): count
        for row, counts in rows.items()
        for column, count in enumerate(counts)
    }
    table = with_totals(leaves)
    small = frozenset(cell for cell, count in table.items() if count in SMALL_CELLS)
    lines = [
        [cell for cell in small if cell[side] == path]
        for side in (0, 1)
        for path in {cell[side] for cell in small}
    ]
    assert all(len(line) != 1 for line in lines)
    attacker, lone = Attacker((table, small)), (("b",), ("2",))
    assert attacker.determines(attacker.sum_of(0, lone))
    hidden = suppress(table)
    assert not Attacker((table, hidden)).determines(attacker.sum_of(0, lone))
