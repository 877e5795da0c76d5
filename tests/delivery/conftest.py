"""A published world with one subscription, and the servers that deliveries need."""

from __future__ import annotations

import copy
import imaplib
import json
import os
import shutil
import uuid

import boto3
import psycopg
import pytest
from local import embedded
from tests.conftest import TEMPLATE, copied
from tests.delivery import killed_delivery
from tests.worlds import forks
from tests.worlds.client_world import MASTER_KEY, World
from tests.worlds.delivery_world import (
    JOURNAL,
    NOW,
    PASSWORD,
    SUMMIT,
    Mailbox,
    Server,
    free_port,
    publish,
    running,
    use_mail_port,
)


@pytest.fixture
def mailbox(monkeypatch):
    """A real SMTP server on loopback; the connection ``claimhouse_mail`` names it."""
    box = Mailbox()
    controller = Server(box, hostname="127.0.0.1", port=0)
    controller.start()
    box.port = controller.port
    use_mail_port(monkeypatch, box.port)
    yield box
    controller.stop()


@pytest.fixture(scope="session")
def journal_port(tmp_path_factory):
    """The port of a real IMAP server."""
    port = free_port()
    with running("pymap", "--host", "127.0.0.1", "--port", str(port), "--no-tls", "dict",
                 "--demo-user", "us", port=port, cwd=tmp_path_factory.mktemp("imap")):  # fmt: skip
        yield port


@pytest.fixture
def journal(monkeypatch, journal_port):
    """A session with the mailbox that the connection ``claimhouse_journal`` names."""
    connection = {"conn_type": "imap", "host": "127.0.0.1", "port": journal_port, "login": "us",
            "password": "demopass", "extra": {"disable_ssl": True, "address": JOURNAL}}  # fmt: skip
    monkeypatch.setenv("AIRFLOW_CONN_CLAIMHOUSE_JOURNAL", json.dumps(connection))
    monkeypatch.setenv("CLAIMHOUSE_JOURNAL_MINUTES", "0")
    with imaplib.IMAP4("127.0.0.1", journal_port) as client:
        client.login("us", "demopass")
        # The worlds of other tests are copies of the same one, and so are their mails.
        client.select()
        client.store("1:*", "+FLAGS", "\\Deleted")
        client.expunge()
        client.close()
        yield client


@pytest.fixture(scope="session")
def published(server, tmp_path_factory):
    """A published world and its database, which the tests copy: that takes less than publishing."""
    name = f"d_{uuid.uuid4().hex[:12]}"
    address = embedded.create_database(server, name, template=TEMPLATE)
    with pytest.MonkeyPatch.context() as patch:
        use_pseudonyms(patch)
        with psycopg.connect(address, autocommit=True) as connection:
            world = World(connection, address, tmp_path_factory.mktemp("clients"))
            world.recipients = ["one@summit.example", "two@summit.example"]
            world.id = f"{world.summit}.monthly"
            publish(world, SUMMIT)
    yield world, name
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'drop database "{name}" with (force)')


@pytest.fixture
def warehouse_url(request, server, monkeypatch):
    """A warehouse that only this test sees: the published world, or else an empty one."""
    template = (
        request.getfixturevalue("published")[1] if "world" in request.fixturenames else TEMPLATE
    )
    with copied(server, template) as address:
        monkeypatch.setenv("WAREHOUSE_URL", address)
        yield address


@pytest.fixture
def world(published, warehouse, warehouse_url, tmp_path, monkeypatch):
    """A published world whose client summit has a subscription with two recipients."""
    use_pseudonyms(monkeypatch)
    monkeypatch.setenv("CLAIMHOUSE_EXTRACT_FOLDER", str(tmp_path / "extracts"))
    world = copy.copy(published[0])
    world.connection, world.address = warehouse, warehouse_url
    world.recipients = [*world.recipients]
    world.folder, world.extracts = tmp_path / "clients", tmp_path / "extracts"
    shutil.copytree(published[0].folder, world.folder)
    name = f"AIRFLOW_CONN_CLAIMHOUSE_EXTRACT_{world.summit}".upper()
    monkeypatch.setenv(name, json.dumps({"conn_type": "generic", "password": PASSWORD}))
    return world


def use_pseudonyms(patch):
    secret = {"conn_type": "generic", "password": MASTER_KEY}
    patch.setenv("AIRFLOW_CONN_CLAIMHOUSE_PSEUDONYM", json.dumps(secret))


@pytest.fixture
def killed(world):
    """Prepare and send in a process of its own that dies at the *count*-th *step*."""

    def run_and_die(step, count):
        arguments = (dict(os.environ), step, count, world.id, NOW.isoformat())
        process = forks.context().Process(target=killed_delivery.main, args=arguments)
        process.start()
        process.join(60)
        assert process.exitcode == -9

    return run_and_die


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    """A bucket of an S3 server that checks signatures and their hours."""
    port = free_port()
    (tmp_path / "s3").mkdir()
    endpoint = f"http://127.0.0.1:{port}"
    known = {"NANIO_ACCESS_KEY": "test", "NANIO_SECRET_KEY": "secretsecret"}
    extra = {"endpoint_url": endpoint, "region_name": "us-east-1"}
    connection = {"conn_type": "aws", "login": "test", "password": "secretsecret", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_CLAIMHOUSE_LINKS", json.dumps(connection))
    monkeypatch.setenv("CLAIMHOUSE_LINK_STORE", "s3://claimhouse_links@extracts/out")
    with running("nanio", "serve", "--host", "127.0.0.1", "--port", str(port), "--data-dir",
                 str(tmp_path / "s3"), port=port, cwd=tmp_path, **known):  # fmt: skip
        client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1",
                              aws_access_key_id="test", aws_secret_access_key="secretsecret")  # fmt: skip
        client.create_bucket(Bucket="extracts")
        yield client


@pytest.fixture
def ses(tmp_path, monkeypatch):
    """A server that speaks SES; the connection ``claimhouse_mail`` names it."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    extra = {"endpoint_url": endpoint, "region_name": "us-east-1",
             "from_email": "reports@claimhouse.example"}  # fmt: skip
    connection = {"conn_type": "aws", "login": "test", "password": "test", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_CLAIMHOUSE_MAIL", json.dumps(connection))
    with running("ministack", port=port, cwd=tmp_path, GATEWAY_PORT=str(port),
                 MINISTACK_HOST="127.0.0.1", BIND_HOST="127.0.0.1"):  # fmt: skip
        yield endpoint
