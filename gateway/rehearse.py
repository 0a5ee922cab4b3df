"""A stage: the real path of a call, with nobody real on it and no vendor at the end."""

import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from gateway.assemble import Call
from gateway.body.codecs import typed
from gateway.contract.load import ContractSet
from gateway.contract.model import Operation, Vendor
from gateway.contract.terms import Terms
from gateway.exchange import Exchange, Limits
from gateway.identity import Tokens
from gateway.inforce import InForce, in_force
from gateway.ledger.entry import Event, Intent, Subject
from gateway.ledger.entry import Outcome as Settled
from gateway.ledger.scribe import Ticket
from gateway.ledger.store import Cap
from gateway.ledger.tallies import Tally
from gateway.outbound.send import Answer, Holds, Host, Outcome, Sending
from gateway.pieces import Payload
from gateway.record import Recorder
from gateway.registry.basis import NOTHING, Basis
from gateway.registry.facts import Consent, Facts, Mention, Order, Person
from gateway.reply import Reply
from gateway.vocabulary import AgreementStatus, ConsentState, OrderState, Purpose

_PSEUDONYM = re.compile(rb"psn_[0-9A-Za-z_-]{22,}")
_ANY = "psn_*"
_PARTS = re.compile(r"--(\S+)\n.*\n--\1--", re.DOTALL)
_OURS = "gateway.test"
_BEFORE, _AFTER = date(1970, 1, 2), date(9999, 12, 30)


@dataclass(frozen=True, slots=True)
class Http1:
    """An HTTP message as examples write it: first line, headers, empty line, body."""

    first: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)


@dataclass(slots=True)
class Rehearsed:
    """What became of one call: what was sent, what was written down, what came back."""

    reply: Reply
    sent: Sending | None
    intent: Intent | None


def parse_http(text: str) -> Http1:
    """A message with plain or network line ends; a body's last line end is not part of it.

    A body of parts has network line ends, since it is one with nothing else (RFC 2046 section 5.1.1).
    """
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    first, *lines = head.strip("\n").split("\n")
    pairs = (line.partition(":") for line in lines if line)
    headers = tuple((name.strip().lower(), value.strip()) for name, _, value in pairs)
    body = body.removesuffix("\n")
    if _PARTS.fullmatch(body):
        body = body.replace("\n", "\r\n")
    return Http1(first.strip(), headers, body.encode())


@dataclass(slots=True)
class Stage:
    """A gateway that finds everybody, every order open and all papers in force; the vendor says what it is told to."""

    contracts: InForce
    jurisdiction: str = "default"
    consents: tuple[Purpose, ...] = ()
    answers: str | None = None
    sent: list[Sending] = field(default_factory=list)
    intents: list[Intent] = field(default_factory=list)
    given: dict[tuple[str, str], str] = field(default_factory=dict)
    tokens: Tokens = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = Tokens(
            secrets.token_bytes(32), now=lambda: datetime.now(UTC).timestamp(), revoked=lambda _: False
        )

    async def play(self, terms: Terms, given: Http1) -> Rehearsed:
        """One call, as the first of the contract's callers would make it."""
        exchange = Exchange(
            self.contracts,
            registry=self,
            ledger=self,
            vendors=self,
            tokens=self.tokens,
            recorder=Recorder(None, environment="sandbox", deadline_ms=0),
            environment="sandbox",
            limits=Limits(1.0, terms.answer.max_bytes if terms.answer else 0),
            now=lambda: datetime.now(UTC),
            counted=lambda code, vendor: None,  # noqa: ARG005
            unnamed=lambda vendor, kinds: None,  # noqa: ARG005
            look=lambda vendor, sending, answer: None,  # noqa: ARG005
            owe=self.owe,
        )
        reply = await exchange.reply(self._call(terms, given))
        return Rehearsed(reply, next(iter(self.sent), None), next(iter(self.intents), None))

    def _call(self, terms: Terms, given: Http1) -> Call:
        method, _, target = given.first.partition(" ")
        path, _, query = target.partition("?")
        entity = next(iter(self.contracts.contracts.entities.entities))
        token, _ = self.tokens.issue(terms.operation.callers[0], entity=entity, environment="sandbox", lifetime=60)
        headers = [(name, value) for name, value in given.headers if name != "host"]
        headers += [("host", _OURS), ("gateway-token", token)]
        section = terms.sending
        if given.body and given.header("content-type") is None and section.media and not section.untyped:
            headers.append(("content-type", typed(section.media[0], given.body, section)))

        async def read(limit: int) -> bytes:
            del limit
            return given.body

        return Call(method, f"/{terms.host.name}{path}", query.encode(), tuple(headers), read)

    async def about(
        self, mentions: Sequence[Mention], *, consents: bool, order: str | None, consents_in: Collection[str] = ()
    ) -> Facts:
        del consents, consents_in
        people = {
            each.role: Person(each.ref or "somebody", each.role, each.jurisdiction or self.jurisdiction, "an order")
            for each in mentions
            if each.order or each.ref or each.earlier
        }
        missing = frozenset(each.role for each in mentions) - people.keys()
        given = tuple(
            Consent(
                purpose, vendor, ConsentState.GIVEN, explicit=True, expires=None, record="example", separate=True,
                given=datetime.now(UTC),
            )
            for vendor in self.contracts.contracts.vendors
            for purpose in self.consents
        )  # fmt: skip
        orders = (Order(is_known=True, state=OrderState.OPEN),) if order is not None else ()
        return Facts(
            people,
            missing,
            {each.ref: given for each in people.values()},
            frozenset(),
            order_stated=order is not None,
            orders=orders,
        )

    def basis(self, token: str) -> Basis:
        del token
        return NOTHING

    async def owe(self, people: Sequence[str]) -> None:
        """Nobody is told anything."""

    async def follow(self) -> None:
        """Nothing ever changes."""

    async def intend(
        self,
        intent: Intent,
        subjects: Sequence[Subject],
        payload: Payload,
        *,
        within: float,
        basis: Basis,
        cap: Cap | None,
        tallies: Sequence[Tally],
    ) -> Ticket:
        del payload, within, basis, cap, tallies
        self.intents.append(intent)
        return Ticket("0" * 32, 0, intent.index, tuple(subjects))

    def release(self, ticket: Ticket) -> bool:
        del ticket
        return True

    def settle(self, ticket: Ticket, outcome: Settled, earlier: Sequence[bytes] = ()) -> None:
        """Nothing is kept."""

    def note(self, event: Event, subjects: Sequence[Subject] = ()) -> None:
        """Nothing is kept."""

    def digest(self, vendor: str, value: str) -> bytes:
        return f"{vendor}\0{value}".encode()

    def new_id(self) -> str:
        return "0" * 32

    def tokenise(self, subject: str, scope: str, value: str) -> str:
        return self.given.setdefault((scope, f"{subject}\0{value}"), f"psn_{secrets.token_urlsafe(16)}")

    def behind(self, scope: str, token: str) -> str | None:
        found = (value for (where, value), given in self.given.items() if (where, given) == (scope, token))
        value = next(found, None)
        return value.partition("\0")[2] if value is not None else None

    async def earlier(self, digest: bytes) -> Sequence[Subject] | None:
        del digest
        return (Subject("somebody", "", self.jurisdiction, "an order"),)

    async def send(self, host: Host, sending: Sending, *, limit: int, holds: Holds) -> Outcome:
        del host, limit, holds
        self.sent.append(sending)
        if self.answers is None:
            return Outcome("sent", answer=Answer(200, (), b""))
        return Outcome("sent", answer=self._answer(parse_http(self.answers), sending))

    def _answer(self, answers: Http1, sending: Sending) -> Answer:
        status = int(answers.first)
        headers = list(answers.headers)
        if answers.body and answers.header("content-type") is None:
            headers.append(("content-type", "application/json"))
        found = _PSEUDONYM.search(sending.payload)
        body = answers.body.replace(_ANY.encode(), found.group()) if found else answers.body
        return Answer(status, tuple(headers), body)

    async def close(self) -> None:
        """There is nothing to let go of."""


def staged(contracts: ContractSet) -> InForce:
    """The set as a stage needs it: enforced, with every agreement in force, secrets standing by their names."""
    terms = tuple(replace(each, operation=_enforced(each), vendor=_agreed(each)) for each in contracts.terms)
    key = secrets.token_bytes(32)
    made = replace(contracts, terms=terms)
    return in_force(made, secrets=lambda name: f"${name}", vendor_key=lambda _: key, is_played=True)


def _enforced(terms: Terms) -> Operation:
    return terms.operation.model_copy(update={"status": "enforce"})


def _agreed(terms: Terms) -> Vendor:
    always = {
        "signed": _BEFORE,
        "starts": _BEFORE,
        "until": _AFTER,
        "entities": (),
        "status": AgreementStatus.ACTIVE,
    }
    agreements = tuple(agreement.model_copy(update=always) for agreement in terms.vendor.agreements)
    # Whoever is on a stage was made up.
    return terms.vendor.model_copy(update={"agreements": agreements, "review": _AFTER, "test_subjects_only": False})
