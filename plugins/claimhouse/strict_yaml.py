"""YAML files that are held against a schema, and whose errors name the file and the line."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator

# libyaml is ten times as fast, and a process reads all contracts.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# Keys and positions from the top of a file.
Place = list[str | int]


class YamlError(ValueError):
    """A file that cannot be used; the message names the file and the line."""


@dataclass(frozen=True)
class Document:
    """A YAML file: what it says, and on which line each of its keys stands."""

    file: Path
    data: Any
    tree: yaml.Node | None

    def error(self, place: Place, why: str) -> YamlError:
        """An error at *place*."""
        name = ".".join(map(str, place)) or "file"
        return YamlError(f"{self.file}:{self._line(place)}: {name}: {why}")

    def _line(self, place: Place) -> int:
        """The line on which *place* stands; where it breaks off, that of the last part found."""
        node, line = self.tree, 1
        for part in place:
            if isinstance(node, yaml.MappingNode):
                found = [pair for pair in node.value if pair[0].value == part]
                if not found:
                    break
                line, node = found[0][0].start_mark.line + 1, found[0][1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
                node = node.value[part]
                line = node.start_mark.line + 1
        return line


def read(file: Path, schema: Path | Validator | None = None) -> Document:
    """Read *file* and hold it against a JSON schema: one in a YAML file, or made ready already.

    Raises:
        YamlError: it is no YAML, says a key twice, or says something the schema does not allow.
    """
    text = file.read_text(encoding="utf-8")
    loader = _Loader(text)
    try:
        tree = loader.get_single_node()
        document = Document(file, tree and loader.construct_document(tree), tree)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise YamlError(f"{file}:{mark.line + 1 if mark else 1}: not YAML") from error
    finally:
        loader.dispose()
    for place in _repeated(document.tree):
        raise document.error(place, "said twice")
    if schema is not None:
        ready = _validator(schema) if isinstance(schema, Path) else schema
        found = list(ready.iter_errors(document.data))
        if found:
            raise document.error(*_told(min(found, key=lambda one: str(one.json_path))))
    return document


@functools.cache
def _validator(schema: Path) -> Draft202012Validator:
    return Draft202012Validator(yaml.safe_load(schema.read_text(encoding="utf-8")))


def _told(error: Any) -> tuple[Place, str]:
    """Where an error of a JSON schema is, and what a person should know of it."""
    place = list(error.absolute_path)
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        return [*place, next(key for key in error.instance if key not in known)], "unknown key"
    return place, error.message


def _repeated(node: yaml.Node | None) -> Iterable[Place]:
    """Keys said twice, of which YAML would silently keep the last."""
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value]
        yield from ([key] for key in keys if keys.count(key) > 1)
        for key, value in node.value:
            yield from ([key.value, *place] for place in _repeated(value))
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from ([number, *place] for place in _repeated(item))
