"""A name is taken by one at a time, on whichever node, and comes free when whoever had it is gone."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from registries import NOON, nodes

from gateway.registry.claims import HELD, Claims
from gateway.registry.registry import Registry
from gateway.registry.tables import CLAIMS

SOON = NOON + timedelta(minutes=5)


class Clock:
    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pair(emptied: str, clock: Clock) -> Iterator[list[Claims]]:
    with nodes(emptied, 2, now=clock) as opened:
        yield [Claims(each) for each in opened]


@pytest.fixture(params=["sqlite", "postgresql"])
def several(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[list[Claims]]:
    """Two holders, in one file or on one server."""
    if request.param == "postgresql":
        with nodes(request.getfixturevalue("emptied"), 2, now=clock) as opened:
            yield [Claims(each) for each in opened]
        return
    registry = Registry.open(tmp_path / "registry.db", now=clock)
    yield [Claims(registry), Claims(registry)]
    registry.close()


async def test_a_name_is_taken_once_until_it_is_given_back_or_its_time_is_over(
    several: list[Claims], clock: Clock
) -> None:
    here, there = several

    first = [await here.take("a", SOON), await there.take("a", SOON), await here.take("a", SOON)]
    other = await there.take("b", SOON)
    await here.give_back("a")
    again = await there.take("a", SOON)
    clock.at = SOON + timedelta(seconds=1)
    over = await here.take("a", SOON + HELD)

    assert (first, other, again, over) == ([True, False, False], True, True, True)


async def test_whoever_has_a_name_keeps_it_and_nobody_else_gives_it_back(several: list[Claims], clock: Clock) -> None:
    here, there = several
    await here.take("a", NOON + HELD)

    kept = [await here.keep("a", SOON), await there.keep("a", NOON)]
    await there.give_back("a")
    clock.at = NOON + 2 * HELD
    await there.prune()

    assert kept == [True, False]
    assert not await there.take("a", SOON)


async def test_what_is_over_is_let_go(several: list[Claims], clock: Clock) -> None:
    here, there = several
    await here.take("a", NOON + HELD)
    await here.take("b", SOON)
    clock.at = NOON + 2 * HELD

    await there.prune()

    assert await there._registry.read(lambda connection, _: connection.execute(CLAIMS.select()).all(), "") != []
    assert not await there.keep("a", SOON)
    assert await here.keep("b", SOON)


async def overlapping(pair: list[Claims], name: str) -> int:
    """How many were inside at once, at most, when each node goes in several times, by this name."""
    inside: list[int] = [0]

    async def entered(claims: Claims) -> None:
        async with claims.alone(name):
            inside.append(inside[-1] + 1)
            await asyncio.sleep(0.02)
            inside.append(inside[-1] - 1)

    await asyncio.gather(*(entered(claims) for claims in pair * 3))
    return max(inside)


async def test_nobody_else_is_in_a_block_of_one_name_on_any_node(pair: list[Claims]) -> None:
    assert await overlapping(pair, "a") == 1


async def test_blocks_of_two_names_do_not_wait_for_one_another(pair: list[Claims]) -> None:
    here, there = pair

    async with asyncio.timeout(60), here.alone("a"), there.alone("b"):
        taken = [await here.is_taken("a"), await here.is_taken("b")]

    assert taken == [True, True]


async def test_one_who_is_gone_in_the_middle_is_not_waited_for_without_end(pair: list[Claims], clock: Clock) -> None:
    here, there = pair
    await here.take("a", NOON + HELD)
    clock.at = NOON + HELD + timedelta(seconds=1)

    async with asyncio.timeout(10), there.alone("a"):
        held = await here.take("a", SOON)

    assert not held
