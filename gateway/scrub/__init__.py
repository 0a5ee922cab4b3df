"""Finding personal data in text: in what claims to hold none, and in free text before it leaves."""

from gateway.scrub.claims import LONGEST, luhn, personal_kind
from gateway.scrub.find import Known, found, scrub
from gateway.scrub.spans import Kind, Span

__all__ = ["LONGEST", "Kind", "Known", "Span", "found", "luhn", "personal_kind", "scrub"]
