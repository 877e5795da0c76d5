"""A dashboard by mail is asked for, kept as it is asked, and only for an address that a file has."""

from __future__ import annotations

import psycopg
import pytest
from tests.dashboards.test_exports import House, house  # noqa: F401 (a fixture)

from claimhouse import metrics, warehouse
from claimhouse.dashboards import known, mailed, mailings
from claimhouse.reporting.readers import Login, Reader, Subscription

PLACE = "/dashboards/member_care/by-mail"
GOOD = {"format": "pdf", "weekday": "1", "recipient": "care@united.example"}


def reader(*logins: Login, recipients: tuple[str, ...] = ()) -> Reader:
    sent = Subscription("u.m", "r", "pdf", "0 6 * * 1", "UTC", recipients, "attachment", "why")
    return Reader("u", "U", "limited", (), (), logins, (sent,) if recipients else ())


@pytest.mark.pure
def test_an_address_is_one_that_a_file_has():
    own = Login("client_u__a", email="a@u.example")
    other = Login("client_u__b")
    both = reader(own, other, recipients=("x@u.example", "y@u.example"))
    assert mailed.addresses_of(both, "client_u__a") == ("a@u.example",)
    assert mailed.addresses_of(both, "client_u__b") == ("x@u.example", "y@u.example")
    assert mailed.addresses_of(reader(other), "client_u__b") == ()
    # Nobody's login, and that of the extracts, which is no person's.
    assert mailed.addresses_of(both, "client_u__c") == mailed.addresses_of(both, "client_u") == ()


@pytest.fixture
def with_address(house: House, monkeypatch) -> House:  # noqa: F811
    everyone = known.readers()
    named = [
        Reader(**{**vars(entry), "logins": tuple(
            Login(**{**vars(login), "email": GOOD["recipient"]}) for login in entry.logins
        )})
        for entry in everyone
    ]  # fmt: skip
    monkeypatch.setattr(known, "readers", lambda: named)
    house.owner.execute("delete from portal.mailing")
    return house


def kept(house: House) -> list[tuple]:  # noqa: F811
    return house.owner.execute(
        "select login, person, dashboard, filters, format, weekday, recipient, is_approved from portal.mailing"
    ).fetchall()


def test_what_is_asked_for_is_kept_and_waits(with_address: House) -> None:
    client = with_address.client(person="kim")
    query = "?service_month.from=2024-05&service_month.to=2025-02"
    assert "care@united.example" in client.get(PLACE + query).text
    answer = client.post(PLACE + query, data=GOOD, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, PLACE + query)
    assert kept(with_address) == [(
        with_address.login, "kim", "member_care",
        [["service_month.from", "2024-05"], ["service_month.to", "2025-02"]], "pdf", 1,
        "care@united.example", None,
    )]  # fmt: skip
    html = client.get(PLACE + query).text
    assert "waits for approval" in html and "Month: 2024-05 to 2025-02" in html


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"recipient": "me@elsewhere.example"}, 403),
        ({"recipient": ""}, 403),
        ({"recipient": "care@united.example\r\nBcc: x@y.example"}, 403),
        ({"format": "csv"}, 400),
        ({"weekday": "8"}, 400),
        ({"weekday": "0"}, 400),
        ({"weekday": "1; drop"}, 400),
    ],
)
def test_nothing_else_is_kept(with_address: House, change: dict[str, str], status: int) -> None:
    answer = with_address.client().post(PLACE, data=GOOD | change, follow_redirects=False)
    assert answer.status_code == status and kept(with_address) == []


def test_without_an_address_nothing_can_be_asked_for(house: House) -> None:  # noqa: F811
    client = house.client()
    assert "Claimhouse has no mail address of yours" in client.get(PLACE).text
    assert client.post(PLACE, data=GOOD, follow_redirects=False).status_code == 403


def test_no_mail_is_filtered_by_what_could_be_about_one_person(with_address: House) -> None:
    assert "encounter_pseudonym" not in metrics.dimensions()
    client = with_address.client()
    query = "?encounter_pseudonym=0a1b"
    assert client.post(PLACE + query, data=GOOD, follow_redirects=False).status_code == 409
    assert "cannot be filtered by encounter" in client.get(PLACE + query).text
    assert kept(with_address) == []


def test_a_login_has_so_many_and_no_more(with_address: House, monkeypatch) -> None:
    monkeypatch.setattr(mailings, "MOST", 2)
    client = with_address.client()
    codes = [client.post(PLACE, data=GOOD, follow_redirects=False).status_code for _ in range(3)]
    assert codes == [303, 303, 409] and len(kept(with_address)) == 2


def test_the_portal_can_ask_and_not_approve(with_address: House) -> None:
    with_address.client().post(PLACE, data=GOOD, follow_redirects=False)
    with psycopg.connect(warehouse.url("claimhouse_portal"), autocommit=True) as portals:
        for statement in (
            "update portal.mailing set is_approved = true, decided_at = now(), decided_by = 'x'",
            "delete from portal.mailing",
            "insert into portal.mailing (login, person, dashboard, filters, format, weekday, recipient,"
            " decided_at, decided_by, is_approved) values ('a', 'b', 'c', '[]', 'pdf', 1, 'x', now(), 'x', true)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                portals.execute(statement)


def test_who_asked_for_a_mail_stops_it_and_nobody_else(with_address: House) -> None:
    kim, lee = with_address.client(person="kim"), with_address.client(person="lee")
    kim.post(PLACE, data=GOOD, follow_redirects=False)
    (number,) = with_address.owner.execute("select mailing_id from portal.mailing").fetchone()
    place = f"{PLACE}/{number}/stop"
    assert kim.post(place, follow_redirects=False).status_code == 404  # it is not approved yet
    with_address.owner.execute(
        "update portal.mailing set is_approved = true, decided_at = now(), decided_by = 'ann'"
    )
    assert place in kim.get(PLACE).text and place not in lee.get(PLACE).text
    assert lee.post(place, follow_redirects=False).status_code == 404
    answer = kim.post(place, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, PLACE)
    ended = with_address.owner.execute("select ended_at is not null, ended_by from portal.mailing")
    assert ended.fetchone() == (True, "kim")
    assert "stopped" in kim.get(PLACE).text and place not in kim.get(PLACE).text
    assert kim.post(place, follow_redirects=False).status_code == 404
