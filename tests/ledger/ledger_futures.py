"""What becomes of people and of old entries in the machine, as far as whoever asked for it was told."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from faults.books import Book, Leaf
from stores_of import Nobody

from gateway.errors import Refusal
from gateway.ledger import Ledger
from gateway.retention import RetentionClass

HELD = "erasure.held"


@dataclass
class Hold:
    """Whether a person is held: for certain, perhaps, or not; and how often that changed."""

    sure: bool = False
    perhaps: bool = False
    changes: int = 0

    def changed(self, *, sure: bool, perhaps: bool) -> None:
        self.sure, self.perhaps = sure, perhaps
        self.changes += 1


@dataclass
class Futures:
    """Erasures by the place of their entry; of one that broke off nobody knows whether it came to be."""

    young: set[int] = field(default_factory=set)
    erasures: dict[str, list[int]] = field(default_factory=dict)
    broken_off: dict[str, bool] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    generation: int = 1

    def hold(self, person: str) -> Hold:
        return self.holds.setdefault(person, Hold())

    async def erased(self, shop: Ledger, book: Book, person: str) -> None:
        hold = self.hold(person)
        before, changes = (hold.sure, hold.perhaps), hold.changes
        began = self.broken_off.get(person, False)
        self.broken_off[person] = True
        try:
            done = await shop.erasing.erase(person, Nobody(), reason="request", by="anna", forced=False)
        except Refusal as refusal:
            if refusal.code == HELD:
                assert hold.changes != changes or before != (False, False), "nobody holds"
                self.broken_off[person] = began
            return
        assert hold.changes != changes or not before[0], "erased although held"
        place = book.place(done.entry)
        assert place is not None, "I2"
        self.erasures.setdefault(person, []).append(place[0])
        self.broken_off[person] = began

    async def held(self, shop: Ledger, person: str) -> None:
        hold = self.hold(person)
        hold.changed(sure=hold.sure, perhaps=True)
        with suppress(Refusal):
            await shop.erasing.hold(person, reason="court-order", by="anna")
            hold.changed(sure=True, perhaps=True)

    async def released(self, shop: Ledger, person: str) -> None:
        hold = self.hold(person)
        hold.changed(sure=False, perhaps=hold.perhaps)
        changes = hold.changes
        with suppress(Refusal):
            await shop.erasing.release(person, by="anna")
            if hold.changes == changes:
                hold.changed(sure=False, perhaps=False)

    async def turned(self, shop: Ledger) -> None:
        with suppress(Refusal):
            generation = await shop.erasing.turnover("anna")
            assert generation > self.generation, "a generation came back"
            self.generation = generation

    async def purged(
        self, shop: Ledger, book: Book, keeps: Mapping[RetentionClass, str], whose: Mapping[int, str]
    ) -> None:
        """`whose` each disclosure is, by its number."""
        with self._kept(book, whose), suppress(Refusal):
            await shop.purge(keeps, by="anna")

    async def resumed(self, shop: Ledger) -> None:
        with suppress(Refusal):
            await shop.erasing.resume(Nobody())

    @contextmanager
    def _kept(self, book: Book, whose: Mapping[int, str]) -> Iterator[None]:
        """What is not closed, was sent in these years, or is about somebody who is held, stays."""
        before = book.leaves()
        ends = {leaf.said["intent"] for leaf in before if leaf.said.get("kind") == "outcome"}
        intents = {leaf.seq: leaf.said for leaf in before if leaf.said.get("kind") == "intent"}
        stays = {seq for seq, said in intents.items() if said["id"] not in ends or seq in self.young}
        held = {person: hold.changes for person, hold in self.holds.items() if hold.sure}
        about = {seq: whose[int(said["disclosure"], 16)] for seq, said in intents.items()}
        yield
        gone = [leaf.seq for leaf in book.leaves() if leaf.body is None and leaf.seq in intents]
        assert not [seq for seq in gone if seq in stays], "purged too early"
        of_held = [seq for seq in gone if self.hold(about[seq]).changes == held.get(about[seq])]
        assert not [seq for seq in of_held if self._leads_to(about[seq], seq)], "held, and purged"

    def _leads_to(self, person: str, seq: int) -> bool:
        """Whether an entry about a person must be known as such: not if they may have been erased since."""
        return not self.broken_off.get(person) and seq > max(self.erasures.get(person, []), default=-1)

    def ended(self, shop: Ledger, leaves: Sequence[Leaf]) -> list[int]:
        """Where erasures stand; all of them are done, and no turnover is under way."""
        said = [(leaf.seq, leaf.said) for leaf in leaves if leaf.said.get("kind") == "erase"]
        done = {each["erase"] for _, each in said if each["state"] == "done"}
        begun = [(seq, each["id"]) for seq, each in said if each["state"] == "pending"]
        assert not [seq for seq, entry in begun if entry not in done], "I6"
        assert not shop._keys.hierarchy.is_turning
        assert not shop._store.oblivion.pending(), "I6"
        return [seq for seq, _ in begun]

    def since(self, person: str, erasures: Sequence[int]) -> list[int]:
        """After which place a person may be found: their last erasure, or a later one of which nobody was told."""
        last = max(self.erasures.get(person, []), default=-1)
        told = {seq for places in self.erasures.values() for seq in places}
        later = [seq for seq in erasures if seq > last and seq not in told]
        return [last, *(later if self.broken_off.get(person) else [])]
