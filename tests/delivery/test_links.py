"""Extracts in a bucket, opened by links that expire."""

from __future__ import annotations

import hashlib
import logging
import re
import time
import urllib.error
import urllib.request

import pytest
from tests.worlds.delivery_world import (
    NOW,
    SUMMIT,
    assert_each_has_one,
    opened,
    outbox_rows,
    publish,
    run,
    sheet,
)

from claimhouse import delivery
from claimhouse.delivery import ledger, links


def link_in(message):
    (url,) = re.findall(r"^http\S+", message.get_content(), re.M)
    return url


def fetched(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read()


def refused(url):
    with pytest.raises(urllib.error.HTTPError) as raised:
        fetched(url)
    return raised.value.code == 403


def test_what_is_too_big_to_attach_comes_by_a_link_that_expires(
    world, mailbox, bucket, monkeypatch, caplog
):
    monkeypatch.setenv("CLAIMHOUSE_ATTACHMENT_MIB", "0.001")
    monkeypatch.setenv("CLAIMHOUSE_LINK_HOURS", str(4 / 3600))
    with caplog.at_level(logging.INFO):
        run(world)
    first, second = mailbox.parsed()
    assert list(first.iter_attachments()) == []
    url = link_in(first)
    content = fetched(url)
    assert len(sheet(opened(content), "Rows")) == len(world.expected(world.summit, SUMMIT)) + 1
    assert hashlib.sha256(content).hexdigest() in first.get_content()
    assert fetched(link_in(second)) == content
    assert "X-Amz-Signature" not in caplog.text
    other = url.replace("X-Amz-Expires=4", "X-Amz-Expires=400")
    assert other != url and refused(other)
    assert refused(re.sub("X-Amz-Signature=....", "X-Amz-Signature=0000", url))
    time.sleep(4.5)
    assert refused(url)
    delivery.due(NOW)
    assert "Contents" not in bucket.list_objects_v2(Bucket="extracts")
    used = {row.transport for row in ledger.disclosures(client=world.summit)}
    assert used == {"link"}


@pytest.mark.parametrize("step", ["uploaded", "link signed", "accepted"])
def test_killed_on_the_way_to_a_link_each_recipient_has_one_mail(
    world, mailbox, journal, bucket, killed, step
):
    mailbox.journal = journal
    publish(world, SUMMIT, transport="link")
    killed(step, 1)
    run(world)
    assert_each_has_one(world, mailbox)
    assert len(bucket.list_objects_v2(Bucket="extracts")["Contents"]) == 1


def test_without_a_bucket_what_is_too_big_waits(world, mailbox, monkeypatch):
    monkeypatch.setenv("CLAIMHOUSE_ATTACHMENT_MIB", "0.001")
    delivery.prepare(world.id, NOW)
    with pytest.raises(links.NoLinkStore, match="CLAIMHOUSE_LINK_STORE"):
        delivery.send(world.id)
    assert {row[1] for row in outbox_rows(world)} == {"prepared"}
