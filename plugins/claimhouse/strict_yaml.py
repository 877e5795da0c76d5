"""YAML files checked against a schema; errors name the file and the line."""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator

# libyaml is ten times as fast, and a process may read all contracts.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# What people write has a few thousand lines. Beyond these limits a file takes its process along: it is nested
# so deeply that libyaml overflows its stack, or means far more than it says.
MOST_BYTES, MOST_NODES, DEEPEST = 1_000_000, 100_000, 60

CLOCK_TICK = 50_000_000  # nanoseconds

# Keys and indices from the top of a file.
Place = list[str | int]


class YamlError(ValueError):
    """A file that cannot be used; the message names the file and the line."""


class _Loader(_Base):  # type: ignore[misc]
    """The safe loader, with a place for what looks like a date and is none: ``2024-13-45``."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except ValueError as error:
            raise yaml.constructor.ConstructorError(
                None, None, str(error), node.start_mark
            ) from error


@dataclass(frozen=True)
class FileState:
    """A file, and what tells whether it is still as it was read.

    Attributes:
        changed: when it was changed last, in nanoseconds; 0 where there is no such file.
        size: in bytes.
    """

    path: Path
    changed: int
    size: int

    @classmethod
    def of(cls, path: Path) -> FileState:
        """The file *path* as it is now."""
        try:
            found = path.stat()
        except OSError:  # a link that leads nowhere: reading it says so
            return cls(path, 0, 0)
        now = time.time_ns()
        # The clock of a file system may tick a hundred times a second: what was written just now may
        # be written again at the same time. Such a state equals no other one.
        is_new = now - found.st_mtime_ns < CLOCK_TICK
        return cls(path, now if is_new else found.st_mtime_ns, found.st_size)


@dataclass(frozen=True)
class Document:
    """A YAML file: its content, and the line of each of its keys."""

    file: Path
    data: Any
    tree: yaml.Node | None

    def error(self, place: Place, why: str) -> YamlError:
        """An error at *place*."""
        name = ".".join(map(str, place)) or "file"
        return YamlError(f"{self.file}:{self._line(place)}: {name}: {why}")

    def _line(self, place: Place) -> int:
        """The line of *place*; if it does not exist, that of its last part that does."""
        node, line = self.tree, 1
        for part in place:
            if isinstance(node, yaml.MappingNode):
                pairs = [pair for pair in node.value if pair[0].value == part]
                if not pairs:
                    break
                line, node = pairs[0][0].start_mark.line + 1, pairs[0][1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
                node = node.value[part]
                line = node.start_mark.line + 1
        return line


def read(file: Path, schema: Path | Validator | None = None) -> Document:
    """Read *file* and check it.

    Args:
        file: the YAML file.
        schema: a JSON schema: a YAML file, or a validator; None for no schema.

    Returns:
        What is shared with all who read the same file: nobody may change it.

    Raises:
        YamlError: it is not YAML, has a key twice, or has something the schema does not allow.
    """
    if isinstance(schema, Path):
        return _checked(FileState.of(file), FileState.of(schema))
    document = _read(FileState.of(file))
    if schema is not None:
        _check(document, schema)
    return document


@functools.lru_cache(maxsize=1024)
def _checked(file: FileState, schema: FileState) -> Document:
    document = _read(file)
    _check(document, _validator(schema))
    return document


@functools.lru_cache(maxsize=1024)
def _read(file: FileState) -> Document:
    document = _parsed(file.path)
    for place in _repeated(document.tree):
        raise document.error(place, "occurs twice")
    return document


def _check(document: Document, validator: Validator) -> None:
    if errors := list(validator.iter_errors(document.data)):
        first = min(errors, key=lambda error: str(error.json_path))
        raise document.error(*_place_and_message(first))


def _parsed(file: Path) -> Document:
    try:
        text = _text(file)
        _check_depth(file, text)
        loader = _Loader(text)
        try:
            tree = loader.get_single_node()
            _check_size(file, tree)
            return Document(file, tree and loader.construct_document(tree), tree)
        finally:
            loader.dispose()
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise YamlError(f"{file}:{line}: not UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None)
        why = f"not YAML: {problem}" if problem else "not YAML"
        raise YamlError(f"{file}:{mark.line + 1 if mark else 1}: {why}") from error


def _text(file: Path) -> str:
    try:
        if not file.is_file():
            raise YamlError(f"{file}:1: not a file, or a link that leads nowhere")
        if file.stat().st_size > MOST_BYTES:
            raise YamlError(f"{file}:1: larger than {MOST_BYTES:,} bytes")
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise YamlError(f"{file}:1: it cannot be read: {error.strerror}") from error


def _check_depth(file: Path, text: str) -> None:
    """Refuse what is nested too deeply, before anything is made of it."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise YamlError(f"{file}:{line}: nested more than {DEEPEST} deep")


def _check_size(file: Path, tree: yaml.Node | None) -> None:
    """Refuse what means too much, by anchors that are used again and again, or contains itself."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node) -> int:
        if id(node) not in sizes:
            sizes[id(node)] = MOST_NODES + 1  # until it is known: it contains itself
            children: list[yaml.Node] = []
            if isinstance(node, yaml.MappingNode):
                children = [part for pair in node.value for part in pair]
            elif isinstance(node, yaml.SequenceNode):
                children = node.value
            sizes[id(node)] = 1 + sum(map(size, children))
        if sizes[id(node)] > MOST_NODES:
            line = node.start_mark.line + 1
            raise YamlError(f"{file}:{line}: means more than {MOST_NODES:,} values")
        return sizes[id(node)]

    if tree is not None:
        size(tree)


@functools.lru_cache(maxsize=64)
def _validator(schema: FileState) -> Draft202012Validator:
    text = schema.path.read_text(encoding="utf-8")
    return Draft202012Validator(yaml.load(text, _Base))  # noqa: S506 (it is safe)


def _place_and_message(error: Any) -> tuple[Place, str]:
    """Where an error of a JSON schema is, and its message for a person."""
    place = list(error.absolute_path)
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        return [*place, next(key for key in error.instance if key not in known)], "unknown key"
    return place, error.message


def _repeated(node: yaml.Node | None) -> Iterable[Place]:
    """Keys that occur twice, of which YAML would silently keep the last."""
    if isinstance(node, yaml.MappingNode):
        counts = Counter(str(key.value) for key, _ in node.value)
        for key, count in counts.items():
            if count > 1:
                yield [key]
        for key, value in node.value:
            yield from ([key.value, *place] for place in _repeated(value))
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from ([index, *place] for place in _repeated(item))
