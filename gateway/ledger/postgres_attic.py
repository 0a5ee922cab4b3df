"""Old entries in the PostgreSQL: which there are. The room that they took is the server's to use again."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gateway.ledger.attic import Loose, Moment, Named, Old, begun, moments_of, olds, parsed
from gateway.ledger.blinding import Blinding
from gateway.ledger.canonical import Json
from gateway.ledger.session import Session, known_errors

Asked = Callable[..., list[tuple[Any, ...]]]

_OLD = """
    SELECT seq, ts, hash, body FROM leaf JOIN leaf_body USING (seq)
    WHERE kind = %s AND seq >= %s AND seq < %s ORDER BY seq LIMIT %s
"""
_RARE = _OLD.replace("WHERE", "WHERE kind NOT IN ('intent', 'outcome') AND")
_WITH = "SELECT intent, seq, ts, hash FROM leaf JOIN leaf_body USING (seq) WHERE intent BETWEEN %s AND %s ORDER BY seq"
_TOKS = "SELECT seq, tok FROM link WHERE seq BETWEEN %s AND %s"
_FIRST_AFTER = """
    SELECT coalesce((SELECT seq FROM leaf WHERE seq >= %s AND ts > %s ORDER BY seq LIMIT 1), (SELECT size FROM head))
"""
_LATER = """
    SELECT DISTINCT n.seq, body FROM link k JOIN link n ON n.tok = k.tok AND n.seq > k.seq
    JOIN leaf l ON l.seq = n.seq JOIN leaf_body b ON b.seq = n.seq
    WHERE k.seq = %s AND n.seq < %s AND l.kind = (SELECT kind FROM leaf WHERE seq = k.seq)
"""
_MOMENTS = """
    SELECT body FROM leaf_body WHERE seq IN (
        SELECT seq - back FROM leaf, (VALUES (0), (1)) b(back)
        WHERE kind = 'epoch' AND kind NOT IN ('intent', 'outcome')
    ) ORDER BY seq
"""
_EPOCHS = """
    SELECT seq, body FROM leaf JOIN leaf_body USING (seq)
    WHERE kind = 'epoch' AND kind NOT IN ('intent', 'outcome') ORDER BY seq
"""
_NAMED = "SELECT seq, ord, dek FROM link WHERE (seq, ord) > (%s, %s) ORDER BY seq, ord LIMIT %s"
_LOOSE = """
    SELECT tok, dek, EXISTS (SELECT 1 FROM link k WHERE k.tok = loose.tok AND k.dek = loose.dek) FROM loose LIMIT %s
"""
# A key is of one person, whatever their token is by now.
_TIGHT = "DELETE FROM loose WHERE dek = ANY(%b::bytea[])"


class PostgresAttic:
    """Reads by sessions of their own; `writing` gives the one that writes, which is another after an error."""

    def __init__(self, asked: Asked, writing: Callable[[], Session], blinding: Callable[[], Blinding]) -> None:
        self._asked = asked
        self._writing = writing
        self._blinding = blinding

    def old(self, kind: str, first: int, below: int, limit: int) -> Sequence[Old]:
        found = self._asked(_OLD if kind == "intent" else _RARE, kind, first, below, limit)
        among = (found[0][0], found[-1][0]) if found else (0, -1)
        toks = ((seq, self._blinding().bare(tok)) for seq, tok in self._asked(_TOKS, *among))
        return olds(found, toks, self._asked(_WITH, *among) if kind == "intent" else ())

    def first_after(self, ts: int, first: int) -> int:
        [(seq,)] = self._asked(_FIRST_AFTER, first, ts)
        return int(seq)

    def later(self, seq: int, below: int) -> Sequence[Mapping[str, Json]] | None:
        if not self._asked("SELECT 1 FROM link WHERE seq = %s LIMIT 1", seq):
            return None
        return [parsed(body) for _, body in self._asked(_LATER, seq, below)]

    def moments(self) -> Sequence[Moment]:
        return moments_of(body for (body,) in self._asked(_MOMENTS))

    def begun(self, epoch: int) -> int:
        return begun(self._asked(_EPOCHS), epoch)

    def named(self, after: tuple[int, int], limit: int) -> Sequence[Named]:
        return list(map(Named._make, self._asked(_NAMED, *after, limit)))

    def loose(self, limit: int) -> Sequence[Loose]:
        return [Loose(self._blinding().bare(tok), dek, linked) for tok, dek, linked in self._asked(_LOOSE, limit)]

    def tighten(self, done: Sequence[Loose]) -> None:
        with known_errors():
            self._writing().execute(_TIGHT, [[each.dek for each in done]])

    def shrink(self, pages: int) -> bool:
        """The server's own vacuum does it, as the owner of the tables."""
        del pages
        return False
