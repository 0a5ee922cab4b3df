"""A note is what others sign and read: held to the published notes of other implementations."""

import hashlib
from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger.note import NoteError, Signer, Verifier, exact_base64

# The key and the note of golang.org/x/mod/sumdb/note, whose test publishes both halves.
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SEED = b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
SIGNATURE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
NOTE = f"{TEXT}\n{SIGNATURE}"
# The example of c2sp.org/signed-note; its key is not published.
POEM = (
    "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n"
    "— quasimodo.example/salvatore "
    "NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
)
OURS = Signer("ledger.example/main", bytes(range(32)))

texts = st.lists(st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"])), min_size=1).map(
    lambda lines: "\n".join([*lines, "."]) + "\n"
)


def test_the_published_key_makes_the_published_note() -> None:
    signer = Signer("PeterNeumann", SEED)

    assert signer.verifier.vkey == VKEY
    assert signer.signed(TEXT) == NOTE


def test_the_published_note_is_opened_with_the_published_key() -> None:
    assert Verifier.parse(VKEY).opened(NOTE) == TEXT


def test_the_example_of_the_specification_is_read_and_signed_by_nobody_known() -> None:
    with pytest.raises(NoteError, match="no signature of the key"):
        Verifier.parse(VKEY).opened(POEM)
    both = POEM.rpartition("\n\n")[0] + "\n"

    assert OURS.verifier.opened(OURS.signed(both) + POEM.rpartition("\n\n")[2]) == both


@given(text=texts)
def test_what_is_signed_is_read_again_without_our_code(text: str) -> None:
    note = OURS.signed(text)

    body, line = note[: len(text)], note[len(text) :]
    empty, dash, name, signature = line.removesuffix("\n").replace("\n", "\n ", 1).split(" ")
    raw = b64decode(signature)
    public = b64decode(OURS.verifier.vkey.split("+", 2)[2])
    assert (body, empty, dash, name) == (text, "\n", "—", "ledger.example/main")
    assert public[:1] == b"\x01"
    assert raw[:4] == hashlib.sha256(name.encode() + b"\x0a" + public).digest()[:4]
    Ed25519PublicKey.from_public_bytes(public[1:]).verify(raw[4:], text.encode())


@given(at=st.integers(0, len(NOTE) - 1), replacement=st.characters(exclude_categories=["Cs"]))
def test_a_note_with_another_letter_anywhere_is_not_opened(at: int, replacement: str) -> None:
    changed = NOTE[:at] + replacement + NOTE[at + 1 :]
    if changed == NOTE:
        return

    with pytest.raises(NoteError):
        Verifier.parse(VKEY).opened(changed)


@pytest.mark.parametrize(
    "note",
    [
        "",
        TEXT,
        f"{TEXT}\n",
        f"\n\n{SIGNATURE}",
        f"{TEXT}{SIGNATURE}",
        f"{TEXT}\n{SIGNATURE[:-1]}",
        f"{TEXT}\n\n{SIGNATURE}",
        NOTE.replace("\n", "\r\n"),
        f"\t{NOTE}",
        f"{NOTE}\n",
        f"{NOTE}— somebody\n",
        f"{NOTE}— somebody AAAA\n",
        f"{NOTE}— some body AAAAAAAA\n",
        f"{NOTE}-- somebody AAAAAAAA\n",
        f"{TEXT}\n{SIGNATURE[:-4]}N=\n",
        f"{TEXT}\n" + SIGNATURE.replace("x08", "x09"),
        f"{NOTE}{SIGNATURE.replace('nAM=', 'nAQ=')}",
        f"{TEXT}\n" + SIGNATURE * 101,
        f"{'x' * 70_000}\n{NOTE}",
    ],
)
def test_what_is_no_note_or_not_signed_by_the_key_is_not_opened(note: str) -> None:
    with pytest.raises(NoteError):
        Verifier.parse(VKEY).opened(note)


def test_signatures_of_others_are_passed_over_and_many_are_taken() -> None:
    others = "".join(f"— witness{n}.example AAAAAAAA\n" for n in range(50))

    assert Verifier.parse(VKEY).opened(f"{TEXT}\n{others}{SIGNATURE}{SIGNATURE}") == TEXT


def test_a_key_that_is_cut_short_or_changed_is_not_read() -> None:
    cut = [VKEY[first:last] for first in range(len(VKEY)) for last in range(first + 1, len(VKEY) + 1)]
    bent = [VKEY[:at] + chr(ord(VKEY[at]) + 1) + VKEY[at + 1 :] for at in range(len(VKEY))]
    others = [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ]

    for vkey in {*cut, *bent, *others} - {VKEY}:
        with pytest.raises(NoteError):
            Verifier.parse(vkey)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\nb", "a\u2003"])
def test_a_name_that_would_not_be_read_again_is_refused(name: str) -> None:
    with pytest.raises(NoteError):
        Signer(name, bytes(32))


@pytest.mark.parametrize("text", ["", "no newline", "\n", "tab\t\n", "x" * 70_000 + "\n"])
def test_a_text_that_would_be_no_note_is_not_signed(text: str) -> None:
    with pytest.raises(NoteError):
        OURS.signed(text)


@pytest.mark.parametrize("text", ["AB==", "AA", "AA==\n", "A A==", "AA=A", "_-==", ""[:0] + "="])
def test_base64_is_read_in_one_form_only(text: str) -> None:
    with pytest.raises(NoteError):
        exact_base64(text)

    assert exact_base64("AA==") == b64decode("AA==") == b"\x00"
    assert exact_base64(b64encode(b"\xff\xfe").decode()) == b"\xff\xfe"
