#!/usr/bin/env bash
# Make the secrets of docker-compose.yaml in the folder secrets/. Can be repeated: a secret that is there stays;
# what is put together from others and from .env is written again. Needs bash and openssl.
#
#   docker/make-secrets.sh [FOLDER]      the folder is secrets/ beside docker-compose.yaml by default
#
# A secret that .env of an earlier release has is taken from there: docs/how-to/upgrade.md.
set -euo pipefail
umask 077

here="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
settings="${CLAIMHOUSE_ENV_FILE:-$here/.env}"
folder="${1:-$here/secrets}"

# Nobody else on this machine enters the folder. The files in it can be read by all, because each is mounted into a
# container whose user has another number than the owner of the folder.
mkdir -p "$folder"
chmod 0700 "$folder"

fail() {
    echo "make-secrets: $1" >&2
    exit 1
}

# setting NAME DEFAULT: the value of NAME in .env.
setting() {
    local value=""
    if [[ -f "$settings" ]]; then
        value="$(sed -n "s/^$1=//p" "$settings" | tail -n 1)"
    fi
    printf '%s' "${value:-$2}"
}

# put FILE: standard input becomes the file, at once or not at all.
put() {
    cat >"$folder/.$1.new"
    chmod 0444 "$folder/.$1.new"
    mv -f "$folder/.$1.new" "$folder/$1"
}

random() { openssl rand -hex 32; }

# keep FILE NAME COMMAND...: unless there is the file, make it from NAME in .env, else from the command's output.
keep() {
    local file="$1" name="$2" value
    shift 2
    [[ -e "$folder/$file" ]] && return
    value="$(setting "$name" "")"
    if [[ -n "$value" ]]; then
        echo "$file: taken from $name in $settings; remove that line"
    else
        value="$("$@")"
    fi
    printf '%s' "$value" | put "$file"
}

read_secret() { cat "$folder/$1"; }

# url_safe FILE...: they become parts of URLs.
url_safe() {
    local file
    for file in "$@"; do
        [[ "$(read_secret "$file")" =~ ^[A-Za-z0-9._~-]+$ ]] ||
            fail "$folder/$file must be of letters, digits and . _ ~ - only"
    done
}

# json TEXT: as a JSON string.
json() {
    local text="${1//\\/\\\\}"
    printf '"%s"' "${text//\"/\\\"}"
}

keep admin_password ADMIN_PASSWORD random
keep fernet_key FERNET_KEY bash -c 'openssl rand 32 | openssl base64 -A | tr "+/" "-_"'
keep api_secret_key API_SECRET_KEY random
keep jwt_secret JWT_SECRET openssl rand -hex 64
keep metadata_superuser_password "" random
keep metadata_password METADATA_PASSWORD random
keep results_password "" random
keep warehouse_superuser_password "" random
keep warehouse_owner_password WAREHOUSE_PASSWORD random
keep warehouse_loader_password "" random
keep warehouse_deliverer_password "" random
keep warehouse_pages_password "" random
keep warehouse_portal_password "" random
keep broker_password BROKER_PASSWORD random
keep s3_access_key S3_ACCESS_KEY openssl rand -hex 10
keep s3_secret_key S3_SECRET_KEY random
keep smtp_password SMTP_PASSWORD true
keep pseudonym_key PSEUDONYM_KEY random
url_safe metadata_password results_password warehouse_owner_password warehouse_loader_password \
    warehouse_deliverer_password warehouse_pages_password warehouse_portal_password broker_password

# Files that people add lines to.
# of_clients KIND: the lines of .env for a kind of connection, extract or login.
of_clients() {
    [[ -f "$settings" ]] || return 0
    sed -n "/^AIRFLOW_CONN_CLAIMHOUSE_$1_[A-Z0-9_]*={.*\"password\": \"..*\".*}\$/p" "$settings"
}
if [[ ! -e "$folder/extracts" ]]; then
    {
        echo "# The password of each client's extracts, of 14 characters or more: one line for each file in include/clients/."
        of_clients EXTRACT
        [[ ! -f "$settings" ]] || sed -n "/^AIRFLOW_CONN_CLAIMHOUSE_JOURNAL=/p" "$settings"
        for file in "$here"/include/clients/*.yaml; do
            client="$(basename "$file" .yaml)"
            line="AIRFLOW_CONN_CLAIMHOUSE_EXTRACT_${client^^}="
            if [[ -z "$(of_clients EXTRACT | grep "^$line" || true)" ]]; then
                echo "$line{\"conn_type\": \"generic\", \"password\": \"$(openssl rand -hex 12)\"}"
            fi
        done
    } | put extracts
fi
if [[ ! -e "$folder/logins" ]]; then
    {
        echo "# The password of each person's database login. A login without a line cannot log in. For example:"
        echo "# AIRFLOW_CONN_CLAIMHOUSE_LOGIN_SUMMIT_ORTHO__ANALYST={\"conn_type\": \"generic\", \"password\": \"\"}"
        of_clients LOGIN
    } | put logins
fi
if [[ ! -e "$folder/oidc" ]]; then
    {
        echo "# The secret of the readers' portal at the OpenID Connect provider (docs/portal.md). For example:"
        echo "# AIRFLOW_CONN_CLAIMHOUSE_OIDC={\"conn_type\": \"generic\", \"password\": \"\"}"
    } | put oidc
fi
if [[ ! -e "$folder/sources" ]]; then
    {
        echo "# The databases that feeds are fetched from (docs/contracts.md). postgres is in the image; install"
        echo "# apache-airflow-providers-teradata or apache-airflow-providers-microsoft-mssql for theirs. For example:"
        echo "# AIRFLOW_CONN_CLAIMHOUSE_PENDED_CLAIMS={\"conn_type\": \"teradata\", \"host\": \"\", \"login\": \"\", \"password\": \"\"}"
        echo "# AIRFLOW_CONN_CLAIMHOUSE_PROVIDERS={\"conn_type\": \"mssql\", \"host\": \"\", \"login\": \"\", \"password\": \"\"}"
        [[ ! -f "$settings" ]] || sed -n '/^AIRFLOW_CONN_CLAIMHOUSE_\(PENDED_CLAIMS\|PROVIDERS\)=/p' "$settings"
    } | put sources
fi

# Certificates: an authority of our own and one certificate for each server. The key of the authority is mounted
# nowhere. Remove a .crt file to have it made again; ca.crt may also hold the authorities of managed services.
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
# quietly COMMAND...: its messages only if it fails.
quietly() { "$@" 2>"$work/messages" || fail "$(cat "$work/messages")"; }
new_key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/key")
if [[ ! -e "$folder/ca.crt" ]]; then
    quietly openssl req -x509 "${new_key[@]}" -days 3650 -subj "/CN=Claimhouse" -out "$work/crt" \
        -addext "keyUsage=critical,keyCertSign,cRLSign"
    put ca.key <"$work/key"
    chmod 0400 "$folder/ca.key"
    put ca.crt <"$work/crt"
fi
for server in metadata warehouse broker; do
    [[ -e "$folder/$server.crt" && -e "$folder/$server.key" ]] && continue
    quietly openssl req "${new_key[@]}" -subj "/CN=$server" -out "$work/request"
    {
        echo "subjectAltName=DNS:$server,DNS:localhost,IP:127.0.0.1"
        echo "basicConstraints=CA:FALSE"
        echo "extendedKeyUsage=serverAuth"
    } >"$work/extensions"
    quietly openssl x509 -req -in "$work/request" -CA "$folder/ca.crt" -CAkey "$folder/ca.key" -days 825 \
        -set_serial "0x$(openssl rand -hex 16)" -extfile "$work/extensions" -out "$work/crt"
    put "$server.key" <"$work/key"
    put "$server.crt" <"$work/crt"
done

# What is put together from the above.
verified="sslmode=verify-full&sslrootcert=/run/secrets/ca.crt"
metadata="airflow:$(read_secret metadata_password)@$(setting METADATA_HOST metadata):5432/airflow?$verified"
results="results:$(read_secret results_password)@$(setting METADATA_HOST metadata):5432/results?$verified"
warehouse="$(setting WAREHOUSE_HOST warehouse):5432/warehouse?$verified"
owner="postgresql://claimhouse:$(read_secret warehouse_owner_password)@$warehouse"
printf '%s' "postgresql+psycopg2://$metadata" | put metadata_url
printf '%s' "postgresql+psycopg://$metadata" | put metadata_async_url
printf '%s' "db+postgresql+psycopg2://$results" | put results_url
printf '%s' "rediss://:$(read_secret broker_password)@$(setting BROKER_HOST broker):6379/0?ssl_cert_reqs=required&ssl_ca_certs=/run/secrets/ca.crt" |
    put broker_url
printf '%s' "$owner" | put warehouse_url
echo "AIRFLOW_CONN_CLAIMHOUSE_WAREHOUSE=$owner" | put warehouse_owner
echo "AIRFLOW_CONN_CLAIMHOUSE_WAREHOUSE=postgresql://claimhouse_loader:$(read_secret warehouse_loader_password)@$warehouse" |
    put warehouse_loader
echo "AIRFLOW_CONN_CLAIMHOUSE_WAREHOUSE=postgresql://claimhouse_deliverer:$(read_secret warehouse_deliverer_password)@$warehouse" |
    put warehouse_deliverer
echo "AIRFLOW_CONN_CLAIMHOUSE_WAREHOUSE=postgresql://claimhouse_pages:$(read_secret warehouse_pages_password)@$warehouse" |
    put warehouse_pages
echo "AIRFLOW_CONN_CLAIMHOUSE_PORTAL=postgresql://claimhouse_portal:$(read_secret warehouse_portal_password)@$warehouse" |
    put warehouse_portal
echo "AIRFLOW_CONN_CLAIMHOUSE_PSEUDONYM={\"conn_type\": \"generic\", \"password\": $(json "$(read_secret pseudonym_key)")}" |
    put pseudonyms
echo "AIRFLOW_CONN_CLAIMHOUSE_LANDING={\"conn_type\": \"aws\", \"login\": $(json "$(read_secret s3_access_key)"), \"password\": $(json "$(read_secret s3_secret_key)"), \"extra\": {\"endpoint_url\": $(json "$(setting S3_ENDPOINT http://s3:7070)"), \"region_name\": $(json "$(setting S3_REGION us-east-1)"), \"config_kwargs\": {\"signature_version\": \"s3v4\"}}}" |
    put objects
echo "AIRFLOW_CONN_CLAIMHOUSE_MAIL={\"conn_type\": \"smtp\", \"host\": $(json "$(setting SMTP_HOST mail)"), \"port\": $(setting SMTP_PORT 1025), \"login\": $(json "$(setting SMTP_LOGIN "")"), \"password\": $(json "$(read_secret smtp_password)"), \"extra\": {\"disable_ssl\": $(setting SMTP_DISABLE_SSL true), \"disable_tls\": $(setting SMTP_DISABLE_TLS true), \"from_email\": $(json "$(setting SMTP_FROM claimhouse@claimhouse.example)")}}" |
    put mail
{
    echo "port 0"
    echo "tls-port 6379"
    echo "tls-cert-file /run/secrets/broker.crt"
    echo "tls-key-file /run/secrets/broker.key"
    echo "tls-ca-cert-file /run/secrets/ca.crt"
    echo "tls-auth-clients no"
    echo "appendonly yes"
    echo "requirepass $(read_secret broker_password)"
} | put broker.conf
if [[ -f "$settings" ]]; then
    while read -r name; do
        echo "$settings: $name is read no more; see that it is in $folder/extracts, logins or sources, and remove it"
    done < <(sed -n "s/^\(AIRFLOW_CONN_[A-Z0-9_]*\)=.*/\1/p" "$settings")
fi
echo "the secrets are in $folder"
