"""Carries cases outside contracts out: every step is an entry, and what leaves is an intent as of every call."""

import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gateway.clearance import version_in_force
from gateway.contract.load import ContractSet
from gateway.contract.model import Entity
from gateway.due import Due
from gateway.errors import Failure, GatewayError, Refusal, refuse
from gateway.exceptional.asked import (
    DEEDS,
    REQUEST,
    AnyRequest,
    Approval,
    Deed,
    Emergency,
    Named,
    Preservation,
    Sending,
)
from gateway.exceptional.case import TELLING, Case, Taken, hindrances, overdue
from gateway.exceptional.checks import Circumstances, failures
from gateway.exceptional.cut import Cut, cut, section_of, told
from gateway.exceptional.handover import Cover, Handed, handed, key_of
from gateway.exceptional.intent import intent_of
from gateway.exceptional.said import Said, of_request, of_step
from gateway.exceptional.secrecy import opened, sealed
from gateway.identity import Caller, Environment
from gateway.intake import Intake
from gateway.ledger.entry import Outcome, Subject
from gateway.ledger.housekeeping import Access
from gateway.ledger.ledger import Ledger
from gateway.ledger.refused import Refused
from gateway.ledger.scribe import UNWRITTEN, Ticket
from gateway.registry import cases
from gateway.registry.claims import Claims
from gateway.registry.entered import PersonRow
from gateway.registry.facts import Mention, Person
from gateway.registry.registry import Registry
from gateway.registry.stored import CaseRow
from gateway.vocabulary import SCENARIO_PURPOSES, Flag, Role, Scenario
from gateway.vocabulary.exceptional import Handover

log = logging.getLogger(__name__)

GATEWAY = "gateway"
_HOLD = "preservation-order"


class UnknownCase(GatewayError):
    """There is no such case."""


@dataclass(frozen=True, slots=True)
class Rules:
    """`delays`: whether telling a person may wait for an investigation of the shop's own; `within` seconds an intent
    is durable.
    """

    environment: Environment
    delays: bool
    within: float


class Office:
    """One deed a method. `by` is who does it, as their token proves."""

    def __init__(
        self,
        registry: Registry,
        ledger: Ledger,
        intake: Intake,
        *,
        hold: Callable[..., Awaitable[object]],
        contracts: Callable[[], ContractSet],
        rules: Rules,
        now: Callable[[], datetime],
    ) -> None:
        self._registry = registry
        self._ledger = ledger
        self._intake = intake
        self._hold = hold
        self._contracts = contracts
        self._rules = rules
        self._now = now
        self._key = ledger.named("exceptional")
        # Nobody takes a step on what a case was before somebody else's.
        self._claims = Claims(registry)

    async def request(self, given: object, by: Caller) -> dict[str, Any]:
        """Opens a case, and tells its id. Raises ValidationError, and Refusal with everything that is missing."""
        asked, now = REQUEST.validate_python(given), self._now()
        # The company that is asked discloses, whoever sends it in the end.
        asked = asked.model_copy(update={"entity": asked.entity or by.entity})
        async with self._claims.alone("case"):
            around = await self._around(asked, asked.subjects, self._entity(asked, by), now)
            people, found = around.people, failures(asked, around)
            if isinstance(asked, Emergency) and overdue(await self._all(Scenario.EMERGENCY), by.service, now):
                found.insert(0, Failure("exceptional.review_overdue", "one that you sent is not reviewed yet"))
            await self._demand_none(found, by)
            case = Case(
                self._ledger.new_id(), asked, tuple(map(_row, people)), around.home, self._suppressed(asked), ()
            )
            case = await self._put(case, "request", by.service, None, said=of_request(case), first=True)
            if isinstance(asked, Emergency) and asked.told:
                spoken = told(asked.fields, [person.role for person in people])
                case, _ = await self._disclosed(case, spoken, Handover.ORAL, by)
        return self._shown(case)

    async def take(self, case_id: str, step: str, given: object, by: Caller) -> dict[str, Any]:
        """Takes a step in a case that hands nothing over. Raises UnknownCase, ValidationError and Refusal."""
        deed = DEEDS[step].model_validate(given)
        async with self._claims.alone("case"):
            case = await self._case(case_id)
            await self._demand_none(hindrances(case, step, deed, by=by.service, role=by.role, now=self._now()), by)
            if isinstance(deed, Preservation):
                for person in case.people:
                    until = deed.until.isoformat()
                    await self._hold({"subject": person.subject, "reason": _HOLD, "until": until}, by=by.service)
            case = await self._put(case, step, by.service, deed, said=of_step(deed, case))
        return self._shown(case)

    async def send(self, case_id: str, given: object, by: Caller) -> tuple[dict[str, Any], Handed]:
        """Cuts the document, writes down what is about to leave, and hands it over; the document is kept nowhere.

        Raises UnknownCase, ValidationError, UnfitKey and Refusal; then nothing was handed over.
        """
        deed = Sending.model_validate(given)
        async with self._claims.alone("case"):
            case, now = await self._case(case_id), self._now()
            around = await self._around(case.asked, case.people, self._entity(case.asked, by), now)
            found = hindrances(case, "send", deed, by=by.service, role=by.role, now=now)
            await self._demand_none([*found, *failures(case.asked, around)], by)
            key = key_of(deed.handover, deed.key)
            roles = tuple(dict.fromkeys(person.role for person in around.people))
            purpose = SCENARIO_PURPOSES[case.asked.scenario]
            section = section_of(_approved(case), deed.media, roles, purpose)
            # A document may call them by any of the references that are linked.
            named = {ref for person in around.people for ref in await self._registry.same_person(person.ref)}
            what = cut(
                deed.document, deed.media, section,
                whose=case.asked.whose, named=named, key=key.id if key else "",
            )  # fmt: skip
            recipient = case.asked.recipient
            cover = Cover(case.id, self._entity(case.asked, by).name, recipient.name if recipient else "", now)
            given_out = handed(deed.handover, what, cover, key, os.urandom)
            case, disclosure = await self._disclosed(case, what, deed.handover, by)
        told_ = self._shown(case) | {"disclosure": disclosure, "fields": what.left, "withheld": what.stayed}
        return told_, given_out

    async def register(self, by: Caller) -> list[dict[str, Any]]:
        """Every case, the newest first, without what was written about it. That somebody looked is an entry."""
        found = sorted(await self._all(), key=lambda case: case.requested.at, reverse=True)
        await self._ledger.record(Access(by.service, "cases", (), len(found)))
        return [self._shown(case) for case in found]

    async def look(self, case_id: str, by: Caller) -> dict[str, Any]:
        """All of a case, for those who decide about it. That somebody looked is an entry. Raises UnknownCase."""
        case = await self._case(case_id)
        await self._ledger.record(Access(by.service, "case", (("case", case.id),), 1))
        steps = [
            {"step": each.step, "by": each.by, "at": each.at.isoformat()}
            | (each.deed.model_dump(mode="json", exclude_none=True) if each.deed else {})
            for each in case.steps
        ]
        asked = case.asked.model_dump(mode="json", exclude_none=True, exclude={"subjects"})
        people = [each.model_dump(mode="json", exclude_none=True) for each in case.people]
        return self._shown(case) | {"asked": asked, "subjects": people, "steps": steps}

    async def escalate(self) -> None:
        """Puts on record, once, that the review of an emergency is overdue, and says so in the log."""
        async with self._claims.alone("case"):
            for case in await self._all(Scenario.EMERGENCY):
                if case.review_due and case.review_due < self._now() and not case.last("escalate"):
                    await self._put(case, "escalate", GATEWAY, None, said={"late_by": case.requested.by})
                    log.warning("the review of an emergency is overdue: case %s", case.id)

    async def due(self) -> list[Due]:
        """What has to be done in cases, and by when."""
        return [due for case in await self._all() for due in _due(case)]

    async def _disclosed(self, case: Case, what: Cut, how: Handover, by: Caller) -> tuple[Case, str]:
        """Puts on record that it leaves, first as an intent and then as a step; and from then on it has left."""
        disclosure, contracts = self._ledger.new_id(), self._contracts()
        version = version_in_force(contracts.policy, self._now(), (await self._registry.papers()).versions)
        intent = intent_of(
            case, what, how, by,
            disclosure=disclosure, environment=self._rules.environment, policy=version.version if version else "",
            entity=case.asked.entity or by.entity, now=self._now(), within=self._rules.within,
        )  # fmt: skip
        subjects = [Subject(each.subject, each.role.value, each.jurisdiction or "unknown") for each in case.people]
        ticket = await self._ledger.intend(
            intent, subjects, what.payload, within=self._rules.within, basis=self._registry.basis(by.token_id)
        )
        if ticket is UNWRITTEN:
            raise refuse("caller.unknown", "the token was revoked meanwhile")
        said: Said = {"handover": how.value, "disclosure": disclosure, "fields": what.left, "withheld": what.stayed}
        try:
            case = await self._put(case, "send", by.service, None, said=said)
        except BaseException:
            self._ledger.settle(ticket, Outcome("not_sent"))
            raise
        self._settle(ticket, what)
        return case, disclosure

    def _settle(self, ticket: Ticket, what: Cut) -> None:
        if not self._ledger.release(ticket):
            self._ledger.settle(ticket, Outcome("not_sent", "ledger.unavailable"))
            raise refuse("ledger.unavailable", "it took too long to write down what is about to leave")
        self._ledger.settle(ticket, Outcome("sent", bytes_sent=len(what.payload)))

    async def _put(self, case: Case, step: str, by: str, deed: Deed | None, *, said: Said, first: bool = False) -> Case:
        number = len(case.steps)
        kept = {"asked": case.asked.model_dump(mode="json"), "home": case.home} if first else _kept(deed)
        if first and case.suppressed_until:
            kept |= {"suppressed_until": case.suppressed_until.isoformat()}
        row = CaseRow(
            case=case.id, number=number, scenario=case.asked.scenario, step=step, by=by, source="office",
            sealed=sealed(self._key, f"{case.id}|{number}", kept), said=dict(said),
            people=case.people if first else (),
        )  # fmt: skip
        await self._intake.put([row], by=by)
        return await self._case(case.id)

    async def _case(self, case_id: str) -> Case:
        found = await self._registry.read(cases.steps, (case_id, None))
        if not found:
            raise UnknownCase("there is no case with this id; `gateway exceptional list` has them")
        return await self._read(found)

    async def _all(self, scenario: Scenario | None = None) -> list[Case]:
        by_case: dict[str, list[cases.Step]] = {}
        for step in await self._registry.read(cases.steps, (None, scenario)):
            by_case.setdefault(step.case, []).append(step)
        return [await self._read(found) for found in by_case.values()]

    async def _read(self, found: Sequence[cases.Step]) -> Case:
        first = opened(self._key, f"{found[0].case}|{found[0].number}", found[0].sealed)
        people = await self._registry.read(cases.people, found[0].case)
        until = first.get("suppressed_until")
        return Case(
            found[0].case,
            REQUEST.validate_python(first["asked"]),
            people,
            first["home"],
            datetime.fromisoformat(until) if until else None,
            tuple(self._taken(step) for step in found),
        )

    def _taken(self, step: cases.Step) -> Taken:
        model, kept = DEEDS.get(step.step), opened(self._key, f"{step.case}|{step.number}", step.sealed)
        deed = model.model_validate(kept) if model is not None and step.step != "send" else None
        return Taken(step.step, step.by, step.at, deed, step.entry)

    def _entity(self, asked: AnyRequest, by: Caller) -> Entity:
        entities = self._contracts().entities.entities
        if (name := asked.entity or by.entity) not in entities:
            raise refuse("exceptional.incomplete", "entity: there is no such company")
        return entities[name]

    async def _around(
        self, asked: AnyRequest, named: Sequence[Named | PersonRow], entity: Entity, now: datetime
    ) -> Circumstances:
        """What is known now of those whom it is about, and of the company that discloses."""
        people, objected = list[Person](), set[str]()
        for each in named:
            mention = Mention(each.role, ref=each.subject, jurisdiction=each.jurisdiction)
            facts = await self._registry.about([mention], consents=False, order=None)
            person = facts.people.get(each.role) or Person(each.subject, each.role, each.jurisdiction or "unknown")
            people.append(person)
            purpose = SCENARIO_PURPOSES[asked.scenario]
            if any(mark.flag is Flag.OBJECTED and mark.covers(purpose, "") for mark in facts.marks.get(person.ref, ())):
                objected.add(person.ref)
        markets = tuple(self._contracts().policy.markets)
        return Circumstances(tuple(people), entity.country, markets, now, objected, self._rules.delays)

    def _suppressed(self, asked: AnyRequest) -> datetime | None:
        """From when on the person may be told: the first moment after the day, where the policy says."""
        if asked.suppress is None:
            return None
        zone = ZoneInfo(self._contracts().policy.time_zone)
        return datetime.combine(asked.suppress.until + timedelta(days=1), time.min, zone).astimezone(UTC)

    async def _demand_none(self, found: Sequence[Failure], by: Caller) -> None:
        """Raises Refusal where there are any, which is an entry."""
        if found:
            refusal = Refusal(*found)
            codes = tuple(dict.fromkeys(failure.code for failure in found))
            refused = Refused(
                caller=by.service, code=refusal.code, codes=codes if len(codes) > 1 else (),
                environment=self._rules.environment, token=by.token_id,
            )  # fmt: skip
            await self._ledger.record(refused)
            raise refusal

    def _shown(self, case: Case) -> dict[str, Any]:
        asked = case.asked
        times = {
            "requested_at": case.requested.at,
            "window_ends": case.window_ends,
            "review_due": case.review_due,
            "suppressed_until": case.suppressed_until,
            "tell_from": case.tell_from,
        }
        return {
            "case": case.id,
            "scenario": asked.scenario.value,
            "state": case.state.value,
            "recipient": asked.recipient.kind.value if asked.recipient else "",
            "country": asked.recipient.country if asked.recipient else "",
            "abroad": case.is_abroad,
            "people": len(case.people),
            "requested_by": case.requested.by,
            "awaits": case.awaits,
        } | {name: moment.isoformat() for name, moment in times.items() if moment}


def _approved(case: Case) -> dict[str, Any]:
    approval = case.last("approve")
    deed = approval.deed if approval else None
    narrowed = deed.fields if isinstance(deed, Approval) else None
    return dict(case.asked.fields if narrowed is None else narrowed)


def _kept(deed: Deed | None) -> dict[str, Any]:
    return deed.model_dump(mode="json") if deed is not None else {}


def _row(person: Person) -> PersonRow:
    law = None if person.jurisdiction == "unknown" else person.jurisdiction
    return PersonRow(role=person.role, subject=person.ref, jurisdiction=law)


def _due(case: Case) -> list[Due]:
    found = []
    if case.review_due:
        role = Role.DPO if case.is_abroad or case.last("escalate") else Role.DECIDER
        found.append(Due("exceptional.review", case.id, case.review_due, role))
    if case.tell_from:
        found.append(Due("exceptional.tell", case.id, case.tell_from + TELLING, Role.STEWARD))
        if case.suppressed_until:
            found.append(Due("exceptional.suppression_ends", case.id, case.suppressed_until, Role.STEWARD))
    return found
