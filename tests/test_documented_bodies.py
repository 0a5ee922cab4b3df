"""The requests that vendors show in their own descriptions are taken by their contracts, and leave minimised."""

import gzip
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from shipped import PSEUDONYM, repository

from gateway.rehearse import Stage, parse_http, staged

Shared = Callable[[str], Path]

TERMS = {terms.name: terms for terms in repository().terms}
STAGED = staged(repository())
OURS = {"Shipping", "Cosmetics", "psn_*"}


async def test_what_ups_shows_is_taken(shared: Shared) -> None:
    bodies = [*_of_ups(shared)]

    assert len(bodies) == 16
    for body in bodies:
        sent = await _sent("ups/create-shipment", "/api/shipments/v2409/ship", body)
        assert set(_texts(json.loads(sent))) <= {*_texts(body), *OURS}
        assert not re.search(rb"@|email|fax", sent, re.IGNORECASE)


async def test_what_adyen_shows_is_taken(shared: Shared) -> None:
    bodies = [*_of_adyen(shared)]

    assert len(bodies) == 13
    for body in bodies:
        sent = await _sent("adyen/create-payment", "/checkout/v71/payments", body)
        assert set(_texts(json.loads(sent))) <= {*_texts(body), *OURS}
        assert not re.search(rb"@|shopperIP|browserInfo|holderName|iban", sent, re.IGNORECASE)


async def _sent(name: str, path: str, body: object) -> bytes:
    """What leaves of a body, where everybody is found and every agreement is in force."""
    done = await Stage(STAGED).play(TERMS[name], parse_http(f"POST {path}\n\n{json.dumps(body)}"))
    assert done.sent is not None, done.reply.payload
    return done.sent.payload


def _texts(document: Any) -> Iterator[str]:
    """Every text in a document, with every pseudonym alike."""
    if isinstance(document, dict | list):
        for value in document.values() if isinstance(document, dict) else document:
            yield from _texts(value)
    elif isinstance(document, str):
        yield PSEUDONYM.sub(b"psn_*", document.encode()).decode()


def _of_ups(shared: Shared) -> Iterator[Any]:
    """The shipments in UPS' description, each with an order's number; one has the shape of another interface."""
    with gzip.open(shared("ups-openapi") / "Shipping.yaml.gz", "rt", encoding="utf-8") as file:
        described = yaml.load(file.read().replace("\t", "  "), Loader=yaml.CSafeLoader)
    shown = described["paths"]["/shipments/{version}/ship"]["post"]["requestBody"]["content"]["application/json"]
    for example in shown["examples"].values():
        request = example["value"].get("ShipmentRequest")
        if request is not None:
            yield {"ShipmentRequest": request | {"Shipment": _numbered(request["Shipment"])}}


def _numbered(shipment: dict[str, Any]) -> dict[str, Any]:
    return {"ReferenceNumber": {"Value": "A-1"}} | shipment


def _of_adyen(shared: Shared) -> Iterator[Any]:
    """The payments in Adyen's description, with pages of ours; but none with a card in clear."""
    with gzip.open(shared("adyen-openapi") / "CheckoutService-v71.json.gz") as file:
        described = json.load(file)
    shown = described["paths"]["/payments"]["post"]["requestBody"]["content"]["application/json"]
    for example in shown["examples"].values():
        body = described["components"]["examples"][example["$ref"].rpartition("/")[2]]["value"]
        if "number" not in body["paymentMethod"]:
            yield body | {name: "https://shop.example/paid" for name in ("returnUrl", "origin") if name in body}
