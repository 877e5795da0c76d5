"""Mail addresses: what may stand in a client file, a setting or the header of a mail."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parseaddr

import email_validator

# Mail servers inside a company answer for names in .local: what can be delivered is theirs to say.
if "local" in email_validator.SPECIAL_USE_DOMAIN_NAMES:
    email_validator.SPECIAL_USE_DOMAIN_NAMES.remove("local")


class AddressError(ValueError):
    """Something that is no mail address; the message says why."""


@dataclass(frozen=True)
class Address:
    """A checked address.

    Attributes:
        envelope: as a mail server is given it: in ASCII where there is such a form (a domain such
            as bücher.example has one, a name such as jürgen has none).
        key: the same for spellings that no mail server tells apart.
        needs_utf8: whether only a server with SMTPUTF8 takes it.
        display_name: what stands before ``<address>``; empty where nothing does.
    """

    envelope: str
    key: str
    needs_utf8: bool
    display_name: str = ""


def parse(text: str) -> Address:
    """Check the form of an address (RFC 5321, 5322, 6531); nobody is asked whether it exists.

    The domains ``.example`` and ``.test`` (RFC 2606) and ``.local`` are allowed; quoted names, IP
    addresses and domains without a dot are not.

    Raises:
        AddressError: *text* is no address.
    """
    if not text.isprintable():
        raise AddressError("not a mail address: it has a line break or another control character")
    try:
        valid = email_validator.validate_email(
            text, check_deliverability=False, test_environment=True, strict=True
        )
    except email_validator.EmailNotValidError as error:
        raise AddressError(f"not a mail address: {error}") from None
    if valid.domain.rpartition(".")[2] == valid.domain:
        raise AddressError("not a mail address: the part after the @-sign needs a dot")
    return Address(
        envelope=text if text.isascii() else valid.ascii_email or valid.normalized,
        key=valid.normalized,
        needs_utf8=valid.ascii_email is None,
    )


def parse_sender(text: str) -> Address:
    """Check the address of a sender: as :func:`parse`, or ``Name <address>``.

    Raises:
        AddressError: *text* is neither.
    """
    if not text.isprintable():
        raise AddressError("not a mail address: it has a line break or another control character")
    name, plain = parseaddr(text) if "<" in text else ("", text)
    address = parse(plain)
    return Address(address.envelope, address.key, address.needs_utf8, name)
