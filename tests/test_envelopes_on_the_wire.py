"""Envelopes through a running gateway: without Content-Type, in chunks, with the token where SDKs copy it."""

import json
from collections.abc import Iterator

import pytest
from clearances import loaded
from running import Running, running
from shop_contracts import FILES
from sockets import Reply

from gateway.examples import rehearsed

STORE = """\
operation: store
version: 1
status: enforce
owner: platform
match: POST /api/{project}/envelope/
callers: [checkout]
purpose: fault_repair
evidence: {assessment: LIA-2026-009}
subjects:
  visitor: {legal_basis: {default: legitimate_interest, CN: consent}}
retention: {vendor_keeps: P90D, why: Time to find and mend a fault.}
token: [header:X-Sentry-Auth, query:sentry_key, $.header.dsn]
credential: {path:project: "4711"}
sending:
  body: sentry-envelope
  media: [application/x-sentry-envelope, none]
  when_empty: accept
  groups:
    - why: Joins the parts of one report.
      category: not_personal
      fields: [$.header.event_id, $.header.sent_at, $.header.trace.public_key]
    - why: Which build failed, and where; no variables, no lines of source.
      at: [$.event.*, $.transaction.*]
      category: not_personal
      fields: [event_id, level, release, exception.values.*.type, exception.values.*.stacktrace.frames.*.lineno]
    - why: What failed; personal data found in the text is replaced.
      category: tech.message
      fields: [$.event.*.message, $.event.*.exception.values.*.value]
      form: {scrub: 500}
    - why: The pattern of a log line, before values are put in.
      fields: {"$.log.*.items.*.attributes['sentry.message.template'].value": tech.message}
      form: scrub
    - why: A log line must have a text; ours names customers.
      fields: {$.log.*.items.*.body: tech.message}
      form: {replace: see the template}
    - why: When and how severe a log line is.
      at: $.log.*
      category: not_personal
      fields: [version, items.*.timestamp, items.*.level]
    - why: How many people are affected, and whether it is an attack.
      fields: {$.event.*.user.id: account.id}
      form: pseudonymise
    - why: An attack, or a fault of one provider.
      fields: {$.event.*.user.ip_address: tech.ip}
      form: {generalise: ip}
answer:
  body: json
  groups:
    - why: Shown in our own log.
      fields: {$.id: not_personal}
examples:
  - name: an error with everything in it, and an attachment
    given: |
      POST /api/42/envelope/?sentry_key=gw_token

      {"event_id":"9f","sent_at":"2026-11-22T08:00:00Z","trace":{"transaction":"GET /crm?email=zoe@example.com"}}
      {"type":"event"}
      {"event_id":"9f","level":"error","release":"shop@1.2.3","message":"declined for zoe@example.com card 4111 1111 1111 1111","user":{"id":"88","email":"zoe@example.com","ip_address":"203.0.113.7"},"exception":{"values":[{"type":"Declined","value":"zoe@example.com","stacktrace":{"frames":[{"filename":"pay.py","lineno":7,"vars":{"name":"Zoë"}}]}}]},"extra":{"card":"4111"}}
      {"type":"attachment","length":18,"filename":"order-zoe.txt"}
      Zoë, Lindenstr. 7
    sends: |
      POST /api/4711/envelope/
      Content-Type: application/x-sentry-envelope

      {"event_id":"9f","sent_at":"2026-11-22T08:00:00Z"}
      {"type":"event"}
      {"event_id":"9f","level":"error","release":"shop@1.2.3","message":"declined for <EMAIL_ADDRESS> card <CREDIT_CARD>","user":{"id":"psn_*","ip_address":"203.0.113.0"},"exception":{"values":[{"type":"Declined","value":"<EMAIL_ADDRESS>","stacktrace":{"frames":[{"lineno":7}]}}]}}
    withholds:
      - query:sentry_key
      - $.header.trace
      - $.event.*.user.email
      - $.event.*.exception.values.*.stacktrace.frames.*.filename
      - $.event.*.exception.values.*.stacktrace.frames.*.vars
      - $.event.*.extra
      - $.attachment
  - name: a log line
    given: |
      POST /api/42/envelope/

      {"sent_at":"2026-11-22T08:00:00Z"}
      {"type":"log","item_count":1,"content_type":"application/vnd.sentry.items.log+json"}
      {"version":2,"items":[{"timestamp":1795334632.66,"level":"warn","body":"no such street: Lindenstr. 7","attributes":{"sentry.message.template":{"value":"no such street: %s","type":"string"},"sentry.message.parameter.0":{"value":"Lindenstr. 7","type":"string"},"user.email":{"value":"zoe@example.com","type":"string"}}}]}
    sends: |
      POST /api/4711/envelope/

      {"sent_at":"2026-11-22T08:00:00Z"}
      {"type":"log","item_count":1,"content_type":"application/vnd.sentry.items.log+json"}
      {"version":2,"items":[{"timestamp":1795334632.66,"level":"warn","body":"see the template","attributes":{"sentry.message.template":{"value":"no such street: %s"}}}]}
    withholds:
      - $.log.*.items.*.attributes['sentry.message.template'].type
      - $.log.*.items.*.attributes['sentry.message.parameter.0']
      - $.log.*.items.*.attributes['user.email']
  - name: only what nobody asked for
    given: |
      POST /api/42/envelope/

      {"sent_at":"2026-11-22T08:00:00Z"}
      {"type":"attachment","length":18,"filename":"order-zoe.txt"}
      Zoë, Lindenstr. 7
    sends: nothing
"""  # noqa: E501  an envelope has one line for each payload
TYPED = STORE.replace("operation: store", "operation: typed").replace("/envelope/", "/typed/")
TYPED = TYPED.replace("  media: [application/x-sentry-envelope, none]\n", "")
SET = {**FILES, "faults/store.yaml": STORE, "faults/typed.yaml": TYPED}
FILE = b'{"type":"event"}\n{"message":"of Zoe"}\n\x00\xff\n'


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("envelopes"), files=SET) as gateway:
        yield gateway


@pytest.fixture
def gateway(whole: Running) -> Running:
    whole.reset()
    return whole


def report(header: object = None, **members: object) -> bytes:
    payload = json.dumps({"level": "error", "user": {"email": "zoe@example.com"}, **members}).encode()
    return b"%b\n%b\n%b\n%b\n%b\n" % (
        json.dumps({"event_id": "9f"} if header is None else header).encode(),
        b'{"type":"attachment","filename":"Zoe.txt","length":%d}' % len(FILE),
        FILE,
        b'{"type":"event","length":%d}' % len(payload),
        payload,
    )


LEFT = b'{"event_id":"9f"}\n{"type":"event","length":17}\n{"level":"error"}\n'


def stored(
    gateway: Running, body: bytes, *fields: str, path: str = "envelope/", chunks: int = 0, token: bool = True
) -> Reply:
    """The reply to an envelope that comes as this header says and in no other way."""
    lines = [f"POST /faults/api/42/{path} HTTP/1.1", "Host: gateway.test", *fields]
    if token:
        lines.append(f"X-Sentry-Auth: Sentry sentry_key={gateway.token('checkout')}, sentry_version=7")
    lines.append("Transfer-Encoding: chunked" if chunks else f"Content-Length: {len(body)}")
    if chunks:
        cut = (body[at : at + chunks] for at in range(0, len(body), chunks))
        body = b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in cut) + b"0\r\n\r\n"
    return gateway.said("\r\n".join([*lines, "", ""]).encode() + body)


@pytest.mark.parametrize("chunks", [0, 7], ids=["in one piece", "in chunks"])
def test_an_sdk_that_sends_no_content_type_is_served_and_what_leaves_says_its_type(
    gateway: Running, chunks: int
) -> None:
    reply = stored(gateway, report(), chunks=chunks)

    assert reply.status == 200
    [received] = gateway.vendors["faults"].received
    assert received.line.startswith("POST /api/4711/envelope/?key=")
    assert received.payload == LEFT
    assert dict(received.headers)["content-type"] == "application/x-sentry-envelope"


def test_a_contract_that_does_not_say_so_serves_nobody_without_a_content_type(gateway: Running) -> None:
    reply = stored(gateway, report(), path="typed/")
    typed = stored(gateway, report(), "Content-Type: application/x-sentry-envelope", path="typed/")

    assert (reply.status, reply.code) == (415, "body.media")
    assert typed.status == 200
    assert len(gateway.vendors["faults"].received) == 1


@pytest.mark.parametrize("media", ["", "text/plain", "none", "application/x-sentry-envelope; charset=utf-16"])
def test_a_content_type_that_the_contract_does_not_list_is_refused_all_the_same(gateway: Running, media: str) -> None:
    reply = stored(gateway, report(), f"Content-Type: {media}")

    assert (reply.status, reply.code) == (415, "body.media")
    assert gateway.received == []


def test_the_token_is_found_in_the_address_that_an_envelope_carries(gateway: Running) -> None:
    dsn = f"http://{gateway.token('checkout')}@gateway.test/faults/42"

    reply = stored(gateway, report({"event_id": "9f", "dsn": dsn}), token=False)

    assert reply.status == 200
    [received] = gateway.vendors["faults"].received
    assert received.payload == LEFT


def test_no_copy_of_the_token_arrives_wherever_the_sdk_puts_one(gateway: Running) -> None:
    token = gateway.token("checkout")
    header = {"event_id": "9f", "dsn": f"http://{token}@gateway.test/42", "trace": {"public_key": token}}
    baggage = f"baggage: sentry-public_key={token},sentry-release=1"

    reply = stored(gateway, report(header, message=f"posting to {token}"), baggage, f"Referer: /?k={token}")

    assert reply.status == 200
    [received] = gateway.vendors["faults"].received
    assert received.payload == LEFT
    assert token.encode() not in b"".join(gateway.received)


def test_of_an_envelope_that_holds_only_what_stays_nothing_is_sent(gateway: Running) -> None:
    reply = stored(gateway, report().partition(b'{"type":"event","length"')[0])

    assert (reply.status, reply.payload) == (200, b"{}")
    assert reply.headers["gateway-sent"] == "no"
    assert gateway.received == []


@pytest.mark.parametrize(
    "body",
    [report() + b"\n", report()[:-3], report().replace(b'"length":%d' % len(FILE), b'"length":%d' % (len(FILE) - 1))],
    ids=["trailing", "cut off", "a length that lies"],
)
def test_an_envelope_that_two_readers_could_cut_differently_goes_nowhere(gateway: Running, body: bytes) -> None:
    reply = stored(gateway, body)

    assert (reply.status, reply.code) == (422, "body.unreadable")
    assert gateway.received == []


def test_the_record_says_what_left_by_type_and_holds_no_value(gateway: Running) -> None:
    stored(gateway, report(user={"id": "c-88", "email": "zoe@example.com"}))

    intent = gateway.record(kind="intent")[0]
    disclosed = {path for group in intent["disclosed"] for path, *_ in group["fields"]}
    withheld = {path for group in intent["withheld"] for path in group["paths"]}
    assert disclosed == {"$.header.event_id", "$.event.*.level", "$.event.*.user.id"}
    assert "$.event.*.user.*#" in " ".join(withheld)
    assert not [value for value in ("c-88", "Zoe", "zoe", "example.com") if value in json.dumps(intent)]


async def test_the_examples_of_this_contract_hold() -> None:
    verdicts = await rehearsed(loaded(SET), frozenset({"faults/store"}))

    assert len(verdicts) == 3
    assert [(each.name, each.problems) for each in verdicts if each.problems] == []
