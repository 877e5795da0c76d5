"""A workbook's sheets as Excel would show them: number formats, read from the file's own XML."""

from __future__ import annotations

import io
import re
import zipfile
from xml.etree import ElementTree

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
# The number formats that every workbook knows by number (ECMA-376, 18.8.30).
BUILT_IN = {0: "General", 1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00"}


def number_formats(workbook: bytes, sheet: str) -> dict[str, str]:
    """The number format of the cell below each heading of *sheet*."""
    archive = zipfile.ZipFile(io.BytesIO(workbook))
    styles = ElementTree.fromstring(archive.read("xl/styles.xml"))
    known = BUILT_IN | {
        int(element.attrib["numFmtId"]): element.attrib["formatCode"]
        for element in styles.iter(f"{MAIN}numFmt")
    }
    by_style = [
        known[int(element.attrib.get("numFmtId", 0))]
        for element in styles.find(f"{MAIN}cellXfs").iter(f"{MAIN}xf")
    ]
    first, second = list(_rows(archive, sheet))[:2]
    shared = [
        "".join(element.itertext())
        for element in ElementTree.fromstring(archive.read("xl/sharedStrings.xml"))
    ]
    headings = [shared[int(cell.find(f"{MAIN}v").text)] for cell in first]
    formats = [by_style[int(cell.attrib.get("s", 0))] for cell in second]
    return dict(zip(headings, formats, strict=True))


def _rows(archive, sheet):
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
    (relation,) = [
        element.attrib[RELATION]
        for element in book.iter(f"{MAIN}sheet")
        if element.attrib["name"] == sheet
    ]
    number = re.sub(r"\D", "", relation)
    part = ElementTree.fromstring(archive.read(f"xl/worksheets/sheet{number}.xml"))
    return part.find(f"{MAIN}sheetData")
