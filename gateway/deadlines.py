"""Many deadlines on one timer: a timer of its own for every wait costs more than most waits."""

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

GRAIN = 0.05
"""Seconds by which a deadline may be told late."""

K = TypeVar("K", bound=Hashable)


class Deadlines(Generic[K]):
    """Tells `late` of each key whose time, by the clock of the loop, has come. Stays on the thread of the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, late: Callable[[K], None], grain: float = GRAIN) -> None:
        self._loop = loop
        self._late = late
        self._grain = grain
        self._times: dict[K, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def set(self, key: K, time: float) -> None:
        """From now on, and instead of what was set for this key before."""
        self._times[key] = time
        if self._timer is None:
            self._timer = self._loop.call_later(self._grain, self._sweep)

    def clear(self, key: K) -> None:
        self._times.pop(key, None)

    def _sweep(self) -> None:
        self._timer = None
        now = self._loop.time()
        for key in [key for key, time in self._times.items() if time <= now]:
            # Whoever was told before may have cleared it.
            if self._times.pop(key, None) is not None:
                self._late(key)
        if self._times and self._timer is None:
            self._timer = self._loop.call_later(self._grain, self._sweep)
