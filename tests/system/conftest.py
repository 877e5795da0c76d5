"""The system that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from local import places
from tests.system.running import System


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system on which the demo has run; tests leave what it loaded as it is."""
    folder = tmp_path_factory.mktemp("demo")
    folder.chmod(0o755)
    system = System(folder, {})
    try:
        system.run("local.demo")
        yield system
    finally:
        system.run("local.system", "down")


@pytest.fixture
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A var folder of the test's own."""
    named = [name for name in vars(places) if name.isupper() and name not in ("ROOT", "VAR")]
    for name in named:
        relative = getattr(places, name).relative_to(places.VAR)
        monkeypatch.setattr(places, name, tmp_path / relative)
    monkeypatch.setattr(places, "VAR", tmp_path)
    return tmp_path
