"""A contract as a reviewer reads it: one row a group, and for one call what leaves, what stays, and by which line."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from gateway.contract.load import ContractSet
from gateway.contract.terms import Bases, GroupTerms, Origin, Section, Terms
from gateway.rehearse import Http1, Rehearsed, Stage, staged


class Field(NamedTuple):
    """A place, the kind of data that stands there, and whether a call without it is refused."""

    path: str
    category: str
    required: bool


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group of fields that leave for one reason in one form."""

    why: str
    whose: str
    fields: tuple[Field, ...]
    form: str
    basis: str
    purpose: str
    where: str


@dataclass(frozen=True, slots=True)
class FieldRow:
    """A place of one call: whether it left, in what form, and the line that decided."""

    place: str
    count: int
    left: bool
    how: str
    where: str


def groups(terms: Terms, section: Section | None = None) -> Iterator[GroupRow]:
    """The reviewer's table of what leaves, or of another section of the contract."""
    section = section or terms.sending
    for group in section.groups:
        rules = section.rules_of(group)
        yield GroupRow(
            why=group.why,
            whose=", ".join(group.roles) or "nobody",
            fields=tuple(Field(rule.path, rule.category.value, rule.required) for rule in rules),
            form=", ".join(sorted({rule.form.name for rule in rules})),
            basis=_basis(terms, group),
            purpose=group.purpose.value,
            where=group.where,
        )


def beside(terms: Terms) -> Iterator[GroupRow]:
    """What leaves without a group: the technical headers of the vendor's file, and what the contract writes itself."""
    why = {name.lower(): sentence for name, sentence in terms.vendor.headers.items()}
    for rule in terms.sending.rules:
        if rule.origin in (Origin.HEADER, Origin.PIN):
            is_pin = rule.origin is Origin.PIN
            yield GroupRow(
                why="Tells this call from others; the contract has its text."
                if is_pin
                else why[str(rule.place.path[0])],
                whose="nobody",
                fields=(Field(rule.path, rule.category.value, required=is_pin),),
                form=rule.form.name,
                basis="none is needed",
                purpose=terms.operation.purpose.value,
                where=terms.file if is_pin else f"{terms.vendor.vendor}/vendor.yaml",
            )


def recipient(terms: Terms) -> str:
    """Who receives it, and how the shop stands to them."""
    vendor = terms.vendor
    risk = f"risk {vendor.risk}" if vendor.risk else "no risk is stated"
    return f"{vendor.legal_entity.name}: {vendor.kind}, {terms.role}, {risk}, to be reviewed by {vendor.review}"


def _basis(terms: Terms, group: GroupTerms) -> str:
    if group.bases is not None:
        return _written(group.bases)
    bases = {_written(subject.bases) for subject in terms.subjects if subject.role in group.roles}
    return "; ".join(sorted(bases)) or "none is needed"


def _written(bases: Bases) -> str:
    return ", ".join(basis if key == "default" else f"{key}: {basis}" for key, basis in bases.items())


async def call(contracts: ContractSet, terms: Terms, given: Http1) -> tuple[Rehearsed, list[FieldRow]]:
    """One call rehearsed: what came of it, and a row for each place in it."""
    done = await Stage(staged(contracts)).play(terms, given)
    return done, list(_fields(terms, done))


def _fields(terms: Terms, done: Rehearsed) -> Iterator[FieldRow]:
    if done.intent is None:
        return
    lines = {rule.path: rule for rule in terms.sending.rules}
    for disclosed in done.intent.manner.disclosed:
        for path, _, count in disclosed.fields:
            yield FieldRow(path, count, left=True, how=disclosed.form, where=lines[path].where)
    for withheld in done.intent.manner.withheld:
        for path, count in withheld.paths:
            where = lines[path].where if path in lines else "no line names it"
            yield FieldRow(path, count, left=False, how=withheld.reason, where=where)
