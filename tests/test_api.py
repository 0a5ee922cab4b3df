"""The operators' listener and the control socket: who may do what, and that no answer repeats what was wrong."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running import Running, running
from sockets import Reply
from starlette.testclient import TestClient

from gateway.api import MAX_BODY, control

CANARY = "Qz7canary"
FACT = {"kind": "consent", "subject": "c-1", "purpose": "delivery", "state": "given"}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("api")) as gateway:
        yield gateway


def asked(gateway: Running, method: str, path: str, body: bytes = b"", token: str | None = None) -> Reply:
    token = gateway.token("anna", operator=True) if token is None else token
    return gateway.said(gateway.raw(method, path, body=body, token=token), operators=True)


def facts(gateway: Running, *rows: object, token: str | None = None) -> Reply:
    return asked(gateway, "POST", "/facts", json.dumps(rows).encode(), token)


def test_an_operator_puts_facts_in(gateway: Running) -> None:
    reply = facts(gateway, FACT, FACT | {"state": "withdrawn"})

    assert (reply.status, json.loads(reply.payload)) == (200, {"result": 2})
    recorded = gateway.record(kind="fact", subject="c-1")
    assert [(each["fact"], each["state"], each["by"]) for each in recorded[:2]] == [
        ("consent:delivery", "withdrawn", "anna"),
        ("consent:delivery", "given", "anna"),
    ]


def test_nobody_but_an_operator_puts_facts_in(gateway: Running) -> None:
    before = len(gateway.record(kind="fact"))

    replies = [facts(gateway, FACT, token=token) for token in ("", gateway.token(), "sk_live_" + "a" * 40)]

    assert [(reply.status, reply.code) for reply in replies] == [(401, "caller.unknown")] * 3
    assert len(gateway.record(kind="fact")) == before


def test_an_operators_token_makes_no_calls(gateway: Running) -> None:
    reply = gateway.ship(token=gateway.token("fulfilment", operator=True))

    assert (reply.status, reply.code) == (401, "caller.unknown")


WRONG: dict[str, tuple[bytes, int]] = {
    "not JSON": (f'[{{"subject": "{CANARY}"'.encode(), 422),
    "no list": (json.dumps(FACT | {"subject": CANARY}).encode(), 422),
    "nothing": (b"", 422),
    "another purpose": (json.dumps([FACT | {"purpose": CANARY}]).encode(), 422),
    "another member": (json.dumps([FACT | {CANARY: CANARY}]).encode(), 422),
    "no fact at all": (json.dumps([CANARY]).encode(), 422),
}


@pytest.mark.parametrize(("body", "status"), WRONG.values(), ids=WRONG.keys())
def test_what_is_no_fact_is_told_by_place_and_not_by_value(gateway: Running, body: bytes, status: int) -> None:
    reply = asked(gateway, "POST", "/facts", body)

    assert reply.status == status
    assert reply.headers["content-type"] == "application/problem+json"
    values = reply.payload.decode().replace(f".{CANARY}", "")
    assert CANARY not in values


def test_more_than_a_batch_is_refused(gateway: Running) -> None:
    reply = gateway.said(
        gateway.raw("POST", "/facts", f"Content-Length: {MAX_BODY + 1}", token=gateway.token("anna", operator=True))
        + b" " * (MAX_BODY + 1),
        operators=True,
    )

    assert (reply.status, reply.code) == (413, "body.too_large")


def test_health_and_numbers_need_no_token(gateway: Running) -> None:
    gateway.ship()

    health, metrics = (asked(gateway, "GET", path, token="") for path in ("/health", "/metrics"))

    assert (health.status, health.payload) == (200, b'{"ready":true}')
    assert b'gateway_calls_total{code="sent",vendor="parcels"}' in metrics.payload


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/facts", 405),
        ("GET", "/", 404),
        ("GET", "/facts/", 404),
        ("POST", "/issue", 404),
        ("POST", "/entries", 404),
    ],
)
def test_on_the_operators_listener_there_is_nothing_else(gateway: Running, method: str, path: str, status: int) -> None:
    assert asked(gateway, method, path, b"{}" if method == "POST" else b"").status == status


def test_on_the_callers_listener_there_is_nothing_of_the_operators(gateway: Running) -> None:
    gateway.reset()

    replies = [gateway.call("GET", path) for path in ("/health", "/metrics", "/facts")]

    assert [(reply.status, reply.code) for reply in replies] == [(403, "vendor.unknown")] * 3


class Desk:
    """A desk that remembers who asked for what, and does it all."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, object, str]] = []

    def __getattr__(self, name: str) -> Any:
        async def deed(asked: object, *, by: str) -> str:
            self.asked.append((name, asked, by))
            return "done"

        return deed


@pytest.mark.parametrize(
    ("path", "deed"),
    [
        ("facts", "put_facts"),
        ("issue", "issue_token"),
        ("revoke", "revoke_token"),
        ("entries", "entries"),
        ("entry", "entry"),
    ],
)
def test_each_deed_of_the_control_socket_goes_to_the_desk_with_who_asked(path: str, deed: str) -> None:
    desk: Any = Desk()

    async def reload() -> int:
        return 7

    client = TestClient(control(desk, reload))
    said = client.post(f"/{path}", json="x", headers={"gateway-by": "anna"})

    assert said.json() == {"result": "done"}
    assert desk.asked == [(deed, "x", "anna")]
    assert client.post("/reload").json() == {"result": 7}
    assert TestClient(control(desk, reload)).get(f"/{path}").status_code == 405


def test_the_folder_of_these_tests_holds_a_real_gateway(gateway: Running) -> None:
    assert (gateway.folder / "data" / "ledger.db").is_file()
    assert Path(gateway.folder / "data").stat().st_mode & 0o077 == 0, "nobody else reads the folder of the stores"
