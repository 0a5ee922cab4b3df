import re
from collections.abc import Callable, Iterator

import pytest
import stripe
from ledger_stores import Stalling
from stripe_shop import KEY, ORDER, Shop, shop
from vendors import answers, stays_silent

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stripe")]

INTENT = {
    "id": "pi_7",
    "object": "payment_intent",
    "amount": 4990,
    "amount_capturable": 4990,
    "amount_received": 0,
    "client_secret": "pi_7_secret_8",
    "created": 1795334632,
    "currency": "eur",
    "customer": "cus_7",
    "description": "2x Night Serum",
    "livemode": True,
    "metadata": {"order_id": "psn_x"},
    "payment_method_types": ["card"],
    "receipt_email": "zoe@example.com",
    "shipping": {"name": "Zoë Müller"},
    "status": "requires_capture",
}
CARELESS: "stripe.params.PaymentIntentCreateParams" = {
    "amount": 4990,
    "currency": "eur",
    "capture_method": "manual",
    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    "description": "2x Night Serum",
    "receipt_email": "zoe@example.com",
    "shipping": {"name": "Zoë Müller", "address": {"line1": "Lindenstr. 7", "country": "DE"}},
    "metadata": {"order_id": ORDER, "skin": "rosacea"},
}
PSEUDONYM = re.compile(rb"psn_[0-9a-f]{26}")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with shop(tmp_path_factory.mktemp("shop")) as running:
        yield running


@pytest.fixture
def paid(whole: Shop) -> Shop:
    whole.running.reset()
    whole.says(INTENT)
    return whole


@pytest.fixture
def known(paid: Shop) -> Shop:
    """A shop to which Stripe has given a payment's number, and a customer's."""
    paid.client().v1.payment_intents.create(params=CARELESS)
    paid.vendor.received.clear()
    return paid


def arrived(shop: Shop) -> tuple[str, bytes]:
    """The one call that Stripe got: its request line, and its form with every pseudonym alike."""
    [received] = shop.received
    return received.line, PSEUDONYM.sub(b"psn_*", received.payload)


def test_of_a_payment_only_what_the_contract_names_arrives(paid: Shop) -> None:
    paid.client().v1.payment_intents.create(params=CARELESS, options={"idempotency_key": "pay-10045"})

    line, form = arrived(paid)
    assert line == "POST /v1/payment_intents HTTP/1.1"
    assert form == (
        b"amount=4990&currency=eur&capture_method=manual&automatic_payment_methods[enabled]=true"
        b"&automatic_payment_methods[allow_redirects]=never&metadata[order_id]=psn_*"
    )


def test_the_headers_that_arrive_are_those_of_the_contract_and_the_gateways_own(paid: Shop) -> None:
    paid.client().v1.payment_intents.create(params=CARELESS, options={"idempotency_key": "pay-10045"})

    headers = {name.lower(): value for name, value in paid.received[0].headers}
    assert headers.keys() == {
        "accept",
        "accept-encoding",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "idempotency-key",
        "stripe-version",
        "user-agent",
    }
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["user-agent"] == "data-sharing-gateway"
    assert PSEUDONYM.fullmatch(headers["idempotency-key"].encode())


def test_no_byte_of_what_stays_arrives(paid: Shop) -> None:
    paid.client().v1.payment_intents.create(params=CARELESS)

    for value in (
        b"Zo",
        b"example.com",
        b"Lindenstr",
        b"rosacea",
        b"Serum",
        ORDER.encode(),
        paid.running.token("checkout").encode(),
    ):
        assert value not in paid.vendor.raw


def test_a_payment_comes_back_as_the_sdks_own_object(paid: Shop) -> None:
    intent = paid.client().v1.payment_intents.create(params=CARELESS)

    assert isinstance(intent, stripe.PaymentIntent)
    assert (intent.id, intent.client_secret, intent.status) == ("pi_7", "pi_7_secret_8", "requires_capture")
    assert (intent.amount, intent.currency, intent.payment_method_types) == (4990, "eur", ["card"])
    assert intent.last_response is not None
    assert intent.last_response.request_id == "req_7"
    assert "receipt_email" not in intent.to_dict()


def test_a_payment_is_captured_by_the_number_that_stripe_gave_it(known: Shop) -> None:
    known.says(INTENT | {"status": "succeeded", "amount_received": 4000})

    intent = known.client("fulfilment").v1.payment_intents.capture(
        "pi_7", params={"amount_to_capture": 4000, "statement_descriptor_suffix": "NIGHT SERUM"}
    )

    assert arrived(known) == ("POST /v1/payment_intents/pi_7/capture HTTP/1.1", b"amount_to_capture=4000")
    assert (intent.status, intent.amount_received) == ("succeeded", 4000)


def test_a_refund_is_of_the_one_who_paid_and_its_story_stays(known: Shop) -> None:
    known.says({"id": "re_7", "object": "refund", "amount": 500, "status": "succeeded", "payment_intent": "pi_7"})

    refund = known.client("support").v1.refunds.create(
        params={
            "payment_intent": "pi_7",
            "amount": 500,
            "reason": "requested_by_customer",
            "metadata": {"order_id": ORDER, "story": "got a rash"},
        }
    )

    assert arrived(known) == (
        "POST /v1/refunds HTTP/1.1",
        b"payment_intent=pi_7&amount=500&reason=requested_by_customer&metadata[order_id]=psn_*",
    )
    assert isinstance(refund, stripe.Refund)
    assert (refund.id, refund.status, refund.payment_intent) == ("re_7", "succeeded", "pi_7")


def test_of_a_customer_only_a_number_arrives(paid: Shop) -> None:
    paid.says({"id": "cus_7", "object": "customer", "email": "zoe@example.com", "created": 1, "livemode": True})

    customer = paid.client().v1.customers.create(
        params={
            "name": "Zoë Müller",
            "email": "zoe@example.com",
            "phone": "+4930901820",
            "address": {"line1": "Lindenstr. 7"},
            "metadata": {"shop_user_id": "88", "birthday": "1990-04-01"},
        }
    )

    assert arrived(paid) == ("POST /v1/customers HTTP/1.1", b"metadata[shop_user_id]=psn_*")
    assert isinstance(customer, stripe.Customer)
    assert customer.id == "cus_7"
    assert "email" not in customer.to_dict()


def test_a_list_turns_its_pages_by_itself(known: Shop) -> None:
    page = {"object": "list", "url": "/v1/payment_intents"}
    known.says(
        page | {"has_more": True, "data": [INTENT, INTENT | {"id": "pi_8"}]},
        page | {"has_more": False, "data": [INTENT | {"id": "pi_9"}]},
    )

    listed = known.client("support").v1.payment_intents.list(
        params={"customer": "cus_7", "limit": 2, "created": {"gte": 1700000000}}
    )
    found = list(listed.auto_paging_iter())

    assert [intent.id for intent in found] == ["pi_7", "pi_8", "pi_9"]
    assert all(isinstance(intent, stripe.PaymentIntent) for intent in found)
    assert [received.line.split()[1] for received in known.received] == [
        "/v1/payment_intents?customer=cus_7&limit=2&created%5Bgte%5D=1700000000",
        "/v1/payment_intents?customer=cus_7&limit=2&created%5Bgte%5D=1700000000&starting_after=pi_8",
    ]
    assert "receipt_email" not in found[0].to_dict()


def test_a_checkout_page_shows_an_order_and_no_goods(paid: Shop) -> None:
    url = "https://checkout.stripe.com/c/pay/cs_7"
    paid.says(
        {
            "id": "cs_7",
            "object": "checkout.session",
            "url": url,
            "status": "open",
            "mode": "payment",
            "customer_details": {"email": "zoe@example.com"},
        }
    )

    session = paid.client().v1.checkout.sessions.create(
        params={
            "mode": "payment",
            "client_reference_id": ORDER,
            "success_url": "https://shop.example/ok?customer=88&session={CHECKOUT_SESSION_ID}",
            "cancel_url": "https://shop.example/basket?customer=88",
            "customer_email": "zoe@example.com",
            "line_items": [
                {
                    "quantity": 2,
                    "price_data": {
                        "currency": "eur",
                        "unit_amount": 2495,
                        "product_data": {"name": "Rosacea Serum", "description": "for your skin"},
                    },
                }
            ],
        }
    )

    line, form = arrived(paid)
    assert line == "POST /v1/checkout/sessions HTTP/1.1"
    assert form == (
        b"mode=payment&client_reference_id=psn_*"
        b"&success_url=https%3A%2F%2Fshop.example%2Fok%3Fsession%3D%7BCHECKOUT_SESSION_ID%7D"
        b"&cancel_url=https%3A%2F%2Fshop.example%2Fbasket&line_items[0][quantity]=2"
        b"&line_items[0][price_data][currency]=eur&line_items[0][price_data][unit_amount]=2495"
        b"&line_items[0][price_data][product_data][name]=Your+order"
    )
    assert isinstance(session, stripe.checkout.Session)
    assert (session.id, session.url, session.status) == ("cs_7", url, "open")


def test_a_declined_card_is_the_sdks_card_error(paid: Shop) -> None:
    paid.says(
        {
            "error": {
                "type": "card_error",
                "code": "card_declined",
                "decline_code": "insufficient_funds",
                "message": "The card of Zoë Müller has insufficient funds.",
                "payment_intent": INTENT | {"status": "requires_payment_method"},
            }
        },
        status=402,
    )

    with pytest.raises(stripe.CardError) as caught:
        paid.client().v1.payment_intents.create(params=CARELESS)

    error = caught.value
    assert (error.http_status, error.code, error.request_id) == (402, "card_declined", "req_7")
    assert error.error is not None
    assert error.error.decline_code == "insufficient_funds"
    assert error.error.payment_intent is not None
    assert error.error.payment_intent.id == "pi_7"
    assert "Zoë" not in str(error.json_body)


def test_what_stripe_finds_wrong_is_the_sdks_own_error(paid: Shop) -> None:
    paid.says({"error": {"type": "invalid_request_error", "code": "amount_too_small", "param": "amount"}}, status=400)

    with pytest.raises(stripe.InvalidRequestError) as caught:
        paid.client().v1.payment_intents.create(params=CARELESS)

    assert (caught.value.code, caught.value.param) == ("amount_too_small", "amount")


def test_an_error_that_is_no_json_is_an_error_of_the_sdk_without_the_vendors_words(paid: Shop) -> None:
    paid.vendor.script = answers(500, b"<h1>Zo\xc3\xab's payment failed</h1>", "content-type: text/html")

    with pytest.raises(stripe.APIError) as caught:
        paid.client().v1.payment_intents.create(params=CARELESS)

    assert (caught.value.http_status, code_of(caught.value)) == (500, "vendor.answered")
    assert "payment failed" not in str(caught.value.http_body)


Deed = Callable[[Shop], object]


def with_a_foreign_key(shop: Shop) -> object:
    return shop.client(key="sk_test_made_up", retries=2).v1.payment_intents.create(params=CARELESS)


def by_another_service(shop: Shop) -> object:
    return shop.client("support", retries=2).v1.payment_intents.create(params=CARELESS)


def of_nobody_known(shop: Shop) -> object:
    params = CARELESS | {"metadata": {"order_id": "never-heard-of"}}
    return shop.client(retries=2).v1.payment_intents.create(params=params)


def without_consent(shop: Shop) -> object:
    return shop.client(retries=2).v1.payment_intents.create(params=CARELESS | {"metadata": {"order_id": "10046"}})


def of_another_operation(shop: Shop) -> object:
    return shop.client(retries=2).v1.payouts.create(params={"amount": 1, "currency": "eur"})


def with_a_card_number(shop: Shop) -> object:
    form = {**CARELESS, "payment_method_data": {"type": "card", "card": {"number": "4242424242424242"}}}
    return shop.client(retries=2).raw_request("post", "/v1/payment_intents", **form)


def without_an_order(shop: Shop) -> object:
    return shop.client(retries=2).v1.payment_intents.create(params={"amount": 4990, "currency": "eur"})


def with_far_too_much(shop: Shop) -> object:
    params = CARELESS | {"description": "x" * 20_000}
    return shop.client(retries=2).v1.payment_intents.create(params=params)


def compressed(shop: Shop) -> object:
    headers = {"Content-Encoding": "compress"}
    return shop.client(retries=2).raw_request("post", "/v1/payment_intents", headers=headers, **CARELESS)


def with_an_endless_header(shop: Shop) -> object:
    options: stripe.RequestOptions = {"idempotency_key": "k" * 40_000}
    return shop.client(retries=2).v1.payment_intents.create(params=CARELESS, options=options)


REFUSALS: list[tuple[Deed, int, str, type[stripe.StripeError]]] = [
    (with_an_endless_header, 400, "http.head", stripe.InvalidRequestError),
    (with_a_foreign_key, 401, "caller.unknown", stripe.AuthenticationError),
    (by_another_service, 403, "caller.not_allowed", stripe.PermissionError),
    (of_another_operation, 403, "operation.unknown", stripe.PermissionError),
    (of_nobody_known, 403, "subject.unresolved", stripe.PermissionError),
    (without_consent, 403, "consent.missing", stripe.PermissionError),
    (with_far_too_much, 413, "body.too_large", stripe.APIError),
    (compressed, 415, "body.encoding", stripe.APIError),
    (without_an_order, 403, "subject.unresolved", stripe.PermissionError),
    (with_a_card_number, 422, "field.refused", stripe.APIError),
]


@pytest.mark.parametrize(
    ("deed", "status", "code", "kind"), REFUSALS, ids=[f"{deed.__name__} {code}" for deed, _, code, _ in REFUSALS]
)
def test_a_refusal_is_an_error_of_the_sdk_and_is_not_tried_again(
    paid: Shop, deed: Deed, status: int, code: str, kind: type[stripe.StripeError]
) -> None:
    before = len(paid.running.record(kind="refusal"))

    with pytest.raises(kind) as caught:
        deed(paid)

    assert (caught.value.http_status, code_of(caught.value)) == (status, code)
    assert paid.received == []
    assert len(paid.running.record(kind="refusal")) - before <= 1


def code_of(error: stripe.StripeError) -> str | None:
    """Our code, as a shop reads it from any error of the SDK."""
    return error.error.code if error.error is not None else None


def test_a_vendor_that_cannot_be_reached_is_an_error_that_a_later_try_may_mend(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with shop(tmp_path_factory.mktemp("unreachable"), port="9") as alone:
        with pytest.raises(stripe.APIError) as caught:
            alone.client(retries=1).v1.payment_intents.create(params=CARELESS)

        attempts = [entry["outcome"]["result"] for entry in alone.running.record(kind="intent")]

    assert (caught.value.http_status, code_of(caught.value)) == (502, "vendor.unreachable")
    assert attempts == ["not_sent"] * 4
    assert alone.received == []


def test_a_ledger_that_does_not_write_is_an_error_and_nothing_arrives(tmp_path_factory: pytest.TempPathFactory) -> None:
    with shop(tmp_path_factory.mktemp("full"), store=Stalling) as full:
        store = full.running.stores.ledger._store
        assert isinstance(store, Stalling)
        full.running.token("checkout")
        store.full = True

        with pytest.raises(stripe.APIError) as caught:
            full.client(retries=1).v1.payment_intents.create(params=CARELESS)
        store.full = False

    assert (caught.value.http_status, code_of(caught.value)) == (503, "ledger.unavailable")
    assert full.received == []


def test_what_may_have_arrived_is_not_sent_again_by_the_sdk(tmp_path_factory: pytest.TempPathFactory) -> None:
    with shop(tmp_path_factory.mktemp("silent"), vendor_total=0.4) as silent:
        silent.vendor.script = stays_silent

        with pytest.raises(stripe.APIError) as caught:
            silent.client(retries=2).v1.payment_intents.create(params=CARELESS)

        keys = [dict(received.headers)["idempotency-key"] for received in silent.received]

    assert (caught.value.http_status, code_of(caught.value)) == (504, "vendor.timeout")
    # The contract says twice, with one key; the SDK's own two tries more do not multiply that.
    assert len(keys) == 2
    assert len(set(keys)) == 1
