"""A fact is on record before it is in force and in force before the answer, wherever the process ends in between."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from processes import Machine
from waiting import until

from gateway import failpoints, intake
from gateway.clock import utc
from gateway.errors import Refusal, refuse
from gateway.failpoints import InjectedError
from gateway.ledger import Filter
from gateway.misfit import NOTED
from gateway.registry.entered import ROWS, NoFacts
from gateway.registry.facts import Mention, Suspension
from gateway.registry.registry import Registry
from gateway.settings import Settings
from gateway.stores import Stores, opened
from gateway.vocabulary import SubjectRole

YES = {"kind": "consent", "subject": "c-1", "purpose": "delivery", "state": "given", "expires": "2031-01-01T00:00:00Z"}
NO = {"kind": "consent", "subject": "c-1", "purpose": "delivery", "state": "withdrawn"}
STOP = {"kind": "suspension", "vendor": "parcels"}
ORDER = {"kind": "order", "order": "A-1", "people": [{"role": "purchaser", "subject": "c-1", "jurisdiction": "DE"}]}
STEPS = ("after-pending", "after-entry", "after-row")


@pytest.fixture(autouse=True)
def _unarmed() -> Iterator[None]:
    yield
    failpoints.arm("")


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    async with started(tmp_path) as stores:
        yield stores


@asynccontextmanager
async def started(folder: Path) -> AsyncIterator[Stores]:
    async with opened(Settings(data=folder, contracts=folder / "none"), lambda: "shop-eu") as stores:
        yield stores


async def answers(registry: Registry, subject: str = "c-1") -> list[tuple[str, str]]:
    """What a person said, the newest first, and the record that each answer stands in."""
    by_number = Mention(SubjectRole.PURCHASER, ref=subject)
    facts = await registry.about([by_number], consents=True, order=None)
    return [(each.state.value, each.record) for each in facts.consents[subject]]


async def suspended(registry: Registry) -> frozenset[Suspension]:
    return (await registry.about([], consents=False, order=None)).suspensions


async def entries(stores: Stores, kind: str = "fact") -> list[dict[str, Any]]:
    return [dict(entry.body) for entry in await stores.ledger.entries(Filter(kind=kind, limit=1_000))]


async def broken_off(folder: Path, step: str, *facts: dict[str, Any]) -> None:
    """A process that ended at a step of putting facts in."""
    async with started(folder) as stores:
        failpoints.arm(f"{step}=raise")
        with pytest.raises(InjectedError):
            await stores.desk.put_facts(facts, by="anna")
    failpoints.arm("")


async def test_the_row_of_a_consent_has_the_id_of_its_entry(stores: Stores) -> None:
    await stores.desk.put_facts([YES, NO], by="anna")

    ids = {each["state"]: each["id"] for each in await entries(stores)}
    assert await answers(stores.registry) == [("withdrawn", ids["withdrawn"]), ("given", ids["given"])]


async def test_what_holds_for_people_and_orders_is_on_record_without_saying_of_whom(stores: Stores) -> None:
    flag = {"kind": "flag", "subject": "c-1", "flag": "restricted", "purpose": "delivery", "vendor": "parcels"}
    link = {"kind": "link", "subject": "c-1", "other": "guest-1"}
    state = {"kind": "order_state", "order": "A-1", "state": "closed"}

    await stores.desk.put_facts([flag, link, state, flag | {"lifted": True}], by="anna")

    told = await entries(stores)
    shown = [(each["fact"], each["state"], each.get("vendor")) for each in told]
    assert sorted(shown, key=str) == [
        ("flag:restricted:delivery", "lifted", "parcels"),
        ("flag:restricted:delivery", "set", "parcels"),
        ("link", "set", None),
        ("order", "closed", None),
    ]
    assert not any(ref in str(told) for ref in ("c-1", "guest-1", "A-1"))
    for ref in ("c-1", "guest-1"):
        found = await stores.ledger.entries(Filter(kind="fact", subject=ref, limit=10))
        assert len(found) == {"c-1": 3, "guest-1": 1}[ref]


@pytest.mark.parametrize(("step", "is_on_record"), list(zip(STEPS, [False, True, True], strict=True)))
async def test_wherever_it_broke_off_the_record_and_the_registry_say_the_same_afterwards(
    tmp_path: Path, step: str, is_on_record: bool
) -> None:
    await broken_off(tmp_path, step, NO, STOP, ORDER)

    async with started(tmp_path) as stores:
        facts = await entries(stores)
        said, stopped = await answers(stores.registry), await suspended(stores.registry)
        left = await stores.registry.left("gateway")
        mention = Mention(SubjectRole.PURCHASER, order="A-1")
        order = await stores.registry.about([mention], consents=False, order=None)

    ids = [each["id"] for each in facts if each["fact"] == "consent:delivery"]
    assert said == [("withdrawn", id_) for id_ in ids]
    assert (len(facts), len(said), len(stopped), len(order.people)) == ((2, 1, 1, 1) if is_on_record else (0, 0, 0, 0))
    assert left == []


async def test_a_start_that_does_not_carry_on_what_broke_off_is_noticed(tmp_path: Path) -> None:
    await broken_off(tmp_path, "after-entry", NO)

    registry = Registry.open(tmp_path / "registry.db", now=utc)
    said, left = await answers(registry), await registry.left("gateway")
    registry.close()

    assert said == []
    assert len(left) == 1


async def test_a_revocation_that_broke_off_is_carried_on(tmp_path: Path) -> None:
    async with started(tmp_path) as stores:
        failpoints.arm("after-entry=raise")
        with pytest.raises(InjectedError):
            await stores.desk.revoke_token("0" * 32, by="anna")
        early = stores.registry.is_revoked("0" * 32)
    failpoints.arm("")

    async with started(tmp_path) as stores:
        assert not early
        assert stores.registry.is_revoked("0" * 32)
        assert [each["state"] for each in await entries(stores, "token")] == ["revoked"]


@pytest.mark.slow
def test_killed_between_the_entry_and_the_row_the_next_process_writes_the_row(tmp_path: Path) -> None:
    machine = Machine(tmp_path, settings={"FAILPOINTS": "after-entry=kill"})
    line = '{"kind": "suspension", "vendor": "parcels"}'

    killed = machine.typed("facts", "put", "-", stdin=line)
    machine.settings = {}
    recorded = machine.listed("--kind", "fact")

    registry = Registry.open(tmp_path / "data" / "registry.db", now=utc)
    stopped = asyncio.run(suspended(registry))
    registry.close()
    assert killed.returncode == -9
    assert [each["state"] for each in recorded] == ["suspended"]
    assert stopped == {Suspension("parcels", None)}


async def test_what_broke_off_is_carried_on_without_anybody_asking(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "PERIOD", 0.02)
    facts = await stores.registry.about([Mention(SubjectRole.PURCHASER, ref="c-1")], consents=True, order=None)
    failpoints.arm("after-entry=raise")

    with pytest.raises(InjectedError):
        await stores.desk.put_facts([NO], by="anna")

    await until(lambda: not facts.basis.hold())
    assert [state for state, _ in await answers(stores.registry)] == ["withdrawn"]


async def test_what_broke_off_comes_before_what_is_put_in_later(stores: Stores) -> None:
    failpoints.arm("after-entry=raise")
    with pytest.raises(InjectedError):
        await stores.desk.put_facts([YES], by="anna")

    await stores.desk.put_facts([NO], by="anna")

    assert [state for state, _ in await answers(stores.registry)] == ["withdrawn", "given"]


class Failing:
    """A ledger that takes one entry, and then for a while none."""

    def __init__(self, ledger: Any) -> None:
        self._ledger = ledger
        self.left = 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def record(self, *arguments: Any, **named: Any) -> str:
        self.left -= 1
        if self.left < 0:
            raise refuse("ledger.unavailable")
        return str(await self._ledger.record(*arguments, **named))


async def test_of_facts_that_came_to_some_of_their_entries_the_others_follow(stores: Stores) -> None:
    desk: Any = stores.desk
    failing = desk._intake._ledger = Failing(stores.ledger)
    with pytest.raises(Refusal):
        await stores.desk.put_facts([YES, STOP], by="anna")
    before = await answers(stores.registry), await suspended(stores.registry)
    failing.left = 1_000

    await stores.desk.put_facts([ORDER], by="anna")

    assert before == ([], frozenset())
    assert [state for state, _ in await answers(stores.registry)] == ["given"]
    assert await suspended(stores.registry) == {Suspension("parcels", None)}
    assert len(await entries(stores)) == 2


async def test_where_what_broke_off_cannot_be_carried_on_nothing_else_is_put_in(stores: Stores) -> None:
    desk: Any = stores.desk
    failing = desk._intake._ledger = Failing(stores.ledger)
    for facts in ([YES, STOP], [NO]):
        with pytest.raises(Refusal):
            await stores.desk.put_facts(facts, by="anna")

    assert failing.left < 0
    assert await answers(stores.registry) == []


async def test_of_facts_that_came_to_no_entry_nothing_is_left(stores: Stores) -> None:
    desk: Any = stores.desk
    desk._intake._ledger = Failing(stores.ledger)
    desk._intake._ledger.left = 0
    with pytest.raises(Refusal):
        await stores.desk.put_facts([YES], by="anna")

    await stores.desk.put_facts([ORDER], by="anna")

    assert await answers(stores.registry) == []
    assert await stores.registry.left("gateway") == []


async def test_what_is_said_to_come_to_be_later_is_not_taken(stores: Stores) -> None:
    with pytest.raises(intake.UnfitTime, match=r"^1\.time"):
        await stores.desk.put_facts([NO, NO | {"time": "2999-01-01T00:00:00Z"}], by="anna")

    assert await entries(stores) == []


@pytest.mark.parametrize("expires", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_a_time_where_time_ends_is_refused_and_keeps_nothing_back(stores: Stores, expires: str) -> None:
    with pytest.raises(NoFacts, match="write one from 1900 to 2999"):
        await stores.desk.put_facts([NO | {"expires": expires}], by="anna")

    assert await stores.desk.put_facts([NO], by="anna") == 1
    assert len(await entries(stores)) == 1


@pytest.mark.parametrize("expires", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_such_a_time_that_was_noted_before_it_was_refused_is_carried_on(tmp_path: Path, expires: str) -> None:
    noted = ROWS.validate_python([NO | {"expires": expires}], context=NOTED)
    async with started(tmp_path) as stores:
        failpoints.arm("after-entry=raise")
        with pytest.raises(InjectedError):
            await stores.intake.put(noted, by="anna")
    failpoints.arm("")

    async with started(tmp_path) as stores:
        assert [state for state, _ in await answers(stores.registry)] == ["withdrawn"]
        assert await stores.registry.left("gateway") == []


async def test_a_policy_that_somebody_accepted_is_on_record_and_no_consent(stores: Stores) -> None:
    accepted = {"kind": "acceptance", "subject": "c-1", "policy": "2", "how": "deemed"}
    await stores.desk.put_facts([accepted], by="anna")

    [entry] = await entries(stores)
    assert (entry["fact"], entry["state"]) == ("acceptance", "deemed")
    assert await answers(stores.registry) == []
