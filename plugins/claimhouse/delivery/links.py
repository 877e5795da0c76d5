"""Links: extracts in a bucket, each opened by links that expire.

``CLAIMHOUSE_LINK_STORE`` names the bucket and its connection. The file is encrypted as an
attachment would be, and again by the bucket's server. A link is signed (Signature Version 4); it
expires at its hour, or earlier with the credentials that signed it, and the object goes with it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from claimhouse import settings

# The longest life of a link in Signature Version 4.
MOST_HOURS = 168


class NoLinkStore(RuntimeError):
    """A link is needed, and no bucket is configured."""


def put(file: Path, folder: str) -> str:
    """Upload *file* into a *folder* of the bucket; returns its key. Repeated, it is one object."""
    hook, bucket, prefix = _store()
    key = f"{prefix}{folder}/{file.name}"
    encryption = {"ServerSideEncryption": settings.link_encryption()}
    if settings.link_kms_key():
        encryption["SSEKMSKeyId"] = settings.link_kms_key()
    hook.get_conn().upload_file(str(file), bucket, key, ExtraArgs=encryption)
    return key


def sign(key: str, media_type: str) -> tuple[str, datetime]:
    """A link to the object *key*, and when it expires. The link is a secret: never log it.

    Raises:
        NoLinkStore: no bucket is configured, or its connection cannot sign.
    """
    hook, bucket, _ = _store()
    hours = min(settings.link_hours(), MOST_HOURS)
    parameters = {"Bucket": bucket, "Key": key, "ResponseContentType": media_type}
    expires_at = datetime.now(UTC) + timedelta(hours=hours)
    url = hook.generate_presigned_url("get_object", parameters, expires_in=int(hours * 3600))
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

    if not (address := settings.link_store()):
        raise NoLinkStore(
            "an extract is too large to attach, or its subscription asks for a link, and "
            "CLAIMHOUSE_LINK_STORE is not set"
        )
    parts = urlsplit(address)
    if parts.scheme != "s3" or not parts.username or not parts.hostname:
        raise NoLinkStore("CLAIMHOUSE_LINK_STORE must be s3://<connection>@<bucket>/<prefix>")
    hook = S3Hook(aws_conn_id=parts.username, config=Config(signature_version="s3v4"))
    bucket = parts.netloc.rpartition("@")[2]  # as written: hostname is in lower case
    return hook, bucket, f"{parts.path.strip('/')}/".lstrip("/")
