"""Drafts of files that are no plain table: lines of several kinds, and fields of fixed width."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.drafting.test_draft import PEOPLE
from tests.worlds.properties import examples

from claimhouse import contracts, drafting
from claimhouse.contracts import Contract
from claimhouse.reading import Records, open_file

ROWS = [
    ["C1000001", "M20017", "20240102", "99213", "120.50", "100.00"],
    ["C1000002", "M20018", "20240102", "99214", "80.25", "0.00"],
    ["C1000003", "M20019", "20240103", "G0439", "99.95", "99.95"],
]
TOTAL, PAID = (sum(Decimal(row[place]) for row in ROWS) for place in (4, 5))


def made(tmp_path: Path, lines: list[str], *arguments: str, name: str = "x.txt") -> list[Contract]:
    """The drafts of a file of these lines, as the command writes them."""
    path = tmp_path / name
    path.write_text("".join(f"{line}\n" for line in lines))
    drafting.main([str(path), "--source", "made", "--folder", str(tmp_path), *arguments])
    return [contracts.load(file) for file in sorted((tmp_path / "made").glob("*.yaml"))]


def rows_of(contract: Contract, path: Path) -> list[tuple[str, ...]]:
    with open_file(path, contract.dialect, 1 << 24) as reading:
        wanted = [name for name in reading.header if name in {c.name for c in contract.columns}]
        blocks = list(reading)
    assert not [row for block in blocks for row in block.broken]
    return [
        tuple(cell.strip() for cell in row)
        for block in blocks
        for row in block.rows.select(wanted).rows()
    ]


@pytest.mark.parametrize("delimiter", ["|", ",", "~", "^", ";", "\t"])
def test_a_header_and_a_trailer_are_told_from_the_rows_and_what_the_trailer_counts(
    tmp_path, delimiter
):
    lines = [
        ["H", "20240105", "ACME"],
        *(["D", *row] for row in ROWS),
        ["T", "0003", "x", str(PAID), str(TOTAL)],
    ]
    (contract,) = made(tmp_path, [delimiter.join(line) for line in lines])
    records = contract.dialect.records
    assert records == Records(
        type=(1,), rows=("D",), header="H", trailer="T", count=(2,),
        sums=(("column_7", (4,)), ("column_6", (5,))),
    )  # fmt: skip
    assert rows_of(contract, tmp_path / "x.txt") == [tuple(row) for row in ROWS]
    assert "The trailer has numbers" not in (tmp_path / "made" / "x.yaml").read_text()


@pytest.mark.parametrize(
    ("first", "last"),
    [("HDR|1|ACME", "TRL|3"), ("00|ACME", "99|ACME|3|1"), ("FILE|7", "LAST|3"), ("", "T|3|300.70")],
)
def test_rows_without_a_kind_of_their_own_stand_between_them(tmp_path, first, last):
    lines = [*filter(None, [first]), *("|".join(row) for row in ROWS), last]
    found = made(tmp_path, lines)
    if first.startswith("FILE"):  # words nobody knows, around rows that have no kind
        assert found[0].dialect.records is None
        return
    (contract,) = found
    assert contract.dialect.records.rows == () and contract.key == ("column_1",)
    assert rows_of(contract, tmp_path / "x.txt") == [tuple(row) for row in ROWS]


def test_what_a_trailer_has_that_is_no_sum_is_doubted(tmp_path):
    lines = ["H|x", *("|".join(["D", *row]) for row in ROWS), "T|4|300.71"]
    (contract,) = made(tmp_path, lines)
    assert (contract.dialect.records.count, contract.dialect.records.sums) == ((), ())
    text = (tmp_path / "made" / "x.yaml").read_text()
    assert "# The trailer has numbers that are neither the count of rows nor a sum of them." in text
    assert "300.7" not in text


def test_names_below_a_header_record_are_names(tmp_path):
    lines = [
        "H|20240105|ACME",
        "claim_id|member_id|service_date|cpt|billed|paid",
        *("|".join(row) for row in ROWS),
        "T|3|300.70",
    ]
    (contract,) = made(tmp_path, lines)
    assert contract.key == ("claim_id",) and contract.dialect.header == "first"
    assert contract.dialect.records.sums == (("claim_amount", (3,)),)
    assert len(rows_of(contract, tmp_path / "x.txt")) == 3


LINES = [
    "H|20240105|ACME",
    "CLM|C1|M20017|20240102|120.50",
    "DX|J459",
    "SVC|1|99213|100.00",
    "ADJ|45|10.00",
    "ADJ|97|5.00",
    "SVC|2|36415|20.50",
    "ADJ|45|2.50",
    "CLM|C2|M20018|20240103|80.25",
    "DX|I10",
    "DX|Z000",
    "SVC|1|99214|80.25",
    "T|2|4|3",
]
NAMES = [
    *("--columns", "CLM:claim_no,member_id,dos,billed", "--columns", "SVC:line_no,cpt,charge"),
    *("--columns", "ADJ:reason,adjusted", "--columns", "DX:dx"),
]


def test_each_kind_of_line_is_a_feed_and_takes_the_keys_of_the_lines_it_belongs_to(tmp_path):
    found = {contract.feed: contract for contract in made(tmp_path, LINES, *NAMES)}
    assert found.keys() == {"x_clm", "x_svc", "x_adj", "x_dx"}
    taken = {
        feed: dict.fromkeys(contract.dialect.records.columns_taken)
        for feed, contract in found.items()
    }
    assert list(taken["x_svc"]) == ["claim_id"] and list(taken["x_dx"]) == ["claim_id"]
    assert list(taken["x_adj"]) == ["claim_id", "claim_line"]  # a diagnosis is beside, not above
    assert found["x_svc"].key == ("claim_id", "claim_line")
    assert found["x_adj"].key[:2] == ("claim_id", "claim_line")
    path = tmp_path / "x.txt"
    assert rows_of(found["x_adj"], path) == [
        ("45", "10.00", "C1", "1"), ("97", "5.00", "C1", "1"), ("45", "2.50", "C1", "2"),
    ]  # fmt: skip
    assert rows_of(found["x_dx"], path) == [("J459", "C1"), ("I10", "C2"), ("Z000", "C2")]
    mapped = sorted(file.name for file in (tmp_path / "made" / "mapping").iterdir())
    assert [name for name in mapped if "fact" in name] == ["fact_claim__x_clm.sql"]


def test_a_line_that_repeats_the_number_of_its_claim_takes_none(tmp_path):
    lines = ["CLM|C1|2024", "SVC|C1|1", "SVC|C1|2", "CLM|C2|2024", "SVC|C2|1", "SVC|C2|2"]
    found = {contract.feed: contract for contract in made(tmp_path, lines)}
    assert found["x_svc"].dialect.records.taken == ()


@pytest.mark.parametrize(
    "lines",
    [
        ["state|paid", "TX|1.00", "TX|2.00", "OK|1.00", "OK|2.00"],
        ["H|1.00", "M|2.00", "H|3.00", "T|4.00"],
        ["status|claim", *["Paid|C1", "Denied|C2"] * 3, "Void|C9"],
        ["1|a|b", "5|a|b", "9|a|b"],
        ["Dear Sir or Madam, we send", "the claims, as agreed", "Sincerely, ACME"],
    ],
)
def test_a_plain_table_has_no_kinds(tmp_path, lines):
    (contract,) = made(tmp_path, lines)
    assert contract.dialect.records is None and contract.dialect.format == "csv"


WORD = st.text("ABCDEFGHIJ0123456789", min_size=1, max_size=6)


@examples(25)
@given(
    kinds=st.dictionaries(
        st.sampled_from(["CLM", "SVC", "DX", "20", "30", "P"]),
        st.tuples(st.integers(2, 5), st.integers(3, 9)),
        min_size=2, max_size=3,
    ).filter(lambda kinds: len({width for width, _ in kinds.values()}) > 1),
    data=st.data(),
)  # fmt: skip
def test_the_drafts_of_all_kinds_read_every_line_once(tmp_path_factory, kinds, data):
    folder = tmp_path_factory.mktemp("kinds")
    order = data.draw(st.permutations([k for k, (_, count) in kinds.items() for _ in range(count)]))
    rows = [
        [kind, *data.draw(st.lists(WORD, min_size=kinds[kind][0], max_size=kinds[kind][0]))]
        for kind in order
    ]
    found = made(folder, ["HDR|1", *map("|".join, rows), f"TRL|{len(rows)}"])
    read = {
        contract.dialect.records.rows[0]: rows_of(contract, folder / "x.txt") for contract in found
    }
    assert read.keys() == kinds.keys()
    for kind, lines in read.items():
        width = kinds[kind][0]
        assert [line[:width] for line in lines] == [
            tuple(row[1:]) for row in rows if row[0] == kind
        ]


@examples(25)
@given(
    columns=st.lists(
        st.tuples(
            st.lists(st.from_regex("[A-Z]{1,8}|[0-9]{1,6}", fullmatch=True), min_size=12, max_size=12),
            st.booleans(),
            st.integers(1, 3),
        ),
        min_size=2, max_size=6,
    ),
)  # fmt: skip
def test_blanks_between_fields_of_fixed_width_divide_them(tmp_path_factory, columns):
    folder = tmp_path_factory.mktemp("fixed")
    lines = ["TWELVESIGNS  "] * 12
    for cells, is_right, gap in columns:
        width = max(map(len, cells))
        placed = [cell.rjust(width) if is_right else cell.ljust(width) for cell in cells]
        lines = [f"{line}{cell}{' ' * gap}" for line, cell in zip(lines, placed, strict=True)]
    (contract,) = made(folder, [f"{line}." for line in lines])
    assert contract.dialect.format == "fixed"
    found = rows_of(contract, folder / "x.txt")
    # No value is cut in two or joined with another by the blanks; letters and digits may be.
    for row, *cells in zip(found, *(cells for cells, _, _ in columns), strict=True):
        assert "".join(row) == "".join(["TWELVESIGNS", *cells, "."])
        assert not [part for part in row if " " in part]
    starts = {start for _, start, _ in contract.dialect.widths}
    assert len(starts) >= len(columns) + 2


FIXED = [
    "HDR20240105ACME",
    "C1000001M20017  ALVAREZ      2024010299213    120.50    100.00P",
    "C1000002M20018  BRANDVOLD    2024010299214     80.25      0.00D",
    "C1000003M20019  CZAJKOWSKI   20240103G0439     99.95     99.95P",
    "TRL000000003",
]


def test_fields_of_fixed_width_are_proposed_and_doubted(tmp_path):
    (contract,) = made(tmp_path, FIXED)
    assert rows_of(contract, tmp_path / "x.txt")[0] == (
        "C1000001", "M20017", "ALVAREZ", "20240102", "99213", "120.50", "100.00", "P",
    )  # fmt: skip
    assert contract.dialect.records.header == "HDR" and contract.dialect.records.trailer == "TRL"
    assert contract.dialect.records.count == (4, 9)
    text = (tmp_path / "made" / "x.yaml").read_text()
    assert "# Does a field begin at 9? No blanks show it: letters follow digits." in text
    assert not [word for word in ("ALVAREZ", "C1000001", "M20017", "ACME") if word in text]


def test_the_layout_of_the_carrier_says_where_fields_are(tmp_path, capsys):
    layout = tmp_path / "layout.csv"
    layout.write_text(
        "Record,Name,Start,Length\n,CLAIM-NO,1,8\n,MEMBER-ID,9,8\n,BILLED,43,10\n,FILLER,53,1\n,FILLER,54,2\n"
    )
    (contract,) = made(tmp_path, FIXED, "--layout", str(layout))
    assert contract.dialect.widths == (
        ("claim_id", 1, 8), ("patient_id", 9, 8), ("claim_amount", 43, 10), ("rest", 53, 11),
    )  # fmt: skip
    assert [row[2] for row in rows_of(contract, tmp_path / "x.txt")] == ["120.50", "80.25", "99.95"]
    for text, why in (
        ("a,b\n1,2\n", "its columns have to be name,start,length"),
        ("name,start,length\n", "it has no field"),
        ("name,start,length\nx,0,3\n", "line 2 has no start, from 1, and length"),
        ("name,start,length\nx,1,3\nx,4,3\n", "the field x occurs twice"),
    ):
        layout.write_text(text)
        with pytest.raises(SystemExit):
            made(tmp_path, FIXED, "--layout", str(layout))
        assert why in capsys.readouterr().err


@pytest.mark.parametrize("frame", [("H|1|ACME", "T|4|312.45"), ("", "")])
@pytest.mark.parametrize("is_fixed", [True, False])
def test_no_line_of_a_person_comes_into_a_draft(tmp_path, frame, is_fixed, capsys):
    rows = [
        "".join(cell.ljust(14) for cell in row) if is_fixed else "|".join(["D", *row])
        for row in PEOPLE
    ]
    made(tmp_path, [*filter(None, [frame[0], *rows, frame[1]])])
    text = "".join(file.read_text() for file in (tmp_path / "made").rglob("*") if file.is_file())
    said = text + "".join(capsys.readouterr())
    assert not [cell for row in PEOPLE for cell in row if cell in said and cell not in ("TX", "OK")]
