"""Bodies of lines that are too many for memory: what a call is decided by, and where all that they hold stands."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Self

from gateway.body.document import Digest, Document, members_of
from gateway.errors import refuse
from gateway.paths import EACH, Path
from gateway.pieces import Payload, Pieces, joined, stepwise

MAX_LINES: Final = 1_000_000
"""Lines of a body, be it in memory or not."""
MAX_STATED: Final = 10_000
"""Lines of a batch, and lines of any other body that differ in what a call is decided by."""
LONGEST: Final = 4_096
"""Signs of a text by which a call is decided."""

_BLANK: Final = b" \t\r"


@dataclass(frozen=True, slots=True)
class Reader:
    """How a line is read: `longest` is in bytes, `stated` are the paths in a line by whose values a call is decided."""

    read: Callable[[bytes], Document]
    longest: int
    stated: Collection[Path]


class Lines(list[Document]):
    """Documents, one a line, that are read anew each time.

    The list itself has of them only what a call is decided by: of a batch for each line, and otherwise each thing once.
    """

    __slots__ = ("_content", "_reader", "_runs")

    def __init__(self, content: Payload, reader: Reader, stated: Iterable[Document], runs: Collection[Pieces]) -> None:
        super().__init__(stated)
        self._content = content
        self._reader = reader
        self._runs = tuple(runs)

    @classmethod
    def read(cls, content: Pieces, reader: Reader, *, is_batch: bool) -> Self:
        """All lines, each read once. Raises Refusal `body.too_large` beyond a bound, and whatever their reader does."""
        stated: dict[object, Document] = {}
        runs: list[Pieces] = []
        for start, line in filled(content, reader.longest):
            states = _stated(reader.read(line), reader.stated)
            stated.setdefault(start if is_batch else repr(states), states)
            if len(stated) > MAX_STATED:
                raise refuse("body.too_large", f"more than {MAX_STATED} lines to decide about")
            if is_batch:
                runs.append(content.part(start, len(line) + 1))
        return cls(content, reader, stated.values(), runs)

    def each(self) -> Iterator[Document]:
        """What every line holds."""
        return (self._reader.read(line) for _, line in filled(self._content, self._reader.longest))

    def alone(self) -> Iterator[Self]:
        """Every line of a batch as if it had come alone."""
        return (self.only((number,)) for number in range(len(self)))

    def only(self, numbers: Iterable[int]) -> Self:
        """Some lines of a batch."""
        left = [(self[number], self._runs[number]) for number in numbers]
        runs = [run for _, run in left]
        return type(self)(joined(runs), self._reader, [states for states, _ in left], runs)


class Written(list[Document]):
    """Lines that were written and proved one by one: where they stand now, and what they are known by."""

    __slots__ = ("content", "digest")

    content: Payload
    digest: str

    @classmethod
    def at(cls, content: Payload, digest: Digest) -> Self:
        made = cls()
        made.content, made.digest = content, str(digest)
        return made

    def are(self, data: Payload) -> bool:
        """Whether bytes are just these lines."""
        digest = Digest()
        for step in stepwise(data):
            digest.update(step)
        return str(digest) == self.digest


def filled(payload: Payload, longest: int) -> Iterator[tuple[int, bytes]]:
    """Where each line begins that is not blank, and the line without its end. Raises Refusal `body.too_large`."""
    start = 0
    for number, line in enumerate(_lines(payload, longest)):
        if number > MAX_LINES:
            raise refuse("body.too_large", f"more than {MAX_LINES} lines")
        if line.strip(_BLANK):
            yield start, line
        start += len(line) + 1


def _lines(payload: Payload, longest: int) -> Iterator[bytes]:
    # A text of JSON has no line end in it, and no sign of UTF-8 has the byte of one.
    begun = bytearray()
    for step in stepwise(payload):
        *ends, rest = step.split(b"\n")
        for end in ends:
            begun += end
            _check_length(begun, longest)
            yield bytes(begun)
            begun.clear()
        begun += rest
        _check_length(begun, longest)
    yield bytes(begun)


def _check_length(line: bytearray, longest: int) -> None:
    if len(line) > longest:
        raise refuse("body.too_large", f"a line of more than {longest} bytes")


def _stated(value: Document, paths: Collection[Path]) -> Document:
    """What stands at these paths of a value, with nothing else around it than what leads there."""
    if () in paths:
        if isinstance(value, str) and len(value) > LONGEST:
            raise refuse("body.too_large", f"a text by which the call is decided has more than {LONGEST} signs")
        return None if isinstance(value, dict | list) else value
    if isinstance(value, list):
        below = [path[1:] for path in paths if path[0] is EACH]
        return [_stated(element, below) for element in value] if below else []
    members = members_of(value)
    return {
        step: _stated(members[step], [path[1:] for path in paths if path[0] == step])
        for step in dict.fromkeys(str(path[0]) for path in paths)
        if step in members
    }
