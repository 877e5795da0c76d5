"""A contract from its YAML file: read, checked, and refused with file and line.

A contract follows the Open Data Contract Standard 3.2 (https://bitol.io). What the standard lacks
is in ``customProperties``: ``include/contract_schema.yaml`` has every such property and what it can
hold, ``docs/contracts.md`` explains them.
"""

from __future__ import annotations

import contextlib
import functools
import json
import multiprocessing
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from importlib import resources
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import jsonschema_rs
import polars as pl
import yaml
from jsonschema import Draft201909Validator, Draft202012Validator
from jsonschema.exceptions import best_match
from open_data_contract_standard.model import (
    CustomProperty,
    DataQuality,
    OpenDataContractStandard,
    SchemaProperty,
)

from claimhouse import settings, strict_yaml, word_lists
from claimhouse.contracts import identifiers, layouts, plausibility, written
from claimhouse.contracts.cursor import Cursor, Properties
from claimhouse.contracts.dates import name_pattern
from claimhouse.contracts.model import (
    CLASSIFICATIONS,
    TYPES,
    Column,
    Contract,
    FileOrder,
    Reference,
    RowRule,
)
from claimhouse.contracts.versions import version_of
from claimhouse.reading import fold
from claimhouse.severity import ERROR, SEVERITIES
from claimhouse.strict_yaml import Document, FileState, YamlError
from claimhouse.word_lists import WordList

# What the custom properties hold.
SCHEMA = "include/contract_schema.yaml"
# Properties of earlier versions, and what they are called now.
RENAMED_PROPERTIES = {"extractSource": "fetch", "recognise": "recognize"}

# The contracts read, by the files that they follow from.
_read: dict[tuple[tuple[FileState, ...], tuple[FileState, ...]], tuple[Contract, ...]] = {}
MOST_READ = 256

# The type of a verified value in Polars, close enough to try the expression of a row rule on.
POLARS_TYPES: dict[str, pl.DataType] = {
    "string": pl.String(),
    "date": pl.Date(),
    "timestamp": pl.Datetime("us", "UTC"),
    "integer": pl.Int64(),
    "decimal": pl.Decimal(38, 6),
    "boolean": pl.Boolean(),
}


class ContractError(ValueError):
    """A contract that cannot be used; the message names the file and the line."""


def load_all(folder: Path | None = None) -> list[Contract]:
    """Every contract below *folder* (``include/schemas``), by source system and feed.

    Raises:
        ContractError: one of them cannot be used.
    """
    root = folder or settings.INCLUDE / "schemas"
    return [
        load(file) for file in sorted(root.glob("*/*.yaml")) if file.parent.name != "vocabulary"
    ]


def of_source(source: str) -> tuple[Contract, ...]:
    """The contracts of one source system, by feed, without drafts.

    Raises:
        ContractError: contracts of it cannot be used; the message names each, with file and line.
    """
    return _of_files(tuple(map(FileState.of, _files(source))), tuple(map(FileState.of, _lists())))


def sound(systems: Iterable[str] | None = None) -> list[Contract]:
    """The contracts of those source systems whose contracts can all be used.

    For what concerns several source systems, and must not fail with one of them.

    Args:
        systems: the source systems asked for; by default, all.
    """
    found: list[Contract] = []
    for source in sources() if systems is None else systems:
        with contextlib.suppress(ContractError):
            found += of_source(source)
    return found


def broken(systems: Iterable[str] | None = None) -> dict[str, str]:
    """Why the contracts of a source system cannot be used, with file and line, by source system.

    Args:
        systems: the source systems asked for; by default, all.
    """
    errors: dict[str, str] = {}
    for source in sources() if systems is None else systems:
        try:
            of_source(source)
        except ContractError as error:
            errors[source] = str(error)
    return errors


def of(source: str, feed: str) -> Contract:
    """The contract of one feed.

    Raises:
        StopIteration: there is none.
    """
    return next(contract for contract in of_source(source) if contract.feed == feed)


def feeds(source: str) -> list[str]:
    """The feeds of a source system that have a contract, whether it can be used or not, and drafts."""
    return [file.stem for file in _files(source)]


def sources() -> list[str]:
    """The source systems that have a contract."""
    return sorted(
        {file.parent.name for file in (settings.INCLUDE / "schemas").glob("*/*.yaml")}
        - {"vocabulary"}
    )


def load(file: Path) -> Contract:
    """Read and check one contract.

    Raises:
        ContractError: an unknown key, a bad value or a rule that contradicts another; the
            message names file and line.
    """
    try:
        document = strict_yaml.read(file)
        _check_standard(document)
        contract = _contract(OpenDataContractStandard(**document.data), Cursor(document))
        content_hash, content = version_of(document)
        return replace(contract, content_hash=content_hash, content=content)
    except YamlError as error:
        raise ContractError(str(error)) from error


def _files(source: str) -> list[Path]:
    return sorted((settings.INCLUDE / "schemas" / source).glob("*.yaml"))


def files_of(source: str) -> list[Path]:
    """The files that the contracts of a source system follow from."""
    return [*_files(source), *_lists()]


def _lists() -> list[Path]:
    """The files that contracts refer to, or name words of."""
    vocabulary = (settings.INCLUDE / "schemas" / "vocabulary").glob("*.yaml")
    lists = (settings.INCLUDE / "reference").glob("*.csv")
    return sorted([*vocabulary, *lists, plausibility.FILE])


def read_apart() -> None:
    """Let a process of its own read the contracts of all source systems, and keep what it has read.

    For a process that forks others later: the trial of a row rule begins the threads of Polars, and a process that
    is forked beside them waits for ever.
    """
    processes = multiprocessing.get_context("fork")
    receiver, sender = processes.Pipe(duplex=False)
    reader = processes.Process(target=_send_all, args=(sender,))
    reader.start()
    sender.close()
    with receiver, contextlib.suppress(EOFError):  # it died: whoever needs a contract reads it
        _read.update(receiver.recv())
    reader.join()


def _send_all(sender: Connection) -> None:
    sound()
    sender.send(_read)


def _of_files(files: tuple[FileState, ...], lists: tuple[FileState, ...]) -> tuple[Contract, ...]:
    found = _read.get((files, lists))
    if found is None:
        found = _all_of(files)
        if len(_read) >= MOST_READ:
            _read.clear()
        _read[files, lists] = found
    return found


def _all_of(files: tuple[FileState, ...]) -> tuple[Contract, ...]:
    found, errors = [], []
    for state in files:
        try:
            found.append(load(state.path))
        except ContractError as error:
            errors.append(str(error))
    if errors:
        raise ContractError("\n".join(errors))
    return tuple(contract for contract in found if not contract.is_draft)


@functools.cache
def _standard() -> Any:
    text = (resources.files("open_data_contract_standard") / "schema.json").read_text("utf-8")
    return json.loads(text)


@functools.cache
def _keeps_standard() -> jsonschema_rs.Draft201909Validator:
    """Says in a hundredth of the time whether a contract keeps the standard, and less well why not."""
    return jsonschema_rs.Draft201909Validator(_standard())


def _check_standard(document: Document) -> None:
    """Check a contract against the standard's own schema, which knows every key at every depth."""
    # It does not take what JSON does not have, such as a date without quotes.
    with contextlib.suppress(ValueError, TypeError):
        if _keeps_standard().is_valid(document.data):
            return
    errors = list(Draft201909Validator(_standard()).iter_errors(document.data))
    if not errors:
        return
    deepest = max(errors, key=lambda error: len(error.absolute_path))
    error = best_match([deepest]) or deepest
    path = list(error.absolute_path)
    if unknown := re.search(r"\('([^']+)' (?:was|were) unexpected\)", error.message):
        path.append(unknown.group(1))
    raise document.error(path, error.message)


def _contract(standard: OpenDataContractStandard, top: Cursor) -> Contract:
    file = top.document.file
    source, feed = file.parent.name, file.stem
    for name in (source, feed):
        if fault := identifiers.fault(name):
            raise top.error(
                f"'{name}' {fault}; rename the {'folder' if name == source else 'file'}"
            )
    if standard.domain != source:
        raise top.at("domain").error(f"must be '{source}', the name of the folder")
    if not standard.schema_ or len(standard.schema_) != 1 or standard.schema_[0].name != feed:
        raise top.at("schema").error(f"must hold one object named '{feed}', like the file")
    custom = _custom(standard.customProperties, "feed", top)
    written.check(custom)
    schema, at_schema = standard.schema_[0], top.at("schema", 0)
    properties, at_properties = schema.properties or [], at_schema.at("properties")
    columns = tuple(
        _column(declared, custom, at_properties.at(index))
        for index, declared in enumerate(properties)
    )
    _check_headers(columns, at_properties)
    key = _key(properties, at_properties)
    dialects = layouts.dialects(custom, columns)
    version_column = custom.get("versionColumn")
    if version_column is not None and version_column not in {column.name for column in columns}:
        raise custom.error("versionColumn", f"'{version_column}' is not a column")
    return Contract(
        source_system=source,
        feed=feed,
        file=file,
        version=str(standard.version),
        description=(standard.description.purpose or "") if standard.description else "",
        file_pattern=str(custom.get("filePattern", "")),
        dialect=dialects[0],
        columns=columns,
        key=key,
        version_column=version_column,
        references=tuple(_references(properties, at_properties)),
        freshness_days=_freshness(standard, top),
        row_rules=tuple(_row_rules(schema.quality or [], columns, at_schema.at("quality"))),
        other_dialects=tuple(dialects[1:]),
        is_by_content=_is_by_content(custom, top),
        is_draft=standard.status == "draft",
        has_key_index=custom.get("keyIndex", True),
        fetch_connection=custom.get("fetch"),
        rows_are_transactions=_rows_are_transactions(custom, columns),
        file_order=_file_order(custom, feed),
        unchecked=plausibility.unchecked(custom),
    )


@functools.cache
def properties(kind: str) -> dict[str, Draft202012Validator]:
    """The custom properties that there are, by name, and what checks their values.

    Args:
        kind: ``feed`` or ``column``.
    """
    schema = yaml.safe_load((settings.PROJECT / SCHEMA).read_text("utf-8"))
    return {
        name: Draft202012Validator({**rules, "$defs": schema["$defs"]})
        for name, rules in schema[kind].items()
    }


def _custom(declared: list[CustomProperty] | None, kind: str, parent: Cursor) -> Properties:
    """The custom properties below *parent*, each of them known, with a value that it can hold."""
    known = properties(kind)
    values: dict[str, Any] = {}
    places: dict[str, Cursor] = {}
    for index, custom in enumerate(declared or []):
        name, place = str(custom.property), parent.at("customProperties", index)
        if RENAMED_PROPERTIES.get(name) in known:
            raise place.error(f"custom property '{name}' is now '{RENAMED_PROPERTIES[name]}'")
        if name not in known:
            names = ", ".join(sorted(known))
            raise place.error(f"unknown custom property '{name}'; known: {names}")
        if name in values:
            raise place.error(f"custom property '{name}' occurs twice")
        values[name], places[name] = custom.value, place
        if wrong := best_match(known[name].iter_errors(custom.value)):
            raise place.error(f"{name} {_in_words(wrong, known[name].schema)}")
    return Properties(values, places)


def _in_words(error: Any, rules: Any) -> str:
    """What is wrong with a custom property, as the end of a sentence that begins with its name."""
    if error.validator == "additionalProperties" and "properties" in error.schema:
        known = error.schema["properties"]
        unknown = next(name for name in error.instance if name not in known)
        return f"has no option '{unknown}'; known: {', '.join(known)}"
    if description := error.schema.get("description"):
        option = " ".join(part for part in error.absolute_path if isinstance(part, str))
        return f"{option} {description}".strip()
    return str(rules.get("description") or error.message)


def _key(properties: Sequence[SchemaProperty], place: Cursor) -> tuple[str, ...]:
    parts = [declared for declared in properties if declared.primaryKey]
    if not parts:
        raise place.error("no column is marked primaryKey")
    parts.sort(key=lambda declared: declared.primaryKeyPosition or 1)
    return tuple(str(declared.name) for declared in parts)


def _is_by_content(custom: Properties, top: Cursor) -> bool:
    """Whether the content tells which files are the feed's; otherwise their name does."""
    if ("recognize" in custom.values) == ("filePattern" in custom.values):
        raise top.at("customProperties").error(
            "either filePattern or 'recognize: content' must say which files are this feed's"
        )
    return "recognize" in custom.values


def _rows_are_transactions(custom: Properties, columns: tuple[Column, ...]) -> bool:
    """Whether the rows of one key add up; otherwise each replaces what was known of its record."""
    is_transaction = custom.get("rows") == "transaction"
    if is_transaction and not any(column.is_amount for column in columns):
        raise custom.error("rows", "transaction needs a column with 'tags: [amount]' to add up")
    return bool(is_transaction)


def _file_order(custom: Properties, feed: str) -> FileOrder:
    """What tells the newer of two files of a feed."""
    if "fileOrder" not in custom.values:
        # a fetch names its files after the day that it asked for
        fetched = rf"^{re.escape(feed)}_{name_pattern('YYYY-MM-DD')}"
        return FileOrder("date", fetched) if custom.get("fetch") else FileOrder()
    value = custom.get("fileOrder")
    if value == "arrival":
        return FileOrder(is_declared=True)
    if value == "number":
        return FileOrder("number", is_declared=True)
    (kind, text), *_ = value.items()
    try:
        pattern = name_pattern(text) if kind == "date" else text
        groups = re.compile(pattern).groups
    except ValueError as error:
        raise custom.error("fileOrder", f"{kind}: {error}") from error
    except re.error as error:
        raise custom.error("fileOrder", f"{kind} is no regular expression: {error}") from error
    if kind == "number" and groups != 1:
        raise custom.error("fileOrder", "number needs exactly one group, which is the number")
    return FileOrder(kind, pattern, is_declared=True)


def _column(declared: SchemaProperty, of_feed: Properties, place: Cursor) -> Column:
    if fault := identifiers.column_fault(str(declared.name)):
        raise place.at("name").error(
            f"'{declared.name}' {fault}; give the column another name, and this one as a synonym"
        )
    custom = _custom(declared.customProperties, "column", place)
    options = declared.logicalTypeOptions or {}
    physical_type = declared.physicalType or "text"
    base = physical_type.split("(")[0]
    if base not in TYPES:
        raise place.at("physicalType").error(f"'{physical_type}' is none of {', '.join(TYPES)}")
    if declared.classification not in CLASSIFICATIONS:
        known = ", ".join(sorted(CLASSIFICATIONS))
        raise place.at("classification").error(f"must be one of {known}")
    valid_values, corrections = _vocabulary(custom, place.document.file)
    severities = _severities(declared, place)
    _check_options(declared, TYPES[base], custom, place)
    restore_zeros, restore_from = _zeros(custom)
    ways = written.of(TYPES[base], custom, of_feed)
    enum = tuple(str(valid.value) for valid in declared.enum or []) or valid_values
    column = Column(
        name=str(declared.name),
        type=TYPES[base],
        physical_type=physical_type,
        description=declared.description or "",
        aliases=tuple(str(synonym.synonym) for synonym in declared.synonyms or []),
        required=bool(declared.required),
        missing=severities["missingValues"],
        invalid=severities["invalidValues"],
        pattern=options.get("pattern"),
        word_list=_word_list(custom),
        enum=enum,
        minimum=_text(options.get("minimum")),
        maximum=_text(options.get("maximum")),
        max_length=options.get("maxLength"),
        date_formats=ways.date_formats,
        century=ways.century,
        time_zone=ways.time_zone,
        no_value=ways.no_value,
        translations=written.translations(TYPES[base], custom, enum),
        number=ways.number,
        true_values=tuple(str(value) for value in custom.get("trueValues", ["true"])),
        false_values=tuple(str(value) for value in custom.get("falseValues", ["false"])),
        corrections={**corrections, **custom.get("corrections", {})},
        restore_zeros=restore_zeros,
        restore_from=restore_from,
        from_file_name=custom.get("fromFileName"),
        repair_encoding=bool(custom.get("repairEncoding", False)),
        is_money=bool(custom.get("money", False)),
        is_amount="amount" in (declared.tags or []),
        classification=declared.classification,
    )
    kind = plausibility.stated_kind(custom, column)
    return replace(column, kind=kind, unchecked=plausibility.unchecked(custom, kind))


def _check_headers(columns: Sequence[Column], at_properties: Cursor) -> None:
    """Refuse a header that would be two columns."""
    known: dict[str, int] = {}
    for place, column in enumerate(columns):
        for header in (column.name, *column.aliases):
            first = known.setdefault(fold(header), place)
            if first != place:
                names = f"{columns[first].name} and {column.name}"
                raise at_properties.at(place).error(
                    f"'{header}' is the header of two columns, {names}"
                )


def _check_options(
    declared: SchemaProperty, logical_type: str, custom: Properties, place: Cursor
) -> None:
    """Refuse rules that could not do what they seem to say."""
    if logical_type in ("date", "timestamp") and not custom.get("dateFormats"):
        raise place.error("a date needs dateFormats, e.g. ['M/D/YYYY']")
    if pattern := (declared.logicalTypeOptions or {}).get("pattern"):
        try:
            re.compile(pattern)
        except re.error as error:
            raise place.at("logicalTypeOptions", "pattern").error(str(error)) from error
    if (from_file_name := custom.get("fromFileName")) is not None:
        try:
            groups = re.compile(str(from_file_name)).groups
        except re.error as error:
            raise custom.error("fromFileName", f"is no regular expression: {error}") from error
        if groups != 1:
            raise custom.error("fromFileName", "needs exactly one group, which is the value")
    if custom.get("referenceList") and logical_type != "string":
        raise custom.error("referenceList", "is for text columns only")
    if custom.get("repairEncoding") and logical_type != "string":
        raise custom.error("repairEncoding", "is for text columns only")
    if "amount" in (declared.tags or []) and logical_type != "decimal":
        raise place.at("tags").error("an amount must be numeric(precision, scale)")
    if declared.primaryKey and not declared.required:
        raise place.at("primaryKey").error("a key column must be required")


def _zeros(custom: Properties) -> tuple[int, int]:
    """The width to which lost zeros are restored, and how many digits must be left.

    A width alone restores one or two zeros.
    """
    value = custom.get("restoreZeros", 0)
    if not isinstance(value, dict):
        return int(value), max(int(value) - 2, 1)
    if value["atLeast"] >= value["width"]:
        raise custom.error("restoreZeros", "must be a width, or {width: 10, atLeast: 6}")
    return value["width"], value["atLeast"]


def _severities(declared: SchemaProperty, place: Cursor) -> dict[str, str]:
    """The severity of a missing and of an invalid value, from the standard's quality rules."""
    severities = {"missingValues": ERROR, "invalidValues": ERROR}
    for index, rule in enumerate(declared.quality or []):
        if rule.metric not in severities or rule.severity not in SEVERITIES:
            raise place.at("quality", index).error(
                "a column's quality rules are missingValues and invalidValues, severity "
                + " or ".join(SEVERITIES),
            )
        severities[rule.metric] = rule.severity
    if declared.primaryKey and not all(
        SEVERITIES[severity].quarantines_row for severity in severities.values()
    ):
        raise place.at("quality").error("a failure of a key column must be an error")
    return severities


def _vocabulary(custom: Properties, file: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """Valid values and known misspellings that feeds share."""
    name = custom.get("vocabulary")
    if name is None:
        return (), {}
    vocabulary = file.parents[1] / "vocabulary" / f"{name}.yaml"
    if not vocabulary.is_file():
        raise custom.error("vocabulary", f"'{name}' does not exist: no file {vocabulary}")
    content = strict_yaml.read(vocabulary).data
    return tuple(content["values"]), dict(content.get("corrections", {}))


def _word_list(custom: Properties) -> WordList | None:
    """The closed list of a column's words."""
    name = custom.get("referenceList")
    if name is None:
        return None
    try:
        return word_lists.closed_list(settings.INCLUDE / "reference" / f"{name}.csv")
    except word_lists.ListError as error:
        raise custom.error("referenceList", f"cannot be used: {error}") from error


def _references(properties: Sequence[SchemaProperty], place: Cursor) -> Iterator[Reference]:
    for index, declared in enumerate(properties):
        for relationship in declared.relationships or []:
            feed, _, column = str(relationship.to).partition(".")
            if not column:
                raise place.at(index, "relationships").error("'to' must be <feed>.<column>")
            yield Reference(str(declared.name), feed, column)


def _row_rules(
    rules: Sequence[DataQuality], columns: tuple[Column, ...], place: Cursor
) -> Iterator[RowRule]:
    """The rules between columns: the standard's custom quality rules of the engine ``polars``."""
    names: set[str] = set()
    for index, rule in enumerate(rules):
        at_rule = place.at(index)
        if rule.type != "custom" or rule.engine != "polars" or rule.severity not in SEVERITIES:
            raise at_rule.error(
                "a rule between columns has type custom, engine polars, severity "
                + " or ".join(SEVERITIES)
            )
        if not rule.name or rule.name in names or not rule.description:
            raise at_rule.error("a rule needs a unique name and a description")
        names.add(rule.name)
        expression = str(rule.implementation)
        try:
            columns_read = _columns_read(expression, columns)
        except (pl.exceptions.PolarsError, TypeError) as error:
            raise at_rule.at("implementation").error(str(error).split("\n")[0]) from error
        yield RowRule(rule.name, expression, columns_read, rule.severity, rule.description)


def _columns_read(expression: str, columns: tuple[Column, ...]) -> tuple[str, ...]:
    """The columns that a row rule's *expression* reads.

    Raises:
        PolarsError: it is no SQL expression, or reads a column that is not there.
        TypeError: it is not a boolean.
    """
    parsed = pl.sql_expr(expression)
    rows = pl.DataFrame(schema={column.name: POLARS_TYPES[column.type] for column in columns})
    if rows.select(parsed.alias("holds")).schema["holds"] != pl.Boolean:
        raise TypeError(f"'{expression}' is neither true nor false")
    reads = set(parsed.meta.root_names())
    return tuple(column.name for column in columns if column.name in reads)


def _freshness(standard: OpenDataContractStandard, top: Cursor) -> int | None:
    for index, promise in enumerate(standard.slaProperties or []):
        if promise.property == "freshness":
            if not re.fullmatch("[0-9]+", str(promise.value)):
                raise top.at("slaProperties", index).error("freshness must be a number of days")
            return int(str(promise.value))
    return None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
