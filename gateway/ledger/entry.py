"""What the ledger records, in types that have no field for a value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, TypeAlias

from msgspec import Raw

from gateway.errors import CODES
from gateway.frozen import Frozen
from gateway.ledger.canonical import Blank, Json, canonical

Result: TypeAlias = Literal["sent", "not_sent", "possibly", "in_doubt"]
Paths: TypeAlias = tuple[tuple[str, int], ...]  # a path as the contract writes it, and how many fields it met


class Index(Frozen, frozen=True):
    """What an entry can be found by, beside its kind, its time and its subjects."""

    vendor: str | None = None
    operation: str | None = None
    caller: str | None = None
    code: str | None = None
    result: str | None = None


class Event(Protocol):
    """One kind of fact."""

    @property
    def kind(self) -> str: ...
    @property
    def index(self) -> Index: ...
    def members(self) -> dict[str, Json]:
        """The members of its own in the leaf; empty ones are left out."""


class Stamp(Frozen, frozen=True):
    """What every leaf says: when, where, and under which id. `ts` in µs of wall clock, `mono` in ms since boot."""

    id: str
    log: str
    ts: int
    mono: int
    boot: str
    node: str
    epoch: int


class Subject(Frozen, frozen=True):
    """A person in a role. Stands sealed beside the leaf, never in it, and in no message: it has no `repr`."""

    ref: str
    role: str
    jurisdiction: str
    order_ref: str | None = None


def leaf(event: Event, stamp: Stamp, joined: Mapping[str, Json]) -> bytes:
    """The canonical body, version 1; `joined` are members that the ledger adds (`subjects`, `payload`, `intent`)."""
    manner, told = (event.manner, event.own()) if isinstance(event, Intent) else (None, event.members())
    own = {"id": stamp.id, "ts": stamp.ts, "mono": stamp.mono, **told, **joined}
    return _blank(event.kind, manner, stamp, own).filled(own)


@dataclass(frozen=True, slots=True)
class Recipient:
    """The vendor's company as it was on the day."""

    name: str
    registration: str = ""
    address: str = ""
    contact: str = ""

    def members(self) -> dict[str, Json]:
        return stated(name=self.name, registration=self.registration, address=self.address, contact=self.contact)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a legal basis rests on: an assessment, a law, a consent. The number of an order stays out."""

    kind: str
    ref: str = ""

    def members(self) -> dict[str, Json]:
        return stated(kind=self.kind, ref=self.ref)


@dataclass(frozen=True, slots=True)
class Ground:
    """On which legal basis the data of one subject goes."""

    role: str
    jurisdiction: str
    basis: str
    evidence: Evidence | None = None

    def members(self) -> dict[str, Json]:
        evidence = self.evidence.members() if self.evidence else None
        return stated(role=self.role, jurisdiction=self.jurisdiction, basis=self.basis, evidence=evidence)


@dataclass(frozen=True, slots=True)
class Disclosed:
    """Fields that left in one form, about the subjects in these roles: path, category, and how many there were.

    `key` is the thumbprint of the key that they were encrypted for; `purpose` and `grounds` are stated where they are
    not those of the whole call.
    """

    form: str
    of: tuple[str, ...]
    fields: tuple[tuple[str, str, int], ...]
    key: str = ""
    purpose: str = ""
    grounds: tuple[Ground, ...] = ()

    def members(self) -> dict[str, Json]:
        fields = [(path, category) if n == 1 else (path, category, n) for path, category, n in self.fields]
        grounds = [ground.members() for ground in self.grounds]
        return stated(form=self.form, key=self.key, of=self.of, purpose=self.purpose, grounds=grounds, fields=fields)


@dataclass(frozen=True, slots=True)
class Withheld:
    """Fields that stayed, for one reason."""

    reason: str
    paths: Paths

    def members(self) -> dict[str, Json]:
        return stated(reason=self.reason, paths=[path if n == 1 else (path, n) for path, n in self.paths])


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a sending goes; path variables are names, not values."""

    method: str
    host: str
    path_template: str

    def members(self) -> dict[str, Json]:
        return {"method": self.method, "host": self.host, "path_template": self.path_template}


@dataclass(frozen=True, slots=True)
class Retention:
    """How long the vendor keeps the data, as the contract says, and the class under which the entry is kept."""

    vendor_keeps: str = ""
    retention_class: str = ""

    def members(self) -> dict[str, Json]:
        return stated(**{"vendor_keeps": self.vendor_keeps, "class": self.retention_class})


_UNSTATED = Retention()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exceptional:
    """What a disclosure outside contracts is: its case, which of the three it is, to whom, and how it is handed over.

    `inquiry`: an authority asks in an inquiry of its own, and is no recipient in the sense of GDPR 4(9). The person is
    not told before `suppressed_until`. `happened` is when it was told, where it was told first and entered afterwards.
    Times are ISO 8601 in UTC; who asked, approved and advised stands in the steps of the case.
    """

    case: str
    scenario: str
    recipient: str
    country: str
    handover: str
    inquiry: bool = False
    demand: str = ""
    danger: str = ""
    happened: str = ""
    suppressed_until: str = ""
    review_due: str = ""

    def members(self) -> dict[str, Json]:
        members = {name: getattr(self, name) for name in self.__slots__}
        return {name: member for name, member in members.items() if member}


_WRITTEN = 2_048
_raws: dict[int, tuple[object, Raw]] = {}


def _written(part: Recipient | Ground | Disclosed | Withheld | Destination | Retention) -> Raw:
    """What a contract says is the same object in most of its calls, so it is written once."""
    # By identity: hashing what nests costs as much as writing it.
    kept = _raws.get(id(part))
    if kept is not None and kept[0] is part:
        return kept[1]
    raw = Raw(canonical(part.members()))
    if len(_raws) >= _WRITTEN:
        _raws.clear()
    _raws[id(part)] = part, raw
    return raw


class Manner(Frozen, frozen=True, kw_only=True):
    """How something leaves: what, to whom and on what grounds. The same in most calls of a service."""

    environment: str
    entity: str
    vendor: str
    vendor_kind: str
    vendor_role: str
    recipient: Recipient
    countries: tuple[str, ...]
    operation: str
    contract: str  # vendor/operation@version
    contract_digest: str
    policy: str
    purpose: str
    commercial: str = ""
    agreements: tuple[str, ...] = ()
    transfer: tuple[tuple[str, str], ...] = ()  # jurisdiction, mechanism
    grounds: tuple[Ground, ...] = ()
    disclosed: tuple[Disclosed, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    warnings: tuple[str, ...] = ()  # codes of grounds that were missing, and did not refuse
    waivers: tuple[str, ...] = ()  # ids of waivers without which it would have been refused
    destination: Destination | None
    media: str = ""
    retention: Retention = _UNSTATED
    exceptional: Exceptional | None = None
    channel: str = ""  # beside the gateway, which was only told of it
    happened: int = 0  # µs, where that was before it was written down
    recorded_afterwards: bool = False  # with others, long after
    caller: str
    token: str
    deadline_ms: int

    def members(self) -> dict[str, Json]:
        return stated(
            environment=self.environment,
            entity=self.entity,
            vendor=self.vendor,
            vendor_kind=self.vendor_kind,
            vendor_role=self.vendor_role,
            recipient=_written(self.recipient),
            countries=self.countries,
            operation=self.operation,
            contract=self.contract,
            contract_digest=self.contract_digest,
            policy=self.policy,
            purpose=self.purpose,
            commercial=self.commercial,
            agreements=self.agreements,
            transfer=self.transfer,
            grounds=[_written(ground) for ground in self.grounds],
            disclosed=[_written(group) for group in self.disclosed],
            withheld=[_written(group) for group in self.withheld],
            warnings=self.warnings,
            waivers=self.waivers,
            destination=_written(self.destination) if self.destination else None,
            retention=_written(self.retention) if self.retention != _UNSTATED else None,
            exceptional=self.exceptional.members() if self.exceptional else None,
            channel=self.channel,
            happened=self.happened or None,
            recorded_afterwards=self.recorded_afterwards or None,
            caller=self.caller,
            token=self.token,
            deadline_ms=self.deadline_ms,
        )


class Intent(Frozen, frozen=True):
    """What is about to leave: one attempt of one disclosure, and the manner of it."""

    kind: ClassVar[str] = "intent"

    disclosure: str
    manner: Manner
    attempt: int = 1

    @property
    def index(self) -> Index:
        manner = self.manner
        return Index(manner.vendor or None, manner.operation or None, manner.caller)

    def members(self) -> dict[str, Json]:
        return {**self.own(), **self.manner.members()}

    def own(self) -> dict[str, Json]:
        """The members that are not of its manner."""
        return {"disclosure": self.disclosure, "attempt": self.attempt}


_blanks: dict[tuple[object, ...], tuple[Manner | None, Blank]] = {}


def _blank(kind: str, manner: Manner | None, stamp: Stamp, own: Mapping[str, Json]) -> Blank:
    """The leaves of one kind, manner and writer differ in a few members; the rest of them is written once."""
    # By identity, as above.
    key = (kind, id(manner), stamp.log, stamp.boot, stamp.node, stamp.epoch, *own)
    kept = _blanks.get(key)
    if kept is not None and kept[0] is manner:
        return kept[1]
    written_by: dict[str, Json] = {
        "v": 1,
        "kind": kind,
        "log": stamp.log,
        "boot": stamp.boot,
        "node": stamp.node,
        "epoch": stamp.epoch,
    }
    blank = Blank({**written_by, **(manner.members() if manner else {})}, own)
    if len(_blanks) >= _WRITTEN:
        _blanks.clear()
    _blanks[key] = manner, blank
    return blank


class Answer(Frozen, frozen=True):
    """What came back: its length, how many fields of each category went on to the caller, how many stayed."""

    bytes: int
    disclosed: tuple[tuple[str, int], ...] = ()
    withheld: int = 0

    def members(self) -> dict[str, Json]:
        return stated(bytes=self.bytes, disclosed=self.disclosed, withheld=self.withheld)


class Outcome(Frozen, frozen=True):
    """How an intent ended. Which intent, the ledger adds."""

    kind: ClassVar[str] = "outcome"

    result: Result
    code: str = ""
    http_status: int | None = None
    bytes_sent: int | None = None
    answer: Answer | None = None
    dur_ms: int | None = None

    def __post_init__(self) -> None:
        demand_codes(self.code)

    @property
    def index(self) -> Index:
        return Index(code=self.code or None, result=self.result)

    def members(self) -> dict[str, Json]:
        return stated(
            result=self.result,
            code=self.code,
            http_status=self.http_status,
            bytes_sent=self.bytes_sent,
            answer=self.answer.members() if self.answer else None,
            dur_ms=self.dur_ms,
        )


def stated(**members: Json) -> dict[str, Json]:
    """Without what is empty; nought and false are not empty."""
    return {name: member for name, member in members.items() if member or member == 0}


def demand_codes(*codes: str) -> None:
    """Raises ValueError for what is no code of ours; a text could hold a value."""
    for code in codes:
        if code and code not in CODES:
            raise ValueError("an entry takes only codes of gateway.errors.CODES")
