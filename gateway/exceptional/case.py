"""A case, as the steps taken in it: where it stands, and who may take which step next. Nothing here does anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.errors import Failure
from gateway.exceptional.asked import (
    AnyRequest,
    Approval,
    Decline,
    Deed,
    Emergency,
    Notice,
    Opinion,
    Preservation,
    Review,
    Sending,
)
from gateway.exceptional.checks import is_abroad
from gateway.registry.entered import PersonRow
from gateway.vocabulary import Role

WINDOW = timedelta(minutes=15)
"""In which one person alone may send in an emergency."""
REVIEW = timedelta(hours=24)
"""After which the review of an emergency is overdue."""
TELLING = timedelta(days=30)
"""In which a person is told once they may be (GDPR 14(3)(a))."""


class State(StrEnum):
    """Where a case stands."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REFUSED = "refused"
    PRESERVED = "preserved"
    SENT = "sent"


@dataclass(frozen=True, slots=True, repr=False)
class Taken:
    """A step that was taken, with what was entered; of one that the gateway took itself, nothing was."""

    step: str
    by: str
    at: datetime
    deed: Deed | None = None
    entry: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Case:
    """A request with everything that was done about it. Holds what people wrote, so it has no `repr`."""

    id: str
    asked: AnyRequest
    people: tuple[PersonRow, ...]
    home: str
    suppressed_until: datetime | None
    steps: tuple[Taken, ...]

    @property
    def requested(self) -> Taken:
        return self.steps[0]

    @property
    def state(self) -> State:
        reached = [_REACHED[each.step] for each in self.steps if each.step in _REACHED]
        return reached[-1] if reached else State.REQUESTED

    @property
    def is_abroad(self) -> bool:
        return is_abroad(self.asked, self.home)

    @property
    def window_ends(self) -> datetime | None:
        """Until when one person may send alone."""
        return self.requested.at + WINDOW if isinstance(self.asked, Emergency) else None

    @property
    def review_due(self) -> datetime | None:
        """When the review of an emergency that was sent is due, until there was one."""
        sent = self.last("send")
        if not isinstance(self.asked, Emergency) or sent is None or self.last("review"):
            return None
        return sent.at + REVIEW

    @property
    def tell_from(self) -> datetime | None:
        """From when the person is to be told of what was sent, until they were."""
        sent = self.last("send")
        if sent is None or self.last("told"):
            return None
        return max(sent.at, self.suppressed_until or sent.at)

    @property
    def awaits(self) -> str:
        """The step without which it goes no further; nothing where none is needed, or time says which."""
        if isinstance(self.asked, Emergency) or self.state not in _UNSENT:
            return ""
        if self.is_abroad and self.last("opinion") is None:
            return "opinion"
        return "send" if self.state is State.APPROVED and not _disputed(self) else "approve"

    def last(self, step: str) -> Taken | None:
        return next((each for each in reversed(self.steps) if each.step == step), None)

    def took(self, step: str, by: str) -> bool:
        return any(each.by == by for each in self.steps if each.step == step)


_REACHED: Mapping[str, State] = {
    "request": State.REQUESTED,
    "approve": State.APPROVED,
    "refuse": State.REFUSED,
    "preserve": State.PRESERVED,
    "send": State.SENT,
}
MAY: Mapping[str, frozenset[Role]] = {
    "request": frozenset({Role.STEWARD, Role.DECIDER}),
    "opinion": frozenset({Role.DPO}),
    "approve": frozenset({Role.DECIDER}),
    "refuse": frozenset({Role.DECIDER}),
    "preserve": frozenset({Role.DECIDER}),
    "send": frozenset({Role.STEWARD, Role.DECIDER}),
    "review": frozenset({Role.DECIDER, Role.DPO}),
    "told": frozenset({Role.STEWARD, Role.DECIDER}),
    "list": frozenset({Role.STEWARD, Role.DECIDER, Role.DPO, Role.REVIEWER, Role.AUDITOR}),
    "show": frozenset({Role.STEWARD, Role.DECIDER, Role.DPO}),
}
"""What a token of a role may do here; whether it may in this case is asked beside that."""
_UNSENT = frozenset({State.REQUESTED, State.APPROVED})
_OPEN = _UNSENT | {State.PRESERVED}
_POINTS: Mapping[str, frozenset[State]] = {
    "opinion": _OPEN,
    "approve": frozenset({State.REQUESTED, State.PRESERVED}),
    "refuse": _OPEN,
    "preserve": frozenset({State.REQUESTED}),
    "send": frozenset({State.APPROVED}),
    "review": frozenset({State.SENT}),
    "told": frozenset({State.SENT}),
}


def hindrances(case: Case, step: str, deed: Deed, *, by: str, role: Role, now: datetime) -> list[Failure]:
    """Why somebody may not take a step in a case now."""
    if isinstance(case.asked, Emergency):
        return _in_emergency(case, step, by=by, role=role, now=now)
    is_open = case.state in _POINTS[step] or (step == "approve" and case.state is State.APPROVED and _disputed(case))
    if step == "review" or not is_open:
        return [_not_now(case, step)]
    found = {
        Opinion: lambda: _opining(case, deed, by, now),
        Approval: lambda: _approving(case, deed, by),
        Decline: lambda: _deciding(case, by),
        Preservation: lambda: _deciding(case, by),
        Sending: lambda: _sending(case),
        Notice: lambda: _telling(case, now),
    }
    return found[type(deed)]()


def _in_emergency(case: Case, step: str, *, by: str, role: Role, now: datetime) -> list[Failure]:
    if step == "send" and case.state is State.REQUESTED:
        if by != case.requested.by:
            return [Failure("exceptional.window", "who opened the window sends, and nobody else")]
        over = case.window_ends is not None and now > case.window_ends
        return [Failure("exceptional.window", "the fifteen minutes are over; enter it anew")] if over else []
    if step == "review" and case.state is State.SENT and not case.last("review"):
        if case.took("send", by) or case.took("request", by):
            return [Failure("exceptional.same_approver", "an emergency is reviewed by somebody else")]
        is_unfit = case.is_abroad and role is not Role.DPO
        return [Failure("exceptional.opinion", "what went abroad is reviewed by the dpo")] if is_unfit else []
    if step == "told" and case.state is State.SENT:
        return _telling(case, now)
    return [_not_now(case, step)]


def _opining(case: Case, deed: Deed, by: str, now: datetime) -> list[Failure]:
    found = [_same("whoever approves gives no opinion")] if case.took("approve", by) else []
    if isinstance(deed, Opinion) and deed.dated > now.date() + timedelta(days=1):
        found.append(Failure("exceptional.incomplete", "dated: a day that is still to come"))
    return found


def _deciding(case: Case, by: str) -> list[Failure]:
    return [_same("whoever asks does not decide")] if case.requested.by == by else []


def _approving(case: Case, deed: Deed, by: str) -> list[Failure]:
    found = _deciding(case, by)
    if case.took("opinion", by):
        found.append(_same("whoever gives the opinion does not approve"))
    opinion = _opinion(case)
    is_against = opinion is not None and not opinion.favourable
    if isinstance(deed, Approval):
        if is_against and not deed.despite:
            found.append(Failure("exceptional.opinion", "the opinion is against it: say why `despite` it"))
        wider = sorted(path for path, each in (deed.fields or {}).items() if case.asked.fields.get(path) is not each)
        found += [Failure("exceptional.scope", f"{path} was not asked for") for path in wider]
    return found


def _sending(case: Case) -> list[Failure]:
    approval, opinion = case.last("approve"), case.last("opinion")
    if approval is None or approval.by == case.requested.by:
        return [_same("nobody else approved it")]
    if case.is_abroad and opinion is None:
        return [Failure("exceptional.opinion", "it goes into a third country: the dpo is asked first")]
    if opinion is not None and opinion.by == approval.by:
        return [_same("whoever gives the opinion does not approve")]
    if _disputed(case):
        why = "the opinion that came after the approval is against it: approve it once more and say why `despite` it"
        return [Failure("exceptional.opinion", why)]
    return []


def _disputed(case: Case) -> bool:
    """Whether the opinion is against what was approved before it, so that somebody has to approve it despite that."""
    approval, said = case.last("approve"), _opinion(case)
    if approval is None or said is None or said.favourable:
        return False
    return not (isinstance(approval.deed, Approval) and approval.deed.despite)


def _telling(case: Case, now: datetime) -> list[Failure]:
    if case.tell_from is None:
        return [Failure("exceptional.state", "the person was told")]
    if now < case.tell_from:
        return [Failure("exceptional.suppression", "the person must not be told yet")]
    return []


def _opinion(case: Case) -> Opinion | None:
    taken = case.last("opinion")
    return taken.deed if taken is not None and isinstance(taken.deed, Opinion) else None


def _not_now(case: Case, step: str) -> Failure:
    return Failure("exceptional.state", f"{step} is not possible where a case is {case.state}")


def _same(detail: str) -> Failure:
    return Failure("exceptional.same_approver", detail)


def overdue(cases: Sequence[Case], by: str, now: datetime) -> bool:
    """Whether an emergency of somebody is unreviewed past its time: until it is reviewed they open no other."""
    return any(case.took("send", by) and case.review_due is not None and case.review_due < now for case in cases)


def reviewed(case: Case) -> Review | None:
    """What the review came to, once there was one."""
    taken = case.last("review")
    return taken.deed if taken is not None and isinstance(taken.deed, Review) else None
