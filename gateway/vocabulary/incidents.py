"""What can have happened to data at a vendor."""

from enum import StrEnum


class Breach(StrEnum):
    """What happened to the data (GDPR 4(12))."""

    CONFIDENTIALITY = "confidentiality"
    INTEGRITY = "integrity"
    AVAILABILITY = "availability"
