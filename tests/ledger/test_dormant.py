"""Keys of people whose accounts are long unused stand under the archive key too, and open with it alone."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from postgres_stores import prepared
from running import Running, running

from gateway.errors import Refusal
from gateway.ledger.dormant import FILE, OUT_OF_REACH, SECRET, PutAwayError
from gateway.ledger.hierarchy import Hierarchy
from gateway.ledger.keys import Keys
from gateway.ledger.postgres_vault import PostgresVault
from gateway.ledger.sqlite_vault import SqliteVault
from gateway.ledger.vault import Vault, WrappedKey

REF = "c-88"
INACTIVE = {"kind": "flag", "subject": REF, "flag": "inactive"}
Opened = Callable[[], Keys]


@pytest.fixture(params=["sqlite", "postgresql"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    """Opens the same keys, again and again, with one person in them."""
    deks: dict[bytes, bytes] = {}
    made: list[Keys] = []
    vault: Callable[[Path], Vault] = SqliteVault
    if request.param == "postgresql":
        url = prepared(request.getfixturevalue("database")).url
        vault = lambda _: PostgresVault(url)  # noqa: E731

    def keys() -> Keys:
        found = Keys.open(tmp_path, vault=vault)
        found.attach(None, deks.get)
        if not deks:
            deks[found.token(REF)] = found.of(found.token(REF)).id
            found.commit()
            found.linked(deks)
        made.append(found)
        return found

    yield keys
    for each in made:
        each.close()


def inner(keys: Keys) -> int:
    """How long what the key of the generation goes around is."""
    [found] = keys.vault.wrapped([keys.of(keys.token(REF)).id])
    return len(keys.hierarchy._secret(found))


def opens(keys: Keys) -> bool:
    keys.forget([keys.token(REF)])
    try:
        return keys.of(keys.token(REF)) is not None
    except PutAwayError:
        return False


def test_a_key_is_put_away_once_and_opens_with_the_archive_key_alone(opened: Opened, tmp_path: Path) -> None:
    keys = opened()

    moved = [keys.sorted_away(REF, away=True) for _ in range(2)]
    with_it = opens(keys)
    length = inner(keys)
    (tmp_path / FILE).rename(tmp_path / "elsewhere")
    without = opens(keys)
    (tmp_path / FILE).write_bytes(os.urandom(32))
    (tmp_path / FILE).chmod(0o600)
    with_another = opens(keys)
    shutil.move(tmp_path / "elsewhere", tmp_path / FILE)

    assert moved == [1, 0]
    assert (with_it, without, with_another) == (True, False, False)
    assert length > SECRET
    assert opens(keys)


def test_a_key_that_is_brought_back_needs_it_no_more(opened: Opened, tmp_path: Path) -> None:
    keys = opened()
    keys.sorted_away(REF, away=True)

    moved = [keys.sorted_away(REF, away=False) for _ in range(2)]
    (tmp_path / FILE).unlink()

    assert moved == [1, 0]
    assert opens(keys)
    assert inner(keys) == SECRET


def test_a_turnover_moves_what_is_put_away_without_the_archive_key(opened: Opened, tmp_path: Path) -> None:
    keys = opened()
    keys.sorted_away(REF, away=True)
    (tmp_path / FILE).rename(tmp_path / "elsewhere")

    keys.hierarchy.begin()
    while keys.hierarchy.rewrap():
        pass
    generation = keys.hierarchy.end()
    away = opens(keys)
    (tmp_path / "elsewhere").rename(tmp_path / FILE)

    assert (generation, away, opens(keys)) == (2, False, True)


def test_whoever_wrapped_it_anew_at_the_same_moment_wins(opened: Opened) -> None:
    keys = opened()
    vault: Vault = keys.vault
    [before] = vault.wrapped([keys.of(keys.token(REF)).id])
    anew = keys.hierarchy.put_away(before)
    assert anew is not None
    vault.rewrap([WrappedKey(before.id, before.generation + 1, b"another")])

    assert not vault.replace(before, anew)
    assert [each.wrapped for each in vault.wrapped([before.id])] == [b"another"]


def test_without_the_archive_key_nothing_is_put_away_where_it_was_to_stand_elsewhere(tmp_path: Path) -> None:
    keys = Keys.open(tmp_path, archive_key=tmp_path / "stick" / "archive.key")
    tok = keys.token(REF)
    dek = keys.of(tok).id
    keys.attach(None, {tok: dek}.get)
    keys.commit()

    assert keys.sorted_away(REF, away=True) == OUT_OF_REACH
    assert not (tmp_path / FILE).exists()
    keys.close()


def test_a_hierarchy_without_an_archive_key_opens_nothing_that_is_put_away(tmp_path: Path) -> None:
    keys = Keys.open(tmp_path)
    _, made = keys.hierarchy.made()

    away = keys.hierarchy.put_away(made)
    bare = Hierarchy.__new__(Hierarchy)
    bare._archive, bare._keks, bare._newest = None, keys.hierarchy._keks, keys.hierarchy._newest

    assert away is not None
    with pytest.raises(PutAwayError):
        bare.opened(away)
    keys.close()


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, levels={"subject.inactive": "warn"}) as gateway:
        yield gateway


def test_the_day_sorts_the_keys_of_inactive_accounts_and_says_how_many(gateway: Running) -> None:
    gateway.ship()
    gateway.put(INACTIVE)

    sorted_once = [gateway.do(gateway.gateway.sort) for _ in range(2)]
    still = gateway.ship()
    gateway.put({**INACTIVE, "lifted": True})
    back = gateway.do(gateway.gateway.sort)

    assert sorted_once == [(1, 0), (0, 0)]
    assert back == (0, 1)
    assert still.status == 200
    assert [dict(each["filters"])["state"] for each in gateway.record(kind="access")] == ["brought-back", "put-away"]


def test_without_the_archive_key_the_person_is_found_by_nobody_and_with_it_by_those_who_may(gateway: Running) -> None:
    gateway.ship()
    gateway.put(INACTIVE)
    gateway.do(gateway.gateway.sort)
    file = gateway.folder / "data" / FILE
    (away := file.with_name("away")).write_bytes(file.read_bytes())
    file.unlink()

    def about() -> int:
        return len(gateway.do(lambda: gateway.stores.ledger.persons.about(REF)))

    with pytest.raises(Refusal) as refused:
        about()
    away.rename(file)
    file.chmod(0o600)

    assert refused.value.code == "ledger.unavailable"
    assert about() == 1
