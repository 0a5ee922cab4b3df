"""Calls that vendors make, on a listener of its own: proved, minimised, written down, and handed to the shop."""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final, Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway import problem
from gateway.assemble import headers_of, lines_of
from gateway.body.codecs import read_body, written_body
from gateway.errors import GatewayError, Refusal, refuse
from gateway.inforce import InForce, PreparedHook
from gateway.ledger.entry import Event
from gateway.ledger.housekeeping import Received
from gateway.minimise import Minimised, minimise
from gateway.pieces import gathered
from gateway.signing.hooks import is_hook_signed

HANDING: Final = timedelta(seconds=60)  # longer than it takes; after that whoever was handing it over is gone
REMEMBERED: Final = timedelta(days=366)  # what has no time of its own could be sent again at any time
Headers = tuple[tuple[str, str], ...]
HandOver = Callable[[str, bytes, Mapping[str, str], datetime], Awaitable[None]]
"""Posts a body with headers to an address of the shop's now. Raises GatewayError where it was not taken."""


class Book(Protocol):
    async def record(self, event: Event) -> str: ...


class Memory(Protocol):
    """What was taken before, by any process."""

    async def take(self, name: str, until: datetime) -> bool: ...
    async def keep(self, name: str, until: datetime) -> bool: ...
    async def give_back(self, name: str) -> None: ...


class Hooks:
    """`contracts` gives the set in force. What was handed over once is not handed over again, by no node."""

    def __init__(
        self,
        contracts: Callable[[], InForce],
        ledger: Book,
        memory: Memory,
        *,
        hand_over: HandOver,
        now: Callable[[], datetime],
        counted: Callable[[str, str], None],
    ) -> None:
        self._contracts = contracts
        self._ledger = ledger
        self._memory = memory
        self._hand_over = hand_over
        self._now = now
        self._counted = counted

    @property
    def app(self) -> Starlette:
        """The application behind its port: `POST /VENDOR/HOOK`."""
        app = Starlette(
            routes=[Route("/{vendor}/{hook}", self._answer, methods=["POST"])],
            exception_handlers={HTTPException: self._elsewhere},
        )
        app.router.redirect_slashes = False
        return app

    async def _answer(self, request: Request) -> Response:
        """What the vendor is told: that it was taken, or a code, and nothing of what it sent."""
        vendor, name = request.path_params["vendor"], request.path_params["hook"]
        try:
            hook = self._contracts().hooks.get((vendor, name))
            if hook is None:
                raise refuse("hook.unknown")
            headers = tuple((key.lower(), value) for key, value in request.headers.items())
            await self._receive(hook, headers, await gathered(request.stream(), hook.terms.receiving.max_bytes))
        except Refusal as refusal:
            return self._refused(refusal, vendor if refusal.code != "hook.unknown" else "")
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)
        self._counted("received", vendor)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def _elsewhere(self, request: Request, error: Exception) -> Response:
        """No path of a hook, or not its method."""
        del request, error
        return self._refused(refuse("hook.unknown"), "")

    def _refused(self, refusal: Refusal, vendor: str) -> Response:
        self._counted(refusal.code, vendor)
        status, told = problem.problem(refusal)
        return JSONResponse(told, status, media_type=problem.MEDIA_TYPE)

    async def _receive(self, hook: PreparedHook, headers: Headers, payload: bytes) -> None:
        terms = hook.terms
        if not is_hook_signed(terms.hook.signature, hook.key, headers, payload, self._now()):
            raise refuse("hook.unsigned")
        mark = _mark(hook, headers, payload)
        if not await self._memory.take(mark, self._now() + HANDING):
            raise refuse("hook.replayed")
        try:
            await self._handed_over(hook, headers, payload)
        except BaseException:
            # The vendor will try again, and is to find it as new as before.
            await self._memory.give_back(mark)
            raise
        await self._memory.keep(mark, self._now() + _remembered(hook))

    async def _handed_over(self, hook: PreparedHook, headers: Headers, payload: bytes) -> None:
        terms, section = hook.terms, hook.terms.receiving
        media = next((value for name, value in headers if name == "content-type"), None)
        body, leaves_as = read_body(payload, media, section)
        tree = section.trees["header"]
        named = {name: value for name, value in headers_of(headers, tree).items() if name in tree.members}
        left = minimise(
            hook.bound,
            {"body": body, "header": named, "query": {}, "path": {}},
            secrets=[hook.key.decode("utf-8", "replace")],
            answer=True,
        )
        kept = written_body(left.documents["body"], body, section)
        # Before the shop has it: what was collected is on record.
        await self._ledger.record(_received(hook, left, len(payload)))
        passed = dict(lines_of(left.documents["header"]))
        passed |= {"gateway-hook": f"{terms.vendor}/{terms.name}"} | ({"content-type": leaves_as} if leaves_as else {})
        try:
            await self._hand_over(terms.hook.to, kept, passed, self._now())
        except GatewayError:
            raise refuse("hook.not_taken", f"{terms.vendor}/{terms.name}") from None


def _mark(hook: PreparedHook, headers: Headers, payload: bytes) -> str:
    """By which the same is known again, and nothing of what came can be read."""
    header = hook.terms.hook.signature.header.lower()
    signed = next(value for name, value in headers if name == header)
    digest = hmac.digest(hook.key, signed.encode("utf-8", "replace") + b"\n" + payload, "sha256")
    return f"hook:{digest.hex()}"


def _remembered(hook: PreparedHook) -> timedelta:
    """How long the same could come again: what has a time is refused by that once its tolerance is over."""
    signature = hook.terms.hook.signature
    is_timed = signature.scheme == "stripe" or signature.timestamp is not None
    return max(HANDING, timedelta(seconds=2 * signature.tolerance)) if is_timed else REMEMBERED


def _received(hook: PreparedHook, left: Minimised, size: int) -> Received:
    """The entry of what a vendor sent by itself: how much, of which categories something was kept, how much stayed."""
    terms = hook.terms
    counts: dict[str, int] = {}
    for rule in terms.receiving.rules:
        if left.counts[rule.number]:
            counts[rule.category.value] = counts.get(rule.category.value, 0) + left.counts[rule.number]
    return Received(terms.vendor, terms.name, terms.digest, size, tuple(counts.items()), len(left.stayed))
