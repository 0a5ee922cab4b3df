"""The order that is sent again and again, and what must become of it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

ORDER_NUMBER = "@order_number@"
BUYER_NUMBER = "@buyer_number@"
"""Stand in the template for numbers of the same width, so that every call has the same length."""

PSEUDONYM = r"psn_[0-9a-f]{26}"

RECIPIENT = ("name", "company", "street", "unit", "city", "postal_code", "country", "phone")
ITEM = ("quantity", "hs_code")
PARCEL = ("weight", "service")
ANSWER = ("tracking_number", "status")
GOODS = "Cosmetics"


def template() -> str:
    """The order as one line of JSON, with stand-ins for its two numbers."""
    return json.dumps(json.loads((HERE / "order.json").read_text()))


def order(number: int) -> str:
    """One order, about a buyer, that no other number gives."""
    digits = f"{number:0{len(ORDER_NUMBER)}d}"
    return template().replace(ORDER_NUMBER, digits).replace(BUYER_NUMBER, digits)


def expected(text: str) -> dict[str, Any]:
    """What must arrive for an order, but for its reference, which arrives as a pseudonym."""
    given = json.loads(text)
    return {
        "recipient": _named(given["recipient"], RECIPIENT),
        "items": [{"title": GOODS} | _named(item, ITEM) for item in given["items"]],
        "parcel": _named(given["parcel"], PARCEL),
    }


def _named(given: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: given[name] for name in names}
