"""Facts as the shop enters them, each a row."""

from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from gateway.contract.announcing import State
from gateway.contract.papers import Agreement, lacking
from gateway.contract.words import Day, Digest
from gateway.errors import GatewayError
from gateway.misfit import Language, Moment, told
from gateway.vocabulary import (
    FLAGS,
    AcceptanceKind,
    Attested,
    Category,
    ConsentMethod,
    ConsentState,
    ExpressedBy,
    Flag,
    LegalBasis,
    OrderState,
    Purpose,
    Right,
    SubjectRole,
    is_place,
)


def _is_place(code: str) -> str:
    if not is_place(code):
        raise ValueError("not a code of ISO 3166 for a country or a part of one")
    return code


def _is_country(code: str) -> str:
    if not is_place(code) or "-" in code:
        raise ValueError("not a code of ISO 3166 for a country")
    return code


Ref = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Country = Annotated[str, AfterValidator(_is_place)]


class Row(BaseModel):
    """A fact that the shop puts in: where it comes from, and when it came to be, where that was before it is put in."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False)

    source: Text = "shop"
    time: Moment | None = None


class PersonRow(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    role: SubjectRole
    subject: Ref
    jurisdiction: Country | None = None


class OrderRow(Row):
    """An order and the people in it; put again, it replaces them."""

    kind: Literal["order"]
    order: Ref
    people: tuple[PersonRow, ...] = Field(min_length=1, max_length=20)

    @field_validator("people")
    @classmethod
    def _has_each_role_once(cls, people: tuple[PersonRow, ...]) -> tuple[PersonRow, ...]:
        if len({each.role for each in people}) < len(people):
            raise ValueError("an order has each role once")
        return people


class OrderStateRow(Row):
    """How far an order has come; the people in it stay as they are."""

    kind: Literal["order_state"]
    order: Ref
    state: OrderState


class SubjectRow(Row):
    """Whose law a person lives under."""

    kind: Literal["subject"]
    subject: Ref
    jurisdiction: Country


class ConsentRow(Row):
    """A person's answer; the newest one for a purpose and vendor counts.

    What decides nothing is kept as the record of it, under the names of ISO/IEC TS 27560.
    """

    kind: Literal["consent"]
    subject: Ref
    purpose: Purpose
    vendor: Text | None = None
    state: ConsentState
    explicit: bool = False
    separate: bool = False
    written: bool = False
    expires: Moment | None = None
    method: ConsentMethod | None = None
    expressed_by: ExpressedBy = ExpressedBy.SUBJECT
    record_id: Text | None = None
    notice: Text | None = None
    language: Language | None = None
    categories: tuple[Category, ...] = ()
    recipients: tuple[Text, ...] = ()
    controller: Text | None = None
    jurisdiction: Country | None = None
    rights: tuple[Right, ...] = ()
    storage: Text | None = None
    withdrawal: Text | None = None
    legal_basis: Literal[LegalBasis.CONSENT, LegalBasis.EXPLICIT_CONSENT] | None = None


class AcceptanceRow(Row):
    """A version of the policy that a person accepted. It is never a consent to anything."""

    kind: Literal["acceptance"]
    subject: Ref
    policy: Text
    how: AcceptanceKind


class FlagRow(Row):
    """What holds for a person from now on, or holds no more."""

    kind: Literal["flag"]
    subject: Ref
    flag: Flag
    purpose: Purpose | None = None
    vendor: Text | None = None
    lifted: bool = False

    @model_validator(mode="after")
    def _is_as_narrow_as_it_may_be(self) -> Self:
        if (self.purpose or self.vendor) and not FLAGS[self.flag].narrows:
            raise ValueError(f"`{self.flag}` holds for a person as a whole, for every purpose and vendor")
        return self


class LinkRow(Row):
    """Two references of one person, such as an account and the order of a guest: what holds for one holds for both."""

    kind: Literal["link"]
    subject: Ref
    other: Ref
    lifted: bool = False

    @model_validator(mode="after")
    def _are_two(self) -> Self:
        if self.subject == self.other:
            raise ValueError("a reference is not linked to itself")
        return self


class SuspensionRow(Row):
    """Stops a vendor, or one of its operations, or lets it go on."""

    kind: Literal["suspension"]
    vendor: str
    operation: str | None = None
    lifted: bool = False


class AgreementRow(Row):
    """A paper that a vendor's file does not have, or has otherwise: one of the same id takes its place."""

    kind: Literal["agreement"]
    vendor: Text
    agreement: Agreement

    @model_validator(mode="after")
    def _lacks_nothing(self) -> Self:
        for key, why in lacking(self.agreement):
            raise ValueError(f"no `{key}`: {why}")
        return self


class AgreementEndRow(Row):
    """A paper that somebody ended, in a vendor's file or not: with its last day, or at once."""

    kind: Literal["agreement_end"]
    vendor: Text
    agreement: Text
    last: Day | None = None


class ReviewRow(Row):
    """A review of a vendor was held, and by when the next one is due."""

    kind: Literal["review"]
    vendor: Text
    held: Day
    next: Day
    result: Literal["passed", "findings", "failed"] = "passed"

    @model_validator(mode="after")
    def _leads_on(self) -> Self:
        if self.next <= self.held:
            raise ValueError("the next review comes after this one")
        return self


class AttestationRow(Row):
    """A vendor has said something of itself in writing, on a day."""

    kind: Literal["attestation"]
    vendor: Text
    of: Attested
    given: Day
    document: Digest | None = None


class SubProcessorRow(Row):
    """A vendor has announced that a company will work for it in a country from a day on, or what became of that; put
    again, it replaces what was said of that company there.
    """

    kind: Literal["sub_processor"]
    vendor: Text
    name: Text
    country: Annotated[str, AfterValidator(_is_country)]
    since: Day
    state: State = "announced"


AnyRow = Annotated[
    OrderRow
    | OrderStateRow
    | SubjectRow
    | ConsentRow
    | AcceptanceRow
    | FlagRow
    | LinkRow
    | SuspensionRow
    | AgreementRow
    | AgreementEndRow
    | ReviewRow
    | AttestationRow
    | SubProcessorRow,
    Field(discriminator="kind"),
]
ROWS: TypeAdapter[list[AnyRow]] = TypeAdapter(list[AnyRow])


class NoFacts(GatewayError):
    """What is put in is no list of facts."""


def facts_of(asked: object) -> list[AnyRow]:
    """A list of facts that somebody puts in at once. Raises NoFacts, which quotes nothing of it."""
    try:
        found = ROWS.validate_python(asked)
    except ValidationError as error:
        raise NoFacts(told(error, AnyRow)) from None
    if not found:
        raise NoFacts("there is no fact in it")
    return found
