"""Certificates of vendors: verified whatever a contract says."""

import time

import pytest
from vendors import Authority, Vendor, answers, at_loopback, authority, carrying, says

from gateway.errors import StartError
from gateway.outbound.guard import Addresses
from gateway.outbound.send import Outcome, Pyqwest, Sending

SENDING = Sending("POST", "/v1/pickups", (("content-type", "application/json"),), b'{"name":"Ann"}')
LIMIT = 1_000_000
UNREACHABLE = Outcome("not_sent", "vendor.unreachable")


async def test_a_certificate_of_the_given_authority_is_accepted() -> None:
    paper = authority("api.parcels.test")

    outcome, received = await _over_tls("api.parcels.test", paper.pem, Vendor(answers(), tls=paper.server))

    assert (outcome.result, received) == ("sent", 1)


CERTIFICATES = {
    "of an unknown authority": (authority("api.parcels.test"), authority("api.parcels.test").pem),
    "of no authority that the system knows": (authority("api.parcels.test"), None),
    "for another name": ((other := authority("api.evil.test")), other.pem),
    "that has run out": ((old := authority("api.parcels.test", days=-1)), old.pem),
}


@pytest.mark.parametrize(("paper", "trusted"), CERTIFICATES.values(), ids=CERTIFICATES.keys())
async def test_a_certificate_is_refused_before_anything_is_sent(paper: Authority, trusted: bytes | None) -> None:
    outcome, received = await _over_tls("api.parcels.test", trusted, Vendor(answers(), tls=paper.server))

    assert (outcome, received) == (UNREACHABLE, 0)


async def test_plain_text_where_tls_was_promised_is_not_sent() -> None:
    outcome, received = await _over_tls("api.parcels.test", None, Vendor(says(b"HTTP/1.1 200 OK\r\n\r\n"), eager=True))

    assert (outcome.result, received) == ("not_sent", 0)


async def _over_tls(hostname: str, ca: bytes | None, vendor: Vendor) -> tuple[Outcome, int]:
    async with carrying(ca=ca) as vendors, vendor:
        outcome = await vendors.send(vendor.at(scheme="https", hostname=hostname), SENDING, limit=LIMIT)
    return outcome, len(vendor.received)


def test_a_bundle_that_is_not_pem_does_not_start() -> None:
    with pytest.raises(StartError, match="certificate authorities"):
        Pyqwest(Addresses(at_loopback, clock=time.monotonic), ca=b"-----BEGIN CERTIFICATE-----\nno\n")
