"""The Soda checks: each fails when, and only when, what it names breaks; the gate; no leaks."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.worlds.manifest import enter_file

from claimhouse import checks, ingest, review, star
from claimhouse.batches import in_state
from claimhouse.checks import gate, soda
from claimhouse.verification import source_tables

SECRET_NAME = "Quillfeather"


@pytest.fixture
def house(warehouse):
    """A warehouse with the billing source's tables, and means to fill them."""
    source_tables.ensure_tables("billing")
    return House(warehouse)


class House:
    """Lays batches as verification leaves them."""

    def __init__(self, connection):
        self.connection = connection

    def sql(self, text, *values):
        """Run one statement."""
        return self.connection.execute(text, values or None)

    def rows(self, text, *values):
        """What a query yields."""
        return self.sql(text, *values).fetchall()

    def batch(
        self,
        feed,
        rows,
        quarantined=0,
        state="verified",
        is_correction=False,
        received="2024-03-02",
    ):
        """A batch whose source rows the select *rows* makes; returns its id."""
        number = self.rows("select count(*) from landing.file")[0][0]
        file_id = enter_file(self.connection, "billing", feed, f"{feed}_{number}.csv", received)
        batch = self.rows(
            "insert into landing.batch (file_id, source_system, feed, received_date, state, is_correction,"
            " code_version) values (%s, 'billing', %s, %s, %s, %s, 'test') returning batch_id",
            file_id, feed, received, state, is_correction,
        )[0][0]  # fmt: skip
        accepted = self.sql(
            f"insert into source_billing.{feed} {rows.format(batch=batch)}"
        ).rowcount
        amounts = "null"
        if feed == "claims":
            amounts = (
                "(select jsonb_build_object('total_cost', jsonb_build_object('accepted',"
                f" coalesce(sum(total_cost), 0)::text)) from source_billing.claims where batch_id = {batch})"
            )
        self.sql(
            f"update landing.batch set rows_read = %s, rows_accepted = %s, rows_quarantined = %s,"
            f" rows_dropped = 0, amounts = {amounts} where batch_id = %s",
            accepted + quarantined, accepted, quarantined, batch,
        )  # fmt: skip
        return batch

    def patients(self, count=100, first=1, birth="date '1970-01-01'", **more):
        """A batch of patients 1U, 2U, ..."""
        return self.batch(
            "patients",
            "select {batch}, n + 1, n || 'U', '"
            + SECRET_NAME
            + "', 'L', "
            + birth
            + ", '1 Elm St', 'Denver',"
            " 'Colorado', '80201', date '2001-02-03', date '2024-03-01'"
            f" from generate_series({first}, {first + count - 1}) as n",
            **more,
        )

    def providers(self, count=20, first=1, specialty="'orthopedist'", **more):
        """A batch of providers N3T1A, N3T2A, ..."""
        return self.batch(
            "providers",
            "select {batch}, n + 1, 'N3T' || n || 'A', 'F', 'L', 'Clinic', '2 Oak St', 'Denver', 'Colorado',"
            " '80201', " + specialty + ", date '2001-02-03'"
            f" from generate_series({first}, {first + count - 1}) as n",
            **more,
        )

    def claims(
        self, count=200, first=1, cost="100 + n % 7", served="date '2024-02-01' - n / 100", **more
    ):
        """A batch of claims CF#1NN, CF#2NN, ... of the first 100 patients and 20 providers, a hundred a day."""
        return self.batch(
            "claims",
            "select {batch}, n + 1, 'CF#' || n || 'NN', n % 100 + 1 || 'U', 'N3T' || n % 20 + 1 || 'A', 'routine',"
            " " + cost + ", 100, " + served + ", date '2024-02-20', false, date '2024-03-01'"
            f" from generate_series({first}, {first + count - 1}) as n",
            **more,
        )

    def good(self):
        """A good batch of each feed."""
        return {"patients": self.patients(), "providers": self.providers(), "claims": self.claims()}

    def bad_checks(self, batch):
        """The checks of the batch's newest scan that did not pass, with their outcomes."""
        return dict(
            self.rows(
                "select check_name, outcome from quality.check_result where batch_id = %s and outcome <> 'pass'"
                " and scan_id = (select scan_id from quality.check_result where batch_id = %s"
                " order by check_result_id desc limit 1)",
                batch,
                batch,
            )
        )

    def state(self, batch):
        """The batch's state."""
        return self.rows("select state from landing.batch where batch_id = %s", batch)[0][0]

    def open_issues(self):
        """The open issues: batch, rule, severity, message."""
        return self.rows(
            "select batch_id, rule, severity, message from quality.issue where status = 'open' order by rule"
        )


def scan(*batches):
    """Scan, whether or not a batch is held."""
    try:
        return checks.scan_batches("billing", batches)
    except checks.ChecksFailed as failed:
        return failed.failures


def test_good_batches_pass_every_check_and_are_checked(house):
    batches = house.good()
    outcomes = checks.scan_batches("billing", list(batches.values()))
    assert {outcome.outcome for outcome in outcomes} == {"pass"}
    assert {house.state(batch) for batch in batches.values()} == {"checked"}
    assert house.open_issues() == []
    kept = house.rows("select batch_id, check_name, outcome from quality.check_result")
    assert sorted(kept) == sorted(
        (outcome.batch_id, outcome.check_name, outcome.outcome) for outcome in outcomes
    )
    names = {outcome.check_name for outcome in outcomes if outcome.feed == "claims"}
    assert {
        "keys_occur_once",
        "patient_id_is_known",
        "provider_id_is_known",
        "total_cost_reconciles",
    } <= names


# The feed, what is broken in its rows (or in its batch), and the one check that must say so.
DEFECTS = [
    ("claims", "set patient_id = null where row_number <= 3", "patient_id_is_given", "warn"),
    ("claims", "set patient_id = null where row_number <= 90", "patient_id_is_given", "fail"),
    ("claims", "set provider_id = null where row_number <= 90", "provider_id_is_given", "fail"),
    ("claims", "set patient_id = '999U' where row_number <= 3", "patient_id_is_known", "warn"),
    ("claims", "set provider_id = 'N3T999A' where row_number = 7", "provider_id_is_known", "warn"),
    ("claims", "set claim_id = 'CF#5NN' where row_number = 9", "keys_occur_once", "fail"),
    ("claims", "set total_cost = total_cost + 0.01 where row_number = 9", "total_cost_reconciles", "fail"),
    ("claims", "set date_of_service = '2024-03-03' where row_number = 9", "date_of_service_in_future", "warn"),
    ("claims", "set last_modified_date = '2024-01-01'", "freshness", "warn"),
    ("claims", "batch set rows_quarantined = 6, rows_read = 206", "quarantined_share", "warn"),
    ("claims", "batch set rows_quarantined = 60, rows_read = 260", "quarantined_share", "fail"),
    ("claims", "batch set rows_accepted = 201, rows_read = 201", "rows_reconcile", "fail"),
    ("patients", "set date_of_birth = null where row_number <= 20", "date_of_birth_is_given", "warn"),
    ("patients", "set date_of_birth = null where row_number <= 70", "date_of_birth_is_given", "fail"),
    ("patients", "set zipcode = null where row_number <= 70", "zipcode_is_given", "fail"),
    ("patients", "set date_of_residence = null where row_number <= 70", "date_of_residence_is_given", "fail"),
    ("patients", "set date_of_birth = '2024-03-03' where row_number = 5", "date_of_birth_in_future", "warn"),
    ("providers", "set specialty_code = null where row_number <= 3", "specialty_is_given", "warn"),
    ("providers", "set facility_name = null where row_number <= 15", "facility_is_given", "fail"),
    ("providers", "set start_date = null where row_number <= 15", "start_date_is_given", "fail"),
]  # fmt: skip


@pytest.mark.parametrize(("feed", "defect", "check", "outcome"), DEFECTS)
def test_exactly_the_check_that_names_a_defect_tells_it(house, feed, defect, check, outcome):
    batches = house.good()
    if defect.startswith("batch"):
        house.sql(f"update landing.{defect} where feed = '{feed}'")
    else:
        house.sql(f"update source_billing.{feed} {defect}")
    scan(*batches.values())
    assert {batch: house.bad_checks(batch) for batch in batches.values()} == {
        batch: ({check: outcome} if batch == batches[feed] else {}) for batch in batches.values()
    }
    assert house.state(batches[feed]) == ("held" if outcome == "fail" else "checked")
    ((batch, rule, severity, message),) = house.open_issues()
    assert (batch, rule) == (batches[feed], f"soda:{check}")
    assert severity == ("error" if outcome == "fail" else "warning")
    assert "{" not in message and any(digit.isdigit() for digit in message)


def test_a_message_gives_numbers_and_denominators(house):
    batches = house.good()
    house.sql("update source_billing.claims set patient_id = '999U' where row_number <= 3")
    scan(*batches.values())
    unknown = house.rows("select count(*) from source_billing.claims where patient_id = '999U'")[0][
        0
    ]
    ((_, _, _, message),) = house.open_issues()
    assert message == (
        f"{unknown} of 200 accepted rows ({unknown / 2:g}%) have a patient_id that is not in patients"
    )


def test_a_held_batch_stops_the_source_and_the_others_go_on(house):
    batches = house.good()
    house.sql("update source_billing.claims set claim_id = 'CF#5NN' where row_number = 9")
    with pytest.raises(checks.ChecksFailed) as failed:
        checks.scan_batches("billing", list(batches.values()))
    assert str(failed.value) == (
        f"billing, claims, batch {batches['claims']}: check keys_occur_once ended in fail"
    )
    assert house.state(batches["claims"]) == "held"
    assert house.state(batches["patients"]) == house.state(batches["providers"]) == "checked"
    assert batches["claims"] not in in_state(house.connection, "billing", "checked")


def test_a_released_batch_stays_released_when_scanned_again(house):
    batches = house.good()
    house.sql("update source_billing.claims set claim_id = 'CF#5NN' where row_number = 9")
    scan(*batches.values())
    review.release(batches["claims"], "reviewer", "looked at it")
    assert house.state(batches["claims"]) == "checked"
    checks.scan_batches("billing", [batches["claims"]])
    assert house.state(batches["claims"]) == "checked"
    assert house.bad_checks(batches["claims"]) == {"keys_occur_once": "fail"}
    assert house.open_issues() == []


def test_scanning_again_replaces_what_the_first_scan_said(house):
    batches = house.good()
    house.sql("update source_billing.claims set patient_id = '999U' where row_number <= 3")
    scan(*batches.values())
    house.sql("update source_billing.claims set patient_id = '998U' where row_number <= 5")
    scan(*batches.values())
    unknown = house.rows("select count(*) from source_billing.claims where patient_id like '99_U'")[
        0
    ][0]
    ((_, rule, _, message),) = house.open_issues()
    assert rule == "soda:patient_id_is_known" and message.startswith(f"{unknown} of 200")
    assert house.rows("select count(*) from quality.failing_row") == [(unknown,)]
    house.sql("update source_billing.claims set patient_id = '1U' where patient_id like '99_U'")
    scan(*batches.values())
    assert house.open_issues() == []
    assert house.rows("select status from quality.issue") == [("resolved",)]
    assert house.rows("select count(*) from quality.failing_row") == [(0,)]


def test_a_loaded_batch_stays_loaded_whatever_a_new_scan_says(house):
    batches = house.good()
    house.sql("update landing.batch set state = 'loaded'")
    house.sql("update source_billing.claims set claim_id = 'CF#5NN' where row_number = 9")
    scan(*batches.values())
    assert house.state(batches["claims"]) == "loaded"


def test_small_updates_after_a_priming_file_are_no_alarm(house):
    house.patients(state="loaded")
    house.providers(state="loaded")
    house.claims(5000, state="loaded")
    sizes = [14, 9, 22, 3, 30]
    for day, size in enumerate(sizes):
        batch = house.claims(size, first=6000 + 100 * day)
        checks.scan_batches("billing", [batch])
        assert house.bad_checks(batch) == {}


def test_an_update_under_half_of_the_usual_rows_warns(house):
    house.patients(state="loaded")
    house.providers(state="loaded")
    house.claims(5000, state="loaded")
    for day in range(3):
        house.claims(400 + day, first=6000 + 1000 * day, state="loaded")
    half, less = house.claims(201, first=20000), house.claims(200, first=30000)
    checks.scan_batches("billing", [half])
    checks.scan_batches("billing", [less])
    assert house.bad_checks(half) == {}
    assert house.bad_checks(less) == {"volume": "warn"}
    correction = house.claims(1, first=40000, is_correction=True)
    checks.scan_batches("billing", [correction])
    assert house.bad_checks(correction) == {}


def test_one_bad_row_of_a_handful_does_not_hold_the_batch(house):
    house.good()
    batch = house.claims(2, first=900, quarantined=1)
    checks.scan_batches("billing", [batch])
    assert house.bad_checks(batch) == {"quarantined_share": "warn"}
    assert house.state(batch) == "checked"


def test_a_header_alone_warns_and_holds_nothing(house):
    house.good()
    batch = house.claims(0)
    checks.scan_batches("billing", [batch])
    assert house.bad_checks(batch) == {"not_empty": "warn"}
    assert house.state(batch) == "checked"


def test_the_mean_cost_is_compared_with_earlier_batches(house):
    house.patients(state="loaded")
    house.providers(state="loaded")
    house.claims(1000, cost="100", state="loaded")
    usual, dear = (
        house.claims(150, first=2000, cost="124"),
        house.claims(150, first=3000, cost="126"),
    )
    few = house.claims(20, first=4000, cost="900")
    for batch in (usual, dear, few):
        house.sql("update landing.batch set state = 'verified' where batch_id = %s", batch)
        checks.scan_batches("billing", [batch])
        house.sql(
            "update landing.batch set state = 'held' where batch_id = %s", batch
        )  # not compared with
    assert house.bad_checks(usual) == {}
    assert house.bad_checks(dear) == {"mean_cost": "warn"}
    assert house.bad_checks(few) == {}


def test_failing_rows_are_kept_in_quality_alone_and_at_most_a_hundred(house):
    batches = house.good()
    house.sql(
        "update source_billing.patients set date_of_birth = '2024-03-03' where row_number = 5"
    )
    house.sql(
        "update source_billing.claims set patient_id = 'X' || row_number || 'U' where row_number <= 181"
    )
    scan(*batches.values())
    kept = house.rows(
        "select r.check_name, r.failing_rows, count(*), min(f.row_number) from quality.failing_row as f"
        " join quality.check_result as r using (check_result_id) group by 1, 2 order by 1"
    )
    assert [issue[:3] for issue in kept] == [
        ("date_of_birth_in_future", 1, 1),
        ("patient_id_is_known", 180, 100),
    ]
    ((row, key, number),) = house.rows(
        "select f.failing_row, f.record_key, f.row_number from quality.failing_row as f"
        " join quality.check_result as r using (check_result_id) where r.check_name = 'date_of_birth_in_future'"
    )
    assert (key, number) == ("4U", 5)
    assert (row["column_name"], row["value"]) == ("date_of_birth", "2024-03-03")
    ((messages,),) = house.rows(
        "select string_agg(message || definition, '') from quality.issue, quality.check_result"
    )
    assert "X5U" not in messages


def test_a_missing_value_keeps_its_row_and_key(house):
    batches = house.good()
    house.sql("update source_billing.claims set patient_id = null where row_number in (2, 3)")
    house.sql("update source_billing.claims set provider_id = null where row_number in (2, 3)")
    scan(*batches.values())
    assert sorted(
        house.rows(
            "select r.check_name, f.record_key, f.row_number, r.failing_rows from quality.failing_row as f"
            " join quality.check_result as r using (check_result_id)"
        )
    ) == [
        (check, f"CF#{row - 1}NN", row, 2)
        for check in ("patient_id_is_given", "provider_id_is_given")
        for row in (2, 3)
    ]


def test_nothing_of_a_row_is_logged(house, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    batches = house.good()
    house.sql("update source_billing.patients set date_of_birth = '2024-03-03', zipcode = null")
    house.sql("update source_billing.claims set claim_id = 'CF#5NN' where row_number = 9")
    with pytest.raises(checks.ChecksFailed) as failed:
        checks.scan_batches("billing", list(batches.values()))
    out = "".join([caplog.text, str(failed.value), *capfd.readouterr()])
    for value in (SECRET_NAME, "CF#5NN", "2024-03-03", "4U"):
        assert value not in out
    assert house.rows(
        "select count(*) from quality.failing_row where failing_row::text like %s",
        f"%{SECRET_NAME}%",
    ) != [(0,)]


def test_a_check_that_cannot_be_carried_out_holds_the_batch(house, monkeypatch, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    batches = house.good()
    (tmp_path / "billing").mkdir()
    (tmp_path / "every_feed.yml").write_text(
        "checks:\n  - broken:\n      name: broken\n      fail: when > 1\n"
        "      broken query: select 'Quillfeather'::integer\n"
    )
    monkeypatch.setattr(gate, "CHECKS", tmp_path)
    with pytest.raises(checks.ChecksFailed, match="check broken ended in error"):
        checks.scan_batches("billing", [batches["claims"]])
    assert house.state(batches["claims"]) == "held"
    assert house.open_issues()[0][3] == "The check broken could not be run: error 22P02"
    assert "Quillfeather" not in caplog.text  # the server's message quotes the value


@pytest.mark.parametrize(
    "text",
    [
        "checks: [x: {name: x, x query: select replaced_by from claims, fail: when > 1}]",
        "checks for claims: [failed rows: {name: x, fail query: select replaced_by from claims}]",
        "checks for claims: [total: {name: x, total expression: sum(replaced_by), fail: when > 1}]",
        "checks for claims: [missing_count(replaced_by): {name: x, fail: when > 1}]",
        "checks for claims: [duplicate_count(replaced_by): {name: x, fail: when > 1}]",
    ],
)
def test_a_check_with_a_column_that_does_not_exist_names_it(house, monkeypatch, tmp_path, text):
    batches = house.good()
    (tmp_path / "every_feed.yml").write_text(text)
    monkeypatch.setattr(gate, "CHECKS", tmp_path)
    with pytest.raises(checks.ChecksFailed, match="check x ended in error"):
        checks.scan_batches("billing", [batches["claims"]])
    assert [row[3] for row in house.open_issues() if row[1] == "soda:x"] == [
        'The check x could not be run: column "replaced_by" does not exist'
    ]


def test_a_check_file_of_one_feed_that_cannot_be_read_stops_no_other_feed(
    house, monkeypatch, tmp_path
):
    batches = house.good()
    (tmp_path / "billing").mkdir()
    (tmp_path / "billing" / "claims.yml").write_text("checks:\n  - rwo_count > 0 of course")
    monkeypatch.setattr(gate, "CHECKS", tmp_path)
    with pytest.raises(soda.ScanBroken, match=f"^batch {batches['claims']}: "):
        checks.scan_batches("billing", list(batches.values()))
    states = {feed: house.state(batch) for feed, batch in batches.items()}
    assert states == dict.fromkeys(batches, "checked") | {"claims": "verified"}


def test_a_check_file_that_changes_is_read_again_and_batches_have_variables_of_their_own(
    house, monkeypatch, tmp_path
):
    batches = house.good()
    monkeypatch.setattr(gate, "CHECKS", tmp_path)
    file = tmp_path / "every_feed.yml"
    for most in (0, 10**6):
        file.write_text(
            f"checks:\n  - x:\n      name: x\n      x query: select ${{batch_id}}\n      warn: when > {most}\n"
        )
        os.utime(file, (most, most))  # however coarse the clock of the file system
        found = [one for one in scan(*batches.values()) if one.check_name == "x"]
        assert {one.batch_id: one.value for one in found} == {
            batch: batch for batch in batches.values()
        }
        assert {one.outcome for one in found} == {"pass" if most else "warn"}
    kept = house.rows("select distinct definition from quality.check_result where check_name = 'x'")
    assert sorted(text[-10:] for (text,) in kept) == ["n > 1000000"[-10:], ": when > 0"]


@pytest.mark.parametrize(
    "text",
    [
        "checks:\n  - rwo_count > 0 of course",
        "checks:\n  - x:\n      x query: select ${nobody}\n      fail: when > 1",
    ],
)
def test_a_check_that_cannot_be_read_is_an_error_of_ours(house, monkeypatch, tmp_path, text):
    batches = house.good()
    (tmp_path / "every_feed.yml").write_text(text)
    monkeypatch.setattr(gate, "CHECKS", tmp_path)
    with pytest.raises(soda.ScanBroken):
        checks.scan_batches("billing", [batches["claims"]])
    assert house.state(batches["claims"]) == "verified"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("- a\n- b\n", "claims.yml: must be a mapping, such as `checks for claims"),
        (
            "checks:\n  - x:\n      x query: select ${nobody}\n      fail: when > 1\n",
            "claims.yml: there is no variable ${nobody}; there are ${source}, ${feed}, ${batch_id}",
        ),
    ],
)
def test_a_file_of_checks_that_cannot_be_read_is_named_with_what_to_write(
    house, monkeypatch, tmp_path, text, why
):
    batches = house.good()
    (tmp_path / "billing").mkdir()
    (tmp_path / "billing" / "claims.yml").write_text(text)
    (tmp_path / "every_feed.yml").write_text("")
    monkeypatch.setattr(gate, "CHECKS", tmp_path)
    with pytest.raises(soda.ScanBroken) as raised:
        checks.scan_batches("billing", [batches["claims"]])
    assert why in str(raised.value)


def test_a_wrong_check_takes_no_other_along_and_is_run_again_once_it_is_mended(
    house, monkeypatch, tmp_path
):
    """Soda asks for several numbers of one table in one query."""
    batches = house.good()
    (tmp_path / "billing").mkdir()
    own, everybodys = tmp_path / "billing" / "claims.yml", "every_feed.yml"
    (tmp_path / everybodys).write_text((gate.CHECKS / everybodys).read_text())
    monkeypatch.setattr(gate, "CHECKS", tmp_path)
    wrong = "checks for claims:\n  - missing_count(costs) = 0:\n      name: x\n"
    own.write_text(wrong + "  - absent_count(total_cost) = 0:\n      name: y\n")
    with pytest.raises(checks.ChecksFailed) as failed:
        checks.scan_batches("billing", [batches["claims"]])
    assert {failure.check_name for failure in failed.value.failures} == {"x", "y"}
    assert {row[3] for row in house.open_issues()} == {
        'The check x could not be run: column "costs" does not exist',
        "The check y could not be run: Soda does not know what it measures; is a word of it misspelled?",
    }
    ((to_do,),) = house.rows("select to_do from quality.needs_a_person where kind = 'batch held'")
    assert to_do == "mend include/soda/billing/claims.yml, and the next run checks the batch again"
    others = [number for feed, number in batches.items() if feed != "claims"]
    house.sql("update landing.batch set state = 'checked' where batch_id = any(%s)", others)
    # still wrong: it stays held, and keeps no other from going on
    assert ingest.check("billing") == sorted(others)
    own.write_text(wrong.replace("costs", "total_cost"))
    assert sorted(ingest.check("billing")) == sorted(batches.values())
    assert house.open_issues() == []


@pytest.fixture
def loaded(house):
    """A star loaded from good batches and an update, not finished yet."""
    house.good()
    house.sql("update landing.batch set state = 'checked'")
    star.load_source("billing")
    house.sql("update landing.batch set state = 'loaded'")
    house.sql("set timezone to 'UTC'")
    house.claims(30, first=190, cost="500", state="checked")
    house.patients(10, first=95, state="checked", birth="date '1971-01-01'")
    checked = in_state(house.connection, "billing", "checked")
    star.create_mappings(house.connection, "billing")
    load = star.Load(house.connection, "billing", checked)
    star.load_dimensions(load)
    star.load_facts(load)
    return house


def test_a_good_star_passes_every_check(loaded):
    outcomes = checks.scan_star("billing")
    assert {
        (outcome.check_name, outcome.outcome) for outcome in outcomes if outcome.outcome != "pass"
    } == set()
    assert {"claim_money_reconciles", "patient_has_one_current_version"} <= {
        outcome.check_name for outcome in outcomes
    }
    checks.scan_star("billing", everything=True)


STAR_DEFECTS = [
    ("patient_has_one_current_version",
     "update star.dim_patient set is_current = false where patient_id = '7U'"),
    ("patient_versions_meet",
     "insert into star.dim_patient"
     " (source_system, patient_id, valid_from, valid_to, is_current)"
     " values ('billing', '7U', '2000-01-01', '2001-01-01', false)"),
    ("patient_versions_meet",
     "update star.dim_patient set valid_to = valid_to - 1 where patient_id = '96U' and not is_current"),
    ("patient_history_is_whole",
     "update star.dim_patient set valid_from = '1900-01-02' where patient_id = '7U'"),
    ("patient_history_is_whole",
     "update star.dim_patient set valid_to = '2030-01-01' where patient_id = '7U'"),
    ("provider_has_one_current_version",
     "update star.dim_provider set is_current = false where provider_id = 'N3T7A'"),
    ("provider_versions_meet",
     "insert into star.dim_provider"
     " (source_system, provider_id, valid_from, valid_to, is_current)"
     " values ('billing', 'N3T7A', '2000-01-01', '2001-01-01', false)"),
    ("provider_history_is_whole",
     "update star.dim_provider set valid_to = '2030-01-01' where provider_id = 'N3T7A'"),
    ("claim_keys_lead_somewhere",
     "update star.fact_claim set patient_key = 987654 where claim_id = 'CF#195NN'"),
    ("claim_keys_lead_somewhere",
     "update star.fact_claim set service_date_key = 5 where claim_id = 'CF#195NN'"),
    ("claim_version_keys_lead_somewhere",
     "update star.fact_claim_change set provider_key = 987654 where claim_id = 'CF#195NN'"),
    ("claim_money_reconciles",
     "update star.fact_claim_change set total_cost_delta = total_cost_delta + 0.01"
     " where claim_id = 'CF#195NN' and version_number = 1"),
    ("claim_money_reconciles",
     "update star.fact_claim set version_count = 3 where claim_id = 'CF#195NN'"),
    ("claim_money_reconciles",
     "delete from star.fact_claim_change where claim_id = 'CF#195NN' and version_number = 1"),
    ("claim_equals_source",
     "update star.fact_claim set total_cost = 1 where claim_id = 'CF#195NN';"
     "update star.fact_claim_change set total_cost_delta = 1 where claim_id = 'CF#195NN' and version_number = 1;"
     "update star.fact_claim_change set total_cost_delta = 0 where claim_id = 'CF#195NN' and version_number = 2"),
    ("claim_equals_source",
     "update star.fact_claim set covered_amount = covered_amount - 1 where claim_id = 'CF#210NN'"),
    ("claim_versions_are_loaded",
     "update landing.batch set rows_accepted = rows_accepted - 1, rows_read = rows_read - 1"
     " where feed = 'claims' and state = 'checked'"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "defect"), STAR_DEFECTS)
def test_exactly_the_check_that_names_a_defect_of_the_star_fails(loaded, check, defect):
    loaded.sql(defect)
    # A load looks at the members that it brings; the audit at all.
    is_audit = check.startswith(("patient", "provider"))
    with pytest.raises(checks.ChecksFailed) as failed:
        checks.scan_star("billing", everything=is_audit)
    assert [failure.check_name for failure in failed.value.failures] == [check]
    assert str(failed.value) == f"billing, the star: check {check} ended in fail"
    assert [issue[:3] for issue in loaded.open_issues()] == [(None, f"soda:{check}", "error")]


def test_an_audit_looks_beyond_the_last_load(loaded):
    loaded.sql("update landing.batch set state = 'loaded'")
    loaded.sql("update landing.batch set rows_accepted = 1, rows_read = 1 where feed = 'claims'")
    checks.scan_star("billing")
    with pytest.raises(checks.ChecksFailed, match="claim_versions_are_loaded"):
        checks.scan_star("billing", everything=True)


def test_an_audit_finds_a_claim_of_an_earlier_load_that_is_gone_or_changed(loaded):
    loaded.sql("update landing.batch set state = 'loaded'")
    checks.scan_star("billing", everything=True)
    loaded.sql("update star.fact_claim set total_cost = total_cost + 1 where claim_id = 'CF#3NN'")
    with pytest.raises(checks.ChecksFailed, match="claim_equals_source"):
        checks.scan_star("billing", everything=True)
    loaded.sql("delete from star.fact_claim where claim_id = 'CF#3NN'")
    with pytest.raises(checks.ChecksFailed, match="claim_versions_are_loaded"):
        checks.scan_star("billing", everything=True)


@pytest.mark.parametrize("table", ["fact_claim", "fact_claim_change"])
@pytest.mark.parametrize("everything", [False, True])
def test_a_check_of_the_star_reads_any_of_its_tables(
    loaded, monkeypatch, tmp_path, table, everything
):
    # so that it is not a first load, which reads everything
    loaded.sql("update landing.batch set state = 'loaded' where feed = 'patients'")
    write_star_check(monkeypatch, tmp_path, f"select count(*) as failing_rows from ${{{table}}}")
    with pytest.raises(checks.ChecksFailed, match="check x ended in fail"):
        checks.scan_star("billing", everything=everything)


@pytest.mark.parametrize("table", ["dim_zebra", "dim_date", "fact_survey"])
def test_a_check_of_the_star_that_names_a_table_it_has_not_is_told(
    loaded, monkeypatch, tmp_path, table
):
    write_star_check(monkeypatch, tmp_path, f"select 1 as failing_rows from ${{{table}}}")
    with pytest.raises(soda.ScanBroken, match=rf"star.yml: there is no variable \$\{{{table}\}}"):
        checks.scan_star("billing")


def write_star_check(monkeypatch: pytest.MonkeyPatch, folder: Path, query: str) -> None:
    (folder / "billing").mkdir()
    check = (
        f"checks:\n  - failed rows:\n      name: x\n      fail query: {query} having count(*) > 0\n"
    )
    (folder / "billing" / "star.yml").write_text(check)
    monkeypatch.setattr(gate, "CHECKS", folder)


def test_a_claim_on_a_version_about_to_be_removed_is_told(loaded):
    loaded.sql(
        "insert into star.dim_patient (source_system, patient_id, valid_from, valid_to, is_current)"
        " values ('billing', '7U', '2000-01-01', '2000-01-01', false)"
    )
    checks.scan_star("billing", everything=True)
    loaded.sql(
        "update star.fact_claim set patient_key ="
        " (select patient_key from star.dim_patient where valid_from = valid_to) where claim_id = 'CF#3NN'"
    )
    with pytest.raises(checks.ChecksFailed, match="check claims_left_ended_versions ended in fail"):
        checks.scan_star("billing", everything=True)


def test_a_version_that_comes_late_is_no_alarm(house):
    house.good()
    house.sql("update landing.batch set state = 'checked'")
    star.load_source("billing")
    late = house.claims(3, first=10, cost="777", state="checked")
    house.sql(
        "update source_billing.claims set last_modified_date = '2023-01-01' where batch_id = %s",
        late,
    )
    load = star.Load(house.connection, "billing", [late])
    star.load_dimensions(load)
    star.load_facts(load)
    assert house.rows("select count(*) from star.fact_claim where batch_id = %s", late) == [(0,)]
    checks.scan_star("billing")


def test_an_amount_that_a_layout_leaves_out_is_no_alarm(loaded):
    loaded.sql("update landing.batch set state = 'loaded'")
    bare = loaded.claims(3, first=10, cost="null", state="checked")
    (select,) = loaded.rows("select pg_get_viewdef('source_billing.star_fact_claim')")[0]
    loaded.sql(
        f"create or replace view source_billing.star_fact_claim as select v.*, case batch_id when {bare}"
        f" then '{{total_cost}}' else '{{}}' end::text[] as left_out from ({select.rstrip(';')}) as v"
    )
    load = star.Load(loaded.connection, "billing", [bare])
    star.load_dimensions(load)
    star.load_facts(load)
    (kept,) = loaded.rows(
        "select count(*) from star.fact_claim where batch_id = %s and total_cost > 0", bare
    )
    assert kept == (3,)
    checks.scan_star("billing")
    loaded.sql("delete from star.fact_claim where claim_id = 'CF#10NN'")
    with pytest.raises(checks.ChecksFailed):
        checks.scan_star("billing")


def test_a_claim_that_came_twice_alike_does_not_hide_that_it_is_missing(loaded):
    loaded.sql("update landing.batch set state = 'loaded'")
    came = [loaded.claims(1, first=number, cost="5", state="checked") for number in (900, 900, 901)]
    load = star.Load(loaded.connection, "billing", came)
    star.load_dimensions(load)
    star.load_facts(load)
    checks.scan_star("billing")
    for table in ("fact_claim", "fact_claim_change"):
        loaded.sql(f"delete from star.{table} where claim_id = 'CF#900NN'")
    with pytest.raises(checks.ChecksFailed, match="claim_equals_source"):
        checks.scan_star("billing")


def test_a_star_that_is_good_again_closes_its_issue(loaded):
    loaded.sql("update star.dim_patient set is_current = false where patient_id = '7U'")
    for _ in range(2):
        with pytest.raises(checks.ChecksFailed):
            checks.scan_star("billing", everything=True)
    assert len(loaded.open_issues()) == 1
    loaded.sql("update star.dim_patient set is_current = true where patient_id = '7U'")
    checks.scan_star("billing", everything=True)
    assert loaded.open_issues() == []


def test_soda_touches_neither_home_nor_network_nor_environment(warehouse_url, tmp_path):
    """In a process of its own: what Soda does, it does on import."""
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / ".env").write_text("WAREHOUSE_URL=postgresql://elsewhere/\n")
    script = """
import os, socket, sys
def refuse(*a, **k):
    raise SystemExit("the network was tried")
socket.getaddrinfo = refuse
from claimhouse.checks import soda
before = dict(os.environ)
from pathlib import Path
text = "checks:\\n  - x:\\n      name: x\\n      x query: select ${batch_id}\\n      fail: when != 7"
Path("check.yml").write_text(text)
(found,) = soda.scan(os.environ["WAREHOUSE_URL"], "quality", [Path("check.yml")], variables={"batch_id": "7"})
assert (found.outcome, found.value) == ("pass", 7.0), found
assert dict(os.environ) == before, "the environment changed"
"""
    plugins = Path(soda.__file__).parents[2]
    environment = {**os.environ, "HOME": str(home), "PYTHONPATH": str(plugins), "batch_id": "8"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(home.rglob("*")) == []
    assert not (tmp_path / ".soda").exists()


def test_the_password_of_an_address_reaches_soda_as_it_is():
    text = soda.configuration(
        "postgresql://me:p%24%7Bx%7D%22%27@host:5433/db?sslmode=require", "star"
    )
    scan_of_soda = soda._soda().Scan()
    scan_of_soda.set_data_source_name(soda.DATA_SOURCE)
    scan_of_soda.add_configuration_yaml_str(text)
    found = scan_of_soda._configuration.data_source_properties_by_name[soda.DATA_SOURCE]
    assert found["password"] == "p${x}\"'"
    assert (found["host"], found["port"], found["database"], found["sslmode"]) == (
        "host",
        "5433",
        "db",
        "require",
    )


def test_a_warehouse_that_cannot_be_reached_is_told_without_its_password(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    file = tmp_path / "one.yml"
    file.write_text(
        "checks:\n  - x:\n      name: x\n      x query: select 1\n      fail: when != 1"
    )
    with pytest.raises(soda.ScanBroken) as broken:
        soda.scan(f"postgresql://me:hushhush@127.0.0.1:{port}/db", "star", [file])
    assert "hushhush" not in str(broken.value)


def test_scans_leave_no_connection_open(house):
    batches = house.good()
    count = "select count(*) from pg_stat_activity where datname = current_database()"
    before = house.rows(count)
    checks.scan_batches("billing", list(batches.values()))
    # a backend ends a moment after its connection is closed
    deadline = time.monotonic() + 5
    while house.rows(count) != before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert house.rows(count) == before
