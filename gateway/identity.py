"""Who is asking: service tokens, how one is found in a call, and what it proves."""

import binascii
import json
import re
import secrets
from base64 import urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Annotated, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt import PyJWS, PyJWTError
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from gateway.contract.words import Name
from gateway.errors import Refusal, refuse
from gateway.misfit import Id
from gateway.vocabulary import Role

Environment = Literal["sandbox", "live"]

STAFF = frozenset(Role) - {Role.SERVICE, Role.SUBJECT, Role.AGENT}
HOUR = 60 * 60  # seconds
DAY = 24 * HOUR
ISSUER = "data-sharing-gateway"
AUDIENCES: Mapping[Role, str] = {role: f"data-sharing-gateway/{role}" for role in Role} | {
    Role.SERVICE: "data-sharing-gateway"
}
LIFETIMES: Mapping[Role, int] = {Role.AUDITOR: 30 * DAY, Role.SUBJECT: HOUR, Role.AGENT: DAY}
"""The longest that a token of a role lives, in seconds; of the others, whoever issues one decides."""
LONGEST = 4_096  # characters of a token
LEEWAY = 60  # seconds that the clock of the node that issued a token may be ahead of ours
CACHED = 4_096  # tokens

_ROLES: Mapping[str, Role] = {audience: role for role, audience in AUDIENCES.items()}
_NAME = re.compile(r"(?=.{1,64}\Z)[a-z][a-z0-9]*(-[a-z0-9]+)*")
_ALGORITHM = "EdDSA"
_EDDSA = PyJWS(algorithms=[_ALGORITHM])
_SHORTEST = 40
# Possessive, so that a long text that is no token costs one look at each character.
_SHAPE = re.compile(r"(?<![\w.-])(?:[A-Za-z]{1,16}_){0,2}?(eyJ[\w-]++\.[\w-]++\.[\w-]++)(?![\w.=-])", re.ASCII)
# 64 bytes are 86 characters, and the last leaves four bits over: any but zeros there would be a second spelling.
_SIGNED = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]{85}[AQgw]", re.ASCII)
_BASIC = re.compile(r"\s*Basic\s+([A-Za-z0-9+/]+={0,2})\s*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a token proves its bearer to be until `expires`, in Unix seconds; for one `vendor` only where it is given.

    `service` is the name of a service or of somebody who works for the shop; for a person about whom data is kept it
    is empty, and `subject` is the shop's reference of them. `services` are those that an engineer answers for.
    """

    service: str
    token_id: str
    entity: str
    environment: Environment
    vendor: str | None
    expires: int
    role: Role
    subject: str = field(default="", repr=False)
    services: tuple[str, ...] = ()


def _is_audience(text: str) -> str:
    if text not in _ROLES:
        raise ValueError("not an audience of this gateway")
    return text


class _Claims(BaseModel):
    """What a token says (RFC 7519 section 4). A claim that is not known here could narrow it, so it does not pass."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    iss: Literal["data-sharing-gateway"]
    aud: Annotated[str, AfterValidator(_is_audience)]
    sub: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    jti: Id
    iat: int
    exp: int
    nbf: int | None = None
    entity: Name
    environment: Environment
    vendor: Name | None = None
    services: tuple[Name, ...] | None = Field(default=None, min_length=1, max_length=50, strict=False)

    @model_validator(mode="after")
    def _is_named(self) -> "_Claims":
        if self.role is not Role.SUBJECT and not _NAME.fullmatch(self.sub):
            raise ValueError("sub is not a name as contracts have them")
        if (self.role is Role.ENGINEER) is (self.services is None):
            raise ValueError("an engineer answers for services (`--own` names each), and nobody else does")
        return self

    @property
    def role(self) -> Role:
        return _ROLES[self.aud]

    def caller(self) -> Caller:
        service, subject = ("", self.sub) if self.role is Role.SUBJECT else (self.sub, "")
        return Caller(
            service,
            self.jti,
            self.entity,
            self.environment,
            self.vendor,
            self.exp,
            self.role,
            subject,
            self.services or (),
        )


class Tokens:
    """Issues and verifies the tokens of one gateway: JWT (RFC 7519), EdDSA over Ed25519 (RFC 8037), nothing else."""

    def __init__(
        self,
        key: bytes,
        *,
        now: Callable[[], float],
        revoked: Callable[[str], bool],
        randomness: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """`key` is an Ed25519 seed of 32 bytes, `now` Unix seconds; `revoked` is asked for a token's id at every use.

        Raises ValueError for a key of another length.
        """
        self._private = Ed25519PrivateKey.from_private_bytes(key)
        self._public = self._private.public_key()
        self._header = {"alg": _ALGORITHM, "kid": thumbprint(self._public), "typ": "JWT"}
        self._now = now
        self._revoked = revoked
        self._randomness = randomness
        # By digest: no token stays in memory, and the time that a look takes tells nothing about one.
        self._proven: OrderedDict[bytes, Caller] = OrderedDict()

    def issue(
        self,
        service: str,
        *,
        entity: str,
        environment: Environment,
        vendor: str | None = None,
        lifetime: int,
        role: Role = Role.SERVICE,
        services: Sequence[str] = (),
    ) -> tuple[str, Caller]:
        """A new token that is valid for `lifetime` seconds, and what it proves.

        Raises ValueError for names that no contract could name, and for a lifetime that is not positive or longer than
        the role may have.
        """
        if not 0 < lifetime <= LIFETIMES.get(role, lifetime):
            raise ValueError(f"a token of this role lives for 1 to {LIFETIMES.get(role, '…')} seconds")
        issued = int(self._now())
        claims = _Claims.model_validate(
            {
                "iss": ISSUER,
                "aud": AUDIENCES[role],
                "sub": service,
                "jti": self._randomness(16).hex(),
                "iat": issued,
                "exp": issued + lifetime,
                "entity": entity,
                "environment": environment,
                "vendor": vendor,
                "services": list(services) or None,
            }
        )
        payload = claims.model_dump_json(exclude_none=True).encode()
        return _EDDSA.encode(payload, self._private, _ALGORITHM, headers=dict(self._header)), claims.caller()

    def verify(self, text: str, *, roles: Collection[Role] = (Role.SERVICE,)) -> Caller:
        """Whom a token proves. Signatures are checked once; expiry and revocation at every use.

        Raises Refusal `caller.unknown` for all but a token of this gateway, for one of these roles, in force now.
        """
        if len(text) > LONGEST or not text.isascii():
            raise _unknown("not the shape of a gateway token")
        now = self._now()
        digest = sha256(text.encode()).digest()
        caller = self._proven.get(digest) or self._prove(text, digest, now)
        if caller.role not in roles:
            raise _unknown("the token is for another audience")
        # Taken out and put in again: what is not in force any more does not stay.
        del self._proven[digest]
        self.demand_in_force(caller)
        self._proven[digest] = caller
        return caller

    def demand_in_force(self, caller: Caller) -> None:
        """Raises Refusal `caller.unknown` where the token that proved a caller has expired or was revoked since."""
        if caller.expires <= self._now():
            raise _unknown("the token has expired")
        if self._revoked(caller.token_id):
            raise _unknown("the token was revoked")

    def _prove(self, text: str, digest: bytes, now: float) -> Caller:
        claims = self._claims(text)
        if max(claims.iat, claims.nbf or 0) > now + LEEWAY:
            raise _unknown("the token is not valid yet")
        caller = self._proven[digest] = claims.caller()
        if len(self._proven) > CACHED:
            self._proven.popitem(last=False)
        return caller

    def _claims(self, text: str) -> _Claims:
        if not _SIGNED.fullmatch(text):
            raise _unknown("not the shape of a gateway token")
        try:
            token = _EDDSA.decode_complete(text, self._public, algorithms=[_ALGORITHM])
        except PyJWTError:
            # `from None`, here and below: the library's own error can carry parts of the token.
            raise _unknown("the token is not signed by this gateway") from None
        if token["header"] != self._header:
            raise _unknown("the token's header is not of this gateway")
        try:
            return _Claims.model_validate_json(token["payload"])
        except ValidationError:
            raise _unknown("the token's claims are not of this gateway") from None


def token_in(text: str) -> tuple[str, ...]:
    """Every text of the shape of a gateway token in the value of a header, a query parameter or a body member.

    It may stand alone, after a scheme word, among other values, or in Basic as user or password (RFC 7617); also behind
    a word and `_`, where an SDK looks at how its key begins (`access_…`).
    """
    if basic := _BASIC.fullmatch(text):
        text = _decoded(basic[1])
    return tuple(token for token in _SHAPE.findall(text) if len(token) >= _SHORTEST)


def find_token(values: Iterable[str]) -> str:
    """The one token in these values. Raises Refusal `caller.unknown` where there is none, or where two differ."""
    found = {token for value in values for token in token_in(value)}
    if not found:
        raise _unknown("no service token")
    if len(found) > 1:
        raise _unknown("two different tokens")
    return found.pop()


def thumbprint(key: Ed25519PublicKey) -> str:
    """Under which name a key stands in the header of a token (RFC 7638, RFC 8037 appendix A.3)."""
    members = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(key.public_bytes_raw())}
    return _base64url(sha256(json.dumps(members, separators=(",", ":")).encode()).digest())


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> str:
    try:
        return binascii.a2b_base64(text, strict_mode=True).decode("latin-1")
    except binascii.Error:
        return ""


def _unknown(reason: str) -> Refusal:
    return refuse("caller.unknown", reason)
