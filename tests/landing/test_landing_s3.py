"""Landing over S3: the same line against a real S3 server, over HTTP."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.worlds.feeds import batches, claim, claims_csv, take_in_all

from claimhouse import ingest

BUCKET = "claims"


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket of an S3 server on loopback, with the landing root in it."""
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
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    endpoint = f"http://127.0.0.1:{port}"
    extra = {"endpoint_url": endpoint, "region_name": "us-east-1"}
    connection = {"conn_type": "aws", "login": "test", "password": "test", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_CLAIMHOUSE_LANDING", json.dumps(connection))
    monkeypatch.setenv("CLAIMHOUSE_LANDING_ROOT", f"s3://claimhouse_landing@{BUCKET}/landing")
    monkeypatch.setenv("CLAIMHOUSE_ARCHIVE_ROOT", f"s3://claimhouse_landing@{BUCKET}/archive")
    monkeypatch.setenv(
        "CLAIMHOUSE_CORRECTIONS_ROOT", f"s3://claimhouse_landing@{BUCKET}/corrections"
    )
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    _await(port)
    client.create_bucket(Bucket=BUCKET)
    yield client
    server.terminate()
    server.wait()


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
