"""The path of one call: every promise is one line, in order."""

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Protocol

from gateway import assemble
from gateway.assemble import Call, Matched
from gateway.batch import Decision
from gateway.body.document import Document
from gateway.caps import CODE, Caps
from gateway.clearance import NOTICE_DUE, Clearance, waivers_for
from gateway.contract.model import Vendor
from gateway.contract.terms import Terms
from gateway.deciding import Deciding, People, Remembered
from gateway.errors import Refusal, refuse
from gateway.failpoints import failpoint
from gateway.forms.forms import NOWHERE, Situation
from gateway.forms.relinks import Way
from gateway.forms.tokens import Lookup
from gateway.frozen import Frozen, changed
from gateway.identity import Tokens, find_token, token_in
from gateway.inforce import InForce
from gateway.known import known_in
from gateway.ledger.entry import Event, Intent, Subject
from gateway.ledger.entry import Outcome as Settled
from gateway.ledger.scribe import LIMITED, REPEATED, UNWRITTEN, Ticket
from gateway.ledger.store import Cap
from gateway.ledger.tallies import Tally
from gateway.minimise import Minimised
from gateway.outbound.send import STALE, Answer, Outcome, Sending, Vendors
from gateway.paths import values_at
from gateway.pieces import Payload
from gateway.record import Course, Disclosure, Recorder, Trail, outcome_of
from gateway.registry.basis import Basis
from gateway.reply import Reply, Returned, accepted, answered, is_authentic, refused, returned, sealed
from gateway.signin import Accesses, given, presented
from gateway.signing.signer import Moment
from gateway.tallies import Tallies
from gateway.vocabulary import Level, SubjectRole

REPEATS = 10_000
_DECISIONS = 5
_SOON = timedelta(seconds=1)


class Ready(Frozen, frozen=True):
    """A sending that was decided on and proved, and what is written down of it before it leaves.

    `way` is the call with the credentials of this moment; `waivers` are the ids of those that let its cap be passed.
    """

    way: Course
    decision: Decision
    outgoing: Minimised
    sending: Sending
    clearance: Clearance
    basis: Basis
    intent: Intent
    subjects: tuple[Subject, ...]
    tallies: tuple[Tally, ...]
    now: datetime
    waivers: Sequence[str]


class Attempt(Frozen, frozen=True):
    """What became of one sending, what of the answer goes back, and how much stayed here."""

    sent: Outcome
    back: Returned | None
    withheld: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds within which an intent must be durable, and bytes that an answer may have."""

    intent: float
    answer: int
    levels: Mapping[str, Level] = field(default_factory=dict)
    cn_separate: bool = True
    derogations: int = 50


class Book(Remembered, Protocol):
    """Where it is written down what leaves."""

    async def intend(
        self,
        intent: Intent,
        subjects: Sequence[Subject],
        payload: Payload,
        *,
        within: float,
        basis: Basis,
        cap: Cap | None,
        tallies: Sequence[Tally],
    ) -> Ticket: ...
    def release(self, ticket: Ticket) -> bool: ...
    def settle(self, ticket: Ticket, outcome: Settled, earlier: Sequence[bytes] = ()) -> None: ...
    def note(self, event: Event, subjects: Sequence[Subject] = ()) -> None: ...
    def new_id(self) -> str: ...


class Register(People, Protocol):
    """Where it is known whom a call is about, and when that has changed."""

    def basis(self, token: str) -> Basis: ...
    async def follow(self) -> None: ...


class Exchange:
    """Takes a call to its vendor. `contracts` may be replaced by another set at any time, as a whole."""

    def __init__(
        self,
        contracts: InForce,
        *,
        registry: Register,
        ledger: Book,
        vendors: Vendors,
        tokens: Tokens,
        recorder: Recorder,
        environment: str,
        limits: Limits,
        now: Callable[[], datetime],
        counted: Callable[[str, str], None],
        unnamed: Callable[[str, Mapping[str, int]], None],
        look: Callable[[str, Sending, Answer | None], None],
        owe: Callable[[Sequence[str]], Awaitable[None]],
    ) -> None:
        self.contracts = contracts
        self._registry = registry
        self._ledger = ledger
        self._vendors = vendors
        self._accesses = Accesses(vendors, time.monotonic)
        self._tokens = tokens
        self._recorder = recorder
        self._environment = environment
        self._limits = limits
        self._caps = Caps(limits.levels)
        self._tallies = Tallies(limits.levels, limits.derogations)
        self._now = now
        self._counted = counted
        self._unnamed = unnamed
        self._look = look
        self._owe = owe
        self._new_id = ledger.new_id
        self.deciding = Deciding(registry, ledger, levels=limits.levels, cn_separate=limits.cn_separate, now=now)
        self._repeats: OrderedDict[bytes, Disclosure] = OrderedDict()

    async def reply(self, call: Call) -> Reply:
        """What the caller gets, whatever happens. What a proven caller is refused is written down."""
        trail = Trail()
        try:
            if (signing_in := self.contracts.signing_in(call.method, call.path)) is not None:
                return await self._given(call, signing_in, trail)
            return await self(call, trail)
        except Refusal as refusal:
            vendor = trail.matched.terms.vendor if trail.matched else None
            self._counted(refusal.code, vendor.vendor if vendor else "")
            if trail.caller is not None:
                self._ledger.note(self._recorder.refusal(refusal, trail.caller, trail.matched))
            return _refused(refusal, trail, vendor or assemble.vendor_of(call, self.contracts))

    async def __call__(self, call: Call, trail: Trail) -> Reply:
        contracts = self.contracts
        matched = trail.matched = assemble.match(call, contracts)
        self._prove(trail, matched, [*matched.texts(matched.terms.tokens), call.header("gateway-token") or ""])
        matched, incoming, media = await assemble.read(call, matched)
        trail.matched = matched
        if trail.caller is None:
            self._prove(trail, matched, _body_texts(matched.terms, incoming), last=True)
        assemble.check_signed(call, matched, incoming)
        course = Course(contracts, call, matched, trail, incoming, media)
        disclosure = self._disclosure(course)
        for _ in range(_tries(matched.terms, incoming)):
            made = await self._attempt(course, disclosure)
            if made.sent.result == "sent":
                break
        return _reply(matched.terms, disclosure, made)

    async def _attempt(self, course: Course, disclosure: Disclosure) -> Attempt:
        """Decides, writes down, sends and settles: every attempt anew, on what holds at that moment."""
        for _ in range(_DECISIONS):
            if (ready := await self._ready(course, disclosure)) is None:
                continue
            if owed := _owed(ready.decision):
                # Who is to be told of it is on record before it leaves; that changed what is known of them.
                await self._owe(owed)
                continue
            # Before sending: what cannot be written down does not leave.
            if (ticket := await self._intended(ready, disclosure)) is None:
                continue
            began, host = time.monotonic(), course.matched.prepared.host
            holds = partial(self._may_leave, ready.basis, ticket)
            sent = await self._vendors.send(host, ready.sending, limit=self._limits.answer, holds=holds)
            if sent is not STALE:
                failpoint("after-response")
                return self._settled(course, ready, ticket, sent, began)
            self._ledger.settle(ticket, Settled("not_sent"))
            await self._registry.follow()
        raise refuse("gateway.overloaded", "the facts of this call keep changing")

    async def _ready(self, course: Course, disclosure: Disclosure) -> Ready | None:
        """What may leave now, as it would leave; None where that is not what was decided. Raises Refusal."""
        terms, policy = course.matched.terms, course.contracts.contracts.policy
        proven, began = self._proven(course), self._now()
        decision = await self.deciding.decision(course)
        # Once it is decided that something may go; nobody's data goes with it.
        way = course if course.matched.prepared.client is None else await self._signed_in(course)
        outgoing = await self.deciding.left(course, decision)
        sending = assemble.sign(way.matched, await _written(way, decision, outgoing), self._moment)
        now = self._now()
        if now - began > _SOON and not await self._is_decided_alike(course, decision):
            return None
        waivers = [each.id for each in waivers_for(terms, decision.items[0].facts.papers, now) if CODE in each.codes]
        clearance = self._caps.noted(terms, decision.clearance, now, waivers)
        clearance = self._tallies.noted(terms, policy, clearance, now)
        intent, subjects = self._recorder.intent(course, clearance, outgoing, disclosure)
        tallies = self._tallies.of(terms, policy, clearance, outgoing, subjects, disclosure.id, now)
        basis = proven.beside([item.facts.basis for item in decision.items])
        return Ready(way, decision, outgoing, sending, clearance, basis, intent, subjects, tallies, now, waivers)

    async def _is_decided_alike(self, course: Course, decision: Decision) -> bool:
        """Whether it is still decided so: what ends by itself is no fact that is put in. Raises Refusal."""
        self._tokens.demand_in_force(course.caller)
        again = await self.deciding.decision(course)
        return [each.clearance for each in again.items] == [each.clearance for each in decision.items]

    async def _intended(self, ready: Ready, disclosure: Disclosure) -> Ticket | None:
        """The durable intent; None where what it rests on has changed, so that it is decided anew. Raises Refusal."""
        terms = ready.way.matched.terms
        disclosure.attempts += 1
        ticket = await self._ledger.intend(
            ready.intent,
            ready.subjects,
            ready.sending.body,
            within=self._limits.intent,
            basis=ready.basis,
            cap=self._caps.of(terms, ready.now, ready.waivers),
            tallies=ready.tallies,
        )
        if ticket is LIMITED:
            self._caps.passed(terms, ready.now, ready.waivers)
        elif ticket is REPEATED:
            self._tallies.passed(terms, ready.way.contracts.contracts.policy, ready.clearance, ready.now)
        elif ticket is UNWRITTEN:
            # Something that the decision rested on was withdrawn before it was written down.
            await self._registry.follow()
        else:
            return ticket
        return None

    def _settled(self, course: Course, ready: Ready, ticket: Ticket, sent: Outcome, began: float) -> Attempt:
        """What goes back of the answer, once the outcome is on its way into the record."""
        prepared, terms = course.matched.prepared, course.matched.terms
        vendor = terms.vendor.vendor
        self._look(vendor, ready.sending, sent.answer)
        if prepared.client is not None and sent.answer is not None and sent.answer.status == HTTPStatus.UNAUTHORIZED:
            self._accesses.refused(prepared)
        sent, back = self._returned(ready.way.matched, sent, self._situation(course, ready.decision))
        left = back.minimised if back else None
        outcome = outcome_of(sent, ready.sending.body, time.monotonic() - began, terms, left)
        self._ledger.settle(ticket, outcome, self._digests(terms, left.retained if left else ()))
        self._counted(sent.code or "sent", vendor)
        self._unnamed(vendor, back.unnamed if back else {})
        if sent.result == "possibly":
            course.trail.sent = "possibly"
        return Attempt(sent, back, ready.outgoing.staying)

    async def _signed_in(self, course: Course) -> Course:
        prepared = await self._accesses.signed_in(course.matched.prepared)
        return changed(course, matched=changed(course.matched, prepared=prepared))

    def _may_leave(self, basis: Basis, ticket: Ticket) -> bool:
        return basis.hold() and self._ledger.release(ticket)

    def _returned(self, matched: Matched, sent: Outcome, situation: Situation) -> tuple[Outcome, Returned | None]:
        """The outcome, and what of its answer goes back: of one that somebody else may have written, nothing."""
        if sent.answer is None:
            return sent, None
        if not is_authentic(matched, sent.answer, self._now):
            return changed(sent, code=sent.code or "signature.invalid"), None
        return sent, sealed(matched, returned(matched, sent.answer, situation), self._moment)

    def _moment(self) -> Moment:
        return Moment(self._now(), secrets.token_hex(16))

    def _prove(self, trail: Trail, matched: Matched, texts: Sequence[str], *, last: bool = False) -> None:
        """Proves the caller by the token in these texts. Where the SDK puts it into the body, that is still to come."""
        if not last and any(place.kind == "body" for place in matched.terms.tokens):
            texts = [text for text in texts if token_in(text)]
            if not texts:
                return
        self._verify(trail, find_token(texts), matched.terms.vendor.vendor)

    def _verify(self, trail: Trail, token: str, vendor: str) -> None:
        caller = self._tokens.verify(token)
        if caller.environment != self._environment:
            raise refuse(
                "caller.unknown", f"the token is for {caller.environment}, this gateway for {self._environment}"
            )
        trail.caller, trail.token = caller, token
        if caller.vendor not in (None, vendor):
            raise refuse("caller.not_allowed", "the token is narrowed to another vendor")

    async def _given(self, call: Call, vendor: str, trail: Trail) -> Reply:
        """What an SDK gets that signs in by itself: the service's own token, with which it goes on calling us."""
        self._verify(trail, find_token(await presented(call)), vendor)
        self._counted("signed_in", vendor)
        return given(trail, self._now().timestamp())

    def _proven(self, course: Course) -> Basis:
        """That the caller's token is in force at this moment; every decision rests on it too."""
        self._tokens.demand_in_force(course.caller)
        return self._registry.basis(course.caller.token_id)

    def _situation(self, course: Course, decision: Decision) -> Situation:
        """What the forms of an answer have to know of its call."""
        matched, terms = course.matched, course.matched.terms
        if not matched.prepared.answers_ask:
            return NOWHERE
        return Situation(
            Way(course.call.origin, matched.prefix, matched.prepared.doors) if course.call.origin else None,
            known_in(terms.sending, course.incoming) if matched.prepared.scrubs_answers else (),
            Lookup(self._ledger, terms.vendor.vendor, decision.people),
        )

    def _digests(self, terms: Terms, numbers: Sequence[str]) -> tuple[bytes, ...]:
        return tuple({self._ledger.digest(terms.vendor.vendor, number) for number in numbers})

    def _disclosure(self, course: Course) -> Disclosure:
        """A new disclosure, or the one that a call of the same service with the same idempotency key began."""
        terms = course.matched.terms
        if (key := _key(terms, course.incoming)) is None:
            return Disclosure(self._new_id())
        digest = self._ledger.digest(terms.name, f"{course.caller.service} {key}")
        disclosure = self._repeats.setdefault(digest, Disclosure(self._new_id()))
        self._repeats.move_to_end(digest)
        if len(self._repeats) > REPEATS:
            self._repeats.popitem(last=False)
        return disclosure


async def _written(course: Course, decision: Decision, outgoing: Minimised) -> Sending:
    """The request that leaves, proved. One whose body is not in memory is proved where nobody else waits for it."""
    call = course.call
    write = partial(assemble.write, call, course.matched, decision.incoming, outgoing, course.media)
    return await asyncio.to_thread(write) if call.long is not None and call.long.is_away else write()


def _owed(decision: Decision) -> tuple[str, ...]:
    """Who is to be told that others have their data, where nobody has written that down yet."""
    if NOTICE_DUE not in decision.clearance.warnings:
        return ()
    items = [item for item in decision.items if item.facts.untold == "new" and NOTICE_DUE in item.clearance.warnings]
    return tuple(dict.fromkeys(item.facts.people[SubjectRole.CONSIGNEE].ref for item in items))


def _key(terms: Terms, incoming: Mapping[str, Document]) -> str | None:
    """The idempotency key of a call, where its contract names one and the call has it."""
    if (place := terms.retry_key) is None:
        return None
    return next((str(key) for key in values_at(incoming[place.kind], place.path) if key), None)


def _tries(terms: Terms, incoming: Mapping[str, Document]) -> int:
    """How often the gateway itself tries: without a key that the vendor knows a repeat by, once."""
    retry = terms.operation.retry
    return retry.attempts if retry and _key(terms, incoming) is not None else 1


def _refused(refusal: Refusal, trail: Trail, vendor: Vendor | None) -> Reply:
    """What a refused call gets; a later attempt may be refused although an earlier one may have arrived."""
    terms = trail.matched.terms if trail.matched else None
    if terms is not None and refusal.code == "body.empty" and terms.sending.when_empty == "accept":
        return accepted(terms, refusal)
    return refused(refusal, vendor, sent=trail.sent)


def _reply(terms: Terms, disclosure: Disclosure, made: Attempt) -> Reply:
    if made.back is not None:
        return answered(made.back, disclosure.id, made.withheld)
    mark = {"not_sent": "no", "sent": "yes"}.get(made.sent.result, "possibly")
    failure = refuse(made.sent.code, terms.vendor.vendor)
    return refused(failure, terms.vendor, sent=mark, disclosure=disclosure.id, withheld=made.withheld)


def _body_texts(terms: Terms, incoming: dict[str, Document]) -> list[str]:
    places = [place for place in terms.tokens if place.kind == "body"]
    return [text for place in places for text in values_at(incoming["body"], place.path) if isinstance(text, str)]
