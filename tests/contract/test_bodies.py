"""What a contract says of a body has to suit the kind of body that it is."""

import pytest
from bodies import contract, findings_of, loaded
from small_contracts import VENDOR, changed

SENDING = """
body: opaque
media: [application/pdf]
max_bytes: 1 MiB
groups:
  - why: Customs asks to see the invoice.
    fields: {$: order.declared_value}
"""
JSON = """
body: json
groups:
  - why: The driver finds the door.
    fields: {$.name: person.name}
"""
ASKS = "nobody can look into this body, and it leaves whole as order.declared_value"
NOTE = ("note", "contract.category", ASKS)


def wrong(sending: str, answer: str = "") -> list[str]:
    return [code for level, code, _ in findings_of(sending, answer) if level == "error"]


def test_an_opaque_body_that_is_declared_loads_and_the_reviewer_is_told() -> None:
    assert findings_of(SENDING) == [NOTE]


def test_an_opaque_answer_loads_in_the_same_words() -> None:
    assert findings_of(JSON, SENDING) == [NOTE]


BROKEN = {
    "no media": ("media: [application/pdf]\n", "", ["contract.missing"]),
    "an empty list of media": ("[application/pdf]", "[]", ["contract.missing"]),
    "no length": ("max_bytes: 1 MiB\n", "", ["contract.missing"]),
    "no line": ("fields: {$: order.declared_value}", "fields: {}", ["contract.missing"]),
    "a field in it": ("{$: ", "{$.total: ", ["contract.path", "contract.missing"]),
    "a field beside it": ("{$: ", "{$.total: payment.amount, $: ", ["contract.path"]),
    "a list": ("{$: ", "{$.*: ", ["contract.path", "contract.missing"]),
    "a constant": ("value}", "value}\n    form: {replace: x}", ["contract.form"]),
    "a mask": ("value}", "value}\n    form: {mask: {keep_last: 4}}", ["contract.form"]),
    "cut": ("value}", "value}\n    form: {truncate: 5}", ["contract.form"]),
    "a pseudonym": ("value}", "value}\n    form: pseudonymise", ["contract.form"]),
    "left out": ("value}", "value}\n    form: drop", ["contract.form"]),
    "not personal": ("order.declared_value", "not_personal", ["contract.category"]),
}


@pytest.mark.parametrize(("old", "new", "codes"), BROKEN.values(), ids=BROKEN.keys())
def test_an_opaque_body_that_is_not_wholly_declared_does_not_load(old: str, new: str, codes: list[str]) -> None:
    assert SENDING.count(old) == 1
    broken = SENDING.replace(old, new)

    assert sorted(wrong(broken)) == sorted(codes)
    assert sorted(wrong(JSON, broken)) == sorted(codes)


def test_an_opaque_body_leaves_by_one_line_and_not_by_two() -> None:
    twice = SENDING.replace("value}", "value}\n    when: {query:a: [x]}") + (
        "  - why: Or it is another paper.\n    when: {query:a: [y]}\n    fields: {$: person.name}\n"
    )

    assert wrong(twice) == ["contract.missing"]


def test_a_line_may_have_a_condition_outside_the_body() -> None:
    assert wrong(SENDING.replace("value}", "value}\n    when: {query:kind: [invoice]}")) == []


def test_an_opaque_body_has_no_pins() -> None:
    files = changed("acme/ship.yaml", "callers: [fulfilment]", "callers: [fulfilment]\npins: {$: invoice}", _opaque())

    assert {each.code for each in loaded(files)[1] if each.level == "error"} == {"contract.twice", "contract.path"}


def test_a_credential_that_has_its_place_in_other_bodies_is_no_hindrance() -> None:
    vendor = VENDOR.replace("credential:\n", "credential:\n  $.key: $ACME_KEY\n")

    contracts, _ = loaded(_opaque() | {"acme/vendor.yaml": vendor})

    assert contracts is not None


def test_an_error_cannot_be_opaque() -> None:
    assert "contract.value" in wrong(JSON, JSON + "errors: {body: opaque, groups: []}\n")


def test_paths_into_lines_begin_at_each_line() -> None:
    lines = JSON.replace("json", "ndjson")
    each = lines.replace("$.name", "$.*.name")

    assert (wrong(lines), wrong(each), wrong(JSON, lines), wrong(JSON, each)) == (
        ["contract.path"], [], ["contract.path"], [],
    )  # fmt: skip


NESTED = """
body: form
nested: {$.content: json}
groups:
  - why: The driver finds the door.
    fields: {$.content.name: person.name}
"""


def test_paths_go_on_into_a_text_that_holds_a_document() -> None:
    assert wrong(NESTED) == []
    assert wrong(JSON, NESTED) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{$.content: json}", "{$: json}"),
        ("{$.content: json}", "{query:content: json}"),
        ("{$.content: json}", "{$..content: json}"),
        ("{$.content.name:", "{$.content:"),
    ],
    ids=["the whole body", "a text outside the body", "no path", "a text that is named as one value"],
)
def test_what_holds_a_document_is_a_text_in_the_body(old: str, new: str) -> None:
    assert set(wrong(NESTED.replace(old, new))) == {"contract.path"}


@pytest.mark.parametrize("form", ["drop", "refuse"])
def test_a_text_that_holds_a_document_may_stay_as_a_whole(form: str) -> None:
    whole = f"  - {{why: What else is in it., form: {form}, fields: {{$.content: unclassified}}}}\n"

    assert wrong(NESTED + whole) == ([] if form == "drop" else ["contract.twice"])


def test_an_opaque_body_has_no_texts() -> None:
    assert wrong(SENDING.replace("groups:", "nested: {$.a: json}\ngroups:")) == ["contract.path"]


@pytest.mark.parametrize("body", ["json", "form", "ndjson", "none"])
@pytest.mark.parametrize("form", ["as_is", "drop", "mask", "refuse"])
def test_no_other_body_leaves_as_a_whole(body: str, form: str) -> None:
    made = JSON.replace("json", body).replace("{$.name: person.name}", f"{{$: person.name}}\n    form: {form}")

    assert "contract.path" in wrong(made)
    assert "contract.path" in wrong(JSON, made)


def _opaque() -> dict[str, str]:
    return contract(SENDING)


FILE = """
body: json
nested: {$.paper: {body: opaque, encoding: [base64], media: [application/pdf], max_bytes: 1 MiB}}
groups:
  - why: Customs asks to see the invoice.
    fields: {$.paper: order.declared_value}
"""


def test_a_file_in_a_text_loads_and_the_reviewer_is_told() -> None:
    assert findings_of(FILE) == [NOTE]
    assert findings_of(JSON, FILE) == [NOTE]


BROKEN_FILES = {
    "no media": ("media: [application/pdf], ", "", ["contract.missing"]),
    "no length": (", max_bytes: 1 MiB", "", ["contract.missing"]),
    "in short": (
        "{body: opaque, encoding: [base64], media: [application/pdf], max_bytes: 1 MiB}",
        "opaque",
        ["contract.missing", "contract.missing"],
    ),
    "a field in it": ("{$.paper: order", "{$.paper.name: person.name, $.paper: order", ["contract.path"]),
    "cut": ("value}", "value}\n    form: {truncate: 5}", ["contract.form"]),
    "not personal": ("order.declared_value", "not_personal", ["contract.category"]),
    "packed into a text": ("[base64]", "[gzip]", ["contract.value"]),
    "an encoding that is none": ("[base64]", "[br]", ["contract.value"]),
    "a text in it": ("1 MiB}", "1 MiB}, $.paper.name: json", ["contract.path"]),
}


@pytest.mark.parametrize(("old", "new", "codes"), BROKEN_FILES.values(), ids=BROKEN_FILES)
def test_a_file_in_a_text_that_is_not_wholly_declared_does_not_load(old: str, new: str, codes: list[str]) -> None:
    assert FILE.count(old) == 1

    assert wrong(FILE.replace(old, new)) == codes


@pytest.mark.parametrize("form", ["drop", "refuse"])
def test_a_file_in_a_text_may_stay_by_name(form: str) -> None:
    assert wrong(FILE.replace("value}", f"value}}\n    form: {form}")) == []


def test_names_in_xml_in_a_text_are_names_of_xml_and_have_their_namespaces() -> None:
    xml = NESTED.replace("json", "xml").replace("groups:", "namespaces: [urn:a]\ngroups:")

    assert wrong(xml) == []
    assert wrong(xml.replace("{$.content.name:", "{\"$.content['a name']\":")) == ["contract.path"]
    assert wrong(xml.replace("nested: {$.content: xml}\n", "")) == ["contract.value"]

    deeper = xml.replace("{$.content.name:", "{$.content.name.a:")
    assert wrong(deeper.replace("xml}", "xml, $.content.name: json}")) == []
    odd = deeper.replace("{$.content: xml}", "{$.content: xml, \"$.content['a b']\": json}")
    assert wrong(odd.replace("{$.content.name.a:", "{\"$.content['a b'].c\":")) == ["contract.path"]


def test_paths_into_lines_in_a_text_begin_at_each_line() -> None:
    lines = NESTED.replace("json", "ndjson")

    assert wrong(lines) == ["contract.path"]
    assert wrong(lines.replace("content.name", "content.*.name")) == []
