"""The decision: every check in the order of the law, all that fails collected, the first decides."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from gateway.clearance.bases import grant, grounds_apart, grounds_of, has_basis
from gateway.clearance.papers import stand
from gateway.clearance.people import found, informed, order_states, usable
from gateway.clearance.question import Clearance, Ground, Question, Standing
from gateway.clearance.sale import sale
from gateway.clearance.sensitive import separate
from gateway.clearance.transfer import crossed, transferable
from gateway.contract.model import Entity, Policy
from gateway.contract.terms import Terms
from gateway.errors import Failure, Refusal
from gateway.registry.facts import Papers, Suspension, Waiver
from gateway.vocabulary import Level, Purpose, level_of
from gateway.vocabulary.waivable import is_waivable

_LIKENESSES = 1_000

_CHECKS: tuple[Callable[[Question], Iterator[Failure]], ...] = (
    found,
    usable,
    informed,
    order_states,
    has_basis,
    separate,
    sale,
)


def clear(question: Question) -> Clearance:
    """The grounds for a call at a given time. Raises Refusal with every ground that is missing; the first decides."""
    standing = question.standing or _standing(question)
    if (likeness := _likeness(question)) is None:
        return _decided(question, standing)
    if (alike := standing.cleared.get(likeness)) is None:
        if len(standing.cleared) > _LIKENESSES:
            standing.cleared.clear()
        standing.cleared[likeness] = alike = _decided(question, standing)
    people = question.facts.people
    grounds = [
        Ground(each.role, each.jurisdiction, each.basis, each.evidence, each.reference, people.get(each.role))
        for each in alike.grounds
    ]
    return Clearance(
        alike.entity,
        alike.policy,
        alike.agreements,
        tuple(grounds),
        alike.transfer,
        alike.grants,
        alike.warnings,
        apart=alike.apart,
    )


def _standing(question: Question) -> Standing:
    policy, papers = question.policy, question.facts.papers
    return stand(question.terms, policy, question.entity, question.now, question.exporter, papers)


def _likeness(question: Question) -> tuple[object, ...] | None:
    """All that a decision depends on beside its standing, or None where single people make the difference."""
    facts = question.facts
    if (
        facts.consents
        or facts.missing
        or facts.suspensions
        or facts.marks
        or waivers_for(question.terms, facts.papers, question.now)
    ):
        return None
    people = [(role, each.jurisdiction, each.order is None) for role, each in facts.people.items()]
    call = question.caller, question.signal, facts.order_stated
    return *call, facts.orders, facts.untold, facts.is_gift, is_overdue(question), *people


def _decided(question: Question, standing: Standing) -> Clearance:
    terms = question.terms
    failures = [*_caller(question), *_suspended(question), *_deleting(question), *standing.failures]
    failures += [failure for check in _CHECKS for failure in check(question)]
    failures += transferable(question, standing)
    refused, warnings, waivers = refusing(failures, terms, question.facts.papers, question.levels, question.now)
    if refused:
        # What holds for several people in the same words is said once.
        raise Refusal(*dict.fromkeys(refused))
    grants = tuple(grant(question, group) for group in terms.sending.groups)
    return Clearance(
        question.entity,
        standing.policy,
        standing.agreements,
        tuple(grounds_of(question)),
        crossed(question, standing),
        grants,
        (*standing.notes, *warnings),
        waivers,
        tuple(grounds_apart(question, grants)),
    )


def refusing(
    failures: Sequence[Failure], terms: Terms, papers: Papers, levels: Mapping[str, Level], now: datetime
) -> tuple[list[Failure], tuple[str, ...], tuple[str, ...]]:
    """What of all that is missing refuses an operation, what is only noted, and the ids of the waivers it passes by."""
    refused, noted = weighed(failures, levels)
    refused, waivers = waived(refused, waivers_for(terms, papers, now))
    return refused, noted, waivers


def is_in_use(
    terms: Terms,
    policy: Policy,
    companies: Mapping[str, Entity],
    now: datetime,
    papers: Papers,
    levels: Mapping[str, Level],
) -> bool:
    """Whether some company of the shop may make the call on a day, as far as papers and policy go."""
    stands = (stand(terms, policy, name, now, each.country, papers) for name, each in companies.items())
    return any(not refusing(each.failures, terms, papers, levels, now)[0] for each in stands)


def weighed(failures: Sequence[Failure], levels: Mapping[str, Level]) -> tuple[list[Failure], tuple[str, ...]]:
    """What refuses, in its order, and the codes of what is only noted. What is off is neither."""
    if not failures:
        return [], ()
    by_level = {level: [each for each in failures if level_of(each.code, levels) is level] for level in Level}
    return by_level[Level.REFUSE], tuple(dict.fromkeys(each.code for each in by_level[Level.WARN]))


def waivers_for(terms: Terms, papers: Papers, now: datetime) -> Sequence[Waiver]:
    """The waivers that hold for an operation at a time."""
    waivers = papers.waivers
    return [each for each in waivers if terms.name in each.operations and now < each.until] if waivers else ()


def waived(failures: Sequence[Failure], waivers: Sequence[Waiver]) -> tuple[list[Failure], tuple[str, ...]]:
    """What refuses in spite of these waivers, and the ids of those without which something else would."""
    if not waivers:
        return list(failures), ()
    named = {
        failure.code: waiver.id
        for waiver in waivers
        for failure in failures
        if failure.code in waiver.codes and is_waivable(failure.code)
    }
    left = [failure for failure in failures if failure.code not in named]
    return left, tuple(dict.fromkeys(named[failure.code] for failure in failures if failure.code in named))


def _caller(question: Question) -> Iterator[Failure]:
    if question.caller not in question.terms.operation.callers:
        yield Failure("caller.not_allowed", f"{question.caller} is not in `callers` of {question.terms.name}")


def is_overdue(question: Question) -> bool:
    """Whether the vendor owes an answer to a deletion; to be told of another it is not too late."""
    due = question.facts.overdue_from.get(question.terms.vendor.vendor)
    is_notice = question.terms.operation.purpose is Purpose.RIGHTS_FULFILMENT
    return due is not None and due < question.now and not is_notice


def _deleting(question: Question) -> Iterator[Failure]:
    if is_overdue(question):
        yield Failure("deletion.overdue", question.terms.vendor.vendor)


def _suspended(question: Question) -> Iterator[Failure]:
    if not (suspensions := question.facts.suspensions):
        return
    vendor, operation = question.terms.vendor.vendor, question.terms.operation.operation
    if Suspension(vendor, None) in suspensions:
        yield Failure("vendor.suspended", vendor)
    elif Suspension(vendor, operation) in suspensions:
        yield Failure("vendor.suspended", question.terms.name)
