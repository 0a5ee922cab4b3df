"""`python -m bench`, with what to measure: `compare`, `documents`, `clearance` or `memory`."""

import argparse
import dataclasses
import json
import signal
import sys
import tempfile
from pathlib import Path

from bench.clearance import clearance
from bench.clearance import rendered as rendered_clearance
from bench.compare import Plan, compare
from bench.documents import documents
from bench.documents import rendered as rendered_documents
from bench.memory import memory
from bench.process import ROOT, BenchError
from bench.report import OURS, rendered
from bench.servers import STARTS

WORK = ROOT / ".bench"


def main() -> int:
    """0 when nothing failed and every must is met, 1 otherwise, 2 when nothing could be measured."""
    arguments = _parser().parse_args()
    # Ended from outside, the bench still ends the servers that it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    WORK.mkdir(exist_ok=True)
    run = {"compare": _compare, "documents": _documents, "clearance": _clearance, "memory": _memory}[arguments.command]
    try:
        with tempfile.TemporaryDirectory(dir=WORK, prefix="run-") as workdir:
            return run(arguments, Path(workdir))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="The gateway beside a plain proxy and mitmproxy."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("compare", help="requests/s, latency and CPU per request")
    command.add_argument("--rounds", type=int, default=10)
    command.add_argument("--seconds", type=int, default=3, help="of each load (default: 3)")
    command.add_argument("--server", action="append", choices=STARTS, help="only this one; may be given several times")
    command.add_argument("--json", action="store_true")
    command = commands.add_parser("documents", help="CPU by the size of a document and by the rules of its contract")
    command.add_argument("--json", action="store_true")
    command = commands.add_parser("clearance", help="how much of a call's CPU the decision takes")
    command.add_argument("--json", action="store_true")
    command = commands.add_parser("memory", help="resident memory after few and after many calls")
    command.add_argument("--first", type=int, default=20_000)
    command.add_argument("--more", type=int, default=80_000)
    command.add_argument("--server", choices=STARTS, default=OURS)
    command.add_argument("--json", action="store_true")
    return parser


def _compare(arguments: argparse.Namespace, workdir: Path) -> int:
    plan = Plan(arguments.server or list(STARTS), arguments.rounds, arguments.seconds)
    comparison = compare(plan, workdir)
    claims = comparison.claims()
    if arguments.json:
        figures = dataclasses.asdict(comparison) | {
            "medians": [dataclasses.asdict(sample) for sample in comparison.medians()],
            "claims": [dataclasses.asdict(claim) for claim in claims],
        }
        print(json.dumps(figures, indent=2))
    else:
        print(rendered(comparison))
    return 1 if comparison.errors or any(claim.kind == "must" and not claim.met for claim in claims) else 0


def _clearance(arguments: argparse.Namespace, workdir: Path) -> int:
    shares = clearance(workdir)
    if arguments.json:
        print(json.dumps([dataclasses.asdict(each) | {"claim": dataclasses.asdict(each.claim())} for each in shares]))
    else:
        print(rendered_clearance(shares))
    return 0


def _documents(arguments: argparse.Namespace, workdir: Path) -> int:
    del workdir
    measured = documents()
    if arguments.json:
        claims = [dataclasses.asdict(claim) for claim in measured.claims()]
        print(json.dumps(dataclasses.asdict(measured) | {"claims": claims}, indent=2))
    else:
        print(rendered_documents(measured))
    return 0


def _memory(arguments: argparse.Namespace, workdir: Path) -> int:
    measured = memory(arguments.server, workdir, first=arguments.first, more=arguments.more)
    claim = measured.claim()
    if arguments.json:
        print(json.dumps(dataclasses.asdict(measured) | {"claim": dataclasses.asdict(claim)}, indent=2))
    else:
        print(f"{measured.first_calls:,} calls: {measured.first_rss / 2**20:,.1f} MiB resident")
        print(f"{measured.last_calls:,} calls: {measured.last_rss / 2**20:,.1f} MiB resident")
        print(claim)
    return 1 if measured.errors else 0


if __name__ == "__main__":
    sys.exit(main())
