"""Zip archives with several files: each is a part of one delivery, and nothing in them is lost."""

from __future__ import annotations

import io
import zipfile

import pytest
from tests.worlds.carrier_source import PAID, Carrier
from tests.worlds.feeds import take_in_all

from claimhouse import review
from claimhouse.reading import SHEET_ROWS


def archive(**files: str | bytes) -> bytes:
    """A zip archive; two underlines in a name stand for a point."""
    return packed({name.replace("__", "."): content for name, content in files.items()})


def packed(files: dict[str, str | bytes]) -> bytes:
    """A zip archive."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as pack:
        for name, content in files.items():
            pack.writestr(name, content)
    return target.getvalue()


def table(*claims: str, header: bool = True) -> str:
    lines = [f"{claim},ann,1.00" for claim in claims]
    return "\n".join([",".join(PAID), *lines] if header else lines) + "\n"


def rows(carrier: Carrier) -> list[tuple[int, str]]:
    return carrier.rows("paid", "row_number, claim")


def test_each_file_of_an_archive_is_a_part_of_the_delivery(carrier):
    carrier.describes("paid", {})
    files = {
        "part10.csv": table("J", "K"), "part2.csv": table("B") + "C,ann,oops\nD,ann\n", "part1.csv": table("A"),
        "README.txt": "See part1, part2", "letter.pdf": b"%PDF-1.7 of claims",
        "notes.txt": "Dear all,\nhere it is\n", "sums.md5": "d41d8  part1.csv",
        "__MACOSX/._part1.csv": b"\0\5", ".DS_Store": b"\0",
    }  # fmt: skip
    content = packed(files)
    assert carrier.sends("paid.zip", content) == ["verified"]
    second, third = SHEET_ROWS, 2 * SHEET_ROWS
    assert rows(carrier) == [(2, "A"), (second + 2, "B"), (third + 2, "J"), (third + 3, "K")]
    assert carrier.aside() == [("paid", second + 3, "C,ann,oops"), ("paid", second + 4, "D,ann")]
    sheets = carrier.connection.execute("select distinct sheet_name from quality.quarantine")
    assert sheets.fetchall() == [("part2.csv",)]
    unread = [message for message in carrier.messages().splitlines() if "is not read" in message]
    assert [message.split()[0] for message in unread] == [
        "README.txt",
        "letter.pdf",
        "notes.txt",
        "sums.md5",
    ]
    assert "part1.csv" not in "".join(unread)
    (issue,) = carrier.connection.execute(
        "select issue_id from quality.issue where rule = 'number'"
    ).fetchone()
    review.correct(issue, {"paid": "3.00"})
    assert take_in_all("carrier") == ["verified"]
    assert "C" in [claim for _, claim in rows(carrier)]


def test_one_file_beside_a_note_is_read_as_itself(carrier):
    carrier.describes("paid", {})
    assert carrier.sends("a.zip", archive(readme__md="#", paid__csv=table("A"))) == ["verified"]
    assert rows(carrier) == [(2, "A")]
    assert [issue[2] for issue in carrier.issues()] == ["unread_member"]


def test_texts_among_tables_are_read_where_they_are_tables(carrier):
    carrier.describes("paid", {})
    assert carrier.sends("a.zip", archive(a__csv=table("A"), b__txt=table("B"))) == ["verified"]
    assert [claim for _, claim in rows(carrier)] == ["A", "B"]
    assert carrier.sends("b.zip", archive(a__txt=table("C"), b__txt=table("D"))) == ["verified"]
    assert [claim for _, claim in rows(carrier)] == ["A", "B", "C", "D"]


def test_each_file_has_its_own_trailer(carrier):
    records = {"type": 1, "trailer": "T", "count": 2, "sums": {"paid": 3}}
    carrier.describes("paid", {"header": "none", "records": records})
    one, two = table("A", "B", header=False) + "T,2,2.00\n", table("C", header=False) + "T,1,1.00\n"
    assert carrier.sends("a.zip", archive(one__csv=one, two__csv=two)) == ["verified"]
    assert [claim for _, claim in rows(carrier)] == ["A", "B", "C"]
    wrong = two.replace("T,1,1.00", "T,1,1.01")
    assert carrier.sends("b.zip", archive(one__csv=one, two__csv=wrong)) == ["rejected"]
    cut_off = two.partition("T")[0]
    assert carrier.sends("c.zip", archive(one__csv=one, two__csv=cut_off)) == ["rejected"]
    assert "1.01 as the sum of paid, the rows that were read 1.00" in carrier.messages()
    assert "In two.csv: The file ends without its trailer" in carrier.messages()


def locked(content: bytes) -> bytes:
    """The archive with the mark of a password on its first file."""
    at = content.index(b"PK\x01\x02") + 8
    return content[:6] + b"\1" + content[7:at] + b"\1" + content[at + 1 :]


TWO = archive(a__csv=table("A"), b__csv=table("B"))
REJECTED = {
    "another layout": (archive(a__csv=table("A"), b__csv="x,y\n1,2\n"), "In b.csv: The column claim is missing"),
    "an empty file": (archive(a__csv=table("A"), b__csv=""), "In b.csv: The file is empty"),
    "a picture": (archive(a__csv=table("A"), b__csv=b"GIF89a\0"), "In b.csv: The file looks like a GIF image"),
    "an archive in it": (archive(a__csv=table("A"), b__zip=TWO), "In b.zip: The file looks like a zip archive"),
    "a password": (locked(TWO), "locked with a password"),
    "cut off": (TWO[:-30], "cut off or corrupt"),
    "damaged inside": (TWO.replace(TWO[45:50], b"\0\xff\0\xff\0"), "cut off or corrupt"),
    "nothing": (archive(), "holds 0 files"),
}  # fmt: skip


def test_an_archive_of_which_a_file_cannot_be_read_is_rejected(carrier):
    carrier.describes("paid", {})
    for case, (content, why) in REJECTED.items():
        assert carrier.sends(f"{case}.zip", content) == ["rejected"], case
        assert why in carrier.messages(), case
    assert rows(carrier) == []


def test_files_that_are_too_large_together_are_rejected(carrier, monkeypatch):
    monkeypatch.setenv("CLAIMHOUSE_READER_UNPACKED_MIB", "1")
    carrier.describes("paid", {})
    large = table(*(f"A{number:07}" for number in range(40_000)))
    assert len(large) < 1024 * 1024 < 2 * len(large)
    assert carrier.sends("a.zip", archive(a__csv=large)) == ["verified"]
    assert carrier.sends("b.zip", archive(a__csv=large, b__csv=large)) == ["rejected"]
    assert "unpacks to more than 1 MiB" in carrier.messages()


def test_two_files_of_one_name_are_not_told_apart(carrier):
    carrier.describes("paid", {})
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as pack, pytest.warns(UserWarning):
        pack.writestr("a.csv", table("A"))
        pack.writestr("a.csv", table("B"))
    assert carrier.sends("a.zip", target.getvalue()) == ["rejected"]
    assert "have the same name" in carrier.messages()
