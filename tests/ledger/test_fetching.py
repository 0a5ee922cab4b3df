"""What calls ask for at one time is asked for together, and each gets its own answer."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.ledger import StoreError
from gateway.ledger.fetching import Fetching, Found


class Far:
    """A database that answers when it may."""

    def __init__(self) -> None:
        self.may = threading.Event()
        self.may.set()
        self.questions: list[list[bytes]] = []
        self.fails = 0

    def fetch(self, toks: Sequence[bytes]) -> Found:
        self.questions.append(sorted(toks))
        assert self.may.wait(20)
        if self.fails:
            self.fails -= 1
            raise StoreError("OperationalError")
        return dict.fromkeys(toks)


@pytest.fixture
def far() -> Far:
    return Far()


@pytest.fixture
async def fetching(far: Far) -> AsyncIterator[Fetching]:
    with ThreadPoolExecutor(2) as executor:
        yield Fetching(asyncio.get_running_loop(), executor, far.fetch)
        far.may.set()


async def asked_while_one_is_under_way(fetching: Fetching, far: Far) -> list["asyncio.Future[Found]"]:
    """Three calls, of which the first waits for its answer when the others come."""
    far.may.clear()
    tasks = list["asyncio.Future[Found]"]()
    for toks in ([b"a"], [b"b", b"c"], [b"c", b"d"]):
        tasks.append(asyncio.ensure_future(fetching.of(toks)))
        while not far.questions:  # noqa: ASYNC110  a thread has nothing to wait for
            await asyncio.sleep(0.001)
        await asyncio.sleep(0)
    return tasks


async def test_while_a_question_is_under_way_the_others_become_one(fetching: Fetching, far: Far) -> None:
    tasks = await asked_while_one_is_under_way(fetching, far)
    far.may.set()

    found = await asyncio.gather(*tasks)

    assert [sorted(each) for each in found] == [[b"a"], [b"b", b"c"], [b"c", b"d"]]
    assert far.questions == [[b"a"], [b"b", b"c", b"d"]]


async def test_what_was_asked_before_is_no_answer_to_who_comes_later(fetching: Fetching, far: Far) -> None:
    far.may.clear()
    first = asyncio.ensure_future(fetching.of([b"a"]))
    while not far.questions:  # noqa: ASYNC110  a thread has nothing to wait for
        await asyncio.sleep(0.001)
    second = asyncio.ensure_future(fetching.of([b"a"]))
    await asyncio.sleep(0)
    far.may.set()

    await asyncio.gather(first, second)

    assert far.questions == [[b"a"], [b"a"]]


async def test_who_gives_up_takes_the_answer_from_nobody(fetching: Fetching, far: Far) -> None:
    tasks = await asked_while_one_is_under_way(fetching, far)
    tasks[0].cancel()
    tasks[1].cancel()
    far.may.set()

    assert sorted(await tasks[2]) == [b"c", b"d"]


async def test_a_database_that_fails_fails_those_who_asked_and_nobody_else(fetching: Fetching, far: Far) -> None:
    far.fails = 1
    tasks = await asked_while_one_is_under_way(fetching, far)
    far.may.set()

    first, *others = await asyncio.gather(*tasks, return_exceptions=True)

    assert isinstance(first, StoreError)
    assert [isinstance(each, dict) for each in others] == [True, True]
