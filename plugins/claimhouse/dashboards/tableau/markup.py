"""XML as Tableau writes it."""

from __future__ import annotations

import uuid
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

USER = "http://www.tableausoftware.com/xml/user"
# The format of the document; Tableau 2026.1 and newer read it.
VERSION, BUILD = "18.1", "2026.1.0 (20261.26.0301.0000)"
# All ids are made of names below this one, so that the same YAML makes the same file.
_NAMES = uuid.UUID("6f1a0c55-5d0b-4d5d-9a5e-0d4f6b0f7c11")
# What Tableau writes at the end of a line of a title or tooltip.
LINE_END = "\u00c6\n"

ElementTree.register_namespace("user", USER)


def element(
    tag: str, *children: Element | None, text: str | None = None, **attributes: Any
) -> Element:
    """An element.

    Args:
        tag: its name.
        children: in their order; None is nothing.
        text: before its children.
        attributes: ``_`` stands for ``-``, and ``user__`` before a name for Tableau's own namespace; one that is
            None is left out.
    """
    made = Element(tag)
    for name, value in attributes.items():
        if value is not None:
            made.set(_name(name), str(value).lower() if isinstance(value, bool) else str(value))
    made.text = text
    made.extend(child for child in children if child is not None)
    return made


def document(root: Element) -> str:
    """The text of a file."""
    ElementTree.indent(root)
    return f"<?xml version='1.0' encoding='utf-8' ?>\n{ElementTree.tostring(root, encoding='unicode')}\n"


def identity(*names: str) -> uuid.UUID:
    """The id of what has these names."""
    return uuid.uuid5(_NAMES, "/".join(names))


def simple_id(*names: str) -> Element:
    """The id that a sheet, dashboard or window ends with."""
    return element("simple-id", uuid=f"{{{str(identity(*names)).upper()}}}")


def manifest() -> Element:
    """What a document of this format uses."""
    return element(
        "document-format-change-manifest",
        element("SheetIdentifierTracking"),
        element("WindowsPersistSimpleIdentifiers"),
    )


def formatted(*runs: tuple[str, dict[str, Any]]) -> Element:
    """Text with its looks, run by run."""
    return element(
        "formatted-text", *(element("run", text=text, **looks) for text, looks in runs if text)
    )


def bracketed(*names: str) -> str:
    """A name as Tableau writes it: ``[source].[field]``."""
    return ".".join("[" + name.replace("]", "]]") + "]" for name in names)


def quoted(value: object) -> str:
    """A value as Tableau writes it in formulas and filters."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _name(name: str) -> str:
    if name.startswith("user__"):
        return f"{{{USER}}}{name.removeprefix('user__').replace('_', '-')}"
    return name.rstrip("_").replace("_", "-")
