"""Consent given, withdrawn and asked about; a withdrawal tells what stops with it, and what goes on, on which basis."""

import asyncio
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal

from gateway.clearance import published
from gateway.contract.load import ContractSet
from gateway.errors import refuse
from gateway.identity import Caller
from gateway.intake import Intake
from gateway.ledger.ledger import Ledger
from gateway.naming import UnknownName, is_known, meant
from gateway.registry import lookups
from gateway.registry import requests as rows
from gateway.registry.claims import Claims
from gateway.registry.entered import ConsentRow, FlagRow
from gateway.registry.facts import Consent, Papers
from gateway.registry.registry import Registry
from gateway.registry.stored import Decided, RequestRow, StoredRow, TellingRow
from gateway.rights.acting import Acting, acting, noted
from gateway.rights.asked import (
    Answered,
    Consents,
    ConsentTold,
    Effect,
    Give,
    Personal,
    Requester,
    UseTold,
    Withdraw,
)
from gateway.rights.labels import labelled
from gateway.rights.requests import MONTHS, REQUESTS, months_after
from gateway.rights.uses import Somebody, Use, is_to_renew, uses
from gateway.vocabulary import (
    ConsentState,
    ExpressedBy,
    Flag,
    Level,
    RequestStatus,
    Right,
    Ruling,
    SubjectRole,
)
from gateway.vocabulary.labels import BASIS_LABELS, CATEGORY_LABELS, PURPOSE_LABELS
from gateway.vocabulary.notices import Cause

Stops = Literal["ask", "continue", "stop"]
_EXPRESSED = {
    Requester.SELF: ExpressedBy.SUBJECT,
    Requester.GUARDIAN: ExpressedBy.GUARDIAN,
    Requester.REPRESENTATIVE: ExpressedBy.REPRESENTATIVE,
}


class ConsentDesk:
    """Where people say yes and no. `stops` is what becomes of orders under way when somebody withdraws everything."""

    def __init__(
        self,
        intake: Intake,
        registry: Registry,
        ledger: Ledger,
        contracts: Callable[[], ContractSet],
        *,
        levels: Mapping[str, Level],
        now: Callable[[], datetime],
        stops: Stops,
    ) -> None:
        self._intake = intake
        self._registry = registry
        self._ledger = ledger
        self._contracts = contracts
        self._levels = levels
        self._now = now
        self._stops = stops
        # What a withdrawal ends is what was in force a moment before.
        self._withdrawing = asyncio.Lock()
        # Of two answers at once, on whichever nodes, one counts.
        self._claims = Claims(registry)

    async def of(self, caller: Caller, asked: Personal) -> Consents:
        """What a person said, the newest first, under all of their references. Raises Refusal and Unasked."""
        who = acting(caller, asked)
        person = await self._somebody(who.subject)
        await self._ledger.record(who.access("consents", len(person.consents)), who.beside)
        return Consents(consents=tuple(self._told(person.consents, person, await self._registry.papers())))

    async def give(self, caller: Caller, asked: Give) -> Consents:
        """A yes to one purpose, in force when it is answered. Raises Refusal, Unasked and UnknownName."""
        who = acting(caller, asked)
        requester = who.on_behalf.requester if who.on_behalf else Requester.SELF
        if requester not in _EXPRESSED:
            raise refuse("request.ruling", "nobody consents for somebody who has died")
        await self._demand_known(asked.vendor)
        await noted(self._ledger, who, "consent:given")
        stated = asked.model_dump(exclude={"on_behalf"})
        row = ConsentRow(
            kind="consent", source=who.by, subject=who.subject, state=ConsentState.GIVEN,
            expressed_by=_EXPRESSED[requester], **stated,
        )  # fmt: skip
        await self._intake.put([row], by=who.by)
        person = await self._somebody(who.subject)
        return Consents(consents=tuple(self._told(person.consents, person, await self._registry.papers())))

    async def withdraw(self, caller: Caller, asked: Withdraw) -> Effect:
        """A no, in force when it is answered: no call that was decided before it leaves after that.

        What rests on another basis goes on, and the answer says on which. Whoever withdraws everything also stops what
        orders under way rest on, as the settings say. Raises Refusal, Unasked and UnknownName.
        """
        who = acting(caller, asked)
        await self._demand_known(asked.vendor)
        await noted(self._ledger, who, "consent:withdrawn")
        async with self._withdrawing:
            before, now = await self._somebody(who.subject), self._now()
            ended = list(_ended(before.consents, asked, now))
            said = await self._said(await self._registry.same_person(who.subject))
            noes = list(_noes(who, asked, {ref: list(_ended(answers, asked, now)) for ref, answers in said.items()}))
            facts: list[StoredRow] = [*noes, *self._tellings(noes)]
            if asked.everything and self._stops != "continue":
                facts += [_flagged(who, who.subject), *await self._asking(who)]
            await self._intake.put(facts, by=who.by)
            after = await self._somebody(who.subject)
        return self._effect(before, after, ended, asked, await self._registry.papers())

    async def answer(self, caller: Caller, request: str, asked: Answered) -> Effect:
        """What the person wants of orders under way, after they withdrew everything. Raises Refusal and Unasked."""
        who = acting(caller, asked)
        async with self._withdrawing, self._claims.alone(REQUESTS):
            row, refs = await self._registry.read(rows.request, request), await self._registry.same_person(who.subject)
            if row is None or row.subject not in refs:
                raise refuse("subject.unknown")
            if row.status is not RequestStatus.REQUIRES_ACTION:
                raise refuse("request.closed")
            await noted(self._ledger, who, f"orders:{asked.orders}")
            before = await self._somebody(who.subject)
            ruling = Decided(category=None, ruling=Ruling.STOP if asked.orders == "stop" else Ruling.CONTINUE)
            decided = {"status": RequestStatus.FULFILLED, "decisions": (ruling,), "decided": self._now()}
            facts: list[StoredRow] = [row.model_copy(update=decided | {"decided_by": who.by})]
            if asked.orders == "continue":
                marked = await self._registry.read(rows.flagged, (refs, Flag.WINDING_UP))
                facts += [_flagged(who, ref, lifted=True) for ref in sorted(marked)]
            await self._intake.put(facts, by=who.by)
            after = await self._somebody(who.subject)
        return self._effect(before, after, [], None, await self._registry.papers())

    async def _demand_known(self, vendor: str | None) -> None:
        """With a slip of the pen in it an answer would be about nobody, and the person would not know."""
        vendors = self._contracts().vendors
        if vendor is not None and not await is_known(vendor, vendors, self._registry):
            raise UnknownName(f"vendor: nobody here has this name{meant(vendor, vendors)}")

    def _tellings(self, noes: Sequence[ConsentRow]) -> Iterator[TellingRow]:
        """Vendors that received something on a consent are told that it is withdrawn (CJEU C-129/21)."""
        for each in noes:
            yield TellingRow(
                id=self._ledger.new_id(), source=each.source, cause=Cause.WITHDRAWAL, subject=each.subject,
                purpose=each.purpose, vendor=each.vendor,
            )  # fmt: skip

    async def _asking(self, who: Acting) -> Sequence[RequestRow]:
        """What the person is to answer: once, however often they withdraw everything before they do."""
        asked = await self._registry.read(rows.requests_of, await self._registry.same_person(who.subject))
        if self._stops != "ask" or any(each.status is RequestStatus.REQUIRES_ACTION for each in asked):
            return ()
        now = self._now()
        request = RequestRow(
            request=uuid.uuid4().hex, source=who.by, subject=who.subject, right=Right.WITHDRAW_CONSENT,
            status=RequestStatus.REQUIRES_ACTION, received=now, due=months_after(now, MONTHS), by=who.by,
        )  # fmt: skip
        return (request,)

    async def _somebody(self, ref: str) -> Somebody:
        """Everything that is known of a person, under all of their references."""
        refs = list(await self._registry.same_person(ref))
        known = [await self._registry.read(lookups.known_of, each) for each in refs]
        roles = [await self._registry.read(lookups.roles_of, each) for each in refs]
        said = [answer for answers in (await self._said(refs)).values() for answer in answers]
        places = {each.jurisdiction for each in known} - {"unknown"}
        return Somebody(
            ref,
            places.pop() if len(places) == 1 else "unknown",
            frozenset().union(*roles) or frozenset(SubjectRole),
            tuple(sorted(said, key=lambda each: (each.given or self._now(), each.number), reverse=True)),
            tuple(dict.fromkeys(mark for each in known for mark in each.marks)),
        )

    async def _said(self, refs: Iterable[str]) -> Mapping[str, Sequence[Consent]]:
        """Reference → what was said under it, the newest first."""
        return {ref: await self._registry.read(lookups.consents_of, ref) for ref in refs}

    def _effect(
        self, before: Somebody, after: Somebody, ended: Sequence[Consent], asked: Withdraw | None, papers: Papers
    ) -> Effect:
        contracts, now = self._contracts(), self._now()
        was, is_ = (uses(contracts, each, now, self._levels, papers) for each in (before, after))
        is_held = any(mark.flag is Flag.WINDING_UP for mark in after.marks)
        return Effect(
            effective=now,
            ended=tuple(
                each.model_copy(update={"in_force": False, "renew": False})
                for each in self._told(ended, before, papers)
            ),
            stops=tuple(_shown(contracts, was - is_)),
            goes_on=tuple(_shown(contracts, is_)),
            orders=("asked" if self._stops == "ask" and asked else "stopped") if is_held else "go_on",
        )

    def _told(self, answers: Iterable[Consent], person: Somebody, papers: Papers) -> Iterator[ConsentTold]:
        newest: set[tuple[str, str | None]] = set()
        is_minor = any(mark.flag is Flag.MINOR for mark in person.marks)
        contracts, now = self._contracts(), self._now()
        versions = published(contracts.policy, now, papers.versions)
        for each in answers:
            key = each.purpose.value, each.vendor
            # Of somebody too young a yes counts that a guardian gave.
            in_force = key not in newest and each.is_valid(now) and (each.by_guardian or not is_minor)
            yield ConsentTold(
                record=each.record,
                purpose=each.purpose,
                vendor=each.vendor,
                state=each.state,
                explicit=each.explicit,
                separate=each.separate,
                written=each.written,
                given=each.given,
                expires=each.expires,
                in_force=in_force,
                renew=in_force and is_to_renew(contracts, versions, each),
            )
            newest.add(key)


def _flagged(who: Acting, ref: str, *, lifted: bool = False) -> FlagRow:
    return FlagRow(kind="flag", source=who.by, subject=ref, flag=Flag.WINDING_UP, lifted=lifted)


def _ended(answers: Sequence[Consent], asked: Withdraw, now: datetime) -> Iterator[Consent]:
    """What was in force of what is withdrawn: of each purpose and vendor only the newest answer counts."""
    seen: set[tuple[str, str | None]] = set()
    for each in answers:
        key = each.purpose.value, each.vendor
        if key not in seen and each.is_valid(now) and _is_meant(each, asked):
            yield each
        seen.add(key)


def _is_meant(consent: Consent, asked: Withdraw) -> bool:
    if asked.everything:
        return True
    is_purpose = asked.purpose in (None, consent.purpose)
    return is_purpose and (asked.vendor is None or consent.vendor in (None, asked.vendor))


def _noes(who: Acting, asked: Withdraw, ended: Mapping[str, Sequence[Consent]]) -> Iterator[ConsentRow]:
    """A no for each yes under the reference under which it was said, so that it ends also where that is linked to no
    other any more; and for what was named although nobody had said yes to it.
    """
    said = {(ref, each.purpose, asked.vendor or each.vendor) for ref, answers in ended.items() for each in answers}
    if asked.purpose is not None and not said:
        said.add((who.subject, asked.purpose, asked.vendor))
    for ref, purpose, vendor in sorted(said, key=lambda each: (each[0], each[1], each[2] or "")):
        yield ConsentRow(
            kind="consent", source=who.by, subject=ref, purpose=purpose, vendor=vendor,
            state=ConsentState.WITHDRAWN,
        )  # fmt: skip


def _shown(contracts: ContractSet, found: Iterable[Use]) -> Iterator[UseTold]:
    for use in sorted(found):
        yield UseTold(
            vendor=use.vendor,
            recipient=contracts.vendors[use.vendor].legal_entity.name,
            operation=use.operation,
            as_=use.role,
            purpose=labelled(use.purpose, PURPOSE_LABELS),
            basis=labelled(use.basis, BASIS_LABELS),
            categories=tuple(labelled(each, CATEGORY_LABELS) for each in use.categories),
        )
