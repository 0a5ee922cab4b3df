"""What the clients of carriers once sent arrives minimised at FedEx and UPS, over a socket."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from shipped import Shipped, order, shipped

pytestmark = pytest.mark.xdist_group("carriers")

Shared = Callable[[str], Path]

FEDEX_SAYS = {
    "transactionId": "624deea6",
    "output": {
        "transactionShipments": [
            {
                "masterTrackingNumber": "794953535000",
                "shipperTo": {"name": "Zoë Müller"},
                "pieceResponses": [
                    {
                        "trackingNumber": "794953535001",
                        "packageDocuments": [{"encodedLabel": "JVBERi0xLjQ=", "docType": "PDF"}],
                    }
                ],
            }
        ]
    },
}
UPS_SAYS: dict[str, Any] = {
    "ShipmentResponse": {
        "Response": {"ResponseStatus": {"Code": "1", "Description": "Success"}},
        "ShipmentResults": {
            "Message": "for Zoë Müller",
            "PackageResults": {"TrackingNumber": "1ZA1B2C3", "ShippingLabel": {"GraphicImage": "iVBORw0KGgo="}},
        },
    }
}


@pytest.fixture(scope="module")
def fedex(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    facts = [order("#Order 11111", "consignee", jurisdiction="CA")]
    with shipped(
        tmp_path_factory.mktemp("fedex"), "fedex", secrets={"FEDEX_ACCESS_TOKEN": "at-7"}, facts=facts
    ) as shop:
        shop.says(FEDEX_SAYS)
        yield shop


@pytest.fixture(scope="module")
def ups(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    facts = [order("INT-2024-001", "consignee", jurisdiction="CA")]
    with shipped(tmp_path_factory.mktemp("ups"), "ups", secrets={"UPS_ACCESS_TOKEN": "at-8"}, facts=facts) as shop:
        shop.says(UPS_SAYS)
        yield shop


def replayed(shop: Shipped, file: Path, **placed: bytes) -> Any:
    """What the caller gets for a recorded call whose client has a token of ours."""
    shop.received.clear()
    changes = {old.encode(): new for old, new in placed.items()}
    reply = shop.replay(file.read_bytes(), placed={b"access_token": shop.token().encode(), **changes})
    assert reply.status == 200, reply.payload
    return json.loads(reply.payload)


def test_a_shipment_for_fedex_arrives_minimised(fedex: Shipped, shared: Shared) -> None:
    replayed(fedex, shared("wire") / "karrio-fedex-ship.http")

    sent = fedex.document()["requestedShipment"]
    assert fedex.arrived()[0] == "POST /ship/v1/shipments HTTP/1.1"
    assert sent["recipients"][0] == {
        "address": {
            "city": "RICHMOND",
            "countryCode": "CA",
            "postalCode": "V7C4v7",
            "residential": False,
            "stateOrProvinceCode": "BC",
            "streetLines": ["Input Your Information"] * 2,
        },
        "contact": {
            "companyName": "Input Your Information",
            "personName": "Input Your Information",
            "phoneNumber": "000-000-0000",
        },
    }
    assert sent["shipper"]["contact"] == {
        "companyName": "Input Your Information",
        "personName": "Shipping",
        "phoneNumber": "+971529544379",
    }
    assert sent["shippingChargesPayment"] == {"paymentType": "SENDER"}
    assert sent["customsClearanceDetail"]["commodities"][0]["description"] == "Cosmetics"
    assert sent["requestedPackageLineItems"][0]["customerReferences"][0]["value"] == "psn_*"


def test_what_fedex_need_not_know_is_in_no_byte(fedex: Shipped, shared: Shared) -> None:
    replayed(fedex, shared("wire") / "karrio-fedex-ship.http")

    payload = fedex.received[0].payload
    for value in (b"11111", b"123456789", b"emailAddress", b"payor", b"originatorName", b"insuranceCharge"):
        assert value not in payload
    assert ("authorization", "Bearer at-7") in fedex.received[0].headers


def test_fedex_answers_with_the_label_and_without_the_name(fedex: Shipped, shared: Shared) -> None:
    document = replayed(fedex, shared("wire") / "karrio-fedex-ship.http")

    [shipment] = document["output"]["transactionShipments"]
    assert shipment.keys() == {"masterTrackingNumber", "pieceResponses"}
    assert shipment["pieceResponses"][0]["packageDocuments"][0]["encodedLabel"] == "JVBERi0xLjQ="


def test_a_shipment_for_ups_arrives_minimised(ups: Shipped, shared: Shared) -> None:
    replayed(ups, shared("wire") / "karrio-ups-ship.http")

    sent = ups.document()["ShipmentRequest"]["Shipment"]
    assert ups.arrived()[0] == "POST /api/shipments/v2409/ship HTTP/1.1"
    assert sent["ShipTo"] == {
        "Address": {
            "AddressLine": ["123 International Street"],
            "City": "Toronto",
            "CountryCode": "CA",
            "PostalCode": "M5V 3A8",
            "StateProvinceCode": "ON",
        },
        "AttentionName": "John Buyer",
        "CompanyDisplayableName": "International Buyer Corp",
        "Name": "International Buyer Corp",
        "Phone": {"Number": "555-123-4567"},
    }
    assert sent["Shipper"]["AttentionName"] == sent["ShipFrom"]["AttentionName"] == "Shipping"
    assert sent["ReferenceNumber"] == {"Value": "psn_*"}
    assert sent["Description"] == sent["Package"][0]["Description"] == "Cosmetics"
    assert "Notification" not in sent["ShipmentServiceOptions"]


def test_what_ups_need_not_know_is_in_no_byte(ups: Shipped, shared: Shared) -> None:
    replayed(ups, shared("wire") / "karrio-ups-ship.http")

    payload = ups.received[0].payload
    for value in (b"INT-2024-001", b"INV-2024-001", b"Electronics", b"EMail", b"usexporter.com", b"John Exporter"):
        assert value not in payload
    assert ("authorization", "Bearer at-8") in ups.received[0].headers


def test_ups_answers_with_one_label_or_a_list_of_them(ups: Shipped, shared: Shared) -> None:
    document = replayed(ups, shared("wire") / "karrio-ups-ship.http")

    results = UPS_SAYS["ShipmentResponse"]["ShipmentResults"]
    assert document["ShipmentResponse"]["ShipmentResults"] == {"PackageResults": results["PackageResults"]}


def test_an_order_that_nobody_knows_goes_to_no_carrier(ups: Shipped, shared: Shared) -> None:
    ups.received.clear()
    recorded = (shared("wire") / "karrio-ups-ship.http").read_bytes()
    token = ups.token().encode()

    reply = ups.replay(
        recorded, placed={b"access_token": token, b'"Value": "INT-2024-001"': b'"Value": "INT-2024-002"'}
    )

    assert (reply.status, json.loads(reply.payload)["code"]) == (403, "subject.unresolved")
    assert ups.received == []


def test_a_caller_without_a_token_of_ours_gets_nowhere(fedex: Shipped, shared: Shared) -> None:
    fedex.received.clear()

    reply = fedex.replay((shared("wire") / "karrio-fedex-ship.http").read_bytes(), placed={})

    assert (reply.status, json.loads(reply.payload)["code"]) == (401, "caller.unknown")
    assert fedex.received == []
