"""A contract names elements and attributes as XML can have them, and namespaces where there are any."""

import pytest
from bodies import contract, findings_of, loaded

SENDING = """
body: xml
namespaces: ["urn:carrier:parcel"]
at: $.Envelope.Body.Ship
groups:
  - why: The driver finds the door.
    at: Receiver
    fields:
      Name: person.name
      Line.*: address.street
      .@residential: parcel.measure
    required: [Name, Line.*]
  - why: The price depends on it.
    fields: {Parcel.*.Weight.@unit: parcel.measure, "Parcel.*['größe']": parcel.measure}
"""
ANSWER = """
body: xml
groups:
  - why: Shown to the customer.
    fields: {$.Label.Number: shipment.tracking}
errors:
  body: xml
  namespaces: ["urn:carrier:faults"]
  at: $.Envelope.Body.Fault
  groups:
    - why: The SDK chooses its exception by it.
      category: not_personal
      fields: [faultcode]
"""
JSON = """
body: json
groups:
  - why: The driver finds the door.
    fields: {$.name: person.name}
"""


def errors(sending: str, answer: str = "") -> list[str]:
    return [code for level, code, _ in findings_of(sending, answer) if level == "error"]


def test_xml_loads_in_calls_answers_and_errors() -> None:
    contracts, findings = loaded(contract(SENDING, ANSWER))

    assert contracts is not None, [str(each) for each in findings]
    [terms] = contracts.terms
    assert terms.answer is not None
    assert terms.errors is not None
    assert terms.sending.media == ("text/xml", "application/xml")
    assert (terms.sending.suffix, terms.answer.suffix, terms.errors.suffix) == ("", "+xml", "+xml")
    assert [each.trees["body"].namespaces for each in (terms.sending, terms.answer, terms.errors)] == [
        {"urn:carrier:parcel"},
        set(),
        {"urn:carrier:faults"},
    ]


@pytest.mark.parametrize(
    "path",
    [
        "$.*.Name",
        "$.*",
        "$.@id.x",
        "$.Ship.@id.*",
        "$.Ship.@id.x",
        "$.Ship['soap:Name']",
        "$.Ship['{urn:carrier}Name']",
        "$.Ship['two words']",
        "$.Ship['1st']",
        "$.Ship['@']",
    ],
)
def test_a_path_that_no_xml_has_does_not_load(path: str) -> None:
    broken = SENDING.replace("Name: person.name", f"{path}: person.name").replace("[Name, ", "[")
    if "['" in path:
        broken = broken.replace(f"{path}:", f'"{path}":')

    assert errors(broken) == ["contract.path"]


@pytest.mark.parametrize("form", ["as_is", "drop"])
def test_no_xml_leaves_as_a_whole(form: str) -> None:
    whole = f"body: xml\ngroups:\n  - why: All of it goes.\n    fields: {{$: person.name}}\n    form: {form}\n"

    assert "contract.path" in errors(whole)


def test_only_xml_has_namespaces() -> None:
    listed = JSON.replace("groups", "namespaces: ['urn:x']\ngroups")

    assert errors(listed) == ["contract.value"]
    assert errors(JSON, listed) == ["contract.value"]


NESTED = """
body: xml
nested:
  $.Order.Meta: json
  $.Order.Meta.@more: json
  $.Order.@tags: json
  $.Order.Lines.*: ndjson
  $.Order.Meta.paper: {body: opaque, encoding: [base64], media: [application/pdf], max_bytes: 1 MiB}
groups:
  - why: What it is about.
    category: parcel.measure
    fields:
      - $.Order.Meta.rows.*.sku
      - $.Order.Meta['two words']
      - $.Order.Meta.@type
      - $.Order.Meta.@more.a
      - $.Order.@tags.*
  - why: Customs asks to see the invoice.
    fields: {$.Order.Meta.paper: order.declared_value}
"""


def test_texts_and_attributes_of_xml_hold_documents_with_attributes_beside_them() -> None:
    assert errors(NESTED) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("$.Order.Meta.@type", "$.Order.Meta"),
        ("$.Order.Meta.@type", "$.Order.Lines.*.@type"),
        ("$.Order.Meta.@type", "$.Order.Meta.paper.@type"),
        ("$.Order.Meta.@type", "$.Order.Lines.*.a"),
        ("$.Order.@tags.*", "$.Order.@tags.*\n      - $.Order.@tags.@type"),
        ("$.Order.Meta.paper:", "$.Order.Meta.*.paper:"),
        ("$.Order.Meta: json", "$.*.Meta: json"),
    ],
    ids=[
        "a text that holds a document", "beside lines", "beside a text that has none", "no line",
        "beside a list", "a list and an object", "no root",
    ],
)  # fmt: skip
def test_what_no_text_of_xml_has_does_not_load(old: str, new: str) -> None:
    assert set(errors(NESTED.replace(old, new, 1))) == {"contract.path"}
