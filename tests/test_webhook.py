"""Everything with a deadline is posted to the shop's own server, and nothing in it says whom it is about."""

import hmac
import json
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from running import BY, running
from vendors import Received, Vendor, answers

from gateway.due import Due
from gateway.settings import Settings
from gateway.vocabulary import Role
from gateway.webhook import NotTaken, Receiver, tell

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
LATE = Due("notice.erasure", "n-1", NOON - timedelta(days=1), Role.STEWARD)
EARLY = Due("vendor.review", "parcels", NOON + timedelta(days=1), Role.REVIEWER)


async def test_what_is_due_is_posted_with_whether_it_is_late() -> None:
    async with Vendor(answers(204, b"")) as shop:
        await tell(Receiver(f"http://127.0.0.1:{shop.port}/hook"), [LATE, EARLY], NOON)

    [post] = shop.received
    assert post.line == "POST /hook HTTP/1.1"
    assert json.loads(post.payload) == {
        "deadlines": [
            {"what": "notice.erasure", "ref": "n-1", "at": "2026-06-14T12:00:00+00:00", "role": "steward",
             "overdue": True},
            {"what": "vendor.review", "ref": "parcels", "at": "2026-06-16T12:00:00+00:00", "role": "reviewer",
             "overdue": False},
        ]
    }  # fmt: skip


async def test_what_is_posted_is_signed_with_the_key_that_the_receiver_has_too() -> None:
    secret = b"a key of twenty-four bytes and more"
    key = f"whsec_{b64encode(secret).decode()}"
    async with Vendor(answers(204, b"")) as shop:
        url = f"http://127.0.0.1:{shop.port}/hook"
        receiver = Receiver.of(Settings(webhook=url, webhook_key=key))
        assert receiver is not None
        for each in (receiver, receiver, Receiver(url)):
            await tell(each, [LATE], NOON)

    one, other, unsigned = (_headers(post) for post in shop.received)
    assert one["webhook-timestamp"] == str(int(NOON.timestamp()))
    signed = f"{one['webhook-id']}.{one['webhook-timestamp']}.".encode() + shop.received[0].payload
    # As the receiver works it out, without anything of ours (Standard Webhooks 1.0).
    assert one["webhook-signature"] == "v1," + b64encode(hmac.new(secret, signed, sha256).digest()).decode()
    assert one["webhook-id"] != other["webhook-id"]
    assert "webhook-signature" not in unsigned
    assert secret.decode() not in repr(receiver)


def _headers(post: Received) -> dict[str, str]:
    return {name.lower(): value for name, value in post.headers}


@pytest.mark.parametrize("status", [302, 500])
async def test_what_is_not_taken_is_told_and_no_redirect_is_followed(status: int) -> None:
    async with Vendor(answers(status, b"", "location: /elsewhere")) as shop:
        with pytest.raises(NotTaken, match=str(status)):
            await tell(Receiver(f"http://127.0.0.1:{shop.port}/hook"), [LATE], NOON)

    assert len(shop.received) == 1


async def test_an_address_that_nobody_answers_at_is_not_quoted() -> None:
    with pytest.raises(NotTaken) as refused:
        await tell(Receiver("http://127.0.0.1:9/hook?secret=4711"), [LATE], NOON)

    assert "4711" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_gateway_posts_what_its_parts_know_and_names_nobody(tmp_path: Path) -> None:
    heard: list[dict[str, Any]] = []

    with running(tmp_path, webhook="https://shop.example/hook") as gateway:
        gateway.ship(to={"name": "Ann", "city": "Bonn"})
        gateway.do(lambda: gateway.stores.notices.tell({"cause": "erasure", "subject": "c-89"}, by=BY))

        async def posted(receiver: Receiver, due: Sequence[Due], now: datetime) -> None:
            heard.append({"url": receiver.url, "due": [each.members() for each in due], "now": now})

        gateway.do(lambda: gateway.gateway.notify(posted))

    [told] = heard
    assert told["url"] == "https://shop.example/hook"
    assert "notice.erasure" in {each["what"] for each in told["due"]}
    assert "c-89" not in repr(told)
    assert "Ann" not in repr(told)


@pytest.mark.parametrize("url", ["http://shop.example/hook", "ftp://shop.example", "https://", "hook"])
def test_an_address_that_is_not_https_does_not_start_and_is_not_quoted(url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(webhook=url)

    assert "https" in str(refused.value)


@pytest.mark.parametrize(
    "key", ["secret", "whsec_", "whsec_c2hvcnQ=", f"whsec_{'A' * 31}", f"whsec_{'A' * 400}", f"{'A' * 44}"]
)
def test_a_key_that_is_none_does_not_start_and_is_not_quoted(key: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(webhook="https://shop.example/hook", webhook_key=key)

    assert "openssl rand" in str(refused.value)
    assert key not in str(refused.value.errors(include_input=False)).replace("whsec_ and", "").replace("whsec_$", "")


def test_without_an_address_nothing_is_posted(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        heard: list[str] = []

        async def posted(receiver: Receiver, *_: object) -> None:
            heard.append(receiver.url)

        gateway.do(lambda: gateway.gateway.notify(posted))

    assert heard == []
