"""Signatures of calls that vendors make: an HMAC with SHA-256 (RFC 2104), over the body and mostly a time."""

import hmac
from collections.abc import Sequence
from datetime import datetime

from gateway.contract.sign import HookSignature
from gateway.signing.hmac_sha256 import ENCODINGS

Headers = Sequence[tuple[str, str]]


def is_hook_signed(signature: HookSignature, key: bytes, headers: Headers, body: bytes, now: datetime) -> bool:
    """Whether the vendor signed these bytes, and not too long ago where it says when. Header names in lower case."""
    said = [value for name, value in headers if name == signature.header.lower()]
    if len(said) != 1 or not key:
        return False
    time, made = _parts(signature, said[0], headers)
    if signature.scheme == "stripe" or signature.timestamp is not None:
        if not (time.isascii() and time.isdigit()) or abs(now.timestamp() - int(time[:15])) > signature.tolerance:
            return False
        body = time.encode("ascii") + b"." + body
    wanted = ENCODINGS[signature.encoding](hmac.digest(key, body, "sha256")).encode()
    return any(hmac.compare_digest(wanted, each.encode("utf-8", "replace")) for each in made)


def _parts(signature: HookSignature, said: str, headers: Headers) -> tuple[str, list[str]]:
    """The time that is signed, and the signatures: of Stripe there are several while a key is changed."""
    if signature.scheme == "stripe":
        pairs = [part.strip().partition("=") for part in said.split(",")]
        times = [value for name, _, value in pairs if name == "t"]
        return (times[0] if len(times) == 1 else ""), [value for name, _, value in pairs if name == "v1"]
    times = [value for name, value in headers if name == (signature.timestamp or "").lower()]
    made = [said.removeprefix(signature.prefix)] if said.startswith(signature.prefix) else []
    return (times[0] if len(times) == 1 else ""), made
