"""The path of one call, through real sockets: what arrives, what comes back, what is recorded, and when."""

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from running import Running, running, shipment
from sockets import Reply
from vendors import answers, hangs_up

PSEUDONYM = re.compile(rb"psn_[0-9a-f]{26}")
FORM = "Content-Type: application/x-www-form-urlencoded"
PERSON = {"name": "Zoë Müller", "city": "Kiel", "country": "DE", "phone": "+49301234567", "unit": "Hof 2 links"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("exchange"), vendor_total=5.0) as gateway:
        yield gateway


@pytest.fixture
def gateway(shared: Running) -> Running:
    shared.reset()
    return shared


def without_pseudonyms(payload: bytes) -> bytes:
    return PSEUDONYM.sub(b"psn", payload)


def charge(gateway: Running, body: str, *fields: str, token: str | None = None) -> Reply:
    token = gateway.token("checkout") if token is None else token
    return gateway.call("POST", "/payments/accounts/any/charges", FORM, *fields, body=body.encode(), token=token)


def report(gateway: Running, body: bytes, *fields: str, token: str | None = None) -> Reply:
    auth = f"X-Faults-Auth: Faults key={token or gateway.token('checkout')}"
    return gateway.call("POST", "/faults/api/events", auth, *fields, body=body, token="")


def test_a_parcel_leaves_with_what_its_contract_names_and_nothing_else(gateway: Running) -> None:
    items = [{"title": "Night serum", "quantity": 2, "sku": "S-1"}, {"quantity": 1}]

    reply = gateway.ship(
        "Idempotency-Key: A-10045-1", "Parcels-Version: 2026-05", "Cookie: sid=1", "X-Forwarded-For: 203.0.113.7",
        "X-Internal: yes", to=PERSON, items=items, note="ring twice", crm={"segment": "gold"},
    )  # fmt: skip

    [sent] = gateway.parcels.received
    assert reply.status == 200
    assert sent.line == "POST /api/shipments HTTP/1.1"
    assert (
        without_pseudonyms(sent.payload)
        == (
            '{"reference":"psn","weight":1,"to":{"name":"Zoë Müller","city":"Kiel","country":"DE",'
            '"phone":"+49******567","unit":"Hof 2"},"items":[{"title":"Goods","quantity":2},{"quantity":1}]}'
        ).encode()
    )
    headers = dict(sent.headers)
    assert PSEUDONYM.fullmatch(headers.pop("idempotency-key").encode())
    assert headers == {
        "content-type": "application/json",
        "accept": "application/json",
        "accept-encoding": "identity",
        "user-agent": "data-sharing-gateway",
        "parcels-version": "2026-05",
        "authorization": "Bearer pk-parcels-7Qx2",
        "host": f"api.parcels.test:{gateway.parcels.port}",
        "content-length": str(len(sent.payload)),
    }


def test_what_left_and_what_stayed_is_on_record_with_the_grounds(gateway: Running) -> None:
    gateway.ship(to=PERSON | {"email": "zoe@example.com", "birthday": "1990-01-01"}, note="hello")

    intent = gateway.record(kind="intent")[0]
    disclosed = {
        path: (group["form"], group.get("of")) for group in intent["disclosed"] for path, *_ in group["fields"]
    }
    assert disclosed["$.to.name"] == ("as_is", ["consignee"])
    assert disclosed["$.to.phone"] == ("mask", ["consignee"])
    assert disclosed["$.reference"] == ("pseudonymise", ["purchaser"])
    withheld = {group["reason"]: group["paths"] for group in intent["withheld"]}
    assert withheld["consent.missing"] == ["$.to.email"]
    assert withheld["drop"] == ["$.note"]
    [unnamed] = withheld["field.unnamed"]
    assert unnamed.startswith("$.to.*#"), "a name that no contract knows may be data"
    assert intent["outcome"]["result"] == "sent"
    assert [(ground["role"], ground["basis"]) for ground in intent["grounds"]] == [
        ("purchaser", "performance_of_contract"),
        ("consignee", "legitimate_interest"),
    ]


def test_a_form_keeps_its_pairs_byte_for_byte_and_in_order(gateway: Running) -> None:
    reply = charge(
        gateway,
        "source=tok_1&methods[]=card&amount=0019.90&customer=c-90&methods[]=s%65pa&metadata%5Border%5D=A-1&x=1&note=a+b",
    )

    [sent] = gateway.vendors["payments"].received
    assert reply.status == 200
    assert without_pseudonyms(sent.payload) == (
        b"source=tok_1&methods[]=card&amount=0019.90&methods[]=s%65pa&metadata%5Border%5D=psn"
    )


def test_what_is_allowed_keeps_its_digits_its_order_and_its_empty_lists(gateway: Running) -> None:
    body = b'{"weight":0.50000000000000000001,"items":[],"service":12345678901234567890123,"reference":"A-10045"}'

    gateway.call("POST", "/parcels/shipments", body=body)

    [sent] = gateway.parcels.received
    assert without_pseudonyms(sent.payload) == body.replace(b"A-10045", b"psn")


def test_one_value_has_one_pseudonym_at_a_vendor_and_another_at_the_next(gateway: Running) -> None:
    gateway.ship()
    gateway.ship()
    charge(gateway, "amount=1&source=t&customer=c-90&metadata[order]=A-10045")

    first, second = (PSEUDONYM.findall(sent.payload) for sent in gateway.parcels.received)
    [other] = gateway.vendors["payments"].received
    assert first == second
    assert PSEUDONYM.findall(other.payload) != first


def test_credentials_stand_where_the_vendor_wants_them(gateway: Running) -> None:
    charge(gateway, "amount=1&source=t&customer=c-90&metadata[order]=A-1")
    report(gateway, b'{"release":"shop@1"}')

    [payment], [fault] = gateway.vendors["payments"].received, gateway.vendors["faults"].received
    assert payment.line == "POST /accounts/acct-9931/charges HTTP/1.1"
    assert dict(payment.headers)["authorization"] == "Basic YWNjdC05OTMxOnBrLXBheW1lbnRzLThXejM="
    assert fault.line == "POST /api/events?key=pk-faults-9Ry4 HTTP/1.1"
    assert dict(fault.headers)["x-faults-auth"] == "Faults key=pk-faults-9Ry4, version=1"


def test_a_token_in_the_body_proves_the_caller_and_becomes_the_vendors_key(gateway: Running) -> None:
    token = gateway.token("checkout")

    reply = charge(gateway, f"api_key={token}&amount=1&source=t&customer=c-90&metadata[order]=A-1", token="")

    [sent] = gateway.vendors["payments"].received
    assert reply.status == 200
    assert without_pseudonyms(sent.payload) == b"api_key=pk-payments-8Wz3&amount=1&source=t&metadata[order]=psn"


def test_a_token_never_reaches_a_vendor_wherever_a_service_puts_it(gateway: Running) -> None:
    token = gateway.token()

    reply = gateway.call(
        "POST",
        f"/parcels/shipments?label={token}&key={token}",
        f"Parcels-Version: v {token}",
        f"Gateway-Token: {token}",
        f"Baggage: key={token}",
        body=shipment(to=PERSON | {"name": token, "city": f"x{token}y"}, service="a"),
    )

    assert reply.status == 200
    assert all(token.encode() not in raw for raw in gateway.received)
    [sent] = gateway.parcels.received
    assert b'"to":{"country":"DE"' in sent.payload


def test_no_header_of_ours_reaches_a_vendor(gateway: Running) -> None:
    gateway.ship("Gateway-Subject: c-88", "Gateway-Hint: x", "Gateway-Anything: y", "Sec-GPC: 1")

    [sent] = gateway.parcels.received
    assert not any(name.startswith("gateway-") for name, _ in sent.headers)
    assert dict(sent.headers)["sec-gpc"] == "1"


def test_somebody_whom_nobody_looks_up_is_not_missing(gateway: Running) -> None:
    reply = report(gateway, b'{"release":"shop@1","user":{"id":"88","email":"zoe@example.com"}}')

    [sent] = gateway.vendors["faults"].received
    [ground] = gateway.record(kind="intent")[0]["grounds"]
    assert reply.status == 200
    assert without_pseudonyms(sent.payload) == b'{"release":"shop@1","user":{"id":"psn"}}'
    assert ground["jurisdiction"] == "default"


def test_a_report_of_which_nothing_is_left_is_accepted_and_not_sent(gateway: Running) -> None:
    reply = report(gateway, b'{"extra":{"customer":"Zoe"}}')

    assert (reply.status, reply.payload, reply.headers["gateway-sent"]) == (200, b"{}", "no")
    assert gateway.received == []
    assert gateway.record(kind="refusal")[0]["code"] == "body.empty"


def test_a_number_that_an_answer_brought_leads_to_the_people_of_that_call(gateway: Running) -> None:
    gateway.put({"kind": "order", "order": "A-7", "people": [
        {"role": "purchaser", "subject": "c-7", "jurisdiction": "DE"},
        {"role": "consignee", "subject": "c-8", "jurisdiction": "FR"},
    ]})  # fmt: skip
    gateway.parcels.script = answers(200, b'{"tracking":"T-777"}', "content-type: application/json")
    gateway.ship(reference="A-7")
    gateway.parcels.script = answers(200, b'{"status":"moving","signed_by":"Bob"}', "content-type: application/json")

    reply = gateway.call("GET", "/parcels/shipments/T-777")
    stranger = gateway.call("GET", "/parcels/shipments/T-778")

    assert (reply.status, reply.payload) == (200, b'{"status":"moving"}')
    assert gateway.record(kind="intent", operation="track", subject="c-8")[0]["grounds"] == [
        {
            "basis": "legitimate_interest", "evidence": {"kind": "assessment", "ref": "LIA-1"},
            "jurisdiction": "FR", "role": "consignee",
        }
    ]  # fmt: skip
    assert (stranger.status, stranger.code) == (403, "subject.unresolved")


def test_operations_at_one_address_are_told_apart_by_their_pins(gateway: Running) -> None:
    for view in ("hours", "full"):
        gateway.call("GET", f"/parcels/depots/7?view={view}&debug=1")

    names = [intent["operation"] for intent in gateway.record(kind="intent")[:2]]
    assert names == ["depot-full", "depot-hours"]
    assert [sent.line for sent in gateway.parcels.received] == [
        "GET /api/depots/7?view=hours HTTP/1.1",
        "GET /api/depots/7?view=full HTTP/1.1",
    ]


@pytest.mark.parametrize(("kind", "kept"), [("pickup", b'"parcels":1'), ("supply", b'"boxes":2')])
def test_operations_at_one_address_are_told_apart_by_pins_in_the_body(gateway: Running, kind: str, kept: bytes) -> None:
    body = b'{"kind":"%b","parcels":1,"boxes":2}' % kind.encode()

    reply = gateway.call("POST", "/parcels/jobs", body=body)

    [sent] = gateway.parcels.received
    assert reply.status == 200
    assert sent.payload == b'{"kind":"%b",%b}' % (kind.encode(), kept)
    assert gateway.record(kind="intent")[0]["operation"] == kind


@pytest.mark.parametrize("body", [b'{"kind":"other","boxes":1}', b'{"kind":["pickup"]}', b'{"boxes":1}', b"{}"])
def test_a_body_that_has_the_pins_of_no_operation_goes_nowhere(gateway: Running, body: bytes) -> None:
    reply = gateway.call("POST", "/parcels/jobs", body=body)

    assert (reply.status, reply.code) == (403, "operation.unknown")
    assert gateway.received == []


def test_calls_with_one_idempotency_key_are_numbered_attempts_of_one_disclosure(gateway: Running) -> None:
    gateway.token()

    with ThreadPoolExecutor(25) as pool:
        replies = list(pool.map(lambda _: gateway.ship("Idempotency-Key: fifty"), range(50)))

    [disclosure] = {reply.headers["gateway-disclosure"] for reply in replies}
    attempts = [each["attempt"] for each in gateway.record(kind="intent") if each["disclosure"] == disclosure]
    assert sorted(attempts) == list(range(1, 51))
    assert len(gateway.parcels.received) == 50


def test_calls_without_a_key_are_disclosures_of_their_own_and_tried_once(gateway: Running) -> None:
    gateway.parcels.script = hangs_up

    replies = [gateway.ship() for _ in range(2)]

    assert len({reply.headers["gateway-disclosure"] for reply in replies}) == 2
    assert len(gateway.parcels.received) == 2


def test_a_call_with_a_key_is_tried_again_and_each_attempt_has_its_own_intent(gateway: Running) -> None:
    gateway.parcels.script = hangs_up

    reply = gateway.ship("Idempotency-Key: twice")

    disclosure = reply.headers["gateway-disclosure"]
    tried = [each for each in gateway.record(kind="intent") if each["disclosure"] == disclosure]
    assert [(each["attempt"], each["outcome"]["result"]) for each in tried] == [(2, "possibly"), (1, "possibly")]
    assert (reply.status, reply.headers["gateway-sent"]) == (504, "possibly")
    keys = {dict(sent.headers)["idempotency-key"] for sent in gateway.parcels.received}
    assert len(keys) == 1, "the vendor knows a repeat by it"
    assert len(gateway.parcels.received) == 2


def test_after_an_attempt_that_may_have_arrived_no_refusal_says_that_nothing_was_sent(gateway: Running) -> None:
    async def suspends_us(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        row = {"kind": "suspension", "vendor": "parcels"}
        await gateway.stores.desk.put_facts([row], by="the vendor of this test")
        await hangs_up(reader, writer)

    gateway.parcels.script = suspends_us

    reply = gateway.ship("Idempotency-Key: suspended-between")
    gateway.put({"kind": "suspension", "vendor": "parcels", "lifted": True})

    assert (reply.status, reply.code) == (403, "vendor.suspended")
    assert reply.headers["gateway-sent"] == "possibly"
    assert len(gateway.parcels.received) == 1


def test_the_shop_may_say_whom_a_call_is_about_and_must_be_right(gateway: Running) -> None:
    right, wrong = gateway.ship("Gateway-Subject: c-88"), gateway.ship("Gateway-Subject: c-90")

    assert right.status == 200
    assert (wrong.status, wrong.code) == (403, "subject.mismatch")
    assert len(gateway.parcels.received) == 1
