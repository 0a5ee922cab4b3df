"""Whoever asks about a person gets what left about that person, and as whom, whatever became of the others."""

from collections.abc import Sequence

import pytest
from ledger_fakes import PURCHASER, SENT, Shop, shipment

from gateway.ledger import Ledger, Outcome, Subject
from gateway.ledger import personal as module

CONSIGNEE = Subject("guest-2342", "consignee", "FR", "order-4815")
PAYER = Subject(PURCHASER.ref, "payer", "DE", "order-4815")


class Nobody:
    """A registry that knows nobody."""

    async def known(self) -> Sequence[str]:
        return ()

    async def erase(self, ref: str) -> None: ...


async def sent(ledger: Ledger, *subjects: Subject, outcome: Outcome = SENT) -> None:
    ticket = await ledger.intend(shipment(), subjects, b"{}", within=10)
    ledger.settle(ticket, outcome)
    await ledger.passed()


async def roles(ledger: Ledger, ref: str) -> list[list[str]]:
    return [sorted(each.roles) for each in await ledger.persons.about(ref)]


async def test_a_person_is_found_in_every_role_and_nobody_else_with_them(shop: Shop) -> None:
    ledger = shop.open()
    await sent(ledger, CONSIGNEE, PURCHASER, PAYER)
    await sent(ledger, CONSIGNEE)

    assert await roles(ledger, PURCHASER.ref) == [["payer", "purchaser"]]
    assert await roles(ledger, CONSIGNEE.ref) == [["consignee"], ["consignee"]]
    assert await roles(ledger, "somebody") == []
    found = await ledger.persons.about(PURCHASER.ref)
    assert {each.ref for each in found[0].subjects} == {PURCHASER.ref}


async def test_where_another_was_erased_a_person_is_still_found(shop: Shop) -> None:
    ledger = shop.open()
    await sent(ledger, CONSIGNEE, PURCHASER)

    await ledger.erasing.erase(CONSIGNEE.ref, Nobody(), reason="request", by="anna", forced=False)

    assert await roles(ledger, PURCHASER.ref) == [["purchaser"]]
    assert await roles(ledger, CONSIGNEE.ref) == []


async def test_all_doubt_counts_as_sent(shop: Shop) -> None:
    ledger = shop.open()
    for outcome in (SENT, Outcome("possibly", "vendor.timeout"), Outcome("not_sent", "vendor.unreachable")):
        await sent(ledger, PURCHASER, outcome=outcome)
    await ledger.intend(shipment(), [PURCHASER], b"{}", within=10)

    found = await ledger.persons.about(PURCHASER.ref)

    assert [each.may_have_arrived for each in found] == [True, False, True, True]


async def test_more_than_a_page_is_found(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = shop.open()
    for _ in range(5):
        await sent(ledger, PURCHASER)
    monkeypatch.setattr(module, "PAGE", 2)

    assert len(await roles(ledger, PURCHASER.ref)) == 5
