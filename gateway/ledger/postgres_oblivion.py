"""What forgetting a person does to the PostgreSQL. What it leaves in pages and in its own log is the server's."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec

from gateway.failpoints import failpoint
from gateway.frozen import changed
from gateway.ledger.blinding import Blinding
from gateway.ledger.canonical import Json
from gateway.ledger.oblivion import Forgotten, Known, NotErased, Pending, tombstone
from gateway.ledger.session import Session, known_errors
from gateway.ledger.store import ErasedKeysError, Row
from gateway.ledger.vault import Residue

SCHEMA = """
CREATE TABLE erased(number bigint PRIMARY KEY, tombstone bytea NOT NULL UNIQUE, erasure bigint NOT NULL);
CREATE TABLE erasing(seq bigint PRIMARY KEY, tok bytea NOT NULL);
"""
_ABOUT = """
    SELECT tok, body FROM leaf JOIN leaf_body USING (seq) JOIN link USING (seq)
    WHERE kind = %s AND kind NOT IN ('intent', 'outcome') ORDER BY seq
"""
_KNOWN = """
    WITH toks AS (SELECT unnest(%b::bytea[]) AS tok)
    SELECT (SELECT count(*) FROM link JOIN toks USING (tok)), array(
        SELECT dek FROM link JOIN toks USING (tok) UNION SELECT dek FROM loose JOIN toks USING (tok) ORDER BY 1
    )
"""
_ENTERED = """
    INSERT INTO erased SELECT (SELECT coalesce(max(number), 0) FROM erased) + n, tombstone, %s
    FROM unnest(%s::bytea[]) WITH ORDINALITY u(tombstone, n) WHERE NOT EXISTS (
        SELECT FROM erased e WHERE e.tombstone = u.tombstone
    )
"""
_FORGOTTEN = "DELETE FROM earlier WHERE seq IN (SELECT seq FROM link WHERE tok = ANY(%b::bytea[]))"
_SPOILED = """
    SELECT tombstone, NULL FROM erased WHERE tombstone = ANY(%b::bytea[]) UNION ALL
    SELECT NULL, seq FROM leaf_body b WHERE seq = ANY(%s::bigint[]) AND EXISTS (SELECT FROM erased)
    AND (SELECT count(*) FROM link l WHERE l.seq = b.seq)
        < (convert_from(body, 'UTF8')::jsonb #>> '{subjects,n}')::bigint
"""

Rows = list[tuple[Any, ...]]
Asked = Callable[..., Rows]
About = Callable[[bytes, Callable[[list[bytes]], Rows]], Rows]
"""What is asked for by a token, as it may be stored."""


class PostgresOblivion:
    """Reads by sessions of their own; `writing` gives the one that writes, which is another after an error."""

    def __init__(
        self, asked: Asked, about: About, writing: Callable[[], Session], blinding: Callable[[], Blinding]
    ) -> None:
        self._asked = asked
        self._about = about
        self._writing = writing
        self._blinding = blinding

    def known(self, tok: bytes) -> Known:
        [(links, deks)] = self._about(tok, lambda toks: self._asked(_KNOWN, toks))
        return Known(links, deks)

    def count(self) -> int:
        [(count,)] = self._asked("SELECT coalesce(max(number), 0) FROM erased")
        return int(count)

    def tombstones(self, after: int) -> Sequence[bytes]:
        found = self._asked("SELECT tombstone FROM erased WHERE number > %s ORDER BY number", after)
        return [each for (each,) in found]

    def pending(self) -> Sequence[Pending]:
        found = self._asked("SELECT seq, tok FROM erasing ORDER BY seq")
        return [Pending(seq, self._blinding().bare(tok)) for seq, tok in found]

    def told(self, seq: int) -> None:
        with known_errors():
            self._writing().execute("DELETE FROM erasing WHERE seq = %s", [seq])

    def about(self, kind: str) -> Sequence[tuple[bytes, Mapping[str, Json]]]:
        found = self._asked(_ABOUT, kind)
        return [(self._blinding().bare(tok), msgspec.json.decode(body)) for tok, body in found]

    def wipe(self) -> None:
        """Nothing: only the owner of the tables could."""

    def traces(self, tok: bytes) -> Collection[bytes]:
        return self._blinding().found(tok)

    def residue(self, deleted: Collection[bytes]) -> Sequence[Residue]:
        """None that a gateway could see."""
        del deleted
        return ()

    def overwrite(self, found: Sequence[Residue]) -> None:
        """Nothing."""


def forget(session: Session, place: int, who: Forgotten, blinding: Blinding) -> None:
    """Deletes what links a person to entries, in the transaction of the erasure at `place`. Raises NotErased."""
    toks = blinding.found(who.tok)
    [(links, deks)] = session.execute(_KNOWN, [toks]).fetchall()
    if links != who.links or not {tombstone(dek) for dek in deks} <= set(who.tombstones):
        raise NotErased("something was written about the person meanwhile")
    session.execute(_ENTERED, [place, list(who.tombstones)])
    session.execute("INSERT INTO erasing VALUES(%s, %s)", [place, toks[-1]])
    session.execute(_FORGOTTEN, [toks])
    for table in ("link", "loose", "tallied"):
        session.execute(f"DELETE FROM {table} WHERE tok = ANY(%b::bytea[])", [toks])  # noqa: S608 - one of three names
    failpoint("after-forget")


def unspoiled(session: Session, rows: Sequence[Row]) -> Sequence[Row]:
    """The rows as they may be written, beside whatever was erased on any node until now.

    What a vendor calls somebody who was erased is not remembered. Raises ErasedKeysError where a link is sealed under
    a key that was erased.
    """
    sealed = [tombstone(link.dek) for row in rows for link in row.links]
    intents = [row.intent for row in rows if row.earlier and row.intent is not None]
    if not sealed and not intents:
        return rows
    found = session.execute(_SPOILED, [sealed, intents]).fetchall()
    if stones := {stone for stone, _ in found if stone is not None}:
        raise _too_late(rows, stones)
    spoiled = {seq for _, seq in found}
    return [changed(row, earlier=()) if row.intent in spoiled else row for row in rows]


def _too_late(rows: Sequence[Row], erased: Collection[bytes]) -> ErasedKeysError:
    """That of these rows some have a link that is sealed under a key with one of these tombstones."""
    late = [(row, link.tok) for row in rows for link in row.links if tombstone(link.dek) in erased]
    return ErasedKeysError([row for row, _ in late], [tok for _, tok in late])
