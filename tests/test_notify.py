"""The mail about a failed task: it arrives, and tells where, not what."""

from __future__ import annotations

import email
import email.policy
import json
from types import SimpleNamespace

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox
from airflow.sdk.exceptions import AirflowFailException

from claimhouse import notify


class Server(Controller):
    """An SMTP server on whichever port is free."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def test_a_failure_is_mailed_to_the_owner_without_its_text(tmp_path, monkeypatch):
    monkeypatch.setenv("CLAIMHOUSE_OWNER_EMAIL", "owner@claimhouse.example")
    server = Server(Mailbox(tmp_path / "mail"), hostname="127.0.0.1", port=0)
    server.start()
    try:
        extra = {
            "disable_ssl": True,
            "disable_tls": True,
            "from_email": "reports@claimhouse.example",
        }
        mail = {"conn_type": "smtp", "host": "127.0.0.1", "port": server.port, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_CLAIMHOUSE_MAIL", json.dumps(mail))
        task = SimpleNamespace(
            dag_id="ingest_billing", task_id="verify", try_number=3, log_url="http://logs.example/1"
        )
        context = {
            "ti": task,
            "run_id": "manual_1",
            "exception": ValueError("Zebulon Quillfeather, 1 Secret Street"),
        }
        for callback in notify.on_failure():
            callback(context)
    finally:
        server.stop()
    (file,) = (tmp_path / "mail" / "new").iterdir()
    message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    text = str(message.get_body(("html",)).get_content())
    assert message["To"] == "owner@claimhouse.example"
    assert message["Subject"] == "Claimhouse: ingest_billing failed at verify"
    assert "http://logs.example/1" in text
    assert "Quillfeather" not in text + str(message.items())


def test_a_verdict_is_not_tried_again_and_an_accident_is():
    with (
        pytest.raises(AirflowFailException, match="LookupError: no such batch"),
        notify.final(LookupError),
    ):
        raise LookupError("no such batch")
    with pytest.raises(OSError, match="the server was away"), notify.final(LookupError):
        raise OSError("the server was away")


def test_a_group_is_not_tried_again_if_all_of_it_are_verdicts():
    verdicts = [LookupError("billing"), KeyError("clinic")]
    with (
        pytest.raises(AirflowFailException, match="LookupError: billing; KeyError: 'clinic'"),
        notify.final(LookupError),
    ):
        raise ExceptionGroup("two sources", verdicts)
    with pytest.raises(ExceptionGroup), notify.final(LookupError):
        raise ExceptionGroup("three sources", [*verdicts, OSError("the server was away")])
