"""Everything with a deadline is posted to the shop's own server, and nothing in it says whom it is about."""

import asyncio
import hmac
import json
from base64 import b64encode
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from processes import Machine
from pydantic import ValidationError
from running import BY, Running, running
from test_deeds_between_nodes import pair
from vendors import Received, Vendor, answers

from gateway import app
from gateway.app import Post
from gateway.due import Due
from gateway.settings import Settings
from gateway.vocabulary import Role
from gateway.webhook import NotTaken, Receiver, tell

URL = "https://shop.example/hook"
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
    assert "tell.erasure" in {each["what"] for each in told["due"]}
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


class Shop:
    """A server that takes what is posted, or not, and remembers who tried."""

    def __init__(self) -> None:
        self.is_up = True
        self.tried: list[int] = []
        self.took: list[int] = []

    def post(self, node: int) -> Post:
        async def posted(receiver: Receiver, due: Sequence[Due], now: datetime) -> None:
            del receiver, due, now
            self.tried.append(node)
            # As long as two nodes need to meet.
            await asyncio.sleep(0.2)
            if not self.is_up:
                raise NotTaken("the webhook answered 503")
            self.took.append(node)

        return posted

    def told(self, node: Running, number: int) -> bool:
        """Whether a node has nothing more to do today."""
        try:
            node.do(lambda: node.gateway.notify(self.post(number)))
        except NotTaken:
            return False
        return True


def test_what_was_told_today_is_told_again_tomorrow_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop()
    noon = datetime.now(UTC).replace(hour=12)
    # In Berlin, where the policy is, the next day begins before it does in Greenwich.
    evening, next_day = noon.replace(hour=21, minute=59), noon.replace(hour=23, minute=1)

    def at(moment: datetime, node: Running) -> bool:
        monkeypatch.setattr(app, "utc", lambda: moment)
        return shop.told(node, 1)

    with running(tmp_path, webhook=URL) as gateway:
        shop.is_up = False
        refused = at(noon, gateway)
        shop.is_up = True
        taken = [at(noon, gateway), at(evening, gateway)]
    tried = len(shop.tried)
    with running(tmp_path, webhook=URL, facts=()) as gateway:
        restarted = at(evening, gateway)
        again = len(shop.tried)
        at(next_day, gateway)

    assert (refused, taken, restarted) == (False, [True, True], True)
    assert (tried, again, len(shop.took)) == (2, 2, 2)


@pytest.mark.slow
def test_of_two_nodes_one_tells_and_where_it_cannot_whoever_is_left_does(
    tmp_path: Path, emptied: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop()
    noon = datetime.now(UTC).replace(hour=12)
    monkeypatch.setattr(app, "utc", lambda: noon)

    with pair(tmp_path, emptied, webhook=URL) as nodes, ThreadPoolExecutor(2) as pool:
        shop.is_up = False
        failed = list(pool.map(shop.told, nodes, (1, 2)))
        shop.is_up = True
        left = shop.told(nodes[1], 2)
        late = shop.told(nodes[0], 1)
        monkeypatch.setattr(app, "utc", lambda: noon + timedelta(days=1))
        tomorrow = list(pool.map(shop.told, nodes, (1, 2)))

    assert (failed, left, late, tomorrow) == ([False, False], True, True, [True, True])
    assert sorted(shop.tried[:2]) == [1, 2]
    assert shop.took[0] == 2
    assert len(shop.took) == 2


@pytest.mark.slow
async def test_the_command_has_the_webhook_told_and_says_how_much_it_took(tmp_path: Path) -> None:
    async with Vendor(answers(204, b"")) as shop:
        settings = {"WEBHOOK": f"http://127.0.0.1:{shop.port}/hook"}

        def typed() -> tuple[Any, Any, CompletedProcess[str], CompletedProcess[str]]:
            machine = Machine(tmp_path, settings=settings)
            with machine.serving():
                known, told = machine.asked("deadlines"), machine.asked("deadlines", "--post")
                said = machine.typed("deadlines", "--post")
                shop.script = answers(503, b"")
                return known, told, said, machine.typed("deadlines", "--post", "--json")

        known, told, said, refused = await asyncio.to_thread(typed)

    posts = [json.loads(post.payload)["deadlines"] for post in shop.received]
    assert told == {"told": len(known)}
    assert said.stdout == f"the webhook took {len(known)} deadlines\n"
    assert [len(post) for post in posts] == [len(known)] * 3
    assert [each["ref"] for each in posts[0]] == [each["ref"] for each in known]
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "the webhook answered 503" in refused.stderr


def test_without_an_address_nothing_is_posted(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        heard: list[str] = []

        async def posted(receiver: Receiver, *_: object) -> None:
            heard.append(receiver.url)

        gateway.do(lambda: gateway.gateway.notify(posted))

    assert heard == []
