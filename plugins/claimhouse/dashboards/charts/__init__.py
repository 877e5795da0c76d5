"""Charts of what a tile shows, as Vega-Lite specifications, and each in a sentence.

A chart shows no number that is not in the tile's table. What is hidden, unknown or not there is a word in the
place of a mark; zero is a mark.

- ``bars``, ``grouped_bars``, ``lines``, ``heat``, ``decomposition``: the kinds; each draws and knows its height;
- ``sentences``: each in a sentence;
- ``rows``, ``parts``: what they have in common: of a row, and of a specification;
- ``chart``: what all of them make.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from claimhouse.dashboards.answer import Answer
from claimhouse.dashboards.charts import bars, decomposition, heat, lines
from claimhouse.dashboards.charts.chart import Chart
from claimhouse.dashboards.charts.sentences import sentence

__all__ = ["Chart", "height_of", "of", "sentence"]


@dataclass(frozen=True)
class Kind:
    """A kind of charts.

    Attributes:
        draw: the charts of an answer, of a width and at least a height in pixels, with the values that are chosen.
        height_of: the least height that an answer needs, in pixels.
    """

    draw: Callable[[Answer, int, int, Mapping[str, Sequence[str]]], list[Chart]]
    height_of: Callable[[Answer], int]


KINDS = {
    "bar": Kind(bars.draw, bars.height_of),
    "line": Kind(lines.draw, lines.height_of),
    "heat": Kind(heat.draw, heat.height_of),
    "decomposition": Kind(decomposition.draw, decomposition.height_of),
}


def of(
    answer: Answer,
    width: int,
    height: int = 0,
    chosen: Mapping[str, Sequence[str]] | None = None,
) -> list[Chart]:
    """The charts of a tile: none where it is a number or a table, or has nothing to show.

    Args:
        answer: what the tile shows.
        width: in pixels.
        height: in pixels, at least; see :func:`height_of`.
        chosen: the values that are chosen of each field; where some of a chart's are, these are told apart.
    """
    kind = KINDS.get(answer.tile.kind)
    if kind is None or answer.problem or not answer.rows:
        return []
    return kind.draw(answer, width, max(height, kind.height_of(answer)), chosen or {})


def height_of(answer: Answer) -> int:
    """The least height of the charts of a tile, in pixels: those of one row get the largest of theirs."""
    kind = KINDS.get(answer.tile.kind)
    return kind.height_of(answer) if kind else 0
