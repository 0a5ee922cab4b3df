"""What goes back to the caller: the minimised answer of a vendor, or a problem document of our own."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Final

import msgspec

from gateway import problem
from gateway.assemble import Matched, headers_of, lines_of
from gateway.bind import Bound
from gateway.body.codecs import read_body, typed, written_body
from gateway.body.coding import unpacked
from gateway.body.document import Document
from gateway.contract.form import LEADS_BACK
from gateway.contract.model import WORDS, Vendor
from gateway.contract.terms import Node, Terms
from gateway.errors import CODES, Refusal, refuse
from gateway.forms.forms import NOWHERE, Situation
from gateway.frozen import Frozen, changed
from gateway.minimise import Minimised, minimise
from gateway.outbound.send import Answer
from gateway.signing.signer import Moment
from gateway.unnamed import unnamed_kinds, unread_kinds

_MOMENT = r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT"
# Headers of an answer that come back unnamed, in the only shapes that they can have (RFC 9110, 5.6.7 and 10.2.3).
_PASSED: Final = {"date": re.compile(_MOMENT), "retry-after": re.compile(rf"\d{{1,9}}|{_MOMENT}")}
# About the message and not about anybody, in shapes of their own (RFC 9110, 6.6.1 and 8.3 to 8.6; RFC 9112, 6 and 9.6).
_FRAMING: Final = frozenset(
    {"connection", "content-encoding", "content-length", "content-type", "date", "transfer-encoding"}
)
_WORD: Final = re.compile("|".join(map(re.escape, WORDS)))
_ERROR: Final = 400
_REDIRECTED: Final = CODES["vendor.redirect"].title
_NOTHING: Final = "no line of the contract lets any of this answer back"
_UNNAMED: Final = 256 * 1024
_OVERLOAD: Final = 503


class Reply(Frozen, frozen=True):
    """An HTTP response of the gateway. Header names are in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    payload: bytes


class Returned(Frozen, frozen=True):
    """An answer as the caller may have it. `minimised` is None where there was nothing to read, or no rule for it.

    `unnamed` counts by kind what looks personal where no rule stands.
    """

    answer: Answer
    media: str
    payload: bytes
    headers: tuple[tuple[str, str], ...]
    minimised: Minimised | None
    hint: str = ""
    unnamed: Mapping[str, int] = {}


def returned(matched: Matched, answer: Answer, situation: Situation = NOWHERE) -> Returned:
    """What is left of an answer. The call has happened, so nothing refuses it: what cannot be read stays here."""
    bound = matched.prepared.answer if answer.status < _ERROR else matched.prepared.errors
    payload = b""
    try:
        payload = _unpacked(answer, bound)
        if bound is not None:
            return _left(matched, bound, answer, payload, situation)
        hint = _NOTHING
    except Refusal as refusal:
        hint = f"the answer stays here: {refusal.code}"
    return changed(_unread(matched, answer, hint if answer.payload else ""), unnamed=unread_kinds(payload))


def is_authentic(matched: Matched, answer: Answer, now: Callable[[], datetime]) -> bool:
    """Whether the vendor signed this answer, where it is known how. Errors and redirects may be unsigned."""
    seal = matched.prepared.seal
    if seal is None or answer.status >= _ERROR or answer.is_redirect:
        return True
    try:
        return seal.is_authentic(answer.headers, _unpacked(answer, matched.prepared.answer), now())
    except Refusal:
        return False


def sealed(matched: Matched, back: Returned, moment: Callable[[], Moment]) -> Returned:
    """What goes back, signed with the key whose public half the SDK is given, where there is one."""
    seal, answer = matched.prepared.seal, back.answer
    if seal is None or answer.status >= _ERROR or answer.is_redirect or (back.minimised is None and back.hint):
        return back
    headers, payload = seal.seal(answer.headers, back.payload, moment())
    return changed(back, headers=(*back.headers, *headers), payload=payload)


def _unpacked(answer: Answer, bound: Bound | None) -> bytes:
    """The payload without the coding that nobody asked for. Raises Refusal as for a call."""
    if not answer.payload:
        return b""
    return unpacked(answer.payload, _values(answer, "content-encoding"), bound.section.max_bytes if bound else _UNNAMED)


def _left(matched: Matched, bound: Bound, answer: Answer, payload: bytes, situation: Situation) -> Returned:
    body, media = _body(answer, payload, bound)
    left = _minimised(bound, answer, body, media, matched.prepared.secrets, situation)
    if answer.is_redirect and payload:
        return changed(left, hint=_REDIRECTED)
    hint = _NOTHING if payload and body != {} and _is_bare(left) else ""
    if answer.status < _ERROR and not answer.is_redirect:
        return changed(left, payload=left.payload if payload else b"", hint=hint)
    if payload and not hint:
        return left
    # No SDK can choose its exception by an empty object, and nobody could tell whose words are missing.
    own = _unread(matched, answer, hint)
    return changed(own, headers=left.headers, minimised=left.minimised, unnamed=left.unnamed)


def _is_bare(left: Returned) -> bool:
    return left.minimised is not None and left.minimised.documents["body"] == {}


def _body(answer: Answer, payload: bytes, bound: Bound) -> tuple[Document, str]:
    if not payload:
        return {}, ""
    return read_body(payload, next(iter(_values(answer, "content-type")), None), bound.section)


def _values(answer: Answer, header: str) -> list[str]:
    return [value for name, value in answer.headers if name == header]


def _minimised(
    bound: Bound, answer: Answer, body: Document, media: str, secrets: Sequence[str], situation: Situation
) -> Returned:
    trees = bound.section.trees
    headers = headers_of(_unambiguous(answer.headers, trees["header"]), trees["header"])
    named = {name: value for name, value in headers.items() if name in trees["header"].members}
    if answer.is_redirect and not _leads_back(bound):
        named.pop("location", None)
    documents: Mapping[str, Document] = {"body": body, "header": named, "query": {}, "path": {}}
    left = minimise(bound, documents, secrets=secrets, answer=True, situation=situation)
    payload = written_body(left.documents["body"], body, bound.section)
    unnamed = unnamed_kinds(
        trees, {"body": body, "header": {name: headers[name] for name in headers.keys() - _FRAMING}}
    )
    return Returned(
        answer,
        typed(media, payload, bound.section),
        payload,
        tuple(lines_of(left.documents["header"])),
        left,
        unnamed=unnamed,
    )


def _unambiguous(headers: Sequence[tuple[str, str]], tree: Node) -> Sequence[tuple[str, str]]:
    """Headers without those that a rule names once and that come more often: nobody can tell which one counts."""
    names = [name for name, _ in headers]
    if len(set(names)) == len(names):
        return headers
    single = {name for name, node in tree.members.items() if node.each is None and names.count(name) > 1}
    return [(name, value) for name, value in headers if name not in single]


def _leads_back(bound: Bound) -> bool:
    """Whether a Location leads nowhere but to us: whoever follows it sends there all that it meant for the gateway."""
    node = bound.section.trees["header"].members.get("location")
    return node is not None and all(bound.section.rules[number].form.name in LEADS_BACK for number in node.rules)


def _unread(matched: Matched, answer: Answer, hint: str) -> Returned:
    if answer.is_redirect:
        return _told(matched, answer, "vendor.redirect", _REDIRECTED)
    if answer.status >= _ERROR:
        return _told(matched, answer, "vendor.answered", hint)
    # An SDK that reads JSON gets an empty object rather than nothing at all.
    empty = b"{}" if hint and matched.terms.answer and matched.terms.answer.body == "json" else b""
    return Returned(answer, "application/json" if empty else "", empty, (), None, hint)


def _told(matched: Matched, answer: Answer, code: str, hint: str) -> Returned:
    """A problem document of ours under the vendor's own status."""
    document = _document(refuse(code, matched.terms.name), matched.terms.vendor)
    document["status"] = answer.status
    return Returned(answer, problem.MEDIA_TYPE, msgspec.json.encode(document), (), None, hint)


def answered(back: Returned, disclosure: str, withheld: int) -> Reply:
    """The reply to a call that went."""
    headers = [(name, value) for name, value in back.answer.headers if _passes(name, value)]
    if back.media:
        headers.append(("content-type", back.media))
    headers += back.headers
    headers += _marks("yes", disclosure, withheld)
    if back.hint:
        headers.append(("gateway-hint", back.hint))
    return Reply(back.answer.status, tuple(headers), back.payload)


def accepted(terms: Terms, refusal: Refusal) -> Reply:
    """The reply to a call of which nothing is left, where its contract takes that for done."""
    payload = b"{}" if terms.answer and terms.answer.body == "json" else b""
    media = [("content-type", "application/json")] if payload else []
    hint = ("gateway-hint", CODES[refusal.code].title)
    return Reply(HTTPStatus.OK, (*media, *_marks("no", "", None), hint), payload)


def refused(
    refusal: Refusal,
    vendor: Vendor | None = None,
    *,
    sent: str = "no",
    disclosure: str = "",
    withheld: int | None = None,
) -> Reply:
    """The reply to a call that did not go, or of which nobody knows whether it did."""
    status = CODES[refusal.code].status
    headers = [("content-type", problem.MEDIA_TYPE), *_marks(sent, disclosure, withheld)]
    headers += [("gateway-hint", CODES[refusal.code].fix), *problem.challenge(status).items()]
    if status == _OVERLOAD:
        headers.append(("retry-after", "1"))
    # The same call would be refused again; and how often one is sent that may have arrived, the contract decides.
    if vendor is not None and (status < 500 or sent != "no"):  # noqa: PLR2004  RFC 9110 section 15.6
        headers += [(name.lower(), value) for name, value in vendor.no_retry.items()]
    payload = msgspec.json.encode(_document(refusal, vendor))
    return Reply(status, tuple(headers), payload)


def _passes(name: str, value: str) -> bool:
    shape = _PASSED.get(name)
    return shape is not None and shape.fullmatch(value) is not None


def _marks(sent: str, disclosure: str, withheld: int | None) -> list[tuple[str, str]]:
    marks = [("gateway-sent", sent)]
    if disclosure:
        marks.append(("gateway-disclosure", disclosure))
    if withheld is not None:
        marks.append(("gateway-withheld", str(withheld)))
    return marks


def _document(refusal: Refusal, vendor: Vendor | None) -> dict[str, object]:
    """The problem document, with what the vendor's own SDKs look for beside it."""
    _, document = problem.problem(refusal)
    if vendor is not None and vendor.refusals:
        words = dict(zip(WORDS, (refusal.code, document["message"], document["status"]), strict=True))
        document |= {name: _filled(value, words) for name, value in vendor.refusals.items()}
    return document


def _filled(template: object, words: Mapping[str, object]) -> object:
    if isinstance(template, dict):
        return {name: _filled(value, words) for name, value in template.items()}
    if isinstance(template, list):
        return [_filled(value, words) for value in template]
    if not isinstance(template, str):
        return template
    # Alone a word keeps its type.
    return words[template] if template in words else _WORD.sub(lambda word: str(words[word.group()]), template)
