"""Links: extracts too big to mail lie in a bucket, and a link opens each for some hours.

``CLAIMHOUSE_LINK_STORE`` names the bucket and the connection. What lies there is encrypted as an
attachment would be, and once more by the bucket's server. A link is signed (Signature Version 4);
it dies at its hour, or earlier with the credentials that signed it, and the object goes with it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from claimhouse import settings

# Signature Version 4 knows no longer one.
MOST_HOURS = 168


class NoLinkStore(RuntimeError):
    """A link is needed, and no bucket is set."""


def put(file: Path, folder: str) -> str:
    """Lay *file* into a *folder* of the bucket; returns its key. Done twice it is one object."""
    hook, bucket, prefix = _store()
    key = f"{prefix}{folder}/{file.name}"
    said = {"ServerSideEncryption": settings.link_encryption()}
    if settings.link_kms_key():
        said["SSEKMSKeyId"] = settings.link_kms_key()
    hook.get_conn().upload_file(str(file), bucket, key, ExtraArgs=said)
    return key


def sign(key: str, media_type: str) -> tuple[str, datetime]:
    """A link to the object *key*, and when it dies. The link is a secret: it must not be logged."""
    hook, bucket, _ = _store()
    hours = min(settings.link_hours(), MOST_HOURS)
    asked = {"Bucket": bucket, "Key": key, "ResponseContentType": media_type}
    expires_at = datetime.now(UTC) + timedelta(hours=hours)
    url = hook.generate_presigned_url("get_object", asked, expires_in=int(hours * 3600))
    if not url:
        raise NoLinkStore(f"the connection of {settings.link_store()} cannot sign links")
    return str(url), expires_at


def remove(key: str) -> None:
    """Remove the object *key*; nothing happens where it is gone already."""
    hook, bucket, _ = _store()
    hook.get_conn().delete_object(Bucket=bucket, Key=key)


def _store() -> tuple[Any, str, str]:
    """The hook, the bucket and the prefix that ``s3://<connection>@<bucket>/<prefix>`` names."""
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook
    from botocore.config import Config

    if not (at := settings.link_store()):
        raise NoLinkStore(
            "an extract is too big to attach, or is subscribed to as a link, and "
            "CLAIMHOUSE_LINK_STORE is not set"
        )
    parts = urlsplit(at)
    if parts.scheme != "s3" or not parts.username or not parts.hostname:
        raise NoLinkStore("CLAIMHOUSE_LINK_STORE must be s3://<connection>@<bucket>/<prefix>")
    hook = S3Hook(aws_conn_id=parts.username, config=Config(signature_version="s3v4"))
    bucket = parts.netloc.rpartition("@")[2]  # as written: hostname is in small letters
    return hook, bucket, f"{parts.path.strip('/')}/".lstrip("/")
