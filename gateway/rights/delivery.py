"""Delivers notices: down the path of every call, under a contract of the vendor, until they are there or a person is
to see to it.
"""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from http import HTTPStatus
from itertools import groupby
from typing import Any, Final
from urllib.parse import urlencode

from gateway.assemble import Call
from gateway.contract.check_notices import SERVICE
from gateway.contract.load import ContractSet
from gateway.contract.terms import Terms
from gateway.errors import CODES
from gateway.identity import DAY, Environment, Tokens
from gateway.ledger.housekeeping import TokenChanged
from gateway.ledger.ledger import Ledger
from gateway.registry import notices as rows
from gateway.registry.notices import Notice
from gateway.registry.registry import Registry
from gateway.reply import Reply
from gateway.rights.notices import DELIVERING, Notices
from gateway.rights.recipients import Concern
from gateway.vocabulary.notices import Cause, NoticeState, NoticeWay

TOGETHER: Final = 100  # notices that are looked at at once
AT_ONCE: Final = timedelta(minutes=10)  # within which an attempt is over, or whoever made it has ended
WAITS: Final = tuple(timedelta(minutes=each) for each in (1, 10, 60, 360, 1440, 1440))
"""Between two attempts; after the last one, and where none can help, a person is to tell the vendor."""
_MEDIA: Final = {"json": "application/json", "form": "application/x-www-form-urlencoded"}

Send = Callable[[Call], Awaitable[Reply]]
Document = Mapping[str, Any]


class Delivery:
    """One for a node. `ways` sends a call by its way; each attempt is decided anew, as every call is."""

    def __init__(
        self,
        notices: Notices,
        ledger: Ledger,
        registry: Registry,
        tokens: Tokens,
        ways: Mapping[NoticeWay, Send],
        *,
        environment: Environment,
        now: Callable[[], datetime],
    ) -> None:
        self._notices = notices
        self._ledger = ledger
        self._registry = registry
        self._tokens = tokens
        self._ways = ways
        self._environment = environment
        self._now = now
        self._proofs: dict[tuple[str, str], tuple[str, datetime]] = {}

    async def deliver(self) -> int:
        """Makes the attempts that are due; how many notices reached their vendor. Raises Refusal."""
        count = 0
        while found := await self._registry.read(rows.to_deliver, (self._now(), TOGETHER)):
            for together in self._together(found):
                # One at a time: whoever stops them waits for the one that is under way, and no other leaves after that.
                async with self._notices.claims.alone(DELIVERING):
                    ours = [each for each in together if await self._is_ours(each)]
                    count += await self._attempt([each for each in ours if not await self._is_stopped(each)])
        return count

    async def _is_stopped(self, notice: Notice) -> bool:
        """Whether nothing is deleted now: a hold keeps it, and the notice waits, or the order goes on."""
        if await self._notices.is_kept(notice):
            await self._notices.advance(notice, NoticeState.HELD, by=SERVICE)
            return True
        if notice.cause is Cause.ORDER_CLOSED and notice.order and await self._notices.goes_on(notice.order):
            await self._notices.advance(notice, NoticeState.TAKEN_BACK, by=SERVICE)
            return True
        return False

    def _together(self, found: Sequence[Notice]) -> Iterator[Sequence[Notice]]:
        """A vendor that wants a list gets those of one company of the shop as one."""
        vendors = self._contracts.vendors

        def key(notice: Notice) -> tuple[str, str, str]:
            vendor = vendors.get(notice.vendor)
            return notice.vendor, notice.entity, "" if vendor and vendor.notices.daily else notice.id

        for _, together in groupby(sorted(found, key=key), key=key):
            yield list(together)

    @property
    def _contracts(self) -> ContractSet:
        return self._notices.contracts()

    async def _is_ours(self, notice: Notice) -> bool:
        return await self._registry.changed(rows.claimed(notice, self._now() + AT_ONCE))

    async def _attempt(self, notices: Sequence[Notice]) -> int:
        """How many of these were told: all or none."""
        if not notices:
            return 0
        terms = self._terms(notices[0])
        if terms is None:
            code, receipt = "operation.unknown", ""
        else:
            code, receipt = await self._sent(terms, notices)
        for each in notices:
            await self._settle(each, code, receipt)
        return 0 if code else len(notices)

    def _terms(self, notice: Notice) -> Terms | None:
        """The operation by which the vendor is told now, if it is still told in the way that was chosen."""
        vendor = self._contracts.vendors.get(notice.vendor)
        if vendor is None or vendor.notices.how != notice.way:
            return None
        name = f"{notice.vendor}/{vendor.notices.operation}"
        return next((terms for terms in self._contracts.terms if terms.name == name), None)

    async def _sent(self, terms: Terms, notices: Sequence[Notice]) -> tuple[str, str]:
        """Why these did not arrive, or nothing; and the id of the disclosure."""
        documents = [await self._document(each) for each in notices]
        daily = {"day": self._now().date().isoformat(), "notices": documents}
        document = daily if terms.sending.batch else documents[0]
        reply = await self._ways[notices[0].way](await self._call(terms, document, notices[0]))
        headers = dict(reply.headers)
        arrived = headers.get("gateway-sent") == "yes" and reply.status < HTTPStatus.MULTIPLE_CHOICES
        return "" if arrived else _code(reply), headers.get("gateway-disclosure", "")

    async def _document(self, notice: Notice) -> Document:
        """What the vendor's contract chooses from. By which numbers it knows the person and which orders is looked up
        anew: a notice does not keep that.
        """
        subject = notice.subject or ""
        concern = Concern(notice.cause, order=notice.order)
        found = (await self._notices.received(subject, concern)).get(notice.vendor)
        orders = sorted(found.orders) if found else []
        refs = sorted(found.refs) if found else [subject]
        return {
            "notice": notice.id,
            "cause": notice.cause.value,
            "subject": subject if subject in refs else refs[0],
            "subjects": refs,
            **({"order": orders[0]} if len(orders) == 1 else {}),
            "orders": orders,
            "categories": list(notice.categories),
            "due": notice.due.date().isoformat(),
            **({"until": notice.until.isoformat()} if notice.until else {}),
        }

    async def _call(self, terms: Terms, document: Document, notice: Notice) -> Call:
        payload = _payload(terms.sending.body, document)
        headers = [("gateway-token", await self._proof(notice.entity, notice.vendor))]
        if media := _MEDIA.get(terms.sending.body):
            headers += [("content-type", media), ("content-length", str(len(payload)))]

        async def read(_: int) -> bytes:
            return payload

        return Call(terms.method, f"/{terms.host.name}{_path(terms, document)}", b"", tuple(headers), read)

    async def _proof(self, entity: str, vendor: str) -> str:
        """A token of the gateway's own, narrowed to the vendor, for a day."""
        kept, until = self._proofs.get((entity, vendor), ("", self._now()))
        if until <= self._now():
            kept, caller = self._tokens.issue(
                SERVICE, entity=entity, environment=self._environment, vendor=vendor, lifetime=DAY
            )
            await self._ledger.record(TokenChanged(caller.token_id, SERVICE, "issued", vendor))
            self._proofs[entity, vendor] = kept, self._now() + timedelta(seconds=DAY // 2)
        return kept

    async def _settle(self, notice: Notice, code: str, receipt: str) -> None:
        if not code:
            await self._notices.advance(notice, NoticeState.SENT, by=SERVICE, receipt=receipt)
        elif notice.attempts < len(WAITS) and _may_pass(code):
            until = self._now() + WAITS[notice.attempts]
            await self._registry.changed(rows.put_off(notice.id, code, until))
        else:
            await self._registry.changed(rows.put_off(notice.id, code, self._now()))
            await self._notices.advance(notice, NoticeState.TASK, by=SERVICE)


def _may_pass(code: str) -> bool:
    """Whether another attempt may get through: what no contract or law lets out today it does not let out tomorrow."""
    return code not in CODES or CODES[code].status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _payload(body: str, document: Document) -> bytes:
    if body == "json":
        return json.dumps(document).encode()
    return urlencode(document, doseq=True).encode() if body == "form" else b""


def _path(terms: Terms, document: Document) -> str:
    """The path with its variables; one that is no member of the notice stays empty, and is refused."""
    parts = (part if isinstance(part, str) else str(document.get(part.name, "")) for part in terms.segments)
    return "/" + "/".join(parts)


def _code(reply: Reply) -> str:
    """Why a call did not get through, as its reply says; `vendor.answered` where the vendor itself turned it down."""
    with suppress(ValueError):
        document = json.loads(reply.payload)
        if isinstance(document, dict) and isinstance(code := document.get("code"), str):
            return code[:100]
    return "vendor.answered"
