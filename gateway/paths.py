"""How a rule names a field: a small, reviewable subset of JSONPath, and the places a path can start in."""

import enum
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import jsonpath_ng
from jsonpath_ng.exceptions import JSONPathError
from jsonpath_ng.parser import parse as parse_jsonpath


class Each(enum.Enum):
    """The step `.*`: each element of a list, each repetition of a name. Never the names in an object."""

    EACH = "*"


EACH = Each.EACH
Step = str | Each
Path = tuple[Step, ...]

PLACES = ("body", "query", "header", "path")

_PLAIN = r"@?[A-Za-z_][A-Za-z0-9_-]*"
_STEP = re.compile(rf"\.{_PLAIN}|\.\*|\[\*\]|\['[^'\\\x00-\x1f]+'\]|\[\"[^\"\\\x00-\x1f]+\"\]")
_PLAIN_NAME = re.compile(rf"(?!(?:where|wherenot)\Z){_PLAIN}\Z")
_PREFIX = re.compile(r"(query|header|path):(.+)\Z")
_OTHER_PREFIX = re.compile(r"[A-Za-z]*:")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_REPEATED = re.compile(r"(?:\.\*|\[\*\])\Z")
_MISTAKES = (
    ("..", "recursive descent lets out what nobody sees; name every step"),
    ("?", "filters are not part of the language; use `when`"),
    (",", "unions are not part of the language; write one path a field"),
    ("|", "unions are not part of the language; write one path a field"),
    (":", "slices are not part of the language; use `.*`"),
    ("`", "functions are not part of the language"),
    ("\\", "escapes are not part of the language; put the name in the other kind of quotes"),
)


class PathError(ValueError):
    """The text is not a path of the language. The message quotes the contract, which holds no personal data."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands in a call: in the body, a query parameter, a header or a path variable."""

    kind: str
    path: Path

    def __str__(self) -> str:
        if self.kind == "body":
            return written(self.path)
        return f"{self.kind}:{written(self.path).removeprefix('$').removeprefix('.')}"


def parse_path(text: str, base: Path = ()) -> Path:
    """The steps of a path. One that begins with `$` starts at the top, any other continues `base`.

    Raises PathError for everything outside the grammar: it must pass a check of its text and one of the tree that
    the JSONPath parser (jsonpath-ng) makes of it, and both must agree.
    """
    absolute = text.startswith("$")
    rooted = text if absolute else f"${text}" if text.startswith((".", "[")) else f"$.{text}"
    steps = _steps_of_text(text, rooted)
    if _steps_of_tree(rooted, text) != steps:
        raise PathError(f"`{text}` is read differently by a JSONPath parser; put the name in quotes: ['name']")
    return steps if absolute else base + steps


def parse_place(text: str, base: Path = ()) -> Place:
    """A place as contracts write it: `$.a.b`, `a.b` below `base`, `query:a.b`, `header:Name`, `path:name`."""
    if prefixed := _PREFIX.match(text):
        kind, name = prefixed.groups()
        if kind == "query":
            return Place(kind, parse_path(f"$.{name}" if not name.startswith("[") else f"${name}"))
        # A header may come several times, and each has the same name.
        name, repeats = (_REPEATED.sub("", name), bool(_REPEATED.search(name))) if kind == "header" else (name, False)
        if not _TOKEN.match(name):
            raise PathError(f"`{text}` is not a name of a {kind}")
        return Place(kind, (name.lower() if kind == "header" else name, *([EACH] if repeats else [])))
    return Place("body", parse_path(text, base))


def written(path: Path) -> str:
    """A path in its one canonical spelling."""
    return "$" + "".join(step_written(step) for step in path)


def step_written(step: Step) -> str:
    if step is EACH:
        return ".*"
    if _PLAIN_NAME.match(step):
        return f".{step}"
    return f"['{step}']" if "'" not in step else f'["{step}"]'


def values_at(document: object, path: Path) -> Iterator[object]:
    """Every value that stands at a path of a document made of mappings, lists and scalars."""
    for depth, step in enumerate(path):
        if step is EACH:
            return _values_in(document, path[depth + 1 :])
        # A text may have attributes beside it.
        members = document if isinstance(document, dict) else getattr(document, "attributes", {})
        if step not in members:
            return iter(())
        document = members[step]
    return iter((document,))


def _values_in(elements: object, path: Path) -> Iterator[object]:
    for element in elements if isinstance(elements, list) else ():
        yield from values_at(element, path)


def _steps_of_text(text: str, rooted: str) -> Path:
    steps: list[Step] = []
    position = 1
    while position < len(rooted):
        match = _STEP.match(rooted, position)
        if match is None:
            raise PathError(_complaint(text))
        steps.append(_step(match.group()))
        position = match.end()
    if "*" in steps:
        raise PathError(f"`{text}` names a member `*`, which reads like `.*`")
    return tuple(steps)


def _step(text: str) -> Step:
    if text in (".*", "[*]"):
        return EACH
    return text[1:] if text.startswith(".") else text[2:-2]


def _complaint(text: str) -> str:
    if _OTHER_PREFIX.match(text):
        return f"`{text}`: the places besides the body are query:NAME, header:NAME and path:NAME"
    for sign, why in _MISTAKES:
        if sign in text:
            return f"`{text}`: {why}"
    if re.search(r"\[-?\d+\]|\.\d", text):
        return f"`{text}`: a position has no meaning in a contract; use `.*`, or quotes for a name of digits"
    return f"`{text}` is not a path; write $.name, $.list.*.name or $['any name']"


@lru_cache(10_000)  # contracts name the same things again and again, and each time a parser is made anew
def _steps_of_tree(rooted: str, text: str) -> Path:
    try:
        tree = parse_jsonpath(rooted)
    except JSONPathError as error:
        raise PathError(f"`{text}` does not parse as JSONPath; put the name in quotes: ['name']") from error
    return tuple(_unfolded(tree, text))


def _unfolded(tree: object, text: str) -> Sequence[Step]:
    match tree:
        case jsonpath_ng.Root():
            return ()
        case jsonpath_ng.Child(left=left, right=right):
            return (*_unfolded(left, text), *_unfolded(right, text))
        case jsonpath_ng.Fields(fields=(str(name),)):
            return (name,)
        case _ if type(tree).__name__ == "Wildcard":
            return (EACH,)
        case _:
            raise PathError(_complaint(text))
