"""Whatever a YAML file of ours holds, an error names the file and the line."""

from __future__ import annotations

import copy
import os
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.worlds.properties import examples

from claimhouse import contracts, metrics, strict_yaml
from claimhouse.dashboards import model
from claimhouse.reporting import reports


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: 1\nb: 2024-13-45\n", "2: not YAML"),
        (b"a: 1\nb: !!int x\n", "2: not YAML"),
        (b"a: 1\n? [x]\n: 2\n", "2: not YAML"),
        (b"a: 1\nb: \xff\n", "2: not UTF-8"),
        (b"a: 1\nb: [1\n", "3: not YAML"),
        (b"a: \x00\n", "1: not YAML"),
        (b"a: 1\nb: *c\n", "2: not YAML"),
        (b"a: 1\nb: 2\na: 3\n", "a: occurs twice"),
        (b"a: 1\n---\nb: 2\n", "2: not YAML"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_line(tmp_path, content, message):
    file = tmp_path / "contract.yaml"
    file.write_bytes(content)
    with pytest.raises(strict_yaml.YamlError) as error:
        strict_yaml.read(file)
    assert str(error.value).startswith(f"{file}:")
    assert message in str(error.value)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("yaml")


@examples(200)
@given(st.binary(max_size=40) | st.text(alphabet="ab:-?[]{}&*!|>'\"#%@` \n0129.Tz", max_size=40))
@example("a: 0o9_:60:60.5e")
def test_no_content_raises_anything_else(folder, content):
    file = folder / "any.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    try:
        strict_yaml.read(file)
    except strict_yaml.YamlError as error:
        assert str(error).startswith(f"{file}:")


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)
HARMFUL = {
    "a list of lists of lists": (BOMB, "means more than 100,000 values"),
    "itself": ("a: &a [*a]\n", "means more than 100,000 values"),
    "brackets": ("a: " + "[" * 200_000, "1: nested more than 60 deep"),
    "lists on a line": ("- " * 200_000, "1: nested more than 60 deep"),
    "ten megabytes": ("# a comment\n" * 900_000, "1: larger than 1,000,000 bytes"),
    "a tab": ("a:\n\tb: 1\n", "2: not YAML: found character that cannot start any token"),
}


@pytest.mark.parametrize("name", HARMFUL)
def test_what_would_take_a_process_along_is_refused_at_once(tmp_path, name):
    text, message = HARMFUL[name]
    file = tmp_path / "contract.yaml"
    file.write_text(text)
    started = time.process_time()
    with pytest.raises(strict_yaml.YamlError) as error:
        strict_yaml.read(file)
    assert time.process_time() - started < 2
    assert message in str(error.value)


def test_what_is_no_file_is_named(tmp_path):
    folder, pipe, link = (tmp_path / f"{name}.yaml" for name in ("folder", "pipe", "link"))
    folder.mkdir()
    os.mkfifo(pipe)
    link.symlink_to(tmp_path / "nothing")
    for place in (folder, pipe, link):
        with pytest.raises(strict_yaml.YamlError, match=f"{place.name}:1: not a file"):
            strict_yaml.read(place)


def test_anchors_within_reason_may_be_used(tmp_path):
    file = tmp_path / "contract.yaml"
    file.write_text("a: &a {b: [1, 2]}\nc: *a\nd:\n  <<: *a\n  e: 3\n")
    assert strict_yaml.read(file).data == {
        "a": {"b": [1, 2]},
        "c": {"b": [1, 2]},
        "d": {"b": [1, 2], "e": 3},
    }


def test_a_file_that_is_written_again_is_read_again(tmp_path):
    file, schema = tmp_path / "list.yaml", tmp_path / "schema.yaml"
    schema.write_text("properties: {a: {type: integer}}\n")
    # A clock that does not tick between two of these writes.
    now = time.time_ns() + 1_000_000_000
    for number in range(8):
        file.write_text(f"a: {number}\n")
        os.utime(file, ns=(now, now))
        assert strict_yaml.read(file).data == strict_yaml.read(file, schema).data == {"a": number}
    schema.write_text("properties: {a: {type: string}}\n")
    with pytest.raises(strict_yaml.YamlError, match=r"list.yaml:1: a: 7 is not of type 'string'"):
        strict_yaml.read(file, schema)


def test_nobody_changes_what_all_share(monkeypatch):
    read = []
    parsed = strict_yaml._parsed

    def kept(file):
        document = parsed(file)
        read.append((document, copy.deepcopy(document.data)))
        return document

    monkeypatch.setattr(strict_yaml, "_parsed", kept)
    strict_yaml._read.cache_clear()
    strict_yaml._checked.cache_clear()
    contracts.load_all()
    metrics.load_all()
    model.load_all()
    reports.load_all()
    assert len(read) > 50
    assert [document.file for document, content in read if document.data != content] == []
