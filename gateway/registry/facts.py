"""Facts as decisions see them, and as the shop puts them in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from gateway.registry.basis import NOTHING, Basis
from gateway.vocabulary import (
    COUNTRIES,
    VALID_CONSENT,
    AcceptanceKind,
    Category,
    ConsentMethod,
    ConsentState,
    ExpressedBy,
    LegalBasis,
    Purpose,
    Right,
    SubjectRole,
)


def _is_country(code: str) -> str:
    if code not in COUNTRIES:
        raise ValueError("not a country code of ISO 3166")
    return code


Ref = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Country = Annotated[str, AfterValidator(_is_country)]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom a call is about: the shop's own number, the role, and whose law applies (or `unknown`)."""

    ref: str
    role: SubjectRole
    jurisdiction: str
    order: str | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """What one person said to one purpose, at one vendor or (None) at all of them.

    *Explicit*, *separate* (from every other question) and *written* are marks of their own: none follows from another.
    `given` is when it was said, None where nobody knows.
    """

    purpose: Purpose
    vendor: str | None
    state: ConsentState
    explicit: bool
    expires: datetime | None
    record: str
    separate: bool = False
    written: bool = False
    given: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        return self.state in VALID_CONSENT and (self.expires is None or now < self.expires)


@dataclass(frozen=True, slots=True)
class Suspension:
    """A vendor, or one of its operations, to which nothing goes until it is lifted."""

    vendor: str
    operation: str | None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that is known about a call when it is decided.

    `people` are those who were found; `missing` are the roles of the others. `basis` is what all of it was taken
    from, so that it can be told whether it still holds.
    """

    people: Mapping[SubjectRole, Person]
    missing: frozenset[SubjectRole]
    consents: Mapping[str, tuple[Consent, ...]]
    suspensions: frozenset[Suspension]
    order_stated: bool
    basis: Basis = NOTHING


class Row(BaseModel):
    """A fact that the shop puts in: where it comes from, and when it came to be, where that was before it is put in."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False)

    source: Text = "shop"
    time: AwareDatetime | None = None


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
    expires: datetime | None = None
    method: ConsentMethod | None = None
    expressed_by: ExpressedBy = ExpressedBy.SUBJECT
    record_id: Text | None = None
    notice: Text | None = None
    language: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] | None = None
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


class SuspensionRow(Row):
    """Stops a vendor, or one of its operations, or lets it go on."""

    kind: Literal["suspension"]
    vendor: str
    operation: str | None = None
    lifted: bool = False


class RevocationRow(Row):
    """A service token that proves nobody any more; not among what a shop puts in."""

    kind: Literal["revocation"] = "revocation"
    token: str


StoredRow = OrderRow | SubjectRow | ConsentRow | AcceptanceRow | SuspensionRow | RevocationRow
STORED: TypeAdapter[list[StoredRow]] = TypeAdapter(list[Annotated[StoredRow, Field(discriminator="kind")]])
AnyRow = Annotated[OrderRow | SubjectRow | ConsentRow | AcceptanceRow | SuspensionRow, Field(discriminator="kind")]
ROWS: TypeAdapter[list[AnyRow]] = TypeAdapter(list[AnyRow])
