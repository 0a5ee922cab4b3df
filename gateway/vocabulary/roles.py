"""Who may ask something of the gateway, as what a token proves."""

from enum import StrEnum


class Role(StrEnum):
    """What a token is for. A service makes calls; all others ask about them."""

    SERVICE = "service"
    OPERATOR = "operator"
    """Runs the gateway: puts facts in, stops vendors, issues tokens."""
    ENGINEER = "engineer"
    """Sees the entries of their own services, without the people they are about."""
    STEWARD = "steward"
    """Answers for the data: rights of people, notices, incidents."""
    REVIEWER = "reviewer"
    """Reads the record, and reviews vendors."""
    DECIDER = "decider"
    """Approves exceptional disclosures and waivers."""
    DPO = "dpo"
    """Gives the opinion of the data protection officer (GDPR 38, 39)."""
    AUDITOR = "auditor"
    """Reads the record, for some weeks."""
    AGENT = "agent"
    """Customer service: acts on behalf of a person, with a case and a reason."""
    SUBJECT = "subject"
    """A person, about their own data."""
