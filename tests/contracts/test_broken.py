"""One contract that cannot be used harms its own source system, and no other."""

from __future__ import annotations

import copy
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.worlds.properties import examples

from claimhouse import contracts, settings

CONTRACTS = sorted(
    file
    for file in (settings.INCLUDE / "schemas").glob("*/*.yaml")
    if file.parent.name != "vocabulary"
)
# What people write where something else is needed.
ODD = st.sampled_from(
    [
        "",
        "no such word",
        "YY",
        0,
        -1,
        1.5,
        True,
        None,
        [],
        {},
        ["x"],
        {"x": 1},
        "2024-01-01",
        "(",
        "*",
    ]
)


def places(node: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place of a document below its top."""
    found = [path] if path else []
    pairs = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    for key, value in pairs:
        found += places(value, (*path, key))
    return found


def changed(document: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """A copy of the document with another value at one place."""
    document = copy.deepcopy(document)
    node = document
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return document


@examples(150)
@given(st.data())
def test_whatever_is_written_into_a_contract_it_loads_or_the_error_names_file_and_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    file = data.draw(st.sampled_from(CONTRACTS))
    document = yaml.safe_load(file.read_text("utf-8"))
    place = data.draw(st.sampled_from(places(document)))
    folder = tmp_path_factory.mktemp("contract") / "schemas" / file.parent.name
    shutil.copytree(settings.INCLUDE / "schemas" / "vocabulary", folder.parent / "vocabulary")
    folder.mkdir(parents=True)
    (folder / file.name).write_text(
        yaml.safe_dump(changed(document, place, data.draw(ODD)), sort_keys=False)
    )
    try:
        contracts.load(folder / file.name)
    except contracts.ContractError as error:
        assert re.match(rf"{re.escape(str(folder / file.name))}:\d+: ", str(error))


@pytest.fixture
def include(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of ``include``, to break, and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = shutil.copytree(settings.INCLUDE, tmp_path / "include")
    monkeypatch.setattr(settings, "INCLUDE", folder)
    return folder


def break_contract(include: Path, source: str, feed: str) -> str:
    """Write a word that nobody knows into a contract, and return where it is."""
    file = include / "schemas" / source / f"{feed}.yaml"
    lines = file.read_text("utf-8").splitlines()
    line = next(number for number, text in enumerate(lines) if "physicalType: text" in text)
    lines[line] = lines[line].replace("text", "txet")
    file.write_text("\n".join(lines))
    return f"{file}:{line + 1}: "


@pytest.mark.parametrize("broken", [["hospital"], ["billing", "clinic"]])
def test_only_the_dag_of_a_source_with_a_broken_contract_shows_the_error(include, broken):
    from airflow.dag_processing.dagbag import DagBag

    places = [break_contract(include, source, "patients") for source in broken]
    bag = DagBag(dag_folder=str(settings.PROJECT / "dags"))
    assert list(bag.import_errors) == [str(settings.PROJECT / "dags" / "contract_errors.py")]
    (error,) = bag.import_errors.values()
    for source in contracts.sources():
        dag = bag.dags[f"ingest_{source}"]
        assert (dag.task_ids == ["land"]) == (source in broken)
    for source, place in zip(broken, places, strict=True):
        assert place in error
        assert place in bag.dags[f"ingest_{source}"].doc_md
        with pytest.raises(contracts.ContractError, match=re.escape(place)):
            contracts.of_source(source)


def harm(place: Path, way: str) -> None:
    """Have something else in the place of a contract."""
    place.unlink()
    if way == "folder":
        place.mkdir()
    elif way == "link":
        place.symlink_to("nowhere")
    elif way == "pipe":
        os.mkfifo(place)
    else:
        place.write_bytes({"bytes": b"name: \xff\n", "nothing": b"", "huge": b"#" * 2_000_000}[way])


@pytest.mark.parametrize(
    ("way", "why"),
    [
        ("folder", "1: not a file, or a link that leads nowhere"),
        ("link", "1: not a file, or a link that leads nowhere"),
        ("pipe", "1: not a file, or a link that leads nowhere"),
        ("bytes", "1: not UTF-8"),
        ("nothing", "1: "),
        ("huge", "1: larger than 1,000,000 bytes"),
    ],
)
def test_whatever_is_in_the_place_of_a_contract_harms_its_own_source_alone(include, way, why):
    place = include / "schemas" / "hospital" / "patients.yaml"
    harm(place, way)
    assert f"{place}:{why}" in contracts.outline("hospital").error
    assert f"{place}:{why}" in contracts.broken()["hospital"]
    assert contracts.outline("billing").error == ""
    assert {feed.source_system for feed in contracts.sound()} == set(contracts.sources()) - {
        "hospital"
    }
    if place.is_dir():
        place.rmdir()
    else:
        place.unlink()
    shutil.copy(settings.PROJECT / "include" / "schemas" / "hospital" / "patients.yaml", place)
    assert contracts.outline("hospital").error == ""


def test_every_broken_contract_of_a_source_is_named_at_once(include):
    places = [break_contract(include, "billing", feed) for feed in ("claims", "patients")]
    with pytest.raises(contracts.ContractError) as error:
        contracts.of_source("billing")
    assert all(place in str(error.value) for place in places)


def test_what_is_kept_of_contracts_follows_them(include):
    first = contracts.outline("pended")
    assert first == contracts.outline("pended")
    assert set(first.feeds) == {contract.feed for contract in contracts.of_source("pended")}
    assert "pend_queue" in first.fetched and "inpatient_claims" not in first.fetched
    assert not first.error
    place = break_contract(include, "pended", "pend_queue")
    for _ in range(2):
        broken = contracts.outline("pended")
        assert place in broken.error
        assert set(broken.feeds) == set(first.feeds)
    shutil.copy(
        settings.PROJECT / "include" / "schemas" / "pended" / "pend_queue.yaml",
        include / "schemas" / "pended",
    )
    assert contracts.outline("pended") == first


def test_a_word_of_a_vocabulary_that_breaks_contracts_is_seen(include):
    assert not contracts.outline("clinic").error
    (include / "schemas" / "vocabulary" / "clinics.yaml").write_text("values: [\n")
    assert "clinics.yaml:" in contracts.outline("clinic").error


@pytest.mark.parametrize("content", ["", "[]", "{}", "null", '{"content": 1}', "\xff"])
def test_a_damaged_cache_is_made_again(include, tmp_path, content):
    first = contracts.outline("clinic")
    (kept,) = (tmp_path / "cache").rglob("clinic.json")
    kept.write_text(content, encoding="latin-1")
    assert contracts.outline("clinic") == first
    assert kept.read_text("utf-8") != content


def test_a_cache_that_cannot_be_written_is_done_without(include, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert contracts.outline("clinic").feeds
