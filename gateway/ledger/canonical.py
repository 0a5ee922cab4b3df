"""The one way in which a fact becomes bytes, a leaf hash, a commitment and an id."""

import hashlib
from binascii import b2a_base64
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from gateway.errors import Refusal, refuse
from gateway.pieces import Payload

# Raw is JSON that is canonical already.
Json: TypeAlias = str | int | bool | Sequence["Json"] | Mapping[str, "Json"] | msgspec.Raw | None
Randomness: TypeAlias = Callable[[int], bytes]

MAX_BODY = 65_535
_PIECE = 2_047
_MIN_INT, _MAX_INT = -(2**53) + 1, 2**53 - 1
_encode = msgspec.json.Encoder(order="sorted").encode
_UNENCODABLE = (UnicodeEncodeError, TypeError)
"""Of the encoder, whose error carries the text: what takes its place is raised `from None`."""
_SOUND = frozenset({str, bool, type(None), msgspec.Raw})
_LEAF, _COMMITTED = hashlib.sha256(b"\x00"), hashlib.sha256(b"\x02")
"""Begun once and copied, which costs half as much as to begin."""


def canonical(value: Json) -> bytes:
    """The bytes of RFC 8785 for text, whole numbers within 2^53, booleans, null, lists and objects with ASCII keys.

    Raises a Refusal `ledger.unavailable` for anything else and for more than 65,535 bytes.
    """
    _demand_sound([value])
    return _limited(_encoded(value))


class Blank:
    """A canonical object of which some members are still to come: what stands between them is written once."""

    def __init__(self, members: Mapping[str, Json], blanks: Collection[str]) -> None:
        """`blanks` are the names of the members that are still to be filled in. Raises Refusal as `canonical` does."""
        names = sorted({*members, *blanks})
        self._names = [name for name in names if name in blanks]
        written = [(canonical(name), b"%b" if name in blanks else _literal(canonical(members[name]))) for name in names]
        self._form = b"{%b}" % b",".join([_literal(name) + b":" + value for name, value in written])

    def filled(self, members: Mapping[str, Json]) -> bytes:
        """What `canonical` makes of all members together. Raises Refusal as it does."""
        values = [members[name] for name in self._names]
        _demand_sound(values)
        try:
            return _limited(self._form % tuple(map(_encode, values)))
        except _UNENCODABLE:
            raise _no_unicode() from None


def epoch_of(body: bytes) -> int:
    """In which epoch an entry was written; 0 where it does not say."""
    return int(msgspec.json.decode(body).get("epoch", 0))


def leaf_hash(body: bytes) -> bytes:
    """SHA-256 of 0x00 and the body (RFC 9162, 2.1.1)."""
    digest = _LEAF.copy()
    # In pieces for which the interpreter's lock is not given away: getting it back costs more than the hash.
    for at in range(0, len(body), _PIECE):
        digest.update(body[at : at + _PIECE])
    return digest.digest()


def commitment(domain: bytes, salt: bytes, data: Payload) -> bytes:
    """SHA-256 of 0x02, a domain, 32 random bytes and the data: says nothing once the random bytes are gone."""
    digest = _COMMITTED.copy()
    if isinstance(data, bytes):
        digest.update(domain + salt + data)
        return digest.digest()
    digest.update(domain + salt)
    for step in data.steps():
        digest.update(step)
    return digest.digest()


def base64(digest: bytes) -> str:
    """As leaves write digests: RFC 4648, section 4."""
    return b2a_base64(digest, newline=False).decode()


def uuid7(microseconds: int, randomness: Randomness) -> str:
    """An id that sorts by time (RFC 9562, 5.7), as 32 lower hex digits."""
    moment, noise = (microseconds // 1000 & 0xFFFF_FFFF_FFFF).to_bytes(6, "big"), bytearray(randomness(10))
    noise[0] = noise[0] & 0x0F | 0x70
    noise[2] = noise[2] & 0x3F | 0x80
    return (moment + noise).hex()


def uuid7_floor(microseconds: int) -> bytes:
    """The smallest id that can have been made in the millisecond of this time."""
    return (max(microseconds, 0) // 1000 << 80).to_bytes(16, "big")


class Noise:
    """Random bytes in small pieces out of large draws.

    A draw gives the interpreter's lock away, and getting it back costs more than everything else in an entry.
    """

    def __init__(self, source: Randomness, draw: int = 16_384) -> None:
        self._source = source
        self._draw = draw
        self._pool = b""
        self._at = 0

    def __call__(self, length: int) -> bytes:
        end = self._at + length
        if end > len(self._pool):
            self._pool, self._at, end = self._source(max(self._draw, length)), 0, length
        piece, self._at = self._pool[self._at : end], end
        return piece


def _encoded(value: Json) -> bytes:
    try:
        return _encode(value)
    except _UNENCODABLE:
        raise _no_unicode() from None


def _no_unicode() -> Refusal:
    return refuse("ledger.unavailable", "an entry has text that is not Unicode")


def _limited(body: bytes) -> bytes:
    if len(body) > MAX_BODY:
        raise refuse("ledger.unavailable", f"an entry is longer than {MAX_BODY:,} bytes")
    return body


def _literal(written: bytes) -> bytes:
    """As it stands in a form that is filled in."""
    return written.replace(b"%", b"%%")


def _demand_sound(level: list[Any]) -> None:
    """Raises a Refusal where JSON of RFC 8785 and ours could differ; level by level, because this is a hot path."""
    while level:
        deeper: list[Any] = []
        for each in level:
            kind = each.__class__
            if kind in _SOUND:
                continue
            if kind is int:
                if not _MIN_INT <= each <= _MAX_INT:
                    raise refuse("ledger.unavailable", "an entry has a number outside 2^53")
            elif kind is tuple or kind is list:
                deeper += each
            elif kind is dict:
                _demand_plain_keys(each)
                deeper += each.values()
            elif not isinstance(each, str):
                raise refuse("ledger.unavailable", f"an entry has a {kind.__name__}")
        level = deeper


def _demand_plain_keys(members: Mapping[Any, Json]) -> None:
    try:
        plain = "".join(members).isascii()
    except TypeError:
        plain = False
    if not plain:
        raise refuse("ledger.unavailable", "an entry has a key that is not ASCII")
