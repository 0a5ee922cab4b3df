"""Something that has to be done by a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from gateway.vocabulary import Role

WORDS: Final[Mapping[str, str]] = {
    "agreement.ends": "Agreement ends",
    "client_certificate.ends": "Client certificate ends",
    "consignee.notice": "Tell the consignee who has their data",
    "exceptional.review": "Review the emergency",
    "exceptional.suppression_ends": "The person may be told from now on",
    "exceptional.tell": "Tell the person what was disclosed",
    "hold.ends": "A hold ends, and what waited for it goes on",
    "incident.authority": "Tell the authority of the incident",
    "keys.turnover": "Turn over the keys of people",
    "notice": "The vendor is to confirm",
    "notice.keep": "Ask the vendor to keep what it was told to delete",
    "policy.planned": "A version of the policy comes into force",
    "request": "Answer the request",
    "tell": "Tell the vendor",
    "transfer.ends": "Transfer mechanism ends",
    "transfer.people_in_china": "So many people in China that more is asked for",
    "vendor.attestation": "The vendor is to attest",
    "vendor.sub_processor": "Decide about a company that is to work for the vendor",
    "vendor.review": "Review the vendor",
}
"""What is to be done, in words, by what a deadline is called or by what its name begins with."""


@dataclass(frozen=True, slots=True)
class Due:
    """What has to be done, in which case or about which thing of ours, by when and by whom; never about whom it is."""

    what: str
    ref: str
    at: datetime
    role: Role

    @property
    def said(self) -> str:
        """What is to be done, in words for whoever does it."""
        family, _, kind = self.what.partition(".")
        words = WORDS.get(self.what) or f"{WORDS[family]}: {kind.replace('_', ' ')}"
        return f"{words}: {self.ref}"

    def members(self) -> dict[str, str]:
        return {"what": self.what, "ref": self.ref, "at": self.at.astimezone(UTC).isoformat(), "role": self.role.value}
