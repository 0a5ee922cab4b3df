"""Bodies with a text planted in every place that a codec has, and their twins with the text where it is named."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote_plus
from xml.sax.saxutils import escape, quoteattr

from parts import body as parts_body
from parts import headed, part

PLANTED = "Qz7planted"
TWIN = "Qz7twinned"
HARMLESS = "a"
URI = "urn:parcels"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"


@dataclass(frozen=True, slots=True)
class Body:
    """A body with a text at a place that no contract names.

    `twin` is the same with something harmless there, or, where it `names` the place, with the text where the contract
    does. Without a twin no such body is taken, whatever stands in it.
    """

    name: str
    planted: bytes
    twin: bytes | None = None
    names: bool = False


@dataclass(frozen=True, slots=True)
class Codec:
    """A kind of body: its method and media type, what its contract says and names, and where a text can stand in it."""

    media: str
    said: str
    named: tuple[str, ...]
    plain: bytes
    bodies: Callable[[], Iterator[Body]]
    method: str = "POST"
    category: str = "not_personal"


def _dumped(document: object) -> bytes:
    return json.dumps(document).encode()


def _form(*pairs: tuple[str, str]) -> bytes:
    return "&".join(f"{name}={quote_plus(value)}" for name, value in pairs).encode()


def _xml(inside: str, *, head: str = "", attributes: str = "", behind: str = "") -> bytes:
    return f'{head}<o:order xmlns:o="{URI}"{attributes}>{inside}</o:order>{behind}'.encode()


def _twins(named: Mapping[str, bytes]) -> Iterator[Body]:
    """Bodies whose place the contract names; the planted text stands at the same place under another name."""
    for name, body in named.items():
        yield Body(name, body.replace(b"mark", b"none").replace(TWIN.encode(), PLANTED.encode()), body, names=True)


def _made(places: Mapping[str, Callable[[str], bytes]]) -> Iterator[Body]:
    for name, made in places.items():
        yield Body(name, made(PLANTED), made(HARMLESS))


def _never(bodies: Mapping[str, bytes]) -> Iterator[Body]:
    for name, body in bodies.items():
        yield Body(name, body)


def _escaped(text: str) -> str:
    return "".join(f"\\u{ord(sign):04x}" for sign in text)


_JSON_PLACES: Mapping[str, Callable[[str], object]] = {
    "an unnamed value": lambda text: {"mark": "a", "other": text},
    "a name": lambda text: {"mark": "a", text: "a"},
    "a name beside named ones": lambda text: {"mark": "a", "inner": {"mark": "a", text: "a"}},
    "a value below an unnamed name": lambda text: {"mark": "a", "other": {"deep": [{"er": text}]}},
    "a name below an unnamed name": lambda text: {"mark": "a", "other": {"deep": {text: 1}}},
    "an unnamed member of an element": lambda text: {"mark": "a", "list": [{"mark": "a", "other": text}]},
    "an element that is a text": lambda text: {"mark": "a", "list": [text, {"mark": "a"}]},
    "an element that is a list": lambda text: {"mark": "a", "list": [[text], {"mark": "a"}]},
    "an object where a text is named": lambda text: {"mark": {"mark": text}, "inner": {"mark": "a"}},
    "a list where a text is named": lambda text: {"mark": [text], "inner": {"mark": "a"}},
    "a text where an object is named": lambda text: {"mark": "a", "inner": text},
    "a list where an object is named": lambda text: {"mark": "a", "inner": [{"mark": text}]},
    "an unnamed value in a nested text": lambda text: {"mark": "a", "text": json.dumps({"mark": "a", "b": text})},
    "a name in a nested text": lambda text: {"mark": "a", "text": json.dumps({"mark": "a", text: 1})},
    "a named name in another case": lambda text: {"mark": "a", "MARK": text},
    "a named name with a blank": lambda text: {"mark": "a", "mark ": text},
    "a named name with a zero byte": lambda text: {"mark": "a", "mark\0": text},
    "a path as a name": lambda text: {"mark": "a", "inner.mark": text},
    "a bracket as a name": lambda text: {"mark": "a", "inner[mark]": text},
}
_JSON_RAW: Mapping[str, bytes] = {
    "the same name twice": f'{{"mark":"a","mark":"{PLANTED}"}}'.encode(),
    "the same name in two spellings": f'{{"mark":"a","\\u006dark":"{PLANTED}"}}'.encode(),
    "a nested text that is no document": f'{{"mark":"a","text":"{PLANTED}"}}'.encode(),
    "a comment": f'{{"mark":"a"/*{PLANTED}*/}}'.encode(),
    "behind the document": f'{{"mark":"a"}}{PLANTED}'.encode(),
    "a second document": f'{{"mark":"a"}}{{"mark":"{PLANTED}"}}'.encode(),
    "before the document": f'{PLANTED}{{"mark":"a"}}'.encode(),
    "a text as the document": f'"{PLANTED}"'.encode(),
    "a list as the document": f'[{{"mark":"{PLANTED}"}}]'.encode(),
    "a document in UTF-16": f'{{"mark":"a","b":"{PLANTED}"}}'.encode("utf-16"),
}


def _json_bodies() -> Iterator[Body]:
    for name, made in _JSON_PLACES.items():
        yield Body(name, _dumped(made(PLANTED)), _dumped(made(HARMLESS)))
    yield Body(
        "an unnamed value in escapes",
        f'{{"mark":"a","b":"{_escaped(PLANTED)}"}}'.encode(),
        _dumped({"mark": "a", "b": "a"}),
    )
    yield Body("a name in escapes", f'{{"mark":"a","{_escaped(PLANTED)}":1}}'.encode(), _dumped({"mark": "a", "b": 1}))
    yield from _never(_JSON_RAW)
    documents: Mapping[str, object] = {
        "a named value": {"mark": TWIN},
        "a named name": {TWIN: "a"},
        "a named value below": {"inner": {"mark": TWIN}},
        "a named value of an element": {"list": [{"mark": TWIN}]},
        "a named value in a nested text": {"text": json.dumps({"mark": TWIN})},
    }
    yield from _twins({name: _dumped(document) for name, document in documents.items()})


def _ndjson_bodies() -> Iterator[Body]:
    lines: Mapping[str, Callable[[str], object]] = {
        "an unnamed value": lambda text: {"mark": "a", "other": text},
        "a name": lambda text: {"mark": "a", text: 1},
        "a line that is a text": lambda text: text,
        "a line that is a list": lambda text: [text],
        "an object where a text is named": lambda text: {"mark": {"a": text}},
    }
    for name, line in lines.items():
        planted, harmless = (
            b'{"mark":"a"}\n' + _dumped(line(text)) + b'\n{"mark":"b"}' for text in (PLANTED, HARMLESS)
        )
        yield Body(name, planted, harmless)
    yield Body("a line that is no document", b'{"mark":"a"}\n' + PLANTED.encode() + b"\n")
    yield Body("a line that is cut off", b'{"mark":"a"}\n{"mark":"b","other":"' + PLANTED.encode())
    yield from _twins(
        {
            "a named value": b'{"mark":"a"}\n' + _dumped({"mark": TWIN}),
            "a named name": b'{"mark":"a"}\n' + _dumped({TWIN: 1}),
        }
    )


_FORM_PAIRS: Mapping[str, Callable[[str], bytes]] = {
    "an unnamed value": lambda text: _form(("mark", "a"), ("other", text)),
    "a name": lambda text: _form(("mark", "a"), (text, "a")),
    "a name without a value": lambda text: b"mark=a&" + text.encode(),
    "a name in brackets": lambda text: _form(("mark", "a"), (f"inner[{text}]", "a")),
    "an unnamed name in brackets": lambda text: _form(("mark", "a"), ("inner[other]", text)),
    "an element that is a text": lambda text: _form(("mark", "a"), ("list[]", text)),
    "an unnamed member of an element": lambda text: _form(("mark", "a"), ("list[0][mark]", "a"), ("list[0][b]", text)),
    "brackets where a text is named": lambda text: _form(("mark[deep]", text), ("inner[mark]", "a")),
    "a text where brackets are named": lambda text: _form(("mark", "a"), ("inner", text)),
    "an unnamed value in a nested text": lambda text: _form(
        ("mark", "a"), ("text", json.dumps({"mark": 1, "b": text}))
    ),
    "a named name in another case": lambda text: _form(("mark", "a"), ("Mark", text)),
}
_FORM_RAW: Mapping[str, bytes] = {
    "a named name twice": _form(("mark", "a"), ("mark", PLANTED)),
    "a named name twice, once in escapes": b"mark=a&m%61rk=" + PLANTED.encode(),
    "behind a semicolon": b"mark=a;other=" + PLANTED.encode(),
    "a name with half a bracket": b"mark=a&inner[mark=" + PLANTED.encode(),
    "a name with a bracket too many": b"mark=a&inner[mark]]=" + PLANTED.encode(),
    "a number as an element's name": b"mark=a&list[" + PLANTED.encode() + b"][mark]=a",
}


def _form_bodies() -> Iterator[Body]:
    yield from _made(_FORM_PAIRS)
    yield from _never(_FORM_RAW)
    yield from _twins(
        {
            "a named value": _form(("mark", TWIN)),
            "a named name": _form((TWIN, "a")),
            "a named name in brackets": _form(("inner[mark]", TWIN)),
            "a named name of an element": _form(("list[0][mark]", TWIN)),
            "a named value in a nested text": _form(("text", json.dumps({"mark": TWIN}))),
        }
    )


def _nested_xml(content: object, attributes: str = "") -> bytes:
    return _xml(f"<o:text{attributes}>{escape(json.dumps(content))}</o:text>")


def _nested_attribute(content: object) -> bytes:
    return _xml(f"<o:inner text={quoteattr(json.dumps(content))}/>")


_XML_PLACES: Mapping[str, Callable[[str], bytes]] = {
    "an unnamed element": lambda text: _xml(f"<o:mark>a</o:mark><o:other>{text}</o:other>"),
    "an element's name": lambda text: _xml(f"<o:mark>a</o:mark><o:{text}>a</o:{text}>"),
    "an attribute": lambda text: _xml(f"<o:inner mark='a' other={quoteattr(text)}><o:mark>a</o:mark></o:inner>"),
    "an attribute's name": lambda text: _xml(f"<o:inner mark='a' {text}='a'><o:mark>a</o:mark></o:inner>"),
    "an attribute of the root": lambda text: _xml("<o:mark>a</o:mark>", attributes=f" other={quoteattr(text)}"),
    "the attribute xml:lang": lambda text: _xml("<o:mark>a</o:mark>", attributes=f" xml:lang={quoteattr(text)}"),
    "a comment": lambda text: _xml(f"<o:mark>a</o:mark><!-- {text} -->"),
    "a comment in a named text": lambda text: _xml(f"<o:mark>a<!-- {text} --></o:mark>"),
    "a comment before the root": lambda text: _xml("<o:mark>a</o:mark>", head=f"<!-- {text} -->"),
    "a comment behind the root": lambda text: _xml("<o:mark>a</o:mark>", behind=f"<!-- {text} -->"),
    "a namespace that is not used": lambda text: _xml("<o:mark>a</o:mark>", attributes=f' xmlns:x="urn:{text}"'),
    "a prefix": lambda text: _xml("<o:mark>a</o:mark>", attributes=f' xmlns:{text}="urn:x"'),
    "an element below a named one": lambda text: _xml(f"<o:inner><o:mark>a</o:mark><o:b>{text}</o:b></o:inner>"),
    "CDATA of an unnamed element": lambda text: _xml(f"<o:mark>a</o:mark><o:other><![CDATA[{text}]]></o:other>"),
    "an unnamed value in a nested text": lambda text: _nested_xml({"mark": "a", "b": text}),
    "a name in a nested text": lambda text: _nested_xml({"mark": "a", text: 1}),
    "an attribute beside a nested text": lambda text: _nested_xml({"mark": "a"}, f" other={quoteattr(text)}"),
    "an unnamed value in a nested attribute": lambda text: _nested_attribute({"mark": "a", "b": text}),
}  # fmt: skip
_XML_RAW: Mapping[str, bytes] = {
    "an element of another namespace": _xml(f'<o:mark>a</o:mark><x:mark xmlns:x="urn:x">{PLANTED}</x:mark>'),
    "a namespace": _xml(f'<o:mark>a</o:mark><x:mark xmlns:x="urn:{PLANTED}">a</x:mark>'),
    "an attribute in two namespaces": _xml(f"<o:inner mark='a' o:mark='{PLANTED}'/>"),
    "text beside elements": _xml(f"<o:mark>a</o:mark>{PLANTED}"),
    "an element where a text is named": _xml(f"<o:mark><o:mark>{PLANTED}</o:mark></o:mark><o:inner mark='a'/>"),
    "a processing instruction": _xml(f"<o:mark>a</o:mark><?{PLANTED} {PLANTED}?>"),
    "a processing instruction before the root": _xml("<o:mark>a</o:mark>", head=f"<?x {PLANTED}?>"),
    "a document type": _xml("<o:mark>a</o:mark>", head=f"<!DOCTYPE {PLANTED}>"),
    "an entity": _xml("<o:mark>&e;</o:mark>", head=f'<!DOCTYPE order [<!ENTITY e "{PLANTED}">]>'),
    "behind the root": _xml("<o:mark>a</o:mark>", behind=PLANTED),
    "a second root": _xml("<o:mark>a</o:mark>", behind=f"<order>{PLANTED}</order>"),
    "a named element twice": _xml(f"<o:mark>a</o:mark><o:mark>{PLANTED}</o:mark>"),
    "a header of SOAP": f'<s:Envelope xmlns:s="{SOAP}"><s:Header><a>{PLANTED}</a></s:Header></s:Envelope>'.encode(),
    "an encoding": _xml("<o:mark>a</o:mark>", head=f'<?xml version="1.0" encoding="{PLANTED}"?>'),
    "a nested text that is no document": _xml(f"<o:text>{PLANTED}</o:text>"),
    "an element in a nested text": _xml(f"<o:text><o:mark>{PLANTED}</o:mark></o:text>"),
}


def _xml_bodies() -> Iterator[Body]:
    yield from _made(_XML_PLACES)
    yield from _never(_XML_RAW)
    insides = {
        "a named element": f"<o:mark>{TWIN}</o:mark>",
        "a named element in CDATA": f"<o:mark><![CDATA[{TWIN}]]></o:mark>",
        "a named element with signs": f"<o:mark>{escape('<' + TWIN + '>')}</o:mark>",
        "a named element's name": f"<o:{TWIN}>a</o:{TWIN}>",
        "a named attribute": f"<o:inner mark='{TWIN}'/>",
        "a named value in a nested text": f'<o:text mark="a">{{"mark":"{TWIN}"}}</o:text>',
        "a named attribute beside a nested text": f'<o:text mark="{TWIN}">{{"mark":"a"}}</o:text>',
        "a named value in a nested attribute": f'<o:inner text=\'{{"mark":"{TWIN}"}}\'/>',
        "a named element of a list": f"<o:list><o:mark>{TWIN}</o:mark></o:list><o:list><o:mark>a</o:mark></o:list>",
    }
    yield from _twins({name: _xml(inside) for name, inside in insides.items()})


def _item(payload: bytes, kind: str = "event", *, length: bool = True, **headers: object) -> bytes:
    size = {"length": len(payload)} if length else {}
    return _dumped({"type": kind, **size, **headers}) + b"\n" + payload + b"\n"


def _envelope(*items: bytes, **header: object) -> bytes:
    return _dumped(header) + b"\n" + b"".join(items)


_EVENT = _item(_dumped({"mark": "a"}))
_ENVELOPE_PLACES: Mapping[str, Callable[[str], bytes]] = {
    "an unnamed value of the header": lambda text: _envelope(_EVENT, other=text),
    "a name of the header": lambda text: _envelope(_EVENT, **{text: 1}),
    "an object in the header": lambda text: _envelope(_EVENT, mark={"mark": text}),
    "an unnamed header of an item": lambda text: _envelope(_item(_dumped({"mark": "a"}), other=text)),
    "a name of a header of an item": lambda text: _envelope(
        _item(_dumped({"mark": "a"}), "event", length=True, **{text: 1})
    ),
    "a file name": lambda text: _envelope(_EVENT, _item(b"bytes", "attachment", filename=text)),
    "an attachment": lambda text: _envelope(_EVENT, _item(b"a\0\n" + text.encode() + b"\n\xff", "attachment")),
    "a type of item": lambda text: _envelope(_EVENT, _item(b"{}", text)),
    "an unnamed value of an item": lambda text: _envelope(_item(_dumped({"mark": "a", "other": text}))),
    "a name in an item": lambda text: _envelope(_item(_dumped({"mark": "a", text: 1}))),
    "an attachment that looks like an item": lambda text: _envelope(
        _EVENT, _item(_item(_dumped({"mark": text})), "attachment")
    ),
    "an item of another type": lambda text: _envelope(_EVENT, _item(_dumped({"mark": text}), "session")),
    "an item without a length": lambda text: _envelope(_EVENT, _item(_dumped({"mark": text}), "other", length=False)),
    "an element of an item that is a list": lambda text: _envelope(_EVENT, _item(_dumped([{"other": text}]))),
    "an unnamed value in a nested text": lambda text: _envelope(
        _item(_dumped({"text": json.dumps({"mark": "a", "b": text})}))
    ),
    "an unnamed value in a nested header": lambda text: _envelope(
        _item(_dumped({"mark": "a"}), text=json.dumps({"mark": "a", "b": text}))
    ),
}
_ENVELOPE_RAW: Mapping[str, bytes] = {
    "a content type": _envelope(_item(_dumped({"mark": "a"}), content_type=f"application/{PLANTED}")),
    "an attachment that is longer than it says": _envelope(
        _EVENT, _dumped({"type": "attachment", "length": 3}) + b"\nabc" + PLANTED.encode() + b"\n"
    ),
    "an item that is shorter than it says": _envelope(
        _dumped({"type": "event", "length": 900}) + b"\n" + _dumped({"mark": PLANTED})
    ),
    "an item without a type": _envelope(_EVENT, _dumped({"length": 2}) + b"\n" + _dumped({"mark": PLANTED})),
    "an item that is no document": _envelope(_item(PLANTED.encode())),
    "behind the items": _envelope(_EVENT) + PLANTED.encode(),
    "a header that is a text": _dumped(PLANTED) + b"\n" + _EVENT,
    "a type twice": _envelope(b'{"type":"event","type":"' + PLANTED.encode() + b'","length":2}\n{}\n'),
}


def _envelope_bodies() -> Iterator[Body]:
    yield from _made(_ENVELOPE_PLACES)
    yield from _never(_ENVELOPE_RAW)
    yield from _twins(
        {
            "a named value of the header": _envelope(_EVENT, mark=TWIN),
            "a named name of the header": _envelope(_EVENT, **{TWIN: "a"}),
            "a named value of an item": _envelope(_item(_dumped({"mark": TWIN}))),
            "a named value of an item without a length": _envelope(_item(_dumped({"mark": TWIN}), length=False)),
            "a named value in a nested text": _envelope(_item(_dumped({"text": json.dumps({"mark": TWIN})}))),
            "a named value in a nested header": _envelope(
                _item(_dumped({"mark": "a"}), text=json.dumps({"mark": TWIN}))
            ),
            "a named header of an item": _envelope(_item(_dumped({"inner": {"mark": "a"}}), mark=TWIN)),
        }
    )


_BOUNDARY = "Qz7boundary"
_MARKED = part("mark", "a")


def _parts(*parts: bytes, before: bytes = b"", after: bytes = b"\r\n") -> bytes:
    return parts_body(*parts, boundary=_BOUNDARY, before=before, after=after)


def _file(*lines: str, filename: str = "file.pdf", content: str = "a") -> bytes:
    return part("markfile", f"%PDF {content}", *lines, filename=filename)


_PART_PLACES: Mapping[str, Callable[[str], bytes]] = {
    "an unnamed value": lambda text: _parts(_MARKED, part("other", text)),
    "a name": lambda text: _parts(_MARKED, part(text, "a")),
    "a name in brackets": lambda text: _parts(_MARKED, part(f"inner[{text}]", "a")),
    "an unnamed name in brackets": lambda text: _parts(_MARKED, part("inner[other]", text)),
    "an element that is a text": lambda text: _parts(_MARKED, part("list[]", text)),
    "an unnamed member of an element": lambda text: _parts(part("list[0][mark]", "a"), part("list[0][b]", text)),
    "brackets where a text is named": lambda text: _parts(part("mark[deep]", text), part("inner[mark]", "a")),
    "a text where brackets are named": lambda text: _parts(_MARKED, part("inner", text)),
    "an unnamed value in a document": lambda text: _parts(part("text", json.dumps({"mark": "a", "b": text}))),
    "a name in a document": lambda text: _parts(part("text", json.dumps({"mark": "a", text: 1}))),
    "the file name of a document": lambda text: _parts(part("text", '{"mark":"a"}', filename=f"{text}.json")),
    "an unnamed file": lambda text: _parts(_MARKED, part("other", text, "Content-Type: a/b", filename="a")),
    "the name of an unnamed file": lambda text: _parts(_MARKED, part("other", "a", filename=text)),
    "a file name": lambda text: _parts(_file(filename=f"{text}.pdf")),
    "a folder of a file": lambda text: _parts(_file(filename=f"C:\\{text}\\file.pdf")),
    "a file name in another spelling": lambda text: _parts(
        headed("%PDF", f"Content-Disposition: form-data; name=markfile; filename*=UTF-8''{text}")
    ),
    "a parameter of a disposition": lambda text: _parts(
        headed("a", f'Content-Disposition: form-data; name="mark"; other="{text}"')
    ),
    "a parameter of a type": lambda text: _parts(_file(f'Content-Type: application/pdf; name="{text}"')),
    "the type of a text": lambda text: _parts(part("mark", "a", f"Content-Type: text/{text}")),
    "the type of an unnamed file": lambda text: _parts(_MARKED, part("other", "a", f"Content-Type: x/{text}")),
    "a header of a part": lambda text: _parts(part("mark", "a", f"X-Other: {text}")),
    "the name of a header of a part": lambda text: _parts(part("mark", "a", f"{text}: a")),
    "the description of a part": lambda text: _parts(part("mark", "a", f"Content-Description: {text}")),
    "before the parts": lambda text: _parts(_MARKED, before=f"{text}\r\n".encode()),
    "behind the parts": lambda text: _parts(_MARKED, after=f"\r\n{text}".encode()),
    "a part behind the last one": lambda text: _parts(
        _MARKED, after=f"\r\n--{_BOUNDARY}\r\n".encode() + part("mark", text)
    ),
    "a named name in another case": lambda text: _parts(_MARKED, part("Mark", text)),
}
_PART_RAW: Mapping[str, bytes] = {
    "a named name twice": _parts(_MARKED, part("mark", PLANTED)),
    "two names of a part": _parts(headed(PLANTED, 'Content-Disposition: form-data; name="other"; name="mark"')),
    "a name in another spelling": _parts(
        headed(PLANTED, "Content-Disposition: form-data; name=\"mark\"; name*=UTF-8''other")
    ),
    "two file names": _parts(
        headed("%PDF", f"Content-Disposition: form-data; name=markfile; filename=a; filename*=UTF-8''{PLANTED}")
    ),
    "a quote behind a backslash": _parts(part("mark", "a", filename=f'a\\"; name=\\"{PLANTED}')),
    "a file where a text is named": _parts(part("mark", PLANTED, filename="a")),
    "parts in a part": _parts(_MARKED, part("other", PLANTED, "Content-Type: multipart/mixed; boundary=x")),
    "a transfer encoding": _parts(part("mark", PLANTED, "Content-Transfer-Encoding: quoted-printable")),
    "another charset": _parts(part("mark", PLANTED, "Content-Type: text/plain; charset=utf-7")),
    "a charset for all": _parts(part("_charset_", PLANTED), _MARKED),
    "a document that is none": _parts(part("text", PLANTED)),
    "another type of file": _parts(_file("Content-Type: text/html", content=PLANTED)),
    "a header that goes on": _parts(part("mark", "a", "X-Other: a", f" {PLANTED}")),
    "a bare line end in a header": _parts(part("mark", "a", f"X-Other: a\n{PLANTED}: b")),
    "before the delimiter": _parts(_MARKED, before=PLANTED.encode()),
    "another boundary": parts_body(part("mark", PLANTED), boundary="other"),
    "no last delimiter": _parts(part("mark", PLANTED))[:-4],
    "the name of an attribute": _parts(part("markfile[@filename]", PLANTED)),
}


def _multipart_bodies() -> Iterator[Body]:
    yield from _made(_PART_PLACES)
    yield from _never(_PART_RAW)
    yield from _twins(
        {
            "a named value": _parts(part("mark", TWIN)),
            "a named name": _parts(part(TWIN, "a")),
            "a named name in brackets": _parts(part("inner[mark]", TWIN)),
            "a named name of an element": _parts(part("list[0][mark]", TWIN)),
            "a named value in a document": _parts(part("text", json.dumps({"mark": TWIN}))),
            "a named file": _parts(_file(content=TWIN)),
        }
    )


def _opaque_bodies() -> Iterator[Body]:
    long = b"%PDF " + PLANTED.encode() + b" " * 20_000
    yield Body("bytes beyond what the contract takes", long, b"%PDF " + TWIN.encode(), names=True)


def _no_bodies() -> Iterator[Body]:
    yield Body("a body", PLANTED.encode())


_JSON_NAMED = ("$.mark", "$.inner.mark", "$.list.*.mark", "$.text.mark", f"$.{TWIN}")
CODECS: Mapping[str, Codec] = {
    "json": Codec("application/json", "nested: {$.text: json}", _JSON_NAMED, _dumped({"mark": "a"}), _json_bodies),
    "form": Codec(
        "application/x-www-form-urlencoded", "nested: {$.text: json}", _JSON_NAMED, _form(("mark", "a")), _form_bodies
    ),
    "multipart": Codec(
        f"multipart/form-data; boundary={_BOUNDARY}",
        "nested: {$.text: json, $.markfile: {body: opaque, media: [application/pdf], max_bytes: 64 KiB}}",
        (*_JSON_NAMED, "$.markfile"),
        _parts(_MARKED),
        _multipart_bodies,
        category="parcel.measure",
    ),
    "ndjson": Codec(
        "application/x-ndjson", "", ("$.*.mark", f"$.*.{TWIN}"), _dumped({"mark": "a"}) + b"\n", _ndjson_bodies
    ),
    "xml": Codec(
        "application/xml",
        f"namespaces: [{URI}]\n  nested: {{$.order.text: json, $.order.inner.@text: json}}",
        (
            "$.order.mark",
            "$.order.inner.mark",
            "$.order.inner.@mark",
            "$.order.list.*.mark",
            f"$.order.{TWIN}",
            "$.order.text.mark",
            "$.order.text.@mark",
            "$.order.inner.@text.mark",
        ),
        _xml("<o:mark>a</o:mark>"),
        _xml_bodies,
    ),
    "sentry-envelope": Codec(
        "application/x-sentry-envelope",
        "nested: {$.event.*.text: json, $.event.*.@text: json}",
        (
            "$.header.mark",
            f"$.header.{TWIN}",
            "$.event.*.mark",
            "$.event.*.inner.mark",
            "$.event.*.@mark",
            "$.event.*.text.mark",
            "$.event.*.@text.mark",
        ),
        _envelope(_EVENT),
        _envelope_bodies,
    ),
    "opaque": Codec(
        "application/pdf",
        "media: [application/pdf]\n  max_bytes: 16 KiB",
        ("$",),
        b"%PDF",
        _opaque_bodies,
        category="parcel.measure",
    ),
    "none": Codec("", "", (), b"", _no_bodies, "GET"),
}
