"""Forms: each carries a token that only a page made for the same person has, for some hours."""

from __future__ import annotations

from itsdangerous import BadData, URLSafeTimedSerializer

FIELD = "token"
# The same in a request that is no form, such as an upload.
HEADER = "X-Claimhouse-Token"
HOURS = 12


class Tokens:
    """The tokens of the forms of one application.

    Args:
        key: a secret that its processes share.
    """

    def __init__(self, key: str) -> None:
        self._signer = URLSafeTimedSerializer(key, salt="claimhouse form")

    def of(self, name: str) -> str:
        """A token for the forms of the person *name*."""
        return self._signer.dumps(name)

    def is_of(self, token: str, name: str) -> bool:
        """Whether *token* is from a page made for *name* in the last hours."""
        try:
            return bool(self._signer.loads(token, max_age=HOURS * 3600) == name)
        except BadData:
            return False
