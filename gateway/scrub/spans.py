"""Where something personal stands in a text, and the text in the form in which it is looked for."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple


class Kind(StrEnum):
    """What was found, as it is written in its place. Of equally long finds the first in this order counts."""

    KEY = "API_KEY"
    JWT = "JWT"
    CARD = "CREDIT_CARD"
    IBAN = "IBAN_CODE"
    NATIONAL_ID = "NATIONAL_ID"
    IP = "IP_ADDRESS"
    EMAIL = "EMAIL_ADDRESS"
    URL = "URL"
    PHONE = "PHONE_NUMBER"
    PERSON = "PERSON"
    LOCATION = "LOCATION"


class Span(NamedTuple):
    """From `start` up to `end`, in code points of the text as it came."""

    start: int
    end: int
    kind: Kind


PLACEHOLDER = re.compile(f"<(?:{'|'.join(Kind)})>")
_ORDER = {kind: number for number, kind in enumerate(Kind)}
# A letter has a few marks above and below it. A tower of thousands is no letter, and slow to put into order.
_MOST_MARKS = 16
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63", "-"))
_HIDDEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")


@dataclass(frozen=True, slots=True)
class Folded:
    """A text as it is searched, and for each of its signs where that begins in the text as it came."""

    text: str
    origin: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where a part of the folded text stands in the text as it came; never half a sign."""
        first, last = self.origin[start], self.origin[end - 1]
        after = end
        while self.origin[after] == last:
            after += 1
        return first, self.origin[after]


def fold(text: str, *, case: bool = False) -> Folded:
    """Compatibility forms unified (NFKC), every dash a hyphen, digits of any script ASCII, nothing invisible."""
    if text.isascii():
        return Folded(text.lower() if case else text, range(len(text) + 1))
    parts: list[str] = []
    origin: list[int] = []
    for start, cluster in _clusters(text):
        sign = _sign(cluster)
        part = sign.casefold() if case else sign
        parts.append(part)
        origin += [start] * len(part)
    return Folded("".join(parts), [*origin, len(text), len(text) + 1])


def _clusters(text: str) -> Iterator[tuple[int, str]]:
    """Each sign together with the marks that belong to it."""
    starts = [0]
    for position in range(1, len(text)):
        if not unicodedata.combining(text[position]) or position - starts[-1] > _MOST_MARKS:
            starts.append(position)
    for start, end in pairwise([*starts, len(text)]):
        yield start, text[start:end]


def _sign(cluster: str) -> str:
    if cluster.isascii():
        return cluster
    normal = _HIDDEN.sub("", unicodedata.normalize("NFKC", cluster).translate(_DASHES))
    return "".join(str(unicodedata.decimal(sign, sign)) if sign.isdecimal() else sign for sign in normal)


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    reached: dict[Kind, Span] = {}
    for span in sorted(spans):
        before = reached.get(span.kind)
        if before is not None and span.start < before.end:
            reached[span.kind] = Span(before.start, max(before.end, span.end), span.kind)
            continue
        if before is not None:
            yield before
        reached[span.kind] = span
    yield from reached.values()


def settled(spans: Iterable[Span]) -> list[Span]:
    """Spans that do not overlap, in order: the longest count first, then the order of kinds.

    Those of one kind that overlap count as one: which of two numbers is meant does not matter, and of neither is a part
    to be left.
    """
    taken: list[Span] = []
    ranked = sorted(_joined(spans), key=lambda span: (span.start - span.end, _ORDER[span.kind], span.start))
    free = bytearray(max((span.end for span in ranked), default=0))
    for span in ranked:
        # Longer ones were taken before, so one that reaches into this span covers one of its ends.
        if not free[span.start] and not free[span.end - 1]:
            free[span.start : span.end] = b"\x01" * (span.end - span.start)
            taken.append(span)
    return sorted(taken)
