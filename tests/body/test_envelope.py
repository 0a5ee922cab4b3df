"""Items are found by their lengths, minimised by the rules of their type, and framed anew."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bodies import Operation, operation
from hypothesis import given, settings
from hypothesis import strategies as st
from sentry_sdk.envelope import Envelope as TheirEnvelope
from sentry_sdk.envelope import Item as TheirItem
from sentry_sdk.envelope import PayloadRef

from gateway.body.document import Document
from gateway.body.envelope import MAX_ITEMS, Envelope
from gateway.contract.terms import Node
from gateway.errors import Refusal

CODEC = Envelope()
MEDIA = ("content-type", "application/x-sentry-envelope")
FAULTS = operation("""
    body: sentry-envelope
    groups:
      - why: Joins the parts of one report.
        category: not_personal
        fields: [$.header.event_id, $.header.sdk.name]
      - why: Which build failed.
        at: [$.event.*, $.transaction.*]
        category: not_personal
        fields: [level, release, tags.*.*, .@platform]
      - why: How many things of which kind were lost.
        category: not_personal
        fields: [$.client_report.*.timestamp]
      - why: The pattern of a line.
        category: not_personal
        fields: [$.log.*.version, "$.log.*.items.*.level", $.metric_buckets.*.*.name]
      - why: A file stays, and that is decided.
        fields: {$.attachment: unclassified, $.replay_video.*: unclassified}
        form: drop
""")
TREE = next(iter(FAULTS.contracts.prepared.values())).sending.section.trees["body"]
LOOKALIKE = b'PK\x00\n{"type":"event","length":18}\n{"level":"hidden"}\n\xff\n\n{"type":"event"}\n{"level":"hidden"}'


def item(kind: str, payload: bytes | object, length: bool = True, **headers: object) -> bytes:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    framing = {"type": kind, **headers, **({"length": len(data)} if length else {})}
    return json.dumps(framing).encode() + b"\n" + data


def envelope(*items: bytes, header: object = None) -> bytes:
    return b"\n".join([json.dumps(header if header is not None else {"event_id": "9f"}).encode(), *items])


async def sent(body: bytes, operation: Operation = FAULTS) -> bytes:
    sending, _ = await operation.sent(body, MEDIA)
    return sending.payload


async def refusal(body: bytes) -> str:
    with pytest.raises(Refusal) as refused:
        await FAULTS.sent(body, MEDIA)
    for failure in refused.value.failures:
        assert "Zoe" not in failure.detail
    return refused.value.code


EVENT = {"level": "error", "user": {"email": "zoe@example.com"}, "release": "shop@1.2.3"}
EVENT_LEFT = b'{"level":"error","release":"shop@1.2.3"}'


async def test_each_item_leaves_as_the_lines_of_its_type_say_and_is_framed_anew() -> None:
    body = envelope(
        item("event", EVENT, content_type="application/json", platform="python", origin="Zoe"),
        item("attachment", LOOKALIKE, filename="Zoe.zip", content_type="application/zip"),
        item("session", {"did": "Zoe"}),
        item("client_report", {"timestamp": 1.50, "who": "Zoe"}, length=False),
        header={"event_id": "9f", "sdk": {"name": "s", "settings": {"ip": "Zoe"}}, "dsn": "https://key@host/1"},
    )

    sending, outgoing = await FAULTS.sent(body, MEDIA)

    assert sending.payload == (
        b'{"event_id":"9f","sdk":{"name":"s"}}\n'
        b'{"type":"event","content_type":"application/json","platform":"python","length":40}\n' + EVENT_LEFT + b"\n"
        b'{"type":"client_report","length":17}\n{"timestamp":1.5}\n'
    )
    assert {str(place) for place in outgoing.withheld} == {
        "$.header.sdk.settings", "$.header.dsn", "$.event.*.@origin", "$.event.*.user", "$.attachment", "$.session",
        "$.client_report.*.who",
    }  # fmt: skip
    assert dict(sending.headers)["content-type"] == "application/x-sentry-envelope"


async def test_items_keep_their_order_across_types() -> None:
    kinds = ["transaction", "event", "client_report", "event", "transaction"]
    bodies = [{"timestamp": 1} if kind == "client_report" else {"level": str(at)} for at, kind in enumerate(kinds)]
    body = envelope(*[item(kind, payload) for kind, payload in zip(kinds, bodies, strict=True)])

    left = TheirEnvelope.deserialize(await sent(body))

    assert [(each.type, json.loads(each.get_bytes())) for each in left] == list(zip(kinds, bodies, strict=True))


@pytest.mark.parametrize(
    "ending",
    [b"", b"\n"],
    ids=["ended by the end of the body", "ended by a line end"],
)
@pytest.mark.parametrize("length", [True, False], ids=["with its length", "without"])
async def test_an_item_ends_with_a_line_end_or_the_body(ending: bytes, length: bool) -> None:
    first, last = item("event", EVENT, length=length), item("event", {"level": "x"}, length=length)

    assert (await sent(envelope(first, last) + ending)).count(b'"type":"event"') == 2


async def test_what_looks_like_an_item_inside_another_is_none() -> None:
    body = envelope(item("attachment", LOOKALIKE), item("event", EVENT))

    left = await sent(body)

    assert b"hidden" not in left
    assert left.count(b"\n") == 3


async def test_a_container_counts_what_leaves() -> None:
    lines = [{"level": "warn", "body": "Zoe"}, {"body": "Zoe"}]
    media = "application/vnd.sentry.items.log+json"
    body = envelope(item("log", {"version": 2, "items": lines}, item_count=2, content_type=media))

    assert await sent(body) == (
        b'{"event_id":"9f"}\n{"type":"log","item_count":2,"content_type":"' + media.encode() + b'","length":43}\n'
        b'{"version":2,"items":[{"level":"warn"},{}]}\n'
    )


async def test_a_payload_may_be_a_list() -> None:
    body = envelope(item("metric_buckets", [{"name": "a", "tags": {"who": "Zoe"}}, {"who": "Zoe"}]))

    assert (await sent(body)).endswith(b'\n{"type":"metric_buckets","length":17}\n[{"name":"a"},{}]\n')


async def test_digits_and_signs_stay_as_they_are() -> None:
    body = envelope(b'{"type":"client_report"}\n{"timestamp":12345678901234567890.10}') + b"\n"

    assert b'{"timestamp":12345678901234567890.10}' in await sent(body)


async def test_a_length_is_of_bytes_and_not_of_signs() -> None:
    payload = '{"level":"Zoë 😀 \u2028"}'.encode()
    body = envelope(item("event", payload))

    assert (await sent(body)).endswith(b'"length":%d}\n%b\n' % (len(payload), payload))


@pytest.mark.parametrize(
    "body",
    [
        b'{"event_id":"9f"}',
        b'{"event_id":"9f"}\n',
        b"{}",
        envelope(item("attachment", b"Zoe", filename="Zoe.txt")),
        envelope(item("session", {"did": "Zoe"})),
        envelope(item("event", {"user": {"id": "Zoe"}}, platform="python")),
        envelope(item("metric_buckets", {"name": "Zoe"})),
        envelope(item("log", [{"level": "Zoe"}])),
    ],
    ids=[
        "a header alone", "with its line end", "an empty header", "an attachment", "a type that no line names",
        "an event of which nothing is named", "an object where a list is named", "a list where an object is named",
    ],
)  # fmt: skip
async def test_an_envelope_without_an_item_that_may_leave_does_not_leave(body: bytes) -> None:
    assert await refusal(body) == "body.empty"


async def test_an_item_that_came_empty_leaves_empty() -> None:
    left = await sent(envelope(item("event", {}), item("event", {"user": "Zoe"})))

    assert left == b'{"event_id":"9f"}\n{"type":"event","length":2}\n{}\n'


async def test_a_member_that_is_called_like_a_header_of_the_item_is_none() -> None:
    body = envelope(item("event", {"@platform": "Zoe", "\\@platform": "Zoe", "\\": "Zoe", "level": "x"}))

    left = await sent(body)

    assert left == b'{"event_id":"9f"}\n{"type":"event","length":13}\n{"level":"x"}\n'


HEAD = b'{"event_id":"9f"}\n'
MALFORMED = {
    "no header": b"",
    "an item first": b'\n{"type":"event"}\n{"level":"x"}',
    "a header that is a list": b"[]\n" + item("event", EVENT),
    "a header that is a text": b'"Zoe"\n' + item("event", EVENT),
    "a header that is no JSON": b"{Zoe}\n" + item("event", EVENT),
    "a header over two lines": b'{"event_id":\n"9f"}\n' + item("event", EVENT),
    "a header with a key twice": b'{"event_id":"9f","event_id":"9f"}\n' + item("event", EVENT),
    "a header with a key twice in other letters": b'{"event_id":"9f","event\\u005fid":"9f"}\n' + item("event", EVENT),
    "a header behind spaces": b" " + HEAD + item("event", EVENT),
    "a header before spaces": b'{"event_id":"9f"} \n' + item("event", EVENT),
    "a network line end": b'{"event_id":"9f"}\r\n' + item("event", EVENT),
    "a mark of byte order": b"\xef\xbb\xbf" + HEAD + item("event", EVENT),
    "not UTF-8": b'{"event_id":"\xff"}\n' + item("event", EVENT),
    "a lone surrogate": b'{"event_id":"\\ud800"}\n' + item("event", EVENT),
    "an item without payload": HEAD + b'{"type":"event"}',
    "an item without type": HEAD + b'{"length":2}\n{}',
    "a type that is no text": HEAD + b'{"type":["event"],"length":2}\n{}',
    "an empty type": HEAD + b'{"type":"","length":2}\n{}',
    "a type that is the header's name": HEAD + b'{"type":"header"}\n{"event_id":"9f"}',
    "a type twice": HEAD + b'{"type":"event","type":"session"}\n{}',
    "a length twice": HEAD + b'{"type":"event","length":2,"length":2}\n{}',
    "an item header that is no object": HEAD + b'["event"]\n{}',
    "a length that is too long": HEAD + b'{"type":"event","length":3}\n{}',
    "a length that is longer than the rest": HEAD + b'{"type":"attachment","length":99}\nZoe\n',
    "a length that is too short": HEAD + b'{"type":"attachment","length":2}\nZoe\n',
    "a negative length": HEAD + b'{"type":"attachment","length":-1}\nZoe\n',
    "a length in a text": HEAD + b'{"type":"attachment","length":"3"}\nZoe\n',
    "a length with a point": HEAD + b'{"type":"attachment","length":3.0}\nZoe\n',
    "a length that is true": HEAD + b'{"type":"attachment","length":true}\nZ\n',
    "a length that is null": HEAD + b'{"type":"attachment","length":null}\nZoe\n',
    "a payload that is no JSON": HEAD + item("event", b"Zoe"),
    "a payload that is cut off": HEAD + item("event", b'{"level":"Zoe'),
    "a payload of two documents": HEAD + item("event", b"{}{}"),
    "a payload that is empty": HEAD + item("event", b""),
    "a payload over two lines without length": HEAD + item("event", b'{"level":\n"x"}', length=False),
    "a payload with a key twice": HEAD + item("event", b'{"level":"x","level":"y"}'),
    "a payload that is a number": HEAD + item("event", b"7"),
    "a payload that is null": HEAD + item("event", b"null"),
    "a payload that is too deep": HEAD + item("event", b'{"a":' * 65 + b"1" + b"}" * 65),
    "a list with a header beside it": HEAD + item("metric_buckets", [{"name": "a"}], who="Zoe"),
    "a count that lies": HEAD + item("log", {"items": [{}]}, item_count=2),
    "a count of nothing": HEAD + item("event", EVENT, item_count=1),
    "a count that is no number": HEAD + item("log", {"items": [{}]}, item_count="1"),
    "something behind the last item": HEAD + item("event", EVENT) + b"\nZoe",
    "an empty line behind the last item": HEAD + item("event", EVENT) + b"\n\n",
    "an empty line between items": HEAD + item("event", EVENT) + b"\n\n" + item("event", EVENT),
    "an empty line behind the header": HEAD + b"\n" + item("event", EVENT),
    "a byte behind its length": HEAD + item("event", EVENT) + b" ",
}  # fmt: skip


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_no_envelope_is_unreadable(body: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        CODEC.read(body, TREE)

    assert refused.value.code == "body.unreadable"
    assert "Zoe" not in str(refused.value.failures)


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/octet-stream", "application/vnd.sentry.items.log+json", "zoe@example.com", 7, None],
)
async def test_an_item_that_has_to_be_json_must_not_say_that_it_is_something_else(content_type: object) -> None:
    assert await refusal(envelope(item("event", EVENT, content_type=content_type))) == "body.media"


async def test_an_item_that_stays_may_be_anything() -> None:
    body = envelope(item("attachment", b"\x00\xff", content_type=7, item_count=[]), item("event", EVENT))

    assert EVENT_LEFT in await sent(body)


def test_the_number_of_items_is_bounded() -> None:
    most = envelope(*[item("session", {})] * MAX_ITEMS)

    assert CODEC.read(most, TREE)
    with pytest.raises(Refusal) as refused:
        CODEC.read(most + b"\n" + item("session", {}), TREE)
    assert refused.value.code == "body.too_large"


names = st.sampled_from(["level", "release", "user", "@platform", "tags", "é"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
JSON_ITEMS = st.tuples(st.sampled_from(["event", "transaction", "session"]), st.dictionaries(names, values))
BINARY_ITEMS = st.tuples(
    st.sampled_from(["attachment", "replay_video", "unknown"]),
    st.binary(max_size=40) | st.sampled_from([LOOKALIKE, b"\n", b"\n\n", b"{}\n{}"]),
)


@settings(deadline=None)
@given(items=st.lists(JSON_ITEMS | BINARY_ITEMS, max_size=6))
def test_their_own_writer_and_reader_see_what_ours_see(items: list[tuple[str, Any]]) -> None:
    theirs = TheirEnvelope(headers={"event_id": "9f"})
    for kind, payload in items:
        theirs.add_item(TheirItem(payload if isinstance(payload, bytes) else PayloadRef(json=payload), type=kind))
    source = CODEC.read(theirs.serialize(), TREE)
    kept = [(kind, payload) for kind, payload in items if kind in ("event", "transaction")]
    # Of the names that look like headers none leaves.
    plain = [(kind, {name: payload[name] for name in payload if name != "@platform"}) for kind, payload in kept]
    document: dict[str, Document] = {"header": {"event_id": "9f"}}
    for kind, payload in plain:
        document.setdefault(kind, []).append(payload)  # type: ignore[union-attr]

    made = CODEC.write(document, source)

    left = [(each.type, json.loads(each.get_bytes())) for each in TheirEnvelope.deserialize(made)] if made else []
    assert left == [(kind, body) for (kind, body), (_, came) in zip(plain, kept, strict=True) if body or not came]
    assert CODEC.holds(made, document, source, TREE)


SOURCE = envelope(item("event", {"level": "x", "n": 1.25}, content_type="application/json", platform="p"),
                  item("log", {"items": [{"level": "w"}]}, item_count=1))  # fmt: skip
WRITTEN = (
    b'{"event_id":"9f"}\n{"type":"event","content_type":"application/json","platform":"p","length":22}\n'
    b'{"level":"x","n":1.25}\n{"type":"log","item_count":1,"length":25}\n{"items":[{"level":"w"}]}\n'
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"9f"', b'"9e"'),
        (b'{"event_id":"9f"}', b"{}"),
        (b'"event_id":"9f"', b'"event_id":"9f","dsn":"x"'),
        (b'"type":"event"', b'"type":"session"'),
        (b'"platform":"p"', b'"platform":"q"'),
        (b'"platform":"p",', b""),
        (b'"platform":"p"', b'"platform":"p","filename":"Zoe"'),
        (b'"platform":"p"', b'"platform":"p","platform":"p"'),
        (b'"application/json"', b'"text/plain"'),
        (b'"content_type":"application/json",', b""),
        (b'"item_count":1', b'"item_count":2'),
        (b'"item_count":1', b'"item_count":true'),
        (b'"item_count":1,', b""),
        (b'"type":"event"', b'"type":"event","item_count":null'),
        (b'"length":22', b'"length":21'),
        (b'"length":22', b'"length":-1'),
        (b'"length":22', b'"length":"22"'),
        (b',"length":22', b""),
        (b"1.25", b"1.250"),
        (b'"level":"x","n":1.25', b'"n":1.25,"level":"x"'),
        (b'"w"}]}\n', b'"w"}]}'),
        (b'"w"}]}\n', b'"w"}]}\n\n'),
        (b'"w"}]}\n', b'"w"}]}\n{"type":"event","length":2}\n{}\n'),
        (b'{"type":"log","item_count":1,"length":25}\n{"items":[{"level":"w"}]}\n', b""),
    ],
)
def test_bytes_that_hold_anything_else_are_not_proved(old: bytes, new: bytes) -> None:
    source = CODEC.read(SOURCE, TREE)

    assert CODEC.write(source, source) == WRITTEN
    assert CODEC.holds(WRITTEN, source, source, TREE)
    assert WRITTEN.count(old) == 1
    assert not CODEC.holds(WRITTEN.replace(old, new), source, source, TREE)


def test_an_item_of_a_type_that_no_line_names_is_not_proved() -> None:
    source = CODEC.read(SOURCE, TREE)

    assert not CODEC.holds(WRITTEN, source, source, Node("$"))
    assert not CODEC.holds(b"", source, source, TREE)
    assert not CODEC.holds(WRITTEN, {}, source, TREE)


async def test_a_writer_that_lets_out_more_than_was_built_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    body = envelope(item("event", EVENT, filename="Zoe"))
    monkeypatch.setattr("gateway.body.envelope._payload", lambda value: {**value, "user": "Zoe"})

    assert await refusal(body) == "proof.failed"


async def test_a_writer_that_lets_out_another_item_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Envelope.write
    more = item("attachment", b"Zoe") + b"\n"
    monkeypatch.setattr(Envelope, "write", lambda self, *given: honest(self, *given) + more)

    assert await refusal(envelope(item("event", EVENT))) == "proof.failed"


FILES = operation("""
    body: sentry-envelope
    nested:
      $.attachment.*: {body: opaque, media: [image/png, application/octet-stream], max_bytes: 1 KiB}
      $.event.*.extra.order: json
    groups:
      - why: Shows what the screen looked like.
        fields: {$.attachment.*: order.declared_value}
      - why: What kind of file it is, and of which fault.
        category: not_personal
        fields: [$.attachment.*.@attachment_type, $.event.*.level, $.event.*.extra.order.kind]
""")
ORDER = '{"kind": "gift", "to": "Zoe"}'


async def test_a_file_that_is_declared_leaves_byte_for_byte_and_its_name_stays() -> None:
    body = envelope(
        item("attachment", LOOKALIKE, filename="Zoe.png", attachment_type="event.view", content_type="image/png"),
        item("event", {"level": "x", "extra": {"order": ORDER}}),
        item("attachment", bytes(range(256)), filename="Zoe.bin"),
        item("attachment", b""),
    )

    sending, outgoing = await FILES.sent(body, MEDIA)

    assert sending.payload == b"".join(
        [
            b"{}\n",
            b'{"type":"attachment","content_type":"image/png","attachment_type":"event.view","length":%d}\n'
            % len(LOOKALIKE),
            LOOKALIKE,
            b'\n{"type":"event","length":53}\n{"level":"x","extra":{"order":"{\\"kind\\":\\"gift\\"}"}}\n',
            b'{"type":"attachment","length":256}\n',
            bytes(range(256)),
            b'\n{"type":"attachment","length":0}\n\n',
        ]
    )
    withheld = {str(place) for place in outgoing.withheld}
    assert withheld == {"$.header", "$.attachment.*.@filename", "$.event.*.extra.order.to"}


@pytest.mark.parametrize(
    ("payload", "headers", "code"),
    [
        (b"<p>Zoe</p>", {"content_type": "text/html"}, "body.media"),
        (b"Zoe", {"content_type": 7}, "body.media"),
        (b"Zoe" * 400, {"content_type": "image/png"}, "body.too_large"),
    ],
    ids=["another type", "a type that is no text", "too long"],
)
async def test_a_file_that_is_not_what_is_declared_refuses_the_call(
    payload: bytes, headers: dict[str, object], code: str
) -> None:
    with pytest.raises(Refusal) as refused:
        await FILES.sent(envelope(item("attachment", payload, **headers)), MEDIA)  # type: ignore[arg-type]

    assert refused.value.code == code
    assert "Zoe" not in str(refused.value.failures)


async def test_a_file_with_the_token_in_it_stays() -> None:
    body = envelope(item("attachment", b"\xff gtw-token-1 \n"), item("event", {"level": "x"}))

    sending, outgoing = await FILES.sent(body, MEDIA)

    assert sending.payload == b'{}\n{"type":"event","length":13}\n{"level":"x"}\n'
    assert {str(place): place.reason for place in outgoing.withheld}["$.attachment"] == "field.secret"


@pytest.mark.parametrize("planted", ["_bytes", "_attributes"])
async def test_a_writer_that_changes_a_file_is_found(monkeypatch: pytest.MonkeyPatch, planted: str) -> None:
    broken: Any = {"_bytes": lambda *_: b"{}", "_attributes": lambda _: {"filename": "Zoe"}}[planted]
    monkeypatch.setattr(f"gateway.body.envelope.{planted}", broken)

    with pytest.raises(Refusal) as refused:
        await FILES.sent(envelope(item("attachment", b"a\nb", content_type="image/png")), MEDIA)

    assert refused.value.code == "proof.failed"


@pytest.mark.parametrize("number", [0, 1])
async def test_what_the_sdk_sends_is_read_and_nothing_of_the_person_leaves(
    shared: Callable[[str], Path], number: int
) -> None:
    body = (shared("wire") / f"sentry-envelope-{number}.decoded-body").read_bytes()

    left = TheirEnvelope.deserialize(await sent(body))

    [only] = left
    assert json.loads(only.get_bytes())["release"] == "shop@1.2.3"
    assert set(json.loads(only.get_bytes())) <= {"level", "release"}
    assert left.headers.keys() == {"event_id"}
