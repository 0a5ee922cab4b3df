"""Whether a contract does what its examples say."""

import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import parse_qsl, unquote

import msgspec

from gateway.body.codecs import document_in
from gateway.body.document import Document
from gateway.body.infoset import elements_of
from gateway.body.multipart import parts_of
from gateway.contract.load import ContractSet
from gateway.contract.model import Example, File, Http
from gateway.contract.terms import Section, Terms
from gateway.contract.vendor_requires import required_of_calls
from gateway.errors import Refusal
from gateway.inforce import InForce, Prepared
from gateway.ledger.entry import Intent
from gateway.outbound.send import Sending
from gateway.paths import Place
from gateway.rehearse import Http1, Rehearsed, Stage, parse_http, staged
from gateway.reply import Reply
from gateway.signing.signer import unsigned

# What the gateway adds by itself is not written in examples.
_OWN = frozenset({"accept", "user-agent", "accept-encoding", "content-length", "host", "sec-gpc"})
_NOTHING = "nothing"
# What an example writes for what nobody can foresee.
_ANY: Mapping[str, str] = {"psn_*": "psn_[0-9A-Za-z_-]+", "jwe_*": r"[0-9A-Za-z_-]+(?:\.[0-9A-Za-z_-]+){4}"}
_BOUNDARY = re.compile(r";\s*boundary=[^;]*")
_ANY_IN = re.compile(f"({'|'.join(map(re.escape, _ANY))})")


@dataclass(frozen=True, slots=True)
class Verdict:
    """An example, and what is not as it says; nothing where all is."""

    contract: str
    file: str
    name: str
    problems: tuple[str, ...]


async def rehearsed(contracts: ContractSet, chosen: frozenset[str]) -> list[Verdict]:
    """Runs the examples of the chosen operations, given as `vendor/operation`."""
    on_stage = staged(contracts)
    verdicts = []
    for terms in contracts.terms:
        for example in terms.operation.examples if terms.name in chosen else ():
            problems = tuple([problem async for problem in _problems(on_stage, contracts.root, terms, example)])
            verdicts.append(Verdict(terms.name, terms.file, example.name, problems))
    return verdicts


async def played(contracts: InForce, root: Path, terms: Terms, example: Example) -> Rehearsed:
    """One example down the path of a call."""
    answers = None if example.answers is None else text_of(example.answers, root, terms)
    stage = Stage(contracts, example.jurisdiction, example.consents, answers)
    return await stage.play(terms, parse_http(text_of(example.given, root, terms)))


def text_of(http: Http, root: Path, terms: Terms) -> str:
    """A message that stands in the contract, or in a file beside it."""
    if isinstance(http, File):
        return (root / terms.vendor.vendor / http.file).read_bytes().decode("utf-8")
    return http


async def _problems(contracts: InForce, root: Path, terms: Terms, example: Example) -> AsyncIterator[str]:
    done = await played(contracts, root, terms, example)
    prepared = contracts.prepared[terms.name]
    for problem in _judged(done, prepared, root, example):
        yield problem


def _judged(done: Rehearsed, prepared: Prepared, root: Path, example: Example) -> Iterator[str]:
    terms = prepared.terms
    if example.refuses is not None:
        yield from _refusal(done.reply, example.refuses)
        return
    wanted = text_of(example.sends or "", root, terms)
    if done.sent is None:
        refused = _refused(done.reply)
        if wanted.strip() != _NOTHING or refused:
            yield f"refused: {refused}"
        return
    if wanted.strip() == _NOTHING:
        yield "it was sent"
        return
    sent = done.sent if prepared.signer is None else unsigned(prepared.signer, done.sent)
    yield from _sending(sent, parse_http(wanted), prepared)
    yield from (f"sends: without {place}, which the vendor requires" for place in lacking(terms, done.intent))
    if example.withholds is not None and done.intent is not None:
        stayed = {path for group in done.intent.manner.withheld for path, _ in group.paths}
        yield from _difference("withholds", {_plain(place) for place in example.withholds}, stayed)
    if example.returns is not None:
        yield from _reply(done.reply, parse_http(text_of(example.returns, root, terms)), prepared)


def lacking(terms: Terms, intent: Intent | None) -> Iterator[Place]:
    """What the vendor requires and did not leave."""
    left = {path for group in (intent.manner.disclosed if intent else ()) for path, *_ in group.fields}
    return (each for each in required_of_calls(terms) if str(each) not in left)


def _refusal(reply: Reply, code: str) -> Iterator[str]:
    if _code(reply) != code:
        yield f"refuses: {code} was expected, {_refused(reply) or 'nothing was refused'}"


def _code(reply: Reply) -> str:
    # A vendor may answer with a problem document of its own, in which there need not be a code.
    return str(_problem(reply).get("code", ""))


def _refused(reply: Reply) -> str:
    """The code of a refusal and what it is about; nothing where it is none."""
    document = _problem(reply)
    return f"{document['code']}: {document.get('detail', '')}" if _code(reply) else ""


def _problem(reply: Reply) -> Mapping[str, object]:
    if dict(reply.headers).get("content-type") != "application/problem+json":
        return {}
    return msgspec.json.decode(reply.payload, type=dict[str, object])


def _sending(sent: Sending, wanted: Http1, prepared: Prepared) -> Iterator[str]:
    method, _, target = wanted.first.partition(" ")
    path, _, query = target.partition("?")
    sent_path, _, sent_query = _without(sent.target, prepared.query).partition("?")
    sent_path = unquote(sent_path)
    if sent.method != method or not _like(prepared.base + path, sent_path):
        yield f"sends: {sent.method} {sent_path} instead of {method} {path}"
    if not _same(_pairs(query), _pairs(sent_query)):
        yield f"sends: the query {sent_query or '(none)'} instead of {query or '(none)'}"
    yield from _headers(sent, wanted, prepared)
    section = prepared.terms.sending
    if not _same(_document(wanted.body, section), _document(sent.payload, section)):
        yield f"sends: {sent.payload.decode('utf-8', 'replace')} instead of {wanted.body.decode()}"


def _without(target: str, credentials: Sequence[tuple[str, str]]) -> str:
    """A target without the credentials that the gateway put at the end of its query."""
    path, _, query = target.partition("?")
    pairs = query.split("&")[: -len(credentials)] if credentials else [query]
    return f"{path}?{'&'.join(pairs)}"


def _headers(sent: Sending, wanted: Http1, prepared: Prepared) -> Iterator[str]:
    put = {name.lower() for name, _ in prepared.headers}
    given = {name: value for name, value in sent.headers if name not in _OWN and name.lower() not in put}
    if wanted.header("content-type") is None:
        given.pop("content-type", None)
    expected = dict(wanted.headers)
    if prepared.terms.sending.body == "multipart":
        # The boundary is made anew for each call.
        given, expected = (
            {name: _BOUNDARY.sub("", value) for name, value in each.items()} for each in (given, expected)
        )
    if not _same(dict(sorted(expected.items())), dict(sorted(given.items()))):
        yield f"sends: the headers {given} instead of {expected}"


def _reply(reply: Reply, wanted: Http1, prepared: Prepared) -> Iterator[str]:
    status = int(wanted.first)
    if reply.status != status:
        yield f"returns: {reply.status} instead of {status}"
    bound = prepared.answer if status < 400 else prepared.errors  # noqa: PLR2004  RFC 9110 section 15.5
    if bound is None or not wanted.body:
        problem = _code(reply) in ("vendor.answered", "vendor.redirect")
        if reply.payload not in (b"", b"{}") and not problem:
            yield f"returns: {reply.payload.decode('utf-8', 'replace')} instead of nothing"
        return
    if not _same(_document(wanted.body, bound.section), _document(reply.payload, bound.section)):
        yield f"returns: {reply.payload.decode('utf-8', 'replace')} instead of {wanted.body.decode()}"
    given = dict(reply.headers)
    for name, value in wanted.headers:
        if not _same(value, given.get(name)):
            yield f"returns: the header {name} is {given.get(name)} instead of {value}"


def _document(body: bytes, section: Section) -> object:
    """A body for comparison: forms as pairs or parts in order, XML as its elements, the rest as what it holds."""
    if section.body == "form":
        return _pairs(body.decode("utf-8", "replace"))
    if section.body == "xml":
        return _elements(body)
    if section.body == "multipart":
        return [_part(*each) for each in parts_of(body)]
    try:
        return document_in(body, section)
    except Refusal as refusal:
        return f"unreadable: {refusal.failures[0].detail}"


def _part(headers: Mapping[str, str], content: bytes) -> Document:
    """A part by what its head says, not by how that is spelled."""
    said = {name: text for name, text in sorted(headers.items()) if name != "content-disposition"}
    return [cast("Document", said), content.decode("utf-8", "replace")]


def _elements(body: bytes) -> object:
    """XML with its namespaces and in its order, which the document does not show."""
    try:
        return elements_of(body)
    except ValueError:
        return f"unreadable: {len(body)} bytes"


def _pairs(text: str) -> list[Document]:
    return [[name, value] for name, value in parse_qsl(text, keep_blank_values=True)]


def _same(wanted: object, given: object) -> bool:
    """Equal in value, type and order; `psn_*` stands for any pseudonym, `jwe_*` for any encrypted value."""
    if isinstance(wanted, str) and isinstance(given, str):
        return _like(wanted, given)
    if isinstance(wanted, Mapping) and isinstance(given, Mapping):
        return list(wanted) == list(given) and all(_same(wanted[name], given[name]) for name in wanted)
    if isinstance(wanted, list) and isinstance(given, list):
        return len(wanted) == len(given) and all(map(_same, wanted, given))
    return repr(wanted) == repr(given)


def _like(wanted: str, given: str) -> bool:
    if "_*" not in wanted:
        return wanted == given
    pattern = "".join(_ANY.get(part) or re.escape(part) for part in _ANY_IN.split(wanted))
    return re.fullmatch(pattern, given) is not None


def _plain(place: str) -> str:
    """Upper and lower case are the same in names of headers."""
    return place.lower() if place.startswith("header:") else place


def _difference(what: str, wanted: set[str], given: set[str]) -> Iterator[str]:
    if missing := sorted(wanted - given):
        yield f"{what}: {', '.join(missing)} did not stay"
    if more := sorted(given - wanted):
        yield f"{what}: {', '.join(more)} stayed too"
