"""What a request looks like before it goes, and which ones never do."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Refusal
from gateway.outbound.send import Host, Sending, request


def as_written(target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\nhost: api.parcels.test\r\naccept-encoding: identity\r\n\r\n".encode()


def plain(**changes: object) -> Host:
    return Host(**{"name": "api", "scheme": "https", "hostname": "api.parcels.test", "port": 443, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "target",
    [
        *("", "a", "?a=b", "@evil.test/", ":80/"),
        *("/../a", "/a/./b", "/%2e%2e/a", "/a\\b"),
        *("/a b", "/a\tb", "/a\nb", "/a\r\nx-a: b", "/a?b c", "/ä"),
        *("/a#b", "/{id}", '/"', "/<a>", "/a?b=<c>"),
    ],
)
def test_a_target_that_would_be_rewritten_is_refused(target: str) -> None:
    with pytest.raises(Refusal) as refused:
        request(plain(), Sending("GET", target, (), b""))

    assert refused.value.code == "http.target"


@pytest.mark.parametrize(
    "target",
    ["/", "/v1/a", "//a", "/a;b", "/%2F", "/a?", "/a?b[]=c&d=%27", "/a'b", "/a?b='", "/a?b=c?d=/", "/a?b={../}"],
)
def test_any_other_target_goes_as_it_is(target: str) -> None:
    assert request(plain(), Sending("GET", target, (), b"")) == as_written(target)


@given(target=st.text(st.characters(codec="ascii"), max_size=30).map("/".__add__))
def test_a_target_goes_as_it_is_or_not_at_all(target: str) -> None:
    try:
        built = request(plain(), Sending("GET", target, (), b""))
    except Refusal:
        return

    assert built == as_written(target)


@pytest.mark.parametrize(
    "header",
    [("x-a", "b\r\nx-c: d"), ("x-a", "b\0"), ("x-a", "straße"), ("x a", "b"), ("x-a:", "b"), ("", "b"), ("x-ä", "b")],
)
def test_a_header_that_is_not_plain_ascii_is_refused(header: tuple[str, str]) -> None:
    with pytest.raises(Refusal) as refused:
        request(plain(), Sending("GET", "/a", (header,), b""))

    assert refused.value.code == "http.header"
    assert "straße" not in str(refused.value.failures)


@pytest.mark.parametrize("method", ["get", "TRACE", "CONNECT", "GET /evil HTTP/1.1\r\n", ""])
def test_an_unknown_method_is_refused(method: str) -> None:
    with pytest.raises(Refusal) as refused:
        request(plain(), Sending(method, "/a", (), b""))

    assert refused.value.code == "http.method"


@pytest.mark.parametrize(
    "host",
    [
        plain(hostname="API.parcels.test"),
        plain(hostname="api.parcels.test."),
        plain(hostname="user@evil.test"),
        plain(hostname="api.parcels.test/evil"),
        plain(hostname="api.parcels.test:80"),
        plain(hostname="straße.test"),
        plain(hostname=""),
        plain(hostname="0:0:0:0:0:0:0:1"),
        plain(scheme="ftp"),
        plain(scheme="http"),
        plain(scheme="http", networks=(ip_network("10.0.0.0/8"),)),
        plain(scheme="http", networks=(ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"))),
    ],
    ids=lambda host: f"{host.scheme} {host.hostname} {len(host.networks)}",
)
def test_a_host_that_is_not_written_plainly_is_refused(host: Host) -> None:
    with pytest.raises(Refusal) as refused:
        request(host, Sending("GET", "/a", (), b""))

    assert refused.value.code == "vendor.address"


@pytest.mark.parametrize("hostname", ["127.1", "0x7f.1", "2130706433", "1.2.3"])
def test_an_address_in_another_spelling_is_refused(hostname: str) -> None:
    with pytest.raises(Refusal):
        request(plain(hostname=hostname), Sending("GET", "/a", (), b""))


def test_the_default_port_is_not_written() -> None:
    origins = [plain().origin, plain(port=8443).origin, plain(hostname="::1").origin]

    assert origins == ["https://api.parcels.test", "https://api.parcels.test:8443", "https://[::1]"]
