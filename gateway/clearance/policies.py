"""Which version of the published policy is in force, what it lets go, and how far an older yes reaches under it.

Versions stand in policy.yaml and in the register. All of them are one list, by the moment at which each was published,
and the last one counts. What the register has was published, whatever the clock of a node says; under one name only
one version can be, and where file and register differ nothing goes.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from gateway.clearance.question import Question
from gateway.contract.model import Policy, PolicyDraft, PolicyVersion
from gateway.contract.terms import Origin, Terms
from gateway.contract.versions import NOBODYS, receives, says
from gateway.errors import Failure
from gateway.vocabulary import FORMS_FOR_ANY, PURPOSES, Category, Purpose, is_prohibited

Registered = Sequence[PolicyVersion]


def published(policy: Policy, now: datetime, registered: Registered = ()) -> tuple[PolicyVersion, ...]:
    """Every version that was published by a time, the oldest first."""
    filed = [each for each in _beside(policy, registered) if each.published <= now]
    return tuple(sorted((*filed, *registered), key=lambda version: version.published))


def _beside(policy: Policy, registered: Registered) -> Iterator[PolicyVersion]:
    """The versions of the file that count beside the register, which knows all that were published before its last."""
    names = {version.version for version in registered}
    last = max((version.published for version in registered), default=None)
    for version in policy.versions:
        if version.version not in names and (last is None or last < version.published):
            yield version


def version_in_force(policy: Policy, now: datetime, registered: Registered = ()) -> PolicyVersion | None:
    """The version that was published last."""
    versions = published(policy, now, registered)
    return versions[-1] if versions else None


def with_registered(policy: Policy, registered: Registered) -> Policy:
    """The file with the versions of the register in it."""
    return policy.model_copy(update={"versions": (*_beside(policy, registered), *registered)})


def clashes(policy: Policy, registered: Registered) -> list[str]:
    """The versions of policy.yaml of which the register says otherwise; when one was published, the register knows."""
    known = {version.version: says(version) for version in registered}
    return [each.version for each in policy.versions if known.get(each.version, says(each)) != says(each)]


def unheard(policy: Policy, registered: Registered) -> list[str]:
    """The versions of policy.yaml that are said to have been published when, as the register knows, others were."""
    counted = {version.version for version in (*_beside(policy, registered), *registered)}
    return [each.version for each in policy.versions if each.version not in counted]


def uncovered(terms: Terms, version: PolicyDraft | None) -> Iterator[Failure]:
    """What a version of the policy does not let an operation do."""
    if version is None:
        yield Failure("policy.purpose", "no policy is published yet")
        return
    kind = terms.vendor.kind
    if kind not in version.vendor_kinds:
        yield Failure("policy.vendor_kind", f"{kind} is not in policy {version.version}")
    for category in sorted(each for each in categories(terms) if not receives(version, kind, each)):
        yield Failure("policy.category", f"{category} to {kind} is not in policy {version.version}")
    purposes = purposes_of(terms)
    for purpose in sorted(filter(is_prohibited, purposes)):
        # Whatever lists name it, and whatever a version says.
        yield Failure("purpose.prohibited", f"{purpose} is prohibited")
    for purpose in sorted(purposes - set(version.purposes)):
        yield Failure("policy.purpose", f"{purpose} is not in policy {version.version}")
    for purpose in sorted(purpose for purpose in purposes if kind not in PURPOSES[purpose].kinds):
        yield Failure("purpose.not_in_contract", f"{purpose} is no purpose of a {kind} vendor")


def purposes_of(terms: Terms) -> frozenset[Purpose]:
    """What an operation is for, as a whole and group by group."""
    return frozenset({terms.operation.purpose} | {group.purpose for group in terms.sending.groups})


def categories(terms: Terms, purpose: Purpose | None = None) -> frozenset[Category]:
    """What of people leaves, for whatever or one purpose; of what a form puts in its place, nothing does."""
    groups = terms.sending.groups
    return (
        frozenset(
            rule.category
            for rule in terms.sending.rules
            if rule.origin is Origin.GROUP
            and rule.form.name not in FORMS_FOR_ANY
            and purpose in (None, groups[rule.group].purpose)
        )
        - NOBODYS
    )


def covers(terms: Terms, purpose: Purpose, version: PolicyDraft) -> bool:
    """Whether a version lets an operation do what it does for a purpose."""
    kind = terms.vendor.kind
    is_open = purpose in version.purposes and kind in version.vendor_kinds
    return is_open and all(receives(version, kind, each) for each in categories(terms, purpose))


def is_outdated(question: Question, purpose: Purpose, given: datetime | None) -> bool:
    """Whether a yes was said under a version that did not let this go yet: it reaches as far as what was published then
    (PIPL 14(2); GDPR 4(11)).

    What was said before all versions that are known, or nobody knows when, counts as said under the first of them.
    """
    if len(versions := _versions(question)) <= 1:
        return False
    then = version_at(versions, given)
    if then is None or then is versions[-1]:
        return False
    return _reaches(question, purpose, versions[-1]) and not _reaches(question, purpose, then)


def version_at(versions: Registered, given: datetime | None) -> PolicyVersion | None:
    """Under which of these versions, the oldest first, something was said."""
    if not versions or given is None:
        return versions[0] if versions else None
    return next((each for each in reversed(versions) if each.published <= given), versions[0])


def _versions(question: Question) -> Sequence[PolicyVersion]:
    if question.standing:
        return question.standing.versions
    return published(question.policy, question.now, question.facts.papers.versions)


def _reaches(question: Question, purpose: Purpose, version: PolicyVersion) -> bool:
    known = question.standing.reach if question.standing else {}
    key = purpose, version.version
    if key not in known:
        known[key] = covers(question.terms, purpose, version)
    return known[key]
