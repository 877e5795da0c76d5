"""Files with lines of several kinds: rows, what frames them, and what other feeds read."""

from __future__ import annotations

import gzip
import random
from decimal import Decimal
from typing import Any

import pytest
from tests.worlds.carrier_source import LINE, MONEY, PAID
from tests.worlds.feeds import take_in_all

from claimhouse import review, settings
from claimhouse.contracts import ContractError

COLUMNS = ["", "claim", "member", "paid"]
FRAMED = {"type": 1, "rows": ["D"], "header": "H", "trailer": "T", "count": 2, "sums": {"paid": 3}}
PIPES = {"header": "none", "delimiter": "|", "columns": COLUMNS, "records": FRAMED}
ROWS = [("C1", "ann", "10.00"), ("C2", "bob", "0.50"), ("C3", "", "7.25")]


def framed(
    rows: list[tuple[str, ...]] = ROWS, count: Any = None, total: Any = None, end: str = "\n"
) -> str:
    """Detail records between a header and a trailer that adds them up."""
    total = sum(Decimal(row[-1]) for row in rows) if total is None else total
    count = len(rows) if count is None else count
    details = ["|".join(("D", *row)) for row in rows]
    return end.join(["H|20240131|ACME", *details, f"T|{count}|{total}", ""])


def loaded(first: int = 2) -> list[tuple[Any, ...]]:
    return [
        (line, claim, member or None, paid)
        for line, (claim, member, paid) in enumerate(ROWS, first)
    ]


WAYS = {
    "plain": lambda text: text.encode(),
    "carriage returns": lambda text: text.replace("\n", "\r\n").encode(),
    "without an end": lambda text: text.rstrip("\n").encode(),
    "blank lines at the end": lambda text: (text + "\n\n  \n").encode(),
    "the end of a DOS file": lambda text: (text + "\x1a").encode(),
    "quotes around the kind": lambda text: text.replace("D|", '"D"|').replace("T|", '"T"|').encode(),
    "blanks around the kind": lambda text: text.replace("D|", " D |").encode(),
    "a mark": lambda text: text.encode("utf-8-sig"),
    "utf-16": lambda text: text.encode("utf-16"),
    "gzip": lambda text: gzip.compress(text.encode()),
    "zeros before the count": lambda text: text.replace("T|3|", "T|000003|").encode(),
}  # fmt: skip


@pytest.mark.parametrize("block_bytes", [8, 1 << 20])
def test_rows_between_a_header_and_a_trailer_are_loaded(carrier, monkeypatch, block_bytes):
    monkeypatch.setattr(settings, "block_bytes", lambda: block_bytes)
    carrier.describes("paid", PIPES)
    for way, written in WAYS.items():
        assert carrier.sends(f"{way}.txt", written(framed())) == ["verified"], way
        assert carrier.newest("paid") == loaded(), way
    assert {rule for _, _, rule, _ in carrier.issues()} <= {"encoding"}


REJECTED = {
    "cut off": (framed().rpartition("T|")[0], "truncated", "ends without its trailer"),
    "cut off in its trailer": (framed().rpartition("|")[0], "trailer", "no number"),
    "a row too few": (framed(count=4), "trailer", "counts 4 rows, the file has 3"),
    "a row too many": (framed(count=2), "trailer", "counts 2 rows, the file has 3"),
    "another sum": (framed(total="17.76"), "trailer", "17.76 as the sum of paid, the rows that were read 17.75"),
    "no count": (framed(count="many"), "trailer", "no number where its count"),
    "no sum": (framed(total="n/a"), "trailer", "no number where its sum of paid"),
    "two files": (framed() * 2, "truncated", "Line 5 is a trailer, and line 6 follows it"),
    "a trailer inside": (framed().replace("D|C2", "T|C2"), "truncated", "line 4 follows it"),
    "a row behind": (framed() + "D|C9|x|1.00\n", "truncated", "line 6 follows it"),
}  # fmt: skip


@pytest.mark.parametrize("block_bytes", [8, 1 << 20])
def test_a_file_that_its_trailer_does_not_describe_is_rejected(carrier, monkeypatch, block_bytes):
    monkeypatch.setattr(settings, "block_bytes", lambda: block_bytes)
    carrier.describes("paid", PIPES)
    for case, (content, rule, why) in REJECTED.items():
        before = len(carrier.issues())
        assert carrier.sends(f"{case}.txt", content.encode()) == ["rejected"], case
        assert [issue[2:] for issue in carrier.issues()[before:]] == [(rule, "error")], case
        assert why in carrier.messages(), case
    assert carrier.rows("paid") == []


COUNTED = {
    "rows": (3, "The trailer counts 4 rows, the file has 3. It has as many records"),
    "records": (4, "The trailer counts 6 records, the file has 4. It has as many lines"),
    "lines": (6, "The trailer counts 3 lines, the file has 6. It has as many rows"),
}


@pytest.mark.parametrize("counted", COUNTED)
def test_a_trailer_may_count_other_lines_than_rows(carrier, counted):
    """A note is a record, and header and trailer are lines."""
    records = FRAMED | {"others": ["NTE"], "counted": counted}
    carrier.describes("paid", PIPES | {"records": records})
    text = framed(count="COUNT").replace("D|C2", "NTE|see below\nD|C2")
    count, why = COUNTED[counted]
    wrong = {"rows": 4, "records": 6, "lines": 3}[counted]
    assert carrier.sends("a.txt", text.replace("COUNT", str(count)).encode()) == ["verified"]
    assert carrier.sends("b.txt", text.replace("COUNT", str(wrong)).encode()) == ["rejected"]
    assert carrier.messages() == f"{why}: does `counted` say what is counted?"


def test_the_names_of_the_columns_are_a_line(carrier):
    records = {"type": 1, "header": "H", "trailer": "T", "count": 2, "counted": "lines"}
    carrier.describes("paid", {"delimiter": "|", "records": records})
    table = "\n".join("|".join(row) for row in [tuple(PAID), *ROWS])
    assert carrier.sends("a.txt", f"{table}\nT|5\n".encode()) == ["verified"]
    assert carrier.sends("b.txt", f"H|ACME\n{table}\nT|6\n".encode()) == ["verified"]


def test_lines_of_fixed_width_are_counted_alike(carrier):
    records = {
        "type": {"start": 1, "length": 1}, "rows": ["D"], "header": "H", "trailer": "T", "others": ["N"],
        "count": {"start": 2, "length": 3}, "counted": "lines",
    }  # fmt: skip
    widths = [["claim", 2, 2], ["member", 4, 3], ["paid", 7, 5]]
    carrier.describes("paid", {"format": "fixed", "widths": widths, "records": records})
    text = "H2024\nDC1ann10.00\n\nNnote\nDC2bob00.50\nT005\n"
    assert carrier.sends("a.txt", text.encode()) == ["verified"]
    assert carrier.sends("b.txt", text.replace("T005", "T004").encode()) == ["rejected"]


def test_sums_are_compared_again_when_a_mended_contract_reads_more(carrier):
    rows = [*ROWS, ("C4", "dan", "N/A")]
    none = MONEY[:-1] + ", customProperties: [{property: noValue, value: [N/A]}]}"
    carrier.describes("paid", PIPES)
    for name, total in (("right", "17.75"), ("wrong", "99.99")):
        text = framed(rows, total=total).encode()
        assert carrier.sends(f"{name}.txt", text) == ["verified"]
    open_issues = (
        "select file_name, rule, severity from quality.issue where status = 'open' order by 1, 2"
    )
    both = ("number", "error"), ("trailer", "warning")
    assert carrier.connection.execute(open_issues).fetchall() == [
        (f"{name}.txt", *issue) for name in ("right", "wrong") for issue in both
    ]
    carrier.describes("paid", PIPES, PAID | {"paid": none})
    take_in_all("carrier")
    assert carrier.connection.execute(open_issues).fetchall() == [
        ("wrong.txt", "not_read_again", "warning"),
        ("wrong.txt", "number", "error"),
        ("wrong.txt", "trailer", "warning"),
    ]
    assert "The trailer has 99.99 as the sum of paid, the rows that were read 17.75." in (
        carrier.messages()
    )
    assert [row[1] for row in carrier.rows("paid")] == ["C1", "C2", "C3", "C4", "C1", "C2", "C3"]
    # nothing has changed: nothing is read again
    take_in_all("carrier")
    # a contract that does not look at the sum
    records = {name: value for name, value in FRAMED.items() if name != "sums"}
    carrier.describes("paid", PIPES | {"records": records}, PAID | {"paid": none})
    take_in_all("carrier")
    assert carrier.connection.execute(open_issues).fetchall() == []
    assert [row[1] for row in carrier.rows("paid")].count("C4") == 2


@pytest.mark.parametrize(
    ("records", "why"),
    [
        (FRAMED | {"sums": {"member": 3}}, "records: sums: 'member' is no number"),
        (FRAMED | {"sums": {"payment": 3}}, "records: 'payment' is not a column"),
        (FRAMED | {"counted": "all"}, "must be rows or records or lines"),
        (
            {"type": 1, "trailer": "T", "counted": "lines"},
            "records: counted is of a count; say where the trailer has it",
        ),
    ],
)
def test_what_a_trailer_cannot_state_is_an_error_with_its_line(carrier, records, why):
    with pytest.raises(ContractError) as raised:
        carrier.describes("paid", PIPES | {"records": records})
    assert f"paid.yaml:10: {why}" in str(raised.value) or why in str(raised.value)


def test_a_file_of_a_header_and_a_trailer_alone_has_no_rows(carrier):
    carrier.describes("paid", PIPES)
    assert carrier.sends("paid.txt", framed([], total="0.00").encode()) == ["verified"]
    assert carrier.issues() == [(None, None, "no_rows", "warning")]


def test_quarantined_and_dropped_rows_count_too(carrier):
    """A row twice, and one of another width, are rows of the file."""
    rows = [*ROWS, ROWS[0], ("C4", "2024", "x", "1.00")]
    carrier.describes("paid", PIPES | {"records": FRAMED | {"sums": {"paid": 3}}})
    text = framed(rows, total="99.99")
    assert carrier.sends("paid.txt", text.encode()) == ["verified"]
    assert carrier.aside()[0][1:] == (6, "D|C4|2024|x|1.00")
    assert [issue[2] for issue in carrier.issues()] == [
        "field_count",
        "trailer",
        "identical_copy",
    ]
    assert (
        "99.99 as the sum of paid, the rows that were read 27.75; they cannot be compared"
        in carrier.messages()
    )


def test_a_copy_that_is_dropped_is_in_the_sum(carrier):
    carrier.describes("paid", PIPES)
    assert carrier.sends("paid.txt", framed([*ROWS, ROWS[0]]).encode()) == ["verified"]
    assert len(carrier.rows("paid")) == 3


def test_a_kind_that_nobody_names_is_quarantined_as_it_came_and_can_be_corrected(carrier):
    carrier.describes("paid", PIPES)
    text = framed().replace("D|C2", "X|C2").replace("T|3|17.75", "T|2|17.25")
    assert carrier.sends("paid.txt", text.encode()) == ["verified"]
    assert carrier.aside() == [("paid", 3, "X|C2|bob|0.50")]
    assert carrier.issues()[0] == (3, None, "record_type", "error")
    assert "it names D, H, T." in carrier.messages()
    (issue,) = carrier.connection.execute(
        "select issue_id from quality.issue where rule = 'record_type'"
    ).fetchone()
    review.correct(issue, {"claim": "C2", "member": "bob", "paid": "0.50"})
    assert take_in_all("carrier") == ["verified"]
    assert len(carrier.rows("paid")) == 3


# A header with names, and a trailer


def test_a_trailer_may_stand_below_a_table_with_a_header(carrier):
    dialect = {"delimiter": "|", "records": {"type": 1, "header": "H", "trailer": "T", "count": 2}}
    carrier.describes("paid", dialect)
    table = "\n".join("|".join(row) for row in [tuple(PAID), *ROWS])
    assert carrier.sends("a.txt", f"{table}\nT|3|17.75\n".encode()) == ["verified"]
    assert (carrier.rows("paid"), carrier.issues()) == (loaded(), [])
    assert carrier.sends("b.txt", f"H|ACME\n{table}\nT|3\n".encode()) == ["verified"]
    assert carrier.rows("paid")[3:] == loaded(3)
    carrier.describes("paid", dialect | {"header": "search"})
    assert carrier.sends("c.txt", f"H|ACME\nA title\n{table}\nT|3\n".encode()) == ["verified"]
    assert carrier.rows("paid")[6:] == loaded(4)


def test_a_row_that_looks_like_a_trailer_is_not_taken_for_one_silently(carrier):
    carrier.describes("paid", {"delimiter": "|", "records": {"type": 1, "trailer": "T"}})
    table = "\n".join("|".join(row) for row in [tuple(PAID), ("T", "ann", "1.00"), *ROWS])
    assert carrier.sends("a.txt", f"{table}\nT|4\n".encode()) == ["rejected"]
    assert "Line 2 is a trailer, and line 3 follows it" in carrier.messages()


# Claims and their lines


LINES = {
    "header": "none",
    "delimiter": "|",
    "columns": ["", "line", "code", "paid"],
    "records": {"type": 1, "rows": ["SVC"], "from": {"CLM": {"claim": 2}},
                "header": "H", "trailer": "T", "count": 3},
}  # fmt: skip
CLAIMS = {
    "header": "none",
    "delimiter": "|",
    "columns": ["", "claim", "member", "paid"],
    "records": {"type": 1, "rows": ["CLM"], "others": ["SVC"],
                "header": "H", "trailer": "T", "count": 2},
}  # fmt: skip


def claims_and_lines(count: int, seed: int = 1) -> tuple[str, list[tuple[str, str, str]]]:
    """A file of claims, each followed by its lines; and claim, line and amount of each line."""
    chance = random.Random(seed)
    text, expected = ["H|20240101"], []
    for number in range(count):
        text.append(f'CLM|"K{number}"|member {number}|1.00')
        for line in range(chance.randrange(4)):
            paid = f"{chance.randrange(10_000) / 100:.2f}"
            text.append(f"SVC|{line}|9921{line}|{paid}")
            expected.append((f"K{number}", str(line), paid))
    return "\n".join([*text, f"T|{count}|{len(expected)}", ""]), expected


@pytest.mark.parametrize("block_bytes", [40, 1 << 20])
def test_a_line_takes_the_number_of_its_claim_from_the_line_above(
    carrier, monkeypatch, block_bytes
):
    monkeypatch.setattr(settings, "block_bytes", lambda: block_bytes)
    content, expected = claims_and_lines(60)
    carrier.describes("lines", LINES, LINE)
    assert carrier.sends("all.txt", content.encode()) == ["verified"]
    assert carrier.rows("lines", "claim, line, paid::text") == expected
    assert carrier.issues() == []


def test_no_line_is_given_to_the_claim_before_a_damaged_one(carrier):
    above, below = (
        b"CLM|A|x|1\nSVC|1|99|5.00\n",
        b"\nSVC|1|99|6.00\nCLM|C|x\xc3\xa9|1\nSVC|1|99|7.00\nT\n",
    )
    records = {name: value for name, value in LINES["records"].items() if name != "count"}
    carrier.describes("lines", LINES | {"records": records}, LINE)
    for number, damage in enumerate([b"CLX|B", b"CLM", b"CLM|\0B", b"\xff\xff|B", b'CLM|"B']):
        assert carrier.sends(f"{number}.txt", above + damage + below) == ["verified"]
        assert carrier.newest("lines", "claim, paid::text") == [("A", "5.00"), ("C", "7.00")]
        assert carrier.aside().count(("lines", 4, "SVC|1|99|6.00")) == number + 1


def test_a_line_without_its_claim_can_be_corrected_and_so_can_one_with_it(carrier):
    content = "SVC|1|99|6.00\nCLM|B|x|1\nSVC|2|99|oops\nT|1|2\n"
    carrier.describes("lines", LINES, LINE)
    assert carrier.sends("all.txt", content.encode()) == ["verified"]
    assert carrier.aside() == [("lines", 1, "SVC|1|99|6.00"), ("lines", 3, "SVC|2|99|oops")]
    issues = dict(
        carrier.connection.execute("select row_number, issue_id from quality.issue").fetchall()
    )
    review.correct(issues[1], {"claim": "A"})
    review.correct(issues[3], {"paid": "3.00"})
    assert take_in_all("carrier") == ["verified"] * 2
    assert sorted(carrier.rows("lines", "claim, line, paid::text")) == [
        ("A", "1", "6.00"),
        ("B", "2", "3.00"),
    ]


def test_a_header_record_can_give_every_row_a_value(carrier):
    records = {"type": 1, "rows": ["D"], "header": "H", "from": {"H": {"member": 3}}}
    columns = {
        "header": "none",
        "delimiter": "|",
        "columns": ["", "claim", "", "paid"],
        "records": records,
    }
    carrier.describes("paid", columns)
    assert carrier.sends("paid.txt", b"H|2024|ACME\nD|C1|x|1.00\nD|C2|x|2.00\n") == ["verified"]
    assert carrier.rows("paid", "claim, member") == [("C1", "ACME"), ("C2", "ACME")]
    named = {"delimiter": "|", "records": {"type": 1, "header": "H", "from": {"H": {"member": 3}}}}
    carrier.describes("paid", named)
    assert carrier.sends("b.txt", b"H|2024|BETA\nclaim|paid\nC3|1.00\n") == ["verified"]
    assert carrier.rows("paid", "claim, member")[2:] == [("C3", "BETA")]


def test_notes_of_several_lines_in_another_kind_are_no_rows(carrier):
    content = 'CLM|A|"a note\nof two lines"|1\nSVC|1|"also\nhere"|5.00\nT|1|1\n'
    carrier.describes("lines", LINES, LINE)
    assert carrier.sends("all.txt", content.encode()) == ["verified"]
    assert carrier.rows("lines", "row_number, claim, code") == [(3, "A", "also\nhere")]
    assert carrier.issues() == []


# Fixed width


FIXED = {
    "format": "fixed",
    "widths": [["claim", 2, 4], ["member", 6, 5], ["paid", 11, 8]],
    "records": {
        "type": {"start": 1, "length": 1},
        "rows": ["D"], "header": "H", "trailer": "T",
        "count": {"start": 2, "length": 6}, "sums": {"paid": {"start": 8, "length": 12}},
    },
}  # fmt: skip
PUNCHED = (
    MONEY[:-1]
    + ", customProperties: [{property: number, value: {impliedDecimals: 2, overpunched: true}}]}"
)


def punched(cents: int, width: int) -> str:
    """A number whose last digit has its sign, as COBOL writes it."""
    letters = "{ABCDEFGHI" if cents >= 0 else "}JKLMNOPQR"
    digits = f"{abs(cents):0{width}}"
    return digits[:-1] + letters[int(digits[-1])]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_trailer_of_fixed_width_is_compared_as_the_column_reads_amounts(carrier, end):
    cents = [112_990, -2_575, 5]
    lines = [f"D{f'C{n}':4}{'ann':5}{punched(value, 8)}" for n, value in enumerate(cents)]
    columns = PAID | {"paid": PUNCHED}
    carrier.describes("paid", FIXED, columns)
    for name, count, total, states in (
        ("a.dat", 3, sum(cents), ["verified"]),
        ("b.dat", 3, sum(cents) + 1, ["rejected"]),
        ("c.dat", 4, sum(cents), ["rejected"]),
    ):
        trailer = f"T{count:06}{punched(total, 12)}"
        content = end.join(["H20240131", *lines, trailer, ""])
        assert carrier.sends(name, content.encode()) == states
    paid = [f"{Decimal(value) / 100:.2f}" for value in cents]
    assert [row[3] for row in carrier.rows("paid")] == paid
    assert "1,104.21 as the sum of paid, the rows that were read 1,104.20" in carrier.messages()


def test_fixed_lines_of_several_kinds(carrier):
    records = FIXED["records"] | {"from": {"M": {"member": {"start": 2, "length": 5}}}}
    del records["count"], records["sums"]
    dialect = FIXED | {"widths": [["claim", 2, 4], ["paid", 6, 8]], "records": records}
    carrier.describes("paid", dialect)
    content = "Mann  \nDC1      1.00\n\n?\nDC2      2.00\nMbob\nDC3      3.00\nDC4\nT\n"
    assert carrier.sends("paid.dat", content.encode()) == ["verified"]
    assert carrier.rows("paid") == [
        (2, "C1", "ann", "1.00"),
        (5, "C2", None, "2.00"),
        (7, "C3", "bob", "3.00"),
    ]
    assert [issue[:3] for issue in carrier.issues()] == [
        (4, None, "record_type"),
        (8, None, "field_count"),
    ]


# The contract


WRONG = [
    ({"type": 1}, "records must be a mapping of options"),
    ({"type": "D", "rows": ["D"]}, "type must be the place of a field"),
    ({"type": {"start": 1, "length": 1}, "rows": ["D"]}, "type must be the place of a field"),
    ({"type": 1, "rows": ["D"], "trailer": "D"}, "'D' is given two meanings"),
    ({"type": 1, "rows": ["D"], "count": 2}, "count and sums are in a trailer"),
    ({"type": 1, "trailer": "T", "sums": {"cost": 2}}, "'cost' is not a column"),
    ({"type": 1, "trailer": "T", "sums": {"member": 2}}, "'member' is no number"),
    ({"type": 1, "rows": ["D"], "from": {"D": {"member": 2}}}, "no kind above the rows"),
    ({"type": 1, "rows": ["D"], "from": {"C": {"nobody": 2}}}, "'nobody' is not a column"),
    ({"type": 1, "rows": [1]}, "in quotes where it is a number"),
    ({"type": 1, "rows": ["D"], "footer": "F"}, "no option 'footer'"),
]


def test_kinds_that_cannot_be_meant_are_an_error_of_the_contract(carrier):
    for records, why in WRONG:
        with pytest.raises(ContractError, match=r"paid\.yaml:\d+: ") as caught:
            carrier.describes("paid", {"records": records})
        assert why in str(caught.value)
