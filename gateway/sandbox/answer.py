"""What a played vendor says: the answer of an example, fitted to the call."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path as Folder
from typing import Final

from gateway.body.codecs import CODECS
from gateway.body.document import Document, Scalar, as_text
from gateway.contract.model import Example
from gateway.contract.terms import Section, Terms
from gateway.errors import Refusal
from gateway.examples import text_of
from gateway.paths import EACH, Path, Place
from gateway.pieces import whole
from gateway.rehearse import Http1, parse_http
from gateway.sandbox.arrival import Arrival, documents_of, leaves
from gateway.vocabulary import RETAINED_IDS

ANY: Final = "psn_*"
DECLINED: Final = Http1("402", (), b'{"error":{"code":"declined"}}')
"""What a vendor says that has no example of declining."""

_PSEUDONYM = re.compile(r"psn_[0-9A-Za-z_-]{22,}")
_ERROR = 400
_ECHOED = 3  # signs that a text has at least which is repeated; shorter ones are alike by chance

Said = Mapping[str, str]
"""The first value at each place of a call, as text."""


@dataclass(frozen=True, slots=True)
class Model:
    """An example with an answer: its call, with `psn_*` for pseudonyms, and what the vendor says to it."""

    call: Counter[tuple[str, str]]
    answers: Http1

    @property
    def declines(self) -> bool:
        return int(self.answers.first) >= _ERROR


def models(terms: Terms, root: Folder) -> tuple[Model, ...]:
    """The examples of an operation that have an answer."""
    return tuple(_model(example, terms, root) for example in terms.operation.examples if example.answers is not None)


def _model(example: Example, terms: Terms, root: Folder) -> Model:
    sends = parse_http(text_of(example.sends or "", root, terms))
    method, _, target = sends.first.partition(" ")
    arrival = Arrival(terms.host.name, method, target, sends.headers, sends.body)
    answers = parse_http(text_of(example.answers or "", root, terms))
    try:
        return Model(_counted(documents_of(arrival, terms)), answers)
    except Refusal:
        return Model(Counter(), answers)


def _counted(documents: Mapping[str, Document]) -> Counter[tuple[str, str]]:
    pairs = (pair for kind, document in documents.items() for pair in leaves(kind, document))
    return Counter((place, _PSEUDONYM.sub(ANY, as_text(value))) for place, value in pairs)


def chosen(documents: Mapping[str, Document], of: tuple[Model, ...]) -> Model | None:
    """The example that fits a call best. One that declines fits only the very call that it shows."""
    arrived = _counted(documents)
    if same := next((model for model in of if _shows(model, arrived)), None):
        return same
    willing = [model for model in of if not model.declines]
    return max(willing, key=lambda model: (model.call & arrived).total(), default=None)


def _shows(model: Model, arrived: Counter[tuple[str, str]]) -> bool:
    """Whether a call is the example's own, apart from headers and from secrets, which stand in examples by name."""
    secret = {place for place, text in model.call if text.startswith("$")}
    shown, said = (
        {pair: count for pair, count in call.items() if not pair[0].startswith("header:") and pair[0] not in secret}
        for call in (model.call, arrived)
    )
    return shown == said


def answer(model: Model, terms: Terms, documents: Mapping[str, Document], number: int) -> Http1:
    """The answer of an example as it would be to this call, the `number`th of its operation here.

    What the example repeats of its own call is repeated of this one, and the vendor gives out no number twice.
    """
    section = terms.errors if model.declines else terms.answer
    if section is None or section.body != "json" or not model.answers.body:
        return model.answers
    try:
        document = CODECS["json"].read(model.answers.body, section.trees["body"])
    except Refusal:
        return model.answers
    said = _said(documents)
    given_out = _given_out(section) if number > 1 and terms.method == "POST" else frozenset()
    fitting = _Fitting(said, _repeats(model, said), given_out, f"-{number}")
    filled = fitting.document((), document)
    return replace(model.answers, body=whole(CODECS["json"].write(filled, filled)))


def _said(documents: Mapping[str, Document]) -> Said:
    said: dict[str, str] = {}
    for kind, document in documents.items():
        for place, value in leaves(kind, document):
            said.setdefault(place, as_text(value))
    return said


def _repeats(model: Model, said: Said) -> Mapping[str, str]:
    """What stood in the example's call, and what stands there in this one."""
    return {text: said[place] for place, text in model.call if place in said and len(text) >= _ECHOED}


def _given_out(section: Section) -> frozenset[str]:
    return frozenset(rule.path for rule in section.rules if rule.category in RETAINED_IDS)


@dataclass(frozen=True, slots=True)
class _Fitting:
    """How the values of an example's answer become those of an answer to another call."""

    said: Said
    repeats: Mapping[str, str]
    given_out: frozenset[str]
    ending: str

    def document(self, path: Path, value: Document) -> Document:
        if isinstance(value, Mapping):
            return {name: self.document((*path, name), item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.document((*path, EACH), item) for item in value]
        return self._scalar(str(Place("body", path)), value)

    def _scalar(self, place: str, value: Scalar) -> Scalar:
        if isinstance(value, int) and not isinstance(value, bool):
            again = self.repeats.get(as_text(value), "")
            return int(again) if again.isascii() and again.isdigit() else value
        if not isinstance(value, str):
            return value
        if value == ANY and _PSEUDONYM.fullmatch(self.said.get(place, "")):
            return self.said[place]
        if value in self.repeats:
            return self.repeats[value]
        if place in self.given_out and value:
            return value + self.ending
        return value.replace(ANY, self.repeats.get(ANY, ANY))
