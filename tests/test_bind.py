"""Rules are joined to what they do before a call comes, and what cannot be joined does not start."""

import pytest
from small_contracts import bound, section

from gateway.bind import bind
from gateway.body.document import Document
from gateway.errors import Refusal
from gateway.jwe import PublicKey, throwaway
from gateway.minimise import minimise

SEALED = """
    - why: Nobody on the way reads the number.
      fields: {$.phone: contact.phone, $.name: person.name}
      form: {encrypt: $ACME_JWE}
    - why: The driver finds the door.
      fields: {$.street: address.street}
"""


def test_rules_that_encrypt_know_the_id_of_their_key_and_others_have_none() -> None:
    asked: list[str] = []

    def public(name: str) -> PublicKey:
        asked.append(name)
        return throwaway()

    joined = bind(section(SEALED), lambda: bytes(32), str, public=public)

    assert dict(joined.key_ids) == {0: throwaway().id, 1: throwaway().id}
    assert set(asked) == {"$ACME_JWE"}


def test_where_there_is_no_public_key_nothing_is_joined() -> None:
    with pytest.raises(ValueError, match="no public key"):
        bound(SEALED)


def test_only_forms_that_depend_on_the_call_are_made_anew_for_each() -> None:
    rules = """
    - why: The SDK follows it to the next page.
      category: not_personal
      fields: [$.id, $.next]
      form: relink
    - why: Shown to the customer.
      category: not_personal
      fields: [$.status]
    """

    assert bound(rules).in_calls.keys() == {0, 1}


LIMITED = """
    - why: The vendor takes so much.
      fields: {$.name: person.name, $.parcel: shipment.tracking}
      max_chars: 5
    - why: A claim is tested all the same.
      fields: {$.kind: not_personal}
      max_chars: 40
    - why: The driver may read it.
      fields: {$.note: delivery.note}
      form: scrub
      max_chars: 20
    - why: Matches returns.
      fields: {$.order: order.id}
      form: {pseudonymise: reversible}
      max_chars: 35
"""


@pytest.mark.parametrize(
    "document",
    [
        {"name": "Zoë", "parcel": 12345, "kind": "x" * 40, "order": "A-10045"},
        {"name": "Zoëée", "parcel": None, "note": "x" * 20},
        {"note": "zoe@example.com"},
    ],
    ids=str,
)
def test_what_the_vendor_takes_leaves(document: Document) -> None:
    assert isinstance(document, dict)
    left = minimise(bound(LIMITED), {"body": document}).documents["body"]

    assert isinstance(left, dict)
    assert left.keys() == document.keys()


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"name": "Zoë Mü"}, "field.length"),
        ({"parcel": 123456}, "field.length"),
        ({"kind": "x" * 41}, "field.length"),
        ({"kind": "zoe@example.com"}, "field.personal"),
        ({"note": "x" * 21}, "field.length"),
        ({"order": "A-100456"}, "field.length"),
    ],
    ids=str,
)
def test_what_is_longer_refuses_the_call(document: Document, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        minimise(bound(LIMITED), {"body": document})

    assert refused.value.code == code
