"""The embedded server starts in any folder, and after a crash."""

from __future__ import annotations

import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from local import embedded


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that the server's user can read, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="claimhouse-test-"))
    folder.chmod(0o755)
    yield folder
    for data in [*folder.rglob("postmaster.pid")]:
        embedded.stop(data.parent)
    shutil.rmtree(folder)


def started(folder: Path) -> str:
    """Start as ``make up`` does: retry while the server recovers."""
    end = time.monotonic() + 30
    while True:
        try:
            return embedded.start(folder)
        except subprocess.CalledProcessError:
            assert time.monotonic() < end
            time.sleep(0.1)


def test_a_crashed_server_may_take_long_to_recover(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = place / "pg"
    with psycopg.connect(embedded.start(folder), autocommit=True) as connection:
        connection.execute("create table kept as select 1 as one")
    server = psutil.Process(int((folder / "postmaster.pid").read_text().split()[0]))
    for process in [server, *server.children()]:
        process.send_signal(signal.SIGKILL)
    psutil.wait_procs([server], 10)
    monkeypatch.setattr(embedded, "START_SECONDS", 0)
    with psycopg.connect(started(folder)) as connection:
        assert connection.execute("select one from kept").fetchone() == (1,)
        assert connection.execute("show max_connections").fetchone() == ("200",)


@pytest.mark.parametrize("name", ["with a space", "it's, here", "größe", "long/" * 24 + "path"])
def test_a_server_starts_in_any_folder(place: Path, name: str) -> None:
    folder = place / name / "pg"
    address = embedded.start(folder)
    assert embedded.start(folder) == address, "the running server is found"
    database = embedded.create_database(address, "warehouse")
    with psycopg.connect(database) as connection:
        assert connection.execute("select current_database()").fetchone() == ("warehouse",)
    socket_folder = Path(address.partition("host=")[2])
    assert embedded.SAFE_PATH.fullmatch(str(socket_folder))
    assert stat.S_IMODE(socket_folder.stat().st_mode) == 0o700
    embedded.stop(folder)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(address)
    socket_folder.rmdir()


def test_a_socket_folder_that_others_may_open_is_refused(place: Path) -> None:
    folder = place / "with a space"
    folder.mkdir()
    socket_folder = embedded._socket_folder(folder, None)
    try:
        assert embedded._socket_folder(folder, None) == socket_folder
        socket_folder.chmod(0o755)
        with pytest.raises(PermissionError, match="remove it"):
            embedded._socket_folder(folder, None)
    finally:
        socket_folder.rmdir()
