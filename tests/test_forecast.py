"""What is forecast is what is then refused: at that moment, with that code, and nothing before."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from clearances import CONTRACTS, NOON, SHIP, agreed, asked, given
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from running import running

from gateway.clearance import clear
from gateway.contract.load import ContractSet
from gateway.contract.terms import Terms
from gateway.errors import Refusal
from gateway.forecast import Use, World, changed, forecast, stopped
from gateway.registry.entered import ROWS
from gateway.registry.facts import Papers, Waiver
from gateway.vocabulary import Level

USE = Use(SHIP.name, "shop-eu", "fulfilment", "t-1", (("purchaser", "DE"), ("consignee", "DE")))
ZONE = ZoneInfo(CONTRACTS.policy.time_zone)
TODAY = NOON.astimezone(ZONE).date()
DAYS = 30


def world(terms: Terms = SHIP, papers: Papers | None = None, **changed: object) -> World:
    contracts: ContractSet = replace(CONTRACTS, terms=(terms,))
    made = World(contracts, papers or Papers(), frozenset(), {}, cn_separate=True, uses={USE: 70})
    return replace(made, **changed)  # type: ignore[arg-type]


def midnight(after: date) -> datetime:
    return datetime.combine(after + timedelta(days=1), time.min, ZONE).astimezone(UTC)


def test_a_paper_that_ends_is_told_with_its_day_code_calls_and_who_can_act() -> None:
    last = TODAY + timedelta(days=10)

    [told] = forecast(world(agreed(until=last)), NOON, DAYS)

    assert (told["operation"], told["code"], told["from"]) == (
        USE.operation,
        "agreement.expired",
        midnight(last).isoformat(),
    )
    assert (told["calls"], told["calls_a_day"]) == (70, 10.0)
    assert told["who"].startswith(SHIP.operation.owner)


def test_where_nothing_ends_nothing_is_told() -> None:
    assert forecast(world(), NOON, DAYS) == []


def test_what_is_refused_already_is_told_from_now_on() -> None:
    [told] = forecast(world(agreed(until=TODAY - timedelta(days=1))), NOON, DAYS)

    assert told["from"] == NOON.isoformat()


def test_a_token_ends_at_its_second() -> None:
    end = NOON + timedelta(days=3, seconds=7)

    [told] = forecast(world(expires={"t-1": end}), NOON, DAYS)

    assert (told["code"], told["from"]) == ("caller.unknown", end.isoformat())
    assert "token issue" in told["who"]


def test_calls_whose_contract_is_gone_are_told() -> None:
    gone = replace(world(), contracts=replace(CONTRACTS, terms=()))

    assert [each["code"] for each in forecast(gone, NOON, DAYS)] == ["operation.unknown"]


def refused(at: datetime, made: World) -> str:
    """What a call is refused for at a time; nothing where it goes."""
    [terms] = made.contracts.terms
    facts = replace(given(), papers=made.papers)
    if (end := made.expires.get("t-1")) is not None and end <= at:
        return "caller.unknown"
    try:
        clear(replace(asked(terms, facts=facts, now=at), exporter="DE", levels=made.levels))
    except Refusal as refusal:
        return refusal.code
    return ""


hours = st.integers(-48, 24 * (DAYS + 5))


@settings(max_examples=60, deadline=None)
@for_all(
    ends=st.integers(-2, DAYS + 5),
    reviewed=st.integers(-2, DAYS + 5),
    level=st.sampled_from(list(Level)),
    waived=st.none() | st.tuples(st.sampled_from(["agreement.expired", "vendor.review_overdue"]), hours),
    token=st.none() | hours,
    looks=st.lists(st.integers(0, 24 * DAYS), max_size=8),
)
def test_a_moving_clock_finds_refused_what_was_forecast_from_then_on_and_nothing_before(
    ends: int,
    reviewed: int,
    level: Level,
    waived: tuple[str, int] | None,
    token: int | None,
    looks: list[int],
) -> None:
    terms = agreed(until=TODAY + timedelta(days=ends))
    terms = replace(terms, vendor=terms.vendor.model_copy(update={"review": TODAY + timedelta(days=reviewed)}))
    waivers: tuple[Waiver, ...] = ()
    if waived is not None:
        waivers = (Waiver("w", frozenset({terms.name}), frozenset({waived[0]}), NOON + timedelta(hours=waived[1])),)
    expires: Mapping[str, datetime] = {} if token is None else {"t-1": NOON + timedelta(hours=token)}
    made = world(terms, Papers(waivers=waivers), levels={"vendor.review_overdue": level}, expires=expires)

    told = forecast(made, NOON, DAYS)

    if told:
        begins = datetime.fromisoformat(told[0]["from"])
        assert refused(begins, made) == told[0]["code"]
        assert begins == NOON or refused(begins - timedelta(microseconds=1), made) == ""
    begins = datetime.fromisoformat(told[0]["from"]) if told else NOON + timedelta(days=DAYS)
    for look in looks:
        moment = NOON + timedelta(hours=look)
        assert moment >= begins or refused(moment, made) == ""


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"kind": "suspension", "vendor": "parcels"}, "vendor.suspended"),
        ({"kind": "suspension", "vendor": "parcels", "operation": "ship"}, "vendor.suspended"),
        ({"kind": "agreement_end", "vendor": "parcels", "agreement": "DPA-1"}, "agreement.expired"),
        ({"kind": "suspension", "vendor": "payments"}, ""),
        ({"kind": "suspension", "vendor": "parcels", "lifted": True}, ""),
    ],
)
def test_a_rehearsal_tells_what_would_have_been_stopped(row: dict[str, object], code: str) -> None:
    before = world()

    told = stopped(before, changed(before, ROWS.validate_python([row])), NOON)

    assert [(each["code"], each["calls"]) for each in told] == ([(code, 70)] if code else [])


def test_what_was_called_is_forecast_by_a_running_gateway_and_a_rehearsal_stops_nothing(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        gateway.ship()
        desk = gateway.stores.desk
        gateway.put({"kind": "agreement_end", "vendor": "parcels", "agreement": "DPA-1", "last": "2999-01-01"})
        quiet = gateway.do(lambda: desk.foresight.ahead(60))
        soon = (datetime.now(UTC) + timedelta(days=20)).date()
        ending = {"kind": "agreement_end", "vendor": "parcels", "agreement": "DPA-1", "last": soon.isoformat()}
        gateway.put(ending)
        told = gateway.do(lambda: desk.foresight.ahead(60))
        rehearsed = gateway.do(lambda: desk.rehearse([{"kind": "suspension", "vendor": "parcels"}], by="anna"))
        through = gateway.ship()

    assert [each["code"] for each in quiet] == []
    assert [(each["operation"], each["code"], each["calls"]) for each in told] == [
        ("parcels/ship", "agreement.expired", 1)
    ]
    assert json.dumps(told)
    assert [(each["code"], each["calls"]) for each in rehearsed] == [("vendor.suspended", 1)]
    assert through.status == 200
