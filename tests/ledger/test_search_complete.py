"""What reviewers find is what a scan of the leaves finds, however they go through the pages."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_fakes import PURCHASER, SENT, Shop, shipment

from gateway.ledger import Access, FactPut, Ledger, Outcome, Refused, Subject, TokenChanged
from gateway.ledger.store import Entry, Filter

LISA = Subject("customer-7", "purchaser", "DE")
OUTCOMES = (SENT, Outcome("not_sent", "vendor.unreachable"), Outcome("possibly", "vendor.timeout"))
CHOICES: Mapping[str, Sequence[Any]] = {
    "kind": ("intent", "outcome", "refusal", "access", "fact", "token", "epoch", "key"),
    "vendor": ("parcels", "payments"),
    "operation": ("create-shipment", "charge"),
    "caller": ("fulfilment", "checkout", "rita"),
    "code": ("vendor.unreachable", "consent.missing"),
    "result": ("sent", "not_sent", "possibly", "in_doubt"),
    "subject": (PURCHASER.ref, LISA.ref, "nobody"),
}
wanted = st.fixed_dictionaries({}, optional={name: st.sampled_from(words) for name, words in CHOICES.items()})


@pytest.fixture
async def ledger(shop: Shop) -> Ledger:
    ledger = shop.open()
    for number in range(12):
        people = [(), (PURCHASER,), (PURCHASER, LISA)][number % 3]
        ledger.settle(await ledger.intend(shipment(), people, b"{}", within=20), OUTCOMES[number % 4 % 3])
        ledger.note(Refused(caller="checkout", code="consent.missing", vendor="payments", operation="charge"), people)
        ledger.note(FactPut("consent:delivery", "given", "parcels", "rita"), [LISA])
        ledger.note(TokenChanged("0" * 32, "checkout", "issued"))
        ledger.note(Access("rita", "list"))
    await ledger._writer.drained()
    return ledger


def scanned(ledger: Ledger, asked: Mapping[str, Any]) -> list[int]:
    """The places of entries that fit, told from their bodies alone; of people, from the links."""
    leaves = [(leaf.seq, json.loads(leaf.body)) for leaf in ledger._store.leaves(0, 10_000)]
    intents = {body["id"]: (seq, body) for seq, body in leaves if body["kind"] == "intent"}
    outcomes = {body["intent"]: body for _, body in leaves if body["kind"] == "outcome"}
    linked = {
        row.seq: {ledger._keys.blinding.bare(link.tok) for link in row.links}
        for row in ledger._store.stored(0, 10_000, links=True)
    }
    found = []
    for seq, body in leaves:
        about = intents[body["intent"]][1] if body["kind"] == "outcome" else body
        current = outcomes.get(body["id"], {}) if body["kind"] == "intent" else body
        said = {
            "kind": body["kind"],
            "vendor": about.get("vendor"),
            "operation": about.get("operation"),
            "caller": about.get("caller") or about.get("service") or about.get("by") or about.get("reviewer"),
            "code": current.get("code"),
            "result": current.get("result"),
        }
        fits = all(said[name] == value for name, value in asked.items() if name != "subject")
        if fits and ("subject" not in asked or ledger._keys.token(asked["subject"]) in linked[seq]):
            found.append(seq)
    return found[::-1]


async def paged(ledger: Ledger, asked: Mapping[str, Any], limit: int) -> list[int]:
    found: list[Entry] = []
    before = None
    while page := await ledger.entries(Filter(**asked, before=before, limit=limit)):
        found += page
        before = page[-1].seq
    return [entry.seq for entry in found]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=wanted, limit=st.integers(1, 20))
async def test_all_pages_together_are_what_a_scan_finds(ledger: Ledger, asked: Mapping[str, Any], limit: int) -> None:
    assert await paged(ledger, asked, limit) == scanned(ledger, asked)


async def test_a_search_that_misses_one_is_noticed(ledger: Ledger, shop: Shop) -> None:
    database = shop.store._database
    database.execute("DROP TRIGGER leaf_body_UPDATE")
    database.execute("UPDATE leaf_body SET vendor = NULL WHERE seq = (SELECT max(seq) FROM leaf WHERE kind = 'intent')")

    assert await paged(ledger, {"vendor": "parcels"}, 5) != scanned(ledger, {"vendor": "parcels"})
