"""Cookies, addresses of clients, marks of tracing and what the gateway writes itself leave by no line of a contract."""

import pytest

from gateway.contract.headers import GATEWAYS_OWN, never_sent


@pytest.mark.parametrize(
    "header",
    [
        "cookie", "cookie2", "x-forwarded-for", "x-forwarded", "x-client-ip", "gateway-token", "baggage", "traceparent",
        "sentry-trace", "referer", "x-b3-traceid", "b3", "uber-trace-id", "x-amzn-trace-id", "x-cloud-trace-context",
        "x-datadog-trace-id",
    ],
)  # fmt: skip
def test_some_headers_never_leave(header: str) -> None:
    assert never_sent(header)


@pytest.mark.parametrize("header", ["idempotency-key", "date", "link", "x-stripe-client-user-agent"])
def test_other_headers_may_leave(header: str) -> None:
    assert not never_sent(header)
    assert header not in GATEWAYS_OWN


def test_what_belongs_to_a_connection_is_nobodys_to_name() -> None:
    assert {"connection", "proxy-connection", "keep-alive", "te", "host"} <= GATEWAYS_OWN
