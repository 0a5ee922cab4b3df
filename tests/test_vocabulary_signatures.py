import pytest

from gateway.vocabulary.signatures import WORD, headers_of_scheme, is_signature_header


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("signature", True), ("x-hub-signature-256", True), ("x-signature-required", False), ("design", False)],
)
def test_a_header_is_a_signature_by_the_end_of_its_name(name: str, is_one: bool) -> None:
    assert is_signature_header(name) is is_one


def test_a_scheme_has_headers_of_its_own_or_those_that_it_is_given() -> None:
    assert headers_of_scheme("rsa-sha256-request") == {"authorization"}
    assert headers_of_scheme("rsa-sha256-params") == frozenset()
    assert headers_of_scheme("hmac-sha256-body", ["X-Sig", "X-Time"]) == {"x-sig", "x-time"}


def test_a_word_is_written_in_small_letters() -> None:
    assert WORD.findall("$KEY.$body_sha256:$a1 $ $1 $$body") == ["body_sha256", "a1", "body"]
