"""Whose law applies, and on what data may cross a border."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

# The officially assigned alpha-2 codes of ISO 3166-1, the second letters beside the first.
_CODES: Mapping[str, str] = {
    "A": "DEFGILMOQRSTUWXZ",
    "B": "ABDEFGHIJLMNOQRSTVWYZ",
    "C": "ACDFGHIKLMNORUVWXYZ",
    "D": "EJKMOZ",
    "E": "CEGHRST",
    "F": "IJKMOR",
    "G": "ABDEFGHILMNPQRSTUWY",
    "H": "KMNRTU",
    "I": "DELMNOQRST",
    "J": "EMOP",
    "K": "EGHIMNPRWYZ",
    "L": "ABCIKRSTUVY",
    "M": "ACDEFGHKLMNOPQRSTUVWXYZ",
    "N": "ACEFGILOPRUZ",
    "O": "M",
    "P": "AEFGHKLMNRSTWY",
    "Q": "A",
    "R": "EOSUW",
    "S": "ABCDEGHIJKLMNORSTVXYZ",
    "T": "CDFGHJKLMNORTVWZ",
    "U": "AGMSYZ",
    "V": "ACEGINU",
    "W": "FS",
    "Y": "ET",
    "Z": "AMW",
}

COUNTRIES: frozenset[str] = frozenset(first + second for first, seconds in _CODES.items() for second in seconds)

EU_MEMBERS: frozenset[str] = frozenset(
    {
        "AT",
        "BE",
        "BG",
        "CY",
        "CZ",
        "DE",
        "DK",
        "EE",
        "ES",
        "FI",
        "FR",
        "GR",
        "HR",
        "HU",
        "IE",
        "IT",
        "LT",
        "LU",
        "LV",
        "MT",
        "NL",
        "PL",
        "PT",
        "RO",
        "SE",
        "SI",
        "SK",
    },
)

# The GDPR applies there too, by the agreement on the European Economic Area.
EEA_OUTSIDE_EU: frozenset[str] = frozenset({"IS", "LI", "NO"})

# Words that a contract may write in place of a country.
JURISDICTION_WORDS: frozenset[str] = frozenset({"default", "EU", "unknown"})


def is_jurisdiction(text: str) -> bool:
    """Whether a contract may name this as a jurisdiction: `default`, `EU`, `unknown` or the code of a country."""
    return text in JURISDICTION_WORDS or text in COUNTRIES


class TransferMechanism(StrEnum):
    """On what a contract lets data cross a border. Exceptional disclosures have grounds of their own."""

    NONE_DOMESTIC = "none_domestic"
    ADEQUACY = "adequacy"
    SCC = "scc"
    SCC_AUTHORITY = "scc_authority"
    BCR = "bcr"
    CODE_OF_CONDUCT = "code_of_conduct"
    CERTIFICATION = "certification"
    ADHOC = "adhoc"
    DEROGATION_CONSENT = "derogation_consent"
    DEROGATION_CONTRACT = "derogation_contract"
    DEROGATION_INTEREST_OF_SUBJECT = "derogation_interest_of_subject"
    CN_SECURITY_ASSESSMENT = "cn_security_assessment"
    CN_CERTIFICATION = "cn_certification"
    CN_STANDARD_CONTRACT = "cn_standard_contract"
    CN_CONTRACT_NECESSITY = "cn_contract_necessity"


@dataclass(frozen=True, slots=True)
class TransferTerm:
    """Where a mechanism stands in law, "" if none is needed.

    `dpv` is None for what DPV has no term for. `occasional` may not become the rule (GDPR, recital 111): its uses are
    counted.
    """

    law: str
    dpv: str | None = None
    occasional: bool = False


TRANSFERS: Mapping[TransferMechanism, TransferTerm] = {
    TransferMechanism.NONE_DOMESTIC: TransferTerm(""),
    TransferMechanism.ADEQUACY: TransferTerm("GDPR 45(3)", "eu-gdpr:A45-3"),
    TransferMechanism.SCC: TransferTerm("GDPR 46(2)(c)", "eu-gdpr:A46-2-c"),
    TransferMechanism.SCC_AUTHORITY: TransferTerm("GDPR 46(2)(d)", "eu-gdpr:A46-2-d"),
    TransferMechanism.BCR: TransferTerm("GDPR 46(2)(b)", "eu-gdpr:A46-2-b"),
    TransferMechanism.CODE_OF_CONDUCT: TransferTerm("GDPR 46(2)(e)", "eu-gdpr:A46-2-e"),
    TransferMechanism.CERTIFICATION: TransferTerm("GDPR 46(2)(f)", "eu-gdpr:A46-2-f"),
    TransferMechanism.ADHOC: TransferTerm("GDPR 46(3)(a)", "eu-gdpr:A46-3-a"),
    TransferMechanism.DEROGATION_CONSENT: TransferTerm("GDPR 49(1)(a)", "eu-gdpr:A49-1-a"),
    TransferMechanism.DEROGATION_CONTRACT: TransferTerm("GDPR 49(1)(b)", "eu-gdpr:A49-1-b", occasional=True),
    TransferMechanism.DEROGATION_INTEREST_OF_SUBJECT: TransferTerm("GDPR 49(1)(c)", "eu-gdpr:A49-1-c", occasional=True),
    TransferMechanism.CN_SECURITY_ASSESSMENT: TransferTerm("PIPL 38(1)"),
    TransferMechanism.CN_CERTIFICATION: TransferTerm("PIPL 38(2)"),
    TransferMechanism.CN_STANDARD_CONTRACT: TransferTerm("PIPL 38(3)"),
    TransferMechanism.CN_CONTRACT_NECESSITY: TransferTerm("NDSR 35(4)"),
}
