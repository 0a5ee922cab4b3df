"""What is counted over months and years, from the contract to the wire."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from clearances import NOON, POLICY, SHIP, asked
from running import BY, Running, running
from shop_contracts import FILES
from shop_notices import CLAIM

from gateway.clearance import clear
from gateway.errors import Refusal
from gateway.frozen import changed
from gateway.tallies import CODE, DEROGATION, Tallies, month_of
from gateway.vocabulary import Level, Role
from gateway.vocabulary.china import NECESSARY, PEOPLE, SENSITIVE

_PARCELS, _PAYMENTS = FILES["parcels/vendor.yaml"], FILES["payments/vendor.yaml"]
ABROAD = {
    **FILES,
    "parcels/vendor.yaml": _PARCELS.replace("countries: [DE]", "countries: [US]").replace(
        "EU: none_domestic", "EU: derogation_interest_of_subject"
    ),
}
CHINA = {
    **FILES,
    "payments/vendor.yaml": _PAYMENTS.replace("CN: cn_contract_necessity", "CN: cn_standard_contract"),
}
PAY = b"amount=1&source=tok_1&customer=%s&metadata[order]=%s"
DEROGATED = changed(clear(asked()), transfer=(("DE", "derogation_interest_of_subject"),))


def numbers(gateway: Running) -> dict[tuple[str, str], int]:
    counts = gateway.do(gateway.stores.ledger.tallies)
    assert len({each.period for each in counts}) <= 2
    return {(each.what, each.scope): each.n for each in counts}


def shown(gateway: Running, report: str) -> list[dict[str, Any]]:
    token = gateway.token("rita", role=Role.REVIEWER)
    reply = gateway.said(gateway.raw("GET", f"/reports/{report}", token=token), operators=True)
    rows: list[dict[str, Any]] = json.loads(reply.payload)["rows"]
    return rows


@pytest.mark.parametrize(
    ("levels", "statuses", "noted"),
    [
        ({}, [200, 200, 200, 200], [[], [], [CODE], [CODE]]),
        ({CODE: "refuse"}, [200, 200, 403, 403], [[], []]),
        ({CODE: "off"}, [200, 200, 200, 200], [[], [], [], []]),
    ],
    ids=["noted unless stated", "refused", "off"],
)
def test_a_derogation_that_becomes_the_rule(
    levels: Mapping[str, str], statuses: list[int], noted: list[list[str]], tmp_path: Path
) -> None:
    with running(tmp_path, files=ABROAD, levels=levels, derogations_a_month=2) as gateway:
        replies = [gateway.ship() for _ in statuses]

        assert [reply.status for reply in replies] == statuses
        assert len(gateway.parcels.received) == statuses.count(200)
        assert [each.get("warnings", []) for each in reversed(gateway.record(kind="intent"))] == noted
        assert {each["code"] for each in gateway.record(kind="refusal")} == ({CODE} if 403 in statuses else set())
        assert numbers(gateway) == {
            (DEROGATION, "parcels delivery derogation_interest_of_subject"): statuses.count(200)
        }
        [transfer] = shown(gateway, "transfers")
        assert (transfer["most_in_a_month"], transfer["count"]) == (statuses.count(200), statuses.count(200))
        assert {row["vendor"]: row["derogations"] for row in shown(gateway, "vendors")}["parcels"] == statuses.count(
            200
        )


def test_a_gateway_that_starts_again_goes_on_counting_derogations(tmp_path: Path) -> None:
    refusing = {CODE: "refuse"}
    for expected in ([200], [200, 403]):
        with running(tmp_path, files=ABROAD, levels=refusing, derogations_a_month=2) as gateway:
            assert [gateway.ship().status for _ in expected] == expected


def test_a_repeated_call_is_no_second_time(tmp_path: Path) -> None:
    with running(tmp_path, files=ABROAD, levels={CODE: "refuse"}, derogations_a_month=1) as gateway:
        replies = [gateway.ship("Idempotency-Key: one") for _ in range(3)]

        assert [reply.status for reply in replies] == [200, 200, 200]
        assert gateway.ship("Idempotency-Key: two").code == CODE


def test_people_in_china_are_counted_once_a_year_and_by_what_left(tmp_path: Path) -> None:
    def living(ref: str, place: str, order: str) -> dict[str, object]:
        return {"kind": "order", "order": order, "people": [{"role": "payer", "subject": ref, "jurisdiction": place}]}

    with running(tmp_path, files=CHINA, cn_sensitive_requires_separate_consent=False) as gateway:
        gateway.put(living("p-1", "CN", "B-1"), living("p-2", "CN", "B-2"), living("p-3", "DE", "B-3"))
        for ref, order in ((b"p-1", b"B-1"), (b"p-2", b"B-2"), (b"p-1", b"B-1"), (b"p-3", b"B-3")):
            reply = gateway.call(
                "POST", "/payments/accounts/acct/charges", "Content-Type: application/x-www-form-urlencoded",
                body=PAY % (ref, order), token=gateway.token("checkout"),
            )  # fmt: skip
            assert reply.status == 200

        assert numbers(gateway) == {
            (what, scope): 2 for what in (PEOPLE, SENSITIVE) for scope in ("shop-eu", "shop-eu payments")
        }
        [transfer] = [row for row in shown(gateway, "transfers") if row["mechanism"] == "cn_standard_contract"]
        told = ("people_at_importer", "people_of_exporter", "sensitive_of_exporter")
        assert [transfer[name] for name in told] == [2, 2, 2]
        assert [line.split(" ")[0] for line in transfer["threshold"]] == ["100000", "10000", "1000000"]
        vendors = {row["vendor"]: row["people_in_china"] for row in shown(gateway, "vendors")}
        assert vendors == {"faults": 0, "parcels": 0, "payments": 2}


def test_whoever_has_several_references_is_counted_by_each_also_where_they_are_linked(tmp_path: Path) -> None:
    order = {"kind": "order", "order": "B-1", "people": [{"role": "purchaser", "subject": "p-1", "jurisdiction": "CN"}]}
    guest = {"kind": "order", "order": "B-2", "people": [{"role": "purchaser", "subject": "g-1", "jurisdiction": "CN"}]}
    with running(tmp_path) as gateway:
        gateway.put(order, guest, {"kind": "link", "subject": "p-1", "other": "g-1"})
        assert [gateway.ship(reference=each).status for each in ("B-1", "B-2", "B-1")] == [200] * 3

        assert numbers(gateway) == {(NECESSARY, "shop-eu"): 2, (NECESSARY, "shop-eu parcels"): 2}


def test_whose_data_goes_for_their_contract_alone_are_counted_apart(tmp_path: Path) -> None:
    order = {"kind": "order", "order": "B-1"}
    people = [{"role": "purchaser", "subject": "p-1", "jurisdiction": "CN"}]
    with running(tmp_path) as gateway:
        gateway.put({**order, "people": people})
        assert gateway.ship(reference="B-1").status == 200
        assert gateway.ship(reference="B-1").status == 200

        assert numbers(gateway) == {(NECESSARY, "shop-eu"): 1, (NECESSARY, "shop-eu parcels"): 1}


WHERE = "{$.tracking: shipment.tracking}"
BESIDE = {
    **FILES,
    "parcels/vendor.yaml": _PARCELS.replace("CN: cn_contract_necessity", "CN: cn_standard_contract"),
    "parcels/claim.yaml": f"{CLAIM}    - why: Where it was last seen.\n      of: consignee\n      fields: {WHERE}\n",
}


def test_whose_data_left_china_beside_the_gateway_are_counted_with_the_others(tmp_path: Path) -> None:
    def told(ref: str, place: str, year: int = 2026, **more: object) -> dict[str, Any]:
        who = {"subject": ref, "role": "consignee", "jurisdiction": place}
        return {
            "vendor": "parcels",
            "operation": "claim",
            "people": [who],
            "happened": f"{year}-03-02T10:00:00Z",
            **more,
        }

    with running(tmp_path, files=BESIDE) as gateway:
        first = [told("g-1", "CN"), told("g-2", "CN", categories=["person.name"]), told("g-3", "DE")]
        later = [told("g-1", "CN"), told("g-1", "CN", happened="2026-03-04T10:00:00Z"), told("g-1", "CN", 2025)]
        gateway.do(lambda: gateway.stores.direct.record(first, by=BY))
        gateway.do(lambda: gateway.stores.direct.record(later, by=BY))

        counts = {(each.what, each.period, each.scope): each.n for each in gateway.do(gateway.stores.ledger.tallies)}
        assert {key: n for key, n in counts.items() if key[2] == "shop-eu"} == {
            (PEOPLE, "2026", "shop-eu"): 2,
            (SENSITIVE, "2026", "shop-eu"): 1,
            (PEOPLE, "2025", "shop-eu"): 1,
            (SENSITIVE, "2025", "shop-eu"): 1,
        }
        intents = gateway.record(kind="intent")
        assert {tuple(map(tuple, each["transfer"])) for each in intents} == {
            (("CN", "cn_standard_contract"),),
            (("DE", "none_domestic"),),
        }


def test_a_derogation_beside_the_gateway_counts_and_is_bounded_by_nothing(tmp_path: Path) -> None:
    people = [{"subject": "g-1", "role": "consignee", "jurisdiction": "DE"}]
    files = {**ABROAD, "parcels/claim.yaml": CLAIM}
    with running(tmp_path, files=files, levels={CODE: "refuse"}, derogations_a_month=1) as gateway:
        told = [
            {"vendor": "parcels", "operation": "claim", "people": people, "happened": f"2026-03-02T10:00:0{second}Z"}
            for second in range(3)
        ]
        gateway.do(lambda: gateway.stores.direct.record(told, by=BY))

        assert numbers(gateway) == {(DEROGATION, "parcels delivery derogation_interest_of_subject"): 3}


def test_where_nothing_is_counted_nobody_is_asked(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        assert gateway.ship().status == 200

        assert numbers(gateway) == {}


def test_after_a_note_nobody_is_asked_again_until_the_next_month() -> None:
    tallies = Tallies({}, 2)
    later = NOON + timedelta(days=15)
    assert tallies.noted(SHIP, POLICY, DEROGATED, NOON) is DEROGATED

    tallies.passed(SHIP, POLICY, DEROGATED, NOON)

    assert tallies.noted(SHIP, POLICY, DEROGATED, NOON).warnings == (CODE,)
    assert tallies.noted(SHIP, POLICY, DEROGATED, later).warnings == (CODE,)
    assert tallies.noted(SHIP, POLICY, DEROGATED, later + timedelta(days=1)) is DEROGATED


def test_where_it_refuses_it_says_how_often_it_may_be() -> None:
    with pytest.raises(Refusal) as refused:
        Tallies({CODE: Level.REFUSE}, 2).passed(SHIP, POLICY, DEROGATED, NOON)

    assert refused.value.code == CODE
    assert "parcels may get data for delivery on a derogation 2 times a month" in refused.value.failures[0].detail


@pytest.mark.parametrize(("now", "month"), [("2026-06-30T21:59:59", "2026-06"), ("2026-06-30T22:00:00", "2026-07")])
def test_a_month_begins_where_the_policy_says(now: str, month: str) -> None:
    assert month_of(POLICY, datetime.fromisoformat(now).replace(tzinfo=UTC)) == month
