"""Uploads in the landing root: where they wait, under which names, and what is left of broken ones."""

from __future__ import annotations

import gzip
import hashlib
import os
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.worlds.feeds import batches, claim, claims_csv, issues, take_in_all

from claimhouse import contracts, ingest, landing, settings, storage
from claimhouse.landing import uploads
from claimhouse.landing.uploads import Incoming, Refused

BODY = claims_csv(*(claim(number) for number in range(5)))


def upload(name: str = "claims_1.csv", body: bytes = BODY) -> Incoming:
    """A file that waits."""
    incoming = Incoming(name)
    for start in range(0, len(body), 1000):
        incoming.write(body[start : start + 1000])
    incoming.finish()
    return incoming


def files(root) -> list[str]:
    """Every file and folder below *root*."""
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


def test_an_upload_waits_unread_until_it_is_processed(landing_root, warehouse):
    waiting = upload()
    assert waiting.place.startswith(f"_uploads/{datetime.now(UTC):%Y-%m-%d}/")
    assert waiting.checksum == hashlib.sha256(BODY).hexdigest()
    assert waiting.size == len(BODY)
    path = landing_root / waiting.place
    assert path.read_bytes() == BODY
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert ingest.land("billing") == []
    assert landing.report_unclaimed() == []
    assert issues(warehouse) == []
    contract = contracts.of("billing", "claims")
    target = uploads.landing_path(contract, "claims_1.csv", "2026-01-05", 7)
    assert target == "billing/2026-01-05/7/claims_1.csv"
    uploads.process(waiting.place, target)
    uploads.process(waiting.place, target)
    assert take_in_all() == ["verified"]
    assert [row[2:] for row in batches(warehouse)] == [(5, 5, 0, 0)]


def test_processing_leaves_the_folders_of_senders_as_open_as_they_are(landing_root):
    (landing_root / "billing").mkdir(mode=0o775)
    (landing_root / "billing").chmod(0o775)
    modes = [path.stat().st_mode for path in (landing_root, landing_root / "billing")]
    uploads.process(upload().place, "billing/2026-01-05/1/claims_1.csv")
    assert [path.stat().st_mode for path in (landing_root, landing_root / "billing")] == modes


def test_nothing_is_left_of_a_broken_upload(landing_root):
    incoming = Incoming("claims.csv")
    incoming.write(BODY)
    incoming.discard()
    assert [path for path in landing_root.rglob("*") if path.is_file()] == []


def test_an_upload_that_is_taken_back_is_gone(landing_root):
    waiting = upload()
    uploads.take_back(waiting.place)
    uploads.take_back(waiting.place)
    assert [path for path in landing_root.rglob("*") if path.is_file()] == []
    with pytest.raises(FileNotFoundError):
        uploads.process(waiting.place, "billing/2026-01-05/1/claims_1.csv")


def test_what_a_killed_server_left_is_cleared_after_a_day(landing_root):
    known, forgotten, fresh = upload(), upload(), upload()
    broken = Incoming("claims.csv")
    broken.write(BODY)
    old = time.time() - storage.ABANDONED_SECONDS - 60
    for incoming in (known, forgotten):
        os.utime(landing_root / incoming.place, (old, old))
    (draft,) = landing_root.rglob(".*.part")
    assert uploads.clear({known.place}) == 1
    assert (landing_root / known.place).exists()
    assert (landing_root / fresh.place).exists()
    assert draft.exists()
    assert not (landing_root / forgotten.place).exists()
    os.utime(draft, (old, old))
    assert uploads.clear({known.place}) == 1
    assert not draft.exists()


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("claims_1.csv", "claims_1.csv"),
        ("../../etc/claims.csv", "claims.csv"),
        ("C:\\Users\\ada\\claims.csv", "claims.csv"),
        ("cla\x00ims\r\n.csv", "claims.csv"),
        ("claims\u202evsc.exe", "claimsvsc.exe"),
        ("<img src=x onerror=alert(1)>.csv", "_img src_x onerror_alert(1)_.csv"),
        ("  .claims.csv", "claims.csv"),
        ("~$claims.xlsx", "__claims.xlsx"),
        ("Zusätze_日本.csv", "Zusätze_日本.csv"),
        ("=cmd|'/c calc'!A1.csv", "c calc__A1.csv"),
    ],
)
def test_a_name_is_made_safe(name, safe):
    assert uploads.safe_name(name) == safe


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        "../",
        ".csv",
        "___.csv",
        "\x00",
        "a" * 300 + ".csv",
        "日" * 80 + ".csv",
        "x.part",
        "Thumbs.db",
    ],
)
def test_a_name_of_which_nothing_sensible_remains_is_refused(name):
    with pytest.raises(Refused, match=r"\w+ .*\."):
        uploads.safe_name(name)


@given(st.text(max_size=200))
def test_whatever_the_name_it_stays_in_its_folder(name):
    try:
        safe = uploads.safe_name(name)
    except Refused:
        return
    assert not set(safe) & set("/\\\0\n\r<>\"'`|*?:=")
    assert safe.isprintable()
    assert not safe.startswith((".", "~$"))
    assert len(safe.encode()) <= 255
    assert uploads.safe_name(safe) == safe


@pytest.mark.parametrize(
    ("feed", "name", "landing_name"),
    [
        ("claims", "claims_1.csv", "claims_1.csv"),
        ("claims", "export 2026-01.csv", "claims_export 2026-01.csv"),
        ("patients", "ours.xlsx", "patients_ours.xlsx"),
    ],
)
def test_a_file_lands_under_a_name_of_its_feed(feed, name, landing_name):
    contract = contracts.of("billing", feed)
    assert uploads.name_for(contract, name) == landing_name
    assert contract.claims(landing_name)


def test_a_name_that_says_something_else_too_is_refused():
    with pytest.raises(Refused, match="is a file of beneficiaries, pend_queue"):
        uploads.name_for(contracts.of("pended", "pend_queue"), "our_Beneficiary_Summary.csv")


def test_a_file_by_content_keeps_its_name():
    contract = contracts.of("billing_exports", "aetna_dental")
    assert uploads.name_for(contract, "anything.csv") == "anything.csv"


def test_a_large_file_of_text_is_looked_at_by_its_beginning(landing_root, monkeypatch):
    monkeypatch.setattr(uploads, "BEGINNING_BYTES", 500)
    monkeypatch.setattr(uploads, "WHOLE_BYTES", 600)
    text, packed = upload(), upload("claims.csv.gz", gzip.compress(os.urandom(1000)))
    with uploads.looked_at(text.place, text.size) as path:
        beginning = path.read_bytes()
        assert BODY.startswith(beginning)
        assert beginning.endswith(b"\n")
        assert len(beginning) <= 500
    with pytest.raises(Refused, match="too large"), uploads.looked_at(packed.place, packed.size):
        pass
    with pytest.raises(Refused, match="gone"), uploads.looked_at("_uploads/x/y/z", 1):
        pass


def test_no_source_is_called_like_the_folder_of_uploads():
    assert settings.UPLOADS not in contracts.sources()
