"""Calls and contracts as the path sees them, without any socket."""

from collections.abc import Mapping

from clearances import CONTRACTS
from shop_contracts import SECRETS

from gateway.assemble import Call, Matched, match, read
from gateway.body.document import Document
from gateway.identity import Caller
from gateway.inforce import InForce, in_force
from gateway.record import Course, Trail
from gateway.vocabulary import Role

JSON = ("content-type", "application/json")
CALLER = Caller("fulfilment", "0" * 32, "shop-eu", "live", None, 0, Role.SERVICE)


def bound() -> InForce:
    return in_force(CONTRACTS, secrets=SECRETS.get, vendor_key=lambda vendor: vendor.encode().ljust(32))


IN_FORCE = bound()


def call(
    method: str, target: str, *headers: tuple[str, str], body: bytes = b"", asked: list[int] | None = None
) -> Call:
    """A call whose body is there; `asked` is told up to how many bytes it was read."""
    path, _, query = target.partition("?")

    async def whole(limit: int) -> bytes:
        if asked is not None:
            asked.append(limit)
        return body

    return Call(method, path, query.encode(), headers, whole)


async def taken(made: Call) -> tuple[Matched, Mapping[str, Document], str]:
    """A call that was matched and read."""
    return await read(made, match(made, IN_FORCE))


async def course(made: Call) -> Course:
    matched, incoming, media = await taken(made)
    return Course(IN_FORCE, made, matched, Trail(matched, CALLER), incoming, media)
