"""The gateway signs in at a vendor by itself: services never hold the token, and no call goes without one."""

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from running import Running, running
from shop_contracts import FILES, SECRETS
from small_contracts import ACME, VENDOR, found
from small_contracts import FILES as SMALL
from sockets import Reply

from gateway.errors import StartError

FILE = "parcels/vendor.yaml"
KEYS = {**SECRETS, "PARCELS_ID": "shop one", "PARCELS_SECRET": "geheim:9Qz"}
OAUTH = (
    'oauth: {url: "https://api.parcels.test:@parcels@/oauth/token", id: $PARCELS_ID, secret: $PARCELS_SECRET,'
    " scope: labels}\n"
)


def signing_in() -> dict[str, str]:
    file = FILES[FILE].replace("Bearer $PARCELS_KEY", "Bearer $ACCESS_TOKEN")
    assert "$ACCESS_TOKEN" in file
    return {**FILES, FILE: file + OAUTH}


class Issuer:
    """The vendor: it gives tokens, numbered, and takes calls with the newest."""

    def __init__(self, gateway: Running) -> None:
        self._gateway = gateway
        self.count = 0
        self.status = 200
        self.said: Callable[[str], object] = lambda token: {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": 3600,
        }
        self.calls = 200

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader
        received = self._gateway.parcels.received[-1]
        if received.line.startswith("POST /oauth/token"):
            self.count += 1
            body, status = json.dumps(self.said(f"token-number-{self.count}")).encode(), self.status
        else:
            body, status = b'{"tracking":"T-1"}', self.calls
        head = f"HTTP/1.1 {status} As Told\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    def shown(self) -> list[str]:
        """The Authorization of every call, and not that of signing in."""
        calls = [each for each in self._gateway.parcels.received if "/oauth/" not in each.line]
        return [dict(each.headers).get("authorization", "") for each in calls]


@contextmanager
def issuing(folder: Path) -> Iterator[tuple[Running, Issuer]]:
    with running(folder, files=signing_in(), secrets=KEYS) as gateway:
        gateway.parcels.script = issuer = Issuer(gateway)
        yield gateway, issuer


def test_calls_go_with_a_token_that_is_fetched_once_and_nobody_is_named_in_asking_for_it(tmp_path: Path) -> None:
    with issuing(tmp_path) as (gateway, issuer):
        replies = [gateway.ship(to={"name": "Ann", "city": "Bonn"}).status for _ in range(3)]
        asked = gateway.parcels.received[0]

        assert replies == [200, 200, 200]
        assert issuer.count == 1
        assert issuer.shown() == ["Bearer token-number-1"] * 3
        assert asked.line == "POST /oauth/token HTTP/1.1"
        assert parse_qs(asked.payload.decode()) == {"grant_type": ["client_credentials"], "scope": ["labels"]}
        basic = dict(asked.headers)["authorization"].removeprefix("Basic ")
        assert b64decode(basic).decode() == "shop+one:geheim%3A9Qz"
        written = [file.read_bytes() for file in (tmp_path / "data").rglob("*") if file.is_file()]
        assert not any(b"token-number" in each or b"geheim" in each for each in written)


def test_where_the_vendor_wants_them_there_the_credentials_stand_in_the_form(tmp_path: Path) -> None:
    files = signing_in()
    files[FILE] = files[FILE].replace("scope: labels", "auth: client_secret_post")
    with running(tmp_path, files=files, secrets=KEYS) as gateway:
        gateway.parcels.script = issuer = Issuer(gateway)
        issuer.said = lambda token: {"access_token": token, "token_type": "bearer", "expires_in": "14399"}
        replies = [gateway.ship(to={"name": "Ann", "city": "Bonn"}).status for _ in range(2)]
        asked = gateway.parcels.received[0]

        assert (replies, issuer.count) == ([200, 200], 1)
        form = {"grant_type": "client_credentials", "client_id": "shop one", "client_secret": "geheim:9Qz"}
        assert {name: values[0] for name, values in parse_qs(asked.payload.decode()).items()} == form
        assert "authorization" not in dict(asked.headers)
        written = [file.read_bytes() for file in (tmp_path / "data").rglob("*") if file.is_file()]
        assert not any(b"geheim" in each for each in written)


def test_calls_at_once_sign_in_once(tmp_path: Path) -> None:
    with issuing(tmp_path) as (gateway, issuer):
        clients = [gateway.client() for _ in range(5)]
        raw = gateway.raw("POST", "/parcels/shipments", body=b'{"reference":"A-10045","weight":1}')
        for client in clients:
            client.say(raw)
        statuses = [client.reply().status for client in clients]
        for client in clients:
            client.close()

    assert statuses == [200] * 5
    assert issuer.count == 1


def test_a_token_is_renewed_before_it_ends_and_anew_where_the_vendor_does_not_take_it(tmp_path: Path) -> None:
    with issuing(tmp_path) as (gateway, issuer):
        accesses = gateway.gateway.exchange._accesses
        at = accesses._clock()
        gateway.ship()
        accesses._clock = lambda: at + 3600 * 3 / 4 + 1
        gateway.ship()
        issuer.calls = 401
        refused = gateway.ship().status
        issuer.calls = 200
        gateway.ship()

    assert refused == 401
    assert [each.rpartition("-")[2] for each in issuer.shown()] == ["1", "2", "2", "3"]


@pytest.mark.parametrize(
    "changes",
    [
        {"status": 401},
        {"status": 500},
        {"said": lambda _: {"token_type": "Bearer"}},
        {"said": lambda token: {"access_token": token, "token_type": "mac"}},
        {"said": lambda _: {"access_token": "a b\r\nx: y", "token_type": "Bearer"}},
        {"said": lambda token: [token]},
    ],
    ids=["not ours", "broken", "no token", "another kind", "no token's signs", "no object"],
)
def test_without_a_token_nothing_goes_and_nothing_is_recorded_as_sent(changes: dict[str, Any], tmp_path: Path) -> None:
    with issuing(tmp_path) as (gateway, issuer):
        for name, value in changes.items():
            setattr(issuer, name, value)
        reply = gateway.ship()

        assert (reply.status, reply.code) == (502, "vendor.sign_in")
        assert dict(reply.headers)["gateway-sent"] == "no"
        assert issuer.shown() == []
        assert gateway.record(kind="intent") == []
        assert [each["code"] for each in gateway.record(kind="refusal")] == ["vendor.sign_in"]


@pytest.mark.parametrize(("later", "status"), [(timedelta(hours=1), 200), (timedelta(days=36_500), 403)])
def test_what_ended_while_the_gateway_signed_in_is_decided_anew(later: timedelta, status: int, tmp_path: Path) -> None:
    with issuing(tmp_path) as (gateway, issuer):
        begun = gateway.gateway.exchange._now()

        def late(token: str) -> object:
            gateway.set_clock(lambda: begun + later)
            return {"access_token": token, "token_type": "Bearer"}

        issuer.said = late
        reply = gateway.ship()
        kinds = [entry["code"] for entry in gateway.record(kind="refusal")]

    assert reply.status == status
    assert (issuer.count, len(issuer.shown())) == (1, int(status == 200))
    assert kinds == ([] if status == 200 else ["agreement.expired"])


def test_what_may_not_go_signs_in_nowhere(tmp_path: Path) -> None:
    with issuing(tmp_path) as (gateway, issuer):
        gateway.put({"kind": "suspension", "vendor": "parcels"})

        assert gateway.ship().code == "vendor.suspended"
        assert issuer.count == 0


def test_an_answer_that_repeats_the_token_does_not_bring_it_to_the_shop(tmp_path: Path) -> None:
    with issuing(tmp_path) as (gateway, issuer):
        gateway.ship()

        async def echoing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            del reader
            body = b'{"tracking":"token-number-1"}'
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body))
            writer.write(body)
            await writer.drain()

        gateway.parcels.script = echoing
        reply = gateway.ship()

        assert issuer.count == 1
        assert b"token-number" not in reply.payload


def test_an_sdk_that_signs_in_by_itself_gets_its_own_token_and_the_vendor_hears_nothing(tmp_path: Path) -> None:
    files = signing_in()
    files[FILE] += "sign_in: POST /oauth/token\n"
    with running(tmp_path, files=files, secrets=KEYS) as gateway:
        gateway.parcels.script = Issuer(gateway)
        token, other = gateway.token(), gateway.token(fresh=True, vendor="payments")
        basic = b64encode(f"anybody:{token}".encode()).decode()

        def asked(*fields: str, body: bytes = b"") -> Reply:
            form = ["Content-Type: application/x-www-form-urlencoded", *fields]
            return gateway.call("POST", "/parcels/oauth/token", *form, body=body, token="")

        by_header = asked(f"Authorization: Basic {basic}", body=b"grant_type=client_credentials")
        by_body = asked(body=f"grant_type=client_credentials&client_id=a&client_secret={token}".encode())
        wrong = [asked(body=b"client_secret=x"), asked(f"Authorization: Bearer {other}"), asked()]
        before = len(gateway.parcels.received)
        said = json.loads(by_header.payload)
        shipped = gateway.ship(token=said["access_token"])

        assert (by_header.status, by_body.status, shipped.status) == (200, 200, 200)
        assert (said["access_token"], said["token_type"]) == (token, "Bearer")
        assert 0 < said["expires_in"] <= 90 * 24 * 3600
        assert json.loads(by_body.payload)["access_token"] == token
        assert dict(by_header.headers)["cache-control"] == "no-store"
        assert [(each.status, each.code) for each in wrong] == [
            (401, "caller.unknown"), (403, "caller.not_allowed"), (401, "caller.unknown"),
        ]  # fmt: skip
        assert before == 0


def test_without_the_credentials_nothing_starts(tmp_path: Path) -> None:
    secrets = {name: value for name, value in KEYS.items() if name != "PARCELS_SECRET"}

    with pytest.raises(StartError, match="PARCELS_SECRET"), running(tmp_path, files=signing_in(), secrets=secrets):
        """It does not come to that."""


GOOD = "oauth: {url: 'https://acme.example/token', id: $ACME_ID, secret: $ACME_SECRET}\n"
PLACED = VENDOR.replace("$ACME_KEY", "$ACCESS_TOKEN")


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (PLACED + GOOD, []),
        (VENDOR + GOOD, ["contract.value"]),
        (PLACED, ["contract.secret"]),
        (PLACED + GOOD + "sign_in: POST /oauth/token\n", []),
        (PLACED + GOOD + "sign_in: POST /oauth/{token}\n", ["contract.value"]),
        (PLACED + GOOD.replace("https", "http"), ["contract.hosts"]),
        (PLACED + GOOD.replace("/token", "/token?x=1"), ["contract.hosts"]),
        (PLACED + GOOD.replace("$ACME_SECRET", "geheim"), ["contract.secret"]),
    ],
    ids=[
        "right",
        "placed nowhere",
        "fetched by nobody",
        "an SDK's own",
        "of any path",
        "in clear",
        "with a query",
        "written out",
    ],
)
def test_a_mistake_in_it_is_found_where_it_stands(text: str, codes: list[str], tmp_path: Path) -> None:
    assert found(tmp_path, {**SMALL, ACME: text}) == codes
