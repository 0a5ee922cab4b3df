"""YAML in which text is text: no surprises of YAML 1.1, no anchors, no repeated keys, and a line for every key."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Data = str | int | bool | list["Data"] | dict[str, "Data"]
Location = tuple[str | int, ...]

# That of libyaml takes a twentieth of the time. PyYAML may come without it, and beside these signs it takes more.
_QUICK: Any = getattr(yaml, "CSafeLoader", None)
_DIFFERENT = re.compile("[\\t?\ufeff]|[|>][-+0-9]*#")
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})\Z")
_MAX_DEPTH = 32
_MISSING = "contract.missing"
_AGAIN = "write out what it stands for"
_QUOTE = "put the text in quotes"
# What the parser says where a file does not parse, by its beginning, and what that mostly comes from.
_WAYS_OUT: Mapping[str, str] = {
    "found character '\\t'": "indent with spaces; a tab is no indentation in YAML",
    "found character": _QUOTE,
    "mapping values are not allowed": f"indent keys that belong together alike; {_QUOTE} if it has `: ` in it",
    "could not find expected ':'": "write `key: value`, with a plain space behind the colon",
    "expected <block end>": "indent keys that belong together alike, and close quotes and brackets",
    "expected ','": f"close the bracket, put commas between, and {_QUOTE} if it has brackets, `?` or `: ` in it",
    "special characters are not allowed": "take out the control character, which editors may not show",
}


class YamlError(ValueError):
    """The file is not in the strict subset; `line` counts from 1, and `fix` says what to write instead."""

    def __init__(self, line: int, message: str, fix: str, code: str = "contract.value") -> None:
        super().__init__(message)
        self.line = line
        self.fix = fix
        self.code = code


@dataclass(slots=True)
class Sheet:
    """What a file says, and on which line each key and element stands."""

    data: dict[str, Data]
    lines: dict[Location, int] = field(default_factory=dict)

    def line(self, location: Location) -> int:
        """The line of a key or element, or of the nearest one around it."""
        return self.lines.get(self.nearest(location), 1)

    def nearest(self, location: Location) -> Location:
        """The part of a location that is in the file; steps that are not are skipped."""
        found: Location = ()
        for step in location:
            if (*found, step) in self.lines:
                found = (*found, step)
        return found


def read_sheet(file: Path) -> tuple[bytes, Sheet]:
    """A file to the byte, and what it says. Raises YamlError, also where there is no such file or no text in it."""
    try:
        if file.exists() and not file.is_file():
            raise YamlError(1, "this is not a file", "put one in its place", _MISSING)
        content = file.read_bytes()
        return content, read_yaml(content.decode("utf-8"))
    except FileNotFoundError:
        raise YamlError(1, "there is no such file", "write it", _MISSING) from None
    except OSError as error:
        message = f"this file cannot be read: {error.strerror}"
        raise YamlError(1, message, "see its rights, and where it leads if it is a link", _MISSING) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise YamlError(line, "this is not UTF-8 text", "save it as UTF-8", _MISSING) from None


def read_yaml(text: str) -> Sheet:
    """A mapping read strictly: only `true`, `false` and whole numbers without a leading zero are not text.

    Raises YamlError for anchors, aliases, tags, merge keys, repeated keys, empty values and further documents.
    """
    if _QUICK is not None and not _DIFFERENT.search(text):
        # Of what is wrong the other one says more.
        with suppress(yaml.YAMLError, YamlError):
            return _sheet(yaml.parse(text, Loader=_QUICK))
    return _sheet(_events(text))


def _sheet(events: Iterator[yaml.Event]) -> Sheet:
    lines: dict[Location, int] = {}
    next(events)
    if not isinstance(next(events), yaml.DocumentStartEvent):
        raise YamlError(1, "there is nothing in this file", "write it, or delete it")
    data = _value(events, (), lines)
    next(events)
    if not isinstance(after := next(events), yaml.StreamEndEvent):
        raise YamlError(_line(after), "a second document begins here", "put it into a file of its own")
    if not isinstance(data, dict):
        raise YamlError(1, "this file has no keys", "begin each line with one, `key: value`")
    return Sheet(data, lines)


def _events(text: str) -> Iterator[yaml.Event]:
    """What the parser finds, as it is asked for: of a file that is nested without end only the beginning is read."""
    try:
        yield from yaml.parse(text, Loader=yaml.SafeLoader)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        raise YamlError(line, str(error.reason), _way_out(str(error.reason))) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = error.problem or "not YAML"
        raise YamlError(line, problem, _way_out(problem)) from None


def _way_out(problem: str) -> str:
    return next((fix for begins, fix in _WAYS_OUT.items() if problem.startswith(begins)), "write plain YAML 1.1")


def _value(events: Iterator[yaml.Event], at: Location, lines: dict[Location, int]) -> Data:
    return _read(next(events), events, at, lines)


def _read(event: yaml.Event, events: Iterator[yaml.Event], at: Location, lines: dict[Location, int]) -> Data:
    line = _line(event)
    lines.setdefault(at, line)
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        raise YamlError(line, "anchors and aliases are not part of the language", _AGAIN)
    if getattr(event, "tag", None):
        raise YamlError(line, "tags are not part of the language", "take the tag out")
    if len(at) > _MAX_DEPTH:
        raise YamlError(line, "nested too deeply", f"no key stands more than {_MAX_DEPTH} deep")
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event, line)
    if isinstance(event, yaml.SequenceStartEvent):
        return _sequence(events, at, lines)
    return _mapping(events, at, lines)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _scalar(event: yaml.ScalarEvent, line: int) -> Data:
    text = str(event.value)
    if event.style:
        return text
    if not text or text in ("~", "null"):
        raise YamlError(line, "an empty value says nothing", "leave the key out, or indent what belongs to it")
    if text in ("true", "false"):
        return text == "true"
    return int(text) if _WHOLE.match(text) else text


def _sequence(events: Iterator[yaml.Event], at: Location, lines: dict[Location, int]) -> list[Data]:
    elements: list[Data] = []
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        element = _read(event, events, (*at, len(elements)), lines)
        if isinstance(element, str):
            # A path in a list is looked up by its text, like a key.
            lines.setdefault((*at, element), _line(event))
        elements.append(element)
    return elements


def _mapping(events: Iterator[yaml.Event], at: Location, lines: dict[Location, int]) -> dict[str, Data]:
    members: dict[str, Data] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        line = _line(event)
        if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag:
            raise YamlError(line, "a key is a plain text", "write `key: value`")
        key = str(event.value)
        if key == "<<":
            raise YamlError(line, "merge keys are not part of the language", _AGAIN)
        if key in members:
            raise YamlError(line, f"the key `{key}` stands twice", "keep one")
        lines[(*at, key)] = line
        members[key] = _value(events, (*at, key), lines)
    return members
