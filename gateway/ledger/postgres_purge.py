"""What a purge does to the PostgreSQL: bodies go, one way only, and what they were stays provable."""

from collections.abc import Sequence

from gateway.failpoints import failpoint
from gateway.ledger import purgeable
from gateway.ledger.purgeable import AT_FIRST, COVERING, HELD, MAY_GO, Body, Ranges, demand_due, listed
from gateway.ledger.session import Session
from gateway.ledger.store import NotPurged

_NAMED = f"""
CREATE OR REPLACE FUNCTION named() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger, pg_temp AS $$ BEGIN
    IF {COVERING.format("OLD.seq")} < OLD.seq
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
    IF NEW.first > NEW.last OR NEW.last >= NEW.purge OR {COVERING.format("NEW.last")} >= NEW.first
        OR NOT EXISTS (SELECT 1 FROM leaf WHERE seq = NEW.purge AND kind = 'purge')
    THEN RAISE EXCEPTION 'a purge covers what stands before it, and once'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER covers BEFORE INSERT ON purged FOR EACH ROW EXECUTE FUNCTION covers();
{_NAMED.format(kinds=listed(AT_FIRST))}
CREATE TRIGGER named BEFORE DELETE ON leaf_body FOR EACH ROW EXECUTE FUNCTION named();
"""  # noqa: S608 - made of literals of our own
WITH_RESOLVE = _NAMED.format(kinds=listed(purgeable.WITH_RESOLVE))
WITH_RECEIVED = _NAMED.format(kinds=listed(MAY_GO))

_PLACES = "unnest(%(first)s::bigint[], %(last)s::bigint[]) r(first, last)"
_THERE = f"SELECT seq, kind, intent FROM leaf JOIN leaf_body USING (seq) JOIN {_PLACES} ON seq BETWEEN first AND last"  # noqa: S608
_FOLLOWERS = f"SELECT seq FROM leaf JOIN {_PLACES} ON intent BETWEEN first AND last"  # noqa: S608
_LINKS = f"SELECT DISTINCT tok, dek FROM link JOIN {_PLACES} ON seq BETWEEN first AND last"  # noqa: S608
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
    if session.execute(HELD.format("%s"), [as_of]).fetchall():
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
    [(signed,)] = session.execute("SELECT coalesce(max(size), 0) FROM checkpoint").fetchall()
    bodies: Sequence[Body] = session.execute(_THERE, places).fetchall()
    followers = [seq for (seq,) in session.execute(_FOLLOWERS, places).fetchall()]
    demand_due(ranges, bodies, followers, signed)
