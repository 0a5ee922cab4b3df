"""The operators' listener and the control socket: who may do what, and that no answer repeats what was wrong."""

import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running import Running, running
from sockets import Reply
from starlette.testclient import TestClient
from typer.testing import CliRunner

from gateway.api import MAX_BODY, Offices, control
from gateway.cli.main import cli
from gateway.ledger.checkpoint import opened
from gateway.ledger.note import Verifier
from gateway.vocabulary import Role

CANARY = "Qz7canary"
FACT = {"kind": "consent", "subject": "c-1", "purpose": "delivery", "state": "given"}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("api")) as gateway:
        yield gateway


def asked(gateway: Running, method: str, path: str, body: bytes = b"", token: str | None = None) -> Reply:
    token = gateway.token("anna", role=Role.OPERATOR) if token is None else token
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
    # A calendar program sends its password when it is asked for it, and not before.
    assert {reply.headers["www-authenticate"] for reply in replies} == {'Basic realm="gateway", Bearer realm="gateway"'}
    assert len(gateway.record(kind="fact")) == before


def test_an_operator_erases_and_holds_people(gateway: Running) -> None:
    facts(gateway, FACT | {"subject": "c-9"})
    about = {"subject": "c-9", "reason": "request"}

    only = {"subject": "c-9"}
    deeds = (("hold", about), ("erase", about), ("release", only), ("erase", about), ("erase", only))

    replies = [asked(gateway, "POST", f"/subjects/{deed}", json.dumps(body).encode(), None) for deed, body in deeds]

    assert [reply.status for reply in replies] == [200, 403, 200, 200, 422]
    assert replies[1].code == "erasure.held"
    assert gateway.record(kind="fact", subject="c-9") == []
    nobody = asked(gateway, "POST", "/subjects/erase", json.dumps(about).encode(), gateway.token())
    assert (nobody.status, nobody.code) == (401, "caller.unknown")


def test_an_operators_token_makes_no_calls(gateway: Running) -> None:
    reply = gateway.ship(token=gateway.token("fulfilment", role=Role.OPERATOR))

    assert (reply.status, reply.code) == (401, "caller.unknown")
    assert reply.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/log/main/checkpoints?from=99999999999999999999",
        "/v1/log/main/checkpoints?from=-1",
        "/v1/log/main/proof/consistency?old=99999999999999999999",
        "/v1/log/main/proof/consistency?old=1&new=99999999999999999999",
        "/v1/log/main/proof/inclusion/99999999999999999999",
    ],
)
def test_a_number_that_is_out_of_range_is_not_taken(gateway: Running, path: str) -> None:
    reply = asked(gateway, "GET", path)

    assert (reply.status, reply.code) == (422, "request.invalid")
    assert b"999999" not in reply.payload


def test_a_body_that_goes_too_deep_is_not_taken(gateway: Running) -> None:
    reply = asked(gateway, "POST", "/facts", b"[" * 200_000)

    assert (reply.status, reply.code) == (422, "body.unreadable")


PROOFS = [
    "/v1/log/main/checkpoint",
    "/v1/log/main/checkpoints",
    "/v1/log/main/key",
    "/v1/log/main/proof/inclusion/1",
    "/v1/log/main/proof/consistency?old=1",
]


def test_an_operator_gets_what_the_log_is_checked_by(gateway: Running) -> None:
    [entry, *_] = gateway.record(kind="contract")

    note, listed, key, inclusion, consistency = (asked(gateway, "GET", path) for path in PROOFS)
    by_id = asked(gateway, "GET", f"/v1/log/main/proof/inclusion/{entry['id']}")

    verifier = Verifier.parse(key.payload.decode().removesuffix("\n"))
    for reply in (note, key, inclusion, consistency, by_id):
        assert (reply.status, reply.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert opened(note.payload.decode(), verifier).origin == verifier.name
    heads = json.loads(listed.payload)["result"]
    assert [opened(head["note"], verifier).size for head in heads] == [head["size"] for head in heads]
    assert inclusion.payload.decode().startswith("c2sp.org/tlog-proof@v1\nextra ")
    assert json.loads(b64decode(by_id.payload.decode().split("\n")[1][6:]))["id"] == entry["id"]
    assert consistency.payload.decode().startswith("old 1\n")
    for reply in (inclusion, consistency, by_id):
        assert opened(reply.payload.decode().split("\n\n", 1)[1], verifier).size > 1


def test_growth_is_proved_between_any_two_checkpoints(gateway: Running) -> None:
    asked(gateway, "GET", "/v1/log/main/proof/inclusion/1")
    asked(gateway, "GET", f"/v1/log/main/proof/inclusion/{gateway.entries()[0].seq}")
    heads = json.loads(asked(gateway, "GET", "/v1/log/main/checkpoints?from=1").payload)["result"]
    old, new = heads[0], heads[-1]

    reply = asked(gateway, "GET", f"/v1/log/main/proof/consistency?old={old['size']}&new={new['size']}")

    assert len(heads) > 1
    assert reply.payload.decode().endswith(f"\n\n{new['note']}")


def test_a_proof_shows_its_entry_and_so_is_a_look(gateway: Running) -> None:
    asked(gateway, "GET", "/v1/log/main/proof/inclusion/1")

    [look, *_] = gateway.record(kind="access")
    assert (look["reviewer"], look["action"], look["filters"]) == ("anna", "prove", [["entry", "1"]])


@pytest.mark.parametrize("path", PROOFS)
def test_nobody_but_an_operator_gets_it(gateway: Running, path: str) -> None:
    replies = [asked(gateway, "GET", path, token=token) for token in ("", gateway.token(), "sk_live_" + "a" * 40)]

    assert [(reply.status, reply.code) for reply in replies] == [(401, "caller.unknown")] * 3


@pytest.mark.parametrize(
    "path",
    [
        "/v1/log/main/checkpoints?from=x",
        "/v1/log/main/proof/inclusion/99999999",
        f"/v1/log/main/proof/inclusion/{'f' * 32}",
        f"/v1/log/main/proof/inclusion/{CANARY}",
        "/v1/log/main/proof/consistency",
        "/v1/log/main/proof/consistency?old=0",
        "/v1/log/main/proof/consistency?old=-1",
        "/v1/log/main/proof/consistency?old=99999999",
        "/v1/log/main/proof/consistency?old=1&new=99999999",
        f"/v1/log/main/proof/consistency?old={CANARY}",
        "/v1/log/main/proof/consistency?old=1&older=2",
    ],
)
def test_what_cannot_be_proved_is_said_without_repeating_it(gateway: Running, path: str) -> None:
    reply = asked(gateway, "GET", path)

    assert (reply.status, reply.code) == (422, "request.invalid")
    assert CANARY.encode() not in reply.payload


WRONG: dict[str, tuple[bytes, int]] = {
    "not JSON": (f'[{{"subject": "{CANARY}"'.encode(), 422),
    "no list": (json.dumps(FACT | {"subject": CANARY}).encode(), 422),
    "nothing": (b"", 422),
    "a name twice": (f'[{{"subject": "{CANARY}", "subject": "c-1"}}]'.encode(), 422),
    "deeper than the stack": (b"[" * 100_000, 422),
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
        gateway.raw(
            "POST", "/facts", f"Content-Length: {MAX_BODY + 1}", token=gateway.token("anna", role=Role.OPERATOR)
        )
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
    ],
)
def test_on_the_operators_listener_there_is_nothing_else(gateway: Running, method: str, path: str, status: int) -> None:
    reply = asked(gateway, method, path, b"{}" if method == "POST" else b"")

    assert (reply.status, reply.headers["content-type"], reply.code) == (
        status,
        "application/problem+json",
        "request.invalid",
    )


def test_on_the_callers_listener_there_is_nothing_of_the_operators(gateway: Running) -> None:
    gateway.reset()

    replies = [gateway.call("GET", path) for path in ("/health", "/metrics", "/facts")]

    assert [(reply.status, reply.code) for reply in replies] == [(403, "vendor.unknown")] * 3


class Desk:
    """A desk that remembers who asked for what, and does it all."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, object, str]] = []

    def __getattr__(self, name: str) -> Any:
        async def deed(asked: object, *_: object, by: str) -> str:
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
        ("purge", "purge"),
    ],
)
def test_each_deed_of_the_control_socket_goes_to_the_desk_with_who_asked(
    gateway: Running, path: str, deed: str
) -> None:
    desk: Any = Desk()

    async def reload() -> int:
        return 7

    of = gateway.gateway
    offices = Offices(desk, gateway.stores.tokens, of.reports, of.office, of.incidents, of.canaries)
    client = TestClient(control(offices, reload, dict, {}))
    said = client.post(f"/{path}", json="x", headers={"gateway-by": "anna"})

    assert said.json() == {"result": "done"}
    assert desk.asked == [(deed, "x", "anna")]
    assert client.post("/reload").json() == {"result": 7}
    assert client.get(f"/{path}").status_code == 405


def test_the_folder_of_these_tests_holds_a_real_gateway(gateway: Running) -> None:
    assert (gateway.folder / "data" / "ledger.db").is_file()
    assert Path(gateway.folder / "data").stat().st_mode & 0o077 == 0, "nobody else reads the folder of the stores"


@pytest.mark.parametrize(
    ("role", "path", "body", "command"),
    [
        (Role.STEWARD, "/notices/step", {"notice": "0" * 32, "state": "sent"}, "notice"),
        (Role.DECIDER, f"/waivers/{'0' * 32}/end", {}, "waiver"),
        (Role.DECIDER, f"/bulk-looks/{'0' * 32}/end", {}, "bulk-look"),
        (Role.STEWARD, f"/incidents/{'0' * 32}/steps", {"step": "closed", "reference": "INC-1"}, "incident"),
        (Role.DECIDER, f"/exceptional/requests/{'0' * 32}/approve", {}, "exceptional"),
        (Role.OPERATOR, "/resolve", {"entry": "0" * 32, "result": "sent", "reason": "the vendor says so"}, "ledger"),
    ],
)
def test_who_names_what_is_not_there_hears_which_command_lists_what_is(
    gateway: Running, role: Role, path: str, body: dict[str, str], command: str
) -> None:
    reply = asked(gateway, "POST", path, json.dumps(body).encode(), gateway.token("dora", role=role))

    assert reply.status == 422
    assert f"; `gateway {command} list` has them" in json.loads(reply.payload)["message"]
    assert CliRunner().invoke(cli, [command, "list", "--help"]).exit_code == 0
