"""Tells servers of the shop: what has to be done by when, without anything about people, and what vendors sent."""

import hmac
import json
import uuid
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

import httpx2

from gateway.due import Due
from gateway.errors import GatewayError
from gateway.settings import Settings

TIMEOUT = 10.0  # seconds
_NAME: Final = "data-sharing-gateway"


class NotTaken(GatewayError):
    """What was told came to nobody."""


@dataclass(frozen=True, slots=True, repr=False)
class Receiver:
    """A server of the shop, and the key by which it knows that something comes from here, where it has one."""

    url: str
    key: bytes | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Receiver | None":
        """Who hears of deadlines, where somebody does."""
        if settings.webhook is None:
            return None
        return cls(settings.webhook.get_secret_value(), key_of(settings))


def key_of(settings: Settings) -> bytes | None:
    """The key that servers of the shop have too, where they have one."""
    if settings.webhook_key is None:
        return None
    return b64decode(settings.webhook_key.get_secret_value().removeprefix("whsec_"))


async def tell(receiver: Receiver, due: Sequence[Due], now: datetime) -> None:
    """Posts all of it. Raises NotTaken for all but a 2xx; redirects are not followed."""
    told = [each.members() | {"overdue": each.at < now} for each in due]
    body = json.dumps({"deadlines": told}).encode()
    headers = {"content-type": "application/json", **_proven(body, receiver.key, now)}
    await _post(receiver.url, body, headers, "webhook")


async def hand_over(url: str, payload: bytes, headers: Mapping[str, str], now: datetime, *, key: bytes | None) -> None:
    """Posts what a vendor sent, as far as the shop gets it. Raises NotTaken for all but a 2xx."""
    await _post(url, payload, {**headers, **(_proven(payload, key, now) if key else {})}, "service")


def _proven(body: bytes, key: bytes | None, now: datetime) -> Mapping[str, str]:
    """The headers of Standard Webhooks 1.0: a number and a time, and a signature over both and the body."""
    headers = {
        "webhook-id": f"msg_{uuid.uuid4().hex}",
        "webhook-timestamp": str(int(now.timestamp())),
    }
    if key is None:
        return headers
    signed = b".".join((headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body))
    return headers | {"webhook-signature": f"v1,{b64encode(hmac.digest(key, signed, sha256)).decode()}"}


async def _post(url: str, body: bytes, headers: Mapping[str, str], whom: str) -> None:
    try:
        async with httpx2.AsyncClient(timeout=TIMEOUT, trust_env=False, follow_redirects=False) as client:
            reply = await client.post(url, content=body, headers={"user-agent": _NAME, **headers})
    except httpx2.HTTPError:
        # `from None`: the error quotes the address, in which a secret may stand.
        raise NotTaken(f"the {whom} cannot be reached") from None
    if not reply.is_success:
        raise NotTaken(f"the {whom} answered {reply.status_code}")
