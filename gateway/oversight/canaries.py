"""Canaries: values that were given to one vendor and to nobody else. Wherever one turns up, that vendor lost it."""

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Any

from pydantic import StringConstraints

from gateway.contract.words import Name
from gateway.errors import GatewayError
from gateway.ledger.housekeeping import Access
from gateway.ledger.ledger import Ledger
from gateway.ledger.steps import CANARY, CanaryMade
from gateway.ledger.store import Filter
from gateway.misfit import Asked
from gateway.oversight.incidents import Incidents
from gateway.vocabulary.incidents import Breach

_PAGE = 1_000
_LETTERS = 24  # of hexadecimal: 96 bits, which nobody comes upon
# Behind an escaped sign, as in `%20` or `\u0020`, it begins all the same.
_BEGINS = rb"(?:(?<![0-9a-f])|(?<=%[0-9a-f]{2})|(?<=\\u[0-9a-f]{4}))"
_TAG = re.compile(rb"%b[0-9a-f]{%d}(?![0-9a-f])" % (_BEGINS, _LETTERS), re.IGNORECASE)


def tags_in(text: bytes) -> frozenset[bytes]:
    """What in a text could be one of ours."""
    return frozenset(tag.lower() for tag in _TAG.findall(text))


class UnknownCanary(GatewayError):
    """No value of ours is in what was found."""


class Wanted(Asked):
    """For which vendor; at a domain whose mail the shop reads it is an address, otherwise a word."""

    vendor: Name
    domain: Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]{3,200}$")] | None = None


class Seen(Asked):
    """What was found: the value, or any text around it."""

    text: Annotated[str, StringConstraints(max_length=100_000)]


@dataclass(frozen=True, slots=True)
class Canary:
    """That one was made for a vendor. The value stands nowhere: it follows from the number and a key."""

    vendor: str
    number: int
    made: datetime

    @property
    def reference(self) -> str:
        return f"{CANARY}{self.number}"


class Canaries:
    """Values follow from a key of the data folder; `by` is who asks."""

    def __init__(self, ledger: Ledger, incidents: Incidents, *, now: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._incidents = incidents
        self._now = now
        self._key = ledger.named("canary")
        self.known: Mapping[bytes, Canary] = {}
        """Those of which this process knows, by what is looked for; `tags` finds all of them."""

    async def make(self, asked: object, *, by: str) -> dict[str, Any]:
        """A new value for a vendor, which is put into an order of the own. Raises ValidationError, UnfitIncident."""
        wanted = Wanted.model_validate(asked)
        await self._incidents.demand_known(wanted.vendor)
        async with self._incidents.claims.alone("canary"):
            number = 1 + max((each.number for each in await self._all()), default=0)
            await self._ledger.record(CanaryMade(wanted.vendor, number, by))
        await self.tags()
        tag = self._tag(wanted.vendor, number)
        return {"vendor": wanted.vendor, "number": number, "value": f"{tag}@{wanted.domain}" if wanted.domain else tag}

    async def listed(self, *, by: str) -> list[dict[str, Any]]:
        """Which there are, without their values. That somebody looked is an entry."""
        found = await self._all()
        await self._ledger.record(Access(by, "canaries", (), len(found)))
        return [{"vendor": each.vendor, "number": each.number, "made": each.made.isoformat()} for each in found]

    async def seen(self, asked: object, *, by: str) -> list[dict[str, Any]]:
        """Opens an incident at each vendor whose canary is in a text, unless one is open for it. Raises UnknownCanary.

        Nothing of the text is kept.
        """
        tags = tags_in(Seen.model_validate(asked).text.encode())
        found = [canary for tag, canary in (await self.tags()).items() if tag in tags]
        if not found:
            raise UnknownCanary("no canary of ours is in it")
        return [await self.lost(each, by=by) for each in found]

    async def lost(self, canary: Canary, *, by: str) -> dict[str, Any]:
        """The incident at the vendor of a canary that turned up: the one that is open for it, or a new one."""
        async with self._incidents.claims.alone("canary"):
            known = await self._incidents.listed(by=by)
            return self._open_one(canary, known) or await self._opened(canary, by)

    async def tags(self) -> Mapping[bytes, Canary]:
        """Every canary by what is looked for, from now on known here too. Raises Refusal."""
        self.known = {self._tag(each.vendor, each.number).encode(): each for each in await self._all()}
        return self.known

    def _open_one(self, canary: Canary, known: list[dict[str, Any]]) -> dict[str, Any] | None:
        mine = (each for each in known if (each["vendor"], each["reference"]) == (canary.vendor, canary.reference))
        return next((each for each in mine if "closed" not in each["steps"]), None)

    async def _opened(self, canary: Canary, by: str) -> dict[str, Any]:
        incident = {
            "vendor": canary.vendor,
            "nature": Breach.CONFIDENTIALITY,
            "began": canary.made.isoformat(),
            "aware": self._now().isoformat(),
            "reference": canary.reference,
        }
        return await self._incidents.open(incident, by=by)

    def _tag(self, vendor: str, number: int) -> str:
        return hmac.digest(self._key, f"{vendor}|{number}".encode(), sha256).hex()[:_LETTERS]

    async def _all(self) -> list[Canary]:
        found, before = list[Canary](), None
        while page := await self._ledger.entries(Filter(kind=CanaryMade.kind, before=before, limit=_PAGE)):
            for entry in page:
                made = datetime.fromtimestamp(int(str(entry.body["ts"])) / 1_000_000, UTC)
                found.append(Canary(str(entry.body["vendor"]), int(str(entry.body["number"])), made))
            before = page[-1].seq
        return found
