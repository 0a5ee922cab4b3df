"""An encrypted ZIP for recipients who have no key: AES-256 under a passphrase, as WinZip's AE-2 has it.

https://www.winzip.com/en/support/aes-encryption/ ; 7-Zip, WinZip and others open it.
"""

import hashlib
import hmac
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

_SALT, _KEY, _CHECK, _MAC = 16, 32, 2, 10  # bytes
_ROUNDS = 1_000  # of PBKDF2, fixed by the format: the strength is in the passphrase
_AES, _DEFLATED, _NEEDED = 99, 8, 51
_FLAGS = 0x0801  # encrypted, names in UTF-8
_EXTRA = struct.pack("<HHH2sBH", 0x9901, 7, 2, b"AE", 3, _DEFLATED)
_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # none of them looks like another; 5 bits each
_GROUPS, _IN_GROUP = 7, 4


def passphrase(randomness: Callable[[int], bytes]) -> str:
    """A new one, of 140 bits, to be read out over the telephone."""
    letters = [_LETTERS[byte % len(_LETTERS)] for byte in randomness(_GROUPS * _IN_GROUP)]
    groups = ["".join(letters[at : at + _IN_GROUP]) for at in range(0, len(letters), _IN_GROUP)]
    return "-".join(groups)


def archived(files: Mapping[str, bytes], phrase: str, *, at: datetime, randomness: Callable[[int], bytes]) -> bytes:
    """A ZIP of these files, each encrypted and authenticated by itself. Their names and sizes stand in clear."""
    parts, directory, offset = list[bytes](), list[bytes](), 0
    for name, content in files.items():
        data = _encrypted(_deflated(content), phrase, randomness(_SALT))
        known = struct.pack(
            "<HHHHHIIIHH", _NEEDED, _FLAGS, _AES, *_stamp(at), 0, len(data), len(content), len(name), len(_EXTRA)
        )
        parts += [b"PK\x03\x04", known, name.encode(), _EXTRA, data]
        directory.append(
            b"PK\x01\x02" + struct.pack("<H", _NEEDED) + known + struct.pack("<HHHII", 0, 0, 0, 0, offset)
            + name.encode() + _EXTRA
        )  # fmt: skip
        offset = sum(map(len, parts))
    return b"".join([*parts, *directory, _end(directory, offset)])


def _end(directory: Sequence[bytes], offset: int) -> bytes:
    size = sum(map(len, directory))
    return b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, len(directory), len(directory), size, offset, 0)


def _deflated(content: bytes) -> bytes:
    pack = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return pack.compress(content) + pack.flush()


def _encrypted(data: bytes, phrase: str, salt: bytes) -> bytes:
    derived = hashlib.pbkdf2_hmac("sha1", phrase.encode(), salt, _ROUNDS, 2 * _KEY + _CHECK)
    key, mac_key, check = derived[:_KEY], derived[_KEY : 2 * _KEY], derived[2 * _KEY :]
    secret = _counted(key, data)
    return salt + check + secret + hmac.digest(mac_key, secret, "sha1")[:_MAC]


def _counted(key: bytes, data: bytes) -> bytes:
    """AES in counter mode with the counter's lowest byte first, from 1 on: nobody else counts that way."""
    blocks = -(-len(data) // 16)
    counters = b"".join(number.to_bytes(16, "little") for number in range(1, blocks + 1))
    encryptor = Cipher(AES(key), ECB()).encryptor()  # noqa: S305 - of counters, none of which comes twice
    stream = encryptor.update(counters)[: len(data)]
    return (int.from_bytes(data, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(data), "big")


def _stamp(at: datetime) -> tuple[int, int]:
    """Time and day as MS-DOS wrote them."""
    return at.hour << 11 | at.minute << 5 | at.second // 2, (at.year - 1980) << 9 | at.month << 5 | at.day
