"""Whose data a call holds is said at one place, and by one value."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from clearances import SHIP, TERMS, given

from gateway.body.document import Document
from gateway.contract.terms import SAID, Terms
from gateway.errors import Refusal
from gateway.frozen import changed
from gateway.ledger import Subject
from gateway.paths import EACH, Place
from gateway.registry.facts import Mention, Person
from gateway.subjects import Earlier, check_stated, mentioned, order_of
from gateway.vocabulary import SubjectRole

BUYER, RECEIVER, PAYER = SubjectRole.PURCHASER, SubjectRole.CONSIGNEE, SubjectRole.PAYER


class Before:
    """The ledger as this module asks it: people by a number that a vendor gave us, and what it was asked for."""

    def __init__(self, *subjects: Subject) -> None:
        self.subjects = subjects
        self.asked: list[str] = []

    async def __call__(self, number: str) -> Sequence[Subject] | None:
        self.asked.append(number)
        return self.subjects or None


async def asked(
    terms: Terms, documents: Mapping[str, Document], stated: str | None, earlier: Earlier
) -> Sequence[Mention]:
    return await mentioned(terms, documents, order_of(terms, documents), stated, earlier)


def documents(body: Document = None, **path: Document) -> dict[str, Document]:
    return {"body": body, "query": {}, "header": {}, "path": path}


async def test_an_order_is_where_the_contract_says_for_every_role() -> None:
    body: Document = {"reference": "A-1", "to": {"country": "FR"}}

    found = await asked(SHIP, documents(body), None, Before())

    assert found == (Mention(BUYER, order="A-1"), Mention(RECEIVER, order="A-1", jurisdiction="FR"))
    assert order_of(SHIP, documents(body)) == "A-1"


@pytest.mark.parametrize(
    ("value", "read"), [(4711, "4711"), ("", None), (None, None), (True, None), ({"a": 1}, None), (["A-1"], None)]
)
async def test_a_number_is_a_text_or_a_whole_number(value: Document, read: str | None) -> None:
    found = await asked(TERMS["charge"], documents({"customer": value}), None, Before())

    assert found == (Mention(PAYER, ref=read),)


def test_an_order_may_stand_at_any_of_several_places() -> None:
    single, several = Place("body", ("ref", "value")), Place("body", ("ref", EACH, "value"))
    terms = changed(SHIP, orders=(single, several))

    refs: list[Document] = [{"value": "A-1"}, [{"value": "A-1"}], "A-1"]
    found = [order_of(terms, documents({"ref": ref})) for ref in refs]

    assert found == ["A-1", "A-1", None]


def test_of_several_places_the_first_that_names_an_order_counts() -> None:
    terms = changed(SHIP, orders=(Place("body", ("reference",)), Place("body", ("boxes", EACH))))

    found = [order_of(terms, documents({"reference": ref, "boxes": ["A-2"]})) for ref in ("A-1", "", None)]

    assert found == ["A-1", "A-2", "A-2"]


def test_one_place_that_names_two_orders_is_refused() -> None:
    terms = changed(SHIP, orders=(Place("body", ("reference",)), Place("body", ("boxes", EACH))))
    boxes: dict[str, Document] = {"boxes": ["A-1", "A-2"]}

    with pytest.raises(Refusal) as refused:
        order_of(terms, documents(boxes))

    assert refused.value.code == "subject.mismatch"
    assert "A-" not in str(refused.value)
    assert order_of(terms, documents(boxes | {"reference": "A-3"})) == "A-3"


@pytest.mark.parametrize("country", ["de", "XX", "Germany", "EU", 49, None])
async def test_what_is_no_country_says_nothing_about_a_persons_law(country: Document) -> None:
    found = await asked(SHIP, documents({"reference": "A-1", "to": {"country": country}}), None, Before())

    assert [each.jurisdiction for each in found] == [None, None]


async def test_one_place_that_names_several_people_is_refused() -> None:
    [payer] = TERMS["charge"].subjects
    owner = Place("body", ("items", EACH, "owner"))
    terms = changed(TERMS["charge"], subjects=(changed(payer, ref=owner),))

    one = await asked(terms, documents({"items": [{"owner": "c-1"}, {"owner": "c-1"}]}), None, Before())
    with pytest.raises(Refusal) as refused:
        await asked(terms, documents({"items": [{"owner": "c-1"}, {"owner": "c-2"}]}), None, Before())

    assert one == (Mention(PAYER, ref="c-1"),)
    assert refused.value.code == "subject.mismatch"
    assert "c-1" not in refused.value.failures[0].detail


async def test_who_is_not_looked_up_is_whom_the_shop_names() -> None:
    found = await asked(TERMS["report"], documents({"user": {"id": "c-9"}}), "c-1", Before())

    assert found == (Mention(SubjectRole.VISITOR, ref="c-1"),)


async def test_whom_the_shop_names_is_meant_where_the_call_does_not_say() -> None:
    silent = await asked(TERMS["charge"], documents({"customer": None}), "c-1", Before())
    says = await asked(TERMS["charge"], documents({"customer": "c-2"}), "c-1", Before())
    forgotten = await asked(TERMS["refund"], documents(charge="ch_1"), "c-1", Before())

    assert silent == forgotten == (Mention(PAYER, ref="c-1"),)
    assert says == (Mention(PAYER, ref="c-2"),)


async def test_of_several_people_the_shop_names_the_one_whose_contract_says_so() -> None:
    buyer, receiver = SHIP.subjects
    terms = changed(SHIP, subjects=(replace(buyer, order=False, ref=SAID), receiver))

    found = await asked(terms, documents({"reference": "A-1"}), "c-88", Before())

    assert found == (Mention(BUYER, ref="c-88", stated="A-1"), Mention(RECEIVER, order="A-1"))


async def test_of_several_people_the_shop_does_not_say_which_it_names() -> None:
    found = await asked(SHIP, documents({}), "c-1", Before())

    assert found == (Mention(BUYER), Mention(RECEIVER))


async def test_a_number_of_the_vendors_leads_to_the_person_with_the_same_role() -> None:
    before = Before(Subject("c-1", "purchaser", "DE", "A-1"), Subject("c-2", "consignee", "FR", "A-1"))

    [found] = await asked(TERMS["track"], documents(parcel="T-1"), None, before)

    assert found == Mention(RECEIVER, earlier=Person("c-2", RECEIVER, "FR", "A-1"))
    assert before.asked == ["T-1"]


async def test_a_number_of_the_vendors_leads_to_the_only_person_of_that_call() -> None:
    [found] = await asked(TERMS["refund"], documents(charge="ch_1"), None, Before(Subject("c-1", "purchaser", "DE")))

    assert found == Mention(PAYER, earlier=Person("c-1", PAYER, "DE", None))


@pytest.mark.parametrize(
    "before",
    [
        Before(),
        Before(Subject("c-1", "purchaser", "DE"), Subject("c-2", "visitor", "DE")),
        Before(Subject("c-1", "consignee", "DE"), Subject("c-2", "consignee", "DE")),
    ],
    ids=["nobody", "others", "two in this role"],
)
async def test_a_number_that_does_not_lead_to_one_person_leads_to_nobody(before: Before) -> None:
    assert await asked(TERMS["track"], documents(parcel="T-1"), None, before) == (Mention(RECEIVER),)


def test_what_the_shop_says_must_be_what_the_call_says() -> None:
    people = {person.ref for person in given().people.values()}
    check_stated("c-89", people, SHIP)
    check_stated("c-404", set(), SHIP)

    with pytest.raises(Refusal) as refused:
        check_stated("c-404", people, SHIP)

    assert refused.value.code == "subject.mismatch"
    assert "c-404" not in refused.value.failures[0].detail
