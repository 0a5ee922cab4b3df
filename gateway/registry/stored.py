"""What the gateway itself keeps beside the facts that a shop enters, each a row; and every row that there is."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from gateway.contract.model import PolicyDraft, PolicyVersion
from gateway.misfit import Id
from gateway.registry.entered import AnyRow, PersonRow, Ref, Row
from gateway.vocabulary import Category, Purpose, RefusalReason, RequestStatus, Right, Ruling, Scenario
from gateway.vocabulary.notices import Cause, Duty, NoticeState, NoticeWay


class RevocationRow(Row):
    """A service token that proves nobody any more."""

    kind: Literal["revocation"] = "revocation"
    token: str


class Decided(BaseModel):
    """What is done about one category of a request, or (None) about all others; what is not done as it was asked for
    has its reason.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    category: Category | None
    ruling: Ruling
    reason: RefusalReason | None = None


class RequestRow(Row):
    """How far something stands that a person asked for; put again, it replaces what stood there before.

    `by` is who asked: the person (`subject`), or whoever acts for them, with a case, a reason, and how it was checked
    who asks.
    """

    kind: Literal["request"] = "request"
    request: Id
    subject: Ref
    right: Right
    status: RequestStatus
    received: datetime
    due: datetime
    by: str
    case: str = ""
    why: str = ""
    verified: str = ""
    requester: str = ""
    extended: str = ""
    categories: tuple[Category, ...] = ()
    decisions: tuple[Decided, ...] = ()
    decided: datetime | None = None
    decided_by: str = ""
    lifted: datetime | None = None
    """When a restriction that it brought was ended."""


class TellingRow(Row):
    """A reason for which vendors are to be told about a person, or about an order that is closed.

    It stands until every vendor that is meant has a notice of its own.
    """

    kind: Literal["telling"] = "telling"
    id: str
    cause: Cause
    subject: Ref | None = None
    order: Ref | None = None
    purpose: Purpose | None = None
    vendor: str | None = None
    categories: tuple[Category, ...] = ()


class NoticeRow(Row):
    """What one vendor is told, in which way, until when it is to have answered, and how it answers for that.

    `law` is what lets it keep the data, `until` the last day for which its contract does.
    """

    kind: Literal["notice"] = "notice"
    id: str
    telling: str
    cause: Cause
    vendor: str
    subject: Ref
    order: Ref | None = None
    entity: str
    categories: tuple[str, ...]
    way: NoticeWay
    duty: Duty
    law: str = ""
    until: date | None = None
    due: datetime
    not_before: datetime | None = None
    held: bool = False
    """Whether it waits until a hold is over."""


class NoticeStepRow(Row):
    """A step of a notice: handed to a person, told, confirmed, or excused for a reason; `receipt` is what shows it.

    One that goes on after a hold has a new day by which it is `due`, and goes `not_before` a moment.
    """

    kind: Literal["notice_step"] = "notice_step"
    notice: str
    cause: Cause
    vendor: str
    subject: Ref | None = None
    state: NoticeState
    receipt: str = ""
    reason: str = ""
    due: datetime | None = None
    not_before: datetime | None = None


class GrantedRow(Row):
    """A step of what one proposes and another one grants. `until` is set when it is granted."""

    id: str
    state: Literal["proposed", "granted", "ended"]
    reason: str
    hours: int
    proposed_by: str
    granted_by: str | None = None
    until: datetime | None = None

    @property
    def whose(self) -> frozenset[str]:
        """Who does not grant it."""
        return frozenset({self.proposed_by})


class WaiverRow(GrantedRow):
    """A step of a waiver."""

    kind: Literal["waiver"] = "waiver"
    operations: tuple[str, ...]
    codes: tuple[str, ...]


class BulkLookRow(GrantedRow):
    """A step of a bulk look: so many entries of the record may `who` take out beyond a day's share."""

    kind: Literal["bulk_look"] = "bulk_look"
    who: str
    entries: int

    @property
    def whose(self) -> frozenset[str]:
        return frozenset({self.proposed_by, self.who})


class PolicyRow(Row):
    """A version of the policy: a draft under its name, dropped, or published.

    `filed` is one of policy.yaml that the register takes over. `published` is set where a row is written.
    """

    kind: Literal["policy"] = "policy"
    state: Literal["draft", "dropped", "published", "filed"]
    id: Id
    draft: PolicyDraft
    drafted_by: str
    drafted: AwareDatetime
    published_by: str = ""
    published: AwareDatetime | None = None

    def as_published(self, at: datetime) -> PolicyVersion:
        """The version that it is from a moment on."""
        return PolicyVersion(**self.draft.model_dump(), published=(self.published or at).isoformat())


class ImportRow(Row):
    """How far an import has come, with what of it is in.

    `rows` were read, `chain` is a digest of them, `begun` is when the first of them was.
    """

    kind: Literal["import"] = "import"
    id: str
    begun: AwareDatetime
    rows: int
    chain: str
    is_done: bool = False
    new: int = 0
    same: int = 0
    changed: int = 0
    older: int = 0
    refused: int = 0


class CaseRow(Row):
    """A step of a case outside contracts.

    `said` stands in its entry and `sealed` only here; `people` are those whom a case is about, given with its first.
    """

    kind: Literal["case"] = "case"
    case: str
    number: int
    scenario: Scenario
    step: str
    by: str
    sealed: str
    said: dict[str, str | int | tuple[str, ...]] = Field(default_factory=dict)
    people: tuple[PersonRow, ...] = ()


StoredRow = (
    AnyRow
    | RequestRow
    | RevocationRow
    | TellingRow
    | NoticeRow
    | NoticeStepRow
    | CaseRow
    | WaiverRow
    | BulkLookRow
    | PolicyRow
    | ImportRow
)
STORED: TypeAdapter[list[StoredRow]] = TypeAdapter(list[Annotated[StoredRow, Field(discriminator="kind")]])
