"""Numbers are about vendors and codes, never about anybody."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from clearances import placed
from shop_contracts import FILES
from small_contracts import read_files

from gateway.telemetry import Telemetry


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    telemetry = Telemetry()
    yield telemetry
    telemetry.close()


def samples(telemetry: Telemetry) -> dict[str, float]:
    lines = telemetry.exposition().decode().splitlines()
    told = (line.rpartition(" ") for line in lines if not line.startswith(("#", "target_info ")))
    return {name: float(value) for name, _, value in told}


def test_calls_are_counted_by_how_they_ended_and_at_whom(telemetry: Telemetry) -> None:
    for code, vendor in (("sent", "parcels"), ("sent", "parcels"), ("consent.missing", "parcels"), ("sent", "faults")):
        telemetry.call(code, vendor)

    assert samples(telemetry) == {
        'gateway_calls_total{code="sent",vendor="parcels"}': 2,
        'gateway_calls_total{code="consent.missing",vendor="parcels"}': 1,
        'gateway_calls_total{code="sent",vendor="faults"}': 1,
    }


def test_what_the_edge_refuses_is_counted_by_code(telemetry: Telemetry) -> None:
    telemetry.edge("http.host")
    telemetry.edge("http.host")

    assert samples(telemetry) == {'gateway_edge_total{code="http.host"}': 2}


def test_what_no_contract_names_is_counted_by_kind_and_vendor(telemetry: Telemetry) -> None:
    telemetry.unnamed("parcels", {"e-mail address": 2, "token": 1})
    telemetry.unnamed("parcels", {"e-mail address": 1})
    telemetry.unnamed("faults", {})

    assert samples(telemetry) == {
        'gateway_answers_unnamed_total{kind="e-mail address",vendor="parcels"}': 3,
        'gateway_answers_unnamed_total{kind="token",vendor="parcels"}': 1,
    }


def test_a_number_of_the_process_is_read_when_it_is_asked_for(telemetry: Telemetry) -> None:
    busy = [1]
    telemetry.gauge("gateway.calls.in_flight", "Calls on their way.", lambda: busy[0])

    first = samples(telemetry)
    busy[0] = 7

    assert first == {"gateway_calls_in_flight": 1}
    assert samples(telemetry) == {"gateway_calls_in_flight": 7}


def test_two_gateways_of_one_process_count_apart(telemetry: Telemetry) -> None:
    other = Telemetry()
    other.call("sent", "parcels")

    assert samples(telemetry) == {}
    other.close()


def test_numbers_say_nothing_about_the_machine(telemetry: Telemetry) -> None:
    telemetry.call("sent", "parcels")
    telemetry.unnamed("parcels", {"token": 1})

    names = set(re.findall(rb"([a-z_]+)=", telemetry.exposition()))
    assert names == {b"code", b"kind", b"vendor"}


def test_quality_of_service_is_no_purpose_and_numbers_name_nobody(telemetry: Telemetry, tmp_path: Path) -> None:
    wrong = {
        **FILES,
        "parcels/ship.yaml": FILES["parcels/ship.yaml"].replace("purpose: delivery\n", "purpose: service_quality\n"),
    }
    telemetry.call("sent", "parcels")
    telemetry.unnamed("parcels", {"email": 1})
    telemetry.edge("http.host")

    contracts, findings = read_files(tmp_path, placed(wrong))
    labels = {label for name in samples(telemetry) for label in re.findall(r'([a-z_]+)="', name)}

    assert contracts is None
    assert "contract.value" in {finding.code for finding in findings}
    assert labels == {"code", "vendor", "kind"}
