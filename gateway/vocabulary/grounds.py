"""On which ground data about whom may go: subjects, legal bases, consent, and the rights that follow."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class SubjectRole(StrEnum):
    """In which role a person appears in a call."""

    PURCHASER = "purchaser"
    CONSIGNEE = "consignee"
    PAYER = "payer"
    VISITOR = "visitor"
    REVIEWER = "reviewer"
    EMPLOYEE = "employee"


class Evidence(StrEnum):
    """What must exist for a legal basis to hold: an order, a balancing assessment, a citation, or consent on record.

    A company is nobody who could consent, and that it is one stands in the place of that.
    """

    ORDER = "order"
    ASSESSMENT = "assessment"
    LAW = "law"
    CONSENT = "consent"
    LEGAL_PERSON = "legal_person"


class LegalBasis(StrEnum):
    """The ground on which data may be used."""

    CONSENT = "consent"
    EXPLICIT_CONSENT = "explicit_consent"
    PERFORMANCE_OF_CONTRACT = "performance_of_contract"
    PRE_CONTRACT = "pre_contract"
    LEGAL_OBLIGATION = "legal_obligation"
    VITAL_INTEREST = "vital_interest"
    PUBLIC_TASK = "public_task"
    LEGITIMATE_INTEREST = "legitimate_interest"


@dataclass(frozen=True, slots=True)
class BasisTerm:
    """Where a legal basis stands in law.

    `gdpr` and `rights` are articles of the GDPR, `pipl` articles of the PIPL or None where China does not know the
    basis. `rights` follow DPV's mapping of bases to rights: what the person may ask for when the basis is this one.
    """

    gdpr: str
    dpv: tuple[str, ...]
    pipl: str | None
    rights: tuple[str, ...]
    needs: Evidence | None


_CONSENT_RIGHTS = ("13", "14", "15", "16", "17", "18", "20", "22", "7(3)", "77")
_CONTRACT_RIGHTS = ("13", "14", "15", "16", "17", "18", "20", "22", "77")

BASES: Mapping[LegalBasis, BasisTerm] = {
    LegalBasis.CONSENT: BasisTerm(
        "6(1)(a)",
        ("eu-gdpr:A6-1-a",),
        "13(1)",
        _CONSENT_RIGHTS,
        Evidence.CONSENT,
    ),
    LegalBasis.EXPLICIT_CONSENT: BasisTerm(
        "6(1)(a)",
        ("eu-gdpr:A6-1-a-explicit-consent", "eu-gdpr:A9-2-a"),
        "14, 23, 25, 29, 39",
        _CONSENT_RIGHTS,
        Evidence.CONSENT,
    ),
    LegalBasis.PERFORMANCE_OF_CONTRACT: BasisTerm(
        "6(1)(b)",
        ("eu-gdpr:A6-1-b-contract-performance",),
        "13(2)",
        _CONTRACT_RIGHTS,
        Evidence.ORDER,
    ),
    LegalBasis.PRE_CONTRACT: BasisTerm(
        "6(1)(b)",
        ("eu-gdpr:A6-1-b-enter-into-contract",),
        "13(2)",
        _CONTRACT_RIGHTS,
        Evidence.ORDER,
    ),
    LegalBasis.LEGAL_OBLIGATION: BasisTerm(
        "6(1)(c)",
        ("eu-gdpr:A6-1-c",),
        "13(3)",
        ("13", "15", "16", "18", "77"),
        Evidence.LAW,
    ),
    LegalBasis.VITAL_INTEREST: BasisTerm(
        "6(1)(d)",
        ("eu-gdpr:A6-1-d-data-subject", "eu-gdpr:A6-1-d-natural-person"),
        "13(4)",
        ("13", "14", "15", "16", "17", "18", "22", "77"),
        None,
    ),
    LegalBasis.PUBLIC_TASK: BasisTerm(
        "6(1)(e)",
        ("eu-gdpr:A6-1-e",),
        "13(3), 13(5)",
        ("13", "14", "15", "16", "18", "21", "22", "77"),
        None,
    ),
    LegalBasis.LEGITIMATE_INTEREST: BasisTerm(
        "6(1)(f)",
        ("eu-gdpr:A6-1-f-controller", "eu-gdpr:A6-1-f-third-party"),
        None,
        ("13", "14", "15", "16", "17", "18", "21", "22", "77"),
        Evidence.ASSESSMENT,
    ),
}

# A shop has no public task unless its settings say otherwise.
OFF_BY_DEFAULT: frozenset[LegalBasis] = frozenset({LegalBasis.PUBLIC_TASK})


class ConsentState(StrEnum):
    """What became of a question for consent."""

    REQUESTED = "requested"
    GIVEN = "given"
    RENEWED = "renewed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    INVALIDATED = "invalidated"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


CONSENT_STATES: Mapping[ConsentState, str] = {
    ConsentState.REQUESTED: "dpv:ConsentRequested",
    ConsentState.GIVEN: "dpv:ConsentGiven",
    ConsentState.RENEWED: "dpv:RenewedConsentGiven",
    ConsentState.REFUSED: "dpv:ConsentRefused",
    ConsentState.WITHDRAWN: "dpv:ConsentWithdrawn",
    ConsentState.EXPIRED: "dpv:ConsentExpired",
    ConsentState.INVALIDATED: "dpv:ConsentInvalidated",
    ConsentState.REVOKED: "dpv:ConsentRevoked",
    ConsentState.UNKNOWN: "dpv:ConsentUnknown",
}

# The states under which data may go; any other, and none at all, mean no.
VALID_CONSENT: frozenset[ConsentState] = frozenset({ConsentState.GIVEN, ConsentState.RENEWED})


class Right(StrEnum):
    """What a person may ask for."""

    ACCESS = "access"
    RECTIFICATION = "rectification"
    ERASURE = "erasure"
    WITHDRAW_CONSENT = "withdraw_consent"
    RESTRICTION = "restriction"
    PORTABILITY = "portability"
    OBJECTION = "objection"
    RECIPIENT_NOTICE = "recipient_notice"


@dataclass(frozen=True, slots=True)
class RightTerm:
    """Where a right stands in law; `pipl` are articles of the PIPL, None where it has no such right."""

    dpv: str
    pipl: str | None


RIGHTS: Mapping[Right, RightTerm] = {
    Right.ACCESS: RightTerm("eu-gdpr:A15", "44, 45"),
    Right.RECTIFICATION: RightTerm("eu-gdpr:A16", "46"),
    Right.ERASURE: RightTerm("eu-gdpr:A17", "47"),
    Right.WITHDRAW_CONSENT: RightTerm("eu-gdpr:A7-3", "15, 16"),
    Right.RESTRICTION: RightTerm("eu-gdpr:A18", "44"),
    Right.PORTABILITY: RightTerm("eu-gdpr:A20", "45"),
    Right.OBJECTION: RightTerm("eu-gdpr:A21", "44"),
    Right.RECIPIENT_NOTICE: RightTerm("eu-gdpr:A19", None),
}


class RequestStatus(StrEnum):
    """How far a rights request has come."""

    INITIATED = "initiated"
    ACKNOWLEDGED = "acknowledged"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FULFILLED = "fulfilled"
    UNFULFILLED = "unfulfilled"
    REQUIRES_ACTION = "requires_action"


REQUEST_STATUSES: Mapping[RequestStatus, str] = {
    RequestStatus.INITIATED: "dpv:RequestInitiated",
    RequestStatus.ACKNOWLEDGED: "dpv:RequestAcknowledged",
    RequestStatus.ACCEPTED: "dpv:RequestAccepted",
    RequestStatus.REJECTED: "dpv:RequestRejected",
    RequestStatus.FULFILLED: "dpv:RequestFulfilled",
    RequestStatus.UNFULFILLED: "dpv:RequestUnfulfilled",
    RequestStatus.REQUIRES_ACTION: "dpv:RequestRequiresAction",
}


CLOSED_REQUESTS: frozenset[RequestStatus] = frozenset(
    {RequestStatus.REJECTED, RequestStatus.FULFILLED, RequestStatus.UNFULFILLED}
)


class Ruling(StrEnum):
    """What is done about one category of data that a rights request is about."""

    RECTIFY = "rectify"
    ERASE = "erase"
    RESTRICT = "restrict"
    STOP = "stop"
    CONTINUE = "continue"
    """Orders under way go on, as whoever withdrew everything wants it."""
    REFUSE = "refuse"


RULINGS: Mapping[Right, tuple[Ruling, ...]] = {
    Right.RECTIFICATION: (Ruling.RECTIFY, Ruling.REFUSE),
    Right.ERASURE: (Ruling.ERASE, Ruling.RESTRICT, Ruling.REFUSE),
    Right.RESTRICTION: (Ruling.RESTRICT, Ruling.REFUSE),
    Right.OBJECTION: (Ruling.STOP, Ruling.REFUSE),
}
"""What may be decided about each right that somebody has to decide about; the first one is what was asked for."""


class RefusalReason(StrEnum):
    """Why a rights request is turned down."""

    LEGALLY_REQUIRED = "legally_required"
    LEGAL_CLAIMS = "legal_claims"
    IDENTITY_FAILURE = "identity_failure"
    LEGAL_OBLIGATION_IMPAIRED = "legal_obligation_impaired"
    LEGAL_CLAIM_IMPAIRED = "legal_claim_impaired"
    DISPROPORTIONATE_EFFORT = "disproportionate_effort"


REFUSAL_REASONS: Mapping[RefusalReason, str] = {
    RefusalReason.LEGALLY_REQUIRED: "eu-gdpr:JustificationA17LegallyRequired",
    RefusalReason.LEGAL_CLAIMS: "eu-gdpr:JustificationA17LegalClaims",
    RefusalReason.IDENTITY_FAILURE: "eu-gdpr:JustificationA12IdentityFailure",
    RefusalReason.LEGAL_OBLIGATION_IMPAIRED: "just:LegalObligationImpaired",
    RefusalReason.LEGAL_CLAIM_IMPAIRED: "just:LegalClaimImpaired",
    RefusalReason.DISPROPORTIONATE_EFFORT: "just:DisproportionateEffortRequired",
}
