"""Whatever is planted in a request and however that is mangled: nobody but the vendor can read it afterwards."""

import logging
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from positions import FILES_OF_PLACES, Place, places
from positions_bodies import PLANTED
from running import Running, running

from gateway.frozen import changed

PLACES = [place for place in places() if place.planted.body or place.planted.target]

SCRAPS = (b"", b'"', b"}", b"\r\n", b"\x00", b"\xff", b"<", b"&", b"%", b"--", b" ", b"\\ud800", b"{")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("told"), files=FILES_OF_PLACES) as gateway:
        yield gateway


def told(gateway: Running, caplog: pytest.LogCaptureFixture) -> str:
    """What logs, metrics and the record say."""
    metrics = gateway.said(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", operators=True)
    lines = [f"{each.getMessage()} {each.exc_text}" for each in caplog.records]
    return "\n".join([repr(metrics), *lines, repr(gateway.record())])


def test_no_refusal_log_line_metric_or_entry_holds_a_value(gateway: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    @settings(max_examples=40, deadline=None)
    @given(place=st.sampled_from(PLACES), at=st.floats(0, 1), length=st.integers(0, 4), put=st.sampled_from(SCRAPS))
    def mangled(place: Place, at: float, length: int, put: bytes) -> None:
        body = place.planted.body
        start = int(at * len(body))
        request = changed(place.planted, body=body[:start] + put + body[start + length :])

        reply = gateway.said(request.raw(gateway.token()))

        assert PLANTED.lower() not in repr(reply).lower(), place.name

    mangled()
    assert PLANTED.lower() not in told(gateway, caplog).lower()


def test_a_log_line_that_holds_a_value_is_noticed(gateway: Running, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("gateway.exchange").error("refused: %s", PLANTED)

    assert PLANTED in told(gateway, caplog)
