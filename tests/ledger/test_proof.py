"""Whoever holds the public key alone can check a proof, and what was altered is not proved."""

import asyncio
import hashlib
import json
import logging
from base64 import b64decode
from collections.abc import Iterator

import apsw
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from ledger_fakes import PURCHASER, SENT, Shop, shipment

from gateway.errors import Refusal
from gateway.ledger import Access, Filter, Ledger
from gateway.ledger import signed as module
from gateway.ledger.canonical import leaf_hash
from gateway.ledger.proof import included
from gateway.ledger.tree import is_consistent, is_included
from gateway.ledger.tree import root as root_of


async def filled(shop: Shop, count: int = 12) -> Ledger:
    """A ledger with twice as many entries and some more, all of them durable."""
    ledger = shop.open()
    for _ in range(count):
        ledger.settle(await ledger.intend(shipment(), [PURCHASER], b"{}", within=20), SENT)
    await ledger._writer.drained()
    return ledger


def verified(note: list[str], vkey: str) -> tuple[int, bytes]:
    """Size and root of a checkpoint, its signature checked without our code."""
    blank = note.index("")
    text, [empty, line, end] = "\n".join(note[:blank]) + "\n", note[blank:]
    name, _, public = vkey.split("+", 2)
    raw = b64decode(line.split(" ")[2])
    Ed25519PublicKey.from_public_bytes(b64decode(public)[1:]).verify(raw[4:], text.encode())
    assert (empty, end, note[0], line.split(" ")[1]) == ("", "", name, name)
    return int(note[1]), b64decode(note[2])


def judged(proof: str, vkey: str) -> tuple[int, bytes, bool]:
    """Index, entry and verdict of an inclusion proof, as c2sp.org/tlog-proof says how it is read."""
    first, extra, index, *rest = proof.split("\n")
    at = rest.index("")
    size, root = verified(rest[at + 1 :], vkey)
    assert (first, extra[:6], index[:6]) == ("c2sp.org/tlog-proof@v1", "extra ", "index ")
    body, hashes = b64decode(extra[6:]), [b64decode(each) for each in rest[:at]]
    leaf = hashlib.sha256(b"\x00" + body).digest()
    return int(index[6:]), body, is_included(leaf, int(index[6:]), size, hashes, root)


async def test_every_entry_is_proved_to_whoever_has_the_public_key(shop: Shop) -> None:
    ledger = await filled(shop)
    entries = await ledger.entries(Filter(limit=1000))

    for entry in entries:
        index, body, holds = judged(await ledger.proved(entry.seq), ledger.vkey)

        assert (index, json.loads(body), holds) == (entry.seq, entry.body, True)


async def test_a_proof_for_one_entry_is_none_for_another(shop: Shop) -> None:
    ledger = await filled(shop)
    proof = await ledger.proved(5)

    other = proof.replace("index 5\n", "index 6\n")

    assert judged(proof, ledger.vkey)[2]
    assert not judged(other, ledger.vkey)[2]


async def test_an_entry_is_proved_as_soon_as_it_is_there(shop: Shop) -> None:
    ledger = await filled(shop)
    ticket = await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)

    proof = await ledger.proved(ticket.seq)

    assert judged(proof, ledger.vkey)[::2] == (ticket.seq, True)


async def test_all_that_was_put_in_counts_to_the_extent_also_what_nobody_waits_for(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = await filled(shop)
    monkeypatch.setattr("gateway.ledger.writer.LINGER", 600.0)
    ticket = await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    before = await ledger.extent()
    ledger.settle(ticket, SENT)

    after = await ledger.extent()

    assert before is not None
    assert after is not None
    assert after.size == before.size + 1


async def test_every_size_is_proved_to_be_a_beginning_of_the_log(shop: Shop) -> None:
    ledger = await filled(shop)
    head = await ledger.head(20)
    leaves = list(ledger._store.hashes(0, head.size))

    for old in range(1, head.size + 1):
        first, *rest = (await ledger.continued(old, head)).split("\n")
        at = rest.index("")
        size, root = verified(rest[at + 1 :], ledger.vkey)
        proof = [b64decode(each) for each in rest[:at]]

        assert (first, size) == (f"old {old}", head.size)
        assert is_consistent(old, root_of(leaves[:old]), size, root, proof)
        assert not is_consistent(old, leaf_hash(b"another"), size, root, proof)


@pytest.mark.parametrize("kept", [True, False], ids=["subtrees kept", "subtrees of an older file"])
async def test_a_long_log_is_proved_out_of_few_rows(shop: Shop, monkeypatch: pytest.MonkeyPatch, kept: bool) -> None:
    ledger = shop.open()
    await asyncio.gather(*(ledger.record(Access("uid:1000", "list"), within=20) for _ in range(1_200)))
    head = await ledger.head(1_200)
    leaves = list(ledger._store.hashes(0, head.size))
    read: list[int] = []
    hashes = ledger._store.hashes

    def counted(first: int, last: int) -> Iterator[bytes]:
        read.append(last - first)
        return hashes(first, last)

    monkeypatch.setattr(ledger._store, "hashes", counted)
    if not kept:
        alter(shop, "DELETE FROM subtree")

    for seq in (0, 255, 256, 700, 1_023, 1_024, head.size - 1):
        assert judged(await ledger.proved(seq), ledger.vkey)[::2] == (seq, True)
        assert not kept or sum(read) <= 2 * 256
        read.clear()
    for old in (1, 255, 256, 257, 1_000, head.size - 1):
        proof = (await ledger.continued(old, head)).split("\n")
        decoded = [b64decode(each) for each in proof[1 : proof.index("")]]
        assert is_consistent(old, root_of(leaves[:old]), head.size, head.root, decoded)
        assert not kept or sum(read) <= 4 * 256
        read.clear()


async def test_a_subtree_that_was_altered_proves_nothing(shop: Shop) -> None:
    ledger = shop.open()
    await asyncio.gather(*(ledger.record(Access("uid:1000", "list"), within=20) for _ in range(600)))
    await ledger.head(600)
    alter(shop, "UPDATE subtree SET hash = zeroblob(32)")

    with pytest.raises(Refusal, match=r"ledger\.unavailable"):
        await ledger.proved(300)


@pytest.mark.parametrize(
    "act",
    [
        "UPDATE leaf_body SET body = x'7b7d' WHERE seq = 5",
        "DELETE FROM leaf_body WHERE seq = 5",
        "UPDATE leaf SET hash = zeroblob(32) WHERE seq = 9",
        "UPDATE checkpoint SET note = replace(note, 'main', 'mine')",
        "UPDATE checkpoint SET note = (SELECT note FROM checkpoint ORDER BY size LIMIT 1)",
    ],
    ids=["its body", "its body gone", "a neighbour", "the checkpoint", "an older checkpoint"],
)
async def test_what_was_altered_after_it_was_signed_is_not_proved(
    shop: Shop, caplog: pytest.LogCaptureFixture, act: str
) -> None:
    ledger = await filled(shop)
    await ledger.head(6)
    await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    await ledger.head(24)
    alter(shop, act)

    with caplog.at_level(logging.ERROR), pytest.raises(Refusal) as refused:
        await ledger.proved(5)

    assert refused.value.code == "ledger.unavailable"
    assert "the ledger was altered and is not signed any more" in caplog.text
    assert not ledger.healthy


async def test_growth_is_not_proved_over_what_was_altered(shop: Shop) -> None:
    ledger = await filled(shop)
    head = await ledger.head(20)
    assert await ledger.continued(7, head)
    alter(shop, "UPDATE leaf SET hash = zeroblob(32) WHERE seq = 9")

    with pytest.raises(Refusal, match=r"ledger\.unavailable"):
        await ledger.continued(7, head)


async def test_what_is_not_signed_is_not_proved(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TRIES", 3)
    ledger = await filled(shop, 1)
    size = ledger._store.tree.size

    with pytest.raises(Refusal, match=r"ledger\.unavailable"):
        await ledger.proved(size + 10)
    with pytest.raises(ValueError, match="no such leaf"):
        included(ledger._store, ledger._notary.verifier, size, await ledger.head(1))


async def test_all_checkpoints_are_read_page_by_page(shop: Shop) -> None:
    ledger = shop.open()
    for _ in range(6):
        await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
        await ledger.head(ledger._store.tree.size)

    whole = await ledger.heads(0, 100)
    pages = [*await ledger.heads(0, 2), *await ledger.heads(whole[1].size + 1, 100)]

    assert len(whole) >= 6
    assert pages == whole


async def test_calls_go_on_while_proofs_are_made(shop: Shop) -> None:
    ledger = await filled(shop)

    done = await asyncio.gather(
        *(ledger.proved(seq) for seq in range(10)),
        *(ledger.intend(shipment(), [PURCHASER], b"{}", within=20) for _ in range(10)),
    )

    assert len(done) == 20


def alter(shop: Shop, act: str) -> None:
    """As whoever may write into the file can: what guards against mistakes is taken away."""
    database = apsw.Connection(str(shop.folder / "ledger.db"))
    database.set_busy_timeout(5_000)
    for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        database.execute(f"DROP TRIGGER {name}")
    database.execute(act)
    assert database.changes()
