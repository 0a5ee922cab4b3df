"""Whoever reviews a contract is told of fields that are called personal and said not to be."""

from pathlib import Path as Folder

import pytest
from small_contracts import FILES, SHIP, changed, found

SOMEBODY = "        $.name: person.name\n"


def _claimed(path: str, somebody: str = SOMEBODY) -> dict[str, str]:
    group = f"    - why: It is under test here.\n      category: not_personal\n      fields: [$.{path}]\n"
    operation = changed(SHIP, SOMEBODY, somebody)[SHIP].replace("answer:\n", f"{group}answer:\n")
    return dict(FILES) | {SHIP: operation}


@pytest.mark.parametrize(
    "path", ["recipient.name", "parcel.phone", "origin.street", "sender_notes.email", "sender_name"]
)
def test_a_name_that_sounds_personal_is_a_note(path: str, tmp_path: Folder) -> None:
    assert found(tmp_path, _claimed(path), level="note") == ["contract.category"]


@pytest.mark.parametrize(
    "path",
    [
        "sender.name",
        "address_from.name",
        "Shipper.Address.Street",
        "a.from_address.phone",
        "ShipFrom.Name",
        "b.sender.*.contact-phone",
    ],
)
def test_the_sender_of_what_a_person_gets_is_the_shop(path: str, tmp_path: Folder) -> None:
    assert found(tmp_path, _claimed(path), level="note") == []


@pytest.mark.parametrize("path", ["logger.name", "evt.name", "product.name", "events.*.event.name"])
def test_the_name_of_a_thing_is_nobodys(path: str, tmp_path: Folder) -> None:
    assert found(tmp_path, _claimed(path), level="note") == []


@pytest.mark.parametrize(
    "somebody",
    ["        $.weight: not_personal\n", "        $.phone: contact.phone\n", "        $.shipper.name: person.name\n"],
    ids=["nobody", "a telephone only", "another sender"],
)
def test_the_sender_may_be_somebody_where_no_person_is_at_the_other_end(somebody: str, tmp_path: Folder) -> None:
    assert found(tmp_path, _claimed("sender.name", somebody), level="note") == ["contract.category"]
