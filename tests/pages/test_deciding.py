"""What the pages of issues let a person see and decide, in this process, on a warehouse of the test's own."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient
from tests.worlds.feeds import claim, claims_csv, drop, take_in_all

from claimhouse import contracts

ADDRESS = "http://localhost:8080"
# The classifications that 45 CFR 164.514 and our own rule say are hidden.
HIDDEN = {"identifier", "name", "street", "city", "zipcode", "birth_date", "free_text"}


class Browser:
    """Somebody's browser, without the login: who it is, is given."""

    def __init__(self, name: str, sees: tuple[str, ...], runs: tuple[str, ...]) -> None:
        from claimhouse.pages import application, rights

        self.walls = application()
        self.person = rights.Person(name, sees, runs, rights.tokens().of(name))
        self.client = TestClient(
            self.walls, base_url=ADDRESS, headers={"Origin": ADDRESS}, follow_redirects=True
        )

    def _as_person(self) -> None:
        from claimhouse.pages import rights

        self.walls.application.dependency_overrides[rights.person] = lambda: self.person

    def get(self, place: str):
        """Open a page."""
        self._as_person()
        return self.client.get(f"/{place}")

    def post(self, place: str, **fields: object):
        """Send a form, and open the page that follows."""
        self._as_person()
        return self.client.post(f"/{place}", data={"token": self.person.token, **fields})


@pytest.fixture
def browser_of(landing_root, warehouse, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Browser]:
    """Open a browser for a person: ``browser_of("ada", sees=("billing",))``; *runs* are the same if left out."""
    monkeypatch.setenv("AIRFLOW__API__SECRET_KEY", "of a test")
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", ADDRESS)
    from claimhouse.pages import application

    application.cache_clear()  # another test may have asked for it, at another address
    yield lambda name, sees=("billing",), runs=None: Browser(
        name, sees, sees if runs is None else runs
    )
    application.cache_clear()


@pytest.fixture
def bad_claim(landing_root, warehouse) -> dict[str, str]:
    """A claim whose cost is no number: the row; its issue is number 1, and its row is the second one."""
    row = claim(2, total_cost="xyz")
    drop(landing_root, "claims.csv", claims_csv(claim(1), row))
    take_in_all()
    return row


def hidden_form(page: str, action: str) -> dict[str, object]:
    """The hidden fields of a form."""
    form = re.search(rf'<form method="post" action="[^"]*{action}".*?</form>', page, re.DOTALL)[0]
    found: dict[str, object] = {}
    for name, value in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form):
        found.setdefault(name, [])
        found[name].append(html.unescape(value))
    return found


def other_issue(warehouse, source: str = "clinic") -> int:
    """An open issue of another source."""
    return int(
        warehouse.execute(
            "insert into quality.issue (source_system, feed, rule, severity, message, raw_value)"
            " values (%s, 'visits', 'number', 'error', 'not a number', 'hers') returning issue_id",
            [source],
        ).fetchone()[0]
    )


def state(warehouse, issue: int) -> str:
    return str(
        warehouse.execute(
            "select status from quality.issue where issue_id = %s", [issue]
        ).fetchone()[0]
    )


def test_what_is_of_another_source_is_not_there(browser_of, bad_claim, warehouse):
    other = other_issue(warehouse)
    ada, eve = browser_of("ada"), browser_of("eve", sees=("billing", "clinic"), runs=("billing",))
    for place in (f"issues/{other}", f"issues/{other}/correct", "issues/999999", f"issues/{2**64}"):
        assert ada.get(place).status_code == 404, place
    for act in ("waive", "show", "correct", "run"):
        assert ada.post(f"issues/{other}/{act}", reason="mine").status_code == 404
        assert eve.post(f"issues/{other}/{act}", reason="mine").status_code == 403
    assert "hers" not in ada.get("issues?state=all").text
    assert f"/issues/{other}" not in ada.get("issues?state=all&rule=number").text
    assert f"/issues/{other}" in eve.get("issues?rule=number").text
    for chosen in ({"every": "yes"}, {"issue": [1, other]}):
        query = "&".join(
            f"{name}={each}"
            for name, values in chosen.items()
            for each in (values if isinstance(values, list) else [values])
        )
        page = eve.get(f"issues/waive?{query}").text
        assert "Waive 1 issue?" in page
    fields = hidden_form(page, "issues/waive")
    eve.post("issues/waive", **{**fields, "issue": ["1", str(other)], "reason": "both"})
    assert state(warehouse, other) == "open"
    assert state(warehouse, 1) == "waived"


def test_what_somebody_else_decided_is_not_undone_from_outside(browser_of, bad_claim, warehouse):
    ada, eve = browser_of("ada"), browser_of("eve", sees=("clinic",))
    ada.post("issues/1/waive", reason="agreed", seen="0")
    assert eve.post("acts/1/undo", reason="no").status_code == 404
    assert ada.post("acts/99/undo", reason="no").status_code == 404
    assert "agreed" not in eve.get("acts").text
    assert state(warehouse, 1) == "waived"
    answer = ada.post("acts/1/undo", reason="no", back="//elsewhere.example/")
    assert answer.url.host == "localhost"
    assert state(warehouse, 1) == "open"


@pytest.mark.parametrize(
    "place", ["issues", "issues/1", "issues/1/correct", "issues/waive?every=yes", "acts"]
)
def test_nothing_that_says_who_it_is_leaves_unasked(browser_of, bad_claim, place):
    page = browser_of("ada").get(place)
    assert page.status_code == 200
    columns = contracts.of("billing", "claims").columns
    hidden = [bad_claim[column.name] for column in columns if column.classification in HIDDEN]
    assert len(hidden) >= 2
    assert [
        value for value in hidden if html.escape(value) in page.text or value in page.text
    ] == []


def test_a_viewer_is_shown_no_way_to_act(browser_of, bad_claim):
    viewer = browser_of("val", runs=())
    for place in ("issues", "issues/1", "acts", "held"):
        assert '<form method="post"' not in viewer.get(place).text, place
    assert viewer.post("issues/1/show").status_code == 403


def test_what_is_asked_for_is_logged_before_it_is_shown(browser_of, bad_claim, warehouse):
    ada = browser_of("ada")
    shown = ada.post("issues/1/show")
    assert bad_claim["claim_id"] in shown.text
    assert warehouse.execute(
        "select person, what, source_system, batch_id, row_number from quality.access_log"
    ).fetchall() == [("ada", "issue 1", "billing", 1, 3)]
    assert bad_claim["claim_id"] not in str(shown.url)
    proof = str(shown.url).partition("?shown=")[2]
    drop_issue = other_issue(warehouse, "billing")
    assert "hers" not in ada.get(f"issues/{drop_issue}?shown={proof}").text
    assert bad_claim["claim_id"] not in browser_of("eve").get(f"issues/1?shown={proof}").text
    warehouse.execute("revoke insert on quality.access_log from claimhouse_viewer")
    warehouse.execute("alter table quality.access_log rename to lost")
    failed = ada.post("issues/1/show")
    assert failed.status_code == 500
    assert bad_claim["claim_id"] not in failed.text


def test_a_refused_correction_shows_nothing_that_was_not_asked_for(
    browser_of, bad_claim, warehouse
):
    ada = browser_of("ada")
    for values in (
        {"total_cost": "many"},
        {"total_cost": "many", "visit_type": ""},
        {"total_cost": ""},
    ):
        given = {f"value:{name}": value for name, value in values.items()}
        refused = ada.post("issues/1/correct", **given, reason="r", seen="0")
        assert refused.status_code == 422
        assert bad_claim["claim_id"] not in refused.text
        assert bad_claim["patient_id"] not in refused.text
        assert "have it shown" in refused.text
    # A form that was sent is shown again as it was typed, also when the time to look at the row is over.
    given = {f"value:{name}": value for name, value in {**bad_claim, "total_cost": "many"}.items()}
    refused = ada.post("issues/1/correct", **given, reason="r", seen="0")
    assert refused.status_code == 422
    assert 'value="many"' in refused.text
    assert warehouse.execute("select count(*) from quality.access_log").fetchone() == (0,)


def test_where_nothing_is_masked_nothing_is_asked(browser_of, bad_claim, warehouse, monkeypatch):
    monkeypatch.setenv("CLAIMHOUSE_MASK_PHI", "false")
    page = browser_of("ada").get("issues/1").text
    assert bad_claim["claim_id"] in page
    assert "Show what is masked" not in page


def test_values_of_a_row_are_text_whatever_they_are(
    browser_of, landing_root, warehouse, monkeypatch
):
    monkeypatch.setenv("CLAIMHOUSE_MASK_PHI", "false")
    nasty = "<script>alert(1)</script>\"'{{ 7*7 }}"
    drop(landing_root, "claims.csv", claims_csv(claim(1, total_cost=nasty, visit_type=nasty)))
    take_in_all()
    ada = browser_of("ada")
    for place in ("issues", "issues/1", "issues/1/correct"):
        page = ada.get(place).text
        assert "<script>alert" not in page, place
        assert html.escape(nasty, quote=False)[:20] in page, place
        assert "49" not in re.findall(r"<code>(.*?)</code>", page), place


def test_a_value_of_several_lines_comes_back_as_it_was(browser_of, landing_root, warehouse):
    value = 'a\n b,"c"'
    drop(landing_root, "claims.csv", claims_csv(claim(2, total_cost="xyz", provider_id=value)))
    take_in_all()
    ada = browser_of("ada")
    page = ada.post("issues/1/show", then="correct").text
    assert "<textarea" in page
    fields = {
        f"value:{name}": each.replace("\n", "\r\n")
        for name, each in claim(2, provider_id=value).items()
    }
    answer = ada.post("issues/1/correct", **fields, reason="a call", seen="0")
    kept = warehouse.execute("select content from quality.review_act").fetchall()
    wrong = "kept out again" in answer.text
    assert wrong or '"a\n b,""c"""' in kept[0][0]


def hold(warehouse, batch: int = 1) -> int:
    """Have a check hold a batch; its issue."""
    warehouse.execute(
        "update landing.batch set state = 'held', checked_at = now() where batch_id = %s", [batch]
    )
    (result,) = warehouse.execute(
        "insert into quality.check_result (scan_id, source_system, feed, batch_id, table_name, check_name,"
        " definition, outcome, severity, failing_rows) values (gen_random_uuid(), 'billing', 'claims', %s,"
        " 'source_billing.claims', 'too_few', 'row_count > 10', 'fail', 'error', 1) returning check_result_id",
        [batch],
    ).fetchone()
    warehouse.execute(
        "insert into quality.failing_row (check_result_id, position, row_number, failing_row)"
        " values (%s, 1, 2, %s)",
        [
            result,
            json.dumps(
                {"row_number": 2, "claim_id": "CF#1NN", "total_cost": "7.77", "someone": "Jane Roe"}
            ),
        ],
    )
    return int(
        warehouse.execute(
            "insert into quality.issue (batch_id, source_system, feed, rule, severity, message)"
            " values (%s, 'billing', 'claims', 'soda:too_few', 'error', '1 claim is too few') returning issue_id",
            [batch],
        ).fetchone()[0]
    )


def test_a_held_batch_says_why_and_is_released_with_a_reason(browser_of, bad_claim, warehouse):
    issue = hold(warehouse)
    ada, eve = browser_of("ada"), browser_of("eve", sees=("clinic",))
    page = ada.get("held").text
    assert "1 claim is too few" in page
    assert "7.77" in page  # an amount is no name
    assert "CF#1NN" not in page
    assert "Jane Roe" not in page
    assert "too few" not in eve.get("held").text
    assert eve.post("held/1/release", reason="mine").status_code == 404
    assert ada.post("held/1/release", reason=" ").status_code == 409
    assert "held since" not in ada.post("held/1/release", reason="it was a holiday").text
    batch = "select state from landing.batch where batch_id = 1"
    assert warehouse.execute(batch).fetchone() == ("checked",)
    assert warehouse.execute(
        "select kind, acted_by, reason, batch_id from quality.review_act"
    ).fetchall() == [("release", "ada", "it was a holiday", 1)]
    again = ada.post("held/1/release", reason="me too")
    assert (again.status_code, "not held" in again.text) == (409, True)
    # Undone while it is not loaded.
    assert "holiday" in ada.post("acts/1/undo", reason="no", back="held").text
    assert warehouse.execute(batch).fetchone() == ("held",)
    assert state(warehouse, issue) == "open"
    ada.post("held/1/release", reason="after all")
    warehouse.execute("update landing.batch set loading_since = now() where batch_id = 1")
    refused = ada.post("acts/2/undo", reason="no", back="held")
    assert (refused.status_code, "being loaded" in refused.text) == (409, True)
    warehouse.execute(
        "update landing.batch set state = 'loaded', loaded_at = now() where batch_id = 1"
    )
    assert ada.post("acts/2/undo", reason="no", back="held").status_code == 409
    assert state(warehouse, issue) == "waived"
    assert warehouse.execute(batch).fetchone() == ("loaded",)


def test_undoing_the_waiver_of_a_check_holds_its_batch_again(browser_of, bad_claim, warehouse):
    issue = hold(warehouse)
    ada = browser_of("ada")
    ada.post(f"issues/{issue}/waive", reason="fine", seen="0")
    warehouse.execute("update landing.batch set state = 'checked' where batch_id = 1")
    ada.post("acts/1/undo", reason="no")
    found = warehouse.execute("select state from landing.batch where batch_id = 1").fetchone()
    assert (found, state(warehouse, issue)) == (("held",), "open")


def test_a_correction_needs_a_reason_a_change_and_good_values(browser_of, bad_claim, warehouse):
    ada = browser_of("ada")
    values = {f"value:{name}": value for name, value in claim(2, total_cost="9.99").items()}
    assert ada.post("issues/1/correct", **values, seen="0").status_code == 409
    wrong = ada.post(
        "issues/1/correct", **{**values, "value:total_cost": "many"}, reason="r", seen="0"
    )
    assert wrong.status_code == 422
    assert (
        ada.post(
            "issues/1/correct", **values, **{"value:no_such": "1"}, reason="r", seen="0"
        ).status_code
        == 409
    )
    assert warehouse.execute("select count(*) from quality.review_act").fetchone() == (0,)
    assert (
        "waiting for the next run"
        in ada.post("issues/1/correct", **values, reason="a call", seen="0").text
    )
    assert "waiting for the next run" in ada.get("issues").text
    again = browser_of("eve").post("issues/1/correct", **values, reason="me too", seen="0")
    assert (again.status_code, "ada has acted" in again.text or "by ada" in again.text) == (
        409,
        True,
    )
    take_in_all()
    assert state(warehouse, 1) == "corrected"
    costs = warehouse.execute(
        "select total_cost::text from source_billing.claims order by 1"
    ).fetchall()
    assert ("9.99",) in costs


def test_one_value_is_corrected_in_all_the_rows_that_were_shown(
    browser_of, landing_root, warehouse
):
    rows = [claim(number, visit_type="check-up") for number in range(1, 5)]
    rows[2]["total_cost"] = "xyz"  # would be kept out again
    drop(landing_root, "claims.csv", claims_csv(*rows, claim(9)))
    take_in_all()
    ada = browser_of("ada")
    page = ada.get("issues/correct?every=yes&rule=enum").text
    assert "Correct one value in 4 rows of billing.claims?" in page
    assert page.index("<option>visit_type") < page.index("<option>claim_id")
    fields = hidden_form(page, "issues/correct")
    # Found after it was shown: left out.
    drop(landing_root, "claims_2.csv", claims_csv(claim(7, visit_type="check-up")))
    take_in_all()
    assert (
        ada.post(
            "issues/correct", **fields, column="visit_type", value="routine", reason=""
        ).status_code
        == 409
    )
    assert (
        ada.post(
            "issues/correct", **fields, column="no_such", value="routine", reason="r"
        ).status_code
        == 200
    )
    assert warehouse.execute("select count(*) from quality.review_act").fetchone() == (0,)
    answer = ada.post(
        "issues/correct", **fields, column="visit_type", value="routine", reason="a call"
    )
    assert "3 rows wait for the next run" in answer.text
    assert "total_cost is not a number" in answer.text
    take_in_all()
    kept = warehouse.execute(
        "select claim_id, visit_type from source_billing.claims where claim_id <> 'CF#9NN' order by 1"
    )
    assert kept.fetchall() == [(f"CF#{number}NN", "routine") for number in (1, 2, 4)]
    still_open = warehouse.execute(
        "select count(distinct record_key) from quality.issue where status = 'open'"
    )
    assert still_open.fetchone() == (2,)
    # What was shown is not what there is any more: nothing is done.
    again = ada.post(
        "issues/correct", **fields, column="visit_type", value="physical", reason="me too"
    )
    assert (again.status_code, "Meanwhile" in again.text) == (409, True)


def test_other_versions_of_the_record_are_below(browser_of, landing_root, warehouse, monkeypatch):
    monkeypatch.setenv("CLAIMHOUSE_MASK_PHI", "false")
    for day, cost in enumerate(("xyz", "abc", "5.55"), start=1):
        row = claim(2, total_cost=cost, last_modified_date=f"2/{day}/2021")
        drop(landing_root, f"claims_{day}.csv", claims_csv(row))
        take_in_all()
    page = browser_of("ada").get("issues/1").text
    versions = page.partition('id="versions"')[2]
    assert "resolved" in page
    for text in ("claims_2.csv", "claims_3.csv", "accepted", "quarantined", "abc", "5.55"):
        assert text in versions, text
    assert "claims_1.csv" not in versions
    # A date or a flag spelled as it was loaded is no difference.
    rows = dict(re.findall(r'<tr>\s*<th scope="row">(\w+)</th>(.*?)</tr>', versions, re.DOTALL))
    differing = {name for name, cells in rows.items() if "differs" in cells}
    assert differing == {"total_cost", "last_modified_date"}


@pytest.mark.parametrize(
    "query",
    [
        "batch=x", "batch=99999999999999999999", "age=never", "state=odd", "text=%00", "file=%25_%5C", "feed=-",
        "source=no%20such", "before=1", "rule='--", "text=" + "x" * 200,
        "batch=1&file=claims", "age=older-week&text=a",
    ],
)  # fmt: skip
def test_any_filter_is_answered(browser_of, bad_claim, query):
    assert browser_of("ada").get(f"issues?{query}").status_code == 200


@pytest.mark.parametrize("query", ["before=x", "text=" + "x" * 201])
def test_an_address_that_nothing_links_to_is_refused(browser_of, bad_claim, query):
    assert browser_of("ada").get(f"issues?{query}").status_code == 400
