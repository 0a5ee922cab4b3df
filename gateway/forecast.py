"""What will be refused, and when: the real clearance over the calls of the last days, at each moment something ends."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from gateway.clearance import Question, clear, day, ends, with_papers
from gateway.contract.announcing import Announced, called
from gateway.contract.load import ContractSet
from gateway.contract.terms import Terms
from gateway.errors import CODES, Failure, Refusal
from gateway.ledger.ledger import Ledger
from gateway.ledger.store import Filter
from gateway.registry.entered import AgreementEndRow, AgreementRow, ReviewRow, SubProcessorRow, SuspensionRow
from gateway.registry.facts import Consent, Facts, Mark, Order, Papers, Person, Review, Suspension
from gateway.registry.registry import Registry
from gateway.registry.stored import PolicyRow, StoredRow
from gateway.vocabulary import ConsentState, Flag, Level, OrderState, Purpose, SubjectRole

BACK: Final = 7  # days of calls that are looked at
MOST = 400  # days ahead
_PAGE = 1_000
_SECOND = 1_000_000
_DAY = timedelta(days=1)
_NEXT = timedelta(microseconds=1)  # what is overdue is so after its time
_NEVER = datetime.max.replace(tzinfo=UTC)
_EARLIER = timedelta(seconds=1)  # what is asked about comes after everything that was said
_SOMEBODY = "somebody"
_NOBODY = "default"  # the law of somebody whom nobody looks up
_MADE_UP = (Mark(Flag.TEST, None, None, datetime.min.replace(tzinfo=UTC)),)

# Who can do something about a refusal: by the beginning of its code; `{owner}` is that of the contract.
_ACTS: Mapping[str, str] = {
    "agreement.": "{owner}: renew the paper and enter it; for 72 hours two deciders can waive it",
    "transfer.undeclared": "{owner}: name the company in the vendor's file; a reviewer: enter an objection",
    "transfer.": "{owner}: renew the mechanism and enter its days",
    "vendor.review_overdue": "a reviewer: hold the review and enter its date, or what was decided about a company",
    "vendor.suspended": "an operator: lift the suspension",
    "deletion.overdue": "a steward: have {vendor} confirm the deletion, and enter that it did",
    "policy.conflict": "an operator: take that version out of policy.yaml, and `gateway contract reload`",
    "policy.": "a steward: publish a version of the policy that has it",
    "caller.unknown": "an operator: `gateway token issue`, and hand the new token to {caller}",
}


@dataclass(frozen=True, slots=True)
class Use:
    """Calls of the last days that look alike to a decision."""

    operation: str
    entity: str
    caller: str
    token: str  # of those that were used, the one that ends last
    people: tuple[tuple[str, str], ...]  # role, jurisdiction

    @property
    def alone(self) -> Iterator[Mapping[str, str]]:
        """Where the people live, each role once; a batch, in which one role lives in several places, item by item."""
        laws = {role: [law for other, law in self.people if other == role] for role, _ in self.people}
        for item in range(max(map(len, laws.values()), default=1)):
            yield {role: places[item % len(places)] for role, places in laws.items()}


@dataclass(frozen=True, slots=True)
class World:
    """What a forecast is made from. `expires` has the end of each token that is known, `overdue_from` when a vendor's
    first deletion is overdue; it is taken that everybody said yes, at the time `said`.
    """

    contracts: ContractSet
    papers: Papers
    suspensions: frozenset[Suspension]
    levels: Mapping[str, Level]
    cn_separate: bool
    uses: Mapping[Use, int]
    expires: Mapping[str, datetime] = field(default_factory=dict)
    overdue_from: Mapping[str, datetime] = field(default_factory=dict)
    said: datetime | None = None

    def failures(self, use: Use, now: datetime) -> Sequence[Failure]:
        """Why calls like these are refused at a time, if they are. Of single people everything is taken to be there."""
        end = self.expires.get(use.token)
        if end is not None and end <= now:
            return [Failure("caller.unknown", "the token has expired")]
        terms = next((each for each in self.contracts.terms if each.name == use.operation), None)
        company = self.contracts.entities.entities.get(use.entity)
        if terms is None or company is None:
            return [Failure("operation.unknown" if terms is None else "agreement.parties", use.operation)]
        for people in use.alone:
            question = Question(
                terms,
                self._facts(people, terms),
                self.contracts.policy,
                use.entity,
                use.caller,
                now,
                levels=self.levels,
                exporter=company.country,
                cn_separate=self.cn_separate,
            )
            try:
                clear(question)
            except Refusal as refusal:
                return refusal.failures
        return ()

    def _facts(self, laws: Mapping[str, str], terms: Terms) -> Facts:
        people = {
            SubjectRole(role): Person(f"{_SOMEBODY}-{role}", SubjectRole(role), jurisdiction, "an order")
            for role, jurisdiction in laws.items()
            if jurisdiction != _NOBODY
        }
        is_tried = terms.vendor.test_subjects_only
        said = tuple(
            Consent(
                purpose, terms.vendor.vendor, ConsentState.GIVEN, explicit=True, expires=None, record="", separate=True,
                written=True, given=self.said, by_guardian=True,
            )
            for purpose in Purpose
        )  # fmt: skip
        return Facts(
            people,
            frozenset(),
            {person.ref: said for person in people.values()},
            self.suspensions,
            order_stated=True,
            marks=dict.fromkeys((each.ref for each in people.values()), _MADE_UP) if is_tried else {},
            orders=(Order(is_known=True, state=OrderState.OPEN),),
            papers=self.papers,
            overdue_from=self.overdue_from,
        )

    def moments(self, now: datetime, days: int) -> Iterator[datetime]:
        """Every moment at which something may end: each midnight, where the policy says, and what ends at a time."""
        zone, today = ZoneInfo(self.contracts.policy.time_zone), day(self.contracts.policy, now)
        until = now + timedelta(days=days)
        turns = {datetime.combine(today + timedelta(days=ahead), time.min, zone) for ahead in range(1, days + 2)}
        turns |= {version.published for version in self.contracts.policy.versions}
        turns |= {waiver.until for waiver in self.papers.waivers} | set(self.expires.values())
        turns |= {due + _NEXT for due in self.overdue_from.values()}
        yield now
        yield from sorted(turn for turn in turns if now < turn <= until)

    def turns(self, use: Use, now: datetime) -> list[datetime]:
        """When in days to come something of an operation's papers has ended, or what its vendor announced begins."""
        today, zone = day(self.contracts.policy, now), ZoneInfo(self.contracts.policy.time_zone)
        days: set[date] = set()
        for terms in (each for each in self.contracts.terms if each.name == use.operation):
            lasts = {end.last for end in ends(with_papers(terms, self.papers), today)}
            days |= {last + _DAY for last in lasts if last < date.max}
            days |= {each.since for each in self.papers.announced.get(terms.vendor.vendor, ()) if today < each.since}
        return [datetime.combine(each, time.min, zone) for each in sorted(days)]


def forecast(world: World, now: datetime, days: int) -> list[dict[str, Any]]:
    """The first refusal of each use that will have one, the earliest first; what is refused already comes first."""
    moments = list(world.moments(now, days))
    told = []
    for use, count in world.uses.items():
        found = ((moment, world.failures(use, moment)) for moment in moments)
        moment, failures = next(((moment, each) for moment, each in found if each), (now, ()))
        if failures:
            told.append(_told(world, use, count, failures) | {"from": moment.astimezone(UTC).isoformat()})
    return sorted(_summed(told), key=lambda each: (each["from"], each["operation"], each["caller"]))


def stopped(world: World, then: World, now: datetime) -> list[dict[str, Any]]:
    """Which calls of the last days would be refused in another world and are not in this one, now or from when on."""
    told = []
    for use, count in world.uses.items():
        for moment in (now, *then.turns(use, now)):
            if not world.failures(use, moment) and (failures := then.failures(use, moment)):
                since = {} if moment == now else {"from": moment.astimezone(UTC).isoformat()}
                told.append(_told(then, use, count, failures) | since)
                break
    return _summed(told)


def _summed(told: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is alike for people of several laws as one, with all of its calls."""
    found: dict[tuple[object, ...], dict[str, Any]] = {}
    for each in told:
        alike = tuple(str(value) for name, value in each.items() if not name.startswith("calls"))
        calls = each["calls"] + (found[alike]["calls"] if alike in found else 0)
        found[alike] = each | {"calls": calls, "calls_a_day": round(calls / BACK, 1)}
    return list(found.values())


def _told(world: World, use: Use, count: int, failures: Sequence[Failure]) -> dict[str, Any]:
    """What the first of these says; `besides` are the codes of what else is missing at that moment."""
    first, *others = dict.fromkeys(failure.code for failure in failures)
    return {
        "operation": use.operation,
        "caller": use.caller,
        "entity": use.entity,
        "code": first,
        "besides": others,
        "detail": failures[0].detail,
        "calls": count,
        "calls_a_day": round(count / BACK, 1),
        "who": "; ".join(dict.fromkeys(_act(world, use, code) for code in (first, *others))),
    }


def _act(world: World, use: Use, code: str) -> str:
    """Who can do what about a refusal."""
    owners = {terms.name: terms.operation.owner for terms in world.contracts.terms}
    act = next((text for beginning, text in _ACTS.items() if code.startswith(beginning)), CODES[code].fix)
    return act.format(
        owner=owners.get(use.operation, "the contract's owner"),
        caller=use.caller,
        vendor=use.operation.partition("/")[0],
    )


def changed(world: World, rows: Iterable[StoredRow], now: datetime) -> World:
    """The same once these facts are put in: what is about vendors and policies, but nothing about people."""
    papers, suspensions = world.papers, set(world.suspensions)
    for row in rows:
        if isinstance(row, SuspensionRow):
            change = suspensions.discard if row.lifted else suspensions.add
            change(Suspension(row.vendor, row.operation))
        elif isinstance(row, AgreementEndRow):
            papers = replace(papers, ended={**papers.ended, (row.vendor, row.agreement): row.last})
        elif isinstance(row, AgreementRow):
            others = tuple(each for each in papers.entered.get(row.vendor, ()) if each.id != row.agreement.id)
            ended = {key: last for key, last in papers.ended.items() if key != (row.vendor, row.agreement.id)}
            entered = {**papers.entered, row.vendor: (*others, row.agreement)}
            papers = replace(papers, entered=entered, ended=ended)
        elif isinstance(row, SubProcessorRow):
            papers = replace(papers, announced={**papers.announced, row.vendor: _announced(papers, row)})
        elif isinstance(row, ReviewRow):
            papers = replace(papers, reviews={**papers.reviews, row.vendor: Review(row.held, row.next)})
        elif isinstance(row, PolicyRow) and row.state == "published":
            papers = replace(papers, versions=(*papers.versions, row.as_published(now)))
    return replace(world, papers=papers, suspensions=frozenset(suspensions))


def _announced(papers: Papers, row: SubProcessorRow) -> tuple[Announced, ...]:
    """What a vendor announced, with this in place of what it said of the same company in the same country."""
    fresh = Announced(row.name, row.country, row.since, row.state)
    known = papers.announced.get(row.vendor, ())
    same = (called(row.name), row.country)
    return (*(each for each in known if (called(each.name), each.country) != same), fresh)


def by_last_token(uses: Mapping[Use, int], expires: Mapping[str, datetime]) -> Mapping[Use, int]:
    """The uses with their calls together, whichever token they came with: a service goes on with its newest.

    A token of which nothing is known ends never.
    """
    together: dict[Use, list[tuple[Use, int]]] = {}
    for use, count in uses.items():
        together.setdefault(replace(use, token=""), []).append((use, count))
    return {
        max((use for use, _ in alike), key=lambda use: expires.get(use.token, _NEVER)): sum(n for _, n in alike)
        for alike in together.values()
    }


class Foresight:
    """Looks ahead from what the record and the registry say now."""

    def __init__(
        self,
        ledger: Ledger,
        registry: Registry,
        contracts: Callable[[], ContractSet],
        *,
        levels: Mapping[str, Level],
        cn_separate: bool,
        now: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._registry = registry
        self._contracts = contracts
        self._levels = levels
        self._cn_separate = cn_separate
        self._now = now

    async def ahead(self, days: int) -> list[dict[str, Any]]:
        """The forecast for so many days. Raises Refusal."""
        world = await self._world()
        return await asyncio.to_thread(forecast, world, self._now(), days)

    async def stopping(self, rows: Sequence[StoredRow]) -> list[dict[str, Any]]:
        """What would have been stopped in the last days by these facts. Raises Refusal."""
        world, now = await self._world(), self._now()
        return await asyncio.to_thread(stopped, world, changed(world, rows, now), now)

    async def _world(self) -> World:
        facts = await self._registry.about([], consents=False, order=None)
        expires = await self._expires()
        return World(
            self._contracts(),
            facts.papers,
            facts.suspensions,
            self._levels,
            self._cn_separate,
            by_last_token(await self._uses(), expires),
            expires,
            facts.overdue_from,
            self._now() - _EARLIER,
        )

    async def _uses(self) -> Mapping[Use, int]:
        since = int((self._now() - timedelta(days=BACK)).timestamp() * _SECOND)
        uses: Counter[Use] = Counter()
        async for body in self._bodies("intent", since):
            # What went outside contracts, or beside the gateway, was no call that could be refused.
            if "vendor" not in body or body.get("channel"):
                continue
            people = tuple((ground["role"], ground["jurisdiction"]) for ground in body.get("grounds", ()))
            name = f"{body['vendor']}/{body['operation']}"
            uses[Use(name, body["entity"], body["caller"], body.get("token", ""), tuple(dict.fromkeys(people)))] += 1
        return uses

    async def _expires(self) -> Mapping[str, datetime]:
        found: dict[str, datetime] = {}
        async for body in self._bodies("token", 0):
            if "expires" in body:
                found[body["token"]] = datetime.fromtimestamp(body["expires"], UTC)
        return found

    async def _bodies(self, kind: str, since: int) -> Any:
        before = None
        while page := await self._ledger.entries(Filter(kind=kind, since=since, before=before, limit=_PAGE)):
            for entry in page:
                yield entry.body
            before = page[-1].seq
