"""To a vendor that asks for it we prove ourselves by a certificate, to no other, and its key is written nowhere."""

import logging
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from running import running
from shop_contracts import FILES, SECRETS
from vendors import Authority, Vendor, answers, authority, carrying

from gateway.errors import StartError
from gateway.outbound.certified import certified
from gateway.outbound.send import Sending

SENDING = Sending("POST", "/v1/pickups", (("content-type", "application/json"),), b'{"name":"Ann"}')
HOSTNAME = "api.parcels.test"
OURS, OTHERS = authority("the-shop.test"), authority("somebody-else.test")
FILE = "parcels/vendor.yaml"
NAMED = {**FILES, FILE: f"{FILES[FILE]}client_certificate: {{certificate: $PARCELS_CERT, key: $PARCELS_CERT_KEY}}\n"}


def demanding(paper: Authority, of: Authority) -> ssl.SSLContext:
    """The server side, for those only who prove themselves by a certificate of an authority."""
    paper.server.verify_mode = ssl.CERT_REQUIRED
    paper.server.load_verify_locations(cadata=of.pem.decode())
    return paper.server


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("shown", "received"), [(OURS, 1), (OTHERS, 0), (None, 0)], ids=["ours", "of another authority", "none"]
)
async def test_a_vendor_that_demands_a_certificate_is_shown_it(
    shown: Authority | None, received: int, version: ssl.TLSVersion
) -> None:
    paper = authority(HOSTNAME)
    paper.server.maximum_version = version
    own = certified(shown.certificate, shown.key) if shown else None

    async with carrying(ca=paper.pem) as vendors, Vendor(answers(), tls=demanding(paper, OURS)) as vendor:
        outcome = await vendors.send(
            replace(vendor.at(scheme="https", hostname=HOSTNAME), own=own), SENDING, limit=1_000_000
        )

    assert len(vendor.received) == received
    assert (outcome.result == "sent") is bool(received)


async def test_a_connection_that_proves_one_is_not_used_for_another() -> None:
    paper = authority(HOSTNAME)
    paper.server.verify_mode = ssl.CERT_OPTIONAL
    paper.server.load_verify_locations(cadata=OURS.pem.decode())

    async with carrying(ca=paper.pem) as vendors, Vendor(answers(), tls=paper.server) as vendor:
        host = vendor.at(scheme="https", hostname=HOSTNAME)
        for each in (replace(host, own=certified(OURS.certificate, OURS.key)), host, host):
            assert (await vendors.send(each, SENDING, limit=1_000_000)).result == "sent"

    assert len(vendor.connections) == 2
    assert len(vendor.received) == 3


@pytest.mark.parametrize(
    ("certificate", "key"),
    [
        ("no certificate", OURS.key),
        (OURS.certificate, "no key"),
        (OURS.certificate, OTHERS.key),
        ("", ""),
    ],
    ids=["no certificate", "no key", "another key", "nothing"],
)
def test_what_does_not_prove_anything_is_told_apart_and_quoted_nowhere(certificate: str, key: str) -> None:
    with pytest.raises(ValueError, match=r"PEM|first certificate") as refused:
        certified(certificate, key)

    assert refused.value.__cause__ is None
    assert "BEGIN" not in str(refused.value)


def test_a_key_with_a_password_is_told_to_be_one() -> None:
    private = serialization.load_pem_private_key(OURS.key.encode(), None)
    locked = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"geheim"),
    ).decode()

    with pytest.raises(ValueError, match="password"):
        certified(OURS.certificate, locked)


def test_the_vendors_file_names_it_and_nothing_of_the_key_is_anywhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = {**SECRETS, "PARCELS_CERT": OURS.certificate, "PARCELS_CERT_KEY": OURS.key}

    with running(tmp_path, files=NAMED, secrets=secrets) as gateway:
        reply = gateway.ship()
        [due] = [each for each in gateway.do(gateway.gateway.due) if each.what == "client_certificate.ends"]
        shown = repr([each.host for each in gateway.gateway.exchange.contracts.prepared.values()])

    assert reply.status == 200
    assert due.ref == "parcels"
    assert abs(due.at - datetime.now(UTC) - timedelta(days=1)) < timedelta(hours=1)
    lines = OURS.key.splitlines()[1:-1]
    written = [file.read_bytes() for file in (tmp_path / "data").rglob("*") if file.is_file()]
    assert not any(line in caplog.text + shown for line in lines)
    assert not any(line.encode() in each for line in lines for each in written)


@pytest.mark.parametrize(
    ("secrets", "says"),
    [
        ({"PARCELS_CERT": OURS.certificate}, "PARCELS_CERT_KEY"),
        ({"PARCELS_CERT": OURS.certificate, "PARCELS_CERT_KEY": OTHERS.key}, "`client_certificate` of parcels"),
    ],
    ids=["not set", "another key"],
)
def test_without_it_nothing_starts(secrets: dict[str, str], says: str, tmp_path: Path) -> None:
    with pytest.raises(StartError, match=says), running(tmp_path, files=NAMED, secrets={**SECRETS, **secrets}):
        """It does not come to that."""
