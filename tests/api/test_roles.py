"""Which role may ask what: every route of the operators' listener against a table written by hand."""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import Running, running
from sockets import Reply
from starlette.routing import Route

from gateway import api
from gateway.identity import DAY, HOUR, LIFETIMES, STAFF
from gateway.vocabulary import Role

TABLE = Path(__file__).parents[1] / "expected" / "roles.csv"
OPEN = {"GET /health", "GET /metrics", "GET /public/policy", "GET /public/policy/history", "GET /public/recipients"}


def expected() -> dict[str, frozenset[str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["route"]: frozenset(name for name, cell in row.items() if cell == "yes") for row in rows}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("roles")) as gateway:
        yield gateway


def routes(gateway: Running) -> set[str]:
    app = gateway.gateway.operators()
    found = set()
    for route in app.routes:
        assert isinstance(route, Route)
        found |= {f"{method} {route.path}" for method in (route.methods or set()) - {"HEAD"}}
    return found


def token(gateway: Running, role: Role) -> str:
    if role is Role.SUBJECT:
        wanted = {"subject": "c-1", "role": role}
        return str(gateway.do(lambda: gateway.stores.desk.issue_token(wanted, by="a test"))["token"])
    return gateway.token("anna", role=role, services=("checkout",) if role is Role.ENGINEER else ())


def test_the_table_has_every_route_and_every_role(gateway: Running) -> None:
    with TABLE.open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))

    assert set(expected()) == routes(gateway) - OPEN == set(api.MAY)
    assert set(header) == {"route", *Role}


@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_what_the_table_says_and_nothing_else(gateway: Running, role: Role) -> None:
    proof = token(gateway, role)
    for route, may in expected().items():
        method, path = route.split(" ")
        raw = gateway.raw(method, path.replace("{entry}", "1"), body=b"", token=proof)

        reply = gateway.said(raw, operators=True)

        refused = reply.status in (401, 403)
        assert refused is (role not in may), (route, reply.status, reply.code)
        if refused:
            assert reply.code == ("caller.role" if role in STAFF else "caller.unknown")


def test_an_engineer_sees_their_own_services_without_the_people(gateway: Running) -> None:
    gateway.ship()
    mine = gateway.token("emil", role=Role.ENGINEER, services=("fulfilment",))
    others = gateway.token("olga", role=Role.ENGINEER, services=("checkout",))

    def looked(proof: str, **wanted: str) -> Reply:
        return gateway.said(
            gateway.raw("POST", "/entries", body=json.dumps(wanted).encode(), token=proof), operators=True
        )

    reply = looked(mine, caller="fulfilment", kind="intent")
    entries = json.loads(reply.payload)["result"]["entries"]
    [whole] = gateway.record(kind="intent", caller="fulfilment")

    assert reply.status == 200
    assert [entry["id"] for entry in entries] == [whole["id"]]
    assert "subjects" in whole
    assert "subjects" not in entries[0]
    for proof, wanted in (
        (others, {"caller": "fulfilment"}),
        (mine, {"caller": "fulfilment", "subject": "c-88"}),
    ):
        refused = looked(proof, **wanted)
        assert (refused.status, refused.code) == (403, "caller.role")
    assert looked(mine).status == 422
    one = [gateway.raw("GET", f"/entries/{whole['id']}", token=each) for each in (mine, others)]
    assert [gateway.said(raw, operators=True).status for raw in one] == [200, 422]


def test_the_operators_guide_lists_every_role_and_how_long_its_tokens_live() -> None:
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `([a-z]+)` \|.*\| (\d+ \w+) \|$", text, re.MULTILINE))

    units = {"hour": HOUR, "day": DAY, "days": DAY}
    told = {role: int(text.split()[0]) * units[text.split()[1]] for role, text in rows.items() if role in set(Role)}
    assert told == {role: LIFETIMES.get(role, 400 * DAY) for role in Role}


def test_what_staff_take_out_at_once_is_bounded_and_on_record(gateway: Running) -> None:
    proof = gateway.token("rita", role=Role.REVIEWER)

    def looked(limit: int) -> Reply:
        body = json.dumps({"limit": limit}).encode()
        return gateway.said(gateway.raw("POST", "/entries", body=body, token=proof), operators=True)

    assert [looked(limit).status for limit in (1000, 1001)] == [200, 422]
    [look, *_] = gateway.record(kind="access")
    assert (look["reviewer"], look["action"]) == ("rita", "list")
