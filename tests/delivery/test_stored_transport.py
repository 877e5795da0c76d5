"""Revision 0004: mails of earlier releases take the transport that the ledger derived for them."""

from __future__ import annotations

import psycopg
import pytest

from claimhouse import schema

EXTRACTS = """
insert into delivery.extract (
    subscription_id, period, report, format, privacy_level, reason, file_name, checksum, size_bytes,
    row_count, column_names, entitlements, object_key
)
select
    's', '2026-01-01'::timestamptz, 'r', 'csv', 'limited', 'a test', coalesce(k, 'attached'), 'c', 1, 1,
    '{a}', '[]', k
from unnest(array['key', null]) as k
returning extract_id
"""
SUBSCRIPTION = """
insert into delivery.subscription (
    subscription_id, client, report, format, schedule, time_zone, recipients, transport, reason, detail,
    when_empty, approve_first
) values ('s', 'acme', 'r', 'csv', '@daily', 'UTC', '{}', 'attachment', 'a test', true, 'send', false)
"""
MAIL = """
insert into delivery.outbox (subscription_id, period, recipient, message_id, extract_id, state, sending_at)
values ('s', '2026-01-01', %(name)s, %(name)s, %(extract)s, %(state)s, case when %(tried)s then now() end)
returning outbox_id
"""
DISCLOSURE = """
insert into delivery.disclosure (
    outbox_id, extract_id, client, recipient, report, format, transport, privacy_level, period, reason,
    column_names, row_count, file_name, checksum, entitlements, message_id
) values (%s, %s, 'acme', 'x', 'r', 'csv', 'link', 'limited', now(), 'a test', '{a}', 1, 'f', 'c', '[]', 'm')
"""
# State, whether its file has an object, whether it was ever handed over, and the transport it takes.
MAILS = [
    ("sent", False, True, "link"),  # as the disclosure has it
    ("sending", True, True, "link"),
    ("sending", False, True, "attachment"),
    ("in_doubt", True, True, "link"),
    ("in_doubt", False, True, "attachment"),
    ("prepared", True, False, None),
    ("prepared", True, True, "unknown"),
    ("failed", False, True, "unknown"),
    ("failed", False, False, None),
]


@pytest.fixture
def earlier(unmigrated_url):
    """A warehouse at the revision before, with a mail of each kind."""
    schema.upgrade(unmigrated_url, to="0003")
    with psycopg.connect(unmigrated_url, autocommit=True) as warehouse:
        _enter_mails(warehouse)
        yield warehouse


def _enter_mails(warehouse):
    warehouse.execute(SUBSCRIPTION)
    linked, attached = (row[0] for row in warehouse.execute(EXTRACTS).fetchall())
    for number, (state, has_object, tried, _) in enumerate(MAILS):
        extract_id = linked if has_object else attached
        values = {"name": str(number), "extract": extract_id, "state": state, "tried": tried}
        (outbox_id,) = warehouse.execute(MAIL, values).fetchone()
        if state == "sent":
            warehouse.execute(DISCLOSURE, (outbox_id, extract_id))


def test_mails_of_earlier_releases_keep_what_the_ledger_said_of_them(earlier, unmigrated_url):
    ledger = "select recipient, state, transport from delivery.ledger order by recipient"
    before = earlier.execute(ledger).fetchall()
    schema.upgrade(unmigrated_url, to="0004")
    found = earlier.execute("select transport from delivery.outbox order by outbox_id").fetchall()
    assert [transport for (transport,) in found] == [expected for *_, expected in MAILS]
    assert earlier.execute(ledger).fetchall() == before
    schema.upgrade(unmigrated_url, to="0003")
    assert earlier.execute(ledger).fetchall() == before
    schema.upgrade(unmigrated_url)
    assert earlier.execute(ledger).fetchall() == before


def test_a_mail_cannot_be_sent_without_a_transport(warehouse):
    warehouse.execute(SUBSCRIPTION)
    (extract_id, *_), *_ = warehouse.execute(EXTRACTS).fetchall()
    values = {"name": "x", "extract": extract_id, "state": "sending", "tried": True}
    with pytest.raises(psycopg.errors.CheckViolation):
        warehouse.execute(MAIL, values)
