"""Words of the closed lists as people read them, in both languages."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from gateway.rights.asked import Word
from gateway.vocabulary.labels import Label

Code = TypeVar("Code", bound=StrEnum)


def labelled(code: Code, labels: Mapping[Code, Label]) -> Word:
    label = labels[code]
    return Word(code=code.value, en=label.en, zh=label.zh)
