"""JSON for operators: facts, proofs, health and metrics on their listener, everything else on the control socket."""

from gateway.api.apps import Offices, control, operators
from gateway.api.deeds import deeds_of
from gateway.api.endpoint import MAX_BODY
from gateway.api.offices import dated
from gateway.api.roles import MAY

__all__ = ["MAX_BODY", "MAY", "Offices", "control", "dated", "deeds_of", "operators"]
