"""The head of a part of a multipart body (RFC 7578 section 4): read in one way or not at all, written from nothing."""

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import unquote_to_bytes

from gateway.contract.terms import PART_ATTRIBUTES, Held, Node
from gateway.errors import refuse

FILENAME, CONTENT_TYPE = PART_ATTRIBUTES
LONGEST: Final = 1_000

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_VALUE = re.compile(rf"[ \t]*({_WORD}(?:/{_WORD})?)[ \t]*")
# A quote behind a backslash ends the text for some readers and not for others, so it stands nowhere.
_PARAMETER = re.compile(rf';[ \t]*({_WORD})=(?:"((?:[^"\\]|\\(?!"))*)"|([^\s";,\\]+))[ \t]*')
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_EXTENDED = re.compile(r"utf-8'[A-Za-z0-9-]*'((?:[!#$&+.^_`|~0-9A-Za-z-]|%[0-9A-Fa-f]{2})*)", re.IGNORECASE)
_ENCODED = re.compile(r"=\?utf-8\?B\?([0-9A-Za-z+/=]*)\?=", re.IGNORECASE)
_NEUTRAL = re.compile(r"file\.[a-z0-9]{1,8}")
_ESCAPES: Mapping[str, str] = {'"': "%22", "\r": "%0D", "\n": "%0A"}
_UNCODED = frozenset({"7bit", "8bit", "binary"})
_UTF_8 = frozenset({"utf-8", "utf8", "us-ascii"})
# What some clients call every text; in ASCII it is the same as UTF-8.
_LIKE_ASCII = frozenset({"iso-8859-1", "iso-8859-15", "latin1", "windows-1252"})
# Headers that carry a part and say nothing about it.
_CARRYING = frozenset({"content-disposition", "content-type", "content-transfer-encoding", "content-length"})

# fmt: off
ENDINGS: Mapping[str, str] = {
    "application/gzip": "gz", "application/json": "json", "application/msword": "doc", "application/pdf": "pdf",
    "application/rtf": "rtf", "application/vnd.ms-excel": "xls", "application/xml": "xml", "application/zip": "zip",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "image/gif": "gif", "image/heic": "heic", "image/jpeg": "jpg", "image/png": "png", "image/svg+xml": "svg",
    "image/tiff": "tiff", "image/webp": "webp", "text/csv": "csv", "text/html": "html", "text/plain": "txt",
    "text/xml": "xml",
}
# fmt: on
_SIGNS: Mapping[str, bytes] = {
    "application/pdf": b"%PDF-",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
    "image/gif": b"GIF8",
}


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a part. `leaves_as` is the type with which a document or a file in it leaves, if with any."""

    position: int
    name: str
    is_file: bool
    media: str
    charset: str
    attributes: Mapping[str, str]
    leaves_as: str = ""


def boundary_of(content_type: str) -> str:
    """The boundary that a Content-Type gives. Raises Refusal `body.unreadable` unless it gives one, and plainly."""
    _, parameters = _parsed(content_type, "Content-Type")
    found = [name for name in parameters if name.partition("*")[0] == "boundary"]
    if found != ["boundary"] or not _BOUNDARY.fullmatch(parameters["boundary"]):
        raise refuse("body.unreadable", "the Content-Type has no boundary as RFC 2046 has it")
    return parameters["boundary"]


def head_of(headers: Sequence[tuple[str, str]], position: int) -> Head:
    """The head of a part. Raises Refusal `body.unreadable` for one that two readers could take differently."""
    fields = _fields(headers)
    named = _names(fields)
    media, described = _parsed(fields["content-type"], "Content-Type") if "content-type" in fields else ("", {})
    if media.startswith("multipart/"):
        raise refuse("body.unreadable", "a part has parts of its own")
    attributes = dict(_attributes(fields, named, described))
    if (filename := _filename(named)) is not None:
        attributes[FILENAME] = _base(filename)
    if media:
        attributes[CONTENT_TYPE] = media
    charset = described.get("charset", "").lower()
    return Head(position, _unescaped(named["name"]), filename is not None, media, charset, attributes)


def _fields(headers: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    """The headers of a part by their names in small letters, each of which comes once and says what it says."""
    fields = {name.lower(): value for name, value in headers}
    if len(fields) != len(headers):
        raise refuse("body.unreadable", "a part has a header twice")
    if any(_CONTROL.search(value) for value in fields.values()):
        raise refuse("body.unreadable", "a part has a header with signs that have no place there")
    if fields.get("content-transfer-encoding", "binary").strip().lower() not in _UNCODED:
        raise refuse("body.unreadable", "a part has a transfer encoding")
    return fields


def _names(fields: Mapping[str, str]) -> Mapping[str, str]:
    """The parameters of a Content-Disposition (RFC 7578 section 4.2): one plain name, and no name in pieces."""
    disposition, named = _parsed(fields.get("content-disposition", ""), "Content-Disposition")
    if disposition != "form-data" or "name" not in named or any(name.startswith("name*") for name in named):
        raise refuse("body.unreadable", "a part has no plain name")
    if any(len(text) > LONGEST for text in named.values()):
        raise refuse("body.unreadable", f"a part has a name of more than {LONGEST} signs")
    if any(name.startswith("filename*") and name != "filename*" for name in named):
        raise refuse("body.unreadable", "a part has a file name in pieces")
    return named


def _filename(named: Mapping[str, str]) -> str | None:
    """The file name of a part that has one: said once, or plainly and extended (RFC 6266 section 4.3) and the same."""
    plain = _unescaped(named["filename"]) if "filename" in named else None
    if "filename*" not in named:
        return plain
    match = _EXTENDED.fullmatch(named["filename*"])
    extended = _decoded(unquote_to_bytes(match[1])) if match else None
    if extended is None or (plain not in (None, extended) and _of_encoded_word(plain) != extended):
        raise refuse("body.unreadable", "a part has two file names, or one in another charset")
    return extended


def _of_encoded_word(text: str) -> str | None:
    """What a text says that is one encoded word (RFC 2047), in which .NET writes plain names that are not ASCII."""
    match = _ENCODED.fullmatch(text)
    try:
        return _decoded(b64decode(match[1], validate=True)) if match else None
    except ValueError:
        return None


def _decoded(data: bytes) -> str | None:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if _CONTROL.search(text) else text


def _parsed(text: str, what: str) -> tuple[str, dict[str, str]]:
    """A header's value in small letters and its parameters, each of which comes once."""
    parameters: dict[str, str] = {}
    value = match = _VALUE.match(text)
    while match and match.end() < len(text):
        match = _PARAMETER.match(text, match.end())
        if match and match[1].lower() in parameters:
            match = None
        if match:
            parameters[match[1].lower()] = match[3] if match[2] is None else match[2]
    if value is None or match is None:
        raise refuse("body.unreadable", f"a {what} can be read in two ways")
    return value[1].lower(), parameters


def _attributes(
    fields: Mapping[str, str], named: Mapping[str, str], described: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """What else is in the headers of a part. No path leads there, so it stays, and is reported."""
    yield from ((f"@{name}", value) for name, value in fields.items() if name not in _CARRYING)
    yield from (
        (f"@content-disposition.{name}", value)
        for name, value in named.items()
        if name not in ("name", "filename", "filename*")
    )
    yield from ((f"@content-type.{name}", value) for name, value in described.items() if name != "charset")


def _base(filename: str) -> str:
    """A file name without the folders that some clients send with it (RFC 7578 section 4.2)."""
    return re.split(r"[/\\]", filename)[-1]


def _unescaped(text: str) -> str:
    for sign, escape in _ESCAPES.items():
        text = text.replace(escape, sign)
    return text


def _escaped(text: str) -> str:
    """A text as browsers put it between quotes (WHATWG HTML, multipart/form-data encoding algorithm)."""
    for sign, escape in _ESCAPES.items():
        text = text.replace(sign, escape)
    return text


def attributes_of(head: Head, node: Node | None) -> dict[str, str]:
    """The attributes of a part that count: those that are named, and of the others those that say something."""
    named = node.members if node else {}
    held = node.held if node else None
    silent = {
        FILENAME: _NEUTRAL.fullmatch(head.attributes.get(FILENAME, "")) is not None,
        CONTENT_TYPE: held is not None or head.media == "text/plain",
    }
    return {name: value for name, value in head.attributes.items() if name in named or not silent.get(name, False)}


def leaving(head: Head, content: bytes | bytearray, node: Node, held: Held) -> Head:
    """The head of a part that holds what a contract says, with the type with which that leaves.

    It is the type that it came with, unless a rule names that. Where it says nothing, the ending of a file's name is
    that of what its first bytes are. Raises Refusal `body.media` for a type that is not taken.
    """
    if head.media and head.media not in held.media:
        raise refuse("body.media", f"{node.path} is taken as {' or '.join(held.media)}")
    if head.charset and head.charset not in _UTF_8:
        raise refuse("body.media", f"{node.path}: text is UTF-8 here")
    named = head.media and CONTENT_TYPE not in node.members
    leaves_as = head.media + ("; charset=utf-8" if head.charset else "") if named else ""
    media = head.media
    if media in ("", "application/octet-stream"):
        looks = (kind for kind, sign in _SIGNS.items() if kind in held.media and content.startswith(sign))
        media = next(looks, held.media[0] if len(held.media) == 1 else media)
    return replace(head, leaves_as=leaves_as, media=media)


def text_of(head: Head, content: bytes | bytearray) -> str | None:
    """The text of a part, or None where it is none in UTF-8."""
    if head.charset and head.charset not in _UTF_8 and not (head.charset in _LIKE_ASCII and content.isascii()):
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def written_head(head: Head, attributes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The headers with which a part leaves, given those of its attributes that leave."""
    parameters = "".join(f'; {name}="{text}"' for name, text in disposition_of(head, attributes).items())
    yield "Content-Disposition", f"form-data{parameters}"
    if media := attributes.get(CONTENT_TYPE) or head.leaves_as:
        yield "Content-Type", media


def disposition_of(head: Head, attributes: Mapping[str, str]) -> dict[str, str]:
    """The parameters of the Content-Disposition with which a part leaves, as they stand between quotes."""
    names = {"name": head.name}
    if head.is_file:
        names["filename"] = attributes.get(FILENAME) or f"file.{ENDINGS.get(head.media, 'bin')}"
    return {name: _escaped(text) for name, text in names.items()}
