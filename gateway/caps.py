"""How many people an operation may be about in an hour, and what becomes of a call that is about one more."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from gateway.clearance import Clearance
from gateway.contract.terms import Terms
from gateway.errors import refuse
from gateway.frozen import changed
from gateway.ledger.store import Cap
from gateway.vocabulary import Level, level_of

CODE: Final = "limit.subjects_per_hour"
_HOUR: Final = 3600


class Caps:
    """What is asked of the ledger, which counts. `levels` are those of the settings."""

    def __init__(self, levels: Mapping[str, Level]) -> None:
        self._level = level_of(CODE, levels)
        self._over: dict[str, float] = {}

    def of(self, terms: Terms, now: datetime, waivers: Sequence[str] = ()) -> Cap | None:
        """The bound of an operation; None where nobody asks for it, and where it was passed already in this hour.

        `waivers` are the ids of those that let it be passed, here and below.
        """
        is_hard = self._level is Level.REFUSE and not waivers
        if self._level is Level.OFF or (self._is_over(terms.name, now) and not is_hard):
            return None
        return Cap(terms.name, terms.operation.limits.per_hour)

    def noted(self, terms: Terms, clearance: Clearance, now: datetime, waivers: Sequence[str] = ()) -> Clearance:
        """A clearance with a note that in this hour the operation is about more people than it may be."""
        if not self._over or not self._is_over(terms.name, now):
            return clearance
        if self._level is Level.REFUSE:
            return changed(clearance, waivers=tuple(dict.fromkeys((*clearance.waivers, *waivers))))
        return changed(clearance, warnings=(*clearance.warnings, CODE))

    def passed(self, terms: Terms, now: datetime, waivers: Sequence[str] = ()) -> None:
        """The ledger did not take a call. Raises Refusal where that is to be so; otherwise it is noted from now on."""
        if self._level is Level.REFUSE and not waivers:
            most = terms.operation.limits.per_hour
            raise refuse(CODE, f"{terms.name} may be about {most} in one hour", terms.file)
        self._over[terms.name] = now.timestamp() // _HOUR

    def _is_over(self, name: str, now: datetime) -> bool:
        return name in self._over and self._over[name] == now.timestamp() // _HOUR
