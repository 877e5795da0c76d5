"""The command ``claimhouse``, as a person calls it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

PROGRAM = Path(sys.executable).with_name("claimhouse")


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "WAREHOUSE_URL"}
    return subprocess.run(
        [PROGRAM, *arguments],
        env=environment | settings,
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_command_the_usage_is_shown():
    answer = run()
    assert answer.returncode == 2
    assert "usage: claimhouse" in answer.stderr


def test_an_unknown_command_is_refused():
    answer = run("rebuild")
    assert answer.returncode == 2
    assert "invalid choice: 'rebuild'" in answer.stderr


@pytest.mark.parametrize(
    "command", [("star", "rebuild"), ("upgrade",), ("show", "star/fact", "clinic")]
)
def test_without_a_warehouse_the_message_says_what_to_set(command):
    answer = run(*command)
    assert answer.returncode == 1
    assert "set WAREHOUSE_URL" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_server_that_is_away_is_no_traceback():
    answer = run("star", "rebuild", WAREHOUSE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert answer.returncode == 1
    assert answer.stderr.startswith("claimhouse star: ")
    assert "Traceback" not in answer.stderr


def test_a_mapping_is_shown_without_a_warehouse():
    answer = run("show", "mapping/billing/dim_provider")
    assert answer.returncode == 0
    assert "'billing' as source_system" in answer.stdout
