"""The privacy API as it is described, and as each role may use it."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import People, case
from running import running

from gateway import privacy
from gateway.vocabulary import Role

TABLE = Path(__file__).parent / "expected" / "privacy_roles.csv"
CANARY = "Qz7canary"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    with running(tmp_path_factory.mktemp("privacy"), account_centres=["stella"]) as gateway:
        yield People(gateway)


def described(people: People) -> dict[str, Any]:
    return dict(people.ask("", "/openapi.json", method="GET").document)


def operations(people: People) -> set[str]:
    paths = described(people)["paths"]
    return {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}


def expected() -> dict[str, frozenset[str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["route"]: frozenset(name for name, cell in row.items() if cell == "yes") for row in rows}


def token(people: People, role: Role) -> str:
    if role is Role.SUBJECT:
        return people.subject("c-1")
    return people.gateway.token("stella", role=role, services=("checkout",) if role is Role.ENGINEER else ())


def test_the_table_has_every_operation_and_every_role(people: People) -> None:
    with TABLE.open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))

    assert set(expected()) == operations(people)
    assert set(header) == {"route", *Role}


@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_what_the_table_says_and_nothing_else(people: People, role: Role) -> None:
    proof = token(people, role)
    for route, may in expected().items():
        method, path = route.split(" ")

        answer = people.ask(proof, path.replace("{request}", "0" * 32), method=method)

        assert (answer.status == 403) is (role not in may), (route, answer.payload)
        assert (answer.status == 403) is (answer.code == "caller.role")


def test_without_a_token_nothing_is_answered_but_the_description(people: People) -> None:
    for route in operations(people):
        method, path = route.split(" ")

        answer = people.ask("", path.replace("{request}", "0" * 32), method=method)

        assert (answer.status, answer.code) == (401, "caller.unknown")


def test_a_person_who_asks_for_another_one_learns_nothing(people: People) -> None:
    proof = people.subject("c-1")
    people.ask(people.subject("c-2"), "/v1/requests", {"right": "erasure"})

    known, unknown = (people.ask(proof, "/v1/requests/list", case(ref)) for ref in ("c-2", "c-never-seen"))

    assert (known.status, known.payload) == (404, unknown.payload)
    assert people.gateway.record(kind="access", subject="c-never-seen") == []


def test_no_address_has_room_for_a_person(people: People) -> None:
    paths = described(people)["paths"]

    parameters = {
        each["name"] for methods in paths.values() for about in methods.values() for each in about["parameters"]
    }
    assert parameters == {"request"}


WRONG: dict[str, tuple[str, object, int]] = {
    "a member that nobody knows": ("/v1/requests", {"right": "erasure", CANARY: 1}, 422),
    "a right that does not exist": ("/v1/requests", {"right": CANARY}, 422),
    "a category that does not exist": ("/v1/requests", {"right": "erasure", "categories": [CANARY]}, 422),
    "a list": ("/v1/requests", [CANARY], 422),
    "somebody else": ("/v1/requests/list", case(CANARY), 404),
    "too much": ("/v1/requests", {"right": CANARY * 10_000}, 413),
    "another place": ("/v1/nowhere", {}, 404),
}


@pytest.mark.parametrize(("path", "asked", "status"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_told_and_not_repeated(people: People, path: str, asked: object, status: int) -> None:
    answer = people.ask(people.subject("c-1"), path, asked)

    assert (answer.status, answer.media) == (status, "application/problem+json")
    assert CANARY.encode() not in answer.payload
    assert CANARY not in json.dumps(people.gateway.record())


def test_what_is_no_json_is_refused(people: People) -> None:
    raw = people.gateway.raw("POST", "/v1/requests", body=b'{"right": ', token=people.subject("c-1"))

    reply = people.gateway.said(raw, listener=2)

    assert reply.status == 422


@pytest.mark.parametrize(
    ("path", "member", "value"),
    [
        ("/v1/consents", "explicit", 1),
        ("/v1/consents", "separate", "yes"),
        ("/v1/consents", "expires", 0),
        ("/v1/disclosures", "summary", "on"),
    ],
)
def test_what_only_looks_like_a_mark_or_a_time_is_none(people: People, path: str, member: str, value: object) -> None:
    usual = {"purpose": "delivery", "method": "app"} if path == "/v1/consents" else {}

    answer = people.ask(people.subject("c-1"), path, {**usual, member: value})

    assert (answer.status, answer.code) == (422, "request.invalid")
    assert answer.document["message"].startswith(f"{member}: ")
    assert people.ask(people.subject("c-1"), path, usual).status == 200


def test_the_description_says_what_goes_with_what(people: People) -> None:
    models = described(people)["components"]["schemas"]

    assert models["Open"]["properties"]["right"]["enum"] == ["erasure", "objection", "rectification", "restriction"]
    assert [each["properties"]["requester"]["const"] for each in models["OnBehalf"]["oneOf"]] == [
        "guardian", "representative", "relative", "self",
    ]  # fmt: skip
    assert {name for each in models["Withdraw"]["anyOf"] for name in each["required"]} == {
        "purpose", "vendor", "everything",
    }  # fmt: skip


def test_answers_are_kept_by_no_cache(people: People) -> None:
    raw = people.gateway.raw("POST", "/v1/requests/list", body=b"{}", token=people.subject("c-1"))

    reply = people.gateway.said(raw, listener=2)

    assert (reply.status, reply.headers["cache-control"]) == (200, "no-store")


def test_whoever_names_nobody_is_asked_to(people: People) -> None:
    raw = people.gateway.raw("POST", "/v1/requests/list", body=b"{}", token="")

    reply = people.gateway.said(raw, listener=2)

    assert reply.status == 401
    assert "Bearer " in reply.headers["www-authenticate"]
    assert reply.headers["cache-control"] == "no-store"


def test_an_operation_is_asked_with_its_own_method(people: People) -> None:
    answer = people.ask(people.subject("c-1"), "/v1/requests", method="GET")

    assert (answer.status, answer.media) == (405, "application/problem+json")


def test_what_people_ask_is_answered_on_no_other_listener(people: People) -> None:
    paths = list(described(people)["paths"])
    assert paths
    for listener in (0, 1):
        raw = people.gateway.raw("POST", paths[0], body=b"{}", token=people.subject("c-1"))
        assert people.gateway.said(raw, listener=listener).status in (401, 403, 404)


def test_roles_are_told_apart_before_anything_is_read(people: People) -> None:
    offered = privacy.endpoints(
        people.gateway.gateway.requests,
        people.gateway.gateway.consents,
        people.gateway.gateway.disclosures,
        people.gateway.gateway.entrance,
    )

    assert all(
        each.roles <= {Role.SUBJECT, Role.AGENT, Role.STEWARD}
        for each in offered
        if each.operation.name != "POST /v1/tokens"
    )
    assert len({each.operation.name for each in offered}) == len(offered)
