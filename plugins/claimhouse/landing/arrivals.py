"""What lies in the landing root: the files of a source, and which of them are complete."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from claimhouse import settings, storage


@dataclass(frozen=True)
class Arrival:
    """A file in the landing root, or a reviewer's correction.

    Attributes:
        path: an ObjectStoragePath.
        size: in bytes.
        place: its path below the source's folder; of a correction, its name.
    """

    path: Any
    size: int
    modified_at: datetime
    place: str
    is_correction: bool = False

    @property
    def name(self) -> str:
        """The file's name without its folders."""
        return str(self.path.name)


def of_source(source: str) -> list[Arrival]:
    """The files below a source's folder of the landing root, and its corrections."""
    landed = storage.at(settings.landing_root()) / source
    corrections = storage.at(settings.corrections_root()) / source
    return [*files_in(landed), *files_in(corrections, is_correction=True)]


def files_in(folder: Any, *, is_correction: bool = False) -> Iterator[Arrival]:
    """The files below *folder*, without those whose name begins with a dot."""
    if not folder.exists():
        return
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            status = path.stat()
            modified = datetime.fromtimestamp(status.st_mtime, UTC)
            # The folders of a correction only name its feed.
            place = path.name if is_correction else str(path).removeprefix(f"{folder}/")
            yield Arrival(path, status.st_size, modified, place, is_correction)


def settled(arrivals: list[Arrival]) -> tuple[list[Arrival], list[Arrival]]:
    """Split into complete files and files still being written: young ones are looked at twice."""
    pause = settings.settle_seconds()
    now = datetime.now(UTC)
    young = [file for file in arrivals if (now - file.modified_at).total_seconds() < pause]
    if not young:
        return arrivals, []
    time.sleep(pause)
    growing = [file for file in young if has_changed(file)]
    return [file for file in arrivals if file not in growing], growing


def has_changed(arrival: Arrival) -> bool:
    """Whether the file is another than it was when it was listed, or gone."""
    if not arrival.path.exists():
        return True
    status = arrival.path.stat()
    modified = datetime.fromtimestamp(status.st_mtime, UTC)
    return (status.st_size, modified) != (arrival.size, arrival.modified_at)
