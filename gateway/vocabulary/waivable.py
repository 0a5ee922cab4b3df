"""What two deciders may let pass for some hours, and what nobody may."""

MOST_HOURS = 72

_CODES = frozenset({"agreement.expired", "vendor.review_overdue", "order.state"})
_LIMITS = "limit."


def is_waivable(code: str) -> bool:
    """Whether a waiver may name a code.

    Those of consent, restriction, erasure, sale, purpose, category, transfer, proof and the ledger never are: a law
    demands them, or a promise rests on them.
    """
    return code in _CODES or code.startswith(_LIMITS)
