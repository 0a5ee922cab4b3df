"""From a call to documents, and from what is left of them to a request."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final, Protocol, cast
from urllib.parse import parse_qsl, quote, quote_plus

from gateway.body.codecs import FORM, read_body, typed, written
from gateway.body.coding import unpacking
from gateway.body.document import Document, Scalar, as_text
from gateway.body.names import Named
from gateway.contract.headers import GATEWAYS_OWN
from gateway.contract.model import Vendor
from gateway.contract.routes import pinned
from gateway.contract.terms import Node, Terms
from gateway.errors import Refusal, refuse
from gateway.frozen import Frozen, changed
from gateway.inforce import InForce, Prepared
from gateway.minimise import Minimised
from gateway.outbound.send import Sending
from gateway.paths import EACH, Path, Place, values_at
from gateway.pieces import Payload
from gateway.proving import proved
from gateway.signing.incoming import signed_places, without
from gateway.signing.signer import Moment, signed

USER_AGENT: Final = "data-sharing-gateway"
# Of the headers that carry a message and not its meaning nothing is reported. A date may be named.
_CARRYING = GATEWAYS_OWN | {"date"}


class Long(Protocol):
    """A body that need not be in memory."""

    @property
    def is_away(self) -> bool:
        """Whether something of it is not."""
        ...

    async def take(self, limit: int) -> Payload:
        """The body up to a number of bytes, as `Call.read` gives it, and with the same refusals."""
        ...

    def keep(self, steps: Iterable[bytes]) -> Payload:
        """What is made of it, until the call is over. Raises Refusal `gateway.overloaded`, or as the steps do."""
        ...


class Call(Frozen, frozen=True):
    """One request of a shop service. Header names are in lower case; `read` gives the body up to a number of bytes.

    `scheme` is that of the listener on which it came. Where there is no `long`, every body is in memory.
    """

    method: str
    path: str
    query: bytes
    headers: tuple[tuple[str, str], ...]
    read: Callable[[int], Awaitable[bytes]]
    scheme: str = "http"
    long: Long | None = None

    @property
    def origin(self) -> str:
        """Our own address as the caller wrote it, or nothing where it wrote none."""
        return f"{self.scheme}://{host}" if (host := self.header("host")) else ""

    @property
    def opts_out(self) -> bool:
        """Whether the call carries the signal against sale (Global Privacy Control)."""
        # Where something in between has joined two lines to one, the signal is a member of a list.
        return any("1" in map(str.strip, value.split(",")) for key, value in self.headers if key == "sec-gpc")

    def header(self, name: str) -> str | None:
        """The first value of a header."""
        for key, value in self.headers:
            if key == name:
                return value
        return None


class Matched(Frozen, frozen=True):
    """The contract that a call falls under, with what was read to find that out.

    `others` are contracts at the same address that differ by a pin in the body, which is still to be read.
    """

    terms: Terms
    prepared: Prepared
    prefix: str
    variables: Mapping[str, str]
    query: Document
    headers: Mapping[str, Document]
    others: "tuple[Matched, ...]" = ()

    def texts(self, places: Iterable[Place]) -> Iterator[str]:
        """The texts that stand at places outside the body."""
        documents: Mapping[str, Document] = {"query": self.query, "header": dict(self.headers), "path": {}}
        for place in places:
            if place.kind != "body":
                yield from (text for text in values_at(documents[place.kind], place.path) if isinstance(text, str))


def match(call: Call, contracts: InForce) -> Matched:
    """The contract of a call. Raises Refusal `vendor.unknown`, `contract.none` or `operation.unknown`."""
    fitting: list[Matched] = []
    name, path = contracts.routes.named(call.path, contracts.hosts)
    for terms, variables in contracts.routes.candidates(name, call.method, path):
        try:
            query = FORM.read(call.query, terms.sending.trees["query"])
        except Refusal as refusal:
            raise refuse(refusal.code, f"in the query: {refusal.failures[0].detail}", terms.file) from None
        headers = headers_of(call.headers, terms.sending.trees["header"])
        matched = Matched(terms, contracts.prepared[terms.name], f"/{name}", variables, query, headers)
        if not terms.pins or _is_pinned(matched):
            fitting.append(matched)
    if not fitting:
        raise refuse("operation.unknown", f"no contract of {name} names this method and path")
    return fitting[0] if len(fitting) == 1 else changed(fitting[0], others=tuple(fitting[1:]))


def vendor_of(call: Call, contracts: InForce) -> Vendor | None:
    """Whose SDK made a call that falls under no contract: the vendor at the host that its path begins with."""
    name = call.path.removeprefix("/").partition("/")[0]
    vendor = contracts.hosts.get(name)
    return contracts.contracts.vendors[vendor] if vendor is not None else None


def _is_pinned(matched: Matched) -> bool:
    documents: Mapping[str, Document] = {"query": matched.query, "header": dict(matched.headers)}
    pins = {place: text for place, text in matched.terms.pins.items() if place.kind != "body"}
    return pinned(pins, {place: list(values_at(documents[place.kind], place.path)) for place in pins})


def headers_of(headers: Iterable[tuple[str, str]], tree: Node) -> dict[str, Document]:
    """Headers as a document. One that a rule names once and that comes twice is refused."""
    document: dict[str, Document] = {}
    for name, value in headers:
        child = tree.members.get(name)
        if (name in _CARRYING and child is None) or name.startswith("gateway-"):
            continue
        if child is not None and child.each is not None:
            cast("list[Document]", document.setdefault(name, [])).append(value)
        elif name in document and child is not None:
            raise refuse("field.repeated", f"header:{name} comes more than once")
        else:
            document[name] = value
    return document


async def read(call: Call, matched: Matched) -> tuple[Matched, dict[str, Document], str]:
    """The contract whose pins the body has, the documents of the call, and the Content-Type with which it leaves."""
    limit = max(each.terms.sending.max_bytes for each in (matched, *matched.others))
    if call.long is None or not all(each.terms.may_be_long for each in (matched, *matched.others)):
        return _read(call, matched, await call.read(limit), limit)
    payload, keep = await call.long.take(limit), call.long.keep
    if call.long.is_away or call.header("content-encoding"):
        # It takes as long as the body is long, and others must not wait for it.
        return await asyncio.to_thread(_read, call, matched, payload, limit, keep)
    return _read(call, matched, payload, limit)


def _read(
    call: Call, matched: Matched, payload: Payload, limit: int, keep: Callable[[Iterable[bytes]], Payload] = b"".join
) -> tuple[Matched, dict[str, Document], str]:
    if codings := [value for name, value in call.headers if name == "content-encoding"]:
        try:
            payload = keep(unpacking(payload, codings, limit))
        except Refusal as refusal:
            raise refuse(refusal.code, refusal.failures[0].detail, matched.terms.file) from None
    for each in matched.others:
        with suppress(Refusal):
            return each, *_documents(call, each, payload)
    return matched, *_documents(call, matched, payload)


def _documents(call: Call, matched: Matched, payload: Payload) -> tuple[dict[str, Document], str]:
    terms = matched.terms
    try:
        body, media = read_body(payload, call.header("content-type"), terms.sending)
    except Refusal as refusal:
        raise refuse(refusal.code, refusal.failures[0].detail, f"{terms.file}:1") from None
    if matched.prepared.decisive:
        form = payload if isinstance(payload, bytes) and terms.sending.body == "form" else b""
        names = body.names if isinstance(body, Named) else _names(form)
        for place in matched.prepared.decisive:
            if _is_repeated(place, call, names):
                raise refuse("field.repeated", f"{place} comes more than once", terms.file)
    documents = {
        "body": body,
        "query": matched.query,
        "header": _without_tokens(matched),
        "path": dict(matched.variables),
    }
    for place, text in terms.pins.items():
        if place.kind == "body" and list(values_at(body, place.path)) != [text]:
            raise refuse("operation.unknown", f"{place} is not what the contract pins", terms.file)
    if (signer := matched.prepared.signer) is not None:
        # How the caller signed says nothing about anybody, and is made anew.
        return without(documents, signer.headers, signer.parameters, terms.sending.trees), media
    return documents, media


def _names(form: bytes) -> Sequence[str]:
    if not form:
        return ()
    return [name for name, _ in parse_qsl(form.decode("utf-8", "replace"), keep_blank_values=True)]


def _is_repeated(place: Place, call: Call, of_body: Sequence[str]) -> bool:
    """Whether two readers could find different values at a place, which no rule names and no reading has looked at."""
    if place.kind == "header":
        return sum(name == place.path[0] for name, _ in call.headers) > 1
    names = _names(call.query) if place.kind == "query" else of_body if place.kind == "body" else ()
    if not names:
        return False
    found = Counter(steps for name in names if _leads(steps := _steps(name), place.path))
    single = [steps for steps in found if len(steps) <= len(place.path)]
    if EACH in place.path:
        return any(found[steps] > 1 for steps in single if "" not in steps)
    return bool(single) and found.total() > 1


def _steps(name: str) -> tuple[str, ...]:
    return tuple(name.replace("]", "").split("[")) if name.endswith("]") else (name,)


def _leads(steps: tuple[str, ...], path: Path) -> bool:
    return all(step is EACH or step == name for name, step in zip(steps, path, strict=False))


def _without_tokens(matched: Matched) -> dict[str, Document]:
    """Headers that carry a token or a credential are replaced as a whole and count as neither sent nor withheld."""
    return {name: value for name, value in matched.headers.items() if name not in matched.prepared.keyed}


def check_signed(call: Call, matched: Matched, incoming: Mapping[str, Document]) -> None:
    """Raises Refusal `signature.missing` for a call that is signed, where nobody here signs what is left of it."""
    terms = matched.terms
    if matched.prepared.signer is not None:
        return
    keyed = matched.prepared.keyed
    headers = [header for header in call.headers if header[0] not in keyed or header[0] == "authorization"]
    places = signed_places(headers, incoming, terms.sending.trees, xml=terms.sending.body == "xml")
    if place := next(places, None):
        raise refuse("signature.missing", f"{place} signs what would not leave as it came", terms.file)


def sign(matched: Matched, sending: Sending, moment: Callable[[], Moment]) -> Sending:
    """What leaves, signed where the vendor wants that. Raises Refusal `signature.failed` or `proof.failed`."""
    signer = matched.prepared.signer
    return sending if signer is None else signed(signer, sending, matched.prepared.host.authority, moment())


def write(call: Call, matched: Matched, incoming: Mapping[str, Document], outgoing: Minimised, media: str) -> Sending:
    """The request that leaves, proved by another parser. Raises Refusal `proof.failed` or `body.empty`."""
    prepared, documents = matched.prepared, outgoing.documents
    section = prepared.terms.sending
    payload = written(documents["body"], incoming["body"], section)
    # What is left may be no body either: the header of an envelope without its items.
    if (documents["body"] == {} and incoming["body"] != {}) or (incoming["body"] and not payload):
        raise refuse("body.empty", "of the body nothing may leave", prepared.terms.file)
    query = FORM.write(documents["query"], incoming["query"])
    payload, query = proved(prepared.sending, documents, incoming, payload, query)
    target = _target(prepared, documents["path"], query)
    media = typed(media, payload, section)
    return Sending(call.method, target, tuple(_headers(call, prepared, documents["header"], media)), payload)


def _target(prepared: Prepared, variables: Document, query: bytes) -> str:
    values = cast("Mapping[str, str]", variables)
    segments: list[str] = []
    for part in prepared.terms.segments:
        if isinstance(part, str):
            segments.append(part)
        elif not (value := values.get(part.name)):
            raise refuse("field.required", f"path:{part.name} may not leave", prepared.terms.file)
        else:
            segments.append(quote(value, safe=""))
    # An address has its apostrophes escaped on the way, also where they need not be.
    pairs = [query.decode("ascii").replace("'", "%27")] if query else []
    pairs += [f"{quote_plus(name, safe='[]')}={quote_plus(value)}" for name, value in prepared.query]
    return f"{prepared.base}/{'/'.join(segments)}" + (f"?{'&'.join(pairs)}" if pairs else "")


def _headers(call: Call, prepared: Prepared, named: Document, media: str) -> Iterator[tuple[str, str]]:
    if media:
        yield "content-type", media
    yield "accept", prepared.accept
    yield "user-agent", USER_AGENT
    if call.opts_out:
        yield "sec-gpc", "1"
    yield from lines_of(named)
    yield from prepared.headers


def lines_of(headers: Document) -> Iterator[tuple[str, str]]:
    """The lines of headers that are left; of one that repeats, those of which something is."""
    for name, value in cast("Mapping[str, Document]", headers).items():
        for each in value if isinstance(value, list) else [value]:
            if not isinstance(each, Mapping):
                yield name, as_text(cast("Scalar", each))
