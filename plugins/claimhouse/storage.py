"""Object storage: the landing root, the archive and the corrections, local or on S3.

Folders that strangers write to are read with :func:`things` and :func:`opened`, which never follow a
symbolic link; what Claimhouse writes, only its owner can read.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
import unicodedata
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

CHUNK = 8 * 1024 * 1024  # bytes read at a time
MOST_FOLDERS = 64  # nested folders that are read
# The end of the name of a file in progress, which begins with a dot; one this old is a killed run's.
IN_PROGRESS, ABANDONED_SECONDS = ".part", 24 * 60 * 60
FILE_MODE, FOLDER_MODE = 0o600, 0o700
# Characters that change how the rest of a line is shown: U+202E makes "fdp.exe" look like "exe.pdf".
_DIRECTIONS = {
    chr(code)
    for span in ((0x200E, 0x2010), (0x202A, 0x202F), (0x2066, 0x206A))
    for code in range(*span)
}
# What Postgres and Python can both hold, in any time zone.
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


class Kind(Enum):
    """What an entry of a folder is."""

    FILE = "a file"
    LINK = "a symbolic link"
    SPECIAL = "a pipe, socket or device"
    UNREADABLE = "a folder that cannot be read"
    TOO_DEEP = "a folder nested too deeply"


@dataclass(frozen=True)
class Thing:
    """An entry below a folder; folders themselves are entries only where they cannot be read.

    Attributes:
        parts: the names of its folders and its own, below the root; they may be no valid text.
        size: in bytes.
    """

    kind: Kind
    parts: tuple[str, ...]
    size: int = 0
    modified_at: datetime = _EARLIEST


class NotPlain(OSError):
    """What was to be read is a symbolic link, or is reached through one, or is no plain file."""


class Damaged(RuntimeError):
    """An archived file is missing or is not the file that landed."""


def at(address: str) -> Any:
    """A folder or file of object storage: ``file://`` or, by an Airflow connection, ``s3://``."""
    # Importing Airflow takes a second, and most users of this module do not need it.
    from airflow.sdk import ObjectStoragePath

    return ObjectStoragePath(address)


def local(address: str) -> Path | None:
    """The path of a ``file://`` address; None for other storage."""
    if "://" not in address:
        return Path(address)
    return Path(address.removeprefix("file://")) if address.startswith("file://") else None


def shown(name: str) -> str:
    """A name of a file as text that can be stored, shown and told from any other name.

    Bytes that are no UTF-8, control characters, and characters that turn the direction of the text
    are written as escapes, and so is the backslash that begins them.
    """
    return "".join(map(_shown, name))


def _shown(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if "\udc80" <= character <= "\udcff":  # how Python keeps a byte that is no UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    if character in _DIRECTIONS or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
        return f"\\u{ord(character):04x}"
    return character


def names(root: str) -> list[str]:
    """The names of the folders in *root*, and of whatever there is no plain file, sorted."""
    path = local(root)
    if path is None:
        return sorted(str(entry.name) for entry in at(root).iterdir() if entry.is_dir())
    return sorted(name for name, entry in _entries(path, ()) if not stat.S_ISREG(entry.st_mode))


def things(root: str, *folder: str) -> Iterator[Thing]:
    """Everything below a folder of *root*, in no order.

    Args:
        root: an address; it may itself be a symbolic link.
        folder: the names of folders below it; if there is no such folder there is nothing.
    """
    path = local(root)
    return _things_on_disk(path, folder) if path else _things_in_store(root, folder)


def status(root: str, parts: tuple[str, ...]) -> tuple[int, datetime] | None:
    """Size and modification time of a file below *root* as they are now; None where it is gone."""
    path = local(root)
    if path is None:
        store, key = _store(root, parts)
        try:
            return _of_object(store.info(key, refresh=True))
        except FileNotFoundError:
            return None
    try:
        with _folder(path, parts[:-1]) as folder:
            now = os.stat(parts[-1], dir_fd=folder, follow_symlinks=False)
    except OSError:
        return None
    return (now.st_size, _moment(now.st_mtime)) if stat.S_ISREG(now.st_mode) else None


def opened(root: str, parts: tuple[str, ...]) -> IO[bytes]:
    """Open a file below *root* for reading.

    On disk no symbolic link is followed, neither as the file nor on the way to it, and nothing but a
    plain file is opened: also if somebody exchanges it at this moment.

    Raises:
        NotPlain: it is a symbolic link, or no plain file.
        OSError: it cannot be opened.
    """
    path = local(root)
    if path is None:
        store, key = _store(root, parts)
        file: IO[bytes] = store.open(key, "rb")
        return file
    with _folder(path, parts[:-1]) as folder:
        # A pipe would wait for its writer.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        if not stat.S_ISREG(os.stat(parts[-1], dir_fd=folder, follow_symlinks=False).st_mode):
            raise NotPlain("not a plain file")
        descriptor = os.open(parts[-1], flags, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotPlain("not a plain file")
    return os.fdopen(descriptor, "rb")


@contextmanager
def _folder(root: Path, parts: tuple[str, ...]) -> Iterator[int]:
    """A descriptor of the folder *parts* below *root*, reached without following a link."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    descriptor = os.open(root, flags)
    try:
        for part in parts:
            below = os.open(part, flags | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def _things_on_disk(root: Path, top: tuple[str, ...]) -> Iterator[Thing]:
    if not root.exists():
        return
    waiting = [top]
    while waiting:
        parts = waiting.pop()
        if len(parts) - len(top) > MOST_FOLDERS:
            yield Thing(Kind.TOO_DEEP, parts)
            continue
        try:
            entries = list(_entries(root, parts))
        except FileNotFoundError:  # gone since its own folder was read, or never there
            continue
        except OSError:
            yield Thing(_kind_of_no_folder(root, parts), parts)
            continue
        for name, entry in entries:
            if stat.S_ISDIR(entry.st_mode):
                waiting.append((*parts, name))
            else:
                yield Thing(
                    _kind(entry.st_mode), (*parts, name), entry.st_size, _moment(entry.st_mtime)
                )


def _entries(root: Path, parts: tuple[str, ...]) -> Iterator[tuple[str, os.stat_result]]:
    with _folder(root, parts) as folder, os.scandir(folder) as entries:
        for entry in entries:
            try:
                yield entry.name, entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue


def _kind_of_no_folder(root: Path, parts: tuple[str, ...]) -> Kind:
    try:
        with _folder(root, parts[:-1]) as folder:
            mode = os.stat(parts[-1], dir_fd=folder, follow_symlinks=False).st_mode
    except OSError:
        return Kind.UNREADABLE
    return Kind.UNREADABLE if stat.S_ISDIR(mode) else _kind(mode)


def _kind(mode: int) -> Kind:
    if stat.S_ISREG(mode):
        return Kind.FILE
    return Kind.LINK if stat.S_ISLNK(mode) else Kind.SPECIAL


def _moment(seconds: float) -> datetime:
    """A time of the file system; an impossible one (they can be set at will) as the nearest possible."""
    low, high = _EARLIEST.timestamp(), _LATEST.timestamp()
    return datetime.fromtimestamp(min(max(seconds, low), high), UTC)


def _things_in_store(root: str, top: tuple[str, ...]) -> Iterator[Thing]:
    store, prefix = _store(root, top)
    # One listing instead of a request for each file, and not the one of an hour ago.
    store.invalidate_cache()
    for key, entry in store.find(prefix, detail=True).items():
        inner = str(key).removeprefix(f"{prefix}/")
        if entry["type"] == "file" and not inner.endswith("/"):
            yield Thing(Kind.FILE, (*top, *inner.split("/")), *_of_object(entry))


def _store(root: str, parts: tuple[str, ...]) -> tuple[Any, str]:
    """The file system of *root*, and the key of *parts* in it as it is, without tidying."""
    folder = at(root)
    return folder.fs, "/".join((str(folder.path).rstrip("/"), *parts))


def _of_object(entry: dict[str, Any]) -> tuple[int, datetime]:
    modified = entry.get("LastModified") or entry.get("mtime") or entry.get("created")
    if isinstance(modified, int | float):
        modified = _moment(modified)
    # A listing tells fractions that the header of the same object does not.
    return int(entry["size"]), (modified or _EARLIEST).replace(microsecond=0)


def private_folder(root: str, *parts: str) -> str:
    """The address of a folder that only its owner can read; it is created, or tightened, on disk.

    Args:
        root: an address; its own parents, where they are missing, are private too.
        parts: names of folders below it, all of which become private.
    """
    address = "/".join((root.rstrip("/"), *parts))
    path = local(root)
    if path is None:
        return address
    make_private(path)
    for part in parts:
        path = path / part
        make_private(path)
    return address


def make_private(folder: Path) -> None:
    """Create a folder that only its owner can read, with its missing parents, or tighten it."""
    for missing in [each for each in reversed((folder, *folder.parents)) if not each.exists()]:
        missing.mkdir(mode=FOLDER_MODE, exist_ok=True)
    if stat.S_IMODE(folder.stat().st_mode) != FOLDER_MODE:
        folder.chmod(FOLDER_MODE)


def new_file(path: Path) -> IO[bytes]:
    """Create a file that only its owner can read, and open it for writing.

    Raises:
        FileExistsError: there is one.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, FILE_MODE)
    os.fchmod(descriptor, FILE_MODE)  # whatever the umask
    return os.fdopen(descriptor, "wb")


def sync(file: IO[bytes]) -> None:
    """Have a file's content on the disk."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Have a folder's names on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_abandoned(folder: Path) -> None:
    """Remove from *folder* what killed runs left in progress there."""
    for path in folder.glob(f".*{IN_PROGRESS}"):
        try:
            if time.time() - path.lstat().st_mtime > ABANDONED_SECONDS:
                path.unlink()
        except FileNotFoundError:  # its run has just ended
            continue


def put(source: Path, address: str) -> None:
    """Move a complete local file to *address*, in one step: a reader sees all of it or nothing.

    Args:
        source: on the same disk as a local *address*.
        address: in a folder that exists.
    """
    path = local(address)
    if path is None:
        target = at(address)
        target.fs.put_file(str(source), str(target.path))
        source.unlink()
    else:
        source.replace(path)
        sync_folder(path.parent)


def write(address: str, content: bytes) -> None:
    """Write a small file in one step; on disk only its owner can read it."""
    path = local(address)
    if path is None:
        at(address).write_bytes(content)
        return
    draft = path.with_name(f".{uuid.uuid4().hex}{IN_PROGRESS}")
    try:
        with new_file(draft) as file:
            file.write(content)
            sync(file)
        put(draft, address)
    finally:
        draft.unlink(missing_ok=True)


class NewFile:
    """A file below a root that is written piece by piece: it is there when it is finished, and then it is whole.

    Args:
        root: an address.
        parts: the names of its folders, which are created and become private, and its own.
    """

    def __init__(self, root: str, parts: tuple[str, ...]) -> None:
        path = local(root)
        if path is None:
            store, key = _store(root, parts)
            self._draft: Path | None = None
            self._file: Any = store.open(key, "wb", block_size=CHUNK)
            return
        folder = path
        for part in parts[:-1]:
            folder = folder / part
            make_private(folder)
        self._path = folder / parts[-1]
        self._draft = folder / f".{uuid.uuid4().hex}{IN_PROGRESS}"
        self._file = new_file(self._draft)

    def write(self, piece: bytes) -> None:
        """Add a piece; no more than one of a few MiB is kept in memory."""
        self._file.write(piece)

    def finish(self) -> None:
        """Have the file in its place."""
        if self._draft is None:
            self._file.close()
            return
        sync(self._file)
        self._file.close()
        put(self._draft, str(self._path))

    def discard(self) -> None:
        """Leave nothing of it; also after a finish that failed."""
        if self._draft is None:
            self._file.closed = True  # closing would write what there is
            with suppress(FileNotFoundError):  # somebody cleared it away
                self._file.discard()
            return
        self._file.close()
        self._draft.unlink(missing_ok=True)
        _remove_empty(self._draft.parent)


def remove(root: str, parts: tuple[str, ...]) -> None:
    """Remove a file below *root* if it is there, and on disk its folder if that is empty then."""
    path = local(root)
    if path is None:
        store, key = _store(root, parts)
        with suppress(FileNotFoundError):
            store.rm_file(key)
        return
    with suppress(FileNotFoundError, NotADirectoryError), _folder(path, parts[:-1]) as folder:
        os.unlink(parts[-1], dir_fd=folder)
    _remove_empty(path.joinpath(*parts[:-1]))


def move(root: str, parts: tuple[str, ...], target: tuple[str, ...]) -> None:
    """Move a file below *root* to a place where there is none; it arrives there now.

    A move that was interrupted may be repeated. Folders that exist stay as open as they are.

    Raises:
        FileNotFoundError: it is at neither place.
    """
    if status(root, parts) is None:
        if status(root, target) is None:
            raise FileNotFoundError("the file is gone")
        return
    path = local(root)
    if path is None:
        store, key = _store(root, parts)
        store.copy(key, _store(root, target)[1])
        store.rm_file(key)
        return
    source, new = path.joinpath(*parts), path.joinpath(*target)
    if not new.parent.is_dir():
        make_private(new.parent)
    os.utime(source, follow_symlinks=False)
    source.replace(new)
    sync_folder(new.parent)
    _remove_empty(source.parent)


def remove_unfinished(root: str, *folder: str) -> None:
    """Remove what killed servers left of files in a store; on disk :func:`things` lists it."""
    if local(root) is not None:
        return
    store, prefix = _store(root, folder)
    bucket, key, _ = store.split_path(prefix)
    found = store.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=f"{key}/")
    for upload in found.get("Uploads", ()):
        if (datetime.now(UTC) - upload["Initiated"]).total_seconds() > ABANDONED_SECONDS:
            store.abort_mpu(bucket, upload["Key"], upload["UploadId"])


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):  # there is something in it
        folder.rmdir()


def pour(read: Callable[[int], bytes], write: Callable[[bytes], Any]) -> tuple[int, str]:
    """Read to the end, hand each piece to *write*, and return the size and the SHA-256."""
    size, digest = 0, hashlib.sha256()
    with ThreadPoolExecutor(1, "checksum") as thread:
        while chunk := read(CHUNK):
            digested = thread.submit(digest.update, chunk)
            write(chunk)
            size += len(chunk)
            digested.result()
    return size, digest.hexdigest()


@contextmanager
def local_copy(address: str, checksum: str, size: int) -> Iterator[Path]:
    """The local path of an archived file: the file itself in a local archive, else a copy.

    Raises:
        Damaged: it is missing, or has not the size and SHA-256 with which it landed.
    """
    path = local(address)
    if path is not None:
        _compare(path, checksum, size)
        yield path
        return
    with TemporaryDirectory(prefix="claimhouse-") as folder:
        path = Path(folder) / "file"
        try:
            with at(address).open("rb") as archived, new_file(path) as copy:
                found = pour(archived.read, copy.write)
        except FileNotFoundError:
            raise Damaged("missing") from None
        if found != (size, checksum):
            raise Damaged("changed")
        yield path


def _compare(path: Path, checksum: str, size: int) -> None:
    try:
        # Another size needs no reading.
        is_same = path.stat().st_size == size
        with path.open("rb") as file:
            is_same = is_same and pour(file.read, lambda _: None) == (size, checksum)
    except FileNotFoundError:
        raise Damaged("missing") from None
    if not is_same:
        raise Damaged("changed")
