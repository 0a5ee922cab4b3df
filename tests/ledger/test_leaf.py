"""A leaf is the same bytes for ever, for everybody, and says nothing about anybody."""

import hashlib
import itertools
import json
from base64 import b64decode, b64encode
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from leaf_vectors import CONSIGNEE, DATA, EVENTS, Vector, vectors
from ledger_fakes import PURCHASER, Repeating, shipment

from gateway.errors import Refusal
from gateway.ledger import Outcome, Refused
from gateway.ledger.canonical import Blank, Json, Noise, canonical, commitment, uuid7, uuid7_floor
from gateway.ledger.entry import Stamp, leaf
from gateway.ledger.keys import Keys
from gateway.ledger.sealing import PAYLOAD, SUBJECT

COMMITTED: list[Vector] = json.loads((Path(__file__).parents[1] / "vectors" / "leaf-v1.json").read_bytes())
BY_NAME = {vector["name"]: vector for vector in COMMITTED}

scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text()
names = st.text(st.characters(max_codepoint=127))
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=20,
)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys.open(tmp_path)


@given(document=documents)
def test_canonical_bytes_are_those_of_rfc_8785(document: Json) -> None:
    body = canonical(document)

    assert body == rfc8785.dumps(document)


@given(members=st.dictionaries(names, documents, min_size=1, max_size=5), data=st.data())
def test_an_object_with_members_still_to_come_is_filled_to_the_byte(
    members: dict[str, Json], data: st.DataObject
) -> None:
    own = {name: members[name] for name in data.draw(st.sets(st.sampled_from(sorted(members))))}
    blank = Blank({name: member for name, member in members.items() if name not in own}, own)

    assert blank.filled(own) == rfc8785.dumps(members)


@pytest.mark.parametrize("member", [1.0, 2**53, "\ud800", {"ö": 1}, b"", "x" * 65_535])
def test_what_has_no_canonical_form_fills_nothing(member: Json) -> None:
    with pytest.raises(Refusal) as refused:
        Blank({"v": 1}, ["it"]).filled({"it": member})

    assert refused.value.code == "ledger.unavailable"


def test_the_leaves_of_one_manner_are_those_of_their_members() -> None:
    """Also where the writer is another, or the manner is another at the place of one that is gone."""
    for node, entity in itertools.product(["n1", "n2"], ["shop-eu", "shop-uk"]):
        stamp, intent = Stamp("0" * 32, "shop", 1, 2, "b", node, 3), shipment("1" * 32, entity=entity)
        written_by: dict[str, Json] = {"v": 1, "kind": "intent", "log": "shop", "boot": "b", "node": node, "epoch": 3}
        moment: dict[str, Json] = {"id": stamp.id, "ts": 1, "mono": 2}

        assert leaf(intent, stamp, {}) == canonical({**written_by, **moment, **intent.members()})


@pytest.mark.parametrize(
    "document",
    [
        {"n": 1.0},
        {"n": float("nan")},
        {"n": 2**53},
        {"n": [[{"m": -(2**53)}]]},
        {"ö": 1},
        {1: 1},
        {"text": "\ud800"},
        {"raw": b"\x00"},
        {"set": {1}},
        {"text": "x" * 65_535},
    ],
    ids=["fraction", "nan", "large", "small", "key", "number as key", "surrogate", "bytes", "set", "long"],
)
def test_what_has_no_canonical_form_is_refused_without_being_quoted(document: Json) -> None:
    with pytest.raises(Refusal) as refused:
        canonical(document)

    assert refused.value.code == "ledger.unavailable"
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_the_longest_body_that_is_allowed_is_written() -> None:
    body = canonical("x" * 65_533)

    assert len(body) == 65_535


def test_every_committed_leaf_is_still_built_to_the_byte(keys: Keys) -> None:
    built = vectors(keys)

    assert built == COMMITTED


@pytest.mark.parametrize("vector", COMMITTED, ids=list(BY_NAME))
def test_every_committed_leaf_is_recomputed_without_our_code(vector: Vector) -> None:
    body = rfc8785.dumps(vector["event"])  # type: ignore[arg-type]

    assert body == b64decode(vector["body"])
    assert hashlib.sha256(b"\x00" + body).hexdigest() == vector["leaf_hash"]


def test_every_kind_has_a_committed_leaf() -> None:
    kinds = {vector["event"]["kind"] for vector in COMMITTED}

    assert kinds == {event.kind for event, *_ in EVENTS.values()}
    assert len(kinds) == 21


def test_the_commitments_of_a_leaf_open_with_their_salts() -> None:
    noise = Repeating()
    payload_salt, _ = noise(32), noise(32)
    data = [b'{"jurisdiction":"DE","order":"order-4815","ref":"customer-48151623","role":"purchaser"}']
    data.append(b'{"jurisdiction":"FR","ref":"guest-2342","role":"consignee"}')
    commitments = []
    for each in data:
        salt, _ = noise(32), noise(12)
        commitments.append(hashlib.sha256(b"\x02subject/1" + salt + each).digest())
    left, right = (hashlib.sha256(b"\x00" + each).digest() for each in commitments)

    event = json.dumps(BY_NAME["intent with two subjects"]["event"])

    assert b64encode(hashlib.sha256(b"\x01" + left + right).digest()).decode() in event
    assert b64encode(hashlib.sha256(b"\x02payload/1" + payload_salt + DATA).digest()).decode() in event


def test_no_leaf_has_a_reference_a_token_or_an_order(keys: Keys) -> None:
    bodies = [b64decode(vector["body"]) for vector in vectors(keys)]

    for subject in (PURCHASER, CONSIGNEE):
        for secret in (subject.ref.encode(), keys.token(subject.ref), keys.token(subject.ref).hex().encode()):
            assert not any(secret in body for body in bodies)
    assert not any(b"order-4815" in body for body in bodies)


def test_no_domain_of_a_commitment_begins_another() -> None:
    assert not SUBJECT.startswith(PAYLOAD)
    assert not PAYLOAD.startswith(SUBJECT)


def test_a_commitment_says_nothing_without_its_salt() -> None:
    first = commitment(SUBJECT, b"\x00" * 32, b"Ann")
    second = commitment(SUBJECT, b"\x01" * 32, b"Ann")

    assert first != second


def test_codes_are_those_of_the_table() -> None:
    with pytest.raises(ValueError, match="CODES"):
        Outcome("not_sent", "somebody@example.com")
    with pytest.raises(ValueError, match="CODES"):
        Refused(caller="checkout", code="consent.missing", codes=("made.up",))


@given(at=st.integers(0, 2**52), later=st.integers(1_000, 2**50))
def test_ids_sort_by_their_millisecond(at: int, later: int) -> None:
    earlier_id, later_id = uuid7(at, Repeating()), uuid7(at + later, Repeating())

    assert earlier_id < later_id
    assert uuid7_floor(at).hex() <= earlier_id
    assert (len(earlier_id), earlier_id[12], earlier_id[16] in "89ab") == (32, "7", True)


@given(lengths=st.lists(st.integers(1, 40), max_size=30))
def test_random_bytes_are_handed_out_once(lengths: list[int]) -> None:
    counting = iter(range(10**6))
    noise = Noise(lambda length: b"".join(next(counting).to_bytes(4, "big") for _ in range(length))[:length], draw=64)

    pieces = [noise(length) for length in lengths]

    assert [len(piece) for piece in pieces] == lengths
    assert len({piece for piece in pieces if len(piece) >= 8}) == sum(len(piece) >= 8 for piece in pieces)
