"""What a purge does to the PostgreSQL: bodies go, one way only, and what they were stays provable."""

from collections.abc import Sequence

from gateway.failpoints import failpoint
from gateway.ledger.session import Session
from gateway.ledger.sqlite_purge import AT_FIRST, MAY_GO, Ranges, listed
from gateway.ledger.store import NotPurged

_COVERING = "coalesce((SELECT last FROM purged WHERE first <= {} ORDER BY first DESC LIMIT 1), -1)"

_NAMED = f"""
CREATE OR REPLACE FUNCTION named() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger, pg_temp AS $$ BEGIN
    IF {_COVERING.format("OLD.seq")} < OLD.seq
        OR NOT EXISTS (SELECT 1 FROM leaf WHERE seq = OLD.seq AND kind IN ({{kinds}}))
    THEN RAISE EXCEPTION 'the ledger is append-only'; END IF;
    RETURN OLD;
END $$;"""  # noqa: S608 - made of literals of our own
# A trigger of each row for bodies: as a rule they stay, and only what a purge has named may go.
SCHEMA = f"""
CREATE TABLE purged(first bigint PRIMARY KEY, last bigint NOT NULL, purge bigint NOT NULL);
CREATE TABLE loose(tok bytea NOT NULL, dek bytea NOT NULL, PRIMARY KEY (tok, dek));
CREATE INDEX earlier_seq ON earlier(seq);
CREATE FUNCTION covers() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger, pg_temp AS $$ BEGIN
    IF NEW.first > NEW.last OR NEW.last >= NEW.purge OR {_COVERING.format("NEW.last")} >= NEW.first
        OR NOT EXISTS (SELECT 1 FROM leaf WHERE seq = NEW.purge AND kind = 'purge')
    THEN RAISE EXCEPTION 'a purge covers what stands before it, and once'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER covers BEFORE INSERT ON purged FOR EACH ROW EXECUTE FUNCTION covers();
{_NAMED.format(kinds=listed(AT_FIRST))}
CREATE TRIGGER named BEFORE DELETE ON leaf_body FOR EACH ROW EXECUTE FUNCTION named();
"""  # noqa: S608 - made of literals of our own
WITH_RESOLVE = _NAMED.format(kinds=listed(MAY_GO))

_PLACES = "unnest(%(first)s::bigint[], %(last)s::bigint[]) r(first, last)"
_THERE = f"SELECT seq, kind, intent FROM leaf JOIN leaf_body USING (seq) JOIN {_PLACES} ON seq BETWEEN first AND last"  # noqa: S608
_FOLLOWERS = f"SELECT seq FROM leaf JOIN {_PLACES} ON intent BETWEEN first AND last"  # noqa: S608
_LINKS = f"SELECT DISTINCT tok, dek FROM link JOIN {_PLACES} ON seq BETWEEN first AND last"  # noqa: S608
_HELD = "SELECT 1 FROM leaf WHERE kind = 'hold' AND kind NOT IN ('intent', 'outcome') AND seq >= %s"
_LOOSE = """
    INSERT INTO loose SELECT * FROM unnest(%b::bytea[], %b::bytea[]) u(tok, dek)
    WHERE NOT EXISTS (SELECT 1 FROM link WHERE link.tok = u.tok) ON CONFLICT DO NOTHING
"""


def purge(session: Session, place: int, ranges: Ranges, as_of: int) -> None:
    """Takes the bodies of these places away in the transaction of the purge that stands at `place`.

    It was decided when the log had `as_of` entries.

    The keys of people who have no other link are noted as loose, to be destroyed after it. Raises NotPurged.
    """
    places = {"first": [first for first, _ in ranges], "last": [last for _, last in ranges]}
    if session.execute(_HELD, [as_of]).fetchall():
        raise NotPurged("somebody was held in the meantime")
    _demand_due(session, ranges, places)
    links = session.execute(_LINKS, places).fetchall()
    named = f"INSERT INTO purged SELECT first, last, %(place)s FROM {_PLACES}"  # noqa: S608
    session.execute(named, {**places, "place": place})
    failpoint("after-insert-purged")
    for table in ("leaf_body", "link", "earlier"):
        session.execute(f"DELETE FROM {table} USING {_PLACES} WHERE seq BETWEEN first AND last", places)  # noqa: S608
        failpoint("after-delete")
    session.execute(_LOOSE, [[tok for tok, _ in links], [dek for _, dek in links]])


def _demand_due(session: Session, ranges: Ranges, places: dict[str, list[int]]) -> None:
    """Whoever chose the places read them a moment ago, and something may have been written since."""
    [(signed,)] = session.execute("SELECT coalesce(max(size), 0) FROM checkpoint").fetchall()
    found: Sequence[tuple[int, str, int | None]] = session.execute(_THERE, places).fetchall()
    there = {seq for seq, *_ in found}
    closed = {intent for *_, intent in found if intent is not None}
    if len(there) != sum(last + 1 - first for first, last in ranges):
        raise NotPurged("an entry has no body any more")
    if any(seq >= signed for seq in there):
        raise NotPurged("an entry is not signed yet")
    if any(kind not in MAY_GO for _, kind, _ in found):
        raise NotPurged("an entry is of a kind that stays")
    if not closed <= there or closed != {seq for seq, kind, _ in found if kind == "intent"}:
        raise NotPurged("an intent and its outcomes go together")
    if not {seq for (seq,) in session.execute(_FOLLOWERS, places).fetchall()} <= there:
        raise NotPurged("an intent has an outcome that is to stay")
