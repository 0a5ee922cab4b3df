"""The words that contract files are written in: sentences, days, sizes and names as types, and what a block is."""

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Strict, StringConstraints

from gateway.vocabulary import LegalBasis, SubjectRole, is_jurisdiction

_SIZE = re.compile(r"(\d{1,6}) ?(B|KiB|MiB)\Z")
_UNITS = {"B": 1, "KiB": 1024, "MiB": 1024 * 1024}
_DURATION = re.compile(r"P(?=\d)(?:\d+Y)?(?:\d+M)?(?:\d+W)?(?:\d+D)?\Z")
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*://)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9-]+)*(:[0-9]{1,5})?")
_SENTENCE = re.compile(r"\S+\s+\S+")
MAX_BYTES = 8 * 1024 * 1024
MAX_FILE = 256 * 1024 * 1024
"""The same of what need not be in memory."""


def _sentence(text: str) -> str:
    if not _SENTENCE.match(text):
        raise ValueError("say why in a sentence, for somebody who knows the shop and not the API")
    return text


def _duration(text: str) -> str:
    if not _DURATION.match(text):
        raise ValueError("write a duration like P90D, P18M or P5Y (ISO 8601)")
    return text


def _size(value: object) -> int:
    if isinstance(value, str) and (match := _SIZE.match(value)):
        size = int(match[1]) * _UNITS[match[2]]
        if 0 < size <= MAX_FILE:
            return size
    raise ValueError("write a size like 64 KiB or 1 MiB, at most 8 MiB, and of files 256 MiB")


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise ValueError(
            "write a host, shop.example, or its scheme and port too, http://cdn.shop.example:8080; no path"
        )
    return text


def _jurisdiction(text: str) -> str:
    if not is_jurisdiction(text):
        raise ValueError("write default, EU, unknown or an ISO 3166 code in capitals")
    return text


def _by_jurisdiction(value: object) -> object:
    return value if isinstance(value, Mapping) else {"default": value}


def as_tuple(value: object) -> object:
    """One where a list may stand."""
    return value if isinstance(value, list) else [value]


def _date(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return value
    raise ValueError("write a date like 2026-12-31")


def _key(value: object) -> object:
    """A key in JWK may be written as a block."""
    return json.dumps(value) if isinstance(value, Mapping) else value


def _moment(value: object) -> object:
    if isinstance(value, str) and "T" in value:
        return value
    raise ValueError("write a moment like 2026-01-01T00:00:00+01:00")


Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=64)]
Sentence = Annotated[str, AfterValidator(_sentence)]
Duration = Annotated[str, AfterValidator(_duration)]
Size = Annotated[int, BeforeValidator(_size)]
Jurisdiction = Annotated[str, AfterValidator(_jurisdiction)]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$"), AfterValidator(_jurisdiction)]
Day = Annotated[date, BeforeValidator(_date)]
Moment = Annotated[datetime, BeforeValidator(_moment)]
# Strict: `yes` is a text and no answer, `true` is no number.
Flag = Annotated[bool, Strict()]
Count = Annotated[int, Strict()]
Bases = Annotated[dict[Jurisdiction, LegalBasis], BeforeValidator(_by_jurisdiction)]
SecretName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=64)]
Key = Annotated[str, BeforeValidator(_key), StringConstraints(min_length=1, max_length=8192)]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
Roles = Annotated[tuple[SubjectRole, ...], BeforeValidator(as_tuple)]
# RFC 6838 section 4.2, in small letters; the types that a gateway meets have no parameter worth telling apart.
MediaType = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$")
]
Address = Annotated[str, AfterValidator(_address)]
"""Scheme and host, or a host alone where https is meant."""
NO_TYPE: Final = "none"
Media = tuple[MediaType | Literal["none"], ...]
"""The Content-Types that are taken; `none` is that there is no such header."""


class Block(BaseModel):
    """A block of a contract file."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
