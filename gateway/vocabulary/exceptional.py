"""Disclosures outside contracts: to whom, where the demand comes from, what is in danger, and how it is handed over."""

from collections.abc import Mapping
from enum import StrEnum

from gateway.vocabulary.categories import ADDRESS_PARTS, Category
from gateway.vocabulary.purposes import Scenario


class RecipientKind(StrEnum):
    """Who may receive data outside contracts, and nobody else; a counterparty may be a private person."""

    JUDICIAL = "judicial"
    LAW_ENFORCEMENT = "law_enforcement"
    AUTHORITY = "authority"
    EMERGENCY_SERVICE = "emergency_service"
    COUNTERPARTY = "counterparty"


RECIPIENTS: Mapping[RecipientKind, str] = {
    RecipientKind.JUDICIAL: "dpv:JudicialOrganisation",
    RecipientKind.LAW_ENFORCEMENT: "dpv:LawEnforcementOrganisation",
    RecipientKind.AUTHORITY: "dpv:Authority",
    RecipientKind.EMERGENCY_SERVICE: "dpv:EmergencyServiceProvider",
    RecipientKind.COUNTERPARTY: "dpv:ThirdParty",
}

_OFFICIAL = frozenset({RecipientKind.JUDICIAL, RecipientKind.LAW_ENFORCEMENT, RecipientKind.AUTHORITY})

RECIPIENTS_OF: Mapping[Scenario, frozenset[RecipientKind]] = {
    Scenario.LEGAL_COMPULSION: _OFFICIAL,
    Scenario.RIGHTS_PROTECTION: _OFFICIAL | {RecipientKind.COUNTERPARTY},
    Scenario.EMERGENCY: frozenset(
        {RecipientKind.EMERGENCY_SERVICE, RecipientKind.LAW_ENFORCEMENT, RecipientKind.AUTHORITY}
    ),
}


class Demand(StrEnum):
    """Where a demand comes from, seen from the company that is asked, and why it is to be followed there."""

    DOMESTIC = "domestic"
    EU_RECOGNITION = "eu_recognition"
    """Of another member state, under mutual recognition, such as Regulation (EU) 2023/1543."""
    AGREEMENT = "agreement"
    """Of a third country, on an international agreement in force (GDPR 48)."""
    THIRD_COUNTRY = "third_country"
    """Of a third country without one: no ground by itself (EDPB Guidelines 02/2024)."""


ABROAD: frozenset[Demand] = frozenset({Demand.AGREEMENT, Demand.THIRD_COUNTRY})
"""Those that take data into a third country."""


class CrossingGround(StrEnum):
    """On what data crosses a border outside contracts."""

    ADEQUACY = "adequacy"
    PUBLIC_INTEREST = "derogation_public_interest"
    LEGAL_CLAIMS = "derogation_legal_claims"
    VITAL_INTERESTS = "derogation_vital_interests"
    CN_LEGAL_DUTY = "cn_legal_duty"
    CN_EMERGENCY = "cn_emergency"


CROSSINGS: Mapping[CrossingGround, str] = {
    CrossingGround.ADEQUACY: "GDPR 45(3)",
    CrossingGround.PUBLIC_INTEREST: "GDPR 49(1)(d)",
    CrossingGround.LEGAL_CLAIMS: "GDPR 49(1)(e)",
    CrossingGround.VITAL_INTERESTS: "GDPR 49(1)(f)",
    CrossingGround.CN_LEGAL_DUTY: "NDSR 35(6)",
    CrossingGround.CN_EMERGENCY: "NDSR 35(7)",
}

_LAWFUL = frozenset(
    {
        CrossingGround.ADEQUACY,
        CrossingGround.PUBLIC_INTEREST,
        CrossingGround.LEGAL_CLAIMS,
        CrossingGround.CN_LEGAL_DUTY,
    }
)
CROSSINGS_OF: Mapping[Scenario, frozenset[CrossingGround]] = {
    Scenario.LEGAL_COMPULSION: _LAWFUL,
    Scenario.RIGHTS_PROTECTION: frozenset({CrossingGround.ADEQUACY, CrossingGround.LEGAL_CLAIMS}),
    Scenario.EMERGENCY: frozenset(
        {CrossingGround.ADEQUACY, CrossingGround.VITAL_INTERESTS, CrossingGround.CN_EMERGENCY}
    ),
}


class Danger(StrEnum):
    """What is at risk. Property alone is no vital interest under the GDPR (recital 46), and is one under PIPL 13(4)."""

    LIFE = "life"
    HEALTH = "health"
    PROPERTY = "property"


class Urgency(StrEnum):
    """What makes an emergency; not everything that is urgent does."""

    SERIOUS_HARM = "serious_harm"
    LOSS_OF_LIFE = "loss_of_life"
    PUBLIC_HEALTH = "public_health"
    SAFEGUARDING = "safeguarding"
    EMERGENCY_RESPONSE = "emergency_response"
    NATIONAL_SECURITY = "national_security"
    PROPERTY_LOSS = "property_loss"


# What finds somebody and reaches them. The rest can wait for two people.
IN_EMERGENCY: frozenset[Category] = frozenset(
    {
        Category.NOT_PERSONAL,
        Category.PERSON_NAME,
        Category.CONTACT_PHONE,
        Category.CONTACT_EMAIL,
        Category.ADDRESS_FULL,
        *ADDRESS_PARTS,
        Category.DELIVERY_NOTE,
        Category.ORDER_ID,
        Category.ORDER_ITEMS,
        Category.SHIPMENT_TRACKING,
        Category.DEMO_BIRTH_DATE,
        Category.GEO_PRECISE,
        Category.SPECIAL_HEALTH,
    }
)

SECRETS: frozenset[Category] = frozenset(
    {Category.ACCOUNT_PASSWORD, Category.SESSION_SECRET, Category.PAYMENT_CVV, Category.UNCLASSIFIED}
)
"""What leaves on no ground whatever."""


class Handover(StrEnum):
    """How data is handed over outside contracts."""

    SEALED = "sealed"
    """Encrypted for the recipient's own key."""
    ARCHIVE = "archive"
    """A ZIP under a passphrase, which goes another way."""
    PRINT = "print"
    PORTAL = "portal"
    """A file that somebody uploads where the authority takes it."""
    ORAL = "oral"


class Judgement(StrEnum):
    """What the review of an emergency came to."""

    JUSTIFIED = "justified"
    PARTLY = "partly"
    UNJUSTIFIED = "unjustified"
