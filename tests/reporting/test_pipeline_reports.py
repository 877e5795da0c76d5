"""The reports of operations about what arrived, was wrong and went out, compared with plain Python."""

from __future__ import annotations

import random
import statistics
import uuid
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg.rows import dict_row
from tests.worlds.client_world import role_of, roles_file
from tests.worlds.hospital_world import database

from claimhouse import contracts, reporting

REPORTS = [
    "pipeline_volumes", "pipeline_issues", "pipeline_freshness", "pipeline_deliveries",
]  # fmt: skip
FEEDS = [("billing", "claims"), ("billing", "patients"), ("hospital", "encounters")]
TODAY = datetime.now(UTC).date()


class Pipeline:
    """A warehouse with made-up batches, issues and mails, and a person in operations."""

    def __init__(self, admin, address, folder):
        self.admin, self.address = admin, address
        self.tag = uuid.uuid4().hex[:4]
        self.batches: list[dict] = []
        self.issues: list[tuple[str, str, str, str, str]] = []
        self.mails: list[tuple[str, str, date, str]] = []
        self._land()
        self._find()
        (folder / "clients").mkdir()
        roles = roles_file(
            folder / "roles.yaml",
            {
                "name": f"operations_{self.tag}", "privacy_level": "aggregate", "reports": REPORTS,
                "logins": [{"name": "pat", "tableau_user": f"pat_{self.tag}"}],
            },
            {
                "name": f"queue_{self.tag}", "reports": ["pended_daily"],
                "entitlements": [{"source_system": "pended", "every_row": True}],
                "logins": [{"name": "kim", "tableau_user": f"kim_{self.tag}"}],
            },
        )  # fmt: skip
        reporting.publish(admin, folder / "clients", roles)
        self._send()

    def _land(self):
        dice = random.Random(5)
        for source, feed in FEEDS:
            for number in range(130):
                for _ in range(dice.choice([1, 1, 2])):
                    state = dice.choice(["loaded"] * 8 + ["rejected", "held"])
                    rows = None if state == "rejected" else dice.choice([90, 100, 110, 10, 300])
                    self._batch(source, feed, TODAY - timedelta(days=2 * number), state, rows)
        # A correction is no delivery.
        self._batch("billing", "claims", TODAY - timedelta(days=1), "loaded", 1, is_correction=True)

    def _batch(self, source, feed, day, state, rows, *, is_correction=False):
        arrived = datetime(day.year, day.month, day.day, 6, tzinfo=UTC)
        (file,) = self.admin.execute(
            "insert into landing.file (checksum, size_bytes, source_system, feed, file_name, archive_path,"
            " arrived_at, file_order) values (%s, 1, %s, %s, 'secret_name.csv', '-', %s, '') returning file_id",
            (uuid.uuid4().hex, source, feed, arrived),
        ).fetchone()  # fmt: skip
        kept_out = None if rows is None else rows // 10
        self.admin.execute(
            "insert into landing.batch (file_id, source_system, feed, received_date, state, is_correction,"
            " rows_read, rows_accepted, rows_quarantined, rows_dropped, code_version, loaded_at)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, '1', %s)",
            (
                file, source, feed, day, state, is_correction, rows,
                None if rows is None else rows - kept_out, kept_out, None if rows is None else 0,
                arrived + timedelta(hours=1) if state == "loaded" else None,
            ),
        )  # fmt: skip
        self.batches.append(
            {
                "feed": (source, feed), "day": day, "state": state, "rows": rows,
                "is_correction": is_correction, "arrived": arrived,
            }
        )  # fmt: skip

    def _find(self):
        dice = random.Random(6)
        for _ in range(300):
            source, feed = dice.choice(FEEDS)
            found = (
                source, feed, dice.choice(["not_a_date", "missing"]), dice.choice(["error", "warning"]),
                dice.choice(["open", "open", "waived"]),
            )  # fmt: skip
            self.issues.append(found)
            self.admin.execute(
                "insert into quality.issue (source_system, feed, rule, severity, status, message, raw_value,"
                " record_key) values (%s, %s, %s, %s, %s, 'm', 'secret value', 'secret key')",
                found,
            )

    def _send(self):
        dice = random.Random(7)
        for client in ("acme", "harbor"):
            subscription = f"{client}.daily"
            self.admin.execute(
                "insert into delivery.subscription (subscription_id, client, report, format, schedule, time_zone,"
                " recipients, transport, reason, detail, when_empty, approve_first) values"
                " (%s, %s, 'pended_daily', 'xlsx', '0 7 * * *', 'UTC', '{secret@acme.example}', 'attachment', 'r',"
                " true, 'send', false)",
                (subscription, client),
            )
            (extract,) = self.admin.execute(
                "insert into delivery.extract (subscription_id, period, report, format, privacy_level, reason,"
                " file_name, checksum, size_bytes, row_count, column_names, entitlements) values (%s, now(),"
                " 'pended_daily', 'xlsx', 'limited', 'r', 'secret.xlsx', '-', 1, 1, '{day}', '{}')"
                " returning extract_id",
                (subscription,),
            ).fetchone()
            for number in range(100):
                day = TODAY - timedelta(days=number)
                period = datetime(day.year, day.month, day.day, 0, 30, tzinfo=UTC)
                for mail in range(2):
                    state = dice.choice(["withheld", "failed", "in_doubt", "prepared"])
                    self.admin.execute(
                        "insert into delivery.outbox (subscription_id, period, recipient, extract_id, state,"
                        " message_id, transport) values (%s, %s, %s, %s, %s, %s, 'attachment')",
                        (
                            subscription,
                            period,
                            f"secret{mail}@acme.example",
                            None if state == "withheld" else extract,
                            state,
                            uuid.uuid4().hex,
                        ),
                    )
                    if datetime.now(UTC) - period < timedelta(days=90):
                        self.mails.append((client, "pended_daily", day, state.replace("_", " ")))

    def rows(self, login, view):
        """What *login* reads in the view, logged in by itself."""
        user = role_of(
            self.admin, f"staff_{login.split('__')[0]}_{self.tag}__{login.split('__')[1]}"
        )
        address = urlunsplit(urlsplit(self.address)._replace(netloc=f"{user}@"))
        with psycopg.connect(address, autocommit=True, row_factory=dict_row) as session:
            return session.execute(f"select * from reporting.{view}".encode()).fetchall()


@pytest.fixture(scope="module")
def pipeline(server, tmp_path_factory):
    """One warehouse for all tests of this module, which do not change it."""
    with database(server) as (address, admin):
        yield Pipeline(admin, address, tmp_path_factory.mktemp("pipeline"))


def test_volumes_are_compared_with_the_twenty_days_before(pipeline):
    by_day = defaultdict(list)
    for batch in pipeline.batches:
        if not batch["is_correction"]:
            by_day[batch["feed"], batch["day"]].append(batch)
    rows = pipeline.rows("operations__pat", "pipeline_volumes")
    assert len(rows) == 90 * len(FEEDS)
    words = Counter()
    for row in rows:
        feed = (row["source_system"], row["feed"])
        days = sorted(day for of, day in by_day if of == feed)
        read = {
            day: [b["rows"] for b in by_day[feed, day] if b["rows"] is not None] for day in days
        }
        sums = {day: sum(read[day]) if read[day] else None for day in days}
        place = days.index(row["day"])
        before = [sums[day] for day in days[max(place - 20, 0) : place] if sums[day] is not None]
        usual = statistics.median(before)
        today = sums[row["day"]]
        assert row["usual_rows"] == usual
        assert row["rows_read"] == today
        assert row["files"] == len(by_day[feed, row["day"]])
        assert row["rejected"] == sum(b["state"] == "rejected" for b in by_day[feed, row["day"]])
        assert row["rows_quarantined"] == (
            sum(n // 10 for n in read[row["day"]]) if read[row["day"]] else None
        )
        if today is None:
            word = "nothing read"
        else:
            assert abs(float(row["share_of_usual"]) - today / usual) < 0.001
            word = "fewer" if today < usual / 2 else "more" if today > 2 * usual else "as usual"
        assert row["against_usual"] == word
        assert row["is_newest"] == (row["day"] == days[-1])
        words[word] += 1
    assert len(words) == 4


def test_issue_rates_are_those_of_all_rows_of_the_feed(pipeline):
    rows_of, issues, opened = Counter(), Counter(), Counter()
    for batch in pipeline.batches:
        if not batch["is_correction"]:
            rows_of[batch["feed"]] += batch["rows"] or 0
    for source, feed, rule, severity, status in pipeline.issues:
        issues[source, feed, rule, severity] += 1
        opened[source, feed, rule, severity] += status == "open"
    rows = pipeline.rows("operations__pat", "pipeline_issues")
    assert {
        (row["source_system"], row["feed"], row["rule"], row["severity"]): row["issues"]
        for row in rows
    } == dict(issues)
    for row in rows:
        feed = (row["source_system"], row["feed"])
        assert row["open_issues"] == opened[*feed, row["rule"], row["severity"]]
        assert row["rows_read"] == rows_of[feed]
        rate = Decimal(1000 * row["issues"]) / rows_of[feed]
        assert abs(row["issues_per_1000_rows"] - rate) < Decimal("0.001")


def test_each_feed_of_a_contract_says_how_fresh_it_is(pipeline):
    described = {
        (source, contract.feed): contract.freshness_days
        for source in contracts.sources()
        for contract in contracts.of_source(source)
    }
    rows = {
        (r["source_system"], r["feed"]): r
        for r in pipeline.rows("operations__pat", "pipeline_freshness")
    }
    assert rows.keys() == described.keys()
    for feed, row in rows.items():
        came = [batch["arrived"] for batch in pipeline.batches if batch["feed"] == feed]
        most = described[feed]
        assert row["expected_every_days"] == most
        assert row["last_arrival_at"] == (max(came) if came else None)
        if not came:
            expected = "nothing yet"
        elif most is None:
            expected = "no expectation"
        else:
            expected = "late" if datetime.now(UTC) - max(came) > timedelta(days=most) else "on time"
        assert row["freshness"] == expected
        assert row["late_count"] == (expected == "late")
        held = [b for b in pipeline.batches if b["feed"] == feed and b["state"] == "held"]
        assert row["held"] == len(held)
        # Nobody publishes billing or hospital here.
        loaded = feed[0] in {source for source, _ in FEEDS}
        assert row["publication"] == ("not published" if loaded else "nothing loaded")
    assert rows["billing", "claims"]["freshness"] == "on time"


def test_a_feed_that_did_not_come_for_longer_than_its_contract_says_is_late(pipeline):
    with pipeline.admin.transaction(force_rollback=True):
        pipeline.admin.execute(
            "update landing.file set arrived_at = arrived_at - interval '30 days'"
        )
        user = role_of(pipeline.admin, f"staff_operations_{pipeline.tag}__pat")
        pipeline.admin.execute(f"set local role {user}".encode())
        found = pipeline.admin.execute(
            "select freshness, days_since_arrival, late_count from reporting.pipeline_freshness"
            " where source_system = 'billing' and feed = 'claims'"
        ).fetchone()
    # Today's file came at six: before that it is not quite thirty days old.
    came = max(
        batch["arrived"] for batch in pipeline.batches if batch["feed"] == ("billing", "claims")
    )
    assert found == ("late", (datetime.now(UTC) - came + timedelta(days=30)).days, 1)


def test_mails_are_counted_by_client_day_and_state(pipeline):
    found = Counter()
    for row in pipeline.rows("operations__pat", "pipeline_deliveries"):
        found[row["client"], row["report"], row["day"], row["delivery_state"]] += row["mails"]
        is_sent = row["delivery_state"] not in ("failed", "in doubt", "refused")
        assert row["mails_not_sent"] == (0 if is_sent else row["mails"])
    assert found == Counter(pipeline.mails)
    assert {state for *_, state in found} == {"withheld", "failed", "in doubt", "prepared"}


def test_no_report_of_the_pipeline_shows_a_name_a_value_or_an_address(pipeline):
    for report in REPORTS:
        assert "secret" not in str(pipeline.rows("operations__pat", report))


@pytest.mark.parametrize("report", REPORTS)
def test_a_role_that_does_not_list_the_report_is_refused(pipeline, report):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        pipeline.rows("queue__kim", report)


def test_a_session_of_tableau_sees_them_as_the_person_who_may(pipeline):
    address = urlunsplit(urlsplit(pipeline.address)._replace(netloc="tableau_service@"))
    counts = {}
    for person in ("pat", "kim", None):
        with psycopg.connect(address, autocommit=True) as session:
            if person:
                session.execute("select security.bind(%s)", (f"{person}_{pipeline.tag}",))
            counts[person] = [
                session.execute(f"select count(*) from reporting.{report}".encode()).fetchone()[0]
                for report in REPORTS
            ]
    assert all(counts["pat"])
    assert counts["kim"] == counts[None] == [0, 0, 0, 0]


def test_the_owner_of_the_views_reaches_no_name_value_or_address(pipeline):
    for query in (
        "select file_name from landing.file", "select amounts from landing.batch", "select 1 from quality.issue",
        "select recipient from delivery.outbox", "select recipients from delivery.subscription",
    ):  # fmt: skip
        with pytest.raises(psycopg.errors.InsufficientPrivilege), pipeline.admin.transaction():
            pipeline.admin.execute("set local role identified_owner")
            pipeline.admin.execute(query.encode())
