"""Checkpoints are those of c2sp.org/tlog-checkpoint, and only of the log that signed them."""

from base64 import b64decode
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger.checkpoint import Checkpoint, opened, signed
from gateway.ledger.note import NoteError, Signer

# The text of the specification's example.
SOFA = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
ROOT = b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
SIGNER = Signer("example.com/behind-the-sofa", bytes(32))


def test_the_example_of_the_specification_is_read_and_written() -> None:
    checkpoint = Checkpoint.parse(SOFA)

    assert checkpoint == Checkpoint("example.com/behind-the-sofa", 20_852_163, ROOT)
    assert checkpoint.text == SOFA


@given(size=st.integers(0, 2**63 - 1), root=st.binary(min_size=32, max_size=32))
def test_what_is_signed_is_opened_again(size: int, root: bytes) -> None:
    checkpoint = Checkpoint(SIGNER.verifier.name, size, root, ("an extension",))

    assert opened(signed(checkpoint, SIGNER), SIGNER.verifier) == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        SOFA[:-1],
        SOFA + "\n",
        "\n" + SOFA,
        SOFA.replace("2085", "02085"),
        SOFA.replace("2085", "+2085"),
        SOFA.replace("2085", "-2085"),
        SOFA.replace("2085", "²085"),
        SOFA.replace("20852163", str(2**63)),
        SOFA.replace("20852163", "9" * 100_000),
        SOFA.replace("20852163\n", ""),
        SOFA.replace("q2I=", "q2J="),
        SOFA.replace("q2I=", ""),
        SOFA.replace("q2I=", "q2I= "),
        SOFA + "extension\n\nanother\n",
    ],
)
def test_what_is_no_checkpoint_is_not_read(text: str) -> None:
    with pytest.raises(NoteError):
        Checkpoint.parse(text)


def test_a_checkpoint_of_another_log_or_key_is_not_opened() -> None:
    checkpoint = Checkpoint.parse(SOFA)
    note = signed(checkpoint, SIGNER)

    assert opened(note, SIGNER.verifier) == checkpoint
    with pytest.raises(NoteError, match="another log"):
        opened(signed(replace(checkpoint, origin="example.com/under-it"), SIGNER), SIGNER.verifier)
    with pytest.raises(NoteError, match="no signature"):
        opened(note, Signer("example.com/behind-the-sofa", b"\x01" * 32).verifier)
    with pytest.raises(NoteError, match="does not verify"):
        opened(note.replace("20852163", "20852164"), SIGNER.verifier)


@pytest.mark.parametrize(
    "checkpoint",
    [
        Checkpoint("", 1, ROOT),
        Checkpoint("a\nb", 1, ROOT),
        Checkpoint("a", -1, ROOT),
        Checkpoint("a", 1, ROOT[:31]),
        Checkpoint("a", 1, ROOT, ("",)),
    ],
)
def test_what_could_not_be_read_again_is_not_signed(checkpoint: Checkpoint) -> None:
    with pytest.raises(NoteError):
        signed(checkpoint, SIGNER)
