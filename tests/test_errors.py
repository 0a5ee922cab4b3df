import re

import pytest

from gateway.errors import CODES, REASONS, ContractError, Failure, Finding, GatewayError, Refusal, StartError, refuse

# 409 and 429 make SDKs try again, or tell their callers that a vendor said so.
STATUSES = {400, 401, 403, 404, 413, 415, 422, 502, 503, 504}


def test_every_code_is_dotted_and_has_a_status_a_title_and_a_way_out() -> None:
    for code, each in CODES.items():
        assert re.fullmatch(r"[a-z]+\.[a-z_]+", code)
        assert each.status in STATUSES or code == "hook.replayed"
        assert each.title
        assert each.fix.endswith(".")


def test_every_reason_of_the_law_has_a_code() -> None:
    assert set(REASONS.values()) <= set(CODES)
    assert all(re.fullmatch(r"[A-Z]_[A-Z_]+", reason) for reason in REASONS)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("http.malformed", 400),
        ("caller.unknown", 401),
        ("agreement.expired", 403),
        ("body.too_large", 413),
        ("body.media", 415),
        ("field.type", 422),
        ("vendor.unreachable", 502),
        ("ledger.unavailable", 503),
        ("vendor.timeout", 504),
    ],
)
def test_a_status_says_what_kind_of_refusal_it_is(code: str, status: int) -> None:
    assert refuse(code).status == status


def test_of_several_failures_the_first_decides_and_all_are_kept() -> None:
    refusal = Refusal(Failure("vendor.suspended", "acme"), Failure("body.too_large"))

    assert (refusal.code, refusal.status) == ("vendor.suspended", 403)
    assert str(refusal) == "vendor.suspended, body.too_large"
    assert [failure.detail for failure in refusal.failures] == ["acme", ""]


def test_a_refusal_for_one_reason_says_what_and_where() -> None:
    [failure] = refuse("field.type", "$.city", "acme/ship.yaml:4").failures

    assert failure == Failure("field.type", "$.city", "acme/ship.yaml:4")


@pytest.mark.parametrize(
    ("fix", "text"), [("", "acme/ship.yaml:4: contract.why: no sentence"), ("write one", "… no sentence (write one)")]
)
def test_a_finding_reads_as_one_line_with_its_fix_behind_it(fix: str, text: str) -> None:
    finding = Finding("contract.why", "acme/ship.yaml", 4, "no sentence", fix)

    assert str(finding) == text.replace("…", "acme/ship.yaml:4: contract.why:")


def test_a_set_that_does_not_load_names_every_finding() -> None:
    findings = [Finding("contract.why", "a.yaml", line, "no sentence", "write one") for line in (1, 2)]

    error = ContractError(findings)

    assert error.findings == tuple(findings)
    assert str(error).splitlines() == [str(finding) for finding in findings]


def test_whatever_is_raised_on_purpose_has_one_root() -> None:
    assert {ContractError, Refusal, StartError} <= set(GatewayError.__subclasses__())
