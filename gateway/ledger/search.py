"""What is asked for, in the SQL that every database of the ledger understands; `?` stands for a value."""

from collections.abc import Mapping, Sequence

from gateway.ledger.canonical import uuid7_floor
from gateway.ledger.store import Filter

_CONDITIONS: Mapping[str, str] = {
    "id": "l.id = ?",
    "kind": "l.kind = ?",
    "vendor": "b.vendor = ?",
    "operation": "b.operation = ?",
    "caller": "b.caller = ?",
    "code": "coalesce(b.code, {outcome}) = ?",
    "result": "coalesce(b.result, {outcome}) = ?",
    "since": "l.ts >= ?",
    "until": "l.ts <= ?",
    "before": "l.seq < ?",
    "after": "l.seq > ?",
}
_OUTCOME = "(SELECT o.{} FROM leaf n JOIN leaf_body o USING (seq) WHERE n.intent = l.seq ORDER BY n.seq DESC LIMIT 1)"


def conditions(wanted: Filter, toks: Sequence[bytes] | None) -> tuple[str, list[object]]:
    """What holds for the entries that are asked for, of a leaf `l` and its body `b`, and the values to bind to it.

    With tokens, the entries linked to one of them, as they are stored.
    """
    stated, values = ["TRUE"], list[object]()
    for name, condition in _CONDITIONS.items():
        if (value := getattr(wanted, name)) is not None:
            stated.append(condition.format(outcome=_OUTCOME.format(name)))
            values.append(bytes.fromhex(value) if name == "id" else value)
    if wanted.kind not in (None, "intent", "outcome"):
        # As the index over the rare kinds says it, or the index is not used.
        stated.append("l.kind NOT IN ('intent', 'outcome')")
    if wanted.since is not None:
        # Ids begin with the time, so the index over them leads to the first one.
        stated.append("l.id >= ?")
        values.append(uuid7_floor(wanted.since))
    if toks is not None:
        stated.append(f"l.seq IN (SELECT seq FROM link WHERE tok IN ({', '.join('?' * len(toks))}))")  # noqa: S608
        values.extend(toks)
    return " AND ".join(stated), values
