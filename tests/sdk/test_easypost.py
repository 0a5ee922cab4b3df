"""EasyPost's own SDK against its contract, over a socket, and a request as that SDK once sent it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import easypost
import pytest
from easypost.errors import (
    ApiError,
    ForbiddenError,
    InvalidRequestError,
    PaymentError,
    UnauthorizedError,
    UnknownApiError,
)
from shipped import ORDER, Shipped, order, shipped

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("easypost")]

KEY = "EZAKproduction4f9a0d17c2"
TO = {
    "name": "Zoë Müller",
    "street1": "Lindenstr. 7",
    "city": "Dresden",
    "zip": "01067",
    "country": "DE",
    "phone": "+49301234567",
    "email": "zoe@example.com",
    "federal_tax_id": "12 345",
}
FROM = {"company": "Morning Dew Cosmetics GmbH", "street1": "Kaiweg 8", "city": "Hamburg", "country": "DE"}
ITEM = {"description": "Rosacea Serum", "quantity": 1, "value": 23.50, "hs_tariff_number": "330499", "code": "RS-30"}
CARELESS: dict[str, Any] = {
    "reference": ORDER,
    "to_address": TO,
    "from_address": FROM,
    "parcel": {"length": 20.2, "width": 10.9, "height": 5, "weight": 65.9},
    "customs_info": {"customs_signer": "Kim Paker", "contents_type": "merchandise", "customs_items": [ITEM]},
    "options": {"label_format": "PDF", "print_custom_1": "for your skin"},
    "metadata": {"segment": "gold"},
}
RATE = {"id": "rate_7", "object": "Rate", "carrier": "DHL", "service": "Paket", "rate": "4.19", "currency": "EUR"}
SHIPMENT = {
    "id": "shp_7",
    "object": "Shipment",
    "status": "unknown",
    "tracking_code": "JD0146",
    "to_address": {"id": "adr_7", "object": "Address", "name": "ZOE MULLER"},
    "rates": [RATE | {"id": "rate_8", "rate": "7.99"}, RATE],
}
TRACKER = {
    "id": "trk_7",
    "object": "Tracker",
    "tracking_code": "JD0146",
    "status": "delivered",
    "signed_by": "H. Schmidt",
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    facts = [order(ORDER, "consignee"), order("customer-88120", "consignee", subject="89", jurisdiction="US")]
    with shipped(
        tmp_path_factory.mktemp("easypost"), "easypost", secrets={"EASYPOST_KEY": KEY}, facts=facts
    ) as running:
        yield running


@pytest.fixture
def shop(whole: Shipped) -> Shipped:
    whole.running.reset()
    whole.says(SHIPMENT, status=201)
    return whole


def client(shop: Shipped, service: str = "fulfilment", key: str | None = None) -> easypost.EasyPostClient:
    """The SDK as a service sets it up: a token for its key, the gateway for its address."""
    return easypost.EasyPostClient(shop.token(service) if key is None else key, api_base=f"{shop.url}/v2", timeout=60)


def test_of_a_shipment_only_what_the_contract_names_arrives(shop: Shipped) -> None:
    client(shop).shipment.create(**CARELESS)

    assert shop.arrived()[0] == "POST /v2/shipments HTTP/1.1"
    assert shop.document() == {
        "shipment": {
            "reference": "psn_*",
            "to_address": {name: TO[name] for name in ("name", "street1", "city", "zip", "country", "phone")},
            "from_address": FROM,
            "parcel": CARELESS["parcel"],
            "customs_info": {
                "customs_signer": "Morning Dew Cosmetics GmbH",
                "contents_type": "merchandise",
                "customs_items": [
                    {"description": "Cosmetics", "quantity": 1, "value": 23.50, "hs_tariff_number": "330499"}
                ],
            },
            "options": {"label_format": "PDF"},
        }
    }


def test_the_vendor_gets_its_own_key_and_no_word_about_the_machine(shop: Shipped) -> None:
    client(shop).shipment.create(**CARELESS)

    headers = {name.lower(): value for name, value in shop.received[0].headers}
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["user-agent"] == "data-sharing-gateway"
    assert shop.token().encode() not in shop.vendor.raw


def test_a_token_is_found_in_basic_too_as_other_sdks_send_it(shop: Shipped) -> None:
    shop.says({"has_more": False, "trackers": []})
    basic = easypost.EasyPostClient("unused", api_base=f"{shop.url}/v2")
    basic._requests_session.auth = (shop.token(), "")

    assert basic.tracker.all(page_size=5)["trackers"] == []
    assert dict(shop.received[0].headers)["authorization"] == f"Bearer {KEY}"


def test_a_shipment_comes_back_as_the_sdks_own_object(shop: Shipped) -> None:
    shipment = client(shop).shipment.create(**CARELESS)

    assert isinstance(shipment, easypost.models.Shipment)
    assert (shipment.id, shipment.tracking_code) == ("shp_7", "JD0146")
    assert isinstance(shipment.rates[0], easypost.models.Rate)
    assert shipment.lowest_rate().id == "rate_7"
    assert "to_address" not in shipment.to_dict()


def test_our_own_order_number_comes_back(shop: Shipped) -> None:
    client(shop).shipment.create(**CARELESS)
    sent = shop.received[0].payload.decode().partition('"reference":"')[2].partition('"')[0]
    shop.says(SHIPMENT | {"reference": sent}, status=201)

    shipment = client(shop).shipment.create(**CARELESS)

    assert sent.startswith("psn_")
    assert shipment.reference == ORDER


def test_a_list_of_trackers_turns_its_pages(shop: Shipped) -> None:
    shop.says({"has_more": True, "trackers": [TRACKER]})
    support = client(shop, "support")

    first = support.tracker.all(page_size=1, carrier="DHL")
    second = support.tracker.get_next_page(first, page_size=1)

    assert isinstance(first["trackers"][0], easypost.models.Tracker)
    assert "signed_by" not in second["trackers"][0].to_dict()
    assert [received.line.split()[1] for received in shop.received] == [
        "/v2/trackers?page_size=1&carrier=DHL",
        "/v2/trackers?before_id=trk_7&page_size=1&carrier=DHL",
    ]


def test_what_easypost_finds_wrong_is_the_sdks_own_error_without_its_words(shop: Shipped) -> None:
    shop.says(
        {
            "error": {
                "code": "ADDRESS.VERIFY.FAILURE",
                "message": "Lindenstr. 7 was not found",
                "errors": [{"field": "street1", "message": "Lindenstr. 7 was not found"}],
            }
        },
        status=422,
    )

    with pytest.raises(InvalidRequestError) as caught:
        client(shop).shipment.create(**CARELESS)

    assert (caught.value.http_status, caught.value.code) == (422, "ADDRESS.VERIFY.FAILURE")
    assert caught.value.json_body["error"]["errors"] == [{"field": "street1"}]
    assert "Lindenstr" not in str(caught.value.http_body)


def test_an_error_that_is_no_json_is_an_error_of_the_sdk_too(shop: Shipped) -> None:
    shop.says_raw(b"<h1>Zo\xc3\xab's label failed</h1>", "content-type: text/html", status=402)

    with pytest.raises(PaymentError) as caught:
        client(shop).shipment.create(**CARELESS)

    assert caught.value.code == "vendor.answered"
    assert "label failed" not in str(caught.value.http_body)


Deed = Callable[[Shipped], object]


def with_a_foreign_key(shop: Shipped) -> object:
    return client(shop, key="EZAKmade-up").shipment.create(**CARELESS)


def by_another_service(shop: Shipped) -> object:
    return client(shop, "support").shipment.create(**CARELESS)


def of_nobody_known(shop: Shipped) -> object:
    return client(shop).shipment.create(**CARELESS | {"reference": "never-heard-of"})


def of_another_operation(shop: Shipped) -> object:
    return client(shop).parcel.create(weight=9)


def without_a_street(shop: Shipped) -> object:
    return client(shop).shipment.create(**CARELESS | {"to_address": {"name": "Zoë Müller", "city": "Dresden"}})


def with_far_too_much(shop: Shipped) -> object:
    return client(shop).shipment.create(**CARELESS | {"metadata": "x" * 70_000})


def of_one_persons_parcel(shop: Shipped) -> object:
    return client(shop).tracker.all(tracking_code="JD0146")


REFUSALS: list[tuple[Deed, int, str, type[ApiError]]] = [
    (with_a_foreign_key, 401, "caller.unknown", UnauthorizedError),
    (by_another_service, 403, "caller.not_allowed", ForbiddenError),
    (of_nobody_known, 403, "subject.unresolved", ForbiddenError),
    (of_another_operation, 403, "operation.unknown", ForbiddenError),
    (without_a_street, 422, "field.required", InvalidRequestError),
    (with_far_too_much, 413, "body.too_large", UnknownApiError),
    (of_one_persons_parcel, 422, "field.refused", InvalidRequestError),
]


@pytest.mark.parametrize(
    ("deed", "status", "code", "kind"), REFUSALS, ids=[f"{deed.__name__} {code}" for deed, _, code, _ in REFUSALS]
)
def test_a_refusal_is_an_error_of_the_sdk(
    shop: Shipped, deed: Deed, status: int, code: str, kind: type[ApiError]
) -> None:
    with pytest.raises(kind) as caught:
        deed(shop)

    assert (caught.value.http_status, caught.value.code) == (status, code)
    assert caught.value.message
    assert shop.received == []


def test_a_shipment_that_the_sdk_once_sent_arrives_minimised(shop: Shipped, shared: Callable[[str], Path]) -> None:
    recorded = (shared("wire") / "easypost-shipment-create.http").read_bytes()

    reply = shop.replay(recorded, placed={b"EZTKtest": shop.token().encode()})

    assert reply.status == 201
    sent = shop.document()["shipment"]
    assert sent["to_address"]["street1"] == "179 N Harbor Dr"
    assert sent["from_address"]["street1"] == "417 Montgomery Street"
    assert sent["customs_info"]["customs_items"][0]["description"] == "Cosmetics"
    for value in (b"brule@gmail", b"123-45-6789", b'Steve Brule"', b"Sertraline", b"10045", b"88120", b"EZTKtest"):
        assert value not in shop.vendor.raw.replace(b'"name":"Dr. Steve Brule"', b"")


def test_a_list_that_the_sdk_once_asked_for_is_asked_for(shop: Shipped, shared: Callable[[str], Path]) -> None:
    recorded = (shared("wire") / "easypost-tracker-list.http").read_bytes()

    reply = shop.replay(recorded, placed={b"EZTKtest": shop.token().encode()})

    assert reply.status == 201
    assert shop.arrived() == ("GET /v2/trackers?page_size=5&carrier=USPS HTTP/1.1", b"")
