"""What papers and policy refuse already today, whoever calls."""

from collections.abc import Iterator
from datetime import datetime

from gateway.clearance.papers import stand
from gateway.contract.load import ContractSet
from gateway.errors import CODES, Finding


def refused_today(contracts: ContractSet, now: datetime) -> Iterator[Finding]:
    """A note for each ground on which papers and policy refuse every call of an operation that is in force."""
    for terms in contracts.terms:
        standings = [stand(terms, contracts.policy, name, now) for name in contracts.entities.entities]
        if terms.operation.status != "enforce" or not all(standing.failures for standing in standings):
            continue
        for failure in standings[0].failures:
            code = CODES[failure.code]
            why = f"{code.title}: {failure.detail}" if failure.detail else code.title
            yield Finding(
                failure.code, terms.file, 1, f"by these files every call is refused today: {why}", code.fix, "note"
            )
