"""Whole lines of delimited text into blocks of rows: fast where they are plain, careful where they are not.

A block is parsed whole by pyarrow. Before that, the few lines whose quotes are odd, or that are
not text, are examined one by one.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from codecs import BOM_UTF8
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from claimhouse.counted import counted
from claimhouse.reading.limits import MAX_COLUMNS
from claimhouse.reading.lines import Numbers, first_broken, line_ends, show, strip_end
from claimhouse.reading.parts import Block, BrokenRow, Dialect, Spot
from claimhouse.reading.text import NEWLINE, NUL, RECORD_LIMIT, RETURN

MAX_RECORD_LINES = 100


class Record(NamedTuple):
    """One record: where its fields are and how it ended."""

    spans: list[tuple[int, int]]
    stop: int
    is_open: bool
    is_strict: bool


class Walker:
    """Walks records field by field, as Python's csv module and pyarrow would."""

    def __init__(self, dialect: Dialect) -> None:
        self.delimiter = dialect.delimiter.encode()
        self.quote = dialect.quote.encode()
        self._break = re.compile(b"[\r\n" + re.escape(self.delimiter) + b"]")

    def walk(self, data: bytes, start: int, stop: int) -> Record:
        """The record that begins at *start*, searched for no further than *stop*.

        Of one with too many fields, only the first are searched for.
        """
        spans: list[tuple[int, int]] = []
        at, strict = start, True
        while True:
            if len(spans) > MAX_COLUMNS:
                return Record(spans, stop, False, strict)
            begin = at
            if self.quote and data[at : at + 1] == self.quote:
                at = self._closing(data, at + 1, stop)
                if at < 0:
                    return Record([*spans, (begin, stop)], stop, True, strict)
                strict &= at >= stop or data[at : at + 1] in (self.delimiter, b"\n", b"\r")
            found = self._break.search(data, at, stop)
            end = found.start() if found else stop
            spans.append((begin, end))
            if found is None or found.group() != self.delimiter:
                return Record(spans, end, False, strict)
            at = found.end()

    def _closing(self, data: bytes, at: int, stop: int) -> int:
        """The place after the quote that closes a field, or -1."""
        while (at := data.find(self.quote, at, stop)) >= 0:
            if data[at + 1 : at + 2] != self.quote:
                return at + 1
            at += 2
        return -1

    def first_value(self, row: str) -> str:
        """The text of a row's first field."""
        if not self.quote or not row.startswith(self.quote.decode()):
            return row.partition(self.delimiter.decode())[0]
        raw = row.encode()
        return self.value(raw[: self.walk(raw, 0, len(raw)).spans[0][1]])

    def field(self, line: bytes, spot: Spot) -> str | None:
        """The text of a field of a line; None where there is none."""
        (place,) = spot
        spans = self.walk(line, 0, len(line)).spans
        return self.value(line[slice(*spans[place - 1])]) if place <= len(spans) else None

    def value(self, raw: bytes) -> str:
        """A field's text without its quotes; bytes that are not UTF-8, and NUL, are escaped."""
        if not self.quote or not raw.startswith(self.quote):
            return show(raw)
        close = self._closing(raw, 1, len(raw))
        inside, rest = (raw[1:], b"") if close < 0 else (raw[1 : close - 1], raw[close:])
        return show(inside.replace(self.quote * 2, self.quote) + rest)


def split_row(row: str, dialect: Dialect) -> list[str]:
    """The fields of a row as the file writes them; none where it is more than one row."""
    walker, raw = Walker(dialect), row.encode("utf-8", "surrogatepass")
    record = walker.walk(raw, 0, len(raw))
    if raw[record.stop :].strip(b"\r\n"):
        return []
    return [walker.value(raw[start:end]) for start, end in record.spans]


@dataclass
class Plan:
    """What to do with the lines of a piece.

    Attributes:
        used: the bytes of it that are whole records.
        starts: where each line begins, and ``ends`` where it ends.
        is_row: for each line, whether a row begins on it.
        spans_lines: whether some row goes on over several lines.
        joined: the first and last line of each record of several lines.
        cut: from where to where the lines of broken rows are.
        broken: the broken rows.
    """

    used: int
    starts: list[int]
    ends: list[int]
    is_row: NDArray[np.bool_]
    spans_lines: bool = False
    joined: list[tuple[int, int]] = field(default_factory=list)
    cut: list[tuple[int, int]] = field(default_factory=list)
    broken: list[BrokenRow] = field(default_factory=list)


class Parser:
    """Turns runs of whole lines into blocks of rows."""

    def __init__(self, header: list[str], dialect: Dialect, has_broken: bool) -> None:
        self._header = header
        self._walker = Walker(dialect)
        self._dialect = dialect
        self._has_broken = has_broken
        self._convert = pa_csv.ConvertOptions(
            column_types={name: pa.large_string() for name in header},
            strings_can_be_null=False,
        )

    def parse(self, piece: bytes, count: int, line: int, is_last: bool) -> tuple[Block, int, int]:
        """The rows of *count* whole lines, of which the first is *line* of the file.

        Returns:
            The block, how many bytes of the piece it covers (a record that goes on beyond
            the piece is left for the next call) and how many lines.
        """
        quote = self._walker.quote
        if self._has_broken or b"\0" in piece or (quote and quote in piece):
            plan = self._plan(piece, line, is_last)
            body, used, count = _without(piece, plan), plan.used, len(plan.ends)
            numbers: Numbers | None = np.flatnonzero(plan.is_row)
            broken, spans_lines = plan.broken, plan.spans_lines
        else:
            body, used = piece, len(piece)
            numbers, broken, spans_lines = None, [], False
        table, ragged = self._read(body, spans_lines)
        if numbers is None:
            if table.num_rows + len(ragged) == count:
                numbers = np.arange(count)
            else:
                numbers = np.flatnonzero(has_content(piece, line_ends(piece)))
        if len(numbers) != table.num_rows + len(ragged):
            raise RuntimeError("the count of rows read is wrong")  # a bug here, not in the file
        return self._block(table, ragged, numbers + line, broken), used, count

    def _block(
        self,
        table: pa.Table,
        ragged: list[pa_csv.InvalidRow],
        numbers: Numbers,
        broken: list[BrokenRow],
    ) -> Block:
        """The rows of a table that was read, with rows of another width among the broken ones.

        Args:
            table: what was read.
            ragged: the rows of another width.
            numbers: the line of each row, these among them.
            broken: rows that were not read.
        """
        if ragged:
            at = np.array([row.number - 1 for row in ragged])
            broken = sorted(
                broken + [self._ragged(row, int(numbers[row.number - 1])) for row in ragged],
                key=lambda row: row.row_number,
            )
            numbers = np.delete(numbers, at)
        frame = pl.from_arrow(table, rechunk=False)
        assert isinstance(frame, pl.DataFrame)
        frame.insert_column(0, pl.Series("row_number", numbers, dtype=pl.Int64))
        return Block(frame, broken)

    def _read(self, body: bytes, spans_lines: bool) -> tuple[pa.Table, list[pa_csv.InvalidRow]]:
        """Parse text in which rows of another width are the only fault."""
        ragged: list[pa_csv.InvalidRow] = []

        def keep(row: pa_csv.InvalidRow) -> str:
            ragged.append(row)
            return "skip"

        if not body:
            return pa.table(
                {name: pa.array([], pa.large_string()) for name in self._header}
            ), ragged
        # The parser strips a byte order mark from every buffer; this one belongs to a row.
        body = BOM_UTF8 + body if body.startswith(BOM_UTF8) else body
        table = pa_csv.read_csv(
            pa.BufferReader(body),
            read_options=pa_csv.ReadOptions(
                use_threads=False,  # otherwise ragged rows have no number
                block_size=max(len(body) + 1, 16),
                column_names=self._header,
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=self._dialect.delimiter,
                quote_char=self._dialect.quote or False,
                newlines_in_values=spans_lines,
                invalid_row_handler=keep,
            ),
            convert_options=self._convert,
        )
        return table, ragged

    def _ragged(self, row: pa_csv.InvalidRow, number: int) -> BrokenRow:
        return BrokenRow(
            number,
            "field_count",
            f"The row has {counted(row.actual_columns, 'field')}, the header {row.expected_columns}.",
            row.text,
            first_field=self._walker.first_value(row.text),
        )

    def _plan(self, piece: bytes, line: int, is_last: bool) -> Plan:
        """Examine every line that could mislead the parser, and only those."""
        line_stops = line_ends(piece)
        suspects = self._suspects(piece, line_stops)
        ends = line_stops.tolist()
        starts = [0, *ends[:-1]]
        plan = Plan(len(piece), starts, ends, has_content(piece, line_stops))
        free = 0
        for suspect in suspects:
            if suspect < free:
                continue
            last, record, goes_on = self._record(piece, plan, suspect, is_last)
            if goes_on:
                plan.used = starts[suspect]
                del starts[suspect:], ends[suspect:]
                plan.is_row = plan.is_row[:suspect]
                break
            free = last + 1
            if last > suspect:
                plan.joined.append((suspect, last))
            fault = self._fault(piece[starts[suspect] : ends[last]], record, line + suspect)
            if fault is not None:
                plan.broken.append(fault)
                plan.cut.append((starts[suspect], ends[last]))
                plan.is_row[suspect:free] = False
            elif last > suspect:
                plan.spans_lines = True
                plan.is_row[suspect + 1 : free] = False
        return plan

    def _suspects(self, piece: bytes, ends: Numbers) -> list[int]:
        """The lines to examine, by index."""
        codes = np.frombuffer(piece, np.uint8)
        found = []
        if self._walker.quote and self._walker.quote in piece:
            found.append(_odd_quotes(codes, ends, self._walker))
        if b"\0" in piece:
            found.append(np.searchsorted(ends, np.flatnonzero(codes == NUL), "right"))
        if self._has_broken and not piece.isascii():
            found.append(_not_utf8(piece, codes, ends))
        indices: list[int] = np.unique(np.concatenate(found)).tolist() if found else []
        return indices

    def _record(
        self, piece: bytes, plan: Plan, suspect: int, is_last: bool
    ) -> tuple[int, Record, bool]:
        """The record that begins on a line: that line, or several where a quoted field spans them.

        Returns:
            The index of its last line; the record, open if its quote is a stray one (then it is
            one line); and whether lines not yet read are needed to decide.
        """
        starts, ends = plan.starts, plan.ends
        start = starts[suspect]
        alone = self._walker.walk(piece, start, ends[suspect])
        if not alone.is_open:
            return suspect, alone, False
        limit = min(suspect + MAX_RECORD_LINES, len(ends)) - 1
        while limit > suspect and starts[limit] - start > RECORD_LIMIT:
            limit -= 1
        whole = self._walker.walk(piece, start, ends[limit])
        if not whole.is_strict:
            return suspect, alone, False
        if whole.is_open:
            is_short = limit == len(ends) - 1 and limit - suspect < MAX_RECORD_LINES - 1
            more = is_short and not is_last and len(piece) - start < RECORD_LIMIT
            return suspect, alone, more
        last = min(bisect_right(ends, whole.stop, suspect), len(ends) - 1)
        if not self._is_whole(piece, plan, suspect, last, whole):
            return suspect, alone, False
        return last, whole, False

    def _is_whole(self, piece: bytes, plan: Plan, first: int, last: int, record: Record) -> bool:
        """Whether the lines from *first* to *last* are one record, and no quote is a stray one."""
        return len(record.spans) == len(self._header)

    def _fault(self, raw: bytes, record: Record, number: int) -> BrokenRow | None:
        """The broken row that a record makes, if it is not a good one; *raw* are its lines."""
        start = record.spans[0][0]
        if (at := raw.find(b"\0")) >= 0:
            rule, message = "nul_byte", "The row holds a NUL byte."
        elif self._has_broken and (at := first_broken(raw)) >= 0:
            rule, message = "encoding", "The row is not valid UTF-8."
        elif record.is_open:
            rule, message = "open_quote", "A quote is opened and never closed."
            at = record.spans[-1][0] - start
        elif len(record.spans) > MAX_COLUMNS:
            rule, at = "field_count", 0
            message = f"The row has more than {MAX_COLUMNS} fields, the header {len(self._header)}."
        else:
            return None
        place = bisect_right(record.spans, (start + at, len(raw) + start)) - 1
        name = self._header[place] if place < len(self._header) else None
        raw = strip_end(raw)
        first = self._walker.value(raw[: record.spans[0][1] - start])
        return BrokenRow(number, rule, message, show(raw), name, first)


def _without(piece: bytes, plan: Plan) -> bytes:
    """The part of a piece that is used, without the lines that are cut out."""
    if not plan.cut and plan.used == len(piece):
        return piece
    view = memoryview(piece)
    edges = [0, *(edge for span in plan.cut for edge in span), plan.used]
    return b"".join(view[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True))


def has_content(piece: bytes, ends: Numbers) -> NDArray[np.bool_]:
    """Which lines are not blank."""
    firsts = np.frombuffer(piece, np.uint8)[np.concatenate(([0], ends[:-1]))]
    return ~np.isin(firsts, (NEWLINE, RETURN))


def _not_utf8(piece: bytes, codes: NDArray[np.uint8], ends: Numbers) -> Numbers:
    """The lines that are not UTF-8."""
    wide = np.unique(np.searchsorted(ends, np.flatnonzero(codes >= 128), "right"))
    starts = np.where(wide > 0, ends[wide - 1], 0)
    spans = zip(wide.tolist(), starts.tolist(), ends[wide].tolist(), strict=True)
    return np.array([line for line, a, b in spans if first_broken(piece[a:b]) >= 0], np.int64)


def _odd_quotes(codes: NDArray[np.uint8], ends: Numbers, walker: Walker) -> Numbers:
    """The lines whose quotes do not simply open and close whole fields.

    A line is plain if no quote begins a field (all are ordinary characters), or if quotes
    alternate: each even one begins a field or is the second of a doubled pair, each odd one ends
    a field or is the first of such a pair, and their number is even.
    """
    quote = walker.quote[0]
    is_edge = np.zeros(256, bool)
    is_edge[[walker.delimiter[0], NEWLINE, RETURN]] = True
    at = np.flatnonzero(codes == quote)
    before = codes[at - 1]
    before[0] = before[0] if at[0] else NEWLINE
    after = codes[np.minimum(at + 1, len(codes) - 1)]
    after[-1] = after[-1] if at[-1] + 1 < len(codes) else NEWLINE
    opens = is_edge[before]
    good_if_even = opens | (before == quote)
    good_if_odd = is_edge[after] | (after == quote)
    before_end = np.searchsorted(at, ends)
    if not np.any(before_end % 2) and good_if_even[::2].all() and good_if_odd[1::2].all():
        return np.array([], np.int64)  # plain throughout, as most files are
    counts = np.diff(before_end, prepend=0)
    line_of = np.repeat(np.arange(len(ends)), counts)
    is_even = (np.arange(len(at)) - np.repeat(before_end - counts, counts)) % 2 == 0
    is_odd = counts % 2 == 1
    is_odd[line_of[~np.where(is_even, good_if_even, good_if_odd)]] = True
    may_open = np.zeros(len(ends), bool)
    may_open[line_of[opens]] = True
    return np.flatnonzero(is_odd & may_open)
