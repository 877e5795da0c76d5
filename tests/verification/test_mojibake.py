"""Misread names: undone where that is certain, and genuine text left alone."""

# ruff: noqa: RUF001 (the characters that look alike are the subject)

from __future__ import annotations

import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from claimhouse.verification.mojibake import SUSPECT, repaired

# Letters of any script, and what stands between the letters of names and sentences.
GENUINE = st.text(
    st.one_of(
        st.characters(categories=["Lu", "Ll", "Lm", "Nd"]),
        st.sampled_from("ÀÁÂÃÄÅÆÇÉÈÊËÍÑÓÕÖÚÜßŠŽŒáàâãäåæçéèêëíñóõöúüÿšžœƒ"),
        st.sampled_from(" -'.,’“”–—…®™«»\u00a0πΩµ∞"),
    )
)
LOWER = "áéíóúüñ"
SPANISH = LOWER + "ÁÉÍÓÚÜ"
MISREADINGS = ("cp1252", "latin-1", "mac_roman")


@given(GENUINE)
@example("d’école")
@example("MANHÃ…")
@example("CAFÉ™")
@example("√π")
@example("Ngô Đình Diệm")
@example("ŠÄž Åš Œé")
def test_genuine_text_is_never_changed(text):
    assert repaired(text) is None


@given(
    before=st.text("ABCabc -'", max_size=5),
    letter=st.sampled_from(LOWER),
    after=st.text(f"xyz{SPANISH}", max_size=5),
    encoding=st.sampled_from(MISREADINGS),
)
def test_a_misread_spanish_name_is_undone(before, letter, after, encoding):
    name = before + letter + after
    # Windows-1252 has no character for a byte of theirs
    assume(encoding != "cp1252" or not set(name) & set("ÁÍ"))
    assert repaired(name.encode().decode(encoding)) == name


@given(st.text(), st.sampled_from(MISREADINGS))
def test_what_is_repaired_is_what_was_misread(text, encoding):
    misread = text.encode().decode(encoding, "replace")
    assert repaired(misread) in (None, text)


@pytest.mark.parametrize(
    ("misread", "name"),
    [
        ("NUÃ‘EZ", "NUÑEZ"),
        ("Oâ€™BrÃ\xadan", "O’Brían"),
        ("Hanoi  H√† ƒê√¥ng  VN", "Hanoi  Hà Đông  VN"),
        ("MÃ\x81RIA", "MÁRIA"),
        ("José JosÃ©", None),  # one letter is right: not all was misread
        ("JosÃ© Jos√©", None),  # in two ways
        ("IRMÃ“", None),  # IRMÓ, or IRMÃ and a quotation mark
        ("", None),
    ],
)
def test_a_repair_is_whole_or_none(misread, name):
    assert repaired(misread) == name


@given(st.text(SPANISH, min_size=1), st.sampled_from(MISREADINGS))
def test_whatever_can_be_repaired_is_looked_at(name, encoding):
    misread = name.encode().decode(encoding, "replace")
    assert repaired(misread) is None or re.search(SUSPECT, misread)
