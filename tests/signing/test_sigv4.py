"""The vectors that Amazon has published, and the sendings of a gateway."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.frozen import changed
from gateway.outbound.send import Sending
from gateway.signing.signer import Moment, signed, unsigned
from gateway.signing.sigv4 import SigV4, canonical_query

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "sigv4.json").read_text("utf-8"))
SIGNER = SigV4("AKIDEXAMPLE", "secret", "eu-central-1", "execute-api", "session")
NOON = Moment(datetime(2026, 11, 22, 12, tzinfo=UTC), "0" * 32)
SENDING = Sending("POST", "/v1/things?b=2&a=1", (("content-type", "application/json"), ("accept", "*/*")), b'{"a":1}')
HOST = "api.vendor.example"
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def published() -> Iterator[Any]:
    for part in VECTORS.values():
        for request in part["requests"]:
            yield pytest.param(part["signed_by"], request, id=request["name"])


@pytest.mark.parametrize(("who", "request_"), list(published()))
def test_a_published_request_has_its_published_signature(who: dict[str, str], request_: dict[str, Any]) -> None:
    signer = SigV4(who["access_key"], who["secret"], who["region"], who["service"])
    sending = Sending(
        request_["method"],
        request_["target"],
        tuple((name, value) for name, value in request_["headers"]),
        request_["body"].encode(),
    )

    left = signer.sign(sending, who["host"], Moment(datetime.fromisoformat(who["time"]), ""))

    assert dict(left.headers)["authorization"].endswith(f"Signature={request_['signature']}")


def test_there_are_as_many_vectors_as_were_written_down() -> None:
    assert [len(part["requests"]) for part in VECTORS.values()] == [19, 4]


def test_what_leaves_is_signed_with_its_host_its_time_and_every_header_of_its_own() -> None:
    left = signed(SIGNER, SENDING, HOST, NOON)

    headers = dict(left.headers)
    assert headers["x-amz-date"] == "20261122T120000Z"
    assert headers["x-amz-security-token"] == "session"
    scope = "Credential=AKIDEXAMPLE/20261122/eu-central-1/execute-api/aws4_request"
    names = "SignedHeaders=accept;content-type;host;x-amz-date;x-amz-security-token"
    assert headers["authorization"].startswith(f"AWS4-HMAC-SHA256 {scope}, {names}, Signature=")
    assert unsigned(SIGNER, left) == SENDING


@pytest.mark.parametrize(
    "changed",
    [
        changed(SENDING, body=b'{"a":2}'),
        changed(SENDING, method="PUT"),
        changed(SENDING, target="/v1/things?b=2&a=2"),
        changed(SENDING, target="/v1/thing?b=2&a=1"),
        changed(SENDING, headers=(("content-type", "application/json"), ("accept", "text/plain"))),
    ],
    ids=["the body", "the method", "the query", "the path", "a header"],
)
def test_a_signature_is_over_everything_that_leaves(changed: Sending) -> None:
    assert proof(changed) != proof(SENDING)
    assert proof(SENDING, "other.vendor.example") != proof(SENDING)


def proof(sending: Sending, host: str = HOST) -> str:
    return dict(SIGNER.sign(sending, host, NOON).headers)["authorization"]


def test_a_key_is_never_shown() -> None:
    assert "secret" not in repr(SIGNER)
    assert "session" not in repr(SIGNER)


def test_a_space_is_one_escape_however_it_was_written() -> None:
    assert canonical_query("b=x+y&a=x%20y&c") == "a=x%20y&b=x%20y&c="


@given(st.lists(st.tuples(NAMES, NAMES)))
def test_the_order_of_a_query_makes_no_difference(pairs: list[tuple[str, str]]) -> None:
    assert canonical_query(urlencode(pairs)) == canonical_query(urlencode(pairs[::-1]))
