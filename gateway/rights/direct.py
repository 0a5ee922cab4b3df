"""Disclosures beside the gateway, by operations that are declared `channel: direct`: it is told of them, and records
them.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from gateway.clearance import NOTICE_DUE, Question, stand, usable, weighed, went
from gateway.clearance.bases import basis_for
from gateway.clearance.sale import sale
from gateway.contract.load import ContractSet
from gateway.contract.model import Policy
from gateway.contract.terms import Bases, Origin, Rule, Terms
from gateway.contract.words import Name
from gateway.errors import Failure, GatewayError
from gateway.frozen import changed
from gateway.ledger.entry import Disclosed, Ground, Intent, Manner, Outcome, Subject
from gateway.ledger.ledger import Ledger
from gateway.misfit import Asked, Misfit, Moment, misfits, place_of
from gateway.record import of_operation, stands_apart
from gateway.registry import lookups
from gateway.registry.claims import Claims
from gateway.registry.entered import Country, Ref
from gateway.registry.facts import Facts, Mention, Papers
from gateway.registry.registry import Registry
from gateway.rights.afterwards import Afterwards, Entered
from gateway.rights.consignees import Beside, Consignees
from gateway.tallies import told as counted
from gateway.vocabulary import FORMS_FOR_ANY, Category, Commercial, Level, SubjectRole

WITHIN = 10.0  # seconds for one to become durable
_SHOWN = 20  # of what is wrong in a file

Person: TypeAlias = tuple[str, str, str | None]
"""A reference, a role, and an order."""
Same: TypeAlias = tuple[str, str, str, int, frozenset[Person]]
"""What makes a disclosure the same as one that was told before."""


class NotDirect(GatewayError):
    """The operation is none that goes beside the gateway."""


class Somebody(Asked):
    """Whom a disclosure was about, in which role, and for which order."""

    subject: Ref
    role: SubjectRole
    jurisdiction: Country | None = None
    order: Ref | None = None


class Told(Asked):
    """A disclosure that happened. Without categories it was everything that the contract names; `afterwards` is one of
    many that are brought in long after, and `line` where it stands in a file, for whoever is to mend it there.
    """

    vendor: Name
    operation: Name
    people: tuple[Somebody, ...] = Field(min_length=1, max_length=100)
    happened: Moment
    entity: Name | None = None
    categories: tuple[Category, ...] = ()
    afterwards: bool = False
    line: int | None = Field(default=None, ge=1)


class Direct:
    """Takes disclosures in; `contracts` gives those in force."""

    def __init__(
        self,
        ledger: Ledger,
        registry: Registry,
        contracts: Callable[[], ContractSet],
        *,
        environment: str,
        consignees: Consignees,
        afterwards: Afterwards,
        levels: Mapping[str, Level],
        now: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._registry = registry
        self._environment = environment
        self._consignees = consignees
        self._afterwards = afterwards
        self._levels = levels
        self._now = now
        self.contracts = contracts
        # What is on record already is looked up a moment before.
        self._claims = Claims(registry)

    async def record(self, asked: Any, *, by: str) -> Sequence[dict[str, Any]]:
        """The id of the entry of each, durable when it returns, and whether it was there already.

        Told again, a disclosure is the same one: of the same people, by the same operation, at the same moment. Raises
        NotDirect and Refusal; of several, none is written where one is not what is asked for here.
        """
        told = _read(asked if isinstance(asked, list) else [asked])
        # Once for all: where no gateway runs they are read from files each time.
        contracts = self.contracts()
        if unfit := [(each, why) for each in told if (why := self._unfit(each, contracts))]:
            raise NotDirect("; ".join(_placed(each.line, why) for each, why in unfit[:_SHOWN]))
        meant = [(each, terms) for each in told if (terms := _terms(each, contracts))]
        async with self._claims.alone("direct"):
            return await self._recorded(meant, contracts, by)

    def _unfit(self, told: Told, contracts: ContractSet) -> str:
        """Why what is told can have been no disclosure; empty where it can."""
        if told.happened > self._now():
            return "a disclosure that is still to come cannot be recorded"
        if told.entity not in (None, *contracts.entities.entities):
            return f"there is no company {told.entity} in entities.yaml"
        terms, name = _terms(told, contracts), f"{told.vendor}/{told.operation}"
        if terms is None:
            direct = ", ".join(sorted(each.name for each in contracts.terms if each.is_direct))
            return f"{name} is no operation with `channel: direct`; there are {direct or 'none'}"
        strange = {each.role for each in told.people} - {each.role for each in terms.subjects}
        return f"{name} is about no {', '.join(sorted(strange))}" if strange else ""

    async def _recorded(
        self, meant: Sequence[tuple[Told, Terms]], contracts: ContractSet, by: str
    ) -> Sequence[dict[str, Any]]:
        named = [self._same(each, contracts) for each, _ in meant]
        known = await self._known({who.subject for each, _ in meant for who in each.people})
        new = {name: each for name, each in zip(named, meant, strict=True) if name not in known}
        subjects = [[await self._subject(who) for who in each.people] for each, _ in new.values()]
        beside = [
            Beside(terms, contracts.policy, people, told.happened)
            for (told, terms), people in zip(new.values(), subjects, strict=True)
        ]
        untold = await self._consignees.owe_beside(beside)
        ids = await asyncio.gather(
            *(
                self._written(*each, people, contracts, by, warnings=(NOTICE_DUE,) * is_due)
                for each, people, is_due in zip(new.values(), subjects, untold, strict=True)
            )
        )
        await self._ledger.passed()
        entries = known | dict(zip(new, ids, strict=True))
        await self._afterwards.tell(
            map(_entered, (entries[name] for name in named), (told for told, _ in meant)), by=by
        )
        first = dict.fromkeys(new, False)
        return [{"entry": entries[name], "known": first.pop(name, True)} for name in named]

    async def _written(
        self,
        told: Told,
        terms: Terms,
        subjects: Sequence[Subject],
        contracts: ContractSet,
        by: str,
        *,
        warnings: Sequence[str],
    ) -> str:
        papers = await self._registry.papers()
        papers = replace(papers, versions=tuple(each for each in papers.versions if each.published <= told.happened))
        left = list(_left(terms, {each.role for each in told.people}, told.categories))
        unsold = await self._unsold(told, terms, subjects, papers, contracts, by)
        intent = self._intent(told, terms, subjects, left, papers, contracts, by, (*warnings, *unsold))
        tallies = counted(
            terms,
            contracts.policy,
            intent.manner.transfer,
            intent.manner.entity,
            left,
            subjects,
            intent.disclosure,
            told.happened,
        )
        ticket = await self._ledger.intend(intent, subjects, b"", within=WITHIN, tallies=tallies)
        self._ledger.settle(ticket, Outcome("sent"))
        return ticket.intent

    async def _unsold(
        self,
        told: Told,
        terms: Terms,
        subjects: Sequence[Subject],
        papers: Papers,
        contracts: ContractSet,
        by: str,
    ) -> Sequence[str]:
        """Codes of what was in the way of a sale, rent or trade when it happened, of anybody whom it was about."""
        if terms.operation.commercial is Commercial.NONE:
            return ()
        codes = list[str]()
        for each in subjects:
            role = SubjectRole(each.role)
            about = replace(terms, subjects=tuple(found for found in terms.subjects if found.role is role))
            mention = Mention(role, ref=each.ref, jurisdiction=each.jurisdiction)
            known = await self._registry.about([mention], consents=True, order=None)
            facts = changed(_as_of(known, told.happened), papers=papers)
            question = Question(about, facts, contracts.policy, self._entity(told, contracts), by, told.happened)
            codes += self._codes(*usable(question), *sale(question))
        return codes

    def _codes(self, *failures: Failure) -> Sequence[str]:
        """Those of what was missing, but for what the settings put at `off`."""
        refused, noted = weighed(failures, self._levels)
        return [*(each.code for each in refused), *noted]

    def _same(self, told: Told, contracts: ContractSet) -> Same:
        people = frozenset((each.subject, each.role.value, each.order) for each in told.people)
        return (
            told.vendor,
            told.operation,
            self._entity(told, contracts),
            int(told.happened.timestamp() * 1_000_000),
            people,
        )

    async def _known(self, refs: Collection[str]) -> dict[Same, str]:
        """What is on record already that went beside the gateway about nobody but these people."""
        bodies: dict[int, Mapping[str, Any]] = {}
        people: dict[int, set[Person]] = {}
        for ref in sorted(refs):
            for each in await self._ledger.persons.about(ref):
                if each.entry.body.get("channel") == "direct":
                    bodies[each.entry.seq] = each.entry.body
                    told = ((subject.ref, subject.role, subject.order_ref) for subject in each.subjects)
                    people.setdefault(each.entry.seq, set()).update(told)
        return {
            (body["vendor"], body["operation"], body["entity"], body["happened"], frozenset(people[seq])): body["id"]
            for seq, body in bodies.items()
        }

    def _entity(self, told: Told, contracts: ContractSet) -> str:
        return told.entity or next(iter(contracts.entities.entities))

    async def _subject(self, who: Somebody) -> Subject:
        known = who.jurisdiction or (await self._registry.read(lookups.known_of, who.subject)).jurisdiction
        return Subject(who.subject, who.role.value, known, who.order)

    def _intent(
        self,
        told: Told,
        terms: Terms,
        subjects: Sequence[Subject],
        left: Sequence[Rule],
        papers: Papers,
        contracts: ContractSet,
        by: str,
        warnings: Sequence[str],
    ) -> Intent:
        entity = self._entity(told, contracts)
        exporter = contracts.entities.entities[entity].country
        standing = stand(terms, contracts.policy, entity, told.happened, exporter, papers)
        nobody = Facts({}, frozenset(), {}, frozenset(), order_stated=False)
        question = Question(terms, nobody, contracts.policy, entity, by, told.happened, standing, exporter=exporter)
        transfer, missing = went(question, standing, (each.jurisdiction for each in subjects))
        manner = Manner(
            **of_operation(terms, self._environment, int(WITHIN * 1000)),
            entity=entity,
            policy=standing.policy,
            agreements=standing.agreements,
            grounds=tuple(_grounds({each.role: each.bases for each in terms.subjects}, subjects, contracts.policy)),
            transfer=transfer,
            disclosed=tuple(_disclosed(terms, left, subjects, contracts.policy)),
            # What was missing then is seen; it happened all the same.
            warnings=tuple(dict.fromkeys((*self._codes(*standing.failures, *missing), *warnings))),
            destination=None,
            channel="direct",
            happened=int(told.happened.timestamp() * 1_000_000),
            recorded_afterwards=told.afterwards,
            caller=by,
            token="",
        )
        return Intent(self._ledger.new_id(), manner)


def _read(asked: Sequence[Any]) -> Sequence[Told]:
    """Raises ValidationError, and for what stands in a file NotDirect with its lines and without what stands there."""
    try:
        return TypeAdapter(list[Told]).validate_python(asked)
    except ValidationError as error:
        lines = [each.get("line") if isinstance(each, dict) else None for each in asked]
        if not all(isinstance(line, int) for line in lines):
            raise
        found = [_placed(lines[int(each.at[0])], _said(each)) for each in islice(misfits(error), _SHOWN)]
    raise NotDirect("; ".join(found))


def _said(misfit: Misfit) -> str:
    """Without the place among those that came together, which is no line of a file."""
    where = place_of(replace(misfit, at=misfit.at[1:]))
    return f"{where}: {misfit}" if where else str(misfit)


def _placed(line: int | None, why: str) -> str:
    return f"line {line}: {why}" if line else why


def _as_of(facts: Facts, moment: datetime) -> Facts:
    """What was known of people by then: what they said and what holds for them since."""
    consents = {
        ref: tuple(each for each in said if each.given is not None and each.given <= moment)
        for ref, said in facts.consents.items()
    }
    marks = {ref: tuple(each for each in held if each.since <= moment) for ref, held in facts.marks.items()}
    return changed(facts, consents=consents, marks=marks)


def _entered(entry: str, told: Told) -> Entered:
    orders = [each.order for each in told.people if each.order]
    return Entered(entry, told.vendor, [each.subject for each in told.people], orders, told.happened)


def _terms(told: Told, contracts: ContractSet) -> Terms | None:
    name = f"{told.vendor}/{told.operation}"
    return next((each for each in contracts.terms if each.name == name and each.is_direct), None)


def _left(terms: Terms, roles: set[SubjectRole], categories: Sequence[Category]) -> Iterator[Rule]:
    """The fields of the contract that are about these people, or about nobody; of the categories that are named."""
    for rule in terms.sending.rules:
        is_meant = rule.origin is Origin.GROUP and rule.form.name not in FORMS_FOR_ANY
        if is_meant and (not rule.roles or roles & set(rule.roles)) and (not categories or rule.category in categories):
            yield rule


def _disclosed(terms: Terms, left: Sequence[Rule], subjects: Sequence[Subject], policy: Policy) -> Iterator[Disclosed]:
    """What left, by form and role, and by group where that has grounds of its own."""
    together: dict[tuple[str, tuple[str, ...], str, int | None], list[tuple[str, str, int]]] = {}
    for rule in left:
        key = (rule.form.name, tuple(role.value for role in rule.roles), *stands_apart(terms, rule))
        together.setdefault(key, []).append((rule.path, rule.category.value, 1))
    for (form, of, purpose, number), fields in together.items():
        group = None if number is None else terms.sending.groups[number]
        bases = {each.role: group.bases or each.bases for each in terms.subjects if each.role in of} if group else {}
        yield Disclosed(form, of, tuple(fields), purpose=purpose, grounds=tuple(_grounds(bases, subjects, policy)))


def _grounds(bases: Mapping[SubjectRole, Bases], subjects: Sequence[Subject], policy: Policy) -> Iterator[Ground]:
    """On which basis people in these roles go, each ground once."""
    people = dict.fromkeys((SubjectRole(each.role), each.jurisdiction) for each in subjects)
    for role, jurisdiction in people:
        if role in bases and (basis := basis_for(bases[role], jurisdiction, policy)):
            yield Ground(role.value, jurisdiction, basis.value)
