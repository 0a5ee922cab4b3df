"""What people of the month ask, and customer service and stewards for them, at the privacy API."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from month.counted import Counted
from month.machine import PATIENCE, Machine


class Desk:
    """An agent who asks for people, and a steward who decides."""

    def __init__(self, machine: Machine, counted: Counted, tokens: Mapping[str, str]) -> None:
        self._machine = machine
        self._counted = counted
        self._agent, self._steward = tokens["anna"], tokens["stella"]

    def withdraw(self, people: Iterable[str]) -> None:
        for person in people:
            wanted = _behalf(person) | {"purpose": "delivery_notification"}
            effect = self._machine.people(self._agent, "POST", "/v1/consents/withdraw", wanted)
            assert len(effect["ended"]) == 1, effect
            self._counted.looks["anna", "consent:withdrawn"] += 1
            self._counted.withdrawn += 1
            # The courier hears of it, where it ever had the address on that consent.
            self._counted.notices["withdraw_consent", "parcelgate"] += person in self._counted.emailed

    def forget(self, people: Iterable[str]) -> None:
        """Nothing links them to the record from now on, although no vendor was told."""
        for person in people:
            self._machine.typed("subject", "erase", person, "--reason", "request", "--force")
            self._counted.forgotten.add(person)

    def ask_erasure(self, people: Sequence[str]) -> list[str]:
        """What they ask, decided as they want it; the ids of the requests."""
        requests = []
        for person in people:
            wanted = _behalf(person) | {"right": "erasure"}
            request = self._machine.people(self._agent, "POST", "/v1/requests", wanted)["request"]
            self._machine.people(
                self._steward, "POST", f"/v1/requests/{request}/decision", {"decisions": [{"ruling": "erase"}]}
            )
            self._counted.looks["anna", "request:erasure"] += 1
            self._counted.requests.update({("erasure", "acknowledged"): 1, ("erasure", "accepted"): 1})
            for vendor in self._vendors(person):
                self._counted.notices["erasure", vendor] += 1
            requests.append(request)
        return requests

    def confirm(self, requests: Sequence[str]) -> None:
        """Vendors were told, and have answered; then requests close by themselves."""
        expected = self._counted.notices.total()
        found = self._waited(self._notices, lambda notices: len(notices) == expected)
        for notice in found:
            if notice["open"] and notice["cause"] == "erasure":
                step = {"notice": notice["id"], "state": "confirmed", "receipt": "K-1"}
                self._machine.operate(self._steward, "POST", "/notices/step", step)
        for request in requests:
            self._waited(
                lambda path=f"/v1/requests/{request}": self._looked(path), lambda one: one["status"] == "fulfilled"
            )
            self._counted.requests["erasure", "fulfilled"] += 1

    def received(self, person: str) -> Counter[str]:
        """How often which company received something of a person, as their own report says."""
        told = self._machine.people(self._agent, "POST", "/v1/disclosures", _behalf(person))
        self._counted.looks["anna", "report"] += 1
        self._counted.requests["access", "fulfilled"] += 1
        return Counter(line["recipient"]["name"] for line in told["disclosures"])

    def _vendors(self, person: str) -> set[str]:
        beside = {"parcelgate"} if person in self._counted.beside else set()
        return beside | {vendor for vendor, people in self._counted.told.items() if people[person]}

    def _notices(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._machine.operate(self._steward, "POST", "/notices", {"limit": 1000})
        self._counted.looks["stella", "notices"] += 1
        return found

    def _looked(self, path: str) -> Any:
        self._counted.looks["stella", "request"] += 1
        return self._machine.people(self._steward, "GET", path)

    @staticmethod
    def _waited(look: Any, is_done: Any) -> Any:
        until = time.monotonic() + PATIENCE * 2
        while not is_done(found := look()):
            assert time.monotonic() < until, found
            time.sleep(1)
        return found


def _behalf(person: str) -> dict[str, Any]:
    case = {"subject": person, "case": "CS-1", "reason": "asked on the telephone", "verified": "call_back"}
    return {"on_behalf": case}
