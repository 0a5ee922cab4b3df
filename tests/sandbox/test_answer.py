import json

from shipped import CONTRACTS, repository

from gateway.contract.terms import Terms
from gateway.rehearse import Http1
from gateway.sandbox.answer import answer, chosen, models
from gateway.sandbox.arrival import Arrival, documents_of

TERMS = {terms.name: terms for terms in repository().terms}
PSEUDONYM = "psn_" + "7" * 26


def said(terms: Terms, target: str, payload: bytes, number: int = 1) -> Http1:
    media = (("content-type", terms.sending.media[0]),) if terms.sending.media else ()
    documents = documents_of(Arrival(terms.host.name, terms.method, target, media, payload), terms)
    model = chosen(documents, models(terms, CONTRACTS))
    assert model is not None
    return answer(model, terms, documents, number)


def test_what_a_vendor_repeats_is_of_this_call() -> None:
    terms = TERMS["stripe/create-payment-intent"]
    form = f"amount=4200&currency=gbp&customer=cus_9&metadata[order_id]={PSEUDONYM}".encode()

    answers = said(terms, "/v1/payment_intents", form)

    document = json.loads(answers.body)
    assert (document["amount"], document["currency"], document["customer"]) == (4200, "gbp", "cus_9")
    assert document["metadata"] == {"order_id": PSEUDONYM}


def test_a_vendor_gives_out_no_number_twice() -> None:
    terms = TERMS["northpay/create-charge"]
    form = f"amount=4200&currency=eur&source=tok_9&metadata[order]={PSEUDONYM}".encode()

    first, second = (json.loads(said(terms, "/v1/charges", form, number).body)["id"] for number in (1, 2))

    assert (first, second) == ("ch_1", "ch_1-2")


def test_what_is_asked_for_by_its_number_keeps_it() -> None:
    terms = TERMS["parcelgate/track-shipment"]

    answers = said(terms, "/v2/shipments/PG-77-2", b"", 5)

    assert json.loads(answers.body)["tracking_number"] == "PG-77-2"


def test_the_very_call_of_an_example_gets_its_answer_even_where_it_declines() -> None:
    terms = TERMS["stripe/create-payment-intent"]
    form = f"amount=1999&currency=eur&payment_method=pm_1&confirm=true&metadata[order_id]={PSEUDONYM}".encode()

    same, other = (said(terms, "/v1/payment_intents", sent) for sent in (form, form.replace(b"1999", b"2000")))

    assert json.loads(same.body)["error"]["decline_code"] == "insufficient_funds"
    assert (same.first, other.first) == ("402", "200")


def test_of_several_examples_the_closest_answers() -> None:
    terms = TERMS["parcelgate/track-shipment"]

    near, far = (json.loads(said(terms, f"/v2/shipments/{number}", b"").body) for number in ("PG-78", "PG-1"))

    assert (near["status"], far["status"]) == ("announced", "delivered")
