"""Object storage: the landing root, the archive and the corrections, local or on S3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

CHUNK = 8 * 1024 * 1024  # bytes read at a time


@contextmanager
def local_copy(archive_path: str) -> Iterator[Path]:
    """The local path of an archived file: the file itself in a local archive, else a copy."""
    if archive_path.startswith("file://"):
        yield Path(archive_path.removeprefix("file://"))
        return
    with TemporaryDirectory(prefix="claimhouse-") as folder:
        path = Path(folder) / "file"
        with at(archive_path).open("rb") as archived, path.open("wb") as copy:
            while chunk := archived.read(CHUNK):
                copy.write(chunk)
        yield path


def at(address: str) -> Any:
    """A folder or file of object storage: ``file://`` or, by an Airflow connection, ``s3://``."""
    # Importing Airflow takes a second, and most users of this module do not need it.
    from airflow.sdk import ObjectStoragePath

    return ObjectStoragePath(address)
