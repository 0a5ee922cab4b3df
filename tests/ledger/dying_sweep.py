"""A process that purges a ledger at a given time, and is killed at a step of it."""

import asyncio
import sys
from pathlib import Path

from old_logs import KEEPS, Times, opened

from gateway import failpoints


async def main(folder: Path, wall: int, boot: int, armed: str) -> None:
    ledger = opened(folder, Times(wall, boot))
    failpoints.arm(armed)
    await ledger.purge(KEEPS, by="n1")
    await ledger.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
