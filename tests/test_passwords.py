"""Which passwords of extracts are too weak; what a publication and an extract say about them."""

from __future__ import annotations

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.worlds.properties import examples

from claimhouse import passwords

NAMES = ["summit_ortho", "Summit Orthopedic Benefit", "analyst"]
WEAK = [
    "a", "", "short", "thirteen char", "a" * 14, "ab" * 10, "abc" * 5 + "ab", "abcdefghijklmnop",
    "ponmlkjihgfedcba", "12345678901234", "98765432109876", "qwertyuiopasdf", "a1b2a1b2a1b2a1b2",
    "Aa" * 9, "-" * 20, "passwordpassword", "aaaaaaabbbbbbbccccccc", "ÄäÄäÄäÄäÄäÄäÄäÄä", "0101010101010101",
]  # fmt: skip
NAMED = [
    "summit_ortho_2026_x", "X9-SUMMIT-ORTHO-x7!", "Summit Orthopedic Benefit", "my analyst 2026 pw",
    "xyz ohtro timmus 12", "summitortho-z81kqp",
]  # fmt: skip
UNTYPABLE = ["correct horse battery\n", " correct horse battery", "correct\x00horse battery",
             "correct\u200bhorse battery", "correct horse battery\t"]  # fmt: skip
STRONG = [
    "correct horse battery staple",
    "k7#Qp!x2Vz@9mL",
    "}{~|^&$!?/>.<:;",
    "мой длинный пароль 7",
]


@pytest.mark.parametrize("password", [*WEAK, *NAMED, *UNTYPABLE, "x9" * 64])
def test_a_weak_password_is_refused_and_not_quoted(password):
    weakness = passwords.weakness(password, NAMES)
    assert weakness and (len(password) < 3 or password.casefold() not in weakness.casefold())


@pytest.mark.parametrize("password", STRONG)
def test_a_strong_password_is_taken(password):
    assert passwords.weakness(password, NAMES) is None


def test_a_generated_password_is_taken():
    for _ in range(20):
        assert passwords.weakness(secrets.token_urlsafe(15), NAMES) is None


@examples(100)
@given(st.text(min_size=1, max_size=7), st.integers(2, 60))
def test_no_repetition_of_a_short_text_is_taken(unit, times):
    assert passwords.weakness(unit * times, [])


@examples(100)
@given(
    st.text("abcdefgh!-_ 123456", max_size=20),
    st.sampled_from(NAMES),
    st.text("xyz!- 789", max_size=20),
)
def test_no_password_with_a_name_is_taken(before, name, after):
    assert passwords.weakness(before + name + after, NAMES)


def test_the_sentence_names_connection_and_clients_alone():
    known = {"acme": STRONG[0], "apex": STRONG[0], "other": STRONG[1]}
    problem = passwords.problem("claimhouse_extract_acme", "acme", STRONG[0], ["acme"], known)
    assert problem and "claimhouse_extract_acme" in problem and "apex has the same" in problem
    assert STRONG[0] not in problem and "other" not in problem
    assert passwords.problem("c", "other", STRONG[1], ["other"], known) is None
