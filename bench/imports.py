"""How many rows of facts a gateway takes in a second, as a file of mixed rows: run it with the number of them.

The file comes twice: first all of it is new, and then nothing is. With `postgresql` after the number the gateway has
its state in one that is made for it.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
from clusters import binaries, cluster
from processes import Machine, Serving

from bench.process import BenchError, parse_stat

PATIENCE = 600.0  # seconds for a file


def rows(count: int) -> Iterator[dict[str, Any]]:
    """An order in three, with two people; then a consent, and what is known of one of them."""
    for number in range(count):
        person, friend = f"p-{number % (count // 4 or 1)}", f"f-{number % 1000}"
        match number % 6:
            case 0 | 3:
                people = [
                    {"role": "purchaser", "subject": person, "jurisdiction": "DE"},
                    {"role": "consignee", "subject": friend, "jurisdiction": "FR"},
                ]
                yield {"kind": "order", "order": f"O-{number}", "people": people}
            case 1 | 4:
                given = {"purpose": "delivery_notification", "state": "given"}
                yield {"kind": "consent", "subject": person, "time": f"2026-01-{number % 28 + 1:02}T10:00:00Z", **given}
            case 2:
                yield {"kind": "order_state", "order": f"O-{number - 2}", "state": "shipped"}
            case _:
                yield {"kind": "flag", "subject": person, "flag": "opted_out"}


def used_cpu(process: int) -> float:
    """Seconds of CPU that it has used."""
    return parse_stat(Path(f"/proc/{process}/stat").read_text()).cpu


def main(count: int, store: str) -> dict[str, Any]:
    content = "".join(f"{json.dumps(row)}\n" for row in rows(count)).encode()
    with ExitStack() as stack:
        settings: dict[str, str] = {}
        if store == "postgresql":
            found = binaries()
            if found is None:
                raise BenchError("PostgreSQL is not installed")
            database = stack.enter_context(stack.enter_context(cluster(found)).database())
            settings = {"DATABASE": database, "DATABASE_UNGUARDED": "true"}
        machine = Machine(Path(stack.enter_context(tempfile.TemporaryDirectory())), settings=settings)
        gateway = stack.enter_context(machine.serving())
        token = machine.typed("token", "issue", "--service", "bench", "--role", "operator").stdout.strip()
        told = {what: taken(gateway, token, what, content, count) for what in ("new", "same")}
    return {"rows": count, "store": store, **told}


def taken(gateway: Serving, token: str, what: str, content: bytes, count: int) -> dict[str, Any]:
    """What a file came to that was sent to `POST /facts`, and how fast that went."""
    headers = {"authorization": f"Bearer {token}", "content-type": "application/x-ndjson"}
    url = f"http://127.0.0.1:{gateway.operators_port}/facts?import={what}"
    used, began = used_cpu(gateway.process.pid), time.perf_counter()
    reply = httpx2.post(url, content=content, headers=headers, timeout=PATIENCE, trust_env=False)
    took, used = time.perf_counter() - began, used_cpu(gateway.process.pid) - used
    return {
        "counts": reply.json()["result"]["counts"],
        "rows_per_second": round(count / took),
        "cpu_seconds": round(used, 1),
    }


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "sqlite")))
