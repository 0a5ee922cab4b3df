"""What may go of a call, and what is left of it: people looked up, every item cleared, and minimised."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Protocol

from gateway.batch import Decision, Documents, Item, at_hand, check_people, together, views, whole
from gateway.body.lines import Lines
from gateway.clearance import Question, clear, waivers_for
from gateway.contract.terms import Terms
from gateway.errors import Refusal
from gateway.forms.forms import NOWHERE, Situation
from gateway.forms.tokens import Kept, Lookup
from gateway.ledger.entry import Subject
from gateway.minimise import Alone, Minimised, minimise
from gateway.record import Course
from gateway.registry.facts import Facts, Mention
from gateway.subjects import check_stated, mentioned, order_of
from gateway.vocabulary import Level, SubjectRole


class People(Protocol):
    """Where it is known whom a call is about."""

    async def about(
        self, mentions: Sequence[Mention], *, consents: bool, order: str | None, consents_in: Collection[str]
    ) -> Facts: ...


class Remembered(Kept, Protocol):
    """Where it is known who stood behind a number that an earlier answer brought."""

    def digest(self, vendor: str, value: str) -> bytes: ...
    async def earlier(self, digest: bytes) -> Sequence[Subject] | None: ...


class Deciding:
    """Decides on what holds at this moment, every time anew. Nothing is kept from one call to the next."""

    def __init__(
        self,
        people: People,
        ledger: Remembered,
        *,
        levels: Mapping[str, Level],
        cn_separate: bool,
        now: Callable[[], datetime],
    ) -> None:
        self._people = people
        self._ledger = ledger
        self._levels = levels
        self._cn_separate = cn_separate
        self._now = now

    async def decision(self, course: Course) -> Decision:
        """What may go of a call; of a batch, item by item. Raises Refusal."""
        terms, batch = course.matched.terms, course.matched.terms.sending.batch
        items = list(views(course.incoming, batch)) if batch else []
        known: list[Facts | Refusal] = []
        people: set[str] = set()
        passed: dict[str, None] = {}
        for item in items or [course.incoming]:
            known.append(facts := await self._known(course, item))
            people |= facts.everybody if isinstance(facts, Facts) else frozenset()
            # At once: one call must not have everybody looked up.
            waivers = waivers_for(terms, facts.papers, self._now()) if isinstance(facts, Facts) else ()
            passed |= dict.fromkeys(check_people(terms, people, waivers))
        if (stated := course.call.header("gateway-subject")) is not None:
            references = (each.references for each in known if isinstance(each, Facts))
            check_stated(stated, frozenset().union(*references), terms)
        if not batch or not items:
            return whole(self._cleared(course, course.incoming, known[0])).naming(tuple(passed))
        decided = [await self._decided(course, *each) for each in zip(items, known, strict=True)]
        return together(decided, course.incoming, batch).naming(tuple(passed))

    async def left(self, course: Course, decision: Decision) -> Minimised:
        """What leaves, with what the decision kept here. Lines that are not in memory are minimised on a thread, where
        nobody else waits for it. Raises Refusal `field.*`.
        """
        if isinstance(course.incoming["body"], Lines):
            return decision.completed(await asyncio.to_thread(self._minimised, course, decision))
        return decision.completed(self._minimised(course, decision))

    async def _known(self, course: Course, documents: Documents) -> Facts | Refusal:
        try:
            return await self._facts(course, documents)
        except Refusal as refusal:
            return _alone(course, refusal)

    async def _facts(self, course: Course, incoming: Documents) -> Facts:
        terms, stated = course.matched.terms, course.call.header("gateway-subject")
        prepared, order = course.matched.prepared, order_of(terms, incoming)
        mentions = await mentioned(terms, incoming, order, stated, lambda number: self._earlier(terms, number))
        asked, asked_in = prepared.needs_consents, prepared.consents_in
        return await self._people.about(mentions, consents=asked, order=order, consents_in=asked_in)

    async def _earlier(self, terms: Terms, number: str) -> Sequence[Subject] | None:
        return await self._ledger.earlier(self._ledger.digest(terms.vendor.vendor, number))

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
            self._levels,
            cn_separate=self._cn_separate,
            signal=course.call.opts_out,
        )

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


def _alone(course: Course, refusal: Refusal) -> Refusal:
    """The refusal of an item that stays alone; raises it where it is that of the call, and where the fault is ours."""
    if not course.drops or refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise refusal
    return refusal
