"""A change on one node is ordered against whatever rests on it on every other one, and is heard of there."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from registries import HEAD, NOON, fenced, nodes, put
from waiting import until

from gateway.errors import Refusal
from gateway.registry.basis import Basis, Changes, Later
from gateway.registry.facts import Facts, Mention
from gateway.registry.registry import Registry
from gateway.registry.shared import KEPT, SINCE, newest, prune, since
from gateway.registry.stored import RevocationRow
from gateway.vocabulary import SubjectRole

SAID = {"kind": "consent", "subject": "c-1", "purpose": "delivery", "state": "given"}
STOP = {"kind": "suspension", "vendor": "parcels"}
ORDER = {"kind": "order", "order": "A-1", "people": [{"role": "purchaser", "subject": "c-1"}]}
LIVES = {"kind": "subject", "subject": "c-1", "jurisdiction": "FR"}
BY_ORDER = Mention(SubjectRole.PURCHASER, order="A-1")


@pytest.fixture
def pair(emptied: str) -> Iterator[list[Registry]]:
    with nodes(fenced(emptied), 2) as opened:
        yield opened


async def about(registry: Registry) -> Facts:
    return await registry.about([BY_ORDER], consents=True, order=None)


def asked(database: str, basis: Basis) -> bool:
    """Whether whoever holds the head finds that a decision rests on what has changed."""
    with psycopg.connect(database) as session:
        return basis.overtaken(Later.of(session.execute(SINCE, [basis.version]).fetchall()))


@pytest.mark.parametrize("change", [SAID, STOP, ORDER, LIVES], ids=["consent", "suspension", "order", "law"])
async def test_what_another_node_changed_is_seen_by_whoever_writes_intents_and_then_in_memory(
    emptied: str, pair: list[Registry], change: dict[str, Any]
) -> None:
    here, there = pair
    await put(there, ORDER)
    await here.follow()
    facts = await about(here)
    before = asked(emptied, facts.basis)

    await put(there, change)
    in_memory, at_the_head = facts.basis.hold(), asked(emptied, facts.basis)
    await here.follow()

    assert (before, in_memory, at_the_head) == (False, True, True)
    assert not facts.basis.hold()
    again = await about(here)
    assert again.basis.hold()
    assert not asked(emptied, again.basis)


async def test_a_change_about_somebody_else_overtakes_nothing(emptied: str, pair: list[Registry]) -> None:
    here, there = pair
    facts = await about(here)

    await put(there, SAID | {"subject": "c-2"}, ORDER | {"order": "A-2"})
    await here.follow()

    assert facts.basis.hold()
    assert not asked(emptied, facts.basis)


async def test_a_token_that_another_node_revoked_is_revoked(emptied: str, pair: list[Registry]) -> None:
    here, there = pair
    basis = here.basis("0" * 32)

    await there.put([RevocationRow(token="0" * 32)])
    at_the_head = asked(emptied, basis)
    await here.follow()

    assert at_the_head
    assert here.is_revoked("0" * 32)
    assert not basis.hold()
    await here.put([RevocationRow(token="0" * 32)])


async def test_who_listens_hears_of_changes_without_asking(pair: list[Registry]) -> None:
    here, there = pair
    here.listen(asyncio.get_running_loop())
    facts = await about(here)

    await put(there, ORDER, SAID)
    await there.put([RevocationRow(token="0" * 32)])

    await until(lambda: not facts.basis.hold() and here.is_revoked("0" * 32))
    assert [each.state.value for each in (await about(here)).consents["c-1"]] == ["given"]


async def test_who_does_not_listen_hears_nothing(pair: list[Registry]) -> None:
    here, there = pair
    facts = await about(here)

    await put(there, ORDER)
    await asyncio.sleep(0.2)

    assert facts.basis.hold()


async def test_a_listener_whose_connection_is_cut_listens_again(emptied: str, pair: list[Registry]) -> None:
    here, there = pair
    here.listen(asyncio.get_running_loop())
    await put(there, SAID)
    await until(lambda: here._changes.version == 1)

    with psycopg.connect(emptied, autocommit=True) as session:
        session.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    await put(there, SAID)

    await until(lambda: here._changes.version == 2)


async def test_versions_are_in_the_order_of_the_commits_and_have_no_gaps(emptied: str) -> None:
    with nodes(fenced(emptied), 3) as opened:
        changes = [(node, number) for number in range(8) for node in opened]
        seen: list[int] = []

        async def watching() -> None:
            while len(seen) < len(changes):
                with psycopg.connect(emptied) as session:
                    seen.extend(version for version, *_ in session.execute(SINCE, [len(seen)]).fetchall())
                await asyncio.sleep(0)

        async with asyncio.timeout(20):
            putting = [put(node, SAID | {"subject": f"c-{number}"}) for node, number in changes]
            await asyncio.gather(watching(), *putting)

    assert seen == list(range(1, len(changes) + 1))


async def test_a_change_waits_for_whoever_holds_the_head(emptied: str, pair: list[Registry]) -> None:
    with psycopg.connect(emptied) as writer:
        writer.execute(HEAD)
        changing = asyncio.ensure_future(put(pair[0], SAID))
        await asyncio.sleep(0.3)
        early = changing.done()
        nothing = writer.execute(SINCE, [0]).fetchall()

        writer.commit()
        await changing

        assert not early
        assert nothing == []
        assert writer.execute(SINCE, [0]).fetchall() == [(1, "consent", "c-1")]


async def test_what_was_let_go_of_counts_as_changed(emptied: str, pair: list[Registry]) -> None:
    here, there = pair
    facts = await about(here)
    await put(there, SAID | {"subject": "c-2"})
    await there.put([RevocationRow(token="0" * 32)])
    await put(there, SAID | {"subject": "c-3"})

    with there._engine.begin() as connection:
        prune(connection, NOON + KEPT + timedelta(seconds=1))
        left = since(connection, 0)
        last = newest(connection)
    at_the_head = asked(emptied, facts.basis)
    await here.follow()

    # The last one stands without a name.
    assert (left.complete, last, {ref for _, ref in left.last}) == (3, 4, {"", "0" * 32})
    assert at_the_head
    assert not facts.basis.hold()
    assert here.is_revoked("0" * 32)
    assert (await about(here)).basis.hold()


async def test_who_listens_lets_go_of_what_is_old(emptied: str) -> None:
    clock = [NOON]
    with nodes(fenced(emptied), 1, now=lambda: clock[0]) as [here]:
        for _ in range(3):
            await put(here, SAID)
        clock[0] += KEPT + timedelta(seconds=1)

        here.listen(asyncio.get_running_loop())

        with psycopg.connect(emptied, autocommit=True) as session:
            await until(lambda: len(session.execute(SINCE, [0]).fetchall()) == 1)


async def test_what_is_young_is_kept(pair: list[Registry]) -> None:
    await put(pair[0], SAID)
    await put(pair[0], SAID)

    with pair[0]._engine.begin() as connection:
        prune(connection, NOON + KEPT - timedelta(seconds=1))
        assert since(connection, 0).complete == 0


async def test_where_the_head_stays_locked_a_change_is_refused_and_not_half_made(
    emptied: str, pair: list[Registry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.registry.shared._LIMITS", ("SET LOCAL lock_timeout = '200ms'",))
    with psycopg.connect(emptied) as writer:
        writer.execute(HEAD)
        with pytest.raises(Refusal) as refused:
            await put(pair[0], SAID)

    assert refused.value.code == "gateway.failed"
    assert (await about(pair[0])).consents == {}
    with pair[0]._engine.begin() as connection:
        assert newest(connection) == 0


def test_what_is_known_of_nobodys_changes_is_nothing() -> None:
    later = Later.of([])

    assert (later.complete, later.version) == (0, 0)
    assert not Basis((("consent", "c-1"),), 0, 7, Changes()).overtaken(later)
