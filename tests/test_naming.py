"""A vendor that is spoken of is one that the contracts have, or that was spoken of before."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.naming import is_known, meant, unknown_vendors
from gateway.registry.entered import ROWS
from gateway.settings import Settings
from gateway.stores import Stores, opened

VENDORS = {"parcels", "payments"}
NO = {"kind": "consent", "subject": "c-1", "purpose": "delivery", "state": "withdrawn"}
REVIEW = {"kind": "review", "held": "2026-11-20", "next": "2027-11-20"}


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    async with opened(Settings(data=tmp_path), lambda: "shop-eu") as stores:
        yield stores


async def unknown(stores: Stores, *facts: dict[str, Any]) -> list[tuple[int, str]]:
    return list(await unknown_vendors(ROWS.validate_python(list(facts)), VENDORS, stores.registry))


async def test_of_several_facts_those_about_nobody_are_told_with_their_place(stores: Stores) -> None:
    facts = NO, NO | {"vendor": "parcels"}, NO | {"vendor": "parcel"}, REVIEW | {"vendor": "payment"}

    assert await unknown(stores, *facts) == [(2, "parcel"), (3, "payment")]


@pytest.mark.parametrize(
    "earlier",
    [
        NO | {"state": "given"},
        {"kind": "flag", "subject": "c-2", "flag": "objected"},
        {"kind": "suspension"},
    ],
    ids=["a consent", "an objection", "a stop"],
)
async def test_who_was_spoken_of_before_may_be_gone_from_the_contracts(stores: Stores, earlier: dict[str, Any]) -> None:
    assert not await is_known("gone", VENDORS, stores.registry)

    await stores.registry.put(ROWS.validate_python([earlier | {"vendor": "gone"}]))

    assert await is_known("gone", VENDORS, stores.registry)
    assert await unknown(stores, NO | {"vendor": "gone"}) == []
    assert await unknown(stores, REVIEW | {"vendor": "gone"}) == [(0, "gone")]


def test_the_name_that_is_meant_is_asked_for_where_one_is_alike() -> None:
    assert meant("parcel", VENDORS) == "; did you mean `parcels`?"
    assert meant("zzz", VENDORS) == ""
