"""How an answer was given and by whom, as a record of consent says it (ISO/IEC TS 27560)."""

from enum import StrEnum


class ConsentMethod(StrEnum):
    """How somebody said yes or no. A box that was ticked before, silence, and going on as before are none of these."""

    WEB_FORM = "web_form"
    APP = "app"
    ACCOUNT_SETTING = "account_setting"
    EMAIL = "email"
    PHONE = "phone"
    PAPER = "paper"
    SIGNATURE = "signature"
    IN_PERSON = "in_person"


class ExpressedBy(StrEnum):
    """Who said it."""

    SUBJECT = "subject"
    GUARDIAN = "guardian"
    REPRESENTATIVE = "representative"


class AcceptanceKind(StrEnum):
    """How a version of the policy was accepted; neither way is a consent to anything."""

    DEEMED = "deemed"
    """They went on using the shop (section 6.7 of the policy)."""
    EXPRESS = "express"
