"""Whoever reviews a contract is told of text that leaves in the words in which somebody wrote it."""

from pathlib import Path as Folder

import pytest
from small_contracts import SHIP, found, with_field

from gateway.vocabulary import VendorKind


def _named(name: str, form: str, category: str = "not_personal") -> dict[str, str]:
    files = with_field(category, VendorKind.LOGISTICS, form)
    return files | {SHIP: files[SHIP].replace("$.tested", f"$.parcel.{name}")}


@pytest.mark.parametrize(
    "name", ["note", "deliveryInstructions", "customer_comment", "Gift-Message", "freeText", "shown_message"]
)
@pytest.mark.parametrize("form", ["as_is", "{truncate: 35}"])
def test_free_text_as_it_was_written_is_a_note(name: str, form: str, tmp_path: Folder) -> None:
    assert found(tmp_path, _named(name, form), level="note") == ["contract.category"]


@pytest.mark.parametrize("form", ["scrub", "{scrub: 200}", "drop", "{replace: none}"])
def test_free_text_that_is_scrubbed_or_stays_is_none(form: str, tmp_path: Folder) -> None:
    assert found(tmp_path, _named("note", form, "delivery.note"), level="note") == []
    assert found(tmp_path, _named("note", form, "delivery.note")) == []


def test_a_delivery_note_leaves_in_no_other_form(tmp_path: Folder) -> None:
    assert found(tmp_path, _named("note", "as_is", "delivery.note")) == ["contract.category"]


@pytest.mark.parametrize(
    "name", ["notebook", "denote", "message_id", "weight", "show-packing-instructions", "hasNotes"]
)
def test_other_names_say_nothing(name: str, tmp_path: Folder) -> None:
    assert found(tmp_path, _named(name, "as_is"), level="note") == []
