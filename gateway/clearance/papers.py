"""How a company stands to a vendor on a day: agreements, and the published policy."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway.clearance.question import GRANTED, Standing
from gateway.contract.model import Agreement, Policy, PolicyVersion
from gateway.contract.terms import Terms
from gateway.errors import Failure
from gateway.vocabulary import AGREEMENTS, CLAUSES_NEEDED, PURPOSES


def day(policy: Policy, now: datetime) -> date:
    """The day in the policy's time zone: agreements count in whole days, both ends inclusive."""
    return now.astimezone(ZoneInfo(policy.time_zone)).date()


def version_in_force(policy: Policy, now: datetime) -> PolicyVersion | None:
    """The version that was published last."""
    published = [version for version in policy.versions if version.published <= now]
    return max(published, key=lambda version: version.published, default=None)


def around(policy: Policy, now: datetime) -> tuple[datetime, datetime]:
    """From when to before when it is the same day, and the same version is in force, as at a time."""
    zone, today = ZoneInfo(policy.time_zone), day(policy, now)
    turns = [datetime.combine(each, time.min, zone) for each in (today, today + timedelta(days=1))]
    turns += [version.published for version in policy.versions]
    return max(turn for turn in turns if turn <= now), min(turn for turn in turns if turn > now)


def stand(terms: Terms, policy: Policy, entity: str, now: datetime) -> Standing:
    """What holds on the day of a time, and under the policy that is in force at it."""
    today, version = day(policy, now), version_in_force(policy, now)
    agreements = _agreements(terms, entity, today)
    failures = (*_status(terms), *_agreement(terms, entity, today, agreements), *_published(terms, version))
    return Standing(version.version if version else "", agreements, failures)


def _status(terms: Terms) -> Iterator[Failure]:
    if terms.operation.status != "enforce":
        yield Failure("operation.not_active", f"{terms.name} has the status {terms.operation.status}")


def _agreement(terms: Terms, entity: str, today: date, opening: tuple[str, ...]) -> Iterator[Failure]:
    if not opening:
        # Of several papers, the one that comes nearest says what to mend.
        reasons = [_reason(agreement, terms, entity, today) for agreement in _papers(terms)]
        code, detail = max(reasons, default=(0, "agreement.none", ""))[1:]
        yield Failure(code, f"{terms.vendor.vendor}{detail}")


def _agreements(terms: Terms, entity: str, today: date) -> tuple[str, ...]:
    """The papers that open the door on a day."""
    return tuple(paper.id for paper in _papers(terms) if _reason(paper, terms, entity, today)[1] == GRANTED)


def _papers(terms: Terms) -> list[Agreement]:
    """The agreements that can open a door, and do not only carry data over a border."""
    return [paper for paper in terms.vendor.agreements if not AGREEMENTS[paper.type].transfer_only]


def _reason(agreement: Agreement, terms: Terms, entity: str, today: date) -> tuple[int, str, str]:
    """How far an agreement comes towards opening the door, and the code and text of where it fails."""
    role = terms.role
    starts = agreement.starts or agreement.signed
    missing = sorted(CLAUSES_NEEDED[role] - set(agreement.clauses))
    if role not in AGREEMENTS[agreement.type].satisfies:
        return (
            1,
            "agreement.wrong_type",
            f": {agreement.id} is a {agreement.type}, the vendor a {role.replace('_', ' ')}",
        )
    if agreement.entities and entity not in agreement.entities:
        return 2, "agreement.parties", f": {agreement.id} does not bind {entity}"
    if today > agreement.until:
        return 3, "agreement.expired", f": {agreement.id} ended on {agreement.until}"
    if today < starts:
        return 4, "agreement.not_active", f": {agreement.id} begins on {starts}"
    if missing:
        return 5, "agreement.clause_missing", f": {agreement.id} lacks {', '.join(missing)}"
    return 6, GRANTED, ""


def _published(terms: Terms, version: PolicyVersion | None) -> Iterator[Failure]:
    if version is None:
        yield Failure("policy.purpose", "no policy is published yet")
        return
    if terms.vendor.kind not in version.vendor_kinds:
        yield Failure("policy.vendor_kind", f"{terms.vendor.kind} is not in policy {version.version}")
    purposes = {terms.operation.purpose} | {group.purpose for group in terms.sending.groups}
    for purpose in sorted(purposes - set(version.purposes)):
        yield Failure("policy.purpose", f"{purpose} is not in policy {version.version}")
    for purpose in sorted(purpose for purpose in purposes if terms.vendor.kind not in PURPOSES[purpose].kinds):
        yield Failure("purpose.not_in_contract", f"{purpose} is no purpose of a {terms.vendor.kind} vendor")
