"""A link leads to a host of ours, over https, and carries no parameter that the contract does not name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_contracts import bound

from gateway.body.document import Document
from gateway.contract.form import Link
from gateway.errors import Refusal, Unfit
from gateway.links import linked
from gateway.minimise import minimise

OURS = linked(Link(("shop.example", "pay.shop.example"), ("order", "session")))


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ("https://shop.example/ok", "https://shop.example/ok"),
        ("https://shop.example", "https://shop.example"),
        ("https://pay.shop.example/", "https://pay.shop.example/"),
        ("HTTPS://Shop.Example:443/Ok", "https://shop.example/Ok"),
        ("https://shop.example/ok?customer=88", "https://shop.example/ok"),
        ("https://shop.example?customer=88&order=7", "https://shop.example?order=7"),
        ("https://shop.example/a?order=%41+b&x=1&order", "https://shop.example/a?order=%41+b&order"),
        (
            "https://shop.example/a?session={CHECKOUT_SESSION_ID}",
            "https://shop.example/a?session={CHECKOUT_SESSION_ID}",
        ),
        ("https://shop.example/a?ORDER=7&orders=7", "https://shop.example/a"),
        ("https://shop.example/a?x=?order=7", "https://shop.example/a"),
        ("https://shop.example//evil.example/@x", "https://shop.example//evil.example/@x"),
    ],
)
def test_of_our_own_address_leaves_what_is_listed(given: str, left: str) -> None:
    assert OURS(given) == left


@pytest.mark.parametrize(
    "given",
    [
        "http://shop.example/ok",
        "https://evil.example/ok",
        "https://shop.example.evil.example/",
        "https://eshop.example/",
        "https://shop.example./",
        "https://shop.example:8443/",
        "https://shop.example:/",
        "https://zoe@shop.example/",
        "https://shop.example@evil.example/",
        "https://evil.example\\@shop.example/",
        "https://shop.example\\.evil.example/",
        "https://shop.example/ok#zoe",
        "https://shop.example/o k",
        "https://shop.example/ok\n",
        " https://shop.example/ok",
        "https:/shop.example/ok",
        "https:///shop.example/ok",
        "//shop.example/ok",
        "/ok",
        "javascript:alert(1)//https://shop.example/",
        "https://shop\uff0eexample/",
        "https://shop.example\u2044evil.example/",
        "",
    ],
)
def test_any_other_address_refuses_the_call(given: str) -> None:
    with pytest.raises(Unfit) as caught:
        OURS(given)

    assert (caught.value.code, caught.value.refuses) == ("field.link", True)


parameters = st.lists(
    st.tuples(st.sampled_from(["order", "session", "customer", "mail"]), st.from_regex(r"[a-z%@]*", fullmatch=True))
)


@given(parameters)
def test_no_parameter_leaves_that_is_not_listed(pairs: list[tuple[str, str]]) -> None:
    query = "&".join(f"{name}={value}" for name, value in pairs)

    left = OURS(f"https://shop.example/?{query}")

    assert "customer" not in left
    assert "mail=" not in left
    assert OURS(left) == left


RULES = """
    - why: Where the buyer comes back to.
      category: not_personal
      fields: [$.back]
      form: {link: {hosts: [shop.example]}}
"""


def test_a_link_that_leads_elsewhere_refuses_the_call_and_an_answer_goes_without_it() -> None:
    document: Document = {"back": "https://evil.example/?mail=zoe@example.com"}

    with pytest.raises(Refusal) as caught:
        minimise(bound(RULES), {"body": document})

    assert [(failure.code, failure.detail) for failure in caught.value.failures] == [("field.link", "$.back")]
    assert minimise(bound(RULES), {"body": document}, answer=True).documents["body"] == {}


def test_a_link_that_is_null_or_ours_leaves() -> None:
    for value, left in ((None, None), ("https://shop.example/a?b=c", "https://shop.example/a")):
        assert minimise(bound(RULES), {"body": {"back": value}}).documents["body"] == {"back": left}
