"""Of a form with files leaves what the contract names, in a body of our own, and nothing of the heads of its parts."""

import email
import email.policy
import gzip
import itertools
import json
from email.message import MIMEPart
from hashlib import sha256

import pytest
from bodies import Operation, operation
from hypothesis import given
from hypothesis import strategies as st
from parts import BOUNDARY, MULTIPART, body, headed, part

from gateway.body.codecs import document_in, holds_body, typed, written_body
from gateway.body.multipart import Multipart, boundary_in, from_first, parts_of
from gateway.body.parting import MAX_PARTS
from gateway.contract.terms import Node
from gateway.errors import Refusal
from gateway.minimise import Minimised
from gateway.outbound.send import Sending

SECTION = """
body: multipart
max_bytes: 64 KiB
nested:
  $.file: {body: opaque, media: [application/pdf, image/png, application/octet-stream], max_bytes: 32 KiB}
  $.meta: json
  $.lines: {body: json, encoding: [gzip], media: [application/gzip], max_bytes: 1 KiB}
  $.scans.*: {body: opaque, media: [image/png], max_bytes: 1 KiB}
groups:
  - why: The papers that customs asks for.
    fields: {$.file: order.declared_value, $.scans.*: order.declared_value}
  - why: What it is for, in words of the vendor.
    category: not_personal
    fields: [$.purpose, $.data.kind, $.tags.*, $.rows.*.sku, $.meta.kind, $.meta.rows.*.n, $.lines.n]
  - why: In which words it is written.
    category: not_personal
    fields: [$.note.@content-type]
  - why: The vendor files scans by their names.
    fields: {$.scans.*.@filename: order.declared_value, $.scans.*.@content-type: not_personal}
  - why: The courier calls.
    fields: {$.phone: contact.phone}
    form: mask
  - why: A note says too much.
    fields: {$.note: delivery.note}
    form: {scrub: 20}
  - why: Goods are nobody's business.
    fields: {$.items: order.items, $.cards: payment.pan}
    form: drop
"""
ATTACH = operation(SECTION, SECTION)
STEPS = next(
    iter(
        operation("""
body: multipart
max_bytes: 512 KiB
nested: {$.scan: {body: opaque, media: [image/png], max_bytes: 256 KiB}}
groups:
  - why: The papers that customs asks for.
    fields: {$.scan: order.declared_value, $.purpose: not_personal, $.data.kind: not_personal}
""").contracts.prepared.values()
    )
).sending.section
BOUND = next(iter(ATTACH.contracts.prepared.values())).sending.section
PDF = b"%PDF-1.7\r\n" + bytes(range(256)) + b"\r\n--xYzZY\r\n--\r\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(255, -1, -1))


def files(sending: Sending) -> list[tuple[str, str | None, str | None, bytes]]:
    """The parts that leave as the standard library's parser of mail finds them: name, file name, type and content."""
    head = f"Content-Type: {dict(sending.headers)['content-type']}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    message = email.message_from_bytes(head + sending.payload, policy=email.policy.HTTP)
    assert isinstance(message, MIMEPart)
    assert (message.defects, message.preamble, message.epilogue) == ([], None, "")
    return [_file(each) for each in message.iter_parts()]


def _file(each: MIMEPart) -> tuple[str, str | None, str | None, bytes]:
    content = each.get_payload(decode=True)
    name = each.get_param("name", header="content-disposition")
    assert isinstance(content, bytes)
    assert isinstance(name, str)
    assert {key.lower() for key in each} <= {"content-disposition", "content-type"}
    media = each.get("content-type")
    return name, each.get_filename(), media and str(media).replace('"', ""), content


async def sent(*parts: bytes, made: Operation = ATTACH) -> tuple[Sending, Minimised]:
    return await made.sent(body(*parts), MULTIPART)


async def left(*parts: bytes) -> list[tuple[str, str | None, str | None, bytes]]:
    return files((await sent(*parts))[0])


async def code_of(payload: bytes, content_type: str = MULTIPART[1]) -> str:
    """The code with which a body is refused; nothing of it stands in the refusal."""
    with pytest.raises(Refusal) as refused:
        await ATTACH.sent(payload, ("content-type", content_type))
    assert "Zoe" not in str(refused.value.failures)
    return refused.value.code


async def test_a_file_leaves_byte_for_byte_and_its_name_stays() -> None:
    file = part("file", PDF, "Content-Type: application/pdf", filename="/mnt/zoe/Rechnung Zoë.pdf")

    sending, outgoing = await sent(part("purpose", "evidence"), file)

    assert files(sending) == [
        ("purpose", None, None, b"evidence"),
        ("file", "file.pdf", "application/pdf", PDF),
    ]
    assert {str(place): place.reason for place in outgoing.withheld} == {"$.file.@filename": "field.unnamed"}


async def test_what_leaves_is_written_anew_to_the_last_byte() -> None:
    sending, _ = await sent(part("purpose", "evidence"), part("x", "y"), part("file", b"%PDF-", filename="zoe"))

    boundary = boundary_in(sending.payload)
    assert boundary != BOUNDARY
    assert dict(sending.headers)["content-type"] == f"multipart/form-data; boundary={boundary}"
    assert (
        sending.payload
        == (
            f'--{boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nevidence\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="file.pdf"\r\n\r\n%PDF-\r\n'
            f"--{boundary}--\r\n"
        ).encode()
    )


async def test_names_nest_as_those_of_forms() -> None:
    parts = [
        part("data[kind]", "a"), part("data[who]", "Zoe"), part("tags[]", "1"), part("tags[]", "2"),
        part("rows[0][sku]", "s"), part("rows[0][who]", "Zoe"), part("rows[1][sku]", "t"), part("phone", "+4930901820"),
    ]  # fmt: skip

    assert await left(*parts) == [
        ("data[kind]", None, None, b"a"), ("tags[]", None, None, b"1"), ("tags[]", None, None, b"2"),
        ("rows[0][sku]", None, None, b"s"), ("rows[1][sku]", None, None, b"t"), ("phone", None, None, b"+49******20"),
    ]  # fmt: skip


async def test_a_document_in_a_part_leaves_field_by_field() -> None:
    document = json.dumps({"kind": "Zoë", "who": "Zoe", "rows": [{"n": 1.10, "x": 1}, {"x": 2}]}, ensure_ascii=False)

    parts = await left(part("meta", document, "Content-Type: application/json; charset=UTF-8", filename="zoe.json"))

    content = '{"kind":"Zoë","rows":[{"n":1.1},{}]}'.encode()
    assert parts == [("meta", "file.json", "application/json; charset=utf-8", content)]


async def test_a_document_in_a_part_may_be_packed() -> None:
    [(name, _, media, content)] = await left(
        part("lines", gzip.compress(b'{"n":1,"who":"Zoe"}'), "Content-Type: application/gzip")
    )

    assert (name, media, gzip.decompress(content)) == ("lines", "application/gzip", b'{"n":1}')


async def test_the_name_of_a_file_leaves_where_it_is_named_without_its_folder() -> None:
    scans = [
        part("scans", PNG, "Content-Type: image/png; name=zoe", filename="C:\\scans\\Zoë & Co%22.png"),
        part("scans", PNG, "Content-Type: image/png", filename="/var/scans/b.png"),
    ]

    sending, outgoing = await sent(*scans)

    assert [(name, media) for name, _, media, _ in files(sending)] == [("scans", "image/png"), ("scans", "image/png")]
    assert 'filename="Zoë & Co%22.png"'.encode() in sending.payload
    assert b'filename="b.png"' in sending.payload
    assert [str(place) for place in outgoing.withheld] == ["$.scans.*['@content-type.name']"]


async def test_a_text_keeps_its_type_only_where_that_is_named() -> None:
    sending, outgoing = await sent(
        part("note", "call zoe@example.com", "Content-Type: text/plain; charset=utf-8"),
        part("purpose", "a", "Content-Type: text/html"),
    )

    assert [(name, media) for name, _, media, _ in files(sending)] == [("note", "text/plain"), ("purpose", None)]
    assert b"zoe" not in sending.payload
    assert [str(place) for place in outgoing.withheld] == ["$.purpose.@content-type"]


@pytest.mark.parametrize(
    ("content", "lines", "name", "media"),
    [
        (PDF, ["Content-Type: application/octet-stream"], "file.pdf", "application/octet-stream"),
        (PNG, ["Content-Type: application/octet-stream"], "file.png", "application/octet-stream"),
        (b"PK", ["Content-Type: application/octet-stream"], "file.bin", "application/octet-stream"),
        (PDF, ["Content-Type: image/png"], "file.png", "image/png"),
        (PDF, [], "file.pdf", None),
        (b"", [], "file.bin", None),
    ],
)
async def test_a_file_has_an_ending_that_suits_its_type(
    content: bytes, lines: list[str], name: str, media: str | None
) -> None:
    assert await left(part("file", content, *lines, filename="zoe.exe")) == [("file", name, media, content)]


async def test_a_named_file_name_leaves_in_one_spelling() -> None:
    said_twice = "Content-Disposition: form-data; name=scans; filename=zoe.png; filename*=UTF-8''zoe.png"

    assert await left(headed(PNG, said_twice)) == [("scans", "zoe.png", None, PNG)]


async def test_no_byte_of_what_no_line_names_leaves() -> None:
    parts = [
        part("purpose", "evidence", "X-Customer: Zoe-1", "Content-Language: Zoe-2", "Content-ID: <Zoe-3>"),
        headed("a", 'Content-Disposition: form-data; name="data[kind]"; creator="Zoe-4"; size=4'),
        headed(PDF, "Content-Disposition: form-data; name=file; filename=Zoe-7; filename*=UTF-8''Zoe-7",
               'Content-Type: application/pdf; name="Zoe-5"; x-mac-type="Zoe-6"'),
        headed(PNG, "Content-Disposition: form-data; name=scans; filename*=UTF-8''"),
        part("who", "Zoe-9"), part("scan", PNG + b"Zoe-10", "Content-Type: image/png", filename="Zoe-11"),
        part("Zoe-13", "a"), part("_charset_", "UTF-8"),
    ]  # fmt: skip
    boundary = "Zoe-14"
    payload = body(*parts, boundary=boundary, before=b"Zoe-15\r\nX: Zoe-16\r\n\r\n", after=b"\r\nZoe-17\r\n--Zoe\r\n")

    sending, outgoing = await ATTACH.sent(
        payload, ("content-type", f'Multipart/Form-Data; Boundary="{boundary}"; x=Zoe')
    )

    assert b"Zoe" not in sending.payload
    assert "Zoe" not in str(sending.headers)
    assert [(name, file) for name, file, _, _ in files(sending)] == [
        ("purpose", None), ("data[kind]", None), ("file", "file.pdf"), ("scans", "file.png"),
    ]  # fmt: skip
    assert {str(place) for place in outgoing.withheld} >= {"$.purpose.@x-customer", "$.purpose.@content-id", "$.who"}


AMBIGUOUS = {
    "no name": (headed("a", "Content-Disposition: form-data"), "body.unreadable"),
    "an extended name": (headed("a", "Content-Disposition: form-data; name*=UTF-8''purpose"), "body.unreadable"),
    "a name and an extended one": (
        headed("a", "Content-Disposition: form-data; name=\"x\"; name*=UTF-8''purpose"),
        "body.unreadable",
    ),
    "two names": (headed("a", 'Content-Disposition: form-data; name="x"; NAME="purpose"'), "body.unreadable"),
    "two file names": (part("file", "a", filename='a"; filename="b'), "body.unreadable"),
    "a file name in two ways": (
        headed("a", "Content-Disposition: form-data; name=file; filename=\"a\"; filename*=UTF-8''Zoe"),
        "body.unreadable",
    ),
    "a file name in pieces": (
        headed("a", 'Content-Disposition: form-data; name=file; filename*0="a"; filename*1="Zoe"'),
        "body.unreadable",
    ),
    "a quote that does not end": (headed("a", 'Content-Disposition: form-data; name="purpose'), "body.unreadable"),
    "a quote behind a backslash": (part("file", "a", filename='a\\"; name=\\"Zoe'), "body.unreadable"),
    "something behind a quote": (headed("a", 'Content-Disposition: form-data; name="purpose"Zoe'), "body.unreadable"),
    "a name with spaces around its sign": (
        headed("a", "Content-Disposition: form-data; name = purpose"),
        "body.unreadable",
    ),
    "another disposition": (headed("a", 'Content-Disposition: attachment; name="purpose"'), "body.unreadable"),
    "no disposition": (headed("a", "Content-Type: text/plain"), "body.unreadable"),
    "no head": (b"\r\na", "body.unreadable"),
    "two dispositions": (part("purpose", "a", 'content-disposition: form-data; name="x"'), "body.unreadable"),
    "two types": (part("purpose", "a", "Content-Type: text/plain", "content-type: text/html"), "body.unreadable"),
    "a header without a sign": (part("purpose", "a", "Zoe"), "body.unreadable"),
    "a header that goes on": (part("purpose", "a", "X: a", " Zoe"), "body.unreadable"),
    "a bare line end in a header": (part("purpose", "a", "X: a\nContent-Type: text/zoe"), "body.unreadable"),
    "a null in a header": (part("purpose", "a", "X: \0"), "body.unreadable"),
    "plain line ends": (b"Content-Disposition: form-data; name=purpose\n\na", "body.unreadable"),
    "parts in a part": (part("x", "a", "Content-Type: multipart/mixed; boundary=y"), "body.unreadable"),
    "base64": (part("purpose", "Wm9l", "Content-Transfer-Encoding: base64"), "body.unreadable"),
    "quoted signs": (part("x", "Wm9l", "Content-Transfer-Encoding: Quoted-Printable"), "body.unreadable"),
    "a length that is not its own": (part("purpose", "a", "Content-Length: 2"), "body.unreadable"),
    "another charset": (part("purpose", "a", "Content-Type: text/plain; charset=utf-16"), "body.unreadable"),
    "a charset for all": (part("_charset_", "iso-8859-1"), "body.unreadable"),
    "no UTF-8": (part("purpose", b"Zo\xeb"), "body.unreadable"),
    "a name that is no UTF-8": (b'Content-Disposition: form-data; name="\xeb"\r\n\r\na', "body.unreadable"),
    "a file where a text is named": (part("purpose", "a", filename="zoe.txt"), "body.unreadable"),
    "a file where a text in a list is": (part("tags[]", "a", filename="zoe.txt"), "body.unreadable"),
    "the name of an attribute": (part("note[@content-type]", "Zoe"), "body.unreadable"),
    "the name of an attribute in a list": (part("scans[0][@filename]", "Zoe"), "body.unreadable"),
    "a document that is none": (part("meta", '{"kind": "Zoe"'), "body.unreadable"),
    "another type of file": (part("file", PDF, "Content-Type: text/html", filename="a"), "body.media"),
    "a file in another charset": (
        part("file", PDF, "Content-Type: application/pdf; charset=latin1", filename="a"),
        "body.media",
    ),
    "another type of document": (part("meta", "{}", "Content-Type: text/html"), "body.media"),
    "a file that is too long": (part("scans", bytes(1025), filename="a"), "body.too_large"),
    "too many headers": (part("purpose", "a", *(f"X-{number}: a" for number in range(8))), "body.too_large"),
    "a header that is too long": (part("purpose", "a", f"X: {'a' * 5000}"), "body.too_large"),
}  # fmt: skip


@pytest.mark.parametrize(("wrong", "code"), AMBIGUOUS.values(), ids=AMBIGUOUS)
async def test_a_part_that_two_readers_could_take_differently_refuses_the_call(wrong: bytes, code: str) -> None:
    assert await code_of(body(part("data[kind]", "Zoe"), wrong)) == code


@pytest.mark.parametrize(
    "names",
    [
        ("purpose", "purpose"), ("file", "file"), ("data[kind]", "data[kind]"), ("data", "data[kind]"),
        ("data[kind]", "data"), ("scans[0]", "scans[0]"), ("purpose", "purpose[]"), ("meta", "meta"),
    ],
)  # fmt: skip
async def test_a_part_that_comes_twice_refuses_the_call_where_the_contract_has_no_list(names: tuple[str, str]) -> None:
    parts = [part(name, "{}", filename="a" if name in ("file", "scans[0]") else None) for name in names]

    assert await code_of(body(*parts)) == "field.repeated"


async def test_parts_that_nobody_names_may_come_twice() -> None:
    assert await left(part("x", "1"), part("x", "2"), part("purpose", "a"), part("x[y]", "3")) == [
        ("purpose", None, None, b"a")
    ]


FRAMES = {
    "no last delimiter": body(part("purpose", "a"))[:-4],
    "cut off": body(part("purpose", "a"))[:-8],
    "only a part": b"--xYzZY-1\r\n" + part("purpose", "a"),
    "another boundary": body(part("purpose", "a"), boundary="other"),
    "a longer boundary": body(part("purpose", "a"), boundary="xYzZY-12"),
    "a line that begins like a delimiter": body(part("purpose", "a\r\n--xYzZY-1Zoe\r\n")),
    "space behind a delimiter": body(part("purpose", "a")).replace(b"-1\r\n", b"-1 \r\n"),
    "plain line ends": body(part("purpose", "a")).replace(b"\r\n", b"\n"),
    "something before the last delimiter": body(before=b"Zoe"),
    "something before the delimiter": body(part("purpose", "a"), before=b"Zoe"),
    "no parts and something else": b"Zoe",
    "only line ends": b"\r\n\r\n",
    "no delimiter at all": b"a=1&b=2",
}


@pytest.mark.parametrize("payload", FRAMES.values(), ids=FRAMES)
async def test_a_body_that_is_not_whole_by_its_boundary_refuses_the_call(payload: bytes) -> None:
    assert await code_of(payload) == "body.unreadable"


TYPES = {
    "no boundary": "multipart/form-data",
    "an empty one": "multipart/form-data; boundary=",
    "an empty one in quotes": 'multipart/form-data; boundary=""',
    "two": f"multipart/form-data; boundary={BOUNDARY}; boundary=Zoe",
    "two in capitals": f"multipart/form-data; boundary={BOUNDARY}; BOUNDARY=Zoe",
    "an extended one": f"multipart/form-data; boundary={BOUNDARY}; boundary*=UTF-8''Zoe",
    "one in pieces": f"multipart/form-data; boundary*0={BOUNDARY}",
    "too long a one": f"multipart/form-data; boundary={'Z' * 71}",
    "one with a sign that it cannot have": 'multipart/form-data; boundary="Zoe;"',
    "one that ends in a space": 'multipart/form-data; boundary="Zoe "',
    "a quote that does not end": f'multipart/form-data; boundary="{BOUNDARY}',
    "something behind it": f"multipart/form-data; boundary={BOUNDARY} Zoe",
    "two types": f"multipart/form-data, text/zoe; boundary={BOUNDARY}",
}


@pytest.mark.parametrize("content_type", TYPES.values(), ids=TYPES)
async def test_a_content_type_that_does_not_plainly_say_the_boundary_refuses_the_call(content_type: str) -> None:
    assert await code_of(body(part("purpose", "a")), content_type) in ("body.unreadable", "body.media")


@pytest.mark.parametrize("media", ["multipart/mixed", "multipart/related", "text/plain", "application/json"])
async def test_another_type_refuses_the_call(media: str) -> None:
    assert await code_of(body(part("purpose", "a")), f"{media}; boundary={BOUNDARY}") == "body.media"


@pytest.mark.parametrize("boundary", ["a", "=_Part_1.2=", "Z" * 70, "a b", "'()+_,-./:=?"])
async def test_every_boundary_of_the_standard_is_taken(boundary: str) -> None:
    payload = body(part("purpose", "a"), boundary=boundary)

    sending, _ = await ATTACH.sent(payload, ("content-type", f'multipart/form-data; boundary="{boundary}"'))

    assert [name for name, *_ in files(sending)] == ["purpose"]


async def test_more_parts_than_anyone_sends_refuse_the_call() -> None:
    assert await code_of(body(*[part("x", "a")] * (MAX_PARTS + 1))) == "body.too_large"


async def test_no_parts_are_no_body() -> None:
    sending, _ = await ATTACH.sent(body(), MULTIPART)

    assert sending.payload == b""
    assert "content-type" not in dict(sending.headers)


async def test_parts_of_which_nothing_may_leave_are_no_call() -> None:
    assert await code_of(body(part("x", "Zoe"), part("items", "Zoe", filename="zoe"))) == "body.empty"


async def test_a_file_that_a_line_drops_stays_as_any_part() -> None:
    sending, outgoing = await sent(part("cards", PDF, filename="zoe"), part("purpose", "a"))

    assert [name for name, *_ in files(sending)] == ["purpose"]
    assert ("$.cards", "drop") in {(str(place), place.reason) for place in outgoing.withheld}


async def test_a_token_in_a_file_keeps_the_file_here() -> None:
    sending, _ = await sent(part("file", b"%PDF gtw-token-1", filename="a"), part("purpose", "a"))

    assert [name for name, *_ in files(sending)] == ["purpose"]


def test_a_boundary_of_ours_stands_in_no_part_whatever_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    candidates = [sha256(b"%d" % number).hexdigest()[:40] for number in range(3)]
    monkeypatch.setattr("gateway.body.multipart._boundaries", lambda _: (each.encode() for each in candidates))
    texts = [part("purpose", candidates[0]), part("data[kind]", f"--{candidates[1]}")]
    source = document_in(body(*texts), BOUND)

    written = written_body(source, source, BOUND)

    assert boundary_in(written) == candidates[2]
    assert holds_body(written, source, source, BOUND)


# The parsers get a body in steps of 64 KiB, and a delimiter may stand across the end of one.
@pytest.mark.parametrize("shift", [*range(-75, 8), 64 * 1024 - 40])
@pytest.mark.parametrize("filling", [b"a", b"\r\n--", b"\r"])
def test_a_file_is_the_same_wherever_the_steps_of_the_parsers_end(shift: int, filling: bytes) -> None:
    length = 64 * 1024 + shift
    content = (filling * length)[:length]
    payload = body(part("purpose", "a"), part("scan", content, filename="a"), part("data[kind]", "b"))
    source = document_in(payload, STEPS)

    written = written_body(source, source, STEPS)

    assert [each for _, each in parts_of(written)] == [b"a", content, b"b"]
    assert holds_body(written, source, source, STEPS)
    at = written.index(content) + length - 1
    assert not holds_body(written[:at] + b"x" + written[at + 1 :], source, source, STEPS)


def test_a_boundary_that_stands_in_a_part_is_not_proved() -> None:
    source = document_in(body(part("purpose", f"a {BOUNDARY}")), BOUND)

    assert holds_body(body(part("purpose", f"a {BOUNDARY}"), boundary="other"), source, source, BOUND)
    assert not holds_body(body(part("purpose", f"a {BOUNDARY}")), source, source, BOUND)


def test_answers_are_read_the_same_way() -> None:
    back = ATTACH.back(
        200, body(part("purpose", "a"), part("who", "Zoe"), part("file", PDF, filename="zoe")), MULTIPART
    )

    assert b"zoe" not in back.payload.lower()
    assert back.media == f"multipart/form-data; boundary={boundary_in(back.payload)}"
    assert [content for _, content in parts_of(back.payload)] == [b"a", PDF]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
contents = st.tuples(st.sampled_from(["purpose", "data[kind]", "x", "rows[0][sku]", "tags[]", "Zoë[a"]), texts)
uploads = st.tuples(
    st.sampled_from(["file", "scans[]", "y"]), st.binary(max_size=60), st.text("az\"'%\\/;é\r\n", max_size=8)
)


def form(fields: list[tuple[str, str]], given_files: list[tuple[str, bytes, str]]) -> bytes:
    parts = [part(name, text) for name, text in fields]
    parts += [
        part(name, data, filename=file.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A"))
        for name, data, file in given_files
    ]
    return body(*parts)


@given(st.lists(contents, max_size=5), st.lists(uploads, max_size=3))
def test_what_is_read_and_written_holds_the_same_and_is_proved(
    fields: list[tuple[str, str]], given_files: list[tuple[str, bytes, str]]
) -> None:
    try:
        source = document_in(from_first(form(fields, given_files), MULTIPART[1]), BOUND)
    except Refusal:
        return

    written = written_body(source, source, BOUND)
    again = document_in(written, BOUND)

    assert written_body(again, again, BOUND) == written
    assert [content for _, content in parts_of(written)] == [
        *(text.encode() for _, text in fields), *(data for name, data, _ in given_files)
    ] or any(name in ("y", "x", "Zoë[a") for name, *_ in (*fields, *given_files))  # fmt: skip
    assert typed("multipart/form-data", written, BOUND).endswith(boundary_in(written))


@given(st.lists(contents, max_size=6), st.lists(uploads, max_size=3))
async def test_the_parts_that_leave_are_the_named_ones_in_their_order(
    fields: list[tuple[str, str]], given_files: list[tuple[str, bytes, str]]
) -> None:
    try:
        sending, _ = await ATTACH.sent(form(fields, given_files), MULTIPART)
    except Refusal:
        return

    came = [(name, text.encode()) for name, text in fields] + [(name, data) for name, data, _ in given_files]
    named = [each for each in came if each[0] not in ("x", "y", "Zoë[a")]
    assert [(head["content-disposition.name"], content) for head, content in parts_of(sending.payload)] == named


@given(st.binary(max_size=80), st.booleans())
async def test_any_bytes_are_sent_minimised_or_refused(data: bytes, framed: bool) -> None:
    codes = {"body.unreadable", "body.empty", "body.too_large"}
    try:
        sending, _ = await ATTACH.sent(body(data) if framed else data, MULTIPART)
    except Refusal as refusal:
        codes -= {refusal.code}
    else:
        codes -= {"body.empty"} if parts_of(sending.payload) or not sending.payload else set()

    assert len(codes) == 2


PAIR = body(part("purpose", "one"), part("file", b"%PDF", "Content-Type: application/pdf", filename="zoe.pdf"))
SOURCE = document_in(from_first(PAIR, MULTIPART[1]), BOUND)
KEPT = {"purpose": "one", "file": "%PDF"}
WRITTEN = written_body(KEPT, SOURCE, BOUND)
OTHERS = {
    "nothing": b"",
    "another value": WRITTEN.replace(b"one", b"two"),
    "another byte in the file": WRITTEN.replace(b"%PDF", b"%PDG"),
    "another name": WRITTEN.replace(b'"purpose"', b'"data[kind]"'),
    "the file's own name": WRITTEN.replace(b"file.pdf", b"zoe.pdf"),
    "another type": WRITTEN.replace(b"application/pdf", b"text/html"),
    "a header more": WRITTEN.replace(b"\r\n\r\none", b"\r\nX-Who: Zoe\r\n\r\none"),
    "a header twice": WRITTEN.replace(b"\r\n\r\n%", b"\r\nContent-Type: application/pdf\r\n\r\n%"),
    "a parameter more": WRITTEN.replace(b'"purpose"', b'"purpose"; who=Zoe'),
    "an extended file name": WRITTEN.replace(b'"file.pdf"', b"\"file.pdf\"; filename*=UTF-8''Zoe"),
    "a preamble": b"Zoe\r\n" + WRITTEN,
    "an epilogue": WRITTEN + b"Zoe",
    "no end": WRITTEN[:-4],
    "a part more": PAIR,
    "a part less": WRITTEN[: WRITTEN.rindex(b"\r\n--" + boundary_in(WRITTEN).encode() + b"\r\n")]
    + f"\r\n--{boundary_in(WRITTEN)}--\r\n".encode(),
    "the parts in another order": body(
        *reversed(
            [each.removesuffix(b"\r\n") for each in WRITTEN.split(f"--{boundary_in(WRITTEN)}".encode()) if b":" in each]
        )
    ),
}


def test_what_was_written_is_proved() -> None:
    assert holds_body(WRITTEN, KEPT, SOURCE, BOUND)
    assert holds_body(b"", {}, SOURCE, BOUND)


@pytest.mark.parametrize("data", OTHERS.values(), ids=OTHERS)
def test_the_proof_fails_for_anything_else(data: bytes) -> None:
    assert data != WRITTEN
    assert not holds_body(data, KEPT, SOURCE, BOUND)


def test_the_proof_sees_every_byte_that_changes() -> None:
    for position, bit in itertools.product(range(len(WRITTEN)), (1, 4)):
        made = bytearray(WRITTEN)
        made[position] ^= bit
        if not _is_boundary(made):
            assert not holds_body(bytes(made), KEPT, SOURCE, BOUND), position


def _is_boundary(data: bytearray) -> bool:
    """Whether one of the delimiters is another now, so that no parser finds the body."""
    return data.count(boundary_in(WRITTEN).encode()) < 3


def test_the_proof_fails_for_a_part_that_no_rule_names() -> None:
    source = Multipart().read(PAIR, Node("$"))

    assert not Multipart().holds(Multipart().write(source, source), source, source, Node("$"))


@pytest.mark.parametrize("wrong", [b"X-Who: Zoe\r\n", b"Content-Type: text/html\r\n"])
async def test_a_writer_that_writes_more_than_it_may_is_found(wrong: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "gateway.body.multipart._head", lambda *_: b'Content-Disposition: form-data; name="purpose"\r\n' + wrong
    )

    assert await code_of(body(part("purpose", "a"))) == "proof.failed"
