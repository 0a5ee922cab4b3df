"""Turns events into rows: stamped, canonical, hashed, with what is sealed beside them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gateway.frozen import Frozen, changed
from gateway.ledger.canonical import Randomness, leaf_hash, uuid7
from gateway.ledger.entry import Event, Index, Intent, Outcome, Stamp, Subject, leaf
from gateway.ledger.housekeeping import Resolved
from gateway.ledger.keeping import Purge
from gateway.ledger.keys import Keys
from gateway.ledger.sealing import Link, Payload, seal
from gateway.ledger.store import Cap, Row
from gateway.ledger.tallies import Tally
from gateway.registry.basis import Basis


class Ticket(Frozen, frozen=True):
    """A durable intent: what its outcome will be joined to. Nothing leaves from `not_after` on, in ms since boot."""

    intent: str
    seq: int
    index: Index
    subjects: tuple[Subject, ...] = ()
    not_after: int = 0


LEAVES: Final = 15_000  # ms after its deadline within which an intent leaves: a vendor is found and reached by then
UNWRITTEN: Final = Ticket("", -1, Index())
"""Of an intent that was not written, because what its decision rested on had changed."""
LIMITED: Final = Ticket("", -2, Index())
"""Of an intent that was not written, because its operation was about too many people in this hour."""
REPEATED: Final = Ticket("", -3, Index())
"""Of an intent that was not written, because the like of it was done too often in this period."""


@dataclass(frozen=True, slots=True, repr=False)
class Scribe:
    """Writes as one node in one epoch. `now` in µs of wall clock, `mono` in ms since boot."""

    log: str
    node: str
    boot: str
    epoch: int
    keys: Keys
    now: Callable[[], int]
    mono: Callable[[], int]
    randomness: Randomness

    def row(
        self,
        event: Event,
        subjects: Sequence[Subject] = (),
        payload: Payload | None = None,
        basis: Basis | None = None,
        cap: Cap | None = None,
        tallies: Sequence[Tally] = (),
    ) -> Row:
        """An entry with its subjects sealed beside it. Raises a Refusal where it cannot be written canonically."""
        stamp = self._stamp()
        sealed = seal(self.keys, f"{self.log}|{stamp.id}", subjects, payload, self.randomness)
        body = leaf(event, stamp, sealed.members)
        return Row(
            id=stamp.id,
            kind=event.kind,
            ts=stamp.ts,
            epoch=self.epoch,
            body=body,
            hash=leaf_hash(body),
            index=event.index,
            links=sealed.links,
            basis=basis,
            cap=cap,
            tallies=tuple(_marked(tally, sealed.links) for tally in tallies),
            lasts=event.manner.deadline_ms + LEAVES if isinstance(event, Intent) else None,
        )

    def outcome(self, outcome: Outcome | Resolved, ticket: Ticket, earlier: Sequence[bytes] = ()) -> Row:
        """How an intent ended; found by vendor, operation and caller like the intent itself."""
        stamp, about, found_by = self._stamp(), ticket.index, outcome.index
        body = leaf(outcome, stamp, {"intent": ticket.intent})
        return Row(
            id=stamp.id,
            kind=outcome.kind,
            ts=stamp.ts,
            epoch=self.epoch,
            body=body,
            hash=leaf_hash(body),
            index=Index(about.vendor, about.operation, about.caller, found_by.code, found_by.result),
            intent=ticket.seq,
            earlier=tuple(earlier),
        )

    def purge(self, purge: Purge, as_of: int) -> Row:
        """The bodies of its places go with it, unless somebody was held since the log had `as_of` entries."""
        return changed(self.row(purge), purges=purge.ranges, as_of=as_of)

    def new_id(self) -> str:
        return uuid7(self.now(), self.randomness)

    def _stamp(self) -> Stamp:
        ts = self.now()
        return Stamp(uuid7(ts, self.randomness), self.log, ts, self.mono(), self.boot, self.node, self.epoch)


def _marked(tally: Tally, links: Sequence[Link]) -> Tally:
    """With a mark for each of its people, by which they are not counted twice."""
    return replace(tally, marks=(*tally.marks, *(links[place].tok for place in tally.people)))
