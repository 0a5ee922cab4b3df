"""A merchant's key as wallets hand it out, and the other side, which knows its public half alone."""

import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from functools import cache, reduce
from urllib.parse import parse_qsl, quote, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from vendors import Received


@cache
def merchant(bits: int = 2048) -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=bits)


@cache
def other(name: str) -> RSAPrivateKey:
    """Somebody else's key."""
    assert name
    return generate_private_key(public_exponent=65537, key_size=2048)


def shown(key: RSAPrivateKey) -> str:
    """The public half as one line of base64."""
    return b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def made(key: RSAPrivateKey, text: bytes) -> str:
    """A signature over a text, in base64."""
    return b64encode(key.sign(text, PKCS1v15(), SHA256())).decode()


def pem(key: RSAPrivateKey | None = None, form: PrivateFormat = PrivateFormat.PKCS8) -> str:
    return (key or merchant()).private_bytes(Encoding.PEM, form, NoEncryption()).decode()


def bare(form: PrivateFormat = PrivateFormat.PKCS8) -> str:
    """The key as one line of base64."""
    return b64encode(merchant().private_bytes(Encoding.DER, form, NoEncryption())).decode()


def verifies(signature: str, text: bytes, key: RSAPublicKey | None = None) -> bool:
    """Whether a signature in base64 was made over just this text."""
    try:
        (key or merchant().public_key()).verify(b64decode(signature, validate=True), text, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def is_alipay(target: str, form: bytes) -> bool:
    """What Alipay does with a call: every parameter but `sign` sorted, and the signature looked at."""
    pairs = parse_qsl(urlsplit(target).query, keep_blank_values=True) + parse_qsl(form.decode(), keep_blank_values=True)
    values = dict(pairs)
    if len(values) != len(pairs) or values.get("sign_type") != "RSA2":
        return False
    signature = values.pop("sign")
    text = "&".join(f"{name}={values[name]}" for name in sorted(values) if values[name])
    return verifies(signature, text.encode())


def is_wechatpay(authorization: str, method: str, target: str, body: bytes) -> bool:
    """What WeChat Pay does with a call: the parts by name, and the signature over them."""
    scheme, _, rest = authorization.partition(" ")
    parts = {name: value.strip('"') for name, _, value in (part.partition("=") for part in rest.split(","))}
    text = f"{method}\n{target}\n{parts['timestamp']}\n{parts['nonce_str']}\n".encode() + body + b"\n"
    return scheme == "WECHATPAY2-SHA256-RSA2048" and verifies(parts["signature"], text)


def is_aws(received: Received, secret: str) -> bool:
    """What AWS does with a call to an address that needs no escapes: signs what is said to be signed, once more."""
    method, target, _ = received.line.split(" ")
    headers = {name.lower(): value for name, value in received.headers}
    said = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=\w+/([\w/-]+), SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})",
        headers["authorization"],
    )
    if said is None:
        return False
    path, _, query = target.partition("?")
    pairs = sorted((quote(name, ""), quote(value, "")) for name, value in parse_qsl(query, keep_blank_values=True))
    lines = [method, path, "&".join(f"{name}={value}" for name, value in pairs)]
    lines += [*(f"{name}:{headers[name]}" for name in said[2].split(";")), "", said[2]]
    digest = hashlib.sha256("\n".join([*lines, hashlib.sha256(received.payload).hexdigest()]).encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], said[1], digest])
    steps = [*said[1].split("/"), text]
    made = reduce(lambda key, step: hmac.digest(key, step.encode(), "sha256"), steps, f"AWS4{secret}".encode())
    return made.hex() == said[3]
