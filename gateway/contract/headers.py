"""Headers that no line of a contract lets out: those that the gateway writes, and those that are nobody's business."""

GATEWAYS_OWN = frozenset(
    {
        "host", "content-length", "content-type", "content-encoding", "accept", "accept-encoding", "user-agent",
        "connection", "proxy-connection", "keep-alive", "proxy-authorization", "proxy-authenticate", "te", "trailer",
        "transfer-encoding", "upgrade", "expect", "sec-gpc",
    }
)  # fmt: skip
# Cookies, whose call it was on its way here, and the marks of tracing in all their dialects.
NEVER_SENT = frozenset(
    {
        "cookie", "cookie2", "set-cookie", "forwarded", "forwarded-for", "x-forwarded", "via", "referer", "from",
        "origin", "client-ip", "x-client-ip", "x-cluster-client-ip", "x-real-ip", "x-original-forwarded-for",
        "true-client-ip", "cf-connecting-ip", "fastly-client-ip", "fly-client-ip", "x-appengine-user-ip",
        "x-envoy-external-address", "baggage", "b3", "traceparent", "tracestate", "traceresponse", "grpc-trace-bin",
        "uber-trace-id", "x-amzn-trace-id", "x-cloud-trace-context", "x-request-id", "x-correlation-id",
    }
)  # fmt: skip
_NEVER_SENT_PREFIXES = (
    "x-forwarded-", "gateway-", "x-b3-", "sentry-trace", "x-datadog-", "x-ot-span-", "ot-tracer-", "uberctx-",
)  # fmt: skip


def never_sent(header: str) -> bool:
    """Whether a header stays here whatever a contract says."""
    return header in NEVER_SENT or header.startswith(_NEVER_SENT_PREFIXES)
