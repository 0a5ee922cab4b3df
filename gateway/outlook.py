"""What papers and policy refuse already today, whoever calls."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from gateway.clearance import stand, weighed
from gateway.contract.load import ContractSet
from gateway.errors import CODES, Failure, Finding
from gateway.vocabulary import Level, level_of

_TODAY: Mapping[Level, str] = {
    Level.REFUSE: "every call is refused today",
    Level.WARN: "every call goes with a warning today",
}


def refused_today(contracts: ContractSet, now: datetime, levels: Mapping[str, Level]) -> Iterator[Finding]:
    """A note for each ground on which papers and policy refuse every call of an operation that is in force, or warn."""
    for terms in contracts.terms:
        if terms.operation.status != "enforce":
            continue
        stands = [stand(terms, contracts.policy, name, now).failures for name in contracts.entities.entities]
        # Of several companies, the one that comes nearest says what is in the way of every call.
        for failure in min(stands, key=lambda failures: _in_the_way(failures, levels)):
            if told := _TODAY.get(level_of(failure.code, levels)):
                code = CODES[failure.code]
                why = f"{code.title}: {failure.detail}" if failure.detail else code.title
                yield Finding(failure.code, terms.file, 1, f"by these files {told}: {why}", code.fix, "note")


def _in_the_way(failures: Sequence[Failure], levels: Mapping[str, Level]) -> tuple[int, int]:
    refused, noted = weighed(failures, levels)
    return len(refused), len(noted)
