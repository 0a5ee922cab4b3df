"""The registry: rows in a database, and in memory those of the people in use."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import StartError, refuse
from gateway.registry import tables
from gateway.registry.basis import TOKEN, Basis, Changes, Key, Later
from gateway.registry.engine import CONNECTIONS, engine_of, wipe
from gateway.registry.facts import (
    Consent,
    ConsentRow,
    Facts,
    OrderRow,
    Person,
    RevocationRow,
    StoredRow,
    SubjectRow,
    SuspensionRow,
)
from gateway.registry.pending import Pending, left, not_overtaken
from gateway.registry.schema import bring_up
from gateway.registry.shared import Listener, begin, newest, publish, since
from gateway.vocabulary import SubjectRole

IN_MEMORY = 20_000

ANSWER = 5.0  # seconds for which a call waits for a database on another machine
SLACK = timedelta(minutes=1)  # by which the clock of whoever says when something happened may be ahead of ours
PATIENCE = 20.0  # and for a disk of its own, or for changes

_UNKNOWABLE = "\0"  # PostgreSQL keeps no text with it, so nobody is called that
SUSPENSIONS: Key = ("suspension", "")
Asked = TypeVar("Asked")
Value = TypeVar("Value")
Written = Callable[[Connection], Iterable[tables.Statement]]


@dataclass(frozen=True, slots=True)
class Mention:
    """How a call says who is meant in a role: by an order, by the shop's own number, or as in an earlier call.

    `jurisdiction` is what the call itself says, where it does.
    """

    role: SubjectRole
    order: str | None = None
    ref: str | None = None
    earlier: Person | None = None
    jurisdiction: str | None = None


class Registry:
    """Reads go through memory; a change is in force for every decision made after `put` returned."""

    def __init__(self, engine: Engine, *, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._now = now
        self._shared = engine.dialect.name == "postgresql"
        self._patience = ANSWER if self._shared else PATIENCE
        self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="registry")
        self._under_way: set[Future[Any]] = set()
        self._listener: Listener | None = None
        self._rows: OrderedDict[Key, object] = OrderedDict()
        self._changes = Changes()
        self._putting = asyncio.Lock()
        with engine.begin() as connection:
            bring_up(connection)
            self._changes.version = newest(connection)
            self._revoked = tables.revoked(connection)

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
        if self._shared:

            def told(later: Later) -> None:
                loop.call_soon_threadsafe(self._hear, later)

            self._listener = Listener(self._engine, self._now, lambda: self._changes.version, told)

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
        return fact.time is not None and fact.time > self._now() + SLACK

    async def put(self, facts: Sequence[StoredRow]) -> None:
        """Writes facts down, all or none. Raises Refusal `gateway.failed` where the database does not take them."""
        at = self._now()

        def written(_: Connection) -> Iterable[tables.Statement]:
            return (statement for fact in facts for statement in tables.statements(fact, at))

        await self._put(facts, written)

    async def begin(self, node: str, by: str, facts: Sequence[StoredRow]) -> Pending:
        """Notes facts that are to be put in, which changes nothing yet. Raises Refusal `gateway.failed`."""
        pending = Pending.begun(node, by, facts, self._now())
        await self.write(lambda _: [pending.written()])
        return pending

    async def carry_out(self, pending: Pending, entries: Mapping[int, str], *, late: bool) -> None:
        """Writes down what was noted, once, each with the id of its entry; where it is late, not over what is newer.

        Raises Refusal `gateway.failed`.
        """

        def written(connection: Connection) -> Iterable[tables.Statement]:
            if not pending.done(connection):
                return ()
            return not_overtaken(connection, pending, entries) if late else pending.statements(entries)

        await self._put(pending.facts, written)

    async def give_up(self, pending: Pending) -> None:
        """Forgets what was noted. Raises Refusal `gateway.failed`."""
        await self.write(lambda _: [pending.forgotten()])

    async def left(self, node: str) -> Sequence[Pending]:
        """What this node began before it ended, and what others left long ago. Raises Refusal `gateway.failed`.

        Without a name of a node only what was left long ago.
        """
        # A file belongs to one process, whatever it was called before.
        return await self.read(left, (node if self._shared or not node else None, self._now()))

    async def known(self) -> Collection[str]:
        """Everybody whom some fact is about. Raises Refusal."""
        return await self.read(tables.everybody, "")

    async def erase(self, ref: str) -> None:
        """Takes a person out of all orders, and what they consented to and where they live; nothing of it stays in the
        files. Raises Refusal `gateway.failed`.
        """
        orders = await self.read(tables.orders_of, ref)
        keys = {("subject", ref), ("consent", ref), *(("order", order) for order in orders)}
        async with self._putting:
            await self.write(lambda _: tables.erasing(ref), keys)
            try:
                await _within(PATIENCE, self._threads.submit(wipe, self._engine))
            except (SQLAlchemyError, TimeoutError):
                raise refuse("gateway.failed", "the registry cannot be written") from None
        await self.follow()

    async def _put(self, facts: Sequence[StoredRow], written: Written) -> None:
        # One after another: SQLite lets nobody else write anyway, and waits for that by trying again and again.
        async with self._putting:
            await self.write(written, {key for fact in facts for key in _keys(fact)})
        self._revoked |= {fact.token for fact in facts if isinstance(fact, RevocationRow)}
        await self.follow()

    async def follow(self) -> None:
        """Memory is at least as new as what every node had changed when this was called. Raises Refusal."""
        if self._shared:
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
        # Whoever reads at this moment sees that something changed, and that what it read may be old.
        self._changes.tell(keys)
        for key in keys:
            self._rows.pop(key, None)

    def basis(self, token: str) -> Basis:
        """That a token is not revoked, as far as it is known at this moment."""
        return Basis((_token(token),), self._changes.moment, self._changes.version, self._changes)

    async def about(self, mentions: Sequence[Mention], *, consents: bool, order_stated: bool) -> Facts:
        """What is known about the people of a call. Consents are looked up only where a ground may rest on them."""
        moment, version = self._changes.moment, self._changes.version
        seen: list[Key] = []
        people: dict[SubjectRole, Person] = {}
        missing: set[SubjectRole] = set()
        suspensions = await self._look_up(SUSPENSIONS, tables.suspensions, seen)
        for mention in mentions:
            person = await self._person(mention, seen)
            if person is None:
                missing.add(mention.role)
            else:
                people[mention.role] = person
        answers: dict[str, tuple[Consent, ...]] = {}
        if consents:
            for ref in {person.ref for person in people.values()}:
                answers[ref] = await self._look_up(("consent", ref), tables.consents_of, seen)
        basis = Basis(tuple(seen), moment, version, self._changes)
        return Facts(people, frozenset(missing), answers, suspensions, order_stated, basis)

    async def _person(self, mention: Mention, seen: list[Key]) -> Person | None:
        if _UNKNOWABLE in f"{mention.order}{mention.ref}":
            return None
        person = mention.earlier
        if mention.order is not None:
            people = await self._look_up(("order", mention.order), tables.people_of, seen)
            person = next((each for each in people if each.role is mention.role), None)
        elif mention.ref is not None:
            person = Person(mention.ref, mention.role, "unknown")
        if person is None:
            return None
        jurisdiction = mention.jurisdiction or person.jurisdiction
        if jurisdiction == "unknown":
            jurisdiction = await self._look_up(("subject", person.ref), tables.jurisdiction_of, seen)
        return replace(person, jurisdiction=jurisdiction, role=mention.role)

    async def _look_up(self, key: Key, read: Callable[[Connection, str], Value], seen: list[Key]) -> Value:
        while (value := cast("Value | None", self._rows.get(key))) is None:
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
                is_told = self._shared and keys
                if is_told:
                    begin(connection)
                for statement in written(connection):
                    connection.execute(statement)
                if is_told:
                    publish(connection, keys, self._now())

        loop = asyncio.get_running_loop()
        under_way = self._begun(writing)
        # When it is done, and not when somebody stops waiting: what is read before that is old soon.
        under_way.add_done_callback(lambda _: loop.call_soon_threadsafe(self._forget, keys))
        try:
            await _within(PATIENCE, under_way)
        except (SQLAlchemyError, TimeoutError):
            raise refuse("gateway.failed", "the registry cannot be written") from None

    def _begun(self, deed: Callable[[], Value]) -> Future[Value]:
        under_way = self._threads.submit(deed)
        self._under_way.add(under_way)
        under_way.add_done_callback(self._under_way.discard)
        return under_way


async def _within(seconds: float, under_way: Future[Value]) -> Value:
    """Waits for no database without end: one that has stopped does not say so. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        return await asyncio.wrap_future(under_way)


def _keys(row: StoredRow) -> Iterator[Key]:
    """What in memory a changed fact makes old."""
    if isinstance(row, OrderRow):
        yield "order", row.order
        yield from (("subject", each.subject) for each in row.people)
    elif isinstance(row, SubjectRow):
        yield "subject", row.subject
    elif isinstance(row, ConsentRow):
        yield "consent", row.subject
    elif isinstance(row, RevocationRow):
        yield _token(row.token)
    elif isinstance(row, SuspensionRow):
        yield SUSPENSIONS


def _token(token: str) -> Key:
    return TOKEN, token
