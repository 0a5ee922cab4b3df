"""What a contract must keep to beyond its shape: categories, grounds, keys, hosts, and one contract for one call."""

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.contract.addresses import check_addresses
from gateway.contract.batches import check_batch
from gateway.contract.bodies import check_body, check_sent_body
from gateway.contract.check_form import check_form, check_forms, check_keys
from gateway.contract.check_grounds import check_grounds
from gateway.contract.check_oauth import check_oauth
from gateway.contract.check_papers import check_agreements, check_transfers
from gateway.contract.compile import Source
from gateway.contract.free_text import check_free_text
from gateway.contract.headers import GATEWAYS_OWN, never_sent
from gateway.contract.model import WORDS, ErrorAnswer, Policy, Vendor, importers_of
from gateway.contract.model import Section as Written
from gateway.contract.others import check_others, check_others_of_calls
from gateway.contract.strict_yaml import Location
from gateway.contract.telling import check_telling
from gateway.contract.terms import SAID, Origin, Rule, Section, Terms
from gateway.contract.vendor_requires import check_vendor_requires
from gateway.errors import Finding
from gateway.paths import Place
from gateway.retention import RULES, days
from gateway.vocabulary import (
    ALLOWANCE,
    FORMS_FOR_ANY,
    NEVER_LEAVES,
    NOT_AFTER_SALES,
    PURPOSES,
    Allowed,
    Category,
    LegalBasis,
    Purpose,
    SubjectRole,
    VendorKind,
    Verdict,
)

_WORD = re.compile(r"\$[a-z]+")
_SECRET = re.compile(r"\$[A-Z][A-Z0-9_]*")
# The last part of a name begins with a letter: digits alone would be read as an address.
_PLAIN_HOST = re.compile(r"([a-z0-9_-]+\.)*[a-z][a-z0-9-]*|[0-9]+(\.[0-9]+){3}|[0-9a-f:.]*:[0-9a-f:.]*")
_PLAIN_BASE = re.compile(r"(/[A-Za-z0-9._~!$&()*+,;=:@%-]*)*")
# What stands before an equals sign names the value: `sentry_version=7`.
_LOOKS_LIKE_A_KEY = re.compile(r"(?>(?:[a-z_]+=)?)([A-Za-z0-9+/_=-]{16,})")
_HARMLESS = frozenset({Category.NOT_PERSONAL, Category.PARCEL_MEASURE})
_IDENTIFYING = frozenset(
    category
    for category in Category
    if category.value.startswith(("person.", "contact.", "identity.", "payment.", "address."))
    or category in (Category.ORDER_ID, Category.SHIPMENT_TRACKING, Category.ACCOUNT_ID, Category.TECH_IP)
    or category in (Category.TECH_DEVICE_ID, Category.TECH_COOKIE_ID, Category.GEO_PRECISE, Category.DELIVERY_NOTE)
) - {Category.PAYMENT_AMOUNT, Category.ADDRESS_COUNTRY, Category.ADDRESS_REGION}
_CLEAR = frozenset({"as_is", "encrypt", "truncate", "mask"})
_IN_ANSWERS = frozenset({"why", "others", "at", "when", "fields", "form"})


def check_policy(policy: Policy, source: Source) -> list[Finding]:
    try:
        ZoneInfo(policy.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        source.find(
            "contract.value", ("time_zone",), f"no time zone `{policy.time_zone}`", "write one like Europe/Berlin"
        )
    for number, version in enumerate(policy.versions):
        if version.published.tzinfo is None:
            source.find(
                "contract.value", ("versions", number, "published"), "the moment has no offset", "end it in Z or +01:00"
            )
    for each, duration in policy.retention.items():
        rule = RULES[each]
        if days(duration) < days(rule.minimum):
            message = f"`{each}` is kept for {duration}, and the least is {rule.minimum} ({rule.source})"
            source.find("contract.retention", ("retention", each), message, f"write {rule.minimum} or more")
    return source.findings


def check_vendor(vendor: Vendor, source: Source, folder: str) -> None:
    """What is wrong with a vendor's own file, into its source."""
    if vendor.vendor != folder:
        message = f"`{vendor.vendor}` is not the folder's name"
        source.find("contract.name", ("vendor",), message, f"write `{folder}`, or rename the folder")
    for text in vendor.networks:
        _network(text, source)
    if not vendor.hosts:
        source.find(
            "contract.missing", ("hosts",), "nobody says where the vendor is", "add `hosts`, here or per environment"
        )
    for name, url in (vendor.hosts or {}).items():
        _address(name, url, vendor, source)
    for place, text in vendor.credential.items():
        _credential(place, text, source)
    check_keys(vendor, source)
    check_oauth(vendor, source)
    check_agreements(vendor, source)
    check_transfers(vendor.transfer, vendor, importers_of(vendor), source)
    for header in vendor.headers:
        _sendable(header.lower(), ("headers", header), source)
    for word in sorted(set(_words(vendor.refusals)) - set(WORDS)):
        source.find("contract.value", ("refusals",), f"nothing is filled in for `{word}`", f"write {', '.join(WORDS)}")


def _words(template: object) -> Iterator[str]:
    """The words in a template that begin like one that is filled in."""
    if isinstance(template, str):
        yield from _WORD.findall(template)
    for inner in template.values() if isinstance(template, dict) else template if isinstance(template, list) else ():
        yield from _words(inner)


def _network(text: str, source: Source) -> None:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        source.find("contract.hosts", ("networks",), f"`{text}` is not a network", "write 10.20.0.0/16")


def _address(name: str, url: str, vendor: Vendor, source: Source) -> None:
    at = ("hosts", name)
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        port, host, parts = None, None, urlsplit("")
    if parts.scheme != "https" or not host or parts.username or parts.query or parts.fragment or port == 0:
        source.find("contract.hosts", at, "not an https address", "write https://api.vendor.example")
        return
    if not _PLAIN_HOST.fullmatch(host) or not _PLAIN_BASE.fullmatch(parts.path) or "/../" in f"{parts.path}/":
        source.find("contract.hosts", at, "this would be rewritten on the way", "write it as it goes over the wire")
        return
    if _literal_is_private(host) and not vendor.networks:
        source.find("contract.hosts", at, "a private address", "say under `networks` where the vendor stands")


def _literal_is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".internal", ".local"))


def _credential(place: str, text: str, source: Source) -> None:
    at, written = ("credential", place), _SECRET.sub("", text)
    if place.lower().removeprefix("header:") in GATEWAYS_OWN:
        source.find("contract.path", at, f"{place} is the gateway's own, and would stand there twice", "leave it out")
    if "$" in written:
        message = "what stands behind this `$` is no name of a secret, and would be sent as it is"
        source.find("contract.secret", at, message, "write $NAME in capitals, without braces")
    for word in written.split():
        if (key := _LOOKS_LIKE_A_KEY.fullmatch(word.strip(",;"))) and any(sign.isdigit() for sign in key[1]):
            source.find("contract.secret", at, "this looks like a key", "write $NAME and set it outside")


def _sendable(header: str, at: Location | str, source: Source) -> None:
    if never_sent(header):
        source.find("contract.path", at, f"the header `{header}` never leaves", "leave it out")
    elif header in GATEWAYS_OWN:
        source.find("contract.path", at, f"the header `{header}` is the gateway's own", "leave it out")


def check_terms(terms: Terms, source: Source) -> None:
    """What is wrong with one operation, given its vendor, into its source."""
    for check in _CHECKS:
        check(terms, source)


def _check_status(terms: Terms, source: Source) -> None:
    operation = terms.operation
    if operation.status == "observe":
        source.find("contract.value", ("status",), "`observe` is not available in this version", "use draft or enforce")
        if operation.until is None:
            source.find("contract.missing", ("until",), "observing has no last day", "add `until: 2026-12-31`")
    if operation.status == "enforce" and not operation.examples and not terms.is_direct:
        source.find(
            "contract.example", ("examples",), "an enforced operation needs an example", "add `given` and `sends`"
        )


def _check_empty(terms: Terms, source: Source) -> None:
    if terms.sending.when_empty == "accept" and terms.vendor.kind is not VendorKind.MAINTENANCE:
        message = "`accept` is for maintenance vendors: elsewhere a call of which nothing leaves is a mistake"
        source.find("contract.value", ("sending", "when_empty"), message, "leave it out")


def _check_purpose(terms: Terms, source: Source) -> None:
    kind = terms.vendor.kind
    used: list[tuple[Location, Purpose]] = [(("purpose",), terms.operation.purpose)]
    for number, group in enumerate(terms.operation.sending.groups):
        if group.purpose is not None:
            used.append((("sending", "groups", number, "purpose"), group.purpose))
    for at, purpose in used:
        if kind not in PURPOSES[purpose].kinds:
            fix = f"write one of {', '.join(each for each in Purpose if kind in PURPOSES[each].kinds)}"
            source.find("contract.purpose", at, f"`{purpose}` is no purpose of a {kind} vendor", fix)


def _check_segments(terms: Terms, source: Source) -> None:
    named = {str(rule.place.path[0]) for rule in terms.sending.rules if rule.place.kind == "path"}
    for name in sorted(terms.variables - named):
        source.find("contract.match", ("match",), f"nothing names the segment {{{name}}}", f"add a field path:{name}")
    asked: list[tuple[str, Location]] = [(name, ("match",)) for name in sorted(named)]
    asked += ((str(place.path[0]), where) for place, where in _stated(terms) if place and place.kind == "path")
    for number, group in enumerate(terms.operation.sending.groups):
        by = (text for text in group.when if text.startswith("path:"))
        asked += ((text.removeprefix("path:"), ("sending", "groups", number, "when", text)) for text in by)
    for name, where in asked:
        if name not in terms.variables:
            source.find("contract.path", where, f"`match` has no segment {{{name}}}", f"write /{{{name}}} into it")


def _check_places(terms: Terms, source: Source) -> None:
    checked = {name.lower() for name in terms.vendor.headers}
    for rule in terms.sending.rules:
        if rule.place.kind == "header" and rule.place.path[0] not in checked:
            _sendable(str(rule.place.path[0]), rule.where, source)
        if rule.place.kind == "body" and terms.sending.body == "none":
            source.find(
                "contract.path", rule.where, f"there is no body for {rule.path}", "say under `body` how it is read"
            )


def _stated(terms: Terms) -> Iterator[tuple[Place | None, Location]]:
    """The places by which it is told what a call is and whom it is about, but for what the gateway itself is told."""
    yield from ((place, ("evidence", "order")) for place in terms.orders)
    yield from ((place, ("pins",)) for place in terms.pins)
    yield terms.retry_key, ("retry", "key")
    for each in terms.subjects:
        at = ("subjects", str(each.role))
        yield from ((None if each.ref == SAID else each.ref, at), (each.earlier, at), (each.jurisdiction, at))


def _check_stated(terms: Terms, source: Source) -> None:
    """What speaks to the gateway is in no document of a call, but for whose it is."""
    for place, where in _stated(terms):
        if place is not None and place.kind == "header" and str(place.path[0]).startswith("gateway-"):
            message = f"{place} speaks to the gateway, and no contract reads it"
            fix = "use a header of your own, such as header:Shop-Order; what no group names stays here"
            source.find("contract.path", where, message, fix)


def _check_tokens(terms: Terms, source: Source) -> None:
    tokens = set(terms.tokens) - set(terms.credentials)
    for rule in terms.sending.rules:
        if rule.origin is not Origin.CREDENTIAL and rule.place in tokens and rule.form.name not in FORMS_FOR_ANY:
            message = f"{rule.path} carries the service's token and would leave"
            source.find("contract.secret", rule.where, message, "leave it out; what the vendor needs is a `credential`")


def _check_secrets(terms: Terms, source: Source) -> None:
    for place, text in terms.operation.credential.items():
        _credential(place, text, source)


def _check_retry(terms: Terms, source: Source) -> None:
    if terms.retry_key is not None and all(rule.place != terms.retry_key for rule in terms.sending.rules):
        source.find("contract.path", ("retry", "key"), f"no group lets {terms.retry_key} out", "name it in a group")


def _check_subjects(terms: Terms, source: Source) -> None:
    roles = {subject.role for subject in terms.subjects}
    for rule in _grouped(terms):
        for role in rule.roles:
            if role not in roles:
                at = ("sending", "groups", rule.group, "of")
                source.find("contract.whose", at, f"`{role}` is no subject here", "add it under `subjects`")


def _check_whose(terms: Terms, source: Source) -> None:
    """Of what is personal it must be known whose it is, and whom it identifies must be found."""
    # Of what goes beside the gateway whoever records it says whom it was about.
    found = {each.role for each in terms.subjects if each.order or each.ref or each.earlier or terms.is_direct}
    for rule in _grouped(terms):
        if rule.category in _HARMLESS or rule.form.name in FORMS_FOR_ANY:
            continue
        if not terms.subjects:
            message = f"{rule.path} is personal, and the call is about nobody"
            source.find("contract.whose", rule.where, message, "say under `subjects` whose it is")
        elif not rule.roles:
            source.find("contract.whose", rule.where, f"{rule.path} is personal: whose is it?", "add `of`")
        elif not found & set(rule.roles) and rule.category in _IDENTIFYING and rule.form.name in _CLEAR:
            message = f"{rule.path} identifies, and nobody is looked up"
            source.find("contract.whose", rule.where, message, "give the subject a `ref`")


def _grouped(terms: Terms) -> Iterator[Rule]:
    return (rule for rule in terms.sending.rules if rule.origin is Origin.GROUP)


def _check_categories(terms: Terms, source: Source) -> None:
    for rule in _grouped(terms):
        problem = _forbidden(rule, terms)
        if problem is not None:
            message = f"{rule.path} is {rule.category}: {problem}"
            source.find("contract.category", rule.where, message, "see to that, or leave the field out")
        elif _allowed(rule, terms).verdict is Verdict.ASKS and rule.form.name not in FORMS_FOR_ANY:
            kind = terms.vendor.kind
            message = f"{rule.path}: {rule.category} at a {kind} vendor"
            source.find("contract.category", rule.where, message, "please ask why", note=True)


def _check_answer(terms: Terms, source: Source) -> None:
    """What the operation's own answer says; a vendor's error block is checked with the vendor."""
    answer = terms.operation.answer
    if answer is not None:
        check_answer(answer, terms.answer, source, ("answer",))
        if answer.errors is not None:
            check_answer(answer.errors, terms.errors, source, ("answer", "errors"))


def check_answer(written: Written | ErrorAnswer, section: Section | None, source: Source, at: Location) -> None:
    """What is wrong with one body of an answer: keys that mean nothing there, categories that never pass."""
    if section is not None:
        check_body(written, section, source, at)
    for number, group in enumerate(written.groups):
        for key in sorted(group.model_fields_set - _IN_ANSWERS):
            message = f"`{key}` means nothing in an answer"
            source.find("contract.unknown_key", (*at, "groups", number, key), message, "leave it out")
    for rule in section.rules if section else ():
        if rule.category in NEVER_LEAVES:
            source.find(
                "contract.category", rule.where, f"{rule.path} is {rule.category}: it never passes", "leave it out"
            )
        check_form(rule, source, answer=True)
    if section is not None:
        check_others(section, source)


def _allowed(rule: Rule, terms: Terms) -> Allowed:
    return ALLOWANCE[rule.category][terms.vendor.kind]


def _forbidden(rule: Rule, terms: Terms) -> str | None:
    """Why a category may not leave to this kind of vendor in this form, or None."""
    allowed, form, kind = _allowed(rule, terms), rule.form.name, terms.vendor.kind
    if form in FORMS_FOR_ANY:
        return None
    if terms.sending.groups[rule.group].purpose is Purpose.AFTER_SALES and rule.category in NOT_AFTER_SALES[kind]:
        return "a refund needs no address, and a return no amount"
    if allowed.verdict in (Verdict.YES, Verdict.ASKS):
        return None
    if allowed.verdict is Verdict.FORM:
        forms = " or ".join(sorted(allowed.forms))
        return None if form in allowed.forms else f"a {kind} vendor gets it only in the form {forms}"
    if allowed.verdict is Verdict.CONDITION:
        return _unmet(rule, terms, allowed)
    return f"not for a {kind} vendor" if allowed.verdict is Verdict.NO else "never leaves"


def _unmet(rule: Rule, terms: Terms, allowed: Allowed) -> str | None:
    group = terms.sending.groups[rule.group]
    bases = set((group.bases or {}).values()) if group.bases else _bases_of(terms, rule.roles)
    if allowed.consent and not bases <= {LegalBasis.CONSENT, LegalBasis.EXPLICIT_CONSENT}:
        return "leaves only with consent, of the group or the subject"
    if allowed.purpose is not None and group.purpose != allowed.purpose:
        return f"leaves only for the purpose {allowed.purpose}"
    if allowed.when and not rule.conditions:
        return "leaves only under a condition (`when`)"
    return None


def _bases_of(terms: Terms, roles: Sequence[SubjectRole]) -> set[LegalBasis]:
    return {basis for subject in terms.subjects if subject.role in roles for basis in subject.bases.values()}


def _check_transfers(terms: Terms, source: Source) -> None:
    check_transfers(terms.operation.transfer or {}, terms.vendor, importers_of(terms.vendor), source)


_CHECKS: tuple[Callable[[Terms, Source], None], ...] = (
    _check_status,
    _check_empty,
    _check_purpose,
    _check_segments,
    _check_places,
    _check_stated,
    _check_tokens,
    check_sent_body,
    check_batch,
    _check_secrets,
    _check_retry,
    _check_subjects,
    _check_whose,
    _check_categories,
    check_vendor_requires,
    check_telling,
    check_free_text,
    check_others_of_calls,
    check_addresses,
    check_forms,
    _check_answer,
    check_grounds,
    _check_transfers,
)
