"""Certificates of vendors: verified whatever a contract says."""

import asyncio
import os
import socket
import ssl
import time
from pathlib import Path

import pytest
from vendors import Authority, Script, Vendor, answers, at_loopback, authority, carrying, hangs_up, says

from gateway.errors import StartError
from gateway.outbound.guard import Addresses
from gateway.outbound.http1 import Http1
from gateway.outbound.send import Outcome, Sending

SENDING = Sending("POST", "/v1/pickups", (("content-type", "application/json"),), b'{"name":"Ann"}')
LIMIT = 1_000_000
UNREACHABLE = Outcome("not_sent", "vendor.unreachable")


async def cuts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ends the connection without a word of TLS, as somebody on the way would."""
    await asyncio.sleep(0.05)
    with socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())) as raw:
        raw.shutdown(socket.SHUT_RDWR)


async def test_a_certificate_of_the_given_authority_is_accepted() -> None:
    paper = authority("api.parcels.test")

    outcome, received = await _over_tls("api.parcels.test", paper.pem, Vendor(answers(), tls=paper.server))

    assert (outcome.result, received) == ("sent", 1)


CERTIFICATES = {
    "of an unknown authority": (authority("api.parcels.test"), authority("api.parcels.test").pem, "certificate"),
    "of no authority that the system knows": (authority("api.parcels.test"), None, "certificate"),
    "for another name": ((other := authority("api.evil.test")), other.pem, "Hostname mismatch"),
    "that has run out": ((old := authority("api.parcels.test", days=-1)), old.pem, "certificate has expired"),
}


@pytest.mark.parametrize(("paper", "trusted", "why"), CERTIFICATES.values(), ids=CERTIFICATES.keys())
async def test_a_certificate_is_refused_before_anything_is_sent(
    paper: Authority, trusted: bytes | None, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    outcome, received = await _over_tls("api.parcels.test", trusted, Vendor(answers(), tls=paper.server))

    assert (outcome, received) == (UNREACHABLE, 0)
    [told] = caplog.messages
    assert "nothing was sent: the certificate is not accepted: " in told
    assert why in told


async def test_plain_text_where_tls_was_promised_is_not_sent() -> None:
    outcome, received = await _over_tls("api.parcels.test", None, Vendor(says(b"HTTP/1.1 200 OK\r\n\r\n"), eager=True))

    assert (outcome.result, received) == ("not_sent", 0)


async def _over_tls(hostname: str, ca: bytes | None, vendor: Vendor) -> tuple[Outcome, int]:
    async with carrying(ca=ca) as vendors, vendor:
        outcome = await vendors.send(vendor.at(scheme="https", hostname=hostname), SENDING, limit=LIMIT)
    return outcome, len(vendor.received)


@pytest.mark.parametrize(("ends", "result"), [(hangs_up, "sent"), (cuts, "possibly")], ids=["properly", "cut"])
async def test_an_answer_without_a_length_is_whole_only_where_tls_says_so(ends: Script, result: str) -> None:
    paper = authority("api.parcels.test")

    outcome, received = await _over_tls(
        "api.parcels.test", paper.pem, Vendor(says(b"HTTP/1.1 200 OK\r\n\r\nhel", then=ends), tls=paper.server)
    )

    assert (outcome.result, received) == (result, 1)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
async def test_a_version_of_tls_that_is_too_old_is_refused_before_anything_is_sent() -> None:
    paper = authority("api.parcels.test")
    paper.server.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    paper.server.maximum_version = ssl.TLSVersion.TLSv1_1
    paper.server.set_ciphers("ALL:@SECLEVEL=0")

    outcome, received = await _over_tls("api.parcels.test", paper.pem, Vendor(answers(), tls=paper.server))

    assert (outcome, received) == (UNREACHABLE, 0)


async def test_keys_of_tls_are_written_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    paper = authority("api.parcels.test")

    outcome, _ = await _over_tls("api.parcels.test", paper.pem, Vendor(answers(), tls=paper.server))
    of_the_environment = ssl.create_default_context().keylog_filename

    assert outcome.result == "sent"
    assert of_the_environment == str(tmp_path / "keys")
    assert all(line.startswith("#") for line in (tmp_path / "keys").read_text().splitlines())


def test_a_bundle_that_is_not_pem_does_not_start() -> None:
    with pytest.raises(StartError, match="certificate authorities"):
        Http1(Addresses(at_loopback, clock=time.monotonic), ca=b"-----BEGIN CERTIFICATE-----\nno\n")
