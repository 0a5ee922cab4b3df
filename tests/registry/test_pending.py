"""What is carried on late does not come over what somebody has put in since."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from registries import NOON, fenced
from sqlalchemy import event

from gateway.registry.entered import ROWS
from gateway.registry.facts import Facts, Mention, Suspension
from gateway.registry.pending import OLD, Pending
from gateway.registry.registry import Registry
from gateway.registry.stored import ImportRow, RevocationRow, StoredRow
from gateway.vocabulary import OrderState, SubjectRole

BUYER, RECEIVER = SubjectRole.PURCHASER, SubjectRole.CONSIGNEE
YES = {"kind": "consent", "subject": "c-1", "purpose": "delivery", "state": "given"}
NO = YES | {"state": "withdrawn"}
STOP = {"kind": "suspension", "vendor": "parcels"}
LIVES = {"kind": "subject", "subject": "c-1", "jurisdiction": "DE"}
ORDER = {"kind": "order", "order": "A-1", "people": [{"role": "purchaser", "subject": "c-1", "jurisdiction": "DE"}]}
OTHER = {"kind": "order", "order": "A-1", "people": [{"role": "consignee", "subject": "c-1", "jurisdiction": "FR"}]}


@pytest.fixture
def clock() -> list[timedelta]:
    return [timedelta()]


@pytest.fixture(params=["sqlite", "postgresql"])
def registry(request: pytest.FixtureRequest, tmp_path: Path, clock: list[timedelta]) -> Iterator[Registry]:
    shared = request.param == "postgresql"
    database = fenced(request.getfixturevalue("emptied")) if shared else tmp_path / "registry.db"
    registry = Registry.open(database, now=lambda: NOON + clock[0])
    yield registry
    registry.close()


def rows(*facts: dict[str, Any]) -> list[StoredRow]:
    return list(ROWS.validate_python(facts))


async def begun(registry: Registry, *facts: dict[str, Any]) -> Pending:
    return await registry.begin("n1", "anna", [*rows(*facts), RevocationRow(token="0" * 32)])


async def about(registry: Registry) -> Facts:
    mentions = [Mention(BUYER, order="A-1"), Mention(RECEIVER, order="A-1"), Mention(SubjectRole.PAYER, ref="c-1")]
    return await registry.about(mentions, consents=True, order=None)


async def test_what_is_noted_comes_back_as_it_was_and_changes_nothing_until_it_is_carried_out(
    registry: Registry,
) -> None:
    pending = await begun(registry, YES, STOP, LIVES, ORDER)
    before = await about(registry)

    [found] = await registry.left("n1")
    await registry.carry_out(found, {0: "a" * 32}, late=False)
    after = await about(registry)

    assert found == pending
    assert set(before.people) == {SubjectRole.PAYER}
    assert before.suspensions == frozenset()
    assert (after.people[BUYER].ref, after.people[BUYER].jurisdiction) == ("c-1", "DE")
    assert [each.record for each in after.consents["c-1"]] == ["a" * 32]
    assert after.suspensions == {Suspension("parcels", None)}
    assert registry.is_revoked("0" * 32)
    assert await registry.left("n1") == []


async def test_nothing_is_carried_out_twice(registry: Registry) -> None:
    pending = await begun(registry, YES)

    await registry.carry_out(pending, {0: "a" * 32}, late=True)
    await registry.carry_out(pending, {0: "a" * 32}, late=False)

    assert len((await about(registry)).consents["c-1"]) == 1


async def test_what_is_late_does_not_come_over_what_is_newer(registry: Registry, clock: list[timedelta]) -> None:
    pending = await begun(registry, YES, STOP, LIVES, ORDER)
    clock[0] += timedelta(seconds=1)
    await registry.put(rows(NO, STOP | {"operation": "ship"}, OTHER))

    await registry.carry_out(pending, {0: "a" * 32}, late=True)

    facts = await about(registry)
    assert [each.state.value for each in facts.consents["c-1"]] == ["withdrawn"]
    assert facts.suspensions == {Suspension("parcels", None), Suspension("parcels", "ship")}
    assert facts.people.keys() == {RECEIVER, SubjectRole.PAYER}
    assert facts.people[RECEIVER].jurisdiction == "FR"
    assert registry.is_revoked("0" * 32)


async def test_what_is_late_comes_over_what_is_older(registry: Registry, clock: list[timedelta]) -> None:
    await registry.put(rows(NO, OTHER, STOP))
    clock[0] += timedelta(seconds=1)
    pending = await begun(registry, YES, ORDER, STOP | {"lifted": True})

    await registry.carry_out(pending, {0: "a" * 32}, late=True)

    facts = await about(registry)
    assert [each.state.value for each in facts.consents["c-1"]] == ["given", "withdrawn"]
    assert facts.suspensions == frozenset()
    assert facts.people[BUYER].jurisdiction == "DE"


FLAG = {"kind": "flag", "subject": "c-1", "flag": "legal_person"}
LINK = {"kind": "link", "subject": "c-1", "other": "guest-1"}
STATE = {"kind": "order_state", "order": "A-1", "state": "open"}


async def test_what_is_late_takes_back_nothing_that_was_lifted_or_closed_since(
    registry: Registry, clock: list[timedelta]
) -> None:
    pending = await begun(registry, FLAG, LINK, STATE)
    clock[0] += timedelta(seconds=1)
    await registry.put(rows(FLAG | {"lifted": True}, LINK | {"lifted": True}, STATE | {"state": "closed"}))

    await registry.carry_out(pending, {}, late=True)

    facts = await registry.about([Mention(BUYER, ref="c-1")], consents=False, order="A-1")
    assert facts.marks == {}
    assert [order.state for order in facts.orders] == [OrderState.CLOSED]
    assert set(await registry.same_person("c-1")) == {"c-1"}


def imported(count: int) -> list[StoredRow]:
    """A part of an import: so many people who live somewhere, and said yes."""
    lives = [LIVES | {"subject": f"c-{number}"} for number in range(count)]
    said = [YES | {"subject": f"c-{number}", "time": "2024-02-01T09:30:00+00:00"} for number in range(count)]
    reached = ImportRow(id="crm", begun=NOON, rows=2 * count, chain="")
    return [*rows(*lives, *said, FLAG, LINK, ORDER | {"people": [{"role": "purchaser", "subject": "c-1"}]}), reached]


async def test_what_is_late_of_an_import_does_not_come_over_what_is_newer(
    registry: Registry, clock: list[timedelta]
) -> None:
    pending = await registry.begin("n1", "anna", imported(3))
    clock[0] += timedelta(seconds=1)
    lifted = FLAG | {"lifted": True}, LINK | {"lifted": True}
    await registry.put(rows(NO, LIVES | {"jurisdiction": "FR"}, *lifted, OTHER))

    await registry.carry_out(pending, {9: "a" * 32}, late=True)

    facts = await registry.about(
        [Mention(BUYER, order="A-1"), Mention(RECEIVER, ref="c-1"), Mention(SubjectRole.PAYER, ref="c-2")],
        consents=True, order=None,
    )  # fmt: skip
    assert [each.state.value for each in facts.consents["c-1"]] == ["withdrawn", "given"]
    assert [(each.state.value, each.record) for each in facts.consents["c-2"]] == [("given", f"{'a' * 32}.5")]
    assert facts.people.keys() == {RECEIVER, SubjectRole.PAYER}
    assert facts.marks == {}
    assert [facts.people[role].jurisdiction for role in (RECEIVER, SubjectRole.PAYER)] == ["FR", "DE"]
    assert set(await registry.same_person("c-1")) == {"c-1"}
    assert await registry.left("n1") == []


async def test_what_is_late_of_an_import_takes_no_more_statements_the_more_it_is(registry: Registry) -> None:
    statements = list[str]()
    event.listen(registry._engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    counts = list[int]()
    for count in (3, 300):
        pending = await registry.begin("n1", "anna", imported(count))
        statements.clear()
        await registry.carry_out(pending, {2 * count + 3: "a" * 32}, late=True)
        counts.append(len(statements))

    few, many = counts
    assert many == few


async def test_what_is_given_up_leaves_nothing(registry: Registry) -> None:
    await registry.give_up(await begun(registry, YES))

    assert await registry.left("n1") == []
    assert (await about(registry)).consents["c-1"] == ()


async def test_what_others_began_is_left_to_them_until_they_must_have_ended(
    emptied: str, clock: list[timedelta]
) -> None:
    registry = Registry.open(fenced(emptied), now=lambda: NOON + clock[0])
    pending = await begun(registry, YES)

    of_others, of_nobody = await registry.left("n2"), await registry.left("")
    clock[0] += OLD + timedelta(seconds=1)
    old = await registry.left("n2")
    registry.close()

    assert (of_others, of_nobody, old) == ([], [], [pending])


async def test_a_file_belongs_to_one_process_whatever_it_is_called(tmp_path: Path) -> None:
    registry = Registry.open(tmp_path / "registry.db", now=lambda: NOON)
    pending = await begun(registry, YES)

    found = await registry.left("renamed"), await registry.left("")
    registry.close()

    assert found == ([pending], [])


def test_nobody_is_named_where_something_pending_is_shown() -> None:
    assert "c-1" not in repr(Pending.begun("n1", "anna", rows(YES), NOON))
