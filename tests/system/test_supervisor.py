"""The supervisor starts again what dies, and gives up what dies too often."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from filelock import FileLock
from local import embedded, places, postgres, processes, services, supervisor
from local.progress import Stopwatch

SLEEP = "import time; time.sleep(600)  # claimhouse-sleeper"
# Its child holds the port on; the dead parent's successor needs it.
SERVE = """
import os, socket, sys, time  # claimhouse-sleeper
with socket.socket() as server:
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", int(sys.argv[1])))
    server.listen()
    os.fork()
    time.sleep(600)
"""
FAIL = "raise SystemExit('no such setting')  # claimhouse-sleeper"


def wait_for(condition: Callable[[], object], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def parts(var: Path) -> Iterator[Path]:
    """An empty system, with ports as if it were up; its parts are stopped at the end."""
    places.RUN.mkdir()
    places.LOGS.mkdir()
    places.PORTS.write_text("{}")
    yield var
    supervisor.stop()
    for file in places.RUN.glob("*.pid"):
        processes.stop(file.stem, places.RUN)


def begin(name: str, code: str = SLEEP, *arguments: str) -> psutil.Process:
    command = [sys.executable, "-c", code, *arguments]
    processes.restart(name, command, "claimhouse-sleeper", dict(os.environ))
    return found(name)


def found(name: str) -> psutil.Process:
    process = processes.find(name, places.RUN)
    assert process is not None, name
    return process


def kill(process: psutil.Process) -> None:
    process.kill()
    with contextlib.suppress(psutil.TimeoutExpired):
        process.wait(5)


def test_what_is_killed_is_started_again_though_its_child_holds_the_port(parts: Path) -> None:
    port = services.free_port(29100)
    first = begin("server", SERVE, str(port))
    untouched = begin("other")
    wait_for(first.children)
    known: dict[str, supervisor.Part] = {}
    supervisor.look(known, 0.0)
    kill(first)
    supervisor.look(known, 1.0)
    supervisor.look(known, 1.5)
    second = found("server")
    assert second.pid != first.pid
    wait_for(second.children)  # it has the port
    assert found("other").pid == untouched.pid


def test_a_part_that_a_command_is_about_to_start_has_not_died(parts: Path) -> None:
    known: dict[str, supervisor.Part] = {}
    with FileLock(places.RUN / "part.lock"):  # as the command holds it
        processes.write_part("part", "{}")
        supervisor.look(known, 0.0)
    assert known["part"] == supervisor.Part(known["part"].started)


def test_a_part_that_was_stopped_on_purpose_stays_stopped(parts: Path) -> None:
    begin("stopped")
    known: dict[str, supervisor.Part] = {}
    supervisor.look(known, 0.0)
    processes.stop("stopped", places.RUN)
    supervisor.look(known, 1.0)
    supervisor.look(known, 2.0)
    assert not processes.revive("stopped")
    assert processes.find("stopped", places.RUN) is None
    assert known == {}


def test_waits_grow_and_after_five_deaths_the_part_is_given_up_loudly(
    parts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    news = supervisor.News(Stopwatch())
    command = [sys.executable, "-c", FAIL]
    processes.restart("broken", command, "claimhouse-sleeper", dict(os.environ))
    pid_file = places.RUN / "broken.pid"
    known: dict[str, supervisor.Part] = {}
    started = []
    for second in range(40):
        wait_for(lambda: processes.find("broken", places.RUN) is None)
        before = pid_file.read_text()
        supervisor.look(known, float(second))
        if pid_file.read_text() != before:
            started.append(second)
    # Found dead in second 0, and one second after each start; the waits are 0, 1, 3 and 7 s.
    assert started == [1, 3, 7, 15]
    assert known["broken"].is_given_up
    with pytest.raises(SystemExit, match=r"given up: broken\. See .*broken\.log; `make up`"):
        news.tell()
    said = capsys.readouterr().out
    assert "broken has died (5 of at most 5 times in 300 s)" in said
    assert "    no such setting" in said
    begin("broken")  # a person repaired it
    supervisor.look(known, 50.0)
    assert not known["broken"].is_given_up
    news.tell()


def test_a_program_that_cannot_be_started_is_given_up_and_the_others_are_looked_after(
    parts: Path,
) -> None:
    program = parts / "program"
    program.symlink_to(sys.executable)
    processes.restart("absent", [str(program), "-c", SLEEP], "claimhouse-sleeper", dict(os.environ))
    program.unlink()
    kill(found("absent"))
    other = begin("other")
    known: dict[str, supervisor.Part] = {}
    for second in range(40):
        if second == 20:
            kill(other)
        supervisor.look(known, float(second))
    assert known["absent"].is_given_up
    assert found("other").pid != other.pid


def test_deaths_long_ago_do_not_count(parts: Path) -> None:
    begin("part")
    known: dict[str, supervisor.Part] = {}
    for death in range(supervisor.MOST_DEATHS + 1):
        now = death * supervisor.WINDOW_SECONDS / 2
        kill(found("part"))
        supervisor.look(known, now)
        supervisor.look(known, now + supervisor.LONGEST_WAIT_SECONDS)
    found("part")


def test_a_killed_supervisor_harms_no_part_and_who_waits_starts_another(
    parts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part = begin("part")
    assert supervisor.start()
    assert not supervisor.start()
    news = supervisor.News(Stopwatch())
    assert not news.tell()
    kill(found(supervisor.NAME))
    assert found("part").pid == part.pid
    assert news.tell()
    assert "the supervisor had died and was started again" in capsys.readouterr().out
    kill(part)
    wait_for(lambda: processes.find("part", places.RUN) is not None)
    wait_for(news.tell)
    assert "part has died (1 of at most 5" in capsys.readouterr().out
    supervisor.stop()
    assert processes.find(supervisor.NAME, places.RUN) is None
    found("part")


def test_a_second_supervisor_ends_at_once(parts: Path) -> None:
    supervisor.start()
    log = places.LOGS / "supervisor.log"
    wait_for((places.RUN / "supervising.lock").exists)
    command = [sys.executable, "-m", "local.supervisor"]
    own = dict(os.environ) | {"CLAIMHOUSE_VAR": str(parts), "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(
        command, env=own, capture_output=True, text=True, timeout=20, check=False
    )
    assert "another supervisor is at work" in ended.stderr, log.read_text()


def test_after_a_crash_of_the_machine_old_parts_are_forgotten(parts: Path) -> None:
    running = begin("running")
    kill(begin("of-another-topology"))
    supervisor.forget_dead_parts()
    assert [file.stem for file in places.RUN.glob("*.part")] == ["running"]
    assert found("running").pid == running.pid


def test_who_waits_for_a_system_that_was_stopped_is_told_so(parts: Path) -> None:
    places.PORTS.unlink()
    with pytest.raises(SystemExit, match="make down"):
        supervisor.News(Stopwatch()).tell()
    assert processes.find(supervisor.NAME, places.RUN) is None


def test_a_part_file_with_secrets_is_its_owners_alone(parts: Path) -> None:
    begin("part")
    assert processes.part_file("part").stat().st_mode & 0o077 == 0


def test_a_killed_postgres_is_started_again_amid_a_statement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="claimhouse-test-"))
    folder.chmod(0o755)
    monkeypatch.setattr(places, "POSTGRES", folder / "postgres")
    monkeypatch.setattr(places, "RUN", folder / "run")
    try:
        address, _ = postgres.start()
        busy = "select count(*) from generate_series(1, 100000000000) as n"
        with contextlib.closing(psycopg.connect(address, autocommit=True)) as connection:
            connection.execute("create table kept as select 1 as n")
            backend = psutil.Process(connection.info.backend_pid)
            connection.pgconn.send_query(busy.encode())
            server = psutil.Process(
                int((places.POSTGRES / "postmaster.pid").read_text().split()[0])
            )
            kill(server)
            assert backend.is_running()
            known: dict[str, supervisor.Part] = {}
            supervisor.look(known, 0.0)
            supervisor.look(known, 1.0)
            assert postgres.is_running()
            assert not backend.is_running()
        with psycopg.connect(address) as connection:
            assert connection.execute("select n from kept").fetchone() == (1,)
        postgres.stop()
        supervisor.look(known, 2.0)
        supervisor.look(known, 3.0)
        assert not postgres.is_running()
    finally:
        embedded.stop(folder / "postgres")
        shutil.rmtree(folder)
