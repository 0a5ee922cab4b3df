"""What counts as a signature that a caller made, and, as much, what does not."""

import json
from base64 import b64encode
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import pytest
from small_contracts import section

from gateway.body.codecs import CODECS, FORM
from gateway.contract.terms import Node, Section
from gateway.signing.incoming import is_signing, signed_places, without

DIGEST = sha256(b"x")
B64 = b64encode(DIGEST.digest()).decode()
GROUP = """\
- why: It is under test here.
  category: not_personal
  fields: [$.amount, query:method, header:X-Client]
"""
AWS = f"AWS4-HMAC-SHA256 Credential=A/20261122/eu/s3/aws4_request, SignedHeaders=host, Signature={DIGEST.hexdigest()}"


def places(
    *headers: tuple[str, str], query: str = "", body: bytes = b"", kind: str = "json", named: str = GROUP
) -> list[str]:
    read = section(named, body=kind)
    documents = {
        "header": dict(headers),
        "query": FORM.read(query.encode(), read.trees["query"]),
        "body": CODECS[kind].read(body, read.trees["body"]) if body else {},
    }
    return list(signed_places(headers, documents, read.trees, xml=kind == "xml"))


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        ("authorization", AWS, "header:authorization"),
        ("authorization", 'WECHATPAY2-SHA256-RSA2048 mchid="1",signature="eA=="', "header:authorization"),
        ("authorization", "TC3-HMAC-SHA256 Credential=a, Signature=b", "header:authorization"),
        ("authorization", 'Signature keyId="a",signature="b"', "header:authorization"),
        ("authorization", 'OAuth oauth_consumer_key="a",oauth_signature="b"', "header:authorization"),
        ("authorization", "AWS AKID:c2lnbmVk", "header:authorization"),
        ("authorization", "SharedKeyLite account:c2lnbmVk", "header:authorization"),
        ("authorization", "hmac username=a, algorithm=b", "header:authorization"),
        ("x-signature", "abc", "header:x-signature"),
        ("signature", "sig1=:abc:", "header:signature"),
        ("signature-input", 'sig1=("@method")', "header:*signature"),
        ("x-hub-signature-256", "sha256=abc", "header:*signature"),
        ("x-acme-hmac-sha256", "abc", "header:*signature"),
        ("content-hmac", "sha256 abc", "header:*signature"),
        ("hmacsignature", "abc", "header:*signature"),
        ("wechatpay-signature", "abc", "header:*signature"),
        ("x-sign", "abc", "header:*signature"),
        ("digest", "SHA-256=abc", "header:digest"),
        ("content-digest", "sha-256=:abc:", "header:content-digest"),
        ("content-md5", "abc", "header:content-md5"),
    ],
)
def test_a_header_that_signs_is_found(name: str, value: str, place: str) -> None:
    assert places((name, value)) == [place]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("authorization", "Bearer eyJhbGciOi.e30.c2lnbmF0dXJl"),
        ("authorization", "Basic c2lnbmF0dXJlOng="),
        ("authorization", "Sentry sentry_key=abc, sentry_version=7"),
        ("authorization", "Universal token"),
        ("x-signature-required", "true"),
        ("x-design", "blue"),
        ("x-zodiac-sign", "leo"),
        ("x-client", AWS),
        ("idempotency-key", DIGEST.hexdigest()),
        ("etag", B64),
    ],
)
def test_a_header_that_does_not_sign_is_left_alone(name: str, value: str) -> None:
    assert places((name, value)) == []


@pytest.mark.parametrize(
    ("pairs", "name"),
    [
        ({"sign": "x", "sign_type": "RSA2"}, "sign"),
        ({"sign": B64}, "sign"),
        ({"sign": DIGEST.hexdigest()}, "sign"),
        ({"Sign": "5D41402ABC4B2A76B9719D911017C592"}, "sign"),
        ({"X-Amz-Signature": "x"}, "x-amz-signature"),
        ({"oauth_signature": "x"}, "oauth_signature"),
        ({"Signature": "x", "SignatureMethod": "HmacSHA256"}, "signature"),
    ],
    ids=["with its type", "base64", "hexadecimal", "as MD5", "of AWS", "of OAuth", "with its method"],
)
@pytest.mark.parametrize("kind", ["query", "form"])
def test_a_parameter_that_signs_is_found(pairs: dict[str, str], name: str, kind: str) -> None:
    text = urlencode({"method": "pay", **pairs})

    found = places(query=text) if kind == "query" else places(body=text.encode(), kind="form")

    assert found == [f"query:{name}" if kind == "query" else f"$.{name}"]


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"amount": 1, "sign": B64}, ["$.sign"]),
        ({"amount": 1, "sign": "x", "sign_type": "MD5"}, ["$.sign"]),
        ({"payload": "eyJ9", "protected": "eyJ9", "signature": "abc"}, ["$.signature"]),
        ({"payload": "eyJ9", "signatures": [{"signature": "abc"}]}, ["$.signatures"]),
        ({"xml": {"amount": 1, "sign": "5D41402ABC4B2A76B9719D911017C592"}}, ["$.*.sign"]),
        ({"sign": "leo", "birth": "1990-08-01"}, []),
        ({"signature": "REQUIRED"}, []),
        ({"signature": b64encode(b"a picture of a signature" * 9).decode()}, []),
        ({"sign": True}, []),
        ({"sign": {"sign": B64}, "a": 1}, []),
        ({"parcel": {"sign": B64}, "a": 1}, []),
        ({"sign_type": "RSA2"}, []),
        ([{"sign": B64}], []),
        ("text", []),
    ],
)
def test_a_document_that_signs_itself_is_found_and_no_other(document: Any, found: list[str]) -> None:
    assert places(body=json.dumps(document).encode()) == found


XML = GROUP.replace("$.amount", "$.Order.Amount")
SIGNED = b"""<Order><Amount>1</Amount><a><ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo/>
</ds:Signature></a></Order>"""


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (SIGNED, ["$ (XML Signature)"]),
        (b"<Order><Amount>1</Amount><Signature>adult</Signature></Order>", []),
        (b"<Order><Amount>1</Amount><sign>5D41402ABC4B2A76B9719D911017C592</sign></Order>", ["$.*.sign"]),
        (b"<Order><a><b/><b/></a></Order>", []),
    ],
    ids=["XML Signature", "an element of that name", "a sign below the top", "lists"],
)
def test_xml_that_signs_itself_is_found_and_no_other(body: bytes, found: list[str]) -> None:
    assert places(body=body, kind="xml", named=XML) == found


def test_what_the_contract_names_is_a_value_and_no_signature() -> None:
    named = GROUP.replace("$.amount", "$.sign").replace("query:method", "query:sign")

    assert places(query=f"sign={DIGEST.hexdigest()}", body=json.dumps({"sign": B64}).encode(), named=named) == []


def read(named: str = GROUP) -> tuple[dict[str, Any], Section]:
    made = section(named, body="form")
    sent = urlencode({"amount": "1", "sign": B64, "sign_type": "RSA2"}).encode()
    documents: dict[str, Any] = {
        "header": {"x-client": "a", "x-time": "1", "x-hub-signature": "b", "authorization": AWS, "digest": "c"},
        "query": FORM.read(b"method=a&sign=b&page=1", made.trees["query"]),
        "body": FORM.read(sent, made.trees["body"]),
        "path": {"sign": "kept"},
    }
    return documents, made


def test_of_what_a_caller_signed_with_nothing_is_left_and_of_the_rest_everything() -> None:
    documents, made = read()

    left = without(documents, frozenset({"x-time"}), ("sign", "sign_type"), made.trees)

    assert left["header"] == {"x-client": "a"}
    assert left["query"] == {"method": "a", "page": "1"}
    assert left["body"] == {"amount": "1"}
    assert left["path"] == {"sign": "kept"}


def test_a_parameter_that_the_contract_names_stays_what_it_is() -> None:
    documents, made = read(GROUP.replace("$.amount", "$.sign_type"))

    left = without(documents, frozenset(), ("sign", "sign_type"), made.trees)

    assert left["body"] == {"amount": "1", "sign_type": "RSA2"}


def test_a_body_that_is_no_object_is_left_as_it_is() -> None:
    documents: dict[str, Any] = {"header": {}, "query": {}, "body": ["sign"]}

    assert without(documents, frozenset(), ("sign",), {"query": Node(""), "body": Node("$")}) == documents


def test_only_authorization_signs_by_what_it_says() -> None:
    assert is_signing("authorization", AWS)
    assert not is_signing("x-other", AWS)
