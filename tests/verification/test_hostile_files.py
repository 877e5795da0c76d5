"""A hostile file among good ones: its own issue says what and where, and the others land and load."""

from __future__ import annotations

import io
import zipfile

import pytest
from local.samples import SEED, billing_exports
from tests.worlds.feeds import batches, claim, claims_csv, drop, take_in_all

GOOD = claims_csv(claim(1), claim(2))
MADE = billing_exports.make(SEED)


def zipped(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("claims.csv", content)
    return out.getvalue()


def damaged(content: bytes, place: int) -> bytes:
    changed = bytearray(content)
    changed[place] ^= 0xFF
    return bytes(changed)


def corner() -> bytes:
    """A workbook with a stray cell in its last row and column."""
    name = next(name for name in MADE.files if name.endswith(".xlsx"))
    stray = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(MADE.files[name])) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for part in old.namelist():
            content = old.read(part)
            if part == "xl/worksheets/sheet1.xml":
                content = content.replace(b"</sheetData>", stray)
            new.writestr(part, content)
    return out.getvalue()


ARCHIVE = zipped(GOOD)
END = ARCHIVE.rindex(b"PK\x05\x06")
HOSTILE = {
    # name: (content, rule)
    "start_of_directory": (damaged(ARCHIVE, END + 17), "truncated"),
    "way_of_packing": (damaged(ARCHIVE, ARCHIVE.rindex(b"PK\x01\x02") + 10), "truncated"),
    "packed_bytes": (damaged(ARCHIVE, 60), "truncated"),
    "stated_size": (damaged(ARCHIVE, ARCHIVE.rindex(b"PK\x01\x02") + 24), "truncated"),
    "columns": (b",".join(b"c%d" % i for i in range(40_000)) + b"\n", "too_many_columns"),
    "semicolons": (GOOD.replace(b",", b";"), "delimiter"),
    "title": (b"Claims of March\n\n" + GOOD, "header"),
    "page": (b"<!DOCTYPE html><html><body>Sign in</body></html>", "wrong_format"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_under_a_contracts_name_it_is_rejected_and_the_next_file_loads(
    kind, landing_root, warehouse
):
    content, rule = HOSTILE[kind]
    drop(landing_root, "claims_a.csv", content)
    drop(landing_root, "claims_b.csv", GOOD)
    assert sorted(take_in_all()) == ["rejected", "verified"]
    assert [batch[1] for batch in batches(warehouse)] == ["rejected", "verified"]
    found = warehouse.execute(
        "select file_name, rule, message from quality.issue where severity = 'error'"
    ).fetchall()
    assert [issue[:2] for issue in found] == [("claims_a.csv", rule)]
    assert "sk the sender" in found[0][2]


def test_among_files_known_by_content_it_waits_and_the_others_land(landing_root, warehouse):
    folder = landing_root / "billing_exports"
    folder.mkdir()
    for name, (content, _) in HOSTILE.items():
        (folder / f"{name}.csv").write_bytes(content)
    (folder / "corner.xlsx").write_bytes(corner())
    (folder / "good.csv").write_bytes(MADE.files[billing_exports.LIST])
    assert take_in_all("billing_exports") == ["verified"]
    found = dict(
        warehouse.execute(
            "select file_name, message from quality.issue where rule = 'unclaimed_file'"
        ).fetchall()
    )
    assert set(found) == {f"{name}.csv" for name in HOSTILE} | {"corner.xlsx"}
    assert "XFD1048576" in found["corner.xlsx"]
    assert all(message.startswith("No contract") for message in found.values())
