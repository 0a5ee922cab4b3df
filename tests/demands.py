"""Requests outside contracts that lack nothing, and the people who deal with them."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from running import Running
from sockets import Reply

from gateway.vocabulary import Role

CANARY = "Qz7canary"
AGENCY: dict[str, Any] = {
    "kind": "law_enforcement",
    "name": "Staatsanwaltschaft Berlin",
    "country": "DE",
    "contact": "Room 4, Turmstr. 91",
    "verified": "called back over the switchboard",
}
INSTRUMENT: dict[str, Any] = {
    "type": "order",
    "number": "123 Js 45/26",
    "dated": "2026-01-05",
    "law": "StPO § 95",
    "written": True,
    "reasoned": True,
}
FIELDS = {
    "$.orders.*.number": "order.id",
    "$.orders.*.recipient.name": "person.name",
    "$.orders.*.recipient.city": "address.city",
}
LEGAL: dict[str, Any] = {
    "scenario": "legal_compulsion",
    "recipient": AGENCY,
    "subjects": [{"subject": "c-1", "role": "purchaser", "jurisdiction": "DE"}],
    "fields": FIELDS,
    "whose": "$.orders.*.customer",
    "demand": "domestic",
    "instrument": INSTRUMENT,
    "period": {"since": "2026-01-01", "until": "2026-03-31"},
    "necessity": "The order names two parcels.",
}
RIGHTS: dict[str, Any] = {
    "scenario": "rights_protection",
    "recipient": AGENCY | {"kind": "counterparty", "name": "Kanzlei Beispiel"},
    "subjects": LEGAL["subjects"],
    "fields": FIELDS,
    "case": "FR-7",
    "rule": "Terms, section 9",
    "assessment": "LIA-12",
    "necessity": "The claim cannot be made without a name.",
}
EMERGENCY: dict[str, Any] = {
    "scenario": "emergency",
    "recipient": AGENCY | {"kind": "emergency_service", "name": "Feuerwehr Berlin"},
    "subjects": LEGAL["subjects"],
    "fields": FIELDS,
    "urgency": "loss_of_life",
    "danger": "life",
    "happened": "A parcel with a poison was mixed up.",
    "at_risk": "The person who ordered.",
    "no_other_way": "Nobody answers the telephone.",
}
ORDERS = {
    "orders": [
        {
            "number": "A-1",
            "customer": "c-1",
            "recipient": {"name": f"Ann {CANARY}", "city": "Berlin", "phone": "+49 30 901820"},
            "note": f"for {CANARY}",
        }
    ],
    f"{CANARY}": 1,
}
DOCUMENT = json.dumps(ORDERS).encode()


@dataclass(frozen=True)
class Staff:
    """People with a token each, who ask a running gateway."""

    gateway: Running

    def ask(self, who: str, role: Role, method: str, path: str, body: object = None) -> Reply:
        token = self.gateway.token(who, role=role)
        payload = b"" if body is None else json.dumps(body).encode()
        return self.gateway.said(
            self.gateway.raw(method, f"/exceptional/{path}", body=payload, token=token), operators=True
        )

    def request(self, asked: Mapping[str, Any], who: str = "stella", role: Role = Role.STEWARD) -> Reply:
        return self.ask(who, role, "POST", "requests", asked)

    def opened(self, asked: Mapping[str, Any], who: str = "stella", role: Role = Role.STEWARD) -> str:
        reply = self.request(asked, who, role)
        assert reply.status == 200, reply.payload
        return str(json.loads(reply.payload)["result"]["case"])

    def take(self, case: str, step: str, body: object, who: str = "dora", role: Role = Role.DECIDER) -> Reply:
        return self.ask(who, role, "POST", f"requests/{case}/{step}", body)

    def send(self, case: str, who: str = "stella", role: Role = Role.STEWARD, **given: object) -> Reply:
        body = {"document": base64.b64encode(DOCUMENT).decode(), "handover": "portal", **given}
        return self.take(case, "send", body, who, role)


def result(reply: Reply) -> dict[str, Any]:
    assert reply.status == 200, reply.payload
    found: dict[str, Any] = json.loads(reply.payload)["result"]
    return found


def content(reply: Reply) -> bytes:
    return base64.b64decode(result(reply)["content"])
