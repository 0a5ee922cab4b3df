"""What a contract must keep to because calls to its vendor are signed, or because they are not."""

import re
from collections.abc import Iterator

from gateway.contract.compile import Source
from gateway.contract.headers import GATEWAYS_OWN, never_sent
from gateway.contract.model import Vendor
from gateway.contract.sign import Alipay, HmacSha256, WechatPay
from gateway.contract.terms import Origin, Rule, Terms
from gateway.paths import Place
from gateway.vocabulary import FORMS_FOR_ANY
from gateway.vocabulary.signatures import (
    SIGNATURE_PARAMETERS,
    SIGNED_WORDS,
    SPOKEN_WORDS,
    WORD,
    headers_of_scheme,
    is_signature_header,
)

_FIELD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PLAIN = re.compile(r"[ -~]*")


def check_sign(vendor: Vendor, source: Source) -> None:
    """What is wrong with how a vendor's file says that calls are signed."""
    if isinstance(vendor.sign, HmacSha256):
        for message, fix in _faults(vendor.sign):
            source.find("contract.value", ("sign",), message, fix)
    if isinstance(vendor.sign, Alipay | WechatPay) and vendor.sign.answers and not vendor.sign.verify:
        message = "an answer that nobody has checked would be signed"
        source.find("contract.value", ("sign", "answers"), message, "give the vendor's public key under `verify`")


def _faults(sign: HmacSha256) -> Iterator[tuple[str, str]]:
    over = frozenset(WORD.findall(sign.over))
    if not over & {"body", "body_sha256"}:
        yield "what is signed has no body in it", "put $body or $body_sha256 into `over`"
    if unknown := sorted(over - SIGNED_WORDS):
        yield f"`over` knows no word ${unknown[0]}", f"use ${', $'.join(sorted(SIGNED_WORDS))}"
    said = [frozenset(WORD.findall(text)) for text in sign.headers.values()]
    if sum("signature" in words for words in said) != 1:
        yield "one header carries the signature", "write $signature into one of `headers`"
    if unknown := sorted(frozenset().union(*said) - SPOKEN_WORDS):
        yield f"a header knows no word ${unknown[0]}", f"use ${', $'.join(sorted(SPOKEN_WORDS))}"
    for word in sorted({"timestamp", "nonce"} & over - frozenset().union(*said)):
        yield f"the vendor cannot check a {word} that it is not told", f"write ${word} into one of `headers`"
    for name, text in sign.headers.items():
        if not _FIELD.fullmatch(name) or not _PLAIN.fullmatch(text):
            yield "a header is not plain ASCII", "write it as it goes over the wire"
        elif never_sent(name.lower()) or name.lower() in GATEWAYS_OWN:
            yield f"the header `{name}` is not one to set here", "name another"


def check_signed_places(terms: Terms, source: Source) -> None:
    """Whether the places of a signature are left to whoever signs."""
    sign = terms.vendor.sign
    own = headers_of_scheme(sign.scheme, sign.headers if isinstance(sign, HmacSha256) else ()) if sign else frozenset()
    for rule in terms.sending.rules:
        if rule.form.name not in FORMS_FOR_ANY and _is_signature(rule, own, terms.sending.body):
            message = f"{rule.path} is a signature, and that of a caller does not fit what leaves"
            source.find("contract.path", rule.where, message, "leave it out; `sign` in the vendor's file makes one")
    for place in terms.credentials:
        if place.kind == "header" and place.path[0] in own:
            source.find("contract.path", ("credential",), f"{place} is where the signature stands", "leave it out")
    if isinstance(sign, Alipay) and terms.sending.body not in ("form", "none"):
        message = f"this scheme signs parameters, and a body that is {terms.sending.body} has none"
        source.find("contract.value", ("sending", "body"), message, "use form or none, or another scheme")


def _is_signature(rule: Rule, own: frozenset[str], body: str) -> bool:
    if rule.origin is Origin.CREDENTIAL:
        return False
    place: Place = rule.place
    name = str(place.path[0]).lower() if len(place.path) == 1 or place.kind == "header" else ""
    if place.kind == "header":
        return name in own or is_signature_header(name)
    return (place.kind == "query" or (place.kind == "body" and body == "form")) and name in SIGNATURE_PARAMETERS
