"""The S3 server of the local system: nanio on loopback.

Like the server in production it checks signatures and the expiry of links. Each object is a plain
file under ``<folder>/<bucket>``, so that it survives a restart.
"""

from __future__ import annotations

import hashlib
import json
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from local import places

BUCKET = "claimhouse"
CONNECTION = "claimhouse_landing"
REGION = "us-east-1"
CHUNK = 8 * 1024 * 1024


def command(folder: Path, port: int) -> list[str]:
    """The command that serves *folder* on 127.0.0.1; it reads its keys from the environment."""
    program = str(Path(sys.executable).with_name("nanio"))
    address = ["--host", "127.0.0.1", "--port", str(port)]
    return [program, "serve", *address, "--data-dir", str(folder), "--no-access-log"]


def keys(secrets: dict[str, str]) -> dict[str, str]:
    """The environment variables with the keys of the server's only user."""
    return {
        "NANIO_ACCESS_KEY": secrets["S3_ACCESS_KEY"],
        "NANIO_SECRET_KEY": secrets["S3_SECRET_KEY"],
    }


def connection(port: int, secrets: dict[str, str]) -> str:
    """The Airflow connection to the server, as JSON."""
    extra = {
        "endpoint_url": f"http://127.0.0.1:{port}",
        "region_name": REGION,
        "config_kwargs": {"signature_version": "s3v4"},
    }
    return json.dumps(
        {
            "conn_type": "aws",
            "login": secrets["S3_ACCESS_KEY"],
            "password": secrets["S3_SECRET_KEY"],
            "extra": extra,
        }
    )


def connection_url(port: int, secrets: dict[str, str]) -> str:
    """:func:`connection` as a URL, which a shell can read from a file without quotes."""
    extra = quote(json.dumps(json.loads(connection(port, secrets))["extra"]), safe="")
    return f"aws://{secrets['S3_ACCESS_KEY']}:{secrets['S3_SECRET_KEY']}@/?__extra__={extra}"


def address(prefix: str) -> str:
    """The URL of *prefix* in the bucket, with the name of the connection."""
    return f"s3://{CONNECTION}@{BUCKET}/{prefix}"


def is_ready(port: int) -> bool:
    """Whether the server listens."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def client(port: int, secrets: dict[str, str]) -> Any:
    """A boto3 client of the server."""
    return boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name=REGION,
        aws_access_key_id=secrets["S3_ACCESS_KEY"],
        aws_secret_access_key=secrets["S3_SECRET_KEY"],
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )


def create_bucket(s3: Any) -> None:
    """Create the bucket if it is missing."""
    try:
        s3.head_bucket(Bucket=BUCKET)
    except ClientError:
        s3.create_bucket(Bucket=BUCKET)


def upload(s3: Any, folder: Path, prefix: str) -> int:
    """Upload new and changed files under *folder*.

    Files whose name starts with a dot are drafts and are skipped. Nothing is removed from the
    bucket: files may have been delivered there.

    Returns:
        The number of files uploaded.
    """
    existing = _existing(s3, prefix)
    # Oldest first: of two files with one name, landing takes the older one first.
    files = sorted(_files(folder), key=lambda file: (file.stat().st_mtime, str(file)))
    count = 0
    for file in files:
        key = f"{prefix}/{file.relative_to(folder).as_posix()}"
        if existing.get(key) != (file.stat().st_size, _checksum(file)):
            with file.open("rb") as content:
                s3.put_object(Bucket=BUCKET, Key=key, Body=content)
            _date(key, file.stat().st_mtime)
            count += 1
    return count


def _date(key: str, modified: float) -> None:
    """Give an object the time of its file: the sample feeds arrived on several days.

    S3 has no request for it. nanio keeps what it answers in a file of its own for each object.
    """
    path = places.OBJECTS / BUCKET / ".nanio-meta" / f"{key}.json"
    description = json.loads(path.read_text(encoding="utf-8"))
    description["last_modified"] = datetime.fromtimestamp(modified, UTC).isoformat()
    path.write_text(json.dumps(description), encoding="utf-8")


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]


def _existing(s3: Any, prefix: str) -> dict[str, tuple[int, str]]:
    """Size and MD5 of each object under *prefix*, by its key."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{prefix}/")
    return {
        entry["Key"]: (entry["Size"], entry["ETag"].strip('"'))
        for page in pages
        for entry in page.get("Contents", ())
    }


def _checksum(file: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)  # S3's ETag of an object of one part
    with file.open("rb") as content:
        while chunk := content.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
