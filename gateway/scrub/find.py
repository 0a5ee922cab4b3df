"""Free text without what can be found in it: addresses, numbers, keys, and names that the same call gives elsewhere."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from stdnum import ean

from gateway.scrub.numbers import numbers
from gateway.scrub.online import online
from gateway.scrub.phones import Plan, phones, plan_of
from gateway.scrub.spans import PLACEHOLDER, Kind, Span, fold, settled
from gateway.vocabulary import EU_MEMBERS

_SHORTEST = 3
_SHORTEST_STREET = 5
# Words that stand in names of people, companies and streets, and everywhere else too.
# fmt: off
_ORDINARY = frozenset({
    "and", "bei", "bin", "chez", "con", "das", "dear", "del", "della", "den", "der", "des", "die", "don", "dos",
    "een", "for", "frau", "from", "haus", "herr", "las", "les", "los", "madame", "miss", "monsieur", "mrs", "mme",
    "mlle", "mit", "per", "por", "san", "sir", "ste", "sur", "the", "und", "van", "vom", "von", "zum", "zur",
    "bros", "corp", "gbr", "gmbh", "inc", "llc", "llp", "ltd", "ohg", "plc", "sarl", "shop", "spa", "store",
})
# fmt: on
_HOUSE = re.compile(r"\A\d[\w/-]*\s+|\s+\d[\w/-]*\s*[a-z]?\Z")
# In these scripts two signs can be a whole name, and no space stands before or behind it.
_SHORTEST_CJK = 2
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_MOST_KNOWN = 256
_MOST_WORDS = 12
_WORD = re.compile(r"\w+")
_GAP = 3  # signs between the words of a name, such as a comma, a dash or the end of a line
# What was taken out can give free what stood beside it; more often than this nothing does.
_ROUNDS = 6
# Its groups look like those of a card, and it is nobody's.
_UUID = re.compile(
    r"(?<![0-9A-Za-z])(?=[0-9-]{0,35}[A-Fa-f])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z])"
)
# What says that it is the number of an article, and is one (GS1).
_ARTICLE = re.compile(
    r"\b(?:EAN|GTIN|UPC|JAN|ISBN|bar ?code)(?:[ -]?1[234])?(?:[ -]?(?:no\.?|number|code))?[ :#=]{0,3}(\d{12,14})(?!\d)",
    re.IGNORECASE,
)
_WORTH = re.compile(
    r"\d|@|%40|[(\[{<] ?at ?[)\]}>]|[\[({< ](?:dot|punto|punkt|ponto)[\])}> ]"
    r"|/|[:=]|eyJ|_|-----|www|sk-|sg\.|pypi-|bearer|basic|akia|asia|aiza|eaaa|xox|xapp|age-secret",
    re.IGNORECASE,
)


class Known(NamedTuple):
    """A name or an address that the same call gives elsewhere, and what it is."""

    text: str
    kind: Kind = Kind.PERSON


def scrub(text: str, *, regions: Sequence[str], known: Iterable[Known] = ()) -> str:
    """The text with `<EMAIL_ADDRESS>` and so on in place of what `found` finds. What was scrubbed stays as it is."""
    parts, at = [], 0
    for span in found(text, regions=regions, known=known):
        parts += [text[at : span.start], f"<{span.kind}>"]
        at = span.end
    return "".join([*parts, text[at:]])


def found(text: str, *, regions: Sequence[str], known: Iterable[Known] = ()) -> list[Span]:
    """What is personal in a text, in order and without overlaps.

    `regions` are the countries whose national telephone numbers count, `EU` for all its members. Time grows with the
    length of the text, whatever it is. It finds no name and no street that is not `known`.
    """
    plan, names = _plan(tuple(regions)), _names(tuple(known))
    spans: list[Span] = []
    pieces = _between(0, len(text), [match.span() for match in PLACEHOLDER.finditer(text)])
    for _ in range(_ROUNDS):
        new = [span for start, end in pieces for span in _found_in(text, start, end, plan, names)]
        spans += new
        pieces = _rest(pieces, new)
        if not new:
            break
    return sorted(spans)


@lru_cache(maxsize=64)
def _plan(markets: tuple[str, ...]) -> Plan:
    countries = {country for market in markets for country in (EU_MEMBERS if market == "EU" else {market})}
    return plan_of(tuple(sorted(countries)))


def _between(start: int, end: int, taken: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """What is left of a stretch beside what was taken out of it, as far as something could still be found there."""
    left = []
    for first, last in taken:
        left.append((start, first))
        start = last
    return [(first, last) for first, last in [*left, (start, end)] if last - first >= _SHORTEST_CJK]


def _rest(pieces: Sequence[tuple[int, int]], new: Sequence[Span]) -> list[tuple[int, int]]:
    """The stretches beside new finds, which are to be looked at again. Where nothing was found nothing will be."""
    waiting = iter(new)
    span = next(waiting, None)
    rest = []
    for start, end in pieces:
        inside = []
        while span is not None and span.start < end:
            inside.append((span.start, span.end))
            span = next(waiting, None)
        rest += _between(start, end, inside) if inside else []
    return rest


def _found_in(text: str, start: int, end: int, plan: Plan, names: "_Names | None") -> Iterator[Span]:
    piece = text[start:end]
    folded = fold(piece)
    finds: list[Span] = []
    if _WORTH.search(folded.text):
        counted = _ARTICLE.sub(_article, _UUID.sub(_blank, folded.text)).replace("%20", "   ")
        for finder in (online(folded.text), numbers(counted), phones(counted, plan)):
            finds += (Span(*folded.span(first, last), kind) for first, last, kind in finder)
    if names is not None:
        lower = fold(piece, case=True)
        finds += (Span(*lower.span(first, last), kind) for first, last, kind in names.found(lower.text))
    return (Span(start + first, start + last, kind) for first, last, kind in settled(finds))


def _blank(match: re.Match[str]) -> str:
    return "x" * len(match.group())


def _article(match: re.Match[str]) -> str:
    return _blank(match) if ean.is_valid(match[1]) else match.group()


class _Names(NamedTuple):
    """Names and addresses as runs of words, and, in scripts without spaces, as they stand.

    `lengths` has for the first word of a run how many words there can be, the most first.
    """

    runs: dict[tuple[str, ...], Kind]
    lengths: dict[str, list[int]]
    loose: dict[str, Kind]

    def found(self, text: str) -> Iterator[Span]:
        words = [(match.group(), *match.span()) for match in _WORD.finditer(text)] if self.runs else []
        for number, (word, start, _) in enumerate(words):
            for length in self.lengths.get(word, ()):
                run = words[number : number + length]
                kind = self.runs.get(tuple(each for each, _, _ in run))
                if kind is not None and all(later[1] - one[2] <= _GAP for one, later in pairwise(run)):
                    yield Span(start, run[-1][2], kind)
                    break
        for part, kind in self.loose.items():
            at = text.find(part)
            while at >= 0:
                yield Span(at, at + len(part), kind)
                at = text.find(part, at + len(part))


# Of a few calls only: these are names of people.
@lru_cache(maxsize=8)
def _names(known: tuple[Known, ...]) -> _Names | None:
    names = _Names({}, {}, {})
    for each in known[:_MOST_KNOWN]:
        for part in _parts(each):
            words = tuple(_WORD.findall(part))[:_MOST_WORDS]
            if _CJK.match(part[0]) or _CJK.match(part[-1]):
                names.loose.setdefault(part, each.kind)
            elif words:
                names.runs.setdefault(words, each.kind)
    for run in names.runs:
        names.lengths.setdefault(run[0], []).append(len(run))
    for word, lengths in names.lengths.items():
        names.lengths[word] = sorted(set(lengths), reverse=True)
    return names if names.runs or names.loose else None


def _parts(known: Known) -> Iterator[str]:
    """A name as a whole and each word of it; an address as a whole, and each part between commas, without its house."""
    folded = fold(known.text, case=True).text
    if known.kind is Kind.PERSON and not any(map(str.isalpha, folded)):
        return
    if _is_long(whole := _spaced(folded), _SHORTEST):
        yield whole
    if known.kind is Kind.PERSON:
        words = (word.strip(".,;()'\"") for word in re.split(r"[\s/]+", whole))
        yield from (word for word in words if _is_long(word, _SHORTEST) and word not in _ORDINARY)
        return
    for part in map(_spaced, re.split(r"[,;\n]", folded)):
        yield from (each for each in (part, _HOUSE.sub("", part)) if _is_long(each, _SHORTEST_STREET))


def _is_long(part: str, shortest: int) -> bool:
    return len(part) >= (_SHORTEST_CJK if _CJK.search(part) else shortest)


def _spaced(text: str) -> str:
    return " ".join(text.split())
