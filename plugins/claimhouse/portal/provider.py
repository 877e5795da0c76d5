"""People whom an OpenID Connect provider signs in: authorization code with PKCE, state and nonce.

OpenID Connect Core 1.0, 3.1; RFC 9700. What the provider says is believed where its signature, issuer, audience,
time and nonce are right, and no more of it is used than the one claim that names the person.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import Any
from urllib.parse import urlsplit

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from claimhouse import connections, settings

# Signatures that need a key of the provider's own; none that the client's secret would do for.
ALGORITHMS = [
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
]
WAIT_SECONDS = 10.0
LEEWAY_SECONDS = 60
# How long what the provider publishes of itself is believed, and how soon it is asked again for an unknown key.
KNOWN_SECONDS = 3600.0
ASK_AGAIN_SECONDS = 30.0
LARGEST_ANSWER = 1_000_000
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Refused(RuntimeError):
    """The provider did not sign the person in, or what it said cannot be trusted.

    The message is for the log, and has nothing of the person.
    """


@dataclass(frozen=True)
class Begun:
    """A sign-in on its way: where the browser goes, and what must come back with it."""

    address: str
    state: str
    nonce: str
    verifier: str


@dataclass
class _Known:
    """What the provider publishes of itself."""

    metadata: dict[str, Any] = field(default_factory=dict)
    keys: Any = None
    asked_at: float = 0.0


_lock = threading.Lock()
_known: dict[str, _Known] = {}


def begin(provider: settings.Provider, back: str) -> Begun:
    """Where the browser goes to sign in.

    Args:
        provider: the provider.
        back: the address that it comes back to.

    Raises:
        Refused: the provider does not answer as one.
    """
    begun = Begun("", token_urlsafe(32), token_urlsafe(32), token_urlsafe(48))
    address = prepare_grant_uri(
        _published(provider).metadata["authorization_endpoint"],
        client_id=provider.client,
        response_type="code",
        redirect_uri=back,
        scope="openid email profile",
        state=begun.state,
        nonce=begun.nonce,
        code_challenge=create_s256_code_challenge(begun.verifier),
        code_challenge_method="S256",
    )
    return Begun(address, begun.state, begun.nonce, begun.verifier)


def person(provider: settings.Provider, back: str, code: str, nonce: str, verifier: str) -> str:
    """Who was signed in: the claim that names the person.

    Args:
        provider: the provider.
        back: the address that the browser came back to.
        code: what it brought.
        nonce: of :func:`begin`.
        verifier: of :func:`begin`.

    Raises:
        Refused: the provider does not take the code, or its token is not one for us, for this sign-in, signed by
            it, in time, with a person in it.
    """
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": back,
        "code_verifier": verifier,
    }
    endpoint = _published(provider).metadata["token_endpoint"]
    answer = _ask("POST", endpoint, form, (provider.client, _secret()))
    token = answer.get("id_token")
    if not isinstance(token, str):
        raise Refused("the answer has no id_token")
    return _named(provider, _claims(provider, token, nonce))


def forget() -> None:
    """Ask the provider again what it publishes of itself."""
    with _lock:
        _known.clear()


def _secret() -> str:
    try:
        return connections.password(settings.OIDC_CONNECTION)
    except connections.MissingConnection as error:
        raise Refused(str(error)) from None


def _claims(provider: settings.Provider, token: str, nonce: str) -> dict[str, Any]:
    """The claims of a token that is right."""
    claims = _verified(provider, token)
    checked = CodeIDToken(
        claims,
        {},
        {
            "iss": {"essential": True, "value": provider.issuer},
            "aud": {"essential": True, "value": provider.client},
            "nonce": {"essential": True, "value": nonce},
            "exp": {"essential": True},
            "iat": {"essential": True},
            "sub": {"essential": True},
        },
        {"nonce": nonce, "client_id": provider.client},
    )
    try:
        checked.validate(leeway=LEEWAY_SECONDS)
    except Exception as error:  # each kind of claim has errors of its own
        raise Refused(f"the token is refused: {type(error).__name__}") from None
    return claims


def _verified(provider: settings.Provider, token: str) -> dict[str, Any]:
    """The claims of a token that the provider has signed; it is asked once more for a key that is new."""
    for is_again in (False, True):
        known = _published(provider, with_keys=True, again=is_again)
        try:
            return dict(jwt.decode(token, known.keys, algorithms=ALGORITHMS).claims)
        except (JoseError, ValueError, TypeError) as error:
            reason = type(error).__name__
    raise Refused(f"the signature is refused: {reason}")


def _named(provider: settings.Provider, claims: dict[str, Any]) -> str:
    name = claims.get(provider.claim)
    if not isinstance(name, str) or not name.strip():
        raise Refused(f"the token has no claim {provider.claim}")
    if provider.claim == "email" and claims.get("email_verified") is not True:
        raise Refused("the provider has not verified the e-mail address")
    return name


def _published(
    provider: settings.Provider, *, with_keys: bool = False, again: bool = False
) -> _Known:
    """What the provider publishes of itself (OpenID Connect Discovery 1.0, 4)."""
    now = time.monotonic()
    with _lock:
        known = _known.get(provider.issuer)
        age = now - known.asked_at if known else KNOWN_SECONDS
        if known and age < KNOWN_SECONDS and not (again and age > ASK_AGAIN_SECONDS):
            if with_keys and known.keys is None:
                known.keys = _keys(known.metadata)
            return known
        metadata = _ask("GET", provider.issuer.rstrip("/") + "/.well-known/openid-configuration")
        if metadata.get("issuer") != provider.issuer:
            raise Refused("the provider has another issuer than the setting says")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            _check_address(str(metadata.get(name)))
        fresh = _Known(metadata, _keys(metadata) if with_keys else None, now)
        _known[provider.issuer] = fresh
        return fresh


def _keys(metadata: dict[str, Any]) -> Any:
    published = _ask("GET", metadata["jwks_uri"])
    try:
        return KeySet.import_key_set(published)  # type: ignore[arg-type]
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise Refused(f"the provider's keys cannot be read: {type(error).__name__}") from None


def _ask(
    method: str,
    address: str,
    form: dict[str, str] | None = None,
    login: tuple[str, str] | None = None,
) -> dict[str, Any]:
    """What the provider answers, which is an object of JSON."""
    _check_address(address)
    try:
        with httpx.Client(timeout=WAIT_SECONDS, follow_redirects=False) as client:
            answer = client.request(method, address, data=form, auth=login)
            if answer.status_code != 200 or len(answer.content) > LARGEST_ANSWER:
                raise Refused(f"the provider answers {answer.status_code}")
            read = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise Refused(f"the provider does not answer: {type(error).__name__}") from None
    if not isinstance(read, dict):
        raise Refused("the provider's answer is none")
    return read


def _check_address(address: str) -> None:
    """Refuse to send a secret in plain text to another machine."""
    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise Refused("the provider's addresses must begin with https://")
