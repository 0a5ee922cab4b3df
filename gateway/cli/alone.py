"""What commands do where no gateway runs: they open the data folder themselves."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from gateway import listeners
from gateway.api import deeds_of
from gateway.cli.console import err, me, unanswered
from gateway.clock import utc
from gateway.configured import contracts_of, demand_contracts, first_entity
from gateway.contract.load import ContractSet
from gateway.report.making import Reports
from gateway.settings import Settings
from gateway.stores import accepted, opened, with_entered
from gateway.vocabulary import Role


@contextmanager
def asking(settings: Settings) -> Iterator[Callable[[str, Any], Any]]:
    """Answers as a gateway does on its control socket, as far as no contract has to be in force. Raises StartError."""
    if not settings.data.exists():
        demand_contracts(settings)
        err.print(f"no gateway runs with {settings.data.absolute()}; a new record begins there", markup=False)
    with listeners.runner() as runner:
        opening = opened(settings, lambda: first_entity(settings))
        desk = runner.run(opening.__aenter__()).desk
        deeds = deeds_of(desk, lambda: contracts_of(settings).policy.retention)

        def ask(deed: str, of: Any) -> Any:
            if deed not in deeds:
                raise unanswered(settings.data)
            return runner.run(_done(deeds[deed](of, me())))

        try:
            yield ask
        finally:
            runner.run(opening.__aexit__(None, None, None))


@contextmanager
def framed(settings: Settings, of: Any) -> Iterator[Iterator[Mapping[str, Any]]]:
    """The frames of a report."""
    contracts = contracts_of(settings)
    with listeners.runner() as runner:
        opening = opened(settings, lambda: first_entity(settings))
        stores = runner.run(opening.__aenter__())

        def standing() -> Awaitable[ContractSet]:
            return with_entered(contracts, stores.registry)

        reports = Reports(stores.ledger, stores.desk.accesses, standing, partial(accepted, stores.registry), utc)
        frames = reports.frames(of, by=me(), role=Role.OPERATOR)

        async def next_frame() -> Mapping[str, Any] | None:
            return await anext(frames, None)

        def given() -> Iterator[Mapping[str, Any]]:
            while (frame := runner.run(next_frame())) is not None:
                yield frame

        try:
            yield given()
        finally:
            runner.run(opening.__aexit__(None, None, None))


async def _done(deed: Awaitable[Any]) -> Any:
    return await deed
