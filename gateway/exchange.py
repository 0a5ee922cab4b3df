"""The path of one call: every promise is one line, in order."""

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Protocol

from gateway import assemble
from gateway.assemble import Call, Matched
from gateway.batch import Decision, Documents, Item, at_hand, check_people, together, views, whole
from gateway.body.document import Document
from gateway.body.lines import Lines
from gateway.caps import CODE, Caps
from gateway.clearance import NOTICE_DUE, Question, clear, waivers_for
from gateway.contract.model import Vendor
from gateway.contract.terms import Terms
from gateway.errors import Refusal, refuse
from gateway.failpoints import failpoint
from gateway.forms import NOWHERE, Situation
from gateway.frozen import Frozen, changed
from gateway.identity import Tokens, find_token, token_in
from gateway.inforce import InForce
from gateway.known import known_in
from gateway.ledger.entry import Event, Intent, Subject
from gateway.ledger.entry import Outcome as Settled
from gateway.ledger.scribe import LIMITED, REPEATED, UNWRITTEN, Ticket
from gateway.ledger.store import Cap
from gateway.ledger.tallies import Tally
from gateway.minimise import Alone, Minimised, minimise
from gateway.outbound.send import STALE, Answer, Outcome, Sending, Vendors
from gateway.paths import values_at
from gateway.pieces import Payload
from gateway.record import Course, Disclosure, Recorder, Trail, outcome_of
from gateway.registry.basis import Basis
from gateway.registry.facts import Facts
from gateway.registry.registry import Mention
from gateway.relinks import Way
from gateway.reply import Reply, Returned, accepted, answered, is_authentic, refused, returned, sealed
from gateway.signin import Accesses, given, presented
from gateway.signing.signer import Moment
from gateway.subjects import check_stated, mentioned, order_of
from gateway.tallies import Tallies
from gateway.tokens import Lookup
from gateway.vocabulary import Level, SubjectRole

REPEATS = 10_000
_DECISIONS = 5


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


class Book(Protocol):
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
    def digest(self, vendor: str, value: str) -> bytes: ...
    def new_id(self) -> str: ...
    def tokenise(self, subject: str, scope: str, value: str) -> str: ...
    def behind(self, scope: str, token: str) -> str | None: ...
    async def earlier(self, digest: bytes) -> Sequence[Subject] | None: ...


class Register(Protocol):
    """Where it is known whom a call is about."""

    async def about(
        self, mentions: Sequence[Mention], *, consents: bool, order: str | None, consents_in: Collection[str]
    ) -> Facts: ...
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
        prepared, terms, policy = course.matched.prepared, course.matched.terms, course.contracts.contracts.policy
        for _ in range(_DECISIONS):
            proven = self._proven(course)
            decision = await self._decision(course)
            # Once it is decided that something may go; nobody's data goes with it.
            way = course if prepared.client is None else await self._signed_in(course)
            basis = proven.beside(item.facts.basis for item in decision.items)
            outgoing = decision.completed(await self._left(course, decision))
            sending = await _written(way, decision, outgoing)
            sending = assemble.sign(way.matched, sending, self._moment)
            now = self._now()
            waivers = [each.id for each in waivers_for(terms, decision.items[0].facts, now) if CODE in each.codes]
            clearance = self._caps.noted(terms, decision.clearance, now, waivers)
            clearance = self._tallies.noted(terms, policy, clearance, now)
            cap = self._caps.of(terms, now, waivers)
            intent, subjects = self._recorder.intent(course, clearance, outgoing, disclosure)
            tallies = self._tallies.of(terms, policy, clearance, outgoing, subjects, disclosure.id, now)
            if owed := _owed(decision):
                # Who is to be told of it is on record before it leaves; that changed what is known of them.
                await self._owe(owed)
                continue
            disclosure.attempts += 1
            # Before sending: what cannot be written down does not leave.
            within = self._limits.intent
            ticket = await self._ledger.intend(
                intent, subjects, sending.body, within=within, basis=basis, cap=cap, tallies=tallies
            )
            if ticket is LIMITED:
                self._caps.passed(terms, now, waivers)
                continue
            if ticket is REPEATED:
                self._tallies.passed(terms, policy, clearance, now)
                continue
            if ticket is not UNWRITTEN:
                began = time.monotonic()
                holds = partial(self._may_leave, basis, ticket)
                sent = await self._vendors.send(prepared.host, sending, limit=self._limits.answer, holds=holds)
                if sent is not STALE:
                    break
                self._ledger.settle(ticket, Settled("not_sent"))
            # Something that the decision rested on was withdrawn before it was written down, or right after that.
            await self._registry.follow()
        else:
            raise refuse("gateway.overloaded", "the facts of this call keep changing")
        failpoint("after-response")
        self._look(terms.vendor.vendor, sending, sent.answer)
        if prepared.client is not None and sent.answer is not None and sent.answer.status == HTTPStatus.UNAUTHORIZED:
            self._accesses.refused(prepared)
        sent, back = self._returned(way.matched, sent, self._situation(course, decision))
        left = back.minimised if back else None
        outcome = outcome_of(sent, sending.body, time.monotonic() - began, terms, left)
        self._ledger.settle(ticket, outcome, self._digests(terms, left.retained if left else ()))
        self._counted(sent.code or "sent", terms.vendor.vendor)
        self._unnamed(terms.vendor.vendor, back.unnamed if back else {})
        if sent.result == "possibly":
            course.trail.sent = "possibly"
        return Attempt(sent, back, outgoing.staying)

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
        if trail.caller is not None:
            return
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

    async def _decision(self, course: Course) -> Decision:
        """What may go of a call; of a batch, item by item."""
        terms, batch = course.matched.terms, course.matched.terms.sending.batch
        items = list(views(course.incoming, batch)) if batch else []
        known: list[Facts | Refusal] = []
        people: set[str] = set()
        passed: dict[str, None] = {}
        for item in items or [course.incoming]:
            known.append(facts := await self._known(course, item))
            people |= facts.everybody if isinstance(facts, Facts) else frozenset()
            # At once: one call must not have everybody looked up.
            waivers = waivers_for(terms, facts, self._now()) if isinstance(facts, Facts) else ()
            passed |= dict.fromkeys(check_people(terms, people, waivers))
        if (stated := course.call.header("gateway-subject")) is not None:
            references = (each.references for each in known if isinstance(each, Facts))
            check_stated(stated, frozenset().union(*references), terms)
        if not batch or not items:
            return whole(self._cleared(course, course.incoming, known[0])).naming(tuple(passed))
        decided = [await self._decided(course, *each) for each in zip(items, known, strict=True)]
        return together(decided, course.incoming, batch).naming(tuple(passed))

    async def _known(self, course: Course, documents: Documents) -> Facts | Refusal:
        try:
            return await self._facts(course, documents)
        except Refusal as refusal:
            return _alone(course, refusal)

    async def _decided(self, course: Course, documents: Documents, facts: Facts | Refusal) -> Item | Refusal:
        """Whether an item may go, where its contract lets those go that may: with all that must be in it."""
        # Between two of them other calls have their turn.
        await asyncio.sleep(0)
        try:
            item = self._cleared(course, documents, facts)
            if course.drops:
                self._minimised(course, whole(at_hand(item)))
        except Refusal as refusal:
            return _alone(course, refusal)
        return item

    def _cleared(self, course: Course, documents: Documents, facts: Facts | Refusal) -> Item:
        if isinstance(facts, Refusal):
            raise facts
        return Item(documents, facts, clear(self._question(course, facts)))

    async def _left(self, course: Course, decision: Decision) -> Minimised:
        """What leaves. Lines that are not in memory are minimised where nobody else waits for it."""
        if isinstance(course.incoming["body"], Lines):
            return await asyncio.to_thread(self._minimised, course, decision)
        return self._minimised(course, decision)

    def _minimised(self, course: Course, decision: Decision) -> Minimised:
        sending, vendor = course.matched.prepared.sending, course.matched.terms.vendor.vendor
        sealed = course.trail.sealed.again()

        def situation(people: Mapping[SubjectRole, str]) -> Situation:
            if not sending.in_calls:
                return NOWHERE
            return Situation(lookup=Lookup(self._ledger, vendor, people), sealed=sealed)

        items = decision.items if sending.items else ()
        return minimise(
            sending,
            decision.incoming,
            decision.clearance.grants,
            secrets=[course.trail.token],
            situation=situation(decision.people),
            items=[Alone(item.documents, item.clearance.grants, situation(item.people)) for item in items],
            keep=course.call.long.keep if course.call.long is not None else b"".join,
        )

    async def _facts(self, course: Course, incoming: Documents) -> Facts:
        terms, stated = course.matched.terms, course.call.header("gateway-subject")
        prepared, order = course.matched.prepared, order_of(terms, incoming)
        mentions = await mentioned(terms, incoming, order, stated, lambda number: self._earlier(terms, number))
        asked, asked_in = prepared.needs_consents, prepared.consents_in
        return await self._registry.about(mentions, consents=asked, order=order, consents_in=asked_in)

    async def _earlier(self, terms: Terms, number: str) -> Sequence[Subject] | None:
        return await self._ledger.earlier(self._ledger.digest(terms.vendor.vendor, number))

    def _question(self, course: Course, facts: Facts) -> Question:
        caller, terms, now = course.caller, course.matched.terms, self._now()
        standing = course.contracts.standing(terms, caller.entity, now, facts.papers)
        policy = course.contracts.contracts.policy
        return Question(
            terms,
            facts,
            policy,
            caller.entity,
            caller.service,
            now,
            standing,
            self._limits.levels,
            cn_separate=self._limits.cn_separate,
            signal=course.call.opts_out,
        )

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


def _alone(course: Course, refusal: Refusal) -> Refusal:
    """The refusal of an item that stays alone; raises it where it is that of the call, and where the fault is ours."""
    if not course.drops or refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise refusal
    return refusal


def _key(terms: Terms, incoming: Mapping[str, Document]) -> str | None:
    """The idempotency key of a call, where its contract names one and the call has it."""
    place = terms.retry_key
    keys = values_at(incoming[place.kind], place.path) if place else iter(())
    return next((str(key) for key in keys if key), None)


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
