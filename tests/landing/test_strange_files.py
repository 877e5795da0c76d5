"""What a file is, is named or contains never keeps the other files of its source from landing."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.worlds.feeds import batches, claim, claims_csv, drop, take_in_all

from claimhouse import ingest, landing, storage
from claimhouse.landing import arrivals

SECRET = b"claim_id,secret\nnever read this\n"


def reported(warehouse: Any) -> dict[str, str]:
    """The open issues of files: rule by name."""
    rows = warehouse.execute(
        "select file_name, rule from quality.issue where status = 'open' and batch_id is null"
    )
    return dict(rows.fetchall())


def archived(root: Path) -> list[Path]:
    """The files of the archive."""
    return [path for path in (root.parent / "archive").rglob("*") if path.is_file()]


@pytest.fixture
def folder(landing_root: Path) -> Path:
    """The billing folder, with one good file in it."""
    return drop(landing_root, "claims.csv", claims_csv(claim(1))).parent


def test_links_pipes_and_sockets_are_reported_and_not_read(
    folder, landing_root, warehouse, tmp_path, monkeypatch
):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "claims_secret.csv").write_bytes(SECRET)
    (folder / "claims_link.csv").symlink_to(outside / "claims_secret.csv")
    (folder / "claims_inside.csv").symlink_to(folder / "claims.csv")
    (folder / "claims_dangling.csv").symlink_to(folder / "nothing")
    (folder / "claims_circle.csv").symlink_to(folder / "claims_circle.csv")
    (folder / "elsewhere").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "claims_pipe.csv")
    with socket.socket(socket.AF_UNIX) as listening:
        monkeypatch.chdir(folder)  # the path of a socket has at most 108 bytes
        listening.bind("claims_socket.csv")
        assert take_in_all() == ["verified"]
    assert take_in_all() == []  # and they are reported once
    assert reported(warehouse) == dict.fromkeys(
        (
            "claims_link.csv", "claims_inside.csv", "claims_dangling.csv", "claims_circle.csv",
            "elsewhere", "loop", "claims_pipe.csv", "claims_socket.csv",
        ),
        "not_a_plain_file",
    )  # fmt: skip
    assert [path.read_bytes() for path in archived(landing_root)] == [claims_csv(claim(1))]
    (folder / "loop").unlink()
    ingest.land("billing")
    assert "loop" not in reported(warehouse)


def test_a_source_folder_that_is_a_link_is_reported(landing_root, warehouse, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "claims.csv").write_bytes(SECRET)
    (landing_root / "billing").symlink_to(tmp_path / "outside")
    (landing_root / "unknown").symlink_to(tmp_path / "outside")
    assert take_in_all() == []
    assert landing.report_unclaimed() == []
    assert reported(warehouse) == {"billing": "not_a_plain_file", "unknown": "not_a_plain_file"}


def test_the_landing_root_may_be_a_link(landing_root, warehouse, tmp_path, monkeypatch, folder):
    (tmp_path / "chosen").symlink_to(landing_root)
    monkeypatch.setenv("CLAIMHOUSE_LANDING_ROOT", f"file://{tmp_path}/chosen")
    assert take_in_all() == ["verified"]


@pytest.mark.parametrize("exchanged", ["file", "folder"])
def test_a_file_exchanged_for_a_link_after_it_was_listed_is_not_read(
    exchanged, landing_root, warehouse, tmp_path, monkeypatch
):
    """The moment between listing and opening, as an attacker would choose it."""
    path = drop(landing_root, "day/claims.csv", claims_csv(claim(1)))
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "claims.csv").write_bytes(SECRET)
    settled = arrivals.settled

    def exchange(files: Any) -> Any:
        if exchanged == "file":
            path.unlink()
            path.symlink_to(outside / "claims.csv")
        else:
            path.parent.rename(tmp_path / "moved")
            path.parent.symlink_to(outside)
        return settled(files)

    monkeypatch.setenv("CLAIMHOUSE_SETTLE_SECONDS", "0")
    monkeypatch.setattr(arrivals, "settled", exchange)
    assert take_in_all() == []
    assert reported(warehouse) == {"day/claims.csv": "cannot_be_read"}
    assert archived(landing_root) == []


def test_a_pipe_that_takes_the_place_of_a_file_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "claims.csv")
    with pytest.raises(storage.NotPlain):
        storage.opened(f"file://{tmp_path}", ("claims.csv",))


NAMES = [
    b"claims_" + b"x" * 244 + b".csv",
    b"claims_\xff\xfe\x80.csv",
    b"claims_\xe9t\xe9.csv",  # Latin-1
    "claims_été_日本_🩺.csv".encode(),
    b"claims_new\nline.csv",
    b"claims_tab\tbell\x07.csv",
    b"claims_'quote\"s`.csv",
    b"claims_100%_%s_%(a)s_{b}.csv",
    b"claims_a|b;c&d$(e).csv",
    b"claims_back\\slash.csv",
    b"claims_#?*[x]+.csv",
    b"claims_trailing.csv ",
    "claims_\u202evsc.exe".encode(),
]


def test_files_of_any_name_land(landing_root, warehouse):
    folder = drop(landing_root, "claims.csv", claims_csv(claim(1))).parent
    for number, name in enumerate(NAMES, start=2):
        with open(os.fsencode(folder) + b"/" + name, "wb") as file:  # noqa: PTH123
            file.write(claims_csv(claim(number)))
    states = take_in_all()
    assert states == ["verified"] * (len(NAMES) + 1)
    shown = {row[0] for row in batches(warehouse)}
    assert len(shown) == len(NAMES) + 1
    assert {
        "claims_\\xff\\xfe\\x80.csv",
        "claims_new\\u000aline.csv",
        "claims_\\u202evsc.exe",
    } <= shown
    loaded = warehouse.execute("select count(*) from source_billing.claims").fetchone()[0]
    assert loaded == len(shown)
    for path in archived(landing_root):
        assert len(path.name.encode()) <= 120
        assert path.name.isascii()
        assert path.name.isprintable()
    assert take_in_all() == []


def test_two_names_that_differ_are_shown_differently():
    names = ["a\udcff", "a\\xff", "a\\\\xff", "a\\u000a", "a\n"]
    assert len({storage.shown(name) for name in names}) == len(names)
    assert [storage.shown(name).encode().decode() for name in names]


def test_a_file_in_folders_deeper_than_a_path_may_be_long(landing_root, warehouse, folder):
    """Made step by step, as its whole path is too long for the system to open."""
    before = os.open(".", os.O_RDONLY)
    try:
        os.chdir(folder)
        for depth in range(70):
            Path("x" * 200).mkdir()
            os.chdir("x" * 200)
            if depth == 30:
                Path("claims_deep.csv").write_bytes(claims_csv(claim(2)))
        Path("claims_deeper.csv").write_bytes(claims_csv(claim(3)))
    finally:
        os.fchdir(before)
        os.close(before)
    assert take_in_all() == ["verified", "verified"]
    assert warehouse.execute("select count(*) from source_billing.claims").fetchone() == (2,)
    assert list(reported(warehouse).values()) == ["cannot_be_read"]
    assert take_in_all() == []


def test_leavings_are_ignored_and_unfinished_files_are_reported(folder, warehouse):
    for name in (".DS_Store", "._claims.csv", "Thumbs.db", "~$claims.csv", "desktop.ini"):
        (folder / name).write_bytes(b"\0\1\2")
    for name in (
        "claims_1.csv.part",
        "claims_2.csv.crdownload",
        "claims_3.csv.filepart",
        "claims_4.TMP",
    ):
        (folder / name).write_bytes(claims_csv(claim(2))[:-9])
    assert take_in_all() == ["verified"]
    assert set(reported(warehouse).values()) == {"still_growing"}
    assert len(reported(warehouse)) == 4
    (folder / "claims_1.csv.part").rename(folder / "claims_1.csv")
    assert take_in_all() == ["verified"]
    assert len(reported(warehouse)) == 3


def test_an_empty_file_a_folder_with_a_files_name_and_impossible_times(folder, warehouse):
    (folder / "claims_empty.csv").write_bytes(b"")
    (folder / "claims_folder.csv").mkdir()
    for name, seconds in (("claims_past.csv", -(10**11)), ("claims_future.csv", 10**12)):
        path = folder / name
        path.write_bytes(claims_csv(claim(len(name))))
        try:
            os.utime(path, (seconds, seconds))
        except OverflowError:
            pytest.skip("the file system has no such times")
    states = take_in_all()
    assert sorted(states) == ["rejected", "verified", "verified", "verified"]


def test_a_file_that_may_not_be_read_or_is_gone_stops_no_other(
    folder, landing_root, warehouse, monkeypatch
):
    for name in ("claims_a.csv", "claims_b.csv"):
        (folder / name).write_bytes(claims_csv(claim(2)))
    (folder / "claims_z.csv").write_bytes(claims_csv(claim(3)))
    (folder / "closed").mkdir()
    (folder / "closed" / "claims.csv").write_bytes(claims_csv(claim(4)))
    settled = arrivals.settled

    def vanish(files: Any) -> Any:
        (folder / "claims_a.csv").unlink()
        return settled(files)

    monkeypatch.setenv("CLAIMHOUSE_SETTLE_SECONDS", "0")
    monkeypatch.setattr(arrivals, "settled", vanish)
    (folder / "claims_b.csv").chmod(0)
    (folder / "closed").chmod(0)
    with monkeypatch.context() as patch:
        for holder, name in ((arrivals, "of_source"), (arrivals.Arrival, "open")):
            patch.setattr(holder, name, as_nobody(folder, getattr(holder, name)))
        landed = ingest.land("billing")
    assert len(landed) == 2
    assert reported(warehouse) == dict.fromkeys(
        ("claims_a.csv", "claims_b.csv", "closed/"), "cannot_be_read"
    )
    monkeypatch.setattr(arrivals, "settled", settled)
    (folder / "claims_b.csv").chmod(0o600)
    (folder / "closed").chmod(0o700)
    assert len(ingest.land("billing")) == 4
    assert reported(warehouse) == {"claims_a.csv": "cannot_be_read"}


def as_nobody(folder: Path, call: Any) -> Any:
    """Call as a user for whom files can be closed: the tests may run as root, who may read everything."""

    def calling(*given: Any) -> Any:
        if os.geteuid():
            return call(*given)
        os.seteuid(65534)
        try:
            return call(*given)
        finally:
            os.seteuid(0)

    for parent in folder.parents:
        if os.geteuid() == 0 and parent.stat().st_mode & 0o011 != 0o011:
            parent.chmod(parent.stat().st_mode | 0o011)
    return calling


def test_a_file_whose_recognition_fails_is_an_issue(landing_root, warehouse, monkeypatch):
    """Whatever a library raises on a stranger's file."""
    folder = landing_root / "billing_exports"
    folder.mkdir()
    (folder / "export.csv").write_bytes(b"a,b\n1,2\n")
    (folder / "other.csv").write_bytes(b"c,d\n1,2\n")
    real = landing.land.__globals__["fit_contracts"]

    def failing(known: Any, path: Path) -> Any:
        if b"a,b" in path.read_bytes():
            raise NotImplementedError("compression type 99 of a person's file")
        return real(known, path)

    monkeypatch.setitem(landing.land.__globals__, "fit_contracts", failing)
    assert ingest.land("billing_exports") == []
    assert reported(warehouse) == {"export.csv": "cannot_be_read", "other.csv": "unclaimed_file"}
    message = warehouse.execute(
        "select message from quality.issue where rule = 'cannot_be_read'"
    ).fetchone()[0]
    assert "NotImplementedError" in message
    assert "person" not in message


def test_a_database_error_still_fails(folder, warehouse, landing_root):
    warehouse.execute("alter table landing.sighting add constraint refused check (false) not valid")
    with pytest.raises(Exception, match="refused"):
        ingest.land("billing")
    assert threading.active_count() < 50
