"""What tells one version of a contract from another: its content, and that of the lists it uses."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from claimhouse import settings, strict_yaml
from claimhouse.strict_yaml import Document


def version_of(document: Document) -> tuple[str, str]:
    """The version of a contract that can be used.

    Comments and layout do not matter: two files that say the same are one version.

    Returns:
        SHA-256 of what the contract, its vocabularies and its reference lists say, and their files, one
        after the other.
    """
    vocabularies = [
        document.file.parents[1] / "vocabulary" / f"{name}.yaml"
        for name in sorted(set(_named(document.data, "vocabulary")))
    ]
    lists = [
        settings.INCLUDE / "reference" / f"{name}.csv"
        for name in sorted(set(_named(document.data, "referenceList")))
    ]
    says = {
        "contract": document.data,
        "vocabularies": {file.stem: strict_yaml.read(file).data for file in vocabularies},
        "lists": {file.stem: list(csv.reader(io.StringIO(_text(file)))) for file in lists},
    }
    canonical = json.dumps(says, sort_keys=True, default=str, ensure_ascii=False)
    others = [
        f"# {file.parent.name}/{file.name}\n{_text(file)}" for file in [*vocabularies, *lists]
    ]
    content = "\n".join([_text(document.file), *others])
    return hashlib.sha256(canonical.encode()).hexdigest(), content


def _named(node: Any, kind: str) -> Iterator[str]:
    """The files that the custom properties of one *kind* name, anywhere below *node*."""
    if isinstance(node, dict):
        if node.get("property") == kind:
            yield str(node.get("value"))
        for value in node.values():
            yield from _named(value, kind)
    elif isinstance(node, list):
        for value in node:
            yield from _named(value, kind)


def _text(file: Path) -> str:
    return file.read_text("utf-8")
