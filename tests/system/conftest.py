"""The system that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
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
