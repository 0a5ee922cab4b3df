"""What is forecast is what is then refused: at that moment, with that code, and nothing before."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from clearances import CONTRACTS, NOON, POLICY, SHIP, agreed, asked, given, of_subject
from demands import LEGAL, Staff
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from running import running
from shop_contracts import FILES
from shop_contracts import POLICY as POLICY_FILE
from shop_notices import CLAIM

from gateway.clearance import clear
from gateway.cli.forecast import tell_refused
from gateway.contract.announcing import Announced
from gateway.contract.load import ContractSet
from gateway.contract.papers import OnLapse, Transfer
from gateway.contract.terms import Terms
from gateway.errors import Refusal
from gateway.forecast import Use, World, by_last_token, changed, forecast, stopped
from gateway.frozen import changed as other
from gateway.registry.entered import ROWS
from gateway.registry.facts import Papers, Review, Waiver
from gateway.vocabulary import LegalBasis, Level, TransferMechanism

USE = Use(SHIP.name, "shop-eu", "fulfilment", "t-1", (("purchaser", "DE"), ("consignee", "DE")))
ZONE = ZoneInfo(CONTRACTS.policy.time_zone)
TODAY = NOON.astimezone(ZONE).date()
DAYS = 30
ANNOUNCED = {
    "kind": "sub_processor", "vendor": "parcels", "name": "Letzte Meile AG", "country": "IN", "since": "2026-01-01",
}  # fmt: skip
OVERDUE = "deletion.overdue"


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


def test_a_vendor_that_is_being_tried_is_forecast_as_any_other() -> None:
    tried = other(SHIP, vendor=SHIP.vendor.model_copy(update={"test_subjects_only": True}))

    assert forecast(world(tried), NOON, DAYS) == []


def test_what_is_refused_already_is_told_from_now_on() -> None:
    [told] = forecast(world(agreed(until=TODAY - timedelta(days=1))), NOON, DAYS)

    assert told["from"] == NOON.isoformat()


def test_what_is_alike_for_people_of_several_laws_is_told_once_with_all_of_its_calls() -> None:
    there = replace(USE, people=tuple((role, "FR") for role, _ in USE.people))
    several = replace(world(agreed(until=TODAY - timedelta(days=1))), uses={USE: 70, there: 7})

    [told] = forecast(several, NOON, DAYS)

    assert (told["calls"], told["calls_a_day"]) == (77, 11.0)


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
    facts = other(given(), papers=made.papers, overdue_from=made.overdue_from)
    if (end := made.expires.get("t-1")) is not None and end <= at:
        return "caller.unknown"
    try:
        question = asked(terms, facts=facts, policy=made.contracts.policy, now=at)
        clear(other(question, exporter="DE", levels=made.levels))
    except Refusal as refusal:
        return refusal.code
    return ""


def test_a_consent_is_forecast_to_be_asked_for_anew_where_the_policy_closes_and_opens_again() -> None:
    """Nobody who has said yes by now is taken to say it again."""
    terms = of_subject({"default": LegalBasis.CONSENT})
    first = POLICY.versions[0].model_copy(
        update={"version": "0", "published": NOON - timedelta(days=9), "purposes": ()}
    )
    later = POLICY.versions[0].model_copy(update={"published": NOON - timedelta(days=2)})
    policy = POLICY.model_copy(update={"versions": (first, later)})

    def found(said: datetime) -> list[str]:
        made = world(terms, contracts=replace(CONTRACTS, policy=policy, terms=(terms,)), said=said)
        return [each["code"] for each in forecast(made, NOON, DAYS)]

    assert found(NOON - timedelta(seconds=1)) == []
    assert found(NOON - timedelta(days=3)) == ["consent.outdated"]


hours = st.integers(-48, 24 * (DAYS + 5)).map(lambda each: NOON + timedelta(hours=each))
days = st.integers(-2, DAYS + 5).map(lambda each: TODAY + timedelta(days=each))
waived = st.builds(
    lambda code, until: Waiver("w", frozenset({SHIP.name}), frozenset({code}), until),
    st.sampled_from(["agreement.expired", "vendor.review_overdue"]),
    hours,
)
lapses = st.none() | st.sampled_from(["P1D", "P9D"]).map(
    lambda each: OnLapse.model_validate({"continue": ["ship"], "for": each})
)
lines = st.lists(
    st.builds(
        lambda mechanism, until: Transfer(mechanism=mechanism, to=("US",), until=until.isoformat()),
        st.sampled_from([TransferMechanism.DPF, TransferMechanism.SCC]),
        days,
    ),
    min_size=1,
    max_size=2,
)
announced = st.builds(
    lambda country, since, state: Announced("Letzte Meile AG", country, since, state),
    st.sampled_from(["DE", "US", "IN"]),
    days,
    st.sampled_from(["announced", "announced", "objected"]),
)
levels = st.fixed_dictionaries({code: st.sampled_from(list(Level)) for code in ("vendor.review_overdue", OVERDUE)})


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A parcel to a courier in the United States, of which anything may end at any time."""
    terms = agreed(until=draw(days), on_lapse=draw(lapses))
    terms = replace(terms, vendor=terms.vendor.model_copy(update={"review": draw(days)}))
    if draw(st.booleans()):
        vendor = terms.vendor.model_copy(update={"countries": ("US",), "transfer": {"EU": tuple(draw(lines))}})
        terms = replace(terms, vendor=vendor)
    policy = CONTRACTS.policy
    if (published := draw(st.none() | hours)) is not None:
        [first] = policy.versions
        narrower = first.model_copy(update={"version": "2", "published": published, "purposes": ("after_sales",)})
        policy = policy.model_copy(update={"versions": (first, narrower)})
    ended = draw(st.none() | days)
    papers = Papers(
        waivers=tuple(draw(st.lists(waived, max_size=2))),
        ended={("parcels", "DPA-1"): ended} if ended else {},
        reviews=draw(st.just({}) | days.map(lambda each: {"parcels": Review(each - timedelta(days=1), each)})),
        announced={"parcels": tuple(draw(st.lists(announced, max_size=2)))},
    )
    made = world(
        terms,
        papers,
        levels=draw(levels),
        expires=draw(st.just({}) | hours.map(lambda each: {"t-1": each})),
        overdue_from=draw(st.just({}) | hours.map(lambda each: {"parcels": each})),
    )
    return replace(made, contracts=replace(made.contracts, policy=policy))


@settings(max_examples=150, deadline=None)
@for_all(made=worlds(), looks=st.lists(st.integers(0, 24 * DAYS), max_size=8))
def test_a_moving_clock_finds_refused_what_was_forecast_from_then_on_and_nothing_before(
    made: World, looks: list[int]
) -> None:
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
        ({"kind": "agreement_end", "vendor": "parcels", "agreement": "DPA-1"}, "agreement.not_active"),
        (ANNOUNCED, "transfer.undeclared"),
        (ANNOUNCED | {"state": "objected"}, ""),
        ({"kind": "suspension", "vendor": "payments"}, ""),
        ({"kind": "suspension", "vendor": "parcels", "lifted": True}, ""),
    ],
)
def test_a_rehearsal_tells_what_would_have_been_stopped(row: dict[str, object], code: str) -> None:
    before = world()

    told = stopped(before, changed(before, ROWS.validate_python([row]), NOON), NOON)

    assert [(each["code"], each["calls"]) for each in told] == ([(code, 70)] if code else [])


@pytest.mark.parametrize(
    ("row", "code", "since"),
    [
        ({"kind": "agreement_end", "agreement": "DPA-1", "last": "2026-12-31"}, "agreement.expired", "2027-01-01"),
        (ANNOUNCED | {"since": "2026-10-25"}, "vendor.review_overdue", "2026-10-25"),
        ({"kind": "review", "held": "2026-01-01", "next": "2026-07-31"}, "vendor.review_overdue", "2026-08-01"),
        ({"kind": "review", "held": "2026-01-01", "next": "9999-12-31"}, "", ""),
    ],
)
def test_a_rehearsal_of_what_begins_later_tells_from_when_on_it_stops(
    row: dict[str, object], code: str, since: str
) -> None:
    before = world(levels={"vendor.review_overdue": Level.REFUSE})

    told = stopped(before, changed(before, ROWS.validate_python([row | {"vendor": "parcels"}]), NOON), NOON)

    expected = [(code, midnight(date.fromisoformat(since) - timedelta(days=1)).isoformat())] if code else []
    assert [(each["code"], each["from"]) for each in told] == expected


def test_of_a_batch_the_first_item_that_stops_is_told_whichever_law_it_is_under() -> None:
    mixed = replace(USE, people=(("purchaser", "DE"), ("consignee", "DE"), ("consignee", "GB"), ("consignee", "FR")))
    last = TODAY + timedelta(days=4)
    paths = {**SHIP.transfer, "GB": (Transfer(mechanism=TransferMechanism.ADEQUACY, until=str(last)),)}

    [told] = forecast(world(other(SHIP, transfer=paths), uses={mixed: 70}), NOON, DAYS)

    assert (told["code"], told["from"], told["calls"]) == ("transfer.expired", midnight(last).isoformat(), 70)
    assert forecast(world(uses={mixed: 70}), NOON, DAYS) == []


def test_what_ends_at_the_same_moment_is_told_together_with_who_can_act_on_each() -> None:
    last = TODAY + timedelta(days=4)
    ending = (Transfer(mechanism=TransferMechanism.ADEQUACY, until=str(last)),)
    abroad = agreed(until=last).vendor.model_copy(update={"countries": ("DE", "CA")})
    both = other(SHIP, vendor=abroad, transfer={"EU": ending})

    [told] = forecast(world(both), NOON, DAYS)

    assert (told["code"], told["besides"], told["from"]) == (
        "agreement.expired",
        ["transfer.expired"],
        midnight(last).isoformat(),
    )
    assert "renew the paper" in told["who"]
    assert "renew the mechanism" in told["who"]


def test_calls_count_together_whichever_token_they_came_with_and_the_last_one_ends_them() -> None:
    [other] = [replace(USE, caller="returns")]
    used = {replace(USE, token="t-0"): 30, USE: 5, replace(USE, token="t-2"): 7, other: 1}

    told = by_last_token(used, {"t-0": NOON - timedelta(days=1), "t-1": NOON, "t-2": NOON + timedelta(days=1)})

    assert told == {replace(USE, token="t-2"): 42, other: 1}
    assert by_last_token(used, {"t-0": NOON, "t-2": NOON}) == {USE: 42, other: 1}


def american(line: str) -> Mapping[str, str]:
    """The shop with a courier in the United States, to which data of Europeans goes on this."""
    file = "parcels/vendor.yaml"
    text = FILES[file].replace("countries: [DE]", "countries: [US]")
    return {**FILES, file: text.replace("EU: none_domestic", f"EU: [{{{line}}}]")}


def narrowing(at: datetime) -> Mapping[str, str]:
    """The shop with a policy that will not deliver any more."""
    narrower = POLICY_FILE[POLICY_FILE.index("  - version") :].replace('"1"', '"2"').replace("      - delivery\n", "")
    again = narrower.replace("2025-01-01T00:00:00+01:00", at.isoformat())
    return {**FILES, "policy.yaml": POLICY_FILE + again}


def on_the_day(after: int) -> date:
    return datetime.now(ZONE).date() + timedelta(days=after)


@pytest.mark.parametrize(
    ("files", "row", "code"),
    [
        (lambda: american(f"mechanism: dpf, to: [US], until: {on_the_day(9)}"), {}, "transfer.expired"),
        (lambda: narrowing(datetime.now(UTC).replace(microsecond=0) + timedelta(days=8)), {}, "policy.purpose"),
        (lambda: FILES, {"kind": "agreement_end", "agreement": "DPA-1", "last": on_the_day(7)}, "agreement.expired"),
        (lambda: FILES, {"kind": "review", "held": "2026-01-01", "next": on_the_day(6)}, "vendor.review_overdue"),
        (lambda: FILES, ANNOUNCED | {"since": on_the_day(4), "country": "DE"}, "vendor.review_overdue"),
    ],
    ids=["a certificate", "a version of the policy", "a paper", "a review", "a company"],
)
def test_a_gateway_whose_clock_moves_on_refuses_what_it_has_forecast_and_nothing_before(
    files: Callable[[], Mapping[str, str]], row: dict[str, Any], code: str, tmp_path: Path
) -> None:
    with running(tmp_path, files=files(), levels={"vendor.review_overdue": "refuse"}) as gateway:
        assert gateway.ship().status == 200
        if row:
            gateway.put({key: str(value) for key, value in row.items()} | {"vendor": "parcels"})
        [told] = gateway.do(lambda: gateway.stores.desk.foresight.ahead(60))
        begins = datetime.fromisoformat(told["from"])

        def at(moment: datetime) -> str:
            gateway.set_clock(lambda: moment)
            reply = gateway.ship()
            return "" if reply.status == 200 else reply.code

        assert told["code"] == code
        assert at(begins - timedelta(milliseconds=1)) == ""
        assert [at(begins), at(begins + timedelta(days=1))] == [code, code]


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


def test_what_went_outside_contracts_and_beside_the_gateway_is_no_call_that_could_be_refused(tmp_path: Path) -> None:
    with running(tmp_path, files={**FILES, "parcels/claim.yaml": CLAIM}) as gateway:
        staff = Staff(gateway)
        case = staff.opened(LEGAL)
        staff.take(case, "approve", {})
        sent = staff.send(case)
        told = {
            "vendor": "parcels", "operation": "claim", "happened": datetime.now(UTC).isoformat(),
            "people": [{"subject": "c-89", "role": "consignee"}],
        }  # fmt: skip
        gateway.do(lambda: gateway.stores.direct.record([told], by="anna"))

        stopped = [{"kind": "suspension", "vendor": "parcels"}]

        assert sent.status == 200
        assert gateway.do(lambda: gateway.stores.desk.foresight.ahead(60)) == []
        assert gateway.do(lambda: gateway.stores.desk.rehearse(stopped, by="anna")) == []


def test_lines_of_several_companies_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    line = {
        "operation": "parcels/ship",
        "caller": "fulfilment",
        "code": "agreement.expired",
        "besides": [],
        "calls_a_day": 1.0,
    }
    lines = [line | {"entity": entity, "who": "ops", "from": "2026-12-21"} for entity in ("shop-eu", "shop-uk")]

    tell_refused(lines, as_json=False)
    several = capsys.readouterr().out
    tell_refused(lines[:1], as_json=False)
    one = capsys.readouterr().out

    assert ["company" in several, "shop-eu" in several, "shop-uk" in several] == [True] * 3
    assert "shop-eu" not in one
