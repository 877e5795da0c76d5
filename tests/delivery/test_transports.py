"""Transports and formats: registered once, agreed with client files, and stored where they were used."""

from __future__ import annotations

import re
import sys
import types

import fastexcel
import pytest
import yaml
from tests.worlds.client_world import client_file
from tests.worlds.delivery_world import NOW, SUMMIT, opened, outbox_rows, publish, run

from claimhouse import delivery, settings
from claimhouse.delivery import extract, ledger, transports
from claimhouse.reporting import readers

SUBSCRIPTION = {
    "name": "monthly",
    "report": "claims_by_specialty_month",
    "schedule": "0 6 1 * *",
    "time_zone": "America/Chicago",
    "recipients": ["one@summit.example"],
    "transport": "attachment",
    "reason": "benefit administration",
}


def named_in_client_files(key):
    schema = yaml.safe_load((settings.INCLUDE / "client_schema.yaml").read_text())
    return schema["properties"]["subscriptions"]["items"]["properties"][key]["enum"]


def test_client_files_name_the_registered_formats_and_transports():
    assert set(named_in_client_files("format")) == set(extract.FORMATS)
    assert set(named_in_client_files("transport")) == set(transports.TRANSPORTS)


@pytest.mark.parametrize("name", extract.FORMATS)
def test_a_client_file_may_ask_for_the_summary_alone_where_the_format_shows_one(name, tmp_path):
    assert callable(extract.FORMATS[name].load_writer())
    subscription = SUBSCRIPTION | {"format": name, "detail": False}
    file = client_file(tmp_path, "acme", SUMMIT, subscriptions=[subscription])
    if extract.FORMATS[name].has_summary:
        assert readers.load_client(file).subscriptions[0].detail is False
    else:
        with pytest.raises(readers.ReaderError, match="consists of rows"):
            readers.load_client(file)


def test_a_file_too_large_for_its_transport_goes_by_link(monkeypatch):
    monkeypatch.setenv("CLAIMHOUSE_ATTACHMENT_MIB", "1")
    assert transports.choose("attachment", 1024 * 1024) == "attachment"
    assert transports.choose("attachment", 1024 * 1024 + 1) == "link"
    assert transports.choose("link", 10**9) == "link"


def test_the_transport_is_stored_when_the_mail_is_handed_over(world, mailbox):
    delivery.prepare(world.id, NOW)
    stored = "select distinct state, transport from delivery.outbox"
    assert world.connection.execute(stored).fetchall() == [("prepared", None)]
    delivery.send(world.id)
    assert world.connection.execute(stored).fetchall() == [("sent", "attachment")]


def test_the_transport_of_the_guide_is_one_module_and_one_line(
    world, mailbox, tmp_path, monkeypatch
):
    guide = (settings.PROJECT / "docs" / "how-to" / "add-a-transport.md").read_text()
    source, line = (
        re.sub(r"(?m)^ {3}", "", block) for block in re.findall(r"```python\n(.*?)```", guide, re.S)
    )
    folder = types.ModuleType("folder")
    exec(source, vars(folder))
    monkeypatch.setitem(sys.modules, "folder", folder)
    registered = eval("{" + line + "}", {"Transport": transports.Transport, "folder": folder})
    for name, transport in registered.items():
        monkeypatch.setitem(transports.TRANSPORTS, name, transport)
    shared = tmp_path / "shared"
    shared.mkdir()
    monkeypatch.setenv("CLAIMHOUSE_SHARED_FOLDER", str(shared))
    publish(world, SUMMIT)
    world.connection.execute("update delivery.subscription set transport = 'folder'")
    run(world)
    assert {row[1] for row in outbox_rows(world)} == {"sent"}
    (file,) = shared.iterdir()
    rows = fastexcel.read_excel(opened(file.read_bytes())).load_sheet("Rows").to_polars()
    assert rows.height == len(world.expected(world.summit, SUMMIT))
    for message in mailbox.parsed():
        assert list(message.iter_attachments()) == []
        assert file.name in message.get_content()
    assert {row.transport for row in ledger.disclosures(client=world.summit)} == {"folder"}
