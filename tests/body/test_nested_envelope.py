"""A document in a text of an envelope's item, or of a header, is judged field by field."""

import json

import pytest
from bodies import operation

from gateway.body.codecs import document_in, holds_body, written_body
from gateway.errors import Refusal
from gateway.minimise import minimise

MEDIA = ("content-type", "application/x-sentry-envelope")
MADE = operation("""
body: sentry-envelope
nested: {$.event.*.extra.ctx: json, $.log.*.items.*.data: form, $.event.*.@meta: json, $.header.trace: json}
groups:
  - why: What failed.
    category: not_personal
    fields:
      - $.event.*.level
      - $.event.*.extra.ctx.code
      - $.event.*.extra.ctx.rows.*.n
      - $.event.*.@meta.x
      - $.log.*.items.*.data.a
      - $.header.trace.id
""")
[PREPARED] = MADE.contracts.prepared.values()
SECTION = PREPARED.sending.section


def envelope(context: object, meta: object = None) -> bytes:
    event = json.dumps({"level": "error", "extra": {"ctx": context, "who": "Zoe"}})
    log = '{"items":[{"data":"a=%20+1&who=Zoe"},{"data":"who=Zoe"}]}'
    lines = [
        json.dumps({"trace": '{"id":1,"who":"Zoe"}'}),
        json.dumps({"type": "event", "meta": meta or '{"x":2,"who":"Zoe"}'}),
        event,
        json.dumps({"type": "log", "item_count": 2, "length": len(log)}),
        log,
    ]
    return "\n".join(lines).encode()


EVENT = r'{"level":"error","extra":{"ctx":"{\"code\":1.10,\"rows\":[{\"n\":\"ë\"},{}]}"}}'
LOG = '{"items":[{"data":"a=%20+1"},{}]}'
CONTEXT = '{"code": 1.10, "who": "Zoe", "rows": [{"n": "\\u00eb", "m": "Zoe"}, {"m": "Zoe"}]}'


async def test_of_documents_in_items_and_headers_leaves_what_the_contract_names() -> None:
    sending, outgoing = await MADE.sent(envelope(CONTEXT), MEDIA)

    assert sending.payload.decode() == (
        '{"trace":"{\\"id\\":1}"}\n'
        f'{{"type":"event","meta":"{{\\"x\\":2}}","length":{len(EVENT.encode())}}}\n{EVENT}\n'
        f'{{"type":"log","item_count":2,"length":{len(LOG)}}}\n{LOG}\n'
    )
    assert {str(place) for place in outgoing.withheld} == {
        "$.header.trace.who", "$.event.*.@meta.who", "$.event.*.extra.ctx.who", "$.event.*.extra.ctx.rows.*.m",
        "$.event.*.extra.ctx.rows.*", "$.event.*.extra.who", "$.log.*.items.*.data.who", "$.log.*.items.*",
    }  # fmt: skip


@pytest.mark.parametrize("context", ["{", "Zoe", "7", '{"code":1,"code":2}', {"code": 1}, 7])
async def test_what_is_no_document_refuses_the_call(context: object) -> None:
    with pytest.raises(Refusal) as refused:
        await MADE.sent(envelope(context), MEDIA)

    assert refused.value.code == "body.unreadable"
    assert "Zoe" not in str(refused.value.failures)


def test_only_what_was_built_is_proved() -> None:
    source = document_in(envelope(CONTEXT), SECTION)
    kept = minimise(PREPARED.sending, {"body": source}).documents["body"]

    written = written_body(kept, source, SECTION)

    assert holds_body(written, kept, source, SECTION)
    # As long as before, so that nothing but the value in the text is another.
    for old, new in ((b"1.10", b"1.11"), (b"code", b"cose"), (b"id", b"is"), (b"x", b"y"), (b"a=%20", b"b=%20")):
        assert old in written
        assert not holds_body(written.replace(old, new, 1), kept, source, SECTION), old
