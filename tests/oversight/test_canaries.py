"""A canary belongs to one vendor; where it turns up an incident is opened there, and its value stands nowhere."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from running import Running, running
from sockets import Reply

from gateway.vocabulary import Role


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("canaries")) as gateway:
        yield gateway


def asked(gateway: Running, method: str, path: str, body: object = None, role: Role = Role.STEWARD) -> Reply:
    payload = b"" if body is None else json.dumps(body).encode()
    token = gateway.token("stella", role=role)
    return gateway.said(gateway.raw(method, path, body=payload, token=token), operators=True)


def made(gateway: Running, **given: object) -> dict[str, Any]:
    reply = asked(gateway, "POST", "/canaries", given)
    assert reply.status == 200, reply.payload
    found: dict[str, Any] = json.loads(reply.payload)["result"]
    return found


def seen(gateway: Running, text: str) -> Reply:
    return asked(gateway, "POST", "/canaries/seen", {"text": text})


def test_where_a_canary_turns_up_an_incident_is_opened_at_its_vendor_once(gateway: Running) -> None:
    one, other = made(gateway, vendor="parcels", domain="shop.example"), made(gateway, vendor="payments")

    first, again = (seen(gateway, f"Dear {one['value'].upper()}, buy now!") for _ in range(2))
    second = seen(gateway, f"x {other['value']} y")

    [incident] = json.loads(first.payload)["result"]
    assert (incident["vendor"], incident["reference"]) == ("parcels", f"canary {one['number']}")
    assert [each["incident"] for each in json.loads(again.payload)["result"]] == [incident["incident"]]
    assert [each["vendor"] for each in json.loads(second.payload)["result"]] == ["payments"]
    assert incident["incident"] in {each.ref for each in gateway.do(gateway.gateway.incidents.due)}


def test_each_value_is_another_and_stands_in_no_file(gateway: Running) -> None:
    values = [made(gateway, vendor=vendor)["value"] for vendor in ("parcels", "parcels", "payments")]
    gateway.entries()
    files = [file for file in (gateway.folder / "data").rglob("*") if file.is_file()]

    listed = asked(gateway, "GET", "/canaries")

    assert len(set(values)) == 3
    assert not any(value.encode() in file.read_bytes() for value in values for file in files)
    assert not any(value.encode() in listed.payload for value in values)
    assert [each["vendor"] for each in json.loads(listed.payload)["result"]][:3] == ["payments", "parcels", "parcels"]


@pytest.mark.parametrize("text", ["", "nothing of ours", "0" * 24, "a" * 100])
def test_what_is_none_of_ours_opens_nothing(gateway: Running, text: str) -> None:
    before = len(gateway.record(kind="incident"))

    assert seen(gateway, text).status == 422
    assert len(gateway.record(kind="incident")) == before


def test_no_canary_is_made_for_a_vendor_that_does_not_exist(gateway: Running) -> None:
    reply = asked(gateway, "POST", "/canaries", {"vendor": "parsels"})

    assert reply.status == 422
    assert "there is no such vendor" in json.loads(reply.payload)["message"]
