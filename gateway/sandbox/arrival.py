"""What arrived at a played vendor, and what of it should not have."""

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, cast
from urllib.parse import unquote

from gateway.body.codecs import FORM, read_body, typed
from gateway.body.document import Document, Scalar, as_text, members_of
from gateway.contract.form import CAN_FAIL, Form, Table
from gateway.contract.routes import fit, pinned
from gateway.contract.terms import Origin, Rule, Section, Terms, Variable
from gateway.errors import Refusal, Unfit
from gateway.forms.forms import change_of
from gateway.inforce import InForce, Prepared
from gateway.outbound.send import Sending
from gateway.paths import EACH, Path, Place, values_at
from gateway.scrub import scrub
from gateway.signing.signer import unsigned

CREDENTIAL: Final = "sandbox"
"""What stands for every secret where vendors are played."""

# What the gateway says by itself, whatever a contract names.
# fmt: off
_CARRYING = frozenset({
    "accept", "accept-encoding", "connection", "content-length", "content-type", "host", "sec-gpc", "user-agent",
})
# fmt: on
_PSEUDONYM = re.compile(r"psn_[0-9A-Za-z_-]{22,}")
# Compact serialisation with an encrypted key (RFC 7516 section 7.1).
_JWE = re.compile(r"eyJ[0-9A-Za-z_-]+(?:\.[0-9A-Za-z_-]+){4}")
_UNNAMED = "no contract line lets this out"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as it came in. Header names are in lower case, `target` is path and query as on the wire."""

    host: str
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    payload: bytes

    @property
    def path(self) -> str:
        return unquote(self.target.partition("?")[0])

    @property
    def query(self) -> bytes:
        return self.target.partition("?")[2].encode("ascii", "replace")

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)


@dataclass(frozen=True, slots=True)
class Judged:
    """An arrival with the contract that it falls under, its documents by kind of place, and what is wrong with it."""

    prepared: Prepared | None
    documents: Mapping[str, Document] = field(default_factory=dict)
    violations: tuple[str, ...] = ()
    status: int = 200

    @property
    def operation(self) -> str:
        return self.prepared.terms.operation.operation if self.prepared else ""


def judged(arrival: Arrival, contracts: InForce) -> Judged:
    """Everything that arrived must be named by a contract line, in its form; and all that is required must be there.

    The status is 404 for a call that no contract names, 401 without the vendor's credential or a signature, 422 for the
    rest. By which key it is signed is not looked at: nobody has the vendor's.
    """
    prepared = _prepared(arrival, contracts)
    if prepared is None:
        return Judged(None, {}, (f"{arrival.method} of this path is in no contract",), 404)
    came, arrival = arrival, _unsigned(arrival, prepared)
    if prepared.signer is not None and came == arrival:
        return Judged(prepared, {}, ("the call is not signed",), 401)
    if wrong := tuple(_wrong_credentials(arrival, prepared)):
        return Judged(prepared, {}, wrong, 401)
    try:
        documents = documents_of(arrival, prepared.terms)
    except Refusal as refusal:
        failure = refusal.failures[0]
        return Judged(prepared, {}, (f"{failure.code}: {failure.detail}",), 422)
    wrong = (*_unnamed(documents, prepared), *_missing(documents, prepared.terms.sending))
    return Judged(prepared, documents, wrong, 422 if wrong else 200)


def _unsigned(arrival: Arrival, prepared: Prepared) -> Arrival:
    """The arrival without the signature that the gateway put to it."""
    if prepared.signer is None:
        return arrival
    left = unsigned(prepared.signer, Sending(arrival.method, arrival.target, arrival.headers, arrival.payload))
    return replace(arrival, target=left.target, headers=left.headers, payload=left.payload)


def _prepared(arrival: Arrival, contracts: InForce) -> Prepared | None:
    try:
        found = contracts.routes.candidates(arrival.host, arrival.method, arrival.path)
    except Refusal:
        return None
    fitting = (contracts.prepared[terms.name] for terms, _ in found if _is_pinned(arrival, terms))
    return next(fitting, None)


def _is_pinned(arrival: Arrival, terms: Terms) -> bool:
    if not terms.pins:
        return True
    try:
        documents = documents_of(arrival, terms)
    except Refusal:
        return False
    return pinned(terms.pins, {place: list(values_at(documents[place.kind], place.path)) for place in terms.pins})


def documents_of(arrival: Arrival, terms: Terms) -> dict[str, Document]:
    """The documents of an arrival by kind of place. Raises Refusal for what cannot be read."""
    section = terms.sending
    # In examples the Content-Type is not written where it is the contract's own.
    media = arrival.header("content-type") or typed(next(iter(section.media), ""), arrival.payload, section)
    body, _ = read_body(arrival.payload, media or None, section)
    return {
        "body": body,
        "query": FORM.read(arrival.query, section.trees["query"]),
        "header": {name: value for name, value in arrival.headers if name not in _CARRYING},
        "path": _variables(arrival, terms),
    }


def _variables(arrival: Arrival, terms: Terms) -> dict[str, Document]:
    """The variables of the path; an example may write a credential there by its name, which is no plain segment."""
    segments = arrival.path[1:].split("/")
    if len(segments) != len(terms.segments):
        return {}
    found = fit(terms.segments, segments)
    pairs = zip(terms.segments, segments, strict=True)
    return dict(found) if found is not None else {p.name: text for p, text in pairs if isinstance(p, Variable)}


def _wrong_credentials(arrival: Arrival, prepared: Prepared) -> Iterator[str]:
    for name, value in prepared.headers:
        if arrival.header(name.lower()) != value:
            yield f"header:{name.lower()}: not the credential of this vendor"
    queried = FORM.read(arrival.query, prepared.terms.sending.trees["query"])
    for place, text in prepared.terms.credentials.items():
        if place.kind == "query" and list(values_at(queried, place.path)) != [_resolved(text)]:
            yield f"{place}: not the credential of this vendor"


def _resolved(text: str) -> str:
    value = re.sub(r"\$[A-Z][A-Z0-9_]*", CREDENTIAL, text)
    return "Basic " + b64encode(value[6:].encode()).decode() if text.startswith("Basic ") else value


def _unnamed(documents: Mapping[str, Document], prepared: Prepared) -> Iterator[str]:
    section = prepared.terms.sending
    rules: dict[str, list[Rule]] = {}
    for rule in section.rules:
        if rule.form.name not in ("drop", "refuse"):
            rules.setdefault(rule.path, []).append(rule)
    credentials = {str(place) for place in prepared.terms.credentials if place.kind in ("header", "query")}
    for kind, document in documents.items():
        for place, value in leaves(kind, document):
            if place not in rules:
                if place not in credentials:
                    yield f"{place}: {_UNNAMED}"
            elif not any(_has_form(rule, value) for rule in rules[place]):
                yield f"{place}: not in the form that the contract names"


def leaves(kind: str, document: Document, path: Path = ()) -> Iterator[tuple[str, Scalar]]:
    """Every scalar of a document with the place where it stands, elements of lists as `.*`."""
    if isinstance(document, Mapping):
        for name, value in document.items():
            yield from leaves(kind, value, (*path, name))
    elif isinstance(document, list):
        for element in document:
            yield from leaves(kind, element, (*path, EACH))
    else:
        yield str(Place(kind, path)), document
        yield from leaves(kind, members_of(document), path)


def _has_form(rule: Rule, value: Scalar) -> bool:
    text, form = as_text(value), rule.form
    if rule.origin is Origin.CREDENTIAL:
        return text == _resolved(str(form.value))
    if value is None or form.name == "as_is":
        return True
    if (check := _CHECKS.get(form.name)) is not None:
        return check(form, text)
    return _fits(rule, value) if form.name in CAN_FAIL else "*" in text or not text


def _fits(rule: Rule, value: Scalar) -> bool:
    """Whether a form that can fail would leave just this of what came: none of them changes what it made."""
    change = change_of(rule.form, rule.category, b"")
    try:
        return change is None or change(value) == value
    except Unfit:
        return False


def _is_mapped(form: Form, text: str) -> bool:
    table = cast("Table", form.value)
    return text in {table.otherwise, *(left for _, left in table.entries)}


def _missing(documents: Mapping[str, Document], section: Section) -> Iterator[str]:
    """Required fields that are not there. What is required on a condition is for the gateway to judge."""
    for rule in section.rules:
        if rule.required and not rule.conditions and _lacks(documents[rule.place.kind], rule.place.path):
            yield f"{rule.path}: required, and missing"
    for place in section.vendor_requires:
        if _lacks(documents[place.kind], place.path):
            yield f"{place}: the vendor requires it, and it stayed"


def _lacks(document: Document, path: Path) -> bool:
    if not path:
        return document is None or isinstance(document, Mapping | list)
    step, rest = path[0], path[1:]
    if step is EACH:
        return not isinstance(document, list) or not document or any(_lacks(element, rest) for element in document)
    members = members_of(document)
    return step not in members or _lacks(members[step], rest)


_CHECKS: Mapping[str, Callable[[Form, str], bool]] = {
    "replace": lambda form, text: text == as_text(cast("Scalar", form.value)),
    "pseudonymise": lambda _, text: _PSEUDONYM.fullmatch(text) is not None,
    "encrypt": lambda _, text: _JWE.fullmatch(text) is not None,
    "truncate": lambda form, text: len(text) <= cast("int", form.value),
    "map": _is_mapped,
    "scrub": lambda form, text: scrub(text, regions=())[: cast("int | None", form.value)] == text,
}
