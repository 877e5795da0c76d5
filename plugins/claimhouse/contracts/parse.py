"""Data contracts: one YAML file says all there is to say of one feed.

A contract follows the Open Data Contract Standard 3.2 (https://bitol.io); what the standard
lacks stands under ``customProperties``, and :data:`FEED_PROPERTIES` and
:data:`COLUMN_PROPERTIES` list every such property we know. Verification, the source tables,
the reference checks and the masking rules all read the :class:`Contract` made here.
"""

from __future__ import annotations

import fnmatch
import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import polars as pl
import yaml
from jsonschema import Draft201909Validator
from jsonschema.exceptions import best_match
from open_data_contract_standard.model import (
    CustomProperty,
    DataQuality,
    OpenDataContractStandard,
    SchemaProperty,
)

from claimhouse import settings, strict_yaml
from claimhouse.contracts.dates import strptime
from claimhouse.reading.open import Dialect
from claimhouse.strict_yaml import Document

FEED_PROPERTIES = {
    "filePattern", "recognise", "dialect", "versionColumn", "keyIndex", "extractSource",
}  # fmt: skip
COLUMN_PROPERTIES = {
    "dateFormats",  # accepted formats, first match wins: 'M/D/YYYY'
    "trueValues",
    "falseValues",
    "vocabulary",  # a file in schemas/vocabulary: valid values and known misspellings
    "corrections",  # known misspellings of this column alone
    "restoreZeros",  # the width to which lost leading zeros are restored; or {width, atLeast}
    "fromFileName",  # a regular expression whose group is the value, where the file has no such column
    "repairEncoding",  # undo UTF-8 that was read as something else, where that is certain
    "money",  # accept and strip '$' and thousands separators, with a warning
}
# What a value can give away about a person, after the identifiers of 45 CFR 164.514(b)(2).
CLASSIFICATIONS = {
    "public",
    "identifier",
    "name",
    "street",
    "city",
    "state",
    "zipcode",
    "date",
    "birth_date",
    "clinical",
    "financial",
    "free_text",
}
SEVERITIES = ("error", "warning")
TYPES = {
    "text": "string",
    "date": "date",
    "timestamptz": "timestamp",
    "integer": "integer",
    "bigint": "integer",
    "smallint": "integer",
    "numeric": "decimal",
    "boolean": "boolean",
}
# What a value of each type is while it is verified, near enough to try an expression on.
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


@dataclass(frozen=True)
class Column:
    """One column of a feed, and every rule its values must keep.

    Attributes:
        type: string, date, timestamp, integer, decimal or boolean.
        physical_type: its type in Postgres.
        invalid: what a value that breaks a rule costs: ``error`` (the row is quarantined)
            or ``warning`` (the value becomes NULL).
        missing: what an absent value costs, where the column is required.
        date_formats: accepted formats, as strptime patterns.
        corrections: known misspellings and what they mean; a correction is a warning.
        restore_zeros: the width to which lost leading zeros are restored; 0 for never.
        restore_from: the fewest digits a value may have left to be restored.
        from_file_name: a regular expression whose group is the value of every row, searched in
            the file's name, where the file has no such column.
        repair_encoding: whether misread UTF-8 is repaired; a repair is a warning.
        is_amount: money that must reconcile from the file to the star.
    """

    name: str
    type: str
    physical_type: str
    description: str = ""
    aliases: tuple[str, ...] = ()
    required: bool = False
    missing: str = "error"
    invalid: str = "error"
    pattern: str | None = None
    enum: tuple[str, ...] = ()
    minimum: str | None = None
    maximum: str | None = None
    max_length: int | None = None
    date_formats: tuple[str, ...] = ()
    true_values: tuple[str, ...] = ("true",)
    false_values: tuple[str, ...] = ("false",)
    corrections: dict[str, str] = field(default_factory=dict)
    restore_zeros: int = 0
    restore_from: int = 0
    from_file_name: str | None = None
    repair_encoding: bool = False
    is_money: bool = False
    is_amount: bool = False
    classification: str = "public"

    @property
    def scale(self) -> int:
        """Digits after the decimal point."""
        found = re.search(r",\s*(\d+)", self.physical_type)
        return int(found.group(1)) if found else 0

    @property
    def precision(self) -> int:
        """Digits in all."""
        found = re.search(r"\((\d+)", self.physical_type)
        return int(found.group(1)) if found else 38


@dataclass(frozen=True)
class Reference:
    """*column* holds keys of *to_column* in the feed *to_feed* of the same source."""

    column: str
    to_feed: str
    to_column: str


@dataclass(frozen=True)
class RowRule:
    """What must hold between the columns of one row; a row that lacks one of them keeps it.

    Attributes:
        name: the rule of the issues it raises.
        expression: SQL over the columns, as Polars reads it: ``stopped_at >= started_at``.
        columns: the columns it reads, in the contract's order.
        severity: ``error`` (the row is quarantined) or ``warning`` (it is loaded as it came).
        message: a sentence for a person.
    """

    name: str
    expression: str
    columns: tuple[str, ...]
    severity: str
    message: str


@dataclass(frozen=True)
class Contract:
    """All there is to say of one feed.

    Attributes:
        file_pattern: which files are the feed's, by name; empty where the content tells.
        dialect: how its files are written; the first way where there are several.
        other_dialects: further ways, told from the content of each file.
        is_by_content: whether files are recognised by header and content, whatever their name.
        has_key_index: whether its source table is indexed by key.
        extract_source: the Airflow connection of the database the feed is fetched from, if any.
        is_draft: whether a person has yet to finish it; it claims no file until then.
    """

    source_system: str
    feed: str
    file: Path
    version: str
    description: str
    file_pattern: str
    dialect: Dialect
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    version_column: str | None
    references: tuple[Reference, ...]
    freshness_days: int | None
    row_rules: tuple[RowRule, ...] = ()
    has_key_index: bool = True
    extract_source: str | None = None
    other_dialects: tuple[Dialect, ...] = ()
    is_by_content: bool = False
    is_draft: bool = False

    @property
    def name(self) -> str:
        """``<source>.<feed>``, as people speak of it."""
        return f"{self.source_system}.{self.feed}"

    @property
    def amounts(self) -> tuple[Column, ...]:
        """The columns whose sums must reconcile."""
        return tuple(column for column in self.columns if column.is_amount)

    def from_name(self, file_name: str) -> dict[str, str]:
        """The columns whose value the name of a file tells, and the value."""
        found = {
            one.name: re.search(one.from_file_name, file_name)
            for one in self.columns
            if one.from_file_name
        }
        return {name: match.group(1) for name, match in found.items() if match}

    def told_by_name(self, file_name: str) -> str:
        """What the name of a file adds to its content: files that differ in it are different."""
        return ",".join(f"{name}={value}" for name, value in self.from_name(file_name).items())

    def claims(self, file_name: str) -> bool:
        """Whether a file called *file_name* is of this feed; never where the content tells."""
        return not self.is_by_content and any(
            fnmatch.fnmatch(file_name, one) for one in self.file_pattern.split("|")
        )


def load_all(folder: Path | None = None) -> list[Contract]:
    """Every contract below *folder* (``include/schemas``), by source and feed.

    Raises:
        ContractError: one of them cannot be used.
    """
    root = folder or settings.INCLUDE / "schemas"
    return [
        load(file) for file in sorted(root.glob("*/*.yaml")) if file.parent.name != "vocabulary"
    ]


@functools.cache
def of_source(source: str) -> tuple[Contract, ...]:
    """The contracts of one source system, by feed; drafts do not count."""
    found = [load(file) for file in sorted((settings.INCLUDE / "schemas" / source).glob("*.yaml"))]
    return tuple(one for one in found if not one.is_draft)


def of(source: str, feed: str) -> Contract:
    """The contract of one feed."""
    return next(found for found in of_source(source) if found.feed == feed)


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
        return _contract(OpenDataContractStandard(**document.data), document)
    except strict_yaml.YamlError as error:
        raise ContractError(str(error)) from error


@functools.cache
def _standard() -> Draft201909Validator:
    text = (resources.files("open_data_contract_standard") / "schema.json").read_text("utf-8")
    return Draft201909Validator(json.loads(text))


def _check_standard(where: Document) -> None:
    """Hold a contract against the standard's own schema, which knows every key at every depth."""
    errors = list(_standard().iter_errors(where.data))
    if not errors:
        return
    deepest = max(errors, key=lambda error: len(error.absolute_path))
    found = best_match([deepest]) or deepest
    path = list(found.absolute_path)
    if unknown := re.search(r"\('([^']+)' (?:was|were) unexpected\)", found.message):
        path.append(unknown.group(1))
    raise where.error(path, found.message)


def _contract(standard: OpenDataContractStandard, where: Document) -> Contract:
    source, feed = where.file.parent.name, where.file.stem
    if standard.domain != source:
        raise where.error(["domain"], f"must be '{source}', the folder the contract lies in")
    if not standard.schema_ or len(standard.schema_) != 1 or standard.schema_[0].name != feed:
        raise where.error(["schema"], f"must hold one object named '{feed}', like the file")
    custom = _custom(standard.customProperties, FEED_PROPERTIES, ["customProperties"], where)
    properties = standard.schema_[0].properties or []
    columns = tuple(
        _column(one, ["schema", 0, "properties", at], where) for at, one in enumerate(properties)
    )
    names = [column.name for column in columns]
    keyed = [one for one in properties if one.primaryKey]
    key = tuple(str(one.name) for one in sorted(keyed, key=lambda one: one.primaryKeyPosition or 1))
    version = custom.get("versionColumn")
    is_by_content = _is_by_content(custom, where)
    dialects = _dialects(custom.get("dialect", {}), where)
    if custom.get("keyIndex", True) not in (True, False):
        raise where.error(["customProperties"], "keyIndex must be true or false")
    if not key:
        raise where.error(["schema", 0, "properties"], "no column is marked primaryKey")
    if version is not None and version not in names:
        raise where.error(["customProperties"], f"versionColumn '{version}' is no column")
    return Contract(
        source_system=source,
        feed=feed,
        file=where.file,
        version=str(standard.version),
        description=(standard.description.purpose or "") if standard.description else "",
        file_pattern=str(custom.get("filePattern", "")),
        dialect=dialects[0],
        columns=columns,
        key=key,
        version_column=version,
        references=tuple(_references(properties, where)),
        freshness_days=_freshness(standard),
        row_rules=tuple(_row_rules(standard.schema_[0].quality or [], columns, where)),
        other_dialects=tuple(dialects[1:]),
        is_by_content=is_by_content,
        is_draft=standard.status == "draft",
        has_key_index=custom.get("keyIndex", True),
        extract_source=custom.get("extractSource"),
    )


def _is_by_content(custom: dict[str, Any], where: Document) -> bool:
    """Whether the content tells the feed's files, once it is sure that something does."""
    if "recognise" in custom and custom["recognise"] != "content":
        raise where.error(["customProperties"], "recognise must be 'content', or left out")
    if ("recognise" in custom) == ("filePattern" in custom):
        raise where.error(
            ["customProperties"],
            "either filePattern or 'recognise: content' must say which files are this feed's",
        )
    return "recognise" in custom


def _dialects(value: Any, where: Document) -> list[Dialect]:
    """The ways in which a feed's files are written: one mapping, or a list of them."""
    ways = value if isinstance(value, list) and value else [value]
    return [_dialect(one, where) for one in ways]


def _dialect(value: Any, where: Document) -> Dialect:
    if not isinstance(value, dict):
        raise where.error(["customProperties"], "dialect must be a mapping")
    for name in ("delimiter", "quote"):
        if not (len(text := str(value.get(name, ","))) == 1 and text.isascii()):
            raise where.error(["customProperties"], f"dialect: {name} must be one ASCII character")
    if "widths" in value:
        value = {**value, "widths": tuple(tuple(one) for one in value["widths"])}
    try:
        return Dialect(**value)
    except TypeError as error:
        raise where.error(["customProperties"], f"dialect: {error}") from error


def _custom(
    found: list[CustomProperty] | None, known: set[str], path: list[str | int], where: Document
) -> dict[str, Any]:
    """Custom properties as a mapping; one we do not know is an error."""
    for at, one in enumerate(found or []):
        if one.property not in known:
            hint = ", ".join(sorted(known))
            raise where.error(
                [*path, at], f"unknown custom property '{one.property}'; known: {hint}"
            )
    return {str(one.property): one.value for one in found or []}


def _column(one: SchemaProperty, path: list[str | int], where: Document) -> Column:
    custom = _custom(one.customProperties, COLUMN_PROPERTIES, [*path, "customProperties"], where)
    options = one.logicalTypeOptions or {}
    physical = one.physicalType or "text"
    base = physical.split("(")[0]
    if base not in TYPES:
        raise where.error([*path, "physicalType"], f"'{physical}' is none of {', '.join(TYPES)}")
    if one.classification not in CLASSIFICATIONS:
        known = ", ".join(sorted(CLASSIFICATIONS))
        raise where.error([*path, "classification"], f"must be one of {known}")
    kind = TYPES[base]
    vocabulary = _vocabulary(custom.get("vocabulary"), path, where)
    enum = tuple(str(value.value) for value in one.enum or []) or vocabulary[0]
    severities = _severities(one, path, where)
    _check_options(one, kind, custom, path, where)
    zeros = _zeros(custom.get("restoreZeros", 0), path, where)
    return Column(
        name=str(one.name),
        type=kind,
        physical_type=physical,
        description=one.description or "",
        aliases=tuple(str(synonym.synonym) for synonym in one.synonyms or []),
        required=bool(one.required),
        missing=severities["missingValues"],
        invalid=severities["invalidValues"],
        pattern=options.get("pattern"),
        enum=enum,
        minimum=_text(options.get("minimum")),
        maximum=_text(options.get("maximum")),
        max_length=options.get("maxLength"),
        date_formats=tuple(strptime(value) for value in custom.get("dateFormats", [])),
        true_values=tuple(str(value) for value in custom.get("trueValues", ["true"])),
        false_values=tuple(str(value) for value in custom.get("falseValues", ["false"])),
        corrections={**vocabulary[1], **custom.get("corrections", {})},
        restore_zeros=zeros[0],
        restore_from=zeros[1],
        from_file_name=custom.get("fromFileName"),
        repair_encoding=bool(custom.get("repairEncoding", False)),
        is_money=bool(custom.get("money", False)),
        is_amount="amount" in (one.tags or []),
        classification=one.classification,
    )


def _check_options(
    one: SchemaProperty, kind: str, custom: dict[str, Any], path: list[str | int], where: Document
) -> None:
    """Refuse rules that could not do what they seem to say."""
    if kind in ("date", "timestamp") and not custom.get("dateFormats"):
        raise where.error(
            [*path, "customProperties"], "a date needs dateFormats, e.g. ['M/D/YYYY']"
        )
    if pattern := (one.logicalTypeOptions or {}).get("pattern"):
        try:
            re.compile(pattern)
        except re.error as error:
            raise where.error([*path, "logicalTypeOptions", "pattern"], str(error)) from error
    if (of_name := custom.get("fromFileName")) is not None:
        try:
            groups = re.compile(str(of_name)).groups
        except re.error as error:
            raise where.error([*path, "customProperties"], f"fromFileName: {error}") from error
        if groups != 1:
            raise where.error(
                [*path, "customProperties"], "fromFileName needs one group, which is the value"
            )
    if custom.get("repairEncoding") and kind != "string":
        raise where.error([*path, "customProperties"], "repairEncoding is for text alone")
    if "amount" in (one.tags or []) and kind != "decimal":
        raise where.error([*path, "tags"], "an amount must be numeric(precision, scale)")
    if one.primaryKey and not one.required:
        raise where.error([*path, "primaryKey"], "a key column must be required")


def _zeros(value: int | dict[str, int], path: list[str | int], where: Document) -> tuple[int, int]:
    """To which width lost zeros are restored, and how many digits must be left; one or two may go."""
    if not isinstance(value, dict):
        return int(value), max(int(value) - 2, 1)
    if set(value) != {"width", "atLeast"} or not 0 < value["atLeast"] < value["width"]:
        raise where.error(
            [*path, "customProperties"], "restoreZeros is a width, or {width: 10, atLeast: 6}"
        )
    return value["width"], value["atLeast"]


def _severities(one: SchemaProperty, path: list[str | int], where: Document) -> dict[str, str]:
    """What a missing and an invalid value cost: the severity of the standard's quality rules."""
    costs = {"missingValues": "error", "invalidValues": "error"}
    for at, rule in enumerate(one.quality or []):
        if rule.metric not in costs or rule.severity not in SEVERITIES:
            raise where.error(
                [*path, "quality", at],
                "a column's quality rules are missingValues and invalidValues, severity error or warning",
            )
        costs[rule.metric] = rule.severity
    if one.primaryKey and "warning" in costs.values():
        raise where.error([*path, "quality"], "a key that is wrong cannot be a mere warning")
    return costs


def _vocabulary(
    name: str | None, path: list[str | int], where: Document
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Valid values and known misspellings, shared between feeds."""
    if name is None:
        return (), {}
    file = where.file.parents[1] / "vocabulary" / f"{name}.yaml"
    if not file.is_file():
        raise where.error([*path, "customProperties"], f"there is no vocabulary {file}")
    found = yaml.safe_load(file.read_text(encoding="utf-8"))
    return tuple(found["values"]), dict(found.get("corrections", {}))


def _references(properties: list[SchemaProperty], where: Document) -> Iterator[Reference]:
    for at, one in enumerate(properties):
        for relationship in one.relationships or []:
            feed, _, column = str(relationship.to).partition(".")
            if not column:
                raise where.error(
                    ["schema", 0, "properties", at, "relationships"], "'to' must read feed.column"
                )
            yield Reference(str(one.name), feed, column)


def _row_rules(
    rules: list[DataQuality], columns: tuple[Column, ...], where: Document
) -> Iterator[RowRule]:
    """The rules between columns: the standard's custom quality rules of the engine ``polars``."""
    taken: set[str] = set()
    for at, rule in enumerate(rules):
        path: list[str | int] = ["schema", 0, "quality", at]
        if rule.type != "custom" or rule.engine != "polars" or rule.severity not in SEVERITIES:
            raise where.error(
                path,
                "a rule between columns is of type custom, engine polars, severity error or warning",
            )
        if not rule.name or rule.name in taken or not rule.description:
            raise where.error(path, "a rule needs a name of its own and a description")
        taken.add(rule.name)
        expression = str(rule.implementation)
        try:
            reads = _columns_read(expression, columns)
        except (pl.exceptions.PolarsError, TypeError) as error:
            raise where.error([*path, "implementation"], str(error).split("\n")[0]) from error
        yield RowRule(rule.name, expression, reads, rule.severity, rule.description)


def _columns_read(expression: str, columns: tuple[Column, ...]) -> tuple[str, ...]:
    """The columns that *expression* reads, once it is sure to be a yes or no of these columns."""
    parsed = pl.sql_expr(expression)
    types = pl.DataFrame(schema={one.name: POLARS_TYPES[one.type] for one in columns})
    if types.select(parsed.alias("holds")).schema["holds"] != pl.Boolean:
        raise TypeError(f"'{expression}' is neither true nor false")
    reads = set(parsed.meta.root_names())
    return tuple(one.name for one in columns if one.name in reads)


def _freshness(standard: OpenDataContractStandard) -> int | None:
    for promise in standard.slaProperties or []:
        if promise.property == "freshness":
            return int(str(promise.value))
    return None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
