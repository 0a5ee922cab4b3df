"""Who received somebody's data: lines made of what the record says, for that person and nobody else."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal, TypeVar

from gateway.contract.load import ContractSet
from gateway.contract.model import Entity
from gateway.ledger.personal import Personal
from gateway.registry.notices import Notice
from gateway.rights.asked import Told, Word
from gateway.vocabulary import BASES, Category, LegalBasis, Purpose, SubjectRole, VendorKind, VendorRole
from gateway.vocabulary.labels import (
    BASIS_LABELS,
    CATEGORY_LABELS,
    CHANNEL_LABELS,
    FORM_LABELS,
    KIND_LABELS,
    PURPOSE_LABELS,
    ROLE_LABELS,
    Label,
)
from gateway.vocabulary.notices import NoticeState
from gateway.vocabulary.places import TransferMechanism, territory_of
from gateway.vocabulary.wording import (
    OTHERS_LABELS,
    RIGHT_LABELS,
    RIGHTS_IN_CHINA,
    SUBJECT_ROLE_LABELS,
    TRANSFER_LABELS,
)

Code = TypeVar("Code", bound=StrEnum)
_OWN_ORDERS = frozenset({SubjectRole.PURCHASER.value, SubjectRole.PAYER.value})

_FORMS: Mapping[str, Label] = {**FORM_LABELS, "replace": Label("as a word that says nothing of it", "以通用词代替")}


class Company(Told):
    """A company, as it was on the day."""

    name: str
    registration: str
    address: str
    contact: str


class CategoryTold(Word):
    """A category of data, in which forms it left, and for what and on which basis where it is not that of the rest."""

    forms: tuple[Word, ...]
    purposes: tuple[Word, ...] = ()
    bases: tuple[Word, ...] = ()


class RightTold(Word):
    """A right that a person has, and where it stands in the laws that hold; `code` is the GDPR's article."""

    laws: tuple[str, ...]


class BasisTold(Word):
    """A legal basis, where it stands in the laws that hold (`GDPR 6(1)(b)`), and which rights follow from it."""

    laws: tuple[str, ...]
    rights: tuple[RightTold, ...]


class NoticeTold(Told):
    """What a recipient was told later, and how far that has come."""

    cause: str
    state: str
    due: datetime


class Disclosure(Told):
    """Data that went to one recipient once, or (`count`) several times alike from `first` to `last`.

    `arrived` is `possibly` where nobody knows whether it came. `others` are whom else it was about, by their role only.
    """

    first: datetime
    last: datetime
    count: int
    arrived: Literal["yes", "possibly"]
    channel: Word
    controller: Company
    recipient: Company
    kind: Word | None
    role: Word | None
    countries: tuple[str, ...]
    purpose: Word
    about: tuple[Word, ...]
    categories: tuple[CategoryTold, ...]
    bases: tuple[BasisTold, ...]
    safeguards: tuple[Word, ...]
    keeps: str | None
    orders: tuple[str, ...]
    others: tuple[Word, ...]
    notices: tuple[NoticeTold, ...] = ()


@dataclass(frozen=True, slots=True)
class _Apart:
    """A category of a group that has a purpose or a ground of its own; empty where it has not."""

    category: str
    purpose: str
    bases: frozenset[LegalBasis]


def disclosures(
    told: Iterable[Personal],
    contracts: ContractSet,
    now: datetime,
    *,
    inquiries: bool,
    notices: Sequence[Notice],
) -> list[Disclosure]:
    """A line for each disclosure, the newest first.

    Left out is what the person must not be told yet, and, unless `inquiries`, what authorities got in inquiries of
    their own (GDPR 4(9)). Attempts of one disclosure are one line.
    """
    found: dict[str, Disclosure] = {}
    for each in sorted(told, key=lambda one: one.entry.seq, reverse=True):
        if each.may_have_arrived and _may_be_told(each.entry.body, now, inquiries=inquiries):
            key = str(each.entry.body["disclosure"])
            line = _line(each, contracts, notices)
            if key not in found or line.arrived == "yes":
                found[key] = line
    return list(found.values())


def summed(lines: Iterable[Disclosure]) -> list[Disclosure]:
    """What is alike in everything but its time and its order as one line, with the first and the last time."""
    series: dict[str, Disclosure] = {}
    for line in lines:
        alike = line.model_dump_json(exclude={"first", "last", "count", "orders"})
        if (known := series.get(alike)) is None:
            series[alike] = line
            continue
        series[alike] = known.model_copy(
            update={
                "first": min(known.first, line.first),
                "last": max(known.last, line.last),
                "count": known.count + line.count,
                "orders": tuple(dict.fromkeys((*known.orders, *line.orders))),
            }
        )
    return list(series.values())


def _may_be_told(body: Mapping[str, Any], now: datetime, *, inquiries: bool) -> bool:
    exceptional = body.get("exceptional") or {}
    until = exceptional.get("suppressed_until")
    if until and now < datetime.fromisoformat(until):
        return False
    return inquiries or not exceptional.get("inquiry")


def _line(each: Personal, contracts: ContractSet, notices: Sequence[Notice]) -> Disclosure:
    body: Mapping[str, Any] = each.entry.body
    when = datetime.fromtimestamp(each.left_at / 1_000_000, UTC)
    recipient = body["recipient"]
    entity = contracts.entities.entities.get(body["entity"])
    people = {(subject.role, subject.jurisdiction) for subject in each.subjects}
    laws = {law for _, law in people} | {territory_of(entity.country) if entity else ""}
    apart = list(_apart(body, people))
    return Disclosure(
        first=when,
        last=when,
        count=1,
        arrived="yes" if (each.entry.outcome or {}).get("result") == "sent" else "possibly",
        channel=_channel(body),
        controller=_controller(body["entity"], entity),
        recipient=Company(**{name: recipient.get(name, "") for name in Company.model_fields}),
        kind=_word(VendorKind, body.get("vendor_kind"), KIND_LABELS),
        role=_word(VendorRole, body.get("vendor_role"), ROLE_LABELS),
        countries=tuple(body.get("countries", ())),
        purpose=_word(Purpose, body["purpose"], PURPOSE_LABELS) or _plain(body["purpose"]),
        about=tuple(filter(None, (_word(SubjectRole, role, SUBJECT_ROLE_LABELS) for role in sorted(each.roles)))),
        categories=tuple(_categories(body, each.roles, apart)),
        bases=tuple(_bases(_grounds(body, people), apart, {territory_of(law) for law in laws})),
        safeguards=tuple(_safeguards(body, laws)),
        keeps=(body.get("retention") or {}).get("vendor_keeps"),
        orders=tuple(sorted(_own_orders(each))),
        others=tuple(_others(body, each.roles)),
        notices=tuple(_told_since(each, when, notices)),
    )


def _told_since(each: Personal, when: datetime, notices: Iterable[Notice]) -> Iterator[NoticeTold]:
    """What the recipient was told later of what it got then."""
    left = {category for group in _own(each.entry.body, each.roles) for _, category, *_ in group["fields"]}
    orders = {subject.order_ref for subject in each.subjects}
    for notice in notices:
        is_later = notice.vendor == each.entry.body.get("vendor") and when <= notice.at
        if is_later and left & set(notice.categories) and (notice.order is None or notice.order in orders):
            # That somebody is held is nobody's to read here, not even theirs: an authority may have asked for it.
            state = NoticeState.QUEUED if notice.state is NoticeState.HELD else notice.state
            yield NoticeTold(cause=notice.cause.value, state=state.value, due=notice.due)


def _channel(body: Mapping[str, Any]) -> Word:
    code = str(body.get("channel") or ("exceptional" if body.get("exceptional") else "gateway"))
    return _labelled(code, CHANNEL_LABELS.get(code))


def _controller(name: str, entity: Entity | None) -> Company:
    """Who answers for it: as it stands among ours today, or by nothing but the name where it is none any more."""
    if entity is None:
        return Company(name=name, registration="", address="", contact="")
    return Company(name=entity.name, registration="", address=entity.country, contact=entity.contact)


def _own_orders(each: Personal) -> set[str]:
    return {subject.order_ref for subject in each.subjects if subject.role in _OWN_ORDERS and subject.order_ref}


def _apart(body: Mapping[str, Any], people: AbstractSet[tuple[str, str]]) -> Iterator[_Apart]:
    """What of it was this person's and left for a purpose or on a ground of its own."""
    rest = _grounds(body, people)
    for group in _own(body, frozenset(role for role, _ in people)):
        purpose, bases = group.get("purpose", ""), _grounds(group, people) - rest
        for _, category, *_ in group["fields"] if purpose or bases else ():
            yield _Apart(category, purpose, bases)


def _grounds(stated: Mapping[str, Any], people: AbstractSet[tuple[str, str]]) -> frozenset[LegalBasis]:
    """The bases on which these went, in their roles and under their laws."""
    grounds = stated.get("grounds", ())
    return frozenset(LegalBasis(each["basis"]) for each in grounds if (each["role"], each["jurisdiction"]) in people)


def _own(body: Mapping[str, Any], roles: frozenset[str]) -> Iterator[Mapping[str, Any]]:
    return (group for group in body.get("disclosed", ()) if roles & set(group.get("of", ())))


def _categories(body: Mapping[str, Any], roles: frozenset[str], apart: Sequence[_Apart]) -> Iterator[CategoryTold]:
    """What of it was this person's."""
    forms: dict[str, set[str]] = {}
    for group in _own(body, roles):
        for _, category, *_ in group["fields"]:
            forms.setdefault(category, set()).add(group["form"])
    for category in sorted(set(forms) - {Category.NOT_PERSONAL.value}):
        word = _word(Category, category, CATEGORY_LABELS) or _plain(category)
        told = tuple(_labelled(form, _FORMS.get(form)) for form in sorted(forms[category]))
        mine = [each for each in apart if each.category == category]
        purposes = sorted({each.purpose for each in mine} - {""})
        bases = sorted({basis for each in mine for basis in each.bases})
        yield CategoryTold(
            **word.model_dump(),
            forms=told,
            purposes=tuple(_word(Purpose, each, PURPOSE_LABELS) or _plain(each) for each in purposes),
            bases=tuple(_labelled(each, BASIS_LABELS.get(each)) for each in bases),
        )


def _bases(
    of_the_call: frozenset[LegalBasis], apart: Sequence[_Apart], territories: AbstractSet[str]
) -> Iterator[BasisTold]:
    """Those of the call, and those of what left on a ground of its own."""
    for basis in sorted(of_the_call.union(*(each.bases for each in apart))):
        rights = tuple(_right(article, territories) for article in BASES[basis].rights)
        label, stands = BASIS_LABELS[basis], _laws(BASES[basis].gdpr, BASES[basis].pipl, territories)
        yield BasisTold(code=basis.value, en=label.en, zh=label.zh, laws=stands, rights=rights)


def _right(article: str, territories: AbstractSet[str]) -> RightTold:
    word = _labelled(article, RIGHT_LABELS.get(article))
    return RightTold(**word.model_dump(), laws=_laws(article, RIGHTS_IN_CHINA.get(article), territories))


def _laws(gdpr: str, pipl: str | None, territories: AbstractSet[str]) -> tuple[str, ...]:
    """Where something stands in the law of the person and in that of the company, as far as these are among ours."""
    stands = {"EU": f"GDPR {gdpr}", "GB": f"UK GDPR {gdpr}", "CN": f"PIPL {pipl}" if pipl else ""}
    return tuple(text for territory, text in stands.items() if text and territory in territories)


def _safeguards(body: Mapping[str, Any], laws: set[str]) -> Iterator[Word]:
    """Those by the law of the person and by that of the company; that one of them asks for none is no safeguard."""
    stated = {mechanism for law, mechanism in body.get("transfer", ()) if law in laws}
    stated = stated - {TransferMechanism.NONE_DOMESTIC.value} or stated
    for mechanism in sorted(stated or {mechanism for _, mechanism in body.get("transfer", ())}):
        yield _word(TransferMechanism, mechanism, TRANSFER_LABELS) or _plain(mechanism)


def _others(body: Mapping[str, Any], roles: frozenset[str]) -> Iterator[Word]:
    """Other people of the same disclosure, by nothing but their role."""
    everybody = {role for group in body.get("disclosed", ()) for role in group.get("of", ())}
    for role in sorted(everybody - roles):
        yield _word(SubjectRole, role, OTHERS_LABELS) or _plain(role)


def _word(of: Callable[[str], Code], code: str | None, labels: Mapping[Code, Label]) -> Word | None:
    try:
        known = of(code or "")
    except ValueError:
        return _plain(code) if code else None
    return _labelled(str(code), labels.get(known))


def _labelled(code: str, label: Label | None) -> Word:
    return Word(code=code, en=label.en, zh=label.zh) if label else _plain(code)


def _plain(code: str) -> Word:
    """A word that no list has any more, as it stands in the record."""
    return Word(code=code, en=code.replace("_", " "), zh=code)
