"""What is generalised says less, says it in one spelling, and leaves nothing of what is not of its kind."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_contracts import bound

from gateway.body.document import Document, Scalar
from gateway.contract.form import KINDS, Coarse
from gateway.errors import Refusal, Unfit
from gateway.forms.generalise import generalised
from gateway.minimise import minimise

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.1 Mobile/15E148 Safari/604.1"
)
WECHAT = f"{SAFARI} MicroMessenger/8.0.42(0x1800) NetType/WIFI Language/zh_CN"


def made(kind: str, value: Scalar, step: int = 0) -> Scalar:
    return generalised(Coarse(kind, step))(value)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("date", "1961-07-15", "1961"),
        ("date", "19610715", "1961"),
        ("date", "1961-07", "1961"),
        ("date", "1961-07-15T08:41:07.5+02:00", "1961"),
        ("date", "\uff11\uff19\uff16\uff11-07-15", "1961"),
        ("time", "2026-11-22T08:41:07Z", "2026-11-22T08Z"),
        ("time", "2026-11-22 08:41:07.123456789+00:00", "2026-11-22T08Z"),
        ("time", "2026-01-01T00:41+0100", "2025-12-31T23Z"),
        ("ip", "203.0.113.77", "203.0.113.0"),
        ("ip", "203.0.113.77:8443", "203.0.113.0"),
        ("ip", "2001:db8:85a3:8d3:1319:8a2e:370:7348", "2001:db8:85a3::"),
        ("ip", "[2001:db8:85a3:8d3::1]:443", "2001:db8:85a3::"),
        ("ip", "fe80::1%eth0-of-zoe", "fe80::"),
        ("ip", "::ffff:203.0.113.77", "203.0.113.0"),
        ("ip", "[::ffff:cb00:714d]", "203.0.113.0"),
        ("ip", "2002:cb00:714d::1", "203.0.113.0"),
        ("coordinates", "31.230416,121.473701", "31.2,121.5"),
        ("coordinates", "-33.8688, 151.2093", "-33.9,151.2"),
        ("coordinates", "-0.04", "0.0"),
        ("coordinates", "31", "31"),
        ("user_agent", CHROME, "Chrome/131 (Windows)"),
        ("user_agent", CHROME.replace("Safari", "Edg/130.0.1 Safari"), "Edge/130 (Windows)"),
        ("user_agent", SAFARI, "Safari/18 (iOS)"),
        ("user_agent", WECHAT, "WeChat/8 (iOS)"),
        ("user_agent", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox/145 (Linux)"),
        ("user_agent", "zoes-crawler/1.0 (zoe@example.com)", "Other"),
        ("user_agent", "Chrome/4111111111111111", "Other"),
        ("url", "/search?q=eczema", "/search"),
        ("url", "/search\uff1fq=eczema", "/search"),
        ("url", "/search%3Fq=eczema", "/search"),
        ("url", "/search%253fq=eczema", "/search"),
        ("url", "https://zoe:pw@shop.example:8443/a;jsessionid=7/b?q=1#note", "https://shop.example:8443/a/b"),
        ("url", "https://shop.example?q=eczema", "https://shop.example"),
        ("url", "//shop.example/a#b", "//shop.example/a"),
    ],
)
def test_a_kind_leaves_what_its_convention_says(kind: str, value: str, expected: str) -> None:
    assert made(kind, value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (149, 100),
        (-1, -100),
        (10**30 + 1, 10**30),
        (Decimal("149.90"), Decimal("100.0")),
        (Decimal("1.5E+3"), Decimal("1500.0")),
        ("149", "100"),
        ("149.90", "100.0"),
    ],
)
def test_a_number_becomes_the_multiple_below_and_keeps_its_type(value: Scalar, expected: Scalar) -> None:
    assert repr(made("number", value, 100)) == repr(expected)


@pytest.mark.parametrize(("value", "expected"), [(31, 31), (Decimal("121.473701"), Decimal("121.5"))])
def test_a_coordinate_keeps_its_type(value: Scalar, expected: Scalar) -> None:
    assert repr(made("coordinates", value)) == repr(expected)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("date", "15.07.1961"),
        ("date", "1961-13-15"),
        ("date", "4711"),
        ("date", "Zoë, 1961"),
        ("date", 19610715),
        ("time", "2026-11-22T08:41:07"),
        ("time", "2026-11-22T25:00:00Z"),
        ("time", "0001-01-01T00:00:00+14:00"),
        ("time", "08:41"),
        ("time", 1795334632),
        ("ip", "203.0.113.77, 198.51.100.7"),
        ("ip", "203.0.113.0/24"),
        ("ip", "localhost"),
        ("ip", 3405803853),
        ("coordinates", "31.2,121.5,8.0"),
        ("coordinates", "31.2,"),
        ("coordinates", "Dresden"),
        ("coordinates", 491234567),
        ("coordinates", Decimal("1E+400")),
        ("coordinates", True),
        ("user_agent", 7),
        ("url", "eczema"),
        ("url", "mailto:zoe@example.com"),
        ("url", "file:///etc/zoe/a.py"),
        ("url", "https://shop.example\\@evil.example/"),
        ("url", "/a b"),
        ("url", ""),
        ("number", "DE89"),
        ("number", "1e9"),
        ("number", False),
        ("number", Decimal("1E+99999")),
    ],
)
def test_nothing_leaves_of_what_is_not_of_the_kind(kind: str, value: Scalar) -> None:
    with pytest.raises(Unfit, match=r"\Afield\.type\Z"):
        made(kind, value, 100)


@pytest.mark.parametrize("kind", sorted(KINDS | {"number"}))
def test_null_stays_null(kind: str) -> None:
    assert made(kind, None, 100) is None


values = st.one_of(
    st.text(max_size=40),
    st.ip_addresses().map(str),
    st.datetimes().map(lambda moment: f"{moment.isoformat()}Z"),
    st.dates().map(str),
    st.from_regex(r"https?://[a-z.]+(/[a-z;?#%]*)*", fullmatch=True),
    st.sampled_from([CHROME, SAFARI, WECHAT]),
    st.integers(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.decimals(-180, 180, places=7).map(str),
)


@pytest.mark.parametrize("kind", sorted(KINDS | {"number"}))
@given(value=values)
def test_generalising_what_is_general_changes_nothing(kind: str, value: Scalar) -> None:
    try:
        once = made(kind, value, 100)
    except Unfit:
        return

    assert repr(made(kind, once, 100)) == repr(once)


@given(st.ip_addresses(v=4), st.integers(0, 255))
def test_the_last_byte_of_an_address_does_not_show(address: object, last: int) -> None:
    start, _, _ = str(address).rpartition(".")

    assert made("ip", str(address)) == made("ip", f"{start}.{last}") == made("ip", f"::ffff:{start}.{last}")


RULES = """
    - why: Whether it is an attack or one provider's fault.
      fields: {$.ip: tech.ip}
      form: {generalise: ip}
      required: %s
    - why: Which build it was.
      category: not_personal
      fields: [$.build]
"""


def test_what_is_of_its_kind_leaves_generalised() -> None:
    result = minimise(bound(RULES % "all"), {"body": {"ip": "203.0.113.77", "build": 7}})

    assert result.documents["body"] == {"ip": "203.0.113.0", "build": 7}
    assert result.withheld == {}
    assert list(result.counts) == [1, 1]


def test_what_is_not_of_its_kind_stays_and_the_rest_leaves() -> None:
    result = minimise(bound(RULES % "[]"), {"body": {"ip": "zoes-laptop", "build": 7}})

    assert result.documents["body"] == {"build": 7}
    assert {str(each): each.reason for each in result.withheld} == {"$.ip": "field.type"}
    assert list(result.counts) == [0, 1]


def test_a_required_field_that_is_not_of_its_kind_refuses_the_call_without_its_value() -> None:
    document: Document = {"ip": "zoes-laptop"}

    with pytest.raises(Refusal) as caught:
        minimise(bound(RULES % "all"), {"body": document})

    assert [(failure.code, failure.detail) for failure in caught.value.failures] == [("field.type", "$.ip")]
    assert "zoe" not in repr(caught.value.failures)


def test_in_an_answer_it_is_withheld() -> None:
    result = minimise(bound(RULES % "all"), {"body": {"ip": "zoes-laptop", "build": 7}}, answer=True)

    assert result.documents["body"] == {"build": 7}
