"""The contracts in force: bound to keys and credentials, routed, swapped as a whole."""

import ipaddress
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlsplit

from gateway.bind import Bound, bind
from gateway.clearance import (
    Standing,
    around,
    asks_in,
    needs_consents,
    stand,
    vendor_with,
    with_papers,
    with_registered,
)
from gateway.contract.hooks import HookTerms
from gateway.contract.load import ContractSet
from gateway.contract.model import ACCESS_TOKEN, Vendor
from gateway.contract.routes import Routes
from gateway.contract.terms import Terms
from gateway.errors import Failure, StartError
from gateway.forms.relinks import Door
from gateway.jwe import PublicKey, public_key, throwaway
from gateway.outbound.certified import Certified, certified
from gateway.outbound.send import Host
from gateway.paths import Place
from gateway.registry.facts import NO_PAPERS, Papers
from gateway.signing.answers import Seal
from gateway.signing.schemes import seal_of, secrets_of, signer_of
from gateway.signing.signer import Signer

_SECRET = re.compile(r"\$([A-Z][A-Z0-9_]*)")

_LINE = re.compile(r"[\t -~]*")
_TELLING = 8
"""A shorter secret cannot be told from a word."""

Secrets = Callable[[str], str | None]
VendorKey = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Client:
    """Where a vendor gives access tokens, and as whom we ask for them (RFC 6749, section 4.4)."""

    host: Host
    target: str
    id: str
    secret: str = field(repr=False)
    scope: str = ""
    in_form: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """The terms of one operation with everything that can be done before a call comes."""

    terms: Terms
    sending: Bound
    answer: Bound | None
    errors: Bound | None
    host: Host
    base: str
    doors: tuple[Door, ...]
    """The vendor's addresses as links in its answers name them, first the one that the operation is called at."""
    headers: tuple[tuple[str, str], ...]
    query: tuple[tuple[str, str], ...]
    accept: str
    secrets: tuple[str, ...]
    """What no answer may carry back."""
    needs_consents: bool
    consents_in: frozenset[str]
    """Where people live whose consents may be needed all the same."""
    decisive: tuple[Place, ...]
    keyed: frozenset[str]
    """Headers that carry a token or a credential."""
    signer: Signer | None = None
    seal: Seal | None = None
    client: Client | None = None
    """As whom we sign in at the vendor, where its credentials have ACCESS_TOKEN in them."""

    @property
    def digest(self) -> str:
        return self.terms.digest

    @property
    def answers_ask(self) -> bool:
        """Whether some form of an answer has to know of the call."""
        return bool((self.answer and self.answer.in_calls) or (self.errors and self.errors.in_calls))

    @property
    def scrubs_answers(self) -> bool:
        """Whether free text comes back, without the names that the call gives."""
        return any(bound is not None and bound.scrubs for bound in (self.answer, self.errors))


@dataclass(frozen=True, slots=True)
class PreparedHook:
    """A call that a vendor makes, with the key that it is signed with."""

    terms: HookTerms
    bound: Bound
    key: bytes = field(repr=False)


class InForce:
    """One immutable set. A call is decided by the set that was in force when it came."""

    def __init__(
        self,
        contracts: ContractSet,
        prepared: Mapping[str, Prepared],
        hooks: Mapping[tuple[str, str], PreparedHook] | None = None,
    ) -> None:
        self.contracts = contracts
        self.hooks = hooks or {}
        self.prepared = prepared
        self.routes = Routes(each.terms for each in prepared.values())
        self._standings: dict[tuple[str, str], Standing] = {}
        self._papers = NO_PAPERS
        self._since = self._until = datetime.max.replace(tzinfo=UTC)
        self._signing_in = {
            (method, f"/{host}{path}"): vendor.vendor
            for vendor in contracts.vendors.values()
            for method, _, path in ((vendor.sign_in or "").partition(" "),)
            for host in vendor.hosts or {}
            if vendor.sign_in
        }
        self.hosts = {name: vendor.vendor for vendor in contracts.vendors.values() for name in vendor.hosts or {}}

    def signing_in(self, method: str, path: str) -> str | None:
        """The vendor whose SDKs fetch their token so."""
        return self._signing_in.get((method, path)) if self._signing_in else None

    @property
    def certificates(self) -> Mapping[str, datetime]:
        """By vendor, when what we prove ourselves by there runs out."""
        hosts = [(each.terms.vendor.vendor, each.host.own) for each in self.prepared.values()]
        return {vendor: own.until for vendor, own in hosts if own is not None}

    def standing(self, terms: Terms, entity: str, now: datetime, papers: Papers = NO_PAPERS) -> Standing:
        """How things stand between a company and an operation; worked out once for a day, a policy and the papers that
        were entered.
        """
        if papers is not self._papers or not self._since <= now < self._until:
            policy, self._standings, self._papers = self.contracts.policy, {}, papers
            # In the zone of `now`: to compare times of two zones takes longer than all else here.
            self._since, self._until = (each.astimezone(now.tzinfo) for each in around(policy, now))
        key = (terms.name, entity)
        if (standing := self._standings.get(key)) is None:
            standing = self._standings[key] = self._stand(terms, entity, now)
        return standing

    def _stand(self, terms: Terms, entity: str, now: datetime) -> Standing:
        company = self.contracts.entities.entities.get(entity)
        standing = stand(terms, self.contracts.policy, entity, now, company.country if company else "", self._papers)
        if company is not None:
            return standing
        # An agreement that names no company binds all that are listed, and nobody else.
        unknown = Failure("agreement.parties", f"there is no company {entity} in entities.yaml")
        return Standing(standing.policy, (), (unknown, *standing.failures))


def in_force(contracts: ContractSet, *, secrets: Secrets, vendor_key: VendorKey, is_played: bool = False) -> InForce:
    """Binds a set. `secrets` gives the value of a name, or None; `vendor_key` a key of each vendor's own.

    Where vendors are played (`is_played`), values are encrypted for nobody unless the vendor's file has the key, other
    keys stand in for those that calls are signed with, and answers have no signatures. Raises StartError naming every
    secret of an enforced operation that is not set, or a key that is none.
    """
    outside = _Outside(secrets, is_played)
    markets = contracts.policy.markets
    prepared = {terms.name: _prepared(terms, outside, vendor_key, markets) for terms in contracts.terms}
    hooks = {
        (each.vendor, each.name): PreparedHook(
            each,
            bind(each.receiving, partial(vendor_key, each.vendor), outside.resolved, markets),
            outside.resolved(each.hook.signature.key).encode(),
        )
        for each in contracts.hooks
    }
    for vendor in contracts.vendors.values():
        outside.look_up(vendor)
    if outside.missing:
        raise StartError(f"set these secrets, as variables or files: {', '.join(sorted(outside.missing))}")
    known = {name: _known(name, vendor, outside) for name, vendor in contracts.vendors.items()}
    return InForce(
        contracts, {name: known[each.terms.vendor.vendor].by(each) for name, each in prepared.items()}, hooks
    )


@dataclass(frozen=True, slots=True)
class _Outside:
    """Secrets and keys that contracts name and do not have; whatever is not set is among the `missing`."""

    secrets: Secrets
    is_played: bool
    missing: set[str] = field(default_factory=set)

    def resolved(self, text: str) -> str:
        """A text with its secrets in place; an access token of a vendor that is not played is fetched for a call."""
        fetched = () if self.is_played else (ACCESS_TOKEN,)
        return _SECRET.sub(lambda match: match[0] if match[0] in fetched else self._value(match[1]), text)

    def public(self, terms: Terms, written: str) -> PublicKey:
        """The key that values are encrypted for. Raises StartError for one that is none."""
        name = written.removeprefix("$")
        text = terms.vendor.keys.get(name)
        if text is None and self.is_played:
            return throwaway()
        if not (text := text or self._value(name)):
            return throwaway()
        try:
            return public_key(text)
        except ValueError as error:
            raise StartError(f"{name}, for which values are encrypted ({terms.file}): {error}") from None

    def look_up(self, vendor: Vendor) -> None:
        """Looks up what we prove ourselves to a vendor by, before anything is made of it."""
        paper, oauth = vendor.client_certificate, vendor.oauth
        texts = [*((paper.certificate, paper.key) if paper else ()), *((oauth.id, oauth.secret) if oauth else ())]
        for text in () if self.is_played else texts:
            self.resolved(text)

    def _value(self, name: str) -> str:
        value = self.secrets(name)
        if not value:
            self.missing.add(name)
        return value or ""


@dataclass(frozen=True, slots=True)
class _Known:
    """By what a vendor knows us and we know it: a signer of calls, a seal of answers, our certificate and account."""

    signer: Signer | None = None
    seal: Seal | None = None
    own: Certified | None = None
    client: Client | None = None

    def by(self, prepared: Prepared) -> Prepared:
        """An operation that goes by these."""
        host = replace(prepared.host, own=self.own) if self.own else prepared.host
        return replace(prepared, signer=self.signer, seal=self.seal, host=host, client=self.client)


def _known(name: str, vendor: Vendor, outside: _Outside) -> _Known:
    """Raises StartError for a key or certificate that is none."""
    signer = signer_of(vendor.sign, outside.resolved, is_played=outside.is_played) if vendor.sign else None
    if outside.is_played:
        # Whoever is played has no key of the real vendor's, and asks for no certificate and no account.
        return _Known(signer)
    seal = seal_of(vendor.sign, outside.resolved) if vendor.sign else None
    paper = vendor.client_certificate
    own = _certified(name, outside.resolved(paper.certificate), outside.resolved(paper.key)) if paper else None
    return _Known(signer, seal, own, _client(vendor, own, outside.resolved))


def _client(vendor: Vendor, own: Certified | None, resolved: Callable[[str], str]) -> Client | None:
    if (oauth := vendor.oauth) is None:
        return None
    parts = urlsplit(oauth.url)
    networks = tuple(ipaddress.ip_network(text) for text in vendor.networks)
    host = Host(f"{vendor.vendor}-sign-in", parts.scheme, parts.hostname or "", parts.port or 443, networks, own=own)
    in_form = oauth.auth == "client_secret_post"
    return Client(host, parts.path or "/", resolved(oauth.id), resolved(oauth.secret), oauth.scope or "", in_form)


def _certified(vendor: str, certificate: str, key: str) -> Certified:
    try:
        return certified(certificate, key)
    except ValueError as error:
        raise StartError(f"`client_certificate` of {vendor}: {error}") from None


def check_keys(contracts: ContractSet, environment: str, secrets: Secrets) -> None:
    """Raises StartError for a key that does not look like one of this environment: no test key in earnest, or back."""
    for vendor in contracts.vendors.values():
        own = vendor.environments.get("live" if environment == "live" else "sandbox")
        if own is None or own.key_pattern is None:
            continue
        for name in (name for text in vendor.credential.values() for name in _SECRET.findall(text)):
            if (key := secrets(name)) and not re.search(own.key_pattern, key):
                raise StartError(f"{name} is not a key for {environment} at {vendor.vendor} (see its `key_pattern`)")


def _prepared(terms: Terms, outside: _Outside, vendor_key: VendorKey, markets: Sequence[str]) -> Prepared:
    def key() -> bytes:
        return vendor_key(terms.vendor.vendor)

    resolved = outside.resolved
    host, base = _host(terms)
    return Prepared(
        terms=terms,
        sending=bind(terms.sending, key, resolved, markets, partial(outside.public, terms)),
        answer=bind(terms.answer, key, resolved, markets) if terms.answer else None,
        errors=bind(terms.errors, key, resolved, markets) if terms.errors else None,
        host=host,
        base=base,
        doors=tuple(_doors(terms, host, base)),
        headers=_credentials(terms, "header", resolved),
        query=_credentials(terms, "query", resolved),
        secrets=tuple(_secrets(terms, resolved)),
        accept=", ".join(terms.answer.media) if terms.answer and terms.answer.media else "*/*",
        needs_consents=needs_consents(terms),
        consents_in=asks_in(terms),
        decisive=terms.decisive(),
        keyed=frozenset(str(each.path[0]) for each in (*terms.tokens, *terms.credentials) if each.kind == "header"),
    )


def _credentials(terms: Terms, kind: str, resolved: Callable[[str], str]) -> tuple[tuple[str, str], ...]:
    """Raises StartError for one that could stand in no header: every call with it would fail, and blame its caller."""
    placed = [(place, text, resolved(text)) for place, text in terms.credentials.items() if place.kind == kind]
    for place, text, value in placed if kind == "header" else ():
        if not _LINE.fullmatch(_basic(value, text)):
            named = ", ".join(_SECRET.findall(text))
            raise StartError(f"{named} cannot stand in {place} ({terms.file}): a header is one line of plain ASCII")
    return tuple((_spelled(place), _basic(value, text)) for place, text, value in placed)


def _secrets(terms: Terms, resolved: Callable[[str], str]) -> Iterator[str]:
    """What an answer of a vendor could repeat, as long as it can be told from a word."""
    values = [*_repeatable(terms.credentials, resolved), *_behind_scenes(terms.vendor, resolved)]
    return (value for value in values if len(value) >= _TELLING)


def _repeatable(credentials: Mapping[Place, str], resolved: Callable[[str], str]) -> Iterator[str]:
    """The credentials of a call, whole and in parts. What stands in the path too is no secret there."""
    public = {name for place, text in credentials.items() if place.kind == "path" for name in _SECRET.findall(text)}
    for text in (text for place, text in credentials.items() if place.kind != "path"):
        values = [resolved(f"${name}") for name in _SECRET.findall(text) if name not in public]
        yield from (value for value in values if value != ACCESS_TOKEN)
        yield _basic(resolved(text), text).removeprefix("Basic ")


def _behind_scenes(vendor: Vendor, resolved: Callable[[str], str]) -> Iterator[str]:
    """What calls are signed with, and what access tokens are asked for with."""
    signed_with = secrets_of(vendor.sign) if vendor.sign else ()
    for text in (*signed_with, *((vendor.oauth.secret,) if vendor.oauth else ())):
        yield from (resolved(f"${name}") for name in _SECRET.findall(text))


def _spelled(place: Place) -> str:
    first, *rest = [str(step) for step in place.path]
    return first + "".join(f"[{step}]" for step in rest)


def _basic(value: str, written: str) -> str:
    """What stands after `Basic ` in a contract is encoded (RFC 7617)."""
    if not written.startswith("Basic "):
        return value
    return "Basic " + b64encode(value.removeprefix("Basic ").encode()).decode()


def _host(terms: Terms) -> tuple[Host, str]:
    """Where a sending goes, and the path below which the vendor's API begins."""
    parts = urlsplit(terms.host.url)
    networks = tuple(ipaddress.ip_network(text) for text in terms.host.networks)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return Host(terms.host.name, parts.scheme, parts.hostname or "", port, networks), parts.path.rstrip("/")


def _doors(terms: Terms, host: Host, base: str) -> Iterator[Door]:
    """Where a vendor is played on this machine, its answers name the address that it has in earnest."""
    yield Door(host.name, host.hostname, host.port, base)
    hosts = terms.vendor.hosts or {}
    for name in sorted(hosts, key=lambda name: name != host.name):
        parts = urlsplit(hosts[name])
        yield Door(name, parts.hostname or "", parts.port or 443, parts.path.rstrip("/"))


def as_entered(contracts: ContractSet, papers: Papers) -> ContractSet:
    """The set with the papers, reviews and versions of the policy that stand beside its files."""
    policy = with_registered(contracts.policy, papers.versions)
    vendors = {name: vendor_with(vendor, papers) for name, vendor in contracts.vendors.items()}
    terms = tuple(with_papers(terms, papers) for terms in contracts.terms)
    return replace(
        contracts,
        policy=policy,
        vendors=vendors,
        terms=terms,
        attested=papers.attested,
        announced=papers.announced,
    )
