"""People whom an OpenID Connect provider signs in, and what a token may not be."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey
from tests.portal import identity
from tests.portal.conftest import Portal
from tests.portal.identity import CLIENT, SECRET, Identity

from claimhouse.portal import accounts, application, provider

OLGA = "olga@united.example"


@pytest.fixture(scope="module")
def issuer() -> Iterator[Identity]:
    with identity.serving() as serving:
        yield serving


@pytest.fixture
def idp(world: Portal, issuer: Identity, monkeypatch: pytest.MonkeyPatch) -> Identity:
    """The provider of the portal, where Olga is signed in."""
    monkeypatch.setenv("CLAIMHOUSE_PORTAL_OIDC_ISSUER", issuer.issuer)
    monkeypatch.setenv("CLAIMHOUSE_PORTAL_OIDC_CLIENT", CLIENT)
    secret = json.dumps({"conn_type": "generic", "password": SECRET})
    monkeypatch.setenv("AIRFLOW_CONN_CLAIMHOUSE_OIDC", secret)
    serving = Identity(issuer.issuer)
    issuer.__dict__.update(serving.__dict__ | {"key": issuer.key, "issuer": issuer.issuer})
    known = {(account.kind, account.name) for account in accounts.listed(world.owner)}
    if (accounts.OIDC, OLGA) not in known:
        world.add(OLGA, world.analyst, accounts.OIDC)
    return issuer


def come_back(browser: httpx.Client, place: str = "") -> str:
    """Go to the provider, and be sent back: the address that the browser is sent to."""
    begun = browser.get("/sign-in/provider", params={"next": place} if place else None)
    assert begun.status_code == 303, begun.text
    back = httpx.get(begun.headers["location"]).headers["location"]
    parts = urlsplit(back)
    return f"{parts.path}?{parts.query}"


def test_whoever_the_provider_signs_in_reads_as_their_login(world: Portal, idp: Identity) -> None:
    browser = world.browser()
    assert "organization&#39;s account" in browser.get("/sign-in").text or (
        "organization's account" in browser.get("/sign-in").text
    )
    answer = browser.get(come_back(browser, "/?a=b"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/?a=b")
    page = browser.get("/").text
    assert "United&#39;s readers" in page
    assert OLGA in page
    assert world.noted(OLGA)["signed_in"] >= 1


def test_what_is_asked_is_bound_to_the_browser(world: Portal, idp: Identity) -> None:
    begun = world.browser().get("/sign-in/provider")
    asked = {
        name: values[0]
        for name, values in parse_qs(urlsplit(begun.headers["location"]).query).items()
    }
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert "openid" in asked["scope"]
    assert asked["redirect_uri"] == f"{world.url}/sign-in/provider/done"
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 43
    (cookie,) = begun.headers.get_list("set-cookie")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


def aside(**other: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The claims with others instead; None leaves one out."""

    def change(claims: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in (claims | other).items() if value is not None}

    return change


WRONG = {
    "another nonce": aside(nonce="another"),
    "no nonce": aside(nonce=None),
    "another audience": aside(aud="another"),
    "no audience": aside(aud=None),
    "made for another": aside(aud=[CLIENT, "another"], azp="another"),
    "for several, made for nobody": aside(aud=[CLIENT, "another"]),
    "another issuer": aside(iss="https://evil.example"),
    "no issuer": aside(iss=None),
    "expired": aside(iat=int(time.time()) - 1000, exp=int(time.time()) - 700),
    "never expires": aside(exp=None),
    "an expiry that is none": aside(exp="tomorrow"),
    "made in the future": aside(iat=int(time.time()) + 3600, exp=int(time.time()) + 7200),
    "no subject": aside(sub=None),
    "address not verified": aside(email_verified=False),
    "nobody says that it is verified": aside(email_verified=None),
    "verified in words": aside(email_verified="true"),
    "no address": aside(email=None),
    "several addresses": aside(email=[OLGA]),
    "an empty address": aside(email=" "),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_a_token_that_is_wrong_signs_nobody_in(world: Portal, idp: Identity, wrong: str) -> None:
    idp.change = WRONG[wrong]
    refused(world)


def refused(world: Portal, back: str | None = None, browser: httpx.Client | None = None) -> None:
    browser = browser or world.browser()
    answer = browser.get(back or come_back(browser))
    assert answer.status_code == 403
    assert "could not be signed in" in answer.text
    assert application.cookie("session") not in browser.cookies
    assert "olga" not in answer.text.lower()
    assert browser.get("/").status_code == 303


def test_an_audience_of_several_that_was_made_for_us_is_taken(world: Portal, idp: Identity) -> None:
    idp.change = aside(aud=[CLIENT, "another"], azp=CLIENT)
    browser = world.browser()
    assert browser.get(come_back(browser)).status_code == 303


@pytest.mark.parametrize(
    "how", ["unsigned", "by the secret", "by another key", "changed", "no token"]
)
def test_a_token_that_the_provider_has_not_signed(world: Portal, idp: Identity, how: str) -> None:
    other = RSAKey.generate_key(2048, {"kid": "first"})
    signs: dict[str, Callable[[dict[str, Any]], str]] = {
        "unsigned": identity.unsigned,
        "by the secret": identity.by_the_secret,
        "by another key": lambda claims: idp.signed(claims, other),
        "changed": lambda claims: idp.signed(claims)[:-8] + "AAAAAAAA",
        "no token": lambda _: "",
    }
    idp.sign = signs[how]
    refused(world)


def test_a_code_and_a_state_are_taken_once(world: Portal, idp: Identity) -> None:
    browser = world.browser()
    begun = browser.get("/sign-in/provider")
    cookies = dict(browser.cookies)
    back = urlsplit(httpx.get(begun.headers["location"]).headers["location"])
    address = f"{back.path}?{back.query}"
    assert browser.get(address).status_code == 303
    # Without the cookie, which is gone, and with it, as one who has kept it.
    again = world.browser()
    refused(world, address, again)
    again.cookies.update(cookies)
    answer = again.get(address)
    assert answer.status_code == 403
    # Whatever the provider takes again, a state is taken once.
    (code,) = parse_qs(back.query)["code"]
    idp.codes[code] = {
        name: values[0]
        for name, values in parse_qs(urlsplit(begun.headers["location"]).query).items()
    }
    again.cookies.update(cookies)
    assert again.get(address).status_code == 403
    idp.codes.clear()
    # The provider takes its code once, whatever we remember.
    application._used.clear()
    assert again.get(address).status_code == 403


def test_a_state_of_another_browser_signs_nobody_in(world: Portal, idp: Identity) -> None:
    """Or one would be signed in as whoever sent the link."""
    attacker, victim = world.browser(), world.browser()
    address = come_back(attacker)
    refused(world, address, victim)
    come_back(victim)
    refused(world, address, victim)


@pytest.mark.parametrize(
    "query",
    ["", "?state=", "?code=x", "?code=x&state=y", "?error=access_denied&state=x", "?state=\u0441"],
)
def test_an_answer_of_no_provider_signs_nobody_in(world: Portal, idp: Identity, query: str) -> None:
    refused(world, f"/sign-in/provider/done{query}")
    browser = world.browser()
    come_back(browser)
    refused(world, f"/sign-in/provider/done{query}", browser)


def test_a_cookie_that_is_forged_is_refused(world: Portal, idp: Identity) -> None:
    browser = world.browser()
    address = come_back(browser)
    state = parse_qs(urlsplit(address).query)["state"][0]
    browser.cookies.clear()
    browser.cookies.set("claimhouse-provider", json.dumps([state, "n", "v", "/"]))
    refused(world, address, browser)


def test_whom_nobody_knows_is_told_so(world: Portal, idp: Identity) -> None:
    idp.change = aside(email="stranger@united.example")
    browser = world.browser()
    answer = browser.get(come_back(browser))
    assert answer.status_code == 403
    assert "nobody has given you access" in answer.text
    # An account with a password, or of Airflow, is not one of the provider.
    idp.change = aside(email="hugo")
    assert "nobody has given you access" in browser.get(come_back(browser)).text


def test_the_claim_that_names_the_person_is_chosen(
    world: Portal, idp: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAIMHOUSE_PORTAL_OIDC_CLAIM", "oid")
    if not [a for a in accounts.listed(world.owner) if a.name == "0a-1b"]:
        world.add("0A-1b", world.desk, accounts.OIDC)
    idp.change = aside(oid="0a-1B", email=None, email_verified=None)
    browser = world.browser()
    assert browser.get(come_back(browser)).status_code == 303
    assert "Humana" in browser.get("/").text


def test_a_new_key_of_the_provider_is_asked_for(
    world: Portal, idp: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = world.browser()
    assert browser.get(come_back(browser)).status_code == 303
    monkeypatch.setattr(provider, "ASK_AGAIN_SECONDS", -1)
    monkeypatch.setattr(idp, "key", RSAKey.generate_key(2048, {"kid": "first", "alg": "RS256"}))
    other = world.browser()
    assert other.get(come_back(other)).status_code == 303


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": None},
    ],
)
def test_a_provider_that_is_another_is_not_asked(
    world: Portal, idp: Identity, metadata: dict[str, Any]
) -> None:
    idp.metadata = metadata
    answer = world.browser().get("/sign-in/provider")
    assert answer.status_code == 503
    assert "evil" not in answer.text


def test_a_provider_that_is_away_is_said(
    world: Portal, idp: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAIMHOUSE_PORTAL_OIDC_ISSUER", "http://127.0.0.1:9")
    answer = world.browser().get("/sign-in/provider")
    assert answer.status_code == 503
    assert "Try again" in answer.text


def test_without_a_provider_there_is_no_such_page(world: Portal) -> None:
    for path in ("/sign-in/provider", "/sign-in/provider/done?code=x&state=y"):
        assert world.browser().get(path).status_code == 404
    assert "organization" not in world.browser().get("/sign-in").text
