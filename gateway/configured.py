"""What the settings name: contracts, the environment, and how much each ground counts."""

from collections.abc import Iterable, Mapping

from gateway.contract.load import ContractSet, load
from gateway.errors import StartError
from gateway.identity import Environment
from gateway.settings import Settings
from gateway.vocabulary import LEVELS, Level


def environment_of(settings: Settings) -> Environment:
    """With vendors played on this machine nothing is in earnest."""
    return "sandbox" if settings.sandbox else settings.environment


def contracts_of(settings: Settings) -> ContractSet:
    """The contracts of the folder in the settings. Raises ContractError with every finding, and StartError."""
    contracts = load(settings.contracts, environment=environment_of(settings), sandbox=settings.sandbox)
    hosts = {name for vendor in contracts.vendors.values() for name in vendor.hosts or {}}
    if unknown := settings.sandbox.keys() - hosts:
        raise StartError(f"GATEWAY_SANDBOX: no vendor has {_all(unknown)} under `hosts`; there are {_all(hosts)}")
    return contracts


def demand_contracts(settings: Settings) -> None:
    """Raises StartError where contracts are looked for in a wrong folder, before anything is made in another one."""
    if not (settings.contracts / "policy.yaml").is_file():
        folder = settings.contracts.absolute()
        raise StartError(f"there is no policy.yaml in {folder}: set GATEWAY_CONTRACTS to the folder that has it")


def _all(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def levels_of(settings: Settings) -> Mapping[str, Level]:
    """How much each ground counts that the settings speak of. Raises StartError for a code that always refuses."""
    if unknown := settings.levels.keys() - LEVELS.keys():
        raise StartError(f"GATEWAY_LEVELS: {_all(unknown)} can be no level; there are {_all(LEVELS)}")
    return {code: Level(level) for code, level in settings.levels.items()}


def first_entity(settings: Settings) -> str:
    """The company that a token is for where nobody says otherwise."""
    return next(iter(contracts_of(settings).entities.entities))
