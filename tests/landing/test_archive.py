"""The archive: a copy is whole or is not there, and is compared with what landed when it is read."""

from __future__ import annotations

import os
import signal
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.worlds import forks
from tests.worlds.feeds import batches, claim, claims_csv, drop, issues, take_in_all

from claimhouse import ingest, review, storage
from claimhouse.landing import archive

MANY = claims_csv(*(claim(number) for number in range(165)))


def copies(root: Path) -> list[Path]:
    """The archived files, those in progress too."""
    return sorted(path for path in (root.parent / "archive").rglob("*") if path.is_file())


DYING = """
import os, signal
from claimhouse import ingest, storage
storage.CHUNK = 4096
real = storage.pour
def pour(read, write):
    def dying(chunk):
        write(chunk[:1000])
        os.kill(os.getpid(), signal.SIGKILL)
    return real(read, dying)
storage.pour = pour
ingest.land("billing")
"""


def die_while_copying(environment: dict[str, str]) -> None:
    code, printed = forks.run(DYING, environment)
    assert code == -signal.SIGKILL, printed[-1000:]


def test_a_run_killed_while_it_copies_what_another_has_landed_cuts_nothing(
    landing_root, warehouse, monkeypatch
):
    """Without the lock: two runs see the same new file, and the later is killed."""
    path = drop(landing_root, "claims.csv", MANY)
    assert len(ingest.land("billing")) == 1
    warehouse.execute("delete from landing.sighting")  # the other run listed it before
    die_while_copying({})
    assert [batch[1] for batch in batches(warehouse)] == ["landed"]
    assert ingest.verify(1) == "verified"
    assert batches(warehouse)[0][2:] == (165, 165, 0, 0)
    partial = [each for each in copies(landing_root) if each.name.endswith(".part")]
    assert len(partial) == 1
    ingest.land("billing")
    assert partial[0].exists()  # it may be the copy of a run that still goes on
    old = time.time() - 2 * 24 * 60 * 60
    os.utime(partial[0], (old, old))
    path.write_bytes(claims_csv(claim(1)))
    ingest.land("billing")
    assert not partial[0].exists()


def test_two_runs_at_once_land_a_file_once(landing_root, warehouse):
    for number in range(6):
        drop(landing_root, f"claims_{number}.csv", claims_csv(claim(number)))
    with ThreadPoolExecutor(3) as runs:
        landed = list(runs.map(ingest.land, ["billing"] * 3))
    assert landed[0] == landed[1] == landed[2]
    assert len(landed[0]) == 6
    assert len(copies(landing_root)) == 6


def test_a_damaged_copy_is_restored_from_the_landing_root(landing_root, warehouse):
    drop(landing_root, "claims.csv", MANY)
    (batch,) = ingest.land("billing")
    (copy,) = copies(landing_root)
    copy.write_bytes(MANY[: len(MANY) // 3])
    assert ingest.verify(batch) == "verified"
    assert batches(warehouse)[0][2:] == (165, 165, 0, 0)
    assert copy.read_bytes() == MANY
    assert [(rule, severity) for _, _, rule, severity, *_ in issues(warehouse)] == [
        ("archive_restored", "warning")
    ]


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone", "longer", "folder gone"])
def test_a_copy_damaged_in_any_way_is_never_verified(damage, landing_root, warehouse):
    path = drop(landing_root, "claims.csv", MANY)
    (batch,) = ingest.land("billing")
    (copy,) = copies(landing_root)
    if damage.endswith("gone"):
        copy.unlink()
        if damage == "folder gone":
            copy.parent.rmdir()
    else:
        changed = {
            "cut": MANY[:-40],
            "flipped": MANY.replace(b"10.50", b"10.51"),
            "longer": MANY + MANY[-90:],
        }
        copy.write_bytes(changed[damage])
    path.write_bytes(MANY.replace(b"10.50", b"99.50"))  # the original is another file by now
    assert ingest.verify(batch) == "rejected"
    assert batches(warehouse)[0][1:] == ("rejected", 0, 0, 0, 0)
    assert [(rule, severity) for _, _, rule, severity, *_ in issues(warehouse)] == [
        ("archive_damaged", "error")
    ]
    message = warehouse.execute("select message from quality.issue").fetchone()[0]
    assert "Deliver the same file again" in message
    assert ("missing" in message) == damage.endswith("gone")


def test_a_correction_is_not_made_from_a_damaged_copy(landing_root, warehouse):
    drop(landing_root, "claims.csv", claims_csv(claim(1, total_cost="xyz")))
    take_in_all()
    (copy,) = copies(landing_root)
    copy.write_bytes(copy.read_bytes().replace(b"claim_id,patient_id", b"patient_id,claim_id"))
    with pytest.raises(review.ReviewError, match="not the file that landed"):
        review.correct(1, {"total_cost": "1"})
    review.correct(1, claim(1, total_cost="1"))  # it needs nothing of the copy
    assert take_in_all() == ["verified"]


def test_everything_written_is_closed_to_others_whatever_the_umask(landing_root, warehouse):
    before = os.umask(0o022)
    try:
        root = landing_root.parent / "archive"
        (root / "billing").mkdir(parents=True, mode=0o755)  # by an earlier version
        drop(landing_root, "claims.csv", claims_csv(claim(1), claim(2, total_cost="xyz")))
        take_in_all()
        review.correct(1, {"total_cost": "1"})
        take_in_all()
    finally:
        os.umask(before)
    for top in ("archive", "corrections"):
        for path in ((folder := landing_root.parent / top), *folder.rglob("*")):
            expected = 0o700 if path.is_dir() else 0o600
            assert stat.S_IMODE(path.stat().st_mode) == expected, path


def test_a_full_archive_fails_the_run_and_blames_no_file(landing_root, warehouse, monkeypatch):
    drop(landing_root, "claims.csv", claims_csv(claim(1)))
    monkeypatch.setenv("CLAIMHOUSE_ARCHIVE_ROOT", "file:///dev/full/archive")
    with pytest.raises(OSError, match="Not a directory"):
        ingest.land("billing")
    assert issues(warehouse) == []


@pytest.mark.parametrize(
    "name",
    ["claims.csv", "x" * 255, "../../etc/passwd", "a\nb.csv", "日本.csv", "-rf.csv", "a%2Fb"],
)
def test_an_archived_name_is_short_and_plain(name):
    plain = archive.plain(storage.shown(name))
    assert len(plain) <= archive.NAME_CHARACTERS
    assert "/" not in plain
    assert plain.isascii()
    assert plain.isprintable()


def test_batches_are_grouped_by_size_and_never_more_than_the_scheduler_takes(warehouse):
    def group(sizes: list[int]) -> list[list[int]]:
        warehouse.execute("truncate landing.file restart identity cascade")
        with warehouse.cursor() as cursor:
            with cursor.copy(
                "copy landing.file (checksum, size_bytes, source_system, feed, file_name, archive_path,"
                " arrived_at, file_order) from stdin"
            ) as rows:
                for number, size in enumerate(sizes):
                    order = f"{number:06}"
                    rows.write_row(
                        (f"c{number}", size, "billing", "claims", "f", "f", "2026-01-01", order)
                    )
            cursor.execute(
                "insert into landing.batch (file_id, source_system, feed, received_date, code_version)"
                " select file_id, 'billing', 'claims', '2026-01-01', 'test' from landing.file order by 1"
            )
        return ingest.in_groups(list(range(1, len(sizes) + 1)))

    for sizes in (
        [],
        [5],
        [10] * 5,
        [1000] * 5000,
        [10**9] + [10] * 5000,
        [10] * 900 + [10**9, 10**9] + [10] * 900,
    ):
        groups = group(sizes)
        assert [batch for each in groups for batch in each] == list(range(1, len(sizes) + 1))
        assert len(groups) <= ingest.MOST_GROUPS
        assert all(groups)
        for each in groups:
            assert len(each) == 1 or sizes[each[0] - 1] < 10**9, "a large file is alone"
    assert len(group([10] * 5)) == 1, "starting a task takes longer than small files do"
    assert len(group([10 * ingest.SMALLEST_GROUP] * 5)) == 5
    assert ingest.named([5]) == "batch 5"
    assert ingest.named([5, 6, 40]) == "batches 5-40"


def test_a_batch_that_fails_keeps_none_of_its_group_from_verification(
    landing_root, warehouse, monkeypatch
):
    for number in range(3):
        drop(landing_root, f"claims_{number}.csv", claims_csv(claim(number)))
    landed = ingest.land("billing")
    real = ingest.verify

    def failing(batch: int) -> str:
        if batch == landed[1]:
            raise RuntimeError("rows are missing")
        return real(batch)

    with monkeypatch.context() as patch:
        patch.setattr(ingest, "verify", failing)
        with pytest.raises(ExceptionGroup, match="1 of 3 batches"):
            ingest.verify_group(landed)
    assert [row[1] for row in batches(warehouse)] == ["verified", "landed", "verified"]
    assert ingest.verify_group(landed) == ["verified"] * 3


def test_hundreds_of_files_land_in_one_session(landing_root, warehouse, warehouse_url, monkeypatch):
    """A session for each of many files would take minutes on a server that is far away."""
    monkeypatch.setenv("CLAIMHOUSE_SETTLE_SECONDS", "0")
    for number in range(200):
        drop(landing_root, f"{number}/claims_{number}.csv", claims_csv(claim(number)))
    opened: list[Any] = []
    real = ingest.warehouse.psycopg.connect

    def counting(*given: Any, **named: Any) -> Any:
        opened.append(given)
        return real(*given, **named)

    monkeypatch.setattr(ingest.warehouse.psycopg, "connect", counting)
    assert len(ingest.land("billing")) == 200
    assert len(opened) < 10
