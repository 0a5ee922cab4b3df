"""One attempt at a vendor: exactly these bytes, to an address that was checked, at most once."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal, Protocol

from gateway.errors import refuse
from gateway.frozen import Frozen
from gateway.outbound.certified import Certified
from gateway.outbound.guard import Network
from gateway.pieces import Payload, joined, whole

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOSTNAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
# Origin form (RFC 9112 section 3.2.1), without what a URL parser on the way would rewrite (WHATWG URL, 1.3).
_TARGET = re.compile(r"/[!$-;=@-\[\]_a-z|~]*(?:\?[!$-;=?-~]*)?")
_DOTS = re.compile(r"\A[^?]*/(?:\.|%2e){1,2}(?:[/?]|\Z)", re.IGNORECASE)
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"))
_WITH_BODY = frozenset(("POST", "PUT", "PATCH"))
_FIELDS = re.compile(r"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~]*\r\n)*")

# Hop by hop (RFC 9110 section 7.6.1), or said by us and by nobody else.
_NEVER_FORWARDED = frozenset(
    (
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_AS_IT_IS = "accept-encoding: identity\r\n"


@dataclass(frozen=True, slots=True)
class Host:
    """A host of a vendor, from its file: the key it has there, and where requests go.

    `hostname` is a name in lower case or an address without brackets; `networks` are those outside the public internet
    that it may stand in. Plain `http` is for hosts whose networks are all loopback. `own` is what we prove ourselves by
    there.
    """

    name: str
    scheme: str
    hostname: str
    port: int
    networks: tuple[Network, ...] = ()
    own: Certified | None = None
    authority: str = field(init=False)
    """Host and, where it is not the default, port, as in the Host header (RFC 9110 section 7.2)."""
    origin: str = field(init=False)
    """Scheme and authority (RFC 6454 section 6.2)."""
    mark: bytes = field(init=False)
    """Which connections to the same place are not for others: those that prove us in another way."""
    is_plain: bool = field(init=False)
    """Whether the name reads in one way only, and plain `http` stays on this machine."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "authority", _authority(self))
        object.__setattr__(self, "origin", f"{self.scheme}://{self.authority}")
        object.__setattr__(self, "is_plain", _is_plain(self))
        object.__setattr__(self, "mark", self.own.mark if self.own else b"")


def _authority(host: Host) -> str:
    name = f"[{host.hostname}]" if ":" in host.hostname else host.hostname
    return name if host.port == _DEFAULT_PORTS.get(host.scheme) else f"{name}:{host.port}"


class Sending(Frozen, frozen=True):
    """A request to a vendor. `target` is path and query as they go on the wire; the body is whole, if not in memory."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: Payload

    @property
    def payload(self) -> bytes:
        """The body in memory, for whoever can do with nothing less."""
        return whole(self.body)


class Answer(Frozen, frozen=True):
    """What a vendor said, in the coding in which it came.

    Names of headers are in lower case; a value outside ASCII is empty.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    payload: bytes

    @property
    def is_redirect(self) -> bool:
        """Whether whoever gets it would send its request once more, and to somebody else (RFC 9110 section 15.4)."""
        return self.status in _REDIRECTS


class Outcome(Frozen, frozen=True):
    """What became of an attempt. `not_sent` is proven: no byte of the request left. All doubt is `possibly`.

    `code` says why there is no answer, or that the answer leads elsewhere and was not followed.
    """

    result: Literal["sent", "not_sent", "possibly"]
    code: str = ""
    answer: Answer | None = None


Holds = Callable[[], bool]
"""Whether the decision to send still holds."""

STALE = Outcome("not_sent")
"""Nothing left, because the decision to send it did not hold any more."""


class Vendors(Protocol):
    """Whoever carries a request to a vendor."""

    async def send(self, host: Host, sending: Sending, *, limit: int, holds: Holds) -> Outcome:
        """One attempt; an answer longer than `limit` bytes is not read. Never raises for what the network does.

        Called only after the intent is durable. `holds` is asked once more when the address is known, right before the
        transport gets the request: where it says no, nothing leaves and the outcome is STALE. A cancelled call may have
        been sent.
        """

    async def close(self) -> None:
        """Lets go of every connection. Attempts under way go on."""


def request(host: Host, sending: Sending) -> Payload:
    """The whole request as it goes on the wire: nothing added but Host, Accept-Encoding and Content-Length.

    Raises Refusal for whatever could arrive differently from how it was decided: `http.method`, `http.target`,
    `http.header`, and `vendor.address` for a host that is written ambiguously.
    """
    if sending.method not in _METHODS:
        raise refuse("http.method", f"towards {host.name}")
    if not host.is_plain:
        raise refuse("vendor.address", f"host {host.name} is not written plainly")
    if not _TARGET.fullmatch(sending.target) or _DOTS.search(sending.target):
        raise refuse("http.target", f"towards {host.name}: it could be read differently there")
    lines = [f"{name}: {value}\r\n" for name, value in sending.headers if _is_forwarded(name.lower())]
    fields = "".join(lines)
    # As many lines as fields: none of them brings another along.
    if not _FIELDS.fullmatch(fields) or fields.count("\n") != len(lines):
        raise refuse("http.header", "a header is not plain ASCII")
    has_body = sending.body or sending.method in _WITH_BODY
    length = f"content-length: {len(sending.body)}\r\n" if has_body else ""
    first = f"{sending.method} {sending.target} HTTP/1.1\r\nhost: {host.authority}\r\n"
    head = f"{first}{fields}{_AS_IT_IS}{length}\r\n".encode("ascii")
    return head + sending.body if isinstance(sending.body, bytes) else joined([head, sending.body])


def _is_forwarded(name: str) -> bool:
    return name not in _NEVER_FORWARDED and not name.startswith("gateway-")


def _is_plain(host: Host) -> bool:
    if host.scheme == "http":
        return bool(host.networks) and all(network.is_loopback for network in host.networks) and _is_name(host.hostname)
    return host.scheme == "https" and _is_name(host.hostname)


def _is_name(hostname: str) -> bool:
    """A host name, or an address in its one usual spelling; what ends in a number is no name (WHATWG URL, 3.5)."""
    try:
        return str(ip_address(hostname)) == hostname
    except ValueError:
        return _HOSTNAME.fullmatch(hostname) is not None and not _NUMBER.fullmatch(hostname.rpartition(".")[2])
