"""How long the report about one person takes in a record of a million disclosures: run it with the number of them.

The million are copies of one entry, put beside the log without their hashes; what is measured is only the reading.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import apsw
from running import Running, running

from gateway.identity import Caller
from gateway.rights.report import WantReport
from gateway.vocabulary import Role

TO = {"name": "Zoe", "city": "Celle", "country": "DE", "phone": "+4930901820"}
OWN = 40  # disclosures of the person who asks
TRIES = 5
_FIRST = 10_000_000  # a place that the log does not reach
_PEOPLE = 100_000
_FILL = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ? - 1) INSERT INTO {}
"""


def filled(file: Path, count: int) -> None:
    """Puts that many disclosures, each with its outcome, about other people into the file."""
    database = apsw.Connection(str(file))
    database.set_busy_timeout(60_000)
    [(seq,)] = database.execute("SELECT max(seq) FROM leaf WHERE kind = 'intent'")
    places, intent = f"{_FIRST} + 2 * i", f"(SELECT {{}} FROM leaf_body WHERE seq = {seq})"
    with database:
        for at, kind, of in ((0, "intent", "NULL"), (1, "outcome", places)):
            row = f"SELECT {places} + {at}, randomblob(16), '{kind}', 1, {of}, randomblob(32) FROM n"
            database.execute(_FILL.format("leaf ") + row, (count,))
        columns = ", ".join(intent.format(name) for name in ("body", "vendor", "operation", "caller", "code", "result"))
        database.execute(_FILL.format("leaf_body ") + f"SELECT {places}, {columns} FROM n", (count,))
        outcome = "CAST('{\"result\":\"sent\"}' AS BLOB), NULL, NULL, NULL, NULL, 'sent'"
        database.execute(_FILL.format("leaf_body ") + f"SELECT {places} + 1, {outcome} FROM n", (count,))
        tok = f"CAST(printf('%016d', i % {_PEOPLE}) AS BLOB)"
        row = f"SELECT {places}, 0, {tok}, randomblob(16), randomblob(120) FROM n"
        database.execute(_FILL.format("link ") + row, (count,))
    database.close()


def measured(gateway: Running) -> tuple[int, list[float]]:
    """How many lines the report has, and the seconds that it takes, each time anew."""
    caller = Caller("", "0" * 32, "shop-eu", "live", None, 0, Role.SUBJECT, "c-89")
    took, lines = list[float](), 0
    for _ in range(TRIES):
        began = time.perf_counter()
        report = gateway.do(lambda: gateway.gateway.disclosures.made(caller, WantReport()))
        took.append(time.perf_counter() - began)
        lines = len(report.disclosures)
    return lines, took


def main(count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as gateway:
        for _ in range(OWN):
            gateway.ship(to=TO)
        gateway.entries()
        filled(Path(folder) / "data" / "ledger.db", count)
        lines, took = measured(gateway)
    return {"disclosures": count, "lines": lines, "seconds": [round(each, 3) for each in took]}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
