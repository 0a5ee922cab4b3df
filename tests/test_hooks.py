"""What a vendor sends by itself is proved, minimised, written down and handed to the shop; nothing of it comes back."""

import hmac
import json
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from running import Running, running
from shop_contracts import FILES, SECRETS
from small_contracts import ACME, VENDOR, found
from small_contracts import FILES as SMALL
from sockets import Reply

from gateway.contract.sign import HookSignature
from gateway.signing.hooks import is_hook_signed
from gateway.vocabulary import Role

KEY = "whsec-parcels-5Tz1"
SHARED = f"whsec_{b64encode(b'what the shop and the gateway share').decode()}"
CANARY = "Qz7-neighbour-Ada"
HOOKS = """\
hooks:
  tracking:
    to: http://127.0.0.1:@port@/hooks?of=parcels
    signature: {scheme: stripe, key: $PARCELS_HOOK}
    receiving:
      body: json
      groups:
        - why: The customer sees where the parcel is.
          fields: {$.tracking: shipment.tracking, $.status: not_personal, header:Parcels-Event: not_personal}
  returns:
    to: http://127.0.0.1:@port@/returns
    signature: {scheme: hmac-sha256, key: $PARCELS_HOOK, header: X-Signature, prefix: "sha256=", encoding: base64}
    receiving:
      body: json
      groups:
        - why: Opens the return.
          fields: {$.tracking: shipment.tracking}
"""
EVENT = {"tracking": "T-1", "status": "delivered", "neighbour": CANARY}


@dataclass
class Shop:
    """A service of the shop: what it was handed, and how it answers."""

    status: int = 200
    taken: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)
    port: int = 0


@pytest.fixture(scope="module")
def service() -> Iterator[Shop]:
    shop = Shop()

    class Service(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            shop.taken.append((self.path, {key.lower(): value for key, value in self.headers.items()}, body))
            self.send_response(shop.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Service)
    shop.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield shop
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def shop(service: Shop) -> Shop:
    service.status = 200
    service.taken.clear()
    return service


@pytest.fixture(scope="module")
def gateway(service: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    file = "parcels/vendor.yaml"
    files = {**FILES, file: FILES[file] + HOOKS.replace("@port@", str(service.port))}
    secrets = {**SECRETS, "PARCELS_HOOK": KEY}
    with running(tmp_path_factory.mktemp("hooks"), files=files, secrets=secrets, webhook_key=SHARED) as gateway:
        yield gateway


def signature(body: bytes, *, key: str = KEY, at: float | None = None) -> str:
    stamp = str(int(time.time() if at is None else at))
    return f"t={stamp},v1={hmac.digest(key.encode(), stamp.encode() + b'.' + body, 'sha256').hex()}"


def said(gateway: Running, body: bytes, *fields: str, path: str = "/parcels/tracking") -> Reply:
    head = ["POST " + path + " HTTP/1.1", "Host: hooks.test", "Content-Type: application/json", *fields]
    raw = "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body
    return gateway.said(raw, listener=3)


def signed(gateway: Running, event: object = EVENT, **how: object) -> Reply:
    body = json.dumps(event).encode()
    return said(gateway, body, f"Stripe-Signature: {signature(body, **how)}", "Parcels-Event: e-1")  # type: ignore[arg-type]


def test_what_a_vendor_sends_comes_to_the_shop_as_far_as_the_contract_names_it(gateway: Running, shop: Shop) -> None:
    reply = signed(gateway)

    assert (reply.status, reply.payload) == (204, b"")
    [(path, headers, body)] = shop.taken
    assert (path, json.loads(body)) == ("/hooks?of=parcels", {"tracking": "T-1", "status": "delivered"})
    assert (headers["gateway-hook"], headers["parcels-event"]) == ("parcels/tracking", "e-1")
    assert headers["content-type"] == "application/json"
    assert "stripe-signature" not in headers


def test_the_shop_knows_by_a_signature_that_it_comes_from_the_gateway(gateway: Running, shop: Shop) -> None:
    signed(gateway, at=time.time() - 50)

    [(_, headers, body)] = shop.taken
    over = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    # As the service works it out, without anything of ours (Standard Webhooks 1.0).
    digest = hmac.digest(b64decode(SHARED.removeprefix("whsec_")), over, "sha256")
    assert headers["webhook-signature"] == f"v1,{b64encode(digest).decode()}"


def test_it_is_on_record_by_categories_and_nothing_of_it_is(gateway: Running) -> None:
    assert signed(gateway, at=time.time() - 100).status == 204

    [entry, *_] = gateway.record(kind="received", vendor="parcels")
    assert (entry["hook"], entry["direction"], entry["bytes"]) == ("tracking", "inbound", len(json.dumps(EVENT)))
    assert dict(entry["kept"]) == {"shipment.tracking": 1, "not_personal": 2}
    assert entry["withheld"] == 1
    token = gateway.token("rita", role=Role.REVIEWER)
    report = gateway.said(gateway.raw("GET", "/reports/vendors?vendor=parcels", token=token), operators=True)
    [row] = [each for each in json.loads(report.payload)["rows"] if each["vendor"] == "parcels"]
    assert row["received"] == len(gateway.record(kind="received"))
    files = [file for file in (gateway.folder / "data").rglob("*") if file.is_file()]
    assert not any(CANARY.encode() in file.read_bytes() for file in files)


@pytest.mark.parametrize(
    "how", [{"key": "another-key-9Qx"}, {"at": 0}, {"at": 2_000_000_000_000}], ids=["key", "too old", "from ahead"]
)
def test_what_the_vendor_did_not_sign_now_comes_to_nobody(how: dict[str, object], gateway: Running, shop: Shop) -> None:
    before = len(gateway.record(kind="received"))

    reply = signed(gateway, **how)

    assert (reply.status, reply.code) == (401, "hook.unsigned")
    assert CANARY.encode() not in reply.payload
    assert shop.taken == []
    assert len(gateway.record(kind="received")) == before


def test_a_body_that_was_changed_or_has_no_signature_comes_to_nobody(gateway: Running, shop: Shop) -> None:
    body = json.dumps(EVENT).encode()

    replies = [
        said(gateway, body + b" ", f"Stripe-Signature: {signature(body)}"),
        said(gateway, body),
        said(gateway, body, f"Stripe-Signature: {signature(body)}", f"Stripe-Signature: {signature(body)}"),
    ]

    assert [reply.status for reply in replies] == [401, 401, 401]
    assert shop.taken == []


def test_a_replay_is_handed_over_no_second_time(gateway: Running, shop: Shop) -> None:
    at = time.time() - 20

    first, again, later = signed(gateway, at=at), signed(gateway, at=at), signed(gateway, at=at + 1)

    assert [first.status, again.status, later.status] == [204, 409, 204]
    assert again.code == "hook.replayed"
    assert len(shop.taken) == 2


def test_what_was_handed_over_before_a_restart_is_handed_over_no_second_time(shop: Shop, tmp_path: Path) -> None:
    file = "parcels/vendor.yaml"
    files = {**FILES, file: FILES[file] + HOOKS.replace("@port@", str(shop.port))}
    at, secrets, replies = time.time(), {**SECRETS, "PARCELS_HOOK": KEY}, list[int]()
    body = b'{"tracking":"T-3"}'
    untimed = f"X-Signature: sha256={b64encode(hmac.digest(KEY.encode(), body, 'sha256')).decode()}"

    for _ in range(2):
        with running(tmp_path, files=files, secrets=secrets) as gateway:
            replies += [signed(gateway, at=at).status, said(gateway, body, untimed, path="/parcels/returns").status]

    assert replies == [204, 204, 409, 409]
    assert len(shop.taken) == 2


def test_what_the_shop_did_not_take_is_as_new_as_before(gateway: Running, shop: Shop) -> None:
    at, shop.status = time.time() - 40, 500
    lost = signed(gateway, at=at)
    shop.status = 202

    again = signed(gateway, at=at)

    assert (lost.status, lost.code, again.status) == (502, "hook.not_taken", 204)


@pytest.mark.parametrize(
    ("body", "path", "status"),
    [
        (b"{", "/parcels/tracking", 422),
        (b'{"a": "' + b"x" * 300_000 + b'"}', "/parcels/tracking", 413),
        (b"{}", "/parcels/nothing", 404),
        (b"{}", "/payments/tracking", 404),
    ],
    ids=["unreadable", "too long", "no such hook", "another vendor"],
)
def test_what_nobody_can_read_or_nobody_expects_comes_to_nobody(
    body: bytes, path: str, status: int, gateway: Running, shop: Shop
) -> None:
    reply = said(gateway, body, f"Stripe-Signature: {signature(body)}", path=path)

    assert reply.status == status
    assert shop.taken == []


def test_a_vendor_that_signs_without_a_time_is_proved_by_its_body(gateway: Running, shop: Shop) -> None:
    body = b'{"tracking":"T-2","neighbour":"x"}'
    made = b64encode(hmac.digest(KEY.encode(), body, "sha256")).decode()

    right = said(gateway, body, f"X-Signature: sha256={made}", path="/parcels/returns")
    bare = said(gateway, body, f"X-Signature: {made}", path="/parcels/returns")

    assert (right.status, bare.status) == (204, 401)
    assert [each for _, _, each in shop.taken] == [b'{"tracking":"T-2"}']


def test_vendors_reach_nothing_else_there_and_no_other_listener_takes_what_they_send(gateway: Running) -> None:
    body = json.dumps(EVENT).encode()
    raw = gateway.raw("POST", "/parcels/tracking", f"Stripe-Signature: {signature(body)}", body=body, token="")

    assert [gateway.said(raw, listener=number).status in (401, 403, 404) for number in (0, 1, 2)] == [True] * 3


@pytest.mark.parametrize("call", ["POST /health", "POST /", "POST /parcels/tracking/more", "GET /parcels/tracking"])
def test_whatever_is_no_hook_has_the_same_code(call: str, gateway: Running) -> None:
    raw = f"{call} HTTP/1.1\r\nHost: hooks.test\r\nContent-Length: 0\r\n\r\n".encode()

    reply = gateway.said(raw, listener=3)

    assert (reply.status, reply.code) == (404, "hook.unknown")


SEVERAL = HookSignature.model_validate({"scheme": "stripe", "key": "$KEY"})
TIMED = HookSignature.model_validate(
    {"scheme": "hmac-sha256", "key": "$KEY", "header": "X-Sig", "timestamp": "X-Time", "tolerance": 10}
)
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize(("seconds", "holds"), [(0, True), (-10, True), (10, True), (-11, False), (11, False)])
def test_a_time_in_a_header_of_its_own_is_signed_with_the_body(seconds: int, holds: bool) -> None:
    stamp = str(int(NOW.timestamp()) + seconds)
    made = hmac.digest(b"k", stamp.encode() + b".body", "sha256").hex()
    headers = (("x-sig", made), ("x-time", stamp))

    assert is_hook_signed(TIMED, b"k", headers, b"body", NOW) is holds
    assert not is_hook_signed(TIMED, b"k", headers[:1], b"body", NOW)
    assert not is_hook_signed(TIMED, b"", headers, b"body", NOW)


def test_while_a_key_is_changed_one_of_several_signatures_is_enough() -> None:
    stamp = int(NOW.timestamp())
    right = hmac.digest(b"k", f"{stamp}.".encode() + b"body", "sha256").hex()

    def holds(said: str) -> bool:
        return is_hook_signed(SEVERAL, b"k", [("stripe-signature", said)], b"body", NOW)

    assert holds(f"t={stamp},v1={'0' * 64},v1={right}")
    assert not holds(f"t={stamp},v0={right}")
    assert not holds(f"t={stamp},t={stamp},v1={right}")
    assert not holds(f"v1={right}")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda text: text, []),
        (lambda text: text.replace("http://127.0.0.1:@port@/hooks?of=parcels", "ftp://shop"), ["contract.value"]),
        (lambda text: text.replace("$PARCELS_HOOK", "whsec_12345678901234567890", 1), ["contract.secret"]),
        (lambda text: text.replace("$.status: not_personal", "$.card: payment.pan_full"), ["contract.category"]),
        (lambda text: text.replace("body: json", "body: jsonx", 1), ["contract.value"]),
    ],
    ids=["right", "no address", "a key in clear", "no category", "no format"],
)
def test_a_mistake_in_a_hook_is_found_where_it_stands(
    change: Callable[[str], str], code: list[str], tmp_path: Path
) -> None:
    hooks = change(HOOKS).replace("@port@", "9")

    assert found(tmp_path, {**SMALL, ACME: VENDOR + hooks}) == code
