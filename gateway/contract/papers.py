"""The papers of a vendor's file as models: what was agreed, and for how long."""

from collections.abc import Collection, Iterator
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from gateway.contract.words import Block, Country, Day, Digest, Duration, Name, Text
from gateway.vocabulary import AGREEMENTS, AgreementStatus, AgreementType, Category, Clause, TransferMechanism


def _covered(text: str) -> str:
    if not any(is_covered(category, (text,)) for category in Category):
        raise ValueError("write a category, or a family of them like address.*")
    return text


def is_covered(category: Category, covers: Collection[str]) -> bool:
    """Whether words like `person.name` and `address.*` speak of a category."""
    return category.value in covers or f"{category.value.partition('.')[0]}.*" in covers


Covered = Annotated[str, AfterValidator(_covered)]


class OnLapse(Block):
    """What goes on when a paper has ended, so that parcels on their way arrive: operations of the vendor."""

    operations: tuple[Name, ...] = Field(alias="continue", min_length=1)
    duration: Duration | None = Field(default=None, alias="for")


class Agreement(Block):
    """A paper; its days are whole days in the policy's time zone, both ends inclusive."""

    type: AgreementType
    id: Text
    entities: tuple[Name, ...] = ()
    signed: Day | None = None
    starts: Day | None = Field(default=None, alias="from")
    until: Day | None = None
    renewal: Duration | None = None
    status: AgreementStatus = AgreementStatus.ACTIVE
    clauses: tuple[Clause, ...] = ()
    covers: tuple[Covered, ...] = ()
    law: Text | None = None
    document: Digest | None = None
    on_lapse: OnLapse | None = None


class Transfer(Block):
    """On what data may cross the border: to which countries of the vendor's, from which of our companies.

    `until` is the last day of a certificate or an approval; `agreement` a paper that it rests on.
    """

    mechanism: TransferMechanism
    to: tuple[Country, ...] = ()
    entities: tuple[Name, ...] = Field(default=(), alias="from")
    until: Day | None = None
    agreement: Text | None = None
    reference: Text | None = None


def _as_lines(value: object) -> object:
    """A word alone is a line without conditions."""
    lines = value if isinstance(value, list) else [value]
    return [{"mechanism": line} if isinstance(line, str) else line for line in lines]


Transfers = Annotated[tuple[Transfer, ...], BeforeValidator(_as_lines), Field(min_length=1)]
"""The lines for one jurisdiction; of those that fit, the first that holds counts."""


def lacking(paper: Agreement) -> Iterator[tuple[str, str]]:
    """The keys that a paper of this type must have and does not, each with why."""
    term = AGREEMENTS[paper.type]
    if term.is_signed and paper.signed is None:
        yield "signed", "somebody signed it on some day"
    if paper.signed is None and paper.starts is None:
        yield "from", "it holds from some day on"
    if term.is_signed and paper.until is None and paper.renewal is None:
        yield "until", "it ends on some day, or renews itself (`renewal`)"
    if paper.type is AgreementType.STATUTORY_SECRECY and paper.law is None:
        yield "law", "which law binds the vendor to secrecy?"
