"""The registry: rows in a database, and in memory those of the people in use."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import StartError, refuse
from gateway.frozen import changed
from gateway.registry import lookups, notices, rows
from gateway.registry.basis import TOKEN, Basis, Changes, Key, Later
from gateway.registry.engine import CONNECTIONS, engine_of, wipe
from gateway.registry.facts import Consent, Facts, Known, Mark, Mention, Order, Papers, Person, law_of
from gateway.registry.keys import DELETIONS, PAPERS, SUSPENSIONS, key_of_token, keys_of
from gateway.registry.pending import Pending, left, not_overtaken
from gateway.registry.schema import bring_up
from gateway.registry.shared import Listener, begin, newest, publish, since
from gateway.registry.sieve import Sieve
from gateway.registry.stored import RevocationRow, StoredRow
from gateway.vocabulary import Flag, SubjectRole

IN_MEMORY = 20_000
ONE_PERSON = 50  # references at most; more are those of several people

ANSWER = 5.0  # seconds for which a call waits for a database on another machine
SLACK = timedelta(minutes=1)  # by which the clock of whoever says when something happened may be ahead of ours
PATIENCE = 20.0  # and for a disk of its own, or for changes
REWRITTEN = 600.0  # and for a file of its own that is written anew, some ten seconds for a million orders

_UNKNOWABLE = "\0"  # PostgreSQL keeps no text with it, so nobody is called that
_OF_NOTICE = frozenset({Flag.INFORMED, Flag.NOTICE_DUE})  # beside the others: they forbid nothing
Asked = TypeVar("Asked")
Value = TypeVar("Value")
Written = Callable[[Connection], Iterable[rows.Statement]]


class Registry:
    """Reads go through memory; a change is in force for every decision made after `put` returned."""

    def __init__(self, engine: Engine, *, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self.now = now
        self.is_shared = engine.dialect.name == "postgresql"
        self._patience = ANSWER if self.is_shared else PATIENCE
        self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="registry")
        self._under_way: set[Future[Any]] = set()
        self._listener: Listener | None = None
        self._rows: OrderedDict[Key, object] = OrderedDict()
        self._changes = Changes()
        self._turn = asyncio.Lock()
        with engine.begin() as connection:
            bring_up(connection)
            self._changes.version = newest(connection)
            self._revoked = lookups.revoked(connection)
            # What another node writes is heard a moment later, so there the database is asked about everybody.
            self._sieve = None if self.is_shared else Sieve(lookups.known_keys(connection))

    @classmethod
    def open(cls, database: Path | str, *, now: Callable[[], datetime]) -> "Registry":
        """The registry in an SQLite file, or on PostgreSQL where it is a URL. Raises StartError."""
        try:
            return cls(engine_of(database), now=now)
        except SQLAlchemyError as error:
            where = database.name if isinstance(database, Path) else "on PostgreSQL"
            raise StartError(f"the registry {where} cannot be opened ({type(error).__name__})") from None

    def listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on memory follows the changes of other nodes; where there are none, nothing happens."""
        if self.is_shared:

            def told(later: Later) -> None:
                loop.call_soon_threadsafe(self._hear, later)

            self._listener = Listener(self._engine, self.now, lambda: self._changes.version, told)

    def close(self) -> None:
        if self._listener is not None:
            self._listener.stop()
        wait(list(self._under_way), PATIENCE)
        self._threads.shutdown(wait=False)
        self._engine.dispose()

    def is_revoked(self, token: str) -> bool:
        return token in self._revoked

    def ahead(self, fact: StoredRow) -> bool:
        """Whether a fact says that it came to be at a time which is still to come."""
        return fact.time is not None and fact.time > self.now() + SLACK

    async def put(self, facts: Sequence[StoredRow]) -> None:
        """Writes facts down, all or none. Raises Refusal `gateway.failed` where the database does not take them."""
        at = self.now()

        def written(_: Connection) -> Iterable[rows.Statement]:
            return (statement for fact in facts for statement in rows.statements(fact, at))

        await self._put(facts, written)

    async def begin(self, node: str, by: str, facts: Sequence[StoredRow]) -> Pending:
        """Notes facts that are to be put in, which changes nothing yet. Raises Refusal `gateway.failed`."""
        pending = Pending.begun(node, by, facts, self.now())
        await self.write(lambda _: [pending.written()])
        return pending

    async def carry_out(self, pending: Pending, entries: Mapping[int, str], *, late: bool) -> None:
        """Writes down what was noted, once, each with the id of its entry; where it is late, not over what is newer.

        Raises Refusal `gateway.failed`.
        """

        def written(connection: Connection) -> Iterable[rows.Statement]:
            if not pending.done(connection):
                return ()
            return not_overtaken(connection, pending, entries) if late else pending.statements(connection, entries)

        await self._put(pending.facts, written)

    async def give_up(self, pending: Pending) -> None:
        """Forgets what was noted. Raises Refusal `gateway.failed`."""
        await self.write(lambda _: [pending.forgotten()])

    async def left(self, node: str) -> Sequence[Pending]:
        """What this node began before it ended, and what others left long ago. Raises Refusal `gateway.failed`.

        Without a name of a node only what was left long ago.
        """
        # A file belongs to one process, whatever it was called before.
        return await self.read(left, (node if self.is_shared or not node else None, self.now()))

    async def known(self) -> Collection[str]:
        """Everybody whom some fact is about. Raises Refusal."""
        return await self.read(lookups.everybody, "") | await self.read(notices.everybody, "")

    async def erase(self, ref: str) -> None:
        """Takes a person out of all orders, and what they consented to, where they live and what held for them; nothing
        of it stays in the files. Raises Refusal `gateway.failed`.
        """
        orders = await self.read(lookups.orders_of, ref)
        linked = (await self.read(lookups.known_of, ref)).linked
        keys = {("subject", each) for each in (ref, *linked)} | {("consent", ref)}
        keys |= {("order", order) for order in orders}
        await self.write(lambda _: rows.erasing(ref, linked, self.now()), keys)
        try:
            async with self._turn:
                await _within(REWRITTEN, self._threads.submit(wipe, self._engine))
        except (SQLAlchemyError, TimeoutError):
            raise refuse("gateway.failed", "the registry cannot be written") from None
        await self.follow()

    async def _put(self, facts: Sequence[StoredRow], written: Written) -> None:
        await self.write(written, {key for fact in facts for key in keys_of(fact)})
        self._revoked |= {fact.token for fact in facts if isinstance(fact, RevocationRow)}
        await self.follow()

    async def follow(self) -> None:
        """Memory is at least as new as what every node had changed when this was called. Raises Refusal."""
        if self.is_shared:
            self._hear(await self.read(since, self._changes.version))

    def _hear(self, later: Later) -> None:
        if not later.last:
            return
        if later.complete > self._changes.version:
            # More happened than is still known.
            self._rows.clear()
            self._changes.tell_all()
        self._forget(later.last)
        self._revoked |= {ref for kind, ref in later.last if kind == TOKEN}
        self._changes.version = max(self._changes.version, later.version)

    def _forget(self, keys: Collection[Key]) -> None:
        if self._sieve is not None:
            for key in keys:
                self._sieve.add(key)
        # Whoever reads at this moment sees that something changed, and that what it read may be old.
        self._changes.tell(keys)
        for key in keys:
            self._rows.pop(key, None)

    def basis(self, token: str) -> Basis:
        """That a token is not revoked, as far as it is known at this moment."""
        return Basis((key_of_token(token),), self._changes.moment, self._changes.version, self._changes)

    async def about(
        self, mentions: Sequence[Mention], *, consents: bool, order: str | None, consents_in: Collection[str] = ()
    ) -> Facts:
        """What is known about the people of a call, and about the orders that it states or they come from.

        Consents are looked up only where a ground may rest on them: by `consents` of everybody, by `consents_in` of
        those who live there, and always of minors. Raises Refusal `subject.mismatch` where more references are linked
        than one person has.
        """
        moment, version = self._changes.moment, self._changes.version
        seen: list[Key] = []
        suspensions = await self._look_up(SUSPENSIONS, lookups.suspensions, seen)
        papers = await self._look_up(PAPERS, lookups.papers, seen)
        everybody: list[_Somebody] = []
        missing: list[SubjectRole] = []
        for mention in mentions:
            if (each := await self._somebody(mention, seen, consents=consents, within=consents_in)) is None:
                missing.append(mention.role)
            else:
                everybody.append(each)
        people = {each.role: each.person for each in everybody}
        linked = {each.person.ref: frozenset(each.known) for each in everybody if len(each.known) > 1}
        numbers = dict.fromkeys([order, *(person.order for person in people.values())])
        found = [await self._order(number, seen) for number in numbers if number is not None]
        # No part of the basis: what is only noted has no call decided anew.
        overdue_from = await self._look_up(DELETIONS, notices.overdue_from, [])
        is_gift = _is_gift(people, found, linked)
        return Facts(
            people,
            frozenset(missing),
            {each.person.ref: each.answers for each in everybody if each.answers is not None},
            suspensions,
            order is not None,
            Basis(tuple(seen), moment, version, self._changes),
            {each.person.ref: bearing for each in everybody if (bearing := each.bearing)},
            tuple(order for order, _ in found),
            papers,
            linked,
            overdue_from,
            _notice(everybody) if is_gift else "",
            is_gift,
        )

    async def papers(self) -> Papers:
        """What was entered of papers, reviews, waivers and policies. Raises Refusal."""
        return await self._look_up(PAPERS, lookups.papers, [])

    async def same_person(self, ref: str) -> Collection[str]:
        """All references of a person who has this one. Raises Refusal."""
        return (await self._known(ref, [])).keys()

    async def _somebody(
        self, mention: Mention, seen: list[Key], *, consents: bool, within: Collection[str]
    ) -> "_Somebody | None":
        if (found := await self._found(mention, seen)) is None:
            return None
        known = await self._known(found.ref, seen)
        person = _as_known(found, mention, known)
        marks = tuple(dict.fromkeys(mark for each in known.values() for mark in each.marks))
        wanted = consents or person.jurisdiction in within or any(mark.flag is Flag.MINOR for mark in marks)
        return _Somebody(mention.role, person, known, marks, await self._answers(known, seen) if wanted else None)

    async def _found(self, mention: Mention, seen: list[Key]) -> Person | None:
        if _UNKNOWABLE in f"{mention.order}{mention.ref}":
            return None
        if mention.order is not None:
            _, people = await self._look_up(("order", mention.order), lookups.order_of, seen)
            if person := next((each for each in people if each.role is mention.role), None):
                return person
        if mention.earlier is not None or mention.ref is None:
            return mention.earlier
        return Person(mention.ref, mention.role, "unknown", mention.order, mention.stated)

    async def _known(self, ref: str, seen: list[Key]) -> Mapping[str, Known]:
        """What is known of a person under every reference that is linked to this one, this one first."""
        known: dict[str, Known] = {}
        refs = [ref]
        for each in refs:
            if each not in known:
                known[each] = await self._look_up(("subject", each), lookups.known_of, seen)
                refs += known[each].linked
            if len(known) > ONE_PERSON:
                raise refuse("subject.mismatch", f"more than {ONE_PERSON} references are linked to one another")
        return known

    async def _answers(self, refs: Iterable[str], seen: list[Key]) -> tuple[Consent, ...]:
        """A person's answers under all of their references, the newest first."""
        answers = [await self._look_up(("consent", ref), lookups.consents_of, seen) for ref in refs]
        if len(answers) == 1:
            return answers[0]
        every = (answer for each in answers for answer in each)
        return tuple(sorted(every, key=lambda answer: (answer.given, answer.number), reverse=True))

    async def _order(self, number: str, seen: list[Key]) -> tuple[Order, tuple[Person, ...]]:
        if _UNKNOWABLE in number:
            return Order(is_known=False, state=None), ()
        return await self._look_up(("order", number), lookups.order_of, seen)

    async def _look_up(self, key: Key, read: Callable[[Connection, str], Value], seen: list[Key]) -> Value:
        while (value := cast("Value | None", self._rows.get(key))) is None:
            if self._sieve is not None and key[0] in lookups.UNKNOWN and not self._sieve.may_hold(key):
                seen.append(key)
                return cast("Value", lookups.UNKNOWN[key[0]])
            moment = self._changes.moment
            fresh = await self.read(read, key[1])
            if moment == self._changes.moment:
                self._rows[key] = fresh
                if len(self._rows) > IN_MEMORY:
                    self._rows.popitem(last=False)
        self._rows.move_to_end(key)
        seen.append(key)
        return value

    async def read(self, read: Callable[[Connection, Asked], Value], ref: Asked) -> Value:
        """What a question finds in the rows, past memory. Raises Refusal `gateway.failed`."""

        def reading() -> Value:
            with self._engine.connect() as connection:
                return read(connection, ref)

        try:
            return await _within(self._patience, self._begun(reading))
        except (SQLAlchemyError, TimeoutError):
            # `from None`: the error quotes the statement and its parameters.
            raise refuse("gateway.failed", "the registry cannot be read") from None

    async def write(self, written: Written, keys: Collection[Key] = ()) -> None:
        """Carries statements out, all or none; `keys` are the facts that decisions know otherwise from then on.

        Raises Refusal `gateway.failed`.
        """

        def writing() -> None:
            with self._engine.begin() as connection:
                is_told = self.is_shared and keys
                if is_told:
                    begin(connection)
                for statement in written(connection):
                    connection.execute(statement)
                if is_told:
                    publish(connection, keys, self.now())

        # SQLite lets nobody else write anyway, and who waits for it there takes a thread from those who read.
        async with self._turn if keys or not self.is_shared else nullcontext():
            loop = asyncio.get_running_loop()
            under_way = self._begun(writing)
            # When it is done, and not when somebody stops waiting: what is read before that is old soon.
            under_way.add_done_callback(lambda _: loop.call_soon_threadsafe(self._forget, keys))
            try:
                await _within(PATIENCE, under_way)
            except (SQLAlchemyError, TimeoutError):
                raise refuse("gateway.failed", "the registry cannot be written") from None

    async def changed(self, statement: rows.Statement) -> bool:
        """Carries one statement out, and tells whether it found its row. Raises Refusal `gateway.failed`."""
        counts: list[int] = []

        def changing(connection: Connection) -> Iterable[rows.Statement]:
            counts.append(connection.execute(statement).rowcount)
            return ()

        await self.write(changing)
        return counts == [1]

    def _begun(self, deed: Callable[[], Value]) -> Future[Value]:
        under_way = self._threads.submit(deed)
        self._under_way.add(under_way)
        under_way.add_done_callback(self._under_way.discard)
        return under_way


async def _within(seconds: float, under_way: Future[Value]) -> Value:
    """Waits for no database without end: one that has stopped does not say so. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        return await asyncio.wrap_future(under_way)


class _Somebody(NamedTuple):
    """Whom a call is about, what is known of them under each reference, and their consents where those were asked."""

    role: SubjectRole
    person: Person
    known: Mapping[str, Known]
    marks: tuple[Mark, ...]
    answers: tuple[Consent, ...] | None

    @property
    def bearing(self) -> tuple[Mark, ...]:
        """The marks that a decision rests on."""
        return tuple(mark for mark in self.marks if mark.flag not in _OF_NOTICE)


def _as_known(found: Person, mention: Mention, known: Mapping[str, Known]) -> Person:
    """Somebody as they take part in a call: what it says of their law comes first, then what is known of them."""
    jurisdiction = mention.jurisdiction or found.jurisdiction
    if jurisdiction == "unknown":
        jurisdiction = law_of(known.values())
    return changed(found, jurisdiction=jurisdiction, role=mention.role)


def _is_gift(
    people: Mapping[SubjectRole, Person],
    orders: Iterable[tuple[Order, Sequence[Person]]],
    linked: Mapping[str, Collection[str]],
) -> bool:
    """Whether the consignee is somebody else than who bought, as far as somebody is known to have."""
    consignee = people.get(SubjectRole.CONSIGNEE)
    if consignee is None:
        return False
    buyer = people.get(SubjectRole.PURCHASER)
    bought = {each.ref for _, of in orders for each in of if each.role is SubjectRole.PURCHASER}
    buyers = {buyer.ref} if buyer else bought
    return bool(buyers) and buyers.isdisjoint(linked.get(consignee.ref, (consignee.ref,)))


def _notice(everybody: Iterable[_Somebody]) -> Literal["", "noted", "new"]:
    """Whether the consignee, who is somebody else than who bought, is still to be told."""
    flags = {mark.flag for each in everybody if each.role is SubjectRole.CONSIGNEE for mark in each.marks}
    if Flag.INFORMED in flags:
        return ""
    return "noted" if Flag.NOTICE_DUE in flags else "new"
