"""Incidents: what a vendor lost, the clocks that run from when that was known, and whom it concerns."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import StringConstraints, model_validator

from gateway.contract.load import ContractSet
from gateway.contract.words import Name
from gateway.due import Due
from gateway.errors import GatewayError
from gateway.intake import Intake
from gateway.jwe import encrypted, public_key
from gateway.ledger.canonical import Json
from gateway.ledger.entry import Intent
from gateway.ledger.housekeeping import Access
from gateway.ledger.ledger import Ledger
from gateway.ledger.steps import CLOCK, IncidentStep
from gateway.ledger.store import Entry, Filter
from gateway.misfit import Asked, Moment
from gateway.oversight.affected import Affected
from gateway.registry import lookups
from gateway.registry.claims import Claims
from gateway.registry.entered import SuspensionRow
from gateway.vocabulary import Role
from gateway.vocabulary.incidents import Breach

_PAGE = 1_000
# Stands in the record for good, so it is as plain as the number of a file.
Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9 ._:/#-]{1,79}$")]


class UnknownIncident(GatewayError):
    """There is no such incident, or it is closed."""


class UnfitIncident(GatewayError):
    """What was entered cannot be so."""


class Opened(Asked):
    """Which vendor lost what and when; when we knew, and when the vendor told us. All operations where none is named.

    With `suspend` nothing more goes to the vendor from the next call on.
    """

    vendor: Name
    operations: tuple[Name, ...] = ()
    nature: Breach
    began: Moment
    ended: Moment | None = None
    aware: Moment
    vendor_told: Moment | None = None
    reference: Reference
    suspend: bool = False

    @model_validator(mode="after")
    def _is_in_order(self) -> "Opened":
        if self.ended is not None and self.ended < self.began:
            raise ValueError("it ended before it began")
        return self


class Stepped(Asked):
    """An authority or the people were told, or it is closed. After 72 hours an authority is told `why` so late."""

    step: Literal["authority", "people", "closed"]
    at: Moment | None = None
    reference: Reference
    why: Reference | None = None


class Mailing(Asked):
    """For whose public key the list of people is encrypted, PEM or JWK."""

    key: Annotated[str, StringConstraints(max_length=20_000)]


@dataclass(frozen=True, slots=True)
class Incident:
    """What was entered, and which steps were taken since, each with its time."""

    id: str
    opened: Opened
    steps: Mapping[str, datetime]

    @property
    def due(self) -> datetime:
        return self.opened.aware + CLOCK

    def members(self, now: datetime) -> dict[str, Any]:
        told = self.steps.get("authority")
        return {
            "incident": self.id,
            **self.opened.model_dump(mode="json", exclude_none=True, exclude={"suspend"}),
            "authority_due": self.due.isoformat(),
            "overdue": (told or now) > self.due,
            "steps": {name: at.isoformat() for name, at in self.steps.items()},
        }


class Incidents:
    """Every step is an entry, and nothing of it is kept elsewhere. `by` is who takes it."""

    def __init__(
        self, ledger: Ledger, intake: Intake, contracts: Callable[[], ContractSet], *, now: Callable[[], datetime]
    ) -> None:
        self._ledger = ledger
        self._intake = intake
        self._contracts = contracts
        self._now = now
        self.claims = Claims(intake.registry)

    async def open(self, asked: object, *, by: str) -> dict[str, Any]:
        """Puts an incident on record, and stops the vendor where that is asked for.

        Raises ValidationError and UnfitIncident.
        """
        wanted = Opened.model_validate(asked)
        await self.demand_known(wanted.vendor, wanted.operations)
        if max(wanted.aware, wanted.began, wanted.ended or wanted.began) > self._now():
            raise UnfitIncident("a time of it is still to come")
        # Only of what is entered now: what is on record is read as it was written.
        if wanted.aware < wanted.began:
            raise UnfitIncident("aware: nobody can be aware of it before it began")
        if wanted.suspend:
            row = SuspensionRow(kind="suspension", vendor=wanted.vendor, source="incident")
            await self._intake.put([row], by=by)
        stated = wanted.model_dump(mode="json", exclude_none=True, exclude={"vendor", "suspend"})
        said = tuple((name, _written(value)) for name, value in stated.items() if value)
        id_ = self._ledger.new_id()
        await self._ledger.record(IncidentStep(id_, "opened", wanted.vendor, by, said))
        return Incident(id_, wanted, {}).members(self._now())

    async def demand_known(self, vendor: str, operations: Collection[str] = ()) -> None:
        """A slip of the pen would concern nobody and stop nothing. A vendor whose file is gone is still on record."""
        terms = self._contracts().terms
        known = self._contracts().vendors
        own = {each.operation.operation for each in terms if each.vendor.vendor == vendor}
        if vendor not in known and not await self._is_on_record(Filter(kind=Intent.kind, vendor=vendor, limit=1)):
            raise UnfitIncident(f"vendor: there is no such vendor; the contracts have {', '.join(sorted(known))}")
        for operation in set(operations) - own:
            if not await self._is_on_record(Filter(kind=Intent.kind, vendor=vendor, operation=operation, limit=1)):
                raise UnfitIncident(f"operations: {vendor} has none of that name; it has {', '.join(sorted(own))}")

    async def _is_on_record(self, wanted: Filter) -> bool:
        return bool(await self._ledger.entries(wanted))

    async def step(self, incident: str, asked: object, *, by: str) -> dict[str, Any]:
        """Puts on record that somebody was told, or that it is closed. Raises UnknownIncident and UnfitIncident."""
        wanted = Stepped.model_validate(asked)
        at = wanted.at or self._now()
        async with self.claims.alone("incident"):
            found = await self._open(incident)
            if at > self._now():
                raise UnfitIncident("at: this moment is still to come; enter it once it was done")
            if (before := found.steps.get(wanted.step)) is not None:
                raise UnfitIncident(f"step: {wanted.step} was entered before, for {before.isoformat()}")
            if wanted.step == "authority" and at > found.due and wanted.why is None:
                raise UnfitIncident("why: after 72 hours an authority is told the reasons too (GDPR 33(1))")
            said: list[tuple[str, Json]] = [("at", at.astimezone(UTC).isoformat()), ("reference", wanted.reference)]
            said += [("why", wanted.why)] if wanted.why else []
            await self._ledger.record(IncidentStep(incident, wanted.step, found.opened.vendor, by, tuple(said)))
        return (await self._found(incident)).members(self._now())

    async def listed(self, *, by: str) -> list[dict[str, Any]]:
        """Every incident, the newest first. That somebody looked is an entry."""
        found = await self._all()
        await self._ledger.record(Access(by, "incidents", (), len(found)))
        return [each.members(self._now()) for each in found]

    async def affected(self, incident: str, *, by: str) -> dict[str, Any]:
        """How many people it concerns, by what makes a difference, from the record. Raises UnknownIncident."""
        counts = (await self._affected(await self._found(incident))).counts()
        await self._ledger.record(Access(by, "affected", (("incident", incident),), counts["people"]))
        return counts

    async def mailing(self, incident: str, asked: object, *, by: str) -> dict[str, Any]:
        """Who they are, encrypted for whoever writes to them. Raises UnknownIncident and UnfitIncident."""
        wanted = Mailing.model_validate(asked)
        try:
            key = public_key(wanted.key)
        except ValueError as error:
            raise UnfitIncident(f"key: {error}") from None
        people = (await self._affected(await self._found(incident))).listed()
        await self._ledger.record(Access(by, "mailing", (("incident", incident), ("key", key.id)), len(people)))
        text = json.dumps({"incident": incident, "people": people}, ensure_ascii=False)
        return {"people": len(people), "name": f"{incident}.jwe", "content": encrypted(key)(text)}

    async def due(self) -> list[Due]:
        """Which authorities are still to be told, and by when."""
        found = [each for each in await self._all() if not {"authority", "closed"} & each.steps.keys()]
        return [Due("incident.authority", each.id, each.due, Role.DPO) for each in found]

    async def _affected(self, incident: Incident) -> Affected:
        """All that the vendor can have had: what went there until it ended, however long before it began."""
        opened, found = incident.opened, Affected(await self._intake.registry.read(lookups.together, None))
        until = opened.ended or self._now()
        # Not by the time of the entry: what went beside the gateway may have been written down only afterwards.
        async for each in self._ledger.persons.of(Filter(vendor=opened.vendor)):
            found.add(each, opened.began, until, opened.operations)
        return found

    async def _open(self, incident: str) -> Incident:
        found = await self._found(incident)
        if "closed" in found.steps:
            raise UnknownIncident("this incident is closed; open another one")
        return found

    async def _found(self, incident: str) -> Incident:
        for each in await self._all():
            if each.id == incident:
                return each
        raise UnknownIncident("there is no incident with this id; `gateway incident list` has them")

    async def _all(self) -> list[Incident]:
        opened, steps, before = dict[str, Opened](), dict[str, dict[str, datetime]](), None
        while page := await self._ledger.entries(Filter(kind=IncidentStep.kind, before=before, limit=_PAGE)):
            for entry in page:
                _take(entry, opened, steps)
            before = page[-1].seq
        return [Incident(id_, each, steps.get(id_, {})) for id_, each in opened.items()]


def _written(value: object) -> Json:
    """As an entry has it: lists as they are, all else as text."""
    return [str(each) for each in value] if isinstance(value, list) else str(value)


def _take(entry: Entry, opened: dict[str, Opened], steps: dict[str, dict[str, datetime]]) -> None:
    body = entry.body
    incident, step = str(body["incident"]), str(body["step"])
    if step == "opened":
        stated = {name: body[name] for name in Opened.model_fields if name in body}
        opened[incident] = Opened.model_validate(stated)
    else:
        steps.setdefault(incident, {})[step] = datetime.fromisoformat(str(body["at"]))
