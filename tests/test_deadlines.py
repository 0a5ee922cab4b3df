"""Deadlines that share a timer: each is told once, in time, and only while it stands."""

import asyncio

from waiting import until

from gateway.deadlines import Deadlines

GRAIN = 0.01


class Told:
    """Deadlines, with the keys that were told of and after how many seconds."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.began = self.loop.time()
        self.keys: list[tuple[str, float]] = []
        self.deadlines = Deadlines[str](self.loop, self.tell, GRAIN)

    def tell(self, key: str) -> None:
        self.keys.append((key, self.loop.time() - self.began))

    def after(self, key: str, seconds: float) -> None:
        self.deadlines.set(key, self.began + seconds)


async def test_each_is_told_once_when_its_time_has_come() -> None:
    told = Told()
    told.after("late", 0.2)
    told.after("soon", 0.05)

    await until(lambda: len(told.keys) == 2)

    assert [key for key, _ in told.keys] == ["soon", "late"]
    assert told.keys[0][1] > 0.049
    assert told.keys[1][1] > 0.199


async def test_what_is_cleared_or_set_anew_is_not_told_before() -> None:
    told = Told()
    told.after("cleared", 0.03)
    told.after("moved", 0.03)
    told.deadlines.clear("cleared")
    told.deadlines.clear("never set")
    told.after("moved", 0.15)

    await until(lambda: bool(told.keys))

    assert [key for key, _ in told.keys] == ["moved"]
    assert told.keys[0][1] > 0.149


async def test_one_that_is_told_may_set_and_clear_others() -> None:
    told = Told()

    def late(key: str) -> None:
        told.tell(key)
        deadlines.clear("other")
        if len(told.keys) < 3:
            deadlines.set(key, told.loop.time())

    deadlines = Deadlines[str](told.loop, late, GRAIN)
    deadlines.set("again", told.began)
    deadlines.set("other", told.began)

    await until(lambda: len(told.keys) == 3)

    assert [key for key, _ in told.keys] == ["again"] * 3


async def test_without_a_deadline_there_is_no_timer() -> None:
    told = Told()
    told.after("soon", 0.0)
    await until(lambda: told.deadlines._timer is None)

    told.after("next", 0.15)
    await until(lambda: len(told.keys) == 2)

    assert [key for key, _ in told.keys] == ["soon", "next"]
