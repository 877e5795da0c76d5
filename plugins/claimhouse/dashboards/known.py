"""The readers and their dashboards, as the files say now: read again when one of them has changed."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from claimhouse import settings
from claimhouse.dashboards import model
from claimhouse.dashboards.model import Dashboard
from claimhouse.reporting.readers import Reader, load_all

# Of a file: where it is, and when it was changed.
State = tuple[tuple[Path, int], ...]


def readers() -> list[Reader]:
    """All readers.

    Raises:
        ReaderError: a file about them cannot be used.
    """
    return _readers(_state("clients/*.yaml", "roles.yaml"))


def dashboards() -> dict[str, Dashboard]:
    """All dashboards, by name.

    Raises:
        ReaderError, YamlError: a file about them or their readers cannot be used.
    """
    return _dashboards(_state("dashboards/*.yaml", "clients/*.yaml", "roles.yaml"))


def _state(*patterns: str) -> State:
    files = (file for pattern in patterns for file in settings.INCLUDE.glob(pattern))
    return tuple((file, file.stat().st_mtime_ns) for file in sorted(files))


@lru_cache(maxsize=2)
def _readers(_files: State) -> list[Reader]:
    return load_all()


@lru_cache(maxsize=2)
def _dashboards(_files: State) -> dict[str, Dashboard]:
    return model.load_all(everyone=readers())
