"""Facts as decisions see them, and as the shop puts them in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from gateway.registry.basis import NOTHING, Basis
from gateway.vocabulary import COUNTRIES, VALID_CONSENT, ConsentState, Purpose, SubjectRole


def _is_country(code: str) -> str:
    if code not in COUNTRIES:
        raise ValueError("not a country code of ISO 3166")
    return code


Ref = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
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
    """What one person said to one purpose, at one vendor or (None) at all of them."""

    purpose: Purpose
    vendor: str | None
    state: ConsentState
    explicit: bool
    expires: datetime | None
    record: str

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
    """A fact that the shop puts in, with where it comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False)

    source: Annotated[str, StringConstraints(min_length=1, max_length=200)] = "shop"


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
    """A person's answer; the newest one for a purpose and vendor counts."""

    kind: Literal["consent"]
    subject: Ref
    purpose: Purpose
    vendor: str | None = None
    state: ConsentState
    explicit: bool = False
    expires: datetime | None = None


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


StoredRow = OrderRow | SubjectRow | ConsentRow | SuspensionRow | RevocationRow
STORED: TypeAdapter[list[StoredRow]] = TypeAdapter(list[Annotated[StoredRow, Field(discriminator="kind")]])
AnyRow = Annotated[OrderRow | SubjectRow | ConsentRow | SuspensionRow, Field(discriminator="kind")]
ROWS: TypeAdapter[list[AnyRow]] = TypeAdapter(list[AnyRow])
