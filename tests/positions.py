"""Every place in which a request can carry data, with a text planted there that no contract names.

Each place has a twin: the same request, with the text in the same place where a contract may name that; and elsewhere,
with something harmless at the place, where none may. Of the planted texts none may arrive at a vendor, of the twins all
must: refusing everything is no way to pass.
"""

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from decodings import holds
from positions_bodies import CODECS, HARMLESS, PLANTED, TWIN
from running import Running, running
from shop_contracts import FILES

from gateway.contract.headers import GATEWAYS_OWN, never_sent

Fate = Literal["refused", "withheld", "arrived"]

_OUTSIDE = ("path:mark", "query:mark", "query:marks.inner", "header:X-Mark")
_PLACES, _NAMED = "places", "named"


def _operation(name: str, *, at: str = _PLACES, headers: Sequence[str] = ()) -> str:
    codec = CODECS[name]
    return f"""\
operation: {at}-{name}
version: 1
status: enforce
owner: fulfilment
match: {codec.method} /{at}/{{mark}}/{name}
callers: [fulfilment]
purpose: delivery
subjects: none
retention: {{vendor_keeps: P90D, why: As long as claims can come.}}
sending:
  body: {name}
  {codec.said}
  groups:
    - why: What is named leaves.
      category: {codec.category}
      fields: [{", ".join((*_OUTSIDE, *(f"header:{header}" for header in headers), *codec.named))}]
examples:
  - name: nothing but the call
    given: {codec.method} /{at}/a/{name}
    sends: {codec.method} /{at}/a/{name}
"""


@dataclass(frozen=True, slots=True)
class Request:
    """A request before its token and its length are put in; `chunks` stand for the body, framing included."""

    codec: str
    body: bytes = b""
    method: str = ""
    target: str = ""
    fields: tuple[str, ...] = ()
    media: str = ""
    chunks: tuple[bytes, ...] = ()

    def raw(self, token: str) -> bytes:
        method = self.method or CODECS[self.codec].method
        lines = [f"{method} {self.target or f'/parcels/places/p/{self.codec}'} HTTP/1.1", "Host: gateway.test"]
        lines += [f"Authorization: Bearer {token}", *self.fields]
        media = self.media or CODECS[self.codec].media
        if media and (self.body or self.chunks):
            lines.append(f"Content-Type: {media}")
        if self.chunks:
            lines.append("Transfer-Encoding: chunked")
        elif self.body:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + (b"".join(self.chunks) or self.body)


@dataclass(frozen=True, slots=True)
class Place:
    """A place: the request with a text planted in it, and its twin with the text where it is named."""

    name: str
    planted: Request
    twin: Request


def places() -> Iterator[Place]:
    for name, codec in CODECS.items():
        plain = Request(name, codec.plain)
        named = replace(plain, fields=(f"X-Mark: {TWIN}",))
        yield from _around(name, plain, named)
        for body in codec.bodies():
            planted = replace(plain, body=body.planted, media=codec.media or "text/plain")
            if body.twin is None:
                yield Place(f"{name}: {body.name}", planted, named)
            else:
                twin = replace(plain if body.names else named, body=body.twin)
                yield Place(f"{name}: {body.name}", planted, twin)


# Around the body, for every codec.

# A header, and whether a harmless value of it is let through to the rest of the path.
_HARMLESS_HEADERS = (
    "Referer",
    "Cookie",
    "Cookie2",
    "Origin",
    "From",
    "Via",
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Real-Ip",
    "True-Client-Ip",
    "Cf-Connecting-Ip",
    "User-Agent",
    "Accept",
    "Accept-Language",
    "Accept-Charset",
    "Accept-Encoding",
    "Content-Language",
    "Content-Location",
    "Content-Disposition",
    "Content-Description",
    "Date",
    "Range",
    "If-Match",
    "If-None-Match",
    "If-Modified-Since",
    "Cache-Control",
    "Pragma",
    "Warning",
    "Baggage",
    "Traceparent",
    "Tracestate",
    "B3",
    "X-B3-Traceid",
    "X-Amzn-Trace-Id",
    "X-Cloud-Trace-Context",
    "Uber-Trace-Id",
    "Sentry-Trace",
    "X-Request-Id",
    "X-Correlation-Id",
    "Idempotency-Key",
    "X-Stripe-Client-User-Agent",
    "X-Stripe-Client-Telemetry",
    "X-Client-Ip",
    "X-Api-Key",
    "X-Csrf-Token",
    "X-Http-Method-Override",
    "X-Original-Url",
    "X-Unheard-Of",
    "Dnt",
    "Save-Data",
    "Sec-Ch-Ua",
    "Sec-Fetch-Site",
    "Priority",
    "Keep-Alive",
    "Proxy-Connection",
    "Proxy-Authorization",
    "Link",
    "Gateway-Hint",
    "Gateway-Disclosure",
    "Sec-Gpc",
)
_FRAMING_HEADERS = (
    "Connection",
    "Te",
    "Trailer",
    "Upgrade",
    "Expect",
    "Content-Encoding",
    "Transfer-Encoding",
    "Content-Length",
    "Host",
    "Authorization",
    "Gateway-Token",
    "Gateway-Subject",
    # A signed call is refused where nobody signs what is left of it.
    "Digest",
    "Signature",
)


_NAMEABLE = tuple(
    name for name in _HARMLESS_HEADERS if not never_sent(name.lower()) and name.lower() not in GATEWAYS_OWN
)
FILES_OF_PLACES = (
    dict(FILES)
    | {f"parcels/{_PLACES}-{name}.yaml": _operation(name) for name in CODECS}
    | {f"parcels/{_NAMED}-{name}.yaml": _operation(name, at=_NAMED, headers=_NAMEABLE) for name in CODECS}
)
"""The contracts of the small shop, and two for each kind of body: the second names each header that may be named."""


def _around(codec: str, plain: Request, named: Request) -> Iterator[Place]:
    """Headers, query, path, method and framing; `named` is the request with the text in a named header."""
    for name in _HARMLESS_HEADERS:
        twin = replace(named, fields=(f"{name}: {HARMLESS}", *named.fields))
        if name in _NAMEABLE:
            twin = replace(plain, target=f"/parcels/{_NAMED}/p/{codec}", fields=(f"{name}: {TWIN}",))
        yield Place(f"{codec}: header {name}", replace(plain, fields=(f"{name}: {PLANTED}",)), twin)
    for name in _FRAMING_HEADERS:
        yield Place(f"{codec}: header {name}", replace(plain, fields=(f"{name}: {PLANTED}",)), named)
    target = f"/parcels/places/p/{codec}"
    outside: Mapping[str, tuple[Request, Request]] = {
        "a header's name": (
            replace(plain, fields=(f"X-{PLANTED}: a",)),
            replace(named, fields=(f"X-{HARMLESS}: a", *named.fields)),
        ),
        "a named header twice": (replace(plain, fields=("X-Mark: a", f"X-Mark: {PLANTED}")), named),
        "a folded header": (replace(plain, fields=(f"X-Mark: a\r\n {PLANTED}",)), named),
        "a header line ended by LF alone": (replace(plain, fields=(f"X-Mark: a\nX-Other: {PLANTED}",)), named),
        "a parameter of Content-Type": (
            replace(plain, media=f"{CODECS[codec].media}; a={PLANTED}"),
            replace(named, media=f"{CODECS[codec].media}; a={HARMLESS}"),
        ),
        "the charset of Content-Type": (replace(plain, media=f"{CODECS[codec].media}; charset={PLANTED}"), named),
        "a media type": (replace(plain, media=f"application/{PLANTED}"), named),
        "an unnamed value of the query": (
            replace(plain, target=f"{target}?other={PLANTED}"),
            replace(plain, target=f"{target}?other=a&mark={TWIN}"),
        ),
        "a name of the query": (
            replace(plain, target=f"{target}?{PLANTED}=a"),
            replace(plain, target=f"{target}?b=a&mark={TWIN}"),
        ),
        "a name of the query without a value": (
            replace(plain, target=f"{target}?{PLANTED}"),
            replace(plain, target=f"{target}?b&mark={TWIN}"),
        ),
        "a name of the query in brackets": (
            replace(plain, target=f"{target}?marks[{PLANTED}]=a"),
            replace(plain, target=f"{target}?marks[inner]={TWIN}"),
        ),
        "a named name of the query twice": (
            replace(plain, target=f"{target}?mark=a&mark={PLANTED}"),
            replace(plain, target=f"{target}?mark={TWIN}"),
        ),
        "a segment of the path": (
            replace(plain, target=f"{target}/{PLANTED}"),
            replace(plain, target=f"/parcels/places/{TWIN}/{codec}"),
        ),
        "a segment before the path": (replace(plain, target=f"/{PLANTED}/..{target}"), named),
        "a parameter of the path": (replace(plain, target=f"{target};{PLANTED}"), named),
        "a fragment": (replace(plain, target=f"{target}#{PLANTED}"), named),
        "the host of an absolute target": (replace(plain, target=f"http://{PLANTED}{target}"), named),
        "the user of an absolute target": (replace(plain, target=f"http://{PLANTED}@gateway.test{target}"), named),
        "a method": (replace(plain, method=PLANTED.upper()), named),
    }  # fmt: skip
    for name, (planted, twin) in outside.items():
        yield Place(f"{codec}: {name}", planted, twin)
    if plain.body:
        yield from _framing(codec, plain, named)


def _framing(codec: str, plain: Request, named: Request) -> Iterator[Place]:
    size, body = b"%x" % len(plain.body), plain.body
    whole = replace(named, chunks=(size, b"\r\n", body, b"\r\n0\r\n\r\n"))
    planted = PLANTED.encode()
    for name, chunks in {
        "a chunk's extension": (size, b";a=", planted, b"\r\n", body, b"\r\n0\r\n\r\n"),
        "the last chunk's extension": (size, b"\r\n", body, b"\r\n0;", planted, b"\r\n\r\n"),
        "a trailer": (size, b"\r\n", body, b"\r\n0\r\nX-Mark: ", planted, b"\r\n\r\n"),
        "a trailer's name": (size, b"\r\n", body, b"\r\n0\r\nX-", planted, b": a\r\n\r\n"),
        "behind the last chunk": (size, b"\r\n", body, b"\r\n0\r\n\r\n", planted),
    }.items():
        yield Place(f"{codec}: {name}", replace(plain, chunks=chunks), whole)


# What becomes of them.


@dataclass(frozen=True, slots=True)
class Found:
    """What became of a place's text, and of its twin's."""

    place: str
    planted: Fate
    twin: Fate

    @property
    def kept(self) -> bool:
        """Whether the promise is: what is not named stays, what is named arrives."""
        return self.planted != "arrived" and self.twin == "arrived"


def found(gateway: Running, place: Place) -> Found:
    return Found(place.name, _fate(gateway, place.planted, PLANTED), _fate(gateway, place.twin, TWIN))


def _fate(gateway: Running, request: Request, text: str) -> Fate:
    gateway.reset()
    reply = gateway.said(request.raw(gateway.token()))
    if any(holds(raw, text) for raw in gateway.received):
        return "arrived"
    return "withheld" if reply.status < 400 and gateway.received else "refused"


def report(all_found: Sequence[Found]) -> str:
    """A line for each place, and the sums."""
    width = max(len(each.place) for each in all_found)
    lines = [
        f"{each.place:{width}}  {each.planted:8}  named: {each.twin:8}{'' if each.kept else '  <- BROKEN'}"
        for each in all_found
    ]
    fates = [each.planted for each in all_found]
    sums = ", ".join(f"{fates.count(fate)} {fate}" for fate in ("refused", "withheld", "arrived"))
    twins = sum(each.twin == "arrived" for each in all_found)
    return "\n".join([*lines, "", f"{len(all_found)} planted: {sums}; {twins} of {len(all_found)} named twins arrived"])


def main() -> int:
    """Prints what became of every place; 0 if each promise was kept."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), files=FILES_OF_PLACES) as gateway:
        results = [found(gateway, place) for place in places()]
    sys.stdout.write(report(results) + "\n")
    return 0 if all(each.kept for each in results) else 1


if __name__ == "__main__":
    sys.exit(main())
