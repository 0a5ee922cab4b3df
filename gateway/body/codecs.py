"""Which codec a contract names, and whether a body is what it claims to be."""

import re
from collections.abc import Mapping
from typing import Final, cast

from gateway.body.document import Codec, Document, Stepwise
from gateway.body.envelope import Envelope
from gateway.body.form import Form
from gateway.body.lines import Lines, Reader, Written, filled
from gateway.body.multipart import Multipart, boundary_in, from_first
from gateway.body.nested import FORMATS, folded, holds, unfolded
from gateway.body.nothing import Nothing
from gateway.body.opaque import Opaque
from gateway.contract.terms import Section
from gateway.errors import refuse
from gateway.pieces import Payload, Pieces, whole

STEPWISE: Mapping[str, Stepwise] = {"multipart": Multipart(), "opaque": Opaque()}
"""Those that read a body which is not in memory."""
CODECS: Mapping[str, Codec] = {**FORMATS, "sentry-envelope": Envelope(), "none": Nothing(), **STEPWISE}
FORM: Final = Form()

_MEDIA = re.compile(r"\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*((?:;.*)?)\Z")
# Extended too (RFC 8187): readers differ on which of two they believe.
_CHARSET = re.compile(r";\s*charset\*?\s*=\s*\"?([^\";\s]+)\"?", re.IGNORECASE)


def media_of(content_type: str, section: Section) -> str:
    """The Content-Type with which a body leaves: the one it came with, without anything but its charset.

    Raises Refusal `body.media` for a type that the contract does not take, and for text that is not UTF-8.
    """
    match = _MEDIA.match(content_type)
    media = match[1].lower() if match else ""
    if not match or not _is_taken(media, section):
        takes = " or ".join(section.media) or "no body"
        raise refuse("body.media", f"the contract takes {takes}")
    charsets = _CHARSET.findall(match[2])
    if not charsets:
        return media
    if any(charset.lower() not in ("utf-8", "utf8") for charset in charsets):
        raise refuse("body.media", "text is UTF-8 here")
    return f"{media}; charset=utf-8"


def _is_taken(media: str, section: Section) -> bool:
    if media in section.media:
        return True
    return bool(section.suffix) and media.startswith("application/") and media.endswith(section.suffix)


def read_body(payload: Payload, content_type: str | None, section: Section) -> tuple[Document, str]:
    """The document in a body and the Content-Type it leaves with, empty where there is no body.

    Raises Refusal `body.media`, `body.unreadable`, `body.too_large` or `field.repeated`.
    """
    if len(payload) > section.max_bytes:
        raise refuse("body.too_large", f"more than {section.max_bytes} bytes")
    if section.body == "ndjson" and isinstance(payload, bytes):
        _check_lines(payload, section)
    media = ""
    if payload and section.body != "none":
        media = _untyped(section) if content_type is None else media_of(content_type, section)
        if section.body == "multipart" and content_type is not None:
            payload = from_first(payload, content_type)
    elif section.body == "form" and content_type is not None and section.media:
        media = section.media[0]
    return document_in(payload, section), media


def _untyped(section: Section) -> str:
    """The Content-Type with which a body leaves that came without: a type that means what it was read as."""
    if not section.untyped:
        raise refuse("body.media", "the call does not say what its body is")
    return next(iter(section.media), "")


def typed(media: str, payload: Payload, section: Section) -> str:
    """The whole Content-Type of a body that has this media type, with what only the body itself can say."""
    if section.body != "multipart":
        return media
    boundary = boundary_in(payload)
    return f"{media.partition(';')[0]}; boundary={boundary}" if boundary else ""


def _check_lines(payload: bytes, section: Section) -> None:
    for _ in filled(payload, section.max_line):
        """Each is as long as it may be."""


def document_in(payload: Payload, section: Section) -> Document:
    """What a body holds, with the documents in its texts. Raises Refusal `body.unreadable` or `field.repeated`."""
    if isinstance(payload, Pieces) and section.body == "ndjson":
        return _lines(payload, section)
    if isinstance(payload, Pieces):
        document = STEPWISE[section.body].read(payload, section.outside)
    else:
        document = CODECS[section.body].read(payload, section.outside)
    return document if section.nest is None else unfolded(document, section.nest)


def _lines(payload: Pieces, section: Section) -> Lines:
    """Lines that are not in memory, each of which is read as if it were the whole body."""

    def read(line: bytes) -> Document:
        return cast("list[Document]", document_in(line, section))[0]

    reader = Reader(read, section.max_line, [path[1:] for path in section.stated if path])
    return Lines.read(payload, reader, is_batch=section.batch is not None)


def written_body(document: Document, source: Document, section: Section) -> bytes:
    """The bytes of what was built out of `source`."""
    return whole(written(document, source, section))


def written(document: Document, source: Document, section: Section) -> Payload:
    """The same, where they stand: in memory, unless those of `source` are not."""
    if isinstance(document, Written):
        return document.content
    if section.nest is not None:
        document, source = folded(document, source, section.nest)
    return CODECS[section.body].write(document, source)


def holds_body(data: Payload, document: Document, source: Document, section: Section) -> bool:
    """Whether bytes, read again by other parsers, hold exactly this document, in its texts too.

    Of lines that were proved as they were written, whether the bytes are still these.
    """
    if isinstance(document, Written):
        return document.are(data)
    flat, origin = (document, source) if section.nest is None else folded(document, source, section.nest)
    if isinstance(data, Pieces):
        is_held = STEPWISE[section.body].holds(data, flat, origin, section.outside)
    else:
        is_held = CODECS[section.body].holds(data, flat, origin, section.outside)
    return is_held and (section.nest is None or holds(flat, document, source, section.nest))
