"""A file of facts, line by line, in batches that come out alike whenever the file is read again."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from gateway.columns import Columns, UnfitFile, demand_text, known_columns
from gateway.errors import GatewayError
from gateway.strict_json import read_json

Form = Literal["jsonl", "csv"]
TOGETHER = 500  # rows of a batch
LONGEST = 65_536  # bytes of a row
TOLD = 1_000  # lines that were refused, of which an answer says more than their number

BOM = b"\xef\xbb\xbf"


class OtherFile(GatewayError):
    """An import cannot go on with this file: it does not begin as the one did with which it was begun."""


@dataclass(frozen=True, slots=True, repr=False)
class Line:
    """A row as it stands in a file, and where; or what is wrong with it, without its values."""

    number: int
    row: Mapping[str, object]
    problem: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Batch:
    """Rows that go in together. `at` were before them; `chain` is a digest of the file up to their end."""

    at: int
    lines: tuple[Line, ...]
    chain: str
    is_last: bool = False


class Feed:
    """Takes the bytes of a file in any parts, and gives batches. Empty lines are none.

    `skip` rows are already in, of a file that has the digest `chain` so far. In a CSV file (RFC 4180) the first line
    names the members of the facts, which are those in `members`; `kind` is the kind of facts that do not say it.
    """

    def __init__(
        self, form: Form, *, members: Collection[str] = (), kind: str = "", skip: int = 0, chain: str = ""
    ) -> None:
        self._form = form
        self._known = known_columns(members)
        self._kind = kind
        self._skip = skip
        self._expected = chain
        self._rest = b""
        self._record = b""
        self._columns: Columns | None = None
        self._physical = 0
        self._begun = 1
        self._count = 0
        self._chain = ""
        self._raw: list[tuple[int, bytes]] = []

    def push(self, data: bytes) -> Iterator[Batch]:
        """The batches that are whole with this. Raises OtherFile and UnfitFile."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            yield from self._line(line)
        if len(self._rest) > 2 * LONGEST:
            # The end of such a line is waited for, and nothing more of it is kept.
            self._rest = self._rest[: LONGEST + 1]

    def close(self) -> Iterator[Batch]:
        """The last batch, which may be empty. Raises OtherFile and UnfitFile."""
        if self._rest:
            yield from self._line(self._rest)
        if self._record:
            yield from self._whole(self._record)
        if self._count + len(self._raw) < self._skip:
            raise OtherFile("the file is shorter than what of it is in; name another id for another file")
        yield from self._batch(is_last=True)

    def _line(self, line: bytes) -> Iterator[Batch]:
        self._physical += 1
        if self._physical == 1:
            line = line.removeprefix(BOM)
            demand_text(line)
        if self._record:
            self._record += b"\n" + line
        else:
            self._record, self._begun = line, self._physical
        is_open = self._form == "csv" and self._record.count(b'"') % 2 and len(self._record) <= LONGEST
        if not is_open:
            record, self._record = self._record, b""
            yield from self._whole(record)

    def _whole(self, record: bytes) -> Iterator[Batch]:
        self._record = b""
        record = record.removesuffix(b"\r")[: LONGEST + 1]
        if not record.strip():
            return
        if self._form == "csv" and self._columns is None:
            self._columns, self._chain = Columns.of(record, self._known), _linked("", [record])
            return
        if self._columns and self._columns.is_empty(record):
            return
        if self._form == "jsonl" and not self._raw and not self._count and record.lstrip().startswith(b"["):
            raise UnfitFile("the file is one list: write one fact a line, or put a few in by `gateway facts put`")
        self._raw.append((self._begun, record))
        if len(self._raw) == TOGETHER:
            yield from self._batch()

    def _batch(self, *, is_last: bool = False) -> Iterator[Batch]:
        raw, self._raw = self._raw, []
        at, self._count = self._count, self._count + len(raw)
        self._chain = _linked(self._chain, [record for _, record in raw]) if raw else self._chain
        if self._count <= self._skip and self._skip:
            if self._count == self._skip and self._chain != self._expected:
                raise OtherFile("the file does not begin as what of it is in; name another id for another file")
            if not is_last:
                return
            raw, at = [], self._count
        elif at < self._skip:
            raise OtherFile("the file is longer than the one that ended here; name another id for another file")
        yield Batch(at, tuple(self._read(number, record) for number, record in raw), self._chain, is_last)

    def _read(self, number: int, record: bytes) -> Line:
        if len(record) > LONGEST:
            return Line(number, {}, f"longer than {LONGEST} bytes")
        if self._columns:
            members, problem = self._columns.read(record)
            kind = {"kind": self._kind} if self._kind and not problem else {}
            return Line(number, kind | members, problem)
        try:
            row = read_json(record)
        except ValueError as error:
            return Line(number, {}, str(error))
        return Line(number, row) if isinstance(row, dict) else Line(number, {}, "not a JSON object")


def _linked(chain: str, records: Sequence[bytes]) -> str:
    return sha256(chain.encode() + b"\n" + b"\n".join(records)).hexdigest()


class Tally:
    """What an import came to so far, with what was in before it went on."""

    def __init__(self, begun: Mapping[str, Any]) -> None:
        self.id = str(begun["id"])
        self.resumed = int(begun["rows"])
        self.counts: dict[str, int] = dict(begun["counts"])
        self.refused: list[tuple[int, str]] = []
        self.noted: list[tuple[int, str]] = []
        self._begun = begun["begun"]

    def part(self, batch: Batch, *, source: str | None, rehearsed: bool) -> dict[str, Any]:
        """A batch as it is asked to be put in."""
        return {
            "id": self.id,
            "begun": self._begun,
            "at": batch.at,
            "lines": [(line.number, line.row, line.problem) for line in batch.lines],
            "chain": batch.chain,
            "is_last": batch.is_last,
            "source": source,
            "rehearsed": rehearsed,
        }

    def add(self, done: Mapping[str, Any]) -> None:
        self.counts = {name: count + done["counts"][name] for name, count in self.counts.items()}
        self.refused += _lines(done["refused"][: TOLD - len(self.refused)])
        self.noted += _lines(done["noted"][: TOLD - len(self.noted)])

    def told(self) -> dict[str, Any]:
        """Lines that were refused, or put in and noted, are those since it was begun again, and not more than TOLD."""
        lines = {"refused": self.refused, "noted": self.noted}
        told = {name: [{"line": number, "why": why} for number, why in each] for name, each in lines.items()}
        return {"import": self.id, "resumed_at": self.resumed, "counts": self.counts} | told


def _lines(found: Sequence[Sequence[Any]]) -> list[tuple[int, str]]:
    return [(int(number), str(why)) for number, why in found]
