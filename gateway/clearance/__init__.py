"""May this call go at all? Pure functions over contracts, facts and the time."""

from gateway.clearance.bases import needs_consents
from gateway.clearance.decide import clear
from gateway.clearance.papers import End, around, day, ends, stand, version_in_force, with_papers
from gateway.clearance.question import GRANTED, Clearance, Ground, Question, Standing
from gateway.clearance.sensitive import asks_in

__all__ = [
    "GRANTED",
    "Clearance",
    "End",
    "Ground",
    "Question",
    "Standing",
    "around",
    "asks_in",
    "clear",
    "day",
    "ends",
    "needs_consents",
    "stand",
    "version_in_force",
    "with_papers",
]
