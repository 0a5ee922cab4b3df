"""RSA-SHA-256 (RSASSA-PKCS1-v1_5, RFC 8017 section 8.2) as the two great wallets of China use it."""

from base64 import b64decode, b64encode
from binascii import Error
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Final
from urllib.parse import parse_qsl, quote

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)
from cryptography.x509 import load_pem_x509_certificate

from gateway.errors import refuse
from gateway.frozen import changed
from gateway.outbound.send import Sending
from gateway.signing.signer import Moment
from gateway.vocabulary.signatures import headers_of_scheme

_BITS: Final = 2048
_PEM: Final = "-----BEGIN"
_SIGN: Final = "sign"
_SIGN_TYPE: Final = "sign_type"
_RSA2: Final = "RSA2"
_METHOD: Final = "method"


@dataclass(frozen=True, slots=True)
class Alipay:
    """RSA2 of Alipay's open platform: over every parameter that has a value, decoded, sorted by name, joined by `&`.

    The parameter `sign` goes to the end of the form where `method` stands there or there is no query, and else to the
    end of the query; where the call does not say `sign_type`, that follows it.
    """

    key: RSAPrivateKey
    headers: frozenset[str] = frozenset()
    parameters: tuple[str, ...] = (_SIGN, _SIGN_TYPE)

    def sign(self, sending: Sending, authority: str, moment: Moment) -> Sending:
        del authority, moment
        target, _, query = sending.target.partition("?")
        form = _pairs(sending.payload.decode("utf-8"))
        pairs = _pairs(query) + form
        named = Counter(name for name, _ in pairs)
        if repeated := next((name for name, count in named.items() if count > 1), None):
            raise refuse("signature.failed", f"the parameter {repeated} comes more than once")
        values = {_SIGN_TYPE: _RSA2, **dict(pairs)}
        if values[_SIGN_TYPE] != _RSA2:
            raise refuse("signature.failed", f"the call asks for another {_SIGN_TYPE} than {_RSA2}")
        text = "&".join(f"{name}={value}" for name, value in sorted(values.items()) if value)
        added = f"{_SIGN}={quote(signature(self.key, text.encode()), safe='')}"
        if _SIGN_TYPE not in named:
            added += f"&{_SIGN_TYPE}={_RSA2}"
        if sending.payload and (not query or _METHOD in dict(form)):
            return changed(sending, body=sending.payload + b"&" + added.encode("ascii"))
        return changed(sending, target=f"{target}?{query}&{added}" if query else f"{target}?{added}")


def _pairs(text: str) -> list[tuple[str, str]]:
    return parse_qsl(text, keep_blank_values=True, errors="strict")


@dataclass(frozen=True, slots=True)
class WechatPay:
    """WECHATPAY2-SHA256-RSA2048 of WeChat Pay, API v3. `mchid` is the merchant, `serial_no` that of its certificate."""

    key: RSAPrivateKey
    mchid: str
    serial_no: str
    headers: frozenset[str] = headers_of_scheme("rsa-sha256-request")
    parameters: tuple[str, ...] = ()

    def sign(self, sending: Sending, authority: str, moment: Moment) -> Sending:
        del authority
        time, nonce = str(int(moment.now.timestamp())), moment.nonce
        text = f"{sending.method}\n{sending.target}\n{time}\n{nonce}\n".encode("ascii") + sending.payload + b"\n"
        says = (
            f'WECHATPAY2-SHA256-RSA2048 mchid="{self.mchid}",nonce_str="{nonce}",'
            f'signature="{signature(self.key, text)}",timestamp="{time}",serial_no="{self.serial_no}"'
        )
        return changed(sending, headers=(*sending.headers, ("authorization", says)))


def signature(key: RSAPrivateKey, text: bytes) -> str:
    """The signature of a text, as base64."""
    return b64encode(key.sign(text, PKCS1v15(), SHA256())).decode("ascii")


def private_key(text: str) -> RSAPrivateKey:
    """A key as the wallets hand it out: PEM, or the base64 of its DER (PKCS #8 or PKCS #1), at least 2048 bits long.

    Raises ValueError for anything else; its message holds nothing of the text.
    """
    try:
        if _PEM in text:
            key = load_pem_private_key(_lines(text), password=None)
        else:
            key = load_der_private_key(_der(text), password=None)
    except (ValueError, TypeError, Error, UnsupportedAlgorithm):
        # `from None`: what the library could not read is a secret.
        raise ValueError("not a private key") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < _BITS:
        raise ValueError("not an RSA key of this length")
    return key


def public_key(text: str) -> RSAPublicKey:
    """A vendor's key: a certificate or a public key in PEM, or the base64 of a key's DER, at least 2048 bits long.

    Raises ValueError for anything else.
    """
    try:
        key = _public(text)
    except (ValueError, TypeError, Error, UnsupportedAlgorithm):
        raise ValueError("not a public key") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < _BITS:
        raise ValueError("not an RSA key of this length")
    return key


def _public(text: str) -> object:
    if "-----BEGIN CERTIFICATE" in text:
        return load_pem_x509_certificate(_lines(text)).public_key()
    return load_pem_public_key(_lines(text)) if _PEM in text else load_der_public_key(_der(text))


def _lines(text: str) -> bytes:
    """In a variable the line ends of PEM are often written out."""
    return text.replace("\\n", "\n").encode()


def _der(text: str) -> bytes:
    return b64decode("".join(text.split()), validate=True)


@cache
def stand_in() -> RSAPrivateKey:
    """A key for vendors that are played and for examples: made when it is first asked for, and never kept."""
    return generate_private_key(public_exponent=65537, key_size=_BITS)
