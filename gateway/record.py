"""What is written down of a call: paths, categories, counts and grounds, never a value."""

import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from http import HTTPStatus
from typing import Any, NamedTuple

from gateway.assemble import Call, Matched
from gateway.body.document import Document
from gateway.clearance import Clearance, is_of_the_call
from gateway.clearance import Ground as Cleared
from gateway.contract.terms import Origin, Rule, Section, Terms
from gateway.errors import Refusal, refuse
from gateway.frozen import Frozen
from gateway.identity import Caller
from gateway.inforce import InForce, Prepared
from gateway.jwe import Sealed
from gateway.ledger.entry import (
    Answer,
    Destination,
    Disclosed,
    Evidence,
    Ground,
    Intent,
    Manner,
    Outcome,
    Recipient,
    Retention,
    Subject,
    Withheld,
)
from gateway.ledger.refused import Refused
from gateway.minimise import Minimised
from gateway.minimise import Withheld as Stayed
from gateway.outbound.send import Outcome as Sent
from gateway.pieces import Payload
from gateway.retention import RetentionClass
from gateway.vocabulary import Commercial

_BYTES = 6
_SHAPES = 1_000
_PATHS = 200

# Headers whose names are everybody's, so that they say nothing about anybody.
# fmt: off
_PUBLIC_HEADERS = frozenset({
    "accept-charset", "accept-language", "authorization", "baggage", "cache-control", "cookie", "dnt", "forwarded",
    "from", "idempotency-key", "if-match", "if-modified-since", "if-none-match", "origin", "pragma", "range", "referer",
    "sentry-trace", "traceparent", "tracestate", "via", "x-api-key", "x-client-version", "x-correlation-id",
    "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "x-request-id", "x-requested-with",
    "x-stripe-client-telemetry", "x-stripe-client-user-agent",
})
# fmt: on


@dataclass(slots=True)
class Trail:
    """How far a call has come, for the entry and the reply of a refusal."""

    matched: Matched | None = None
    caller: Caller | None = None
    token: str = ""
    sent: str = "no"
    sealed: Sealed = field(default_factory=Sealed)


class Course(Frozen, frozen=True):
    """A call whose contract and caller are known and whose body was read."""

    contracts: InForce
    call: Call
    matched: Matched
    trail: Trail
    incoming: Mapping[str, Document]
    media: str

    @property
    def drops(self) -> bool:
        """Whether items that are refused stay here alone."""
        batch = self.matched.terms.sending.batch
        return batch is not None and batch.drops

    @property
    def caller(self) -> Caller:
        if self.trail.caller is None:
            raise refuse("caller.unknown", "nobody has proven who calls")
        return self.trail.caller


@dataclass(slots=True)
class Disclosure:
    """The fact that fields about subjects go to a vendor, and how often it was attempted."""

    id: str
    attempts: int = 0


class _Row(NamedTuple):
    """Rules whose fields stand together in an entry, as path, category and number; `group` where it goes on grounds of
    its own.
    """

    form: str
    key: str
    roles: tuple[str, ...]
    purpose: str
    group: int | None
    fields: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, slots=True)
class _Fixed:
    """What of an intent is the same for every call of an operation: members of its entry, and its rows."""

    members: Mapping[str, Any]
    rows: tuple[_Row, ...]


Shape = tuple[tuple[Disclosed, ...], tuple[Withheld, ...]]
Apart = tuple[tuple[int, Cleared], ...]


class Recorder:
    """Builds entries. `names_key` digests the names that no contract knows, since they may be data.

    Without a key they are shown: for rehearsals, in which nothing is real.
    """

    def __init__(self, names_key: bytes | None, *, environment: str, deadline_ms: int) -> None:
        self._names_key = names_key
        self._environment = environment
        self._deadline_ms = deadline_ms
        self._fixed: dict[str, _Fixed] = {}
        self._shapes: dict[tuple[object, ...], Shape] = {}
        self._grounds: dict[tuple[object, ...], tuple[Ground, ...]] = {}
        self._manners: dict[tuple[object, ...], Manner] = {}
        self._of: InForce | None = None

    def intent(
        self,
        course: Course,
        clearance: Clearance,
        outgoing: Minimised,
        disclosure: Disclosure,
    ) -> tuple[Intent, tuple[Subject, ...]]:
        """The entry of what is about to leave, and the people it is about, who stand beside it."""
        manner = self._manner(course, clearance, outgoing)
        return Intent(disclosure.id, manner, disclosure.attempts + 1), tuple(dict.fromkeys(_subjects(clearance)))

    def refusal(self, refusal: Refusal, caller: Caller, matched: Matched | None) -> Refused:
        """The entry of a call that did not go."""
        terms = matched.terms if matched else None
        codes = tuple(dict.fromkeys(failure.code for failure in refusal.failures))
        return Refused(
            caller=caller.service,
            code=refusal.code,
            codes=codes if len(codes) > 1 else (),
            vendor=terms.vendor.vendor if terms else "",
            operation=terms.operation.operation if terms else "",
            contract=terms.contract if terms else "",
            where=tuple(dict.fromkeys(failure.where for failure in refusal.failures if failure.where)),
            environment=self._environment,
            token=caller.token_id,
        )

    def _manner(self, course: Course, clearance: Clearance, outgoing: Minimised) -> Manner:
        """The same one for calls that look alike: its part of their entries is written once."""
        fixed, caller, terms = (
            self._fixed_of(course.contracts, course.matched.prepared),
            course.caller,
            course.matched.terms,
        )
        disclosed, withheld = self._shape(terms, fixed.rows, outgoing, clearance.apart)
        grounds = self._grounds_of(clearance)
        of_call: dict[str, Any] = {
            "entity": clearance.entity,
            "policy": clearance.policy,
            "agreements": clearance.agreements,
            "transfer": clearance.transfer,
            "warnings": clearance.warnings,
            "waivers": clearance.waivers,
            "media": course.media,
            "caller": caller.service,
            "token": caller.token_id,
        }
        # What nests is the same object in calls that look alike, and hashing it would cost more than all the rest.
        key = (terms.name, id(disclosed), id(withheld), id(grounds), *of_call.values())
        if (manner := self._manners.get(key)) is None:
            if len(self._manners) > _SHAPES:
                self._manners.clear()
            manner = Manner(**fixed.members, **of_call, grounds=grounds, disclosed=disclosed, withheld=withheld)
            self._manners[key] = manner
        return manner

    def _fixed_of(self, contracts: InForce, prepared: Prepared) -> _Fixed:
        if self._of is not contracts:
            self._fixed, self._manners, self._of = {}, {}, contracts
        if (fixed := self._fixed.get(prepared.terms.name)) is None:
            members = _members(prepared, self._environment, self._deadline_ms)
            fixed = self._fixed[prepared.terms.name] = _Fixed(members, tuple(_rows(prepared)))
        return fixed

    def _grounds_of(self, clearance: Clearance) -> tuple[Ground, ...]:
        """The grounds as an entry says them, each once; who it is about is no part of them."""
        key = tuple(
            [(each.role, each.jurisdiction, each.basis, each.evidence, each.reference) for each in clearance.grounds]
        )
        if (grounds := self._grounds.get(key)) is None:
            if len(self._grounds) > _SHAPES:
                self._grounds.clear()
            grounds = self._grounds[key] = tuple(dict.fromkeys(map(_ground, clearance.grounds)))
        return grounds

    def _shape(self, terms: Terms, rows: Sequence[_Row], outgoing: Minimised, apart: Apart) -> Shape:
        """What left and what stayed, as an entry says it; the calls of one service mostly look alike."""
        is_short = len(outgoing.stayed) < _PATHS and not outgoing.counted
        stayed = outgoing.stayed if is_short else outgoing.withheld.items()
        key = (terms.digest, terms.name, tuple(outgoing.counts), tuple(stayed))
        shape = self._shapes.get(key) or self._kept(key, self._shaped(terms, rows, outgoing))
        if not apart:
            return shape
        # A consent is one person's: where calls differ in that alone, only the groups that rest on it are made anew.
        return self._shapes.get((key, apart)) or self._kept(
            (key, apart), _grounded(shape, rows, outgoing.counts, apart)
        )

    def _kept(self, key: tuple[object, ...], shape: Shape) -> Shape:
        if len(self._shapes) > _SHAPES:
            self._shapes.clear()
        self._shapes[key] = shape
        return shape

    def _shaped(self, terms: Terms, rows: Sequence[_Row], outgoing: Minimised) -> Shape:
        withheld = tuple(self._withheld(terms.sending, outgoing.withheld))
        return tuple(_disclosed(rows, outgoing.counts)), withheld

    def _withheld(self, section: Section, withheld: Mapping[Stayed, int]) -> Iterator[Withheld]:
        by_reason: dict[str, dict[str, int]] = {}
        for stayed, count in withheld.items():
            paths = by_reason.setdefault(stayed.reason, {})
            # Names that a contract has are few; of the others there can be as many as a body holds.
            path = self._path(section, stayed) if len(paths) < _PATHS or stayed.name is None else f"{_parent(stayed)}*"
            paths[path] = paths.get(path, 0) + count
        for reason, paths in by_reason.items():
            yield Withheld(reason, tuple(paths.items()))

    def _path(self, section: Section, stayed: Stayed) -> str:
        name = stayed.name
        if name is None or self._names_key is None or name in section.names:
            return str(stayed)
        if stayed.path == "header:" and name in _PUBLIC_HEADERS:
            return str(stayed)
        digest = hmac.digest(self._names_key, name.encode("utf-8", "surrogatepass"), sha256)[:_BYTES]
        return f"{_parent(stayed)}*#{digest.hex()}"


def _parent(stayed: Stayed) -> str:
    return stayed.path if stayed.path.endswith(":") else f"{stayed.path}."


def _members(prepared: Prepared, environment: str, deadline_ms: int) -> dict[str, Any]:
    terms = prepared.terms
    return {
        **of_operation(terms, environment, deadline_ms),
        "destination": Destination(terms.method, prepared.host.origin, prepared.base + terms.template),
    }


def of_operation(terms: Terms, environment: str, deadline_ms: int) -> dict[str, Any]:
    """Members of the `Manner` of every disclosure by an operation: its vendor, its contract, and what it is for."""
    vendor, operation, company = terms.vendor, terms.operation, terms.vendor.legal_entity
    return {
        "environment": environment,
        "vendor": vendor.vendor,
        "vendor_kind": vendor.kind.value,
        "vendor_role": terms.role.value,
        "recipient": Recipient(company.name, company.registration, company.address, company.contact),
        "countries": tuple(vendor.countries),
        "operation": operation.operation,
        "contract": terms.contract,
        "contract_digest": terms.digest,
        "purpose": operation.purpose.value,
        "commercial": "" if operation.commercial is Commercial.NONE else operation.commercial.value,
        "retention": Retention(operation.retention.vendor_keeps, RetentionClass.ROUTINE.value),
        "deadline_ms": deadline_ms,
    }


def _rows(prepared: Prepared) -> Iterator[_Row]:
    """The rules of a call by form, key, role, and what they are for on which grounds."""
    bound, terms = prepared.sending, prepared.terms
    together: dict[tuple[str, str, tuple[str, ...], str, int | None], list[tuple[str, str, int]]] = {}
    for rule in bound.section.rules:
        if rule.origin is not Origin.CREDENTIAL:
            roles = tuple(role.value for role in rule.roles)
            key = (rule.form.name, bound.key_ids.get(rule.number, ""), roles, *stands_apart(terms, rule))
            together.setdefault(key, []).append((rule.path, rule.category.value, rule.number))
    return (_Row(*key, tuple(fields)) for key, fields in together.items())


def stands_apart(terms: Terms, rule: Rule) -> tuple[str, int | None]:
    """The purpose of a rule where it is not the operation's, and its group where that goes on grounds of its own."""
    group = terms.sending.groups[rule.group] if rule.group >= 0 else None
    if group is None or not group.roles or is_of_the_call(terms, group):
        return "", None
    return "" if group.purpose is terms.operation.purpose else group.purpose.value, rule.group


def _disclosed(rows: Sequence[_Row], counts: Sequence[int]) -> Iterator[Disclosed]:
    for row in rows:
        left = tuple((path, category, counts[number]) for path, category, number in row.fields if counts[number])
        if left:
            yield Disclosed(row.form, row.roles, left, row.key, row.purpose)


def _grounded(shape: Shape, rows: Sequence[_Row], counts: Sequence[int], apart: Apart) -> Shape:
    """The same with the grounds of what goes on its own."""
    disclosed, withheld = shape
    groups = (row.group for row in rows if any(counts[number] for _, _, number in row.fields))
    grounds: dict[int | None, dict[Ground, None]] = {}
    for group, each in apart:
        grounds.setdefault(group, {})[_ground(each)] = None
    return tuple(
        replace(each, grounds=tuple(grounds[group])) if group in grounds else each
        for each, group in zip(disclosed, groups, strict=True)
    ), withheld


def _ground(cleared: Cleared) -> Ground:
    evidence = Evidence(cleared.evidence.value, cleared.reference) if cleared.evidence else None
    return Ground(cleared.role.value, cleared.jurisdiction, cleared.basis.value, evidence)


def _subjects(clearance: Clearance) -> Iterator[Subject]:
    for ground in clearance.grounds:
        if ground.person is not None:
            order = ground.person.order or ground.person.stated
            yield Subject(ground.person.ref, ground.role.value, ground.jurisdiction, order)


def outcome_of(sent: Sent, payload: Payload, seconds: float, terms: Terms, came_back: Minimised | None) -> Outcome:
    """The entry of how an attempt ended."""
    answer = sent.answer
    return Outcome(
        sent.result,
        sent.code,
        http_status=answer.status if answer else None,
        bytes_sent=len(payload) if sent.result == "sent" else None,
        answer=Answer(len(answer.payload), _categories(terms, answer.status, came_back), _stayed(came_back))
        if answer
        else None,
        dur_ms=round(seconds * 1000),
    )


def _categories(terms: Terms, status: int, came_back: Minimised | None) -> tuple[tuple[str, int], ...]:
    section = terms.answer if status < HTTPStatus.BAD_REQUEST else terms.errors
    counts: dict[str, int] = {}
    for rule in section.rules if section and came_back else ():
        if came_back and (count := came_back.counts[rule.number]):
            category = rule.category.value
            counts[category] = counts.get(category, 0) + count
    return tuple(counts.items())


def _stayed(came_back: Minimised | None) -> int:
    return came_back.staying if came_back else 0
