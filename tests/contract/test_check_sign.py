"""The places of a signature belong to whoever signs, and what it is over is what leaves."""

from pathlib import Path

import pytest
from small_contracts import ACME, SHIP, changed, found, read_files

HEAD = "headers:\n  Acme-Version"
NAMED = "        $.name: person.name\n"


def signing(block: str, *, credential: str = "{}") -> dict[str, str]:
    files = changed(ACME, HEAD, f"sign: {block}\n{HEAD}")
    files[ACME] = files[ACME].replace(
        "credential:\n  header:Authorization: Bearer $ACME_KEY", f"credential: {credential}"
    )
    return files


def hmac(over: str = "$body", headers: str = "{X-Acme: $signature}") -> dict[str, str]:
    return signing(f'{{scheme: hmac-sha256-body, key: $K, over: "{over}", headers: {headers}}}')


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (hmac("$timestamp", '{X-Acme: "$timestamp $signature"}'), "no body in it"),
        (hmac("$body $password"), "no word $password"),
        (hmac(headers="{X-Acme: static}"), "one header carries the signature"),
        (hmac(headers="{X-Acme: $signature, X-Again: $signature}"), "one header carries the signature"),
        (hmac(headers='{X-Acme: "$signature $body"}'), "no word $body"),
        (hmac("$timestamp.$body"), "cannot check a timestamp"),
        (hmac("$nonce$body"), "cannot check a nonce"),
        (hmac(headers='{"X Acme": $signature}'), "not plain ASCII"),
        (hmac(headers="{X-Acme: é$signature}"), "not plain ASCII"),
        (hmac(headers="{Content-Type: $signature}"), "not one to set here"),
        (hmac(headers="{Cookie: $signature}"), "not one to set here"),
        (hmac(headers="{Gateway-Token: $signature}"), "not one to set here"),
    ],
)
def test_a_text_that_could_not_be_checked_or_said_does_not_load(
    files: dict[str, str], words: str, tmp_path: Path
) -> None:
    _, findings = read_files(tmp_path, files)

    [finding] = [finding for finding in findings if finding.level == "error"]
    assert (finding.code, finding.file) == ("contract.value", ACME)
    assert words in finding.message


@pytest.mark.parametrize(
    "field",
    [
        "header:X-Signature",
        "header:Digest",
        "header:Stripe-Signature",
        "query:sign",
        "query:X-Amz-Signature",
    ],
)
def test_a_signature_of_a_caller_is_nobodys_field(field: str, tmp_path: Path) -> None:
    files = changed(SHIP, NAMED, f"{NAMED}        {field}: not_personal\n")

    assert found(tmp_path, files) == ["contract.path"]


def test_what_keeps_a_signature_here_may_name_it(tmp_path: Path) -> None:
    group = "    - why: Never to be sent.\n      fields: {header:X-Signature: unclassified}\n      form: drop\n"
    files = changed(SHIP, "answer:\n", f"{group}answer:\n")

    assert found(tmp_path, files) == []


@pytest.mark.parametrize(
    ("files", "field"),
    [
        (hmac(headers="{X-Acme: $signature}"), "header:X-Acme"),
        (signing("{scheme: aws-sigv4, key: $K, access_key: A, region: r, service: s}"), "header:X-Amz-Date"),
    ],
    ids=["named by the contract", "the scheme's own"],
)
def test_a_header_that_the_scheme_sets_is_nobodys_field(files: dict[str, str], field: str, tmp_path: Path) -> None:
    files |= {SHIP: files[SHIP].replace(NAMED, f"{NAMED}        {field}: not_personal\n")}

    assert found(tmp_path, files) == ["contract.path"]


def test_a_credential_and_a_signature_do_not_stand_in_one_place(tmp_path: Path) -> None:
    block = "{scheme: rsa-sha256-request, key: $K, mchid: '1', serial_no: '1'}"

    assert found(tmp_path, signing(block, credential="{header:Authorization: Bearer $K}")) == ["contract.path"]


def test_a_scheme_that_signs_parameters_needs_a_body_that_has_them(tmp_path: Path) -> None:
    files = signing("{scheme: rsa-sha256-params, key: $K}")

    assert found(tmp_path / "json", files) == ["contract.value"]
    form = {SHIP: files[SHIP].replace("sending:\n  body: json", "sending:\n  body: form")}
    assert found(tmp_path / "form", files | form) == []


def test_a_form_field_of_a_signature_is_nobodys_and_a_member_of_that_name_is_a_value(tmp_path: Path) -> None:
    files = changed(SHIP, NAMED, f"{NAMED}        $.sign: not_personal\n")

    assert found(tmp_path / "json", files) == []
    form = {SHIP: files[SHIP].replace("sending:\n  body: json", "sending:\n  body: form")}
    assert found(tmp_path / "form", files | form) == ["contract.path"]
