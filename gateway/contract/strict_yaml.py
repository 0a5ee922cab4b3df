"""YAML in which text is text: no surprises of YAML 1.1, no anchors, no repeated keys, and a line for every key."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

Data = str | int | bool | list["Data"] | dict[str, "Data"]
Location = tuple[str | int, ...]

_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})\Z")
_MAX_DEPTH = 32


class YamlError(ValueError):
    """The file is not in the strict subset; `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


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


def read_yaml(text: str) -> Sheet:
    """A mapping read strictly: only `true`, `false` and whole numbers without a leading zero are not text.

    Raises YamlError for anchors, aliases, tags, merge keys, repeated keys, empty values and further documents.
    """
    try:
        events = list(yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise YamlError(mark.line + 1 if mark else 1, getattr(error, "problem", None) or "not YAML") from None
    if sum(isinstance(event, yaml.DocumentStartEvent) for event in events) != 1:
        raise YamlError(1, "a contract file holds one document, and this has none or several")
    lines: dict[Location, int] = {}
    data = _value(iter(events[2:]), (), lines)
    if not isinstance(data, dict):
        raise YamlError(1, "a contract file is a mapping of keys")
    return Sheet(data, lines)


def _value(events: Iterator[yaml.Event], at: Location, lines: dict[Location, int]) -> Data:
    return _read(next(events), events, at, lines)


def _read(event: yaml.Event, events: Iterator[yaml.Event], at: Location, lines: dict[Location, int]) -> Data:
    line = _line(event)
    lines.setdefault(at, line)
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        raise YamlError(line, "anchors and aliases are not part of the language; write it again")
    if getattr(event, "tag", None):
        raise YamlError(line, "tags are not part of the language")
    if len(at) > _MAX_DEPTH:
        raise YamlError(line, "nested too deeply")
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
        raise YamlError(line, "an empty value says nothing; leave the key out")
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
            raise YamlError(line, "a key is a plain text")
        key = str(event.value)
        if key == "<<":
            raise YamlError(line, "merge keys are not part of the language; write it again")
        if key in members:
            raise YamlError(line, f"the key `{key}` stands twice")
        lines[(*at, key)] = line
        members[key] = _value(events, (*at, key), lines)
    return members
