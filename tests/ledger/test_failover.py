"""A standby that was promoted while the first server still lived, and lacks what that one acknowledged last."""

import asyncio
from pathlib import Path

import pytest
from clusters import Cluster, cluster, standby_of
from ledger_fakes import PURCHASER, Ticking, shipment
from postgres_stores import WRITER, prepared

from gateway.errors import Distrusted
from gateway.ledger import Ledger
from gateway.ledger.postgres import PostgresStore
from gateway.ledger.postgres_vault import PostgresVault

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def opened(folder: Path, url: str, node: str = "n1") -> Ledger:
    return Ledger.open(
        folder, node=node, now=Ticking(), loop=asyncio.get_running_loop(),
        store=lambda _, log: PostgresStore(url, log), vault=lambda _: PostgresVault(url),
    )  # fmt: skip


@pytest.mark.parametrize("remembers", [True, False], ids=["with its high-water mark", "the control, without it"])
async def test_what_a_promoted_standby_lacks_is_noticed_before_anything_is_sent(
    tmp_path: Path, postgres: Cluster, remembers: bool
) -> None:
    with cluster(postgres.binaries) as primary, primary.database() as owner:
        first = prepared(owner)
        ledger = opened(tmp_path / "n1", first.url)
        await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
        with standby_of(primary) as standby:
            # From here on it hears nothing any more, and nobody waits for it.
            standby.stop()
            for _ in range(3):
                await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
            ledger._notary._mark.mark(ledger._store.tree)
            (standby.folder / "data" / "postgresql.auto.conf").write_text("primary_conninfo = ''\n")
            standby.start()
            with standby.session() as session:
                session.execute("SELECT pg_promote()")
            promoted = owner.replace(str(primary.folder), str(standby.folder)).replace("postgres@", f"{WRITER}@", 1)
            # The first one goes on: both take writes now.
            await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
            await ledger.close()
            if not remembers:
                (tmp_path / "n1" / "high-water").unlink()

            if remembers:
                with pytest.raises(Distrusted, match="ROLLBACK_DETECTED"):
                    opened(tmp_path / "n1", promoted)
            else:
                other = opened(tmp_path / "n1", promoted)
                assert other._store.tree.size < ledger._store.tree.size
                await other.close()
