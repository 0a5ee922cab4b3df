"""A contract names of a part what is in it, and its name and type beside it."""

from pathlib import Path

import pytest
from bodies import contract, findings_of, loaded
from small_contracts import ACME, SHIP, changed, read_files

SENDING = """
body: multipart
nested:
  $.file: {body: opaque, media: [application/pdf], max_bytes: 1 MiB}
  $.meta: json
  $.packed: {body: json, encoding: [gzip], media: [application/gzip], max_bytes: 1 KiB}
groups:
  - why: Customs asks to see the invoice.
    fields: {$.file: order.declared_value, $.file.@filename: order.declared_value}
    required: [$.file]
  - why: Which paper it is.
    category: not_personal
    fields: [$.kind, $.kind.@content-type, $.tags.*, $.meta.kind, $.packed.n]
"""


def errors(sending: str, answer: str = "") -> list[str]:
    return [code for level, code, _ in findings_of(sending, answer) if level == "error"]


def test_parts_load_in_calls_and_answers_and_the_reviewer_is_told_of_files() -> None:
    contracts, findings = loaded(contract(SENDING, SENDING.replace("    required: [$.file]\n", "")))

    assert contracts is not None, [str(each) for each in findings]
    assert contracts.terms[0].sending.media == ("multipart/form-data",)
    assert {each.message for each in findings} == {
        "nobody can look into this body, and it leaves whole as order.declared_value"
    }


BROKEN = {
    "another type": ("body: multipart\n", "body: multipart\nmedia: [multipart/mixed]\n", ["contract.value"]),
    "a file without a type": ("media: [application/pdf], ", "", ["contract.missing"]),
    "a file without a length": (", max_bytes: 1 MiB", "", ["contract.missing"]),
    "a field in a file": ("$.file.@filename", "$.file.name", ["contract.path"]),
    "another header": ("$.file.@filename", "$.file.@x-who", ["contract.path", "contract.path"]),
    "something in a header": ("$.kind.@content-type", "$.kind.@content-type.name", ["contract.path"]),
    "a name beside a part that nothing names": ("$.kind.@content-type", "$.other.@filename", ["contract.path"]),
    "a name beside a document": ("$.meta.kind", "$.meta.@filename", ["contract.path"]),
    "a file that is changed": ("    required", "    form: {truncate: 5}\n    required", ["contract.form"]),
    "a file as not personal": ("{$.file: order.declared_value", "{$.file: not_personal", ["contract.category"]),
    "the whole body": ("[$.kind, ", "[$, $.kind, ", ["contract.path"]),
    "a document as one value": ("$.meta.kind", "$.meta", ["contract.path"]),
    "gzip in a text of a document": ("$.meta: json", "$.meta: json, $.meta.x: {body: json, encoding: [gzip]}", None),
}


@pytest.mark.parametrize(("old", "new", "codes"), BROKEN.values(), ids=BROKEN)
def test_what_no_part_has_does_not_load(old: str, new: str, codes: list[str] | None) -> None:
    assert SENDING.count(old) == 1
    if codes is None:
        new, codes = new.replace(", ", "\n  ", 1), ["contract.value"]

    assert errors(SENDING.replace(old, new)) == codes


def test_names_with_an_at_are_those_of_a_document_in_a_part() -> None:
    assert errors(SENDING.replace("$.meta.kind", "$.meta.@type")) == []


def test_an_error_has_no_parts() -> None:
    error = "errors: {body: multipart, groups: []}\n"

    assert errors(SENDING, f"body: json\ngroups: []\n{error}") == ["contract.value"]


OPAQUE = """
body: opaque
media: [application/pdf]
max_bytes: 90 MiB
groups:
  - why: Customs asks to see the invoice.
    fields: {$: order.declared_value}
"""
LINES = """
body: ndjson
max_bytes: 90 MiB
max_line: 1 MiB
groups:
  - why: Customs asks what is in it.
    fields: {$.*.value: order.declared_value}
    form: as_is
"""
HEAD = "headers:\n  Acme-Version"
SIGN = '{scheme: hmac-sha256-body, key: $K, over: "$body", headers: {X-Acme: $signature}}'


def sized(body: str, file: str, packed: str = "1 KiB") -> str:
    made = SENDING.replace("body: multipart\n", f"body: multipart\nmax_bytes: {body}\n")
    return made.replace("max_bytes: 1 MiB", f"max_bytes: {file}").replace("max_bytes: 1 KiB", f"max_bytes: {packed}")


SIZES = {
    "all in memory": (sized("8 MiB", "8 MiB", "8 MiB"), []),
    "a long file": (sized("256 MiB", "256 MiB"), []),
    "a document that is too long": (sized("256 MiB", "256 MiB", "9 MiB"), ["contract.value"]),
    "longer than anything": (sized("257 MiB", "1 MiB"), ["contract.value"]),
    "a long body that is opaque": (OPAQUE, []),
    "a long body of JSON": (OPAQUE.replace("opaque", "json").replace("$:", "$.a:"), ["contract.value"]),
    "long lines": (LINES, []),
    "lines that are too long": (LINES.replace("1 MiB", "9 MiB"), ["contract.value"]),
    "lines of what has none": (
        LINES.replace("ndjson", "json").replace("$.*", "$").replace("90", "8"),
        ["contract.value"],
    ),
    "long lines with a file in them": (
        LINES.replace("groups", "nested: {$.*.f: {body: opaque, media: [a/b], max_bytes: 9 MiB}}\ngroups"),
        ["contract.value"],
    ),
    "long lines with tokens": (LINES.replace("as_is", "{pseudonymise: token}"), ["contract.value"]),
    "long lines with what is encrypted": (LINES.replace("as_is", "{encrypt: $K}"), ["contract.value"]),
    "a long file in JSON": (
        OPAQUE.replace("opaque", "json\nnested: {$.a: {body: opaque, media: [a/b], max_bytes: 9 MiB}}")
        .replace("$:", "$.a:").replace("90 MiB", "8 MiB"),
        ["contract.value"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("sending", "codes"), SIZES.values(), ids=SIZES)
def test_files_and_lines_may_be_longer_than_memory_has_room_for(sending: str, codes: list[str]) -> None:
    assert errors(sending) == codes


def test_an_answer_is_in_memory_and_so_is_what_is_signed(tmp_path: Path) -> None:
    assert errors(SENDING, OPAQUE) == ["contract.value"]
    scrubbed = "body: json\ngroups:\n  - {why: What they say., fields: {$.note: delivery.note}, form: scrub}\n"
    assert errors(LINES, scrubbed) == ["contract.value"]

    files = contract(OPAQUE)
    signed = changed(ACME, HEAD, f"sign: {SIGN}\n{HEAD}", files)
    codes = [(each.code, each.file) for each in read_files(tmp_path, signed)[1] if each.level == "error"]
    assert codes == [("contract.value", SHIP)]
