"""Mails through Amazon SES."""

from __future__ import annotations

import json

import boto3
import pytest
from tests.worlds.delivery_world import (
    NOW,
    disclosed,
    mails_of,
    run,
)

from claimhouse import delivery


def test_mails_go_through_ses_too(world, ses):
    client = boto3.client("ses", endpoint_url=ses, region_name="us-east-1",
                          aws_access_key_id="test", aws_secret_access_key="test")  # fmt: skip
    client.verify_email_identity(EmailAddress="reports@claimhouse.example")
    run(world)
    run(world)
    assert client.get_send_quota()["SentLast24Hours"] == 2
    given = world.connection.execute("select server_id from delivery.outbox").fetchall()
    assert len(set(given)) == 2 and all(server_id for (server_id,) in given)
    assert [row[0] for row in disclosed(world)] == world.recipients


def test_ses_away_means_late_not_lost(world, mailbox, monkeypatch):
    extra = {"endpoint_url": "http://127.0.0.1:1", "region_name": "us-east-1"}
    connection = {"conn_type": "aws", "login": "test", "password": "test", "extra": extra}
    with monkeypatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_CLAIMHOUSE_MAIL", json.dumps(connection))
        delivery.prepare(world.id, NOW)
        with pytest.raises(delivery.DeliveryError, match="EndpointConnectionError"):
            delivery.send(world.id)
    run(world)
    assert mails_of(world, mailbox) == world.recipients
