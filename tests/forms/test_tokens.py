"""A token takes the place of a value of a person whom the call is known to be about, and comes back as that value."""

from dataclasses import dataclass, field

import pytest
from small_contracts import bound

from gateway.body.document import Document
from gateway.errors import Refusal, Unfit
from gateway.forms.forms import Situation
from gateway.forms.tokens import Lookup, tokenised
from gateway.minimise import minimise
from gateway.vocabulary import Category, SubjectRole

PURCHASER, CONSIGNEE = SubjectRole.PURCHASER, SubjectRole.CONSIGNEE


@dataclass
class Book:
    """Tokens by what they stand for, as a ledger keeps them."""

    given: dict[tuple[str, str, str], str] = field(default_factory=dict)
    gone: bool = False

    def tokenise(self, subject: str, scope: str, value: str) -> str:
        return self.given.setdefault((subject, scope, value), f"psn_{len(self.given):022}")

    def behind(self, scope: str, token: str) -> str | None:
        found = (key for key, given in self.given.items() if given == token and key[1] == scope)
        return next((value for _, _, value in found), None) if not self.gone else None


SENT = """
    - why: The courier tells its customers apart.
      fields: {$.account: account.id, $.order: order.id}
      form: {pseudonymise: token}
"""
BACK = """
    - why: Our own numbers come back.
      fields: {$.account: account.id, $.order: order.id}
      form: restore
"""


def sent(document: Document, situation: Situation, more: str = "") -> Document:
    return minimise(bound(SENT + more), {"body": document}, situation=situation).documents["body"]


def back(document: Document, situation: Situation) -> Document:
    return minimise(bound(BACK), {"body": document}, answer=True, situation=situation).documents["body"]


def test_a_value_leaves_as_a_token_and_comes_back_as_it_was() -> None:
    call = Situation(lookup=Lookup(Book(), "parcels", {PURCHASER: "c-1"}))

    left = sent({"account": "88", "order": 10045}, call)

    assert left == {"account": f"psn_{0:022}", "order": f"psn_{1:022}"}
    assert back(left, call) == {"account": "88", "order": "10045"}
    assert sent({"account": None}, call) == {"account": None}


def test_a_token_of_another_vendor_or_category_a_forged_one_and_one_whose_key_is_gone_stay() -> None:
    book = Book()
    call = Situation(lookup=Lookup(book, "parcels", {PURCHASER: "c-1"}))
    elsewhere = Situation(lookup=Lookup(book, "payments", {PURCHASER: "c-1"}))
    left = sent({"account": "88", "order": "A-1"}, call)
    assert isinstance(left, dict)

    assert back(left, elsewhere) == {}
    assert back({"account": left["order"], "order": left["account"]}, call) == {}
    assert back({"account": "psn_" + "z" * 22, "order": "88"}, call) == {}
    assert back(left, Situation()) == {}
    book.gone = True
    assert back(left, call) == {}


def test_the_token_is_the_person_s_whose_data_it_is() -> None:
    book = Book()
    lookup = Lookup(book, "parcels", {CONSIGNEE: "c-2", PURCHASER: "c-1"})

    tokenised(lookup, Category.ACCOUNT_ID, [PURCHASER])("88")
    tokenised(lookup, Category.ACCOUNT_ID, [SubjectRole.PAYER, CONSIGNEE])("88")

    assert {subject for subject, _, _ in book.given} == {"c-1", "c-2"}


def test_where_nobody_is_known_there_is_no_token_and_nothing_leaves() -> None:
    book = Book()
    nobody = Situation(lookup=Lookup(book, "parcels", {CONSIGNEE: "c-2"}))

    with pytest.raises(Unfit):
        tokenised(None, Category.ACCOUNT_ID, [PURCHASER])("88")
    assert sent({"account": "88"}, nobody) == {}
    with pytest.raises(Refusal) as refused:
        sent({"account": "88"}, nobody, "      required: all\n")

    assert {failure.code for failure in refused.value.failures} == {"subject.unresolved", "field.required"}
    assert book.given == {}
