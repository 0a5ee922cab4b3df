"""A link of the vendor leads through the gateway, and a link to anybody else stays here."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_contracts import bound

from gateway.body.document import Document
from gateway.errors import Unfit
from gateway.forms.forms import Situation
from gateway.forms.relinks import Door, Way, relinked
from gateway.minimise import minimise

DOORS = (
    Door("acme", "127.0.0.1", 9001, "/v2"),
    Door("acme", "api.acme.example", 443, "/v2"),
    Door("acme-files", "files.acme.example", 8443, ""),
    Door("acme-old", "api.acme.example", 443, ""),
)
WAY = Way("http://gateway.test:8080", "/acme", DOORS)
LED = relinked(WAY)


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ("https://api.acme.example/v2/parcels?page=2", "http://gateway.test:8080/acme/parcels?page=2"),
        ("https://api.acme.example/v2/parcels?page[after]=a%2Fb&x=", "http://gateway.test:8080/acme/parcels?page[after]=a%2Fb&x="),
        ("HTTPS://API.Acme.Example:443/v2/Parcels", "http://gateway.test:8080/acme/Parcels"),
        ("http://api.acme.example/v2/parcels", "http://gateway.test:8080/acme/parcels"),
        ("//api.acme.example/v2/parcels", "http://gateway.test:8080/acme/parcels"),
        ("http://127.0.0.1:9001/v2/parcels", "http://gateway.test:8080/acme/parcels"),
        ("https://api.acme.example/v2", "http://gateway.test:8080/acme"),
        ("https://api.acme.example/v20/parcels", "http://gateway.test:8080/acme-old/v20/parcels"),
        ("https://files.acme.example:8443/f/1", "http://gateway.test:8080/acme-files/f/1"),
        ("https://api.acme.example/v2/a#part", "http://gateway.test:8080/acme/a"),
        ("/v2/parcels?page=2", "/acme/parcels?page=2"),
        ("/v2", "/acme"),
        ("/parcels?page=2", "/acme/parcels?page=2"),
        ("/v20/parcels", "/acme/v20/parcels"),
        ("?page=2", "?page=2"),
    ],
)  # fmt: skip
def test_a_link_of_the_vendor_leads_through_the_gateway(given: str, left: str) -> None:
    assert LED(given) == left


@pytest.mark.parametrize(
    "given",
    [
        "https://evil.example/v2/parcels",
        "https://api.acme.example.evil.example/v2/",
        "https://api.acme.example./v2/",
        "https://api.acme.example:8443/v2/",
        "https://files.acme.example/f/1",
        "https://zoe@api.acme.example/v2/",
        "https://api.acme.example@evil.example/v2/",
        "https://evil.example\\@api.acme.example/v2/",
        "https://evil.example/?u=https://api.acme.example/v2/",
        "https://api.acme.example/v2/../admin",
        "https://api.acme.example/v2/%2e%2E/admin",
        "https://api.acme.example/v2/a b",
        "https://api.acme.example/v2/\n",
        "ftp://api.acme.example/v2/",
        "javascript:alert(1)//api.acme.example/v2/",
        "https:///v2/parcels",
        "https:/v2/parcels",
        "https://api.acme.example/v2//evil.example",
        "///evil.example/v2",
        "parcels?page=2",
        "Zoe",
        "#part",
        "",
    ],
)
def test_what_is_no_link_of_the_vendor_stays(given: str) -> None:
    with pytest.raises(Unfit) as caught:
        LED(given)

    assert (caught.value.code, caught.value.refuses) == ("field.link", False)


@given(st.text(st.characters(codec="ascii"), max_size=60))
def test_whatever_comes_back_leads_to_the_gateway(text: str) -> None:
    for link in (text, f"https://api.acme.example/v2{text}", f"https://api.acme.example{text}/v2/a", f"//{text}/v2/a"):
        try:
            left = LED(link)
        except Unfit:
            continue
        parts = urlsplit(left)
        assert f"{parts.scheme}://{parts.netloc}" in (WAY.origin, "://")
        assert parts.path == "" or parts.path.startswith("/acme")


RULES = """
    - why: The SDK follows it to the next page.
      category: not_personal
      fields: [$.next, header:location]
      form: relink
"""


def test_of_an_answer_stays_what_leads_elsewhere_and_null_comes_back() -> None:
    documents: dict[str, Document] = {"body": {"next": None}, "header": {"location": "https://evil.example/"}}

    result = minimise(bound(RULES), documents, answer=True, situation=Situation(WAY))

    assert result.documents == {"body": {"next": None}, "header": {}}
    assert {str(each): each.reason for each in result.withheld} == {"header:location": "field.link"}


def test_where_nothing_is_known_of_the_call_no_link_comes_back() -> None:
    with pytest.raises(Unfit):
        relinked(None)("https://api.acme.example/v2/parcels")

    result = minimise(bound(RULES), {"body": {"next": "/v2/parcels"}}, answer=True)

    assert result.documents["body"] == {}
