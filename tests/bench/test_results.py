"""What is kept of a measurement, and how the next one is compared with it."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from bench.results import Ratio

from bench import __main__ as everything
from bench import once, results

ENDLESS = (
    "import subprocess; child = subprocess.Popen(['sleep', '60']); print(child.pid, flush=True);"
    "child.wait()"
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    return tmp_path


def commit(monkeypatch, name):
    monkeypatch.setattr(results, "commit", lambda: name)


def test_a_missed_aim_is_told_beside_the_figure_before(monkeypatch, capsys):
    commit(monkeypatch, "first")
    results.keep("load", [Ratio("load / COPY", 5.0, 4), Ratio("faster", 2.0, 1.5, True)])
    assert results.summary() == ["load: load / COPY"]
    os.utime(results.FOLDER / "first.json", (1, 1))
    commit(monkeypatch, "second")
    results.keep("load", [Ratio("load / COPY", 3.5, 4), Ratio("faster", 1.4, 1.5, True)])
    capsys.readouterr()
    assert results.summary() == ["load: faster"]
    told = capsys.readouterr().out
    assert "commit second, beside first" in told
    (line,) = [line for line in told.splitlines() if "load / COPY" in line]
    assert line.split()[-5:] == ["most", "4", "met", "before", "5.00"]


def test_measurements_of_one_commit_are_kept_together(monkeypatch, folder):
    commit(monkeypatch, "first")
    results.keep("load", [Ratio("a", 1, 1)])
    results.keep("extract", [Ratio("b", 2, 1)], {"rows": 3})
    results.keep("load", [Ratio("c", 2, 1)])
    assert sorted(results.summary()) == ["extract: b", "load: c"]
    assert [file.name for file in folder.iterdir()] == ["first.json"]


def test_nothing_measured_misses_nothing(monkeypatch, capsys):
    commit(monkeypatch, "first")
    assert results.summary() == []
    assert "nothing is measured at first" in capsys.readouterr().out


@pytest.mark.system
def test_a_measurement_ends_with_the_time_and_so_do_its_processes(monkeypatch, capfd):
    monkeypatch.setitem(everything.MEASUREMENTS, "endless", ["timeit", "-n1", "-s", ENDLESS])
    assert not everything.measured("endless", time.perf_counter() + 3)
    told = capfd.readouterr().out
    assert "endless was ended" in told
    child = int(told.split()[0])
    # Ended, or waiting for somebody to take note of it.
    until = time.perf_counter() + 20
    while once._stat(child)[:1] not in ([], ["Z"]) and time.perf_counter() < until:
        time.sleep(0.1)
    assert once._stat(child)[:1] in ([], ["Z"])


@pytest.mark.system
def test_processor_time_of_ended_processes_counts():
    burn = "import time\nwhile time.process_time() < 0.2: pass"
    before = once.processor_seconds(os.getpid())
    with subprocess.Popen([sys.executable, "-c", burn]) as child:
        child.wait()
    assert once.processor_seconds(os.getpid()) - before > 0.15


@pytest.mark.system
def test_processor_time_of_living_processes_counts():
    burn = "import time\nwhile time.process_time() < 0.2: pass\nprint(flush=True)\ninput()"
    before = once.processor_seconds(os.getpid())
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", burn], **pipes) as child:
        child.stdout.readline()
        assert once.processor_seconds(os.getpid()) - before > 0.15
        child.communicate(b"\n")
