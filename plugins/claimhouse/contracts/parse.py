"""A contract from its YAML file: read, checked, and refused with file and line.

A contract follows the Open Data Contract Standard 3.2 (https://bitol.io). What the standard lacks
is in ``customProperties``: :data:`FEED_PROPERTIES` and :data:`COLUMN_PROPERTIES` list every such
property. ``docs/contracts.md`` explains them.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any

import polars as pl
from jsonschema import Draft201909Validator
from jsonschema.exceptions import best_match
from open_data_contract_standard.model import (
    CustomProperty,
    DataQuality,
    OpenDataContractStandard,
    SchemaProperty,
)

from claimhouse import settings, strict_yaml, word_lists
from claimhouse.contracts.dates import name_pattern, strptime
from claimhouse.contracts.model import (
    CLASSIFICATIONS,
    TYPES,
    Column,
    Contract,
    FileOrder,
    Reference,
    RowRule,
)
from claimhouse.reading import FORMATS, Dialect
from claimhouse.severity import ERROR, SEVERITIES
from claimhouse.strict_yaml import Document, YamlError
from claimhouse.word_lists import WordList

FEED_PROPERTIES = {
    "filePattern",  # which files are the feed's, by name
    "recognize",  # 'content': header and values tell which files are the feed's
    "dialect",  # how the files are written; one mapping or a list of them
    "versionColumn",  # the column that tells the newer of two versions of a record
    "keyIndex",  # false: the source table has no index by key
    "fetch",  # the connection of the database the feed is fetched from
    "fileOrder",  # what tells the newer of two files: arrival, {date: MMDDYYYY} or number
    "rows",  # what a row means: 'state' (it replaces what was known) or 'transaction' (it adds up)
}
COLUMN_PROPERTIES = {
    "dateFormats",  # accepted formats, the first match wins: 'M/D/YYYY'
    "trueValues",
    "falseValues",
    "vocabulary",  # a file in schemas/vocabulary: valid values and known misspellings
    "referenceList",  # a file of include/reference: the words it can hold, and what each means
    "corrections",  # known misspellings of this column alone
    "restoreZeros",  # the width to which lost leading zeros are restored; or {width, atLeast}
    "fromFileName",  # a regular expression whose group is the value, if the file lacks the column
    "repairEncoding",  # undo UTF-8 that was read as another encoding, where that is certain
    "money",  # remove '$' and thousands separators, with a warning
}
# What a row of a feed can mean.
ROWS = ("state", "transaction")
# Properties of earlier versions, and what they are called now.
RENAMED_PROPERTIES = {"extractSource": "fetch", "recognise": "recognize"}

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


@functools.cache
def of_source(source: str) -> tuple[Contract, ...]:
    """The contracts of one source system, by feed, without drafts.

    Raises:
        ContractError: one of them cannot be used.
    """
    files = sorted((settings.INCLUDE / "schemas" / source).glob("*.yaml"))
    return tuple(contract for contract in map(load, files) if not contract.is_draft)


def of(source: str, feed: str) -> Contract:
    """The contract of one feed.

    Raises:
        StopIteration: there is none.
    """
    return next(contract for contract in of_source(source) if contract.feed == feed)


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
        return _contract(OpenDataContractStandard(**document.data), Cursor(document))
    except YamlError as error:
        raise ContractError(str(error)) from error


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
class _Properties:
    """The custom properties of a feed or column: their values, and where each of them is."""

    values: dict[str, Any]
    places: dict[str, Cursor]

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a property."""
        return self.values.get(name, default)

    def error(self, name: str, message: str) -> YamlError:
        """An error in a property that is there."""
        return self.places[name].error(f"{name} {message}")


@functools.cache
def _standard() -> Draft201909Validator:
    text = (resources.files("open_data_contract_standard") / "schema.json").read_text("utf-8")
    return Draft201909Validator(json.loads(text))


def _check_standard(document: Document) -> None:
    """Check a contract against the standard's own schema, which knows every key at every depth."""
    errors = list(_standard().iter_errors(document.data))
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
    if standard.domain != source:
        raise top.at("domain").error(f"must be '{source}', the name of the folder")
    if not standard.schema_ or len(standard.schema_) != 1 or standard.schema_[0].name != feed:
        raise top.at("schema").error(f"must hold one object named '{feed}', like the file")
    custom = _custom(standard.customProperties, FEED_PROPERTIES, top)
    schema, at_schema = standard.schema_[0], top.at("schema", 0)
    properties, at_properties = schema.properties or [], at_schema.at("properties")
    columns = tuple(
        _column(declared, at_properties.at(index)) for index, declared in enumerate(properties)
    )
    key = _key(properties, at_properties)
    dialects = _dialects(custom)
    version_column = custom.get("versionColumn")
    if version_column is not None and version_column not in {column.name for column in columns}:
        raise custom.error("versionColumn", f"'{version_column}' is not a column")
    if custom.get("keyIndex", True) not in (True, False):
        raise custom.error("keyIndex", "must be true or false")
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
        freshness_days=_freshness(standard),
        row_rules=tuple(_row_rules(schema.quality or [], columns, at_schema.at("quality"))),
        other_dialects=tuple(dialects[1:]),
        is_by_content=_is_by_content(custom, top),
        is_draft=standard.status == "draft",
        has_key_index=custom.get("keyIndex", True),
        fetch_connection=custom.get("fetch"),
        rows_are_transactions=_rows_are_transactions(custom, columns),
        file_order=_file_order(custom, feed),
    )


def _custom(declared: list[CustomProperty] | None, known: set[str], parent: Cursor) -> _Properties:
    """The custom properties below *parent*, each of them known."""
    values: dict[str, Any] = {}
    places: dict[str, Cursor] = {}
    for index, custom in enumerate(declared or []):
        name, place = str(custom.property), parent.at("customProperties", index)
        if RENAMED_PROPERTIES.get(name) in known:
            raise place.error(f"custom property '{name}' is now '{RENAMED_PROPERTIES[name]}'")
        if name not in known:
            names = ", ".join(sorted(known))
            raise place.error(f"unknown custom property '{name}'; known: {names}")
        values[name], places[name] = custom.value, place
    return _Properties(values, places)


def _key(properties: Sequence[SchemaProperty], place: Cursor) -> tuple[str, ...]:
    parts = [declared for declared in properties if declared.primaryKey]
    if not parts:
        raise place.error("no column is marked primaryKey")
    parts.sort(key=lambda declared: declared.primaryKeyPosition or 1)
    return tuple(str(declared.name) for declared in parts)


def _is_by_content(custom: _Properties, top: Cursor) -> bool:
    """Whether the content tells which files are the feed's; otherwise their name does."""
    if custom.get("recognize", "content") != "content":
        raise custom.error("recognize", "must be 'content', or left out")
    if ("recognize" in custom.values) == ("filePattern" in custom.values):
        raise top.at("customProperties").error(
            "either filePattern or 'recognize: content' must say which files are this feed's"
        )
    return "recognize" in custom.values


def _rows_are_transactions(custom: _Properties, columns: tuple[Column, ...]) -> bool:
    """Whether the rows of one key add up; otherwise each replaces what was known of its record."""
    meaning = custom.get("rows", "state")
    if meaning not in ROWS:
        raise custom.error("rows", f"must be {' or '.join(ROWS)}")
    if meaning == "transaction" and not any(column.is_amount for column in columns):
        raise custom.error("rows", "transaction needs a column with 'tags: [amount]' to add up")
    return bool(meaning == "transaction")


def _file_order(custom: _Properties, feed: str) -> FileOrder:
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
    if not isinstance(value, dict) or set(value) not in ({"date"}, {"number"}):
        raise custom.error(
            "fileOrder", "must be arrival, number, {date: <format>} or {number: <pattern>}"
        )
    (kind, text), *_ = value.items()
    if not isinstance(text, str):
        raise custom.error("fileOrder", f"{kind} must be a text in quotes")
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


def _dialects(custom: _Properties) -> list[Dialect]:
    """How a feed's files are written: one mapping, or a list of them."""
    value = custom.get("dialect", {})
    ways = value if isinstance(value, list) and value else [value]
    return [_dialect(way, custom) for way in ways]


def _dialect(options: Any, custom: _Properties) -> Dialect:
    if not isinstance(options, dict):
        raise custom.error("dialect", "must be a mapping")
    known = [option.name for option in fields(Dialect)]
    for name in options:
        if name not in known:
            raise custom.error("dialect", f"has no option '{name}'; known: {', '.join(known)}")
    if (form := options.get("format", Dialect.format)) not in FORMATS:
        raise custom.error("dialect", f"format '{form}' is none of {', '.join(FORMATS)}")
    for name in ("delimiter", "quote"):
        text = str(options.get(name, ","))
        if len(text) != 1 or not text.isascii():
            raise custom.error("dialect", f"{name} must be one ASCII character")
    widths = tuple(tuple(field) for field in options.get("widths", ()))
    return Dialect(**{**options, "widths": widths})


def _column(declared: SchemaProperty, place: Cursor) -> Column:
    custom = _custom(declared.customProperties, COLUMN_PROPERTIES, place)
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
    return Column(
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
        enum=tuple(str(valid.value) for valid in declared.enum or []) or valid_values,
        minimum=_text(options.get("minimum")),
        maximum=_text(options.get("maximum")),
        max_length=options.get("maxLength"),
        date_formats=tuple(strptime(value) for value in custom.get("dateFormats", [])),
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


def _check_options(
    declared: SchemaProperty, logical_type: str, custom: _Properties, place: Cursor
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


def _zeros(custom: _Properties) -> tuple[int, int]:
    """The width to which lost zeros are restored, and how many digits must be left.

    A width alone restores one or two zeros.
    """
    value = custom.get("restoreZeros", 0)
    if not isinstance(value, dict):
        return int(value), max(int(value) - 2, 1)
    if set(value) != {"width", "atLeast"} or not 0 < value["atLeast"] < value["width"]:
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


def _vocabulary(custom: _Properties, file: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """Valid values and known misspellings that feeds share."""
    name = custom.get("vocabulary")
    if name is None:
        return (), {}
    vocabulary = file.parents[1] / "vocabulary" / f"{name}.yaml"
    if not vocabulary.is_file():
        raise custom.error("vocabulary", f"'{name}' does not exist: no file {vocabulary}")
    content = strict_yaml.read(vocabulary).data
    return tuple(content["values"]), dict(content.get("corrections", {}))


def _word_list(custom: _Properties) -> WordList | None:
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


def _freshness(standard: OpenDataContractStandard) -> int | None:
    for promise in standard.slaProperties or []:
        if promise.property == "freshness":
            return int(str(promise.value))
    return None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
