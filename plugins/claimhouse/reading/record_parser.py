"""Delimited text with lines of several kinds: the rows of one feed, parsed like any."""

from __future__ import annotations

import re
from functools import partial
from itertools import pairwise

import numpy as np
import polars as pl
import pyarrow as pa

from claimhouse.reading.lines import Numbers, first_broken, show, strip_end
from claimhouse.reading.parser import Parser, Plan, Record
from claimhouse.reading.parts import Block, BrokenRow, Dialect, Spot
from claimhouse.reading.records import Frame, Role

BLANK = r"^[\s\x1a]*$"  # DOS ends a text by 1A
# A field further on is searched for line by line: the expression for it would be long.
MOST_FIELDS = 20


class RecordParser(Parser):
    """Turns runs of whole lines of several kinds into blocks of one feed's rows."""

    def __init__(self, header: list[str], dialect: Dialect, has_broken: bool, frame: Frame) -> None:
        super().__init__(header, dialect, has_broken)
        assert dialect.records is not None
        self._type = dialect.records.type
        self._frame = frame

    def parse(self, piece: bytes, count: int, line: int, is_last: bool) -> tuple[Block, int, int]:
        """See :meth:`Parser.parse`.

        Raises:
            Unreadable: there is more than a trailer at the end.
        """
        plan = self._plan(piece, line, is_last)
        faults = {fault.row_number - line: fault for fault in plan.broken}
        firsts, bounds = _extents(plan)
        texts = _texts(piece, bounds)
        is_cut = np.isin(firsts, list(faults))
        is_blank = texts.str.contains(BLANK).fill_null(False).to_numpy()
        at = np.flatnonzero((plan.is_row[firsts] & ~is_blank) | is_cut)
        numbers = firsts[at] + line
        texts, is_cut = texts.gather(at), is_cut[at]
        kinds = self._field(texts, self._type).str.strip_chars()
        for place in np.flatnonzero(is_cut):
            raw = piece[bounds[at[place]] : bounds[at[place] + 1]]
            kind = self._walker.field(raw, self._type)
            kinds[int(place)] = None if kind is None else kind.strip()
        texts = texts.set(pl.Series(is_cut), None)
        roles = self._frame.roles(kinds, numbers, partial(self._text_at, texts))
        taken = self._frame.taken(roles, kinds, partial(self._texts_at, texts))
        keep = np.zeros(len(firsts), bool)
        keep[at[(roles == Role.ROW) & ~is_cut]] = True
        body = _chosen(piece, bounds, keep)
        table, ragged = self._read(body, plan.spans_lines)
        if table.num_rows + len(ragged) != int(keep.sum()):
            raise RuntimeError("the count of rows read is wrong")  # a bug here, not in the file
        broken = [
            faults[firsts[at[place]]]
            for place in np.flatnonzero(is_cut)
            if roles[place] in (Role.ROW, Role.UNKNOWN)
        ]
        for place in np.flatnonzero((roles == Role.UNKNOWN) & ~is_cut):
            raw = strip_end(piece[bounds[at[place]] : bounds[at[place] + 1]])
            broken.append(
                BrokenRow(int(numbers[place]), "record_type", self._frame.message, show(raw))
            )
        broken.sort(key=lambda row: row.row_number)
        block = self._block(table, ragged, firsts[keep] + line, broken)
        if taken:
            is_kept = np.isin(numbers[roles == Role.ROW], block.rows["row_number"].to_numpy())
            columns = [
                pl.Series(name, values, pl.String).filter(pl.Series(is_kept))
                for name, values in taken.items()
            ]
            block = Block(block.rows.with_columns(columns), block.broken)
        return block, plan.used, len(plan.ends)

    def _is_whole(self, piece: bytes, plan: Plan, first: int, last: int, record: Record) -> bool:
        """A row has its width; in a record of another kind no line begins like a record."""
        kind = self._walker.field(piece[plan.starts[first] : plan.ends[last]], self._type)
        if kind is None or self._frame.role_of(kind.strip()) is Role.ROW:
            return super()._is_whole(piece, plan, first, last, record)
        starts, ends = plan.starts[first + 1 : last + 1], plan.ends[first + 1 : last + 1]
        inside = [
            self._walker.field(piece[start:end], self._type) or ""
            for start, end in zip(starts, ends, strict=True)
        ]
        return all(self._frame.role_of(kind.strip()) is Role.UNKNOWN for kind in inside)

    def _text_at(self, texts: pl.Series, index: int, spot: Spot) -> str | None:
        return self._texts_at(texts, np.array([index]), spot)[0]

    def _texts_at(self, texts: pl.Series, indices: Numbers, spot: Spot) -> list[str | None]:
        found: list[str | None] = self._field(texts.gather(indices), spot).to_list()
        return found

    def _field(self, texts: pl.Series, spot: Spot) -> pl.Series:
        """A field of each line, without its quotes; null where the line has none."""
        (place,) = spot
        if place > MOST_FIELDS:
            lines = [None if text is None else text.encode() for text in texts]
            fields = [None if line is None else self._walker.field(line, spot) for line in lines]
            return pl.Series(fields, dtype=pl.String)
        delimiter = re.escape(self._dialect.delimiter)
        quote = re.escape(self._dialect.quote)
        plain = f"[^{delimiter}\r\n]*"
        field = (
            f"(?:{quote}(?:[^{quote}]|{quote}{quote})*{quote}{plain}|{plain})" if quote else plain
        )
        raw = texts.str.extract(f"^(?:{field}{delimiter}){{{place - 1}}}({field})")
        if not quote:
            return raw
        inside = raw.str.replace(f"^{quote}((?:[^{quote}]|{quote}{quote})*){quote}", "${1}")
        inside = inside.str.replace_all(self._dialect.quote * 2, self._dialect.quote, literal=True)
        return raw.zip_with(~raw.str.starts_with(self._dialect.quote), inside)


def _extents(plan: Plan) -> tuple[Numbers, Numbers]:
    """The first line of each record or blank line, by index; and where each begins, with the end."""
    begins = np.ones(len(plan.starts), bool)
    for first, last in plan.joined:
        begins[first + 1 : last + 1] = False
    firsts = np.flatnonzero(begins)
    return firsts, np.append(np.array(plan.starts, np.int64)[firsts], plan.used)


def _texts(piece: bytes, bounds: Numbers) -> pl.Series:
    """The text between each of the bounds; null where it is not UTF-8."""
    if first_broken(piece) >= 0:
        ends = bounds.tolist()
        parts = [piece[start:end] for start, end in pairwise(ends)]
        texts = [part.decode() if first_broken(part) < 0 else None for part in parts]
        return pl.Series(texts, dtype=pl.String)
    offsets = pa.py_buffer(bounds.astype(np.int64).tobytes())
    array = pa.LargeStringArray.from_buffers(len(bounds) - 1, offsets, pa.py_buffer(piece))
    return pl.Series(pl.from_arrow(array))


def _chosen(
    piece: bytes, bounds: Numbers, keep: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> bytes:
    """The part of a piece between some of the bounds."""
    if keep.all():
        return piece[: bounds[-1]]
    codes = np.frombuffer(piece, np.uint8, int(bounds[-1]))
    return codes[np.repeat(keep, np.diff(bounds))].tobytes()
