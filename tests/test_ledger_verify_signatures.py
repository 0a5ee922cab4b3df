"""Signatures are checked alike with and without a library, and nothing is taken that only one of the two would take."""

import hashlib

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_verify import BadNote, Key, is_signed, key_of

ORDER = 2**252 + 27742317777372353535851937790883648493
# RFC 8032, 7.1: public key, message, signature.
PUBLISHED = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
            "655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
            "b00d291612bb0c00"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
            "c027beceea1ec40a"
        ),
    ),
]
# Every point whose order divides eight, and two of them as nobody writes them.
SMALL = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]


@pytest.mark.parametrize("library", [True, False])
@pytest.mark.parametrize(("public", "message", "signature"), PUBLISHED)
def test_published_signatures_hold(public: str, message: str, signature: str, library: bool) -> None:
    given = [bytes.fromhex(each) for each in (public, message, signature)]

    assert is_signed(*given, library=library)
    assert not is_signed(given[0], given[1] + b"!", given[2], library=library)


@settings(max_examples=40, deadline=None)
@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=200), data=st.data())
def test_both_ways_agree_on_every_signature_and_every_broken_one(
    seed: bytes, message: bytes, data: st.DataObject
) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    key, signature = private.public_key().public_bytes_raw(), private.sign(message)
    broken = bytearray(signature)
    broken[data.draw(st.integers(0, 63))] ^= 1 << data.draw(st.integers(0, 7))

    assert is_signed(key, message, signature, library=False)
    assert is_signed(key, message, signature)
    for other in (bytes(broken), signature[:-1], signature + b"\0", b"", bytes(64)):
        assert not is_signed(key, message, other, library=False)
        assert not is_signed(key, message, other)


@settings(max_examples=40, deadline=None)
@given(key=st.binary(min_size=32, max_size=32), signature=st.binary(min_size=64, max_size=64))
def test_keys_that_are_none_are_refused_by_both(key: bytes, signature: bytes) -> None:
    assert not is_signed(key, b"", signature, library=False)
    assert not is_signed(key, b"", signature)


@pytest.mark.parametrize("library", [True, False])
def test_a_scalar_beyond_the_order_is_no_signature(library: bool) -> None:
    key, message, signature = (bytes.fromhex(each) for each in PUBLISHED[1])
    beyond = (int.from_bytes(signature[32:], "little") + ORDER).to_bytes(32, "little")

    assert not is_signed(key, message, signature[:32] + beyond, library=library)


@pytest.mark.parametrize("library", [True, False])
@pytest.mark.parametrize("key", SMALL)
def test_a_key_under_which_anybody_can_sign_is_none(key: str, library: bool) -> None:
    assert not is_signed(bytes.fromhex(key), b"", bytes.fromhex(SMALL[0]) + bytes(32), library=library)


def test_a_library_alone_would_have_taken_such_a_key() -> None:
    taken = True
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(SMALL[0])).verify(bytes.fromhex(SMALL[0]) + bytes(32), b"any")
    except InvalidSignature:
        taken = False

    assert taken


@pytest.mark.parametrize("library", [True, False])
@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_of_another_length_is_none(length: int, library: bool) -> None:
    assert not is_signed(bytes(length), b"", bytes(64), library=library)


@pytest.mark.parametrize("key", SMALL)
def test_a_key_of_small_order_is_not_even_read(key: str) -> None:
    with pytest.raises(BadNote, match=r"the key is no point"):
        key_of(str(Key("log", bytes.fromhex(key))))


def test_a_key_reads_as_it_is_written() -> None:
    key = Key("gateway/main", bytes.fromhex(PUBLISHED[0][0]))

    assert key_of(str(key)) == key
    assert str(key).split("+")[1] == hashlib.sha256(b"gateway/main\n\x01" + key.public).hexdigest()[:8]
