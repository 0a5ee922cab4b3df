"""From what a contract says to a signer that holds its key."""

from base64 import b64decode
from binascii import Error
from collections.abc import Callable, Iterator

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from gateway.contract import sign
from gateway.errors import StartError
from gateway.signing.answers import AlipaySeal, Seal, WechatPaySeal
from gateway.signing.hmac_sha256 import Hmac, template
from gateway.signing.rsa import Alipay, WechatPay, private_key, public_key, stand_in
from gateway.signing.signer import Signer
from gateway.signing.sigv4 import SigV4

Resolved = Callable[[str], str]
"""A text with the values of its secrets in place of their names."""


def secrets_of(written: sign.Sign) -> tuple[str, ...]:
    """Every text of a block in which a secret may stand by its name."""
    match written:
        case sign.HmacSha256(key=key, headers=headers):
            return (key, *headers.values())
        case sign.WechatPay():
            return (written.key, written.mchid, written.serial_no, *_given(written.verify, written.answers))
        case sign.Alipay():
            return (written.key, *_given(written.verify, written.answers))
        case sign.AwsSigV4():
            return (written.key, written.access_key, *_given(written.session_token))


def _given(*texts: str | None) -> Iterator[str]:
    return (text for text in texts if text is not None)


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


def seal_of(written: sign.Sign, resolved: Resolved) -> Seal | None:
    """How answers are checked and signed anew, where the block says so. Raises StartError as for calls."""
    if not isinstance(written, sign.Alipay | sign.WechatPay) or written.verify is None:
        return None
    try:
        public = public_key(resolved(written.verify))
    except ValueError:
        message = "is no RSA public key or certificate of 2048 bits or more, as PEM or as base64"
        raise StartError(f"{written.verify.removeprefix('$')} {message}") from None
    key = _rsa(written.answers, resolved, is_played=False) if written.answers else None
    return AlipaySeal(public, key) if isinstance(written, sign.Alipay) else WechatPaySeal(public, key)


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
