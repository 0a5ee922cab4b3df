"""Papers and reviews that are entered while the gateway runs."""

from datetime import date, timedelta
from typing import Any, Literal

import pytest
from pydantic import ValidationError
from registries import NOON

from gateway.contract.model import PolicyDraft
from gateway.frozen import changed
from gateway.registry import policies
from gateway.registry.entered import ROWS
from gateway.registry.facts import NO_PAPERS, Papers
from gateway.registry.registry import Registry
from gateway.registry.stored import PolicyRow
from gateway.vocabulary import Purpose

PAPER = {"type": "dpa", "id": "D-2", "signed": "2026-01-01", "until": "2027-12-31", "covers": ["person.*"]}
ENTERED = {"kind": "agreement", "vendor": "parcels", "agreement": PAPER}
ENDED = {"kind": "agreement_end", "vendor": "parcels", "agreement": "D-2"}
HELD = {"kind": "review", "vendor": "parcels", "held": "2026-06-01", "next": "2027-06-01"}


async def papers(registry: Registry) -> Papers:
    return (await registry.about([], consents=False, order=None)).papers


async def put(registry: Registry, *rows: dict[str, Any]) -> None:
    pending = await registry.begin("n1", "somebody", ROWS.validate_python(rows))
    [left] = await registry.left("n1")
    assert left == pending, "what was noted is read again as it was"
    await registry.carry_out(left, {number: f"{number:032}" for number, _ in enumerate(rows)}, late=False)


async def test_a_paper_is_there_as_it_was_entered_and_replaces_one_of_its_name(registry: Registry) -> None:
    await put(registry, ENTERED)
    first = await papers(registry)
    lapse = {"continue": ["track"], "for": "P14D"}
    await put(registry, ENTERED | {"agreement": PAPER | {"until": "2028-12-31", "on_lapse": lapse}})

    [before], [after] = first.entered["parcels"], (await papers(registry)).entered["parcels"]
    assert (before.id, before.until, before.covers) == ("D-2", date(2027, 12, 31), ("person.*",))
    assert after.until == date(2028, 12, 31)
    assert after.on_lapse is not None
    assert after.on_lapse.operations == ("track",)


async def test_a_paper_that_ended_is_so_until_it_is_entered_again(registry: Registry) -> None:
    await put(registry, ENTERED, ENDED | {"last": "2026-06-30"}, ENDED | {"agreement": "D-1"})
    ended = (await papers(registry)).ended
    await put(registry, ENTERED)

    assert ended == {("parcels", "D-2"): date(2026, 6, 30), ("parcels", "D-1"): None}
    assert (await papers(registry)).ended == {("parcels", "D-1"): None}


async def test_the_last_review_of_each_vendor_says_when_the_next_one_is_due(registry: Registry) -> None:
    await put(registry, HELD, HELD | {"vendor": "faults"}, HELD | {"held": "2026-06-02", "next": "2026-09-01"})

    due = {vendor: review.next for vendor, review in (await papers(registry)).reviews.items()}
    assert due == {"parcels": date(2026, 9, 1), "faults": date(2027, 6, 1)}


async def test_they_are_read_once_and_anew_after_each_change(registry: Registry) -> None:
    before = await registry.about([], consents=False, order=None)
    again = await registry.about([], consents=False, order=None)

    await put(registry, HELD)

    assert again.papers is before.papers
    assert not before.basis.hold()
    assert (await papers(registry)).reviews


async def test_what_is_late_does_not_come_over_what_is_newer(registry: Registry) -> None:
    pending = await registry.begin("n1", "somebody", ROWS.validate_python([ENTERED, ENDED, HELD]))
    await registry.carry_out(pending, {}, late=True)

    found = await papers(registry)
    assert (set(found.entered), set(found.ended), set(found.reviews)) == (
        {"parcels"},
        {("parcels", "D-2")},
        {"parcels"},
    )


@pytest.mark.parametrize(
    "row",
    [
        ENTERED | {"agreement": {"type": "dpa", "id": "D-2", "until": "2027-12-31"}},
        ENTERED | {"agreement": PAPER | {"covers": ["adress.*"]}},
        ENTERED | {"agreement": PAPER | {"unknown": 1}},
        ENDED | {"last": "tomorrow"},
        HELD | {"next": "2026-06-01"},
        HELD | {"result": "fine"},
    ],
)
def test_what_lacks_something_is_not_entered(row: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ROWS.validate_python([row])


def test_nothing_is_known_of_a_vendor_of_whom_nothing_was_entered() -> None:
    known = Papers(ended={("parcels", "D-2"): None})

    assert (known.of("parcels"), known.of("faults"), NO_PAPERS.of("parcels")) == (True, False, False)


def version(purposes: tuple[Purpose, ...], state: Literal["draft", "dropped", "published"], id_: str) -> PolicyRow:
    said = PolicyDraft(version="2", document="sha256:" + "0" * 64, purposes=purposes, vendor_kinds=())
    return PolicyRow(state=state, id=id_ * 32, draft=said, drafted_by="stella", drafted=NOON)


async def test_of_two_versions_that_are_published_under_one_name_the_first_stays(registry: Registry) -> None:
    await registry.put([version((Purpose.DELIVERY,), "draft", "a")])
    before = await registry.papers()
    await registry.put([version((Purpose.DELIVERY,), "published", "a")])
    await registry.put([version((), "published", "b")])

    [out] = (await registry.papers()).versions
    [row] = await registry.read(policies.every, "")
    assert before.versions == ()
    assert (out.purposes, out.published, row.id) == ((Purpose.DELIVERY,), NOON, "a" * 32)


async def test_a_step_that_broke_off_comes_not_over_what_was_drafted_since(registry: Registry) -> None:
    late = await registry.begin("n1", "stella", [version((), "draft", "a")])
    moved = changed(late, at=NOON - timedelta(minutes=1))
    await registry.put([version((Purpose.DELIVERY,), "draft", "b")])
    await registry.carry_out(moved, {}, late=True)

    assert [row.id for row in await registry.read(policies.every, "")] == ["b" * 32]


async def test_who_said_yes_and_not_no_since_is_counted_once(registry: Registry) -> None:
    def said(subject: str, state: str, **more: str) -> dict[str, Any]:
        return {"kind": "consent", "subject": subject, "purpose": "delivery", "state": state, **more}

    answers = [
        said("c-1", "given"), said("c-1", "renewed"), said("c-2", "given"), said("c-2", "withdrawn"),
        said("c-3", "given", vendor="parcels"), said("c-4", "given", vendor="payments"),
        said("c-5", "withdrawn"), said("c-5", "given"), {**said("c-6", "given"), "purpose": "security"},
    ]  # fmt: skip
    await registry.put(ROWS.validate_python(answers))

    assert await registry.read(policies.consenting, (Purpose.DELIVERY, ["parcels"])) == 3
