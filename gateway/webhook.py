"""Tells servers of the shop: what has to be done by when, without anything about people, and what vendors sent."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import httpx2

from gateway.due import Due
from gateway.errors import GatewayError

TIMEOUT = 10.0  # seconds


class NotTaken(GatewayError):
    """What was told came to nobody."""


async def tell(url: str, due: Sequence[Due], now: datetime) -> None:
    """Posts all of it. Raises NotTaken for all but a 2xx; redirects are not followed."""
    told = [each.members() | {"overdue": each.at < now} for each in due]
    try:
        async with httpx2.AsyncClient(timeout=TIMEOUT, trust_env=False, follow_redirects=False) as client:
            reply = await client.post(url, json={"deadlines": told})
    except httpx2.HTTPError:
        # `from None`: the error quotes the address, in which a secret may stand.
        raise NotTaken("the webhook cannot be reached") from None
    if not reply.is_success:
        raise NotTaken(f"the webhook answered {reply.status_code}")


async def hand_over(url: str, payload: bytes, headers: Mapping[str, str]) -> None:
    """Posts what a vendor sent, as far as the shop gets it. Raises NotTaken for all but a 2xx."""
    try:
        async with httpx2.AsyncClient(timeout=TIMEOUT, trust_env=False, follow_redirects=False) as client:
            reply = await client.post(url, content=payload, headers=dict(headers))
    except httpx2.HTTPError:
        raise NotTaken("the service cannot be reached") from None
    if not reply.is_success:
        raise NotTaken(f"the service answered {reply.status_code}")
