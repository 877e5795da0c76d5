#!/usr/bin/env bash
# Prepare an empty or older installation for this version. Can be repeated.
set -euo pipefail

airflow db migrate

airflow users create --role Admin \
    --username "$ADMIN_LOGIN" --password "$ADMIN_PASSWORD" --email "$CLAIMHOUSE_OWNER_EMAIL" \
    --firstname Claimhouse --lastname Admin

claimhouse upgrade

python - <<'PYTHON'
import os

import boto3
from botocore.exceptions import ClientError

s3 = boto3.client(
    "s3",
    endpoint_url=os.environ["S3_ENDPOINT"],
    region_name=os.environ["S3_REGION"],
    aws_access_key_id=os.environ["S3_ACCESS_KEY"],
    aws_secret_access_key=os.environ["S3_SECRET_KEY"],
)
try:
    s3.head_bucket(Bucket=os.environ["S3_BUCKET"])
except ClientError:
    s3.create_bucket(Bucket=os.environ["S3_BUCKET"])
PYTHON
