"""What data may be used for, what it may never be used for, and the disclosures outside contracts."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.vocabulary.vendors import VendorKind


class Purpose(StrEnum):
    """What data is used for."""

    ORDER_PROCESSING = "order_processing"
    ORDER_VERIFICATION = "order_verification"
    DELIVERY = "delivery"
    CUSTOMS_CLEARANCE = "customs_clearance"
    DELIVERY_NOTIFICATION = "delivery_notification"
    PAYMENT_SETTLEMENT = "payment_settlement"
    FRAUD_PREVENTION = "fraud_prevention"
    AFTER_SALES = "after_sales"
    PLATFORM_MAINTENANCE = "platform_maintenance"
    FAULT_REPAIR = "fault_repair"
    SECURITY = "security"
    PAYMENT_DISPUTE = "payment_dispute"
    ACCOUNT_SECURITY = "account_security"
    RIGHTS_FULFILMENT = "rights_fulfilment"
    PRODUCT_RECOMMENDATION = "product_recommendation"
    DISPLAY_OPTIMISATION = "display_optimisation"
    LEGAL_COMPULSION = "legal_compulsion"
    RIGHTS_PROTECTION = "rights_protection"
    EMERGENCY_SAFETY = "emergency_safety"


class Channel(StrEnum):
    """Which way data for a purpose may go: by a contract, nowhere, or by an exceptional disclosure."""

    VENDOR = "vendor"
    INTERNAL = "internal"
    EXCEPTIONAL = "exceptional"


@dataclass(frozen=True, slots=True)
class PurposeTerm:
    """Whom a purpose lets data go to: `kinds` is empty unless the channel is `vendor`."""

    dpv: str
    fides: str
    kinds: frozenset[VendorKind] = frozenset()
    channel: Channel = Channel.VENDOR


_LOGISTICS = frozenset({VendorKind.LOGISTICS})
_PAYMENT = frozenset({VendorKind.PAYMENT})
_MAINTENANCE = frozenset({VendorKind.MAINTENANCE})
_ALL = frozenset(VendorKind)
_T, _P = PurposeTerm, Purpose

# One purpose a line and one property a column: the formatter would break the columns.
# fmt: off
PURPOSES: Mapping[Purpose, PurposeTerm] = {
    _P.ORDER_PROCESSING:       _T("dpv:CustomerOrderManagement", "essential.service", _LOGISTICS | _PAYMENT),
    _P.ORDER_VERIFICATION:     _T("dpv:Verification", "essential.service", _PAYMENT),
    _P.DELIVERY:               _T("dpv:DeliveryOfGoods", "essential.service.operations", _LOGISTICS),
    _P.CUSTOMS_CLEARANCE:      _T("dpv:LegalCompliance", "essential.legal_obligation", _LOGISTICS),
    _P.DELIVERY_NOTIFICATION:  _T("dpv:CommunicationForCustomerCare", "essential.service.notifications", _LOGISTICS),
    _P.PAYMENT_SETTLEMENT:     _T("dpv:PaymentManagement", "essential.service.payment_processing", _PAYMENT),
    _P.FRAUD_PREVENTION:       _T("dpv:FraudPreventionAndDetection", "essential.fraud_detection", _PAYMENT),
    _P.AFTER_SALES:            _T("dpv:CustomerClaimsManagement", "essential.service.operations.support",
                                  _LOGISTICS | _PAYMENT),
    _P.PLATFORM_MAINTENANCE:   _T("dpv:TechnicalServiceProvision", "essential.service.operations", _MAINTENANCE),
    _P.FAULT_REPAIR:           _T("dpv:RepairImpairments", "essential.service.operations", _MAINTENANCE),
    _P.SECURITY:               _T("dpv:EnforceSecurity", "essential.service.security", _MAINTENANCE | _PAYMENT),
    # A policy has to open these two: the shop's does not speak of them.
    _P.PAYMENT_DISPUTE:        _T("dpv:DisputeManagement", "essential.service.payment_processing", _PAYMENT),
    _P.ACCOUNT_SECURITY:       _T("dpv:EnforceSecurity", "essential.service.security", _MAINTENANCE),
    _P.RIGHTS_FULFILMENT:      _T("dpv:RightsFulfilment", "essential.legal_obligation", _ALL),
    _P.PRODUCT_RECOMMENDATION: _T("dpv:ProvideProductRecommendations", "personalize.content", channel=Channel.INTERNAL),
    _P.DISPLAY_OPTIMISATION:   _T("dpv:OptimiseUserInterface", "functional.service.improve", channel=Channel.INTERNAL),
    _P.LEGAL_COMPULSION:       _T("dpv:LegalCompliance", "third_party_sharing.legal_obligation",
                                  channel=Channel.EXCEPTIONAL),
    _P.RIGHTS_PROTECTION:      _T("dpv:DisputeManagement", "third_party_sharing", channel=Channel.EXCEPTIONAL),
    # DPV has no term for an emergency of one person; the nearest would claim a danger to the public.
    _P.EMERGENCY_SAFETY:       _T("dpv:Purpose", "third_party_sharing", channel=Channel.EXCEPTIONAL),
}
# fmt: on

PROHIBITED_PURPOSES: frozenset[str] = frozenset(
    {
        "dpv:SellDataToThirdParties",
        "dpv:SellInsightsFromData",
        "dpv:Advertising",
        "dpv:DirectMarketing",
        "dpv:TargetedAdvertising",
        "dpv:SocialMediaMarketing",
        "marketing.advertising.third_party",
        "marketing.advertising.third_party.targeted",
        "marketing.advertising.profiling",
        "train_ai_system",
        "sales",
    },
)


def _bare(name: str) -> str:
    return name.rpartition(":")[2].replace("_", "").replace("-", "").lower()


_PROHIBITED_BARE = frozenset(map(_bare, PROHIBITED_PURPOSES))


def is_prohibited(name: str) -> bool:
    """Whether a purpose is a prohibited one, however it is spelled: `direct_marketing` is `dpv:DirectMarketing`."""
    return _bare(name) in _PROHIBITED_BARE


class Commercial(StrEnum):
    """Whether the shop is paid for the data, and how."""

    NONE = "none"
    SALE = "sale"
    RENT = "rent"
    TRADE = "trade"


class Scenario(StrEnum):
    """The three kinds of disclosure outside contracts."""

    LEGAL_COMPULSION = "legal_compulsion"
    RIGHTS_PROTECTION = "rights_protection"
    EMERGENCY = "emergency"


SCENARIO_PURPOSES: Mapping[Scenario, Purpose] = {
    Scenario.LEGAL_COMPULSION: Purpose.LEGAL_COMPULSION,
    Scenario.RIGHTS_PROTECTION: Purpose.RIGHTS_PROTECTION,
    Scenario.EMERGENCY: Purpose.EMERGENCY_SAFETY,
}
