"""A link leads to a host of ours, over https, and carries no parameter that the contract does not name."""

import json
from typing import Any, cast

import pytest
from bodies import operation
from hypothesis import given
from hypothesis import strategies as st
from small_contracts import bound

from gateway.body.document import Document
from gateway.contract.form import Link
from gateway.errors import Refusal, Unfit
from gateway.forms.links import leads_elsewhere, linked, may_lead
from gateway.minimise import minimise
from gateway.pieces import whole

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


LISTED = frozenset(
    {"https://shop.example", "http://cdn.shop.example:8080", "shopapp://paid", "http://ns.example/v1/do"}
)


@pytest.mark.parametrize(
    "text",
    [
        "https://shop.example",
        "https://shop.example/a?b=c#d",
        "https://SHOP.example:443/",
        "//shop.example/logo.png",
        "http://cdn.shop.example:8080/x.js",
        "shopapp://paid?order=7",
        "http://ns.example/v1/do",
        "https://shop.example/schema shop.xsd",
        "https://shop.example/?next=https://evil.example/",
        # What begins with no address.
        "",
        "See https://evil.example/",
        "12:30",
        "C:\\srv\\shop",
        "a//b",
        "// a comment",
        "// evil.example",
        "app:///main.js",
        "file:///srv/shop.py",
        "urn:uuid:7",
        "shop.example",
        "mailto:help",
        "HTTP: refused",
        "TypeError: https://evil.example/",
    ],
)
def test_an_address_of_a_listed_host_is_one_that_may_leave(text: str) -> None:
    assert not leads_elsewhere(text, LISTED)


@pytest.mark.parametrize(
    "text",
    [
        "https://evil.example",
        "HTTPS://EVIL.example/",
        "//evil.example/x",
        "///evil.example",
        "\\\\evil.example",
        "/\\evil.example/",
        "https:evil.example",
        "https:/evil.example/",
        "https:\\\\evil.example",
        " \thttps://evil.example/",
        "\u200bhttps://evil.example/",
        "\u3000//evil.example",
        "ht\ntps://evil.example/",
        "https://evil\u200b.example/",
        "https://shop.ex\u200bample/",
        "jdbc:postgresql://db.evil.example/x",
        "blob:https://evil.example/7",
        "ftp://evil.example",
        "javascript://evil.example/%0aalert(1)",
        "http://shop.example/",
        "https://shop.example:8443/",
        "https://shop.example.evil.example/",
        "https://shop.example./",
        "https://eshop.example/",
        "https://zoe@shop.example/",
        "https://shop.example@evil.example/",
        "https://shop.example\\@evil.example/",
        "https://shop.example\\.evil.example/",
        "https://shop.example;evil.example/",
        "https://shop.example,https://evil.example",
        "https://shop.example/,https://evil.example",
        "https://shop.example/ https://evil.example/",
        "https://shop\uff0eexample/",
        "https://[::1]/",
        "https://0x7f.1/",
        "http://ns.example/v1/do/more",
        "https://evil.example/ is slow",
    ],
)
def test_any_other_address_is_one_that_stays(text: str) -> None:
    assert leads_elsewhere(text, LISTED)


@given(st.text(max_size=40))
def test_what_has_no_sign_of_an_address_is_none(text: str) -> None:
    assert may_lead(text) or not leads_elsewhere(text, ())


ANY_NAME = """\
body: json
urls: [shop.example]
groups:
  - why: What is named leaves.
    category: parcel.measure
    fields: [$.size, $.list.*, query:size, header:x-size]
  - why: It is cut.
    category: parcel.measure
    fields: [$.cut]
    form: {truncate: 24}
  - why: It is coarse.
    category: parcel.measure
    fields: [$.page]
    form: {generalise: url}
  - why: Its beginning is seen.
    category: parcel.measure
    fields: [$.begin]
    form: {mask: {keep_first: 20}}
  - why: It is free text.
    category: parcel.measure
    fields: [$.note]
    form: scrub
  - why: It is needed.
    category: not_personal
    fields: [$.needed]
    required: all
"""
EVIL, OURS_TOO = "https://evil.example/take?this", "https://shop.example/logo"


async def _left(document: Document) -> tuple[Any, set[str]]:
    payload = json.dumps({"needed": "x"} | cast("dict[str, Document]", document)).encode()
    sending, outgoing = await operation(ANY_NAME).sent(payload, ("content-type", "application/json"), ("x-size", EVIL))
    assert "x-size" not in dict(sending.headers)
    stays = {str(each) for each in outgoing.withheld if each.reason == "field.link"}
    return json.loads(whole(sending.body)), stays


@pytest.mark.parametrize("name", ["size", "cut", "page", "begin"])
async def test_an_address_stays_in_whatever_field_and_form_it_would_leave(name: str) -> None:
    left, stays = await _left({name: EVIL})

    assert left == {"needed": "x"}
    assert stays == {f"$.{name}", "header:x-size"}


async def test_an_address_of_a_listed_host_leaves_and_so_does_other_text() -> None:
    named: Document = {"size": OURS_TOO, "list": [OURS_TOO, "M"], "page": f"{OURS_TOO}?q=1", "note": OURS_TOO}

    left, stays = await _left(named)

    assert left == {"needed": "x"} | cast("dict[str, Document]", named) | {"page": OURS_TOO}
    assert stays == {"header:x-size"}


async def test_in_a_list_the_others_keep_their_places() -> None:
    left, _ = await _left({"list": ["M", "//evil.example/", "L"]})

    assert left["list"] == ["M", {}, "L"]


async def test_of_free_text_the_address_with_which_it_begins_is_cut() -> None:
    left, stays = await _left({"note": "https://evil.example/take was slow"})

    assert left["note"] == "<URL> was slow"
    assert stays == {"header:x-size"}


async def test_a_required_field_that_leads_elsewhere_refuses_the_call() -> None:
    with pytest.raises(Refusal) as caught:
        await _left({"needed": EVIL})

    assert [(failure.code, failure.detail) for failure in caught.value.failures] == [("field.link", "$.needed")]


async def test_without_a_list_no_address_leaves() -> None:
    bare = operation(ANY_NAME.replace("urls: [shop.example]\n", ""))

    _, outgoing = await bare.sent(
        json.dumps({"needed": "x", "size": OURS_TOO}).encode(), ("content-type", "application/json")
    )

    assert "$.size" in {str(each) for each in outgoing.withheld if each.reason == "field.link"}


async def test_what_comes_back_may_lead_anywhere_but_a_location() -> None:
    answer = "body: json\ngroups:\n  - why: It is shown.\n    category: not_personal\n    fields: [$.url]\n"

    back = operation("body: none\ngroups:\n", answer).back(
        200, json.dumps({"url": EVIL}).encode(), ("content-type", "application/json")
    )

    assert json.loads(back.payload) == {"url": EVIL}


async def test_a_walk_that_does_not_look_for_addresses_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.minimise.leads_elsewhere", lambda *_: False)

    payload = json.dumps({"needed": "x", "size": EVIL}).encode()
    sending, _ = await operation(ANY_NAME).sent(payload, ("content-type", "application/json"))

    assert json.loads(whole(sending.body))["size"] == EVIL
