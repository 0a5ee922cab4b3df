"""Whoever reviews a contract is told where an answer may bring data about people who are in no call."""

from pathlib import Path as Folder

import pytest
from small_contracts import ACME, SHIP, changed, found

BACK = "    - why: Shown to the customer.\n      fields: {$.id: shipment.tracking}\n"
ERROR = "      category: not_personal\n      fields: [$.error.code]\n"
OTHERS = "      others: A neighbour who took it; the courier hands them the shop's notice.\n"
TELLS_WHO = ["person.name", "contact.phone", "contact.email", "media.image"]


def bringing(category: str, *, said: str = "", form: str = "as_is") -> dict[str, str]:
    group = f"    - why: Says who has it.\n{said}      fields: {{$.taken_by: {category}}}\n      form: {form}\n"
    return changed(SHIP, BACK, BACK + group)


@pytest.mark.parametrize("category", TELLS_WHO)
def test_an_answer_that_tells_who_somebody_is_is_a_note_until_it_says_whom(category: str, tmp_path: Folder) -> None:
    assert found(tmp_path / "a", bringing(category), level="note") == ["contract.whose"]
    assert found(tmp_path / "b", bringing(category, said=OTHERS), level="note") == []
    assert found(tmp_path / "b", bringing(category, said=OTHERS)) == []


@pytest.mark.parametrize(("category", "form"), [("address.city", "as_is"), ("person.name", "drop")])
def test_what_tells_of_nobody_is_none(category: str, form: str, tmp_path: Folder) -> None:
    assert found(tmp_path, bringing(category, form=form), level="note") == []


def test_an_error_tells_of_people_like_any_answer(tmp_path: Folder) -> None:
    files = changed(ACME, ERROR, ERROR.replace("not_personal", "person.name"))

    assert found(tmp_path, files, level="note") == ["contract.whose"]


def test_what_leaves_is_of_somebody_in_the_call(tmp_path: Folder) -> None:
    files = changed(SHIP, "    - why: Matches our books again.\n", f"    - why: Matches our books again.\n{OTHERS}")

    assert found(tmp_path, files) == ["contract.unknown_key"]


@pytest.mark.parametrize("empty", ["", "x"])
def test_who_they_are_is_said_in_a_sentence(empty: str, tmp_path: Folder) -> None:
    assert found(tmp_path, bringing("person.name", said=f"      others: '{empty}'\n")) != []
