"""What goes wrong while a file is read, as the :class:`Unreadable` that its issue is made from.

Libraries fail in many ways on damaged bytes: ``zipfile`` alone raises five kinds of exception. None
of their texts is passed on, because they may hold values of the file.
"""

from __future__ import annotations

import errno
import lzma
import struct
import traceback
import zipfile
import zlib

import pyarrow as pa

from claimhouse.reading.parts import Unreadable

# Faults of the disk or the machine, not of the file: the task is tried again.
OF_THE_MACHINE = frozenset(
    (
        errno.EACCES, errno.EBUSY, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENODEV, errno.ENOENT,
        errno.ENOTCONN, errno.ENXIO, errno.EPERM, errno.EPIPE, errno.ESTALE, errno.ETIMEDOUT,
    )
)  # fmt: skip
DAMAGE = (
    EOFError,
    IndexError,
    KeyError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    pa.ArrowException,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


def is_of_the_machine(error: BaseException) -> bool:
    """Whether *error* says nothing about the file."""
    return isinstance(error, OSError) and error.errno in OF_THE_MACHINE


def is_damage(error: Exception) -> bool:
    """Whether *error* is what unpacking a damaged file raises."""
    is_ours = isinstance(error, Unreadable | MemoryError | RecursionError)
    return isinstance(error, DAMAGE) and not is_ours and not is_of_the_machine(error)


def as_unreadable(error: BaseException) -> Unreadable:
    """The fault of a file that raised *error* when it was read."""
    if isinstance(error, Unreadable):
        return error
    return Unreadable(
        "reader_failed",
        f"The file cannot be read ({type(error).__name__}): it is damaged, or written in a way that"
        " is not known here. Ask the sender to make it again.",
    )


def frames(error: BaseException) -> list[str]:
    """Where *error* was raised, for the log: files and lines, no values."""
    return [
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]
