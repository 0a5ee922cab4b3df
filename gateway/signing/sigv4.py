"""Signature Version 4 of Amazon Web Services: HMAC-SHA-256 over a canonical form of the request, in Authorization."""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qsl, quote, unquote

from gateway.frozen import changed
from gateway.outbound.send import Sending
from gateway.signing.signer import Moment
from gateway.vocabulary.signatures import headers_of_scheme

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_REQUEST: Final = "aws4_request"
_UNRESERVED: Final = "-_.~"
# What an intermediary may change on the way is not signed.
_NOT_SIGNED: Final = frozenset({"user-agent", "connection", "expect", "transfer-encoding", "x-amzn-trace-id"})


@dataclass(frozen=True, slots=True)
class SigV4:
    """Signs with a key of one account, for one region and service."""

    access_key: str
    secret: str = field(repr=False)
    region: str
    service: str
    session_token: str = field(default="", repr=False)
    headers: frozenset[str] = headers_of_scheme("aws-sigv4")
    parameters: tuple[str, ...] = ()

    def sign(self, sending: Sending, authority: str, moment: Moment) -> Sending:
        time = moment.now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        digest = sha256(sending.payload).hexdigest()
        added = [("x-amz-date", time)]
        if self.service == "s3":
            added.append(("x-amz-content-sha256", digest))
        if self.session_token:
            added.append(("x-amz-security-token", self.session_token))
        headers = canonical_headers([("host", authority), *sending.headers, *added])
        path, _, query = sending.target.partition("?")
        names = ";".join(headers)
        lines = [sending.method, self._path(path), canonical_query(query)]
        lines += [f"{name}:{value}" for name, value in headers.items()]
        request = "\n".join([*lines, "", names, digest])
        scope = "/".join((time[:8], self.region, self.service, _REQUEST))
        text = "\n".join((_ALGORITHM, time, scope, sha256(request.encode()).hexdigest()))
        proof = hmac.new(self._key(time[:8]), text.encode(), "sha256").hexdigest()
        says = f"{_ALGORITHM} Credential={self.access_key}/{scope}, SignedHeaders={names}, Signature={proof}"
        return changed(sending, headers=(*sending.headers, *added, ("authorization", says)))

    def _key(self, day: str) -> bytes:
        key = f"AWS4{self.secret}".encode()
        for part in (day, self.region, self.service, _REQUEST):
            key = hmac.digest(key, part.encode(), "sha256")
        return key

    def _path(self, path: str) -> str:
        """Objects of S3 are named by their path as it is; everywhere else it is made plain, and escaped once more."""
        if self.service == "s3":
            return quote(unquote(path), safe=f"/{_UNRESERVED}")
        kept: list[str] = []
        for step in path.split("/"):
            if step == ".." and kept:
                kept.pop()
            elif step not in ("", ".", ".."):
                kept.append(step)
        plain = "/".join(["", *kept]) + ("/" if kept and path.endswith("/") else "")
        return quote(plain, safe=f"/{_UNRESERVED}") or "/"


def canonical_query(query: str) -> str:
    """Pairs escaped in the one way that AWS has, sorted by name and then by value."""
    pairs = parse_qsl(query, keep_blank_values=True, errors="strict")
    escaped = sorted((quote(name, safe=_UNRESERVED), quote(value, safe=_UNRESERVED)) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in escaped)


def canonical_headers(headers: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """Signed headers by name in lower case and sorted, the values of one name joined, spaces in them made one."""
    values: dict[str, list[str]] = {}
    for name, value in headers:
        if name.lower() not in _NOT_SIGNED:
            values.setdefault(name.lower(), []).append(" ".join(value.split()))
    return {name: ",".join(values[name]) for name in sorted(values)}
