"""The revisions of the warehouse's schema that this code knows, and the releases they belong to.

Read from file names alone, so that every connection can afford to ask.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from claimhouse import settings

FOLDER = settings.INCLUDE / "migrations"


def known() -> list[str]:
    """The revisions, oldest first: the numbers in ``versions/NNNN_<name>.py``."""
    return _known(FOLDER)


def head() -> str:
    """The newest revision: the one this code works with."""
    return known()[-1]


def releases() -> dict[str, Path]:
    """By revision, the file ``releases/NNNN_<release>.csv`` that lists what a release made."""
    files = sorted((FOLDER / "releases").glob("[0-9]*_*.csv"))
    return {file.stem.split("_", 1)[0]: file for file in files}


def described(revision: str) -> str:
    """*revision* and its release for a person: ``0001 (0.1.0)``, ``0002 (not released yet)``."""
    released = releases()
    if revision not in known():
        return revision
    newer = [later for later in released if later >= revision]
    if not newer:
        return f"{revision} (not released yet)"
    release = released[newer[0]].stem.split("_", 1)[1]
    return f"{revision} ({release})" if revision in released else f"{revision} (before {release})"


@cache
def _known(folder: Path) -> list[str]:
    return sorted(file.name.split("_", 1)[0] for file in (folder / "versions").glob("[0-9]*_*.py"))
