"""What happens in the demo: who is who, what careless services send, and what must become of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

Fact = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Step:
    """One call. `call` is HTTP text as the service sends it to the gateway.

    Either the vendor receives `receives`, with `psn_*` for pseudonyms, or the call is refused with `code`. `says` is
    what a vendor is told to do, `kept` is what of its answer must not come back; `facts` are put in before the call.
    """

    title: str
    why: str
    service: str
    vendor: str
    call: str
    receives: str = ""
    status: int = 200
    code: str = ""
    says: str = ""
    kept: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()


def _order(number: str, subject: str, country: str) -> Fact:
    roles = ("purchaser", "consignee")
    people = [{"role": role, "subject": subject, "jurisdiction": country} for role in roles]
    return {"kind": "order", "order": number, "people": people}


ORDERS: Final = (
    _order("A-10045", "customer-88120", "DE"),
    _order("A-10046", "customer-88121", "BR"),
    _order("A-10047", "customer-88122", "CN"),
)

_SHANGHAI = """\
POST /parcelgate/v2/shipments
Content-Type: application/json

{"reference": "A-10047",
 "recipient": {"name": "Li Wei", "street": "Huaihai Road 28", "city": "Shanghai", "country": "CN",
               "email": "li.wei@example.cn"},
 "parcel": {"weight": 0.25}}
"""

SENT: Final = (
    Step(
        title="A parcel",
        why="The warehouse sends the whole order. The courier gets what a driver needs.",
        service="fulfilment",
        vendor="parcelgate",
        call="""\
POST /parcelgate/v2/shipments?debug=1
Content-Type: application/json
Cookie: session=4f1d9c27aa
X-Forwarded-For: 203.0.113.77
Idempotency-Key: parcel-A-10045

{"reference": "A-10045",
 "recipient": {"name": "Zoë Müller", "street": "Lindenstr. 7", "city": "Dresden", "postal_code": "01067",
               "country": "DE", "phone": "+49 351 4960123", "email": "zoe.mueller@example.com",
               "birthday": "1961-04-02"},
 "items": [{"title": "Retinol Night Serum", "quantity": 1, "hs_code": "33049900"}],
 "parcel": {"weight": 0.50, "service": "standard"},
 "note": "ring twice, my husband sleeps",
 "crm": {"segment": "gold customer", "skin": "rosacea, sensitive"}}
""",
        receives="""\
POST /v2/shipments
Idempotency-Key: psn_*

{"reference": "psn_*",
 "recipient": {"name": "Zoë Müller", "street": "Lindenstr. 7", "city": "Dresden", "postal_code": "01067",
               "country": "DE", "phone": "+49 351 4960123"},
 "items": [{"title": "Cosmetics", "quantity": 1, "hs_code": "33049900"}],
 "parcel": {"weight": 0.50, "service": "standard"}}
""",
        status=201,
        kept=("driver", "Bob"),
    ),
    Step(
        title="A payment",
        why="The checkout posts its form as it is. The processor gets an amount, a token and a country.",
        service="checkout",
        vendor="northpay",
        call="""\
POST /northpay/v1/charges
Content-Type: application/x-www-form-urlencoded
Idempotency-Key: pay-A-10045

amount=4990&currency=eur&source=tok_visa_1&methods[0]=card&methods[1]=sepa&receipt_email=zoe.mueller%40example.com\
&shipping[name]=Zo%C3%AB+M%C3%BCller&shipping[address][line1]=Lindenstr.+7&shipping[address][postal_code]=01067\
&shipping[address][country]=DE&metadata[order]=A-10045&metadata[skin]=rosacea%2C+sensitive\
&description=Retinol+Night+Serum&return_url=https%3A%2F%2Fshop.example%2Fok%3Fcustomer%3D88120
""",
        receives="""\
POST /v1/charges
Idempotency-Key: psn_*

amount=4990&currency=eur&source=tok_visa_1&methods[0]=card&methods[1]=sepa&shipping[address][postal_code]=01067\
&shipping[address][country]=DE&metadata[order]=psn_*&return_url=https%3A%2F%2Fshop.example%2Fok
""",
        kept=("payer", "zoe@example.com"),
    ),
    Step(
        title="A crash",
        why="The error monitor's SDK collects the person too. The monitor gets the fault without the person.",
        service="shop-web",
        vendor="faultline",
        call="""\
POST /faultline/api/any/events
Content-Type: application/json

{"event_id": "9f2c41d07b", "level": "error", "release": "shop@1.2.3", "server_name": "zoes-macbook-air",
 "message": "declined for zoe.mueller@example.com",
 "exception": {"values": [{"type": "CardDeclined", "value": "zoe.mueller@example.com, card 4111 1111 1111 1111",
   "stacktrace": {"frames": [{"filename": "pay.py", "lineno": 71, "vars": {"buyer": "Zoë Müller"}}]}}]},
 "contexts": {"browser": {"name": "Firefox", "version": "145.0"}},
 "user": {"id": "customer-88120", "email": "zoe.mueller@example.com", "ip_address": "203.0.113.77"},
 "request": {"url": "https://shop.example/search?q=rosacea", "cookies": "session=4f1d9c27aa"}}
""",
        receives="""\
POST /api/sandbox/events

{"event_id": "9f2c41d07b", "level": "error", "release": "shop@1.2.3",
 "message": "declined for <EMAIL_ADDRESS>",
 "exception": {"values": [{"type": "CardDeclined", "value": "<EMAIL_ADDRESS>, card <CREDIT_CARD>",
   "stacktrace": {"frames": [{"filename": "pay.py", "lineno": 71}]}}]},
 "contexts": {"browser": {"name": "Firefox", "version": "145.0"}},
 "user": {"id": "psn_*"}}
""",
    ),
    Step(
        title="A parcel to Brazil",
        why="Customs there ask for the consignee's number, so for this country, and only then, it leaves.",
        service="fulfilment",
        vendor="parcelgate",
        call="""\
POST /parcelgate/v2/shipments
Content-Type: application/json

{"reference": "A-10046",
 "recipient": {"name": "Davi Lima", "street": "Rua da Aurora 325", "city": "Recife", "country": "BR",
               "tax_id": "529.982.247-25", "email": "davi.lima@example.com.br"},
 "items": [{"title": "Beard Oil Cedar", "quantity": 2, "hs_code": "33079000"}],
 "parcel": {"weight": 0.3}}
""",
        receives="""\
POST /v2/shipments

{"reference": "psn_*",
 "recipient": {"name": "Davi Lima", "street": "Rua da Aurora 325", "city": "Recife", "country": "BR",
               "tax_id": "529.982.247-25"},
 "items": [{"title": "Cosmetics", "quantity": 2, "hs_code": "33079000"}],
 "parcel": {"weight": 0.3}}
""",
        status=201,
        kept=("driver", "Bob"),
    ),
    Step(
        title="A card is declined",
        why="The processor's own words name the buyer. The shop's SDK gets the codes that it decides by.",
        service="checkout",
        vendor="northpay",
        call="""\
POST /northpay/v1/charges
Content-Type: application/x-www-form-urlencoded

amount=2600&currency=eur&source=tok_visa_2&metadata[order]=A-10046
""",
        receives="""\
POST /v1/charges

amount=2600&currency=eur&source=tok_visa_2&metadata[order]=psn_*
""",
        says="decline",
        status=402,
        kept=("Zoë Müller", "message"),
    ),
    Step(
        title="Where is it?",
        why="A question with no person in it. The gateway knows from the first call whose parcel it is.",
        service="support",
        vendor="parcelgate",
        call="GET /parcelgate/v2/shipments/PG-77?include=signature\n",
        receives="GET /v2/shipments/PG-77\n",
        kept=("signature", "neighbour"),
    ),
    Step(
        title="Money back",
        why="A refund names only the charge; what she told our support stays with us.",
        service="support",
        vendor="northpay",
        call="""\
POST /northpay/v1/charges/ch_1/refund
Content-Type: application/x-www-form-urlencoded
Idempotency-Key: refund-A-10045

amount=4990&currency=eur&reason=returned&comment=got+a+rash+from+the+serum
""",
        receives="""\
POST /v1/charges/ch_1/refund
Idempotency-Key: psn_*

amount=4990&currency=eur&reason=returned
""",
        kept=("iban",),
    ),
)

REFUSED: Final = (
    Step(
        title="An agreement that has ended",
        why="The shop has left this courier, but one service still knows its address.",
        service="fulfilment",
        vendor="elbkurier",
        call="""\
POST /elbkurier/labels
Content-Type: application/json

{"order": "A-10045",
 "to": {"name": "Zoë Müller", "street": "Lindenstr. 7", "city": "Dresden", "postal_code": "01067"}}
""",
        status=403,
        code="agreement.expired",
    ),
    Step(
        title="A card number at the courier",
        why="A parcel never carries one, so a service that sends one has a fault, and hears of it.",
        service="fulfilment",
        vendor="parcelgate",
        call="""\
POST /parcelgate/v2/shipments
Content-Type: application/json

{"reference": "A-10045",
 "recipient": {"name": "Zoë Müller", "street": "Lindenstr. 7", "city": "Dresden", "country": "DE"},
 "parcel": {"weight": 0.5}, "payment": {"number": "4111 1111 1111 1111"}}
""",
        status=422,
        code="field.refused",
    ),
    Step(
        title="An object where the city should be",
        why="A field that is named and needed has another type, so nobody knows what is in it.",
        service="fulfilment",
        vendor="parcelgate",
        call="""\
POST /parcelgate/v2/shipments
Content-Type: application/json

{"reference": "A-10045",
 "recipient": {"name": "Zoë Müller", "street": "Lindenstr. 7", "country": "DE",
               "city": {"name": "Dresden", "note": "gate code 4711#"}},
 "parcel": {"weight": 0.5}}
""",
        status=422,
        code="field.type",
    ),
    Step(
        title="No consent",
        why="Chinese law asks for the consignee's explicit yes, and there is none on record.",
        service="fulfilment",
        vendor="parcelgate",
        call=_SHANGHAI,
        status=403,
        code="consent.missing",
    ),
)

AGREED: Final = Step(
    title="The same call, after a yes",
    why="Li Wei has agreed. The next decision sees it; the e-mail address is another purpose, and stays.",
    service="fulfilment",
    vendor="parcelgate",
    call=_SHANGHAI,
    receives="""\
POST /v2/shipments

{"reference": "psn_*",
 "recipient": {"name": "Li Wei", "street": "Huaihai Road 28", "city": "Shanghai", "country": "CN"},
 "parcel": {"weight": 0.25}}
""",
    status=201,
    kept=("driver", "Bob"),
    facts=(
        {"kind": "consent", "subject": "customer-88122", "purpose": "delivery", "state": "given", "explicit": True},
    ),
)
