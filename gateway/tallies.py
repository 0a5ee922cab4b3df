"""What is counted over months and years: transfers on a derogation, and people in China whose data left it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from gateway.clearance import Clearance, Pairs, day
from gateway.contract.model import Policy
from gateway.contract.terms import Rule, Terms
from gateway.errors import refuse
from gateway.frozen import changed
from gateway.ledger.entry import Subject
from gateway.ledger.tallies import Tally
from gateway.minimise import Minimised
from gateway.vocabulary import CN_SENSITIVE, DEROGATIONS, FORMS_FOR_ANY, TRANSFERS, Level, TransferMechanism, level_of
from gateway.vocabulary.china import NECESSARY, PEOPLE, SENSITIVE, year_in_china

CODE: Final = "transfer.repetitive"
DEROGATION: Final = "derogation"
_CHINA: Final = "CN"
_WAYS: Final = 1_000  # that are remembered


@dataclass(frozen=True, slots=True)
class _Ways:
    """What of a call's transfers is counted: derogations, and the jurisdictions whose people's data leaves China.

    The data of those in `necessary` goes for a contract alone.
    """

    derogations: tuple[TransferMechanism, ...]
    china: frozenset[str]
    necessary: frozenset[str]


class Tallies:
    """What is asked of the ledger, which counts. `levels` are those of the settings, `most` is how often in a month one
    vendor may get data for one purpose on a derogation that may not become the rule (GDPR, recital 111).
    """

    def __init__(self, levels: Mapping[str, Level], most: int) -> None:
        self._level = level_of(CODE, levels)
        self._most = most
        self._over: dict[str, str] = {}

    def of(
        self,
        terms: Terms,
        policy: Policy,
        clearance: Clearance,
        outgoing: Minimised,
        subjects: Sequence[Subject],
        disclosure: str,
        now: datetime,
    ) -> tuple[Tally, ...]:
        """What a call adds, and to which number; nothing for nearly every call."""
        ways = _ways(clearance.transfer)
        if ways is None:
            return ()
        month, mark = month_of(policy, now), bytes.fromhex(disclosure)
        found = [
            Tally(DEROGATION, month, scope, marks=(mark,), most=self._bound(each, scope, month))
            for each, scope in _scopes(terms, ways)
        ]
        if ways.china or ways.necessary:
            left = [rule for rule in terms.sending.rules if outgoing.counts[rule.number]]
            found += _from_china(ways, terms, clearance.entity, left, subjects, year_in_china(now))
        return tuple(found)

    def noted(self, terms: Terms, policy: Policy, clearance: Clearance, now: datetime) -> Clearance:
        """A clearance with a note that in this month a derogation has become the rule."""
        if not self._over or (ways := _ways(clearance.transfer)) is None:
            return clearance
        month = month_of(policy, now)
        if any(self._over.get(scope) == month for _, scope in _scopes(terms, ways)):
            return changed(clearance, warnings=(*clearance.warnings, CODE))
        return clearance

    def passed(self, terms: Terms, policy: Policy, clearance: Clearance, now: datetime) -> None:
        """The ledger did not take a call. Raises Refusal where that is to be so; otherwise it is noted from now on."""
        if self._level is Level.REFUSE:
            vendor, purpose = terms.vendor.vendor, terms.operation.purpose
            detail = f"{vendor} may get data for {purpose} on a derogation {self._most} times a month"
            raise refuse(CODE, detail, terms.file)
        ways = _ways(clearance.transfer)
        for mechanism, scope in _scopes(terms, ways) if ways else ():
            if TRANSFERS[mechanism].occasional:
                self._over[scope] = month_of(policy, now)

    def _bound(self, mechanism: TransferMechanism, scope: str, month: str) -> int | None:
        is_bounded = TRANSFERS[mechanism].occasional and self._level is not Level.OFF
        return self._most if is_bounded and self._over.get(scope) != month else None


def told(
    terms: Terms,
    policy: Policy,
    transfer: Pairs,
    entity: str,
    left: Sequence[Rule],
    subjects: Sequence[Subject],
    disclosure: str,
    happened: datetime,
) -> tuple[Tally, ...]:
    """What a disclosure adds that was made beside the gateway, by these rules: bounded by nothing, for it was made."""
    ways = _ways(transfer)
    if ways is None:
        return ()
    month, mark = month_of(policy, happened), bytes.fromhex(disclosure)
    seldom = (Tally(DEROGATION, month, scope, marks=(mark,)) for _, scope in _scopes(terms, ways))
    return (*seldom, *_from_china(ways, terms, entity, left, subjects, year_in_china(happened)))


def month_of(policy: Policy, now: datetime) -> str:
    """Like 2026-11, where the policy says."""
    return day(policy, now).isoformat()[:7]


@lru_cache(_WAYS)
def _ways(transfer: tuple[tuple[str, str], ...]) -> _Ways | None:
    used = [(jurisdiction, TransferMechanism(mechanism)) for jurisdiction, mechanism in transfer]
    derogations = tuple(dict.fromkeys(each for _, each in used if each in DEROGATIONS))
    out = [(jurisdiction, each) for jurisdiction, each in used if _CHINA in TRANSFERS[each].known_in]
    out = [(jurisdiction, each) for jurisdiction, each in out if jurisdiction.partition("-")[0] in (_CHINA, "unknown")]
    held = frozenset(each for each, mechanism in out if mechanism is not TransferMechanism.CN_CONTRACT_NECESSITY)
    ways = _Ways(derogations, held, frozenset(each for each, _ in out) - held)
    return ways if derogations or out else None


def _scopes(terms: Terms, ways: _Ways) -> Iterator[tuple[TransferMechanism, str]]:
    for each in ways.derogations:
        yield each, f"{terms.vendor.vendor} {terms.operation.purpose} {each}"


def _from_china(
    ways: _Ways, terms: Terms, entity: str, left: Sequence[Rule], subjects: Sequence[Subject], year: str
) -> Iterator[Tally]:
    """People of a company, and of it at one vendor."""
    held = [(place, each) for place, each in enumerate(subjects) if each.jurisdiction in ways.china]
    necessary = [place for place, each in enumerate(subjects) if each.jurisdiction in ways.necessary]
    roles = _with_sensitive(left) if held else frozenset()
    numbers = {
        PEOPLE: [place for place, _ in held],
        SENSITIVE: [place for place, each in held if each.role in roles],
        NECESSARY: necessary,
    }
    for what, places in numbers.items():
        if places:
            for scope in (entity, f"{entity} {terms.vendor.vendor}"):
                yield Tally(what, year, scope, people=tuple(places))


def _with_sensitive(left: Sequence[Rule]) -> frozenset[str]:
    """The roles of people about whom something left that is sensitive under the law of China."""
    rules = [rule for rule in left if rule.category in CN_SENSITIVE and rule.form.name not in FORMS_FOR_ANY]
    return frozenset(role.value for rule in rules for role in rule.roles)
