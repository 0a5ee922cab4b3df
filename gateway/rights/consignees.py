"""Who gets what others bought: the shop is told whom it has to tell, and says when it has (GDPR 14)."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from gateway.clearance import Question
from gateway.clearance.people import informed
from gateway.contract.model import Policy
from gateway.contract.terms import Terms
from gateway.due import Due
from gateway.intake import Intake
from gateway.ledger.entry import Subject
from gateway.ledger.housekeeping import Access
from gateway.ledger.ledger import Ledger
from gateway.misfit import Asked
from gateway.registry.claims import Claims
from gateway.registry.entered import FlagRow, Ref
from gateway.registry.facts import Mention
from gateway.registry.guests import Guest, waiting
from gateway.vocabulary import Flag, Level, Role, SubjectRole

SOURCE = "gateway"
_MOST = 500
_REMEMBERED = timedelta(days=1)  # then everything that is due is told anyway


class Informed(Asked):
    """Whom the shop has told."""

    subjects: Annotated[tuple[Ref, ...], Field(min_length=1, max_length=_MOST)]


@dataclass(frozen=True, slots=True, repr=False)
class Beside:
    """A disclosure that was made beside the gateway: by which operation, about whom, and when."""

    terms: Terms
    policy: Policy
    people: Sequence[Subject]
    happened: datetime


class Consignees:
    """Each deed leaves an entry; `by` is who does it. `level` is that of `consignee.notice_due` in the settings."""

    def __init__(
        self, intake: Intake, ledger: Ledger, claims: Claims, level: Level, now: Callable[[], datetime]
    ) -> None:
        self._intake = intake
        self._ledger = ledger
        self._claims = claims
        self._level = level
        self._now = now

    async def owe(self, people: Sequence[str]) -> None:
        """Puts on record that they are to be told, before data about them leaves for the first time. Raises Refusal."""
        await self._owe(dict.fromkeys(people))

    async def owe_beside(self, told: Sequence[Beside]) -> Sequence[bool]:
        """The same of disclosures that were made already, from when they were; of which of them somebody is to be told.

        Raises Refusal.
        """
        if self._level is Level.OFF:
            return [False] * len(told)
        since: dict[str, datetime] = {}
        due = list[bool]()
        for each in told:
            untold = {who.ref: state async for who, state in self._untold(each)}
            due.append(bool(untold))
            new = [ref for ref, state in untold.items() if state == "new"]
            since |= {ref: min(since.get(ref, each.happened), each.happened) for ref in new}
        await self._owe(since)
        return due

    async def _untold(self, beside: Beside) -> AsyncIterator[tuple[Subject, str]]:
        """Who of the consignees is to be told, and whether that is on record."""
        buyers = [each for each in beside.people if each.role == SubjectRole.PURCHASER]
        for who in (each for each in beside.people if each.role == SubjectRole.CONSIGNEE):
            bought = [each for each in buyers if each.order_ref in (None, who.order_ref)]
            mentions = [
                Mention(SubjectRole(each.role), ref=each.ref, jurisdiction=each.jurisdiction) for each in (who, *bought)
            ]
            facts = await self._intake.registry.about(mentions, consents=False, order=who.order_ref)
            if any(informed(Question(beside.terms, facts, beside.policy, "", "", beside.happened))):
                yield who, facts.untold

    async def _owe(self, since: Mapping[str, datetime | None]) -> None:
        rows = [
            FlagRow(kind="flag", source=SOURCE, subject=each, flag=Flag.NOTICE_DUE, time=at)
            for each, at in since.items()
        ]
        if rows:
            await self._intake.put(rows, by=SOURCE)

    async def listed(self, *, by: str) -> Sequence[dict[str, Any]]:
        """Whom the shop is to tell, those first who have waited longest. That somebody looked is written down."""
        found = await self._waiting()
        await self._ledger.record(Access(by, "consignees", found=len(found)))
        return [
            {"subject": each.subject, "since": each.since.isoformat(), "entry": each.entry, "orders": each.orders}
            for each in found
        ]

    async def informed(self, asked: Mapping[str, Any], *, by: str) -> int:
        """That they were told; how many that are. Raises ValidationError and Refusal."""
        wanted = TypeAdapter(Informed).validate_python(asked)
        subjects = dict.fromkeys(wanted.subjects)
        rows = [FlagRow(kind="flag", source=by, subject=each, flag=Flag.INFORMED) for each in subjects]
        await self._intake.put(rows, by=by)
        return len(rows)

    async def due(self) -> Sequence[Due]:
        """The same without anybody in it: by the entry that says so. It was due when their data left."""
        return [_due(each) for each in await self._waiting()]

    async def tell_new(self, post: Callable[[Sequence[Due]], Awaitable[None]]) -> None:
        """Posts what nobody has posted yet, on any node. Raises Refusal, and what `post` raises."""
        new = await self._intake.registry.read(waiting, self._now() - _REMEMBERED)
        mine = [each for each in new if await self._claims.take(_name(each), each.noted + 2 * _REMEMBERED)]
        try:
            if mine:
                await post([_due(each) for each in mine])
        except BaseException:
            for each in mine:
                await self._claims.give_back(_name(each))
            raise

    async def _waiting(self) -> Sequence[Guest]:
        return await self._intake.registry.read(waiting, None)


def _due(guest: Guest) -> Due:
    return Due("consignee.notice", guest.entry, guest.since, Role.STEWARD)


def _name(guest: Guest) -> str:
    return f"told:{guest.entry}"
