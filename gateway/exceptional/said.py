"""What of a case stands in its entries: words of closed lists, numbers and days, nothing that somebody wrote."""

from collections.abc import Iterator, Mapping
from datetime import date

from gateway.exceptional.asked import AnyRequest, Approval, Deed, Instrument, LegalCompulsion
from gateway.exceptional.case import Case
from gateway.vocabulary import Category

Said = Mapping[str, str | int | tuple[str, ...]]

_CLOSED = ("demand", "urgency", "danger", "crossing")
_NAMED = ("necessity", "special", "law", "assessment", "approval", "recognition", "agreement", "case", "rule")
_OF_INSTRUMENT = ("type", "number", "law")
_CHECKS = ("written", "reasoned", "entire", "standing")


def of_request(case: Case) -> Said:
    """What is asked for, and on what; `named` are the things that the case itself has in words."""
    request = case.asked
    found: dict[str, str | int | tuple[str, ...]] = {
        "subjects": len(case.people),
        "asked_people": len(request.subjects),
        "asked_fields": len(request.fields),
        "categories": _categories(request.fields),
        "named": tuple(_named(request)),
    }
    if request.recipient:
        found |= {"recipient": request.recipient.kind.value, "country": request.recipient.country}
    if request.stored_in:
        found["stored_in"] = tuple(request.stored_in)
    found |= {name: word.value for name in _CLOSED if (word := getattr(request, name, None))}
    if case.suppressed_until:
        found["suppressed_until"] = case.suppressed_until.isoformat()
    return found | dict(_demanded(request))


def _demanded(request: AnyRequest) -> Iterator[tuple[str, str | tuple[str, ...]]]:
    """Of the paper that demands it: its day, from when to when the data is, by when, and what it is like."""
    if not isinstance(request, LegalCompulsion):
        return
    if request.period:
        yield "data_since", request.period.since.isoformat()
        yield "data_until", request.period.until.isoformat()
    if request.deadline:
        yield "deadline", request.deadline.isoformat()
    instrument = request.instrument or Instrument()
    yield "instrument", tuple(name for name in _CHECKS if getattr(instrument, name))
    if instrument.dated:
        yield "dated", instrument.dated.isoformat()


def _named(request: AnyRequest) -> Iterator[str]:
    yield from (name for name in _NAMED if getattr(request, name, None))
    if isinstance(request, LegalCompulsion) and request.instrument:
        yield from (f"instrument.{name}" for name in _OF_INSTRUMENT if getattr(request.instrument, name))
    if request.recipient:
        yield "recipient.verified"


def of_step(deed: Deed, case: Case) -> Said:
    """What was decided or done in a step."""
    found: dict[str, str | int | tuple[str, ...]] = {}
    for name in ("dated", "until", "judgement", "favourable"):
        value = getattr(deed, name, None)
        if isinstance(value, bool):
            found[name] = "yes" if value else "no"
        elif value is not None:
            found[name] = value.isoformat() if isinstance(value, date) else str(value)
    if isinstance(deed, Approval):
        fields = case.asked.fields if deed.fields is None else deed.fields
        found |= {"categories": _categories(fields), "approved_fields": len(fields)}
    return found


def _categories(fields: Mapping[str, Category]) -> tuple[str, ...]:
    return tuple(sorted({category.value for category in fields.values()}))
