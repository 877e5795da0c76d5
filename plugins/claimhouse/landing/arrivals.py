"""What lies in the landing root: the files of a source, and which of them are complete."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO

from claimhouse import contracts, settings, storage
from claimhouse.contracts import Contract
from claimhouse.storage import Kind, Thing

# What the folder windows of operating systems and office programs leave beside files; no delivery.
LITTER = ("thumbs.db", "desktop.ini")
# How programs end the name of a file that they are still writing.
UNFINISHED = (".part", ".partial", ".filepart", ".crdownload", ".download", ".tmp")
# A longer path is cut in its midst: it is the key of an index.
MOST_CHARACTERS = 500


@dataclass(frozen=True)
class Arrival:
    """A file in the landing root, or a reviewer's correction.

    Attributes:
        root: the address of the root it lies below.
        parts: the names of its folders, the source's first, and its own: as they are.
        size: in bytes.
        place: its path below the source's folder as valid text; of a correction, its name.
    """

    root: str
    parts: tuple[str, ...]
    size: int
    modified_at: datetime
    place: str
    is_correction: bool = False

    @property
    def name(self) -> str:
        """The file's name without its folders, as valid text."""
        return storage.shown(self.parts[-1])

    @property
    def path(self) -> str:
        """The file's address as valid text; files of one root differ in it."""
        return _bounded(f"{self.root.rstrip('/')}/{_text(self.parts)}", self.name)

    @property
    def folders(self) -> tuple[str, ...]:
        """The names of its folders below the source's."""
        return tuple(map(storage.shown, self.parts[1:-1]))

    def open(self) -> IO[bytes]:
        """Open it: see :func:`claimhouse.storage.opened`."""
        return storage.opened(self.root, self.parts)


@dataclass
class Listing:
    """What lies below a source's folders.

    Attributes:
        files: what may be landed.
        unfinished: the places of files that a program is still writing, by their name.
        others: the places of what is no plain file, and what each is.
    """

    files: list[Arrival] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    others: dict[str, Kind] = field(default_factory=dict)


def of_source(source: str) -> Listing:
    """What lies below a source's folder of the landing root, and its corrections."""
    listing = Listing()
    endings = unfinished_endings(contracts.of_source(source))
    _list(listing, settings.landing_root(), source, endings)
    _list(listing, settings.corrections_root(), source, endings, is_correction=True)
    return listing


def in_folder(name: str) -> Listing:
    """What lies below any folder of the landing root."""
    listing = Listing()
    _list(listing, settings.landing_root(), name, UNFINISHED)
    return listing


def unfinished_endings(known: Iterable[Contract]) -> tuple[str, ...]:
    """The endings of unfinished files, without those that a contract's file pattern asks for."""
    patterns = [
        pattern.lower() for contract in known for pattern in contract.file_pattern.split("|")
    ]
    return tuple(
        ending for ending in UNFINISHED if not any(pattern.endswith(ending) for pattern in patterns)
    )


def _list(
    listing: Listing,
    root: str,
    source: str,
    unfinished: tuple[str, ...],
    *,
    is_correction: bool = False,
) -> None:
    for thing in storage.things(root, source):
        name = storage.shown(thing.parts[-1])
        place = _place(thing, is_correction)
        if thing.kind is not Kind.FILE:
            is_folder = thing.kind in (Kind.UNREADABLE, Kind.TOO_DEEP)
            listing.others[f"{place}/" if is_folder else place] = thing.kind
        elif _is_no_delivery(name):
            continue
        elif name.lower().endswith(unfinished):
            listing.unfinished.append(place)
        else:
            listing.files.append(
                Arrival(root, thing.parts, thing.size, thing.modified_at, place, is_correction)
            )


def _place(thing: Thing, is_correction: bool) -> str:
    # The folders of a correction only name its feed; a source's folder may itself be a link.
    parts = thing.parts[-1:] if is_correction else thing.parts[1:] or thing.parts
    return _bounded(_text(parts), storage.shown(parts[-1]))


def _text(parts: Iterable[str]) -> str:
    return "/".join(map(storage.shown, parts))


def _bounded(path: str, name: str) -> str:
    if len(path) <= MOST_CHARACTERS:
        return path
    mark = hashlib.sha256(path.encode()).hexdigest()[:16]
    return f"{path[: MOST_CHARACTERS // 2]}...{mark}.../{name}"


def _is_no_delivery(name: str) -> bool:
    return name.startswith((".", "~$")) or name.lower() in LITTER


def settled(files: list[Arrival]) -> tuple[list[Arrival], list[Arrival]]:
    """Split into complete files and files still being written: young ones are looked at twice."""
    pause = settings.settle_seconds()
    now = datetime.now(UTC)
    young = [file for file in files if (now - file.modified_at).total_seconds() < pause]
    if not young:
        return files, []
    time.sleep(pause)
    growing = {file for file in young if has_changed(file)}
    return [file for file in files if file not in growing], list(growing)


def has_changed(arrival: Arrival) -> bool:
    """Whether the file is another than it was when it was listed, or gone."""
    return storage.status(arrival.root, arrival.parts) != (arrival.size, arrival.modified_at)
