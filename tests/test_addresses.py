"""Which mail addresses are taken, and in which form they go to a server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.worlds.client_world import client_file
from tests.worlds.properties import examples

from claimhouse import addresses
from claimhouse.reporting import readers

SUBSCRIPTION = {
    "name": "monthly",
    "report": "claims_by_specialty_month",
    "format": "xlsx",
    "schedule": "0 6 1 * *",
    "time_zone": "America/Chicago",
    "transport": "attachment",
    "reason": "benefit administration",
}
GOOD = [
    "o'brien@client.example",
    "a@b.example",
    "first.last+claims@sub.client.example",
    "x_y-z%w@client.example",
    "{curly}/slash=equals@client.example",
    "1@2.example",
    "desk@mail.corp.local",
    "desk@client.test",
    "jo@bücher.example",
    "jürgen@client.example",
]
BAD = [
    "", "@", "nobody", "a@b", "a@localhost", "@client.example", "a@", "a@@client.example",
    "a b@client.example", " a@client.example", "a@client.example ", "a..b@client.example",
    ".a@client.example", "a.@client.example", "a@client..example", "a@-client.example",
    "a@client_desk.example", "a@[192.0.2.1]", '"a b"@client.example', "A <a@client.example>",
    "a@client.example, b@client.example", "a@client.example;b@client.example",
    "a@client.example\nBcc: b@evil.example", "a\r\nRCPT TO:<b@evil.example>@client.example",
    "a@client.example\x00", "a\u200b@client.example", "a@client.example>", "<a@client.example>",
    "a" * 65 + "@client.example", "a@" + "b" * 64 + ".example", "a@" + "b." * 130 + "example",
]  # fmt: skip


@pytest.mark.parametrize("address", GOOD)
def test_addresses_that_exist_somewhere_are_taken(address):
    assert addresses.parse(address).envelope.replace("xn--bcher-kva", "bücher") == address
    assert addresses.parse(address).needs_utf8 is not address.split("@")[0].isascii()


@pytest.mark.parametrize("address", BAD)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(addresses.AddressError, match="not a mail address"):
        addresses.parse(address)


@examples(200)
@given(st.text(max_size=40) | st.from_regex(r"\A[\w.'+-]{1,20}@[\w.\s-]{1,20}\Z"))
def test_nothing_that_is_taken_breaks_a_command_or_a_header(text):
    try:
        address = addresses.parse(text)
    except addresses.AddressError:
        return
    local, at, domain = address.envelope.partition("@")
    assert local and at and "." in domain and "@" not in domain
    assert not set(address.envelope) & set('<>,;:"()[]\\ \r\n\t\0')
    assert addresses.parse(address.envelope) == address  # stable


def test_a_sender_may_have_a_name():
    sender = addresses.parse_sender("Müller & Co <reports@claimhouse.example>")
    assert (sender.display_name, sender.envelope) == ("Müller & Co", "reports@claimhouse.example")
    for text in ("a@b.example\nBcc: x@y.example", "A\r\n <a@b.example>", "A <nobody>"):
        with pytest.raises(addresses.AddressError):
            addresses.parse_sender(text)


@pytest.mark.parametrize("recipients, why", [
    (["a@client.example", "a..b@client.example"], "two periods"),
    (["a@client.example", "a@CLIENT.example"], "listed twice"),
    (["a@bücher.example", "a@xn--bcher-kva.example"], "listed twice"),
    (["a@client.example", "b@client.example\nBcc: c@evil.example"], "line break"),
])  # fmt: skip
def test_a_client_file_names_file_and_line_of_a_bad_recipient(tmp_path, recipients, why):
    subscription = SUBSCRIPTION | {"recipients": recipients}
    file = client_file(tmp_path, "acme", ("billing", ["orthopedist"]), subscriptions=[subscription])
    line = 1 + next(
        number for number, text in enumerate(file.read_text().splitlines()) if "recipients" in text
    )
    with pytest.raises(
        readers.ReaderError, match=rf"acme.yaml:{line + 2}: subscriptions.0.recipients.1: .*{why}"
    ):
        readers.load_client(file)


def test_a_client_file_may_name_unusual_recipients(tmp_path):
    subscription = SUBSCRIPTION | {"recipients": GOOD}
    file = client_file(tmp_path, "acme", ("billing", ["orthopedist"]), subscriptions=[subscription])
    assert readers.load_client(file).subscriptions[0].recipients == tuple(GOOD)
