"""What the ledger does under load: disclosures a second, bytes, the speed of the verifier, and what growing costs.

`python -m bench.ledger`, with `tests` and `tests/ledger` on the path, where the events and the PostgreSQL come from.
"""

import argparse
import asyncio
import dataclasses
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import uvloop
from clusters import binaries, cluster
from ledger_fakes import SENT

from bench.disk import fdatasync_us
from bench.ledger_node import PAYLOAD, Load, begun, intent, opened
from bench.process import ROOT, BenchError, environment
from bench.report import Claim
from gateway.errors import Refusal
from gateway.ledger import Ledger, Subject
from gateway.ledger.postgres_schema import prepare
from gateway.ledger.scribe import Scribe, Ticket
from gateway.ledger.sealing import Payload
from gateway.ledger.store import Row

CLIENTS = (1, 32, 128)
PARTS = ("sqlite", "postgres", "growth", "verify")
TOGETHER = 256  # leaves in one commit, as about a hundred clients bring them
SQLITE_RATE, SQLITE_P99_MS, POSTGRES_RATE = 5_000.0, 30.0, 3_000.0
BYTES = 1_536.0
TREE_RATE, CHECKS_RATE = 200_000.0, 20_000.0
FLAT = 1.5
"""How much more a leaf may cost at a million than at ten thousand, to be called flat."""
TREE, ALL = "hash and root", "all checks"
_TRIES = 20
_STARTS = 5
_ROLE = "gateway"
_WINDOW = 10_000


@dataclass(frozen=True, slots=True)
class Nodes:
    """What several nodes did at one time."""

    store: str
    loads: Sequence[Load]

    @property
    def clients(self) -> int:
        return sum(load.clients for load in self.loads)

    @property
    def rate(self) -> float:
        return sum(load.disclosures / load.seconds for load in self.loads)

    @property
    def p99_ms(self) -> float:
        return max(load.p99_ms for load in self.loads)

    def __str__(self) -> str:
        p50 = statistics.median(load.p50_ms for load in self.loads)
        return (
            f"{self.store:<10} {len(self.loads)} node(s) {self.clients:>4} clients "
            f"{self.rate:>8,.0f} disclosures/s  p50 {p50:6.1f} ms  p99 {self.p99_ms:6.1f} ms"
        )


@dataclass
class Measured:
    """Everything that was measured; what was not is empty."""

    fdatasync_us: float
    loads: list[Nodes] = field(default_factory=list)
    leaf_us: dict[int, float] = field(default_factory=dict)
    bytes_each: float = 0.0
    checks: dict[str, float] = field(default_factory=dict)
    bytes_in: dict[str, float] = field(default_factory=dict)

    def claims(self) -> Iterator[Claim]:
        """Rates are aims from below, so they are shown as how long one takes, which is an aim from above."""
        for nodes in self.loads:
            if nodes.store == "sqlite" and nodes.clients == CLIENTS[-1]:
                yield _at_least(f"disclosures/s on SQLite at {nodes.clients} clients", nodes.rate, SQLITE_RATE)
                yield _at_most("p99 of an intent there, ms", nodes.p99_ms, SQLITE_P99_MS)
            if nodes.store == "postgres":
                yield _at_least(f"disclosures/s on PostgreSQL, {len(nodes.loads)} node(s)", nodes.rate, POSTGRES_RATE)
        if self.bytes_each:
            yield _at_most("bytes on disk for a disclosure", self.bytes_each, BYTES)
        if len(self.leaf_us) > 1:
            small, *_, large = (self.leaf_us[size] for size in sorted(self.leaf_us))
            yield _at_most("cost of a leaf at the largest log, to that at the smallest", large / small, FLAT)
        for name, rate in self.checks.items():
            yield _at_least(f"leaves/s, {name}", rate, TREE_RATE if name == TREE else CHECKS_RATE)


def _at_least(what: str, figure: float, least: float) -> Claim:
    return Claim("aim", f"{what}: {figure:,.0f}; {least:,.0f} to it", least / figure, 1.0, met=figure >= least)


def _at_most(what: str, figure: float, most: float) -> Claim:
    return Claim("aim", what, figure, most, met=figure <= most)


def ledger(parts: Sequence[str], workdir: Path, *, seconds: float, leaves: int) -> Measured:
    """Measures these parts. Raises BenchError where one cannot be measured."""
    measured = Measured(fdatasync_us(workdir))
    for part in parts:
        _MEASURES[part](measured, workdir, seconds, leaves)
    return measured


def _sqlite(measured: Measured, workdir: Path, seconds: float, _: int) -> None:
    for clients in CLIENTS:
        folder = workdir / f"sqlite-{clients}"
        measured.loads.append(Nodes("sqlite", _together(folder, [clients], "", seconds)))


def _postgres(measured: Measured, workdir: Path, seconds: float, _: int) -> None:
    found = binaries()
    if found is None:
        raise BenchError("PostgreSQL is not installed")
    for clients in ([CLIENTS[-1]], [CLIENTS[-1] // 2] * 2):
        with ExitStack() as stack:
            running = stack.enter_context(cluster(found))
            owner = stack.enter_context(running.database())
            with running.session() as session:
                session.execute(f"CREATE ROLE {_ROLE} LOGIN")
            url = owner.replace("//postgres@", f"//{_ROLE}@")
            prepare(owner, url, "main")
            folder = workdir / f"postgres-{len(clients)}"
            measured.loads.append(Nodes("postgres", _together(folder, clients, url, seconds)))


def _together(folder: Path, clients: Sequence[int], database: str, seconds: float) -> list[Load]:
    """Several nodes, each a process, that begin at the same time."""
    path = f"{ROOT}:{ROOT / 'tests'}:{ROOT / 'tests' / 'ledger'}"
    nodes = []
    for number, count in enumerate(clients):
        command = [sys.executable, "-m", "bench.ledger_node", "--folder", str(folder / str(number)), "--wait"]
        command += ["--node", f"n{number}", "--database", database, "--clients", str(count), "--seconds", str(seconds)]
        (folder / str(number)).mkdir(parents=True)
        _shared_secrets(folder, number)
        nodes.append(_started(command, environment(PYTHONPATH=path)))
        # One after the other: the first makes the secrets that are the same on every node.
        if (line := nodes[-1].stdout.readline()) != "ready\n":  # type: ignore[union-attr]
            raise BenchError(f"a node did not start: {line}")
    for node in nodes:
        node.stdin.write("go\n")  # type: ignore[union-attr]
        node.stdin.flush()  # type: ignore[union-attr]
    return [Load(**json.loads(node.communicate(timeout=120)[0])) for node in nodes]


def _shared_secrets(folder: Path, number: int) -> None:
    """Every node has the root key and the signing key of the first."""
    for name in ("root.key", "kek.key", "sign.key") if number else ():
        first = folder / "0" / name
        if first.exists():
            copy = folder / str(number) / name
            copy.write_bytes(first.read_bytes())
            copy.chmod(0o600)


def _started(command: list[str], env: Mapping[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(command, env=dict(env), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _growth(measured: Measured, workdir: Path, _: float, leaves: int) -> None:
    """Appends leaves as the writer does, and takes the time of what the store does with them."""
    folder = workdir / "grown"
    folder.mkdir()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        measured.leaf_us = runner.run(_grown(folder, leaves))
    size = sum(path.stat().st_size for path in folder.iterdir() if ".db" in path.name)
    measured.bytes_each = size / (leaves / 2)
    measured.bytes_in = {name: pages / (leaves / 2) for name, pages in _pages(folder)}


def _pages(folder: Path) -> Iterator[tuple[str, int]]:
    """Tables and indexes of which there is more than a little, the largest first, and the bytes of their pages."""
    found = [
        (f"{file.stem}.{name}", pages)
        for file in folder.glob("*.db")
        for name, pages in apsw.Connection(str(file)).execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name")
    ]
    least = sum(pages for _, pages in found) / 200
    return iter(sorted((each for each in found if each[1] > least), key=lambda each: -each[1]))


async def _grown(folder: Path, leaves: int) -> dict[int, float]:
    ledger = opened(folder, "n1", "")
    await begun(ledger)
    costs: dict[int, list[float]] = {}
    # On the thread that writes, so that nothing else does.
    await ledger._deed(lambda: _appended(ledger, leaves, costs))
    await _signed(ledger)
    (folder / "vkey").write_text(ledger.vkey)
    await ledger.close()
    return {mark: statistics.fmean(each) for mark, each in costs.items()}


def _appended(ledger: Ledger, leaves: int, costs: dict[int, list[float]]) -> int:
    """µs of CPU a leaf, with its share of copying the WAL back, in a window before each power of ten."""
    store, scribe = ledger._store, ledger._scribe
    marks = [10**power for power in range(4, 8) if 10**power <= leaves]
    while (size := store.tree.size) < leaves:
        rows = _batch(scribe, size)
        # Its CPU: how long a sync takes does not depend on the size of the log.
        began = time.thread_time()
        scribe.keys.commit()
        store.append(rows)
        store.checkpoint()
        took = (time.thread_time() - began) * 1e6 / len(rows)
        for mark in marks:
            if mark - _WINDOW // 2 <= size < mark:
                costs.setdefault(mark, []).append(took)
    return size


def _batch(scribe: Scribe, size: int) -> list[Row]:
    rows = []
    for place in range(size, size + TOGETHER, 2):
        subject = Subject(f"customer-{place}", "purchaser", "DE")
        row = scribe.row(intent(place), [subject], Payload(PAYLOAD, "application/json"))
        ticket = Ticket(row.id, place, row.index, (subject,))
        rows += [row, scribe.outcome(SENT, ticket)]
    return rows


async def _signed(ledger: Ledger) -> None:
    """A checkpoint over all of it; of a long log it takes longer than anybody is kept waiting."""
    size = ledger._store.tree.size
    for _ in range(_TRIES):
        with suppress(Refusal):
            await ledger.head(size)
            return
    raise BenchError("the log was not signed")


def _verify(measured: Measured, workdir: Path, seconds: float, leaves: int) -> None:
    """The auditor's file over a copy, as a process, less the time in which it starts."""
    folder = workdir / "grown"
    if not folder.exists():
        _growth(measured, workdir, seconds, leaves)
    key = (folder / "vkey").read_text()
    # The first start is a cold one, and others may be disturbed: the shortest is what every check has in it.
    nothing = min(_took(["--help"]) for _ in range(_STARTS))
    for name, checks in ((TREE, ["V2", "V4"]), (ALL, [])):
        only = [word for check in checks for word in ("--only", check)]
        took = _took([str(folder / "ledger.db"), "--key", key, *only])
        measured.checks[name] = leaves / (took - nothing)


def _took(words: list[str]) -> float:
    began = time.perf_counter()
    command = [sys.executable, str(ROOT / "ledger_verify.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"the log does not verify:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return time.perf_counter() - began


def rendered(measured: Measured) -> str:
    """The figures for people."""
    lines = [f"fdatasync of 4 KiB: {measured.fdatasync_us:,.0f} us", "", *map(str, measured.loads)]
    lines += [
        f"a leaf costs {cost:6.1f} us of CPU just below {size:>9,} leaves" for size, cost in measured.leaf_us.items()
    ]
    lines += [f"{measured.bytes_each:,.0f} bytes on disk for a disclosure"] if measured.bytes_each else []
    lines += [f"{each:10,.0f} of them in {name}" for name, each in measured.bytes_in.items()]
    lines += [f"ledger_verify.py, {name}: {rate:,.0f} leaves/s" for name, rate in measured.checks.items()]
    return "\n".join([*lines, "", *map(str, measured.claims())])


_MEASURES: Mapping[str, Callable[[Measured, Path, float, int], None]] = {
    "sqlite": _sqlite,
    "postgres": _postgres,
    "growth": _growth,
    "verify": _verify,
}


def main() -> int:
    """0 when all was measured, 2 when something could not be."""
    parser = argparse.ArgumentParser(prog="python -m bench.ledger", description="The ledger under load.")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this one; may be given several times")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each load (default: 10)")
    parser.add_argument("--leaves", type=int, default=1_000_000, help="to grow to (default: a million)")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    work = ROOT / ".bench"
    work.mkdir(exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=work, prefix="run-") as workdir:
            parts = arguments.part or PARTS
            measured = ledger(parts, Path(workdir), seconds=arguments.seconds, leaves=arguments.leaves)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    if arguments.json:
        claims = [dataclasses.asdict(claim) for claim in measured.claims()]
        print(json.dumps(dataclasses.asdict(measured) | {"claims": claims}, indent=2))
    else:
        print(rendered(measured))
    return 0


if __name__ == "__main__":
    sys.exit(main())
