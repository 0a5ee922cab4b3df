"""How a contract says that calls are signed: one block for each scheme of ours, and one for calls that vendors make."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from gateway.contract.words import Block, Count

_SECRET = re.compile(r"\$[A-Z][A-Z0-9_]*")


def _secret(text: str) -> str:
    if not _SECRET.fullmatch(text):
        raise ValueError("secret: a key is not written out; write $NAME, and set it outside")
    return text


Secret = Annotated[str, AfterValidator(_secret)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Header = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")]


class Scheme(Block):
    """A block of a vendor file that names a scheme and its keys."""


class HmacSha256(Scheme):
    """HMAC-SHA-256 (RFC 2104) over a text of the contract's own, put into headers of its own."""

    scheme: Literal["hmac-sha256-body"]
    key: Secret
    key_encoding: Literal["text", "base64", "hex"] = "text"
    over: Text = "$body"
    encoding: Literal["hex", "base64"] = "hex"
    timestamp: Literal["seconds", "milliseconds", "iso"] = "seconds"
    headers: dict[Text, Text]


class Alipay(Scheme):
    """RSA2 of Alipay: over the sorted parameters of query and form, in the parameter `sign`."""

    scheme: Literal["rsa-sha256-params"]
    key: Secret
    verify: Secret | None = None
    answers: Secret | None = None


class WechatPay(Scheme):
    """WECHATPAY2-SHA256-RSA2048 of WeChat Pay, API v3: over method, target, time, nonce and body, in Authorization."""

    scheme: Literal["rsa-sha256-request"]
    key: Secret
    mchid: Text
    serial_no: Text
    verify: Secret | None = None
    answers: Secret | None = None


class AwsSigV4(Scheme):
    """Signature Version 4 of Amazon Web Services, in headers."""

    scheme: Literal["aws-sigv4"]
    key: Secret
    access_key: Text
    region: Text
    service: Text
    session_token: Secret | None = None


Sign = Annotated[HmacSha256 | Alipay | WechatPay | AwsSigV4, Field(discriminator="scheme")]


class HookSignature(Block):
    """How a vendor signs what it sends: an HMAC over the body, or over a time, a full stop and the body."""

    scheme: Literal["hmac-sha256", "stripe"]
    key: Secret
    header: Header = "Stripe-Signature"
    prefix: Annotated[str, StringConstraints(max_length=64)] = ""
    encoding: Literal["hex", "base64"] = "hex"
    timestamp: Header | None = None
    tolerance: Count = Field(default=300, ge=1, le=3600)
