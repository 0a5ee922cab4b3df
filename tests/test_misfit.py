"""What does not fit is told by its place, in our words and with a way out, and without what was given."""

import re
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from gateway.contract.model import Operation, Vendor
from gateway.misfit import SHAPES, misfits, told
from gateway.registry.entered import ROWS, AnyRow
from gateway.vocabulary import Category

CANARY = "Rosalind-Franklin-1920"
LANGUAGE = Path(__file__).parents[1] / "gateway" / "contract"


class Tea(StrEnum):
    GREEN = "green"
    BLACK = "black"


class Leaf(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["leaf"]
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] = "DE"
    code: Annotated[str, StringConstraints(pattern=r"^[x]+$")] = "x"
    picked: date | None = None
    washed: Literal["", "once", "twice", "thrice"] = ""


class Pot(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["pot"]
    cups: int = Field(default=1, ge=1, le=9)
    teas: tuple[Tea, ...] = Field(default=(Tea.GREEN,), min_length=1)
    inside: tuple[Leaf, ...] = ()


THING: TypeAdapter[Pot | Leaf] = TypeAdapter(Annotated[Pot | Leaf, Field(discriminator="kind")])

WRONG: dict[str, tuple[Any, str]] = {
    "a word": ({"kind": "pot", "teas": [CANARY]}, "pot.teas.0: there is no such word here (write one of green, black)"),
    "a word that may be none": (
        {"kind": "leaf", "washed": CANARY},
        "leaf.washed: there is no such word here (write one of once, twice, thrice)",
    ),
    "a number": ({"kind": "pot", "cups": CANARY}, "pot.cups: not a whole number (write its digits)"),
    "too small": ({"kind": "pot", "cups": 0}, "pot.cups: too small (write 1 or more)"),
    "too large": ({"kind": "pot", "cups": 10}, "pot.cups: too large (write 9 or less)"),
    "nothing": ({"kind": "pot", "teas": []}, "pot.teas: empty (name at least 1)"),
    "no list": ({"kind": "pot", "teas": CANARY}, "pot.teas: not a list (write [one, another])"),
    "no block": ({"kind": "pot", "inside": [CANARY]}, "pot.inside.0: not a block of keys (write `key: value`)"),
    "a day": ({"kind": "leaf", "picked": CANARY}, "leaf.picked: not a day (write it like 2026-12-31)"),
    "a shape": (
        {"kind": "leaf", "country": CANARY},
        "leaf.country: not written as it has to be (write a country as two capitals (ISO 3166), such as `DE`)",
    ),
    "any other shape": (
        {"kind": "leaf", "code": CANARY},
        "leaf.code: not written as it has to be (write what matches ^[x]+$)",
    ),
    "a key": ({"kind": "leaf", CANARY: 1}, "leaf.*: there is no such key"),
    "a kind": ({"kind": CANARY}, "there is no such kind (write one of pot, leaf)"),
    "no kind": ({}, "it does not say which (add it)"),
}


@pytest.mark.parametrize(("given", "line"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_with_its_place_and_a_way_out_and_without_what_was_given(given: Any, line: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        THING.validate_python(given)

    assert told(wrong.value) == line
    assert not [misfit for misfit in misfits(wrong.value) if CANARY in str(misfit)]


def test_what_follows_from_something_else_is_not_told_beside_it() -> None:
    with pytest.raises(ValidationError) as wrong:
        THING.validate_python({"kind": "pot", "teas": [CANARY, "also none"]})

    assert [misfit.at[-1] for misfit in misfits(wrong.value)] == [0, 1]


def test_of_many_words_the_one_that_was_meant_is_named() -> None:
    words: TypeAdapter[Category] = TypeAdapter(Category)

    with pytest.raises(ValidationError) as wrong:
        words.validate_python("person.nmae")

    assert "`person.name`" in told(wrong.value)


ALL = f"there are {', '.join(sorted(Operation.model_fields))}"
KEYS = {
    "at the top": (Operation, {"caller": ["a"]}, "write `callers`"),
    "in a block": (Operation, {"sending": {"group": []}}, "write `groups`"),
    "in an element of a list": (Operation, {"sending": {"groups": [{"filds": {}}]}}, "write `fields`"),
    "behind a name": (Vendor, {"environments": {"live": {"host": {}}}}, "write `hosts`"),
    "like none": (Operation, {"colour": "red"}, ALL),
    "one of another block": (Operation, {"vendor_keeps": "P1D"}, ALL),
    "of a fact of its kind": (list[AnyRow], [{"kind": "subject", "jurisdction": "DE"}], "write `jurisdiction`"),
    "of no fact of its kind": (
        list[AnyRow], [{"kind": "subject", "state": "DE"}], "there are jurisdiction, kind, source, subject, time",
    ),
}  # fmt: skip


def test_where_nobody_says_which_kind_all_kinds_are_named() -> None:
    with pytest.raises(ValidationError) as wrong:
        ROWS.validate_python([{"subject": "c-1"}])

    [misfit] = misfits(wrong.value, AnyRow)
    assert misfit.fix.startswith("add `kind`, one of acceptance, agreement, ")
    assert misfit.fix.endswith("subject, suspension")


@pytest.mark.parametrize(("model", "given", "fix"), KEYS.values(), ids=KEYS)
def test_of_an_unknown_key_the_nearest_one_of_its_block_is_named(model: Any, given: object, fix: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        TypeAdapter(model).validate_python(given)

    assert [each.fix for each in misfits(wrong.value, model) if each.kind == "extra_forbidden"] == [fix]


def test_every_shape_of_the_contract_language_has_its_words() -> None:
    written = {
        pattern
        for file in LANGUAGE.glob("*.py")
        for pattern in re.findall(r'\bpattern=r"([^"]+)"', file.read_text("utf-8"))
    }

    assert len(written) > 5
    assert written <= SHAPES.keys()
