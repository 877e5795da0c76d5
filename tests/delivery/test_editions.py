"""A delivery shows one edition, whatever is loaded, rebuilt or published beside it."""

from __future__ import annotations

import importlib
from datetime import timedelta

import psycopg
import pytest
from tests.worlds.client_world import LOADED
from tests.worlds.delivery_world import (
    NOW,
    OWNER,
    SUMMIT,
    attachment,
    disclosed,
    mails_of,
    opened,
    publish,
    run,
    sheet,
)

from claimhouse import delivery
from claimhouse.delivery import ledger
from claimhouse.reporting import editions

prepare = importlib.import_module("claimhouse.delivery.prepare")


def before(monkeypatch, step, action):
    """Do *action* before the next call of a step of preparing."""
    call = getattr(prepare, step)

    def interrupted(*arguments):
        monkeypatch.setattr(prepare, step, call)
        action()
        return call(*arguments)

    monkeypatch.setattr(prepare, step, interrupted)


def editions_mailed():
    """The editions of each file that was mailed, the oldest first."""
    files = {row.period: row.editions for row in ledger.disclosures()}
    return [files[period] for period in sorted(files)]


def test_a_delivery_beside_loads_and_publications_is_of_one_edition(
    world, mailbox, monkeypatch, capsys
):
    """It shows what was published when its first query was answered."""

    def half_a_load():
        # A report that was made anew would have no rows for the delivery, and no error.
        world.connection.execute("set lock_timeout = '50ms'")
        for place in ("view reporting", "table published"):
            with pytest.raises(psycopg.errors.LockNotAvailable):
                world.connection.execute(f"drop {place}.claims_by_specialty_month cascade")
        world.connection.execute("reset lock_timeout")
        world.connection.execute("delete from star.fact_claim where claim_id < 'CLM000200'")

    def publication():
        publish(world, SUMMIT)

    def rebuild():
        world.connection.execute("truncate star.fact_claim")
        publish(world, SUMMIT)

    whole = len(world.expected(world.summit, SUMMIT))
    second_half = len(
        [
            claim
            for claim in world.claims
            if (claim["source"], claim["claim_id"] >= "CLM000200") == ("billing", True)
            and claim["specialty"] in SUMMIT[1]
        ]
    )
    shown = []
    for month, change in enumerate((half_a_load, publication, rebuild)):
        before(monkeypatch, "_summary", change)
        run(world, NOW + timedelta(days=31 * month))
        plain = opened(attachment(mailbox.parsed()[-1])[1])
        cover = dict(row[:2] for row in sheet(plain, "Cover") if row[0] and row[1])
        assert cover["Data as of"] == "2026-03-02 04:05:06 UTC"
        assert int(cover["Rows"]) == len(sheet(plain, "Rows")) - 1
        shown.append(int(cover["Rows"]))
    assert shown == [whole, whole, second_half]
    assert editions_mailed() == [{"billing": 1}, {"billing": 1}, {"billing": 2}]
    delivery.main(["ledger"])
    assert ",billing 2," in capsys.readouterr().out.splitlines()[-1]


def test_what_is_not_published_yet_is_not_sent(world, mailbox, monkeypatch):
    """Before the first edition of an audience, and of a report that is made anew, there are no rows."""
    with monkeypatch.context() as patch:
        patch.setattr(editions, "publish", lambda *_, **__: None)  # the source is being loaded
        publish(world, ("billing", ["heart_surgeon"]))
    run(world)
    (notice,) = mailbox.parsed()
    assert notice["To"] == OWNER
    assert "what was loaded has not been published" in notice.get_content()
    publish(world, SUMMIT)

    def report_is_made_anew():
        world.connection.execute("delete from published.basis")

    before(monkeypatch, "_write", report_is_made_anew)
    with pytest.raises(delivery.DeliveryError, match="not prepared"):
        run(world)
    publish(world, SUMMIT)
    run(world)
    assert mails_of(world, mailbox) == world.recipients
    assert {row[3] for row in disclosed(world)} == {len(world.expected(world.summit, SUMMIT))}


def test_a_delivery_waits_for_the_first_load_of_a_source(world, mailbox):
    """An edition of nothing is published while files are loaded for the first time: it is not mailed."""
    loaded = "update landing.batch set state = %s, loaded_at = %s"
    world.connection.execute(loaded, ("verified", None))
    publish(world, SUMMIT)
    run(world)
    assert mailbox.parsed() == []
    world.connection.execute(loaded, ("loaded", LOADED))
    publish(world, SUMMIT)
    run(world)
    assert mails_of(world, mailbox) == world.recipients
