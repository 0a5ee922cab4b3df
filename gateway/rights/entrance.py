"""How people come in: the account centre, where they have signed in, gets a token of theirs for some minutes."""

from collections.abc import Collection
from datetime import UTC, datetime

from gateway.errors import refuse
from gateway.identity import Caller, Tokens
from gateway.ledger.entry import Subject
from gateway.ledger.housekeeping import TokenChanged
from gateway.ledger.ledger import Ledger
from gateway.rights.asked import Enter, Entered
from gateway.vocabulary import Role


class Entrance:
    """`services` are those of the shop that are trusted to know who has signed in."""

    def __init__(self, tokens: Tokens, ledger: Ledger, services: Collection[str]) -> None:
        self._tokens = tokens
        self._ledger = ledger
        self._services = frozenset(services)

    async def open(self, caller: Caller, asked: Enter) -> Entered:
        """A token of the person, on record with who asked for it before anybody has it.

        Raises Refusal `caller.role` for a service that is no account centre, or whose token is for one vendor alone.
        """
        if caller.service not in self._services or caller.vendor is not None:
            raise refuse("caller.role", "a service that is no account centre")
        text, made = self._tokens.issue(
            asked.subject,
            entity=caller.entity,
            environment=caller.environment,
            lifetime=asked.minutes * 60,
            role=Role.SUBJECT,
        )
        event = TokenChanged(made.token_id, made.role, "issued", expires=made.expires, by=caller.service)
        await self._ledger.record(event, (Subject(asked.subject, "subject", ""),))
        return Entered(token=text, expires=datetime.fromtimestamp(made.expires, UTC))
