"""Subjects are sealed under keys of their own, and all keys hang on one that stands in a file of its own."""

from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from ledger_fakes import PURCHASER, Repeating
from stores_in_memory import away

from gateway.errors import StartError
from gateway.ledger import StoreError, Subject
from gateway.ledger.canonical import commitment
from gateway.ledger.keys import AHEAD, CACHED, Keys
from gateway.ledger.sealing import PAYLOAD, Link, Payload, committed, opened, seal

OTHER = Subject("guest-2342", "consignee", "FR")


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys.open(tmp_path)


def test_what_was_sealed_opens_again_after_a_restart(tmp_path: Path, keys: Keys) -> None:
    sealed = seal(keys, "main|1", [PURCHASER, OTHER], Payload(b"{}"), Repeating())
    keys.commit()
    keys.close()

    again = Keys.open(tmp_path)

    assert [opened(again, "main|1", n, link) for n, link in enumerate(sealed.links)] == [PURCHASER, OTHER]


def test_a_link_opens_only_at_its_own_entry_and_place(keys: Keys) -> None:
    [link] = seal(keys, "main|1", [PURCHASER], None, Repeating()).links
    keys.commit()

    assert opened(keys, "main|1", 0, link) == PURCHASER
    assert opened(keys, "main|2", 0, link) is None
    assert opened(keys, "main|1", 1, link) is None
    assert opened(keys, "main|1", 0, Link(link.tok, link.dek, link.sealed[:-1] + bytes([link.sealed[-1] ^ 1]))) is None


def test_a_link_whose_key_is_gone_does_not_open(tmp_path: Path, keys: Keys) -> None:
    [link] = seal(keys, "main|1", [PURCHASER], None, Repeating()).links
    keys.commit()

    apsw.Connection(str(tmp_path / "keys.db")).execute("DELETE FROM subject_key")

    assert opened(keys, "main|1", 0, link) is None


def test_the_shares_of_the_payload_s_salt_are_needed_all(keys: Keys) -> None:
    links = seal(keys, "main|1", [PURCHASER, OTHER], Payload(b"{}"), noise := Repeating()).links
    plain = [
        keys.of(link.tok).cipher.decrypt(link.sealed[:12], link.sealed[12:], f"main|1|{n}".encode())
        for n, link in enumerate(links)
    ]

    shares = [int.from_bytes(each[32:64], "big") for each in plain]

    assert noise.drawn
    assert (shares[0] ^ shares[1]).to_bytes(32, "big") == Repeating()(32)
    assert Repeating()(32) not in (plain[0][32:64], plain[1][32:64])


def test_calls_for_one_new_subject_share_one_key(keys: Keys) -> None:
    first = keys.of(keys.token("new"))
    second = keys.of(keys.token("new"))

    assert first is second


def test_two_subjects_have_two_keys(keys: Keys) -> None:
    made = {keys.of(keys.token(f"subject {number}")).id for number in range(3 * AHEAD)}

    assert len(made) == 3 * AHEAD


def test_keys_are_made_ahead_and_committed_together(keys: Keys) -> None:
    for number in range(AHEAD):
        keys.of(keys.token(f"subject {number}"))

    assert keys.commit() == AHEAD
    assert keys.commit() == 0


def test_a_new_key_is_not_made_twice_when_the_cache_is_full(keys: Keys) -> None:
    first = keys.of(keys.token("new"))

    for number in range(CACHED + 1):
        keys.of(keys.token(f"another {number}"))

    assert keys.of(keys.token("new")) is first


def test_a_key_that_left_the_cache_is_found_by_its_links(keys: Keys) -> None:
    tok = keys.token("new")
    first = keys.of(tok)
    for number in range(CACHED + 1):
        keys.of(keys.token(f"another {number}"))
    keys.commit()
    keys.linked([tok])
    keys.attach([tok], {tok: first.id}.get)

    again = keys.of(tok)

    assert again is not first
    assert again.id == first.id


def test_a_subject_whose_key_is_gone_gets_another(tmp_path: Path, keys: Keys) -> None:
    tok = keys.token("erased")
    keys.commit()
    keys.attach([tok], {tok: b"x" * 16}.get)

    made = keys.of(tok)

    assert made.id != b"x" * 16


def test_the_file_of_keys_does_not_say_whose_they_are(tmp_path: Path, keys: Keys) -> None:
    tok = keys.token("somebody")
    keys.of(tok)
    keys.commit()

    raw = (tmp_path / "keys.db").read_bytes() + (tmp_path / "keys.db-wal").read_bytes()

    assert keys.of(tok).id in raw
    assert tok not in raw


def test_keys_whose_commit_failed_are_committed_the_next_time(tmp_path: Path, keys: Keys) -> None:
    other = apsw.Connection(str(tmp_path / "keys.db"))
    keys._vault._writing.set_busy_timeout(1)  # type: ignore[attr-defined]
    keys.of(keys.token("new"))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="BusyError"):
        keys.commit()
    other.execute("ROLLBACK")

    assert keys.commit() == AHEAD


def test_the_root_key_is_for_its_owner_alone(tmp_path: Path, keys: Keys) -> None:
    assert (tmp_path / "root.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "keys.db").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "keys.db-wal").stat().st_mode & 0o777 == 0o600


def test_no_key_stands_in_the_file_in_clear(tmp_path: Path) -> None:
    drawn = list[bytes]()

    def remembered(length: int) -> bytes:
        drawn.append(Repeating(len(drawn))(length))
        return drawn[-1]

    keys = Keys.open(tmp_path, remembered)
    keys.of(keys.token("new"))
    keys.commit()
    raw = (tmp_path / "keys.db").read_bytes() + (tmp_path / "keys.db-wal").read_bytes()

    secrets = [each[:32] for each in drawn if len(each) >= 32] + [(tmp_path / "kek.key").read_bytes()[-32:]]

    assert len(secrets) == 2 + AHEAD
    assert not any(secret in raw for secret in secrets)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "root.key").unlink(), "has keys.db but not root.key"),
        (lambda folder: (folder / "root.key").write_bytes(b"x" * 31), "does not hold a key of 32 bytes"),
        (lambda folder: (folder / "root.key").write_bytes(b"x" * 32), "do not belong to keys.db"),
        (lambda folder: (folder / "root.key").chmod(0o640), "can be read by others"),
        (lambda folder: [(folder / "keys.db").rename(folder / "ledger.db")], "has ledger.db but not keys.db"),
    ],
    ids=["no root key", "short root key", "another root key", "open root key", "no key file"],
)
def test_the_start_is_refused_where_keys_do_not_belong_together(
    tmp_path: Path, keys: Keys, damage: Callable[[Path], object], message: str
) -> None:
    keys.close()
    damage(tmp_path)

    with pytest.raises(StartError, match=message):
        Keys.open(tmp_path)


def test_named_keys_differ_by_name_and_by_installation_and_stay(tmp_path: Path, keys: Keys) -> None:
    again, elsewhere = Keys.open(tmp_path), Keys.open(_made(tmp_path / "elsewhere"))

    assert keys.named("pseudonym/parcels") == again.named("pseudonym/parcels")
    assert keys.named("pseudonym/parcels") != keys.named("pseudonym/stripe")
    assert keys.named("pseudonym/parcels") != elsewhere.named("pseudonym/parcels")
    assert len(keys.named("names")) == 32


def test_digests_tell_vendors_apart(keys: Keys) -> None:
    assert keys.digest("parcels", "1Z999") == keys.digest("parcels", "1Z999")
    assert keys.digest("parcels", "1Z999") != keys.digest("stripe", "1Z999")
    assert keys.digest("a", "bc") != keys.digest("ab", "c")


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


async def test_what_is_not_in_memory_is_committed_to_by_the_same_bytes(keys: Keys) -> None:
    data = bytes(range(256)) * 1_000
    near = seal(keys, "main|1", [], Payload(data, "application/pdf"), Repeating())

    far = seal(keys, "main|1", [], Payload(await committed(away(data), Repeating()), "application/pdf"), Repeating())

    assert far.members == near.members
    assert far.members["payload"] == near.members["payload"]
    other = await committed(away(data[:-1]), Repeating())
    assert seal(keys, "main|1", [], Payload(other, "application/pdf"), Repeating()).members != near.members


async def test_every_subject_holds_a_share_of_what_opens_it(keys: Keys) -> None:
    made = await committed(away(b"{}"), noise := Repeating())
    links = seal(keys, "main|1", [PURCHASER, OTHER], Payload(made), noise).links

    plain = [
        keys.of(link.tok).cipher.decrypt(link.sealed[:12], link.sealed[12:], f"main|1|{n}".encode())
        for n, link in enumerate(links)
    ]
    shares = [int.from_bytes(each[32:64], "big") for each in plain]

    assert noise.drawn
    assert (shares[0] ^ shares[1]).to_bytes(32, "big") == made.salt
    assert made.commit == commitment(PAYLOAD, made.salt, b"{}")
