"""SOAP goes the way of a call: what leaves and what comes back is what the contract names."""

import pytest
from bodies import Operation, operation

from gateway.body.xml import SOAP
from gateway.errors import Refusal

SENDING = """
body: xml
namespaces: ["urn:carrier:parcel"]
at: $.Envelope.Body.Ship
groups:
  - why: The driver finds the door.
    at: Receiver
    fields:
      Name: person.name
      Line.*: address.street
      .@residential: parcel.measure
    required: [Name, Line.*]
  - why: The price depends on it.
    category: parcel.measure
    at: Parcel.*
    fields: [Weight, Weight.@unit]
    required: all
  - why: Only some countries want a telephone number.
    when: {Receiver.Phone.@kind: [mobile]}
    fields: {Receiver.Phone: contact.phone}
    form: mask
  - why: The version of the interface.
    category: not_personal
    fields: [Version.@no]
"""
ANSWER = """
body: xml
namespaces: ["urn:carrier:parcel"]
at: $.Envelope.Body.ShipReply
groups:
  - why: Shown to the customer.
    fields: {Number: shipment.tracking, Number.@kind: not_personal}
errors:
  body: xml
  at: $.Envelope.Body.Fault
  groups:
    - why: The SDK chooses its exception by it.
      category: not_personal
      fields: [faultcode]
"""
MEDIA = ("content-type", "text/xml; charset=UTF-8")
HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
OPENING = f'<s:Envelope xmlns:s="{SOAP}" xmlns:ns1="urn:carrier:parcel"><s:Body><ns1:Ship>'
ENDING = "</ns1:Ship></s:Body></s:Envelope>"
RECEIVER = '<ns1:Receiver residential="true"><ns1:Name>Zoë</ns1:Name><ns1:Line>Weg 1</ns1:Line></ns1:Receiver>'
PARCEL = '<ns1:Parcel><ns1:Weight unit="kg">2.50</ns1:Weight></ns1:Parcel>'


@pytest.fixture(scope="module")
def soap() -> Operation:
    return operation(SENDING, ANSWER)


def envelope(inner: str) -> bytes:
    return f"{OPENING}{inner}{ENDING}".encode()


async def sent(soap: Operation, inner: str) -> str:
    sending, _ = await soap.sent(envelope(inner), MEDIA)
    return sending.payload.decode().removeprefix(HEAD + OPENING).removesuffix(ENDING)


async def refused(soap: Operation, inner: str, *media: tuple[str, str]) -> list[tuple[str, str]]:
    with pytest.raises(Refusal) as caught:
        await soap.sent(envelope(inner), *(media or (MEDIA,)))
    return [(failure.code, failure.detail) for failure in caught.value.failures]


async def test_what_is_named_leaves_and_is_proved(soap: Operation) -> None:
    private = '<ns1:Email>zoe@example.com</ns1:Email><ns1:Phone kind="home">+4930901820</ns1:Phone></ns1:Receiver>'

    sending, outgoing = await soap.sent(
        envelope(RECEIVER.replace("</ns1:Receiver>", private) + PARCEL).replace(b"kg", b'kg" by="zoe'), MEDIA
    )

    assert sending.payload.decode() == f"{HEAD}{OPENING}{RECEIVER}{PARCEL}{ENDING}"
    assert ("content-type", "text/xml; charset=utf-8") in sending.headers
    at = "$.Envelope.Body.Ship"
    assert {str(each): each.reason for each in outgoing.withheld if str(each).startswith("$")} == {
        f"{at}.Receiver.Email": "field.unnamed",
        f"{at}.Receiver.Phone": "field.unnamed",
        f"{at}.Parcel.*.Weight.@by": "field.unnamed",
    }


async def test_a_condition_may_stand_in_an_attribute(soap: Operation) -> None:
    phone = RECEIVER.replace("</ns1:Receiver>", '<ns1:Phone kind="mobile">+4930901820</ns1:Phone></ns1:Receiver>')

    left = await sent(soap, phone + PARCEL)

    assert "<ns1:Phone>+49" in left
    assert "90182" not in left


async def test_an_attribute_leaves_without_the_text_that_it_stands_beside(soap: Operation) -> None:
    left = await sent(soap, RECEIVER + PARCEL + '<ns1:Version no="3">zoe</ns1:Version>')

    assert left.endswith('<ns1:Version no="3"/>')


@pytest.mark.parametrize(
    ("inner", "where"),
    [
        (RECEIVER, "Parcel.*.Weight"),
        (RECEIVER + "<ns1:Parcel/>", "Parcel.*.Weight"),
        (RECEIVER + PARCEL.replace(' unit="kg"', ""), "Parcel.*.Weight.@unit"),
        (RECEIVER.replace("ns1:Name", "Other") + PARCEL, "Receiver.Name"),
    ],
)
async def test_what_is_required_has_to_be_there(soap: Operation, inner: str, where: str) -> None:
    assert ("field.required", f"$.Envelope.Body.Ship.{where}") in await refused(soap, inner)


async def test_what_is_required_is_a_text(soap: Operation) -> None:
    inner = RECEIVER.replace("Zoë", "<ns1:First>Zoë</ns1:First>")

    assert ("field.type", "$.Envelope.Body.Ship.Receiver.Name") in await refused(soap, inner + PARCEL)


async def test_the_claim_that_nobody_is_in_an_attribute_is_tested(soap: Operation) -> None:
    [(code, detail)] = await refused(soap, RECEIVER + PARCEL + '<ns1:Version no="zoe@example.com"/>')

    assert code == "field.personal"
    assert "zoe" not in detail


@pytest.mark.parametrize(
    ("value", "leaves"),
    [("2.50", '<ns1:Weight unit="kg"/>'), ("kg", "<ns1:Weight>2.50</ns1:Weight>")],
    ids=["text", "attribute"],
)
async def test_a_token_stays_wherever_it_stands(soap: Operation, value: str, leaves: str) -> None:
    assert await sent(soap, RECEIVER + PARCEL.replace(value, "gtw-token-1")) == (
        f"{RECEIVER}<ns1:Parcel>{leaves}</ns1:Parcel>"
    )


async def test_of_a_vendors_own_type_only_what_is_listed_is_taken(soap: Operation) -> None:
    media = ("content-type", "application/vnd.carrier.ship-v8+xml")
    own = operation(SENDING.replace("body: xml\n", "body: xml\nmedia: [application/vnd.carrier.ship-v8+xml]\n"))

    sending, _ = await own.sent(envelope(RECEIVER + PARCEL), media)

    assert media in sending.headers
    assert (await refused(soap, RECEIVER + PARCEL, media))[0][0] == "body.media"


@pytest.mark.parametrize("media", ["text/xml; charset=utf-16", "application/json", "text/html"])
async def test_another_type_or_charset_is_refused(soap: Operation, media: str) -> None:
    assert (await refused(soap, RECEIVER + PARCEL, ("content-type", media)))[0][0] == "body.media"


async def test_a_call_without_a_body_is_none(soap: Operation) -> None:
    with pytest.raises(Refusal) as caught:
        await soap.sent(b"", MEDIA)

    assert caught.value.code == "body.unreadable"


def test_an_answer_comes_back_as_named(soap: Operation) -> None:
    answer = (
        f'<s:Envelope xmlns:s="{SOAP}"><s:Body><ShipReply xmlns="urn:carrier:parcel" at="zoe">'
        '<Number kind="own" by="zoe">T-1</Number><Receiver>Zoë</Receiver></ShipReply></s:Body></s:Envelope>'
    )

    back = soap.back(200, answer.encode(), ("content-type", "application/soap+xml"))

    assert back.media == "application/soap+xml"
    assert back.payload.decode() == (
        f'{HEAD}<s:Envelope xmlns:s="{SOAP}" xmlns:ns0="urn:carrier:parcel"><s:Body><ns0:ShipReply>'
        '<ns0:Number kind="own">T-1</ns0:Number></ns0:ShipReply></s:Body></s:Envelope>'
    )


def test_a_fault_comes_back_without_what_it_repeats(soap: Operation) -> None:
    fault = (
        f'<soap:Envelope xmlns:soap="{SOAP}"><soap:Body><soap:Fault><faultcode>soap:Client</faultcode>'
        "<faultstring>Zoë is no street</faultstring></soap:Fault></soap:Body></soap:Envelope>"
    )

    back = soap.back(500, fault.encode(), MEDIA)

    assert back.payload.decode() == HEAD + fault.replace("<faultstring>Zoë is no street</faultstring>", "")


@pytest.mark.parametrize("answer", ["<r>zoe", "<!DOCTYPE r><r/>", '{"zoe": 1}', "<other>zoe</other>"])
def test_an_answer_that_cannot_be_read_stays(soap: Operation, answer: str) -> None:
    assert soap.back(200, answer.encode(), MEDIA).payload == b""
