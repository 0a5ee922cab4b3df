"""What is asked at the privacy API, and what it answers: the models that its OpenAPI document is made from."""

from datetime import datetime
from enum import StrEnum
from itertools import starmap
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic.config import JsonDict

from gateway.contract.words import Name
from gateway.errors import GatewayError
from gateway.misfit import Asked, Id, Language, Moment, Reason, says_who
from gateway.registry.entered import Ref
from gateway.vocabulary import (
    CATEGORIES,
    Category,
    ConsentMethod,
    ConsentState,
    Purpose,
    RefusalReason,
    RequestStatus,
    Right,
    Ruling,
    SubjectRole,
)
from gateway.vocabulary.people import Verified

Case = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9._/-]{0,63}$")]


class Unasked(GatewayError):
    """Something is missing without which it cannot be done for somebody else."""


class Requester(StrEnum):
    """Who asks: the person, or somebody who may ask for them."""

    SELF = "self"
    GUARDIAN = "guardian"
    REPRESENTATIVE = "representative"
    RELATIVE = "relative"
    """A close relative of somebody who has died (PIPL 49)."""


class Proof(StrEnum):
    """What somebody showed who asks for another person."""

    GUARDIANSHIP = "guardianship"
    MANDATE = "mandate"
    DEATH_CERTIFICATE = "death_certificate"


_PROOFS = {
    Requester.GUARDIAN: Proof.GUARDIANSHIP,
    Requester.REPRESENTATIVE: Proof.MANDATE,
    Requester.RELATIVE: Proof.DEATH_CERTIFICATE,
}


class Told(BaseModel):
    """What is answered."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _proved(requester: Requester, proof: Proof) -> JsonDict:
    stated: JsonDict = {"requester": {"const": requester.value}, "proof": {"const": proof.value}}
    return {"properties": stated, "required": [*stated]}


_THEMSELVES: JsonDict = {"properties": {"requester": {"const": Requester.SELF.value}, "proof": {"type": "null"}}}


class OnBehalf(Asked):
    """For whom customer service acts, in which case and why, and how it was checked who asks."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [*starmap(_proved, _PROOFS.items()), _THEMSELVES]})

    subject: Ref
    case: Case
    reason: Reason
    verified: Verified
    requester: Requester = Requester.SELF
    proof: Proof | None = None

    @model_validator(mode="after")
    def _may_ask(self) -> "OnBehalf":
        proof = _PROOFS.get(self.requester)
        if self.proof is not proof:
            wanted = f"`proof` {proof}" if proof else "no `proof`"
            raise ValueError(f"a requester who is `{self.requester}` shows {wanted}")
        if says_who(f"{self.case} {self.reason}", self.subject):
            raise ValueError("case and reason stand in the record for good, and do not say who it is about")
        return self


class Enter(Asked):
    """Who has signed in at the account centre, and for how many minutes they come in."""

    subject: Ref = Field(repr=False)
    minutes: int = Field(default=15, ge=1, le=60)


class Entered(Told):
    """A token that sees this person and nobody else."""

    token: str = Field(repr=False)
    expires: Moment


class Personal(Asked):
    """What is asked about one person: about oneself, or with `on_behalf` about somebody else."""

    on_behalf: OnBehalf | None = None


DECIDED_ABOUT = frozenset({Right.RECTIFICATION, Right.ERASURE, Right.RESTRICTION, Right.OBJECTION})


class Open(Personal):
    """A request that somebody decides about, or that vendors are told of; without categories it is about all."""

    right: Right = Field(json_schema_extra={"enum": [each.value for each in sorted(DECIDED_ABOUT)]})
    categories: tuple[Category, ...] = Field(default=(), max_length=len(CATEGORIES))

    @field_validator("right")
    @classmethod
    def _is_decided_about(cls, right: Right) -> Right:
        if right not in DECIDED_ABOUT:
            raise ValueError(f"one of {', '.join(sorted(DECIDED_ABOUT))}")
        return right


class Ruled(Asked):
    """What is to be done about one category, or (without one) about all others."""

    category: Category | None = None
    ruling: Ruling
    reason: RefusalReason | None = None


class Decide(Asked):
    """The decision about a request: category by category, or one for all."""

    decisions: tuple[Ruled, ...] = Field(min_length=1, max_length=len(CATEGORIES) + 1)


class Extension(StrEnum):
    """Why a request takes longer than a month (GDPR 12(3))."""

    COMPLEXITY = "complexity"
    NUMBER = "number"


class Extend(Asked):
    """Two more months, and why."""

    reason: Extension


class Close(Asked):
    """How a request ended that was accepted."""

    fulfilled: bool


class Decision(Told):
    category: Category | None
    ruling: Ruling
    reason: RefusalReason | None


class Request(Told):
    """How far a request stands. `due` is when it has to be answered by."""

    request: Id
    right: Right
    status: RequestStatus
    received: datetime
    due: datetime
    overdue: bool
    extended: Extension | None
    categories: tuple[Category, ...]
    decisions: tuple[Decision, ...]
    decided: datetime | None


class Requests(Told):
    requests: tuple[Request, ...]


class WaitingRequest(Request):
    """The same for whoever decides: with whom it is about, and whether a hold keeps everything of theirs."""

    subject: Ref
    held: bool
    by: str
    case: str
    requester: str


class Waiting(Told):
    requests: tuple[WaitingRequest, ...]


Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class Give(Personal):
    """A yes to one purpose, at one vendor or (without one) at all. *Explicit*, *separate* and *written* are marks of
    their own: each is true only where it was so.
    """

    purpose: Purpose
    vendor: Name | None = None
    explicit: bool = False
    separate: bool = False
    written: bool = False
    expires: Moment | None = None
    method: ConsentMethod
    notice: Text | None = None
    language: Language | None = None


def _named(member: str) -> JsonDict:
    return {"properties": {member: {"type": "string"}, "everything": {"const": False}}, "required": [member]}


_EVERYTHING: JsonDict = {
    "properties": {"everything": {"const": True}, "purpose": {"type": "null"}, "vendor": {"type": "null"}},
    "required": ["everything"],
}


class Withdraw(Personal):
    """A no: to one purpose, at one vendor, to both together, or to everything. No reason is asked for."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [_named("purpose"), _named("vendor"), _EVERYTHING]})

    purpose: Purpose | None = None
    vendor: Name | None = None
    everything: bool = False

    @model_validator(mode="after")
    def _says_what(self) -> "Withdraw":
        if self.everything is bool(self.purpose or self.vendor):
            raise ValueError("name a purpose, a vendor or both, or say `everything`")
        return self


class Answered(Personal):
    """What is to become of orders under way."""

    orders: Literal["continue", "stop"]


class Word(Told):
    """A word of a closed list, as people read it."""

    code: str
    en: str
    zh: str


class ConsentTold(Told):
    """What a person said once; the newest answer to a purpose and vendor counts, if it is `in_force`.

    With `renew` it is older than what the policy opened since for some operation, and nothing goes there on it.
    """

    record: str
    purpose: Purpose
    vendor: str | None
    state: ConsentState
    explicit: bool
    separate: bool
    written: bool
    given: datetime | None
    expires: datetime | None
    in_force: bool
    renew: bool


class Consents(Told):
    consents: tuple[ConsentTold, ...]


class UseTold(Told):
    """What one operation of a vendor gets of a person, for one purpose and on one basis."""

    vendor: str
    recipient: str
    operation: str
    as_: SubjectRole = Field(serialization_alias="as")
    purpose: Word
    basis: Word
    categories: tuple[Word, ...]


class Effect(Told):
    """What a withdrawal does: the consents that it ended, what stops with them, and what goes on and on which basis.

    `orders` says what becomes of those under way: they go on, are stopped, or wait until the person was `asked`.
    """

    effective: datetime
    ended: tuple[ConsentTold, ...]
    stops: tuple[UseTold, ...]
    goes_on: tuple[UseTold, ...]
    orders: Literal["go_on", "asked", "stopped"]
