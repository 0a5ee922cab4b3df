"""Which bodies go when their time is over, and what a purge says about them."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
from itertools import pairwise

from gateway.ledger.attic import Attic, Moment, Old, Place
from gateway.ledger.canonical import Json, base64, canonical, leaf_hash
from gateway.ledger.keeping import Kept, Purge
from gateway.ledger.tree import root
from gateway.retention import RetentionClass, days

TOGETHER = 1_000  # bodies that go in one commit: calls wait behind it for as long as behind a large batch
RANGES = 300  # of one purge, which is to stay a short entry
PAGE = 500
GAP = 31 * 24 * 60 * 60 * 1_000_000
"""µs. A log that says nothing for longer was off for so long, or a clock was set: nobody can tell."""
_DAY = 24 * 60 * 60 * 1_000_000
_IN_FORCE = frozenset({"given", "renewed"})
_IMPORTED = frozenset({"imported"})
"""What many people said stays on record for as long as any of them is known."""
_OF_KIND: Mapping[str, tuple[RetentionClass, ...]] = {
    "intent": (RetentionClass.ROUTINE, RetentionClass.EXCEPTIONAL, RetentionClass.LEGAL_REQUEST),
    "refusal": (RetentionClass.REFUSAL,),
    "access": (RetentionClass.OPERATION,),
    "token": (RetentionClass.OPERATION,),
    "received": (RetentionClass.OPERATION,),
    "fact": (RetentionClass.OPERATION, RetentionClass.CONSENT, RetentionClass.RIGHTS_REQUEST),
}
_OF_FACT: Mapping[str, RetentionClass] = {
    "consents": RetentionClass.CONSENT,
    "consent": RetentionClass.CONSENT,
    "request": RetentionClass.RIGHTS_REQUEST,
    "notice": RetentionClass.RIGHTS_REQUEST,
    "telling": RetentionClass.RIGHTS_REQUEST,
}


@dataclass(frozen=True, slots=True)
class Due:
    """An entry whose time is over, with what goes along with it."""

    of: RetentionClass
    places: tuple[Place, ...]


class Choice:
    """Goes through the entries once. Nothing is chosen of what is not signed, open, held, or unknown to the rules.

    An entry counts as no older than any that stands before it, so that one with a wrong time does not go early.
    """

    def __init__(
        self,
        attic: Attic,
        keeps: Mapping[RetentionClass, str],
        *,
        now: int,
        signed: int,
        by: str,
        held: Collection[bytes] = (),
    ) -> None:
        """`now` in µs, `signed` up to where the log is, `held` the tokens of people of whom nothing may go."""
        self._attic = attic
        self._keeps = keeps
        self._by = by
        self._held = frozenset(held)
        ends = {each: now - days(duration) * _DAY for each, duration in keeps.items()}
        self._below = {each: min(signed, attic.first_after(end, 0)) for each, end in ends.items()}
        self._left = _merged(self._due(kind) for kind in _OF_KIND)

    def purge(self) -> Purge | None:
        """The next one; None when nothing is left to go."""
        chosen: dict[int, tuple[RetentionClass, Place]] = {}
        for due in self._left:
            chosen |= {place.seq: (due.of, place) for place in due.places}
            if len(chosen) >= TOGETHER or (len(chosen) >= RANGES and len(_ranges(chosen)) >= RANGES):
                break
        return self._of(chosen) if chosen else None

    def _of(self, chosen: Mapping[int, tuple[RetentionClass, Place]]) -> Purge:
        places = [place for _, place in chosen.values()]
        return Purge(
            policy=digest(self._keeps),
            classes=tuple(self._kept(chosen.values())),
            ranges=tuple(_ranges(chosen)),
            count=len(places),
            set_root=base64(set_root((place.seq, place.hash) for place in places)),
            oldest_ts=min(place.ts for place in places),
            newest_ts=max(place.ts for place in places),
            by=self._by,
        )

    def _kept(self, chosen: Iterable[tuple[RetentionClass, Place]]) -> Iterator[Kept]:
        times: dict[RetentionClass, list[int]] = {}
        for of, place in chosen:
            times.setdefault(of, []).append(place.ts)
        for of in sorted(times):
            yield Kept(of.value, self._keeps[of], len(times[of]), max(times[of]))

    def _due(self, kind: str) -> Iterator[Due]:
        first, below = 0, max(self._below[each] for each in _OF_KIND[kind])
        while page := self._attic.old(kind, first, below, PAGE):
            for old in (each for each in page if not each.toks & self._held):
                of, places = _class_of(kind, old.body), (old.place, *old.with_it)
                if of is not None and places[-1].seq < self._below[of] and self._is_over(kind, of, old):
                    yield Due(of, places)
            first = page[-1].place.seq + 1

    def _is_over(self, kind: str, of: RetentionClass, old: Old) -> bool:
        if kind == "intent":
            return bool(old.with_it)
        if of is not RetentionClass.CONSENT or old.body.get("state") not in _IN_FORCE | _IMPORTED:
            return True
        later = self._attic.later(old.place.seq, self._below[of])
        return later is None or any(_answers_same(old.body, each) for each in later)


def set_root(leaves: Iterable[tuple[int, bytes]]) -> bytes:
    """What a purge commits to: the Merkle root over the places and leaf hashes of what it took, by place."""
    return root(leaf_hash(seq.to_bytes(8, "big") + each) for seq, each in sorted(leaves))


def digest(keeps: Mapping[RetentionClass, str]) -> str:
    """Of the retention rules as a whole: SHA-256 of the canonical JSON of class → duration."""
    return f"sha256:{hashlib.sha256(canonical({each.value: keeps[each] for each in keeps})).hexdigest()}"


def lived(moments: Iterable[Moment], here: Moment) -> int:
    """The time that it is, in µs, less what the clock of this node went forward without the node living through it.

    Between two moments of one boot, a clock that nobody sets says how much time went by. A boot that is another may
    have come up with a wrong clock: a gap that is too long counts as such, and what it was is found too late only.
    """
    own = [each for each in moments if each.node == here.node]
    return here.ts - max(0, sum(_leapt(old, new) for old, new in pairwise([*own, here])))


def _leapt(old: Moment, new: Moment) -> int:
    passed = new.ts - old.ts
    if old.boot == new.boot:
        return passed - (new.mono - old.mono) * 1_000
    return 0 if 0 <= passed <= GAP else passed


def _class_of(kind: str, body: Mapping[str, Json]) -> RetentionClass | None:
    """None for a class that there is no rule for: what nobody knows stays."""
    if kind == "intent":
        stated = body.get("retention")
        named = stated.get("class") if isinstance(stated, Mapping) else None
        return next((each for each in _OF_KIND[kind] if each.value == named), None)
    fact = str(body.get("fact", "")).partition(":")[0] if kind == "fact" else ""
    return _OF_FACT.get(fact, _OF_KIND[kind][0])


def _answers_same(old: Mapping[str, Json], new: Mapping[str, Json]) -> bool:
    return "batch" not in old and all(old.get(name) == new.get(name) for name in ("fact", "vendor"))


def _merged(streams: Iterable[Iterator[Due]]) -> Iterator[Due]:
    """By place, so that what stands together goes together."""
    return merge(*streams, key=lambda due: due.places[0].seq)


def _ranges(places: Iterable[int]) -> list[tuple[int, int]]:
    """Places as ranges, from the first to the last with both."""
    ranges: list[tuple[int, int]] = []
    for seq in sorted(places):
        if ranges and ranges[-1][1] == seq - 1:
            ranges[-1] = (ranges[-1][0], seq)
        else:
            ranges.append((seq, seq))
    return ranges
