"""A batch loads where its items are one list, its people are limited, and nothing about them stands outside of it."""

import pytest
from bodies import contract, loaded
from small_contracts import SHIP

from gateway.contract.terms import Terms
from gateway.errors import Finding
from gateway.paths import EACH, Place

BATCH = """
body: json
batch: {items: $.parcels}
groups:
  - why: The driver finds the door.
    fields: {$.parcels.*.name: person.name, $.parcels.*.order: order.id}
    form: pseudonymise
  - why: Which service it is.
    fields: {$.service: not_personal}
    required: all
"""


def read(
    old: str = "body", new: str = "body", *, limits: str = "limits: {per_call: 9}\n"
) -> tuple[Terms | None, list[Finding]]:
    """The terms of a batch whose order stands in each item, with a text of it replaced, and what is wrong with it."""
    files = contract(BATCH.replace(old, new))
    files[SHIP] = files[SHIP].replace("path:parcel: shipment.tracking", "path:parcel: not_personal")
    files[SHIP] = (
        files[SHIP].replace("{order: header:order,", "{order: order,").replace("sending:\n", f"{limits}sending:\n")
    )
    contracts, findings = loaded(files)
    return (contracts.terms[0] if contracts else None), list(findings)


@pytest.mark.parametrize("items", ["$.parcels", "$.parcels.*", "parcels.*", "\"$['parcels'][*]\""])
def test_items_are_a_list_or_each_of_its_elements_and_what_is_relative_begins_there(items: str) -> None:
    terms, findings = read("$.parcels}", f"{items}}}")

    assert findings == []
    assert terms is not None
    assert terms.sending.batch is not None
    assert (terms.sending.batch.path, terms.sending.batch.drops) == (("parcels",), False)
    assert terms.orders == (Place("body", ("parcels", EACH, "order")),)


def test_items_begin_where_the_section_does() -> None:
    terms, _ = read("batch: {items: $.parcels}", "at: $.all\nbatch: {items: parcels.*}")

    assert terms is not None
    assert terms.orders == (Place("body", ("all", "parcels", EACH, "order")),)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("$.parcels}", "query:parcels}", "contract.path"),
        ("$.parcels}", "$.depots.*.parcels}", "contract.path"),
        ("$.parcels}", "$..parcels}", "contract.path"),
        ("$.parcels}", "$.parcels, if_refused: pass}", "contract.value"),
        ("{items: $.parcels}", "{if_refused: drop_item}", "contract.missing"),
        (
            "body: json\nbatch: {items: $.parcels}",
            "body: form\nbatch: {items: $.parcels, if_refused: drop_item}",
            "contract.value",
        ),
        ("body: json", "body: none", "contract.value"),
    ],
)
def test_what_is_no_batch_is_found(old: str, new: str, code: str) -> None:
    _, findings = read(old, new)

    assert code in [finding.code for finding in findings if finding.level == "error"]


@pytest.mark.parametrize("limits", ["", "limits: {per_hour: 10}\n"])
def test_a_batch_says_how_many_people_it_is_about(limits: str) -> None:
    _, findings = read(limits=limits)

    assert [finding.code for finding in findings] == ["contract.missing"]


@pytest.mark.parametrize(
    ("old", "new", "codes"),
    [
        ("", "", []),
        ("$.service: not_personal", "$.name: person.name", ["contract.whose"]),
        ("$.service: not_personal", "header:X-Label: person.name", ["contract.whose"]),
    ],
)
def test_where_items_are_dropped_nothing_about_their_people_stands_outside(
    old: str, new: str, codes: list[str]
) -> None:
    dropping = BATCH.replace("$.parcels}", "$.parcels, if_refused: drop_item}").replace(old, new)

    _, findings = read(BATCH, dropping)

    assert [finding.code for finding in findings if finding.level == "error"] == codes
    assert [finding.level for finding in findings if finding.code == "contract.value"] == ["note"]
