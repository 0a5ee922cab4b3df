"""Signed calls through real sockets: what arrives verifies, and of what the caller signed nothing is left."""

import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qsl, quote_plus

import pytest
from clearances import loaded
from running import NAMES, Running, running
from shop_contracts import FILES, SECRETS
from signing_keys import is_alipay, is_aws, is_wechatpay, made, merchant, other, pem, shown, verifies
from sockets import Reply
from test_bodies_on_the_wire import TRADE
from test_exchange_secrets import everything, leaks
from vendors import Received, answers

from gateway.errors import StartError
from gateway.examples import rehearsed
from gateway.frozen import changed
from gateway.signing.rsa import Alipay

KEYS = {
    "WECHAT_PUBLIC": shown(other("wechat")),
    "ANSWER_RSA": pem(other("answers")),
    **SECRETS,
    "MERCHANT_RSA": pem(),
    "PARCELS_MAC": "00ff10aa",
    "FAULTS_AWS": "wJalrXUtnFEMI",
    "FAULTS_ID": "AKID",
}
FORM = "Content-Type: application/x-www-form-urlencoded"
TYPED = TRADE.replace("      fields: [$.method]\n", "      fields: [$.method, query:timestamp, query:method]\n")


def signing(vendor: str, block: str, files: Mapping[str, str]) -> dict[str, str]:
    """The files with a vendor that wants its calls signed."""
    name = f"{vendor}/vendor.yaml"
    return {**files, name: files[name].replace("token:", f"sign: {block}\ntoken:", 1)}


SET = signing("payments", "{scheme: rsa-sha256-params, key: $MERCHANT_RSA}", {**FILES, "payments/trade.yaml": TYPED})
SET = signing(
    "parcels",
    '{scheme: hmac-sha256-body, key: $PARCELS_MAC, key_encoding: hex, over: "$timestamp.$method $target\\n$body",'
    ' headers: {X-Parcels-Signature: "t=$timestamp,v1=$signature"}}',
    SET,
)
SET = signing(
    "faults",
    "{scheme: aws-sigv4, key: $FAULTS_AWS, access_key: $FAULTS_ID, region: eu-central-1, service: execute-api}",
    SET,
)


@pytest.fixture(scope="module")
def signs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("signed"), files=SET, secrets=KEYS) as gateway:
        yield gateway


@pytest.fixture
def gateway(signs: Running) -> Running:
    signs.reset()
    return signs


CONTENT = '{"out_trade_no": "A-10045", "total_amount": "88.10", "buyer": "c-90", "subject": "for Zoë"}'


def traded(gateway: Running, *, query: str = "", more: str = "", fields: tuple[str, ...] = ()) -> Reply:
    body = f"method=pay+now&biz_content={quote_plus(CONTENT)}{more}".encode()
    token = gateway.token("checkout")
    return gateway.call("POST", f"/payments/gateway.do{query}", FORM, *fields, body=body, token=token)


def arrived(gateway: Running, vendor: str) -> Received:
    [sent] = gateway.vendors[vendor].received
    return sent


def target_of(sent: Received) -> str:
    return sent.line.split(" ")[1]


@pytest.mark.parametrize("query", ["", "?timestamp=2026-11-22+08%3A10%3A00"], ids=["form", "query and form"])
def test_a_wallet_verifies_what_arrived_and_not_what_the_caller_had_signed(gateway: Running, query: str) -> None:
    theirs = quote_plus("c2lnbmVkIGJ5IHRoZSBjYWxsZXIgaXRzZWxm+/8=")

    reply = traded(gateway, query=query, more=f"&sign_type=RSA&sign={theirs}")

    assert reply.status == 200
    sent = arrived(gateway, "payments")
    assert is_alipay(target_of(sent), sent.payload)
    assert theirs not in target_of(sent) + sent.payload.decode()
    left = dict(parse_qsl(sent.payload.decode()))
    assert left["method"] == "pay now"
    assert json.loads(left["biz_content"]) == {"out_trade_no": "A-10045", "total_amount": "88.10"}


def test_besides_the_signature_everything_that_arrives_is_what_it_would_be_without(
    gateway: Running, tmp_path: Path
) -> None:
    traded(gateway)
    signed = arrived(gateway, "payments")
    with running(tmp_path, files={**FILES, "payments/trade.yaml": TYPED}) as plain:
        traded(plain)
        unsigned = arrived(plain, "payments")

    assert target_of(signed) == target_of(unsigned)
    assert re.fullmatch(re.escape(unsigned.payload) + rb"&sign=[A-Za-z0-9%]+&sign_type=RSA2", signed.payload)
    heads = [
        [pair for pair in each.headers if pair[0] not in ("content-length", "host")] for each in (signed, unsigned)
    ]
    assert heads[0] == heads[1]


def test_how_a_caller_signed_is_no_noise_in_the_record(gateway: Running) -> None:
    digest = hashlib.sha256(b"x").hexdigest()

    plain = traded(gateway)
    signed = traded(gateway, query=f"?sign={digest}", more="&sign_type=RSA2", fields=(f"Digest: SHA-256={digest}",))

    newest, before = gateway.record(kind="intent")[:2]
    assert newest["withheld"] == before["withheld"]
    assert signed.headers["gateway-withheld"] == plain.headers["gateway-withheld"]


def test_a_vendor_verifies_the_text_that_its_contract_composes(gateway: Running) -> None:
    reply = gateway.ship("X-Parcels-Signature: t=1,v1=theirs")

    assert reply.status == 200
    sent = arrived(gateway, "parcels")
    said = re.fullmatch(r"t=(\d{10}),v1=([0-9a-f]{64})", dict(sent.headers)["x-parcels-signature"])
    assert said is not None
    text = f"{said[1]}.POST /api/shipments\n".encode() + sent.payload
    assert said[2] == hmac.new(bytes.fromhex("00ff10aa"), text, "sha256").hexdigest()


def test_every_call_has_one_signature_of_its_own(gateway: Running) -> None:
    gateway.ship()
    gateway.ship()

    first, second = gateway.parcels.received
    signatures = [[value for name, value in each.headers if name == "x-parcels-signature"] for each in (first, second)]
    assert [len(each) for each in signatures] == [1, 1]


def test_aws_verifies_what_arrived(gateway: Running) -> None:
    body = b'{"release": "shop@1.2.3", "user": {"email": "zoe@example.com"}}'
    token = f"X-Faults-Auth: Faults key={gateway.token('checkout')}"

    reply = gateway.call(
        "POST",
        "/faults/api/events",
        token,
        "Authorization: AWS4-HMAC-SHA256 Credential=x, Signature=y",
        body=body,
        token="",
    )

    assert reply.status == 200
    sent = arrived(gateway, "faults")
    assert is_aws(sent, KEYS["FAULTS_AWS"])
    assert not is_aws(changed(sent, payload=sent.payload + b" "), KEYS["FAULTS_AWS"])
    assert json.loads(sent.payload) == {"release": "shop@1.2.3"}


PAY = """\
operation: pay
version: 1
status: enforce
owner: checkout
match: POST /v3/pay/transactions/jsapi
callers: [checkout]
purpose: payment_settlement
evidence: {order: $.out_trade_no}
subjects:
  payer: {ref: $.payer.openid, legal_basis: performance_of_contract}
retention: {vendor_keeps: P5Y, why: The law on bookkeeping.}
sending:
  body: json
  groups:
    - why: Which trade it is, and what it costs.
      fields: {$.amount.total: payment.amount, $.out_trade_no: order.id, $.payer.openid: payment.token}
      required: all
answer:
  body: json
  groups:
    - why: Starts the payment.
      fields: {$.prepay_id: payment.token}
examples:
  - name: one
    given: |
      POST /v3/pay/transactions/jsapi

      {"amount": {"total": 1}, "out_trade_no": "A-1", "payer": {"openid": "c-1"}, "scene_info": {"ip": "203.0.113.7"}}
    sends: |
      POST /v3/pay/transactions/jsapi

      {"amount": {"total": 1}, "out_trade_no": "A-1", "payer": {"openid": "c-1"}}
    withholds: [$.scene_info]
"""
WECHAT = signing(
    "payments",
    "{scheme: rsa-sha256-request, key: $MERCHANT_RSA, mchid: $PAYMENTS_ACCOUNT, serial_no: 1DDE55AD,"
    " verify: $WECHAT_PUBLIC, answers: $ANSWER_RSA}",
    {**FILES, "payments/pay.yaml": PAY},
)
WECHAT["payments/vendor.yaml"] = WECHAT["payments/vendor.yaml"].replace(
    "  header:Authorization: Basic $PAYMENTS_ACCOUNT:$PAYMENTS_KEY\n", ""
)


TOLD = b'{"prepay_id":"wx201410272009395522657a690389285100","openid":"c-90"}'


@pytest.fixture(scope="module")
def wechats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("wechat"), files=WECHAT, secrets=KEYS) as gateway:
        yield gateway


@pytest.fixture
def wechat(wechats: Running) -> Running:
    wechats.reset()
    return wechats


def prepaid(wechat: Running, *, by: str = "wechat", now: float | None = None) -> Reply:
    """What a service gets for a payment, where WeChat Pay answers with a signature of this key."""
    at = str(int(time.time() if now is None else now))
    sign = made(other(by), f"{at}\nabc\n".encode() + TOLD + b"\n")
    headers = {"timestamp": at, "nonce": "abc", "serial": "PUB_KEY_ID_01", "signature": sign}
    lines = [f"Wechatpay-{name.title()}: {value}" for name, value in headers.items()]
    wechat.vendors["payments"].script = answers(200, TOLD, "content-type: application/json", *lines)
    theirs = 'Authorization: WECHATPAY2-SHA256-RSA2048 mchid="1",signature="dGhlaXJz"'
    body = {"amount": {"total": 1}, "out_trade_no": "A-10045", "payer": {"openid": "c-90"}, "description": "Zoë"}
    token = f"Gateway-Token: {wechat.token('checkout')}"
    target = "/payments/v3/pay/transactions/jsapi"
    return wechat.call("POST", target, token, theirs, body=json.dumps(body).encode(), token="")


def test_wechat_pay_verifies_what_arrived(wechat: Running) -> None:
    reply = prepaid(wechat)

    sent = arrived(wechat, "payments")
    assert reply.status == 200
    [said] = [value for name, value in sent.headers if name == "authorization"]
    assert is_wechatpay(said, "POST", target_of(sent), sent.payload)
    assert f'mchid="{KEYS["PAYMENTS_ACCOUNT"]}"' in said
    assert "description" not in json.loads(sent.payload)


def test_the_sdk_verifies_what_is_left_of_an_answer_of_wechat_pay(wechat: Running) -> None:
    reply = prepaid(wechat)

    said = {name: value for name, value in reply.headers.items() if name.startswith("wechatpay-")}
    assert reply.payload == b'{"prepay_id":"wx201410272009395522657a690389285100"}'
    text = f"{said['wechatpay-timestamp']}\n{said['wechatpay-nonce']}\n".encode() + reply.payload + b"\n"
    assert verifies(said["wechatpay-signature"], text, other("answers").public_key())
    assert said["wechatpay-serial"] == "PUB_KEY_ID_01"


@pytest.mark.parametrize(
    ("by", "now"), [("somebody", None), ("wechat", 1_795_000_000.0)], ids=["another key", "another time"]
)
def test_an_answer_that_wechat_pay_did_not_sign_now_does_not_come_back(
    wechat: Running, by: str, now: float | None
) -> None:
    reply = prepaid(wechat, by=by, now=now)

    assert (reply.status, reply.code) == (502, "signature.invalid")
    assert reply.headers["gateway-sent"] == "yes"


def test_a_signature_and_a_key_stand_nowhere_but_in_what_was_sent(
    signs: Running, gateway: Running, caplog: pytest.LogCaptureFixture
) -> None:
    reply = traded(gateway)

    signature = dict(parse_qsl(arrived(gateway, "payments").payload.decode()))["sign"]
    found = everything(signs, caplog, reply)
    assert leaks(found, signature) == []
    assert leaks(found, pem().splitlines()[1]) == []


def test_what_is_recorded_is_the_length_of_what_left(gateway: Running) -> None:
    traded(gateway)

    intent = gateway.record(kind="intent")[0]
    assert intent["payload"]["bytes"] == len(arrived(gateway, "payments").payload)


@pytest.fixture(scope="module")
def unsigning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    files = {**FILES, "payments/trade.yaml": TYPED, "payments/pay.yaml": PAY}
    with running(tmp_path_factory.mktemp("unsigned"), files=files) as gateway:
        yield gateway


SIGNED = {
    "a wallet's form": ("&sign=eA%3D%3D&sign_type=RSA2", ()),
    "a wallet's form without its type": (f"&sign={hashlib.md5(b'x').hexdigest()}", ()),
    "a header": ("", ("X-Signature: abc",)),
    "a digest": ("", ("Content-Digest: sha-256=:abc:",)),
    "a standard header": ("", ('Signature-Input: sig1=("@method")', "Signature: sig1=:abc:")),
}


@pytest.mark.parametrize(("more", "fields"), SIGNED.values(), ids=SIGNED.keys())
def test_a_signed_call_goes_nowhere_where_nobody_signs_what_is_left_of_it(
    unsigning: Running, more: str, fields: tuple[str, ...]
) -> None:
    unsigning.reset()

    reply = traded(unsigning, more=more, fields=fields)

    assert (reply.status, reply.code) == (403, "signature.missing")
    assert unsigning.received == []
    document = json.loads(reply.payload)
    assert "sign" in document["fix"]
    assert unsigning.record(kind="refusal")[0]["code"] == "signature.missing"


@pytest.mark.parametrize(
    "theirs",
    [
        "AWS4-HMAC-SHA256 Credential={token}/20261122/eu/pay/aws4_request, SignedHeaders=host, Signature=abc",
        'WECHATPAY2-SHA256-RSA2048 mchid="{token}",signature="abc"',
        'Signature keyId="{token}",signature="abc"',
    ],
    ids=["of AWS", "of WeChat Pay", "of a draft"],
)
def test_a_signature_in_authorization_goes_nowhere_though_the_token_is_in_it(unsigning: Running, theirs: str) -> None:
    unsigning.reset()
    said = f"Authorization: {theirs.format(token=unsigning.token('checkout'))}"

    reply = unsigning.call("POST", "/payments/gateway.do", FORM, said, body=b"method=pay", token="")

    assert (reply.status, reply.code) == (403, "signature.missing")
    assert unsigning.received == []


def test_a_parameter_that_is_asked_for_and_sent_is_not_signed_and_goes_nowhere(gateway: Running) -> None:
    reply = traded(gateway, query="?method=other")

    assert (reply.status, reply.code) == (422, "signature.failed")
    assert gateway.received == []


def test_a_scheme_that_changes_what_leaves_sends_nothing(gateway: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Alipay.sign
    monkeypatch.setattr(
        Alipay,
        "sign",
        lambda *given: changed(made := honest(*given), body=made.payload.replace(b"88.10", b"8.10")),
    )

    reply = traded(gateway)

    assert (reply.status, reply.code) == (422, "proof.failed")
    assert gateway.received == []


@pytest.mark.parametrize(
    ("secrets", "message"),
    [
        ({"MERCHANT_RSA": ""}, "set these secrets.*MERCHANT_RSA"),
        ({"MERCHANT_RSA": "no key"}, "MERCHANT_RSA is no RSA private key"),
        ({"PARCELS_MAC": "no hex"}, "PARCELS_MAC is not written in hex"),
        ({"FAULTS_ID": ""}, "set these secrets.*FAULTS_ID"),
        ({"WECHAT_PUBLIC": ""}, "set these secrets.*WECHAT_PUBLIC"),
        ({"WECHAT_PUBLIC": pem()}, "WECHAT_PUBLIC is no RSA public key"),
    ],
    ids=["not set", "not RSA", "not hexadecimal", "not set beside another", "no public key", "a private one"],
)
def test_a_gateway_without_a_key_does_not_start(tmp_path: Path, secrets: dict[str, str], message: str) -> None:
    files = WECHAT if "wechat" in message.lower() else SET
    with pytest.raises(StartError, match=message), running(tmp_path, files=files, secrets={**KEYS, **secrets}):
        pytest.fail("it started")


def test_with_played_vendors_it_starts_without_any_key_and_signs_all_the_same(tmp_path: Path) -> None:
    sandbox = dict.fromkeys(NAMES, "http://127.0.0.1:9")
    with running(tmp_path, files=SET, secrets={}, sandbox=sandbox) as gateway:
        prepared = gateway.gateway.exchange.contracts.prepared["payments/trade"]

    assert isinstance(prepared.signer, Alipay)
    assert prepared.signer.key.private_numbers() != merchant().private_numbers()


@pytest.mark.parametrize("files", [SET, WECHAT], ids=["three schemes", "WeChat Pay"])
async def test_examples_are_written_without_the_signature(files: Mapping[str, str]) -> None:
    contracts = loaded(files)

    verdicts = await rehearsed(contracts, frozenset(terms.name for terms in contracts.terms))

    assert [(each.name, each.problems) for each in verdicts if each.problems] == []
