"""HMAC-SHA-256 (RFC 2104) over a text that the contract composes, in headers that it names."""

import hmac
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from gateway.frozen import changed
from gateway.outbound.send import Sending
from gateway.signing.signer import Moment
from gateway.vocabulary.signatures import WORD

Template = tuple[tuple[str, str], ...]
"""Pieces of a text, each a literal and the word behind it; the last word may be empty."""

ENCODINGS: Final[Mapping[str, Callable[[bytes], str]]] = {
    "hex": bytes.hex,
    "base64": lambda digest: b64encode(digest).decode("ascii"),
}
TIMES: Final[Mapping[str, Callable[[datetime], str]]] = {
    "seconds": lambda now: str(int(now.timestamp())),
    "milliseconds": lambda now: str(int(now.timestamp() * 1000)),
    "iso": lambda now: now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
}


@dataclass(frozen=True, slots=True)
class Hmac:
    """Signs the text `over`, and puts what `fields` say into headers of these names."""

    key: bytes = field(repr=False)
    over: Template
    fields: tuple[tuple[str, Template], ...]
    encoding: str
    timestamp: str
    parameters: tuple[str, ...] = ()

    @property
    def headers(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.fields)

    def sign(self, sending: Sending, authority: str, moment: Moment) -> Sending:
        path, _, query = sending.target.partition("?")
        words = {
            "method": sending.method.encode("ascii"),
            "target": sending.target.encode("ascii"),
            "path": path.encode("ascii"),
            "query": query.encode("ascii"),
            "host": authority.encode("ascii"),
            "timestamp": TIMES[self.timestamp](moment.now).encode("ascii"),
            "nonce": moment.nonce.encode("ascii"),
            "body": sending.payload,
            "body_sha256": sha256(sending.payload).hexdigest().encode("ascii"),
        }
        digest = hmac.digest(self.key, b"".join(_filled(self.over, words)), "sha256")
        words["signature"] = ENCODINGS[self.encoding](digest).encode("ascii")
        added = tuple((name, b"".join(_filled(text, words)).decode("utf-8")) for name, text in self.fields)
        return changed(sending, headers=sending.headers + added)


def template(text: str, resolved: Callable[[str], str]) -> Template:
    """A text taken apart at its words; `resolved` puts secrets, `$NAME`, into what lies between."""
    pieces = [*WORD.split(text), ""]
    return tuple((resolved(literal), word) for literal, word in zip(pieces[::2], pieces[1::2], strict=True))


def _filled(text: Template, words: Mapping[str, bytes]) -> Iterator[bytes]:
    for literal, word in text:
        yield literal.encode("utf-8")
        yield words[word] if word else b""
