"""What the bench's contract says, written by hand for the competitors, with the standard library alone."""

import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]

TARGET = "/parcelgate/v2/shipments"
VENDOR_TARGET = "/v2/shipments"
VENDOR_KEY = "sandbox"  # what the gateway has in the place of every secret while vendors are played on this machine
_PSEUDONYM_KEY = b"the pseudonym key of the bench"
_RECIPIENT = ("name", "company", "street", "unit", "city", "postal_code", "country", "phone")
_ITEM = ("quantity", "hs_code")
_PARCEL = ("weight", "service")
_ANSWER = ("tracking_number", "status")


class UnfitBody(ValueError):
    """A body that is no order or no answer; nothing of it may go on."""


def minimised_order(payload: bytes) -> bytes:
    """The order that the vendor gets; raises UnfitBody where it cannot be made."""
    order = _object(payload)
    recipient, items, parcel, reference = (order.get(name) for name in ("recipient", "items", "parcel", "reference"))
    if not (isinstance(recipient, dict) and isinstance(items, list) and isinstance(parcel, dict)):
        raise UnfitBody
    if not isinstance(reference, str):
        raise UnfitBody
    return _written(
        {
            "reference": _pseudonym(reference),
            "recipient": _kept(recipient, _RECIPIENT),
            "items": [_goods(item) for item in items],
            "parcel": _kept(parcel, _PARCEL),
        }
    )


def minimised_answer(payload: bytes) -> bytes:
    """The answer that the shop gets; raises UnfitBody where it cannot be made."""
    return _written(_kept(_object(payload), _ANSWER))


def _object(payload: bytes) -> Json:
    try:
        document = json.loads(payload)
    except ValueError:
        # `from None`: the parser's own error carries the body.
        raise UnfitBody from None
    if not isinstance(document, dict):
        raise UnfitBody
    return document


def _written(document: Json) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _kept(given: Mapping[str, Any], names: Sequence[str]) -> Json:
    return {name: given[name] for name in names if name in given and not isinstance(given[name], (dict, list))}


def _goods(item: Any) -> Json:
    if not isinstance(item, dict):
        raise UnfitBody
    title = {"title": "Cosmetics"} if "title" in item else {}
    return title | _kept(item, _ITEM)


def _pseudonym(reference: str) -> str:
    return "psn_" + hmac.digest(_PSEUDONYM_KEY, reference.encode(), "sha256").hex()[:26]
