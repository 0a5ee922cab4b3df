"""How many people an operation may be about in an hour, from the contract to the wire."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from clearances import NOON, SHIP, asked
from running import running
from shop_contracts import FILES

from gateway.caps import CODE, Caps
from gateway.clearance import clear
from gateway.errors import Refusal
from gateway.ledger.store import Cap
from gateway.vocabulary import Level

BOUNDED = {
    **FILES,
    "parcels/ship.yaml": FILES["parcels/ship.yaml"].replace("retention:", "limits: {per_hour: 2}\nretention:", 1),
}
OTHERS = {
    "kind": "order",
    "order": "A-10046",
    "people": [{"role": role, "subject": f"x-{role}", "jurisdiction": "DE"} for role in ("purchaser", "consignee")],
}


@pytest.mark.parametrize(
    ("levels", "status", "noted"),
    [({}, 200, [CODE]), ({CODE: "refuse"}, 403, None), ({CODE: "off"}, 200, [])],
    ids=["noted unless stated", "refused", "off"],
)
def test_one_person_more_than_may_be_in_an_hour(
    levels: Mapping[str, str], status: int, noted: list[str] | None, tmp_path: Path
) -> None:
    with running(tmp_path, files=BOUNDED, levels=levels) as gateway:
        gateway.put(OTHERS)
        first, again = gateway.ship(), gateway.ship()
        sent = len(gateway.parcels.received)
        more = gateway.ship(reference="A-10046")
        later = gateway.ship()

        assert (first.status, again.status, more.status, later.status) == (200, 200, status, 200)
        intents = gateway.record(kind="intent")
        if noted is None:
            assert more.code == CODE
            assert len(gateway.parcels.received) == sent + 1
            assert gateway.record(kind="refusal")[0]["code"] == CODE
            assert len(intents) == 3
        else:
            assert [each.get("warnings", []) for each in intents][1:] == [noted, [], []]


def test_a_gateway_that_starts_again_goes_on_counting(tmp_path: Path) -> None:
    refusing = {CODE: "refuse"}
    with running(tmp_path, files=BOUNDED, levels=refusing) as gateway:
        gateway.put(OTHERS)
        assert gateway.ship().status == 200

    with running(tmp_path, files=BOUNDED, levels=refusing) as gateway:
        assert gateway.ship(reference="A-10046").code == CODE
        assert gateway.ship().status == 200


def test_after_a_note_nobody_is_asked_again_until_the_next_hour() -> None:
    caps, clearance = Caps({}), clear(asked())

    assert caps.of(SHIP, NOON) == Cap("parcels/ship", SHIP.operation.limits.per_hour)
    caps.passed(SHIP, NOON)

    later = NOON + timedelta(minutes=59)
    assert caps.of(SHIP, later) is None
    assert caps.noted(SHIP, clearance, later).warnings == (CODE,)
    assert caps.of(SHIP, NOON + timedelta(hours=1)) is not None
    assert caps.noted(SHIP, clearance, NOON + timedelta(hours=1)) is clearance


def test_where_it_refuses_it_says_how_many_there_may_be() -> None:
    caps = Caps({CODE: Level.REFUSE})

    with pytest.raises(Refusal) as refused:
        caps.passed(SHIP, NOON)

    assert refused.value.code == CODE
    assert "1000 in one hour" in refused.value.failures[0].detail
    assert caps.of(SHIP, NOON) is not None


def test_with_a_waiver_a_hard_bound_is_passed_and_the_entry_names_it() -> None:
    caps, clearance = Caps({CODE: Level.REFUSE}), clear(asked(SHIP))

    caps.passed(SHIP, NOON, ["w-1"])

    assert caps.of(SHIP, NOON, ["w-1"]) is None
    assert caps.noted(SHIP, clearance, NOON, ["w-1"]).waivers == ("w-1",)
    assert caps.of(SHIP, NOON) is not None, "once the waiver is over the bound holds again"
