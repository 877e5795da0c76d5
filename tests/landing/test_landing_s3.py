"""Landing over S3: the same line against a real S3 server, over HTTP."""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.worlds import forks
from tests.worlds.feeds import batches, claim, claims_csv, issues, take_in_all

from claimhouse import ingest, landing, review, settings, storage
from claimhouse.landing import arrivals, fetch, uploads

BUCKET = "claims"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of an S3 server on loopback; Airflow keeps the client of a connection."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "127.0.0.1",
        "BIND_HOST": "127.0.0.1",
    }
    server = subprocess.Popen(
        [str(Path(sys.executable).with_name("ministack"))],
        env=environment,
        cwd=tmp_path_factory.mktemp("s3"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _await(port)
    yield port
    server.terminate()
    server.wait()


@pytest.fixture
def bucket(port: int, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An empty bucket, with the landing root in it."""
    endpoint = f"http://127.0.0.1:{port}"
    extra = {"endpoint_url": endpoint, "region_name": "us-east-1"}
    connection = {"conn_type": "aws", "login": "test", "password": "test", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_CLAIMHOUSE_LANDING", json.dumps(connection))
    for name in ("landing", "archive", "corrections"):
        address = f"s3://claimhouse_landing@{BUCKET}/{name}"
        monkeypatch.setenv(f"CLAIMHOUSE_{name.upper()}_ROOT", address)
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    client.create_bucket(Bucket=BUCKET)
    for entry in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        client.delete_object(Bucket=BUCKET, Key=entry["Key"])
    return client


def _await(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the S3 server did not come up")


def test_files_in_a_bucket_are_landed_archived_and_verified(bucket, warehouse):
    good, bad = claims_csv(claim(1), claim(2)), claims_csv(claim(3, total_cost="xyz"))
    bucket.put_object(Bucket=BUCKET, Key="landing/billing/claims_1.csv", Body=good)
    bucket.put_object(Bucket=BUCKET, Key="landing/billing/day2/claims_2.csv", Body=bad)
    assert take_in_all() == ["verified", "verified"]
    assert [row[2:] for row in batches(warehouse)] == [(2, 2, 0, 0), (1, 0, 1, 0)]
    kept = bucket.list_objects_v2(Bucket=BUCKET, Prefix="archive/billing/claims/")["Contents"]
    bodies = {bucket.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read() for one in kept}
    assert bodies == {good, bad}
    assert ingest.land("billing") == []


def archive_of(bucket: Any) -> dict[str, bytes]:
    """The archived objects by key."""
    listed = bucket.list_objects_v2(Bucket=BUCKET, Prefix="archive/").get("Contents", ())
    return {
        entry["Key"]: bucket.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read()
        for entry in listed
    }


def test_a_damaged_object_is_restored_or_its_batch_rejected(bucket, warehouse):
    first, second = claims_csv(claim(1), claim(2)), claims_csv(claim(3))
    bucket.put_object(Bucket=BUCKET, Key="landing/billing/claims_1.csv", Body=first)
    bucket.put_object(Bucket=BUCKET, Key="landing/billing/claims_2.csv", Body=second)
    landed = ingest.land("billing")
    for key, body in archive_of(bucket).items():
        bucket.put_object(Bucket=BUCKET, Key=key, Body=body[:-9])
    bucket.delete_object(Bucket=BUCKET, Key="landing/billing/claims_2.csv")
    assert ingest.verify_group(landed) == ["verified", "rejected"]
    assert first in archive_of(bucket).values()
    assert {row[2] for row in issues(warehouse)} == {"archive_restored", "archive_damaged"}


def test_objects_of_any_key_land_and_one_that_is_gone_stops_no_other(
    bucket, warehouse, monkeypatch
):
    keys = [
        "claims_a b+c%2F.csv",
        "日本/claims_é.csv",
        "x/../claims_up.csv",
        "claims_" + "y" * 240 + ".csv",
    ]
    for number, key in enumerate(keys):
        bucket.put_object(
            Bucket=BUCKET, Key=f"landing/billing/{key}", Body=claims_csv(claim(number))
        )
    bucket.put_object(Bucket=BUCKET, Key="landing/billing/empty folder/", Body=b"")
    bucket.put_object(Bucket=BUCKET, Key="landing/billing/claims_gone.csv", Body=b"gone")
    settled = arrivals.settled

    def vanish(files: Any) -> Any:
        bucket.delete_object(Bucket=BUCKET, Key="landing/billing/claims_gone.csv")
        return settled(files)

    monkeypatch.setenv("CLAIMHOUSE_SETTLE_SECONDS", "0")
    monkeypatch.setattr(arrivals, "settled", vanish)
    assert ingest.verify_group(ingest.land("billing")) == ["verified"] * len(keys)
    found = warehouse.execute(
        # The objects arrived within one second.
        "select file_name, rule from quality.issue where rule <> 'uncertain_file_order'"
    ).fetchall()
    assert found == [("claims_gone.csv", "cannot_be_read")]
    assert set(archive_of(bucket).values()) == {claims_csv(claim(n)) for n in range(len(keys))}


DYING = """
import os, signal
from claimhouse import ingest, storage
real = storage.put
def put(source, address):
    os.kill(os.getpid(), signal.SIGKILL)
storage.put = put
ingest.land("billing")
"""


def test_an_upload_is_whole_or_is_not_there(bucket, warehouse):
    """Killed amid an upload, and when the upload fails: no cut object appears."""
    body = claims_csv(*(claim(number) for number in range(200)))
    bucket.put_object(Bucket=BUCKET, Key="landing/billing/claims.csv", Body=body)
    code, printed = forks.run(DYING)
    assert code == -signal.SIGKILL, printed[-1000:]
    assert archive_of(bucket) == {}
    assert take_in_all() == ["verified"]
    assert list(archive_of(bucket).values()) == [body]


def test_days_fetched_from_a_database_land_through_a_bucket(bucket, warehouse, foreign):
    fetch.fetch("pended", "pend_queue", date(2026, 1, 5))
    assert len(fetch.fetch("pended", "pend_queue", date(2026, 1, 7))) == 2
    assert fetch.fetch("pended", "pend_queue", date(2026, 1, 7)) == []
    keys = [entry["Key"] for entry in bucket.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert keys == [f"landing/pended/pend_queue_2026-01-0{day}.csv" for day in (5, 6, 7)]
    assert take_in_all("pended") == ["verified"] * 3
    assert fetch.fetch("pended", "pend_queue", date(2026, 1, 7)) == []


def keys(bucket: Any, prefix: str = "") -> list[str]:
    """The keys of all objects."""
    listed = bucket.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", ())
    return [entry["Key"] for entry in listed]


def unfinished(bucket: Any) -> list[Any]:
    """The uploads of objects that have begun and not ended."""
    return list(bucket.list_multipart_uploads(Bucket=BUCKET).get("Uploads", ()))


def test_an_upload_is_streamed_to_a_bucket_and_moved_to_its_source(bucket, warehouse):
    body = claims_csv(*(claim(number, visit_type="x" * 500) for number in range(40_000)))
    assert len(body) > 2 * storage.CHUNK
    incoming = uploads.Incoming("claims_1.csv")
    for start in range(0, len(body), 1024 * 1024):
        incoming.write(body[start : start + 1024 * 1024])
        assert incoming._file._file.buffer.getbuffer().nbytes < 2 * storage.CHUNK
    assert len(unfinished(bucket)) == 1
    assert keys(bucket) == []
    incoming.finish()
    assert unfinished(bucket) == []
    assert keys(bucket) == [f"landing/{incoming.place}"]
    assert ingest.land("billing") == []
    assert landing.report_unclaimed() == []
    with uploads.looked_at(incoming.place, incoming.size) as path:
        assert body.startswith(path.read_bytes())
    target = "billing/2026-01-05/1/claims_1.csv"
    uploads.process(incoming.place, target)
    uploads.process(incoming.place, target)
    assert keys(bucket, "landing") == [f"landing/{target}"]
    assert take_in_all() == ["verified"]
    assert list(archive_of(bucket).values()) == [body]


@pytest.mark.parametrize("size", [1000, 3 * storage.CHUNK])
def test_nothing_of_a_broken_upload_is_left_in_a_bucket(bucket, size):
    incoming = uploads.Incoming("claims_1.csv")
    incoming.write(bytes(size))
    incoming.discard()
    del incoming
    gc.collect()
    assert (keys(bucket), unfinished(bucket)) == ([], [])


def test_an_upload_in_a_bucket_is_taken_back_and_what_was_killed_is_cleared(bucket, monkeypatch):
    kept, taken, forgotten = (uploads.Incoming(f"{name}.csv") for name in ("kept", "taken", "lost"))
    for incoming in (kept, taken, forgotten):
        incoming.write(b"claim_id\n1\n")
        incoming.finish()
    uploads.take_back(taken.place)
    uploads.take_back(taken.place)
    killed = uploads.Incoming("killed.csv")
    killed.write(bytes(2 * storage.CHUNK))
    assert len(unfinished(bucket)) == 1
    assert uploads.clear({kept.place}) == 0
    assert len(keys(bucket)) == 2
    monkeypatch.setattr(storage, "ABANDONED_SECONDS", -60)
    assert uploads.clear({kept.place}) == 1
    assert keys(bucket) == [f"landing/{kept.place}"]
    assert unfinished(bucket) == []
    killed._file._file.closed = True


def test_a_correction_goes_through_a_bucket_and_can_be_taken_back(bucket, warehouse, monkeypatch):
    bad = claims_csv(claim(1), claim(2, total_cost="xyz"))
    bucket.put_object(Bucket=BUCKET, Key="landing/billing/claims.csv", Body=bad)
    take_in_all()
    review.correct(1, {"total_cost": "1.00"}, "ada", "a call")
    assert len(keys(bucket, "corrections")) == 1
    review.undo(1, "ada", "another number")
    assert keys(bucket, "corrections") == []
    with monkeypatch.context() as patch:
        patch.setattr(storage, "write", _killed)
        with pytest.raises(KeyboardInterrupt):
            review.correct(1, {"total_cost": "2.00"}, "ada", "a second call")
    assert keys(bucket, "corrections") == []
    assert take_in_all() == ["verified"]
    assert warehouse.execute("select status from quality.issue").fetchall() == [("corrected",)]


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_rejected_object_is_read_again_once_its_contract_reads_it(
    bucket: Any, warehouse: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    include = shutil.copytree(settings.INCLUDE, tmp_path / "include")
    monkeypatch.setattr(settings, "INCLUDE", include)
    content = claims_csv(claim(1), claim(2)).replace(b"total_cost", b"cost_in_all")
    bucket.put_object(Bucket=BUCKET, Key="landing/billing/claims_1.csv", Body=content)
    ingest.run("billing")
    assert [state for _, state, *_ in batches(warehouse)] == ["rejected"]
    contract = include / "schemas" / "billing" / "claims.yaml"
    text = contract.read_text()
    named = "      - name: total_cost\n"
    contract.write_text(
        text.replace(named, f"{named}        synonyms: [{{synonym: cost_in_all}}]\n")
    )
    ingest.run("billing")
    assert [row[1:] for row in batches(warehouse)] == [("loaded", 2, 2, 0, 0)]
