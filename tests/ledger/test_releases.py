"""Only what is proven passes for not sent: this epoch of this boot, a slot that nobody else has had."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger import releases as module
from gateway.ledger.releases import SLOTS, Releases

BOOT = "0123456789ab"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("releases") / "releases"


@pytest.fixture
def releases(path: Path) -> Iterator[Releases]:
    path.unlink(missing_ok=True)
    made = Releases(path, BOOT)
    made.begin(7)
    yield made
    made.close()


@given(marked=st.sets(st.integers(0, 3 * SLOTS), max_size=30), asked=st.integers(0, 3 * SLOTS))
def test_what_was_marked_is_never_unsent_and_what_was_not_is(path: Path, marked: set[int], asked: int) -> None:
    path.unlink(missing_ok=True)
    made, size = Releases(path, BOOT), max(marked | {asked}) + 1
    made.begin(7)
    for seq in sorted(marked):
        made.mark(seq)
    made.close()

    again = Releases(path, BOOT)

    assert again.unsent(asked, 7, size) == (asked not in marked and size - asked <= SLOTS)
    assert not any(again.unsent(seq, 7, size) for seq in marked)
    again.close()


def test_of_another_epoch_or_boot_nothing_is_proven(path: Path, releases: Releases) -> None:
    assert releases.unsent(5, 7, 10)
    assert not releases.unsent(5, 6, 10)
    releases.begin(8)
    assert releases.unsent(5, 7, 10)
    assert releases.unsent(6, 8, 10)
    for epoch in range(9, 9 + module.EPOCHS):
        releases.begin(epoch)
    assert not releases.unsent(5, 7, 10)
    assert not releases.unsent(5, 99, 10)

    other = Releases(path, "ba9876543210")

    assert not other.unsent(5, 9, 10)
    other.begin(9)
    assert not other.unsent(5, 10, 10)
    other.close()


def test_what_an_earlier_epoch_let_out_is_not_proven_in_this_one(releases: Releases) -> None:
    releases.mark(5)

    releases.begin(8)

    assert not releases.unsent(5, 8, 10)


def test_a_slot_that_had_its_turn_again_proves_nothing(releases: Releases) -> None:
    releases.mark(5)
    releases.mark(5 + SLOTS)

    assert not releases.unsent(5, 7, SLOTS + 6)
    assert releases.unsent(6, 7, SLOTS + 6)


def test_without_a_look_at_the_size_it_would(releases: Releases) -> None:
    releases.mark(5)
    releases.mark(5 + SLOTS)

    assert releases.unsent(5, 7, 6)


def test_all_of_the_file_is_there_before_it_is_used(path: Path, releases: Releases) -> None:
    assert path.stat().st_blocks * 512 >= path.stat().st_size == module._LENGTH
    assert path.stat().st_mode & 0o777 == 0o600


def test_it_takes_all_of_its_memory_when_it_is_opened(tmp_path: Path) -> None:
    releases = Releases(tmp_path / "releases", BOOT)

    [mapped] = re.findall(
        rf"{re.escape(str(tmp_path))}/releases\nSize: +(\d+) kB\n(?:.*\n)*?Rss: +(\d+) kB\n",
        Path("/proc/self/smaps").read_text("utf-8"),
    )
    releases.close()

    assert mapped[0] == mapped[1]
