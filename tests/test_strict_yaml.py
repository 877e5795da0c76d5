"""Whatever a YAML file of ours holds, an error names the file and the line."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.worlds.properties import examples

from claimhouse import strict_yaml


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
