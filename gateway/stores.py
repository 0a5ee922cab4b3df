"""The stores of a data folder, opened together and closed in the order that loses nothing."""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
from pathlib import Path

from gateway import failpoints
from gateway.clearance import NOTICE_DUE
from gateway.clock import microseconds, utc
from gateway.configured import contracts_of, environment_of, levels_of
from gateway.contract.load import ContractSet
from gateway.desk import Desk
from gateway.errors import ContractError, StartError, StopError
from gateway.forecast import Foresight
from gateway.identity import Tokens
from gateway.inforce import as_entered
from gateway.intake import Intake
from gateway.ledger import postgres_schema
from gateway.ledger.database import StoreError, locked
from gateway.ledger.ledger import LOG, Ledger
from gateway.ledger.postgres import PostgresStore
from gateway.ledger.postgres_vault import PostgresVault
from gateway.ledger.recovery import unusable
from gateway.ledger.room import Room
from gateway.ledger.sqlite import SqliteStore
from gateway.ledger.sqlite_vault import SqliteVault
from gateway.ledger.store import Store
from gateway.ledger.vault import Vault
from gateway.policies import Policies
from gateway.registry import engine as registry_engine
from gateway.registry import policies
from gateway.registry.claims import Claims
from gateway.registry.registry import Registry
from gateway.rights.afterwards import Afterwards
from gateway.rights.consignees import Consignees
from gateway.rights.direct import Direct
from gateway.rights.erasing import Erasures
from gateway.rights.holds import Holds
from gateway.rights.notices import Notices
from gateway.settings import Settings
from gateway.vocabulary import level_of

log = logging.getLogger(__name__)

Opens = Callable[[Path, str], Store]


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores of a data folder, held by one process at a time, and what works on them without any contract."""

    ledger: Ledger
    registry: Registry
    intake: Intake
    tokens: Tokens
    desk: Desk
    notices: Notices
    erasures: Erasures
    holds: Holds
    direct: Direct
    consignees: Consignees


@asynccontextmanager
async def opened(settings: Settings, entity: Callable[[], str], store: Opens | None = None) -> AsyncIterator[Stores]:
    """Opens the stores, and closes them in the order that loses nothing. Raises StartError, and
    StopError at the end where not everything could be written.

    `entity` names the company that a token is for where nobody says otherwise.
    """
    failpoints.arm(settings.failpoints or "")
    if failpoints.is_armed():
        log.warning("GATEWAY_FAILPOINTS is set: this process will fail, as tests of faults want it to")
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    loop = asyncio.get_running_loop()
    ledger = _ledger(settings, loop, store)
    async with AsyncExitStack() as closing:
        closing.push_async_callback(ledger.close)
        registry = Registry.open(_shared(settings) or settings.data / "registry.db", now=utc)
        closing.callback(registry.close)
        tokens = Tokens(ledger.named("token"), now=time.time, revoked=registry.is_revoked)
        registry.listen(loop)
        intake = await closing.enter_async_context(Intake(registry, ledger, node=settings.node).open())
        await ledger.erasing.resume(registry)
        yield _furnished(settings, ledger, registry, intake, tokens, entity)
    if ledger.ended.done():
        raise StopError(ledger.ended.result())


def _shared(settings: Settings) -> str | None:
    """Where the database stands that several gateways share, if they do."""
    return settings.database.get_secret_value() if settings.database else None


def _ledger(settings: Settings, loop: asyncio.AbstractEventLoop, store: Opens | None) -> Ledger:
    vault: Callable[[Path], Vault] = SqliteVault
    if (shared := _shared(settings)) is not None:
        if (settings.data / "ledger.db").exists():
            raise StartError(f"{settings.data} has a record of its own; `gateway ledger migrate` brings it over")
        if settings.database_unguarded:
            prepare(shared, shared)
        postgres_schema.demand_ready(shared)
        store = partial(_store_at, shared, guarded=not settings.database_unguarded)
        vault = partial(_vault_at, shared)
    elif store is None:
        room = Room(settings.data, watermark=settings.disk_watermark, ballast=settings.disk_ballast)
        store = partial(SqliteStore, room=room)
    return Ledger.open(
        settings.data,
        node=settings.node,
        now=microseconds,
        loop=loop,
        store=store,
        vault=vault,
        high_water=settings.high_water,
        archive_key=settings.archive_key,
    )


def _furnished(
    settings: Settings,
    ledger: Ledger,
    registry: Registry,
    intake: Intake,
    tokens: Tokens,
    entity: Callable[[], str],
) -> Stores:
    """The open stores with the desks that work on them. A gateway puts the contracts in force in `notices`' place."""
    environment = environment_of(settings)
    # Read once where they are needed at all: an import asks for them with every batch.
    contracts = cache(lambda: contracts_of(settings))
    notices = Notices(
        ledger, registry, intake, contracts,
        now=utc, within=timedelta(settings.notice_days), after=timedelta(settings.closed_days),
    )  # fmt: skip
    levels = levels_of(settings)
    consignees = Consignees(intake, ledger, Claims(registry), level_of(NOTICE_DUE, levels), utc)
    direct = Direct(
        ledger,
        registry,
        contracts,
        environment=environment,
        consignees=consignees,
        afterwards=Afterwards(notices, intake, registry),
        levels=levels,
        now=utc,
    )
    erasures = Erasures(notices, intake, registry, ledger, until=settings.erasure, now=utc)
    holds = Holds(notices, intake, registry, ledger, within=timedelta(settings.notice_days))
    foresight = _foresight(settings, ledger, registry, notices)
    desk = Desk(
        intake,
        ledger,
        tokens,
        environment=environment,
        entity=entity,
        people=registry,
        notices=notices,
        erasures=erasures,
        holds=holds,
        direct=direct,
        consignees=consignees,
        foresight=foresight,
        policies=Policies(intake, lambda: notices.contracts(), foresight),  # noqa: PLW0108  as above
        entries_a_day=settings.entries_a_day,
        operations=lambda: [each.name for each in notices.contracts().terms],
        known=partial(_known, notices),
    )
    return Stores(ledger, registry, intake, tokens, desk, notices, erasures, holds, direct, consignees)


def _foresight(settings: Settings, ledger: Ledger, registry: Registry, notices: Notices) -> Foresight:
    return Foresight(
        ledger,
        registry,
        lambda: notices.contracts(),  # noqa: PLW0108  the gateway puts another in its place
        levels=levels_of(settings),
        cn_separate=settings.cn_sensitive_requires_separate_consent,
        now=utc,
    )


def _known(notices: Notices) -> ContractSet | None:
    """The contracts, if they load: what stops a vendor must not wait until a slip in a contract is mended."""
    with suppress(ContractError, StartError):
        return notices.contracts()
    return None


def _store_at(url: str, _: Path, log: str, *, guarded: bool) -> Store:
    return PostgresStore(url, log, guarded=guarded)


def _vault_at(url: str, _: Path) -> Vault:
    return PostgresVault(url)


def prepare(owner: str, url: str) -> str:
    """Makes everything that a gateway needs in a PostgreSQL, and tells as which role it will run. Raises StartError."""
    role = postgres_schema.prepare(owner, url, LOG)
    registry_engine.prepare(owner, role)
    return role


def guarded(data: Path) -> Sequence[str]:
    """Puts back what keeps the tables of a data folder from being altered, and tells what was missing.

    Raises StartError.
    """
    with ExitStack() as undo:
        undo.callback(os.close, locked(data))
        try:
            store = SqliteStore(data / "ledger.db", LOG)
            undo.callback(store.close)
            return store.guard()
        except StoreError as error:
            raise unusable(data, error) from None


async def accepted(registry: Registry) -> Mapping[tuple[str, str], int]:
    """How many accepted which version of the policy, and in which way. Raises Refusal."""
    return await registry.read(policies.accepted, "")


async def with_entered(contracts: ContractSet, registry: Registry) -> ContractSet:
    """The set with what was entered and published beside its files. Raises Refusal."""
    return as_entered(contracts, await registry.papers())
