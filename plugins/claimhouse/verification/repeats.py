"""Rows of a file that may repeat a key, found by hash in bounded memory."""

from __future__ import annotations

from tempfile import TemporaryFile

import numpy as np
import polars as pl

PAIR = np.dtype([("hash", "u8"), ("row", "i8")])
# Pairs sorted at a time: 64 MiB.
MOST_AT_ONCE = 4_000_000


class Repeats:
    """The hashes of all keys, on disk. Two keys with one hash are reported too, which is harmless.

    Attributes:
        rows: after :meth:`find`, the numbers of the rows whose key another row may have.
    """

    def __init__(self, key: tuple[str, ...]) -> None:
        self._key = key
        self._file = TemporaryFile(prefix="claimhouse-")  # noqa: SIM115 (closed with the object)
        self._count = 0
        self.rows = pl.Series("row_number", dtype=pl.Int64)

    def add(self, rows: pl.DataFrame) -> None:
        """Add the keys of *rows* (``row_number`` and the key's columns)."""
        pairs = np.empty(len(rows), PAIR)
        pairs["hash"] = rows.select(pl.struct(self._key).hash()).to_series().to_numpy()
        pairs["row"] = rows["row_number"].to_numpy()
        self._file.write(pairs.tobytes())
        self._count += len(rows)

    def find(self) -> None:
        """Find the keys that occur more than once."""
        parts = -(-self._count // MOST_AT_ONCE)
        rows = [self._part(part, parts) for part in range(parts)]
        self.rows = pl.Series("row_number", np.concatenate([*rows, np.empty(0, "i8")]))

    def _part(self, part: int, parts: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Repeats among the hashes of one part; each part reads the file once."""
        self._file.seek(0)
        kept = []
        while raw := self._file.read(MOST_AT_ONCE * PAIR.itemsize):
            pairs = np.frombuffer(raw, PAIR)
            kept.append(pairs[pairs["hash"] % parts == part] if parts > 1 else pairs)
        pairs = np.concatenate(kept)
        pairs = pairs[np.argsort(pairs["hash"])]
        same = pairs["hash"][1:] == pairs["hash"][:-1]
        repeated = np.concatenate([same, [False]]) | np.concatenate([[False], same])
        return np.asarray(pairs["row"][repeated])
