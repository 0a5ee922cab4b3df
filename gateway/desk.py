"""What operators and reviewers do beside the calls: put facts in, issue tokens, look at the record."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from pydantic import TypeAdapter

from gateway.accesses import A_DAY, Accesses
from gateway.asked import Ahead, Erase, From, Growth, Issue, Look, Over, Resolve, demand_nobody
from gateway.bulk_looks import BulkLooks
from gateway.contract.load import ContractSet
from gateway.errors import GatewayError, refuse
from gateway.exports import Exports
from gateway.forecast import Foresight
from gateway.identity import DAY, LIFETIMES, Environment, Tokens
from gateway.imports import Imports
from gateway.intake import Intake
from gateway.ledger.canonical import base64
from gateway.ledger.entry import Subject
from gateway.ledger.erasing import People
from gateway.ledger.housekeeping import Access, Resolved, TokenChanged
from gateway.ledger.ledger import Ledger
from gateway.ledger.store import Entry, Filter, Purged
from gateway.misfit import Id
from gateway.naming import UnknownName, meant, unknown_vendors
from gateway.policies import Policies
from gateway.registry.claims import Claims
from gateway.registry.entered import AgreementEndRow, AgreementRow, SuspensionRow, facts_of
from gateway.registry.stored import RevocationRow, StoredRow
from gateway.retention import RetentionClass, kept
from gateway.vocabulary import Role
from gateway.waivers import Waivers

DAYS = 90  # that a token lives for
_ID: TypeAdapter[str] = TypeAdapter(Id)
_LONGEST_NUMBER = 15
_TOGETHER = 500
_SOON = 60_000_000  # microseconds in which the first attempts of a disclosure are written down
_NO_ENTRY = "there is no entry with this number or id; `gateway ledger list` has them"


class UnknownEntry(GatewayError):
    """There is no such entry."""


class UnnamedService(GatewayError):
    """Whoever sees some services only did not say which."""


class NotInDoubt(GatewayError):
    """There is nothing to find out about this entry."""


class UnknownSize(GatewayError):
    """The log was not signed at this size."""


class Notices(Protocol):
    """What vendors are told about people; each deed leaves an entry."""

    async def still_open(self, subject: str) -> Sequence[str]:
        """The vendors that are still to be told something about a person, or to confirm it."""

    async def tell(self, asked: Mapping[str, Any], *, by: str) -> Sequence[dict[str, Any]]: ...
    async def listed(self, asked: Mapping[str, Any], *, by: str) -> Sequence[dict[str, Any]]: ...
    async def step(self, asked: Mapping[str, Any], *, by: str) -> dict[str, Any]: ...


class Erasures(Protocol):
    """Erasures from beginning to end; each deed leaves an entry."""

    async def begin(self, asked: Mapping[str, Any], *, by: str) -> dict[str, Any]: ...
    async def listed(self, *, by: str) -> Sequence[dict[str, Any]]: ...


class Holds(Protocol):
    """What keeps anything of a person from being deleted; each deed leaves an entry."""

    async def hold(self, asked: Mapping[str, Any], *, by: str) -> dict[str, Any]: ...
    async def release(self, asked: Mapping[str, Any], *, by: str) -> int: ...
    async def extend(self, *, by: str) -> int: ...


class Direct(Protocol):
    """Disclosures beside the gateway, which it is told of."""

    async def record(self, asked: Any, *, by: str) -> Sequence[dict[str, Any]]: ...


class Consignees(Protocol):
    """Who gets what others bought, and is to be told."""

    async def listed(self, *, by: str) -> Sequence[dict[str, Any]]: ...
    async def informed(self, asked: Mapping[str, Any], *, by: str) -> int: ...


class Desk:
    """One deed a method. `by` is who does it, and stands in the entry that every deed leaves."""

    def __init__(
        self,
        intake: Intake,
        ledger: Ledger,
        tokens: Tokens,
        *,
        environment: Environment,
        entity: Callable[[], str],
        people: People,
        notices: Notices,
        erasures: Erasures,
        holds: Holds,
        direct: Direct,
        consignees: Consignees,
        foresight: Foresight,
        policies: Policies,
        entries_a_day: int = A_DAY,
        operations: Callable[[], Sequence[str]] = tuple,
        known: Callable[[], ContractSet | None] = lambda: None,
    ) -> None:
        self.accesses = Accesses(ledger, intake.registry, most=entries_a_day)
        self.bulk_looks = BulkLooks(intake)
        self.exports = Exports(ledger, self.accesses)
        self.imports = Imports(intake, ledger, known)
        self.foresight = foresight
        self.policies = policies
        self.waivers = Waivers(intake, operations)
        self._intake = intake
        self._ledger = ledger
        self._tokens = tokens
        self._environment = environment
        self._entity = entity
        self._people = people
        self.notices = notices
        self.erasures = erasures
        self.holds = holds
        self.direct = direct
        self.consignees = consignees
        # Between looking and writing nobody else settles the same intent.
        self._claims = Claims(intake.registry)
        self._known = known

    async def put_facts(self, rows: Sequence[Mapping[str, Any]], *, by: str) -> int:
        """Writes facts down and returns how many. Whatever becomes durable after this was decided on them.

        Raises NoFacts for what is none, UnknownName for what is about nobody, such as a stop that would stop nothing,
        and Refusal where ledger or registry do not take them.
        """
        facts = facts_of(rows)
        await self._demand_known(facts)
        await self._intake.put(facts, by=by)
        return len(facts)

    async def rehearse(self, rows: Sequence[Mapping[str, Any]], *, by: str) -> list[dict[str, Any]]:
        """Puts nothing in, and tells which calls of the last days these facts would have stopped.

        Raises NoFacts, UnknownName and Refusal.
        """
        del by
        facts = facts_of(rows)
        await self._demand_known(facts)
        return await self.foresight.stopping(facts)

    async def forecast(self, asked: Mapping[str, Any], *, by: str) -> list[dict[str, Any]]:
        """What will be refused for the first time in the days to come. Raises ValidationError and Refusal."""
        del by
        return await self.foresight.ahead(Ahead.model_validate(asked).days)

    async def issue_token(self, asked: Mapping[str, Any], *, by: str) -> dict[str, Any]:
        """A new token; this is the only time that it is shown. Raises UnknownName where no call could be made with it.

        `note` is there where no contract names the service.
        """
        wanted = Issue.model_validate(asked)
        note = self._noted(wanted)
        days = DAYS if wanted.days is None else wanted.days
        text, caller = self._tokens.issue(
            wanted.subject or wanted.service or "",
            entity=wanted.entity or self._entity(),
            environment=self._environment,
            vendor=wanted.vendor,
            lifetime=min(days * DAY, LIFETIMES.get(wanted.role, days * DAY)),
            role=wanted.role,
            services=wanted.services,
        )
        await self._ledger.record(
            TokenChanged(
                caller.token_id,
                caller.service or caller.role,
                "issued",
                caller.vendor or "",
                expires=caller.expires,
                by=by,
            )
        )
        known = {"service": caller.service, "role": caller.role, "expires": caller.expires, "by": by}
        return {"token": text, "id": caller.token_id, **known} | ({"note": note} if note else {})

    def _noted(self, wanted: Issue) -> str:
        """What is to be said of a token that is asked for. Raises UnknownName."""
        if (shop := self._known()) is None:
            return ""
        if wanted.vendor is not None:
            _demand(wanted.vendor, shop.vendors, "vendor")
        if wanted.entity is not None:
            _demand(wanted.entity, shop.entities.entities, "entity")
        callers = {name for terms in shop.terms for name in terms.operation.callers}
        is_caller = wanted.role is not Role.SERVICE or wanted.service in callers
        return "" if is_caller else "no contract names this service under `callers`: its calls are refused"

    async def _demand_known(self, facts: Sequence[StoredRow]) -> None:
        """With a slip of the pen in it a stop would stop nothing and a review be nobody's, and nobody would know."""
        if not any(getattr(fact, "vendor", None) for fact in facts) or (shop := self._known()) is None:
            return
        for number, vendor in await unknown_vendors(facts, shop.vendors, self._intake.registry):
            _demand(vendor, shop.vendors, f"{number}.vendor")
        for number, fact in enumerate(facts):
            if isinstance(fact, AgreementEndRow):
                _demand(fact.agreement, await self._agreements(shop, fact.vendor, facts), f"{number}.agreement")
            if isinstance(fact, SuspensionRow) and fact.operation is not None and not fact.lifted:
                own = {terms.operation.operation for terms in shop.terms if terms.vendor.vendor == fact.vendor}
                _demand(fact.operation, own, f"{number}.operation")

    async def _agreements(self, shop: ContractSet, vendor: str, facts: Sequence[StoredRow]) -> Collection[str]:
        """The ids of a vendor's papers: those of its file, those that were entered, and those among these facts."""
        entered = (await self._intake.registry.papers()).entered.get(vendor, ())
        here = [each.agreement for each in facts if isinstance(each, AgreementRow) and each.vendor == vendor]
        return {paper.id for paper in (*shop.vendors[vendor].agreements, *entered, *here)}

    async def revoke_token(self, token_id: str, *, by: str) -> None:
        """The next call with this token is refused. Raises ValidationError for the token itself."""
        token_id = _ID.validate_python(token_id)
        await self._intake.put([RevocationRow(token=token_id)], by=by)

    async def erase(self, asked: Mapping[str, Any], *, by: str) -> dict[str, Any]:
        """Leaves nothing by which a person is found, here or in the registry: the entry, and how much it took.

        Raises Refusal `erasure.notices_open` unless forced, and `erasure.held` in any case.
        """
        wanted = Erase.model_validate(asked)
        demand_nobody(wanted.reason, wanted.subject)
        # Nobody is to be told to erase somebody who is held, under whichever reference.
        self._ledger.erasing.demand_free(*await self._intake.registry.same_person(wanted.subject))
        is_open = bool(vendors := await self.notices.still_open(wanted.subject))
        if is_open and not wanted.force:
            raise refuse("erasure.notices_open", f"not yet told: {', '.join(sorted(vendors))}")
        done = await self._ledger.erasing.erase(
            wanted.subject, self._people, reason=wanted.reason, by=by, forced=is_open
        )
        return {"entry": done.entry, "links": done.links, "keys": done.keys}

    async def turnover(self, *, by: str) -> int:
        """The number of the generation under which all keys of people are wrapped from now on."""
        return await self._ledger.erasing.turnover(by)

    async def entries(self, asked: Mapping[str, Any], *, by: str, own: frozenset[str] | None = None) -> dict[str, Any]:
        """A page of the record, newest first. That somebody looked is written down before anything is shown.

        `complete` is the size of a checkpoint: of the entries that it covers no other one fits, down to the last one of
        the page. It is None where nobody vouches for the log any more. `next` leads to the page below, as `before`, and
        `watermark` to the entry of this look.
        Who sees only what their `own` services did asks for one of them, and for no person.

        Raises UnnamedService, and Refusal.
        """
        look = Look.model_validate(asked or {})
        if own is not None and look.caller is None:
            raise UnnamedService(f"say which `caller`: {', '.join(sorted(own))}")
        if own is not None and (look.caller not in own or look.subject is not None):
            raise refuse("caller.role", "an engineer sees what their own services did, and not about whom")
        signed = await self._ledger.signed()
        found = await self._ledger.entries(Filter(**look.model_dump()))
        filters = look.model_dump(exclude_none=True, exclude={"subject", "limit", "before"})
        searched = (Subject(look.subject, "searched", ""),) if look.subject else ()
        access = Access(by, "list", tuple((name, str(value)) for name, value in sorted(filters.items())), len(found))
        mark = await self.accesses.record(access, searched)
        more = found[-1].seq if len(found) == look.limit else None
        shown = [_shown(entry, whole=own is None) for entry in found]
        return {"entries": shown, "complete": signed, "next": more, "watermark": mark.members()}

    async def entry(self, named: str, *, by: str, own: frozenset[str] | None = None) -> dict[str, Any]:
        """One entry, by its number, its id or its disclosure's; of what was purged, what is left. Raises UnknownEntry.
        Who sees only what their `own` services did finds no other one.
        """
        found = await self._found(named, "show", by)
        shown = _left(found) if isinstance(found, Purged) else _shown(found, whole=own is None)
        if own is not None and shown.get("caller") not in own:
            raise UnknownEntry(_NO_ENTRY)
        return shown

    async def resolve(self, asked: Mapping[str, Any], *, by: str) -> str:
        """The id of the entry that says how an intent in doubt ended. Raises UnknownEntry and NotInDoubt."""
        wanted = Resolve.model_validate(asked)
        async with self._claims.alone("resolve"):
            found = await self._found(wanted.entry, "resolve", by)
            if isinstance(found, Entry) and found.body.get("kind") == "outcome":
                found = await self._found(str(found.body["intent"]), "resolve", by)
            if isinstance(found, Purged) or (found.outcome or {}).get("result") != "in_doubt":
                raise NotInDoubt("it is no intent that is in doubt")
            return await self._ledger.resolve(found, Resolved(wanted.result, wanted.reason, by))

    async def backup(self, *, by: str) -> str:
        """Puts on record that a copy of everything is made, and has the log signed that far; the id of the entry."""
        mark = await self.accesses.record(Access(by, "backup"))
        [entry] = await self._ledger.entries(Filter(id=mark.look))
        await self._ledger.head(entry.seq + 1)
        return mark.look

    async def purge(
        self, asked: Mapping[str, Any], stated: Mapping[RetentionClass, str], *, by: str
    ) -> list[dict[str, Any]]:
        """Takes away what the rules of the policy say is over, and tells what that was. Raises Refusal."""
        wanted = Over.model_validate(asked)
        if not wanted.rehearsed:
            await self.holds.extend(by=by)
        done = await self._ledger.purge(kept(stated), by=by, rehearsed=wanted.rehearsed)
        return [dict(purge.members()) for purge in done]

    async def proof(self, named: str, *, by: str) -> str:
        """That an entry, by its number or its id, is in the log, and the entry itself. Raises UnknownEntry."""
        return await self._ledger.proved((await self._found(named, "prove", by)).seq)

    async def growth(self, asked: Mapping[str, Any], *, by: str) -> str:
        """That the log only grew. No look at the record: nothing of any entry is in it. Raises UnknownSize."""
        del by
        wanted = Growth.model_validate(asked)
        head = await self._ledger.head()
        if wanted.new is not None:
            found = [each for each in await self._ledger.heads(wanted.new, 1) if each.size == wanted.new]
            if not found:
                raise UnknownSize("there is no checkpoint of this size")
            head = found[0]
        if wanted.old > head.size:
            raise UnknownSize(f"the log is signed up to {head.size} entries")
        return await self._ledger.continued(wanted.old, head)

    async def checkpoint(self, *, by: str) -> str:
        """The newest checkpoint."""
        del by
        return (await self._ledger.head()).note

    async def checkpoints(self, asked: Mapping[str, Any], *, by: str) -> list[dict[str, Any]]:
        """A page of all checkpoints, the smallest first."""
        del by
        heads = await self._ledger.heads(From.model_validate(asked).size, _TOGETHER)
        return [{"size": head.size, "ts": head.ts, "note": head.note} for head in heads]

    async def key(self, *, by: str) -> str:
        """The public key by which all of that is checked."""
        del by
        return self._ledger.vkey

    async def _found(self, named: str, action: str, by: str) -> Entry | Purged:
        is_number = len(named) <= _LONGEST_NUMBER and named.isascii() and named.isdigit()
        wanted = Filter(before=int(named) + 1, limit=1) if is_number else Filter(id=_ID.validate_python(named), limit=1)
        found = [each for each in await self._ledger.entries(wanted) if not is_number or each.seq == int(named)]
        gone = None if found else await self._ledger.purged(int(named) if is_number else named)
        if not found and not gone and not is_number:
            found = await self._begun(named)
        await self.accesses.record(Access(by, action, (("entry", named),), len(found)))
        if not found and not gone:
            raise UnknownEntry(_NO_ENTRY)
        return gone or found[0]

    async def _begun(self, disclosure: str) -> list[Entry]:
        """The latest of the first attempts of a disclosure, whose id says when it began."""
        since = int(disclosure[:12], 16) * 1000
        wanted = Filter(kind="intent", since=since, until=since + _SOON, limit=_TOGETHER)
        while page := await self._ledger.entries(wanted):
            if found := [each for each in page if each.body.get("disclosure") == disclosure]:
                return found[:1]
            wanted = replace(wanted, before=page[-1].seq)
        return []


def _demand(name: str, known: Collection[str], where: str) -> None:
    if name not in known:
        there = f"they have {', '.join(sorted(known)) or 'none'}{meant(name, known)}"
        raise UnknownName(f"{where}: the contracts have no such name; {there}")


def _left(gone: Purged) -> dict[str, Any]:
    return {
        "seq": gone.seq,
        "id": gone.id,
        "kind": gone.kind,
        "ts": gone.ts,
        "leaf_hash": base64(gone.hash),
        "purged": gone.purge,
    }


def _shown(entry: Entry, *, whole: bool = True) -> dict[str, Any]:
    shown: dict[str, Any] = {"seq": entry.seq, **entry.body}
    if not whole:
        shown.pop("subjects", None)
    if entry.outcome is not None:
        shown["outcome"] = dict(entry.outcome)
    return shown
