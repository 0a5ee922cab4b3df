"""The companies that receive data: their kinds and roles, and the paper that binds them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class VendorKind(StrEnum):
    """What a vendor does for the shop; the published policy closes the list."""

    LOGISTICS = "logistics"
    PAYMENT = "payment"
    MAINTENANCE = "maintenance"


class VendorRole(StrEnum):
    """What a vendor is in law when it has the data."""

    PROCESSOR = "processor"
    CONTROLLER = "controller"
    JOINT_CONTROLLER = "joint_controller"


VENDOR_ROLES: Mapping[VendorRole, tuple[str, ...]] = {
    VendorRole.PROCESSOR: ("dpv:DataProcessor",),
    VendorRole.CONTROLLER: ("dpv:DataController", "dpv:ThirdParty"),
    VendorRole.JOINT_CONTROLLER: ("dpv:JointDataControllers",),
}


class AgreementType(StrEnum):
    """What kind of paper was signed."""

    NDA = "nda"
    CONFIDENTIALITY = "confidentiality"
    DPA = "dpa"
    C2C_SHARING = "c2c_sharing"
    JOINT = "joint"
    SUB_PROCESSING = "sub_processing"
    SCC = "scc"
    BCR = "bcr"
    ADHOC_CLAUSES = "adhoc_clauses"
    CN_STANDARD_CONTRACT = "cn_standard_contract"
    SLA = "sla"
    STANDARD_TERMS = "standard_terms"
    STATUTORY_SECRECY = "statutory_secrecy"


class AgreementStatus(StrEnum):
    """How far an agreement has come."""

    DRAFTED = "drafted"
    PARTIALLY_SIGNED = "partially_signed"
    SIGNED = "signed"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    BREACHED = "breached"
    EXPIRED = "expired"
    TERMINATED = "terminated"


AGREEMENT_STATUSES: Mapping[AgreementStatus, str] = {
    AgreementStatus.DRAFTED: "dpv:ContractDrafted",
    AgreementStatus.PARTIALLY_SIGNED: "dpv:ContractPartiallySigned",
    AgreementStatus.SIGNED: "dpv:ContractFullySigned",
    AgreementStatus.ACTIVE: "dpv:ContractActive",
    AgreementStatus.SUSPENDED: "dpv:ContractTemporarilySuspended",
    AgreementStatus.BREACHED: "dpv:ContractBreached",
    AgreementStatus.EXPIRED: "dpv:ContractExpired",
    AgreementStatus.TERMINATED: "dpv:ContractTerminated",
}

# The statuses under which data may go.
IN_FORCE: frozenset[AgreementStatus] = frozenset({AgreementStatus.ACTIVE})


class RiskTier(StrEnum):
    """How much harm a vendor could do with what it has: the shop's own judgement, held when the vendor is reviewed."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


REVIEWED_EVERY: Mapping[RiskTier, str] = {
    RiskTier.LOW: "P3Y",
    RiskTier.MEDIUM: "P2Y",
    RiskTier.HIGH: "P1Y",
}
"""After a review the next one is due so long later at the latest, whatever day was entered (PIPL 21; NDSR 12)."""


class Attested(StrEnum):
    """What a vendor says of itself in writing, from time to time (GDPR 28(3)(h); PIPL 21; NDSR 12)."""

    CONFIDENTIALITY = "confidentiality"
    DELETION = "deletion"
    SECURITY = "security"
    SUB_PROCESSORS = "sub_processors"


class Clause(StrEnum):
    """What an agreement has to say: the policy's own three, and those of GDPR 28(3)."""

    CONFIDENTIALITY = "confidentiality"
    NO_MARKETING_USE = "no_marketing_use"
    NO_SALE = "no_sale"
    INSTRUCTIONS = "instructions"
    SECURITY = "security"
    SUB_PROCESSORS = "sub_processors"
    ASSISTANCE = "assistance"
    DELETE_OR_RETURN = "delete_or_return"
    AUDIT = "audit"


_OF_EVERYBODY = frozenset({Clause.CONFIDENTIALITY, Clause.NO_MARKETING_USE, Clause.NO_SALE})
_OF_PROCESSORS = frozenset(
    {
        Clause.INSTRUCTIONS,
        Clause.SECURITY,
        Clause.SUB_PROCESSORS,
        Clause.ASSISTANCE,
        Clause.DELETE_OR_RETURN,
        Clause.AUDIT,
    },
)

CLAUSES_NEEDED: Mapping[VendorRole, frozenset[Clause]] = {
    VendorRole.PROCESSOR: _OF_EVERYBODY | _OF_PROCESSORS,
    VendorRole.CONTROLLER: _OF_EVERYBODY,
    VendorRole.JOINT_CONTROLLER: _OF_EVERYBODY,
}


@dataclass(frozen=True, slots=True)
class AgreementTerm:
    """What a type of agreement is good for.

    `satisfies` are the roles whose vendors need no other agreement; `transfer_only` carries data over a border and
    opens the door to nobody. `implies` are clauses that it has without saying so. What nobody signs may be without a
    last day: published terms are accepted by use, and a law binds until it changes.
    """

    dpv: tuple[str, ...]
    satisfies: frozenset[VendorRole] = frozenset()
    transfer_only: bool = False
    implies: frozenset[Clause] = frozenset()
    is_signed: bool = True


_FOR_PROCESSOR = frozenset({VendorRole.PROCESSOR})
_FOR_CONTROLLER = frozenset({VendorRole.CONTROLLER})
_FOR_JOINT_CONTROLLER = frozenset({VendorRole.JOINT_CONTROLLER})

# GDPR 28(3) and PIPL 21 ask for a processing agreement; who decides alone concludes none, and signs confidentiality.
AGREEMENTS: Mapping[AgreementType, AgreementTerm] = {
    AgreementType.NDA: AgreementTerm(("dpv:NDA",), _FOR_CONTROLLER),
    AgreementType.CONFIDENTIALITY: AgreementTerm(("dpv:ConfidentialityAgreement",), _FOR_CONTROLLER),
    AgreementType.DPA: AgreementTerm(
        ("dpv:DataProcessingAgreement", "dpv:ControllerProcessorAgreement"), _FOR_PROCESSOR
    ),
    AgreementType.C2C_SHARING: AgreementTerm(("dpv:ThirdPartyAgreement",), _FOR_CONTROLLER),
    AgreementType.JOINT: AgreementTerm(("dpv:JointDataControllersAgreement",), _FOR_JOINT_CONTROLLER),
    AgreementType.SUB_PROCESSING: AgreementTerm(("dpv:SubProcessorAgreement",)),
    AgreementType.SCC: AgreementTerm(("eu-gdpr:SCCByCommission",), transfer_only=True),
    AgreementType.BCR: AgreementTerm(("eu-gdpr:BindingCorporateRules",), transfer_only=True),
    AgreementType.ADHOC_CLAUSES: AgreementTerm(("eu-gdpr:AdHocContractualClauses",), transfer_only=True),
    AgreementType.CN_STANDARD_CONTRACT: AgreementTerm((), transfer_only=True),
    AgreementType.SLA: AgreementTerm(("dpv:ServiceLevelAgreement",)),
    # GDPR 28(9) takes terms in electronic form for a processing agreement, where they have its clauses.
    AgreementType.STANDARD_TERMS: AgreementTerm((), _FOR_PROCESSOR | _FOR_CONTROLLER, is_signed=False),
    # Who carries letters or keeps accounts under a law of secrecy may use what it learns for nothing else.
    AgreementType.STATUTORY_SECRECY: AgreementTerm((), _FOR_CONTROLLER, implies=_OF_EVERYBODY, is_signed=False),
}
