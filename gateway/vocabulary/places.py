"""Whose law applies, and on what data may cross a border."""

import re
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

# Parts of members with a code of their own in ISO 3166, in which the law of the Union holds (TFEU 355(1) and (4)).
_EU_PARTS: Mapping[str, str] = {"AX": "FI", "GF": "FR", "GP": "FR", "MF": "FR", "MQ": "FR", "RE": "FR", "YT": "FR"}

# The GDPR applies there too, by the agreement on the European Economic Area.
EEA_OUTSIDE_EU: frozenset[str] = frozenset({"IS", "LI", "NO"})

# Places whose law lets data out on its own conditions, and where that stands; the economic area is one of them.
EXPORT_RULES: Mapping[str, str] = {
    "EU": "GDPR 44",
    "GB": "UK GDPR 44",
    "CH": "FADP 16",
    "CN": "PIPL 38",
    "JP": "APPI 28",
    "BR": "LGPD 33",
}

# Words that a contract may write in place of a country.
JURISDICTION_WORDS: frozenset[str] = frozenset({"default", "EU", "unknown"})


_PART = re.compile(r"([A-Z]{2})-[A-Z0-9]{1,3}")


def is_place(text: str) -> bool:
    """Whether somebody can live there: the code of a country, or of a part of one (ISO 3166-2), such as US-CA."""
    return text in COUNTRIES or ((part := _PART.fullmatch(text)) is not None and part[1] in COUNTRIES)


def is_jurisdiction(text: str) -> bool:
    """Whether a contract may name this as a jurisdiction: `default`, `EU`, `unknown` or a place."""
    return text in JURISDICTION_WORDS or is_place(text)


def member_of(place: str) -> str | None:
    """The member of the Union in which a place is: that of Réunion is France."""
    country = place.partition("-")[0]
    country = _EU_PARTS.get(country, country)
    return country if country in EU_MEMBERS else None


def territory_of(place: str) -> str:
    """Within which data crosses no border: EU for the whole economic area, otherwise the country."""
    country = place.partition("-")[0]
    return "EU" if member_of(place) or country in EEA_OUTSIDE_EU else country


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
    UK_IDTA = "uk_idta"
    UK_ADDENDUM = "uk_addendum"
    DPF = "dpf"
    CH_DPF = "ch_dpf"
    JP_EQUIVALENT = "jp_equivalent"
    JP_CONSENT = "jp_consent"
    BR_SCC = "br_scc"


@dataclass(frozen=True, slots=True)
class TransferTerm:
    """Where a mechanism stands in the law that has it first, "" if none is needed; see `article`.

    `known_in` are those of EXPORT_RULES under which it counts. `dpv` is None for what DPV has no term for. `occasional`
    may not become the rule (GDPR, recital 111): its uses are counted. `consent`: it rests on what the person said.
    `certified`: it holds for a company of the importer's country `only_to`, as long as its certificate.
    """

    law: str
    known_in: frozenset[str] = frozenset()
    dpv: str | None = None
    occasional: bool = False
    consent: bool = False
    certified: bool = False
    only_to: str = ""


def _known(text: str) -> frozenset[str]:
    return frozenset(text.split())


_EUROPEAN = _known("EU GB CH")
_T, _M = TransferTerm, TransferMechanism

# One mechanism a line and one property a column: the formatter would break the columns.
# fmt: off
TRANSFERS: Mapping[TransferMechanism, TransferTerm] = {
    _M.NONE_DOMESTIC:          _T(""),
    _M.ADEQUACY:               _T("GDPR 45(3)", _known("EU GB CH JP BR"), "eu-gdpr:A45-3"),
    # In the United Kingdom these clauses count with its addendum only, in Switzerland as they are.
    _M.SCC:                    _T("GDPR 46(2)(c)", _known("EU CH"), "eu-gdpr:A46-2-c"),
    _M.SCC_AUTHORITY:          _T("GDPR 46(2)(d)", _EUROPEAN, "eu-gdpr:A46-2-d"),
    _M.BCR:                    _T("GDPR 46(2)(b)", _known("EU GB CH BR"), "eu-gdpr:A46-2-b"),
    _M.CODE_OF_CONDUCT:        _T("GDPR 46(2)(e)", _EUROPEAN, "eu-gdpr:A46-2-e"),
    _M.CERTIFICATION:          _T("GDPR 46(2)(f)", _EUROPEAN, "eu-gdpr:A46-2-f"),
    _M.ADHOC:                  _T("GDPR 46(3)(a)", _EUROPEAN, "eu-gdpr:A46-3-a"),
    _M.DEROGATION_CONSENT:     _T("GDPR 49(1)(a)", _EUROPEAN, "eu-gdpr:A49-1-a", consent=True),
    _M.DEROGATION_CONTRACT:    _T("GDPR 49(1)(b)", _EUROPEAN, "eu-gdpr:A49-1-b", occasional=True),
    _M.DEROGATION_INTEREST_OF_SUBJECT:
                               _T("GDPR 49(1)(c)", _EUROPEAN, "eu-gdpr:A49-1-c", occasional=True),
    _M.CN_SECURITY_ASSESSMENT: _T("PIPL 38(1)", _known("CN")),
    _M.CN_CERTIFICATION:       _T("PIPL 38(2)", _known("CN")),
    _M.CN_STANDARD_CONTRACT:   _T("PIPL 38(3)", _known("CN")),
    _M.CN_CONTRACT_NECESSITY:  _T("NDSR 35(4)", _known("CN")),
    _M.UK_IDTA:                _T("UK GDPR 46(2)(d)", _known("GB")),
    _M.UK_ADDENDUM:            _T("UK GDPR 46(2)(d)", _known("GB")),
    # With the UK extension of its certificate a company counts in both.
    _M.DPF:                    _T("GDPR 45(3)", _known("EU GB"), "eu-gdpr:A45-3", certified=True, only_to="US"),
    _M.CH_DPF:                 _T("FADP 16(1)", _known("CH"), certified=True, only_to="US"),
    _M.JP_EQUIVALENT:          _T("APPI 28(1), 28(3)", _known("JP")),
    _M.JP_CONSENT:             _T("APPI 28(1), 28(2)", _known("JP"), consent=True),
    _M.BR_SCC:                 _T("LGPD 33(II)(b)", _known("BR")),
}
# fmt: on

DEROGATIONS: frozenset[TransferMechanism] = frozenset(
    {_M.DEROGATION_CONSENT, _M.DEROGATION_CONTRACT, _M.DEROGATION_INTEREST_OF_SUBJECT},
)

# Where the same mechanism stands in the law of another territory, in which the first one does not apply.
_ELSEWHERE: Mapping[str, Mapping[TransferMechanism, str]] = {
    "GB": {_M.ADEQUACY: "UK GDPR 45A", _M.DPF: "UK GDPR 45A"},
    "CH": {
        _M.ADEQUACY: "FADP 16(1)",
        _M.SCC: "FADP 16(2)(d)",
        _M.SCC_AUTHORITY: "FADP 16(2)(d)",
        _M.BCR: "FADP 16(2)(e)",
        _M.CODE_OF_CONDUCT: "FADP 16(3)",
        _M.CERTIFICATION: "FADP 16(3)",
        _M.ADHOC: "FADP 16(2)(b)",
        _M.DEROGATION_CONSENT: "FADP 17(1)(a)",
        _M.DEROGATION_CONTRACT: "FADP 17(1)(b)",
        _M.DEROGATION_INTEREST_OF_SUBJECT: "FADP 17(1)(b)",
    },
    "JP": {_M.ADEQUACY: "APPI 28(1)"},
    "BR": {_M.ADEQUACY: "LGPD 33(I)", _M.BCR: "LGPD 33(II)(c)"},
}


def article(mechanism: TransferMechanism, law: str) -> str:
    """Where a mechanism stands in the law of a place; where that has none of its own, in the law that has it first."""
    territory, first = territory_of(law), TRANSFERS[mechanism].law
    if (own := _ELSEWHERE.get(territory, {}).get(mechanism)) is not None:
        return own
    return f"UK {first}" if territory == "GB" and first.startswith("GDPR") else first
