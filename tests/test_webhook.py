"""Everything with a deadline is posted to the shop's own server, and nothing in it says whom it is about."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from running import BY, running
from vendors import Vendor, answers

from gateway.due import Due
from gateway.settings import Settings
from gateway.vocabulary import Role
from gateway.webhook import NotTaken, tell

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
LATE = Due("notice.erasure", "n-1", NOON - timedelta(days=1), Role.STEWARD)
EARLY = Due("vendor.review", "parcels", NOON + timedelta(days=1), Role.REVIEWER)


async def test_what_is_due_is_posted_with_whether_it_is_late() -> None:
    async with Vendor(answers(204, b"")) as shop:
        await tell(f"http://127.0.0.1:{shop.port}/hook", [LATE, EARLY], NOON)

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


@pytest.mark.parametrize("status", [302, 500])
async def test_what_is_not_taken_is_told_and_no_redirect_is_followed(status: int) -> None:
    async with Vendor(answers(status, b"", "location: /elsewhere")) as shop:
        with pytest.raises(NotTaken, match=str(status)):
            await tell(f"http://127.0.0.1:{shop.port}/hook", [LATE], NOON)

    assert len(shop.received) == 1


async def test_an_address_that_nobody_answers_at_is_not_quoted() -> None:
    with pytest.raises(NotTaken) as refused:
        await tell("http://127.0.0.1:9/hook?secret=4711", [LATE], NOON)

    assert "4711" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_gateway_posts_what_its_parts_know_and_names_nobody(tmp_path: Path) -> None:
    heard: list[dict[str, Any]] = []

    with running(tmp_path, webhook="https://shop.example/hook") as gateway:
        gateway.ship(to={"name": "Ann", "city": "Bonn"})
        gateway.do(lambda: gateway.stores.notices.tell({"cause": "erasure", "subject": "c-89"}, by=BY))

        async def posted(url: str, due: list[Due], now: datetime) -> None:
            heard.append({"url": url, "due": [each.members() for each in due], "now": now})

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


def test_without_an_address_nothing_is_posted(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        heard: list[str] = []

        async def posted(url: str, *_: object) -> None:
            heard.append(url)

        gateway.do(lambda: gateway.gateway.notify(posted))

    assert heard == []
