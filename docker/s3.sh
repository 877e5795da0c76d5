#!/bin/sh
# Start the S3 server with the keys of its files; it knows them only from its environment.
set -eu
ROOT_ACCESS_KEY_ID="$(cat /run/secrets/s3_access_key)"
ROOT_SECRET_ACCESS_KEY="$(cat /run/secrets/s3_secret_key)"
export ROOT_ACCESS_KEY_ID ROOT_SECRET_ACCESS_KEY
for program in /usr/local/bin/versitygw /app/versitygw; do
    if [ -x "$program" ]; then
        exec "$program" "$@"
    fi
done
echo "s3.sh: this image has no versitygw" >&2
exit 1
