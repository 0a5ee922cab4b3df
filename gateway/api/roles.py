"""Which roles may ask what of the operators' listener."""

from collections.abc import Mapping

from gateway.exceptional.asked import DEEDS
from gateway.exceptional.case import MAY as IN_CASES
from gateway.ledger.ledger import LOG
from gateway.vocabulary import Role

_READERS = frozenset({Role.OPERATOR, Role.STEWARD, Role.REVIEWER, Role.DECIDER, Role.DPO, Role.AUDITOR})
_ANSWERING = frozenset({Role.STEWARD, Role.DPO})
_CAREFUL = frozenset({Role.OPERATOR, Role.STEWARD})
MAY: Mapping[str, frozenset[Role]] = {
    "POST /facts": frozenset({Role.OPERATOR}),
    "POST /resolve": _CAREFUL,
    "POST /subjects/erase": _CAREFUL,
    "POST /subjects/hold": _CAREFUL,
    "POST /subjects/release": _CAREFUL,
    "POST /notices": _CAREFUL | {Role.DPO, Role.AUDITOR},
    "POST /notices/tell": _CAREFUL,
    "POST /notices/step": _CAREFUL,
    "POST /consignees": _CAREFUL | {Role.DPO, Role.AUDITOR},
    "POST /consignees/informed": _CAREFUL,
    "POST /disclosures": _CAREFUL,
    "POST /erasures": _CAREFUL | {Role.DPO, Role.AUDITOR},
    "POST /erasures/begin": _CAREFUL,
    "POST /entries": _READERS | {Role.ENGINEER},
    "GET /entries/{entry}": _READERS | {Role.ENGINEER},
    "GET /reports/{report}": _READERS,
    f"GET /v1/log/{LOG}/checkpoint": _READERS,
    f"GET /v1/log/{LOG}/checkpoints": _READERS,
    f"GET /v1/log/{LOG}/key": _READERS,
    f"GET /v1/log/{LOG}/proof/inclusion/{{entry}}": _READERS,
    f"GET /v1/log/{LOG}/proof/consistency": _READERS,
    "POST /exceptional/requests": IN_CASES["request"],
    "GET /exceptional/requests": IN_CASES["list"],
    "GET /exceptional/requests/{case}": IN_CASES["show"],
    **{f"POST /exceptional/requests/{{case}}/{step}": IN_CASES[step] for step in DEEDS},
    "GET /waivers": _READERS,
    "POST /waivers": frozenset({Role.DECIDER}),
    "POST /waivers/{waiver}/grant": frozenset({Role.DECIDER}),
    "POST /waivers/{waiver}/end": frozenset({Role.OPERATOR, Role.DECIDER}),
    "GET /bulk-looks": _READERS,
    "POST /bulk-looks": _READERS | {Role.ENGINEER},
    "POST /bulk-looks/{look}/grant": frozenset({Role.DECIDER, Role.DPO}),
    "POST /bulk-looks/{look}/end": frozenset({Role.OPERATOR, Role.DECIDER, Role.DPO}),
    "GET /policies": _READERS,
    "POST /policies": _ANSWERING,
    "GET /policies/{version}": _READERS,
    "GET /policies/{version}/diff": _READERS,
    "POST /policies/{version}/publish": frozenset({Role.STEWARD}),
    "POST /policies/{version}/drop": _ANSWERING,
    "GET /exceptional/due": IN_CASES["list"],
    "GET /deadlines": _READERS,
    "POST /canaries": _ANSWERING,
    "GET /canaries": _ANSWERING | {Role.REVIEWER, Role.AUDITOR},
    "POST /canaries/seen": _ANSWERING,
    "POST /incidents": _ANSWERING,
    "GET /incidents": _ANSWERING | {Role.DECIDER, Role.REVIEWER, Role.AUDITOR},
    "POST /incidents/{incident}/steps": _ANSWERING,
    "GET /incidents/{incident}/affected": _ANSWERING | {Role.DECIDER, Role.REVIEWER, Role.AUDITOR},
    "POST /incidents/{incident}/mailing": _ANSWERING,
}
"""Whatever is not here needs no token."""
