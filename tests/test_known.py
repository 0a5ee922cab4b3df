"""Names and addresses that a call gives in one field do not leave in the free text of another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_contracts import bound

from gateway.body.document import Attributed, Document
from gateway.known import known_in
from gateway.minimise import minimise
from gateway.scrub import Kind, Known

RULES = """
    - why: The driver finds the door.
      at: $.recipient
      fields: {name: person.name, street.*: address.street, country: address.country}
    - why: It is on record that this stays.
      fields: {$.giver: person.name, header:company: person.name}
      form: drop
    - why: Which parcel it is.
      fields: {$.box.name: not_personal, $.shipper_name: not_personal}
    - why: How to find the door.
      fields: {$.note: delivery.note, $.recipient.hint: address.full}
      form: scrub
"""
SCRUBBED = bound(RULES)


def left_of(document: Document, **others: Document) -> Document:
    return minimise(SCRUBBED, {"body": document, **others}).documents["body"]


def test_what_the_contract_calls_a_name_or_a_street_is_taken_out_of_free_text_wherever_it_stands() -> None:
    document: Document = {
        "recipient": {"name": "Zoë Müller", "street": ["Lindenstr. 7", "Hof 2"], "country": "Peru"},
        "giver": "Bo Tanaka",
        "note": "Zoë at Lindenstr. 7, not for TANAKA of Globex; made in Peru",
    }

    left = left_of(document, header={"company": "Globex"})

    assert left == {
        "recipient": {"name": "Zoë Müller", "street": ["Lindenstr. 7", "Hof 2"], "country": "Peru"},
        "note": "<PERSON> at <LOCATION>, not for <PERSON> of <PERSON>; made in Peru",
    }


def test_text_that_is_scrubbed_is_known_from_elsewhere_and_not_from_itself() -> None:
    assert left_of({"note": "Zoë", "recipient": {"hint": "Hinter dem Haus"}}) == {
        "note": "Zoë", "recipient": {"hint": "Hinter dem Haus"},
    }  # fmt: skip


PLACES = [
    ({"user": {"name": "Zoë Müller"}}, Kind.PERSON),
    ({"customer": {"firstName": "Zoë Müller"}}, Kind.PERSON),
    ({"order": {"shipping_address": {"last_name": "Zoë Müller"}}}, Kind.PERSON),
    ({"customer[first_name]": "Zoë Müller"}, Kind.PERSON),
    ({"billing_details": {"name": "Zoë Müller"}}, Kind.PERSON),
    ({"Receiver": {"Name": Attributed("Zoë Müller", {"lang": "de"})}}, Kind.PERSON),
    ({"to": [{"fullName": "Zoë Müller"}]}, Kind.PERSON),
    ({"card": {"holderName": "Zoë Müller"}}, Kind.PERSON),
    ({"address": {"line1": "Zoë Müller"}}, Kind.LOCATION),
    ({"shipping": {"AddressLine2": "Zoë Müller"}}, Kind.LOCATION),
    ({"x": {"StreetLines": ["Zoë Müller"]}}, Kind.LOCATION),
    ({"geo": {"city": "Zoë Müller"}}, Kind.LOCATION),
    ({"postalCode": "Zoë Müller"}, Kind.LOCATION),
]


@pytest.mark.parametrize(("document", "kind"), PLACES, ids=lambda each: str(each)[:60])
def test_what_nobody_names_counts_where_it_is_called_a_name_or_an_address(document: Document, kind: Kind) -> None:
    assert known_in(SCRUBBED.section, {"body": document}) == (Known("Zoë Müller", kind),)
    assert isinstance(document, dict)
    assert left_of({**document, "note": "for Zoë Müller!"}) == {"note": f"for <{kind}>!"}


@pytest.mark.parametrize(
    "document",
    [
        {"sdk": {"name": "Chrome"}},
        {"contexts": {"os": {"name": "Chrome"}}},
        {"name": "Chrome"},
        {"file_name": "Chrome"},
        {"items": [{"name": "Chrome"}]},
        {"user": {"email_address": "Chrome", "ip_address": "Chrome"}},
        {"box": {"name": "Chrome"}, "shipper_name": "Chrome"},
        {"user": {"name": 7, "first_name": "", "last_name": None, "full_name": ["x" * 201]}},
    ],
    ids=str,
)
def test_what_is_called_something_else_does_not_count(document: Document) -> None:
    assert known_in(SCRUBBED.section, {"body": document}) == ()


names = st.text(st.characters(categories=["Lu", "Ll", "Lo"], codec="utf-8"), min_size=3, max_size=12)


@given(names, names, st.text(max_size=20), st.text(max_size=20))
def test_a_name_that_the_call_gives_elsewhere_never_leaves_in_free_text(
    first: str, last: str, before: str, behind: str
) -> None:
    document: Document = {"giver": f"{first} {last}", "note": f"{before} {first} {last} {behind}"}

    left = left_of(document)

    assert isinstance(left, dict)
    assert f" {first} {last} " not in f" {left['note']} "


def test_of_very_many_names_the_first_count() -> None:
    people: Document = {"people": [{"person": {"name": f"Name{number}"}} for number in range(1_000)]}

    assert len(known_in(SCRUBBED.section, {"body": people})) == 256
