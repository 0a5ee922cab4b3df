"""What the clients of carriers once sent arrives minimised at the carriers, over a socket."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from shipped import ACCESS_TOKEN, Shipped, order, shipped
from sockets import Reply

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
DPD_SHIPMENT = "http://dpd.com/common/service/types/ShipmentService/3.3"
ENVELOPE = b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>%s</s:Body></s:Envelope>'
DPD_SAYS = f"""<x:storeOrdersResponse xmlns:x="{DPD_SHIPMENT}"><orderResult>
  <parcellabelsPDF>JVBERi0xLjQ=</parcellabelsPDF>
  <shipmentResponses><mpsId>MPS7</mpsId><faults><message>for Jan Janssens</message></faults></shipmentResponses>
</orderResult></x:storeOrdersResponse>""".encode()
CANADAPOST = "http://www.canadapost.ca/ws/shipment-v8"
CANADAPOST_SAYS = f"""<shipment-info xmlns="{CANADAPOST}"><shipment-id>347881315405043891</shipment-id>
  <shipment-status>created</shipment-status><tracking-pin>123456789012</tracking-pin><po-number>for Jain</po-number>
  <links><link rel="label" href="https://api.parcels.test:%d/rs/artifact/11/55/0" media-type="application/pdf"/>
    <link rel="self" href="https://canadapost.example/rs/1" media-type="text/html"/></links></shipment-info>"""


def client(vendor: str) -> dict[str, str]:
    """As whom the gateway signs in there."""
    return {f"{vendor}_CLIENT_ID": "shop", f"{vendor}_CLIENT_SECRET": "geheim"}


@pytest.fixture(scope="module")
def fedex(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    facts = [order("#Order 11111", "consignee", jurisdiction="CA")]
    with shipped(tmp_path_factory.mktemp("fedex"), "fedex", secrets=client("FEDEX"), facts=facts) as shop:
        shop.says(FEDEX_SAYS)
        yield shop


@pytest.fixture(scope="module")
def ups(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    facts = [order("INT-2024-001", "consignee", jurisdiction="CA")]
    with shipped(tmp_path_factory.mktemp("ups"), "ups", secrets=client("UPS"), facts=facts) as shop:
        shop.says(UPS_SAYS)
        yield shop


@pytest.fixture(scope="module")
def dpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    secrets = {"DPD_DELIS_ID": "KD7", "DPD_AUTH_TOKEN": "at-9"}
    facts = [order(number, "consignee", jurisdiction="BE") for number in ("Box 1234", "#Order 11111")]
    with shipped(tmp_path_factory.mktemp("dpd"), "dpd", secrets=secrets, facts=facts) as shop:
        shop.says_raw(ENVELOPE % DPD_SAYS, "content-type: text/xml; charset=utf-8")
        yield shop


@pytest.fixture(scope="module")
def canadapost(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    secrets = {"CANADAPOST_USER": "shop", "CANADAPOST_PASSWORD": "at-10"}
    facts = [order("#Order 11111", "consignee", jurisdiction="CA")]
    with shipped(tmp_path_factory.mktemp("canadapost"), "canadapost", secrets=secrets, facts=facts) as shop:
        says = (CANADAPOST_SAYS % shop.vendor.port).encode()
        shop.says_raw(says, "content-type: application/vnd.cpc.shipment-v8+xml")
        yield shop


def canadian(shared: Shared, name: str) -> bytes:
    """A body for Canada Post, with the order's number where one of them has none."""
    bodies = json.loads((shared("carrier-bodies") / "bodies.json").read_text("utf-8"))
    payload: str = bodies["canadapost"]["shipment"][name]
    named = "<customer-ref-1>#Order 11111</customer-ref-1>"
    return payload.replace("<customer-ref-1></customer-ref-1>", named).encode()


def posted(shop: Shipped, payload: bytes, media: str = "application/vnd.cpc.shipment-v8+xml") -> Reply:
    """The reply to a shipment from a client that has a token of ours for its password."""
    shop.received.clear()
    basic = b64encode(f"shop:{shop.token()}".encode()).decode()
    fields = (f"Authorization: Basic {basic}", f"Content-Type: {media}")
    return shop.running.call("POST", "/canadapost/rs/2004381/2004381/shipment", *fields, body=payload, token="")


def soap(shop: Shipped, recorded: bytes) -> Reply:
    """The reply to a recorded message whose client has a token of ours."""
    shop.received.clear()
    return shop.replay(recorded, placed={b"<authToken>****<": b"<authToken>%s<" % shop.token().encode()})


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
    assert ("authorization", f"Bearer {ACCESS_TOKEN}") in fedex.received[0].headers


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
    assert ("authorization", f"Bearer {ACCESS_TOKEN}") in ups.received[0].headers


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


def test_a_shipment_for_dpd_arrives_minimised(dpd: Shipped, shared: Shared) -> None:
    reply = soap(dpd, (shared("wire") / "karrio-dpd-ship.http").read_bytes())

    assert reply.status == 200
    line, payload = dpd.arrived()
    assert line == "POST /soap/services/ShipmentService/V3_3 HTTP/1.1"
    assert dict(dpd.received[0].headers)["soapaction"] == f"{DPD_SHIPMENT}/storeOrders"
    assert b"<delisId>KD7</delisId><authToken>at-9</authToken>" in payload
    assert b"<name1>Receivers NV</name1><street>Teststraat 5</street><houseNo>5</houseNo>" in payload
    assert b"<customerReferenceNumber1>psn_*</customerReferenceNumber1><weight>340</weight>" in payload
    for value in (b"Jan Janssens", b"Box 1234", dpd.token().encode(), b"*****"):
        assert value not in payload


def test_dpd_answers_with_the_label_in_its_own_envelope(dpd: Shipped, shared: Shared) -> None:
    reply = soap(dpd, (shared("wire") / "karrio-dpd-ship.http").read_bytes())

    assert reply.headers["content-type"] == "text/xml; charset=utf-8"
    assert b"<parcellabelsPDF>JVBERi0xLjQ=</parcellabelsPDF>" in reply.payload
    assert b"MPS7" in reply.payload
    assert b"Janssens" not in reply.payload


def test_a_fault_of_dpd_comes_back_as_a_fault_without_its_words(dpd: Shipped, shared: Shared) -> None:
    fault = b"<s:Fault><faultcode>s:Client</faultcode><faultstring>no Teststraat 5</faultstring></s:Fault>"
    dpd.says_raw(ENVELOPE % fault, "content-type: text/xml", status=500)
    try:
        reply = soap(dpd, (shared("wire") / "karrio-dpd-ship.http").read_bytes())
    finally:
        dpd.says_raw(ENVELOPE % DPD_SAYS, "content-type: text/xml; charset=utf-8")

    assert reply.status == 500
    assert b"<faultcode>s:Client</faultcode><faultstring>DPD refused this; see the code.</faultstring>" in reply.payload


def test_of_a_parcel_abroad_goods_and_numbers_stay(dpd: Shipped, shared: Shared) -> None:
    bodies = json.loads((shared("carrier-bodies") / "bodies.json").read_text("utf-8"))
    recorded = (shared("wire") / "karrio-dpd-ship.http").read_bytes().partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    payload = bodies["dpd"]["shipment"]["IntlShipmentRequest"].encode().replace(b"[AUTH_TOKEN]", b"****")

    reply = soap(dpd, recorded + payload)

    assert reply.status == 200
    sent = dpd.received[0].payload
    assert b"<phone>+442012345678</phone>" in sent
    assert sent.count(b">Cosmetics<") == 2
    for value in (b"receivercompany.com", b"GB654321", b"Paperclips", b"88776655", b"11111", b"<customsInvoice>12345"):
        assert value not in sent


def test_parcels_of_which_each_has_a_number_of_its_own_are_of_nobody(dpd: Shipped, shared: Shared) -> None:
    bodies = json.loads((shared("carrier-bodies") / "bodies.json").read_text("utf-8"))
    recorded = (shared("wire") / "karrio-dpd-ship.http").read_bytes().partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    payload = bodies["dpd"]["shipment"]["MultiPieceShipmentRequest"].encode().replace(b"[AUTH_TOKEN]", b"****")

    reply = soap(dpd, recorded + payload)

    assert (reply.status, reply.code) == (403, "subject.mismatch")
    assert dpd.received == []


@pytest.mark.parametrize("action", ["cancelOrders", "storeOrdersX"])
def test_another_action_at_the_same_address_is_another_operation(dpd: Shipped, shared: Shared, action: str) -> None:
    recorded = (shared("wire") / "karrio-dpd-ship.http").read_bytes()

    reply = soap(dpd, recorded.replace(b"3.3/storeOrders\r\n", f"3.3/{action}\r\n".encode()))

    assert (reply.status, json.loads(reply.payload)["code"]) == (403, "operation.unknown")
    assert dpd.received == []


@pytest.mark.parametrize("quoted", [True, False])
def test_an_action_may_stand_in_quotes(dpd: Shipped, shared: Shared, *, quoted: bool) -> None:
    action = f"{DPD_SHIPMENT}/storeOrders".encode()
    recorded = (shared("wire") / "karrio-dpd-ship.http").read_bytes()

    reply = soap(dpd, recorded.replace(action + b"\r\n", b'"%s"\r\n' % action if quoted else action + b"\r\n"))

    assert reply.status == 200
    assert dict(dpd.received[0].headers)["soapaction"].strip('"').encode() == action


@pytest.mark.parametrize("name", ["ShipmentRequestXML", "ShipmentRequestWithPackagePresetXML"])
def test_a_shipment_for_canada_post_arrives_minimised(canadapost: Shipped, shared: Shared, name: str) -> None:
    reply = posted(canadapost, canadian(shared, name))

    assert reply.status == 200
    sent = canadapost.received[0]
    headers = dict(sent.headers)
    assert sent.line == "POST /rs/2004381/2004381/shipment HTTP/1.1"
    assert headers["authorization"] == f"Basic {b64encode(b'shop:at-10').decode()}"
    assert headers["content-type"] == headers["accept"] == "application/vnd.cpc.shipment-v8+xml"
    assert b"<name>Jain</name>" in sent.payload
    assert b"<address-line-1>23 jardin private</address-line-1>" in sent.payload
    assert b"<sender><name>Shipping</name><company>CGI</company>" in sent.payload
    for value in (b"Bob", b"karrio", b"11111", canadapost.token().encode()):
        assert value not in canadapost.vendor.raw.rpartition(b"POST /rs/")[2]


def test_canada_post_answers_with_links_that_lead_through_the_gateway(canadapost: Shipped, shared: Shared) -> None:
    reply = posted(canadapost, canadian(shared, "ShipmentRequestXML"))

    assert reply.headers["content-type"] == "application/vnd.cpc.shipment-v8+xml"
    assert b"<tracking-pin>123456789012</tracking-pin>" in reply.payload
    assert b'href="http://gateway.test/canadapost/rs/artifact/11/55/0"' in reply.payload
    assert b"canadapost.example" not in reply.payload
    assert b"Jain" not in reply.payload


@pytest.mark.parametrize("media", ["application/xml", "application/vnd.cpc.shipment-v7+xml"])
def test_canada_post_gets_no_other_type(canadapost: Shipped, shared: Shared, media: str) -> None:
    reply = posted(canadapost, canadian(shared, "ShipmentRequestXML"), media)

    assert (reply.status, reply.code) == (415, "body.media")
    assert canadapost.received == []
