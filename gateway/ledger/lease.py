"""Who may write: each node under an epoch of its own, for as long as it says that it lives, by the database's clock."""

import time
from collections.abc import Collection, Sequence

from psycopg import sql

from gateway.errors import StartError
from gateway.ledger.database import StoreError
from gateway.ledger.session import Session

LEASE = 15.0  # seconds for which a node that says nothing more is still taken for alive
RENEWED = 5.0  # seconds between two signs of life
GRACE = 5.0  # seconds after the last moment of sending for which an intent of a dead node is left alone
_BETWEEN = 0.05
_TRIES = 200

HEAD = "SELECT size, root, generation FROM head WHERE log = {log} FOR UPDATE"
OWN = "SELECT epoch FROM lease WHERE node = {node}"
_EPOCH = "SELECT size, epoch FROM head WHERE log = %s FOR UPDATE"
_NUMBERED = "UPDATE head SET epoch = %s WHERE log = %s"
_RENEWED = """
    UPDATE lease SET expires = clock_timestamp() + %s * interval '1 s', backend = pg_backend_pid()
    WHERE node = %s AND epoch = %s
"""
# A session that is gone was of a process that ended, or of one that has another now and says so itself.
_HELD = """
    SELECT 1 FROM lease WHERE node = %s AND expires > clock_timestamp() AND backend <> pg_backend_pid()
    AND backend IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())
"""
_RUNNING = """
    SELECT node FROM lease WHERE expires > clock_timestamp() AND backend <> pg_backend_pid()
    AND backend IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database()) ORDER BY node
"""
_OTHERS = "SELECT 1 FROM lease WHERE node <> %s AND expires > clock_timestamp()"
_CLAIMED = """
    INSERT INTO lease VALUES(%s, %s, pg_backend_pid(), clock_timestamp() + %s * interval '1 s')
    ON CONFLICT (node) DO UPDATE SET epoch = excluded.epoch, backend = excluded.backend, expires = excluded.expires
"""
_RELEASED = "DELETE FROM lease WHERE node = %s AND epoch = %s"
# Whether there are open intents of dead nodes which cannot be sent any more.
ABANDONED = """
    SELECT EXISTS (
        SELECT 1 FROM open_intent
        WHERE (not_after + %s * interval '1 s' < clock_timestamp() OR epoch = ANY(%s::bigint[]))
        AND epoch NOT IN (SELECT epoch FROM lease WHERE expires > clock_timestamp())
    )
"""
_FENCED = "DELETE FROM lease WHERE expires < clock_timestamp()"
_TAKEN = """
    UPDATE open_intent SET epoch = %s WHERE seq IN (
        SELECT seq FROM open_intent
        WHERE (not_after + %s * interval '1 s' < clock_timestamp() OR epoch = ANY(%s::bigint[]))
        AND epoch NOT IN (SELECT epoch FROM lease) ORDER BY seq LIMIT %s
    ) RETURNING seq
"""

_OVER = "SELECT epoch FROM unnest(%s::bigint[]) u(epoch) WHERE epoch NOT IN (SELECT epoch FROM lease)"


class Lease:
    """What one node may do in a log. Whoever lost it never gets it back: the process has to start again.

    Every method may raise psycopg.Error.
    """

    def __init__(self, log: str) -> None:
        self._log = log
        self._said = 0.0
        self.node = ""
        self.epoch = 0

    def claim(self, session: Session, node: str) -> int:
        """The number of a new epoch. Raises StartError where another process writes as this node."""
        for _ in range(_TRIES):
            with session.transaction():
                [(size, epoch)] = session.execute(_EPOCH, [self._log]).fetchall()
                if session.execute(_HELD, [node]).fetchall():
                    raise StartError(f"another gateway writes as node {node}; give each a GATEWAY_NODE of its own")
                # One begins the log: whoever comes second waits for what the first one writes.
                if size or not session.execute(_OTHERS, [node]).fetchall():
                    session.execute(_NUMBERED, [epoch + 1, self._log])
                    session.execute(_CLAIMED, [node, epoch + 1, LEASE])
                    self.node, self.epoch, self._said = node, epoch + 1, time.monotonic()
                    return self.epoch
            time.sleep(_BETWEEN)
        raise StartError("another gateway has begun the log and written nothing into it; look at that one")

    def demand_alone(self, session: Session) -> None:
        """Raises StartError where any gateway uses the database."""
        if found := session.execute(_RUNNING).fetchall():
            raise StartError(f"{', '.join(node for (node,) in found)} still runs; stop every gateway of this database")

    @property
    def is_due(self) -> bool:
        return bool(self.epoch) and time.monotonic() >= self._said + RENEWED

    def renew(self, session: Session) -> None:
        """Says that the node lives. Raises StoreError where another one has taken over."""
        self._said = time.monotonic()
        if self.epoch and not session.execute(_RENEWED, [LEASE, self.node, self.epoch]).rowcount:
            raise lost()

    def release(self, session: Session) -> None:
        """The node ends in good order."""
        session.execute(_RELEASED, [self.node, self.epoch])

    def take_over(self, session: Session, limit: int, over: Sequence[int]) -> Sequence[int]:
        """The places of open intents that dead nodes cannot send any more, each given to one node, once.

        They count as this node's from now on, and their nodes cannot write: what was settled is not settled again.
        """
        with session.transaction():
            session.execute(sql.SQL(HEAD).format(log=self._log))
            session.execute(_FENCED)
            return [seq for (seq,) in session.execute(_TAKEN, [self.epoch, GRACE, list(over), limit]).fetchall()]

    def over(self, session: Session, epochs: Collection[int]) -> Sequence[int]:
        """Those of these whose nodes cannot write any more, nor ever again."""
        with session.transaction():
            session.execute(sql.SQL(HEAD).format(log=self._log))
            session.execute(_FENCED)
            return [epoch for (epoch,) in session.execute(_OVER, [list(epochs)]).fetchall()]


def lost() -> StoreError:
    return StoreError("another node took over", lasting=True)
