"""The overview while a contract cannot be used."""

from __future__ import annotations

import shutil

from claimhouse import settings, web
from claimhouse.pages import answers, overview
from claimhouse.pages.rights import Person


def test_the_overview_names_the_contract_that_cannot_be_used(tmp_path, monkeypatch):
    monkeypatch.setattr(
        settings, "INCLUDE", shutil.copytree(settings.INCLUDE, tmp_path / "include")
    )
    file = settings.INCLUDE / "schemas" / "clinic" / "visits.yaml"
    file.write_text(file.read_text("utf-8").replace("physicalType: date\n", "physicalType: dtae\n"))
    person = Person("pat", ("billing", "clinic"), (), "token")
    page = web.page(
        "pages/overview.html", root="/", tabs=answers.TABS, tab="", person=person, feeds=[], money=[],
        sent=[], new=[], waiting=list(overview._broken(person.sees)),
    )  # fmt: skip
    (row,) = (part for part in page.split("<tr>") if "contract broken" in part)
    assert f"{file}:" in row and "dtae" in row
    assert "the next run of ingest_clinic takes what waits" in row
