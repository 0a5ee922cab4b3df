"""No value of a call and no credential is ever in a reply, a log line, a metric or the ledger."""

import base64
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import Running, running, shipment
from shop_contracts import SECRETS
from sockets import Reply
from vendors import answers, hangs_up

CANARY = "Qz7canary"
FORM = "Content-Type: application/x-www-form-urlencoded"
JSON = "content-type: application/json"


@pytest.fixture
def gateway(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Running]:
    caplog.set_level(logging.DEBUG)
    with running(tmp_path, vendor_total=3.0) as gateway:
        yield gateway


def everything(gateway: Running, caplog: pytest.LogCaptureFixture, *replies: Reply) -> dict[str, bytes]:
    """Whatever anybody but the vendor could read afterwards, by where it stands."""
    gateway.entries()
    data = gateway.folder / "data"
    found = {file.name: file.read_bytes() for file in data.iterdir() if file.name.startswith(("ledger", "keys"))}
    found["metrics"] = gateway.said(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", operators=True).payload
    found["log"] = "\n".join(f"{each.getMessage()} {each.exc_text}" for each in caplog.records).encode()
    found["replies"] = b"\n".join(repr((each.headers, each.payload)).encode() for each in replies)
    assert len(found["ledger.db"]) + len(found["ledger.db-wal"]) > 10_000, "the ledger holds something to look at"
    return found


def leaks(found: dict[str, bytes], text: str) -> list[str]:
    """Where a text stands, plain or encoded."""
    spelled = [text.encode().lower(), base64.b64encode(text.encode()).rstrip(b"=").lower()]
    cut = [base64.b64encode(b"x" * n + text.encode())[4:-4].lower() for n in range(3)]
    # Fewer signs stand in any digest by chance.
    spelled += [each for each in cut if len(each) >= 8]
    return [name for name, raw in found.items() if any(each in raw.lower() for each in spelled)]


def canaries(**changed: object) -> bytes:
    """A parcel with a canary in every field, and as a name."""
    person = {
        name: f"{CANARY}-{name}" for name in ("name", "city", "phone", "unit", "email", "tax_id", f"{CANARY}-key")
    }
    members: dict[str, object] = {
        "reference": "A-10045",
        "to": person | {"country": "DE"},
        "items": [{"title": CANARY, "quantity": 1, CANARY: CANARY}],
        "service": f"{CANARY}-service",
        "note": CANARY,
        CANARY: {CANARY: CANARY},
    }
    return shipment(**(members | changed))


def sent(gateway: Running, body: bytes, target: str = "/parcels/shipments", *fields: str) -> Reply:
    return gateway.call(
        "POST", f"{target}?label={CANARY}&{CANARY}={CANARY}", f"Idempotency-Key: {CANARY}", f"X-{CANARY}: {CANARY}",
        f"Parcels-Version: {CANARY}", f"Cookie: {CANARY}", *fields, body=body,
    )  # fmt: skip


REFUSED = {
    "an unknown path": (canaries(), f"/parcels/{CANARY}", ()),
    "an unknown vendor": (canaries(), f"/{CANARY}/shipments", ()),
    "an unreadable body": (canaries()[:-1], "/parcels/shipments", ()),
    "a key twice": (canaries()[:-1] + b',"weight":1}', "/parcels/shipments", ()),
    "a wrong type": (canaries(weight={CANARY: CANARY}), "/parcels/shipments", ()),
    "a missing field": (canaries(weight=None), "/parcels/shipments", ()),
    "a refused field": (canaries(payment={"number": CANARY}), "/parcels/shipments", ()),
    "a person in a code": (canaries(service=f"{CANARY}@example.com"), "/parcels/shipments", ()),
    "an unknown order": (canaries(reference=CANARY), "/parcels/shipments", ()),
    "an order that is a list": (canaries(reference=[CANARY, CANARY]), "/parcels/shipments", ()),
    "another subject": (canaries(), "/parcels/shipments", (f"Gateway-Subject: {CANARY}",)),
    "another media type": (canaries(), "/parcels/shipments", (f"Content-Type: text/{CANARY}",)),
    "another coding": (canaries(), "/parcels/shipments", (f"Content-Encoding: {CANARY}",)),
    "a header that is not ASCII": (canaries(), "/parcels/shipments", (f"Parcels-Version: {CANARY}ä",)),
}


@pytest.mark.parametrize(("body", "target", "fields"), REFUSED.values(), ids=REFUSED.keys())
def test_no_value_of_a_refused_call_is_kept_or_told(
    gateway: Running, caplog: pytest.LogCaptureFixture, body: bytes, target: str, fields: tuple[str, ...]
) -> None:
    reply = sent(gateway, body, target, *fields)

    assert reply.status >= 400
    assert leaks(everything(gateway, caplog, reply), CANARY) == []
    assert gateway.received == []


def test_no_value_of_a_call_that_went_is_kept(gateway: Running, caplog: pytest.LogCaptureFixture) -> None:
    reply = sent(gateway, canaries())

    assert reply.status == 200
    assert CANARY.encode() in gateway.received[0], "the vendor is meant to get some of it"
    assert leaks(everything(gateway, caplog, reply), CANARY) == []


@pytest.mark.parametrize(
    "raw",
    [
        answers(422, json.dumps({"error": {"code": "bad", "message": CANARY}}).encode(), JSON, f"x-{CANARY}: {CANARY}"),
        answers(500, CANARY.encode(), "content-type: text/plain"),
        answers(200, b"{" + CANARY.encode(), JSON),
        answers(200, json.dumps({CANARY: CANARY, "tracking": {"a": CANARY}}).encode(), JSON),
        answers(302, CANARY.encode(), f"location: https://{CANARY}.test/{CANARY}"),
        hangs_up,
    ],
    ids=["an error", "an error of another type", "broken JSON", "unnamed fields", "a redirect", "silence"],
)
def test_what_a_vendor_says_beyond_the_contract_is_neither_kept_nor_told(
    gateway: Running, caplog: pytest.LogCaptureFixture, raw: object
) -> None:
    gateway.parcels.script = raw  # type: ignore[assignment]

    reply = gateway.ship()

    assert len(gateway.parcels.received) == 1
    assert leaks(everything(gateway, caplog, reply), CANARY) == []


def test_who_a_call_is_about_stands_sealed_in_the_ledger(gateway: Running, caplog: pytest.LogCaptureFixture) -> None:
    gateway.put(
        {
            "kind": "order",
            "order": f"{CANARY}-order",
            "people": [{"role": "purchaser", "subject": f"{CANARY}-who", "jurisdiction": "DE"}],
        },
        {"kind": "consent", "subject": f"{CANARY}-who", "purpose": "delivery", "state": "given"},
    )

    reply = gateway.ship(reference=f"{CANARY}-order")

    assert reply.status == 200
    assert len(gateway.entries(kind="intent", subject=f"{CANARY}-who")) == 1
    assert leaks(everything(gateway, caplog, reply), CANARY) == []


def test_a_value_that_is_kept_would_be_found(gateway: Running, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("gateway").warning("refused %s", base64.b64encode(f"..{CANARY}..".encode()).decode())

    assert leaks(everything(gateway, caplog, gateway.ship()), CANARY) == ["log"]


BASIC = base64.b64encode(f"{SECRETS['PAYMENTS_ACCOUNT']}:{SECRETS['PAYMENTS_KEY']}".encode()).decode()
ECHOES = {
    "a field": ("parcels", {"status": SECRETS["PARCELS_KEY"], "tracking": "T-1"}),
    "part of a field": ("parcels", {"status": f"with Bearer {SECRETS['PARCELS_KEY']}!", "tracking": "T-1"}),
    "an unnamed field": ("parcels", {"request": {"authorization": SECRETS["PARCELS_KEY"]}}),
    "what an exception is chosen by": ("parcels", {"error": {"code": SECRETS["PARCELS_KEY"]}}),
    "a field of another vendor": ("payments", {"status": SECRETS["PAYMENTS_KEY"], "id": "ch_1"}),
    "the encoded one": ("payments", {"status": BASIC, "id": f"Basic {BASIC}"}),
}


@pytest.mark.parametrize(("vendor", "said"), ECHOES.values(), ids=ECHOES.keys())
@pytest.mark.parametrize("status", [200, 401])
def test_a_key_of_the_vendor_never_reaches_the_shop_even_if_the_vendor_repeats_it(
    gateway: Running, caplog: pytest.LogCaptureFixture, vendor: str, said: object, status: int
) -> None:
    depot = f"parcels-depot: {SECRETS['PARCELS_KEY']}"
    gateway.vendors[vendor].script = answers(status, json.dumps(said).encode(), JSON, depot)
    order = b"amount=1&source=t&customer=c-90&metadata[order]=A-1"
    charge = gateway.raw("POST", "/payments/accounts/a/charges", FORM, body=order, token=gateway.token("checkout"))

    reply = gateway.ship() if vendor == "parcels" else gateway.said(charge)

    found = everything(gateway, caplog, reply)
    assert reply.status == status
    assert [leaks(found, secret) for secret in SECRETS.values()] == [[]] * len(SECRETS)
    assert BASIC.encode() not in found["replies"]
    assert len(gateway.received) == 1


def test_no_token_is_kept_or_told(gateway: Running, caplog: pytest.LogCaptureFixture) -> None:
    good, foreign = gateway.token(), gateway.token("checkout")
    revoked = gateway.issued()
    gateway.do(lambda: gateway.stores.desk.revoke_token(revoked["id"], by="x"))
    # Not the last characters: some of their bits are padding, so that another spelling can be the same signature.
    signed, _, signature = good.rpartition(".")
    forged = f"{signed}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
    tokens = [good, foreign, revoked["token"], forged, "sk_live_" + "a" * 30]

    replies = [gateway.ship(token=token) for token in tokens]

    assert [reply.status for reply in replies] == [200, 403, 401, 401, 401]
    found = everything(gateway, caplog, *replies)
    assert [leaks(found, token) for token in tokens] == [[]] * len(tokens)
    assert [leaks(found, token.rpartition(".")[2]) for token in tokens] == [[]] * len(tokens)
