"""How a company stands to a vendor on a day: agreements, and the published policy."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway.clearance.policies import categories, clashes, published, uncovered
from gateway.clearance.question import GRANTED, Standing
from gateway.contract.announcing import Announced, undecided
from gateway.contract.model import Policy, Vendor
from gateway.contract.papers import Agreement, is_covered
from gateway.contract.terms import Terms
from gateway.errors import Failure
from gateway.registry.facts import NO_PAPERS, Papers
from gateway.retention import days
from gateway.vocabulary import (
    AGREEMENTS,
    CLAUSES_NEEDED,
    IN_FORCE,
    REVIEWED_EVERY,
    AgreementStatus,
    Category,
)


@dataclass(frozen=True, slots=True)
class End:
    """What stops holding after a day: `agreement`, `on_lapse` (what goes on after one), `review`, `transfer`."""

    what: str
    name: str
    last: date


def day(policy: Policy, now: datetime) -> date:
    """The day in the policy's time zone: agreements count in whole days, both ends inclusive."""
    return now.astimezone(ZoneInfo(policy.time_zone)).date()


def around(policy: Policy, now: datetime) -> tuple[datetime, datetime]:
    """From when to before when it is the same day, and the same version is in force, as at a time."""
    zone, today = ZoneInfo(policy.time_zone), day(policy, now)
    turns = [datetime.combine(each, time.min, zone) for each in (today, today + timedelta(days=1))]
    turns += [version.published for version in policy.versions]
    return max(turn for turn in turns if turn <= now), min(turn for turn in turns if turn > now)


def stand(
    terms: Terms, policy: Policy, entity: str, now: datetime, exporter: str = "", papers: Papers = NO_PAPERS
) -> Standing:
    """What holds on the day of a time, and under the policy that is in force at it, for a company in a country.

    `papers` are those that stand beside the vendor's file and the policy's.
    """
    terms = with_papers(terms, papers)
    today, versions = day(policy, now), published(policy, now, papers.versions)
    version = versions[-1] if versions else None
    opening = _opening(terms, entity, today)
    announced = tuple(_at_work(terms, papers, today))
    lapsed = () if opening else _going_on(terms, entity, today)
    failures = (
        *_status(terms),
        *_agreement(terms, entity, today, opening or lapsed),
        *_reviewed(terms, today),
        *_decided(terms, announced),
        *(Failure("policy.conflict", f"version {each}") for each in clashes(policy, papers.versions)),
        *uncovered(terms, version),
    )
    agreements = tuple(paper.id for paper in opening or lapsed)
    notes = ("agreement.expired",) if lapsed else ()
    return Standing(
        version.version if version else "",
        agreements,
        failures,
        notes=notes,
        exporter=exporter,
        terms=terms,
        versions=versions,
        announced=announced,
    )


def with_papers(terms: Terms, papers: Papers) -> Terms:
    """The terms of an operation with what was entered and ended since the vendor's file was written."""
    vendor = vendor_with(terms.vendor, papers)
    return terms if vendor is terms.vendor else replace(terms, vendor=vendor)


def vendor_with(vendor: Vendor, papers: Papers) -> Vendor:
    """The same of a vendor."""
    if not papers.of(vendor.vendor):
        return vendor
    entered = papers.entered.get(vendor.vendor, ())
    replaced = {paper.id for paper in entered}
    agreements = [*(paper for paper in vendor.agreements if paper.id not in replaced), *entered]
    now = {
        "agreements": tuple(_as_ended(paper, vendor.vendor, papers) for paper in agreements),
        "review": _next_review(vendor, papers),
    }
    return vendor.model_copy(update=now)


def _next_review(vendor: Vendor, papers: Papers) -> date:
    """By when the vendor is to be looked at again: as the last review said, or sooner where its risk wants it."""
    if (last := papers.reviews.get(vendor.vendor)) is None:
        return vendor.review
    if vendor.risk is None:
        return last.next
    return min(last.next, last.held + timedelta(days=days(REVIEWED_EVERY[vendor.risk])))


def _as_ended(paper: Agreement, vendor: str, papers: Papers) -> Agreement:
    if (vendor, paper.id) not in papers.ended:
        return paper
    if (last := papers.ended[vendor, paper.id]) is None:
        return paper.model_copy(update={"status": AgreementStatus.TERMINATED})
    return paper.model_copy(update={"until": last, "renewal": None})


def ends(terms: Terms, today: date) -> Iterator[End]:
    """What of an operation's papers ends by itself on that day or later, whatever replaces it, each with its last day.

    What renews itself does not end.
    """
    for paper in terms.vendor.agreements:
        last = last_day(paper)
        if last is not None and today <= last:
            yield End("agreement", paper.id, last)
        if last is not None and (over := _over(paper, terms, last)) is not None and today <= over:
            yield End("on_lapse", paper.id, over)
    if today <= terms.vendor.review:
        yield End("review", terms.vendor.vendor, terms.vendor.review)
    for law, lines in terms.transfer.items():
        for line in lines:
            if line.until is not None and today <= line.until:
                yield End("transfer", f"{line.mechanism} for {law}", line.until)


def last_day(paper: Agreement) -> date | None:
    """The day with which a paper ends by itself; None for one that does not."""
    return None if paper.renewal else paper.until


def binds(paper: Agreement, entity: str, today: date) -> bool:
    """Whether a paper, of whatever type, is in force between a company and the vendor on a day."""
    starts, last = paper.starts or paper.signed, last_day(paper)
    is_running = starts is not None and starts <= today and (last is None or today <= last)
    return is_running and paper.status in IN_FORCE and (not paper.entities or entity in paper.entities)


def _status(terms: Terms) -> Iterator[Failure]:
    if terms.operation.status != "enforce":
        yield Failure("operation.not_active", f"{terms.name} has the status {terms.operation.status}")


def _reviewed(terms: Terms, today: date) -> Iterator[Failure]:
    if terms.vendor.review < today:
        yield Failure("vendor.review_overdue", f"{terms.vendor.vendor} was to be reviewed by {terms.vendor.review}")


def _at_work(terms: Terms, papers: Papers, today: date) -> Iterator[Announced]:
    """The companies that work for the vendor on a day, as it announced, and about whom nobody has decided."""
    announced = papers.announced.get(terms.vendor.vendor, ())
    return (each for each in undecided(terms.vendor, announced) if each.since <= today)


def _decided(terms: Terms, announced: Sequence[Announced]) -> Iterator[Failure]:
    for each in announced:
        what = f"about {each.name} ({each.country}), which works for it since {each.since}, nobody has decided"
        yield Failure("vendor.review_overdue", f"{terms.vendor.vendor}: {what}")


def _agreement(terms: Terms, entity: str, today: date, opening: Sequence[Agreement]) -> Iterator[Failure]:
    if opening:
        yield from _scope(terms, opening)
        return
    # A waiver lets pass that a paper ran out, not that somebody ended it, nor what it lacked: so that is told too.
    lasting = [_lasting(paper) for paper in _papers(terms)]
    if ended := tuple(paper for paper in lasting if _reason(paper, terms, entity, today)[1] == GRANTED):
        names = {paper.id for paper in ended}
        yield _nearest((paper for paper in _papers(terms) if paper.id in names), terms, entity, today)
        yield from _scope(terms, ended)
        return
    nearest = _nearest(_papers(terms), terms, entity, today)
    yield nearest
    if nearest.code == "agreement.expired":
        yield _nearest(lasting, terms, entity, today)


def _lasting(paper: Agreement) -> Agreement:
    """The same paper as if it had not run out."""
    status = AgreementStatus.ACTIVE if paper.status is AgreementStatus.EXPIRED else paper.status
    return paper.model_copy(update={"until": None, "renewal": None, "status": status})


def _nearest(papers: Iterable[Agreement], terms: Terms, entity: str, today: date) -> Failure:
    """Why none of these papers opens the door: of several, the one that comes nearest says what to mend."""
    reasons = [_reason(paper, terms, entity, today) for paper in papers]
    code, detail = max(reasons, default=(0, "agreement.none", ""))[1:]
    return Failure(code, f"{terms.vendor.vendor}{detail}")


def _scope(terms: Terms, opening: Sequence[Agreement]) -> Iterator[Failure]:
    if missing := sorted(categories(terms) - {each for paper in opening for each in _covered(paper)}):
        yield Failure("agreement.scope", f"{terms.vendor.vendor}: {opening[0].id} does not cover {', '.join(missing)}")


def _opening(terms: Terms, entity: str, today: date) -> tuple[Agreement, ...]:
    """The papers that open the door on a day."""
    return tuple(paper for paper in _papers(terms) if _reason(paper, terms, entity, today)[1] == GRANTED)


def _going_on(terms: Terms, entity: str, today: date) -> tuple[Agreement, ...]:
    """The papers that have ended, and after which this operation goes on: those that opened the door at their end."""
    return tuple(
        paper
        for paper in _papers(terms)
        if (last := last_day(paper)) is not None
        and paper.on_lapse is not None
        and terms.operation.operation in paper.on_lapse.operations
        and last < today <= (_over(paper, terms, last) or today)
        and _reason(paper, terms, entity, last)[1] == GRANTED
    )


def _over(paper: Agreement, terms: Terms, last: date) -> date | None:
    """The last day on which an operation goes on after a paper has ended, if there is one."""
    lapse = paper.on_lapse
    if lapse is None or lapse.duration is None or terms.operation.operation not in lapse.operations:
        return None
    return last + timedelta(days=days(lapse.duration))


def _papers(terms: Terms) -> list[Agreement]:
    """The agreements that can open a door, and do not only carry data over a border."""
    return [paper for paper in terms.vendor.agreements if not AGREEMENTS[paper.type].transfer_only]


def _covered(paper: Agreement) -> Iterator[Category]:
    return (category for category in Category if not paper.covers or is_covered(category, paper.covers))


def _reason(agreement: Agreement, terms: Terms, entity: str, today: date) -> tuple[int, str, str]:
    """How far an agreement comes towards opening the door, and the code and text of where it fails."""
    role, term, last = terms.role, AGREEMENTS[agreement.type], last_day(agreement)
    starts = agreement.starts or agreement.signed
    missing = sorted(CLAUSES_NEEDED[role] - set(agreement.clauses) - term.implies)
    if role not in term.satisfies:
        fits = f": {agreement.id} is a {agreement.type}, the vendor a {role.replace('_', ' ')}"
        return 1, "agreement.wrong_type", fits
    if agreement.entities and entity not in agreement.entities:
        return 2, "agreement.parties", f": {agreement.id} does not bind {entity}"
    if agreement.status is AgreementStatus.EXPIRED or (last is not None and last < today):
        return 3, "agreement.expired", f": {agreement.id} ended{f' on {last}' if last and last < today else ''}"
    if agreement.status not in IN_FORCE or starts is None or today < starts:
        state = f"begins on {starts}" if agreement.status in IN_FORCE else f"is {agreement.status.replace('_', ' ')}"
        return 4, "agreement.not_active", f": {agreement.id} {state}"
    if missing:
        return 5, "agreement.clause_missing", f": {agreement.id} lacks {', '.join(missing)}"
    return 6, GRANTED, ""
