"""The public vocabularies whose terms stand beside our own words."""

from collections.abc import Mapping

# Namespaces of DPV 2.x; 1.x had the GDPR terms elsewhere.
PREFIXES: Mapping[str, str] = {
    "dpv": "https://w3id.org/dpv#",
    "pd": "https://w3id.org/dpv/pd#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "just": "https://w3id.org/dpv/justifications#",
}


def iri(term: str) -> str:
    """The full address of a term such as `pd:Name`; ValueError without a known prefix or without a name."""
    prefix, _, name = term.partition(":")
    if prefix not in PREFIXES or not name:
        raise ValueError(f"a term begins with one of {', '.join(PREFIXES)} and a colon, and has a name")
    return PREFIXES[prefix] + name
