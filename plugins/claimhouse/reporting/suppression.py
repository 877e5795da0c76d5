"""Suppression: which cells of a table must be hidden so that no small count can be derived.

A table counts distinct patients by one or more dimensions, with totals. Small counts
(:data:`claimhouse.privacy.SMALL_CELLS`) are hidden; zeros are shown. Then other cells are hidden
(complementary suppression) until an attacker who knows all shown cells, of this version and of
the previous one, cannot narrow any hidden count to a range below :data:`PROTECTION`.

The attacker is assumed to know also: that hidden counts are at least 1; what the cells of a total
add up to (a patient in two cells counts once in the total, so the table does not show this sum);
and, if no count has decreased since the previous version, that none has. The attacker does not
know which cells were hidden for being small: all hidden cells look the same.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import highspy
import numpy as np
import numpy.typing as npt
from highspy._core import _Highs  # highspy.Highs writes a banner to the output
from scipy.sparse import csr_array, vstack
from scipy.sparse.csgraph import connected_components

from claimhouse.privacy import SMALL_CELLS

# Minimum difference of the greatest and the least possible value of a hidden count: ten values.
PROTECTION = 9

# A cell: for each dimension the path from its total (empty) to a member: ("cardiology", "29303009").
Path = tuple[str, ...]
Cell = tuple[Path, ...]

Array = npt.NDArray[np.float64]
_OPTIMAL, _UNBOUNDED = highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kUnbounded


@dataclass(frozen=True)
class Version:
    """A published table: its counts, and which of its cells were hidden."""

    counts: Mapping[Cell, int]
    hidden: frozenset[Cell]


def suppress(
    counts: Mapping[Cell, int],
    previous: Version | None = None,
    shown: Mapping[Cell, int] | None = None,
    unclear: Collection[Cell] = (),
) -> frozenset[Cell]:
    """The cells of a table to hide.

    A cell is also hidden if it differs by a small count from the value that readers have seen:
    the difference is a count of patients. The caller may keep showing the old value instead.

    Args:
        counts: distinct patients of each cell, totals included. A missing cell counts nobody.
        previous: the version that readers have seen before, of the same dimensions.
        shown: the value last shown of each cell, for cells not shown in *previous*.
        unclear: cells with as many patients as last shown, but other patients or sums.

    Returns:
        The cells whose new value must not be shown.
    """
    current = _Table(counts)
    before = _Table(previous.counts) if previous else None
    seen = dict(shown or {})
    if previous:
        seen |= {
            cell: count for cell, count in previous.counts.items() if cell not in previous.hidden
        }
    hidden = {cell for cell, count in counts.items() if count in SMALL_CELLS}
    hidden |= set(unclear) | {
        cell for cell in counts if cell in seen and abs(counts[cell] - seen[cell]) in SMALL_CELLS
    }
    while True:
        _complete_lines(current, hidden)
        system = _System(current, hidden, before, previous.hidden if previous else frozenset())
        added = False
        for cell in system.exposed():
            # A helper of one cell may protect others too: add one for each cell, then solve again.
            if (helper := _helper(current, hidden, cell)) is not None:
                hidden.add(helper)
                added = True
        if not added:
            return frozenset(cell for cell in hidden if counts.get(cell, 0) > 0)


@dataclass
class _Table:
    """A table as sums: every total is the sum of the cells of each of its lines.

    Attributes:
        sums: for each cell the sum of its leaves; a patient in two leaves counts twice.
        lines: a total and the cells along one dimension that add up to it.
        lines_of: the lines that a cell is in, as total or as part.
    """

    counts: Mapping[Cell, int]
    sums: dict[Cell, int] = field(init=False)
    lines: list[tuple[Cell, list[Cell]]] = field(init=False)
    lines_of: dict[Cell, list[int]] = field(init=False)

    def __post_init__(self) -> None:
        parts: dict[tuple[Cell, int], list[Cell]] = defaultdict(list)
        for cell, count in self.counts.items():
            for dimension, path in enumerate(cell):
                if path and count:
                    parts[_shorter(cell, dimension), dimension].append(cell)
        totals = {total for total, _ in parts}
        self.sums = dict.fromkeys(self.counts, 0)
        for leaf, count in self.counts.items():
            if leaf in totals:
                continue
            for total in _totals(leaf):
                if total in self.sums:
                    self.sums[total] += count
        self.lines = [(total, cells) for (total, _), cells in parts.items() if total in self.sums]
        self.lines_of = defaultdict(list)
        for number, (total, cells) in enumerate(self.lines):
            for cell in (total, *cells):
                self.lines_of[cell].append(number)

    def line(self, number: int) -> list[Cell]:
        """All cells of a line, its total first."""
        total, cells = self.lines[number]
        return [total, *cells]


def _shorter(cell: Cell, dimension: int) -> Cell:
    return (*cell[:dimension], cell[dimension][:-1], *cell[dimension + 1 :])


def _totals(cell: Cell) -> Iterator[Cell]:
    """*cell* and every total it is counted in."""
    starts = ([path[:length] for length in range(len(path) + 1)] for path in cell)
    return itertools.product(*starts)


def _complete_lines(table: _Table, hidden: set[Cell]) -> None:
    """Hide what each line needs on its own, until no line needs more. Finds most of the cells."""
    waiting = {number for cell in hidden for number in table.lines_of.get(cell, [])}
    while waiting:
        number = waiting.pop()
        total, cells = table.lines[number]
        unknown = [cell for cell in cells if cell in hidden]
        if total in hidden:
            is_safe = bool(unknown)
        else:
            left = sum(table.sums[cell] for cell in unknown)
            is_safe = not unknown or (len(unknown) > 1 and left - len(unknown) >= PROTECTION)
        if not is_safe and (helper := _smallest_shown(table, hidden, [number])) is not None:
            hidden.add(helper)
            waiting.update(table.lines_of[helper])


def _smallest_shown(table: _Table, hidden: set[Cell], lines: Iterable[int]) -> Cell | None:
    """The cell with the smallest count still shown in *lines*; a total only if nothing else is."""
    candidates = {
        cell
        for number in lines
        for cell in table.line(number)
        if cell not in hidden and table.sums[cell] > 0
    }
    totals = {table.lines[number][0] for number in lines}
    return min(candidates, key=lambda cell: (cell in totals, table.sums[cell], cell), default=None)


def _helper(table: _Table, hidden: set[Cell], cell: Cell) -> Cell | None:
    """The next cell to hide to protect *cell*: in its own lines first, then in lines further away."""
    if cell not in hidden and table.sums.get(cell, 0) > 0:
        return cell
    reached, border = {cell}, [cell]
    while border:
        lines = {number for neighbor in border for number in table.lines_of.get(neighbor, [])}
        if (helper := _smallest_shown(table, hidden, lines)) is not None:
            return helper
        border = [
            neighbor
            for number in lines
            for neighbor in table.line(number)
            if neighbor not in reached
        ]
        reached.update(border)
    return None


Weights = dict[int, float]


class _System:
    """The linear equations that an attacker can write, of the table and of its previous version.

    The unknowns are numbered; an equation is the weights of its unknowns and their weighted sum.
    """

    def __init__(
        self,
        current: _Table,
        hidden: set[Cell],
        before: _Table | None,
        before_hidden: frozenset[Cell],
    ) -> None:
        self.versions = [(current, frozenset(hidden))]
        if before is not None:
            self.versions.append((before, before_hidden))
        self.unknown = [
            (number, cell)
            for number, (table, cells) in enumerate(self.versions)
            for cell in sorted(cells)
            if table.sums.get(cell, 0) > 0
        ]
        self.index = {variable: number for number, variable in enumerate(self.unknown)}
        self.truth = np.array([self.versions[v][0].sums[cell] for v, cell in self.unknown], float)
        self.grew = before is not None and all(
            current.sums.get(cell, 0) >= count for cell, count in before.sums.items()
        )
        self.bounds = [self._bounds(*variable) for variable in self.unknown]
        self.equations = list(self._equations())
        self.growth = list(self._growth())
        self.goals = list(self._goals())

    def exposed(self) -> list[Cell]:
        """The cells whose count, or growth, the equations narrow too much."""
        exposed = []
        for part in self._parts():
            goals = [
                (weights, cell) for weights, cell in self.goals if part.keys() & weights.keys()
            ]
            is_open = _are_open(
                _matrix([weights for weights, _ in goals], part),
                self.truth[list(part)],
                [self.bounds[number] for number in part],
                [equation for equation in self.equations if part.keys() & equation[0].keys()],
                [weights for weights in self.growth if part.keys() & weights.keys()],
                part,
            )
            exposed += [cell for (_, cell), safe in zip(goals, is_open, strict=True) if not safe]
        return exposed

    def _parts(self) -> list[dict[int, int]]:
        """The connected parts: the numbers of their unknowns, each with its position in the part."""
        links = [weights for weights, _ in self.equations] + self.growth
        links += [weights for weights, _ in self.goals]
        rows = _matrix(
            links, dict(zip(range(len(self.unknown)), range(len(self.unknown)), strict=True))
        )
        _, labels = connected_components(rows.T @ rows + csr_array(np.eye(len(self.unknown))))
        parts: dict[int, dict[int, int]] = defaultdict(dict)
        for number, label in enumerate(labels):
            parts[label][number] = len(parts[label])
        return list(parts.values())

    def _bounds(self, version: int, cell: Cell) -> tuple[float, float]:
        """The range of an unknown count on its own."""
        low, high = 1.0, np.inf
        if self.grew:
            other, other_hidden = self.versions[1 - version]
            if cell not in other_hidden and version == 0:
                low = max(low, float(other.sums.get(cell, 0)))
            elif cell not in other_hidden:
                high = min(high, float(other.sums.get(cell, 0)))
        return low, high

    def _equations(self) -> Iterator[tuple[Weights, float]]:
        """The lines of both versions that have unknowns."""
        for version, (table, _) in enumerate(self.versions):
            for total, cells in table.lines:
                unknown = [cell for cell in cells if (version, cell) in self.index]
                known = sum(table.sums[cell] for cell in cells) - sum(
                    table.sums[cell] for cell in unknown
                )
                weights = {self.index[version, cell]: 1.0 for cell in unknown}
                if (version, total) in self.index:
                    yield weights | {self.index[version, total]: -1.0}, -float(known)
                elif weights:
                    yield weights, float(table.sums[total] - known)

    def _growth(self) -> Iterator[Weights]:
        """Cells unknown in both versions: the later count is not below the earlier one."""
        for version, cell in self.unknown:
            if self.grew and version == 1 and (0, cell) in self.index:
                yield {self.index[1, cell]: 1.0, self.index[0, cell]: -1.0}

    def _goals(self) -> Iterator[tuple[Weights, Cell]]:
        """What must stay open: each unknown, and the change of a cell if it is a small count."""
        for number, (_, cell) in enumerate(self.unknown):
            yield {number: 1.0}, cell
        if len(self.versions) == 1:
            return
        (current, _), (before, _) = self.versions
        for cell in current.counts.keys() & before.counts.keys():
            weights = {
                self.index[version, cell]: sign
                for version, sign in ((0, 1.0), (1, -1.0))
                if (version, cell) in self.index
            }
            if weights and abs(current.counts[cell] - before.counts[cell]) in SMALL_CELLS:
                yield weights, cell


def _are_open(
    goals: csr_array,
    truth: Array,
    bounds: list[tuple[float, float]],
    equations: list[tuple[Weights, float]],
    growth: list[Weights],
    part: dict[int, int],
) -> Array:
    """Whether the equations leave each goal a range of at least the protection.

    Any two solutions prove a range for every goal. So each solution is applied to all goals, and a
    linear program of its own is solved only for a goal whose range is still too narrow.
    """
    program = _Program(bounds, equations, growth, part)
    low = high = goals @ truth
    for number, goal in enumerate(goals.toarray()):
        for sign in (1.0, -1.0):
            if high[number] - low[number] >= PROTECTION:
                break
            solution = program.least(sign * goal)
            if solution is None:
                low[number], high[number] = -np.inf, np.inf
            else:
                values = goals @ solution
                low, high = np.minimum(low, values), np.maximum(high, values)
    return np.asarray(high - low >= PROTECTION - 1e-6)


class _Program:
    """What an attacker knows, as a linear program whose goal changes.

    The solver begins each time where it ended for the goal before: a tenth of the time that a new program takes.
    """

    def __init__(
        self,
        bounds: list[tuple[float, float]],
        equations: list[tuple[Weights, float]],
        growth: list[Weights],
        part: dict[int, int],
    ) -> None:
        rows = vstack(
            [_matrix([weights for weights, _ in equations], part), _matrix(growth, part)],
            format="csr",
        )
        right = [right for _, right in equations]
        program = highspy.HighsLp()
        program.num_col_, program.num_row_ = len(part), rows.shape[0]
        program.col_cost_ = np.zeros(len(part))
        program.col_lower_, program.col_upper_ = map(np.array, zip(*bounds, strict=True))
        program.row_lower_ = np.array([*right, *(-np.inf for _ in growth)])
        program.row_upper_ = np.array([*right, *(0.0 for _ in growth)])
        program.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        program.a_matrix_.start_ = rows.indptr
        program.a_matrix_.index_ = rows.indices
        program.a_matrix_.value_ = rows.data
        self.columns = np.arange(len(part), dtype=np.int32)
        self.solver = _Highs()
        self.solver.setOptionValue("output_flag", False)
        self.solver.passModel(program)

    def least(self, goal: Array) -> Array | None:
        """A solution with the least value of *goal*; None where there is no least one.

        Raises:
            ArithmeticError: the program has no solution.
        """
        self.solver.changeColsCost(len(goal), self.columns, goal)
        self.solver.run()
        if self.solver.getModelStatus() not in (_OPTIMAL, _UNBOUNDED):
            # It may give up from where it last ended: solve the program anew.
            self.solver.clearSolver()
            self.solver.run()
        status = self.solver.getModelStatus()
        if status == _UNBOUNDED:
            return None
        if status != _OPTIMAL:
            raise ArithmeticError(f"the cells cannot be audited: {status.name}")
        return np.array(self.solver.getSolution().col_value)


def _matrix(rows: list[Weights], columns: dict[int, int]) -> csr_array:
    """*rows* as a matrix; *columns* gives the column of each unknown."""
    places = [(row, columns[unknown]) for row, weights in enumerate(rows) for unknown in weights]
    values = [weight for weights in rows for weight in weights.values()]
    shape = (len(rows), len(columns))
    if not places:
        return csr_array(shape)
    return csr_array((values, tuple(zip(*places, strict=True))), shape=shape)
