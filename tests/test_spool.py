"""What is too long for memory stands in a file without a name, which nobody can read who has no more than the file."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import spool as spool_module
from gateway.errors import Refusal
from gateway.pieces import STEP, Pieces, whole
from gateway.spool import IN_MEMORY, Spool, Spools

CANARY = b"canary-of-a-file"
LONG = CANARY * (IN_MEMORY // len(CANARY) * 3)


@pytest.fixture
def spools(tmp_path: Path) -> Spools:
    return Spools(tmp_path, most=64 * 1024 * 1024)


@pytest.fixture
def spool(spools: Spools) -> Iterator[Spool]:
    made = spools.begin()
    yield made
    made.close()


def kept(spool: Spool, data: bytes) -> Pieces:
    payload = spool.done(data)
    assert isinstance(payload, Pieces)
    return payload


def on_disk(spool: Spool) -> bytes:
    """All that stands in its file, for whoever has that."""
    assert spool._file is not None
    return os.pread(spool._file.fileno(), os.fstat(spool._file.fileno()).st_size, 0)


@given(st.lists(st.integers(0, IN_MEMORY), max_size=6), st.data())
def test_what_was_written_in_any_parts_is_read_in_any_parts(lengths: list[int], drawn: st.DataObject) -> None:
    parts = [bytes([number % 251]) * length for number, length in enumerate(lengths)]
    data = b"".join(parts)
    with tempfile.TemporaryDirectory() as folder, closing(Spools(Path(folder), most=2**24).begin()) as spool:
        for part in parts:
            spool.write(part)

        payload = spool.done()

        assert whole(payload) == data
        assert isinstance(payload, Pieces) is spool.is_away is (len(data) > IN_MEMORY)
        if spool.is_away:
            start = drawn.draw(st.integers(0, len(data) - 1))
            size = drawn.draw(st.integers(1, min(len(data) - start, STEP)))
            assert spool.read(start, size) == data[start : start + size]


def test_what_is_short_never_meets_a_disk(tmp_path: Path) -> None:
    spools = Spools(tmp_path / "nowhere", most=0)

    assert spools.begin().done(bytes(IN_MEMORY)) == bytes(IN_MEMORY)


def test_the_file_has_no_name_and_shows_nothing_of_what_is_in_it(tmp_path: Path, spool: Spool) -> None:
    payload = kept(spool, LONG)

    assert list(tmp_path.iterdir()) == []
    assert len(on_disk(spool)) > len(LONG)
    assert CANARY not in on_disk(spool)
    assert payload.count(CANARY) == len(LONG) // len(CANARY)


class Open:
    """A cipher that hides nothing."""

    generate_key = staticmethod(lambda _: b"")

    def __init__(self, key: bytes) -> None:
        pass

    def encrypt(self, _: bytes, data: bytes, __: None) -> bytes:
        return data + bytes(16)

    def decrypt(self, _: bytes, data: bytes, __: None) -> bytes:
        return data[:-16]


def test_a_file_in_clear_is_noticed(tmp_path: Path, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "AESGCM", Open)

    with pytest.raises(AssertionError):
        test_the_file_has_no_name_and_shows_nothing_of_what_is_in_it(tmp_path, spool)


def test_the_same_bytes_stand_there_differently_each_time(spools: Spools) -> None:
    seen = []
    for spool in (spools.begin(), spools.begin()):
        kept(spool, LONG)
        seen.append(on_disk(spool))
        spool.close()

    steps = [each[start : start + STEP] for each in seen for start in range(0, len(each), STEP + 16)]
    assert len(set(steps)) == len(steps)


@pytest.mark.parametrize("at", [0, STEP + 20, -1])
def test_bytes_that_changed_on_the_disk_are_no_bytes(spool: Spool, at: int) -> None:
    payload = kept(spool, LONG)
    assert spool._file is not None
    raw = on_disk(spool)
    os.pwrite(spool._file.fileno(), bytes([raw[at] ^ 1]), at % len(raw))

    with pytest.raises(Refusal) as caught:
        whole(payload)

    assert caught.value.code == "gateway.failed"


def test_steps_that_changed_places_are_no_bytes(spool: Spool) -> None:
    payload = kept(spool, LONG)
    assert spool._file is not None
    sealed = STEP + 16
    raw = on_disk(spool)
    os.pwrite(spool._file.fileno(), raw[sealed : 2 * sealed] + raw[:sealed], 0)

    with pytest.raises(Refusal):
        whole(payload)


def test_a_file_that_was_cut_is_no_file(spool: Spool) -> None:
    payload = kept(spool, LONG)
    assert spool._file is not None
    os.ftruncate(spool._file.fileno(), 3 * STEP)

    with pytest.raises(Refusal):
        whole(payload)


def test_what_was_let_go_of_is_gone_and_its_room_is_free(spools: Spools, spool: Spool) -> None:
    payload = kept(spool, LONG)
    taken = spools.taken

    spool.close()
    spool.close()

    assert taken >= len(LONG)
    assert spools.taken == 0
    with pytest.raises(Refusal) as caught:
        whole(payload)
    assert caught.value.code == "gateway.failed"


def test_together_they_take_no_more_than_their_room(tmp_path: Path) -> None:
    spools = Spools(tmp_path, most=2 * len(LONG) + STEP)
    first, second = spools.begin(), spools.begin()
    kept(first, LONG)

    with pytest.raises(Refusal) as caught:
        second.write(LONG + LONG)
    second.close()

    assert caught.value.code == "gateway.overloaded"
    third = spools.begin()
    assert whole(third.done(LONG)) == LONG
    third.close()
    first.close()


def test_a_folder_that_is_not_there_has_no_room(tmp_path: Path) -> None:
    spool = Spools(tmp_path / "nowhere", most=len(LONG) * 2).begin()

    with pytest.raises(Refusal) as caught:
        spool.write(LONG)

    assert caught.value.code == "gateway.overloaded"


def test_a_disk_that_is_full_has_no_room(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gateway.spool.os.pwrite", full)

    with pytest.raises(Refusal) as caught:
        spool.write(LONG)

    assert caught.value.code == "gateway.overloaded"


def test_a_disk_that_takes_a_little_at_a_time_gets_all_of_it(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = os.pwrite
    monkeypatch.setattr("gateway.spool.os.pwrite", lambda file, data, at: honest(file, data[:1000], at))

    assert whole(kept(spool, LONG)) == LONG
