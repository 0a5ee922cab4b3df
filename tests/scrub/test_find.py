"""Free text loses what is found in it, keeps everything else, and is looked through in time that grows with it."""

import json
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labelled import MARKETS, sentences

from gateway.scrub import Kind, Known, Span, found, luhn, scrub
from gateway.scrub.measure import Sentence, sentences_in

REGIONS = ("EU", "GB", "CN", "US")
SCRAPS = (
    "4111 1111 1111 1111",
    "+49 151 23456789",
    "zoe@example.com",
    "DE89370400440532013000",
    "203.0.113.7",
    "Zoë",
    "<PERSON>",
    "http://a.example/?q=1",
    "529.982.247-25",
    "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.c2ln",
    "-",
    " ",
    "0",
    "@",
    "x",
)
HOSTILE = (
    "a",
    "1 ",
    "1",
    "a@",
    "%40",
    "0151 23456789 ",
    "+49 151 23456789 ",
    "DE89 ",
    "DE89370400440532013000",
    "eyJ-",
    "http://",
    "/a",
    "1:",
    "(1)",
    "1.",
    "1-",
    "token:",
    "4111111111111111 ",
    "A1",
    "a.",
    "-----BEGIN PRIVATE KEY-----",
    "0 ",
    "\uff11",
    "call ",
    "a\u0301\u0316\u0301\u0316\u0301\u0316",
    "\u0301",
    "2 84 05 88 157 008 25 ",
    "\u200b",
    "<PERSON>",
    "1/",
    "www.",
    "a.b",
    '"',
    '"@',
    "1x",
    "1 ext",
    "3304.99.",
    "978-",
)


def test_what_was_found_is_named_and_the_rest_stays() -> None:
    text = "call 13812345678 re anna@x.io, card 4111\u20131111\u20131111\u20131111 … ﬁne"

    left = scrub(text, regions=REGIONS)

    assert left == "call <PHONE_NUMBER> re <EMAIL_ADDRESS>, card <CREDIT_CARD> … ﬁne"


def test_a_name_of_the_same_call_is_found_in_any_case_and_spelling() -> None:
    known = [Known("Zoë Müller"), Known("Lindenstraße 7, Bonn", Kind.LOCATION), Known("王小明"), Known("Bo")]

    left = scrub("ZOE\u0308 (Frau müller) LINDENSTRASSE 7, 请给王小明; Bob, Müllerei, bo", regions=(), known=known)

    assert left == "<PERSON> (Frau <PERSON>) <LOCATION>, 请给<PERSON>; Bob, Müllerei, bo"


def test_the_longest_name_counts() -> None:
    known = [Known("Ann"), Known("Ann Lee"), Known("Ann Lee Smith")]

    assert found("for Ann Lee Smith", regions=(), known=known) == [Span(4, 17, Kind.PERSON)]


@pytest.mark.parametrize(
    ("known", "text", "left"),
    [
        (Known("The Body Shop GmbH"), "the body of the shop", "the <PERSON> of the shop"),
        (Known("Dr. Ann-Marie O'Neill"), "Ann-marie o'neill called; Dr. Bob", "<PERSON> <PERSON> called; Dr. Bob"),
        (Known("Zoë  Müller"), "for ZOE\u0308\nMÜLLER's door", "for <PERSON>'s door"),
        (Known("Zoë"), "Zoëlle, Azoë, zoë_1", "Zoëlle, Azoë, zoë_1"),
        (Known("Li"), "liquid, li", "liquid, li"),
        (Known("李明"), "给李明的", "给<PERSON>的"),
        (Known("4711"), "parcel 4711", "parcel 4711"),
        (Known("\uff3a\uff4f\uff45"), "from zoe", "from <PERSON>"),
        (Known("Lindenstraße 7", Kind.LOCATION), "LINDENSTRASSE 7, 7 trees", "<LOCATION>, 7 trees"),
        (Known("Lindenstraße 7", Kind.LOCATION), "Lindenstraße with 7 trees", "<LOCATION> with 7 trees"),
        (Known("88 Nanjing Rd", Kind.LOCATION), "near nanjing rd", "near <LOCATION>"),
        (Known("Hof 2\nLindenweg 7a\n53111 Bonn", Kind.LOCATION), "lindenweg, hof", "<LOCATION>, hof"),
        (Known("Lindenweg 7a, 53111 Bonn", Kind.LOCATION), "in 53111  bonn", "in <LOCATION>"),
        (Known("01067", Kind.LOCATION), "to 01067 today, 010675", "to <LOCATION> today, 010675"),
        (Known("12", Kind.LOCATION), "12 parcels", "12 parcels"),
    ],
)  # fmt: skip
def test_known_names_and_streets_are_found_as_whole_words_however_they_are_written(
    known: Known, text: str, left: str
) -> None:
    assert scrub(text, regions=(), known=[known]) == left


def test_no_name_is_found_that_nobody_gave() -> None:
    assert found("for Ann Lee Smith, Lindenstr. 7", regions=REGIONS) == []


def test_every_published_test_card_is_found_in_every_spelling(shared: Callable[[str], Path]) -> None:
    cards: dict[str, str] = json.loads((shared("card-numbers") / "braintree.json").read_text("utf-8"))
    valid = [number for number in cards.values() if number.isdigit() and len(number) >= 13 and luhn(number)]
    wide = str.maketrans("0123456789", "".join(chr(0xFF10 + digit) for digit in range(10)))

    spelled = [
        each
        for number in valid
        for sign in ("", " ", "-", ".", "\u00a0", "\u2011", "  ", " - ", "%20", "\n")
        for each in _spelled(number, sign)
    ]

    assert len(valid) > 20
    assert [each for each in spelled if scrub(f"x {each}, y", regions=()) != "x <CREDIT_CARD>, y"] == []
    assert [
        number for number in valid if scrub(f"卡号{number.translate(wide)}已", regions=()) != "卡号<CREDIT_CARD>已"
    ] == []


def _spelled(number: str, sign: str) -> list[str]:
    fours = sign.join(number[at : at + 4] for at in range(0, len(number), 4))
    return [fours, sign.join((number[:4], number[4:10], number[10:]))]


@pytest.mark.parametrize("market", MARKETS)
def test_almost_everything_is_found_in_generated_sentences(market: str) -> None:
    made = list(sentences_in("\n".join(sentences(market, 500))))

    _assert_targets(made)


def test_almost_everything_is_found_in_the_half_of_the_sample_that_is_measured(shared: Callable[[str], Path]) -> None:
    sample = list(sentences_in((shared("free-text") / "generated_small.json").read_text("utf-8")))

    _assert_targets([each for each in sample if each.is_measured])


def _assert_targets(made: list[Sentence]) -> None:
    """Of each kind 98 of 100, of cards all; and in 200 sentences one find that is none."""
    finds = [(each, found(each.text, regions=each.markets)) for each in made]
    labels = [
        (label.kind, any(_covers(span, label) for span in spans)) for each, spans in finds for label in each.labels
    ]
    wrong = [span for each, spans in finds for span in spans if not any(_touch(span, label) for label in each.labels)]

    for kind in {kind for kind, _ in labels}:
        hits = [hit for each, hit in labels if each == kind]
        assert sum(hits) >= len(hits) * (1 if kind is Kind.CARD else 0.98), kind
    assert len(wrong) <= len(made) / 200


def _covers(span: Span, label: Span) -> bool:
    return span.start <= label.start and label.end <= span.end


def _touch(span: Span, label: Span) -> bool:
    return span.start < label.end and label.start < span.end


@given(st.lists(st.sampled_from(SCRAPS) | st.text(max_size=5), max_size=8).map("".join))
def test_what_was_scrubbed_stays_as_it_is(text: str) -> None:
    known = [Known("Zoë"), Known("person"), Known("x 0")]

    left = scrub(text, regions=REGIONS, known=known)

    assert scrub(left, regions=REGIONS, known=known) == left


@given(st.text())
def test_what_is_beside_the_finds_stays_sign_for_sign(text: str) -> None:
    spans = found(text, regions=REGIONS)

    ends = [(span.start, span.end) for span in spans]
    assert ends == sorted(ends)
    assert all(one[1] <= other[0] for one, other in pairwise(ends))
    assert all(0 <= start < end <= len(text) for start, end in ends)


@pytest.mark.parametrize("part", ["name1 ", "name1 x ", "name ", "n", "ann-", "anna name7 "])
def test_many_known_names_cost_no_more_than_few(part: str) -> None:
    people = [Known(f"Anna Name{number} Abc{number}, Name {number}") for number in range(256)]
    text = part * (20_000 // len(part))
    cost("warm", people)
    cost("warm", people[:1])

    # Each name looked for by itself would cost 256 times as much.
    assert any(cost(text, people) < 40 * cost(text, people[:1]) + 0.1 for _ in range(3))


def cost(text: str, known: Sequence[Known] = (), regions: Sequence[str] = ()) -> float:
    """CPU in seconds. What else the machine does only adds to it, so that one try of three that is quick is enough."""
    start = time.process_time()
    found(text, regions=regions, known=known)
    return time.process_time() - start


@pytest.mark.parametrize("part", HOSTILE)
def test_awkward_text_takes_time_in_proportion_to_its_length(part: str) -> None:
    short, long = ((part * length)[:length] for length in (4_000, 40_000))

    # Ten times as long would take a hundred times as long if every sign were looked at from every other.
    assert any(cost(long, regions=REGIONS) < max(0.2, 30 * cost(short, regions=REGIONS)) for _ in range(3))
