"""What is handed out of the record says under which look, every look is on record, and so nobody takes out too much."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from running import Running, running
from sockets import Reply

from gateway import accesses
from gateway.accesses import Accesses
from gateway.clock import utc
from gateway.errors import Refusal
from gateway.ledger import Access
from gateway.settings import Settings
from gateway.stores import Stores, opened
from gateway.vocabulary import Role

MOST = 12


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("accesses")) as gateway:
        gateway.ship()
        yield gateway


@pytest.fixture(scope="module")
def bounded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("bounded"), entries_a_day=MOST) as gateway:
        gateway.ship()
        yield gateway


def answered(gateway: Running, method: str, path: str, who: str, role: Role = Role.REVIEWER, **body: Any) -> Reply:
    raw = gateway.raw(method, path, body=json.dumps(body).encode(), token=gateway.token(who, role=role))
    return gateway.said(raw, operators=True)


def asked(gateway: Running, method: str, path: str, who: str = "rita", **body: Any) -> str:
    return answered(gateway, method, path, who, **body).payload.decode()


def test_a_page_of_entries_leads_to_the_look_under_which_it_was_handed_out(gateway: Running) -> None:
    marks = [
        json.loads(asked(gateway, "POST", "/entries", who, kind="intent"))["result"]["watermark"]
        for who in ("rita", "olga")
    ]

    looks = {look["id"]: look for look in gateway.record(kind="access")}
    assert [looks[mark["look"]]["reviewer"] for mark in marks] == [mark["by"] for mark in marks] == ["rita", "olga"]
    assert [looks[mark["look"]]["found"] for mark in marks] == [1, 1]
    assert all(mark["at"].endswith("Z") for mark in marks)


@pytest.mark.parametrize("form", ["json", "csv", "html"])
def test_a_report_carries_the_look_and_no_name_in_each_of_its_forms(gateway: Running, form: str) -> None:
    asked(gateway, "POST", "/entries")
    text = asked(gateway, "GET", f"/reports/vendors?form={form}", "rita-of-the-third-floor")

    [look, before, *_] = gateway.record(kind="access")
    assert (look["reviewer"], look["found"]) == ("rita-of-the-third-floor", 3)
    assert text.count(look["id"]) == 1
    assert before["id"] not in text
    assert "rita-of-the-third-floor" not in text


def test_the_look_of_a_report_that_is_as_long_as_the_record_says_how_many_rows_it_has(gateway: Running) -> None:
    asked(gateway, "POST", "/entries")
    document = json.loads(asked(gateway, "GET", "/reports/accesses"))

    [look, *_] = gateway.record(kind="access")
    assert look["found"] == len(document["rows"]) > 0
    assert document["look"] == look["id"]
    assert len(gateway.entries()) > look["found"]


def test_what_one_person_takes_out_in_a_day_is_bounded_over_pages_and_forms(bounded: Running) -> None:
    def looked(method: str, path: str, **body: Any) -> int:
        return answered(bounded, method, path, "rita", **body).status

    first = [
        looked("POST", "/entries", limit=6),
        looked("GET", "/entries/1"),
        looked("GET", "/v1/log/main/proof/inclusion/0"),
        looked("GET", "/reports/vendors"),
    ]
    over = answered(bounded, "POST", "/entries", "rita", limit=2)
    [refused] = [look for look in bounded.record(kind="access") if "refused" in look]
    last = looked("GET", "/entries/2")
    none = [
        looked("POST", "/entries", limit=1),
        looked("GET", "/entries/1"),
        looked("GET", "/v1/log/main/proof/inclusion/0"),
        looked("GET", "/reports/vendors?form=csv"),
    ]

    assert first == [200] * 4
    assert (over.status, over.code) == (403, "access.bulk")
    assert "this takes 2 in the name of rita; 1 of 12 are left today" in over.payload.decode()
    assert "gateway bulk-look propose" in over.payload.decode()
    assert b'"entries"' not in over.payload
    assert (refused["reviewer"], refused["action"], refused["found"]) == ("rita", "list", 0)
    assert refused["refused"] == "access.bulk"
    assert last == 200
    assert none == [403] * 4
    assert answered(bounded, "POST", "/entries", "olga", limit=2).status == 200
    assert looked("POST", "/entries", vendor="nobody-has-it") == 200
    assert looked("GET", "/v1/log/main/checkpoint") == 200


def test_what_was_taken_out_counts_after_a_restart_and_not_on_the_next_day(tmp_path: Path) -> None:
    with running(tmp_path, entries_a_day=6) as gateway:
        first = answered(gateway, "POST", "/entries", "rita", limit=5).status
    with running(tmp_path, entries_a_day=6) as gateway:
        second = answered(gateway, "POST", "/entries", "rita", limit=2)
        last = answered(gateway, "POST", "/entries", "rita", limit=1).status
        gateway.stores.registry.now = lambda: utc() + timedelta(days=1)
        tomorrow = answered(gateway, "POST", "/entries", "rita", limit=6).status

    assert (first, second.status, second.code, last, tomorrow) == (200, 403, "access.bulk", 200, 200)


def test_where_nothing_may_be_taken_out_alone_looks_that_find_nothing_still_go(tmp_path: Path) -> None:
    with running(tmp_path, entries_a_day=0) as gateway:
        replies = [answered(gateway, "POST", "/entries", "rita", kind=kind).status for kind in ("key", "canary")]

    assert replies == [403, 200]


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    async with opened(Settings(data=tmp_path), lambda: "shop-eu") as stores:
        yield stores


async def test_looks_of_one_person_at_the_same_moment_are_counted_one_after_another(stores: Stores) -> None:
    looks = Accesses(stores.ledger, stores.registry, most=MOST)
    at_once = [looks.record(Access("rita", "list", found=3)) for _ in range(10)]

    done = await asyncio.gather(*at_once, return_exceptions=True)

    assert sum(isinstance(each, accesses.Watermark) for each in done) == 4
    assert sum(isinstance(each, Refusal) for each in done) == 6


async def test_the_record_is_read_on_from_where_it_was_read_before(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accesses, "_PAGE", 3)
    looks = Accesses(stores.ledger, stores.registry, most=1_000)
    read, entries = list[int](), stores.ledger.entries

    async def counted(wanted: Any) -> Any:
        found = await entries(wanted)
        read.append(len(found))
        return found

    monkeypatch.setattr(stores.ledger, "entries", counted)
    for number in range(8):
        await stores.ledger.record(Access(f"r{number % 2}", "list", found=2))
    await looks.record(Access("r1", "list", found=5))
    before, read[:] = sum(read), []
    await looks.record(Access("r1", "list", found=5))

    assert (before, read) == (8, [1])
    await looks._taken.read(int(utc().timestamp() * 1_000_000))
    assert sorted(looks._taken.alone.values()) == [8, 18]


@pytest.mark.parametrize("action", ["resolve", "verify", "backup", "cases"])
async def test_a_look_that_hands_nothing_of_the_record_out_counts_for_nothing(stores: Stores, action: str) -> None:
    looks = Accesses(stores.ledger, stores.registry, most=5)

    await looks.record(Access("rita", action, found=100))
    await looks.record(Access("rita", "list", found=5))

    with pytest.raises(Refusal):
        await looks.record(Access("rita", "list", found=1))
