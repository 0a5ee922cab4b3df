"""Of one order every vendor gets the part that it needs, whatever a service sends and under whichever name."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from running import Running, running
from shop_contracts import FILES

PSEUDONYM = re.compile(rb"psn_[0-9a-f]{26}")
SECRET = "correct-horse-battery-4711"

ORDER: dict[str, Any] = {
    "reference": "A-10045",
    "weight": 1,
    "to": {"name": "Zoe Muster", "city": "Kiel", "country": "DE", "phone": "+49301234567", "street": "Am Wall 9"},
    "items": [{"title": "Retinol Night Serum", "quantity": 2}],
    "amount": "1990",
    "source": "tok_1",
    "customer": "c-88",
    "metadata": {"order": "A-10045"},
    "release": "shop@1.2.3",
    "user": {"id": "c-88", "email": "zoe@example.com", "skin": "rosacea"},
    "browsing": {"seen": ["/serum"], "search": "wrinkles", "device": "Pixel 9", "ip": "203.0.113.7"},
    "review": "my doctor told me to try it",
}

RETURN = """\
operation: return
version: 1
status: enforce
owner: support
match: POST /returns
callers: [fulfilment]
purpose: after_sales
subjects:
  purchaser: {ref: order, legal_basis: performance_of_contract}
evidence: {order: $.reference}
retention: {vendor_keeps: P30D, why: Until the parcel is back.}
sending:
  body: json
  groups:
    - why: Why it comes back, as one of our codes.
      category: not_personal
      fields: [$.reason_code]
    - why: Finds the order again.
      of: purchaser
      fields: {$.reference: order.id}
      form: pseudonymise
    - why: What the customer wrote to us may say anything.
      of: purchaser
      fields: {$.message: service.after_sales}
      form: drop
examples:
  - name: one
    given: |
      POST /returns

      {"reference": "A-1", "reason_code": "R7"}
    sends: |
      POST /returns

      {"reference": "psn_*", "reason_code": "R7"}
"""

# fmt: off
SPELLINGS = (
    "password", "Password", "PASSWORD", "passwd", "pass", "pwd", "userPassword", "user_password", "user-password",
    "account.password", "loginPassword", "new_password", "password_confirmation", "pass_word", "passphrase", "secret",
    "credentials", "mysql_pwd", "密码", "Passwort", "mot_de_passe", "contraseña", "пароль",
)
# fmt: on


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("minimum"), files={**FILES, "parcels/return.yaml": RETURN}) as gateway:
        yield gateway


@pytest.fixture
def gateway(shared: Running) -> Running:
    shared.reset()
    return shared


def arrived(gateway: Running, vendor: str) -> bytes:
    [sent] = gateway.vendors[vendor].received
    return PSEUDONYM.sub(b"psn", sent.payload)


def as_form(document: dict[str, Any]) -> bytes:
    """The order as a form, with brackets for what is inside."""
    pairs = [(name, value) for name, value in document.items() if isinstance(value, str)]
    inside = [(f"{name}[{key}]", v) for name, value in document.items() if isinstance(value, dict)
              for key, v in value.items()]  # fmt: skip
    return urlencode(pairs + inside).encode()


def test_of_one_order_each_kind_of_vendor_gets_its_own_part_and_nothing_of_the_others(gateway: Running) -> None:
    form, checkout = "Content-Type: application/x-www-form-urlencoded", gateway.token("checkout")
    fault = f"X-Faults-Auth: Faults key={checkout}"

    replies = [
        gateway.call("POST", "/parcels/shipments", body=json.dumps(ORDER).encode()),
        gateway.call("POST", "/payments/accounts/a/charges", form, body=as_form(ORDER), token=checkout),
        gateway.call("POST", "/faults/api/events", fault, body=json.dumps(ORDER).encode(), token=""),
    ]

    assert [reply.status for reply in replies] == [200, 200, 200]
    assert json.loads(arrived(gateway, "parcels")) == {
        "reference": "psn",
        "weight": 1,
        "to": {"name": "Zoe Muster", "city": "Kiel", "country": "DE", "phone": "+49******567"},
        "items": [{"title": "Goods", "quantity": 2}],
    }
    assert arrived(gateway, "payments") == b"amount=1990&source=tok_1&metadata%5Border%5D=psn"
    assert json.loads(arrived(gateway, "faults")) == {"release": "shop@1.2.3", "user": {"id": "psn"}}


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_password_leaves_under_no_name_and_stands_in_no_record(gateway: Running, name: str) -> None:
    ascii_name = re.sub("[^a-z-]", "-", name.lower())
    query = urlencode({name: SECRET})
    inside = {"name": "Zoe Muster", "city": "Kiel", name: SECRET}

    reply = gateway.call(
        "POST", f"/parcels/shipments?{query}", f"X-{ascii_name}: {SECRET}", f"Cookie: {ascii_name}={SECRET}",
        body=json.dumps({"reference": "A-10045", "weight": 1, name: SECRET, "to": inside}).encode(),
    )  # fmt: skip

    assert reply.status == 200
    assert SECRET.encode() not in b"".join(gateway.received)
    assert SECRET not in repr(gateway.record(kind="intent")[0])


def test_no_header_or_parameter_changes_what_a_call_is_for_nor_leaves(gateway: Running) -> None:
    claims = ("Purpose: after_sales", "X-Purpose: marketing-purpose", "Gateway-Purpose: product_recommendation")

    reply = gateway.call(
        "POST", "/parcels/shipments?purpose=direct_marketing", *claims,
        body=json.dumps({"reference": "A-10045", "weight": 1, "purpose": "advertising-purpose"}).encode(),
    )  # fmt: skip

    [sent] = gateway.parcels.received
    assert (reply.status, gateway.record(kind="intent")[0]["purpose"]) == (200, "delivery")
    assert sent.line == "POST /api/shipments HTTP/1.1"
    assert "purpose" not in repr((sent.headers, sent.payload)).lower()


def test_of_a_return_the_code_of_the_reason_goes_and_what_the_customer_wrote_stays(gateway: Running) -> None:
    body = {"reference": "A-10045", "reason_code": "R7", "message": "it gave me a rash, my doctor says"}

    reply = gateway.call("POST", "/parcels/returns", body=json.dumps(body).encode())

    [intent] = gateway.record(kind="intent", operation="return")
    assert reply.status == 200
    assert json.loads(arrived(gateway, "parcels")) == {"reference": "psn", "reason_code": "R7"}
    assert {group["reason"]: group["paths"] for group in intent["withheld"]} == {"drop": ["$.message"]}
