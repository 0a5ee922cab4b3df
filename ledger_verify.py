"""Checks a ledger of the data-sharing gateway without the gateway.

    python3 ledger_verify.py EXPORT --key NAME+ID+KEY --since CHECKPOINT

EXPORT is what `gateway ledger export` wrote, or a copy of `ledger.db`. It takes Python 3.11 and nothing else: nothing
of the gateway is imported, no network is used, nothing is written. `cryptography` makes it faster where it is there.
Fourteen checks, V1 to V14, each with an exit code of its own; docs/auditor.md says what they prove and what not.
"""

import argparse
import hashlib
import json
import re
import sys
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias
from urllib.parse import quote

CHECKS: Mapping[str, str] = {
    "V1": "every checkpoint is signed by the key of the log",
    "V2": "the entries lead to the root of every checkpoint",
    "V3": "checkpoints continue one another, and those kept elsewhere",
    "V4": "every body is the one that was hashed",
    "V5": "what is missing was purged, as it had to be",
    "V6": "every body is canonical and of a known kind",
    "V7": "every intent has one outcome, every outcome its intent",
    "V8": "epochs follow one another, and none writes after its end",
    "V9": "every contract was in force when it was used",
    "V10": "what a search finds is what the entries say",
    "V11": "kept subtrees are those of the entries",
    "V12": "links to people are those that were not erased",
    "V13": "the clock goes back with a new epoch only",
    "V14": "nothing in an entry looks personal",
}
UNREADABLE = 2
INCOMPLETE = 3
FIRST_CODE = 11  # of V1; V14 has 24
SHOWN = 20  # findings of one check that are listed; the others are counted

MAX_BODY = 65_535
MAX_NOTE = 65_536
MAX_LINE = 1 << 20
MAX_INT = 2**53 - 1
HASH = 32
WIDTHS = frozenset(256**height for height in range(1, 8))
FORMAT = "gateway-ledger-export/1"

CLOSING = 60_000_000  # µs in which an epoch that died is settled by the next one
CHANGING = 60_000_000  # µs in which calls on their way still go by the contract before
DAY = 86_400_000_000  # µs
MAY_GO = frozenset({"intent", "outcome", "refusal", "access", "token", "fact", "resolve", "received"})
UNSIGNED = 900_000_000  # µs of one epoch in which something has to be signed

Leaf: TypeAlias = dict[str, Any]
Span: TypeAlias = tuple[int, int]


class Unreadable(Exception):
    """What was given is nothing that can be checked. Never quotes what was read."""


class BadNote(ValueError):
    """A text is no note, or not signed by the key."""


class BadBody(ValueError):
    """A body is not as entries are written."""


# What is checked, whatever it was read from


class FoundBy(NamedTuple):
    """What a search finds an entry by, as it stands beside the entry. `intent` is the place of an outcome's intent."""

    id: str
    kind: str
    ts: int
    intent: int | None = None
    vendor: str | None = None
    operation: str | None = None
    caller: str | None = None
    code: str | None = None
    result: str | None = None


class Link(NamedTuple):
    """A person of an entry: the token by which the person is found, and the key that seals the rest."""

    tok: bytes
    dek: bytes
    sealed: bytes = b""


class Row(NamedTuple):
    """An entry as it is stored. `body` is None where it was purged, `links` where they are not part of the material.

    `strange` says that whoever has the keys found its links to lead to others than those whom it commits to.
    """

    seq: int
    hash: bytes
    body: bytes | None
    found_by: FoundBy | None = None
    links: Sequence[Link] | None = None
    strange: bool = False


class Head(NamedTuple):
    """A checkpoint as it is stored: the note, and beside it what the note says."""

    size: int
    root: bytes
    note: str
    peaks: bytes | None = None


class Source(Protocol):
    """Where rows come from. All of it can be read several times. Methods raise Unreadable."""

    name: str
    key: str | None
    """The public key that the material itself names; None where it names none."""
    first: int
    """The place of the first entry; everything before it is left out of the material."""
    peaks: tuple[bytes, ...]
    """The roots of the complete subtrees before the first entry."""
    has_links: bool
    offered: str | None
    """The note that the material holds out to be kept as its newest; None where it holds out none."""

    def heads(self) -> Iterator[Head]:
        """Checkpoints, the smallest first."""

    def rows(self, *, bare: bool = False) -> Iterator[Row]:
        """Entries in their order; `bare` ones may come without what they are found by, and without links."""

    def hashes(self, ranges: Sequence[Span]) -> Iterator[tuple[int, bytes]]:
        """Places and leaf hashes of ranges, in their order; each from its first place to its last, with both."""

    def purged(self) -> Iterator[tuple[int, int, int]] | None:
        """Ranges that the material says were purged, with both ends, and by which entry; None if it says nothing."""

    def subtrees(self) -> Iterator[tuple[int, int, bytes]] | None:
        """Kept roots of subtrees, by their last leaf and the smallest first; None where there are none to check."""

    def faults(self) -> Iterator[str]:
        """What is wrong with the material itself, as far as a search is concerned."""

    def link_faults(self) -> Iterator[str]:
        """What is wrong with links as a whole."""


class Finding(NamedTuple):
    """Something that does not hold, and the place of the entry that shows it."""

    seq: int | None
    text: str


@dataclass
class Verdict:
    """What one check came to."""

    name: str
    status: str = "ok"  # failed, not checked
    findings: list[Finding] = field(default_factory=list)
    count: int = 0
    notes: list[str] = field(default_factory=list)
    is_apart: bool = False  # not checked, since what it is about was not asked for

    def found(self, seq: int | None, text: str) -> None:
        self.status = "failed"
        self.count += 1
        if len(self.findings) < SHOWN:
            self.findings.append(Finding(seq, text))

    def unchecked(self, why: str) -> None:
        if self.status == "ok":
            self.status = "not checked"
        self.notes.append(why)

    def apart(self, why: str) -> None:
        self.unchecked(why)
        self.is_apart = True


@dataclass
class Report:
    """What all checks came to. `entries` counts those that were read, `unsigned` those after the last checkpoint."""

    name: str
    checks: Mapping[str, Verdict]
    key: str | None = None
    entries: int = 0
    purged: int = 0
    checkpoints: int = 0
    signed: int = 0
    root: bytes = b""
    open: int = 0
    in_doubt: int = 0

    @property
    def code(self) -> int:
        """0 where all holds that there is; of several failures the first one counts."""
        for number, name in enumerate(CHECKS):
            if name in self.checks and self.checks[name].status == "failed":
                return FIRST_CODE + number
        lacking = [each for each in self.checks.values() if each.status != "ok"]
        is_whole = all(each.is_apart for each in lacking) and len(lacking) < len(self.checks)
        return 0 if is_whole else INCOMPLETE

    @property
    def verdict(self) -> str:
        return {0: "sound", INCOMPLETE: "incomplete"}.get(self.code, "altered")

    def document(self) -> dict[str, Any]:
        """For machines."""
        return {
            "material": self.name,
            "verdict": self.verdict,
            "exit": self.code,
            "entries": self.entries,
            "purged": self.purged,
            "checkpoints": self.checkpoints,
            "signed": self.signed,
            "root": self.root.hex(),
            "key": self.key,
            "open": self.open,
            "in_doubt": self.in_doubt,
            "checks": [
                {
                    "check": each.name,
                    "title": CHECKS[each.name],
                    "status": each.status,
                    "count": each.count,
                    "findings": [finding._asdict() for finding in each.findings],
                    "notes": each.notes,
                }
                for each in self.checks.values()
            ],
        }

    def lines(self) -> Iterator[str]:
        """For people."""
        for each in self.checks.values():
            yield f"{each.name:<4}{each.status:<12}{CHECKS[each.name]}"
            for finding in each.findings:
                place = "" if finding.seq is None else f"entry {finding.seq}: "
                yield f"      {place}{finding.text}"
            if each.count > len(each.findings):
                yield f"      and {each.count - len(each.findings)} more"
            yield from (f"      {note}" for note in each.notes)
        yield f"{self.entries} entries read, {self.purged} of them purged; {self.checkpoints} checkpoints"
        yield f"signed up to {self.signed}, {self.open} intents without an outcome, {self.in_doubt} in doubt"
        lacking = ", ".join(each.name for each in self.checks.values() if each.status == "not checked")
        yield f"{self.verdict}{f', {lacking} not checked' if lacking else ''}: {self.name}"


# Ed25519 (RFC 8032, 5.1.7)
_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_SQRT_MINUS_1 = pow(2, (_P - 1) // 4, _P)
Point: TypeAlias = tuple[int, int, int, int]
_NEUTRAL: Point = (0, 1, 1, 0)


def is_signed(key: bytes, message: bytes, signature: bytes, *, library: bool = True) -> bool:
    """Whether a signature of Ed25519 holds. `library` allows the use of `cryptography`, where it is installed.

    Keys of small order, under which a signature fits every message, and scalars beyond the order are never taken.
    """
    point = _key_point(key)
    if point is None or len(signature) != 64:
        return False
    scalar = int.from_bytes(signature[32:], "little")
    if scalar >= _L:
        return False
    if library and (checked := _with_library(key, message, signature)) is not None:
        return checked
    digest = hashlib.sha512(signature[:32] + key + message).digest()
    challenge = int.from_bytes(digest, "little") % _L
    x, y, z, t = point
    return _encoded(_joint(scalar, challenge, (_P - x, y, z, _P - t))) == signature[:32]


def _with_library(key: bytes, message: bytes, signature: bytes) -> bool | None:
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - may be absent
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - the same
    except ImportError:
        return None
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=64)
def _key_point(key: bytes) -> Point | None:
    """The point of a public key; None where it is none, or of small order."""
    point = _decoded(key) if len(key) == 32 else None
    if point is None:
        return None
    eight = _doubled(_doubled(_doubled(point)))
    return None if eight[0] == 0 and eight[1] == eight[2] else point


def _decoded(data: bytes) -> Point | None:
    """RFC 8032, 5.1.3; only in the one way in which a point is written."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _SQRT_MINUS_1 % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    x = _P - x if x & 1 != sign else x
    return x, y, 1, x * y % _P


def _encoded(point: Point) -> bytes:
    inverse = pow(point[2], -1, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _added(left: Point, right: Point) -> Point:
    a = (left[1] - left[0]) * (right[1] - right[0]) % _P
    b = (left[1] + left[0]) * (right[1] + right[0]) % _P
    c = 2 * left[3] * right[3] * _D % _P
    d = 2 * left[2] * right[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _doubled(point: Point) -> Point:
    x, y, z, _ = point
    a, b = x * x % _P, y * y % _P
    h = a + b
    e, g = h - (x + y) * (x + y), a - b
    f = 2 * z * z + g
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


_BASE = _decoded((4 * pow(5, -1, _P) % _P).to_bytes(32, "little")) or _NEUTRAL


def _joint(first: int, second: int, point: Point) -> Point:
    """`first` times the base point and `second` times the other, added."""
    table = (_NEUTRAL, _BASE, point, _added(_BASE, point))
    total = _NEUTRAL
    for bit in range(max(first.bit_length(), second.bit_length()) - 1, -1, -1):
        total = _doubled(total)
        if which := (first >> bit & 1) | (second >> bit & 1) << 1:
            total = _added(total, table[which])
    return total


# Signed notes and checkpoints (c2sp.org/signed-note, c2sp.org/tlog-checkpoint)
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_NAME = re.compile(r"[^\s+\x00-\x1f]{1,300}")
_VKEY = re.compile(r"([^\s+]{1,300})\+([0-9a-f]{8})\+([A-Za-z0-9+/]{1,100}={0,2})")
_SIGNATURE = re.compile(r"— ([^\s+]{1,300}) ([A-Za-z0-9+/]{1,10000}={0,2})")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_ORIGIN = re.compile(r"(gateway/[0-9a-f]{16}/[^/]+)(?:/([1-9][0-9]{0,15}))?")


class Key(NamedTuple):
    """The public key of a log under its name."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n\x01" + self.public).digest()[:4]

    def __str__(self) -> str:
        data = b64encode(b"\x01" + self.public).decode()
        return f"{self.name}+{self.id.hex()}+{data}"


class Checkpoint(NamedTuple):
    """A tree as the log had it."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()


def key_of(vkey: str) -> Key:
    """Reads name+id+key. Raises BadNote."""
    found = _VKEY.fullmatch(vkey.strip())
    if not found or not _NAME.fullmatch(found[1]):
        raise BadNote("a key is written name+id+key")
    data = exact_base64(found[3])
    if len(data) != 33 or data[0] != 1:
        raise BadNote("only keys of Ed25519 are known")
    key = Key(found[1], data[1:])
    if key.id.hex() != found[2]:
        raise BadNote("the id of a key is not that of its name and its bytes")
    if _key_point(key.public) is None:
        raise BadNote("the key is no point of Ed25519, or one under which anybody can sign")
    return key


def exact_base64(text: str) -> bytes:
    """The bytes of base64 in the one way in which they are written. Raises BadNote."""
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        raise BadNote("that is not base64") from None
    if b64encode(data).decode() != text:
        raise BadNote("that is not base64 as it is written")
    return data


def opened(note: str, key: Key) -> Checkpoint:
    """The checkpoint that the key has signed as its own. Raises BadNote."""
    text, signatures = parts_of(note)
    if is_earlier(origin := text.partition("\n")[0], key.name):
        key = key._replace(name=origin)
    ours = [signature for name, id_, signature in signatures if (name, id_) == (key.name, key.id)]
    if not ours:
        raise BadNote("it has no signature of the key")
    if not all(is_signed(key.public, text.encode(), each) for each in ours):
        raise BadNote("its signature does not hold")
    checkpoint = checkpoint_of(text)
    if checkpoint.origin != key.name:
        raise BadNote("it is of another log")
    return checkpoint


def is_earlier(origin: str, name: str) -> bool:
    """Whether a log had this origin before it was brought back from a backup and got its present one."""
    before, now = _ORIGIN.fullmatch(origin), _ORIGIN.fullmatch(name)
    return before is not None and now is not None and before[1] == now[1] and int(before[2] or 1) < int(now[2] or 1)


def parts_of(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """The text of a note, and of each signature the name, the key's id and the signature. Raises BadNote."""
    if len(note) > MAX_NOTE or _CONTROL.search(note):
        raise BadNote("a note is too long or has control characters")
    try:
        note.encode()
    except UnicodeEncodeError:
        raise BadNote("a note is not Unicode") from None
    text, _, below = note.rpartition("\n\n")
    lines = below.split("\n")
    if not text or lines.pop() or not 0 < len(lines) <= 100:
        raise BadNote("a note is a text, an empty line and lines of signatures")
    return f"{text}\n", [_signature(line) for line in lines]


def _signature(line: str) -> tuple[str, bytes, bytes]:
    found = _SIGNATURE.fullmatch(line)
    data = exact_base64(found[2]) if found else b""
    if not found or len(data) <= 4:
        raise BadNote("a line of a note is no signature")
    return found[1], data[:4], data[4:]


def checkpoint_of(text: str) -> Checkpoint:
    """Reads the text of a note. Raises BadNote."""
    lines = text.split("\n")
    if lines.pop() or len(lines) < 3 or not all(lines):
        raise BadNote("a checkpoint has an origin, a size and a root, and no empty line")
    origin, size, root, *extensions = lines
    if not _SIZE.fullmatch(size) or int(size) >= 2**63:
        raise BadNote("the size of a checkpoint is no number")
    if len(digest := exact_base64(root)) != HASH:
        raise BadNote("the root of a checkpoint is no hash")
    return Checkpoint(origin, int(size), digest, tuple(extensions))


# The tree, and proofs (RFC 9162, 2.1)


class Tree:
    """A tree that grows, of which only the roots of its complete subtrees are kept."""

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self.size = size
        self.peaks = list(peaks)

    def add(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Puts a leaf hash behind the others; tells which subtrees of `WIDTHS` it fills."""
        sha256, peaks, full = hashlib.sha256, self.peaks, self.size
        self.size = size = full + 1
        filled = []
        width = 1
        while full & 1:
            leaf = sha256(b"\x01" + peaks.pop() + leaf).digest()
            full >>= 1
            width <<= 1
            if width in WIDTHS:
                filled.append((size - width, size, leaf))
        peaks.append(leaf)
        return filled

    @property
    def root(self) -> bytes:
        if not self.peaks:
            return hashlib.sha256(b"").digest()
        joined = self.peaks[-1]
        for peak in self.peaks[-2::-1]:
            joined = _node(peak, joined)
        return joined


def leaf_hash(body: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + body).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def is_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether a proof leads from a leaf hash to the root (RFC 9162, 2.1.3.2)."""
    if not (0 <= index < size and all(len(each) == HASH for each in (leaf, *proof))):
        return False
    here, end, computed = index, size - 1, leaf
    for sibling in proof:
        if end == 0:
            return False
        if here & 1 or here == end:
            computed = _node(sibling, computed)
            here, end = _past_lone_nodes(here, end)
        else:
            computed = _node(computed, sibling)
        here, end = here >> 1, end >> 1
    return end == 0 and computed == root


def is_consistent(old: int, old_root: bytes, size: int, size_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether a proof shows that the old tree is the beginning of the other one (RFC 9162, 2.1.4.2)."""
    if not (0 < old <= size and all(len(each) == HASH for each in proof)):
        return False
    if old == size:
        return not proof and old_root == size_root
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    here, end = old - 1, size - 1
    while here & 1:
        here, end = here >> 1, end >> 1
    before = after = path[0]
    for sibling in path[1:]:
        if end == 0:
            return False
        if here & 1 or here == end:
            before, after = _node(sibling, before), _node(sibling, after)
            here, end = _past_lone_nodes(here, end)
        else:
            after = _node(after, sibling)
        here, end = here >> 1, end >> 1
    return end == 0 and before == old_root and after == size_root


def _past_lone_nodes(here: int, end: int) -> Span:
    while here and not here & 1:
        here, end = here >> 1, end >> 1
    return here, end


_INDEX = re.compile(r"(index|old) (0|[1-9][0-9]{0,18})")
_PROOF_HEAD = "c2sp.org/tlog-proof@v1"


class Proof(NamedTuple):
    """A proof as a text: of the entry at a place, or without one that the log of a size only grew."""

    entry: bytes | None
    number: int
    hashes: tuple[bytes, ...]
    note: str


def proof_of(text: str) -> Proof:
    """Reads a proof (c2sp.org/tlog-proof, c2sp.org/tlog-witness). Raises BadNote."""
    above, parted, note = text.partition("\n\n")
    if not parted or len(above) > 4 * MAX_NOTE:
        raise BadNote("a proof is followed by an empty line and a checkpoint")
    lines = above.split("\n")
    entry = None
    if lines[0] == _PROOF_HEAD:
        if len(lines) < 3 or not lines[1].startswith("extra "):
            raise BadNote("a proof of an entry has the entry in it")
        entry, lines = exact_base64(lines[1].removeprefix("extra ")), lines[2:]
    found = _INDEX.fullmatch(lines[0])
    if not found or (found[1] == "index") != (entry is not None) or len(lines) > 130:
        raise BadNote("a proof says which entry, or which size, it is about")
    hashes = tuple(exact_base64(line) for line in lines[1:])
    return Proof(entry, int(found[2]), hashes, note)


def _proved_leaf(entry: bytes) -> bytes:
    """The leaf hash of an entry; of one that was purged nothing but the hash is left. Raises BadNote."""
    try:
        left = json.loads(entry)
    except (ValueError, RecursionError):
        left = None
    if not isinstance(left, dict) or left.keys() != {"leaf_hash", "purge"}:
        return leaf_hash(entry)
    return exact_base64(left["leaf_hash"]) if isinstance(left["leaf_hash"], str) else b""


def proved(text: str, key: Key, kept: Checkpoint | None = None) -> str:
    """What a proof proves, in a sentence. Raises BadNote where it proves nothing."""
    proof = proof_of(text)
    now = opened(proof.note, key)
    if proof.entry is not None:
        if not is_included(_proved_leaf(proof.entry), proof.number, now.size, proof.hashes, now.root):
            raise BadNote("the proof does not lead from the entry to the checkpoint")
        return f"entry {proof.number} is in the log of {now.size} entries"
    if kept is None or kept.size != proof.number:
        raise BadNote("to check growth, give --since a checkpoint of the old size")
    if not is_consistent(kept.size, kept.root, now.size, now.root, proof.hashes):
        raise BadNote("the log does not begin with what it was at the old size")
    return f"the log of {now.size} entries begins with the {kept.size} of the old checkpoint"


# Bodies: canonical JSON (RFC 8785, in a subset), and what each kind of entry says.

Form: TypeAlias = Callable[[Any], bool]
_ID = re.compile(r"[0-9a-f]{32}").fullmatch
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def _no_number(_: str) -> float:
    raise BadBody("it has a number that is not whole")


_decode = json.JSONDecoder(parse_float=_no_number, parse_constant=_no_number).decode


_HEX = re.compile(rb'[0-9a-f]{32}(?=")')
_WHOLE = re.compile(rb"(?:0|[1-9][0-9]{0,14}|[1-8][0-9]{15})(?=[,}])")
_BASE64 = re.compile(rb'[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=(?=")')
Mark: TypeAlias = tuple[bytes, re.Pattern[bytes], str]
# What differs between entries that look alike, in the order in which it stands: where it begins, its form, and its name
# where it is a member of the entry itself.
_COMMON: Sequence[Mark] = ((b'"epoch":', _WHOLE, "epoch"), (b'"id":"', _HEX, "id"), (b'"mono":', _WHOLE, "mono"))
_TS: Mark = (b'"ts":', _WHOLE, "ts")
_MARKS: Mapping[bytes, Sequence[Mark]] = {
    b"intent": (
        (b'"disclosure":"', _HEX, "disclosure"),
        *_COMMON,
        (b'"payload":{"bytes":', _WHOLE, ""),
        (b'"commit":"', _BASE64, ""),
        (b'"root":"', _BASE64, ""),
        _TS,
    ),
    b"outcome": (
        (b'"bytes":', _WHOLE, ""),
        (b'"bytes_sent":', _WHOLE, "bytes_sent"),
        (b'"dur_ms":', _WHOLE, "dur_ms"),
        *_COMMON[:2],
        (b'"intent":"', _HEX, "intent"),
        _COMMON[2],
        _TS,
    ),
}
_OTHER: Sequence[Mark] = (*_COMMON, (b'"root":"', _BASE64, ""), _TS)
_KIND = re.compile(rb'"kind":"(intent|outcome)"')
Shape: TypeAlias = tuple[bytes | None, ...]
MOST_SHAPES = 4_096


def shape_of(body: bytes) -> tuple[Shape, dict[str, bytes]]:
    """A body without what differs between those that look alike, and what that is, by its name.

    The pieces that are taken out are of one form each, so that where one body of a shape is canonical and of a known
    kind, every other one is, and says as little about people.
    """
    found = _KIND.search(body)
    parts: list[bytes | None] = []
    pieces: dict[str, bytes] = {}
    at = 0
    for mark, form, name in _MARKS[found[1]] if found else _OTHER:
        begin = body.find(mark, at)
        piece = form.match(body, begin + len(mark)) if begin >= 0 else None
        if piece is None:
            parts.append(None)
            continue
        parts.append(body[at : begin + len(mark)])
        at = piece.end()
        if name:
            pieces[name] = piece[0]
    parts.append(body[at:])
    return tuple(parts), pieces


class Shapes:
    """Bodies that were read, one of each shape; those that look like one of them are read at less cost."""

    def __init__(self) -> None:
        self._known: dict[Shape, Leaf] = {}

    def read(self, body: bytes) -> tuple[Leaf, bool]:
        """The members of a body, nested ones as in the first of its shape, and whether it looks like one before.

        Raises BadBody.
        """
        shape, pieces = shape_of(body)
        members: Leaf = {}
        for name, piece in pieces.items():
            members[name] = int(piece) if len(piece) < 17 else piece.decode()
        if (known := self._known.get(shape)) is not None:
            return {**known, **members}, True
        leaf = body_of(body)
        # Of the others each says something of its own, and there are few.
        if leaf["kind"] in MAY_GO and all(leaf.get(name) == member for name, member in members.items()):
            if len(self._known) >= MOST_SHAPES:
                self._known.clear()
            self._known[shape] = leaf
        return leaf, False


def body_of(body: bytes) -> Leaf:
    """The members of a body, which is canonical and of a known kind. Raises BadBody, which never quotes it."""
    leaf = _members_of(body)
    try:
        canonical = _encode(leaf).encode() == body
    except (ValueError, RecursionError):
        canonical = False
    if not canonical:
        raise BadBody("its body is not canonical")
    if (kind := KINDS.get(str(leaf.get("kind")))) is None:
        raise BadBody("its kind is not known to this verifier")
    if wrong := kind.wrong(leaf):
        raise BadBody(wrong)
    return leaf


def _members_of(body: bytes) -> Leaf:
    if len(body) > MAX_BODY:
        raise BadBody(f"its body has more than {MAX_BODY} bytes")
    try:
        leaf = _decode(body.decode())
    except BadBody:
        raise
    except (ValueError, RecursionError):
        raise BadBody("its body is not JSON") from None
    if not isinstance(leaf, dict):
        raise BadBody("its body is no object")
    return leaf


class Kind(NamedTuple):
    """What a kind of entry says: which members it has to have, their forms, and which of them it is found by.

    Where there are variants, what is not required has to be one of them as a whole. Where there are shapes, it has to
    have all members of the first set of one of them, and none of the second.
    """

    required: frozenset[str]
    forms: Mapping[str, Form]
    found_by: Mapping[str, str]
    variants: frozenset[frozenset[str]] = frozenset()
    shapes: tuple[tuple[frozenset[str], frozenset[str]], ...] = ()

    def wrong(self, leaf: Leaf) -> str:
        """What does not fit, or nothing."""
        if not self.required <= leaf.keys():
            return f"it lacks {min(self.required - leaf.keys())}"
        if self.variants and leaf.keys() - self.required not in self.variants:
            return "its members do not go together"
        names = leaf.keys()
        if self.shapes and not any(has <= names and not lacks & names for has, lacks in self.shapes):
            return "its members do not go together"
        forms = self.forms
        for name, member in leaf.items():
            form = forms.get(name)
            if form is None:
                return "it has a member that its kind does not have"
            if not form(member):
                return f"its {name} is not as it is written"
        return ""


def _text(value: object) -> bool:
    return value.__class__ is str


def _filled(value: object) -> bool:
    return value.__class__ is str and value != ""


def _id(value: object) -> bool:
    return value.__class__ is str and _ID(str(value)) is not None


def _count(value: Any) -> bool:
    return value.__class__ is int and 0 <= value <= MAX_INT


def _digest(value: Any) -> bool:
    """32 bytes in base64."""
    if value.__class__ is not str or len(value) != 44:
        return False
    try:
        return len(exact_base64(value)) == HASH
    except BadNote:
        return False


def _one_of(*words: str) -> Form:
    known = frozenset(words)
    return lambda value: value.__class__ is str and value in known


def _list(form: Form) -> Form:
    return lambda value: value.__class__ is list and all(map(form, value))


def _fixed(*forms: Form) -> Form:
    """A list of this length, each element of its form."""

    def fits(value: object) -> bool:
        if not isinstance(value, list) or len(value) != len(forms):
            return False
        return all(form(each) for form, each in zip(forms, value, strict=True))

    return fits


def _either(*forms: Form) -> Form:
    return lambda value: any(form(value) for form in forms)


def _object(optional: Mapping[str, Form], **required: Form) -> Form:
    forms = {**optional, **required}
    names = required.keys()

    def fits(value: object) -> bool:
        if not isinstance(value, dict) or not names <= value.keys():
            return False
        return all(name in forms and forms[name](member) for name, member in value.items())

    return fits


_words = _list(_text)
_PAIR = _fixed(_text, _text)
_COUNTED = _fixed(_text, _count)
_STAMP: Mapping[str, Form] = {
    "v": lambda value: value.__class__ is int and value == 1,
    "kind": _filled,
    "id": _id,
    "log": _filled,
    "ts": _count,
    "mono": _count,
    "boot": _filled,
    "node": _filled,
    "epoch": _count,
}
_SUBJECTS: Mapping[str, Form] = {"subjects": _object({}, n=_count, root=_digest)}
_EVIDENCE = _object({"ref": _text}, kind=_text)
_GROUND = _object({"jurisdiction": _text, "evidence": _EVIDENCE}, role=_text, basis=_text)
_PERIOD = re.compile(r"P(?:([0-9]{1,4})Y)?(?:([0-9]{1,4})M)?(?:([0-9]{1,4})W)?(?:([0-9]{1,5})D)?")
_FIELD = _either(_PAIR, _fixed(_text, _text, _count))


def _kind(required: Mapping[str, Form], optional: Mapping[str, Form] | None = None, **found_by: str) -> Kind:
    """`found_by` names, for each way to find an entry, the member that stands there."""
    whole = {**_STAMP, **required}
    return Kind(frozenset(whole), {**whole, **(optional or {})}, found_by)


def _variants(*variants: set[str]) -> frozenset[frozenset[str]]:
    return frozenset(map(frozenset, variants))


_OF_A_CONTRACT = frozenset({"vendor", "vendor_kind", "vendor_role", "operation", "contract", "contract_digest"})
_ASIDE = frozenset({"channel", "recorded_afterwards"})
# Of a call, of what went beside the gateway, and of what went outside contracts.
_INTENTS = (
    (_OF_A_CONTRACT | {"destination"}, _ASIDE | {"exceptional", "happened"}),
    (_OF_A_CONTRACT | {"channel"}, frozenset({"destination", "exceptional"})),
    (frozenset({"exceptional"}), _OF_A_CONTRACT | _ASIDE | {"destination", "happened"}),
)
_ERASED = {"reason", "by", "links", "keys", "root", "generation"}

KINDS: Mapping[str, Kind] = {
    "intent": _kind(
        {
            "disclosure": _id,
            **dict.fromkeys(
                ("environment", "entity", "policy", "purpose", "caller"),
                _filled,
            ),
            "attempt": _count,
            "deadline_ms": _count,
            "recipient": _object(dict.fromkeys(("registration", "address", "contact"), _text), name=_text),
            "payload": _object({"media": _text}, bytes=_count, commit=_digest),
        },
        {
            **dict.fromkeys(_OF_A_CONTRACT, _filled),
            "destination": _object({}, method=_text, host=_text, path_template=_text),
            "exceptional": _object(
                {
                    "inquiry": lambda value: value is True,
                    **dict.fromkeys(("demand", "danger", "happened", "suppressed_until", "review_due"), _filled),
                },
                case=_id, scenario=_filled, recipient=_text, country=_text, handover=_filled,
            ),
            "channel": _filled,
            "happened": _count,
            "recorded_afterwards": lambda value: value is True,
            "token": _text,
            "commercial": _text,
            "countries": _words,
            **dict.fromkeys(("agreements", "warnings", "waivers"), _words),
            "transfer": _list(_PAIR),
            "grounds": _list(_GROUND),
            "disclosed": _list(
                _object(
                    {"key": _text, "of": _words, "purpose": _filled, "grounds": _list(_GROUND)},
                    form=_text,
                    fields=_list(_FIELD),
                )
            ),
            "withheld": _list(_object({}, reason=_text, paths=_list(_either(_text, _COUNTED)))),
            "retention": _object({"class": _text, "vendor_keeps": _text}),
            **_SUBJECTS,
        },
        vendor="vendor",
        operation="operation",
        caller="caller",
    )._replace(shapes=_INTENTS),
    "outcome": _kind(
        {"intent": _id, "result": _one_of("sent", "not_sent", "possibly", "in_doubt")},
        {
            "code": _text,
            "http_status": _count,
            "bytes_sent": _count,
            "answer": _object({"disclosed": _list(_COUNTED)}, bytes=_count, withheld=_count),
            "dur_ms": _count,
            "supersedes": _id,
        },
        code="code",
        result="result",
    ),
    "resolve": _kind(
        {"intent": _id, "result": _one_of("sent", "not_sent"), "reason": _filled, "by": _filled}, result="result"
    ),
    "refusal": _kind(
        {"caller": _filled, "code": _filled},
        {
            **dict.fromkeys(("vendor", "operation", "contract", "environment", "token"), _text),
            **dict.fromkeys(("codes", "where", "paths"), _words),
            **_SUBJECTS,
        },
        vendor="vendor",
        operation="operation",
        caller="caller",
        code="code",
    ),
    "access": _kind(
        {"reviewer": _text, "action": _filled, "found": _count},
        {"filters": _list(_PAIR), "why": _text, "grant": _id, "refused": _filled, **_SUBJECTS},
        caller="reviewer",
    ),
    "genesis": _kind(
        {"canonical": _one_of("rfc8785"), "tree": _one_of("rfc6962-sha256")},
        {"origin": _count, "previous": _filled, "size": _count, "checkpoint": _text, "lost": _fixed(_count, _count)},
    ),
    "restore": _kind({"made": _count, "size": _count, "root": _digest, "erased": _count, "by": _filled}),
    "epoch": _kind({"state": _one_of("opened", "closed")}),
    "contract": _kind(
        {"vendor": _filled, "operation": _filled, "version": _filled, "digest": _filled},
        vendor="vendor",
        operation="operation",
    ),
    "policy": _kind(
        {"version": _text, "digest": _text},
        dict.fromkeys(("by", "put"), _filled),
        caller="by",
    ),
    "fact": _kind(
        {"fact": _filled},
        {
            **dict.fromkeys(("state", "vendor", "by"), _text),
            **dict.fromkeys(("put", "batch", "digest"), _filled),
            **dict.fromkeys(("way", "duty", "law", "reason"), _filled),
            **dict.fromkeys(("asked_by", "requester", "extended"), _filled),
            **dict.fromkeys(("notice", "request"), _id),
            **dict.fromkeys(("categories", "rulings", "reasons"), _words),
            **dict.fromkeys(("count", "received", "due"), _count),
            **_SUBJECTS,
        },
        vendor="vendor",
        caller="by",
    ),
    "purge": _kind(
        {
            "policy": _filled,
            "classes": _list(_object({}, **{"class": _filled, "keeps": _filled, "count": _count, "newest_ts": _count})),
            "ranges": _list(_fixed(_count, _count)),
            "count": _count,
            "set_root": _digest,
            "oldest_ts": _count,
            "newest_ts": _count,
            "by": _filled,
        },
    ),
    "key": _kind(
        {"state": _one_of("created", "destroyed")},
        {"generation": _count, "by": _filled, "use": _one_of("checkpoint"), "vkey": _filled},
        caller="by",
    )._replace(variants=_variants({"generation"}, {"generation", "by"}, {"use", "vkey"})),
    "erase": _kind(
        {"state": _one_of("pending", "done")},
        {
            "reason": _filled, "by": _filled, "links": _count, "keys": _count, "root": _digest, "generation": _count,
            "forced": lambda value: value is True, "erase": _id,
        },
        caller="by",
    )._replace(variants=_variants(_ERASED, _ERASED | {"forced"}, {"erase"})),
    "exceptional": _kind(
        {"case": _id, "scenario": _filled, "step": _filled, "by": _filled},
        {
            **dict.fromkeys(
                (
                    "put", "recipient", "country", "demand", "urgency", "danger", "crossing", "suppressed_until",
                    "dated", "until", "judgement", "favourable", "handover", "late_by", "data_since", "data_until",
                    "deadline",
                ),
                _text,
            ),
            **dict.fromkeys(
                ("subjects", "asked_people", "asked_fields", "approved_fields", "fields", "withheld"), _count
            ),
            **dict.fromkeys(("categories", "named", "instrument", "stored_in"), _words),
            "disclosure": _id,
        },
        caller="by",
    ),
    "incident": _kind(
        {"incident": _id, "step": _filled, "vendor": _filled, "by": _filled},
        {
            "operations": _words,
            **dict.fromkeys(
                ("nature", "began", "ended", "aware", "vendor_told", "reference", "at", "why"), _text
            ),
        },
        vendor="vendor",
        caller="by",
    ),
    "canary": _kind({"vendor": _filled, "number": _count, "by": _filled}, vendor="vendor", caller="by"),
    "hold": _kind({"reason": _filled, "by": _filled}, {"until": _filled, **_SUBJECTS}, caller="by"),
    "hold_release": _kind({"hold": _id, "by": _filled}, {**_SUBJECTS}, caller="by"),
    "received": _kind(
        {"vendor": _filled, "hook": _filled, "digest": _filled, "direction": _one_of("inbound"), "bytes": _count},
        {"kept": _list(_fixed(_filled, _count)), "withheld": _count},
        vendor="vendor",
    ),
    "token": _kind(
        {"token": _text, "service": _text, "state": _one_of("issued", "revoked")},
        {"vendor": _text, "put": _filled, "expires": _count, "by": _filled, **_SUBJECTS},
        vendor="vendor",
        caller="service",
    ),
}  # fmt: skip


# Texts that look personal.

_HINT = re.compile(
    r"[A-Za-z0-9_%+-]@[A-Za-z0-9]"
    r'|(?<![0-9A-Za-z])(?<!":)[0-9](?:[ -]?[0-9]){12}'
    r"|(?<![0-9A-Za-z])[A-Z]{2}[0-9]{2} ?[A-Z0-9]{4}"
    r"|(?<![0-9A-Za-z+/=])\+[0-9]"
)
_MAIL = re.compile(r"[A-Za-z0-9_%+-]@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}")
_CARD = re.compile(r"(?<![0-9A-Za-z])[0-9](?:[ -]?[0-9]){12,18}(?![0-9A-Za-z])")
_IBAN = re.compile(r"(?<![0-9A-Za-z])[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![0-9A-Za-z])")
_PHONE = re.compile(r"(?<![0-9A-Za-z+/=])\+[0-9](?:[ ()/.-]{0,2}[0-9]){7,14}(?![0-9A-Za-z+/=])")
# The vendor's company and the staff of the shop are named on purpose.
_NAMED = frozenset({"recipient", "reviewer", "by", "approved_by", "requested_by"})


def looks_personal(text: str) -> str:
    """What a text looks like, or nothing."""
    if _MAIL.search(text):
        return "an e-mail address"
    if any(_is_luhn(found[0]) for found in _CARD.finditer(text)):
        return "the number of a card"
    if any(_is_iban(found[0]) for found in _IBAN.finditer(text)):
        return "the number of an account"
    return "a telephone number" if _PHONE.search(text) else ""


def _is_luhn(text: str) -> bool:
    digits = [int(each) for each in text if each.isdigit()][::-1]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return len(set(digits)) > 1 and (sum(digits[::2]) + doubled) % 10 == 0


def _is_iban(text: str) -> bool:
    plain = text.replace(" ", "")
    return 15 <= len(plain) <= 34 and int("".join(str(int(each, 36)) for each in plain[4:] + plain[:4])) % 97 == 1


def texts_of(value: Any) -> Iterator[str]:
    """Every text in a body but those that name a company or a reviewer, and digests."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            waiting += [member for name, member in each.items() if name not in _NAMED]
            yield from each
        elif isinstance(each, list):
            waiting += each


# The checks. Each sees every row once, in order; `leaf` is None where there is no body that can be read.


class State:
    """What the entries so far say: which intents are open, who writes, which contracts are in force."""

    def __init__(self, source: Source) -> None:
        self.partial = source.first > 0
        self.before = source.first
        self.open: dict[str, Opened] = {}
        self.doubtful: dict[str, Doubtful] = {}
        self.about: Opened | None = None
        self.writers: dict[int, Epoch] = {}
        self.by_node: dict[str, int] = {}
        self.contracts: dict[tuple[str, str], dict[str, dict[str, int]]] = {}
        self.newest = 0
        self.signed = 0
        self.is_familiar = False
        """Whether an entry before was of the shape of the present one."""


class Opened(NamedTuple):
    """An intent as its outcome needs it."""

    seq: int
    ts: int
    epoch: int
    found_by: tuple[str | None, str | None, str | None]


class Doubtful(NamedTuple):
    """An outcome that may be superseded."""

    id: str
    intent: Opened


@dataclass
class Epoch:
    """A time in which one process wrote. `over` is when the next one of its node began, in µs; 0 while none did."""

    node: str
    boot: str
    opened: bool = False
    mono: int = 0
    ts: int = 0
    over: int = 0
    recent: set[str] = field(default_factory=set)


class Check:
    """One of the fourteen. It reads `state`, and changes what it alone is there for."""

    def __init__(self, verdict: Verdict, state: State) -> None:
        self.verdict = verdict
        self.state = state
        self.found = verdict.found

    def see(self, row: Row, leaf: Leaf | None, /) -> None: ...

    def end(self, source: Source, /) -> None: ...


class Hashes(Check):
    """V4."""

    def see(self, row: Row, _leaf: Leaf | None) -> None:
        if row.body is not None and hashlib.sha256(b"\x00" + row.body).digest() != row.hash:
            self.found(row.seq, "its body is not the one that was hashed")


class Purge(NamedTuple):
    """A purge by its place, and what it says."""

    seq: int
    leaf: Leaf


class Purges(Check):
    """V5. What is kept in memory are the purges, and the ranges that are missing."""

    def __init__(self, verdict: Verdict, state: State) -> None:
        super().__init__(verdict, state)
        self._missing: list[list[int]] = []
        self._purges: list[Purge] = []

    def see(self, row: Row, leaf: Leaf | None) -> None:
        if leaf is not None and leaf["kind"] == "purge":
            self._purges.append(Purge(row.seq, leaf))
            self._judge(row.seq, leaf)
        if row.body is not None:
            return
        if row.found_by is not None and row.found_by.kind not in MAY_GO:
            self.found(row.seq, "it is missing, and is of a kind that stays for good")
        if row.links:
            self.found(row.seq, "it is missing, and still linked to people")
        if self._missing and self._missing[-1][1] == row.seq - 1:
            self._missing[-1][1] = row.seq
        else:
            self._missing.append([row.seq, row.seq])

    def _judge(self, seq: int, leaf: Leaf) -> None:
        before = -1
        for first, last in leaf["ranges"]:
            if not before < first <= last < seq:
                self.found(seq, "its ranges are not in order, or reach beyond it")
            before = last
        if sum(last + 1 - first for first, last in leaf["ranges"]) != leaf["count"]:
            self.found(seq, "it counts something else than its ranges")
        if sum(each["count"] for each in leaf["classes"]) != leaf["count"]:
            self.found(seq, "it counts something else than its classes")
        for each in leaf["classes"]:
            if (keeps := least_days(each["keeps"])) is None or each["newest_ts"] + keeps * DAY > leaf["ts"]:
                self.found(seq, "it came before the time of what it took was over")
        if leaf["classes"] and leaf["newest_ts"] != max(each["newest_ts"] for each in leaf["classes"]):
            self.found(seq, "it took something newer than its classes say")

    def end(self, source: Source) -> None:
        """What is missing with what was purged, once all is read."""
        ranges = sorted((first, last, each.seq) for each in self._purges for first, last in each.leaf["ranges"])
        for (_, last, _), (first, _, seq) in pairwise(ranges):
            if first <= last:
                self.found(seq, "it took what another one had taken")
        covered = [(first, last) for first, last, _ in ranges if last >= source.first]
        for first, last in beyond(self._missing, covered):
            self.found(first, "it is missing, and no purge says so" if first == last else f"missing up to {last}")
        for first, _ in beyond(covered, self._missing):
            self.found(first, "it was purged, and is still there")
        said = source.purged()
        if said is not None and list(said) != ranges:
            self.found(None, "what the material says was purged is not what its purges say")
        for each in self._purges:
            if each.seq >= self.state.signed:
                self.found(each.seq, "it took something, and nobody has signed it")
        if all(first >= source.first for first, *_ in ranges):
            self._compare_roots(source, ranges)

    def _compare_roots(self, source: Source, ranges: Sequence[tuple[int, int, int]]) -> None:
        trees = {each.seq: Tree() for each in self._purges}
        waiting = iter(ranges)
        _, last, purge = next(waiting, (0, -1, 0))
        for seq, digest in source.hashes([(first, last) for first, last, _ in ranges]):
            while 0 <= last < seq:
                _, last, purge = next(waiting, (0, -1, 0))
            if purge in trees:
                trees[purge].add(leaf_hash(seq.to_bytes(8, "big") + digest))
        for each in self._purges:
            if trees[each.seq].root != exact_base64(each.leaf["set_root"]):
                self.found(each.seq, "it took other entries than it says")


def beyond(ranges: Iterable[Sequence[int]], others: Sequence[Sequence[int]]) -> Iterator[Span]:
    """The parts of ranges that are in none of the others; both in order, apart, and with both of their ends."""
    at = 0
    for begin, last in ranges:
        first = begin
        while at < len(others) and others[at][1] < first:
            at += 1
        here = at
        while first <= last:
            if here == len(others) or others[here][0] > last:
                yield first, last
                break
            if others[here][0] > first:
                yield first, others[here][0] - 1
            first = others[here][1] + 1
            here += 1


def least_days(period: str) -> int | None:
    """How many days a period of ISO 8601 has at least; None where it is none."""
    found = _PERIOD.fullmatch(period)
    if not found or period == "P":
        return None
    years, months, weeks, days = (int(part or 0) for part in found.groups())
    return 365 * years + 28 * months + 7 * weeks + days


class Outcomes(Check):
    """V7. What is kept in memory are the intents that are open or in doubt."""

    def see(self, row: Row, leaf: Leaf | None) -> None:
        state = self.state
        state.about = None
        if leaf is None:
            return
        if leaf["kind"] == "intent":
            if leaf["id"] in state.open:
                self.found(row.seq, "an intent with this id is open already")
            found_by = (leaf.get("vendor"), leaf.get("operation"), leaf.get("caller"))
            state.open[leaf["id"]] = Opened(row.seq, leaf["ts"], leaf["epoch"], found_by)
        elif leaf["kind"] == "outcome":
            self._settle(row, leaf)
        elif leaf["kind"] == "resolve":
            self._resolve(row, leaf)

    def _settle(self, row: Row, leaf: Leaf) -> None:
        state, intent = self.state, leaf["intent"]
        opened = state.open.pop(intent, None)
        if opened is not None and "supersedes" in leaf:
            self.found(row.seq, "it supersedes an outcome that is not there")
        elif opened is None and (doubtful := state.doubtful.pop(intent, None)) is not None:
            opened = doubtful.intent
            if leaf.get("supersedes", doubtful.id) != doubtful.id:
                self.found(row.seq, "it supersedes another outcome than the current one")
        elif opened is None:
            self._unknown(row)
        state.about = opened
        if opened is not None and leaf["result"] == "in_doubt":
            state.doubtful[intent] = Doubtful(leaf["id"], opened)

    def _resolve(self, row: Row, leaf: Leaf) -> None:
        state = self.state
        if (doubtful := state.doubtful.pop(leaf["intent"], None)) is not None:
            state.about = doubtful.intent
        elif not state.partial:
            self.found(row.seq, "it says how an intent ended that is not in doubt")

    def _unknown(self, row: Row) -> None:
        if not self.state.partial:
            self.found(row.seq, "its intent is not there, or has its outcome already")

    def end(self, _source: Source) -> None:
        state = self.state
        for opened in state.open.values():
            epoch = state.writers.get(opened.epoch)
            if epoch is not None and epoch.over and state.newest - epoch.over > CLOSING:
                self.found(opened.seq, "it has no outcome, though whoever wrote it was followed by another")


class Epochs(Check):
    """V8."""

    log: str | None = None

    def see(self, row: Row, leaf: Leaf | None) -> None:
        if leaf is None:
            return
        if self.log is None:
            self.log = leaf["log"]
        if leaf["log"] != self.log:
            self.found(row.seq, "it is of another log")
        epoch = self._epoch(row, leaf)
        if (epoch.node, epoch.boot) != (leaf["node"], leaf["boot"]):
            self.found(row.seq, "its epoch belongs to another process")
            return
        if epoch.over:
            self.found(row.seq, "it was written after the end of its epoch")
        self._order(row, leaf, epoch)
        if leaf["kind"] == "epoch":
            epoch.opened = True
        elif leaf["kind"] in ("intent", "outcome", "refusal", "access") and not epoch.opened:
            self.found(row.seq, "its epoch was not opened")

    def _order(self, row: Row, leaf: Leaf, epoch: Epoch) -> None:
        if leaf["mono"] < epoch.mono:
            self.found(row.seq, "it was written before the entry above it")
        if leaf["mono"] > epoch.mono:
            epoch.recent.clear()
        if leaf["id"] in epoch.recent:
            self.found(row.seq, "it has the id of another entry")
        epoch.recent.add(leaf["id"])
        epoch.mono = max(epoch.mono, leaf["mono"])

    def _epoch(self, row: Row, leaf: Leaf) -> Epoch:
        state, number = self.state, leaf["epoch"]
        if (epoch := state.writers.get(number)) is not None:
            return epoch
        epoch = Epoch(leaf["node"], leaf["boot"], opened=state.partial)
        before = state.by_node.get(epoch.node)
        if before is not None:
            if before > number:
                self.found(row.seq, "its epoch comes after a later one")
            state.writers[before].over = leaf["ts"] or 1
        state.by_node[epoch.node] = number
        state.writers[number] = epoch
        return epoch


class Contracts(Check):
    """V9. A node may go by the contract before for a minute: calls are on their way while contracts change."""

    def see(self, row: Row, leaf: Leaf | None) -> None:
        if leaf is None:
            return
        if leaf["kind"] == "contract":
            digests = self.state.contracts.setdefault((leaf["vendor"], leaf["operation"]), {})
            for replaced in digests.values():
                replaced.setdefault(leaf["node"], leaf["ts"])
            # The version stands in the digest too, but an intent names it.
            digests[f"{leaf['version']} {leaf['digest']}"] = {}
        elif leaf["kind"] == "intent" and "contract" in leaf:
            self._judge(row, leaf)

    def _judge(self, row: Row, leaf: Leaf) -> None:
        digests = self.state.contracts.get((leaf["vendor"], leaf["operation"]), {})
        name, _, version = leaf["contract"].rpartition("@")
        replaced = digests.get(f"{version} {leaf['contract_digest']}")
        if name != f"{leaf['vendor']}/{leaf['operation']}":
            self.found(row.seq, "its contract is that of another operation")
        elif replaced is None:
            if not self.state.partial:
                self.found(row.seq, "its contract was never put in force")
        elif leaf["ts"] - replaced.get(leaf["node"], leaf["ts"]) > CHANGING:
            self.found(row.seq, "its contract was not in force any more")


class Search(Check):
    """V10."""

    def see(self, row: Row, leaf: Leaf | None) -> None:
        if leaf is None or row.found_by is None:
            return
        expected = self._expected(leaf)
        if expected == row.found_by:
            return
        names = [name for name, is_, said in zip(FoundBy._fields, row.found_by, expected, strict=True) if is_ != said]
        self.found(row.seq, f"a search takes it for something else: {', '.join(names)}")

    def _expected(self, leaf: Leaf) -> FoundBy:
        kind = leaf["kind"]
        members = KINDS[kind].found_by if kind in KINDS else {}
        found_by = {column: leaf.get(member) or None for column, member in members.items()}
        about = self.state.about
        if kind in ("outcome", "resolve") and about is not None:
            vendor, operation, caller = about.found_by
            return FoundBy(leaf["id"], kind, leaf["ts"], about.seq, vendor, operation, caller, **found_by)
        return FoundBy(leaf["id"], kind, leaf["ts"], None, **found_by)


class Links(Check):
    """V12. What is kept in memory are the erasures, and the entries from which they took links."""

    def __init__(self, verdict: Verdict, state: State) -> None:
        super().__init__(verdict, state)
        self._lacking: list[tuple[int, int]] = []
        self._erased: list[tuple[int, int]] = []
        self._is_whole = True

    def see(self, row: Row, leaf: Leaf | None) -> None:
        if row.links is None or leaf is None:
            self._is_whole = False
            return
        said = leaf["subjects"]["n"] if isinstance(leaf.get("subjects"), dict) else 0
        if len(row.links) > said:
            self.found(row.seq, f"it is about {said} people and linked to {len(row.links)}")
        elif len(row.links) < said:
            self._lacking.append((row.seq, said - len(row.links)))
        if row.strange:
            self.found(row.seq, "it is linked to others than those whom it commits to")
        if leaf["kind"] == "erase" and leaf["state"] == "pending":
            self._erased.append((row.seq, leaf["links"]))

    def end(self, source: Source) -> None:
        """From behind: what an entry lacks was taken by an erasure that stands after it."""
        erased, left = list(self._erased), 0
        for seq, lacking in reversed(self._lacking):
            while erased and erased[-1][0] > seq:
                left += erased.pop()[1]
            left -= lacking
            if left < 0:
                self.found(seq, f"of its links to people {lacking} are missing, and no erasure took them")
                left = 0
        left += sum(links for _, links in erased)
        # Of what was purged, and of what was not looked at, nobody knows what it lacked.
        if left and self._is_whole and source.first == 0:
            self.found(self._erased[0][0], f"{left} links that were erased are there")


class Clocks(Check):
    """V13. A time service may set a clock back by less than a second."""

    def see(self, row: Row, leaf: Leaf | None) -> None:
        if leaf is None:
            return
        state, ts = self.state, leaf["ts"]
        state.newest = max(state.newest, ts)
        if (epoch := state.writers.get(leaf["epoch"])) is None:
            return
        if epoch.ts - ts > 1_000_000:
            self.found(row.seq, "the clock went back, and no epoch says so")
        epoch.ts = max(epoch.ts, ts)
        if int(leaf["id"][:12], 16) != ts // 1000 & 0xFFFF_FFFF_FFFF:
            self.found(row.seq, "its id was made at another time")


class Canaries(Check):
    """V14. `canaries` are texts that must not stand anywhere."""

    canaries: Sequence[str] = ()

    def see(self, row: Row, leaf: Leaf | None) -> None:
        if leaf is None or row.body is None:
            return
        if self.canaries and any(canary in row.body.decode() for canary in self.canaries):
            self.found(row.seq, "it holds a text that must not stand there")
        # Of those that look alike each would be told again, so what was found once is looked for in all of them.
        if self.state.is_familiar and not self.verdict.count:
            return
        if _HINT.search(row.body.decode()):
            for like in filter(None, map(looks_personal, texts_of(leaf))):
                self.found(row.seq, f"it holds what looks like {like}")


READING: Mapping[str, type[Check]] = {
    "V4": Hashes,
    "V5": Purges,
    "V7": Outcomes,
    "V8": Epochs,
    "V9": Contracts,
    "V10": Search,
    "V12": Links,
    "V13": Clocks,
    "V14": Canaries,
}
NEED_BODIES = frozenset({"V5", "V6", "V7", "V8", "V9", "V10", "V12", "V13", "V14"})


class Walk:
    """One pass over a source, with all checks at once."""

    def __init__(
        self,
        source: Source,
        *,
        key: Key | None = None,
        since: Sequence[str] = (),
        canaries: Sequence[str] = (),
        only: Iterable[str] = CHECKS,
    ) -> None:
        """`key` is the one that the auditor was given; `since` are notes that the auditor has kept."""
        self._source = source
        self._verdicts = {name: Verdict(name) for name in CHECKS}
        wanted = frozenset(only)
        self.report = Report(source.name, {name: each for name, each in self._verdicts.items() if name in wanted})
        self._found = {name: verdict.found for name, verdict in self._verdicts.items()}
        self._parses = bool(wanted & NEED_BODIES)
        self._state = State(source)
        self._checks = [check(self._verdicts[name], self._state) for name, check in READING.items() if name in wanted]
        for check in self._checks:
            if isinstance(check, Canaries):
                check.canaries = canaries
        self._seeing = [check.see for check in self._checks]
        self._key = self._key_for(key)
        self._since = self._kept(since)
        self._known = max(self._since, default=0)
        self._tree = Tree(source.first, source.peaks)
        self._next = source.first
        self._broken = False
        self._unsigned: tuple[int, int, int] | None = None
        self._newest = 0
        self._shapes = Shapes()
        self._sizes: deque[int] = deque(maxlen=1_000)
        self._heads: Iterator[Head] = self._read(source.heads())
        self._head: Head | None = None
        self._last_note = ""
        self._subtrees: Iterator[tuple[int, int, bytes]] = self._read(source.subtrees())
        self._subtree: tuple[int, int, bytes] | None = next(self._subtrees, None)
        self._late: list[Span] = []

    def run(self) -> Report:
        """Reads everything once."""
        self._take_head()
        self._at_size()
        try:
            for row in self._source.rows(bare=not self._parses):
                self._row(row)
        except Unreadable as error:
            self._found["V2"](self._next, str(error))
        self._end()
        return self.report

    def _key_for(self, given: Key | None) -> Key | None:
        if given is not None:
            self.report.key = str(given)
            return given
        if self._source.key is None:
            self._verdicts["V1"].unchecked("without a key nobody's signature is checked: give --key")
            return None
        try:
            key = key_of(self._source.key)
        except BadNote as error:
            self._found["V1"](None, f"the key in the material: {error}")
            return None
        self._verdicts["V1"].notes.append(
            "with the key that the material itself names; give --key the one that you know"
        )
        self.report.key = str(key)
        return key

    def _kept(self, since: Sequence[str]) -> dict[int, bytes]:
        kept = dict[int, bytes]()
        for note in since:
            try:
                checkpoint = opened(note, self._key) if self._key else checkpoint_of(parts_of(note)[0])
            except BadNote as error:
                self._found["V3"](None, f"the checkpoint given by --since: {error}")
                continue
            if kept.setdefault(checkpoint.size, checkpoint.root) != checkpoint.root:
                self._found["V3"](None, f"two checkpoints given by --since have {checkpoint.size} entries and differ")
        return kept

    def _read(self, rows: Iterator[Any] | None) -> Iterator[Any]:
        """Without what cannot be read, which is said."""
        try:
            yield from rows or ()
        except Unreadable as error:
            self._found["V2"](None, str(error))

    def _row(self, row: Row) -> None:
        report, state = self.report, self._state
        if row.seq != self._next:
            self._gap(row.seq)
        self._next = row.seq + 1
        report.entries += 1
        if row.body is None:
            report.purged += 1
        if filled := self._tree.add(row.hash):
            self._compare_subtrees(filled)
        leaf = self._leaf(row) if self._parses else None
        for see in self._seeing:
            see(row, leaf)
        if leaf is not None:
            state.newest = max(state.newest, leaf["ts"])
            if self._unsigned is None:
                self._unsigned = (row.seq, leaf["ts"], leaf["epoch"])
            elif self._unsigned[2] != leaf["epoch"]:
                self._unsigned = (self._unsigned[0], leaf["ts"], leaf["epoch"])
            self._newest = leaf["ts"]
        if self._since or (self._head is not None and self._head.size <= self._tree.size):
            self._at_size()

    def _leaf(self, row: Row) -> Leaf | None:
        if row.body is None:
            return None
        try:
            leaf, self._state.is_familiar = self._shapes.read(row.body)
        except BadBody as error:
            self._found["V6"](row.seq, str(error))
            return None
        return leaf

    def _gap(self, seq: int) -> None:
        if seq < self._next:
            self._found["V2"](seq, "it stands where another one belongs")
        elif seq == self._next + 1:
            self._found["V2"](self._next, "it is missing")
        else:
            self._found["V2"](self._next, f"entries {self._next} to {seq - 1} are missing")

    def _at_size(self) -> None:
        """What was signed at the size that is reached."""
        while self._head is not None and self._head.size <= self._tree.size:
            self._judge(self._head)
            self._take_head()
        root = self._since.pop(self._tree.size, None) if self._since else None
        if root is not None and root != self._tree.root:
            self._found["V3"](None, f"its first {self._tree.size} entries are not those of the checkpoint you kept")
        if root is not None and self._tree.size and self.report.signed != self._tree.size:
            self._found["V3"](None, f"the checkpoint of {self._tree.size} entries, which you kept, is not kept here")

    def _take_head(self) -> None:
        before, self._head = self._head, next(self._heads, None)
        if self._head is not None:
            self._last_note = self._head.note
        if self._head is not None and before is not None and self._head.size <= before.size:
            self._found["V3"](None, f"a checkpoint of {self._head.size} entries follows one of {before.size}")

    def _judge(self, head: Head) -> None:
        self.report.checkpoints += 1
        try:
            said = opened(head.note, self._key) if self._key else checkpoint_of(parts_of(head.note)[0])
        except BadNote as error:
            self._found["V1"](None, f"the checkpoint of {head.size} entries: {error}")
            return
        if (said.size, said.root) != (head.size, head.root):
            self._found["V1"](None, f"the checkpoint of {head.size} entries is not what stands beside it")
        self._judge_history(head.size, said.extensions)
        if head.size != self._tree.size:
            if head.size < self._tree.size:
                self._found["V3"](None, f"a checkpoint of {head.size} entries stands out of order")
            return
        if said.root != self._tree.root:
            if not self._broken:
                place = f"entries {self.report.signed} to {head.size - 1}"
                self._found["V2"](None, f"{place} are not those that were signed: altered, moved, added or removed")
            self._broken = True
            return
        if head.peaks is not None and head.peaks != b"".join(self._tree.peaks):
            self._found["V11"](None, f"the subtrees beside the checkpoint of {head.size} entries are others")
        self.report.signed, self.report.root, self._unsigned = head.size, head.root, None
        self._state.signed = head.size

    def _judge_history(self, size: int, extensions: Iterable[str]) -> None:
        """A checkpoint names the one that was signed before it. Where several sign, it need not be the one above."""
        for line in extensions:
            word, _, before = line.partition(" ")
            if word != "previous" or not _SIZE.fullmatch(before) or not self._source.first <= int(before) != 0:
                continue
            if int(before) not in self._sizes:
                self._found["V3"](None, f"the checkpoint of {before} entries, before that of {size}, is gone")
        self._sizes.append(size)

    def _compare_subtrees(self, filled: Iterable[tuple[int, int, bytes]]) -> None:
        for first, last, digest in filled:
            while self._subtree is not None and (self._subtree[1], -self._subtree[0]) < (last, -first):
                self._found["V11"](None, f"there is a subtree of entries {self._subtree[0]} to {self._subtree[1] - 1}")
                self._subtree = next(self._subtrees, None)
            if self._subtree is None or self._subtree[:2] != (first, last):
                self._late.append((first, last))
                continue
            if self._subtree[2] != digest and not self._broken:
                self._found["V11"](None, f"the subtree of entries {first} to {last - 1} is another one")
            self._subtree = next(self._subtrees, None)

    def _end(self) -> None:
        report, state = self.report, self._state
        while self._head is not None:
            if not self._broken:
                covered = f"a checkpoint covers {self._head.size} entries"
                self._found["V2"](None, f"{covered}, and there are {self._tree.size}")
            report.checkpoints += 1
            self._broken = True
            self._take_head()
        for size in self._since:
            self._found["V3"](None, f"the checkpoint you kept covers {size} entries, and there are {self._tree.size}")
        if not report.checkpoints:
            self._found["V1"](None, "there is no checkpoint: nobody has signed this log")
        if self._source.offered not in (None, self._last_note):
            self._found["V3"](None, "the checkpoint that is there to be kept is not the newest one")
        self._end_subtrees()
        if self._unsigned is not None and not self._broken and self._newest - self._unsigned[1] > UNSIGNED:
            self._found["V3"](self._unsigned[0], "from here on nothing is signed, and more than 15 minutes passed")
        self._end_checks()
        report.open, report.in_doubt = len(state.open), len(state.doubtful)
        if not self._source.has_links:
            self._verdicts["V12"].apart("the material has no links to people: ask for an export with --links")
        if state.partial:
            self._notes_of_part()

    def _end_checks(self) -> None:
        for name, faults in (("V10", self._source.faults), ("V12", self._source.link_faults)):
            for fault in self._read(faults()) if name in self.report.checks else ():
                self._found[name](None, fault)
        for check in self._checks:
            try:
                check.end(self._source)
            except Unreadable as error:
                check.found(None, str(error))

    def _end_subtrees(self) -> None:
        if self._source.subtrees() is None:
            self._verdicts["V11"].apart("the material has no subtrees")
            return
        if self._subtree is not None:
            self._found["V11"](None, f"a subtree of {self._subtree[1]} entries is not of this log")
        for first, last in self._late:
            if last <= self.report.signed:
                self._found["V11"](None, f"the subtree of entries {first} to {last - 1} is missing")

    def _notes_of_part(self) -> None:
        before = f"entries before {self._source.first} are not in the material"
        for name in ("V4", "V5", "V6", "V7", "V8", "V9", "V10", "V12", "V13", "V14"):
            self._verdicts[name].notes.append(before)


def verify(source: Source, **how: Any) -> Report:
    """What the checks say about a source; see `Walk`."""
    return Walk(source, **how).run()


# Where rows come from: a folder that was exported, or a copy of the SQLite file.


def _pairs(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BadBody("a member stands twice")
    return members


_read_json = json.JSONDecoder(object_pairs_hook=_pairs, parse_float=_no_number, parse_constant=_no_number).decode


def parsed(text: bytes) -> dict[str, Any]:
    """An object of a line. Raises Unreadable, which never quotes it."""
    try:
        document = _read_json(text.decode())
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise Unreadable("a line is no JSON object of the kind that stands here")
    return document


_NUMBERS = ("ts", "intent")
_BODY = b',"body":'


def row_of(line: bytes) -> Row:
    """An entry of `entries.jsonl`: place, hash, what it is found by, and last the body as it is. Raises Unreadable."""
    head, parted, body = line.rstrip(b"\n").partition(_BODY)
    if not parted or not body.endswith(b"}"):
        raise Unreadable("a line is no entry")
    stated, body = parsed(head + b"}"), body[:-1]
    if stated.keys() - {"links"} != {"seq", "hash", "found_by"}:
        raise Unreadable("a line is no entry")
    found_by = _found_by(stated["found_by"])
    links = _links(stated["links"]) if "links" in stated else None
    return Row(_number(stated["seq"]), _bytes(stated["hash"], HASH), None if body == b"null" else body, found_by, links)


def head_of(size: int, note: str) -> Head:
    """A checkpoint of which nothing is kept but the note."""
    try:
        root = checkpoint_of(parts_of(note)[0]).root
    except BadNote:
        root = b""
    return Head(size, root, note)


def subtree_of(line: bytes) -> tuple[int, int, bytes]:
    """A line of `subtrees.jsonl`. Raises Unreadable."""
    stated = parsed(line)
    return _number(stated.get("first")), _number(stated.get("last")), _bytes(stated.get("hash"), HASH)


def _found_by(stated: Any) -> FoundBy:
    if not isinstance(stated, dict) or not {"id", "kind", "ts"} <= stated.keys() <= set(FoundBy._fields):
        raise Unreadable("what an entry is found by is not as it is written")
    for name, value in stated.items():
        if (value.__class__ is not int) if name in _NUMBERS else not isinstance(value, str):
            raise Unreadable("what an entry is found by is not as it is written")
    return FoundBy(**stated)


def _links(stated: Any) -> list[Link]:
    if not isinstance(stated, list) or not all(isinstance(each, list) and len(each) == 3 for each in stated):
        raise Unreadable("the links of an entry are not as they are written")
    return [Link(*(_bytes(part) for part in each)) for each in stated]


def _number(value: Any) -> int:
    if value.__class__ is not int or not 0 <= value < 2**63:
        raise Unreadable("a number is none, or out of range")
    return int(value)


def _bytes(value: Any, length: int | None = None) -> bytes:
    try:
        data = exact_base64(value) if isinstance(value, str) else b""
    except BadNote:
        data = b""
    if not data or (length is not None and len(data) != length):
        raise Unreadable("a hash or a key is not as it is written")
    return data


def shared(links: Iterable[tuple[bytes, bytes, int]]) -> Iterator[str]:
    """A key seals one person, a person has one key, and no two seals are alike: else somebody put a link in.

    `links` by token; the third part of each is a hash of what is sealed, under a key that only this process has.
    """
    at, keys = b"", set[bytes]()
    of_others, seals = set[int](), set[int]()
    for tok, dek, seal in links:
        if tok != at:
            of_others.update(map(hash, keys))
            at, keys = tok, set()
        if keys and dek not in keys:
            yield "a person is sealed under two keys"
        if hash(dek) in of_others and dek not in keys:
            yield "a key seals two people"
        if seal in seals:
            yield "the link of one entry stands at another one, too"
        keys.add(dek)
        seals.add(seal)


class Export:
    """A folder that `gateway ledger export` wrote."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.name = str(folder)
        with self._file("export.json") as file:
            about = parsed(file.read(MAX_LINE))
        if about.get("format") != FORMAT:
            raise Unreadable(f"{folder} is no export that this verifier can read")
        self.first = _number(about.get("first"))
        peaks = about.get("peaks")
        self.peaks = tuple(_bytes(each, HASH) for each in peaks) if isinstance(peaks, list) else ()
        if len(self.peaks) != self.first.bit_count():
            raise Unreadable("what stood before the export is not as it is written")
        self.has_links = about.get("links") is True
        self.key = about["key"] if isinstance(about.get("key"), str) else None
        self.offered: str | None = _text_at(folder / "checkpoint", MAX_NOTE)

    def heads(self) -> Iterator[Head]:
        for line in self._lines("checkpoints.jsonl"):
            stated = parsed(line)
            if not isinstance(note := stated.get("note"), str):
                raise Unreadable("a checkpoint has no note")
            yield head_of(_number(stated.get("size")), note)

    def rows(self, *, bare: bool = False) -> Iterator[Row]:
        del bare
        for line in self._lines("entries.jsonl"):
            row = row_of(line)
            if (row.links is not None) is not self.has_links:
                raise Unreadable("an entry has links where the export says that there are none, or has none")
            yield row

    def hashes(self, ranges: Sequence[Span]) -> Iterator[tuple[int, bytes]]:
        waiting = iter(ranges)
        first, last = next(waiting, (-1, -1))
        for row in self.rows():
            while 0 <= last < row.seq:
                first, last = next(waiting, (-1, -1))
            if first <= row.seq <= last:
                yield row.seq, row.hash

    def purged(self) -> Iterator[tuple[int, int, int]] | None:
        return None

    def subtrees(self) -> Iterator[tuple[int, int, bytes]] | None:
        return map(subtree_of, self._lines("subtrees.jsonl"))

    def faults(self) -> Iterator[str]:
        return iter(())

    def link_faults(self) -> Iterator[str]:
        links = (link for row in self.rows() for link in row.links or ())
        if self.has_links:
            yield from shared(sorted((link.tok, link.dek, hash(link.sealed)) for link in links))

    def _lines(self, name: str) -> Iterator[bytes]:
        with self._file(name) as file:
            while line := file.readline(MAX_LINE):
                if not line.endswith(b"\n"):
                    raise Unreadable(f"{name} ends in the middle of a line, or has one that is too long")
                yield line

    @contextmanager
    def _file(self, name: str) -> Iterator[Any]:
        try:
            with (self._folder / name).open("rb") as file:
                yield file
        except OSError as error:
            raise Unreadable(f"{name} cannot be read: {error.strerror}") from None


_ROWS = """
    SELECT l.seq, l.hash, CASE WHEN length(b.body) > 65535 THEN x'' ELSE b.body END, lower(hex(l.id)), l.kind, l.ts,
    l.intent, b.vendor, b.operation, b.caller, b.code, b.result
    FROM leaf l LEFT JOIN leaf_body b ON b.seq = l.seq ORDER BY l.seq
"""
_BODIES = (bytes, type(None))
_BARE = """
    SELECT l.seq, l.hash, CASE WHEN length(b.body) > 65535 THEN x'' ELSE b.body END
    FROM leaf l LEFT JOIN leaf_body b ON b.seq = l.seq ORDER BY l.seq
"""
_LINKS = "SELECT seq, tok, dek, sealed FROM link ORDER BY seq, ord"
_ALL_LINKS = "SELECT tok, dek, sealed FROM link ORDER BY tok"
_HEADS = "SELECT size, root, note, peaks FROM checkpoint WHERE length(note) <= 65536 ORDER BY size"
_KEYS = "SELECT body FROM leaf JOIN leaf_body USING (seq) WHERE kind = 'key' AND length(body) < 4096 ORDER BY seq DESC"
_STRAY = "SELECT count(*) FROM {} WHERE seq NOT IN (SELECT seq FROM leaf)"


class Copy:
    """A copy of `ledger.db`. It is opened so that SQLite neither locks nor writes anything."""

    first = 0
    peaks: tuple[bytes, ...] = ()
    has_links = True
    offered: str | None = None

    def __init__(self, path: Path, *, without_wal: bool = False) -> None:
        import sqlite3  # noqa: PLC0415 - where rows come from elsewhere, no second SQLite is loaded

        self.name = str(path)
        # What a damaged file says about itself need not be text.
        self._errors = (sqlite3.Error, sqlite3.Warning, OverflowError, MemoryError, UnicodeError)
        beside = [each for end in ("-wal", "-shm", "-journal") if (each := Path(f"{path}{end}")).exists()]
        if beside and not without_wal:
            raise Unreadable(_BESIDE.format(beside[0].name))
        with self._known():
            address = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
            self._database = sqlite3.connect(address, uri=True)
            self._database.text_factory = lambda text: text.decode("utf-8", "replace")
            self._database.execute("PRAGMA trusted_schema = OFF")
            self._database.execute("PRAGMA temp_store = MEMORY")
        self.key = self._own_key()

    def _own_key(self) -> str | None:
        for (body,) in self._query(_KEYS):
            try:
                vkey = _members_of(bytes(body)).get("vkey") if isinstance(body, bytes) else None
            except BadBody:
                vkey = None
            if isinstance(vkey, str):
                return vkey
        return None

    def heads(self) -> Iterator[Head]:
        for size, root, note, peaks in self._query(_HEADS):
            if [each.__class__ for each in (size, root, note, peaks)] != [int, bytes, str, bytes]:
                raise Unreadable("a checkpoint is not as it is written")
            yield Head(size, root, note, peaks)

    def rows(self, *, bare: bool = False) -> Iterator[Row]:
        return self._bare() if bare else self._whole()

    def _bare(self) -> Iterator[Row]:
        for seq, digest, body in self._query(_BARE):
            if digest.__class__ is not bytes or len(digest) != HASH or body.__class__ not in _BODIES:
                raise Unreadable("an entry is not as it is written")
            yield Row(seq, digest, body)

    def _whole(self) -> Iterator[Row]:
        links = self._all_links()
        seq_of_links, of_links = next(links, (-1, []))
        for seq, digest, body, *found_by in self._query(_ROWS):
            if digest.__class__ is not bytes or len(digest) != HASH or body.__class__ not in _BODIES:
                raise Unreadable("an entry is not as it is written")
            while -1 < seq_of_links < seq:
                seq_of_links, of_links = next(links, (-1, []))
            yield Row(seq, digest, body, FoundBy(*found_by), of_links if seq_of_links == seq else ())

    def _all_links(self) -> Iterator[tuple[int, list[Link]]]:
        at, together = -1, list[Link]()
        for seq, tok, dek, sealed in self._query(_LINKS):
            if seq != at:
                if together:
                    yield at, together
                at, together = seq, []
            together.append(Link(tok, dek, sealed))
        if together:
            yield at, together

    def hashes(self, ranges: Sequence[Span]) -> Iterator[tuple[int, bytes]]:
        for first, last in ranges:
            yield from self._query("SELECT seq, hash FROM leaf WHERE seq BETWEEN ? AND ? ORDER BY seq", first, last)

    def purged(self) -> Iterator[tuple[int, int, int]] | None:
        return self._query("SELECT first, last, purge FROM purged ORDER BY first")

    def subtrees(self) -> Iterator[tuple[int, int, bytes]] | None:
        return self._query("SELECT first, last, hash FROM subtree ORDER BY last, first DESC")

    def faults(self) -> Iterator[str]:
        for table in ("leaf_body", "link"):
            [[count]] = self._query(_STRAY.format(table))
            if count:
                yield f"{count} rows of {table} belong to no entry"
        for (said,) in self._query("PRAGMA integrity_check(20)"):
            if said != "ok":
                yield f"the file is damaged: {said[:200]}"

    def link_faults(self) -> Iterator[str]:
        return shared((tok, dek, hash(sealed)) for tok, dek, sealed in self._query(_ALL_LINKS))

    def _query(self, query: str, *values: object) -> Iterator[Any]:
        with self._known():
            yield from self._database.execute(query, values)

    @contextmanager
    def _known(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            raise Unreadable(f"{self.name} is no whole ledger: {type(error).__name__}") from None


_BESIDE = (
    "{0} stands beside the file: what was written last is in there, and reading it would write. Give an export "
    "(gateway ledger export), or a copy that gateway ledger backup made; --without-wal checks the file alone"
)


def source_of(path: Path, *, without_wal: bool = False) -> Source:
    """What stands at a path. Raises Unreadable."""
    if path.is_dir():
        return Export(path)
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}") from None
    if start != b"SQLite format 3\0":
        raise Unreadable(f"{path} is neither an export nor a copy of ledger.db")
    return Copy(path, without_wal=without_wal)


# The command line.


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a report and returns the exit code."""
    given = _parser().parse_args(arguments)
    try:
        key = key_of(given.key) if given.key else None
        since = [note_at(path) for path in given.since]
        if given.proof:
            return _proved(given, key, since)
        canaries = _canaries(given.canaries) if given.canaries else ()
        source = source_of(given.material, without_wal=given.without_wal)
        source.name = given.name or source.name
        report = verify(source, key=key, since=since, canaries=canaries, only=given.only or CHECKS)
    except (Unreadable, BadNote) as error:
        print(json.dumps({"verdict": "unreadable", "exit": UNREADABLE, "why": str(error)}) if given.json else error)
        return UNREADABLE
    print(shown(report, as_json=given.json))
    return report.code


def shown(report: Report, *, as_json: bool) -> str:
    """A report as it is printed."""
    return json.dumps(report.document(), indent=2) if as_json else "\n".join(report.lines())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ledger_verify.py",
        description="Checks an export of the ledger, or a copy of ledger.db. Writes nothing and uses no network.",
        epilog="Exit codes: 0 sound, 2 unreadable, 3 something could not be checked, 11 to 24 for V1 to V14.",
    )
    parser.add_argument("material", type=Path, nargs="?", default=Path(), help="an export, or a copy of ledger.db")
    parser.add_argument("--key", help="the public key of the log, as it was given to you: name+id+key")
    parser.add_argument("--since", type=Path, action="append", default=[], help="a checkpoint that you have kept")
    parser.add_argument("--only", action="append", choices=CHECKS, help="run this check; may be given several times")
    parser.add_argument("--canaries", type=Path, help="a file with texts, one a line, that must not stand in any entry")
    parser.add_argument("--without-wal", action="store_true", help="check the file alone, with a WAL beside it")
    parser.add_argument("--proof", type=Path, help="check this proof instead, with --key; of growth, with --since")
    parser.add_argument("--name", help="what the report calls the material, where that is not its path")
    parser.add_argument("--json", action="store_true", help="print JSON for machines")
    return parser


def note_at(path: Path) -> str:
    """A checkpoint that somebody kept in a file. Raises Unreadable."""
    return _text_at(path, MAX_NOTE)


def _canaries(path: Path) -> list[str]:
    return [line for line in _text_at(path, MAX_LINE).splitlines() if line]


def _text_at(path: Path, most: int) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
        if len(data) > most:
            raise Unreadable(f"{path} is too long")
        return data.decode()
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise Unreadable(f"{path} is not text") from None


def _proved(given: argparse.Namespace, key: Key | None, since: Sequence[str]) -> int:
    if key is None:
        raise Unreadable("a proof needs the key of the log: --key")
    kept = opened(since[0], key) if since else None
    told = proved(_text_at(given.proof, 8 * MAX_NOTE), key, kept)
    print(json.dumps({"verdict": "sound", "exit": 0, "proved": told}) if given.json else told)
    return 0


if __name__ == "__main__":
    sys.exit(main())
