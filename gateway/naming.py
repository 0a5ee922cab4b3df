"""Names of vendors in what somebody puts in or asks: whether anybody knows them, and which one may be meant."""

from collections.abc import Collection, Sequence
from difflib import get_close_matches

from gateway.errors import GatewayError
from gateway.registry import lookups
from gateway.registry.entered import ConsentRow, FlagRow, SuspensionRow
from gateway.registry.registry import Registry
from gateway.registry.stored import StoredRow


class UnknownName(GatewayError):
    """What is named is not there."""


async def is_known(name: str, vendors: Collection[str], registry: Registry) -> bool:
    """Whether a vendor is one that the contracts have, or that people spoke of before. Raises Refusal."""
    return name in vendors or await registry.read(lookups.names_vendor, name)


async def unknown_vendors(
    facts: Sequence[StoredRow], vendors: Collection[str], registry: Registry
) -> Sequence[tuple[int, str]]:
    """Which of these facts are about a vendor that nobody knows, each with the name that stands there.

    What people say, and the end of a stop, may be about one that the contracts do not have any more; anything else is
    about one that they have. Raises Refusal.
    """
    outside = [
        (number, str(name))
        for number, fact in enumerate(facts)
        if (name := getattr(fact, "vendor", None)) is not None and name not in vendors
    ]
    spoken_of = {name for number, name in outside if _may_be_gone(facts[number])}
    gone = {name for name in spoken_of if await is_known(name, vendors, registry)}
    return [(number, name) for number, name in outside if name not in gone or not _may_be_gone(facts[number])]


def _may_be_gone(fact: StoredRow) -> bool:
    return isinstance(fact, ConsentRow | FlagRow) or (isinstance(fact, SuspensionRow) and fact.lifted)


def meant(name: str, known: Collection[str]) -> str:
    """The name that is most like one, as a question; nothing where none is."""
    like = get_close_matches(name, known, 1)
    return f"; did you mean `{like[0]}`?" if like else ""
