"""What papers and policy refuse already today, whoever calls."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from gateway.clearance.papers import stand
from gateway.contract.load import ContractSet
from gateway.errors import CODES, Finding
from gateway.vocabulary import Level, level_of

_TODAY: Mapping[Level, str] = {
    Level.REFUSE: "every call is refused today",
    Level.WARN: "every call goes with a warning today",
}


def refused_today(contracts: ContractSet, now: datetime, levels: Mapping[str, Level]) -> Iterator[Finding]:
    """A note for each ground on which papers and policy refuse every call of an operation that is in force, or warn."""
    for terms in contracts.terms:
        standings = [stand(terms, contracts.policy, name, now) for name in contracts.entities.entities]
        if terms.operation.status != "enforce" or not all(standing.failures for standing in standings):
            continue
        for failure in standings[0].failures:
            if told := _TODAY.get(level_of(failure.code, levels)):
                code = CODES[failure.code]
                why = f"{code.title}: {failure.detail}" if failure.detail else code.title
                yield Finding(failure.code, terms.file, 1, f"by these files {told}: {why}", code.fix, "note")
