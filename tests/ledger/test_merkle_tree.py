"""The tree and its proofs are those of RFC 6962 and RFC 9162, whatever the number of leaves."""

import hashlib
import json
from base64 import b64decode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger.canonical import leaf_hash
from gateway.ledger.tree import Span, Tree, consistency, inclusion, is_consistent, is_included, node, root

INPUTS = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
INPUTS.append(bytes(range(0x60, 0x70)))
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LARGEST = 300
LEAVES = [leaf_hash(number.to_bytes(2, "big")) for number in range(LARGEST)]
OTHER = leaf_hash(b"another")
# What is the same about all of them shows in these too: a proof changes its shape at powers of two.
SIZES = [
    pytest.param((*range(1, 131), *range(254, 260), LARGEST), id="small ones, and around a power of two"),
    pytest.param(range(1, LARGEST + 1), id="all", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("size", range(9))
def test_the_roots_are_those_of_the_reference_implementation(size: int) -> None:
    computed = root([leaf_hash(each) for each in INPUTS[:size]])

    assert computed.hex() == ROOTS[size]


def test_the_root_is_the_one_of_the_recursive_definition() -> None:
    grown = Tree()
    for size in range(1, LARGEST + 1):
        grown = grown.plus(LEAVES[size - 1 : size])

        assert grown.root == root(LEAVES[:size]) == _by_definition(0, size)


@given(first=st.integers(0, 600), size=st.integers(0, 600))
def test_the_subtrees_that_are_kept_are_those_that_are_filled(first: int, size: int) -> None:
    leaves = [leaf_hash(number.to_bytes(2, "big")) for number in range(first + size)]
    complete: dict[Span, bytes] = {}

    Tree().plus(leaves[:first]).plus(leaves[first:], complete)

    spans = [(at, at + 256) for at in range(0, first + size - 255, 256) if at + 256 > first]
    assert complete == {span: root(leaves[slice(*span)]) for span in spans}


@given(sizes=st.lists(st.integers(0, 40), max_size=6))
def test_a_tree_grows_in_any_steps_to_the_same_root(sizes: list[int]) -> None:
    grown, at = Tree(), 0
    for size in sizes:
        grown, at = grown.plus(LEAVES[at : at + size]), at + size

    assert grown == Tree().plus(LEAVES[:at])


@pytest.mark.parametrize(
    ("size", "peaks"),
    [(-1, ()), (1, ()), (2, (OTHER, OTHER)), (3, (OTHER,)), (1, (OTHER[:31],)), (0, (OTHER,))],
    ids=["negative", "none", "many", "few", "short", "of nothing"],
)
def test_subtrees_that_make_no_tree_are_refused(size: int, peaks: tuple[bytes, ...]) -> None:
    with pytest.raises(ValueError, match="subtrees"):
        Tree(size, peaks)


@pytest.mark.parametrize("sizes", SIZES)
def test_every_leaf_of_a_tree_is_proved_as_the_recursive_definition_says(sizes: Sequence[int]) -> None:
    for size in sizes:
        expected = _by_definition(0, size)
        for index in range(size):
            proof = _hashed(inclusion(index, size))

            assert proof == _path(index, 0, size)
            assert is_included(LEAVES[index], index, size, proof, expected)


@pytest.mark.parametrize("sizes", SIZES)
def test_a_tree_is_proved_to_begin_with_every_smaller_one(sizes: Sequence[int]) -> None:
    for size in sizes:
        expected = _by_definition(0, size)
        for old in range(1, size + 1):
            proof = _hashed(consistency(old, size))

            assert proof == _subproof(old, 0, size, whole=True)
            assert is_consistent(old, _by_definition(0, old), size, expected, proof)


@given(size=st.integers(2, LARGEST), data=st.data())
def test_a_proof_of_inclusion_proves_nothing_else(size: int, data: st.DataObject) -> None:
    index, other = data.draw(st.lists(st.integers(0, size - 1), min_size=2, max_size=2, unique=True))
    proof, expected = _hashed(inclusion(index, size)), _by_definition(0, size)
    at = data.draw(st.integers(0, len(proof) - 1))

    assert is_included(LEAVES[index], index, size, proof, expected)
    assert not is_included(LEAVES[other], index, size, proof, expected)
    assert not is_included(LEAVES[index], other, size, proof, expected)
    assert not is_included(LEAVES[index], index, size, proof, OTHER)
    for changed in _changed(proof, at):
        assert not is_included(LEAVES[index], index, size, changed, expected)


@given(size=st.integers(2, LARGEST), data=st.data())
def test_a_proof_of_consistency_proves_nothing_else(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, size - 1))
    before, after = _by_definition(0, old), _by_definition(0, size)
    proof = _hashed(consistency(old, size))
    at = data.draw(st.integers(0, len(proof) - 1))

    assert is_consistent(old, before, size, after, proof)
    assert not is_consistent(old, OTHER, size, after, proof)
    assert not is_consistent(old, before, size, OTHER, proof)
    assert not is_consistent(old, before, old, before, proof)
    for changed in _changed(proof, at):
        assert not is_consistent(old, before, size, after, changed)


def test_what_is_not_in_a_tree_has_no_proof() -> None:
    for index, size in ((0, 0), (4, 4), (-1, 4)):
        with pytest.raises(ValueError, match="no such leaf"):
            inclusion(index, size)
    for old, size in ((0, 4), (5, 4), (-1, 4)):
        with pytest.raises(ValueError, match="cannot begin"):
            consistency(old, size)


def test_the_size_that_a_proof_claims_costs_nothing() -> None:
    assert not is_included(OTHER, 2**64 - 1, 2**64, [OTHER] * 63, OTHER)
    assert not is_consistent(2**63 + 1, OTHER, 2**64, OTHER, [OTHER] * 64)


def test_every_vector_of_others_is_judged_as_they_do(vectors: Callable[[str], Path]) -> None:
    files = sorted((vectors("merkle") / "testdata").rglob("*.json"))

    wrong = [file for file in files if _judged(_asked(file)) == _asked(file)["wantErr"]]

    assert wrong == []
    assert len(files) == 196
    assert {_asked(file)["wantErr"] for file in files} == {True, False}


def _asked(file: Path) -> dict[str, Any]:
    asked: dict[str, Any] = json.loads(file.read_bytes())
    return asked


def _judged(vector: dict[str, Any]) -> bool:
    proof = [_decoded(each) for each in vector["proof"] or []]
    if "leafIdx" in vector:
        leaf, expected = _decoded(vector["leafHash"]), _decoded(vector["root"])
        return is_included(leaf, vector["leafIdx"], vector["treeSize"], proof, expected)
    roots = _decoded(vector["root1"]), _decoded(vector["root2"])
    return is_consistent(vector["size1"], roots[0], vector["size2"], roots[1], proof)


def _decoded(text: str | None) -> bytes:
    return b64decode(text or "", validate=True)


def _changed(proof: Sequence[bytes], at: int) -> list[list[bytes]]:
    """A hash less, a hash more, another hash, half a hash, and where there are several, another order."""
    whole, bent = list(proof), bytearray(proof[at])
    bent[7] ^= 16
    changed = [whole[:at] + whole[at + 1 :], [*whole, OTHER], [OTHER, *whole]]
    changed += [[*whole[:at], each, *whole[at + 1 :]] for each in (bytes(bent), proof[at][:31])]
    return [*changed, whole[::-1]] if len(whole) > 1 else changed


def _hashed(spans: Sequence[Span]) -> list[bytes]:
    return [_by_definition(*span) for span in spans]


_KNOWN: dict[Span, bytes] = {}


def _by_definition(first: int, last: int) -> bytes:
    """MTH of RFC 9162, 2.1.1, as it is written there; what was computed once is remembered."""
    if last - first == 1:
        return LEAVES[first]
    if (first, last) not in _KNOWN:
        split = first + _split(last - first)
        joined = b"\x01" + _by_definition(first, split) + _by_definition(split, last)
        _KNOWN[first, last] = hashlib.sha256(joined).digest()
    return _KNOWN[first, last]


def _path(index: int, first: int, last: int) -> list[bytes]:
    """PATH of RFC 9162, 2.1.3.1."""
    if last - first == 1:
        return []
    split = first + _split(last - first)
    if index < split:
        return [*_path(index, first, split), _by_definition(split, last)]
    return [*_path(index, split, last), _by_definition(first, split)]


def _subproof(old: int, first: int, last: int, *, whole: bool) -> list[bytes]:
    """SUBPROOF of RFC 9162, 2.1.4.1; `old` is counted from the first leaf of all."""
    if old == last:
        return [] if whole else [_by_definition(first, last)]
    split = first + _split(last - first)
    if old <= split:
        return [*_subproof(old, first, split, whole=whole), _by_definition(split, last)]
    return [*_subproof(old, split, last, whole=False), _by_definition(first, split)]


def _split(count: int) -> int:
    """The largest power of two that is smaller; counted up, unlike in the code under test."""
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def test_the_oracle_is_the_reference_implementation_s_tree() -> None:
    leaves = [leaf_hash(each) for each in INPUTS]

    assert node(leaves[0], leaves[1]).hex() == ROOTS[2]
    assert _split(2) == 1
    assert [_split(count) for count in (3, 4, 5, 8, 9)] == [2, 2, 4, 4, 8]
