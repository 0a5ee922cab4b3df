from pathlib import Path

import pytest

from bench.ledger import TREE, Measured, Nodes, ledger, rendered
from bench.ledger_node import Load
from bench.process import BenchError

NODES = Nodes("sqlite", [Load(64, 30_000, 10.0, 9.0, 21.0), Load(64, 33_000, 10.0, 8.0, 33.0)])


def test_nodes_add_up_and_the_slowest_counts() -> None:
    assert (NODES.clients, NODES.rate, NODES.p99_ms) == (128, 6_300.0, 33.0)


def test_an_aim_that_is_missed_says_so() -> None:
    measured = Measured(100.0, [NODES], {10_000: 50.0, 1_000_000: 80.0}, 1_200.0, {TREE: 100_000.0})

    claims = {claim.what: claim.met for claim in measured.claims()}

    assert [claims[what] for what in claims] == [True, False, True, False, False]
    assert rendered(measured).count("MISSED") == 3


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Measured]:
    """A small log that was grown and verified, and what was measured of that."""
    folder = tmp_path_factory.mktemp("bench")
    return folder, ledger(["growth", "verify"], folder, seconds=0.1, leaves=1_000)


def test_a_small_log_is_grown_measured_and_verified(grown: tuple[Path, Measured]) -> None:
    _, measured = grown

    assert measured.bytes_each > 100
    assert next(iter(measured.bytes_in)) == "ledger.leaf_body"
    assert sum(measured.bytes_in.values()) < measured.bytes_each
    # How fast is not asked of so few: a start of the verifier takes longer than all of them.
    assert len(measured.checks) == 2


def test_a_log_that_does_not_verify_is_not_measured(grown: tuple[Path, Measured]) -> None:
    folder, _ = grown
    (folder / "grown" / "vkey").write_text("another+00000000+AAAA")

    with pytest.raises(BenchError, match="does not verify"):
        ledger(["verify"], folder, seconds=0.1, leaves=1_000)
