"""What the ledger records about the gateway itself: its life, its rules, and who looked."""

from dataclasses import dataclass
from typing import ClassVar

from gateway.ledger.canonical import Json
from gateway.ledger.entry import Index


@dataclass(frozen=True, slots=True)
class Genesis:
    """The first leaf of a log, or of an origin that goes on where another ended: how the rest is to be read.

    `checkpoint` is the last note of the origin before that anybody has, `size` how many of its entries were brought
    back, `lost` the places of those that were signed and are gone, from the first to the last with both.
    """

    kind: ClassVar[str] = "genesis"
    index: ClassVar[Index] = Index()

    canonical: str = "rfc8785"
    tree: str = "rfc6962-sha256"
    origin: int = 0
    previous: str = ""
    checkpoint: str = ""
    size: int = 0
    lost: tuple[int, int] | None = None

    def members(self) -> dict[str, Json]:
        members: dict[str, Json] = {"canonical": self.canonical, "tree": self.tree}
        if self.origin:
            members |= {"origin": self.origin, "previous": self.previous, "size": self.size}
        stated: dict[str, Json] = {"checkpoint": self.checkpoint, "lost": self.lost}
        return members | {name: member for name, member in stated.items() if member}


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A backup was brought back: what its manifest says of it, and who did it. `made` in µs."""

    kind: ClassVar[str] = "restore"
    index: ClassVar[Index] = Index()

    made: int
    size: int
    root: str
    erased: int
    by: str

    def members(self) -> dict[str, Json]:
        return {"made": self.made, "size": self.size, "root": self.root, "erased": self.erased, "by": self.by}


@dataclass(frozen=True, slots=True)
class Epoch:
    """A process began to write, or ended in good order."""

    kind: ClassVar[str] = "epoch"
    index: ClassVar[Index] = Index()

    state: str  # opened, closed

    def members(self) -> dict[str, Json]:
        return {"state": self.state}


@dataclass(frozen=True, slots=True)
class ContractActivated:
    """A contract came into force."""

    kind: ClassVar[str] = "contract"

    vendor: str
    operation: str
    version: str
    digest: str

    @property
    def index(self) -> Index:
        return Index(vendor=self.vendor, operation=self.operation)

    def members(self) -> dict[str, Json]:
        return {
            "vendor": self.vendor,
            "operation": self.operation,
            "version": self.version,
            "digest": self.digest,
        }


@dataclass(frozen=True, slots=True)
class PolicyActivated:
    """A version of the published policy came into force: from a file, or because somebody published it."""

    kind: ClassVar[str] = "policy"

    version: str
    digest: str
    by: str = ""
    put: str = ""  # as with facts

    @property
    def index(self) -> Index:
        return Index(caller=self.by or None)

    def members(self) -> dict[str, Json]:
        stated: dict[str, Json] = {"by": self.by, "put": self.put}
        return {"version": self.version, "digest": self.digest} | {name: each for name, each in stated.items() if each}


@dataclass(frozen=True, slots=True)
class FactPut:
    """A fact was put or changed. Whose it is stands in a commitment; what it says, in the registry."""

    kind: ClassVar[str] = "fact"

    fact: str  # order, consent, suspension …
    state: str = ""
    vendor: str = ""
    by: str = ""
    put: str = ""  # by which a change that broke off finds what of it is on record
    batch: str = ""  # of an import: its id, how many facts went in together, and a keyed digest of them
    count: int = 0  # of a bulk look: how many entries
    digest: str = ""

    @property
    def index(self) -> Index:
        return Index(vendor=self.vendor or None, caller=self.by or None)

    def members(self) -> dict[str, Json]:
        members: dict[str, Json] = {
            "fact": self.fact,
            "state": self.state,
            "vendor": self.vendor,
            "by": self.by,
            "put": self.put,
            "batch": self.batch,
            "count": self.count,
            "digest": self.digest,
        }
        return {name: member for name, member in members.items() if member}


@dataclass(frozen=True, slots=True)
class Received:
    """A vendor sent something by itself: by which part of its file, of which categories the shop got how many fields,
    and how much stayed. Whom it is about nobody looks up.
    """

    kind: ClassVar[str] = "received"

    vendor: str
    hook: str
    digest: str
    bytes: int
    kept: tuple[tuple[str, int], ...]
    withheld: int

    @property
    def index(self) -> Index:
        return Index(vendor=self.vendor)

    def members(self) -> dict[str, Json]:
        members: dict[str, Json] = {"vendor": self.vendor, "hook": self.hook, "digest": self.digest}
        counts: dict[str, Json] = {"kept": self.kept, "withheld": self.withheld}
        return members | {"direction": "inbound", "bytes": self.bytes} | {k: v for k, v in counts.items() if v}


@dataclass(frozen=True, slots=True)
class TokenChanged:
    """A service token was issued or revoked; the id, never the token."""

    kind: ClassVar[str] = "token"

    token: str
    service: str
    state: str  # issued, revoked
    vendor: str = ""
    put: str = ""
    expires: int = 0  # Unix seconds, of one that was issued
    by: str = ""

    @property
    def index(self) -> Index:
        return Index(vendor=self.vendor or None, caller=self.service)

    def members(self) -> dict[str, Json]:
        members: dict[str, Json] = {
            "token": self.token,
            "service": self.service,
            "state": self.state,
            "vendor": self.vendor,
            "put": self.put,
            "expires": self.expires,
            "by": self.by,
        }
        return {name: member for name, member in members.items() if member}


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a person found out about an intent that was in doubt. Which intent, the ledger adds."""

    kind: ClassVar[str] = "resolve"

    result: str  # sent, not_sent
    reason: str
    by: str

    @property
    def index(self) -> Index:
        return Index(result=self.result)

    def members(self) -> dict[str, Json]:
        return {"result": self.result, "reason": self.reason, "by": self.by}


@dataclass(frozen=True, slots=True)
class Access:
    """A look at the record: who, what for, by which filters, and how much was found.

    A subject that was searched for is handed over beside the entry, so that it stands in a commitment. `grant` is the
    bulk look that was needed for it, and `why` then its reason; `refused` the code with which nothing was shown.
    """

    kind: ClassVar[str] = "access"

    reviewer: str
    action: str  # list, show, export
    filters: tuple[tuple[str, str], ...] = ()
    found: int = 0
    why: str = ""
    grant: str = ""
    refused: str = ""

    @property
    def index(self) -> Index:
        return Index(caller=self.reviewer)

    def members(self) -> dict[str, Json]:
        members: dict[str, Json] = {"reviewer": self.reviewer, "action": self.action, "found": self.found}
        stated: dict[str, Json] = {
            "filters": self.filters,
            "why": self.why,
            "grant": self.grant,
            "refused": self.refused,
        }
        return members | {name: member for name, member in stated.items() if member}
