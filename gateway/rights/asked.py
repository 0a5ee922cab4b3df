"""What is asked at the privacy API, and what it answers: the models that its OpenAPI document is made from."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from gateway.desk import Reason, names_nobody
from gateway.errors import GatewayError
from gateway.registry.facts import Ref
from gateway.vocabulary import CATEGORIES, Category, RefusalReason, RequestStatus, Right, Ruling

RequestId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Case = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9._/-]{0,63}$")]


class Unasked(GatewayError):
    """Something is missing without which it cannot be done for somebody else."""


class Verified(StrEnum):
    """How it was checked who asks. That a name is the same is no check."""

    ACCOUNT = "account"
    CALL_BACK = "call_back"
    DOCUMENT = "document"
    IN_PERSON = "in_person"
    KNOWN_ADDRESS = "known_address"
    QUESTIONS = "questions"


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


class Asked(BaseModel):
    """What somebody asks. A member that is not known is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Told(BaseModel):
    """What is answered."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class OnBehalf(Asked):
    """For whom customer service acts, in which case and why, and how it was checked who asks."""

    subject: Ref
    case: Case
    reason: Reason
    verified: Verified
    requester: Requester = Requester.SELF
    proof: Proof | None = None

    _reason = field_validator("reason")(names_nobody)

    @model_validator(mode="after")
    def _may_ask(self) -> "OnBehalf":
        if self.proof is not _PROOFS.get(self.requester):
            raise ValueError("whoever asks for another person shows the proof that goes with it, and nobody else does")
        if self.subject.lower() in f"{self.case} {self.reason}".lower():
            raise ValueError("case and reason stand in the record for good, and do not say who it is about")
        return self


class Personal(Asked):
    """What is asked about one person: about oneself, or with `on_behalf` about somebody else."""

    on_behalf: OnBehalf | None = None


class Open(Personal):
    """A request that somebody decides about, or that vendors are told of; without categories it is about all."""

    right: Right
    categories: tuple[Category, ...] = Field(default=(), max_length=len(CATEGORIES))

    @field_validator("right")
    @classmethod
    def _is_decided_about(cls, right: Right) -> Right:
        if right not in DECIDED_ABOUT:
            raise ValueError(f"one of {', '.join(sorted(DECIDED_ABOUT))}")
        return right


DECIDED_ABOUT = frozenset({Right.RECTIFICATION, Right.ERASURE, Right.RESTRICTION, Right.OBJECTION})


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

    request: RequestId
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
    """The same for whoever decides: with whom it is about."""

    subject: Ref
    by: str
    case: str
    requester: str


class Waiting(Told):
    requests: tuple[WaitingRequest, ...]
