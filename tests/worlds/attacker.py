"""A reader that wants to know what it is not shown, and knows everything that a reader can know.

It has the editions of a report as it saw them, and its own rows. From these it writes what must be
true of every count of others, shown or hidden, and asks a solver how little and how much a hidden
count can be. Nothing of the code under test is used but the words of the report.

What it writes: counts are integers and a cell that is there counts somebody. A patient has an
encounter, so there are at least as many encounters as patients. Encounters and money add up;
patients do not, for one patient may be in two cells: a total has at least the patients of each of
its cells, and at most those of all. An encounter costs what encounters of that kind cost its own
members. From one month to the next nothing is taken back.
"""

from __future__ import annotations

import functools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import lil_array

# A count is known well enough to say who it is if fewer than ten values are possible.
TOO_NARROW = 9
INFEASIBLE, UNBOUNDED = 2, 3

Cell = tuple[tuple[str, ...], ...]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Shown:
    """A row of a report: what it says about a cell; None where it is empty."""

    patients: int | None
    encounters: int | None
    money: float | None = None
    is_hidden: bool = False  # a value beside it is one of an earlier edition

    @property
    def is_news(self) -> bool:
        """Whether the values are those of this edition."""
        return not self.is_hidden and self.patients is not None


Edition = Mapping[Cell, Shown]


class Attacker:
    """The program of a reader.

    Args:
        editions: the report of one month, or of several, the oldest first.
        grew: whether the reader takes it that nothing is taken back between two editions.
        price: for a cell the least and the most that one of its encounters costs.
        own: the reader's own (patients, encounters) of a cell, if it believes that the report
            counts them too.
    """

    KINDS = ("patients", "encounters", "money")

    def __init__(self, editions, grew=False, price=None, own=None):
        self.editions = list(editions)
        self.places = {
            (number, cell, kind): place
            for place, (number, cell, kind) in enumerate(
                (number, cell, kind)
                for number, edition in enumerate(self.editions)
                for cell in edition
                for kind in self.KINDS
            )
        }
        self.low = np.zeros(len(self.places))
        self.high = np.full(len(self.places), np.inf)
        self.equal, self.below = [], []  # (weights, right): the sum is, or is at most, right
        for number, edition in enumerate(self.editions):
            self._know_cells(number, edition, own or {})
            self._know_lines(number, edition)
            if price:
                self._know_prices(number, edition, price)
        if grew:
            self._know_growth()
        self.solutions: list[np.ndarray] = []

    def _know_cells(self, number, edition, own):
        for cell, shown in edition.items():
            patients, encounters, money = (self.places[number, cell, kind] for kind in self.KINDS)
            own_patients, own_encounters = own.get(cell, (0, 0))
            self.low[patients] = self.low[encounters] = 0 if own else 1
            self.below.append(({patients: 1.0, encounters: -1.0}, 0.0))
            if shown.is_news:
                # One of its own members may be one of the others too: insured elsewhere before.
                self.low[patients] = max(self.low[patients], shown.patients - own_patients)
                self.high[patients] = shown.patients
                self.low[encounters] = self.high[encounters] = shown.encounters - own_encounters
                if shown.money is not None:
                    self.low[money], self.high[money] = shown.money - 0.005, shown.money + 0.005

    def _know_lines(self, number, edition):
        for total, cells in lines(edition):
            for kind in ("encounters", "money"):
                weights = {self.places[number, cell, kind]: 1.0 for cell in cells}
                if kind == "encounters" or all_money(edition, [total, *cells]):
                    self.equal.append((weights | {self.places[number, total, kind]: -1.0}, 0.0))
            whole = self.places[number, total, "patients"]
            parts = [self.places[number, cell, "patients"] for cell in cells]
            self.below += [({part: 1.0, whole: -1.0}, 0.0) for part in parts]
            self.below.append((dict.fromkeys(parts, -1.0) | {whole: 1.0}, 0.0))

    def _know_prices(self, number, edition, price):
        for cell in edition:
            if (prices := price(cell)) is not None:
                encounters = self.places[number, cell, "encounters"]
                money = self.places[number, cell, "money"]
                self.below.append(({encounters: prices[0], money: -1.0}, 0.0))
                self.below.append(({encounters: -prices[1], money: 1.0}, 0.0))

    def _know_growth(self):
        for number, (before, after) in enumerate(
            zip(self.editions, self.editions[1:], strict=False)
        ):
            for cell in before.keys() & after.keys():
                for kind in self.KINDS:
                    older, newer = (
                        self.places[edition, cell, kind] for edition in (number, number + 1)
                    )
                    self.below.append(({older: 1.0, newer: -1.0}, 0.0))

    def possible(self, weights: Mapping[int, float]) -> Interval | None:
        """The least and the greatest whole number that a sum can be; None if nothing fits."""
        goal = np.zeros(len(self.places))
        for place, weight in weights.items():
            goal[place] = weight
        # Whatever the solver found before is possible: often no need to ask again.
        values = [float(goal @ solution) for solution in self.solutions]
        if values and max(values) - min(values) >= TOO_NARROW + 1:
            return min(values), max(values)
        ends = []
        for sign in (1.0, -1.0):
            found = linprog(sign * goal, method="highs", **self.program)
            if found.status == INFEASIBLE:
                return None
            assert found.status in (0, UNBOUNDED), found.message
            ends.append(-sign * math.inf if found.status == UNBOUNDED else sign * found.fun)
            if found.x is not None:
                self.solutions.append(found.x)
        low, high = ends
        return (
            low if math.isinf(low) else math.ceil(low - 1e-6),
            high if math.isinf(high) else math.floor(high + 1e-6),
        )

    @functools.cached_property
    def program(self):
        """What the solver is given."""
        return {
            "A_eq": matrix(self.equal, len(self.places)) if self.equal else None,
            "b_eq": [right for _, right in self.equal] or None,
            "A_ub": matrix(self.below, len(self.places)),
            "b_ub": [right for _, right in self.below],
            "bounds": np.column_stack([self.low, self.high]),
        }

    def finds(self, number: int, cell: Cell, patients: int) -> bool:
        """Whether it finds out how many patients a cell of an edition has."""
        interval = self.possible({self.places[number, cell, "patients"]: 1.0})
        return is_right_and_sure(interval, patients)

    def finds_gain(self, number: int, cell: Cell, gained: int, kind: str = "patients") -> bool:
        """Whether it finds out how many a cell has gained since the edition before."""
        older, newer = (self.places[at, cell, kind] for at in (number - 1, number))
        return is_right_and_sure(self.possible({newer: 1.0, older: -1.0}), gained)


def lines(cells: Iterable[Cell]) -> Iterator[tuple[Cell, list[Cell]]]:
    """Each total with the cells along one dimension that make it up."""
    parts: dict[tuple[Cell, int], list[Cell]] = defaultdict(list)
    known = set(cells)
    for cell in known:
        for dimension, path in enumerate(cell):
            if path:
                total = (*cell[:dimension], path[:-1], *cell[dimension + 1 :])
                if total in known:
                    parts[total, dimension].append(cell)
    for (total, _), members in parts.items():
        yield total, members


def all_money(edition, cells):
    return all(edition[cell].money is not None or not edition[cell].is_news for cell in cells)


def matrix(rows, width):
    filled = lil_array((len(rows), width))
    for number, (weights, _) in enumerate(rows):
        for place, weight in weights.items():
            filled[number, place] += weight
    return filled.tocsr()


def is_right_and_sure(interval: Interval | None, truth: float) -> bool:
    """Whether fewer than ten values are possible, and the truth is one of them."""
    return interval is not None and (
        interval[0] <= truth <= interval[1] and interval[1] - interval[0] < TOO_NARROW
    )
