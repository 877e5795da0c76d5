"""Forms with files, read as they arrive: no part of one is kept, neither in memory nor on the disk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

CONTENT_TYPE = "multipart/form-data"


class NotMultipart(ValueError):
    """A body is not the form that its content type says."""


@dataclass(frozen=True)
class Begin:
    """A part begins.

    Attributes:
        name: of the field.
        file_name: of the file; None for a field without one.
    """

    name: str
    file_name: str | None


@dataclass(frozen=True)
class End:
    """A part ends."""


Event = Begin | bytes | End


async def events(content_type: str, stream: AsyncIterator[bytes]) -> AsyncIterator[Event]:
    """The parts of a form: for each a :class:`Begin`, its content in pieces, and an :class:`End`.

    Args:
        content_type: of the request.
        stream: its body.

    Raises:
        NotMultipart: it is no such form, or ends before its end.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if kind != CONTENT_TYPE.encode() or not boundary:
        raise NotMultipart("no form with files")
    reader = _Reader()
    try:
        parser = MultipartParser(boundary, reader.callbacks())  # type: ignore[arg-type]
        async for piece in stream:
            parser.write(piece)
            for event in reader.take():
                yield event
        parser.finalize()
    except FormParserError:
        raise NotMultipart("a damaged form") from None
    if not reader.has_ended:
        raise NotMultipart("a form that breaks off")


class _Reader:
    """Collects what the parser finds in one piece of the body."""

    def __init__(self) -> None:
        self.has_ended = False
        self._found: list[Event] = []
        self._name = self._value = b""
        self._disposition = b""

    def take(self) -> list[Event]:
        found, self._found = self._found, []
        return found

    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._part,
            "on_header_field": self._field,
            "on_header_value": self._text,
            "on_header_end": self._header,
            "on_headers_finished": self._begin,
            "on_part_data": self._data,
            "on_part_end": lambda: self._found.append(End()),
            "on_end": self._end,
        }

    def _part(self) -> None:
        self._disposition = b""

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _text(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value
        self._name = self._value = b""

    def _begin(self) -> None:
        _, options = parse_options_header(self._disposition)
        file_name = options.get(b"filename")
        self._found.append(
            Begin(
                options.get(b"name", b"").decode("utf-8", "replace"),
                None if file_name is None else file_name.decode("utf-8", "replace"),
            )
        )

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._found.append(data[start:end])

    def _end(self) -> None:
        self.has_ended = True
