"""Folders of their own for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from local import places


@pytest.fixture
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A var folder of the test's own."""
    named = [name for name in vars(places) if name.isupper() and name not in ("ROOT", "VAR")]
    for name in named:
        relative = getattr(places, name).relative_to(places.VAR)
        monkeypatch.setattr(places, name, tmp_path / relative)
    monkeypatch.setattr(places, "VAR", tmp_path)
    return tmp_path
