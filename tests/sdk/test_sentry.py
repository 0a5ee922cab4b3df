"""Sentry's own SDK against its contract, over a socket, and envelopes as that SDK once sent them."""

import gzip
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.integrations.wsgi import SentryWsgiMiddleware
from shipped import Shipped, shipped

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("sentry")]

KEY = "e12d836b15bb49d7bbf99e64295d995b"
PROJECT = "4507"
TEXT = "The text is in our own log."
PSEUDONYM = re.compile(r"psn_[0-9a-f]{26}\Z")
PERSONAL = ["Zo", "zoe", "ller", "Lindenstr", "Dresden", "4242", "203.0.113", "88120", "rosacea", "gold", "s3cr3t"]
ITEMS = {"event", "transaction", "session", "sessions", "client_report"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    secrets = {"SENTRY_KEY": KEY, "SENTRY_PROJECT": PROJECT}
    with shipped(tmp_path_factory.mktemp("sentry"), "sentry", secrets=secrets, facts=[]) as shop:
        yield shop


@pytest.fixture
def sentry(whole: Shipped) -> Shipped:
    whole.running.reset()
    whole.says({"id": "9f2c", "ip": "203.0.113.7"})
    return whole


@contextmanager
def reporting(sentry: Shipped, token: str | None = None, **options: Any) -> Iterator[None]:
    """The SDK as a careless service sets it up, until the block ends and everything was sent."""
    token = sentry.token("checkout") if token is None else token
    sentry_sdk.init(
        dsn=f"http://{token}@{sentry.url.removeprefix('http://')}/42",
        release="shop@1.2.3",
        environment="live",
        server_name="zoes-laptop",
        data_collection={"user_info": True, "database_query_data": True, "stack_frame_variables": True},
        default_integrations=False,
        auto_enabling_integrations=False,
        attach_stacktrace=True,
        **options,
    )
    try:
        yield
    finally:
        sentry_sdk.flush(10)
        sentry_sdk.get_client().close(10)
        sentry_sdk.get_global_scope().set_client(None)
        sentry_sdk.get_isolation_scope().clear()
        sentry_sdk.get_current_scope().clear()


def charge(card: str) -> None:
    customer = {"name": "Zoë Müller", "street": "Lindenstr. 7"}
    raise ValueError(f"declined for {customer['name']} of Dresden, card {card}")


def fail_with_everything() -> None:
    sentry_sdk.set_user({"id": "88120", "email": "zoe@example.com", "username": "zoe", "ip_address": "203.0.113.7"})
    sentry_sdk.set_tag("customer", "Zoë")
    sentry_sdk.set_extra("card", "4242 4242 4242 4242")
    sentry_sdk.set_context("order", {"ship_to": "Zoë Müller, Dresden", "segment": "gold"})
    sentry_sdk.add_breadcrumb(category="auth", message="login of zoe@example.com", data={"session": "s3cr3t"})
    sentry_sdk.get_current_scope().add_attachment(bytes=b'{"type":"event"}\n{"message":"Zoe"}', filename="Zoe.txt")
    try:
        charge("4242424242424242")
    except ValueError as error:
        sentry_sdk.capture_exception(error)


def envelopes(sentry: Shipped) -> list[Envelope]:
    return [Envelope.deserialize(each.payload) for each in sentry.received]


def items(sentry: Shipped, kind: str) -> list[dict[str, Any]]:
    return [json.loads(item.get_bytes()) for each in envelopes(sentry) for item in each if item.type == kind]


def assert_nobody_is_in(sentry: Shipped) -> None:
    raw = b"".join(sentry.running.received).decode("utf-8", "replace")
    assert raw
    assert [value for value in [*PERSONAL, sentry.token("checkout")] if value in raw] == []


def test_of_a_fault_arrives_where_it_is_and_nothing_of_whom_it_hit(sentry: Shipped) -> None:
    about_to_leave: list[str] = []

    def remembered(event: Any, _: Any) -> Any:
        about_to_leave.append(json.dumps(event, ensure_ascii=False))
        return event

    with reporting(sentry, before_send=remembered):
        fail_with_everything()

    # Without this the test would prove nothing.
    [whole] = about_to_leave
    assert all(value in whole for value in ("Zoë", "zoe@", "Lindenstr", "Dresden", "4242", "88120", "gold"))
    [event] = items(sentry, "event")
    [error] = event["exception"]["values"]
    assert (error["type"], error["value"]) == ("ValueError", TEXT)
    assert error["mechanism"] == {"type": "generic", "handled": True}
    [*_, frame] = error["stacktrace"]["frames"]
    assert (frame["function"], frame["filename"], frame["module"]) == ("charge", "test_sentry.py", __name__)
    assert frame.keys() == {"filename", "function", "module", "lineno", "in_app"}
    assert (event["release"], event["environment"], event["level"]) == ("shop@1.2.3", "live", "error")
    assert PSEUDONYM.match(event["user"]["id"])
    assert event["user"].keys() == {"id"}
    assert event.keys() <= {
        "level", "exception", "event_id", "timestamp", "contexts", "user", "release", "environment", "platform",
        "transaction_info",
    }  # fmt: skip
    assert event["contexts"].keys() <= {"trace", "runtime"}
    assert_nobody_is_in(sentry)


def test_the_header_of_an_envelope_is_minimised_and_its_key_is_the_shops_own(sentry: Shipped) -> None:
    with reporting(sentry):
        fail_with_everything()

    [received] = sentry.received
    headers = {name.lower(): value for name, value in received.headers}
    assert received.line == f"POST /api/{PROJECT}/envelope/ HTTP/1.1"
    assert headers.keys() == {
        "accept", "accept-encoding", "content-length", "content-type", "host", "user-agent", "x-sentry-auth",
    }  # fmt: skip
    assert headers["x-sentry-auth"] == f"Sentry sentry_key={KEY}, sentry_version=7"
    assert headers["content-type"] == "application/x-sentry-envelope"
    assert envelopes(sentry)[0].headers.keys() == {"event_id", "sent_at"}


@pytest.mark.parametrize("attached", [b"\n", b"Zoe\n\n", b'\n{"type":"event","length":2}\n{}', bytes(range(256))])
def test_a_file_stays_whatever_is_in_it(sentry: Shipped, attached: bytes) -> None:
    with reporting(sentry):
        sentry_sdk.get_current_scope().add_attachment(bytes=attached, filename="Zoe.bin")
        sentry_sdk.capture_message("declined for Zoë")

    [envelope] = envelopes(sentry)
    assert [item.type for item in envelope] == ["event"]
    assert items(sentry, "event")[0]["message"] == TEXT


def test_a_log_line_with_a_street_in_it_arrives_without(sentry: Shipped) -> None:
    with reporting(sentry, integrations=[LoggingIntegration(sentry_logs_level=logging.INFO)], enable_logs=True):
        logging.getLogger("shop").error("no street %s", "Lindenstr. 7, Dresden")
        logging.getLogger("shop").error(f"no street {'Lindenstr. 7'}")  # noqa: G004  as many write it
        sentry_sdk.logger.info("login of {name}", name="Zoë")

    assert [event["logentry"] for event in items(sentry, "event")] == [{"message": TEXT}] * 2
    assert {event["logger"] for event in items(sentry, "event")} == {"shop"}
    assert {item.type for each in envelopes(sentry) for item in each} == {"event"}
    assert_nobody_is_in(sentry)


def application(environ: Mapping[str, Any], start: Callable[..., object]) -> list[bytes]:
    with sentry_sdk.start_span(op="db", name="SELECT * FROM customers WHERE name = 'Zoë'"):
        fail_with_everything()
    raise RuntimeError("declined for Zoë")


def test_of_a_request_its_timing_arrives_and_neither_address_nor_headers_nor_body(sentry: Shipped) -> None:
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/customers/zoe",
        "QUERY_STRING": "email=zoe%40example.com",
        "SERVER_NAME": "shop.example",
        "SERVER_PORT": "443",
        "wsgi.url_scheme": "https",
        "REMOTE_ADDR": "203.0.113.7",
        "HTTP_COOKIE": "sid=s3cr3t",
        "HTTP_X_NAME": "Zoe",
    }
    with reporting(sentry, traces_sample_rate=1.0), pytest.raises(RuntimeError):
        list(SentryWsgiMiddleware(application)(environ, lambda *_: None))

    [transaction] = items(sentry, "transaction")
    assert transaction["contexts"]["trace"]["op"] == "http.server"
    [span] = transaction["spans"]
    assert span.keys() == {"trace_id", "span_id", "parent_span_id", "op", "start_timestamp", "timestamp"}
    assert len(items(sentry, "event")) == 2
    assert {item.type for each in envelopes(sentry) for item in each} <= ITEMS
    assert_nobody_is_in(sentry)


def test_visits_are_counted_without_visitors(sentry: Shipped) -> None:
    with reporting(sentry, auto_session_tracking=True):
        sentry_sdk.set_user({"id": "88120", "email": "zoe@example.com"})
        sentry_sdk.get_isolation_scope().start_session(session_mode="application")
        sentry_sdk.get_isolation_scope().end_session()

    [session] = items(sentry, "session")
    assert PSEUDONYM.match(session["did"])
    assert session["attrs"] == {"release": "shop@1.2.3", "environment": "live"}
    assert_nobody_is_in(sentry)


def test_what_the_sdk_threw_away_is_counted(sentry: Shipped) -> None:
    with reporting(sentry, before_send=lambda *_: None):
        sentry_sdk.capture_message("declined for Zoë")

    [report] = items(sentry, "client_report")
    assert report.keys() == {"timestamp", "discarded_events"}
    assert report["discarded_events"] == [{"reason": "before_send", "category": "error", "quantity": 1}]


def test_a_service_without_a_token_reports_nothing(sentry: Shipped) -> None:
    with reporting(sentry, token="public"):
        fail_with_everything()

    assert sentry.received == []


def test_what_the_sdk_once_sent_leaves_minimised(sentry: Shipped, shared: Callable[[str], Path]) -> None:
    for number in (0, 1):
        recorded = (shared("wire") / f"sentry-envelope-{number}.http").read_bytes()
        reply = sentry.replay(
            recorded, placed={b"sentry_key=public": f"sentry_key={sentry.token('checkout')}".encode()}
        )
        assert reply.status == 200

    [event], [transaction] = items(sentry, "event"), items(sentry, "transaction")
    assert event["exception"]["values"][0]["stacktrace"]["frames"][0]["function"] == "app"
    assert transaction["contexts"]["trace"]["status"] == "internal_error"
    assert_nobody_is_in(sentry)


def test_an_envelope_without_a_content_type_is_served(sentry: Shipped) -> None:
    body = b'{"event_id":"9f"}\n{"type":"event"}\n{"level":"error","user":{"email":"zoe@example.com"}}'
    head = (
        f"POST /sentry/api/42/envelope/?sentry_version=7&sentry_key={sentry.token('checkout')} HTTP/1.1\r\n"
        f"Host: gateway.test\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    packed = gzip.compress(body)
    reply = sentry.running.said(head.encode() + b"%x\r\n%b\r\n0\r\n\r\n" % (len(packed), packed))

    assert (reply.status, reply.payload) == (200, b'{"id":"9f2c"}')
    [received] = sentry.received
    assert received.line == f"POST /api/{PROJECT}/envelope/ HTTP/1.1"
    assert received.payload == b'{"event_id":"9f"}\n{"type":"event","length":17}\n{"level":"error"}\n'


def test_the_sdk_pauses_when_sentry_says_so(sentry: Shipped) -> None:
    sentry.says({"detail": "of Zoë"}, "x-sentry-rate-limits: 60:error:organization", status=429)

    with reporting(sentry):
        sentry_sdk.capture_message("one")
        sentry_sdk.flush(10)
        sentry_sdk.capture_message("two")

    assert len(items(sentry, "event")) == 1


def walked(schema: Mapping[str, Any], definitions: Mapping[str, Any], depth: int = 0) -> Any:
    """A value that a schema allows, with a person in every text and number."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    options = [each for each in schema.get("anyOf", schema.get("allOf", [])) if each.get("type") != "null"]
    if options:
        return walked(options[0], definitions, depth)
    kinds = schema.get("type", "string")
    kind = next(each for each in ([kinds] if isinstance(kinds, str) else kinds) if each != "null")
    if depth > 12:
        return None
    if kind == "object":
        members = {name: walked(inner, definitions, depth + 1) for name, inner in schema.get("properties", {}).items()}
        return members or {"Zoe": "Zoe"}
    if kind == "array":
        inner = schema.get("items", {})
        return [walked(inner if isinstance(inner, Mapping) else {}, definitions, depth + 1)]
    return {"string": "Zoe", "boolean": True}.get(kind, 4242)


def test_an_event_with_a_person_in_every_field_that_sentry_knows_leaves_no_other_than_the_contracts_fields(
    sentry: Shipped, shared: Callable[[str], Path]
) -> None:
    schema = json.loads((shared("sentry-event-schema") / "event.schema.json").read_text("utf-8"))
    event = walked(schema, schema["definitions"])
    assert len(json.dumps(event)) > 2_000
    body = b'{}\n{"type":"event"}\n' + json.dumps(event).encode()

    fields = (f"X-Sentry-Auth: Sentry sentry_key={sentry.token('checkout')}", "Content-Type: text/plain;charset=UTF-8")
    reply = sentry.running.call("POST", "/sentry/api/42/envelope/", *fields, body=body, token="")

    assert reply.status == 200
    [left] = items(sentry, "event")
    assert not {"request", "breadcrumbs", "extra", "tags", "server_name", "threads", "modules"} & left.keys()
    assert PSEUDONYM.match(left["user"]["id"])
