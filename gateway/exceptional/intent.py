"""What is written down of a disclosure outside contracts before it leaves."""

from datetime import UTC, datetime

from gateway.exceptional.asked import AnyRequest, Emergency, LegalCompulsion
from gateway.exceptional.case import REVIEW, Case
from gateway.exceptional.checks import basis_of, crossing_of
from gateway.exceptional.cut import Cut
from gateway.identity import Caller
from gateway.ledger.entry import Evidence, Exceptional, Ground, Intent, Manner, Recipient, Retention
from gateway.retention import RetentionClass
from gateway.vocabulary import SCENARIO_PURPOSES, Scenario
from gateway.vocabulary.exceptional import ABROAD, Handover, RecipientKind

PRIVATE = "a private person"
_INQUIRING = frozenset({RecipientKind.JUDICIAL, RecipientKind.LAW_ENFORCEMENT, RecipientKind.AUTHORITY})


def intent_of(
    case: Case,
    what: Cut,
    how: Handover,
    by: Caller,
    *,
    disclosure: str,
    environment: str,
    policy: str,
    entity: str,
    now: datetime,
    within: float,
) -> Intent:
    """The entry of what is about to be handed over. A private person stands in it without their name."""
    asked, recipient = case.asked, case.asked.recipient
    crossing = crossing_of(asked, case.home)
    grounds = _grounds(case)
    is_legal = asked.scenario is Scenario.LEGAL_COMPULSION
    kept = RetentionClass.LEGAL_REQUEST if is_legal else RetentionClass.EXCEPTIONAL
    manner = Manner(
        environment=environment,
        entity=entity,
        vendor="",
        vendor_kind="",
        vendor_role="",
        recipient=Recipient(PRIVATE if recipient is None or recipient.private else recipient.name),
        countries=(recipient.country,) if recipient else (),
        operation="",
        contract="",
        contract_digest="",
        policy=policy,
        purpose=SCENARIO_PURPOSES[asked.scenario].value,
        transfer=tuple(sorted({(each.jurisdiction, crossing.value) for each in grounds})) if crossing else (),
        grounds=grounds,
        disclosed=what.disclosed,
        withheld=what.withheld,
        destination=None,
        media=what.media,
        retention=Retention(retention_class=kept.value),
        exceptional=_exceptional(case, how, now),
        caller=by.service,
        token=by.token_id,
        deadline_ms=int(within * 1000),
    )
    return Intent(disclosure, manner)


def _grounds(case: Case) -> tuple[Ground, ...]:
    """For each role and law of the people on which basis it goes; the evidence is the case itself."""
    laws = dict.fromkeys((each.role.value, each.jurisdiction or "unknown") for each in case.people)
    return tuple(Ground(role, law, basis_of(case.asked, law).value, Evidence("case", case.id)) for role, law in laws)


def _exceptional(case: Case, how: Handover, now: datetime) -> Exceptional:
    asked, recipient = case.asked, case.asked.recipient
    is_emergency = isinstance(asked, Emergency)
    return Exceptional(
        case=case.id,
        scenario=asked.scenario.value,
        recipient=recipient.kind.value if recipient else "",
        country=recipient.country if recipient else "",
        handover=how.value,
        inquiry=_is_inquiry(asked),
        demand=asked.demand.value if isinstance(asked, LegalCompulsion) and asked.demand else "",
        danger=asked.danger.value if isinstance(asked, Emergency) and asked.danger else "",
        happened=asked.told.happened_at.astimezone(UTC).isoformat()
        if isinstance(asked, Emergency) and asked.told
        else "",
        suppressed_until=case.suppressed_until.isoformat() if case.suppressed_until else "",
        review_due=(now + REVIEW).isoformat() if is_emergency else "",
    )


def _is_inquiry(asked: AnyRequest) -> bool:
    """Whether an authority asks in a particular inquiry under the law of the Union or a member state (GDPR 4(9)).

    What a third country demands is none, and neither is what the shop hands over by itself.
    """
    if not isinstance(asked, LegalCompulsion) or asked.demand is None or asked.demand in ABROAD:
        return False
    return asked.recipient is not None and asked.recipient.kind in _INQUIRING
