"""Links of a vendor in its answers: led through the gateway, so that whoever follows one makes a call of ours."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.errors import Unfit

# What RFC 3986 lets stand in a path or query, and the brackets that paging parameters have unescaped. No sign that one
# reader would take for the end of the host and another would not.
_SIGNS = r"[A-Za-z0-9._~!$&'()*+,;=:@%\[\]|-]"
_URL = re.compile(
    rf"(?:(?:https?:)?//([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{{1,5}}))?)?((?:/{_SIGNS}*)*)(\?(?:{_SIGNS}|[/?])*)?(?:\#.*)?",
    re.IGNORECASE,
)
# No call has such a path, and an empty first segment would be read as a host.
_NO_PATH = re.compile(r"//|/(?:\.|%2e){1,2}(?=/|\Z)", re.IGNORECASE)
_SECURE = 443


@dataclass(frozen=True, slots=True)
class Door:
    """An address of a vendor, and the name under which callers reach it here.

    `base` is the path below which the vendor's API begins, without a slash at its end.
    """

    name: str
    hostname: str
    port: int
    base: str


@dataclass(frozen=True, slots=True)
class Way:
    """How the caller of one call reaches its vendor: our address and the prefix as the caller wrote them, and doors.

    The first door is the one through which the call went.
    """

    origin: str
    prefix: str
    doors: Sequence[Door]


def relinked(way: Way | None) -> Callable[[str], str]:
    """A link of this vendor, so that it leads through the gateway; without a fragment, which nobody sends anyway.

    An address that has a host gets ours, one without it the caller's prefix, and a query alone stays as it is. The
    change raises Unfit `field.link` for every other host, and for whatever is no such address.
    """

    def changed(text: str) -> str:
        match = _URL.fullmatch(text)
        if way is None or match is None or _NO_PATH.search(match[3]):
            raise Unfit("field.link")
        hostname, port, path, query = match.groups()
        if not hostname:
            return _relative(way, path, query or "")
        # Without a port both schemes mean the vendor; what is followed goes out over https in any case.
        number = int(port) if port else _SECURE
        doors = [each for each in way.doors if each.hostname == hostname.strip("[]").lower() and each.port == number]
        return f"{way.origin}{_path(way, doors, path)}{query or ''}"

    return changed


def _relative(way: Way, path: str, query: str) -> str:
    """Vendors count paths from their host or from where their API begins; callers have the prefix in both places."""
    base = way.doors[0].base
    if path:
        return way.prefix + (path[len(base) :] if f"{path}/".startswith(f"{base}/") else path) + query
    # A query alone belongs to the address that was called, and that led through the gateway.
    if not query:
        raise Unfit("field.link")
    return query


def _path(way: Way, doors: Sequence[Door], path: str) -> str:
    """The path as callers write it, behind the door that fits it best."""
    fitting = [door for door in doors if f"{path}/".startswith(f"{door.base}/")]
    if not fitting:
        raise Unfit("field.link")
    door = max(fitting, key=lambda door: len(door.base))
    prefix = way.prefix if door.name == way.doors[0].name else f"/{door.name}"
    return prefix + path[len(door.base) :]
