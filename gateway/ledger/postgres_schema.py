"""The tables of the ledger in a PostgreSQL: who owns them makes them, and the gateway's own role can only add."""

from collections.abc import Mapping, Sequence

import psycopg
from psycopg import conninfo, sql

from gateway.errors import StartError
from gateway.ledger.database import StoreError
from gateway.ledger.postgres_blinding import SCHEMA as BLINDED
from gateway.ledger.postgres_guards import put_back
from gateway.ledger.postgres_oblivion import SCHEMA as ERASED
from gateway.ledger.postgres_purge import SCHEMA as PURGED
from gateway.ledger.postgres_purge import WITH_RECEIVED, WITH_RESOLVE
from gateway.ledger.postgres_vault import BLINDED as BLINDED_KEYS
from gateway.ledger.postgres_vault import GRANTS as KEY_GRANTS
from gateway.ledger.postgres_vault import MADE_IN
from gateway.ledger.postgres_vault import SCHEMA as KEYS
from gateway.ledger.session import WRITING, Session, known_errors, power, reached
from gateway.ledger.tallies import POSTGRES as COUNTED

_TABLES = """
CREATE TABLE log(id text PRIMARY KEY, state text NOT NULL);
CREATE TABLE head(
    log text PRIMARY KEY REFERENCES log, size bigint NOT NULL, root bytea NOT NULL CHECK (length(root) = 32),
    epoch bigint NOT NULL
) WITH (fillfactor = 10);
CREATE TABLE leaf(
    seq bigint PRIMARY KEY, id bytea NOT NULL UNIQUE, kind text NOT NULL, ts bigint NOT NULL,
    intent bigint, hash bytea NOT NULL CHECK (length(hash) = 32)
);
CREATE INDEX leaf_kind ON leaf(kind, seq) WHERE kind NOT IN ('intent', 'outcome');
CREATE INDEX leaf_intent ON leaf(intent) WHERE intent IS NOT NULL;
CREATE TABLE leaf_body(
    seq bigint PRIMARY KEY, body bytea NOT NULL,
    vendor text, operation text, caller text, code text, result text
);
CREATE INDEX body_vendor ON leaf_body(vendor, seq) WHERE vendor IS NOT NULL;
CREATE INDEX body_code ON leaf_body(code, seq) WHERE code IS NOT NULL;
CREATE TABLE link(
    seq bigint NOT NULL, ord integer NOT NULL, tok bytea NOT NULL, dek bytea NOT NULL, sealed bytea NOT NULL,
    PRIMARY KEY (seq, ord)
);
CREATE INDEX link_tok ON link(tok, seq);
CREATE TABLE earlier(digest bytea PRIMARY KEY, seq bigint NOT NULL);
CREATE TABLE open_intent(seq bigint PRIMARY KEY, epoch bigint NOT NULL, not_after timestamptz NOT NULL);
CREATE TABLE lease(node text PRIMARY KEY, epoch bigint NOT NULL, backend integer NOT NULL, expires timestamptz NOT NULL)
    WITH (fillfactor = 10);
CREATE TABLE checkpoint(
    size bigint PRIMARY KEY, root bytea NOT NULL CHECK (length(root) = 32), ts bigint NOT NULL, note text NOT NULL,
    peaks bytea NOT NULL
);
CREATE TABLE subtree(
    first bigint NOT NULL, last bigint NOT NULL, hash bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (first, last)
);
CREATE FUNCTION refused() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$;
CREATE FUNCTION grown() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN IF NEW.size < OLD.size THEN RAISE EXCEPTION 'the ledger only grows'; END IF; RETURN NEW; END $$;
CREATE TRIGGER grows BEFORE UPDATE ON head FOR EACH ROW EXECUTE FUNCTION ledger.grown();
CREATE TRIGGER stays BEFORE DELETE OR TRUNCATE ON head EXECUTE FUNCTION ledger.refused();
"""
_GUARD = """
CREATE TRIGGER append_only BEFORE {acts} ON {table} EXECUTE FUNCTION ledger.refused();
"""
_ALL = ("UPDATE", "DELETE", "TRUNCATE")
_GUARDED: Mapping[str, tuple[str, ...]] = {
    "leaf": _ALL,
    "leaf_body": ("UPDATE", "TRUNCATE"),  # what a purge named may go, see there
    "checkpoint": _ALL,
    "subtree": _ALL,
    "purged": _ALL,
}


def _guards() -> str:
    return "".join(_GUARD.format(table=table, acts=" OR ".join(acts)) for table, acts in _GUARDED.items())


# Each brings a database to the next version; what stands here never changes, and the next one stands below.
MIGRATIONS: Sequence[str] = (
    _TABLES + PURGED + _guards(),
    KEYS,
    ERASED + _GUARD.format(table="erased", acts=" OR ".join(_ALL)),
    WITH_RESOLVE,
    BLINDED + BLINDED_KEYS,
    COUNTED,
    MADE_IN,
    WITH_RECEIVED,
)

# What the gateway's own role may do. What it may do nowhere: change or remove what was written into the log.
GRANTS: Mapping[str, str] = {
    "version": "SELECT",
    "log": "SELECT",
    "head": "SELECT, UPDATE",
    "leaf": "SELECT, INSERT",
    "leaf_body": "SELECT, INSERT, DELETE",
    "link": "SELECT, INSERT, DELETE, UPDATE (tok)",
    "earlier": "SELECT, INSERT, DELETE, UPDATE (digest)",
    "purged": "SELECT, INSERT",
    "loose": "SELECT, INSERT, DELETE, UPDATE (tok)",
    "erased": "SELECT, INSERT",
    "erasing": "SELECT, INSERT, DELETE, UPDATE (tok)",
    "open_intent": "SELECT, INSERT, UPDATE, DELETE",
    "lease": "SELECT, INSERT, UPDATE, DELETE",
    "checkpoint": "SELECT, INSERT",
    "subtree": "SELECT, INSERT",
    "tally": "SELECT, INSERT, UPDATE (n)",
    "tallied": "SELECT, INSERT, DELETE, UPDATE (tok)",
}
_PATIENT = {**WRITING, "statement_timeout": "0"}


def prepare(owner: str, url: str, log: str) -> str:
    """Makes the tables as the role of `owner`, and lets the role of `url` write; returns what that one is called.

    Both are addresses of one database. Makes the role where it is missing. Raises StartError.
    """
    given = conninfo.conninfo_to_dict(url)
    role, password = str(given.get("user", "")), given.get("password")
    if not role:
        raise StartError("GATEWAY_DATABASE does not say as which role: postgresql://ROLE@HOST/DATABASE")
    with reached(owner, _PATIENT) as session:
        try:
            with session.transaction():
                migrated(session, log)
                _make_role(session, role, str(password) if password else None)
                _grant(session, role)
        except psycopg.Error as error:
            # Its own words: they name tables and roles, and no statement here has a value of a record in it.
            said = error.diag.message_primary or type(error).__name__
            raise StartError(f"the database cannot be prepared: {said}") from None
    return role


def migrated(session: Session, log: str) -> None:
    """Brings the tables to this version, in a transaction of the caller's. Raises psycopg.Error, StartError."""
    session.execute("SELECT pg_advisory_xact_lock(hashtext('gateway.ledger'))")
    session.execute("CREATE SCHEMA IF NOT EXISTS ledger")
    session.execute("CREATE TABLE IF NOT EXISTS version(number integer NOT NULL)")
    number = _version(session)
    if number > len(MIGRATIONS):
        raise StartError(f"the database was made by a newer gateway (version {number}); use that one")
    for statements in MIGRATIONS[number:]:
        session.execute(statements.encode(), prepare=False)
    put_back(session)
    session.execute("DELETE FROM version")
    session.execute("INSERT INTO version VALUES(%s)", [len(MIGRATIONS)])
    session.execute("INSERT INTO log VALUES(%s, 'active') ON CONFLICT DO NOTHING", [log])
    session.execute("INSERT INTO head VALUES(%s, 0, sha256(''), 0) ON CONFLICT DO NOTHING", [log])


def demand_prepared(session: Session) -> None:
    """Raises StartError unless the tables are those of this version."""
    with known_errors():
        there = session.execute("SELECT to_regclass('ledger.version') IS NOT NULL").fetchall() == [(True,)]
        number = _version(session) if there else 0
    if number > len(MIGRATIONS):
        raise StartError(f"the database was made by a newer gateway (version {number}); use that one")
    if number < len(MIGRATIONS):
        raise StartError("the database has no tables for this version; run `gateway ledger prepare`")


def demand_ready(url: str) -> None:
    """Raises StartError unless a database is there, with the tables of this version."""
    with reached(url, WRITING) as session:
        try:
            demand_prepared(session)
        except StoreError as error:
            raise StartError(f"the database of GATEWAY_DATABASE cannot be read: {error}") from None


def demand_weak(session: Session) -> None:
    """Raises StartError where the role of the session could change or remove what was written into the log."""
    with known_errors():
        found = power(session, {**_GUARDED, "erased": _ALL})
    if found:
        raise StartError(
            f"the role of GATEWAY_DATABASE could alter the record: {found}. Let `gateway ledger prepare` make a role "
            "that can only add, or, for a trial, set GATEWAY_DATABASE_UNGUARDED=true"
        )


def _version(session: Session) -> int:
    found = session.execute("SELECT number FROM version").fetchall()
    return int(found[0][0]) if found else 0


def _make_role(session: Session, role: str, password: str | None) -> None:
    if session.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchall():
        return
    # The server gets what a password is checked with, so that it stands in no log of statements.
    secret = session.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256") if password else None
    with_password = sql.SQL(" PASSWORD {}").format(sql.Literal(secret.decode())) if secret else sql.SQL("")
    session.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)) + with_password)


def _grant(session: Session, role: str) -> None:
    named = sql.Identifier(role)
    for schema, grants in (("ledger", GRANTS), ("keys", KEY_GRANTS)):
        session.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(schema), named))
        for table, privileges in grants.items():
            to = sql.SQL(privileges), sql.Identifier(schema, table), named
            session.execute(sql.SQL("GRANT {} ON {} TO {}").format(*to))
