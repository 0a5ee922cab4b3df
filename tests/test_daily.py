"""What is done once a day is done again the day after, also where it could not be done."""

import asyncio
from collections.abc import Sequence

import pytest

from gateway import daily as module
from gateway.daily import daily
from gateway.errors import refuse

DAY = 3600.0  # seconds: longer than any test


async def done_daily(
    monkeypatch: pytest.MonkeyPatch, *, times: int, works: bool, every: float, again: Sequence[float] = ()
) -> list[int]:
    """The attempts, a moment after there were so many; each fails, but the last one where that `works`."""
    monkeypatch.setattr(module, "FIRST", 0.0)
    monkeypatch.setattr(module, "EVERY", every)
    done, enough = list[int](), asyncio.Event()

    async def deed() -> None:
        done.append(len(done))
        if len(done) == times:
            enough.set()
            if works:
                return
        raise refuse("ledger.unavailable", "of a test")

    async with asyncio.timeout(10), asyncio.TaskGroup() as running:
        task = running.create_task(daily(deed, again=again, what="telling somebody"))
        await enough.wait()
        await asyncio.sleep(0.05)
        task.cancel()
    return done


async def test_it_goes_on_after_what_could_not_be_done(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    done = await done_daily(monkeypatch, times=3, works=False, every=0.001)

    assert done[:3] == [0, 1, 2]
    assert "ledger.unavailable" in caplog.text


async def test_whom_nobody_could_tell_is_tried_again_soon_and_then_left_until_tomorrow(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    done = await done_daily(monkeypatch, times=3, works=True, every=DAY, again=(0.001, 0.002, 0.003))

    # After the third, which was taken, nothing happens until tomorrow.
    assert done == [0, 1, 2]
    assert caplog.text.count("telling somebody will be tried again in 0 s: ledger.unavailable") == 2


async def test_when_all_attempts_failed_the_last_one_says_that_tomorrow_is_another_day(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    done = await done_daily(monkeypatch, times=2, works=False, every=DAY, again=(0.001,))

    assert done == [0, 1]
    assert "telling somebody will be tried again tomorrow: ledger.unavailable" in caplog.text


async def test_calls_come_first() -> None:
    done = list[int]()

    async def deed() -> None:
        done.append(1)

    async with asyncio.TaskGroup() as running:
        task = running.create_task(daily(deed))
        await asyncio.sleep(0.05)
        task.cancel()

    assert done == []
