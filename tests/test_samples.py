"""What others wrote, through contracts made for it: what is named arrives as it was, and nothing else does."""

import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote_plus, unquote_plus
from xml.sax.saxutils import escape

import pytest
from bodies import Operation, operation
from lxml import etree

from gateway.body.codecs import CODECS
from gateway.body.document import Document, members_of, same
from gateway.forms.links import leads_elsewhere

Shared = Callable[[str], Path]
Path_ = tuple[str, ...]
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
KINDS = {"json": "json", "x-www-form-urlencoded": "form", "xml": "xml", "x-sentry-envelope": "sentry-envelope"}
PROBES = {"sentry-envelope": [(kind, "*", "none") for kind in ("event", "transaction", "session", "log")]}
"""Of an envelope only such items are looked into as a path leads into."""
ADDRESSES = 2
"""How many of the texts that break things are addresses, which stay where no contract lists their hosts."""
MEDIA = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "ndjson": "application/x-ndjson",
    "xml": "application/xml",
    "sentry-envelope": "application/x-sentry-envelope",
}


def values(document: Document, above: Path_ = ()) -> Iterator[tuple[Path_, str]]:
    """Every value with its path, as a contract names it; what is empty has none."""
    if isinstance(document, list):
        for each in document:
            yield from values(each, (*above, "*"))
        return
    for name, value in members_of(document).items():
        yield from values(value, (*above, name))
    if not isinstance(document, Mapping):
        yield above, repr(document)


def paths(document: Document) -> list[Path_]:
    return [path for path, _ in values(document)]


def written(path: Path_) -> str:
    """A path in the words of the language; names that are more than a word in brackets."""
    steps = [f".{step}" if re.fullmatch(r"@?[A-Za-z_]\w*|\*", step) else f"['{step}']" for step in path]
    return json.dumps("".join(["$", *steps]), ensure_ascii=False)


def letting_out(body: str, named: Sequence[Path_], *more: str) -> Operation:
    fields = "\n".join(f"      - {written(path)}" for path in named)
    group = f"  - why: What is named leaves.\n    category: parcel.measure\n    fields:\n{fields}\n" if named else ""
    lines = [f"body: {body}", "max_bytes: 1 MiB", *more, "groups:", group]
    return operation("\n".join(lines))


async def through(made: Operation, body: str, payload: bytes) -> tuple[Document, Document]:
    """The document of a body, and the one that leaves."""
    content = ("content-type", MEDIA[body])
    _, incoming, _ = await made.read(payload, content)
    sending, _ = await made.sent(payload, content)
    [prepared] = made.contracts.prepared.values()
    left = CODECS[body].read(sending.payload, prepared.terms.sending.trees["body"]) if sending.payload else {}
    return incoming["body"], left


def carrier_bodies(folder: Path) -> Iterator[tuple[str, str, bytes]]:
    """Name, kind and bytes of each request that is one document."""

    def found(value: Any, name: str) -> Iterator[tuple[str, str, bytes]]:
        if isinstance(value, str) and value.lstrip().startswith("<"):
            yield name, "xml", value.strip().encode()
        elif isinstance(value, str):
            return
        elif name.count("/") >= 2:
            yield name, "json", json.dumps(value).encode()
        else:
            for key, inner in value.items():
                yield from found(inner, f"{name}/{key}".lstrip("/"))

    yield from found(json.loads((folder / "bodies.json").read_text("utf-8")), "")


def recorded(folder: Path) -> Iterator[tuple[str, str, bytes]]:
    """Name, kind and bytes of each body that a real SDK put on a socket."""
    for file in sorted(folder.glob("*.http")):
        head, _, payload = file.read_bytes().partition(b"\r\n\r\n")
        if not payload:
            continue
        if re.search(rb"\r\ncontent-encoding: *gzip", head, re.IGNORECASE):
            payload = gzip.decompress(payload)
        content = re.search(rb"\r\ncontent-type: *([^;\r]*)", head, re.IGNORECASE)
        media = content[1].decode() if content else ""
        yield file.name, KINDS[media.rpartition("/")[2].rpartition("+")[2]], payload


def bodies(shared: Shared) -> list[tuple[str, str, bytes]]:
    return [*carrier_bodies(shared("carrier-bodies")), *recorded(shared("wire"))]


def namespaces(payload: bytes) -> list[str]:
    root = etree.fromstring(payload)
    kinds = {etree.QName(name).namespace for each in root.iter("*") for name in (each.tag, *map(str, each.attrib))}
    return sorted(kinds - {None, SOAP})


def said(body: str, payload: bytes) -> list[str]:
    """What a contract says of a body beside its fields: namespaces, and every host to which an address in it leads."""
    text = unquote_plus(payload.decode("utf-8", "replace")).replace("\\/", "/")
    hosts = sorted(set(re.findall(r"[A-Za-z][A-Za-z0-9+.-]*://[A-Za-z0-9.-]+(?::\d+)?", text)))
    lines = [f"urls: {json.dumps([host.lower() for host in hosts])}"]
    return [*lines, f"namespaces: {json.dumps(namespaces(payload))}"] if body == "xml" else lines


async def all_paths(body: str, payload: bytes, *more: str) -> list[Path_]:
    """The places of a document that a contract can name; an empty name is none."""
    probe = letting_out(body, PROBES.get(body, [("none",)]), *more)
    document = (await probe.read(payload, ("content-type", MEDIA[body])))[1]["body"]
    names = [name for name, _ in parse_qsl(payload.decode())] if body == "form" else []
    several = {(name,) for name in names if names.count(name) > 1}
    return [(*path, "*") if path in several else path for path in dict.fromkeys(paths(document)) if "" not in path]


async def test_real_bodies_arrive_as_they_were_where_all_is_named(shared: Shared) -> None:
    seen = 0
    for name, body, payload in bodies(shared):
        named = await all_paths(body, payload, *said(body, payload))
        came, left = await through(letting_out(body, named, *said(body, payload)), body, payload)
        assert list(values(left)) == [(path, value) for path, value in values(came) if path in named], name
        seen += 1

    assert seen > 95


async def test_real_bodies_leave_only_what_is_named(shared: Shared) -> None:
    for name, body, payload in bodies(shared):
        named = (await all_paths(body, payload, *said(body, payload)))[::2]
        came, left = await through(letting_out(body, named, *said(body, payload)), body, payload)
        assert list(values(left)) == [(path, value) for path, value in values(came) if path in named], name


def naughty(folder: Path) -> list[str]:
    strings: list[str] = json.loads((folder / "blns.json").read_text("utf-8"))
    assert len(strings) > 500
    return strings


def is_xml_text(text: str) -> bool:
    """Whether XML 1.0 has all these signs (section 2.2)."""
    return not re.search(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text)


WAYS: Mapping[str, Callable[[str], bytes]] = {
    "json": lambda text: json.dumps({"mark": text}).encode(),
    "form": lambda text: f"mark={quote_plus(text)}".encode(),
    "ndjson": lambda text: json.dumps({"mark": text}, ensure_ascii=False).encode(),
    "xml": lambda text: f"<mark>{escape(text, {chr(13): '&#13;'})}</mark>".encode(),
}


@pytest.mark.parametrize("body", WAYS)
async def test_a_text_that_breaks_things_arrives_sign_for_sign(shared: Shared, body: str) -> None:
    place = ("*", "mark") if body == "ndjson" else ("mark",)
    made = letting_out(body, [place])
    arrived = addresses = 0
    for text in naughty(shared("blns")):
        if body == "xml" and not is_xml_text(text):
            continue
        if leads_elsewhere(text, ()):
            addresses += 1
            continue
        came, left = await through(made, body, WAYS[body](text))
        assert same(left, came), repr(text)
        found = left[0] if isinstance(left, list) else left
        assert members_of(found)["mark"] == text
        arrived += 1

    assert arrived > 488
    assert addresses == ADDRESSES


@pytest.mark.parametrize("body", ["json", "form", "ndjson"])
async def test_a_name_that_breaks_things_stays(shared: Shared, body: str) -> None:
    place = ("*", "mark") if body == "ndjson" else ("mark",)
    made = letting_out(body, [place])
    for text in naughty(shared("blns")):
        if text in ("", "mark"):
            continue
        form = f"mark=a&{quote_plus(text)}=b".encode()
        payload = form if body == "form" else json.dumps({"mark": "a", text: "b"}).encode()
        _, left = await through(made, body, payload)
        assert set(paths(left)) == {place}, repr(text)


async def test_a_text_that_breaks_things_in_a_header_is_refused_or_stays(shared: Shared) -> None:
    made = letting_out("json", [("mark",)])
    for text in naughty(shared("blns")):
        sending, _ = await made.sent(b'{"mark":"a"}', ("content-type", "application/json"), ("x-other", text))
        assert "x-other" not in dict(sending.headers)


def test_places_are_found_in_every_shape() -> None:
    document: Document = {"a": [{"b": 1}, {"c": [2]}], "d": {}, "e.f": None}

    assert paths(document) == [("a", "*", "b"), ("a", "*", "c", "*"), ("e.f",)]
    assert [written(path) for path in paths(document)] == ['"$.a.*.b"', '"$.a.*.c.*"', "\"$['e.f']\""]
