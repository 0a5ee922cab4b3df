"""What a vendor announces is to be decided until its day, and counts from then on where nobody has."""

import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from clearances import CONTRACTS, NOON
from running import Running, running

from gateway.contract.announcing import Announced, State, undecided
from gateway.contract.model import SubProcessor
from gateway.frozen import changed
from gateway.oversight.agenda import of_contracts
from gateway.vocabulary import Role

ZONE = ZoneInfo("Europe/Berlin")
FILE = "parcels/vendor.yaml"
NAMED = "sub_processors: [{name: Letzte Meile AG, country: IN, since: 2026-01-01}]\n"


def company(name: str = "Letzte Meile AG", country: str = "IN", state: State = "announced") -> Announced:
    return Announced(name, country, date(2026, 7, 1), state)


@pytest.mark.parametrize(
    ("announced", "is_open"),
    [
        (company(), False),
        (company(" letzte  MEILE ag"), False),
        (company(country="BR"), True),
        (company("Erste Meile AG"), True),
        (company("Erste Meile AG", state="objected"), False),
        (company("Erste Meile AG", state="withdrawn"), False),
        (company("Parcels BV", "DE"), False),
        (company("Parcels BV", "IN"), True),
    ],
    ids=[
        "named there", "in other letters", "named elsewhere", "not named", "objected to", "taken back",
        "the vendor where its file says", "the vendor elsewhere",
    ],
)  # fmt: skip
def test_a_company_is_to_be_decided_about_until_the_file_names_it_there_or_somebody_objects(
    announced: Announced, *, is_open: bool
) -> None:
    vendor = CONTRACTS.vendors["parcels"]
    partner = SubProcessor.model_validate({"name": "Letzte Meile AG", "country": "IN", "since": "2026-01-01"})
    entity = vendor.legal_entity.model_copy(update={"name": "Parcels BV"})
    vendor = vendor.model_copy(update={"legal_entity": entity, "countries": ("DE",), "sub_processors": (partner,)})

    assert list(undecided(vendor, [announced])) == ([announced] if is_open else [])


async def test_what_is_to_be_decided_is_due_when_its_day_begins_where_the_policy_says() -> None:
    told = changed(CONTRACTS, announced={"parcels": (company(), company("Erste Meile AG", state="objected"))})

    async def standing() -> Any:
        return told

    found = [each for each in await of_contracts(standing, lambda: NOON)() if each.what == "vendor.sub_processor"]

    assert [(each.ref, each.at, each.role) for each in found] == [
        ("parcels Letzte Meile AG (IN)", datetime(2026, 7, 1, tzinfo=ZONE), Role.REVIEWER)
    ]


def deadlines(gateway: Running) -> list[str]:
    """The days by which to decide about companies."""
    token = gateway.token("rita", role=Role.REVIEWER)
    reply = gateway.said(gateway.raw("GET", "/deadlines", token=token), operators=True)
    found = json.loads(reply.payload)["result"]
    return [f"{each['ref']} {each['at'][:10]}" for each in found if each["what"] == "vendor.sub_processor"]


def rows(gateway: Running, report: str) -> list[dict[str, Any]]:
    token = gateway.token("rita", role=Role.REVIEWER)
    reply = gateway.said(gateway.raw("GET", f"/reports/{report}", token=token), operators=True)
    return list(json.loads(reply.payload)["rows"])


def decided(gateway: Running) -> list[str]:
    [row] = [row for row in rows(gateway, "vendors") if row["vendor"] == "parcels"]
    return list(row["announced"])


def test_an_announced_country_is_a_task_until_its_day_and_gets_nothing_from_then_on_unless_somebody_decides(
    tmp_path: Path,
) -> None:
    since = datetime.now(ZONE).date() + timedelta(days=20)
    begins = datetime.combine(since, time.min, ZONE)
    said = {
        "kind": "sub_processor", "vendor": "parcels", "name": "Letzte Meile AG", "country": "IN",
        "since": since.isoformat(),
    }  # fmt: skip
    with running(tmp_path) as gateway:

        def at(moment: datetime) -> str:
            gateway.set_clock(lambda: moment)
            reply = gateway.ship()
            return "" if reply.status == 200 else reply.code

        assert (deadlines(gateway), decided(gateway), at(datetime.now(UTC))) == ([], [], "")
        gateway.put(said)
        task = deadlines(gateway)
        expiring = [row for row in rows(gateway, "expiring") if row["what"] == "sub-processor"]
        forecast = gateway.do(lambda: gateway.stores.desk.foresight.ahead(60))
        shown = [decided(gateway)]
        before, after = at(begins - timedelta(milliseconds=1)), at(begins)
        reached = len(gateway.parcels.received)
        gateway.put({**said, "name": "letzte meile AG", "state": "objected"})
        objected = at(begins)
        shown += [decided(gateway)]
        left = deadlines(gateway)
        facts = [(each["fact"], each["state"]) for each in gateway.record(kind="fact", vendor="parcels")]

    assert task == [f"parcels Letzte Meile AG (IN) {begins.astimezone(UTC).date()}"]
    assert [(row["on"], row["id"]) for row in expiring] == [
        ((since - timedelta(days=1)).isoformat(), "Letzte Meile AG (IN)")
    ]
    assert [(each["code"], each["from"]) for each in forecast] == [
        ("transfer.undeclared", begins.astimezone(UTC).isoformat())
    ]
    assert (before, after, objected) == ("", "transfer.undeclared", "")
    assert reached == 2
    assert left == []
    assert facts == [("sub_processor:IN", "objected"), ("sub_processor:IN", "announced")]
    assert shown == [
        [f"Letzte Meile AG (IN) from {since}: undecided"],
        [f"letzte meile AG (IN) from {since}: objected"],
    ]


def test_once_the_file_names_the_company_with_a_mechanism_the_task_is_gone_and_data_goes(tmp_path: Path) -> None:
    said = {"kind": "sub_processor", "vendor": "parcels", "name": "Letzte Meile AG", "country": "IN"}
    with running(tmp_path) as gateway:
        gateway.put({**said, "since": "2026-01-01"})
        refused, overdue, before = gateway.ship().code, deadlines(gateway), decided(gateway)
        file = tmp_path / "contracts" / FILE
        file.write_text(file.read_text("utf-8").replace("EU: none_domestic", "EU: scc") + NAMED, "utf-8")
        gateway.do(gateway.gateway.reload)
        sent, left, shown = gateway.ship().status, deadlines(gateway), decided(gateway)
        [named] = gateway.record(kind="intent")

    assert (refused, overdue) == ("transfer.undeclared", ["parcels Letzte Meile AG (IN) 2025-12-31"])
    assert (sent, left) == (200, [])
    assert before == ["Letzte Meile AG (IN) from 2026-01-01: undecided, and overdue"]
    assert shown == ["Letzte Meile AG (IN) from 2026-01-01: named in the vendor's file"]
    assert named["transfer"] == [["DE", "scc"]]
