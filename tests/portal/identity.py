"""An OpenID Connect provider: real HTTP and real signatures, and tokens as wrong as a test asks for."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT, SECRET = "the portal", "a secret between the two"
Claims = dict[str, Any]


class Identity:
    """The provider, and the person who is signed in there.

    Attributes:
        person: what it says of the person, beside what every token has.
        change: what becomes of the claims before they are signed.
        sign: how they are signed; as a provider does it, when None.
        codes: what was asked with each code; a code is taken once.
        asked: the paths of the requests.
    """

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.key = RSAKey.generate_key(2048, {"kid": "first", "alg": "RS256", "use": "sig"})
        self.person: Claims = {"sub": "42", "email": "Olga@United.example", "email_verified": True}
        self.change: Callable[[Claims], Claims] = lambda claims: claims
        self.sign: Callable[[Claims], str] | None = None
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        self.metadata: Claims = {}

    def published(self) -> Claims:
        """What it says of itself."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        } | self.metadata

    def code_for(self, query: dict[str, str]) -> str:
        """A code for what the portal asked."""
        code = token_urlsafe(16)
        self.codes[code] = query
        return code

    def token(self, form: dict[str, str], login: str) -> Claims | None:
        """The tokens for a code; None for one that is not as it should be."""
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(
            hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        ).decode()
        right = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if (
            asked is None
            or login != f"Basic {right}"
            or asked["redirect_uri"] != form.get("redirect_uri")
            or asked["code_challenge_method"] != "S256"
            or asked["code_challenge"] != challenge.rstrip("=")
        ):
            return None
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"],
        }  # fmt: skip
        claims = self.change(claims | self.person)
        signed = self.sign(claims) if self.sign else self.signed(claims)
        return {"access_token": "x", "token_type": "Bearer", "id_token": signed}

    def signed(self, claims: Claims, key: RSAKey | None = None) -> str:
        """A token as it should be."""
        return str(jwt.encode({"alg": "RS256", "kid": "first"}, claims, key or self.key))


def by_the_secret(claims: Claims) -> str:
    """A token that whoever knows the client's secret can make."""
    return str(jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET)))


def unsigned(claims: Claims) -> str:
    """A token that anybody can make."""

    def part(value: Claims) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none'})}.{part(claims)}."


@contextmanager
def serving() -> Iterator[Identity]:
    """The provider, on a port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            identity.asked.append(parts.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if parts.path == "/.well-known/openid-configuration":
                self._answer(200, identity.published())
            elif parts.path == "/keys":
                self._answer(200, {"keys": [identity.key.as_dict(private=False)]})
            elif parts.path == "/authorize" and query.get("client_id") == CLIENT:
                back = {"code": identity.code_for(query), "state": query["state"]}
                self.send_response(303)
                self.send_header("Location", f"{query['redirect_uri']}?{urlencode(back)}")
                self.end_headers()
            else:
                self._answer(404, {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            answer = identity.token(form, self.headers.get("Authorization", ""))
            self._answer(200 if answer else 400, answer or {"error": "invalid_grant"})

        def _answer(self, status: int, value: Claims) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    identity = Identity(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield identity
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
