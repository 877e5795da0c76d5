#!/bin/sh
# Start Postgres as its own user. It refuses a key that others may read: it gets a copy in memory.
set -eu
umask 077
cp /run/secrets/server.key /run/tls/server.key
chmod 0600 /run/tls/server.key
exec docker-entrypoint.sh "$@"
