"""What operators and reviewers may ask of the desk: each a model, of words that may stand in the record."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from gateway.contract.words import Name
from gateway.errors import CODES, GatewayError
from gateway.exports import Place
from gateway.forecast import MOST
from gateway.identity import DAY, LIFETIMES
from gateway.ledger.entry import Result
from gateway.ledger.store import PLACES
from gateway.misfit import Asked, Day, Id, Reason, Word, says_who
from gateway.registry.entered import Ref
from gateway.vocabulary import Role

Kind = Literal[
    "access", "canary", "contract", "epoch", "erase", "exceptional", "fact", "genesis", "hold", "hold_release",
    "incident", "intent", "key", "outcome", "policy", "purge", "received", "refusal", "resolve", "restore", "token",
]  # fmt: skip
"""What an entry is of."""


def _known(code: str) -> str:
    if code not in CODES:
        raise ValueError("there is no such code; docs/refusals.md lists them")
    return code


class Issue(Asked):
    """A token for a service or somebody of the shop, or (`subject`) for a person about their own data.

    It lives for so many days, 90 where nobody says, or as long as its role may have.
    """

    service: Name | None = None
    subject: Ref | None = None
    entity: Name | None = None
    vendor: Name | None = None
    days: int | None = Field(default=None, ge=1, le=400)
    role: Role = Role.SERVICE
    services: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _lives_as_long_as_its_role(self) -> "Issue":
        longest = LIFETIMES.get(self.role)
        if self.days is not None and longest is not None and self.days * DAY > longest:
            most = f"{longest // DAY} days" if longest > DAY else "a day" if longest == DAY else "an hour"
            raise ValueError(f"{most} is the longest for the role {self.role}; ask for less, or leave `days` out")
        return self

    @model_validator(mode="after")
    def _is_somebody(self) -> "Issue":
        if (self.subject is None) is (self.role is Role.SUBJECT) or (self.service is None) is (self.subject is None):
            raise ValueError("name a subject for the role subject, and a service or a name for every other one")
        return self


class Look(Asked):
    """Which entries: all that is given holds at once. Times in microseconds since 1970."""

    id: Id | None = None
    kind: Kind | None = None
    vendor: Word | None = None
    operation: Word | None = None
    caller: Word | None = None
    code: Annotated[Word, AfterValidator(_known)] | None = None
    result: Result | None = None
    subject: str | None = None
    since: Place | None = None
    until: Place | None = None
    before: Place | None = None
    limit: int = Field(default=50, ge=1, le=1000)


class UnfitReason(GatewayError):
    """A reason that must not stand in the record."""


def demand_nobody(reason: str, subject: str) -> None:
    """Raises UnfitReason for a reason with a person's reference in it."""
    if says_who(reason, subject):
        # Neither is quoted: the message may end up in a log.
        raise UnfitReason("the reason says who it is about, and would stand in the record for good")


class Erase(Asked):
    """Why a person is erased stands in the record for good, so it is a word. `force`: although vendors are not told."""

    subject: Ref
    reason: Word
    force: bool = False


class Keep(Asked):
    """A hold, to the end of a day of UTC where it says until when."""

    subject: Ref
    reason: Word
    until: Day | None = None


class Release(Asked):
    subject: Ref


class Growth(Asked):
    """Two sizes of the log, the newer one that of a checkpoint; the newest where it is left out."""

    old: int = Field(ge=1, lt=PLACES)
    new: int | None = Field(default=None, ge=1, lt=PLACES)


class Ahead(Asked):
    """How many days to look ahead."""

    days: int = Field(default=90, ge=1, le=MOST)


class Over(Asked):
    """What is over is to go; where it is rehearsed, it is only told."""

    rehearsed: bool = False


class Resolve(Asked):
    """What was found out about an intent in doubt: by its number or id, or by that of the entry that says so."""

    entry: str
    result: Literal["sent", "not_sent"]
    reason: Reason


class From(Asked):
    """Checkpoints of this size and larger ones."""

    size: Place = 0
