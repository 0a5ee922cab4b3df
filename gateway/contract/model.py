"""The files of the contract language as models: one class for each kind of block, unknown keys refused."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from gateway.contract.form import Form, parse_form
from gateway.contract.papers import Agreement, Covered, Transfers
from gateway.contract.sign import HookSignature, Secret, Sign
from gateway.contract.words import (
    Address,
    Bases,
    Block,
    Count,
    Country,
    Day,
    Digest,
    Duration,
    Flag,
    Jurisdiction,
    Key,
    Media,
    MediaType,
    Moment,
    Name,
    Roles,
    SecretName,
    Sentence,
    Size,
    Text,
    as_tuple,
)
from gateway.errors import CODES
from gateway.retention import RetentionClass
from gateway.vocabulary import (
    Attested,
    Category,
    Commercial,
    OrderLevel,
    Purpose,
    RiskTier,
    SubjectRole,
    VendorKind,
    VendorRole,
)


class Earlier(Block):
    """A number that this vendor gave us in an earlier answer; the person of that call is meant."""

    earlier: Text


class Subject(Block):
    ref: Literal["order"] | Earlier | Text | None = None
    jurisdiction: Text | None = None
    legal_basis: Bases
    optional: Flag = False


class Evidence(Block):
    order: Annotated[tuple[Text, ...], BeforeValidator(as_tuple)] = ()
    level: OrderLevel = OrderLevel.STATED
    assessment: Text | None = None
    law: Text | None = None


class Retention(Block):
    vendor_keeps: Duration
    why: Sentence


class Limits(Block):
    per_call: Annotated[Count, Field(ge=1)] | None = None
    per_hour: Count = Field(default=1000, ge=1)


class Retry(Block):
    attempts: Count = Field(ge=1, le=5)
    key: Text


class Group(Block):
    """Fields that leave for one reason, in one form."""

    why: Sentence
    of: Roles | None = None
    others: Sentence | None = None
    at: Annotated[tuple[Text, ...], BeforeValidator(as_tuple)] | None = None
    purpose: Purpose | None = None
    legal_basis: Bases | None = None
    when: dict[Text, tuple[Text, ...]] = Field(default={})
    fields: dict[Text, Category]
    form: Annotated[Form, BeforeValidator(parse_form)] = Form("as_is")
    max_chars: Count | None = Field(default=None, ge=1)
    required: tuple[Text, ...] | Literal["all"] = ()

    @model_validator(mode="before")
    @classmethod
    def _a_list_shares_its_category(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        fields, category = data.get("fields"), data.get("category")
        rest = {key: value for key, value in data.items() if key != "category"}
        if isinstance(fields, list):
            if category is None:
                raise ValueError("category: a list of fields needs the category of all of them beside it")
            if len(set(map(str, fields))) != len(fields):
                raise ValueError("twice: a path stands twice in the list")
            return rest | {"fields": dict.fromkeys(map(str, fields), category)}
        if isinstance(fields, str):
            raise ValueError(  # noqa: TRY004  pydantic tells of no other
                "category: `fields` is a map of places with their categories, or a list: write [one, another]"
            )
        if category is not None:
            raise ValueError("category: a map of fields has the category behind each path already")
        return data


def _as_block(value: object) -> object:
    return {"body": value} if isinstance(value, str) else value


class Nested(Block):
    """A document in a text or in a part. Encodings stand in the order in which they are taken off."""

    body: Literal["json", "form", "ndjson", "xml", "opaque"]
    encoding: Annotated[tuple[Literal["base64", "gzip"], ...], Field(max_length=4)] = ()
    media: tuple[MediaType, ...] = ()
    max_bytes: Size = 256 * 1024


class Section(Block):
    """One body, read and written: how, and in which groups."""

    body: Literal["json", "form", "multipart", "ndjson", "xml", "sentry-envelope", "opaque", "none"]
    media: Media = ()
    max_bytes: Size = 256 * 1024
    at: Text = "$"
    namespaces: tuple[Text, ...] = ()
    nested: dict[Text, Annotated[Nested, BeforeValidator(_as_block)]] = Field(default={})
    groups: tuple[Group, ...]


class Batch(Block):
    """A list in which each element is decided by itself."""

    items: Text
    if_refused: Literal["refuse_call", "drop_item"] = "refuse_call"


class Sending(Section):
    max_line: Size = 1024 * 1024
    urls: tuple[Address, ...] = ()
    batch: Batch | None = None
    when_empty: Literal["refuse", "accept"] = "refuse"
    vendor_requires: tuple[Text, ...] = ()


class ErrorAnswer(Block):
    body: Literal["json", "form", "xml", "none"]
    media: Media = ()
    at: Text = "$"
    namespaces: tuple[Text, ...] = ()
    groups: tuple[Group, ...]


class Answer(Section):
    errors: ErrorAnswer | None = None


class File(Block):
    file: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]+$")]


Http = Text | File


class Example(Block):
    """One call as the shop makes it, and what must become of it."""

    name: Text
    given: Http
    consents: tuple[Purpose, ...] = ()
    jurisdiction: Jurisdiction = "default"
    sends: Http | None = None
    withholds: tuple[Text, ...] | None = None
    refuses: Text | None = None
    answers: Http | None = None
    returns: Http | None = None

    @model_validator(mode="after")
    def _is_either_sent_or_refused(self) -> Self:
        if (self.sends is None) == (self.refuses is None):
            raise ValueError("give either `sends` or `refuses`")
        if self.refuses is not None and self.refuses not in CODES:
            raise ValueError("there is no such code in `refuses`; docs/refusals.md lists them")
        if self.returns is not None and self.answers is None:
            raise ValueError("`returns` needs `answers`")
        return self


class Operation(Block):
    """One API call of a vendor: who may make it, on what grounds, what may leave, what comes back."""

    operation: Name
    version: Count = Field(ge=1)
    status: Literal["draft", "observe", "enforce", "retired"] = "draft"
    until: Day | None = None
    owner: Name
    channel: Literal["gateway", "direct"] = "gateway"
    match: Text | None = None
    host: Name | None = None
    pins: dict[Text, Text] = Field(default={})
    callers: tuple[Name, ...] = Field(min_length=1)
    purpose: Purpose
    commercial: Commercial = Commercial.NONE
    subjects: dict[SubjectRole, Subject] | Literal["none"]
    evidence: Evidence = Evidence()
    retention: Retention
    role: VendorRole | None = None
    transfer: dict[Jurisdiction, Transfers] | None = None
    limits: Limits = Limits()
    retry: Retry | None = None
    token: tuple[Text, ...] | None = None
    credential: dict[Text, str] = Field(default={})
    sending: Sending
    answer: Answer | None = None
    examples: tuple[Example, ...] = ()


class LegalEntity(Block):
    """A company, never a person."""

    name: Text
    registration: Text
    address: Text
    contact: Text


class SubProcessor(Block):
    name: Text
    country: Country
    since: Day


class ClientCertificate(Block):
    """What we prove ourselves by when a connection is made: a certificate and its key, each the name of a secret."""

    certificate: Secret
    key: Secret


ACCESS_TOKEN = "$ACCESS_TOKEN"  # noqa: S105 - what stands in credentials for a token that is fetched


class OAuth(Block):
    """How the gateway signs in at the vendor: with its own credentials, for a token of some time.

    `auth` is where the credentials stand, by the words of RFC 7591, section 2: HTTP Basic or the form.
    """

    url: Text
    id: Secret
    secret: Secret
    scope: Text | None = None
    auth: Literal["client_secret_basic", "client_secret_post"] = "client_secret_basic"


class Environment(Block):
    hosts: dict[Name, Text] | None = None
    credential: dict[Text, str] | None = None
    keys: dict[SecretName, Key] | None = None
    key_pattern: re.Pattern[str] | None = None
    client_certificate: ClientCertificate | None = None
    oauth: OAuth | None = None
    test_subjects_only: Flag | None = None


class Notices(Block):
    how: Literal["https", "mail", "task"] = "task"
    to: Text | None = None
    operation: Name | None = None
    daily: Flag = False


class Attests(Block):
    attests: Duration


class KeepsByLaw(Block):
    keeps_by_law: Text


def _service(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.fragment:
        raise ValueError("write the address of a service of the shop, like http://orders.internal:8090/hooks")
    return text


class Receiving(Section):
    """The body of a call that the vendor makes."""


class Hook(Block):
    """A call that the vendor makes: signed by it, minimised like an answer, and handed to a service of the shop."""

    to: Annotated[str, AfterValidator(_service)]
    signature: HookSignature
    receiving: Receiving


WORDS = ("$code", "$message", "$status")
"""What is filled in where a vendor's file says what its SDKs look for in a refusal."""


class Vendor(Block):
    """Who a vendor is, where it is, its agreements and keys."""

    vendor: Name
    kind: VendorKind
    role: VendorRole
    legal_entity: LegalEntity
    countries: tuple[Country, ...] = Field(min_length=1)
    sub_processors: tuple[SubProcessor, ...] = ()
    agreements: tuple[Agreement, ...]
    transfer: dict[Jurisdiction, Transfers]
    review: Day
    risk: RiskTier | None = None
    hosts: dict[Name, Text] | None = None
    networks: tuple[Text, ...] = ()
    environments: dict[Literal["sandbox", "live"], Environment] = Field(default={})
    headers: dict[Text, Sentence] = Field(default={})
    urls: tuple[Address, ...] = ()
    token: tuple[Text, ...]
    credential: dict[Text, str]
    keys: dict[SecretName, Key] = Field(default={})
    client_certificate: ClientCertificate | None = None
    oauth: OAuth | None = None
    test_subjects_only: Flag = False
    sign_in: Annotated[str, StringConstraints(pattern=r"^(GET|POST) (/[A-Za-z0-9._~-]+)+$")] | None = None
    sign: Sign | None = None
    refusals: dict[str, Any] | None = None
    no_retry: dict[Text, Text] = Field(default={})
    errors: ErrorAnswer | None = None
    deletion: Literal["confirms"] | Attests | KeepsByLaw = "confirms"
    notices: Notices = Notices()
    attestations: dict[Attested, Duration] = Field(default={})
    hooks: dict[Name, Hook] = Field(default={})

    @property
    def attests(self) -> Mapping[Attested, str]:
        """What the vendor is to say in writing, and how often."""
        deletion = {Attested.DELETION: self.deletion.attests} if isinstance(self.deletion, Attests) else {}
        return {**deletion, **self.attestations}


def importers_of(vendor: Vendor) -> tuple[str, ...]:
    """The countries that data goes to: the vendor's, and those of the companies that work for it."""
    return tuple(dict.fromkeys((*vendor.countries, *(each.country for each in vendor.sub_processors))))


class PolicyDraft(Block):
    """What a version of the policy says, whenever it is published."""

    version: Text
    document: Digest
    purposes: tuple[Purpose, ...]
    vendor_kinds: tuple[VendorKind, ...]
    receives: dict[VendorKind, tuple[Covered, ...]] = Field(default={})


class PolicyVersion(PolicyDraft):
    published: Moment


class Policy(Block):
    """The published privacy policy, in versions; each is in force from its publication until the next."""

    markets: tuple[Jurisdiction, ...] = Field(min_length=1)
    time_zone: Text
    versions: tuple[PolicyVersion, ...] = Field(min_length=1)
    retention: dict[RetentionClass, Duration] = Field(default={})


class Entity(Block):
    """A company of the shop that discloses."""

    name: Text
    country: Country
    representative: Text | None = None
    contact: Text


class Entities(Block):
    entities: dict[Name, Entity] = Field(min_length=1)
