"""Adyen's own SDK against its contract, over a socket, and a request as that SDK once sent it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import Adyen
import pytest
from Adyen.exceptions import AdyenAPIResponseError
from shipped import ORDER, PSEUDONYM, Shipped, order, shipped

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("adyen")]

KEY = "AQEyhmfxK4f9a0d17c2"
CARD = {
    "type": "scheme",
    "encryptedCardNumber": "adyenjs_0_1_25$cIpHeR",
    "encryptedExpiryMonth": "adyenjs_0_1_25$mOnTh",
    "encryptedExpiryYear": "adyenjs_0_1_25$yEaR",
    "encryptedSecurityCode": "adyenjs_0_1_25$cOdE",
}
CARELESS: dict[str, Any] = {
    "merchantAccount": "MorningDewECOM",
    "reference": ORDER,
    "amount": {"currency": "EUR", "value": 4990},
    "returnUrl": "https://shop.example/paid?customer=88",
    "shopperReference": "88",
    "shopperEmail": "zoe@example.com",
    "shopperIP": "203.0.113.7",
    "shopperName": {"firstName": "Zoë", "lastName": "Müller"},
    "billingAddress": {"street": "Lindenstr.", "houseNumberOrName": "7", "city": "Dresden", "country": "DE"},
    "paymentMethod": {**CARD, "holderName": "Zoë Müller"},
    "lineItems": [{"id": "1", "description": "Rosacea Serum", "quantity": 1}],
    "browserInfo": {"userAgent": "Mozilla/5.0 (zoes-laptop)"},
    "metadata": {"note": "for my skin"},
}
PAID = {
    "pspReference": "NC6HT9CRT65ZGN82",
    "resultCode": "Authorised",
    "amount": {"currency": "EUR", "value": 4990},
    "additionalData": {"cardHolderName": "Zoë Müller"},
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    facts = [
        order(ORDER, "purchaser"),
        order("order-10045", "purchaser"),
        order("10046", "purchaser", subject="89", jurisdiction="CN"),
    ]
    with shipped(tmp_path_factory.mktemp("adyen"), "adyen", secrets={"ADYEN_KEY": KEY}, facts=facts) as running:
        yield running


@pytest.fixture
def shop(whole: Shipped) -> Shipped:
    whole.running.reset()
    whole.says(PAID)
    return whole


def payments(shop: Shipped, service: str = "checkout", key: str | None = None) -> Any:
    """The SDK as a service sets it up: a token for its key, the gateway for its address."""
    client = Adyen.Adyen(xapikey=shop.token(service) if key is None else key, platform="live")
    client.checkout.payments_api.baseUrl = f"{shop.url}/checkout/v71"
    return client.checkout.payments_api


def test_of_a_payment_only_what_the_contract_names_arrives(shop: Shipped) -> None:
    payments(shop).payments(CARELESS, idempotency_key="pay-10045")

    assert shop.arrived()[0] == "POST /checkout/v71/payments HTTP/1.1"
    assert shop.document() == {
        "merchantAccount": "MorningDewECOM",
        "reference": "psn_*",
        "amount": {"currency": "EUR", "value": 4990},
        "returnUrl": "https://shop.example/paid",
        "shopperReference": "psn_*",
        "paymentMethod": CARD,
    }


def test_the_headers_that_arrive_are_those_of_the_contract_and_the_gateways_own(shop: Shipped) -> None:
    payments(shop).payments(CARELESS, idempotency_key="pay-10045")

    headers = {name.lower(): value for name, value in shop.received[0].headers}
    assert headers.keys() == {
        "accept",
        "accept-encoding",
        "content-length",
        "content-type",
        "host",
        "idempotency-key",
        "user-agent",
        "x-api-key",
    }
    assert headers["x-api-key"] == KEY
    assert PSEUDONYM.fullmatch(headers["idempotency-key"].encode())
    assert shop.token("checkout").encode() not in shop.vendor.raw


def test_a_token_is_found_in_basic_too_where_a_user_and_a_password_are_set(shop: Shipped) -> None:
    client = Adyen.Adyen(username="ws@Company.MorningDew", password=shop.token("checkout"), platform="live")
    client.checkout.payments_api.baseUrl = f"{shop.url}/checkout/v71"

    result = client.checkout.payments_api.payments(CARELESS)

    headers = {name.lower(): value for name, value in shop.received[0].headers}
    assert result.message["resultCode"] == "Authorised"
    assert headers["x-api-key"] == KEY
    assert "authorization" not in headers


def test_a_payment_comes_back_as_the_sdks_result(shop: Shipped) -> None:
    result = payments(shop).payments(CARELESS)

    assert isinstance(result, Adyen.client.AdyenResult)
    assert (result.status_code, result.psp) == (200, "NC6HT9CRT65ZGN82")
    assert result.message == {name: PAID[name] for name in ("pspReference", "resultCode", "amount")}


def test_our_own_order_number_comes_back(shop: Shipped) -> None:
    payments(shop).payments(CARELESS)
    sent = shop.received[0].payload.decode().partition('"reference":"')[2].partition('"')[0]
    shop.says(PAID | {"merchantReference": sent})

    assert sent.startswith("psn_")
    assert payments(shop).payments(CARELESS).message["merchantReference"] == ORDER


def test_a_refused_payment_is_a_result_and_no_error(shop: Shipped) -> None:
    shop.says({"resultCode": "Refused", "refusalReason": "Not enough balance", "refusalReasonCode": "12"})

    result = payments(shop).payments(CARELESS)

    assert (result.message["resultCode"], result.message["refusalReasonCode"]) == ("Refused", "12")


def test_what_adyen_finds_wrong_is_the_sdks_own_error_without_its_words(shop: Shipped) -> None:
    shop.says(
        {
            "status": 422,
            "errorCode": "14_003",
            "errorType": "validation",
            "message": "Invalid number of Zoë Müller",
            "pspReference": "8816178952380553",
        },
        "pspreference: 8816178952380553",
        status=422,
    )

    with pytest.raises(Adyen.AdyenAPIUnprocessableEntity) as caught:
        payments(shop).payments(CARELESS)

    error = caught.value
    assert (error.status_code, error.error_code, error.psp) == (422, "14_003", "8816178952380553")
    assert error.message["errorType"] == "validation"
    assert "Zoë" not in error.raw_response


def test_an_error_that_is_no_json_is_an_error_of_the_sdk_too(shop: Shipped) -> None:
    shop.says_raw(b"<h1>Zo\xc3\xab's payment failed</h1>", "content-type: text/html", status=500)

    with pytest.raises(Adyen.exceptions.AdyenAPICommunicationError) as caught:
        payments(shop).payments(CARELESS)

    assert caught.value.error_code == "vendor.answered"
    assert "payment failed" not in caught.value.raw_response


Deed = Callable[[Shipped], object]


def with_a_foreign_key(shop: Shipped) -> object:
    return payments(shop, key="AQEmade-up").payments(CARELESS)


def by_another_service(shop: Shipped) -> object:
    return payments(shop, "support").payments(CARELESS)


def of_nobody_known(shop: Shipped) -> object:
    return payments(shop).payments(CARELESS | {"reference": "never-heard-of"})


def without_consent(shop: Shipped) -> object:
    return payments(shop).payments(CARELESS | {"reference": "10046"})


def of_another_operation(shop: Shipped) -> object:
    return payments(shop).payment_methods({"merchantAccount": "MorningDewECOM"})


def with_a_card_in_clear(shop: Shipped) -> object:
    return payments(shop).payments(CARELESS | {"paymentMethod": {"type": "scheme", "number": "4111111111111111"}})


def without_an_amount(shop: Shipped) -> object:
    return payments(shop).payments({name: value for name, value in CARELESS.items() if name != "amount"})


def with_far_too_much(shop: Shipped) -> object:
    return payments(shop).payments(CARELESS | {"metadata": {"note": "x" * 70_000}})


REFUSALS: list[tuple[Deed, int, str, type[AdyenAPIResponseError]]] = [
    (with_a_foreign_key, 401, "caller.unknown", Adyen.AdyenAPIAuthenticationError),
    (by_another_service, 403, "caller.not_allowed", Adyen.AdyenAPIInvalidPermission),
    (of_nobody_known, 403, "subject.unresolved", Adyen.AdyenAPIInvalidPermission),
    (without_consent, 403, "consent.missing", Adyen.AdyenAPIInvalidPermission),
    (of_another_operation, 403, "operation.unknown", Adyen.AdyenAPIInvalidPermission),
    (with_a_card_in_clear, 422, "field.refused", Adyen.AdyenAPIUnprocessableEntity),
    (without_an_amount, 422, "field.required", Adyen.AdyenAPIUnprocessableEntity),
    (with_far_too_much, 413, "body.too_large", AdyenAPIResponseError),
]


@pytest.mark.parametrize(
    ("deed", "status", "code", "kind"), REFUSALS, ids=[f"{deed.__name__} {code}" for deed, _, code, _ in REFUSALS]
)
def test_a_refusal_is_an_error_of_the_sdk(
    shop: Shipped, deed: Deed, status: int, code: str, kind: type[AdyenAPIResponseError]
) -> None:
    with pytest.raises(kind) as caught:
        deed(shop)

    assert (caught.value.status_code, caught.value.error_code) == (status, code)
    assert shop.received == []


def test_a_payment_that_the_sdk_once_sent_arrives_minimised(shop: Shipped, shared: Callable[[str], Path]) -> None:
    recorded = (shared("wire") / "adyen-payments-create.http").read_bytes()

    reply = shop.replay(recorded, placed={b"AQEyhmfx-test": shop.token("checkout").encode()})

    assert reply.status == 200
    sent = shop.document()
    assert sent.keys() == {"merchantAccount", "reference", "amount", "returnUrl", "shopperReference", "paymentMethod"}
    assert sent["paymentMethod"].keys() == CARD.keys()
    for value in (
        b"zoe",
        b"Zo",
        b"203.0",
        b"901820",
        b"1990",
        b"123-45",
        b"Linden",
        b"10117",
        b"druck",
        b"88120",
        b"10045",
    ):
        assert value not in shop.vendor.raw
