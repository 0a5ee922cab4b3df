"""Scenes of the demo made by hand: as they should be, to be broken in one place."""

from dataclasses import replace
from typing import Any

from gateway.demo.scene import Scene
from gateway.demo.story import REFUSED, SENT, Step
from gateway.rehearse import parse_http

PSEUDONYM = "psn_" + "5" * 26
STEP = SENT[0]
REFUSAL = REFUSED[0]


def arrived(step: Step) -> dict[str, Any]:
    """What the vendor of a step gets where all is well."""
    message = parse_http(step.receives.replace("psn_*", PSEUDONYM))
    method, _, target = message.first.partition(" ")
    return {
        "vendor": step.vendor,
        "method": method,
        "target": target,
        "headers": [["host", "here"], ["authorization", "Bearer sandbox"], *map(list, message.headers)],
        "body": message.body.decode(),
        "violations": [],
    }


ENTRY: dict[str, Any] = {
    "id": "1",
    "seq": 7,
    "kind": "intent",
    "recipient": {"name": "Parcelgate GmbH"},
    "countries": ["DE"],
    "purpose": "delivery",
    "agreements": ["DPA-1"],
    "grounds": [{"basis": "legitimate_interest"}],
    "disclosed": [{"form": "as_is", "fields": [["$.recipient.name", "person.name"]]}],
    "withheld": [
        {"reason": "consent.missing", "paths": ["$.recipient.email"]},
        {"reason": "field.unnamed", "paths": [["$.*#5c1f", 2]]},
    ],
    "outcome": {"result": "sent", "answer": {"withheld": 2}},
}
SENT_HEADERS = {"gateway-sent": "yes", "content-type": "application/json"}
GOOD = Scene(STEP, 201, SENT_HEADERS, b'{"tracking_number":"PG-77"}', [arrived(STEP)], ENTRY)
REFUSED_ENTRY: dict[str, Any] = {
    "id": "2", "seq": 8, "kind": "refusal", "code": REFUSAL.code, "vendor": REFUSAL.vendor,
}  # fmt: skip
PROBLEM = b'{"code":"agreement.expired","message":"The agreement has ended","fix":"Renew it."}'
STAYED_HERE = Scene(
    REFUSAL,
    403,
    {"gateway-sent": "no", "content-type": "application/problem+json"},
    PROBLEM,
    [],
    REFUSED_ENTRY,
)


def got(**members: Any) -> Scene:
    """The good scene, with something else in what the vendor got."""
    return replace(GOOD, received=[arrived(STEP) | members])
