"""How far the log was acknowledged is there again after whatever happens to the file."""

import os
from pathlib import Path

import pytest

from gateway.errors import StartError
from gateway.ledger import StoreError
from gateway.ledger.highwater import SLOT, HighWater, Mark
from gateway.ledger.tree import Tree

TREES = [Tree().plus(bytes([each]) * 32 for each in range(size)) for size in range(5)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "high-water"


def marked(path: Path, *sizes: int) -> None:
    water = HighWater(path)
    for size in sizes:
        water.mark(TREES[size])
    water.close()


@pytest.mark.parametrize("sizes", [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)])
def test_the_last_mark_is_read_again(path: Path, sizes: tuple[int, ...]) -> None:
    marked(path, *sizes)

    tree = TREES[max(sizes, default=0)]
    assert HighWater(path).last == Mark(tree.size, tree.root)


@pytest.mark.parametrize("sizes", [(1, 2), (1, 2, 3)])
@pytest.mark.parametrize("kept", [0, 10, 100, SLOT - 400])
def test_a_mark_that_was_half_written_leaves_the_one_before_it(path: Path, sizes: tuple[int, ...], kept: int) -> None:
    marked(path, *sizes[:-1])
    before = path.read_bytes().ljust(2 * SLOT)
    marked(path, sizes[-1])
    after = path.read_bytes().ljust(2 * SLOT)
    [slot] = {at // SLOT for at in range(2 * SLOT) if before[at] != after[at]}

    cut = slot * SLOT + kept
    path.write_bytes(after[:cut] + before[cut : (slot + 1) * SLOT] + after[(slot + 1) * SLOT :])

    assert HighWater(path).last.size in sizes[-2:]
    assert HighWater(path).last.root == TREES[HighWater(path).last.size].root


def test_one_that_was_read_goes_on_in_the_other_slot(path: Path) -> None:
    marked(path, 1, 2)
    before = path.read_bytes()

    marked(path, 3)

    after = path.read_bytes()
    assert after[SLOT:] == before[SLOT:]
    assert after[:SLOT] != before[:SLOT]


def test_a_file_that_holds_something_else_stops_the_start(path: Path) -> None:
    path.write_bytes(b"something else")

    with pytest.raises(StartError, match="damaged"):
        HighWater(path)


def test_it_is_marked_at_most_once_a_second(path: Path) -> None:
    water = HighWater(path)
    for tree in TREES[1:]:
        water.step(tree)

    assert water.last.size == 1


def test_a_log_that_does_not_grow_is_not_marked_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ledger.highwater.PERIOD", 0.0)
    water = HighWater(path)
    water.step(TREES[3])
    before = path.read_bytes()

    water.step(TREES[3])

    assert path.read_bytes() == before
    water.step(TREES[4])
    assert path.read_bytes() != before


def test_a_disk_that_fails_is_one_after_which_nothing_is_tried_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_: int) -> None:
        raise OSError(5, "Input/output error")

    water = HighWater(path)
    monkeypatch.setattr(os, "fdatasync", failing)

    with pytest.raises(StoreError, match="high-water") as failed:
        water.mark(TREES[1])

    assert failed.value.lasting
