"""Bytes that nobody can look into leave whole, byte for byte, or not at all."""

import pytest
from bodies import operation
from hypothesis import given
from hypothesis import strategies as st
from stores_in_memory import away

from gateway.body.opaque import Opaque
from gateway.contract.terms import Node
from gateway.errors import Refusal
from gateway.pieces import Pieces

CODEC, TREE = Opaque(), Node("$")
PDF = ("content-type", "application/pdf")
LABEL = b"%PDF-1.7\n" + bytes(range(256)) + b"\r\n\r\nZoe M\xc3\xbcller\n"
SCAN = """
body: opaque
media: [application/pdf, image/png]
max_bytes: 1 KiB
groups:
  - why: Customs asks to see the invoice.
    fields: {$: order.declared_value}
"""
ATTACH = operation(SCAN, SCAN.replace("order.declared_value", "address.full"))


@given(st.binary(max_size=500))
def test_bytes_are_written_as_they_were_read(data: bytes) -> None:
    document = CODEC.read(data, TREE)

    made = CODEC.write(document, document)

    assert made == data
    assert CODEC.holds(made, document, document, TREE)


@given(st.binary(min_size=1, max_size=50), st.binary(min_size=1, max_size=50))
def test_other_bytes_are_never_proved(data: bytes, other: bytes) -> None:
    document, source = CODEC.read(data, TREE), CODEC.read(other, TREE)

    assert CODEC.holds(other, document, document, TREE) == (data == other)
    assert CODEC.holds(data, document, source, TREE) == (data == other)


@pytest.mark.parametrize(("data", "document"), [(b"a", {}), (b"", "a"), (b"a", {"a": "b"}), (b"", ["a"]), (b"1", 1)])
def test_nothing_is_proved_where_nothing_may_leave(data: bytes, document: dict[str, object]) -> None:
    assert not CODEC.holds(data, document, LABEL.decode("latin-1"), TREE)  # type: ignore[arg-type]


async def test_an_opaque_body_leaves_byte_for_byte_with_its_type() -> None:
    sending, outgoing = await ATTACH.sent(LABEL, PDF)

    assert sending.payload == LABEL
    assert dict(sending.headers)["content-type"] == "application/pdf"
    assert outgoing.withheld == {}


@pytest.mark.parametrize("media", ["application/json", "text/html", "application/octet-stream"])
async def test_an_opaque_body_of_another_type_is_refused(media: str) -> None:
    with pytest.raises(Refusal) as refused:
        await ATTACH.sent(LABEL, ("content-type", media))

    assert refused.value.code == "body.media"


async def test_an_opaque_body_longer_than_its_contract_says_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        await ATTACH.sent(bytes(1025), PDF)

    assert refused.value.code == "body.too_large"


async def test_a_token_in_an_opaque_body_keeps_all_of_it_here() -> None:
    with pytest.raises(Refusal) as refused:
        await ATTACH.sent(LABEL + b"gtw-token-1", PDF)

    assert refused.value.code == "body.empty"


async def test_that_there_is_no_body_is_no_disclosure() -> None:
    sending, outgoing = await ATTACH.sent(b"")

    assert sending.payload == b""
    assert sum(outgoing.counts) == 1  # the parcel in the path


def test_an_opaque_answer_comes_back_byte_for_byte() -> None:
    back = ATTACH.back(200, LABEL, PDF)

    assert (back.payload, back.media) == (LABEL, "application/pdf")


@pytest.mark.parametrize(
    ("payload", "media"),
    [(LABEL, "text/html"), (bytes(1025), "application/pdf"), (LABEL + b"k-acme-93847", "application/pdf")],
    ids=["another type", "too long", "the vendor's key in it"],
)
def test_an_answer_that_is_not_what_the_contract_says_stays(payload: bytes, media: str) -> None:
    assert ATTACH.back(200, payload, ("content-type", media)).payload == b""


def test_an_error_is_not_opaque_because_the_answer_is() -> None:
    assert b"Zoe" not in ATTACH.back(500, LABEL, PDF).payload


@given(st.binary(max_size=500))
def test_bytes_that_are_not_in_memory_stay_where_they_stand(data: bytes) -> None:
    payload = away(data)
    document = CODEC.read(payload, TREE)

    made = CODEC.write(document, document)

    assert made is payload
    assert CODEC.holds(made, document, document, TREE)
    assert not CODEC.holds(away(data + b"x"), document, document, TREE)
    assert not CODEC.holds(made, "another text", document, TREE)
    assert not CODEC.holds(made, {}, document, TREE) or not data


async def test_a_long_body_leaves_as_from_memory_and_the_token_in_it_keeps_it_here() -> None:
    sending, outgoing = await ATTACH.sent_from_elsewhere(LABEL, PDF)

    assert isinstance(sending.body, Pieces)
    assert sending.payload == LABEL
    assert outgoing.withheld == {}
    with pytest.raises(Refusal) as refused:
        await ATTACH.sent_from_elsewhere(LABEL + b"gtw-token-1", PDF)
    assert refused.value.code == "body.empty"
