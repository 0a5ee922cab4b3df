"""What whoever may write into the file can do to the log behind our back."""

import apsw
from ledger_fakes import Shop


def file(shop: Shop) -> apsw.Connection:
    return apsw.Connection(str(shop.folder / "ledger.db"))


def altered(shop: Shop, act: str, *values: object) -> None:
    """Takes away what guards against mistakes, acts, and puts it back so that nobody misses it."""
    database = file(shop)
    database.set_busy_timeout(5_000)
    guards = database.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
    for name, _ in guards:
        database.execute(f"DROP TRIGGER {name}")
    database.execute(act, values)
    assert database.changes()
    for _, guard in guards:
        database.execute(str(guard))


# Of the last rows, so that none of it is below the first checkpoint.
ALTERED = {
    "a body": "UPDATE leaf_body SET body = x'7b7d' WHERE seq = (SELECT max(seq) - 3 FROM leaf)",
    "a hash": "UPDATE leaf SET hash = zeroblob(32) WHERE seq = (SELECT max(seq) - 3 FROM leaf)",
    "an entry gone": "DELETE FROM leaf WHERE seq = (SELECT max(seq) - 3 FROM leaf)",
    "a body gone": "DELETE FROM leaf_body WHERE seq = (SELECT max(seq) - 3 FROM leaf)",
    "another order": "UPDATE leaf SET seq = -seq WHERE seq > (SELECT max(seq) - 3 FROM leaf)",
}
CHECKPOINTS = {
    "gone": "DELETE FROM checkpoint",
    "another root": "UPDATE checkpoint SET root = zeroblob(32)",
    "another note": "UPDATE checkpoint SET note = replace(note, 'main', 'mine')",
    "other subtrees": "UPDATE checkpoint SET peaks = zeroblob(length(peaks))",
    "half a subtree": "UPDATE checkpoint SET peaks = zeroblob(31)",
    "another size": "UPDATE checkpoint SET size = size + 1000",
}
