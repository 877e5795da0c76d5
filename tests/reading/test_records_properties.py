"""Files with lines of several kinds, as a few lines of Python read them."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.worlds.properties import examples

from claimhouse.reading import Dialect, Unreadable
from claimhouse.reading.open import open_here

DIALECT = Dialect.of(
    {
        "header": "none",
        "delimiter": "|",
        "columns": ["", "line", "note"],
        "records": {
            "type": [1], "rows": ["S"], "header": "H", "trailer": "T", "others": ["N"], "count": [2],
            "taken": [["C", "claim", [2]]],
        },
    }
)  # fmt: skip
KINDS = ["S"] * 5 + ["C"] * 3 + ["N", "X", "H", "", None]


def drawn(chance: random.Random) -> tuple[str, ...]:
    """A line: mostly rows and the lines above them that they take a value from."""
    kind = chance.choice(KINDS)
    if kind is None:
        return ()
    values = ["".join(chance.choices("ab \u00e91-", k=chance.randrange(4))) for _ in range(2)]
    return (kind, *values[: chance.choice([1, 2, 2, 2])])


@examples(80)
@given(
    st.randoms(use_true_random=False),
    st.integers(0, 40),
    st.booleans(),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([1, 7, 40, 1 << 20]),
)
def test_every_line_is_a_row_or_broken_or_of_another_feed(
    tmp_path_factory: pytest.TempPathFactory,
    chance: random.Random,
    count: int,
    has_header: bool,
    end: str,
    block_bytes: int,
) -> None:
    lines = [drawn(chance) for _ in range(count)]
    all_lines = [("H", "2024"), *lines] if has_header else lines
    rows, broken, claim, has_begun = [], [], "", False
    for number, line in enumerate(all_lines, 1):
        if not "|".join(line).strip():
            continue
        kind = line[0]
        if kind == "C":
            claim = line[1]
        elif kind == "S":
            (rows if len(line) == 3 else broken).append((number, *line, claim))
        elif kind != "N" and not (kind == "H" and not has_begun):
            broken.append((number, *line))
            claim = ""
        has_begun = True
    stated = sum(line[:1] == ("S",) for line in all_lines)
    text = end.join(["|".join(line) for line in all_lines] + [f"T|{stated}"])
    path = tmp_path_factory.mktemp("records") / "file"
    path.write_bytes(text.encode())
    blocks = list(open_here(path, DIALECT, block_bytes).blocks)
    assert [row for block in blocks for row in block.rows.rows()] == rows
    assert [row.row_number for block in blocks for row in block.broken] == [
        row[0] for row in broken
    ]
    path.write_bytes(text.encode()[:-3])
    with pytest.raises(Unreadable):
        list(open_here(path, DIALECT, block_bytes).blocks)
