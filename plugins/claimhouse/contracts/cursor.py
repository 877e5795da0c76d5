"""Places in a contract's file, for errors that name file and line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from claimhouse.strict_yaml import Document, YamlError


@dataclass(frozen=True)
class Cursor:
    """A place in a contract's file."""

    document: Document
    path: tuple[str | int, ...] = ()

    def at(self, *keys: str | int) -> Cursor:
        """The place *keys* below this one."""
        return Cursor(self.document, (*self.path, *keys))

    def error(self, message: str) -> YamlError:
        """An error at this place, which names file and line."""
        return self.document.error(list(self.path), message)


@dataclass(frozen=True)
class Properties:
    """The custom properties of a feed or column: their values, and where each of them is."""

    values: dict[str, Any]
    places: dict[str, Cursor]

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a property."""
        return self.values.get(name, default)

    def error(self, name: str, message: str) -> YamlError:
        """An error in a property that is there."""
        return self.places[name].error(f"{name} {message}")
