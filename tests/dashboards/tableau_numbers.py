"""What a sheet of a workbook shows: its formulas and filters, turned into SQL as Tableau does it, and run.

It reads the workbook alone, so that a formula that says something else than the page is seen.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

INSTANCE = re.compile(r"\[[^\[\]]+\]\.\[(\w+):([^\[\]]+):\w\w\]")
TOKEN = re.compile(
    r'(?P<text>"(?:[^"\\]|\\.)*")|(?P<parameter>\[Parameters\]\.\[[^\]]+\])|(?P<field>\[[^\]]+\])'
    r"|(?P<word>\w+)|(?P<other>\s+|.)"
)
WORDS = {"IF": "case when", "ELSEIF": "when", "IFNULL": "coalesce", "STARTSWITH": "starts_with",
         "COUNTD": "count(distinct ", "STR": "text", "INT": "int4", "YEAR": "date_part('year', ",
         "MONTH": "date_part('month', ", "DATEPART": "date_part", "ISNULL": "0 = num_nonnulls"}  # fmt: skip
OPENS = {"COUNTD", "YEAR", "MONTH"}


@dataclass
class Sheet:
    """A sheet: what it reads, its filters, what makes its rows, its numbers, and what somebody chooses."""

    base: str
    formulas: dict[str, str]
    parameters: dict[str, str]
    dimensions: list[str] = field(default_factory=list)
    numbers: list[tuple[str, str]] = field(default_factory=list)
    filters: list[Element] = field(default_factory=list)
    chosen: dict[str, list[str]] = field(default_factory=dict)
    aliases: Any = field(default_factory=count)
    connection: Any = None

    def rows(self, connection: Any) -> dict[tuple[str | None, ...], tuple[Any, ...]]:
        """The numbers by what makes the rows."""
        self.connection = connection
        fields = [self.sql(f"[{name}]", "t") for name in self.dimensions]
        numbers = [self.number(short, name) for short, name in self.numbers]
        conditions = [text for entry in self.filters if (text := self.condition(entry))]
        statement = f"select {', '.join([*fields, *numbers])} from {self.base} as t"
        for name, values in self.chosen.items():
            listed = ", ".join(literal(f'"{value}"') for value in values)
            conditions.append(f"({self.sql(f'[{name}]', 't')})::text in ({listed})")
        if conditions:
            statement += f" where {' and '.join(conditions)}"
        if fields:
            statement += f" group by {', '.join(str(place + 1) for place in range(len(fields)))}"
        found = connection.execute(statement.encode()).fetchall()
        width = len(fields)
        return {
            tuple(None if value is None else str(value) for value in row[:width]): tuple(
                row[width:]
            )
            for row in found
        }

    def number(self, short: str, name: str) -> str:
        """An instance of a number in SQL."""
        if short == "usr":
            return self.sql(self.formulas[name], "t")
        inside = self.sql(f"[{name}]", "t")
        return f"case when min({inside}) = max({inside}) then min({inside}) end"

    def condition(self, entry: Element) -> str | None:
        """A filter in SQL; None for one that lets everything through."""
        match = INSTANCE.fullmatch(entry.get("column", ""))
        group = entry.find("groupfilter")
        if match is None or group is None:
            return None
        members = [
            member.get("member", "")
            for member in group.iter("groupfilter")
            if member.get("function") == "member"
        ]
        if not members:
            return None
        expression = self.sql(f"[{match[2]}]", "t")
        listed = [literal(member) for member in members if member != "%null%"]
        text = f"({expression})::text in ({', '.join(listed)})" if listed else "false"
        text = f"coalesce({text}, false)"
        if "%null%" in members:
            text = f"({text} or {expression} is null)"
        return f"not {text}" if group.get("function") == "except" else text

    def fixed(self, per: str | None, formula: str, alias: str) -> str:
        """The largest value of a formula in each group of rows, or in all: computed first, as Tableau does."""
        value = self.sql(formula, "t")
        group = f'"{per[1:-1]}"' if per else "''"
        statement = f"select {group}, max({value}) from {self.base} as t group by 1"
        cursor = self.connection.execute(statement.encode())
        found = {key: str(largest) for key, largest in cursor.fetchall() if largest is not None}
        kind = self.connection.adapters.types[cursor.description[1].type_code].name
        listed = json.dumps(found).replace("'", "''")
        return f"(('{listed}'::jsonb ->> {f'{alias}.{group}' if per else group})::{kind})"

    def sql(self, formula: str, alias: str) -> str:
        """A formula in SQL, over the rows of *alias*."""
        while match := re.search(
            r"\{FIXED (\[\w+\])? ?: MAX\(((?:[^{}]|\{[^{}]*\})*)\)\}", formula
        ):
            text = self.fixed(match[1], match[2], alias)
            held = f"held_{next(self.aliases)}"
            self.parameters[held] = text
            formula = formula[: match.start()] + f"[Parameters].[{held}]" + formula[match.end() :]
        parts, skip = [], False
        for token in TOKEN.finditer(formula):
            kind, text = token.lastgroup, token.group()
            if skip and text == "(":
                skip = False
                continue
            if kind == "text":
                parts.append(literal(text))
            elif kind == "parameter":
                value = self.parameters[text[14:-1]]
                parts.append(value if value.startswith("(") else literal(value))
            elif kind == "field":
                name = text[1:-1]
                calculated = self.formulas.get(name)
                parts.append(
                    f"({self.sql(calculated, alias)})" if calculated else f'{alias}."{name}"'
                )
            elif kind == "word":
                parts.append(WORDS.get(text, text))
                skip = text in OPENS
            else:
                parts.append(text)
        done = "".join(parts)
        done = re.sub(r" \+ (?!\d)", " || ", done)
        done = re.sub(r"\bATTR\((.*)\)$", r"(case when min(\1) = max(\1) then min(\1) end)", done)
        top, divided, below = done.partition(" / SUM(")
        return f"{top}::numeric / nullif(SUM({below}, 0)" if divided else done


def sheets(text: str) -> dict[str, Sheet]:
    """The sheets of a workbook, by name."""
    root = ElementTree.fromstring(text)
    every = {entry.get("name"): entry for entry in root.findall("datasources/datasource")}
    found = {}
    for sheet in root.findall("worksheets/worksheet"):
        view = sheet.find("table/view")
        assert view is not None
        needed = next(
            entry
            for entry in view.findall("datasource-dependencies")
            if entry.get("datasource") != "Parameters"
        )
        made = Sheet(
            base=_base(every[needed.get("datasource")]),
            formulas=_formulas(needed),
            parameters={
                (column.get("name") or "")[1:-1]: column.get("value", "")
                for column in view.findall(
                    "datasource-dependencies[@datasource='Parameters']/column"
                )
            },
            filters=view.findall("filter"),
        )
        shown = [
            *(sheet.findtext(f"table/{place}") or "" for place in ("rows", "cols")),
            *(entry.get("column", "") for entry in sheet.findall("table/panes/pane/encodings/*")),
        ]
        names = [
            member.get("member", "")
            for entry in made.filters
            if ":Measure Names" in entry.get("column", "")
            for member in entry.iter("groupfilter")
        ]
        for short, name in INSTANCE.findall(" ".join([*shown, *names])):
            if short == "none":
                made.dimensions += [name] if name not in made.dimensions else []
            elif (short, name) not in made.numbers:
                made.numbers.append((short, name))
        found[sheet.get("name", "")] = made
    return found


def of_source(text: str) -> Sheet:
    """A sheet of a data source of the star with every metric, and nothing that makes rows."""
    root = ElementTree.fromstring(text)
    formulas = _formulas(root)
    joined: list[str] = []
    for relation in root.iter("relation"):
        if relation.get("type") == "table" and not joined:
            joined.append(_base(root, relation))
    for relation in reversed(
        [entry for entry in root.iter("relation") if entry.get("type") == "join"]
    ):
        sides = [
            re.sub(r"\[(\w+)\]\.\[(\w+)\]", r"\1.\2", entry.get("op", ""))
            for entry in relation.findall("clause/expression/expression")
        ]
        table = _base(root, relation.findall("relation")[1])
        joined.append(f"{relation.get('join')} join {table} on {' = '.join(sides)}")
    columns = [
        f'{re.sub(r"[][]", "", entry.get("value", ""))} as "{(entry.get("key") or "")[1:-1]}"'
        for entry in root.iter("map")
    ]
    base = f"(select {', '.join(columns)} from {' '.join(joined)})"
    return Sheet(base, formulas, {}, numbers=[("usr", name) for name in formulas])


def literal(text: str) -> str:
    """A value of Tableau's as SQL."""
    if not text.startswith('"'):
        return f"'{text}'"
    inside = re.sub(r"\\(.)", r"\1", text[1:-1])
    return "'" + inside.replace("'", "''") + "'"


def _base(source: Element, relation: Element | None = None) -> str:
    relation = source.find("connection/relation") if relation is None else relation
    assert relation is not None
    if relation.get("type") == "text":
        return f"({relation.text})"
    return ".".join(re.findall(r"\w+", relation.get("table", "")))


def _formulas(needed: Element) -> dict[str, str]:
    found = {}
    for column in needed.findall("column"):
        calculation = column.find("calculation")
        if calculation is not None:
            found[(column.get("name") or "")[1:-1]] = calculation.get("formula", "")
    return found
