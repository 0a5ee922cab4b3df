"""The triggers that keep the tables of the PostgreSQL from being altered, and whether they are all there."""

from collections.abc import Mapping, Sequence

from gateway.ledger.session import Session

_BEFORE = 2
_BITS: Mapping[str, int] = {"ROW": 1, "INSERT": 4, "DELETE": 8, "UPDATE": 16, "TRUNCATE": 32}  # pg_trigger.tgtype
_ALL = ("DELETE", "UPDATE", "TRUNCATE")

# By table and name: what each comes before, and the function that it calls.
GUARDS: Mapping[tuple[str, str], tuple[tuple[str, ...], str]] = {
    ("leaf", "append_only"): (_ALL, "refused"),
    ("leaf_body", "append_only"): (("UPDATE", "TRUNCATE"), "refused"),
    ("leaf_body", "named"): (("ROW", "DELETE"), "named"),
    ("checkpoint", "append_only"): (_ALL, "refused"),
    ("subtree", "append_only"): (_ALL, "refused"),
    ("purged", "append_only"): (_ALL, "refused"),
    ("purged", "covers"): (("ROW", "INSERT"), "covers"),
    ("erased", "append_only"): (_ALL, "refused"),
    ("head", "grows"): (("ROW", "UPDATE"), "grown"),
    ("head", "stays"): (("DELETE", "TRUNCATE"), "refused"),
}
# One that is disabled, or fires for replicas alone, is none.
_FOUND = """
    SELECT relname::text, tgname::text, tgtype::int, proname::text FROM pg_trigger t
    JOIN pg_class c ON c.oid = tgrelid JOIN pg_proc p ON p.oid = tgfoid
    WHERE relnamespace = 'ledger'::regnamespace AND pronamespace = relnamespace AND tgenabled IN ('O', 'A')
    AND tgqual IS NULL AND NOT tgisinternal AND current_setting('session_replication_role') <> 'replica'
"""


def missing(session: Session) -> Sequence[tuple[str, str]]:
    """The guards that the tables lack, or have otherwise than they were made. Raises psycopg.Error."""
    found = {(table, name): (type_, function) for table, name, type_, function in session.execute(_FOUND).fetchall()}
    return [
        at
        for at, (acts, function) in GUARDS.items()
        if found.get(at) != (_BEFORE + sum(_BITS[act] for act in acts), function)
    ]


def put_back(session: Session) -> Sequence[tuple[str, str]]:
    """Makes the guards that are missing, as who owns the tables, and returns which these are. Raises psycopg.Error."""
    lacking = missing(session)
    for table, name in lacking:
        acts, function = GUARDS[table, name]
        before = " OR ".join(act for act in acts if act != "ROW")
        each = " FOR EACH ROW" if "ROW" in acts else ""
        made = f"BEFORE {before} ON ledger.{table}{each} EXECUTE FUNCTION ledger.{function}()"
        session.execute(f"DROP TRIGGER IF EXISTS {name} ON ledger.{table}".encode())
        session.execute(f"CREATE TRIGGER {name} {made}".encode())
    return lacking
