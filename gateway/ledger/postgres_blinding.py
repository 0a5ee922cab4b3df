"""What a turnover does to the PostgreSQL: whoever is found by a token is found by another one, on every node."""

from collections.abc import Sequence

from psycopg import sql

from gateway.failpoints import failpoint
from gateway.ledger.blinding import TOGETHER, Blinding
from gateway.ledger.lease import HEAD
from gateway.ledger.session import Session

# Once: what is there is of no generation yet.
SCHEMA = r"""
ALTER TABLE head ADD COLUMN generation bigint NOT NULL DEFAULT 0;
UPDATE link SET tok = '\x00000000'::bytea || tok;
UPDATE loose SET tok = '\x00000000'::bytea || tok;
UPDATE erasing SET tok = '\x00000000'::bytea || tok;
UPDATE earlier SET digest = '\x00000000'::bytea || digest;
"""
_TABLES = ("link", "loose", "erasing", "tallied")
_BEGUN = "UPDATE head SET generation = %s WHERE log = %s AND generation < %s"
_TOKS = "SELECT DISTINCT tok FROM {} WHERE tok < %b ORDER BY tok LIMIT %s"
_DIGESTS = "SELECT digest FROM earlier WHERE digest < %b ORDER BY digest LIMIT %s"
_MOVED = "UPDATE {} t SET {} = n.now FROM unnest(%b::bytea[], %b::bytea[]) n(was, now) WHERE t.{} = n.was"


def reblind(session: Session, log: str, blinding: Blinding) -> int:
    """Moves some of what is of an earlier generation, and tells how much; in a transaction of the caller's.

    From the first time on no node writes under an earlier generation: the head of the log says which it is.
    """
    session.execute(sql.SQL(HEAD).format(log=log))
    session.execute("SET LOCAL statement_timeout = 0")  # of one person there can be any number of rows
    session.execute(_BEGUN, [blinding.generation, log, blinding.generation])
    asked = [blinding.first, TOGETHER]
    toks = {tok for table in _TABLES for (tok,) in session.execute(_TOKS.format(table).encode(), asked).fetchall()}
    digests = [digest for (digest,) in session.execute(_DIGESTS, asked).fetchall()]
    _move(session, blinding.anew(sorted(toks)), blinding.anew(digests))
    if moved := len(toks) + len(digests):
        failpoint("turnover-moved")
    return moved


def keep_together(session: Session, blinding: Blinding, toks: Sequence[bytes], digests: Sequence[bytes]) -> None:
    """Moves what is stored of these already, before more is stored of them under the newest generation."""
    if blinding.is_turning:
        _move(session, blinding.moves(toks), blinding.moves(digests))


def _move(session: Session, toks: Sequence[tuple[bytes, bytes]], digests: Sequence[tuple[bytes, bytes]]) -> None:
    changes = [(table, "tok", toks) for table in _TABLES] + [("earlier", "digest", digests)]
    for table, column, pairs in changes:
        if pairs:
            statement = _MOVED.format(table, column, column)
            session.execute(statement.encode(), list(map(list, zip(*pairs, strict=True))))
