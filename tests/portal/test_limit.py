"""An address may ask so often; who asks is told by the connection, and by nobody else but a proxy of ours."""

from __future__ import annotations

import time
from ipaddress import ip_network

import httpx
import pytest
from tests.portal.conftest import free_port, hidden, served

from claimhouse.portal import limit, serve

SIGN_INS, REQUESTS = 4, 12
# How long the start of the portal and the requests of a test take at most.
TEST_SECONDS = 15


@pytest.fixture
def limited(world, monkeypatch):
    """Serve the portal with low limits and these proxies."""

    def serve_with(proxies: str = ""):
        monkeypatch.setenv("CLAIMHOUSE_PORTAL_ADDRESS", f"http://localhost:{free_port()}")
        monkeypatch.setenv("CLAIMHOUSE_PORTAL_SIGN_INS_PER_MINUTE", str(SIGN_INS))
        monkeypatch.setenv("CLAIMHOUSE_PORTAL_REQUESTS_PER_MINUTE", str(REQUESTS))
        monkeypatch.setenv("CLAIMHOUSE_PORTAL_PROXIES", proxies)
        # Limits count by the minute of the clock: if it ends during a test, more requests are answered.
        left = 60 - time.time() % 60
        time.sleep(left if left < TEST_SECONDS else 0)
        return served()

    return serve_with


def answers(client: httpx.Client, number: int, address: str | None = None) -> list[int]:
    """The statuses of as many requests for the form, as a proxy passes them on."""
    headers = {"X-Forwarded-For": address} if address else {}
    return [client.get("/sign-in", headers=headers).status_code for _ in range(number)]


def test_a_flood_of_requests_waits_and_styles_do_not(limited):
    with limited() as url, httpx.Client(base_url=url) as client:
        assert answers(client, REQUESTS + 2) == [200] * REQUESTS + [429] * 2
        # No header makes somebody another: no proxy is named.
        assert answers(client, 1, "203.0.113.9") == [429]
        refused = client.get("/dashboards/humana")
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 61
        assert refused.headers["cache-control"] == "no-store"
        assert "Try again in" in refused.text
        assert client.get("/health").text == "ok\n"
        assert client.get("/static/claimhouse.css").status_code == 200


def test_guesses_at_passwords_wait_whatever_the_name(limited):
    with limited() as url, httpx.Client(base_url=url, headers={"Origin": url}) as client:
        page = client.get("/sign-in").text
        statuses = [
            client.post(
                "/sign-in",
                data=hidden(page)
                | {"name": f"person {number}", "password": "wrong and long enough"},
            ).status_code
            for number in range(SIGN_INS + 2)
        ]
        assert statuses == [403] * SIGN_INS + [429] * 2
        # Pages go on, and a right password waits as well.
        assert client.get("/sign-in").status_code == 200


def test_each_address_behind_a_proxy_of_ours_is_counted_for_itself(limited):
    with limited("127.0.0.1, 10.1.0.0/16") as url, httpx.Client(base_url=url) as client:
        assert answers(client, REQUESTS + 1, "203.0.113.9") == [200] * REQUESTS + [429]
        # What the person wrote before the proxies did is not believed.
        assert answers(client, 1, "198.51.100.1, 203.0.113.9, 10.1.2.3") == [429]
        assert answers(client, 1, "203.0.113.9, 198.51.100.7") == [200]


def test_after_a_while_somebody_is_answered_again(limited, monkeypatch):
    with limited() as url, httpx.Client(base_url=url) as client:
        answers(client, REQUESTS + 1)
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 121)
        assert answers(client, 1) == [200]


@pytest.mark.pure
@pytest.mark.parametrize(
    ("client", "forwarded", "expected"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["1.2.3.4"], "203.0.113.9"),
        ("10.0.0.7", [], "10.0.0.7"),
        ("10.0.0.7", ["1.2.3.4"], "1.2.3.4"),
        ("10.0.0.7", ["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
        ("10.0.0.7", ["6.6.6.6", "1.2.3.4"], "1.2.3.4"),
        ("10.0.0.7", ["1.2.3.4 , 10.1.9.9"], "1.2.3.4"),
        ("10.0.0.7", ["10.1.9.9"], "10.1.9.9"),
        ("10.0.0.7", ["1.2.3.4, nonsense"], "10.0.0.7"),
        ("10.0.0.7", ["1.2.3.4, 10.1.9.9, \xff\xfe"], "10.0.0.7"),
        ("10.0.0.7", ["1.2.3.4,"], "10.0.0.7"),
        ("::ffff:10.0.0.7", ["::ffff:1.2.3.4"], "1.2.3.4"),
        ("2001:db8:1:2:3:4:5:6", [], "2001:db8:1:2::/64"),
        ("10.0.0.7", ["2001:db8:1:2:ffff::1"], "2001:db8:1:2::/64"),
        ("not an address", ["1.2.3.4"], "None"),
        (None, ["1.2.3.4"], "None"),
    ],
)
def test_who_asks(client, forwarded, expected):
    scope = {
        "type": "http",
        "client": (client, 1) if client else None,
        "headers": [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded],
    }
    proxies = (ip_network("10.0.0.7"), ip_network("10.1.0.0/16"))
    assert limit.who_asks(scope, proxies) == expected


@pytest.mark.pure
@pytest.mark.parametrize(
    ("name", "value"),
    [("PROXIES", "10.0.0.0/99"), ("PROXIES", "proxy.example.org"), ("REQUESTS_PER_MINUTE", "many")],
)
def test_a_setting_that_is_none_stops_the_portal(monkeypatch, name, value):
    monkeypatch.setenv(f"CLAIMHOUSE_PORTAL_{name}", value)
    with pytest.raises(serve.ServeError, match="CLAIMHOUSE_PORTAL_"):
        serve.serve("127.0.0.1", 0)
