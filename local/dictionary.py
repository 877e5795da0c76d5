"""The data dictionary, made from the contracts: ``python -m local.dictionary [--check]``.

It says for people what the contracts say for the machine; ``--check`` fails where the page in
``docs/`` is not what the contracts would give now.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from itertools import groupby

from claimhouse import contracts as contract
from claimhouse.contracts import SEVERITIES, Column, Contract
from local import places

PAGE = places.ROOT / "docs" / "dictionary.md"
SHOWN = 12  # longer lists are cut

INTRODUCTION = """\
# Data dictionary

Every column of every feed, as its contract in `include/schemas/` has it. This page is made from
the contracts by `make docs`; change them, not it. [contracts.md](contracts.md) explains what a
contract may say. The table of a feed is `source_<source>.<feed>`, each record's newest row is in
`source_<source>.<feed>_current`.

**PHI class** says what a column gives away of a person (after 45 CFR 164.514(b)(2)), and so who
may see it:
"""


def page(contracts: Sequence[Contract]) -> str:
    """The whole dictionary, as Markdown."""
    in_use = [one for one in contracts if not one.is_draft]
    parts = [
        INTRODUCTION,
        markdown_table(("class", "the column holds"), contract.CLASSIFICATIONS.items()),
    ]
    parts.append(_contents(in_use))
    for source, feeds in groupby(in_use, key=lambda one: one.source_system):
        parts.append(f"## {source}")
        parts += [_feed(one) for one in feeds]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _contents(contracts: Iterable[Contract]) -> str:
    rows = [
        (
            one.source_system,
            f"[{one.feed}](#{one.source_system}{one.feed})",
            one.description,
        )
        for one in contracts
    ]
    return markdown_table(("source", "feed", "what it is"), rows)


def _feed(one: Contract) -> str:
    """One feed: what holds for its files and rows, then its columns."""
    parts = [
        f"### {one.name}",
        one.description + ".",
        "\n".join(f"* {fact}" for fact in _facts(one)),
    ]
    references = {each.column: f"{each.to_feed}.{each.to_column}" for each in one.references}
    rows = [
        (
            f"**{column.name}**" if column.name in one.key else column.name,
            f"`{column.physical_type}`",
            column.description,
            column.classification,
            _lines(_rules(column, column.name in one.key, references.get(column.name))),
            _lines(_accepted(column)),
            _lines(_costs(column)),
        )
        for column in one.columns
    ]
    titles = ("column", "type", "meaning", "PHI class", "rules", "accepted", "a failure costs")
    parts.append(markdown_table(titles, rows))
    if one.row_rules:
        between = [
            (f"`{rule.name}`", f"`{rule.expression}`", rule.message, _row_cost(rule.severity))
            for rule in one.row_rules
        ]
        parts.append(
            markdown_table(("rule of a row", "must hold", "meaning", "a failure costs"), between)
        )
    return "\n\n".join(parts)


def _facts(one: Contract) -> Iterable[str]:
    yield f"contract version {one.version}"
    if one.is_by_content:
        yield "files: known by their header and content, whatever their name"
    else:
        yield f"files: {_codes(one.file_pattern.split('|'))}"
    for dialect in (one.dialect, *one.other_dialects):
        told = [dialect.format, dialect.encoding]
        if dialect.format == "csv":
            told.append(f"delimiter {dialect.delimiter!r}")
        if dialect.compression:
            told.append(dialect.compression)
        if dialect.sheet:
            told.append(f"sheet {dialect.sheet!r}")
        yield "written as: " + ", ".join(told)
    yield f"key: {_codes(one.key)}"
    if one.version_column:
        yield f"the newer of two rows of a key: by `{one.version_column}`"
    if one.amounts:
        yield f"money that must reconcile: {_codes(column.name for column in one.amounts)}"
    if one.freshness_days is not None:
        yield f"a warning after {one.freshness_days} days without news"


def _rules(column: Column, is_key: bool, reference: str | None) -> Iterable[str]:
    """What a value must be."""
    if is_key:
        yield "key"
    if column.required:
        yield "required"
    if column.enum:
        yield f"one of {_codes(column.enum)}"
    if column.pattern:
        yield f"like `{column.pattern}`"
    if column.minimum is not None:
        yield f"at least {column.minimum}"
    if column.maximum is not None:
        yield f"at most {column.maximum}"
    if column.max_length is not None:
        yield f"at most {column.max_length} characters"
    if column.is_amount:
        yield "must reconcile"
    if reference:
        yield f"a key of {reference}"


def _accepted(column: Column) -> Iterable[str]:
    """In which ways a value may be written, and what is repaired."""
    if column.date_formats:
        yield " or ".join(f"`{contract.date_format(one)}`" for one in column.date_formats)
    if column.type == "boolean":
        yield f"true: {_codes(column.true_values)}; false: {_codes(column.false_values)}"
    if column.is_money:
        yield "`$` and thousands separators are removed"
    if column.restore_zeros:
        yield (
            f"lost leading zeros are restored to {column.restore_zeros} digits, "
            f"where {column.restore_from} are left"
        )
    if column.repair_encoding:
        yield "misread UTF-8 is repaired"
    if column.corrections:
        known = [f"{wrong} → {right}" for wrong, right in column.corrections.items()]
        yield f"corrected: {_codes(known)}"
    if column.aliases:
        yield f"header also {_codes(column.aliases)}"
    if column.from_file_name:
        yield f"else from the file's name: `{column.from_file_name}`"


def _costs(column: Column) -> Iterable[str]:
    """What a value that is missing or wrong costs."""
    if column.required and column.missing == column.invalid:
        yield f"missing or wrong: {SEVERITIES[column.invalid]}"
        return
    if column.required:
        yield f"missing: {SEVERITIES[column.missing]}"
    yield f"wrong: {SEVERITIES[column.invalid]}"


def _row_cost(severity: str) -> str:
    return "the row is quarantined" if severity == "error" else "loaded as it came, with a warning"


def _codes(values: Iterable[str]) -> str:
    """*values* as they are written, the first of a long list."""
    known = list(values)
    shown = ", ".join(f"`{value}`" for value in known[:SHOWN])
    rest = len(known) - SHOWN
    return shown if rest <= 0 else f"{shown} and {rest} more"


def _lines(parts: Iterable[str]) -> str:
    return "<br>".join(parts)


def markdown_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; a bar inside a cell is escaped."""
    body = ["| " + " | ".join(_cell(one) for one in row) + " |" for row in rows]
    return "\n".join(
        ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles), *body],
    )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main(arguments: Sequence[str]) -> None:
    """Write the page, or with ``--check`` only see whether it is what would be written.

    Raises:
        SystemExit: the page is stale.
    """
    made = page(contract.load_all())
    if "--check" not in arguments:
        PAGE.write_text(made, encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != made:
        sys.exit(f"{PAGE.relative_to(places.ROOT)} is not what the contracts say: run `make docs`")


if __name__ == "__main__":
    main(sys.argv[1:])
