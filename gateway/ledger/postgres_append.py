"""How rows go into a PostgreSQL, all of them in one statement, and how the tree over them goes on."""

from collections.abc import Sequence

from gateway.ledger.blinding import Blinding
from gateway.ledger.database import StoreError
from gateway.ledger.session import Session
from gateway.ledger.store import Row
from gateway.ledger.tree import Tree

Places = Sequence[tuple[int, Row]]

HASHES = "SELECT hash FROM leaf WHERE seq >= %s AND seq < %s ORDER BY seq"
TOGETHER = 10_000  # leaves whose hashes are read at once

_INDEXED = ("vendor", "operation", "caller", "code", "result")
# One statement, not a pipeline of several: between those the server would wait for a node that has stopped, and not
# end its session. The first call that brings a digest keeps it.
APPENDED = """
    WITH leaves AS (
        INSERT INTO leaf(seq, id, kind, ts, intent, hash)
        SELECT %(first)s + n - 1, id, kind, ts, intent, hash
        FROM unnest(%(id)b::bytea[], %(kind)s::text[], %(ts)s::bigint[], %(intent)s::bigint[], %(hash)b::bytea[])
        WITH ORDINALITY u(id, kind, ts, intent, hash, n)
    ), bodies AS (
        INSERT INTO leaf_body(seq, body, vendor, operation, caller, code, result)
        SELECT %(first)s + n - 1, body, vendor, operation, caller, code, result
        FROM unnest(
            %(body)b::bytea[], %(vendor)s::text[], %(operation)s::text[], %(caller)s::text[], %(code)s::text[],
            %(result)s::text[]
        ) WITH ORDINALITY u(body, vendor, operation, caller, code, result, n)
    ), links AS (
        INSERT INTO link(seq, ord, tok, dek, sealed)
        SELECT * FROM unnest(
            %(linked)s::bigint[], %(ord)s::int[], %(tok)b::bytea[], %(dek)b::bytea[], %(sealed)b::bytea[]
        )
    ), remembered AS (
        INSERT INTO earlier SELECT * FROM unnest(%(digest)b::bytea[], %(first_intent)s::bigint[])
        ON CONFLICT DO NOTHING
    ), opened AS (
        INSERT INTO open_intent SELECT seq, %(epoch)s, clock_timestamp() + lasts * interval '1 ms'
        FROM unnest(%(opened)s::bigint[], %(lasts)s::bigint[]) u(seq, lasts)
    ), settled AS (
        DELETE FROM open_intent WHERE seq = ANY(%(intent)s::bigint[])
    )
    UPDATE head SET size = %(size)s, root = %(root)s WHERE log = %(log)s
"""


def values(log: str, epoch: int, new: Sequence[Row], grown: Tree, blinding: Blinding) -> dict[str, object]:
    """What APPENDED takes for rows that make the log the tree `grown`."""
    first = grown.size - len(new)
    places = list(enumerate(new, first))
    return {
        "log": log,
        "first": first,
        "size": grown.size,
        "root": grown.root,
        "epoch": epoch,
        **_leaves(new),
        **_links(places, blinding),
        **_remembered(new, blinding),
        **_opened(places),
    }


def continued(session: Session, tree: Tree, size: int, root: bytes) -> Tree:
    """What a log is that now has this size and root. Raises StoreError where it does not begin with what it was."""
    if size < tree.size:
        raise StoreError("the database lost entries", lasting=True)
    for at in range(tree.size, size, TOGETHER):
        found = session.execute(HASHES, [at, min(at + TOGETHER, size)]).fetchall()
        tree = tree.plus(each for (each,) in found)
    if (tree.size, tree.root) != (size, root):
        raise StoreError("the database holds another log", lasting=True)
    return tree


def _leaves(new: Sequence[Row]) -> dict[str, object]:
    indexed = {name: [getattr(row.index, name) for row in new] for name in _INDEXED}
    return {
        **indexed,
        "id": [bytes.fromhex(row.id) for row in new],
        "kind": [row.kind for row in new],
        "ts": [row.ts for row in new],
        "intent": [row.intent for row in new],
        "hash": [row.hash for row in new],
        "body": [row.body for row in new],
    }


def _links(places: Places, blinding: Blinding) -> dict[str, object]:
    links = [(seq, n, link) for seq, row in places for n, link in enumerate(row.links)]
    return {
        "linked": [seq for seq, _, _ in links],
        "ord": [n for _, n, _ in links],
        "tok": blinding.stored(link.tok for _, _, link in links),
        "dek": [link.dek for _, _, link in links],
        "sealed": [link.sealed for _, _, link in links],
    }


def _remembered(new: Sequence[Row], blinding: Blinding) -> dict[str, object]:
    earlier = [(digest, row.intent) for row in new for digest in row.earlier]
    return {
        "digest": blinding.stored(digest for digest, _ in earlier),
        "first_intent": [seq for _, seq in earlier],
    }


def _opened(places: Places) -> dict[str, object]:
    opened = [(seq, row.lasts) for seq, row in places if row.lasts is not None]
    return {
        "opened": [seq for seq, _ in opened],
        "lasts": [lasts for _, lasts in opened],
    }
