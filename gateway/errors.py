"""What can go wrong, under names that never change.

GatewayError
├── Refusal            we chose not to send; carries every failure found, the first decides
├── ContractError      a set of contracts does not load; carries findings
└── StartError         the process must not start as it is
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """A reason to refuse: the HTTP status of the reply, what it means, and the way out."""

    status: int
    title: str
    fix: str


@dataclass(frozen=True, slots=True)
class Failure:
    """One reason not to send. `detail` names vendors, operations and paths, never a value; `where` a contract line."""

    code: str
    detail: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A mistake in a contract: which rule it breaks, where, and what to write instead."""

    code: str
    file: str
    line: int
    message: str
    fix: str = ""
    level: str = "error"  # or "note": it loads, and the reviewer is told

    def __str__(self) -> str:
        fix = f" ({self.fix})" if self.fix else ""
        return f"{self.file}:{self.line}: {self.code}: {self.message}{fix}"


class GatewayError(Exception):
    """The root of everything that this package raises on purpose."""


class Refusal(GatewayError):
    """The call does not go. Nothing has left."""

    def __init__(self, *failures: Failure) -> None:
        super().__init__(", ".join(failure.code for failure in failures))
        self.failures = failures

    @property
    def code(self) -> str:
        return self.failures[0].code

    @property
    def status(self) -> int:
        return CODES[self.code].status


class ContractError(GatewayError):
    """A set of contracts does not load, and the one in force stays in force."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("\n".join(str(finding) for finding in findings))
        self.findings = tuple(findings)


class StartError(GatewayError):
    """The process must not start as it is; the message says what to change."""


def refuse(code: str, detail: str = "", where: str = "") -> Refusal:
    """A refusal for a single reason."""
    return Refusal(Failure(code, detail, where))
