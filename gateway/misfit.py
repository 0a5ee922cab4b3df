"""What somebody asks: its model and its words, and what does not fit: where, why, and what to write instead."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from itertools import islice
from typing import Annotated, Any, Final, TypeVar, get_args

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
)

Location = tuple[str | int, ...]

NO_KEY: Final = "extra_forbidden"
MISSING: Final = "missing"
_KINDLESS: Final = "union_tag_not_found"
NO_KIND: Final = frozenset({"union_tag_invalid", _KINDLESS})

# How a text is written, by the pattern that it has to match; of any other the pattern itself is told.
SHAPES: Final[Mapping[str, str]] = {
    r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$": "small letters and digits, parts joined by hyphens, such as `book-parcel`",
    r"^[A-Z]{2}$": "a country as two capitals (ISO 3166), such as `DE`",
    r"^[A-Z][A-Z0-9_]*$": "capitals, digits and underscores, such as `VENDOR_KEY`",
    r"^sha256:[0-9a-f]{64}$": "`sha256:` and 64 hexadecimal digits, as sha256sum prints them",
    r"^[0-9a-f]{32}$": "32 hexadecimal digits",
    r"^[0-9a-f]{64}$": "64 hexadecimal digits",
    r"^[A-Za-z0-9._-]+$": "the name of a file beside this one, of letters, digits, `.`, `_` and `-`",
    r"^[A-Za-z][A-Za-z0-9-]{0,63}$": "the name of a header, such as `X-Signature`",
    r"^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$": (
        "a media type in small letters without parameters, such as `application/json`"
    ),
    r"^[a-z][a-z0-9._-]{0,63}$": "one word of small letters, digits, `.`, `_` and `-`",
    r"^[A-Za-z][A-Za-z0-9 .,:;/#()'_-]{2,199}$": "3 to 200 plain letters, digits and signs, beginning with a letter",
    r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$": "a language like `en` or `zh-Hans` (BCP 47)",
    r"^(GET|POST) (/[A-Za-z0-9._~-]+)+$": "a method and a path, such as `POST /oauth2/token`",
    r"^[^\x00]*$": "a text without NUL",
}
_LONG_NUMBER = re.compile(r"(?:\d[ .,:;/()'_-]*){9}")
_QUOTED = re.compile(r"'([^']*)'")
_SHOWN = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LIKE = 3
_ALIKE = 0.75
_FEW = 12
_TOLD = 5


def _names_nobody(reason: str) -> str:
    if _LONG_NUMBER.search(reason):
        raise ValueError("a reason has no numbers of people, accounts or telephones in it")
    return reason


def says_who(text: str, ref: str) -> bool:
    """Whether a person's reference stands in a text, by itself: within a longer word or number it is none."""
    return re.search(rf"(?<![^\W_]){re.escape(ref)}(?![^\W_])", text, re.IGNORECASE) is not None


# What somebody asks is written down, so nothing but the names of things may stand in it.
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9._-]{0,63}$")]
Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
# A sentence that stands in the record for as long as its entry does: as plain as can be, and it names nobody.
Reason = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9 .,:;/#()'_-]{2,199}$"), AfterValidator(_names_nobody)
]


_YEARS: Final = range(1900, 3000)
_When = TypeVar("_When", bound=date)


NOTED: Final = "noted"
"""The context in which is read what was entered before, when this was not asked yet."""


def _in_sight(given: _When, info: ValidationInfo) -> _When:
    if given.year not in _YEARS and info.context != NOTED:
        raise ValueError(f"a year that nobody can mean (write one from {_YEARS[0]} to {_YEARS[-1]}, or leave it out)")
    return given


# Where time ends, a moment has no other time zone and a day none after it: what is entered stays far from there.
_SPELLED: Final = Field(json_schema_extra={"pattern": "^(19|2[0-9])[0-9]{2}-"})
Day = Annotated[date, AfterValidator(_in_sight), _SPELLED]
Moment = Annotated[AwareDatetime, AfterValidator(_in_sight), _SPELLED]


class Asked(BaseModel):
    """What somebody asks or enters. A member that is not known is refused, and no error quotes what was given."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class Misfit:
    """One thing that does not fit. Neither text repeats what was given: that may be about somebody."""

    at: Location
    kind: str
    """pydantic's name of it."""
    message: str
    fix: str = ""
    given: object = field(default=None, repr=False)
    """What stands there, for whoever may look at it."""

    def __str__(self) -> str:
        return f"{self.message} ({self.fix})" if self.fix else self.message


def misfits(error: ValidationError, model: object = None) -> Iterator[Misfit]:
    """All that does not fit; for an unknown key the fix knows those of the model, or of a union, where one is given."""
    problems = error.errors(include_url=False)
    for each in problems:
        at, kind = each["loc"], each["type"]
        # An empty list is the consequence of what was wrong with its elements.
        if kind == "too_short" and any(len(other["loc"]) > len(at) == _shared(at, other["loc"]) for other in problems):
            continue
        given = each["input"]
        if kind == NO_KEY:
            keys = sorted(_keys(model, at[:-1]))
            fix = _instead(str(at[-1]), keys) or (f"there are {', '.join(keys)}" if keys else "")
            yield Misfit(at, kind, "there is no such key", fix, given)
        elif kind == _KINDLESS:
            kinds = ", ".join(sorted(str(tag) for one in _models(model) for tag in _tags(one)))
            yield Misfit(at, kind, "it does not say which", f"add `kind`, one of {kinds}" if kinds else "add it")
        elif (words := _WORDS.get(kind)) is not None:
            yield Misfit(at, kind, *words(each.get("ctx", {}), given), given)
        else:
            yield Misfit(at, kind, each["msg"].removeprefix("Value error, "), "", given)


def told(error: ValidationError, model: object = None) -> str:
    """The first few of them in one line each, for whoever sent it; names that nobody knows are left out too."""
    return "; ".join(_line(each) for each in islice(misfits(error, model), _TOLD))


def _line(misfit: Misfit) -> str:
    where = place_of(misfit)
    return f"{where}: {misfit}" if where else str(misfit)


def place_of(misfit: Misfit) -> str:
    """Where it stands, with a star for each step that is not plainly a word of ours."""
    # pydantic names the alternatives of a type by their types, in brackets.
    steps = [step for step in misfit.at if not {"[", "("} & set(str(step))]
    return ".".join(str(step) if isinstance(step, int) or _SHOWN.fullmatch(step) else "*" for step in steps)


def _shared(one: Location, other: Location) -> int:
    return sum(a == b for a, b in zip(one, other, strict=False))


def _instead(given: str, known: list[str]) -> str:
    like = get_close_matches(given, known, _LIKE, _ALIKE)
    return f"write {' or '.join(f'`{each}`' for each in like)}" if like else ""


def _keys(model: object, at: Location) -> set[str]:
    """The keys of the models that stand at a place, as far as the types say which."""
    found = set(_models(model))
    for step in at:
        # One of several models is named by its kind.
        if len(found) > 1 and (tagged := {one for one in found if step in _tags(one)}):
            found = tagged
            continue
        # A step that is no field is an element, a key of a mapping, or a name of pydantic's for an alternative.
        inner = {
            each for one in found if step in one.model_fields for each in _models(one.model_fields[step].annotation)
        }
        found = inner if any(step in one.model_fields for one in found) else found
    return {key for one in found for key in one.model_fields}


def _tags(model: type[BaseModel]) -> tuple[object, ...]:
    return get_args(model.model_fields["kind"].annotation) if "kind" in model.model_fields else ()


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


_Words = Callable[[Mapping[str, Any], object], tuple[str, str]]


def _as(message: str, fix: str = "") -> _Words:
    """The same words whatever was given; `{…}` is what pydantic says beside."""
    return lambda beside, _: (message.format(**beside), fix.format(**beside))


def _of_these(listed: str) -> _Words:
    def words(beside: Mapping[str, Any], given: object) -> tuple[str, str]:
        known = list(filter(None, _QUOTED.findall(str(beside[listed]))))
        # Of a few words the one that is meant need not be the one that is spelled alike.
        like = _instead(given, known) if isinstance(given, str) and len(known) > _FEW else ""
        return "there is no such word here", like or f"write {'one of ' if len(known) > 1 else ''}{', '.join(known)}"

    return words


def _of_these_kinds(beside: Mapping[str, Any], _: object) -> tuple[str, str]:
    known = _QUOTED.findall(str(beside["expected_tags"]))
    like = _instead(str(beside["tag"]), known)
    return "there is no such kind", like or f"write one of {', '.join(known)}"


def _in_shape(beside: Mapping[str, Any], _: object) -> tuple[str, str]:
    pattern = str(beside["pattern"])
    return "not written as it has to be", f"write {SHAPES.get(pattern, f'what matches {pattern}')}"


def _too_few(beside: Mapping[str, Any], _: object) -> tuple[str, str]:
    least = beside["min_length"]
    return "empty" if not beside["actual_length"] else f"fewer than {least}", f"name at least {least}"


_LIST, _BLOCK = _as("not a list", "write [one, another]"), _as("not a block of keys", "write `key: value`")
_WHOLE, _DAY = _as("not a whole number", "write its digits"), _as("not a day", "write it like 2026-12-31")
_MOMENT = _as("not a moment", "write it like 2026-01-01T00:00:00+01:00")

_WORDS: Final[Mapping[str, _Words]] = {
    MISSING: _as("missing", "add it"),
    "enum": _of_these("expected"),
    "literal_error": _of_these("expected"),
    "union_tag_invalid": _of_these_kinds,
    "string_pattern_mismatch": _in_shape,
    "string_type": _as("not a text", "write a text"),
    "string_too_short": _as("shorter than {min_length} signs"),
    "string_too_long": _as("longer than {max_length} signs"),
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "float_parsing": _as("not a number", "write its digits"),
    "bool_type": _as("neither true nor false", "write true or false, without quotes"),
    "bool_parsing": _as("neither true nor false", "write true or false"),
    "greater_than": _as("too small", "write more than {gt}"),
    "greater_than_equal": _as("too small", "write {ge} or more"),
    "less_than_equal": _as("too large", "write {le} or less"),
    "tuple_type": _LIST,
    "list_type": _LIST,
    "dict_type": _BLOCK,
    "model_type": _BLOCK,
    "model_attributes_type": _BLOCK,
    "too_short": _too_few,
    "too_long": _as("more than {max_length}"),
    "date_from_datetime_parsing": _DAY,
    "date_parsing": _DAY,
    "date_type": _DAY,
    "datetime_parsing": _MOMENT,
    "datetime_from_date_parsing": _MOMENT,
    "datetime_type": _MOMENT,
    "timezone_aware": _as("a moment without its time zone", "write it like 2026-01-01T00:00:00+01:00"),
}
