"""The keys of people that stand on another machine: what many calls ask for at one time becomes one question."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import TypeAlias

from gateway.ledger.subject_key import SubjectKey

Found: TypeAlias = Mapping[bytes, SubjectKey | None]


class Fetching:
    """Asks at once where nothing is asked; while an answer is waited for, whoever comes waits for the next question.

    Stays on the thread of the loop; `fetch` runs on one of the executor's, and what it raises is raised here.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, executor: Executor, fetch: Callable[[Sequence[bytes]], Found]
    ) -> None:
        self._loop = loop
        self._executor = executor
        self._fetch = fetch
        self._wanted: dict[bytes, None] = {}
        self._answer: asyncio.Future[Found] | None = None
        self._asks = False

    async def of(self, toks: Sequence[bytes]) -> Found:
        """The keys of these tokens, as they stand after this was asked for."""
        self._wanted.update(dict.fromkeys(toks))
        if self._answer is None:
            self._answer = self._loop.create_future()
        answer = self._answer
        if not self._asks:
            self._ask(answer)
        # A call that gives up does not take the answer from the others.
        found = await asyncio.shield(answer)
        return {tok: found[tok] for tok in toks}

    def _ask(self, answer: asyncio.Future[Found]) -> None:
        toks, self._wanted, self._answer, self._asks = list(self._wanted), {}, None, True
        asked = self._loop.run_in_executor(self._executor, self._fetch, toks)
        asked.add_done_callback(partial(self._answered, answer))

    def _answered(self, answer: asyncio.Future[Found], asked: asyncio.Future[Found]) -> None:
        self._asks = False
        if error := asked.exception():
            answer.set_exception(error)
            # Perhaps nobody waits for it any more.
            answer.exception()
        else:
            answer.set_result(asked.result())
        if self._answer is not None:
            self._ask(self._answer)
