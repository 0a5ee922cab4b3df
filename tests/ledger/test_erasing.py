"""The record forgets whom it is told to forget, and nobody else; a crash at any step changes nothing of that."""

import asyncio

from ledger_fakes import PURCHASER, SENT, Shop, shipment

from gateway.ledger import Filter, Ledger, Subject

OTHER = Subject("guest-2342", "consignee", "FR")


async def test_a_turnover_leaves_everybody_found_and_is_on_record(ledger: Ledger, shop: Shop) -> None:
    token = ledger.tokenise(PURCHASER.ref, "parcels", "88")
    ticket = await ledger.intend(shipment(), [PURCHASER, OTHER], b"{}", within=20)
    ledger.settle(ticket, SENT, [digest := ledger.digest("parcels", "1Z999")])

    generation = await ledger.erasing.turnover("anna")

    assert await ledger.earlier(digest) == (PURCHASER, OTHER)
    again = await reopened(ledger, shop)
    assert await again.earlier(digest) == (PURCHASER, OTHER)
    assert again.behind("parcels", token) == "88"
    assert again.tokenise(PURCHASER.ref, "parcels", "88") == token
    told = [dict(entry.body) for entry in await again.entries(Filter(kind="key", caller="anna"))]
    assert generation == 2
    assert [(each["generation"], each["state"], each["by"]) for each in told] == [
        (1, "destroyed", "anna"),
        (2, "created", "anna"),
    ]


async def test_intents_go_on_during_a_turnover_and_their_people_are_found_after_it(ledger: Ledger, shop: Shop) -> None:
    await asyncio.gather(*(ledger.intend(shipment(), [someone(n)], b"{}", within=20) for n in range(300)))

    turning = asyncio.ensure_future(ledger.erasing.turnover("anna"))
    for n in range(300, 400):
        await ledger.intend(shipment(), [someone(n)], b"{}", within=20)
    await turning

    again = await reopened(ledger, shop)
    for n in range(400):
        assert again._keys.by_id(again._keys.of(again._keys.token(someone(n).ref)).id) is not None
    assert again._keys.hierarchy.generation == 2


async def test_turnovers_come_one_after_the_other(ledger: Ledger) -> None:
    turned = await asyncio.gather(*(ledger.erasing.turnover("anna") for _ in range(3)))

    assert sorted(turned) == [2, 3, 4]


def someone(number: int) -> Subject:
    return Subject(f"customer-{number:05}", "purchaser", "DE")


async def reopened(ledger: Ledger, shop: Shop) -> Ledger:
    await ledger.close()
    return shop.open()
