"""Reading any table, and any bytes: properties that hold beyond the examples of test_reading."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, example, given
from hypothesis import strategies as st
from tests.worlds.properties import examples

from claimhouse.reading import Dialect, Unreadable, join_row, open_file

LINE_END = re.compile("\r\n|\r|\n")
RELAXED = {"suppress_health_check": [HealthCheck.function_scoped_fixture]}

texts = st.text(
    st.one_of(
        st.sampled_from('a",;\n\r\t é\ufeff'), st.characters(exclude_characters="\0", codec="utf-8")
    ),
    max_size=12,
)


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    width = draw(st.integers(1, 4))
    return draw(st.lists(st.lists(texts, min_size=width, max_size=width), max_size=12))


def written(table: list[list[str]], **how: object) -> str:
    file = io.StringIO(newline="")
    csv.writer(file, **how).writerows(table)  # type: ignore[arg-type]
    return file.getvalue()


def lines_in(text: str) -> int:
    return len(LINE_END.findall(text))


@examples(300, **RELAXED)
@given(
    table=tables(),
    delimiter=st.sampled_from(",;|\t"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    block_bytes=st.integers(1, 200),
    ends_open=st.booleans(),
)
def test_what_the_csv_module_writes_reads_back_identically(
    tmp_path: Path,
    table: list[list[str]],
    delimiter: str,
    quoting: int,
    line_end: str,
    block_bytes: int,
    ends_open: bool,
) -> None:
    if quoting == csv.QUOTE_MINIMAL and line_end == "\n":
        # Python 3.11 leaves a return unquoted there, which its own reader then refuses.
        assume(not any("\r" in value for row in table for value in row))
    width = len(table[0]) if table else 2
    header = [f"column{i}" for i in range(width)]
    how = {"delimiter": delimiter, "quoting": quoting, "lineterminator": line_end}
    expected, line = [], 2
    text = written([header], **how)
    for row in table:
        expected.append((line, *row))
        row_text = written([row], **how)
        line += lines_in(row_text)
        text += row_text
    if ends_open:
        text = text.removesuffix(line_end)
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode())

    with open_file(path, Dialect(delimiter=delimiter), block_bytes) as reading:
        blocks = list(reading)

    assert reading.header == header
    assert [row for block in blocks for row in block.broken] == []
    assert [row for block in blocks for row in block.rows.iter_rows()] == expected
    assert [note.rule for note in reading.notes] == ([] if table else ["no_rows"])


@examples(300, **RELAXED)
@given(table=tables(), delimiter=st.sampled_from(",;|\t"))
def test_a_joined_row_splits_into_the_same_fields(
    tmp_path: Path, table: list[list[str]], delimiter: str
) -> None:
    assume(table)
    header = [f"column{i}" for i in range(len(table[0]))]
    dialect = Dialect(delimiter=delimiter)
    path = tmp_path / "table.csv"
    path.write_bytes(
        written(
            [header, *table], delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n"
        ).encode()
    )
    (block,) = open_file(path, dialect, 1_000_000)
    for raw, row in zip(join_row(block.rows, header, dialect), table, strict=True):
        assert next(csv.reader(io.StringIO(raw, newline=""), delimiter=delimiter), [""]) == row


pieces = st.one_of(
    st.sampled_from(
        [
            b"a",
            b",",
            b'"',
            b'""',
            b"\n",
            b"\r",
            b"\r\n",
            b"\0",
            "é".encode(),
            b"\xe9",
            b"\xc3",
            b'\n"',
            b'",',
        ]
    ),
    st.binary(max_size=5),
)
starts = st.sampled_from(
    [
        b"",
        b"a,b\n",
        b"a,b\r\n",
        b"\n\na\r",
        b"\xef\xbb\xbfa,b\n",
        b"\xff\xfe",
        b"\xfe\xff",
        b"PK\x03\x04",
        b"\x1f\x8b",
    ]
)


@examples(1500, **RELAXED)
@given(start=starts, parts=st.lists(pieces, max_size=40), block_bytes=st.integers(1, 64))
@example(start=b"a,b\n", parts=[b'x,"y\n'] * 120, block_bytes=7)
@example(start=b"a\n", parts=[b"\xef\xbb\xbf"], block_bytes=1)
@example(start=b"a\n", parts=[b"\xef\xbb\xbf", b"\n"], block_bytes=1)
@example(start=b"a\n", parts=[b"\xef\xbb\xbfx", b"\n"], block_bytes=100)
def test_any_bytes_are_accounted_for_line_by_line(
    tmp_path: Path, start: bytes, parts: list[bytes], block_bytes: int
) -> None:
    path = tmp_path / "any.csv"
    content = start + b"".join(parts)
    path.write_bytes(content)
    try:
        with open_file(path, Dialect(), block_bytes) as reading:
            blocks = list(reading)
    except Unreadable as error:
        assert error.rule
        return

    if any("UTF-16" in note.message for note in reading.notes):
        content = (
            content.decode("utf-16", "strict").encode()
            if content[:2] in (b"\xff\xfe", b"\xfe\xff")
            else content
        )
    covered: list[int] = []
    for block in blocks:
        for row in block.rows.rows():
            covered.extend(range(row[0], row[0] + 1 + sum(lines_in(value) for value in row[1:])))
        for broken in block.broken:
            covered.extend(
                range(broken.row_number, broken.row_number + 1 + lines_in(broken.raw_row))
            )
    # The same split of bytes into lines, by the standard library's universal newlines.
    lines = io.TextIOWrapper(io.BytesIO(content), "latin-1", newline="").readlines()
    filled = [number for number, line in enumerate(lines, 1) if line.strip("\r\n")]
    first = filled[0]
    while filled and covered and filled[0] < min(covered):
        filled.pop(0)  # the header
    if not covered:
        filled = [number for number in filled if number > first + 100]
    assert len(covered) == len(set(covered)), "a line is in two rows"
    assert set(filled) <= set(covered), "a line is in no row"
    assert max(covered, default=0) <= len(lines)


@pytest.mark.parametrize("block_bytes", [1, 2, 3, 5, 8, 13, 21, 1000])
def test_the_size_of_a_block_changes_nothing(tmp_path: Path, block_bytes: int) -> None:
    path = tmp_path / "mixed.csv"
    path.write_bytes(
        b'a,b\r\n1,2\r\n\r\n3\r\n"x\r\ny",4\r\n5,"6\r\n7,8\n9,\xc3\xa9\r10,\0\r\n11,\xff\r\n"12"'
    )

    def read(size: int) -> tuple[list[object], list[object]]:
        blocks = list(open_file(path, Dialect(), size))
        rows = [row for block in blocks for row in block.rows.rows()]
        return rows, [row for block in blocks for row in block.broken]

    assert read(block_bytes) == read(1_000_000)
