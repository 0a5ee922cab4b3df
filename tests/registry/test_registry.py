"""A fact that was put in is in force for every decision made after the answer."""

import asyncio
import sqlite3
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from registries import NOON, put
from sqlalchemy import Engine, event
from waiting import until

from gateway.errors import Refusal, StartError
from gateway.registry.engine import CONNECTIONS
from gateway.registry.entered import ROWS
from gateway.registry.facts import Facts, Mention, Person, Suspension
from gateway.registry.registry import IN_MEMORY, Registry
from gateway.registry.stored import RevocationRow
from gateway.vocabulary import ConsentState, SubjectRole

BUYER, RECEIVER = SubjectRole.PURCHASER, SubjectRole.CONSIGNEE
ORDER = {"kind": "order", "order": "A-1", "people": [{"role": "purchaser", "subject": "c-1", "jurisdiction": "DE"}]}
STOP = {"kind": "suspension", "vendor": "parcels"}
SAID = {"kind": "consent", "subject": "c-1", "purpose": "delivery", "state": "given"}


@dataclass(eq=False)
class Slow:
    """Holds the first statement with a word in it back, when the database has done it already."""

    word: str
    going: threading.Event = field(default_factory=threading.Event)
    reached: threading.Event = field(default_factory=threading.Event)

    def __call__(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        if self.word in statement and not self.reached.is_set():
            self.reached.set()
            self.going.wait(20)


@pytest.fixture
def engine(registry: Registry) -> Engine:
    return registry._engine


async def about(registry: Registry, *mentions: Mention, consents: bool = True) -> Facts:
    return await registry.about(mentions, consents=consents, order=None)


BY_ORDER = Mention(BUYER, order="A-1")
BY_NUMBER = Mention(BUYER, ref="c-1")


async def test_an_order_leads_to_its_people(registry: Registry) -> None:
    await put(registry, ORDER)

    facts = await about(registry, BY_ORDER, Mention(RECEIVER, order="A-1"))

    assert facts.people == {BUYER: Person("c-1", BUYER, "DE", "A-1")}
    assert facts.missing == {RECEIVER}


async def test_an_order_put_again_replaces_its_people(registry: Registry) -> None:
    await put(registry, ORDER)
    before = await about(registry, BY_ORDER)

    await put(registry, ORDER | {"people": [{"role": "consignee", "subject": "c-2"}]})
    after = await about(registry, BY_ORDER, Mention(RECEIVER, order="A-1"))

    assert not before.basis.hold()
    assert after.missing == {BUYER}
    assert after.people[RECEIVER].ref == "c-2"


async def test_somebody_of_whom_nothing_is_known_lives_under_an_unknown_law(registry: Registry) -> None:
    facts = await about(registry, Mention(BUYER, ref="c-404"))

    assert facts.people[BUYER].jurisdiction == "unknown"
    assert facts.consents == {"c-404": ()}


async def test_what_the_call_says_of_a_persons_law_comes_before_what_is_known(registry: Registry) -> None:
    await put(registry, ORDER)

    facts = await about(registry, Mention(BUYER, order="A-1", jurisdiction="FR"))

    assert facts.people[BUYER].jurisdiction == "FR"


async def test_the_order_that_a_call_names_beside_a_person_stays_with_them(registry: Registry) -> None:
    facts = await about(registry, Mention(BUYER, ref="c-1", stated="A-9"))

    assert (facts.people[BUYER].order, facts.people[BUYER].stated) == (None, "A-9")


async def test_a_person_of_an_earlier_call_is_looked_up_anew(registry: Registry) -> None:
    earlier = Person("c-1", RECEIVER, "unknown", "A-1")
    await put(registry, {"kind": "subject", "subject": "c-1", "jurisdiction": "CN"}, SAID)

    facts = await about(registry, Mention(BUYER, earlier=earlier))

    assert facts.people[BUYER] == Person("c-1", BUYER, "CN", "A-1")
    assert [each.state for each in facts.consents["c-1"]] == [ConsentState.GIVEN]


async def test_the_newest_answer_stands_first_and_none_is_forgotten(registry: Registry) -> None:
    await put(registry, SAID)
    await put(registry, SAID | {"state": "withdrawn"}, SAID | {"vendor": "parcels", "explicit": True})

    answers = (await about(registry, BY_NUMBER)).consents["c-1"]

    assert [(each.state.value, each.vendor, each.explicit) for each in answers] == [
        ("given", "parcels", True),
        ("withdrawn", None, False),
        ("given", None, False),
    ]
    assert len({each.record for each in answers}) == 3


async def test_consents_are_looked_up_only_where_they_are_asked_for(registry: Registry) -> None:
    await put(registry, SAID)

    assert (await about(registry, BY_NUMBER, consents=False)).consents == {}


async def test_when_consent_ends_is_kept_to_the_second_in_any_time_zone(registry: Registry) -> None:
    await put(registry, SAID | {"expires": "2026-06-15T14:00:01+02:00"})

    [answer] = (await about(registry, BY_NUMBER)).consents["c-1"]

    assert answer.expires == datetime(2026, 6, 15, 12, 0, 1, tzinfo=UTC)
    assert answer.is_valid(NOON)


@pytest.mark.parametrize(
    "change",
    [ORDER, SAID, SAID | {"state": "withdrawn"}, STOP, {"kind": "subject", "subject": "c-1", "jurisdiction": "FR"}],
    ids=["the order", "a consent", "a withdrawal", "a suspension", "the law"],
)
async def test_a_decision_does_not_hold_after_a_change_of_what_it_rests_on(
    registry: Registry, change: dict[str, Any]
) -> None:
    await put(registry, ORDER)
    facts = await about(registry, BY_ORDER)
    held = facts.basis.hold()

    await put(registry, change)

    assert held
    assert not facts.basis.hold()


async def test_a_decision_holds_whatever_becomes_of_others(registry: Registry) -> None:
    await put(registry, ORDER)
    facts = await about(registry, BY_ORDER)

    await put(
        registry, SAID | {"subject": "c-2"}, ORDER | {"order": "A-2", "people": [{"role": "payer", "subject": "c-3"}]}
    )

    assert facts.basis.hold()


async def test_suspensions_are_lifted_one_by_one(registry: Registry) -> None:
    await put(registry, STOP, STOP | {"operation": "ship"}, STOP | {"vendor": "payments"})
    await put(registry, STOP | {"lifted": True})

    facts = await about(registry, BY_NUMBER)

    assert facts.suspensions == {Suspension("parcels", "ship"), Suspension("payments", None)}


async def test_of_two_suspensions_at_one_time_none_is_lost(engine: Engine, registry: Registry) -> None:
    slow = Slow("INSERT INTO suspension")
    event.listen(engine, "after_cursor_execute", slow)
    first = asyncio.ensure_future(put(registry, STOP))
    await asyncio.to_thread(slow.reached.wait, 60)
    second = asyncio.ensure_future(put(registry, STOP | {"vendor": "payments"}))

    await asyncio.sleep(0.1)
    slow.going.set()
    await asyncio.gather(first, second)

    facts = await about(registry, BY_NUMBER)
    assert facts.suspensions == {Suspension("parcels", None), Suspension("payments", None)}


async def test_what_was_read_before_a_change_is_not_kept_after_it(engine: Engine, registry: Registry) -> None:
    await put(registry, SAID)
    slow = Slow("SELECT consent")
    event.listen(engine, "after_cursor_execute", slow)
    reading = asyncio.ensure_future(about(registry, BY_NUMBER))
    await asyncio.to_thread(slow.reached.wait, 60)

    await put(registry, SAID | {"state": "withdrawn"})
    slow.going.set()
    facts = await reading

    assert [each.state.value for each in facts.consents["c-1"]] == ["withdrawn", "given"]


async def test_what_fell_out_of_memory_is_looked_up_again_and_holds_meanwhile(registry: Registry) -> None:
    facts = await about(registry, BY_NUMBER)

    for number in range(IN_MEMORY):
        registry._rows[("order", str(number))] = ()
    await about(registry, Mention(BUYER, ref="c-2"))

    assert ("consent", "c-1") not in registry._rows
    assert facts.basis.hold()
    await put(registry, SAID)
    assert not facts.basis.hold()


async def test_a_token_that_is_revoked_takes_away_what_rested_on_it(registry: Registry) -> None:
    mine, other = registry.basis("0" * 32), registry.basis("1" * 32)

    await registry.put([RevocationRow(token="0" * 32)])

    assert (mine.hold(), other.hold()) == (False, True)


async def test_facts_and_revocations_outlive_the_process(engine: Engine, registry: Registry) -> None:
    await put(registry, ORDER, SAID, STOP)
    await registry.put([RevocationRow(token="0" * 32)])
    await registry.put([RevocationRow(token="0" * 32)])

    again = Registry(engine, now=lambda: NOON)
    facts = await about(again, BY_ORDER)

    assert again.is_revoked("0" * 32)
    assert not again.is_revoked("1" * 32)
    assert facts.people[BUYER].ref == "c-1"
    assert len(facts.consents["c-1"]) == 1
    assert facts.suspensions == {Suspension("parcels", None)}


async def test_facts_are_put_in_together_or_not_at_all(engine: Engine, registry: Registry) -> None:
    def full(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "INSERT INTO suspension" in statement:
            raise OSError("disk full, and here stands c-1")

    event.listen(engine, "before_cursor_execute", full)

    with pytest.raises((Refusal, OSError)):
        await put(registry, SAID, STOP)

    assert (await about(registry, BY_NUMBER)).consents["c-1"] == ()


async def test_a_database_that_fails_is_a_refusal_without_values(engine: Engine, registry: Registry) -> None:
    await put(registry, ORDER)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE consent")
        connection.exec_driver_sql("DROP TABLE order_person")

    with pytest.raises(Refusal) as reading:
        await about(registry, BY_ORDER)
    with pytest.raises(Refusal) as writing:
        await put(registry, SAID)

    for refused in (reading, writing):
        assert refused.value.code == "gateway.failed"
        assert refused.value.__cause__ is None
        assert refused.value.__suppress_context__
        assert "c-1" not in repr(refused.value.failures)


def test_a_file_that_is_no_database_is_said_at_start(tmp_path: Path) -> None:
    (tmp_path / "registry.db").write_bytes(b"no database at all" * 100)

    with pytest.raises(StartError, match=r"registry\.db cannot be opened"):
        Registry.open(tmp_path / "registry.db", now=lambda: NOON)


async def test_a_database_that_does_not_answer_is_not_waited_for_without_end(
    engine: Engine, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(registry, SAID)
    slow = Slow("SELECT consent")
    event.listen(engine, "after_cursor_execute", slow)
    registry._patience = 0.05

    with pytest.raises(Refusal) as refused:
        await about(registry, BY_NUMBER)
    slow.going.set()

    assert refused.value.code == "gateway.failed"


async def test_nobody_is_called_what_no_database_keeps(registry: Registry) -> None:
    facts = await about(registry, Mention(BUYER, order="A\0"), Mention(RECEIVER, ref="c\0"))

    assert facts.missing == {BUYER, RECEIVER}
    with pytest.raises(ValidationError):
        ROWS.validate_python([SAID | {"subject": "c\0"}])


async def test_a_change_whose_caller_went_away_is_in_force_when_it_is_made(engine: Engine, registry: Registry) -> None:
    facts = await about(registry, BY_NUMBER)
    slow = Slow("INSERT INTO consent")
    event.listen(engine, "after_cursor_execute", slow)
    putting = asyncio.ensure_future(put(registry, SAID))
    await asyncio.to_thread(slow.reached.wait, 60)
    putting.cancel()
    await asyncio.wait([putting])
    old = (await about(registry, BY_NUMBER)).consents["c-1"]

    slow.going.set()
    await until(lambda: not facts.basis.hold())

    assert old == ()
    assert len((await about(registry, BY_NUMBER)).consents["c-1"]) == 1


def test_the_registry_writes_durably(tmp_path: Path) -> None:
    engine = Registry.open(tmp_path / "registry.db", now=lambda: NOON)._engine
    with engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "secure_delete")
        }

    assert found == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1}


async def test_of_whom_nothing_is_written_the_database_is_not_asked_until_something_is(
    engine: Engine, registry: Registry
) -> None:
    asked: list[str] = []
    event.listen(engine, "after_cursor_execute", lambda _c, _k, statement, *_: asked.append(statement))

    await about(registry, BY_NUMBER)
    asked.clear()
    await about(registry, Mention(RECEIVER, ref="somebody-new"))
    strangers = [each for each in asked if "SELECT" in each]
    await put(registry, SAID)
    known = await about(registry, BY_NUMBER)

    assert (strangers == []) is (engine.dialect.name == "sqlite")
    assert [answer.state for answer in known.consents["c-1"]] == [ConsentState.GIVEN]


async def test_who_reads_is_answered_while_many_wait_to_write(tmp_path: Path) -> None:
    registry = Registry.open(tmp_path / "registry.db", now=lambda: NOON)
    facts = ROWS.validate_python([ORDER])
    writes = sqlite3.connect(tmp_path / "registry.db", isolation_level=None)
    writes.execute("BEGIN IMMEDIATE")

    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(registry.begin("node", "shop", facts)) for _ in range(2 * CONNECTIONS)]
        await asyncio.sleep(0)
        known = await registry.known()
        ended = [task.done() for task in waiting]
        writes.execute("ROLLBACK")
    registry.close()

    assert known == set()
    assert ended == [False] * 2 * CONNECTIONS
    assert len({each.result().id for each in waiting}) == 2 * CONNECTIONS
