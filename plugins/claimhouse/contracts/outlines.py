"""What DAG files need to know of contracts, kept between processes by the content of the files.

Airflow reads its DAG files again every half minute, each time in a new process, and reading a
contract takes 10 ms.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from claimhouse import settings, strict_yaml
from claimhouse.contracts import parse


@dataclass(frozen=True)
class Outline:
    """The contracts of one source system in short.

    Attributes:
        feeds: the feeds whose files it takes; all that have a file where a contract cannot be used.
        fetched: those of them that come from a database.
        error: why the contracts cannot be used; empty where they can.
    """

    feeds: tuple[str, ...]
    fetched: tuple[str, ...]
    error: str = ""


def outline(source: str) -> Outline:
    """The contracts of a source system in short."""
    kept = settings.cache_folder() / "contracts" / f"{source}.json"
    content = _checksum(source)
    try:
        known = json.loads(kept.read_text("utf-8"))
        if known["content"] == content:
            return Outline(tuple(known["feeds"]), tuple(known["fetched"]), known["error"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # nothing is kept, or somebody else's
    found = _read(source)
    _keep(kept, {"content": content, **asdict(found)})
    return found


def _read(source: str) -> Outline:
    try:
        known = parse.of_source(source)
    except parse.ContractError as error:
        return Outline(tuple(parse.feeds(source)), (), str(error))
    return Outline(
        tuple(contract.feed for contract in known),
        tuple(contract.feed for contract in known if contract.fetch_connection),
    )


def _checksum(source: str) -> str:
    """SHA-256 of all that the outline of a source system follows from, this code among it."""
    code = [*Path(__file__).parent.glob("*.py"), Path(strict_yaml.__file__)]
    own = sorted([*code, settings.PROJECT / parse.SCHEMA])
    digest = hashlib.sha256()
    for file in [*own, *parse.files_of(source)]:
        digest.update(f"{file}\0".encode())
        digest.update(hashlib.sha256(_content(file)).digest())
    return digest.hexdigest()


def _content(file: Path) -> bytes:
    """What is in a file; nothing where it cannot be read, which is an error of its contract."""
    with contextlib.suppress(OSError):
        if file.is_file():  # a pipe would never end
            return file.read_bytes()
    return b""


def _keep(file: Path, content: dict[str, Any]) -> None:
    """Write the outline for the next process; one that cannot be written is read from the contracts again."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=file.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as written:
            json.dump(content, written)
        Path(name).replace(file)
