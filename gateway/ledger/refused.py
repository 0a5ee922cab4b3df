"""What the ledger records of calls that were not sent."""

from dataclasses import dataclass
from typing import ClassVar

from gateway.ledger.canonical import Json
from gateway.ledger.entry import Index, demand_codes, stated


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A call of a proven caller that we chose not to send, with the code that decided and every other one."""

    kind: ClassVar[str] = "refusal"

    caller: str
    code: str
    codes: tuple[str, ...] = ()
    vendor: str = ""
    operation: str = ""
    contract: str = ""
    where: tuple[str, ...] = ()  # contract lines, file:line
    paths: tuple[str, ...] = ()
    environment: str = ""
    token: str = ""

    def __post_init__(self) -> None:
        demand_codes(self.code, *self.codes)

    @property
    def index(self) -> Index:
        return Index(self.vendor or None, self.operation or None, self.caller, self.code)

    def members(self) -> dict[str, Json]:
        return stated(
            caller=self.caller,
            code=self.code,
            codes=self.codes,
            vendor=self.vendor,
            operation=self.operation,
            contract=self.contract,
            where=self.where,
            paths=self.paths,
            environment=self.environment,
            token=self.token,
        )
