"""Signatures that callers made: over another body than the one that leaves, so they never leave."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from gateway.body.document import Document, members_of
from gateway.contract.terms import Node
from gateway.vocabulary.signatures import SIGNATURE_PARAMETERS, is_signature_header

# `AWS4-HMAC-SHA256 …`, `WECHATPAY2-SHA256-RSA2048 …`, `TC3-HMAC-SHA256 …`, `Signature …`, OAuth 1.0 (RFC 5849).
_SIGNING_SCHEME: Final = re.compile(
    r"\s*(?:(?:\w+-)*(?:hmac|sha256|rsa|ecdsa)[\w-]*|signature|aws|sharedkey(?:lite)?)\s.*", re.IGNORECASE | re.DOTALL
)
# What proves who calls and nothing about the call (RFC 6750, RFC 7617), by far the most there is.
_BEARING: Final = ("Bearer ", "Basic ")
_SIGNATURE_MEMBER: Final = re.compile(r"\b(?:oauth_)?signature\s*=", re.IGNORECASE)
# As long as a digest at least: in hexadecimal, or in base64, in which there is nearly always a digit.
_DIGEST: Final = re.compile(r"[0-9A-Fa-f]{32,}|(?=[^0-9]*[0-9])[A-Za-z0-9+/_-]{24,}={0,2}")
_BESIDE: Final[Mapping[str, frozenset[str]]] = {
    "sign": frozenset({"sign_type", "signtype", "sign-type"}),
    "signature": frozenset({"signaturemethod", "signature_method", "signatureversion", "protected"}),
    "signatures": frozenset({"payload"}),
}
"""Names that are a signature when one of these others is beside them; `sign` is one by its value too."""
_SIGN: Final = "sign"
_BY_NAME: Final = SIGNATURE_PARAMETERS - {_SIGN}
_TELLING: Final = SIGNATURE_PARAMETERS | _BESIDE.keys()
_EVERYBODYS: Final = frozenset({"authorization", "digest", "content-digest", "content-md5", "signature", "x-signature"})
_XMLDSIG: Final = "{http://www.w3.org/2000/09/xmldsig#}"


def signed_places(
    headers: Iterable[tuple[str, str]], documents: Mapping[str, Document], trees: Mapping[str, Node], *, xml: bool
) -> Iterator[str]:
    """The places at which a call carries a signature over itself, by names that are everybody's.

    What a rule names is let out as a value, or kept; that is for the contract to say.
    """
    named = trees["header"].members
    for name, text in headers:
        if is_signing(name, text) if name == "authorization" else is_signature_header(name) and name not in named:
            yield f"header:{name if name in _EVERYBODYS else '*signature'}"
    for parameter in _parameters(documents["query"], trees["query"]):
        yield f"query:{parameter}"
    body, tree = documents["body"], trees["body"]
    for parameter in _parameters(body, tree):
        yield f"$.{parameter}"
    for name, value in members_of(body).items() if len(members_of(body)) == 1 else ():
        for parameter in _parameters(value, tree.members.get(name)):
            yield f"$.*.{parameter}"
    if xml and _has_xml_signature(body):
        yield "$ (XML Signature)"


def is_signing(header: str, value: str) -> bool:
    """Whether a header that can carry other things carries a signature."""
    if header != "authorization" or value.startswith(_BEARING):
        return False
    return bool(_SIGNING_SCHEME.fullmatch(value) or _SIGNATURE_MEMBER.search(value))


def _parameters(document: Document, tree: Node | None) -> Sequence[str]:
    """The members of a document that are a signature by name, by what stands beside them, or by what they hold."""
    members = members_of(document)
    names = {*map(str.lower, members)}
    if names.isdisjoint(_TELLING):
        return ()
    found: list[str] = []
    for name, value in members.items():
        lower = name.lower()
        if tree is not None and name in tree.members:
            continue
        by_name = lower in _BY_NAME
        by_value = lower == _SIGN and isinstance(value, str) and _DIGEST.fullmatch(value) is not None
        if by_name or by_value or names & _BESIDE.get(lower, frozenset()):
            found.append(lower)
    return found


def _has_xml_signature(document: Document) -> bool:
    """Whether an element or attribute of XML Signature stands anywhere."""
    pending: list[Document] = [document]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending += node
            continue
        members = members_of(node)
        if any(name.startswith(_XMLDSIG) for name in members):
            return True
        pending += members.values()
    return False


def without(
    documents: Mapping[str, Document], headers: frozenset[str], parameters: Iterable[str], trees: Mapping[str, Node]
) -> dict[str, Document]:
    """The documents without what a caller signed with: these headers, every other signature, and these parameters.

    Parameters that a rule names are not the caller's signature, but what the contract lets out.
    """
    left, own = dict(documents), frozenset(parameters)
    kept = members_of(documents["header"])
    left["header"] = {
        name: value
        for name, value in kept.items()
        if name not in headers and not is_signature_header(name) and not is_signing(name, str(value))
    }
    for kind in ("query", "body"):
        document = documents[kind]
        if isinstance(document, Mapping) and not own.isdisjoint(document):
            named = trees[kind].members
            left[kind] = {name: value for name, value in document.items() if name not in own or name in named}
    return left
