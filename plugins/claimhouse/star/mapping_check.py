"""Mapping files held against what their targets need, before anything of a load is written.

The files become temporary views in a transaction that is rolled back, so that the server itself says
what columns they have, of what types, and where an error is; no lock is taken on the views in use.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import psycopg
from psycopg import Connection, sql

from claimhouse import reference, settings, warehouse
from claimhouse.star import claims, layouts, mapping, targets
from claimhouse.star.targets import Target

_TOKEN = re.compile(
    r"""--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$\$.*?\$\$|[^\W\d][\w$]*|\S""", re.DOTALL
)
# What a statement that is no query begins with, if it is not misspelled.
_COMMANDS = {
    "alter", "begin", "call", "copy", "create", "delete", "do", "drop", "grant", "insert", "merge", "set",
    "truncate", "update",
}  # fmt: skip
_INTEGERS = {"smallint", "integer", "bigint"}


@dataclass(frozen=True)
class Fault:
    """What is wrong with a mapping file.

    Attributes:
        file: the file, from the project's folder on.
        line: where, counted from 1.
        why: one sentence, without a period.
    """

    file: Path
    line: int
    why: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.why}"


@dataclass(frozen=True)
class _Output:
    """A column of a mapping: its type, and the column of a table or view that it is, if it is one as it stands."""

    type: str
    relation: str | None
    column: str | None


def check(connection: Connection[Any], source: str) -> None:
    """Hold every mapping of *source* against its target.

    The source tables exist, see :func:`claimhouse.verification.ensure_tables`.

    Raises:
        MappingError: the message has all faults, each with file and line.
    """
    if found := faults(connection, source):
        raise mapping.MappingError("\n".join(map(str, found)))


def faults(connection: Connection[Any], source: str) -> list[Fault]:
    """What is wrong with the mapping files of *source*; nothing stays in the warehouse."""
    reference.fill(connection)
    with connection.transaction(force_rollback=True):
        return sorted(_faults(connection, source), key=lambda fault: (fault.file, fault.line))


def _faults(connection: Connection[Any], source: str) -> Iterator[Fault]:
    known = targets.names(connection)
    broken: set[str] = set()
    for target, stems in mapping.by_target(source).items():
        files = {stem: _File(source, stem) for stem in stems}
        if target in stems and len(stems) > 1:
            others = ", ".join(f"{stem}.sql" for stem in stems if stem != target)
            yield files[target].fault(1, f"{target}.sql and {others} exclude each other")
            continue
        if not target.startswith(mapping.SHAPE) and target not in known:
            near = _near(target, [*known, mapping.SHAPE])
            yield files[stems[0]].fault(1, f"the star has no target {target}{near}")
            continue
        wanted = targets.read(connection, target) if target in known else None
        parts: dict[str, dict[str, _Output]] = {}
        for stem, file in files.items():
            try:
                file.render(broken)
                parts[stem] = _create(connection, file)
            except _UnusableError as error:
                if error.why:
                    yield file.fault(error.line, error.why)
                broken.add(target)
                continue
            yield from _states(file)
            if wanted is not None:
                yield from _differences(connection, file, wanted, parts[stem])
                try:
                    mapping.whole(connection, source, stem, file.text, mapping.SCRATCH)
                except layouts.UnknownLayoutError as error:
                    yield file.fault(file.line_of_column(""), str(error))
        if stems != [target] and target not in broken:
            yield from _differences_of_parts(files, parts)
            mapping.create_union(connection, source, target, stems, mapping.SCRATCH)


class _UnusableError(Exception):
    """A file that is no view; without a reason where the fault is another file's."""

    def __init__(self, line: int = 1, why: str = "") -> None:
        super().__init__(why)
        self.line, self.why = line, why


class _File:
    """A mapping file, its text as it stands and as the server gets it."""

    def __init__(self, source: str, stem: str) -> None:
        self.source, self.stem = source, stem
        path = settings.INCLUDE / "sql" / "mapping" / source / f"{stem}.sql"
        self.path = Path("include", *path.relative_to(settings.INCLUDE).parts)
        self.raw, self.text = "", ""
        self._unusable: _UnusableError | None = None
        try:
            self.raw = path.read_bytes().decode()
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            self._unusable = _UnusableError(line, "not UTF-8")
        except OSError as error:
            self._unusable = _UnusableError(1, f"it cannot be read: {error.strerror}")

    def fault(self, line: int, why: str) -> Fault:
        return Fault(self.path, line, why)

    def render(self, broken: set[str]) -> None:
        """Fill in :attr:`text`, in which the source's own mappings are the session's views."""
        if self._unusable is not None:
            raise self._unusable
        try:
            text = warehouse.sql(f"mapping/{self.source}/{self.stem}")
        except jinja2.TemplateSyntaxError as error:
            raise _UnusableError(error.lineno, f"{error.message}") from None
        except jinja2.TemplateError as error:
            raise _UnusableError(1, f"{error}") from None
        statements = _statements(text)
        if len(statements) != 1 or statements[0][1].lower() in _COMMANDS:
            line = statements[-1][0] if statements else 1
            found = f"{len(statements)} statements" if len(statements) > 1 else "no select"
            self.text = text
            raise _UnusableError(
                self.line_of(line) if text.strip() else 1,
                f"a mapping is one SELECT; this file has {found}",
            )
        own = re.compile(rf'"?\bsource_{re.escape(self.source)}"?\s*\.\s*"?star_(\w+)"?')
        if broken & set(own.findall(text)):
            raise _UnusableError
        self.text = own.sub(rf"{mapping.SCRATCH}.star_\1", text)

    def line_of(self, rendered: int) -> int:
        """The line of the file that line *rendered* of the text comes from."""
        raw, text = self.raw.splitlines(), self.text.splitlines()
        for first, place, length in difflib.SequenceMatcher(
            None, raw, text, autojunk=False
        ).get_matching_blocks():
            if place + length >= rendered:
                # between two lines that are there as they stand: the first one after them
                return max(1, first + rendered - place if place < rendered else first)
        return max(1, len(raw))

    def line_of_column(self, column: str) -> int:
        """The line on which the file's select gives *column*; that of the select where it does not."""
        items, start = _items(self.text)
        return self.line_of(items.get(column, (start, []))[0])

    def literal(self, column: str) -> str | None:
        """The text that every row has in *column*, where the select says so."""
        tokens = _items(self.text)[0].get(column, (0, []))[1]
        known = tokens[0] if tokens[1:] == ["as", column] or tokens[1:] == [column] else ""
        return known[1:-1].replace("''", "'") if known.startswith("'") else None


def _create(connection: Connection[Any], file: _File) -> dict[str, _Output]:
    """Create the view of *file* for this session; its columns.

    Raises:
        _UnusableError: the server refused it.
    """
    view = sql.Identifier(mapping.SCRATCH, f"star_{file.stem}")
    head = sql.SQL("create view {} as ").format(view)
    try:
        with connection.transaction():
            connection.execute(head + sql.SQL(file.text))
        # As a query: of a view the server does not say where its columns come from.
        with connection.transaction():
            select = sql.SQL(file.text.rstrip().rstrip(";"))
            cursor = connection.execute(
                sql.SQL("select * from (\n{}\n) as m limit 0").format(select)
            )
    except psycopg.Error as error:
        position = int(error.diag.statement_position or 0)
        before = head.as_string(connection)
        rendered = file.text[: max(0, position - len(before))].count("\n") + 1
        said = [error.diag.message_primary or str(error), error.diag.message_hint]
        why = ". ".join(part.rstrip(".") for part in said if part)
        raise _UnusableError(file.line_of(rendered), why) from None
    result = cursor.pgresult
    assert result is not None
    return {
        row["name"]: _Output(row["type"], row["relation"], row["origin"])
        for row in warehouse.query(
            connection,
            "star/outputs",
            [column.name for column in cursor.description or ()],
            [result.ftype(index) for index in range(result.nfields)],
            [result.fmod(index) for index in range(result.nfields)],
            [result.ftable(index) for index in range(result.nfields)],
            [result.ftablecol(index) for index in range(result.nfields)],
        )
    }


def _differences(
    connection: Connection[Any], file: _File, target: Target, given: dict[str, _Output]
) -> Iterator[Fault]:
    """Where the columns of a file are not those of its target."""
    start = file.line_of_column("")
    if missing := [name for name in target.required if name not in given]:
        yield file.fault(
            start, f"{target.name} needs {_listed(missing)}, which the select does not give"
        )
    optional = [name for name in target.columns if name not in target.required]
    if target.name.startswith("dim_") and not given.keys() & _attributes(target):
        yield file.fault(start, f"{target.name} needs one of {', '.join(_attributes(target))}")
    for name, output in given.items():
        column = target.columns.get(name)
        if column is None:
            instead = f"{name.removesuffix('_key')}_id"
            near = (
                f"; give {instead}"
                if name.endswith("_key") and instead in target.columns
                else _near(
                    name, [other for other in [*optional, *target.required] if other not in given]
                )
            )
            yield file.fault(file.line_of_column(name), f"{target.name} has no column {name}{near}")
        elif not any(_fits(connection, output.type, kind) for kind in column.types):
            yield file.fault(
                file.line_of_column(name),
                f"{name} is {output.type}; {target.name} needs {' or '.join(column.types)}",
            )
    named = file.literal("source_system")
    if named is not None and named != file.source:
        yield file.fault(
            file.line_of_column("source_system"),
            f"source_system is '{named}'; the mapping is that of '{file.source}'",
        )
    if target.name == claims.CLAIM:
        yield from _own_batches(file, given)


def _states(file: _File) -> Iterator[Fault]:
    """Where a mapping takes the batches that are loaded, and not those of the load that reads it."""
    words: dict[str, int] = {}
    for match in _TOKEN.finditer(file.text):
        words.setdefault(match[0], match.start())
    if {"state", "'loaded'"} <= words.keys() and "'checked'" not in words:
        yield file.fault(
            file.line_of(file.text.count("\n", 0, words["'loaded'"]) + 1),
            "the batches of a load are 'checked' until it ends: state in ('checked', 'loaded')",
        )


def _own_batches(file: _File, given: dict[str, _Output]) -> Iterator[Fault]:
    """Where a mapping of claims chooses batches: every row of the feed is a version, with its own place."""
    rule = "fact_claim keeps every version of a claim"
    relations = set()
    for name in ("batch_id", "row_number"):
        output = given.get(name)
        if output is None:
            continue
        line = file.line_of_column(name)
        if output.column is None and _knows_origins(given):
            yield file.fault(
                line, f"{name} is computed: {rule}, so it is the {name} of the feed's row, as it is"
            )
        elif output.relation and output.relation.startswith("landing."):
            yield file.fault(
                line,
                f"{name} is that of {output.relation}: {rule}, so it is that of the feed's row",
            )
        elif output.relation and output.relation.endswith("_current"):
            feed = output.relation.removesuffix("_current")
            yield file.fault(
                line, f"{output.relation} has the newest version alone: {rule}, so read {feed}"
            )
        elif output.relation:
            relations.add(output.relation)
    if len(relations) > 1:
        yield file.fault(
            file.line_of_column("row_number"),
            f"batch_id and row_number are those of {' and '.join(sorted(relations))}: they are one row's",
        )


def _knows_origins(given: dict[str, _Output]) -> bool:
    """Whether the server knows where columns come from; of a union it does not."""
    return any(output.column is not None for output in given.values())


def _differences_of_parts(
    files: dict[str, _File], parts: dict[str, dict[str, _Output]]
) -> Iterator[Fault]:
    """Where files whose rows are united do not fit each other."""
    kinds: dict[str, tuple[str, str]] = {}
    for stem, given in parts.items():
        for name, output in given.items():
            kind, first = kinds.setdefault(name, (output.type, stem))
            if (kind == output.type) or {kind, output.type} <= _INTEGERS:
                continue
            if _family(kind) != _family(output.type):
                yield files[stem].fault(
                    files[stem].line_of_column(name),
                    f"{name} is {output.type}, and {kind} in {first}.sql: rows that are united have one type",
                )
    dated = [stem for stem, given in parts.items() if "version_at" in given]
    if 0 < len(dated) < len(parts):
        for stem in parts.keys() - set(dated):
            yield files[stem].fault(
                files[stem].line_of_column(""),
                f"{dated[0]}.sql gives version_at and this file does not: its rows would all count as older",
            )


def _family(kind: str) -> str:
    """The kind of values a type has."""
    base = kind.partition("(")[0].strip()
    if base in _INTEGERS or base == "numeric":
        return "number"
    return "text" if base in ("character varying", "character") else base


def _attributes(target: Target) -> list[str]:
    """The columns of a dimension that describe its members."""
    return [
        name
        for name, column in target.columns.items()
        if not column.is_identity and not column.is_required
    ]


def _fits(connection: Connection[Any], given: str, wanted: str) -> bool:
    """Whether every value of type *given* is one of type *wanted*, and equal to itself there."""
    given, wanted = given.partition("(")[0], wanted.partition("(")[0]
    if given == wanted or {given, wanted} <= _INTEGERS:
        return True
    rows = warehouse.query(connection, "star/implicit_cast", given, wanted)
    return bool(rows)


def _near(name: str, others: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, others, 1)
    return f"; is it {close[0]}?" if close else ""


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]


def _statements(text: str) -> list[tuple[int, str]]:
    """The line and the first word of each statement."""
    found: list[tuple[int, str]] = []
    is_new = True
    for match in _TOKEN.finditer(text):
        if match[0].startswith(("--", "/*")):
            continue
        if match[0] == ";":
            is_new = True
        elif is_new:
            found.append((text.count("\n", 0, match.start()) + 1, match[0]))
            is_new = False
    return found


def _items(text: str) -> tuple[dict[str, tuple[int, list[str]]], int]:
    """The columns of the first select that is in no parentheses: the line and tokens of each, and its own line."""
    items: dict[str, tuple[int, list[str]]] = {}
    item: list[str] = []
    start, line, depth = 0, 1, 0
    for match in _TOKEN.finditer(text):
        word = match[0].lower()
        if word.startswith(("--", "/*")):
            continue
        depth += (word in ("(", "[")) - (word in (")", "]"))
        if depth == 0 and word == "select" and not start:
            start = text.count("\n", 0, match.start()) + 1
        elif start and depth == 0 and word in (",", "from", "union", ";"):
            if item:
                items.setdefault(item[-1].strip('"'), (line, item))
            item = []
            if word != ",":
                break
        elif start:
            line = text.count("\n", 0, match.start()) + 1
            item.append(word if word == "as" else match[0])
    if item:
        items.setdefault(item[-1].strip('"'), (line, item))
    return items, start or 1
