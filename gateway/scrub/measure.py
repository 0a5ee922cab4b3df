"""How much of the personal data in labelled sentences is found, and what is found that is none."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from gateway.errors import StartError
from gateway.scrub.find import found
from gateway.scrub.spans import Kind, Span

MARKETS = ("EU", "BR", "CN", "GB", "JP", "KR", "US")
# Names and places are found only where the same call gives them elsewhere; a sentence alone does not.
STRUCTURED: frozenset[str] = frozenset(set(Kind) - {Kind.PERSON, Kind.LOCATION})
_SAME: Mapping[str, Kind] = {"US_SSN": Kind.NATIONAL_ID}


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text and the personal data that somebody has labelled in it. `markets` as for `found`."""

    text: str
    labels: tuple[Span, ...]
    markets: tuple[str, ...] = MARKETS

    @property
    def is_measured(self) -> bool:
        """Whether it belongs to the half at which nobody looks while the rules are made: the first bit of SHA-256."""
        return sha256(self.text.encode()).digest()[0] >= 128  # noqa: PLR2004  the first bit


class Score(NamedTuple):
    """What was found of one kind in one half. A label counts only if all of it was found, as whatever kind."""

    half: str
    kind: str
    labelled: int
    found: int
    recall: str
    false_positives: int


def labelled(path: Path) -> list[Sentence]:
    """The sentences of a file, or of every `.json` and `.jsonl` below a folder."""
    files = sorted(path.rglob("*.json*")) if path.is_dir() else [path]
    return [sentence for file in files for sentence in sentences_in(file.read_text("utf-8"))]


def sentences_in(text: str) -> Iterator[Sentence]:
    """Sentences of a JSON list, or of JSON lines: objects of `full_text`, `spans` and, if it matters, `markets`.

    A span has `entity_type`, `start_position` and `end_position`, in code points. Raises StartError for anything else.
    """
    try:
        rows = json.loads(text) if text.lstrip().startswith("[") else [json.loads(line) for line in text.splitlines()]
        yield from [_sentence(row) for row in rows]
    except (ValueError, KeyError, TypeError):
        raise StartError("these are not labelled sentences: `full_text` and `spans`, in a list or one a line") from None


def _sentence(row: Mapping[str, Any]) -> Sentence:
    labels = (
        Span(int(span["start_position"]), int(span["end_position"]), Kind(_SAME.get(kind, kind)))
        for span in row["spans"]
        if _SAME.get(kind := str(span["entity_type"]), kind) in STRUCTURED
    )
    return Sentence(str(row["full_text"]), tuple(labels), tuple(map(str, row.get("markets", MARKETS))))


def scores(sentences: Sequence[Sentence]) -> Iterator[Score]:
    """For each half and kind how much was found, and a row for all kinds together."""
    for half, wanted in (("tuned", False), ("measured", True)):
        chosen = [each for each in sentences if each.is_measured is wanted]
        hits, labels, wrong = _counted(chosen)
        for kind in sorted(labels.keys() | wrong.keys()):
            yield _score(half, kind, labels.get(kind, 0), hits.get(kind, 0), wrong.get(kind, 0))
        name = f"{half}: {len(chosen)}"
        yield _score(name, "all", sum(labels.values()), sum(hits.values()), sum(wrong.values()))


def _score(half: str, kind: str, labelled: int, hits: int, wrong: int) -> Score:
    return Score(half, kind, labelled, hits, f"{hits / labelled:.3f}" if labelled else "-", wrong)


def _counted(sentences: Iterable[Sentence]) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    """By kind: labels that were found, all labels, and finds where nothing is labelled."""
    hits: dict[str, int] = {}
    labels: dict[str, int] = {}
    wrong: dict[str, int] = {}
    for sentence in sentences:
        spans = found(sentence.text, regions=sentence.markets)
        for label in sentence.labels:
            labels[label.kind] = labels.get(label.kind, 0) + 1
            hits[label.kind] = hits.get(label.kind, 0) + any(_covers(span, label) for span in spans)
        for span in spans:
            if not any(span.start < label.end and label.start < span.end for label in sentence.labels):
                wrong[span.kind] = wrong.get(span.kind, 0) + 1
    return hits, labels, wrong


def _covers(span: Span, label: Span) -> bool:
    return span.start <= label.start and label.end <= span.end
