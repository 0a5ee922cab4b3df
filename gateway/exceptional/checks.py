"""What is missing in a request, and what the law does not allow: all of it at once, from what was entered alone."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.errors import Failure
from gateway.exceptional.asked import AnyRequest, Emergency, LegalCompulsion, RightsProtection
from gateway.registry.facts import Person
from gateway.vocabulary import CATEGORIES, EU_MEMBERS, Category, LegalBasis, Scenario, territory_of
from gateway.vocabulary.exceptional import (
    ABROAD,
    CROSSINGS_OF,
    IN_EMERGENCY,
    RECIPIENTS_OF,
    SECRETS,
    CrossingGround,
    Danger,
    Demand,
    RecipientKind,
    Urgency,
)

IN_ONE_EMERGENCY = 5  # people
ORAL = timedelta(days=30)
"""How long a person may be kept from knowing on an oral order (45 CFR 164.528(a)(2)(ii))."""

_ALWAYS = ("recipient", "subjects", "fields")
_DEMANDED: Mapping[Scenario, tuple[str, ...]] = {
    Scenario.LEGAL_COMPULSION: (*_ALWAYS, "demand", "instrument", "period", "necessity"),
    Scenario.RIGHTS_PROTECTION: (*_ALWAYS, "case", "rule", "assessment", "necessity"),
    Scenario.EMERGENCY: (*_ALWAYS, "urgency", "danger", "happened", "at_risk", "no_other_way"),
}
_OF_INSTRUMENT = ("type", "number", "dated", "law")
_NO_INSTITUTION = frozenset({RecipientKind.COUNTERPARTY, RecipientKind.EMERGENCY_SERVICE})
_SPECIAL = 3  # of sensitivity: never on the ordinary way


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known beside the request: whom it is about, the country of the company that discloses, and the time.

    `objected` are those whose objection was upheld. `delays`: whether telling somebody may wait for an investigation
    of the shop's own.
    """

    people: tuple[Person, ...]
    home: str
    markets: tuple[str, ...]
    now: datetime
    objected: Collection[str] = ()
    delays: bool = False


def failures(asked: AnyRequest, around: Circumstances) -> list[Failure]:
    """Every reason for which a request cannot be taken or carried out as it is."""
    return [failure for check in _CHECKS for failure in check(asked, around)]


def is_abroad(asked: AnyRequest, home: str) -> bool:
    """Whether it takes data into a third country, seen from the company that discloses."""
    if isinstance(asked, LegalCompulsion):
        return asked.demand in ABROAD
    return asked.recipient is not None and _crosses(home, asked.recipient.country)


def crossing_of(asked: AnyRequest, home: str) -> CrossingGround | None:
    """On what it crosses a border, if it does. An emergency has its ground in itself."""
    if not is_abroad(asked, home):
        return None
    if asked.crossing is None and isinstance(asked, Emergency):
        return CrossingGround.CN_EMERGENCY if home == "CN" else CrossingGround.VITAL_INTERESTS
    return asked.crossing


def basis_of(asked: AnyRequest, jurisdiction: str) -> LegalBasis:
    """On which ground the data of somebody goes. A third country's demand alone is no obligation (GDPR 6(3), 48)."""
    if isinstance(asked, Emergency):
        return LegalBasis.VITAL_INTEREST
    if jurisdiction == "CN" or (isinstance(asked, LegalCompulsion) and asked.demand is not Demand.THIRD_COUNTRY):
        return LegalBasis.LEGAL_OBLIGATION
    return LegalBasis.LEGITIMATE_INTEREST


def _missing(asked: AnyRequest, around: Circumstances) -> Iterator[Failure]:
    for member in _DEMANDED[asked.scenario]:
        if not getattr(asked, member):
            yield Failure("exceptional.incomplete", f"{member} is missing")
    if asked.subjects and not around.people:
        yield Failure("subject.erased", "nobody whom it is about is known any more")


def _recipient(asked: AnyRequest, _: Circumstances) -> Iterator[Failure]:
    recipient = asked.recipient
    if recipient is None:
        return
    if recipient.kind not in RECIPIENTS_OF[asked.scenario]:
        yield Failure("exceptional.recipient", f"recipient.kind: {recipient.kind} receives nothing in this scenario")
    if recipient.private and recipient.kind is not RecipientKind.COUNTERPARTY:
        yield Failure("exceptional.recipient", "recipient.private: only a counterparty can be a private person")


def _instrument(asked: AnyRequest, around: Circumstances) -> Iterator[Failure]:
    """In writing, reasoned, occasional, and not about everybody (GDPR recital 31)."""
    if not isinstance(asked, LegalCompulsion) or asked.instrument is None:
        return
    instrument = asked.instrument
    for member in _OF_INSTRUMENT:
        if not getattr(instrument, member):
            yield Failure("exceptional.incomplete", f"instrument.{member} is missing")
    if instrument.dated and instrument.dated > around.now.date() + timedelta(days=1):
        yield Failure("exceptional.incomplete", "instrument.dated is a day to come")
    if not instrument.written:
        yield Failure("exceptional.not_written", "instrument.written")
    if not instrument.reasoned:
        yield Failure("exceptional.not_reasoned", "instrument.reasoned")
    if instrument.entire or instrument.standing:
        yield Failure("exceptional.entirety", "instrument.entire" if instrument.entire else "instrument.standing")


def _demand(asked: AnyRequest, around: Circumstances) -> Iterator[Failure]:
    if not isinstance(asked, LegalCompulsion) or asked.demand is None or asked.recipient is None:
        return
    fitting = _demands(around.home, asked.recipient.country)
    if asked.demand not in fitting:
        yield Failure("exceptional.demand", f"demand: from there it is {' or '.join(sorted(fitting))}")
    if asked.demand is Demand.EU_RECOGNITION and not asked.recognition:
        yield Failure("exceptional.incomplete", "recognition: on which law of the Union it is recognised")
    if asked.demand is Demand.AGREEMENT and not asked.agreement:
        yield Failure("transfer.foreign_authority", "agreement: the international agreement that it rests on (GDPR 48)")
    if asked.demand is Demand.THIRD_COUNTRY and not asked.assessment:
        yield Failure("basis.evidence_missing", "assessment: the demand alone is no ground (GDPR 6)")


def _border(asked: AnyRequest, around: Circumstances) -> Iterator[Failure]:
    """Chapter V of the GDPR beside any ground, and PIPL 41 for what stands in China."""
    if asked.recipient is None:
        return
    ground = crossing_of(asked, around.home)
    if is_abroad(asked, around.home) and ground not in CROSSINGS_OF[asked.scenario]:
        fitting = ", ".join(sorted(CROSSINGS_OF[asked.scenario]))
        yield Failure("transfer.none", f"crossing: it needs one of {fitting}")
    is_institution = asked.recipient.kind not in _NO_INSTITUTION
    if not is_institution or asked.recipient.country == around.home:
        return
    if not asked.stored_in:
        yield Failure(
            "exceptional.incomplete", "stored_in: where the data stands, since the authority is a foreign one"
        )
    if asked.recipient.country != "CN" and "CN" in (*asked.stored_in, around.home) and not asked.approval:
        yield Failure("transfer.foreign_authority", "approval: of the competent authority in China (PIPL 41)")


def _people(asked: AnyRequest, around: Circumstances) -> Iterator[Failure]:
    laws = {person.jurisdiction for person in around.people}
    is_strict = "CN" in laws or ("unknown" in laws and "CN" in around.markets)
    if isinstance(asked, RightsProtection) and is_strict and not asked.law:
        yield Failure("basis.not_valid", "law: Chinese law has no legitimate interest; name the duty (PIPL 13(3))")
    if isinstance(asked, RightsProtection) and any(person.ref in around.objected for person in around.people):
        yield Failure("basis.objected", "the objection of somebody whom it is about was upheld")


def _emergency(asked: AnyRequest, around: Circumstances) -> Iterator[Failure]:
    if not isinstance(asked, Emergency):
        return
    is_property = asked.danger is Danger.PROPERTY
    if is_property and any(person.jurisdiction != "CN" for person in around.people):
        yield Failure("basis.not_valid", "danger: property alone is no vital interest outside China (GDPR 6(1)(d))")
    if asked.urgency and asked.danger and (asked.urgency is Urgency.PROPERTY_LOSS) is not is_property:
        yield Failure("exceptional.incomplete", "urgency and danger do not fit each other")
    if len(asked.subjects) > IN_ONE_EMERGENCY:
        yield Failure("limit.subjects", f"at most {IN_ONE_EMERGENCY} people in an emergency")


def _fields(asked: AnyRequest, _: Circumstances) -> Iterator[Failure]:
    for path, category in asked.fields.items():
        if category in SECRETS:
            yield Failure("field.unclassified" if category is Category.UNCLASSIFIED else "field.secret", path)
        elif isinstance(asked, Emergency) and category not in IN_EMERGENCY:
            yield Failure("exceptional.scope", f"{path}: {category} can wait for two people")
        elif category is Category.SPECIAL_CRIMINAL and isinstance(asked, RightsProtection) and not asked.law:
            yield Failure("field.special_category", f"{path}: law: which one allows it (GDPR 10)")
        elif CATEGORIES[category].sensitivity >= _SPECIAL and not asked.special:
            yield Failure("field.special_category", f"{path}: special: why it cannot be done without")


def _suppression(asked: AnyRequest, around: Circumstances) -> Iterator[Failure]:
    suppress = asked.suppress
    if suppress is None:
        return
    if isinstance(asked, Emergency):
        yield Failure("exceptional.suppression", "suppress: after an emergency the person is told")
    if isinstance(asked, RightsProtection) and not around.delays:
        yield Failure("exceptional.suppression", "suppress: GATEWAY_EXCEPTIONAL_DELAY is off")
    if not suppress.written and suppress.until > (around.now + ORAL).date():
        yield Failure("exceptional.suppression", f"suppress.until: at most {ORAL.days} days on an oral order")


def _oral(asked: AnyRequest, around: Circumstances) -> Iterator[Failure]:
    if not isinstance(asked, Emergency) or asked.told is None:
        return
    if asked.danger is not Danger.LIFE:
        yield Failure("exceptional.oral", "told: only where life is in danger")
    if asked.told.happened_at > around.now:
        yield Failure("exceptional.incomplete", "told.happened_at is still to come")


_CHECKS: tuple[Callable[[AnyRequest, Circumstances], Iterator[Failure]], ...] = (
    _missing,
    _instrument,
    _recipient,
    _demand,
    _border,
    _people,
    _emergency,
    _fields,
    _suppression,
    _oral,
)


def _demands(home: str, country: str) -> frozenset[Demand]:
    if country == home:
        return frozenset({Demand.DOMESTIC})
    return frozenset({Demand.EU_RECOGNITION}) if {home, country} <= EU_MEMBERS else ABROAD


def _crosses(home: str, country: str) -> bool:
    return territory_of(home) != territory_of(country)
