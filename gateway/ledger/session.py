"""How a PostgreSQL is reached: every wait bounded, and refused where it would not keep what it acknowledges."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import conninfo, errors

from gateway import bounded
from gateway.errors import StartError
from gateway.ledger.database import StoreError

OLDEST = 14
ASIDE = 1.0  # seconds, where a thread waits that has other things to do
CONNECT = 2  # seconds
# A node that stops while it holds the head must not stop the others; times in ms.
WRITING: Mapping[str, str] = {
    "lock_timeout": "2000",
    "idle_in_transaction_session_timeout": "2000",
    "statement_timeout": "5000",
}
READING: Mapping[str, str] = {**WRITING, "default_transaction_read_only": "on"}
_TCP: Mapping[str, int] = {
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 2_000,
}

# What a commit rests on, and what it may be: otherwise one that was acknowledged can be gone after a crash.
DURABLE: Mapping[str, tuple[str, ...]] = {
    "fsync": ("on",),
    "full_page_writes": ("on",),
    "synchronous_commit": ("on", "remote_apply"),
    "data_sync_retry": ("off",),
    "server_encoding": ("UTF8",),
}

Session = psycopg.Connection[tuple[Any, ...]]


class Bounded(bounded.Bounded):
    """A connection that knows where it leads."""

    url = ""

    def again(self, settings: Mapping[str, str]) -> "Bounded":
        """The same, or where it is closed another one like it. Raises psycopg.Error."""
        return connected(self.url, settings, self.within) if self.closed else self


@contextmanager
def known_errors() -> Iterator[None]:
    """Raises StoreError, named by the class of the error, for whatever PostgreSQL raises."""
    try:
        yield
    except psycopg.Error as error:
        # `from None`: the message can quote what was to be written.
        corrupt = isinstance(error, errors.DataCorrupted | errors.IndexCorrupted)
        raise StoreError(type(error).__name__, lasting=corrupt) from None


def connected(url: str, settings: Mapping[str, str], within: float | None = None) -> Bounded:
    """A connection in which each statement is a transaction of its own. Raises psycopg.Error."""
    given = conninfo.conninfo_to_dict(url)
    # The temporary schema last: otherwise a temporary table could stand in for one of ours.
    fixed = {"search_path": "ledger,pg_temp", "client_min_messages": "warning", **bounded.SEEING, **settings}
    options = " ".join([str(given.get("options", "")), *(f"-c {name}={value}" for name, value in fixed.items())])
    parameters: dict[str, Any] = {"application_name": "gateway", **_TCP, **given, "options": options.strip()}
    parameters["client_encoding"] = "utf8"
    if settings is not READING:
        parameters.setdefault("target_session_attrs", "read-write")
    parameters.setdefault("connect_timeout", CONNECT)
    session = Bounded.connect(autocommit=True, prepare_threshold=0, **parameters)
    session.url, session.within = url, within
    return session


def reached(url: str, settings: Mapping[str, str], within: float | None = None) -> Bounded:
    """The same. Raises StartError, which does not say the address: a password can stand in it."""
    try:
        return connected(url, settings, within)
    except psycopg.Error as error:
        raise StartError(f"the database of GATEWAY_DATABASE cannot be reached ({type(error).__name__})") from None


def doubt(session: Session) -> str:
    """Why this session would not keep what it acknowledges, in the words of PostgreSQL's settings; empty where it
    would. Raises psycopg.Error.
    """
    query = "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)"
    found: dict[str, str] = dict(session.execute(query, [list(DURABLE)]).fetchall())
    for name, accepted in DURABLE.items():
        if (value := found.get(name)) not in accepted:
            return f"{name} is {value}, not {' or '.join(accepted)}"
    [(version, takes_none)] = session.execute("""
        SELECT current_setting('server_version_num')::int,
        pg_is_in_recovery() OR current_setting('transaction_read_only') <> 'off'
    """).fetchall()
    if version < OLDEST * 10_000:
        return f"the server is version {version // 10_000}, older than {OLDEST}"
    if takes_none:
        return "the server takes no writes: it is a standby, or read-only"
    return ""


# Those that a session may take on, also where it does not have what they may do before it has taken them on.
_ROLES = "pg_roles WHERE pg_has_role(current_user, oid, 'MEMBER')"


def power(session: Session, tables: Mapping[str, tuple[str, ...]]) -> str:
    """What the role of a session may do that it must not; empty where nothing. `tables` names the privileges that it
    must lack, by table. Raises psycopg.Error.
    """
    strong = f"SELECT bool_or(rolsuper OR rolbypassrls), bool_or(rolcreaterole) FROM {_ROLES}"  # noqa: S608 - no value
    [(bypass, makes)] = session.execute(strong.encode()).fetchall()
    if bypass:
        return "it is a superuser, or passes over row security"
    if makes:
        return "it can give itself other roles"
    for table, privileges in tables.items():
        owner = "SELECT pg_has_role(current_user, relowner, 'MEMBER') FROM pg_class WHERE oid = %s::regclass"
        if session.execute(owner, [table]).fetchall() == [(True,)]:
            return f"it owns the table {table}"
        for privilege in privileges:
            has = "has_any_column_privilege" if privilege == "UPDATE" else "has_table_privilege"
            may = f"SELECT bool_or({has}(oid, %s::text, %s::text)) FROM {_ROLES}"  # noqa: S608 - no value
            if session.execute(may.encode(), [table, privilege]).fetchall() == [(True,)]:
                return f"it may {privilege} in the table {table}"
    return ""
