"""May this call go at all? Pure functions over contracts, facts and the time."""

from gateway.clearance.bases import basis_for, grant, has_basis, may_ask, needs_consents
from gateway.clearance.consents import is_of_the_call
from gateway.clearance.decide import clear, is_in_use, refusing, waived, waivers_for, weighed
from gateway.clearance.papers import End, around, day, ends, stand, vendor_with, with_papers
from gateway.clearance.people import NOTICE_DUE, usable
from gateway.clearance.policies import (
    Registered,
    clashes,
    covers,
    published,
    purposes_of,
    uncovered,
    unheard,
    version_at,
    version_in_force,
    with_registered,
)
from gateway.clearance.question import GRANTED, Clearance, Ground, Question, Standing
from gateway.clearance.sensitive import asks_in
from gateway.clearance.transfer import Pairs, went

__all__ = [
    "GRANTED",
    "NOTICE_DUE",
    "Clearance",
    "End",
    "Ground",
    "Pairs",
    "Question",
    "Registered",
    "Standing",
    "around",
    "asks_in",
    "basis_for",
    "clashes",
    "clear",
    "covers",
    "day",
    "ends",
    "grant",
    "has_basis",
    "is_in_use",
    "is_of_the_call",
    "may_ask",
    "needs_consents",
    "published",
    "purposes_of",
    "refusing",
    "stand",
    "uncovered",
    "unheard",
    "usable",
    "vendor_with",
    "version_at",
    "version_in_force",
    "waived",
    "waivers_for",
    "weighed",
    "went",
    "with_papers",
    "with_registered",
]
