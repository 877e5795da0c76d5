"""The files of ``include/tableau``: made of the YAML, and compared with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from claimhouse import settings
from claimhouse.dashboards import model
from claimhouse.dashboards.tableau import catalog, sheets, sources, workbooks
from claimhouse.dashboards.tableau.catalog import Catalog
from claimhouse.dashboards.tableau.markup import document
from claimhouse.reporting import readers

_MADE = (".tds", ".twb")


def folder() -> Path:
    """Where the files are."""
    return settings.INCLUDE / "tableau"


def made(columns: Catalog | None = None) -> dict[str, str]:
    """The files by name: a data source for each fact and each publication, a workbook for each dashboard.

    Args:
        columns: the columns of the star and of reports; those that are kept by default.

    Raises:
        UnknownRelation: something reads a report that the columns do not have.
        YamlError: a dashboard says something it may not.
    """
    everyone = readers.load_all()
    if columns is None:
        columns = catalog.load(feed for reader in everyone for feed in sorted(reader.feeds))
    people = {reader.name: reader for reader in everyone}
    dashboards = model.load_all(everyone=everyone)
    found: dict[str, str] = {}
    publications = sheets.relations(dashboards.values(), everyone)
    for source in (
        *sources.of_star(columns),
        *(sources.of_report(columns, name) for name in publications),
    ):
        found[f"{source.name}.tds"] = document(sources.to_xml(source, in_workbook=False))
    for name, dashboard in dashboards.items():
        book = sheets.of(dashboard, people, columns)
        found[f"{name}.twb"] = document(workbooks.to_xml(book))
    return found


def write() -> list[str]:
    """Write the files, and remove those of what is no longer there; the names of what changed."""
    changed = stale()
    files: Mapping[str, str] = made()
    folder().mkdir(exist_ok=True)
    for name in changed:
        path = folder() / name
        if name in files:
            path.write_text(files[name], encoding="utf-8")
        else:
            path.unlink()
    return changed


def stale() -> list[str]:
    """The names of files that are not what the YAML says: changed, missing, or left behind."""
    files = made()
    there = {path.name: path for path in folder().glob("*") if path.suffix in _MADE}
    return sorted(
        name
        for name in files.keys() | there.keys()
        if name not in files
        or name not in there
        or there[name].read_text(encoding="utf-8") != files[name]
    )
