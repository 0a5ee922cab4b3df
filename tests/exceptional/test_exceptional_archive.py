"""An encrypted ZIP, read by a reader of its own: it opens with its passphrase and no other, and notices a change."""

import hashlib
import hmac
import io
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from gateway.exceptional.archive import archived, passphrase

NOON = datetime(2026, 6, 15, 12, 30, 8, tzinfo=UTC)
FILES = {"a.json": b'{"x":"Qz7canary"}' * 300, "cover.txt": "Größe\n".encode(), "nothing": b""}


def read(archive: bytes, phrase: str) -> Mapping[str, bytes]:
    """By the description of AE-2: salt, a check of the passphrase, the data, ten bytes of HMAC-SHA-1."""
    found = {}
    for info in zipfile.ZipFile(io.BytesIO(archive)).infolist():
        assert (info.flag_bits & 1, info.compress_type, info.CRC) == (1, 99, 0)
        assert info.extra == struct.pack("<HHH2sBH", 0x9901, 7, 2, b"AE", 3, 8)
        start = info.header_offset + 30 + len(info.filename.encode()) + len(info.extra)
        data = archive[start : start + info.compress_size]
        derived = hashlib.pbkdf2_hmac("sha1", phrase.encode(), data[:16], 1000, 66)
        if derived[64:] != data[16:18] or hmac.digest(derived[32:64], data[18:-10], "sha1")[:10] != data[-10:]:
            raise ValueError("another passphrase, or another file")
        block = Cipher(AES(derived[:32]), ECB()).encryptor().update
        stream = b"".join(block(struct.pack("<QQ", number, 0)) for number in range(1, len(data) // 16 + 2))
        plain = bytes(one ^ other for one, other in zip(data[18:-10], stream, strict=False))
        found[info.filename] = zlib.decompress(plain, wbits=-15)
        assert info.file_size == len(found[info.filename])
        assert info.date_time == (2026, 6, 15, 12, 30, 8)
    return found


def test_it_opens_with_its_passphrase_and_no_other() -> None:
    phrase = passphrase(os.urandom)
    archive = archived(FILES, phrase, at=NOON, randomness=os.urandom)

    assert read(archive, phrase) == FILES
    assert b"Qz7canary" not in archive
    with pytest.raises(ValueError, match="another"):
        read(archive, passphrase(os.urandom))


def test_a_changed_byte_is_noticed() -> None:
    archive = bytearray(archived({"a": b"x" * 100}, "phrase", at=NOON, randomness=os.urandom))
    archive[30 + 1 + 11 + 20] ^= 1

    with pytest.raises(ValueError, match="another"):
        read(bytes(archive), "phrase")


def test_passphrases_are_long_differ_and_can_be_read_out() -> None:
    phrases = {passphrase(os.urandom) for _ in range(50)}

    assert len(phrases) == 50
    for phrase in phrases:
        groups = phrase.split("-")
        assert [len(group) for group in groups] == [4] * 7
        assert not set("".join(groups)) & set("01IOl")
