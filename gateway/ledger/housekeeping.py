"""What the ledger records about the gateway itself: its life, its rules, its keys, and who looked."""

from dataclasses import dataclass
from typing import ClassVar

from gateway.ledger.canonical import Json
from gateway.ledger.entry import Index


@dataclass(frozen=True, slots=True)
class Genesis:
    """The first leaf of a log: how the rest is to be read."""

    kind: ClassVar[str] = "genesis"
    index: ClassVar[Index] = Index()

    canonical: str = "rfc8785"
    tree: str = "rfc6962-sha256"

    def members(self) -> dict[str, Json]:
        return {"canonical": self.canonical, "tree": self.tree}


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
    """A version of the published policy came into force."""

    kind: ClassVar[str] = "policy"
    index: ClassVar[Index] = Index()

    version: str
    digest: str

    def members(self) -> dict[str, Json]:
        return {"version": self.version, "digest": self.digest}


@dataclass(frozen=True, slots=True)
class FactPut:
    """A fact was put or changed. Whose it is stands in a commitment; what it says, in the registry."""

    kind: ClassVar[str] = "fact"

    fact: str  # order, consent, suspension …
    state: str = ""
    vendor: str = ""
    by: str = ""

    @property
    def index(self) -> Index:
        return Index(vendor=self.vendor or None, caller=self.by or None)

    def members(self) -> dict[str, Json]:
        members = {"fact": self.fact, "state": self.state, "vendor": self.vendor, "by": self.by}
        return {name: member for name, member in members.items() if member}


@dataclass(frozen=True, slots=True)
class KeyMade:
    """A generation of the key over subject keys was made or destroyed."""

    kind: ClassVar[str] = "key"
    index: ClassVar[Index] = Index()

    generation: int
    state: str  # created, destroyed

    def members(self) -> dict[str, Json]:
        return {"generation": self.generation, "state": self.state}


@dataclass(frozen=True, slots=True)
class TokenChanged:
    """A service token was issued or revoked; the id, never the token."""

    kind: ClassVar[str] = "token"

    token: str
    service: str
    state: str  # issued, revoked
    vendor: str = ""

    @property
    def index(self) -> Index:
        return Index(vendor=self.vendor or None, caller=self.service)

    def members(self) -> dict[str, Json]:
        members = {"token": self.token, "service": self.service, "state": self.state, "vendor": self.vendor}
        return {name: member for name, member in members.items() if member}


@dataclass(frozen=True, slots=True)
class Access:
    """A look at the record: who, what for, by which filters, and how much was found.

    A subject that was searched for is handed over beside the entry, so that it stands in a commitment.
    """

    kind: ClassVar[str] = "access"

    reviewer: str
    action: str  # list, show, export
    filters: tuple[tuple[str, str], ...] = ()
    found: int = 0
    why: str = ""

    @property
    def index(self) -> Index:
        return Index(caller=self.reviewer)

    def members(self) -> dict[str, Json]:
        members: dict[str, Json] = {"reviewer": self.reviewer, "action": self.action, "found": self.found}
        stated: dict[str, Json] = {"filters": self.filters, "why": self.why}
        return members | {name: member for name, member in stated.items() if member}
