"""Signatures of answers: the vendor's, which is over what came, and ours, over what is left of it."""

import json
import re
from base64 import b64decode
from binascii import Error
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from gateway.signing.rsa import signature
from gateway.signing.signer import Moment

Headers = tuple[tuple[str, str], ...]

LEEWAY: Final = 300
"""Seconds that an answer may be old, or ahead of our clock."""

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_SERIAL: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
# Codes with which Alipay refuses a call; what it may then leave unsigned says nothing else.
_REFUSED: Final = re.compile(r"[24]\d{4}")


class Seal(Protocol):
    """How a vendor signs its answers, and the key with which ours are signed where there is one."""

    def is_authentic(self, headers: Headers, payload: bytes, now: datetime) -> bool:
        """Whether the vendor signed just these bytes. Names of headers are in lower case."""
        ...

    def seal(self, headers: Headers, payload: bytes, moment: Moment) -> tuple[Headers, bytes]:
        """The headers to add and the payload to send, signed anew. `headers` are those of the vendor's answer."""
        ...


@dataclass(frozen=True, slots=True)
class AlipaySeal:
    """The member `sign` over the text of the one member `…_response`, sign for sign as it stands in the JSON."""

    public: RSAPublicKey
    key: RSAPrivateKey | None = None

    def is_authentic(self, headers: Headers, payload: bytes, now: datetime) -> bool:
        del headers, now
        try:
            members = members_as_written(payload.decode("utf-8"))
            text = _signed(members)
            made = json.loads(members["sign"]) if "sign" in members else None
            if made is None:
                return _REFUSED.fullmatch(str(json.loads(text).get("code"))) is not None
        except (ValueError, RecursionError, AttributeError):
            return False
        return isinstance(made, str) and _is_signature(self.public, made, text.encode("utf-8"))

    def seal(self, headers: Headers, payload: bytes, moment: Moment) -> tuple[Headers, bytes]:
        del headers, moment
        try:
            text = _signed(members_as_written(payload.decode("utf-8")))
        except ValueError:
            return (), payload
        if self.key is None:
            return (), payload
        return (), payload[:-1] + f',"sign":"{signature(self.key, text.encode())}"}}'.encode("ascii")


def _signed(members: Mapping[str, str]) -> str:
    """The text that Alipay signs. Raises ValueError where there is none, or more than one."""
    [text] = [text for name, text in members.items() if name.endswith("_response")]
    return text


def members_as_written(text: str) -> dict[str, str]:
    """The members of a JSON object, each value as it is written. Raises ValueError or RecursionError, without a cause.

    A name that stands twice, and anything behind the object, is an error.
    """
    decoder, members = json.JSONDecoder(), {}
    at = _expected(text, 0, "{")
    while True:
        name, at = _value(decoder, text, at)
        start = _past_space(text, _expected(text, at, ":"))
        _, end = _value(decoder, text, start)
        if not isinstance(name, str) or name in members:
            raise ValueError("not an object with each name once")
        members[name] = text[start:end]
        at = _past_space(text, end)
        if text[at : at + 1] != ",":
            break
        at += 1
    if _past_space(text, _expected(text, at, "}")) != len(text):
        raise ValueError("something is behind the object")
    return members


def _value(decoder: json.JSONDecoder, text: str, at: int) -> tuple[object, int]:
    try:
        return decoder.raw_decode(text, _past_space(text, at))
    except ValueError:
        # `from None`: the parser's own error carries the answer.
        raise ValueError("not JSON") from None


def _expected(text: str, at: int, sign: str) -> int:
    at = _past_space(text, at)
    if text[at : at + 1] != sign:
        raise ValueError("not an object")
    return at + 1


def _past_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


@dataclass(frozen=True, slots=True)
class WechatPaySeal:
    """`Wechatpay-Signature` over time, nonce and body. The serial number of the vendor's key is passed on."""

    public: RSAPublicKey
    key: RSAPrivateKey | None = None

    def is_authentic(self, headers: Headers, payload: bytes, now: datetime) -> bool:
        said = {name: value for name, value in headers if name.startswith("wechatpay-")}
        time, nonce = said.get("wechatpay-timestamp", ""), said.get("wechatpay-nonce", "")
        if not (time.isascii() and time.isdigit()) or abs(now.timestamp() - int(time)) > LEEWAY:
            return False
        return _is_signature(self.public, said.get("wechatpay-signature", ""), _text(time, nonce, payload))

    def seal(self, headers: Headers, payload: bytes, moment: Moment) -> tuple[Headers, bytes]:
        serial = next((value for name, value in headers if name == "wechatpay-serial"), "")
        if self.key is None or not _SERIAL.fullmatch(serial):
            return (), payload
        time = str(int(moment.now.timestamp()))
        made = signature(self.key, _text(time, moment.nonce, payload))
        return (
            ("wechatpay-timestamp", time),
            ("wechatpay-nonce", moment.nonce),
            ("wechatpay-serial", serial),
            ("wechatpay-signature", made),
        ), payload


def _text(time: str, nonce: str, payload: bytes) -> bytes:
    return f"{time}\n{nonce}\n".encode() + payload + b"\n"


def _is_signature(key: RSAPublicKey, made: str, text: bytes) -> bool:
    try:
        key.verify(b64decode(made, validate=True), text, PKCS1v15(), SHA256())
    except (InvalidSignature, Error, ValueError):
        return False
    return True
