#!/usr/bin/env bash
# Prepare an empty or older installation for this version. Can be repeated.
set -euo pipefail

secrets="${SECRETS:-/run/secrets}"

airflow db migrate

# Arguments of processes can be read on the host: the password is typed, twice, where there is no terminal.
password="$(cat "$secrets/admin_password")"
printf '%s\n%s\n' "$password" "$password" |
    setsid --wait airflow users create --role Admin --username "$ADMIN_LOGIN" \
        --email "$CLAIMHOUSE_OWNER_EMAIL" --firstname Claimhouse --lastname Admin

WAREHOUSE_URL="$(cat "$secrets/warehouse_url")" claimhouse upgrade

python - <<'PYTHON'
import os
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

secrets = Path(os.environ.get("SECRETS", "/run/secrets"))
s3 = boto3.client(
    "s3",
    endpoint_url=os.environ["S3_ENDPOINT"],
    region_name=os.environ["S3_REGION"],
    aws_access_key_id=(secrets / "s3_access_key").read_text(),
    aws_secret_access_key=(secrets / "s3_secret_key").read_text(),
)
try:
    s3.head_bucket(Bucket=os.environ["S3_BUCKET"])
except ClientError:
    s3.create_bucket(Bucket=os.environ["S3_BUCKET"])
PYTHON
