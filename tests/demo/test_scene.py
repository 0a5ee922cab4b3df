import pytest
from demo_scenes import PSEUDONYM, STEP

from gateway.demo.scene import leaves_of, sent_of, veiled
from gateway.rehearse import parse_http


def test_a_call_is_shown_by_places_and_values() -> None:
    message = parse_http('POST /a?x=1\nCookie: s=1\n\n{"b": {"c": [1, "two"]}, "d": 0.50, "e": true, "f": null}')

    assert leaves_of(message) == {
        "header:cookie": "s=1",
        "query:x": "1",
        "$.b.c.0": "1",
        "$.b.c.1": "two",
        "$.d": "0.50",
        "$.e": "true",
        "$.f": "null",
    }


def test_a_form_is_shown_like_a_document() -> None:
    message = parse_http("POST /a\n\nb[c][d]=1+2&e[0]=%C3%AB&f=")

    assert leaves_of(message) == {"$.b.c.d": "1 2", "$.e.0": "ë", "$.f": ""}


def test_what_only_carries_a_call_is_not_shown() -> None:
    assert "header:content-type" not in sent_of(STEP)
    assert "header:cookie" in sent_of(STEP)


def test_pseudonyms_and_spacing_do_not_tell_two_messages_apart() -> None:
    one = parse_http('POST /a\nKey: psn_*\n\n{"b": "psn_*", "c": 1}')
    other = parse_http(f'POST /a\nKey: {PSEUDONYM}\n\n{{"b":"{PSEUDONYM}","c":1}}')

    assert veiled(one) == veiled(other)


@pytest.mark.parametrize(
    "body",
    ['{"b":"psn_*","c":1.0}', '{"c":1,"b":"psn_*"}', '{"b":"psn_*","c":"1"}', '{"b":"psn_1","c":1}', "b=psn_*&c=1"],
)
def test_digits_order_and_types_do(body: str) -> None:
    one = parse_http('POST /a\n\n{"b": "psn_*", "c": 1}')

    assert veiled(one) != veiled(parse_http(f"POST /a\n\n{body}"))
