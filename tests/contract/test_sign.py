"""The blocks in which a vendor's file says how calls are signed."""

from pathlib import Path

import pytest
from small_contracts import ACME, FILES, changed, read_files

from gateway.contract.sign import Alipay

HEAD = "headers:\n  Acme-Version"


def with_sign(block: str) -> dict[str, str]:
    return changed(ACME, HEAD, f"sign: {block}\n{HEAD}")


@pytest.mark.parametrize(
    "block",
    [
        "{scheme: rsa-sha256-request, key: $ACME_RSA, mchid: $ACME_ID, serial_no: 1DDE55AD}",
        "{scheme: aws-sigv4, key: $ACME_AWS, access_key: $ACME_ID, region: eu-central-1, service: execute-api}",
        "{scheme: hmac-sha256-body, key: $ACME_MAC, headers: {X-Acme: $signature}}",
        '{scheme: hmac-sha256-body, key: $ACME_MAC, over: "$nonce.$body", headers: {X-Acme: "n=$nonce,v1=$signature"}}',
    ],
    ids=["wechatpay", "aws-sigv4", "hmac-sha256", "hmac-sha256 over more"],
)
def test_a_scheme_loads(block: str, tmp_path: Path) -> None:
    files = with_sign(block)
    files[ACME] = files[ACME].replace("credential:\n  header:Authorization: Bearer $ACME_KEY", "credential: {}")

    contracts, findings = read_files(tmp_path, files)

    assert [finding for finding in findings if finding.level == "error"] == []
    assert contracts is not None
    assert contracts.vendors["acme"].sign is not None


def test_a_block_is_a_closed_model() -> None:
    assert Alipay(scheme="rsa-sha256-params", key="$ACME_RSA").key == "$ACME_RSA"


@pytest.mark.parametrize(
    ("block", "code", "words"),
    [
        ("{scheme: rsa-sha256-params, key: MIIEvgIBADANBgkq}", "contract.secret", "a key is not written out"),
        ("{scheme: aws-sigv4, key: $K, access_key: a, region: b}", "contract.missing", "`service` is missing"),
        ("{scheme: md5, key: $K}", "contract.value", "no such kind"),
        ("{scheme: rsa-sha256-params, key: $K, verify: MIIBIjAN}", "contract.secret", "a key is not written out"),
        ("{scheme: rsa-sha256-params, key: $K, answers: $P}", "contract.value", "nobody has checked"),
        (
            "{scheme: aws-sigv4, key: $K, access_key: a, region: b, service: c, verify: $P}",
            "contract.unknown_key",
            "verify",
        ),
        ("{scheme: rsa-sha256-params, key: $K, extra: 1}", "contract.unknown_key", "no key `extra`"),
        ("{scheme: hmac-sha256-body, key: $K, headers: {}}", "contract.value", "one header"),
        ("{scheme: hmac-sha256-body, key: $K}", "contract.missing", "`headers` is missing"),
    ],
)
def test_a_block_that_is_not_as_it_should_be_is_told_with_its_line(
    block: str, code: str, words: str, tmp_path: Path
) -> None:
    _, findings = read_files(tmp_path, with_sign(block))

    # What it means for the operation of the set is another finding.
    [found] = [finding for finding in findings if finding.level == "error" and finding.file == ACME]
    assert found.code == code
    assert words in found.message
    assert found.line == FILES[ACME].splitlines().index("headers:") + 1
