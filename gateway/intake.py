"""Takes facts in: noted first, then on record, then in force, and then answered; what broke off is carried on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from gateway.errors import GatewayError, Refusal
from gateway.failpoints import failpoint
from gateway.ledger.entry import Event, Subject
from gateway.ledger.housekeeping import FactPut, PolicyActivated, TokenChanged
from gateway.ledger.ledger import Ledger
from gateway.ledger.steps import CaseStep, NoticeStep, RequestStep
from gateway.ledger.store import Filter
from gateway.registry.entered import (
    AcceptanceRow,
    AgreementEndRow,
    AgreementRow,
    AttestationRow,
    ConsentRow,
    FlagRow,
    LinkRow,
    OrderStateRow,
    ReviewRow,
    SubProcessorRow,
    SuspensionRow,
)
from gateway.registry.notices import waiting
from gateway.registry.pending import Pending
from gateway.registry.registry import Registry
from gateway.registry.stored import (
    STORED,
    BulkLookRow,
    CaseRow,
    ImportRow,
    NoticeRow,
    NoticeStepRow,
    PolicyRow,
    RequestRow,
    RevocationRow,
    StoredRow,
    TellingRow,
    WaiverRow,
)
from gateway.vocabulary.notices import NoticeState

TOGETHER = 500
PERIOD = 1.0  # seconds between two attempts to carry on what broke off
WATCH = 60.0  # seconds between two looks at what other nodes left
_PAGE = 1_000
_SLACK = timedelta(minutes=1)  # by which the clock may have been set back between a note and its entries

Told = tuple[Event, tuple[Subject, ...]]


class UnfitTime(GatewayError):
    """A fact says that it came to be at a time which is still to come."""


class Intake:
    """Puts facts in, for one node.

    A fact that is an event of the record is put in by steps: a note of it, its entry, its row with the entry's id, the
    answer. One that broke off after its entry is carried on; of one that came to no entry nothing is left.
    """

    def __init__(self, registry: Registry, ledger: Ledger, *, node: str) -> None:
        self.registry = registry
        self._ledger = ledger
        self._node = node
        self._broken: list[Pending] = []
        self._mending: asyncio.Task[None] | None = None
        self._alone = asyncio.Lock()

    async def put(self, facts: Sequence[StoredRow], *, by: str) -> None:
        """Returns when they are in force. Whatever becomes durable after that was decided on them.

        Raises Refusal where ledger or registry do not take them; whether they come into force is then unknown. Raises
        UnfitTime before any of that.
        """
        if (
            number := next((number for number, fact in enumerate(facts) if self.registry.ahead(fact)), None)
        ) is not None:
            raise UnfitTime(f"{number}.time: this is still to come")
        await self._mend()
        if not _demands_entry(facts):
            await self.registry.put(facts)
            await self._ledger.passed()
            return
        pending = await self.registry.begin(self._node, by, facts)
        failpoint("after-pending")
        try:
            await self._complete(pending, {}, late=False)
        except BaseException:
            self._broken.append(pending)
            self._mend_soon()
            raise

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Intake"]:
        """Carries on what an earlier process left, and until the end of the block what others leave."""
        for pending in await self.registry.left(self._node):
            await self._carry_on(pending)
        watching = asyncio.get_running_loop().create_task(self._watch())
        try:
            yield self
        finally:
            for task in filter(None, (watching, self._mending)):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def _complete(self, pending: Pending, entries: Mapping[int, str], *, late: bool) -> None:
        done = dict(entries)
        missing = {number: event for number, event in self._events(pending) if number not in done}
        for start in range(0, len(missing), TOGETHER):
            part = list(missing.items())[start : start + TOGETHER]
            ids = await asyncio.gather(*(self._ledger.record(*event) for _, event in part))
            done |= dict(zip((number for number, _ in part), ids, strict=True))
        failpoint("after-entry")
        await self.registry.carry_out(pending, done, late=late)
        failpoint("after-row")
        # An intent that was decided before, and is being written at this moment.
        await self._ledger.passed()

    def _events(self, pending: Pending) -> Iterator[tuple[int, Told]]:
        """What of this is an entry, by the number of the fact; of a part of an import, one for all."""
        if pending.is_import:
            digest = self._ledger.digest("import", STORED.dump_json(list(pending.facts[:-1])).decode()).hex()
            yield len(pending.facts) - 1, _imported(pending, digest)
            return
        for number, fact in enumerate(pending.facts):
            if event := _event(fact, pending.by, f"{pending.id}:{number}"):
                yield number, event

    async def _carry_on(self, pending: Pending) -> None:
        # What was on its way into the ledger is there now, or never will be.
        await self._ledger.passed()
        if entries := await self._entries(pending):
            await self._complete(pending, entries, late=True)
        else:
            await self.registry.give_up(pending)

    async def _entries(self, pending: Pending) -> Mapping[int, str]:
        """The ids of the entries that this came to, by the number of the fact."""
        since = int((pending.at - _SLACK).timestamp() * 1_000_000)
        found: dict[int, str] = {}
        for kind in (FactPut.kind, TokenChanged.kind, CaseStep.kind, PolicyActivated.kind):
            before = None
            while page := await self._ledger.entries(Filter(kind=kind, since=since, before=before, limit=_PAGE)):
                for entry in page:
                    put, _, number = str(entry.body.get("put", "")).partition(":")
                    if put == pending.id:
                        found[int(number)] = str(entry.body["id"])
                before = page[-1].seq
        return found

    async def _mend(self) -> None:
        """Carries on what broke off in this process: what comes later must not be overtaken by it."""
        async with self._alone:
            while self._broken:
                await self._carry_on(self._broken[0])
                del self._broken[0]

    def _mend_soon(self) -> None:
        if self._mending is None or self._mending.done():
            self._mending = asyncio.get_running_loop().create_task(self._mend_until_done())

    async def _mend_until_done(self) -> None:
        while self._broken:
            await asyncio.sleep(PERIOD)
            with contextlib.suppress(Refusal):
                await self._mend()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH)
            with contextlib.suppress(Refusal):
                for pending in await self.registry.left(""):
                    await self._carry_on(pending)


def _demands_entry(facts: Sequence[StoredRow]) -> bool:
    """Whether some of it is an event of the record: of an import, whatever it brings."""
    if facts and isinstance(facts[-1], ImportRow):
        return len(facts) > 1
    return any(_event(fact, "", "") for fact in facts)


def _imported(pending: Pending, digest: str) -> Told:
    """One entry for the facts of an import that went in together, about everybody of whom one would have its own."""
    *facts, reached = pending.facts
    people = [getattr(fact, name) for fact in facts for name in _ABOUT.get(fact.kind, ())]
    event = FactPut(
        "consents" if any(isinstance(fact, ConsentRow) for fact in facts) else "facts",
        "imported",
        by=pending.by,
        put=f"{pending.id}:{len(facts)}",
        batch=reached.id if isinstance(reached, ImportRow) else "",
        count=len(facts),
        digest=digest,
    )
    return event, _people(*dict.fromkeys(people))


def _event(fact: StoredRow, by: str, put: str) -> tuple[Event, tuple[Subject, ...]] | None:
    """What of a fact is an event of its own in the record: what people said, what holds for them and their orders, and
    what was stopped.
    """
    told = _EVENTS.get(fact.kind)
    return told(fact, by, put) if told else None


def _consent(fact: ConsentRow, by: str, put: str) -> Told:
    return FactPut(f"consent:{fact.purpose}", fact.state.value, fact.vendor or "", by, put), _people(fact.subject)


def _acceptance(fact: AcceptanceRow, by: str, put: str) -> Told:
    return FactPut("acceptance", fact.how.value, "", by, put), _people(fact.subject)


def _flag(fact: FlagRow, by: str, put: str) -> Told:
    named = f"flag:{fact.flag}:{fact.purpose}" if fact.purpose else f"flag:{fact.flag}"
    return FactPut(named, _set(fact), fact.vendor or "", by, put), _people(fact.subject)


def _link(fact: LinkRow, by: str, put: str) -> Told:
    return FactPut("link", _set(fact), "", by, put), _people(fact.subject, fact.other)


def _order_state(fact: OrderStateRow, by: str, put: str) -> Told:
    # Whose order it is, the entry does not say: nobody looks that up here.
    return FactPut("order", fact.state.value, "", by, put), ()


def _suspension(fact: SuspensionRow, by: str, put: str) -> Told:
    return FactPut("suspension", "lifted" if fact.lifted else "suspended", fact.vendor, by, put), ()


def _request(fact: RequestRow, by: str, put: str) -> Told:
    step = RequestStep(
        request=fact.request, right=fact.right, state=fact.status.value, asked_by=fact.by,
        received=int(fact.received.timestamp() * 1_000_000), due=int(fact.due.timestamp() * 1_000_000),
        requester=fact.requester, categories=fact.categories, extended=fact.extended, by=by, put=put,
        rulings=tuple(sorted({f"{each.ruling} {each.category or 'all'}" for each in fact.decisions})),
        reasons=tuple(sorted({each.reason.value for each in fact.decisions if each.reason})),
    )  # fmt: skip
    return step, _people(fact.subject)


def _agreement(fact: AgreementRow, by: str, put: str) -> Told:
    return FactPut(f"agreement:{fact.agreement.id}", "entered", fact.vendor, by, put), ()


def _agreement_end(fact: AgreementEndRow, by: str, put: str) -> Told:
    return FactPut(f"agreement:{fact.agreement}", "ended", fact.vendor, by, put), ()


def _review(fact: ReviewRow, by: str, put: str) -> Told:
    return FactPut("review", fact.result, fact.vendor, by, put), ()


def _attestation(fact: AttestationRow, by: str, put: str) -> Told:
    return FactPut(f"attestation:{fact.of}", "given", fact.vendor, by, put), ()


def _sub_processor(fact: SubProcessorRow, by: str, put: str) -> Told:
    return FactPut(f"sub_processor:{fact.country}", fact.state, fact.vendor, by, put), ()


def _revocation(fact: RevocationRow, by: str, put: str) -> Told:
    return TokenChanged(fact.token, by, "revoked", put=put), ()


def _telling(fact: TellingRow, by: str, put: str) -> Told:
    about = _people(fact.subject) if fact.subject else ()
    return FactPut(f"telling:{fact.cause}", "asked", fact.vendor or "", by, put), about


def _notice(fact: NoticeRow, by: str, put: str) -> Told:
    state = NoticeState.HELD if fact.held else waiting(fact.way)
    step = NoticeStep(
        notice=fact.id, cause=fact.cause, vendor=fact.vendor, state=state, way=fact.way, duty=fact.duty, law=fact.law,
        categories=fact.categories, due=int(fact.due.timestamp() * 1_000_000), by=by, put=put,
    )  # fmt: skip
    return step, (Subject(fact.subject, "subject", "", fact.order),)


def _notice_step(fact: NoticeStepRow, by: str, put: str) -> Told:
    step = NoticeStep(
        notice=fact.notice, cause=fact.cause, vendor=fact.vendor, state=fact.state, reason=fact.reason,
        due=int(fact.due.timestamp() * 1_000_000) if fact.due else 0, by=by, put=put,
    )  # fmt: skip
    return step, _people(fact.subject) if fact.subject else ()


def _case(fact: CaseRow, _: str, put: str) -> Told:
    return CaseStep(fact.case, fact.scenario.value, fact.step, fact.by, tuple(fact.said.items()), put), ()


def _waiver(fact: WaiverRow, by: str, put: str) -> Told:
    return FactPut(f"waiver:{fact.id}", fact.state, by=by, put=put), ()


def _bulk_look(fact: BulkLookRow, by: str, put: str) -> Told:
    return FactPut(f"bulk_look:{fact.id}", fact.state, by=by, put=put, count=fact.entries), ()


def _policy(fact: PolicyRow, by: str, put: str) -> Told | None:
    if fact.state == "filed":
        return None  # it is on record since it came into force
    if fact.state == "published":
        return PolicyActivated(fact.draft.version, fact.draft.document, by, put), ()
    return FactPut(f"policy:{fact.draft.version}", _DRAFTS[fact.state], by=by, put=put), ()


def _people(*refs: str) -> tuple[Subject, ...]:
    return tuple(Subject(ref, "subject", "") for ref in refs)


def _set(fact: FlagRow | LinkRow) -> str:
    return "lifted" if fact.lifted else "set"


# Of the facts that an import can bring: where it says whom an entry of its own would be about.
_ABOUT: Mapping[str, tuple[str, ...]] = {
    "consent": ("subject",),
    "acceptance": ("subject",),
    "flag": ("subject",),
    "link": ("subject", "other"),
}
_DRAFTS = {"draft": "drafted", "dropped": "dropped"}
_EVENTS: Mapping[str, Callable[[Any, str, str], Told | None]] = {
    "consent": _consent,
    "acceptance": _acceptance,
    "flag": _flag,
    "link": _link,
    "order_state": _order_state,
    "suspension": _suspension,
    "agreement": _agreement,
    "agreement_end": _agreement_end,
    "review": _review,
    "attestation": _attestation,
    "sub_processor": _sub_processor,
    "request": _request,
    "revocation": _revocation,
    "waiver": _waiver,
    "bulk_look": _bulk_look,
    "policy": _policy,
    "telling": _telling,
    "notice": _notice,
    "notice_step": _notice_step,
    "case": _case,
}
