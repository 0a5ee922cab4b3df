"""A token stands for one value of one person at one vendor, as long as the person's key lives, and outlives a kill."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_fakes import PURCHASER, BalkyStore, Shop, Ticking, shipment

from gateway.errors import Refusal
from gateway.ledger import Ledger, StoreError
from gateway.ledger.keys import Keys
from gateway.ledger.store import Row
from gateway.ledger.tokens import LENGTH

ZOE, BOB = PURCHASER.ref, "guest-2342"
SCOPE, ELSEWHERE = "parcels\0account.id", "payments\0account.id"


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys.open(tmp_path)


def erase(folder: Path) -> None:
    """What is left where the keys of all people are destroyed."""
    apsw.Connection(str(folder / "keys.db")).execute("DELETE FROM subject_key")


def test_one_value_of_one_person_has_one_token_and_any_other_another(keys: Keys) -> None:
    tokens = [
        keys.tokenise(ZOE, SCOPE, "88"),
        keys.tokenise(ZOE, SCOPE, "89"),
        keys.tokenise(BOB, SCOPE, "88"),
        keys.tokenise(ZOE, ELSEWHERE, "88"),
    ]
    keys.commit()

    assert len(set(tokens)) == 4
    assert {len(token) for token in tokens} == {LENGTH}
    assert all(token.startswith("psn_") and token.isascii() for token in tokens)
    assert keys.tokenise(ZOE, SCOPE, "88") == tokens[0]


def test_a_token_is_turned_back_only_where_it_was_given_out(keys: Keys) -> None:
    token = keys.tokenise(ZOE, SCOPE, "Zoë 88")
    keys.commit()

    assert keys.behind(SCOPE, token) == "Zoë 88"
    assert keys.behind(ELSEWHERE, token) is None
    for other in (token[:-1] + ("A" if token[-1] != "A" else "Q"), token.upper(), "psn_", "", "88"):
        assert keys.behind(SCOPE, other) is None


def test_tokens_are_random_and_come_from_no_value(tmp_path: Path) -> None:
    """Two ledgers with one root key, as where the folder is set up anew from a backup of that key."""
    tokens = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "root.key").touch(0o600)
        (tmp_path / name / "root.key").write_bytes(bytes(32))
        tokens.append(Keys.open(tmp_path / name).tokenise(ZOE, SCOPE, "88"))

    assert tokens[0] != tokens[1]


def test_after_a_restart_the_same_tokens_stand_for_the_same_values(tmp_path: Path) -> None:
    keys = Keys.open(tmp_path)
    token = keys.tokenise(ZOE, SCOPE, "88")
    dek = keys.of(keys.token(ZOE)).id
    keys.commit()
    keys.close()

    again = Keys.open(tmp_path)
    # As the links beside the log say, once an intent about this person is durable.
    again.attach([again.token(ZOE)], {again.token(ZOE): dek}.get)

    assert again.behind(SCOPE, token) == "88"
    assert again.tokenise(ZOE, SCOPE, "88") == token


def test_with_the_key_of_the_person_goes_what_a_token_stood_for(tmp_path: Path) -> None:
    keys = Keys.open(tmp_path)
    token = keys.tokenise(ZOE, SCOPE, "88")
    keys.commit()
    assert keys.behind(SCOPE, token) == "88"

    erase(tmp_path)

    assert keys.behind(SCOPE, token) is None
    keys.close()
    again = Keys.open(tmp_path)
    assert again.tokenise(ZOE, SCOPE, "88") != token


def test_no_file_shows_a_value_or_a_token(tmp_path: Path) -> None:
    keys = Keys.open(tmp_path)
    token = keys.tokenise(ZOE, SCOPE, "Zoe from Lindenstrasse")
    keys.commit()
    keys.close()

    raw = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"Lindenstrasse" not in raw
    assert token.encode() not in raw
    assert b"account.id" not in raw


def test_a_token_whose_commit_failed_goes_into_the_next(tmp_path: Path) -> None:
    keys = Keys.open(tmp_path)
    token = keys.tokenise(ZOE, SCOPE, "88")
    other = apsw.Connection(str(tmp_path / "keys.db"))
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreError):
        keys.commit()

    assert keys.tokenise(ZOE, SCOPE, "88") == token
    assert keys.behind(SCOPE, token) is None
    other.execute("ROLLBACK")
    keys.commit()
    assert keys.behind(SCOPE, token) == "88"


class Watching(BalkyStore):
    """Counts the durable tokens at the moment at which an entry is about to be made durable."""

    def __init__(self, path: Path, log: str) -> None:
        super().__init__(path, log)
        self.counts: list[int] = []
        self._keys = path.with_name("keys.db")

    def append(self, rows: Sequence[Row]) -> int:
        database = apsw.Connection(str(self._keys), flags=apsw.SQLITE_OPEN_READONLY)
        self.counts.append(len(database.execute("SELECT dek FROM token").fetchall()))
        return super().append(rows)


async def test_a_token_is_durable_before_the_intent_that_goes_with_it(tmp_path: Path) -> None:
    stores: list[Watching] = []

    def store(path: Path, log: str) -> Watching:
        stores.append(Watching(path, log))
        return stores[-1]

    ledger = Ledger.open(tmp_path, node="n1", now=Ticking(), loop=asyncio.get_running_loop(), store=store)
    token = ledger.tokenise(ZOE, SCOPE, "88")
    await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)

    assert stores[0].counts == [0, 1]
    assert ledger.behind(SCOPE, token) == "88"
    await ledger.close()


async def test_where_tokens_cannot_be_looked_up_nothing_goes(ledger: Ledger, shop: Shop) -> None:
    await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    apsw.Connection(str(shop.folder / "keys.db")).execute("DROP TABLE token")

    with pytest.raises(Refusal) as refused:
        ledger.tokenise(ZOE, SCOPE, "88")
    assert refused.value.code == "ledger.unavailable"
    with pytest.raises(Refusal):
        ledger.behind(SCOPE, "psn_")


values = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
asked_for = st.lists(st.tuples(st.sampled_from([ZOE, BOB]), st.sampled_from([SCOPE, ELSEWHERE]), values), max_size=12)


@settings(max_examples=25, deadline=None)
@given(asked_for)
def test_whatever_is_tokenised_is_found_again(
    tmp_path_factory: pytest.TempPathFactory, asked: list[tuple[str, str, str]]
) -> None:
    keys = Keys.open(tmp_path_factory.mktemp("keys"))
    tokens = {each: keys.tokenise(*each) for each in asked}
    keys.commit()

    assert {each: keys.tokenise(*each) for each in asked} == tokens
    assert len(set(tokens.values())) == len(tokens)
    for (_, scope, value), token in tokens.items():
        assert keys.behind(scope, token) == value
    keys.close()
