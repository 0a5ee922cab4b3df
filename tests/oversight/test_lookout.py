"""A canary that turns up in a call or an answer of another vendor opens an incident by itself, and is kept nowhere."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running import Running, running
from vendors import answers


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as gateway:
        yield gateway


def canary(gateway: Running, vendor: str, **given: str) -> dict[str, Any]:
    made: dict[str, Any] = gateway.do(lambda: gateway.gateway.canaries.make({"vendor": vendor, **given}, by="stella"))
    return made


def incidents(gateway: Running) -> list[tuple[str, str, str]]:
    """At which vendor, for which canary and by whom, once all that was found is told."""

    async def told() -> None:
        for task in list(gateway.gateway.lookout._telling.values()):
            await task

    gateway.do(told)
    return [(each["vendor"], each["reference"], each["by"]) for each in gateway.record(kind="incident")]


def test_a_canary_in_a_call_to_another_vendor_opens_an_incident_at_its_own_once(gateway: Running) -> None:
    made = canary(gateway, "payments", domain="shop.example")

    replies = [gateway.ship(to={"name": f"x {made['value']}"}) for _ in range(2)]

    assert [reply.status for reply in replies] == [200, 200]
    assert incidents(gateway) == [("payments", f"canary {made['number']}", "gateway")]
    assert gateway.ship(to={"name": made["value"].upper()}).status == 200
    assert len(incidents(gateway)) == 1


def test_a_canary_in_an_answer_of_another_vendor_opens_one_too(gateway: Running) -> None:
    made = canary(gateway, "faults")
    body = json.dumps({"tracking": "T-1", "status": "ok", "seen": made["value"]}).encode()
    gateway.parcels.script = answers(200, body, "content-type: application/json")

    gateway.ship()

    assert incidents(gateway) == [("faults", f"canary {made['number']}", "gateway")]
    assert all(made["value"] not in str(entry) for entry in gateway.record())


@pytest.mark.parametrize("sign", ["", " ", "%20", "%3c", "\\u00e9", "\\n"])
def test_a_canary_is_found_behind_whatever_sign_and_however_that_is_written(gateway: Running, sign: str) -> None:
    made = canary(gateway, "faults")
    text = f'{{"tracking": "T-1", "status": "ok", "seen": "{sign}{made["value"]}"}}'
    gateway.parcels.script = answers(200, text.encode(), "content-type: application/json")

    gateway.ship()

    assert incidents(gateway) == [("faults", f"canary {made['number']}", "gateway")]


def test_what_a_vendor_gets_and_gives_of_its_own_canaries_is_no_loss(gateway: Running) -> None:
    made = canary(gateway, "parcels")
    body = json.dumps({"tracking": made["value"], "status": "ok"}).encode()
    gateway.parcels.script = answers(200, body, "content-type: application/json")

    gateway.ship(to={"name": made["value"]})

    assert incidents(gateway) == []


def test_where_there_is_none_nothing_is_looked_at_and_what_is_none_of_ours_is_none(gateway: Running) -> None:
    gateway.ship(to={"name": "a" * 24})
    canary(gateway, "payments")

    gateway.ship(to={"name": "a" * 24})

    assert incidents(gateway) == []


def test_a_gateway_that_starts_again_and_another_node_know_the_canaries_that_there_are(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        made = canary(gateway, "payments")
    with running(tmp_path) as gateway:
        gateway.ship(to={"name": made["value"]})
        assert len(incidents(gateway)) == 1

        # As another node made it: this one looks once a minute.
        gateway.gateway.canaries.known = {}
        later = canary(gateway, "faults")
        gateway.gateway.canaries.known = {}
        gateway.do(gateway.gateway.lookout.refresh)
        gateway.ship(to={"name": later["value"]})
        assert len(incidents(gateway)) == 2
