"""Who has signed in at the account centre comes in by a token of theirs, for as long as they look."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from asking import People, case
from running import running

from gateway.vocabulary import Role

CENTRE = "account-centre"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    with running(tmp_path_factory.mktemp("entrance"), account_centres=[CENTRE]) as gateway:
        yield People(gateway)


def centre(people: People, vendor: str | None = None) -> str:
    return people.gateway.token(CENTRE, vendor=vendor)


def test_the_account_centre_lets_somebody_in_who_sees_themselves_and_nobody_else(people: People) -> None:
    before = datetime.now(UTC)
    answer = people.ask(centre(people), "/v1/tokens", {"subject": "c-88", "minutes": 5})
    proof = answer.document["token"]
    people.ask(people.subject("c-89"), "/v1/requests", {"right": "erasure"})

    mine = people.ask(proof, "/v1/requests", {"right": "rectification", "categories": ["contact.email"]})
    own, others = people.ask(proof, "/v1/requests/list"), people.ask(proof, "/v1/requests/list", case("c-89"))

    expires = datetime.fromisoformat(answer.document["expires"])
    assert timedelta(minutes=4) < expires - before < timedelta(minutes=6)
    assert mine.status == 200
    assert [each["right"] for each in own.document["requests"]] == ["rectification"]
    assert others.status == 404


def test_that_it_was_issued_and_by_whom_is_on_record_and_about_whom_is_sealed(people: People) -> None:
    people.ask(centre(people), "/v1/tokens", {"subject": "c-4815162342"})

    [entry] = people.gateway.record(kind="token", subject="c-4815162342")
    assert (entry["service"], entry["state"], entry["by"]) == ("subject", "issued", CENTRE)
    assert "4815162342" not in str(people.gateway.record(kind="token"))


def test_a_token_ends_when_it_was_to_end_and_can_be_revoked_before(people: People) -> None:
    proof = people.ask(centre(people), "/v1/tokens", {"subject": "c-90", "minutes": 1}).document["token"]
    tokens = people.gateway.stores.tokens
    now = tokens._now
    assert people.ask(proof, "/v1/requests/list").status == 200

    tokens._now = lambda: now() + 61
    late = people.ask(proof, "/v1/requests/list")
    tokens._now = now
    [entry] = people.gateway.record(kind="token", subject="c-90")
    people.gateway.do(lambda: people.gateway.stores.desk.revoke_token(entry["token"], by="olga"))

    assert (late.status, late.code) == (401, "caller.unknown")
    assert people.ask(proof, "/v1/requests/list").status == 401


@pytest.mark.parametrize("minutes", [0, 61, -1, "an hour"])
def test_nobody_is_in_for_longer_than_an_hour(people: People, minutes: object) -> None:
    asked = {"subject": "c-88", "minutes": minutes}

    assert people.ask(centre(people), "/v1/tokens", asked).status == 422


def test_no_other_service_lets_anybody_in(people: People) -> None:
    others = [
        people.gateway.token("fulfilment"),
        centre(people, vendor="parcels"),
        people.gateway.token("stella", role=Role.STEWARD),
        people.gateway.token("anna", role=Role.AGENT),
        people.subject("c-88"),
    ]

    answers = [people.ask(each, "/v1/tokens", {"subject": "c-88"}) for each in others]

    assert {(each.status, each.code) for each in answers} == {(403, "caller.role")}


def test_what_lets_somebody_in_sends_nothing_to_a_vendor(people: People) -> None:
    proof = people.ask(centre(people), "/v1/tokens", {"subject": "c-88"}).document["token"]

    assert people.gateway.ship(token=proof).status == 401
    assert people.gateway.received == []
