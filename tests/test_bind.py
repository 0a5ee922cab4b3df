"""Rules are joined to what they do before a call comes, and what cannot be joined does not start."""

import pytest
from small_contracts import bound, section

from gateway.bind import bind
from gateway.jwe import PublicKey, throwaway

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
