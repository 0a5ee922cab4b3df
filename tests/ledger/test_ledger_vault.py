"""What every vault keeps and lets go of, and that nothing stays in its files of what it let go of."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest
from postgres_stores import prepared

from gateway.errors import StartError
from gateway.ledger import StoreError
from gateway.ledger.postgres_vault import PostgresVault
from gateway.ledger.sqlite_vault import SqliteVault
from gateway.ledger.vault import Generation, OldGenerationError, SealedToken, Vault, WrappedKey

Opened = Callable[[], Vault]


def noise(length: int, *seed: object) -> bytes:
    return hashlib.shake_256(repr(seed).encode()).digest(length)


def key(number: int, generation: int = 1) -> WrappedKey:
    return WrappedKey(noise(16, number), generation, noise(60, number, generation))


def token(number: int, of: WrappedKey) -> SealedToken:
    return SealedToken(noise(16, number, "lookup"), noise(16, number, "digest"), of.id, noise(60, number, "sealed"))


ZOE, BOB = key(17), key(18)


@pytest.fixture(params=["sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    """Opens the same vault as often as a test likes."""
    vaults: list[Vault] = []
    url = prepared(request.getfixturevalue("emptied")).url if request.param == "postgres" else ""

    def again() -> Vault:
        vaults.append(PostgresVault(url) if url else SqliteVault(tmp_path / "keys.db"))
        return vaults[-1]

    yield again
    for vault in vaults:
        vault.close()


@pytest.fixture
def vault(opened: Opened) -> Vault:
    return opened()


def files(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.iterdir()))


def test_what_was_committed_is_found_also_by_whoever_opens_it_next(vault: Vault, opened: Opened) -> None:
    vault.commit([ZOE, BOB], [token(1, ZOE)])

    for each in (vault, opened()):
        assert (each.key(ZOE.id), each.key(BOB.id), each.key(b"x" * 16)) == (ZOE, BOB, None)
        assert each.token_of(token(1, ZOE).lookup) == each.token_by(token(1, ZOE).digest) == token(1, ZOE)
        assert each.token_of(token(2, ZOE).lookup) is each.token_by(token(2, ZOE).digest) is None


def test_what_is_committed_twice_stays_as_it_was(vault: Vault) -> None:
    vault.commit([ZOE], [token(1, ZOE)])

    vault.commit([ZOE._replace(wrapped=b"other")], [token(1, ZOE)._replace(sealed=b"other")])

    assert vault.key(ZOE.id) == ZOE
    assert vault.token_of(token(1, ZOE).lookup) == token(1, ZOE)


def test_the_newest_generation_is_kept_alone(vault: Vault, opened: Opened) -> None:
    assert vault.generation() is None

    vault.begin(Generation(1, b"one"))
    vault.begin(Generation(2, b"two"))

    assert opened().generation() == Generation(2, b"two")


def test_a_key_of_an_earlier_generation_than_the_newest_is_not_taken(vault: Vault) -> None:
    vault.begin(Generation(2, b"two"))

    with pytest.raises(OldGenerationError):
        vault.commit([key(17, 2), key(18, 1)], [])

    assert vault.key(key(17).id) is None
    vault.commit([key(17, 2)], [])
    assert vault.key(key(17).id) == key(17, 2)


def test_keys_of_earlier_generations_are_found_until_they_are_wrapped_again(vault: Vault) -> None:
    vault.commit([key(number) for number in range(5)] + [key(5, 2)], [])

    assert len(vault.before(2, 3)) == 3
    vault.rewrap([key(number, 2) for number in range(5)])

    assert vault.before(2, 3) == []
    assert vault.key(key(0).id) == key(0, 2)


def test_a_key_that_is_gone_does_not_come_back_by_being_wrapped_again(vault: Vault) -> None:
    vault.commit([ZOE], [])
    [found] = vault.before(2, 10)
    vault.destroy([ZOE.id], 1)

    vault.rewrap([found._replace(generation=2)])

    assert vault.key(ZOE.id) is None


def test_every_key_is_listed(vault: Vault) -> None:
    wanted = [WrappedKey(number.to_bytes(16, "big"), 1, b"w") for number in range(2_500)]
    vault.commit(wanted, [])

    assert sorted(vault.ids()) == [each.id for each in wanted]


def test_with_a_key_go_its_tokens_and_no_other_ones(vault: Vault, opened: Opened) -> None:
    vault.commit([ZOE, BOB], [token(1, ZOE), token(2, ZOE), token(3, BOB)])
    assert vault.erased() == 0

    vault.destroy([ZOE.id], 1)
    vault.destroy([ZOE.id], 1)

    for each in (vault, opened()):
        assert (each.key(ZOE.id), each.key(BOB.id), each.erased()) == (None, BOB, 1)
        assert each.token_by(token(1, ZOE).digest) is each.token_by(token(2, ZOE).digest) is None
        assert each.token_by(token(3, BOB).digest) == token(3, BOB)


@pytest.mark.parametrize("secure", [True, False])
def test_after_wiping_no_file_has_a_byte_of_what_was_destroyed(tmp_path: Path, secure: bool) -> None:
    vault = SqliteVault(tmp_path / "keys.db")
    if not secure:
        vault._writing.pragma("secure_delete", 0)
    vault.commit([ZOE, BOB], [token(1, ZOE), token(2, BOB)])
    vault.wipe()
    secrets = (ZOE.id, ZOE.wrapped, token(1, ZOE).lookup, token(1, ZOE).digest, token(1, ZOE).sealed)
    assert all(secret in files(tmp_path) for secret in secrets)

    vault.destroy([ZOE.id], 1)
    vault.wipe()

    # Without secure_delete they stay in pages that nothing refers to: this test can see that.
    assert any(secret in files(tmp_path) for secret in secrets) is not secure
    assert BOB.wrapped in files(tmp_path)


def test_after_wiping_no_file_has_what_was_wrapped_before(tmp_path: Path) -> None:
    vault = SqliteVault(tmp_path / "keys.db")
    vault.begin(Generation(1, b"the first generation"))
    vault.commit([ZOE], [])

    vault.begin(Generation(2, b"the second generation"))
    vault.rewrap([key(17, 2)])
    vault.wipe()

    assert key(17, 2).wrapped in files(tmp_path)
    assert ZOE.wrapped not in files(tmp_path)
    assert b"the first generation" not in files(tmp_path)


def test_a_vault_that_cannot_be_wiped_says_so(tmp_path: Path) -> None:
    vault = SqliteVault(tmp_path / "keys.db")
    vault.commit([ZOE], [])
    reader = apsw.Connection(str(tmp_path / "keys.db"))
    reader.execute("BEGIN; SELECT * FROM subject_key").fetchall()
    vault.destroy([ZOE.id], 1)
    vault._writing.set_busy_timeout(1)

    with pytest.raises(StoreError):
        vault.wipe()

    reader.close()
    vault.wipe()


def test_rows_that_were_moved_leave_copies_and_those_are_overwritten(tmp_path: Path) -> None:
    # Seen on the larger pages of earlier files.
    apsw.Connection(str(tmp_path / "keys.db")).execute(
        "PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL; VACUUM"
    )
    vault = SqliteVault(tmp_path / "keys.db")
    keys = [key(number) for number in range(1_800)]
    vault.commit(keys, [token(number, keys[number]) for number in range(1_800)])
    gone, left = keys[::2], keys[1::2]
    assert len(vault.traces([gone[0].id])) == 5
    traces = [each.id for each in gone]
    vault.destroy([each.id for each in gone], len(gone))
    vault.wipe()

    found = vault.residue(traces)
    vault.overwrite(found)

    # Otherwise this test would say nothing: secure_delete alone leaves some.
    assert found
    assert vault.residue(traces) == []
    for start in range(0, 500, 100):
        vault.commit([key(number) for number in range(4_000 + start, 4_100 + start)], [])
    vault.wipe()
    assert vault.residue(traces) == []
    assert vault._writing.pragma("integrity_check") == "ok"
    assert [vault.key(each.id) for each in left] == left


def test_what_is_in_a_row_by_now_is_not_overwritten(tmp_path: Path) -> None:
    vault = SqliteVault(tmp_path / "keys.db")
    vault.commit([ZOE], [])
    vault.wipe()
    [found] = vault.residue([ZOE.id])

    vault.overwrite([found._replace(bytes=b"x" * 16)])

    assert vault.key(ZOE.id) == ZOE


def test_keys_of_an_epoch_are_unused_until_a_link_names_them(vault: Vault, opened: Opened) -> None:
    vault.commit([key(1), key(2)], [], 7)
    vault.commit([key(3)], [], 8)
    vault.commit([ZOE], [])

    vault.used([key(1).id, ZOE.id, b"x" * 16])

    for each in (vault, opened()):
        assert sorted(each.unsure()) == [7, 8]
        assert set(each.unused([7, 9], 10)) == {key(2).id}
        assert len(each.unused([7, 8], 1)) == 1
    vault.destroy(vault.unused([7, 8], 10), 0)
    assert list(vault.unsure()) == []
    assert {key(1).id, ZOE.id} == set(vault.ids())


def test_a_file_of_an_earlier_version_is_brought_up_and_one_of_a_later_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "keys.db"
    vault = SqliteVault(file)
    vault.commit([ZOE], [])
    vault.close()
    database = apsw.Connection(str(file))
    database.execute("DROP INDEX subject_key_epoch; ALTER TABLE subject_key DROP COLUMN epoch")
    database.pragma("user_version", 1)
    database.close()

    vault = SqliteVault(file)
    assert (vault.key(ZOE.id), list(vault.unsure())) == (ZOE, [])
    vault.close()

    apsw.Connection(str(file)).pragma("user_version", 99)
    with pytest.raises(StartError, match="newer gateway"):
        SqliteVault(file)
