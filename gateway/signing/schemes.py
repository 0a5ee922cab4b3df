"""From what a contract says to a signer that holds its key."""

from base64 import b64decode
from binascii import Error
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from gateway.contract import sign
from gateway.errors import StartError
from gateway.signing.hmac_sha256 import Hmac, template
from gateway.signing.rsa import Alipay, WechatPay, private_key, stand_in
from gateway.signing.signer import Signer
from gateway.signing.sigv4 import SigV4

Resolved = Callable[[str], str]
"""A text with the values of its secrets in place of their names."""


def secrets_of(written: sign.Sign) -> tuple[str, ...]:
    """Every text of a block in which a secret may stand by its name."""
    match written:
        case sign.HmacSha256(key=key, headers=headers):
            return (key, *headers.values())
        case sign.WechatPay(key=key, mchid=mchid, serial_no=serial_no):
            return (key, mchid, serial_no)
        case sign.AwsSigV4(key=key, access_key=access_key, session_token=token):
            return (key, access_key, *([token] if token else []))
        case _:
            return (written.key,)


def signer_of(written: sign.Sign, resolved: Resolved, *, is_played: bool) -> Signer:
    """The scheme with its key. Where vendors are played (`is_played`) nobody holds one, and another key stands in.

    Raises StartError, by the name of the secret, for a key that is none of this scheme.
    """
    match written:
        case sign.HmacSha256():
            fields = tuple((name.lower(), template(text, resolved)) for name, text in written.headers.items())
            key = _bytes(written, resolved, is_played=is_played)
            return Hmac(key, template(written.over, resolved), fields, written.encoding, written.timestamp)
        case sign.Alipay():
            return Alipay(_rsa(written.key, resolved, is_played=is_played))
        case sign.WechatPay():
            rsa = _rsa(written.key, resolved, is_played=is_played)
            return WechatPay(rsa, resolved(written.mchid), resolved(written.serial_no))
        case sign.AwsSigV4():
            token = resolved(written.session_token) if written.session_token else ""
            access = resolved(written.access_key)
            return SigV4(access, resolved(written.key), written.region, written.service, token)


def _rsa(name: str, resolved: Resolved, *, is_played: bool) -> RSAPrivateKey:
    if is_played:
        return stand_in()
    try:
        return private_key(resolved(name))
    except ValueError:
        message = "is no RSA private key of 2048 bits or more, as PEM or as base64, without a password"
        raise StartError(f"{name.removeprefix('$')} {message}") from None


def _bytes(written: sign.HmacSha256, resolved: Resolved, *, is_played: bool) -> bytes:
    text = resolved(written.key)
    if is_played or written.key_encoding == "text":
        return text.encode("utf-8")
    try:
        return bytes.fromhex(text) if written.key_encoding == "hex" else b64decode(text, validate=True)
    except (ValueError, Error):
        raise StartError(f"{written.key.removeprefix('$')} is not written in {written.key_encoding}") from None
