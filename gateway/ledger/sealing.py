"""What stands beside a leaf: its subjects, each sealed under a key of their own, and what opens its commitments."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec
from cryptography.exceptions import InvalidTag

from gateway.frozen import Frozen
from gateway.ledger.canonical import Json, Randomness, base64, canonical, commitment, leaf_hash
from gateway.ledger.entry import Subject
from gateway.ledger.keys import Keys
from gateway.ledger.subject_key import SubjectKey
from gateway.ledger.tree import root
from gateway.pieces import Pieces

SUBJECT = b"subject/1"
PAYLOAD = b"payload/1"
_SALT = 32
_NONCE = 12


class Link(Frozen, frozen=True):
    """A subject of an entry: under which token it is found, under which key it is sealed, and the sealed bytes.

    One that was read has its token as it is stored, blinded.
    """

    tok: bytes
    dek: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Committed:
    """A commitment to bytes that are not in memory, and what opens it."""

    size: int
    salt: bytes
    commit: bytes

    def __len__(self) -> int:
        return self.size


class Payload(Frozen, frozen=True):
    """What is about to leave, as far as an entry may know it: it commits to the bytes and keeps their number."""

    data: bytes | Committed
    media: str = ""


class Sealed(Frozen, frozen=True):
    """The links of an entry, and the members of its leaf that commit to them."""

    links: tuple[Link, ...]
    members: dict[str, Json]


async def committed(payload: Pieces, randomness: Randomness) -> Committed:
    """A commitment to many bytes, made where nobody else waits for it."""
    salt = randomness(_SALT)
    return Committed(len(payload), salt, await asyncio.to_thread(commitment, PAYLOAD, salt, payload))


def seal(
    keys: Keys, entry: str, subjects: Sequence[Subject], payload: Payload | None, randomness: Randomness
) -> Sealed:
    """Commits to the subjects and the payload of an entry, `entry` being `log|id`.

    Each link holds the salt of its subject and one share of the payload's salt: the exclusive or of all shares is
    that salt, so that erasing any one subject closes the payload's commitment for good.
    """
    known = payload.data if payload else b""
    salt = known.salt if isinstance(known, Committed) else randomness(_SALT)
    shares = _shares(salt if payload else bytes(_SALT), len(subjects), randomness)
    links, commitments = [], []
    for ordinal, (subject, share) in enumerate(zip(subjects, shares, strict=True)):
        own, nonce, data = randomness(_SALT), randomness(_NONCE), _written(subject)
        tok = keys.token(subject.ref)
        key = keys.of(tok)
        sealed = nonce + key.cipher.encrypt(nonce, own + share + data, f"{entry}|{ordinal}".encode())
        links.append(Link(tok, key.id, sealed))
        commitments.append(commitment(SUBJECT, own, data))
    return Sealed(tuple(links), _members(commitments, payload, salt))


def opened(keys: Keys, entry: str, ordinal: int, link: Link) -> Subject | None:
    """The subject of a link, or None once its key is gone or where the link was not made for this entry."""
    key = keys.by_id(link.dek)
    if key is None:
        return None
    try:
        plain = key.cipher.decrypt(link.sealed[:_NONCE], link.sealed[_NONCE:], f"{entry}|{ordinal}".encode())
    except InvalidTag:
        return None
    return _read(plain)


def _read(plain: bytes) -> Subject:
    stated = msgspec.json.decode(plain[2 * _SALT :], type=dict[str, str])
    return Subject(stated["ref"], stated["role"], stated["jurisdiction"], stated.get("order"))


def found(keys: Keys, entry: str, links: Sequence[Link], count: int, tok: bytes) -> tuple[Subject, ...]:
    """As whom a person stands among the `count` subjects of an entry; nobody once the key is gone.

    Where somebody else was erased, links do not stand at the places for which they were sealed.
    """
    subjects: list[Subject] = []
    for link in links:
        key = keys.by_id(link.dek) if keys.blinding.bare(link.tok) == tok else None
        if key is not None and (plain := _plain(key, entry, range(count), link.sealed)) is not None:
            subjects.append(_read(plain))
    return tuple(subjects)


def everybody(keys: Keys, entry: str, links: Sequence[Link], count: int) -> tuple[Subject, ...]:
    """Those of the `count` subjects of an entry who are still known."""
    subjects: list[Subject] = []
    for link in links:
        key = keys.by_id(link.dek)
        if key is not None and (plain := _plain(key, entry, range(count), link.sealed)) is not None:
            subjects.append(_read(plain))
    return tuple(subjects)


def fits(keys: Keys, entry: str, links: Sequence[Link], body: bytes) -> bool:
    """Whether the links of an entry lead to those whom its body commits to, as far as their keys are there.

    Where somebody was erased, the others stand at places of their own, and the commitment to all does not open.
    """
    said = msgspec.json.decode(body).get("subjects", {})
    everybody = range(said.get("n", 0))
    is_whole = len(links) == len(everybody)
    commitments = []
    for ordinal, link in enumerate(links):
        if (key := keys.by_id(link.dek)) is None:
            return True
        plain = _plain(key, entry, (ordinal,) if is_whole else everybody, link.sealed)
        if plain is None:
            return False
        own, data = plain[:_SALT], plain[2 * _SALT :]
        if keys.token(msgspec.json.decode(data, type=dict[str, str])["ref"]) != keys.blinding.bare(link.tok):
            return False
        commitments.append(commitment(SUBJECT, own, data))
    return not is_whole or bool(said == _members(commitments, None, b"").get("subjects", {}))


def _plain(key: SubjectKey, entry: str, ordinals: Iterable[int], sealed: bytes) -> bytes | None:
    for ordinal in ordinals:
        with suppress(InvalidTag):
            return key.cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], f"{entry}|{ordinal}".encode())
    return None


def _shares(salt: bytes, count: int, randomness: Randomness) -> list[bytes]:
    shares = [randomness(_SALT) for _ in range(count - 1)]
    last = int.from_bytes(salt, "big")
    for share in shares:
        last ^= int.from_bytes(share, "big")
    return [*shares, last.to_bytes(_SALT, "big")][:count]


def _written(subject: Subject) -> bytes:
    stated = {"ref": subject.ref, "role": subject.role, "jurisdiction": subject.jurisdiction}
    if subject.order_ref is not None:
        stated["order"] = subject.order_ref
    return canonical(stated)


def _members(commitments: Sequence[bytes], payload: Payload | None, salt: bytes) -> dict[str, Json]:
    members: dict[str, Json] = {}
    if commitments:
        tree = root([leaf_hash(each) for each in commitments])
        members["subjects"] = {"n": len(commitments), "root": base64(tree)}
    if payload:
        data = payload.data
        commit = data.commit if isinstance(data, Committed) else commitment(PAYLOAD, salt, data)
        stated: dict[str, Json] = {"bytes": len(data), "commit": base64(commit)}
        members["payload"] = stated | ({"media": payload.media} if payload.media else {})
    return members
