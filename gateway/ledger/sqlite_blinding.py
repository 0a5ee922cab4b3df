"""What a turnover does to the SQLite file: whoever is found by a token is found by another one."""

from collections.abc import Sequence

import apsw

from gateway.failpoints import failpoint
from gateway.ledger.blinding import TOGETHER, Blinding
from gateway.ledger.database import rows
from gateway.ledger.vault import generation_of

# Once: of no generation yet.
SCHEMA = """
UPDATE link SET tok = CAST(x'00000000' || tok AS BLOB);
UPDATE loose SET tok = CAST(x'00000000' || tok AS BLOB);
UPDATE erasing SET tok = CAST(x'00000000' || tok AS BLOB);
UPDATE earlier SET digest = CAST(x'00000000' || digest AS BLOB);
"""
_TABLES = ("link", "loose", "erasing", "tallied")
_EARLIER = "SELECT digest FROM earlier WHERE digest < ? LIMIT ?"


def reblind(database: apsw.Connection, blinding: Blinding) -> int:
    """Moves some of what is of an earlier generation, and tells how much."""
    first = blinding.first
    toks = {
        tok
        for table in _TABLES
        for (tok,) in rows(database, f"SELECT DISTINCT tok FROM {table} WHERE tok < ? LIMIT ?", first, TOGETHER)  # noqa: S608
    }
    digests = [digest for (digest,) in rows(database, _EARLIER, first, TOGETHER)]
    with database:
        _move(database, blinding.anew(list(toks)), blinding.anew(digests))
        if moved := len(toks) + len(digests):
            failpoint("turnover-moved")
    return moved


def generations(database: apsw.Connection) -> set[int]:
    """The first and the last under which something is stored."""
    columns = [(table, "tok") for table in _TABLES] + [("earlier", "digest")]
    found = [rows(database, f"SELECT min({column}), max({column}) FROM {table}")[0] for table, column in columns]  # noqa: S608
    return {generation_of(stored) for ends in found for stored in ends if stored is not None}


def keep_together(
    database: apsw.Connection, blinding: Blinding, toks: Sequence[bytes], digests: Sequence[bytes]
) -> None:
    """Moves what is stored of these already, before more is stored of them under the newest generation."""
    if blinding.is_turning:
        _move(database, blinding.moves(toks), blinding.moves(digests))


def _move(
    database: apsw.Connection, toks: Sequence[tuple[bytes, bytes]], digests: Sequence[tuple[bytes, bytes]]
) -> None:
    for table in _TABLES:
        # All of a person at once: their token is the same wherever it stands.
        database.executemany(f"UPDATE {table} SET tok = ?2 WHERE tok = ?1", toks)  # noqa: S608 - one of four names
    database.executemany("UPDATE earlier SET digest = ?2 WHERE digest = ?1", digests)
