"""Access tokens that vendors give for our credentials (RFC 6749, section 4.4): fetched, and renewed before they end."""

import asyncio
import json
import re
from base64 import b64encode
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final
from urllib.parse import quote_plus, urlencode

from gateway.assemble import Call
from gateway.contract.model import ACCESS_TOKEN
from gateway.errors import refuse
from gateway.inforce import Client, Prepared
from gateway.outbound.send import Answer, Outcome, Sending, Vendors
from gateway.record import Trail
from gateway.reply import Reply
from gateway.strict_json import read_json

LIMIT: Final = 64 * 1024
FOR: Final = 300.0  # seconds that a token holds whose answer does not say it
LONGEST: Final = 3600.0
_DIGITS: Final = 9
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{8,8192}=*")  # RFC 6750, section 2.1
_FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Access:
    """A token, and from when on, by a clock that nobody sets, another one is fetched and this one holds no more."""

    token: str = field(repr=False)
    renewed: float
    until: float


class Accesses:
    """One token for each vendor, whichever operation needs it. `clock` gives seconds and is never set."""

    def __init__(self, vendors: Vendors, clock: Callable[[], float]) -> None:
        self._vendors = vendors
        self._clock = clock
        self._held: dict[tuple[str, str], Access] = {}
        self._fetching: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def signed_in(self, prepared: Prepared) -> Prepared:
        """The same with a token in the places that the vendor's file names. Raises Refusal `vendor.sign_in`."""
        token = (await self._access(prepared)).token
        return replace(
            prepared,
            headers=tuple((name, text.replace(ACCESS_TOKEN, token)) for name, text in prepared.headers),
            query=tuple((name, text.replace(ACCESS_TOKEN, token)) for name, text in prepared.query),
            secrets=(*prepared.secrets, token),
        )

    def refused(self, prepared: Prepared) -> None:
        """The vendor did not take it: the next call signs in anew."""
        self._held.pop(_key(prepared), None)

    async def _access(self, prepared: Prepared) -> Access:
        vendor, now = prepared.terms.vendor.vendor, self._clock()
        held = self._held.get(_key(prepared))
        if held is not None and (now < held.renewed or (now < held.until and self._fetching[vendor].locked())):
            return held
        async with self._fetching[vendor]:
            held = self._held.get(_key(prepared))
            if held is None or self._clock() >= held.renewed:
                held = self._held[_key(prepared)] = await self._fetched(prepared)
        return held

    async def _fetched(self, prepared: Prepared) -> Access:
        vendor = prepared.terms.vendor.vendor
        if (client := prepared.client) is None:
            raise refuse("vendor.sign_in", vendor)
        asked = self._clock()
        outcome = await self._vendors.send(client.host, _asking(client), limit=LIMIT, holds=lambda: True)
        token, seconds = _said(outcome)
        if not token:
            raise refuse("vendor.sign_in", vendor)
        return Access(token, asked + seconds * 3 / 4, asked + seconds)


def _asking(client: Client) -> Sending:
    """The credentials stand in HTTP Basic, or in the form where the vendor wants them there (RFC 6749, 2.3.1)."""
    form = {"grant_type": "client_credentials"} | ({"scope": client.scope} if client.scope else {})
    headers = [("content-type", _FORM), ("accept", "application/json")]
    if client.in_form:
        form |= {"client_id": client.id, "client_secret": client.secret}
    else:
        # Encoded before they are joined.
        pair = f"{quote_plus(client.id)}:{quote_plus(client.secret)}"
        headers.append(("authorization", f"Basic {b64encode(pair.encode()).decode()}"))
    return Sending("POST", client.target, tuple(headers), urlencode(form).encode())


async def presented(call: Call) -> Sequence[str]:
    """Where an SDK that signs in may carry what it was given for a secret: a header, or anywhere in the body."""
    body = (await call.read(LIMIT)).decode("utf-8", "replace")
    return [call.header("authorization") or "", call.header("gateway-token") or "", body]


def given(trail: Trail, now: float) -> Reply:
    """A token answer (RFC 6749, section 5.1) with the very token that the caller was proven by."""
    expires = trail.caller.expires if trail.caller else 0
    said = {"access_token": trail.token, "token_type": "Bearer", "expires_in": max(0, int(expires - now))}
    headers = (("content-type", "application/json"), ("cache-control", "no-store"), ("gateway-sent", "no"))
    return Reply(HTTPStatus.OK, headers, json.dumps(said).encode())


def _key(prepared: Prepared) -> tuple[str, str]:
    """Other credentials, after contracts were loaded anew, are another client."""
    client = prepared.client
    return prepared.terms.vendor.vendor, f"{client.host.origin}{client.target} {client.id}" if client else ""


def _said(outcome: Outcome) -> tuple[str, float]:
    """The token in an answer, and for how long it holds; none where it is no answer of this kind."""
    answer = outcome.answer
    if outcome.result != "sent" or answer is None or answer.status != HTTPStatus.OK or _is_packed(answer):
        return "", 0.0
    try:
        said = read_json(answer.payload)
    except ValueError:
        return "", 0.0
    if not isinstance(said, dict) or str(said.get("token_type", "")).lower() != "bearer":
        return "", 0.0
    token = said.get("access_token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        return "", 0.0
    return token, _seconds(said.get("expires_in"))


def _seconds(stated: object) -> float:
    """How long a token holds, as its vendor states it; FOR where it states no time."""
    if isinstance(stated, str) and stated.isascii() and stated.isdecimal():
        # As UPS says it.
        stated = int(stated[:_DIGITS])
    if not isinstance(stated, int | float) or isinstance(stated, bool) or not stated > 0:
        return FOR
    return min(float(stated), LONGEST)


def _is_packed(answer: Answer) -> bool:
    return any(name == "content-encoding" and value != "identity" for name, value in answer.headers)
