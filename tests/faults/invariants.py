"""What must hold of every ledger after every fault (I1 to I5), each breach told by the number of its invariant."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faults.books import Book, Head, Leaf, root_of

LEFT = frozenset(("sent", "possibly", "in_doubt"))
"""What may be said of an attempt of which a vendor got something."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """The first byte of an attempt at the vendor, and the intent that an independent reader found at that moment."""

    attempt: str
    seq: int | None
    hash: str


def arrivals(file: Path) -> list[Arrival]:
    """What the vendor wrote down; the last line may be half written where it was killed."""
    lines = file.read_text().splitlines(keepends=True) if file.exists() else []
    whole = [line.split() for line in lines if line.endswith("\n")]
    return [Arrival(attempt, None if seq == "-" else int(seq), hash_) for attempt, seq, hash_ in whole]


def breaches(book: Book, arrived: Sequence[Arrival], acknowledged: Iterable[str], *, closed: bool = True) -> list[str]:
    """Every breach of I1 to I4. `acknowledged` are disclosures that a shop was told of; with `closed` the gateway has
    started again since and has ended in good order.
    """
    # Before the entries: of a log that somebody still writes none may be over more than were read.
    heads = book.heads()
    leaves = book.leaves()
    found = [*_whole(leaves, heads), *_before_bytes(leaves, arrived), *_kept(leaves, acknowledged)]
    return [*found, *_settled(leaves)] if closed else found


def results(leaves: Sequence[Leaf]) -> dict[str, str]:
    """The current result of every intent that has one."""
    current: dict[str, str] = {}
    for said in map(_said, leaves):
        if said.get("kind") in ("outcome", "resolve"):
            current[said["intent"]] = said["result"]
    return current


def canaries(folder: Path, texts: Iterable[str]) -> list[str]:
    """I5: where one of these texts stands in a file below a folder."""
    files = [(path, path.read_bytes()) for path in sorted(folder.rglob("*")) if path.is_file()]
    return [f"I5 {text} stands in {path.name}" for text in texts for path, raw in files if text.encode() in raw]


def _said(leaf: Leaf) -> Mapping[str, Any]:
    return leaf.said


def _whole(leaves: Sequence[Leaf], heads: Sequence[Head]) -> Iterator[str]:
    """I4: gapless, every body under its hash, every checkpoint the root of a beginning."""
    for place, leaf in enumerate(leaves):
        if leaf.seq != place:
            yield f"I4 entry {place} is gone"
            return
        if leaf.body is not None and hashlib.sha256(b"\0" + leaf.body).digest() != leaf.hash:
            yield f"I4 entry {place} does not fit its hash"
    hashes = [leaf.hash for leaf in leaves]
    for head in heads:
        if head.size > len(hashes) or root_of(hashes[: head.size]) != head.root:
            yield f"I4 the checkpoint of size {head.size} is not the root of this log"


def _before_bytes(leaves: Sequence[Leaf], arrived: Sequence[Arrival]) -> Iterator[str]:
    """I1: what arrived was durable before; and I2: it stands there still, at the same place under the same hash."""
    current = results(leaves)
    for arrival in arrived:
        if arrival.seq is None:
            yield f"I1 {arrival.attempt} arrived before its intent was durable"
        elif arrival.seq >= len(leaves) or leaves[arrival.seq].hash.hex() != arrival.hash:
            yield f"I2 {arrival.attempt} is not at place {arrival.seq} any more"
        if (result := current.get(arrival.attempt, "in_doubt")) not in LEFT:
            yield f"I3 {arrival.attempt} arrived and is recorded as {result}"


def _kept(leaves: Sequence[Leaf], acknowledged: Iterable[str]) -> Iterator[str]:
    """I2: what a shop was told is there."""
    there = {said["disclosure"] for said in map(_said, leaves) if said.get("kind") == "intent"}
    yield from (f"I2 {each} was acknowledged and is gone" for each in acknowledged if each not in there)


def _settled(leaves: Sequence[Leaf]) -> Iterator[str]:
    """I3: every intent has one current result; a second one says which it supersedes."""
    ends: dict[str, int] = {}
    for said in map(_said, leaves):
        if said.get("kind") == "outcome":
            again = said["intent"] in ends
            if again and "supersedes" not in said:
                yield f"I3 {said['intent']} has a second outcome"
            ends[said["intent"]] = ends.get(said["intent"], 0) + 1
    intents = [said["id"] for said in map(_said, leaves) if said.get("kind") == "intent"]
    yield from (f"I3 {intent} has no outcome" for intent in intents if intent not in ends)
