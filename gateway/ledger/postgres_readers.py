"""How a PostgreSQL is read beside whoever writes into it: by sessions of their own, on any thread."""

from collections.abc import Callable, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias

from gateway.ledger.blinding import Blinding
from gateway.ledger.database import StoreError
from gateway.ledger.session import ASIDE, READING, Bounded, connected, known_errors

Found: TypeAlias = list[tuple[Any, ...]]

# The newest link comes last, of whatever generation its token is.
_DEKS = """
    SELECT generation, place, dek FROM head LEFT JOIN LATERAL (
        SELECT place, l.seq, l.dek FROM unnest(%b::bytea[], %s::int[]) t(tok, place), LATERAL (
            SELECT seq, dek FROM link WHERE link.tok = t.tok ORDER BY seq DESC LIMIT 1
        ) l
    ) newest ON true WHERE log = %s ORDER BY newest.seq
"""


class Readers:
    """Sessions that stand by until they are asked, and one for the keys of people. Every method raises StoreError.

    `blinding` gives how tokens are stored: it is set after the store was opened.
    """

    def __init__(self, url: str, log: str, blinding: Callable[[], Blinding]) -> None:
        self._url = url
        self._log = log
        self._blinding = blinding
        self._standing_by: SimpleQueue[Bounded] = SimpleQueue()
        self._aside: Bounded | None = None

    def asked(self, query: str, *bound: object) -> Found:
        """What a query finds. A session that stood by while its server went away is replaced."""
        while True:
            stood_by = not self._standing_by.empty()
            with known_errors():
                session = self._session()
            try:
                with known_errors():
                    return session.execute(query.encode(), bound).fetchall()
            except StoreError:
                if not (stood_by and session.closed):
                    raise
            finally:
                if not session.closed:
                    self._standing_by.put(session)

    def about(self, tok: bytes, ask: Callable[[list[bytes]], Found]) -> Found:
        """What is found by a token or a digest as it may be stored, also where another node has begun a turnover."""
        while True:
            known = self._blinding().generation
            found = ask(self._blinding().found(tok))
            [(newest,)] = self.asked("SELECT generation FROM head WHERE log = %s", self._log)
            if newest <= known:
                return found
            self._blinding().follow()

    def deks_of(self, toks: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """The keys that the newest links of these tokens name, where they have one."""
        while True:
            blinding = self._blinding()
            known, stored = blinding.generation, [blinding.found(tok) for tok in toks]
            places = [place for place, several in enumerate(stored) for _ in several]
            asked = [[each for several in stored for each in several], places, self._log]
            with known_errors():
                # A session of its own, and waited for only so long: calls stand behind this.
                self._aside = self._aside.again(READING) if self._aside else connected(self._url, READING, ASIDE)
                found = self._aside.execute(_DEKS, asked).fetchall()
            if found[0][0] <= known:
                return {toks[place]: bytes(dek) for _, place, dek in found if dek}
            blinding.follow()

    def close(self) -> None:
        if self._aside:
            self._aside.close()
        while not self._standing_by.empty():
            self._standing_by.get().close()

    def _session(self) -> Bounded:
        try:
            return self._standing_by.get_nowait()
        except Empty:
            return connected(self._url, READING)
