"""A mended contract reaches what it was mended for: rejected files and quarantined rows, by themselves."""

from __future__ import annotations

import os
import signal
from decimal import Decimal
from pathlib import Path

import pytest
from tests.worlds import forks
from tests.worlds.ledger_source import HEADER, MAPPING, Ledger, forget_files

from claimhouse import contracts, ingest, reverify, review

CLAIMS = "schemas/ledger/claims.yaml"


def mend(ledger: Ledger, old: str, new: str) -> None:
    """Change the contract."""
    file = ledger.include / CLAIMS
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def file_of(ledger: Ledger, name: str, *lines: str) -> None:
    """Lay a file into the landing root; each arrives a day after the one before."""
    (ledger.landing / name).write_text("\n".join(lines) + "\n")
    touch(ledger, name)


def touch(ledger: Ledger, name: str) -> None:
    """Let a file arrive again."""
    moment = next(ledger._moments)
    os.utime(ledger.landing / name, (moment, moment))


def states(ledger: Ledger) -> list[str]:
    return [state for (state,) in ledger.rows("select state from landing.batch order by batch_id")]


SYNONYM = ("name: paid\n", "name: paid\n        synonyms: [{synonym: amount_paid}]\n")


def test_rejected_file_lands_once_its_contract_reads_it(ledger: Ledger) -> None:
    mend(ledger, "name: paid\n", "name: paid\n        required: true\n")
    file_of(
        ledger,
        "claims_1.csv",
        "claim,day,cost,amount_paid,status,changed",
        "c,2024-01-02,5,3,Paid,",
    )
    ledger.run()
    assert states(ledger) == ["rejected"]
    ledger.run()
    assert states(ledger) == ["rejected"]
    assert ledger.rows("select count(*) from landing.batch_reading") == [(1,)]
    mend(ledger, "name: paid\n", "name: paid\n        synonyms: [{synonym: amount_paid}]\n")
    ledger.run()
    assert states(ledger) == ["loaded"]
    assert ledger.claims() == {"c": (Decimal(5), Decimal(3))}
    assert (
        ledger.rows("select rule from quality.issue where status = 'open' and row_number is null")
        == []
    )
    ledger.run()
    assert ledger.rows("select is_whole, state from landing.batch_reading order by reading_id") == [
        (True, "rejected"),
        (True, "verified"),
    ]


def test_quarantined_rows_load_once_their_date_format_is_known(ledger: Ledger) -> None:
    ledger.deliver(
        "claims_1.csv", "a,2024-01-02,5,3,Paid,", "b,02.01.2024,7,4,Paid,", "x,never,1,1,Paid,"
    )
    ledger.run()
    assert ledger.claims() == {"a": (Decimal(5), Decimal(3))}
    mend(
        ledger,
        "value: [YYYY-MM-DD]}]\n      - name: cost",
        "value: [YYYY-MM-DD, DD.MM.YYYY]}]\n      - name: cost",
    )
    ledger.run()
    assert ledger.claims() == {"a": (Decimal(5), Decimal(3)), "b": (Decimal(7), Decimal(4))}
    assert states(ledger) == ["loaded"]
    assert ledger.rows(
        "select record_key from quality.issue where status = 'open' and row_number > 0"
    ) == [("x",)]
    ((by,),) = ledger.rows("select closed_by from quality.issue where record_key = 'b'")
    assert by.startswith("contract ")
    before = ledger.rows("select * from landing.batch")
    ledger.run()
    assert ledger.rows("select * from landing.batch") == before
    # Back again: the row that was accepted meanwhile stays until somebody asks.
    mend(ledger, "[YYYY-MM-DD, DD.MM.YYYY]", "[YYYY-MM-DD]")
    ledger.run()
    assert "b" in ledger.claims()
    reverify.main(["ledger", "claims"])
    ledger.run()
    assert ledger.claims() == {"a": (Decimal(5), Decimal(3))}
    assert ledger.issues() == [("date", "b", "error"), ("date", "x", "error")]


def test_accepted_rows_are_read_anew_on_demand(
    ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger.deliver("claims_1.csv", "a,2024-01-02,-5,3,Paid,", "b,2024-01-03,7,4,Denied,")
    ledger.deliver("claims_2.csv", "b,2024-01-03,9,6,Paid,", "c,2024-01-04,1,1,Open,")
    ledger.run()
    everything = "select * from landing.batch order by batch_id"
    before = ledger.rows(everything)
    mend(
        ledger,
        "        tags: [amount]\n      - name: paid",
        "        logicalTypeOptions: {minimum: 0}\n        tags: [amount]\n      - name: paid",
    )
    mend(
        ledger,
        "        classification: financial\n\n      - name: changed",
        "        classification: financial\n"
        "        enum: [{value: Paid}, {value: Denied}, {value: Pending}]\n        customProperties:\n"
        "          - {property: corrections, value: {Open: Pending}}\n      - name: changed",
    )
    ledger.run()
    assert ledger.rows(everything) == before
    reverify.main(["ledger", "claims", "--dry-run"])
    told = capsys.readouterr().out
    assert "batch 1, claims_1.csv:\n  rows accepted       12 -> 11 (-1)\n" in told
    assert "  rows quarantined    0 -> 1 (+1)\n" in told
    assert "cost accepted: 12.00 -> 17.00 (+5.00)" in told
    assert "values of status: 1 other" in told
    assert ledger.rows(everything) == before
    assert "a" in ledger.claims()
    reverify.main(["ledger", "claims"])
    assert "2 batches to read anew" in capsys.readouterr().out
    ledger.run()
    assert ledger.claims() == {
        "b": (Decimal(9), Decimal(6)),
        "c": (Decimal(1), Decimal(1)),
    }
    assert ledger.rows("select distinct status from source_ledger.claims where claim = 'c'") == [
        ("Pending",)
    ]
    assert states(ledger) == ["loaded", "loaded"]
    reverify.main(["ledger", "claims"])
    assert "every batch was read under the contract as it is now" in capsys.readouterr().out


REJECTED = ("claim,day,cost,amount_paid,status,changed", "c,2024-01-02,5,3,Paid,")


def require_paid(ledger: Ledger) -> None:
    mend(ledger, "name: paid\n", "name: paid\n        required: true\n")


def know_synonym(ledger: Ledger) -> None:
    mend(ledger, "name: paid\n", "name: paid\n        synonyms: [{synonym: amount_paid}]\n")


@pytest.mark.parametrize("rows", ["state", "transaction"])
@pytest.mark.parametrize("is_mended_first", [False, True])
def test_resent_rejected_file_loads_once(ledger: Ledger, rows: str, is_mended_first: bool) -> None:
    ledger.describe(rows=rows)
    require_paid(ledger)
    file_of(ledger, "claims_1.csv", *REJECTED)
    ledger.run()
    if is_mended_first:
        know_synonym(ledger)
    file_of(ledger, "claims_resent.csv", *REJECTED)
    ledger.run()
    touch(ledger, "claims_1.csv")
    know_synonym(ledger) if not is_mended_first else None
    ledger.run()
    assert ledger.claims() == {"c": (Decimal(5), Decimal(3))}
    assert ledger.rows("select count(*) from source_ledger.claims") == [(1,)]
    file_of(ledger, "claims_third.csv", *REJECTED)
    ledger.run()
    ledger.run()
    assert ledger.rows("select count(*) from source_ledger.claims") == [(1,)]
    assert (
        ledger.rows(
            "select rule from quality.issue where status = 'open' and row_number is null and severity = 'error'"
        )
        == []
    )


def test_file_dropped_into_the_wrong_folder_loads_from_the_right_one(ledger: Ledger) -> None:
    wrong = ledger.landing.parent / "billing"
    wrong.mkdir()
    for name in ("claims_1.csv", "unknown.csv"):
        file_of(ledger, name, HEADER, "c,2024-01-02,5,3,Paid,")
        (ledger.landing / name).rename(wrong / name)
    ingest.run("billing")
    assert ledger.rows("select state from landing.batch") == [("rejected",)]
    (wrong / "claims_1.csv").rename(ledger.landing / "claims_1.csv")
    ledger.run()
    assert ledger.claims() == {"c": (Decimal(5), Decimal(3))}


def test_release_of_a_rejected_batch_says_what_to_do(ledger: Ledger) -> None:
    require_paid(ledger)
    file_of(ledger, "claims_1.csv", *REJECTED)
    ledger.run()
    with pytest.raises(
        review.ReviewError, match="Mend the contract, and the next run reads the file again"
    ):
        review.release(1, "somebody", "it is fine")
    with pytest.raises(review.ReviewError, match=r"^batch 2 is not held$"):
        review.release(2, "somebody", "it is fine")


DOTTED = (
    "value: [YYYY-MM-DD]}]\n      - name: cost",
    "value: [YYYY-MM-DD, DD.MM.YYYY]}]\n      - name: cost",
)


@pytest.mark.parametrize("rows", ["state", "transaction"])
def test_what_a_reviewer_decided_stays(ledger: Ledger, rows: str) -> None:
    ledger.describe(rows=rows)
    ledger.deliver(
        "claims_1.csv",
        "a,02.01.2024,5,3,Paid,",
        "b,03.01.2024,7,4,Paid,",
        "w,never,1,1,Paid,",
        "v,04.01.2024,2,2,Paid,",
    )
    ledger.run()
    ledger.correct("a", day="2024-01-02", cost="6")
    ledger.run()
    ledger.correct("b", day="2024-01-03", cost="8")
    for key in ("w", "v"):
        ((issue,),) = ledger.rows(f"select issue_id from quality.issue where record_key = '{key}'")
        review.waive(issue, "somebody", "known")
    mend(ledger, *DOTTED)
    ledger.run()
    assert ledger.claims() == {
        "a": (Decimal(6), Decimal(3)),
        "b": (Decimal(8), Decimal(4)),
        "v": (Decimal(2), Decimal(2)),
    }
    assert ledger.rows(
        "select record_key, status from quality.issue where row_number > 0 order by 1"
    ) == [
        ("a", "corrected"),
        ("b", "corrected"),
        ("v", "waived"),
        ("w", "waived"),
    ]
    reverify.ask(reverify.chosen(contracts.of("ledger", "claims")))
    ledger.run()
    assert ledger.claims()["a"] == (Decimal(6), Decimal(3))
    assert ledger.rows("select count(*) from source_ledger.claims where claim = 'a'") == [(1,)]


def test_new_word_of_a_closed_list_closes_its_issues(ledger: Ledger) -> None:
    ledger.describe(is_listed=True)
    ledger.deliver("claims_1.csv", "a,2024-01-02,5,3,Lingering,", "b,2024-01-02,5,3,Lost forever,")
    ledger.run()
    assert ledger.issues() == [("unlisted_word", "a", "warning"), ("unlisted_word", "b", "warning")]
    words = ledger.include / "reference" / "claim_status.csv"
    header, first, *_ = words.read_text().splitlines()
    fields = dict(zip(header.split(","), first.split(","), strict=True)) | {"spelling": "Lingering"}
    words.write_text(words.read_text() + ",".join(fields.values()) + "\n")
    loaded = ledger.rows("select loaded_at from landing.batch")
    ledger.run()
    assert ledger.issues() == [("unlisted_word", "b", "warning")]
    assert ledger.rows("select loaded_at from landing.batch") == loaded
    assert ledger.rows(
        "select claim_status_counts_as from star.dim_claim_profile where claim_status = 'Lingering'"
    ) == [(fields["counts_as"],)]


def test_contract_that_became_stricter_takes_nothing_away_by_itself(ledger: Ledger) -> None:
    ledger.deliver("claims_1.csv", "a,2024-01-02,5,,Paid,", "b,never,7,4,Paid,")
    ledger.run()
    before = ledger.claims()
    mend(ledger, "name: paid\n", "name: payment\n        required: true\n")
    ledger.write(
        "sql/mapping/ledger/fact_claim.sql",
        MAPPING.replace("paid as", "coalesce(payment, paid) as"),
    )
    forget_files()
    ledger.run()
    assert states(ledger) == ["loaded"]
    assert ledger.claims() == before
    assert ledger.issues() == [("date", "b", "error")]
    reverify.ask(reverify.chosen(contracts.of("ledger", "claims")))
    ledger.run()
    assert states(ledger) == ["rejected"]
    assert ledger.claims() == {}
    mend(ledger, "name: payment\n", "name: payment\n        synonyms: [{synonym: paid}]\n")
    mend(ledger, "{synonym: paid}]\n        required: true\n", "{synonym: paid}]\n")
    ledger.run()
    assert ledger.claims() == before


def test_batch_whose_archived_copy_is_gone_keeps_what_it_has(ledger: Ledger) -> None:
    ledger.deliver("claims_1.csv", "a,2024-01-02,5,3,Paid,", "b,02.01.2024,7,4,Paid,")
    ledger.run()
    ((archived,),) = ledger.rows("select archive_path from landing.file")
    Path(archived.removeprefix("file://")).unlink()
    kept = ledger.landing / "claims_1.csv"
    content = kept.read_bytes()
    kept.unlink()
    mend(ledger, *DOTTED)
    for _ in range(2):
        ledger.run()
        assert ledger.claims() == {"a": (Decimal(5), Decimal(3))}
    assert ledger.rows(
        "select rule from quality.issue where status = 'open' and row_number is null and rule like 'arch%'"
    ) == [("archive_damaged",)]
    kept.write_bytes(content)
    reverify.main(["ledger", "claims"])
    ledger.run()
    assert ledger.claims() == {"a": (Decimal(5), Decimal(3)), "b": (Decimal(7), Decimal(4))}


def test_newer_copy_among_the_quarantined_rows_wins(ledger: Ledger) -> None:
    ledger.describe(version_column="changed")
    ledger.deliver(
        "claims_1.csv",
        "a,2024-01-02,5,3,Paid,2024-01-05",
        "a,03.01.2024,6,3,Paid,2024-01-06",
        "b,2024-01-02,5,3,Paid,2024-01-05",
        "b,02.01.2024,5,3,Paid,2024-01-05",
        "d,2024-01-02,5,3,Paid,2024-01-07",
        "d,02.01.2024,1,1,Paid,2024-01-05",
    )
    ledger.run()
    assert ledger.claims() == dict.fromkeys(("a", "b", "d"), (Decimal(5), Decimal(3)))
    mend(ledger, *DOTTED)
    ledger.run()
    assert ledger.claims() == {
        "a": (Decimal(6), Decimal(3)),
        "b": (Decimal(5), Decimal(3)),
        "d": (Decimal(5), Decimal(3)),
    }
    assert ledger.rows(
        "select rows_read, rows_accepted, rows_quarantined, rows_dropped,"
        " amounts -> 'cost' ->> 'read', amounts -> 'cost' ->> 'accepted', amounts -> 'cost' ->> 'quarantined'"
        " from landing.batch"
    ) == [(36, 33, 2, 1, "57.00", "46.00", "6.00")]


def test_rejected_file_goes_to_the_feed_that_claims_it_now(ledger: Ledger) -> None:
    require_paid(ledger)
    file_of(ledger, "claims_notes_1.csv", "note,claim", "n1,c")
    ledger.run()
    assert states(ledger) == ["rejected"]
    contract = (ledger.include / CLAIMS).read_text()
    notes = contract[: contract.index("      - name: day")].replace(
        "- name: claims", "- name: notes"
    )
    notes = notes.replace("claims*", "claims_notes*").replace("- name: claim\n", "- name: note\n")
    ledger.write("schemas/ledger/notes.yaml", notes)
    mend(ledger, "claims*", "claims_[0-9]*")
    ledger.run()
    assert states(ledger) == ["loaded"]
    assert ledger.rows("select note from source_ledger.notes") == [("n1",)]


KILL = """
import importlib, os, signal
from pathlib import Path
from claimhouse import settings, warehouse
settings.INCLUDE = Path({include!r})
warehouse._files.loader.searchpath = [str(settings.CODE), str(settings.INCLUDE / "sql")]
module = importlib.import_module("claimhouse.{module}")
real, calls = getattr(module, "{name}"), [0]
def dying(*given, **named):
    calls[0] += 1
    if calls[0] == {call}:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*given, **named)
module.{name} = dying
from claimhouse import ingest
ingest.run("ledger")
"""


@pytest.mark.parametrize(
    ("module", "name", "call"),
    [
        ("landing.deliveries", "wake_next", 1),
        ("verification.rereading", "verify", 1),
        ("verification.rereading", "_settle", 1),
        ("star.load", "_clear", 2),
        ("star", "finish", 1),
    ],
)
def test_a_kill_while_batches_are_read_again_is_healed(
    ledger: Ledger, warehouse_url: str, module: str, name: str, call: int
) -> None:
    require_paid(ledger)
    file_of(ledger, "claims_1.csv", *REJECTED)
    ledger.deliver("claims_2.csv", "a,2024-01-02,5,3,Paid,", "b,02.01.2024,7,4,Paid,")
    ledger.deliver("claims_3.csv", "d,2024-01-02,5,3,Open,", "e,2024-01-02,-7,4,Paid,")
    ledger.run()
    know_synonym(ledger)
    mend(ledger, *DOTTED)
    no_negative_cost(ledger)
    reverify.ask(reverify.chosen(contracts.of("ledger", "claims"))[1:])
    script = KILL.format(include=str(ledger.include), module=module, name=name, call=call)
    code, printed = forks.run(script, {"WAREHOUSE_URL": warehouse_url})
    assert code == -signal.SIGKILL, printed[-2000:]
    ledger.run()
    assert ledger.claims() == {
        "a": (Decimal(5), Decimal(3)), "b": (Decimal(7), Decimal(4)),
        "c": (Decimal(5), Decimal(3)), "d": (Decimal(5), Decimal(3)),
    }  # fmt: skip
    assert ledger.current() == ledger.claims()
    assert set(states(ledger)) == {"loaded"}
    assert ledger.issues() == [("minimum", "e", "error")]
    everything = "select * from landing.batch order by batch_id"
    before = ledger.rows(everything)
    ledger.run()
    assert ledger.rows(everything) == before


def no_negative_cost(ledger: Ledger) -> None:
    mend(
        ledger,
        "        tags: [amount]\n      - name: paid",
        "        logicalTypeOptions: {minimum: 0}\n        tags: [amount]\n      - name: paid",
    )
