"""A vendor that got something beside the gateway of which nobody knew yet is told what people had asked by then."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from running import BY, Running, running
from shop_contracts import FILES
from shop_notices import CLAIM

CALLED: dict[str, Any] = {
    "vendor": "parcels",
    "operation": "claim",
    "people": [{"subject": "c-89", "role": "consignee", "order": "A-10045"}],
    "happened": "2026-03-02T10:00:00Z",
}


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Running]:
    """A gateway that forgets people as soon as every vendor has answered."""
    with running(tmp_path, files={**FILES, "parcels/claim.yaml": CLAIM}, erasure="confirmed") as gateway:
        yield gateway


def recorded(gateway: Running, **members: Any) -> None:
    gateway.do(lambda: gateway.stores.direct.record([CALLED | members], by=BY))


def told(gateway: Running) -> list[tuple[str, str, tuple[str, ...]]]:
    found = gateway.do(lambda: gateway.stores.notices.listed({}, by=BY))
    return sorted((each["vendor"], each["cause"], each["categories"]) for each in found)


def ask(gateway: Running, cause: str, subject: str = "c-89", **members: Any) -> None:
    gateway.do(lambda: gateway.stores.notices.tell({"cause": cause, "subject": subject, **members}, by=BY))


def begin(gateway: Running) -> None:
    gateway.do(lambda: gateway.stores.erasures.begin({"subject": "c-89", "reason": "request"}, by=BY))


def finished(gateway: Running) -> int:
    erase = gateway.stores.desk.erase
    return gateway.do(lambda: gateway.stores.erasures.finish(lambda asked: erase(asked, by=BY)))


def test_nobody_is_forgotten_before_a_vendor_was_told_of_whom_it_was_entered_afterwards(gateway: Running) -> None:
    begin(gateway)

    recorded(gateway)
    recorded(gateway)
    early, notices = finished(gateway), told(gateway)
    [open_] = gateway.do(lambda: gateway.stores.notices.listed({"open": True}, by=BY))
    gateway.do(lambda: gateway.stores.notices.step({"notice": open_["id"], "state": "confirmed"}, by=BY))

    assert notices == [("parcels", "erasure", ("contact.phone", "person.name"))]
    assert (early, finished(gateway)) == (0, 1)


def test_what_was_asked_of_it_reaches_the_vendor_under_whichever_reference(gateway: Running) -> None:
    gateway.put({"kind": "link", "subject": "account-7", "other": "c-89"})
    ask(gateway, "rectification", "account-7", categories=["contact.phone"])
    ask(gateway, "rectification", "account-7", categories=["payment.token"])
    ask(gateway, "erasure", "c-88")

    recorded(gateway)

    assert told(gateway) == [("parcels", "rectification", ("contact.phone",))]


def test_what_happened_after_somebody_asked_is_not_told_of_it(gateway: Running) -> None:
    ask(gateway, "rectification")

    recorded(gateway, happened=datetime.now(UTC).isoformat())

    assert told(gateway) == []


@pytest.mark.parametrize(("last", "causes"), [("unrestricted", []), ("restriction", ["restriction"])])
def test_a_restriction_is_told_as_long_as_it_stands(gateway: Running, last: str, causes: list[str]) -> None:
    for cause in dict.fromkeys(["restriction", "unrestricted", last]):
        ask(gateway, cause)
    if last == "restriction":
        ask(gateway, last)

    recorded(gateway)

    assert [cause for _, cause, _ in told(gateway)] == causes
