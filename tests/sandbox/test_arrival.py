import re
from datetime import UTC, datetime

import pytest
from shipped import CONTRACTS, repository
from small_contracts import section

from gateway.body.codecs import typed
from gateway.contract.model import Example
from gateway.contract.terms import Terms
from gateway.examples import text_of
from gateway.frozen import changed
from gateway.inforce import InForce, Prepared, in_force
from gateway.jwe import encrypted, throwaway
from gateway.outbound.send import Sending
from gateway.paths import parse_place
from gateway.rehearse import parse_http
from gateway.sandbox.arrival import CREDENTIAL, Arrival, _has_form, judged
from gateway.signing.signer import Moment, signed

PSEUDONYM = "psn_" + "0" * 26
SET = in_force(repository(), secrets=lambda _: CREDENTIAL, vendor_key=lambda _: bytes(32), is_played=True)
SENT = [
    (terms, example)
    for terms in SET.contracts.terms
    for example in terms.operation.examples
    if example.sends not in (None, "nothing", "nothing\n")
]
STAYED = [(t, e) for t, e in SENT if any(place.startswith("$") for place in e.withholds or ())]
PARCEL = b'{"reference":"psn_%026d","recipient":{"name":"Ann","street":"Weg 1","city":"Kiel","country":"DE"},' % 0
PARCEL += b'"parcel":{"weight":1}}'


@pytest.fixture
def contracts() -> InForce:
    return SET


def arrival_of(terms: Terms, example: Example) -> Arrival:
    """What the gateway would send of an example: pseudonyms and credentials stand in their places."""
    text = text_of(example.sends or "", CONTRACTS, terms).replace("psn_*", PSEUDONYM)
    sends = parse_http(re.sub(r"\$[A-Z][A-Z0-9_]+", CREDENTIAL, text))
    method, _, target = sends.first.partition(" ")
    prepared = SET.prepared[terms.name]
    credentials = tuple((name.lower(), value) for name, value in prepared.headers)
    pairs = "&".join(f"{name}={value}" for name, value in prepared.query)
    target += f"{'&' if '?' in target else '?'}{pairs}" if pairs else ""
    media = (("content-type", typed(terms.sending.media[0], sends.body, terms.sending)),) if sends.body else ()
    return signed_as(prepared, Sending(method, target, (*sends.headers, *credentials, *media), sends.body))


def test_a_vendor_says_which_of_the_fields_that_it_requires_did_not_arrive(contracts: InForce) -> None:
    needed = (parse_place("$.recipient.name"), parse_place("$.recipient.fax"))
    terms = tuple(
        changed(each, sending=changed(each.sending, vendor_requires=needed))
        if each.name == "parcelgate/create-shipment"
        else each
        for each in contracts.contracts.terms
    )
    given = changed(contracts.contracts, terms=terms)
    asked = in_force(given, secrets=lambda _: CREDENTIAL, vendor_key=lambda _: bytes(32), is_played=True)
    prepared = asked.prepared["parcelgate/create-shipment"]
    headers = tuple((name.lower(), value) for name, value in prepared.headers)
    media = ("content-type", "application/json")
    came = Arrival(prepared.host.name, "POST", "/v2/shipments", (*headers, media), PARCEL)

    verdict = judged(came, asked)

    assert judged(came, contracts).violations == ()
    assert verdict.violations == ("$.recipient.fax: the vendor requires it, and it stayed",)
    assert verdict.status == 422


def signed_as(prepared: Prepared, sending: Sending) -> Arrival:
    """A sending as it arrives, with the signature that its vendor wants."""
    sent = sending
    if prepared.signer is not None:
        sent = signed(prepared.signer, sending, prepared.host.authority, Moment(datetime.now(UTC), "n"))
    return Arrival(prepared.host.name, sent.method, sent.target, sent.headers, sent.payload)


def parcel(payload: bytes = PARCEL, *more: tuple[str, str], target: str = "/v2/shipments") -> Arrival:
    headers = (("content-type", "application/json"), ("authorization", f"Bearer {CREDENTIAL}"), *more)
    return Arrival("parcelgate", "POST", target, headers, payload)


@pytest.mark.parametrize(("terms", "example"), SENT, ids=[f"{t.name}: {e.name}" for t, e in SENT])
def test_what_an_example_sends_is_what_a_vendor_takes(terms: Terms, example: Example, contracts: InForce) -> None:
    arrival = arrival_of(terms, example)

    found = judged(arrival, contracts)

    assert (found.status, found.violations, found.operation) == (200, (), terms.operation.operation)


@pytest.mark.parametrize(("terms", "example"), STAYED, ids=[f"{t.name}: {e.name}" for t, e in STAYED])
def test_what_an_example_withholds_is_what_a_vendor_does_not_take(
    terms: Terms, example: Example, contracts: InForce
) -> None:
    given = parse_http(text_of(example.given, CONTRACTS, terms))
    sent = arrival_of(terms, example)
    media = typed(sent.header("content-type") or "", given.body, terms.sending)
    headers = tuple((name, media if name == "content-type" else value) for name, value in sent.headers)
    arrival = changed(sent, headers=headers, payload=given.body)

    found = judged(arrival, contracts)

    assert found.status == 422
    assert any(violation.endswith("no contract line lets this out") for violation in found.violations)


@pytest.mark.parametrize(
    ("arrival", "violation"),
    [
        (parcel(target="/v2/shipments?debug=1"), "query:debug: no contract line lets this out"),
        (parcel(PARCEL, ("x-forwarded-for", "203.0.113.7")), "header:x-forwarded-for: no contract line lets this out"),
        (parcel(PARCEL.replace(b'"psn_', b'"A-1_')), "$.reference: not in the form that the contract names"),
        (parcel(PARCEL.replace(b'"city":"Kiel",', b"")), "$.recipient.city: required, and missing"),
        (
            parcel(PARCEL.replace(b'"Kiel"', b'{"name":"Kiel"}')),
            "$.recipient.city.name: no contract line lets this out",
        ),
        (parcel(PARCEL.replace(b'{"weight":1}', b"[]")), "$.parcel.weight: required, and missing"),
        (
            parcel(PARCEL[:-1] + b',"items":[{"title":"Night Serum"}]}'),
            "$.items.*.title: not in the form that the contract names",
        ),
        (parcel(PARCEL[:-1]), "body.unreadable: not valid JSON"),
    ],
    ids=[
        "in the query",
        "in a header",
        "not pseudonymised",
        "required",
        "an object for a scalar",
        "a list for an object",
        "not replaced",
        "unreadable",
    ],
)
def test_what_should_not_have_arrived_is_named_by_its_place(
    arrival: Arrival, violation: str, contracts: InForce
) -> None:
    found = judged(arrival, contracts)

    assert violation in found.violations
    assert found.status == 422


def test_a_vendor_wants_its_own_credential(contracts: InForce) -> None:
    arrival = changed(parcel(), headers=(("content-type", "application/json"), ("authorization", "Bearer else")))

    found = judged(arrival, contracts)

    assert found.status == 401
    assert found.violations == ("header:authorization: not the credential of this vendor",)


def test_a_credential_in_the_path_is_checked_too(contracts: InForce) -> None:
    auth = ("x-faultline-auth", f"Faultline key={CREDENTIAL}, version=1")
    arrival = Arrival("faultline", "POST", "/api/other/events", (auth,), b'{"event_id":"1"}')

    found = judged(arrival, contracts)

    assert found.violations == ("path:project: not in the form that the contract names",)


@pytest.mark.parametrize("target", ["/v2/other", "/v2/shipments/", "/"])
def test_a_call_that_no_contract_names_is_unknown(target: str, contracts: InForce) -> None:
    found = judged(parcel(target=target), contracts)

    assert (found.status, found.operation) == (404, "")


def test_no_violation_repeats_a_value(contracts: InForce) -> None:
    arrival = parcel(
        b'{"secret":"canary-1","reference":"canary-2"}', ("x-a", "canary-3"), target="/v2/shipments?a=canary-4"
    )

    found = judged(arrival, contracts)

    assert len(found.violations) > 4
    assert "canary" not in " ".join(found.violations)


def test_a_call_that_is_not_signed_is_not_taken_where_calls_are(contracts: InForce) -> None:
    [(terms, example)] = [(terms, example) for terms, example in SENT if terms.name == "alipay/trade-create"]
    arrival = arrival_of(terms, example)
    bare = changed(arrival, target=arrival.target.partition("&sign=")[0])

    assert bare != arrival
    found = judged(bare, contracts)

    assert (found.status, found.violations) == (401, ("the call is not signed",))


SEALED = """
    - why: Nobody on the way reads the number.
      fields: {$.phone: contact.phone}
      form: {encrypt: $ACME_JWE}
    - why: The courier tells its customers apart.
      fields: {$.order: order.id}
      form: {pseudonymise: token}
"""


@pytest.mark.parametrize(
    ("number", "value", "fits"),
    [
        (0, encrypted(throwaway())("+4930901820"), True),
        (0, None, True),
        (0, "+4930901820", False),
        (0, "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.c2lnbmVk", False),
        (1, "psn_" + "A" * 22, True),
        (1, "A-10045", False),
    ],
)
def test_what_nobody_can_foresee_is_told_by_its_shape(number: int, value: str | None, fits: bool) -> None:
    assert _has_form(section(SEALED).rules[number], value) is fits
