"""What is handed over: sealed for the recipient's key, archived under a passphrase, printed, uploaded or read out."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from html import escape

from gateway.errors import GatewayError, refuse
from gateway.exceptional.archive import archived, passphrase
from gateway.exceptional.cut import Cut
from gateway.jwe import PublicKey, encrypted, public_key
from gateway.vocabulary.exceptional import Handover

_SUFFIXES = {"json": "json", "xml": "xml", "x-ndjson": "ndjson", "ndjson": "ndjson", "jsonl": "ndjson"}


class UnfitKey(GatewayError):
    """A key that nothing is encrypted for."""


@dataclass(frozen=True, slots=True)
class Cover:
    """What stands beside the data: which case, who discloses to whom, and when."""

    case: str
    entity: str
    recipient: str
    at: datetime

    def lines(self, digest: str) -> Mapping[str, str]:
        return {
            "Case": self.case,
            "From": self.entity,
            "To": self.recipient,
            "On": self.at.strftime("%Y-%m-%d %H:%M UTC"),
            "SHA-256 of the data": digest,
        }


@dataclass(frozen=True, slots=True, repr=False)
class Handed:
    """What the person who sends gets, and nobody keeps. `digest` is of the data, `passphrase` goes another way."""

    name: str
    media: str
    content: bytes
    digest: str
    passphrase: str = ""

    def members(self) -> dict[str, str]:
        """As JSON has them, the content in Base64."""
        members = {
            "name": self.name,
            "media": self.media,
            "content": b64encode(self.content).decode(),
            "digest": f"sha256:{self.digest}",
        }
        return members | ({"passphrase": self.passphrase} if self.passphrase else {})


def key_of(handover: Handover, text: str | None) -> PublicKey | None:
    """The recipient's key where it is sealed for one. Raises UnfitKey, and Refusal where one is missing or idle."""
    if (handover is Handover.SEALED) is (text is None):
        raise refuse("exceptional.incomplete", "key: the recipient's, for a sealed handover and no other")
    try:
        return public_key(text) if text is not None else None
    except ValueError as error:
        raise UnfitKey(f"key: {error}") from None


def handed(how: Handover, of: Cut, cover: Cover, key: PublicKey | None, randomness: Callable[[int], bytes]) -> Handed:
    """What was cut, ready to be handed over. Raises Refusal where it cannot be."""
    digest, name = sha256(of.payload).hexdigest(), f"{cover.case}.{_suffix(of.media)}"
    if key is not None:
        sealed = encrypted(key)(_text(of)).encode()
        return Handed(f"{cover.case}.jwe", "application/jose", sealed, digest)
    if how is Handover.ARCHIVE:
        phrase = passphrase(randomness)
        about = "".join(f"{name}: {line}\n" for name, line in cover.lines(digest).items()).encode()
        content = archived({name: of.payload, "cover.txt": about}, phrase, at=cover.at, randomness=randomness)
        return Handed(f"{cover.case}.zip", "application/zip", content, digest, phrase)
    if how is Handover.PRINT:
        return Handed(f"{cover.case}.html", "text/html; charset=utf-8", _page(of, cover, digest), digest)
    if how is Handover.ORAL:
        return Handed(f"{cover.case}.txt", "text/plain; charset=utf-8", _text(of).encode(), digest)
    return Handed(name, of.media, of.payload, digest)


def _page(of: Cut, cover: Cover, digest: str) -> bytes:
    """A page to print, that loads nothing."""
    rows = "".join(f"<tr><th>{escape(name)}<td>{escape(line)}" for name, line in cover.lines(digest).items())
    style = "body{font:11pt serif;margin:2cm}th{text-align:left;padding-right:1em}pre{white-space:pre-wrap}"
    return (
        '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Disclosure</title>'
        f"<style>{style}</style><h1>Disclosure</h1><table>{rows}</table><pre>{escape(_text(of))}</pre></html>\n"
    ).encode()


def _text(of: Cut) -> str:
    try:
        return of.payload.decode()
    except UnicodeDecodeError:
        raise refuse("body.unreadable", "it is no text in UTF-8") from None


def _suffix(media: str) -> str:
    return _SUFFIXES.get(media.partition(";")[0].partition("/")[2], "txt")
