"""What holds for a person or an order is known under every reference of theirs, from the answer on."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from registries import NOON, fenced, nodes, put
from sqlalchemy import select

from gateway.errors import Refusal
from gateway.registry import tables
from gateway.registry.facts import Facts, Mark, Mention, Order, Person
from gateway.registry.registry import ONE_PERSON, Registry
from gateway.vocabulary import ConsentState, Flag, OrderState, Purpose, SubjectRole

BUYER = SubjectRole.PURCHASER
ORDER = {"kind": "order", "order": "A-1", "people": [{"role": "purchaser", "subject": "c-1", "jurisdiction": "DE"}]}
SAID = {"kind": "consent", "subject": "c-1", "purpose": "delivery", "state": "given"}
LINK = {"kind": "link", "subject": "c-1", "other": "guest-1"}
RESTRICTED = {"kind": "flag", "subject": "c-1", "flag": "restricted"}
HELD = Mark(Flag.RESTRICTED, None, None, NOON)


async def about(registry: Registry, ref: str = "c-1", *, order: str | None = None) -> Facts:
    return await registry.about([Mention(BUYER, ref=ref)], consents=True, order=order)


def state(order: str, reached: str) -> dict[str, Any]:
    return {"kind": "order_state", "order": order, "state": reached}


async def test_a_flag_holds_until_it_is_lifted(registry: Registry) -> None:
    await put(registry, RESTRICTED)
    held = await about(registry)
    await put(registry, RESTRICTED | {"lifted": True})

    assert held.marks == {"c-1": (HELD,)}
    assert not held.basis.hold()
    assert (await about(registry)).marks == {}


async def test_a_flag_for_one_purpose_or_vendor_stands_by_itself(registry: Registry) -> None:
    await put(registry, RESTRICTED, RESTRICTED | {"purpose": "delivery"}, RESTRICTED | {"vendor": "parcels"})
    await put(registry, RESTRICTED | {"lifted": True}, RESTRICTED | {"vendor": "parcels", "lifted": True})

    assert (await about(registry)).marks == {"c-1": (Mark(Flag.RESTRICTED, Purpose.DELIVERY, None, NOON),)}


async def test_a_flag_holds_since_the_moment_that_was_said(registry: Registry) -> None:
    await put(registry, {"kind": "flag", "subject": "c-1", "flag": "opted_out", "time": "2026-01-31T10:00:00+01:00"})

    [mark] = (await about(registry)).marks["c-1"]
    assert mark.since == datetime(2026, 1, 31, 9, tzinfo=UTC)


@pytest.mark.parametrize("asked", ["c-1", "guest-1", "device-1"])
async def test_what_holds_for_one_reference_of_a_person_holds_for_all(registry: Registry, asked: str) -> None:
    await put(registry, LINK, {"kind": "link", "subject": "device-1", "other": "guest-1"}, RESTRICTED)

    assert (await about(registry, asked)).marks == {asked: (HELD,)}
    assert set(await registry.same_person(asked)) == {"c-1", "guest-1", "device-1"}


async def test_a_link_that_is_lifted_links_nobody(registry: Registry) -> None:
    await put(registry, LINK, RESTRICTED)
    linked = await about(registry, "guest-1")

    await put(registry, {"kind": "link", "subject": "guest-1", "other": "c-1", "lifted": True})

    assert linked.marks
    assert not linked.basis.hold()
    assert (await about(registry, "guest-1")).marks == {}


async def test_a_new_link_or_flag_takes_away_what_rested_on_there_being_none(registry: Registry) -> None:
    await put(registry, LINK)
    before = await about(registry, "guest-1")

    await put(registry, {"kind": "link", "subject": "c-1", "other": "device-1"})
    linked = await about(registry, "guest-1")
    await put(registry, RESTRICTED | {"subject": "device-1"})

    assert not before.basis.hold()
    assert not linked.basis.hold()
    assert (await about(registry, "guest-1")).marks == {"guest-1": (HELD,)}


async def test_the_newest_answer_of_a_person_counts_under_whichever_reference_it_was_given(registry: Registry) -> None:
    await put(registry, LINK, SAID, SAID | {"subject": "guest-1", "state": "withdrawn"})

    for asked in ("c-1", "guest-1"):
        answers = (await about(registry, asked)).consents[asked]
        assert [each.state for each in answers] == [ConsentState.WITHDRAWN, ConsentState.GIVEN]


async def test_whose_law_it_is_may_be_known_under_another_reference(registry: Registry) -> None:
    await put(registry, LINK, {"kind": "subject", "subject": "c-1", "jurisdiction": "CN"})
    known = (await about(registry, "guest-1")).people[BUYER]
    await put(
        registry,
        {"kind": "link", "subject": "c-1", "other": "device-1"},
        {"kind": "subject", "subject": "device-1", "jurisdiction": "DE"},
    )
    contradicted = (await about(registry, "guest-1")).people[BUYER]

    assert known.jurisdiction == "CN"
    assert contradicted.jurisdiction == "unknown"
    assert (await about(registry, "device-1")).people[BUYER].jurisdiction == "DE"


async def test_more_references_than_one_person_has_are_several_people(registry: Registry) -> None:
    refs = [f"c-{number}" for number in range(ONE_PERSON + 1)]
    links = [LINK | {"subject": one, "other": other} for one, other in pairwise(refs)]
    await put(registry, *links[:-1])
    most = await registry.same_person("c-0")
    await put(registry, links[-1])

    with pytest.raises(Refusal) as refused:
        await about(registry, "c-0")

    assert len(most) == ONE_PERSON
    assert refused.value.code == "subject.mismatch"
    assert "c-0" not in str(refused.value.failures)


async def test_of_several_ways_to_a_person_the_first_that_leads_to_somebody_counts(registry: Registry) -> None:
    await put(registry, ORDER)
    earlier = Person("c-2", BUYER, "FR", "A-2")

    async def found(**ways: Any) -> str:
        return (await registry.about([Mention(BUYER, **ways)], consents=False, order=None)).people[BUYER].ref

    assert await found(order="A-1", earlier=earlier, ref="c-3") == "c-1"
    assert await found(order="A-404", earlier=earlier, ref="c-3") == "c-2"
    assert await found(order="A-404", ref="c-3") == "c-3"


async def test_one_person_is_counted_once_under_whichever_reference(registry: Registry) -> None:
    await put(registry, LINK)
    both = [Mention(BUYER, ref="c-1"), Mention(SubjectRole.CONSIGNEE, ref="guest-1")]

    facts = await registry.about(both, consents=False, order=None)

    assert len(facts.everybody) == 1
    assert facts.references == {"c-1", "guest-1"}
    assert (await about(registry, "c-9")).references == (await about(registry, "c-9")).everybody == {"c-9"}


async def test_an_order_is_known_by_its_people_or_its_state(registry: Registry) -> None:
    await put(registry, ORDER, state("A-2", "open"))

    assert (await about(registry, order="A-1")).orders == (Order(is_known=True, state=None),)
    assert (await about(registry, order="A-2")).orders == (Order(is_known=True, state=OrderState.OPEN),)
    assert (await about(registry, order="A-3")).orders == (Order(is_known=False, state=None),)
    assert (await about(registry, order="A-\0")).orders == (Order(is_known=False, state=None),)
    assert (await about(registry)).orders == ()


async def test_the_state_of_an_order_changes_and_its_people_stay(registry: Registry) -> None:
    await put(registry, ORDER, state("A-1", "open"))
    by_order = Mention(BUYER, order="A-1")
    before = await registry.about([by_order], consents=False, order="A-1")

    await put(registry, state("A-1", "closed"))
    after = await registry.about([by_order], consents=False, order="A-1")

    assert not before.basis.hold()
    assert (after.people, after.orders) == (before.people, (Order(is_known=True, state=OrderState.CLOSED),))


async def test_the_order_that_a_person_comes_from_counts_where_the_call_states_none(registry: Registry) -> None:
    await put(registry, ORDER, state("A-1", "closed"))

    earlier = (await registry.about([Mention(BUYER, order="A-1")], consents=False, order=None)).people[BUYER]
    facts = await registry.about([Mention(BUYER, earlier=earlier)], consents=False, order=None)

    assert facts.orders == (Order(is_known=True, state=OrderState.CLOSED),)
    assert facts.order_stated is False


async def test_consents_of_minors_are_looked_up_whatever_the_ground(registry: Registry) -> None:
    await put(registry, SAID)
    mentions = [Mention(BUYER, ref="c-1")]
    before = await registry.about(mentions, consents=False, order=None)

    await put(registry, {"kind": "flag", "subject": "c-1", "flag": "minor"})

    assert before.consents == {}
    assert len((await registry.about(mentions, consents=False, order=None)).consents["c-1"]) == 1


async def test_nothing_is_left_of_somebody_erased_and_the_others_of_a_person_stay_linked(registry: Registry) -> None:
    await put(registry, ORDER, state("A-1", "open"), RESTRICTED, LINK, LINK | {"other": "device-1"})

    await registry.erase("c-1")

    with registry._engine.connect() as connection:
        rows = [
            row
            for table in (tables.PEOPLE, tables.STATES, tables.FLAGS, tables.LINKS)
            for row in connection.execute(select(table)).all()
        ]
    assert "c-1" not in str(rows)
    assert "A-1" not in str(rows)
    assert set(await registry.same_person("guest-1")) == {"guest-1", "device-1"}
    assert (await about(registry)).marks == {}


async def test_an_order_in_which_others_are_keeps_its_state_when_somebody_is_erased(registry: Registry) -> None:
    both = ORDER | {"people": [{"role": role, "subject": role} for role in ("purchaser", "consignee")]}
    await put(registry, both, state("A-1", "closed"))

    await registry.erase("purchaser")

    assert (await about(registry, "consignee", order="A-1")).orders == (Order(is_known=True, state=OrderState.CLOSED),)


async def test_another_node_knows_flags_states_and_links_from_the_answer_on(emptied: str) -> None:
    with nodes(fenced(emptied), 2) as (here, there):
        before = await about(there, "guest-1", order="A-1")
        await put(here, LINK, RESTRICTED, state("A-1", "closed"))

        await there.follow()
        after = await about(there, "guest-1", order="A-1")

    assert (before.marks, before.orders) == ({}, (Order(is_known=False, state=None),))
    assert not before.basis.hold()
    assert after.marks == {"guest-1": (HELD,)}
    assert after.orders == (Order(is_known=True, state=OrderState.CLOSED),)
