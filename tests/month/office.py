"""What happens beside the sales of the month: an incident, demands of authorities, and a waiver."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from month.counted import Counted
from month.machine import Machine
from month.shop import Order

DOMESTIC: Mapping[str, Any] = {
    "scenario": "legal_compulsion",
    "recipient": {
        "kind": "law_enforcement",
        "name": "Staatsanwaltschaft Bremen",
        "country": "DE",
        "contact": "Room 4",
        "verified": "called back over the switchboard",
    },
    "fields": {"$.orders.*.number": "order.id", "$.orders.*.city": "address.city"},
    "whose": "$.orders.*.customer",
    "demand": "domestic",
    "instrument": {
        "type": "order",
        "number": "123 Js 45/26",
        "dated": "2026-01-05",
        "law": "StPO section 95",
        "written": True,
        "reasoned": True,
    },
    "period": {"since": "2026-01-01", "until": "2026-03-31"},
    "necessity": "The order names one parcel.",
}
FOREIGN: Mapping[str, Any] = {
    **DOMESTIC,
    "recipient": {**DOMESTIC["recipient"], "kind": "judicial", "name": "District Court", "country": "US"},
    "demand": "agreement",
    "agreement": "Treaty of 2003",
    "crossing": "derogation_public_interest",
    "stored_in": ["DE"],
}
STAFF: Mapping[str, str] = {
    "back-office": "operator",
    "stella": "steward",
    "dora": "decider",
    "dirk": "decider",
    "petra": "dpo",
    "rita": "reviewer",
    "anna": "agent",
}


class Office:
    """Stewards, deciders and a data protection officer, each with a token of their own."""

    def __init__(self, machine: Machine, counted: Counted, tokens: Mapping[str, str]) -> None:
        self._machine = machine
        self._counted = counted
        self._tokens = tokens

    def answer_demand(self, about: Order, *, is_foreign: bool = False) -> None:
        """An authority asks for a person's order in writing: two people let it go; abroad, after an opinion."""
        case = self._opened(about, FOREIGN if is_foreign else DOMESTIC)
        if is_foreign:
            stated = {"dated": datetime.now(UTC).date().isoformat(), "favourable": True, "text": "It is covered."}
            self._take("petra", case, "opinion", stated)
        self._take("dora", case, "approve", {})
        document = {"orders": [{"number": about.number, "customer": about.person, "city": "Dresden", "note": "x"}]}
        content = base64.b64encode(json.dumps(document).encode()).decode()
        done = self._take("stella", case, "send", {"document": content, "handover": "portal"})
        left = json.loads(base64.b64decode(done["content"]))
        assert left == {"orders": [{"number": about.number, "city": "Dresden"}]}, left
        recipient = (FOREIGN if is_foreign else DOMESTIC)["recipient"]
        self._counted.outside_to.append((recipient["name"], about.person))
        self._counted.crossed[recipient["kind"], about.country] += is_foreign
        opinion = "petra" if is_foreign else None
        self._entered(case, recipient, "sent", ("dora",), opinion, fields=2, withheld=2)

    def refuse_demand(self, about: Order) -> None:
        """One that a decider turns down; and one before it that is not in writing, and becomes no case at all."""
        oral = {**DOMESTIC, "subjects": [_subject(about)], "instrument": {**DOMESTIC["instrument"], "written": False}}
        reply = self._machine.client.post(
            f"{self._machine.operators}/exceptional/requests",
            json=oral,
            headers={"authorization": f"Bearer {self._tokens['stella']}"},
        )
        assert reply.json()["code"] == "exceptional.not_written", reply.text
        case = self._opened(about, DOMESTIC)
        self._take("dora", case, "refuse", {"why": "The order names somebody else."})
        self._entered(case, DOMESTIC["recipient"], "refused", (), None)

    def waive(self, operation: str) -> None:
        """Two deciders let an operation go on without its paper."""
        wanted = {
            "operations": [operation],
            "codes": ["agreement.expired"],
            "reason": "the new paper is being signed",
        }
        waiver = self._machine.operate(self._tokens["dora"], "POST", "/waivers", wanted)
        self._machine.operate(self._tokens["dirk"], "POST", f"/waivers/{waiver['id']}/grant")

    def open_incident(self, vendor: str) -> str:
        """The vendor told us an hour ago that it has lost what it has; the authority hears of it at once."""
        now = datetime.now(UTC)
        stated = {
            "vendor": vendor,
            "nature": "confidentiality",
            "began": (now - timedelta(hours=6)).isoformat(),
            "aware": (now - timedelta(hours=1)).isoformat(),
            "vendor_told": (now - timedelta(hours=1)).isoformat(),
            "reference": "INC-2026/1",
        }
        opened = self._machine.operate(self._tokens["petra"], "POST", "/incidents", stated)
        assert not opened["overdue"], opened
        step = {"step": "authority", "reference": "BfDI 4711"}
        self._machine.operate(self._tokens["petra"], "POST", f"/incidents/{opened['incident']}/steps", step)
        self._counted.incidents.append((opened["incident"], vendor, ("opened", "authority")))
        return str(opened["incident"])

    def affected(self, incident: str) -> dict[str, Any]:
        found: dict[str, Any] = self._machine.operate(self._tokens["petra"], "GET", f"/incidents/{incident}/affected")
        self._counted.looks["petra", "affected"] += 1
        return found

    def _opened(self, about: Order, demand: Mapping[str, Any]) -> str:
        asked = {**demand, "subjects": [_subject(about)]}
        return str(self._machine.operate(self._tokens["stella"], "POST", "/exceptional/requests", asked)["case"])

    def _take(self, who: str, case: str, step: str, said: Mapping[str, Any]) -> dict[str, Any]:
        done: dict[str, Any] = self._machine.operate(
            self._tokens[who], "POST", f"/exceptional/requests/{case}/{step}", said
        )
        return done

    def _entered(
        self,
        case: str,
        recipient: Mapping[str, str],
        outcome: str,
        approved: tuple[str, ...],
        opinion: str | None,
        **counts: int,
    ) -> None:
        self._counted.demands.append(
            {
                "case": case,
                "scenario": "legal_compulsion",
                "requested_by": "stella",
                "recipient": recipient["kind"],
                "country": recipient["country"],
                "subjects": 1,
                "approved_by": list(approved) or None,
                "opinion_by": opinion,
                "outcome": outcome,
                "fields": counts.get("fields"),
                "withheld": counts.get("withheld"),
            }
        )


def _subject(about: Order) -> dict[str, str]:
    return {"subject": about.person, "role": "purchaser", "jurisdiction": about.country}
