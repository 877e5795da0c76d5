"""A mail server may die at any point: no mail goes twice or is lost in silence, the ledger says what is known."""

from __future__ import annotations

import itertools
import json
import os
import re
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.worlds.delivery_world import NOW, OWNER, SUMMIT, outbox_rows, publish, run, use_mail_port
from tests.worlds.dying_server import BEFORE_THE_END, DEATHS, REFUSALS, DyingServer
from tests.worlds.properties import examples

from claimhouse import delivery
from claimhouse.delivery import ledger, mail, outbox

FAULTS = [
    *itertools.product(BEFORE_THE_END, (*DEATHS, *REFUSALS)),
    # A server that says no does not keep the mail.
    *itertools.product(("end",), (*DEATHS, *REFUSALS)),
    *itertools.product(("stored",), DEATHS),
]  # fmt: skip


@pytest.fixture
def dying(monkeypatch):
    """A server to which faults can be given; impatient timeouts."""
    server = DyingServer()
    use(monkeypatch, server.port)
    monkeypatch.setattr(mail, "VERDICT_SECONDS", 0.1)
    monkeypatch.setattr(mail, "QUIT_SECONDS", 0.1)
    yield server
    server.close()


def use(monkeypatch, port, **extra):
    use_mail_port(monkeypatch, port)
    name = "AIRFLOW_CONN_CLAIMHOUSE_MAIL"
    connection = json.loads(os.environ[name])
    connection["extra"] |= {"timeout": 0.1} | extra
    monkeypatch.setenv(name, json.dumps(connection))


def a_mail(recipient="b@x.example", sender="a@x.example", text="text"):
    return mail.message(
        sender=sender, recipient=recipient, subject="für", text=text, message_id="<1@x>"
    )


def run_once(world, now=NOW):
    """Whether a run ends green."""
    try:
        run(world, now)
    except delivery.DeliveryError:
        return False
    return True


def mail_states(world):
    """State and outbox id of each mail by its Message-ID."""
    return {
        message_id: (state, outbox_id)
        for message_id, state, outbox_id in world.connection.execute(
            "select message_id, state, outbox_id from delivery.outbox"
        )
    }


def check(world, server, is_green):
    """What must hold at any time, by what the server really has."""
    got = [message["Message-ID"] for message in server.messages() if message["To"] != OWNER]
    assert len(got) == len(set(got)), "a mail went twice"
    states = mail_states(world)
    disclosed = {
        row[0] for row in world.connection.execute("select message_id from delivery.disclosure")
    }
    in_doubt = {message for message, (state, _) in states.items() if state == "in_doubt"}
    assert disclosed == {message for message, (state, _) in states.items() if state == "sent"}
    assert disclosed <= set(got), "counted as sent, and the server never had it"
    assert set(got) <= disclosed | in_doubt, "sent, and the ledger has it as not sent"
    open_mails = {
        outbox_id for state, outbox_id in states.values() if state in ("in_doubt", "failed")
    }
    assert {matter.outbox_id for matter in delivery.needs_a_person()} >= open_mails
    told = {
        int(number)
        for message in server.messages()
        if message["To"] == OWNER
        for number in re.findall(r"resolve (\d+)", message.get_content())
    }
    if is_green:
        assert open_mails <= told, "green, and nobody was told"


def answer_truly(world, server):
    """Answer as a person who reads the server's log."""
    got = {message["Message-ID"] for message in server.messages()}
    for message_id, (state, outbox_id) in mail_states(world).items():
        if state in ("in_doubt", "failed"):
            answer = "arrived" if message_id in got else "resend"
            outbox.resolve(outbox_id, answer, reason="the server's log", by="maria")


def test_wherever_the_server_dies_outbox_ledger_and_notices_agree(world, dying):
    publish(world, SUMMIT, format="csv")
    periods = (NOW + timedelta(days=31 * number) for number in itertools.count())

    @examples(6)
    @given(st.lists(st.sampled_from(FAULTS), min_size=1, max_size=6))
    @example([("stored", "close")] * 4)
    @example([("end", "close")] * 4)
    @example([("body", "reset")] * 4)
    @example([("end", "552 too much")] * 2)
    @example([("greeting", "silence"), ("end", "garbage"), ("stored", "half a reply")])
    def holds(faults):
        now = next(periods)
        dying.faults.extend(faults)
        while dying.faults:
            check(world, dying, run_once(world, now))
        check(world, dying, run_once(world, now))
        answer_truly(world, dying)
        is_green = run_once(world, now)
        check(world, dying, is_green)
        assert is_green and {state for state, _ in mail_states(world).values()} == {"sent"}

    holds()


@pytest.mark.parametrize("point, way", [("stored", "close"), ("end", "silence")])
def test_the_owner_is_told_of_a_doubt_until_somebody_answers(world, dying, point, way):
    dying.always = (point, way)
    delivery.prepare(world.id, NOW)
    for _ in range(3):
        # The notice is in doubt as well: red, every time.
        with pytest.raises(delivery.DeliveryError, match="owner was not notified: in doubt"):
            delivery.send(world.id)
        assert delivery.due(NOW) == [world.id]
    with pytest.raises(delivery.DeliveryError, match="owner was not notified"):
        delivery.notify_owner()
    states = [row.state for row in ledger.disclosures(client=world.summit)]
    assert states == ["in doubt", "in doubt"]
    assert [matter.kind for matter in delivery.needs_a_person()] == ["mail in doubt"] * 2
    assert {matter.notified_at for matter in delivery.needs_a_person()} == {None}

    dying.always, dying.stored[:] = None, []
    delivery.notify_owner()
    (notice,) = dying.messages()
    for doubt in delivery.in_doubt():
        assert doubt.message_id in notice.get_content()
        assert doubt.recipient not in notice.get_content()
    assert run_once(world) and delivery.due(NOW) == []
    delivery.notify_owner()
    assert len(dying.stored) == 1  # told today

    world.connection.execute("update delivery.notice set sent_at = sent_at - interval '25 hours',"
                             " opened_at = opened_at - interval '25 hours'")  # fmt: skip
    world.connection.execute(
        "update delivery.outbox set sending_at = sending_at - interval '26 hours'"
    )
    assert delivery.due(NOW) == [world.id]
    assert run_once(world)
    assert len({message["Message-ID"] for message in dying.messages()}) == 2  # told again

    first, second = delivery.in_doubt()
    delivery.main(["resolve", str(first.outbox_id), "arrived", "--reason", "she has it"])
    delivery.main(["resolve", str(second.outbox_id), "lost", "--reason", "not in the log"])
    assert delivery.needs_a_person() == [] and delivery.due(NOW) == []
    rows = {row.recipient: row for row in ledger.disclosures(client=world.summit)}
    assert (rows[first.recipient].state, rows[first.recipient].answer_reason) == (
        "sent",
        "she has it",
    )
    assert rows[second.recipient].state == "not sent" and rows[second.recipient].answered_by
    # The ledger keeps the moment at which it left.
    assert rows[first.recipient].disclosed_at == first.sending_at


def test_a_server_that_breaks_off_amid_the_mail_is_not_tried_for_ever(world, dying, monkeypatch):
    monkeypatch.setenv("CLAIMHOUSE_MAIL_ATTEMPTS", "4")
    dying.always = ("MAIL", "reset")
    delivery.prepare(world.id, NOW)
    for _ in range(4):
        with pytest.raises(delivery.DeliveryError):
            delivery.send(world.id)
    assert [row[1:3] for row in outbox_rows(world)] == [("failed", 4)] * 2
    assert delivery.due(NOW) == [world.id]  # to notify the owner
    dying.always = None
    assert run_once(world) and delivery.due(NOW) == []
    (notice,) = dying.messages()
    numbers = [matter.outbox_id for matter in delivery.needs_a_person()]
    assert all(f"Mail {number} was given up" in notice.get_content() for number in numbers)
    delivery.main(["resolve", *map(str, numbers), "resend", "--reason", "the server is repaired"])
    assert run_once(world)
    assert {row[1] for row in outbox_rows(world)} == {"sent"}


def test_a_server_that_is_away_is_waited_for(world, dying, monkeypatch):
    monkeypatch.setenv("CLAIMHOUSE_MAIL_ATTEMPTS", "2")
    delivery.prepare(world.id, NOW)
    for point in ("greeting", "EHLO") * 2:
        dying.always = (point, "close")
        with pytest.raises(delivery.DeliveryError):
            delivery.send(world.id)
    assert [row[1:3] for row in outbox_rows(world)] == [("prepared", 4)] * 2
    assert {matter.kind for matter in delivery.needs_a_person()} == {"mail not taken yet"}
    dying.always = None
    assert run_once(world) and len(dying.stored) == 2


def test_a_mail_larger_than_the_server_announced_is_not_begun(world, monkeypatch):
    server = DyingServer(size="2000")
    use(monkeypatch, server.port)
    delivery.prepare(world.id, NOW)
    with pytest.raises(
        delivery.DeliveryError, match=r"has [\d,]+ bytes .* at most 2,000: use the transport link"
    ):
        delivery.send(world.id)
    assert not [
        line
        for line in server.commands
        if line.upper().startswith((b"RCPT TO:<one", b"RCPT TO:<two"))
    ]
    assert {row[1] for row in outbox_rows(world)} == {"failed"}
    # The notice is small enough.
    (notice,) = server.messages()
    assert notice["To"] == OWNER and "at most 2,000" in notice.get_content()
    server.close()


@pytest.mark.parametrize("size", ["0", "many", "99999999"])
def test_no_limit_and_a_large_one_let_the_mail_through(monkeypatch, size):
    server = DyingServer(size=size)
    use(monkeypatch, server.port)
    mail.hand_over(mail.server(), a_mail())
    (command,) = (line for line in server.commands if line.upper().startswith(b"MAIL"))
    assert int(re.search(rb"size=(\d+)", command)[1]) == len(server.stored[0])
    server.close()


@pytest.mark.parametrize("reply", ["552 too big", "554 5.3.4 too big"])
@pytest.mark.parametrize("point", ["MAIL", "RCPT", "DATA", "end"])
def test_a_size_that_is_refused_fails_the_mail_with_what_to_do(dying, point, reply):
    message = a_mail()
    dying.always = (point, reply)
    with pytest.raises(mail.NotTaken, match="use the transport link, or split") as raised:
        mail.hand_over(mail.server(), message)
    assert raised.value.is_final


@pytest.mark.parametrize("utf8", [False, True])
def test_letters_beyond_ascii_need_a_server_that_takes_them(monkeypatch, utf8):
    server = DyingServer(utf8=utf8)
    use(monkeypatch, server.port)
    message = a_mail("jürgen@bücher.example", "Müller & Co <a@x.example>", "ü")
    if utf8:
        mail.hand_over(mail.server(), message)
        assert "TO:<jürgen@bücher.example>" in b"".join(server.commands).decode()
    else:
        with pytest.raises(mail.NotTaken, match="SMTPUTF8") as raised:
            mail.hand_over(mail.server(), message)
        assert raised.value.is_final and server.stored == []
    server.close()


@pytest.mark.parametrize("recipient", ["o'brien@client.example", "jo@bücher.example"])
def test_an_unusual_address_goes_through_any_server(dying, recipient):
    message = a_mail(recipient, "Müller <a@x.example>", "Müller\n.\n..dots")
    mail.hand_over(mail.server(), message)
    (raw,), (sent,) = dying.stored, dying.messages()
    assert raw.isascii() and sent["To"].encode("ascii")
    assert sent.get_content().split() == ["Müller", ".", "..dots"]
    assert sent["Subject"] == "für"


@pytest.mark.parametrize("extra, kind", [
    ({"disable_tls": False}, "SMTPNotSupportedError"), ({"disable_ssl": False}, "SSL|timed|Timeout|EOF"),
])  # fmt: skip
def test_a_server_without_tls_is_sent_nothing(dying, monkeypatch, extra, kind):
    use(monkeypatch, dying.port, **extra)
    message = a_mail()
    with pytest.raises(mail.NotTaken, match=kind) as raised:
        mail.hand_over(mail.server(), message)
    assert not raised.value.is_final and not raised.value.is_counted and dying.stored == []


@pytest.mark.parametrize("change", ["hold", "drop"])
def test_a_mail_whose_client_left_meanwhile_is_settled_too(world, mailbox, killed, change):
    killed("accepted", 2)
    if change == "hold":
        delivery.main(["hold", world.summit, "--reason", "a dispute"])
    else:
        world.connection.execute("update delivery.subscription set is_active = false")
    assert delivery.due(NOW) == [world.id]
    delivery.notify_owner()
    (doubt,) = delivery.in_doubt()
    assert [message["To"] for message in mailbox.parsed()][-1] == OWNER
    delivery.main(["resolve", str(doubt.outbox_id), "arrived", "--reason", "she has it"])
    assert [row.state for row in ledger.disclosures(client=world.summit)] == ["sent", "sent"]


def test_an_answer_needs_a_question_a_reason_and_fits_it(world, mailbox, monkeypatch):
    mailbox.refuse = {"one@summit.example": "550 no such mailbox"}
    with monkeypatch.context() as patch:
        # A run that dies before it recorded the notice: better twice than never.
        patch.setattr(outbox, "checkpoint", lambda step: 1 / (step != "owner notified"))
        with pytest.raises(ZeroDivisionError):
            run(world)
    assert delivery.due(NOW) == [world.id] and run_once(world)
    assert [message["To"] for message in mailbox.parsed()].count(OWNER) == 2
    failed, sent = (
        world.connection.execute(
            "select outbox_id from delivery.outbox where state = %s", (state,)
        ).fetchone()[0]
        for state in ("failed", "sent")
    )
    for number, answer, reason in [
        (failed, "arrived", "x"), (failed, "resend", " "), (sent, "resend", "x"), (0, "lost", "x"),
    ]:  # fmt: skip
        with pytest.raises(SystemExit):
            delivery.main(["resolve", str(number), answer, "--reason", reason])
    with pytest.raises(SystemExit):
        delivery.main(["resolve", str(failed), "lost"])
    delivery.main(["resolve", str(failed), "lost", "--reason", "she left the company"])
    assert delivery.needs_a_person() == []
    for change in ("delete from", "truncate"):
        with pytest.raises(Exception, match="never changed"):
            world.connection.execute(f"{change} delivery.answer")
