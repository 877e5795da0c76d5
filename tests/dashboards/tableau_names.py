"""Whether every name in a file for Tableau is the name of something: what Tableau's schema does not see.

It knows Tableau's format and the columns of the warehouse, and nothing of how the files are made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

Catalog = Mapping[str, Mapping[str, str]]
QUALIFIED = re.compile(r"\[([^\[\]]+)\]\.\[([^\[\]]+)\]")
BARE = re.compile(r"\[([^\[\]]+)\]")
SELECTED = re.compile(r"(?:^select |, )(.+?) as (\w+)(?=, |\nfrom |$)")
TYPES = {
    "text": "string", "text[]": "string", "uuid": "string", "boolean": "boolean", "date": "date",
    "smallint": "integer", "integer": "integer", "bigint": "integer", "numeric": "real",
    "timestamp with time zone": "datetime",
}  # fmt: skip
# How an instance of a field begins, by how it is derived.
DERIVED = {"none": "None", "usr": "User", "attr": "Attribute", "max": "Max"}
KINDS = {"nk": "nominal", "ok": "ordinal", "qk": "quantitative"}
OF_TABLEAU = {":Measure Names", "Multiple Values"}


@dataclass
class Source:
    """What a data source has: the datatype of each field, and whether it is calculated."""

    fields: dict[str, str] = field(default_factory=dict)
    calculated: set[str] = field(default_factory=set)


def problems(text: str, catalog: Catalog) -> list[str]:
    """The names in a workbook or data source that name nothing, or something of another type."""
    root = ElementTree.fromstring(text)
    return list(_of_source(root, catalog) if root.tag == "datasource" else _of_book(root, catalog))


def _of_book(root: Element, catalog: Catalog) -> Iterator[str]:
    sources: dict[str, Source] = {}
    every = root.findall("datasources/datasource")
    for element in sorted(every, key=lambda entry: entry.get("name") != "Parameters"):
        parameters = sources.get("Parameters", Source())
        if element.get("name") != "Parameters":
            yield from _of_source(element, catalog, parameters)
        sources[element.get("name", "")] = _source(element)
    instances: dict[str, set[tuple[str, str]]] = {}
    for sheet in root.findall("worksheets/worksheet"):
        name = sheet.get("name", "")
        instances[name] = set()
        for problem in _of_sheet(sheet, sources, instances[name]):
            yield f"{name}: {problem}"
    yield from _of_dashboards(root, sources, instances)


def _source(element: Element) -> Source:
    found = Source()
    for column in element.findall("column"):
        name = _bare(column.get("name"))
        found.fields[name] = column.get("datatype", "")
        if column.find("calculation") is not None:
            found.calculated.add(name)
    return found


def _of_source(
    element: Element, catalog: Catalog, parameters: Source | None = None
) -> Iterator[str]:
    tables: dict[str, dict[str, str]] = {}
    named = {entry.get("name") for entry in element.iter("named-connection")}
    for relation in element.iter("relation"):
        if relation.get("type") == "join":
            continue
        if relation.get("connection") not in named:
            yield f"no connection {relation.get('connection')}"
        if relation.get("type") == "text":
            tables[relation.get("name", "")] = yield from _of_statement(
                relation.text or "", catalog
            )
            continue
        relation_name = ".".join(BARE.findall(relation.get("table", "")))
        if relation_name not in catalog:
            yield f"no table {relation_name}"
        tables[relation.get("name", "")] = dict(catalog.get(relation_name, {}))
    for entry in element.iter("named-connection"):
        inner = entry.find("connection")
        if inner is None or inner.get("class") != "postgres":
            yield "a connection that is not one to Postgres"
    for expression in element.iter("expression"):
        for table, column in QUALIFIED.findall(expression.get("op", "")):
            if column not in tables.get(table, {}):
                yield f"no column {table}.{column} to join by"
    source, places = _source(element), {}
    for entry in element.iter("map"):
        ((table, column),) = QUALIFIED.findall(entry.get("value", ""))
        places[_bare(entry.get("key"))] = tables.get(table, {}).get(column)
        if column not in tables.get(table, {}):
            yield f"no column {table}.{column}"
    for name, datatype in source.fields.items():
        if name in source.calculated:
            continue
        kind = (places.get(name) or "nothing").partition("(")[0]
        if TYPES.get(kind) != datatype:
            yield f"{name} is {datatype}, and in the warehouse {kind}"
    captions = [column.get("caption") for column in element.findall("column")]
    yield from (
        f"two fields are called {name}" for name in set(captions) if captions.count(name) > 1
    )
    for column in element.findall("column"):
        calculation = column.find("calculation")
        if calculation is not None:
            yield from _of_formula(calculation.get("formula", ""), source, parameters or Source())
    for step in element.iter("field"):
        if _bare(step.text) not in source.fields:
            yield f"no field {step.text} in a hierarchy"


def _of_statement(statement: str, catalog: Catalog) -> Iterator[str]:
    """Look at a statement; give the types of its columns."""
    found: dict[str, str] = {}
    for part in statement.split("\nunion all\n"):
        relation = part.rpartition("\nfrom ")[2]
        if relation not in catalog:
            yield f"no table {relation}"
        names = SELECTED.findall(part)
        for expression, name in names:
            kind = "text" if "'" in expression else catalog.get(relation, {}).get(expression, "")
            kind = expression.partition("::")[2] or kind
            if not kind:
                yield f"no column {relation}.{expression}"
            if found.setdefault(name, kind) != kind:
                yield f"{name} is {found[name]} and {kind}"
        if [name for _, name in names] != list(found):
            yield f"the columns of {relation} are in another order"
    return found  # type: ignore[return-value]


def _of_formula(formula: str, source: Source, parameters: Source) -> Iterator[str]:
    for place, name in QUALIFIED.findall(formula):
        if place == "Parameters" and name not in parameters.fields:
            yield f"no parameter {name}"
    without = re.sub(r'"(?:[^"\\]|\\.)*"', '""', QUALIFIED.sub("1", formula))
    for name in BARE.findall(without):
        if name not in source.fields:
            yield f"no field {name} in {formula}"
    if any(without.count(first) != without.count(last) for first, last in ("()", "{}", "[]")):
        yield f"a bracket is missing in {formula}"
    if len(re.findall(r"\bIF\b", without)) != len(re.findall(r"\bEND\b", without)):
        yield f"an IF without its END in {formula}"
    if re.search(r"\bAVG\b", without):
        yield f"an average in {formula}"


def _of_sheet(
    sheet: Element, sources: Mapping[str, Source], shown: set[tuple[str, str]]
) -> Iterator[str]:
    listed = {entry.get("name") for entry in sheet.findall("table/view/datasources/datasource")}
    yield from (f"no data source {name}" for name in listed if name not in sources)
    for needed in sheet.findall("table/view/datasource-dependencies"):
        of_source = needed.get("datasource", "")
        if of_source not in listed:
            yield f"needs {of_source}, which it does not list"
        known, own = sources.get(of_source, Source()), set()
        for column in needed.findall("column"):
            name = _bare(column.get("name"))
            own.add(name)
            if known.fields.get(name) != column.get("datatype"):
                yield f"{name} is not so in its data source"
        for column in needed.findall("column"):
            calculation = column.find("calculation")
            if calculation is not None:
                names = BARE.findall(QUALIFIED.sub("", calculation.get("formula", "")))
                yield from (f"{name} is not listed" for name in names if name not in own)
        for instance in needed.findall("column-instance"):
            name, of_field = _bare(instance.get("name")), _bare(instance.get("column"))
            short, _, rest = name.partition(":")
            if of_field not in own:
                yield f"{name} is of {of_field}, which is not listed"
            if (
                DERIVED.get(short) != instance.get("derivation")
                or rest.rpartition(":")[0] != of_field
            ):
                yield f"{name} is derived otherwise"
            if KINDS.get(rest.rpartition(":")[2]) != instance.get("type"):
                yield f"{name} is of another kind"
            shown.add((of_source, name))
    for of_source in listed - {"Parameters"}:
        shown |= {(of_source or "", name) for name in OF_TABLEAU}
    for element in sheet.iter():
        texts = [element.get(name, "") for name in ("column", "using", "field")]
        if element.tag == "column" and element.get("datatype"):
            texts = []
        if element.tag in ("rows", "cols", "run", "column"):
            texts.append(element.text or "")
        if element.tag == "column-instance":
            texts = []
        for text in texts:
            for place in QUALIFIED.findall(text):
                if place not in shown:
                    yield f"no field {place[1]} where {element.tag} names it"
        if element.tag == "groupfilter" and (level := element.get("level")):
            if _bare(level) not in {name for _, name in shown}:
                yield f"no field {level} to filter by"
            if _bare(level) == ":Measure Names":
                (member,) = QUALIFIED.findall(element.get("member", ""))
                if member not in shown:
                    yield f"no number {member[1]}"
        if element.tag == "groupfilter" and (expression := element.get("expression")):
            names = {of for entry in sources.values() for of in entry.fields}
            yield from (
                f"no field {n} to order by" for n in BARE.findall(expression) if n not in names
            )


def _of_dashboards(
    root: Element, sources: Mapping[str, Source], instances: Mapping[str, set[tuple[str, str]]]
) -> Iterator[str]:
    dashboards = {entry.get("name") for entry in root.findall("dashboards/dashboard")}
    for window in root.findall("windows/window"):
        known = dashboards if window.get("class") == "dashboard" else instances.keys()
        if window.get("name") not in known:
            yield f"no sheet {window.get('name')} for its window"
        for viewpoint in window.iter("viewpoint"):
            if viewpoint.get("name") not in instances:
                yield f"no sheet {viewpoint.get('name')} to look at"
    numbers = [zone.get("id") for zone in root.iter("zone")]
    if len(numbers) != len(set(numbers)):
        yield "two zones have one number"
    shown = {zone.get("name") for zone in root.iter("zone") if not zone.get("param")}
    yield from (f"the sheet {name} is on no dashboard" for name in instances if name not in shown)
    for zone in root.iter("zone"):
        name, param = zone.get("name"), zone.get("param")
        if name and name not in instances:
            yield f"no sheet {name}"
        if zone.get("type-v2") == "paramctrl":
            ((_, parameter),) = QUALIFIED.findall(param or "")
            if parameter not in sources.get("Parameters", Source()).fields:
                yield f"no parameter {parameter}"
        if zone.get("type-v2") == "filter":
            ((of_source, field_name),) = QUALIFIED.findall(param or "")
            if (of_source, field_name) not in instances.get(name or "", set()):
                yield f"no field {field_name} to filter by in {name}"


def _bare(name: str | None) -> str:
    return (name or "").removeprefix("[").removesuffix("]")
