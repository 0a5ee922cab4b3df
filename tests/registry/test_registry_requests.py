"""Requests of people as rows: each as it stands now, and of somebody who was erased nothing that names them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, create_engine, select

from gateway.registry import lookups, rows, tables
from gateway.registry.requests import open_requests, request, requests_of
from gateway.registry.stored import Decided, RequestRow
from gateway.registry.tables import REQUESTS
from gateway.vocabulary import CLOSED_REQUESTS, Category, RefusalReason, RequestStatus, Right, Ruling

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)


def row(number: int = 1, **members: object) -> RequestRow:
    stated = {
        "request": f"{number:032x}", "subject": "c-1", "right": Right.ERASURE, "status": RequestStatus.ACKNOWLEDGED,
        "received": NOON, "due": NOON + timedelta(days=30), "by": "subject", "why": "asked by Zoe",
    }  # fmt: skip
    return RequestRow.model_validate(stated | members)


@pytest.fixture
def database() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        tables.METADATA.create_all(connection)
        yield connection
    engine.dispose()


def put(database: Connection, *asked: RequestRow) -> None:
    for each in asked:
        for statement in rows.statements(each, NOON, "e" * 32):
            database.execute(statement)


def test_a_request_comes_back_as_it_was_put_in_last(database: Connection) -> None:
    decided = row(
        status=RequestStatus.ACCEPTED,
        categories=(Category.PERSON_NAME, Category.CONTACT_PHONE),
        decisions=(
            Decided(category=Category.PERSON_NAME, ruling=Ruling.RESTRICT, reason=RefusalReason.LEGALLY_REQUIRED),
            Decided(category=None, ruling=Ruling.ERASE),
        ),
        decided=NOON + timedelta(days=1),
    )

    put(database, row(), decided)

    assert request(database, decided.request) == decided
    assert list(database.execute(select(REQUESTS.c.status, REQUESTS.c.entry))) == [("accepted", "e" * 32)]


def test_a_person_has_their_own_requests_the_newest_first(database: Connection) -> None:
    mine, newer, other = row(1), row(2, received=NOON + timedelta(days=2)), row(3, subject="c-2")

    put(database, mine, newer, other)

    assert list(requests_of(database, ["c-1"])) == [newer, mine]
    assert list(requests_of(database, ["c-3"])) == []


def test_what_is_closed_waits_no_more(database: Connection) -> None:
    asked = [row(number, status=status) for number, status in enumerate(RequestStatus)]

    put(database, *asked)

    assert {each.status for each in open_requests(database)} == set(RequestStatus) - CLOSED_REQUESTS


def test_of_an_erased_person_a_request_says_only_what_it_was_and_when(database: Connection) -> None:
    put(database, row(1), row(2, subject="c-2"))

    for statement in rows.erasing("c-1", [], NOON):
        database.execute(statement)

    [left] = database.execute(select(REQUESTS).where(REQUESTS.c.subject == "")).mappings()
    assert (left["right"], left["status"], left["received"]) == ("erasure", "acknowledged", NOON.replace(tzinfo=None))
    assert not {"c-1", "Zoe"} & {word for value in left.values() for word in str(value).split('"')}
    assert request(database, row(1).request) is None
    assert lookups.everybody(database, "") == {"c-2"}
