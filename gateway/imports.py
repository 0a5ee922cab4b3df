"""Takes files of facts in, batch by batch: counted, resumable, and nothing twice."""

import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, StringConstraints, TypeAdapter, ValidationError

from gateway.contract.load import ContractSet
from gateway.errors import GatewayError
from gateway.feed import TOGETHER, Feed, Form, Tally
from gateway.intake import Intake
from gateway.ledger.ledger import Ledger
from gateway.misfit import NO_KIND, Asked, misfits, place_of
from gateway.naming import meant, unknown_vendors
from gateway.registry import bulk
from gateway.registry.claims import Claims
from gateway.registry.entered import ROWS, AnyRow, Text
from gateway.registry.stored import ImportRow, StoredRow

Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class UnfitImport(GatewayError):
    """An import cannot go on like this."""


class Begin(Asked):
    """An import by its id, or by a digest of its file where nobody gave it one."""

    id: Word | None = None
    content: Digest | None = None
    rehearsed: bool = False


class Part(Asked):
    """A batch of an import: where it begins, its rows with their lines, and the digest of the file up to its end.

    `source` is where facts come from that do not say it, `begun` when those came to be.
    """

    id: Word
    begun: AwareDatetime
    at: int = Field(ge=0)
    lines: tuple[tuple[int, dict[str, Any], str], ...] = Field(max_length=TOGETHER)
    chain: str
    is_last: bool = False
    source: Text | None = None
    rehearsed: bool = False


class How(Asked):
    """How a file is taken in that comes as the body of a request."""

    form: Form
    id: Word | None = Field(default=None, alias="import")
    kind: Annotated[str, StringConstraints(pattern=r"^[a-z_]{0,40}$")] = ""
    source: Text | None = None
    dry_run: bool = False


FILES: Mapping[str, Form] = {"application/x-ndjson": "jsonl", "application/jsonl": "jsonl", "text/csv": "csv"}
"""Media types of files of facts."""

_MEMBERS = sorted({name for each in bulk.SHAPES for name in each.model_fields})
_BEGIN: TypeAdapter[Begin] = TypeAdapter(Begin)
_PART: TypeAdapter[Part] = TypeAdapter(Part)
_ROW: TypeAdapter[AnyRow] = TypeAdapter(AnyRow)


@dataclass(frozen=True, slots=True, repr=False)
class Read:
    """The facts in a batch, each with its line, and which lines are none, and why."""

    lines: tuple[int, ...]
    facts: tuple[StoredRow, ...]
    refused: tuple[tuple[int, str], ...]


class Imports:
    """One batch after another goes in whole, with how far the import has come, or not at all."""

    def __init__(self, intake: Intake, ledger: Ledger, known: Callable[[], ContractSet | None] = lambda: None) -> None:
        self._intake = intake
        self._ledger = ledger
        self._known = known
        self._claims = Claims(intake.registry)
        self._rehearsed: tuple[str, bulk.State] = ("", {})

    async def begin(self, asked: Mapping[str, Any], *, by: str) -> dict[str, Any]:
        """How far an import has come, what of it is in, and which members facts have. One that ended begins anew and
        finds what is there.

        Raises ValidationError, and Refusal where the registry cannot be read.
        """
        del by
        wanted = _BEGIN.validate_python(asked)
        id_ = wanted.id or self._id_of(wanted.content)
        found = await self._intake.registry.read(bulk.progress, id_)
        begun = found.begun if found else self._intake.registry.now()
        if wanted.rehearsed:
            self._rehearsed = id_, {}
        if found is None or found.is_done or wanted.rehearsed:
            found = ImportRow(id=id_, begun=begun, rows=0, chain="")
        counts = {each.value: getattr(found, each.value) for each in bulk.Verdict} | {"refused": found.refused}
        reached = {"rows": found.rows, "chain": found.chain, "counts": counts}
        return {"id": id_, "begun": begun.isoformat(), "members": _MEMBERS, **reached}

    async def put(self, asked: Mapping[str, Any], *, by: str) -> dict[str, Any]:
        """Puts a batch in, or only tells what would become of it; what it came to, why lines are refused, and what
        is to be noted of others.

        Raises ValidationError, UnfitImport where somebody else goes on with it, and Refusal.
        """
        part = _PART.validate_python(asked)
        async with self._claims.alone("import"):
            return await self._put(part, by)

    async def _put(self, part: Part, by: str) -> dict[str, Any]:
        registry = self._intake.registry
        before = None if part.rehearsed else await registry.read(bulk.progress, part.id)
        if before is not None and before.is_done and not part.at:
            before = None
        if not part.rehearsed and part.at != (before.rows if before else 0):
            raise UnfitImport("this import is elsewhere by now; is it under way twice? Begin it again")
        read = self._read(part)
        rehearsed = self._rehearsed[1] if part.rehearsed and self._rehearsed[0] == part.id else {}
        noted = [*await self._noted(read)]
        judged = await registry.read(bulk.judged, (read.facts, rehearsed))
        counted = _counted(judged.verdicts, len(read.refused))
        if part.rehearsed:
            self._rehearsed = part.id, judged.state
        else:
            await self._intake.put([*judged.written, _reached(part, before, counted)], by=by)
        return {"counts": counted, "refused": read.refused, "noted": noted}

    async def _noted(self, read: Read) -> Iterator[tuple[int, str]]:
        """The first line about each vendor that nobody knows: of one that is long gone, it is history all the same."""
        if (shop := self._known()) is None:
            return iter(())
        unknown = await unknown_vendors(read.facts, shop.vendors, self._intake.registry)
        first = {name: number for number, name in reversed(unknown)}
        why = "vendor: neither a contract nor an earlier fact has this name"
        return ((read.lines[number], f"{why}{meant(name, shop.vendors)}") for name, number in reversed(first.items()))

    def _id_of(self, content: str | None) -> str:
        # Keyed: from a digest of its own a file of one line could be guessed.
        return (
            f"file-{self._ledger.digest('import', content).hex()[:16]}" if content else f"once-{uuid.uuid4().hex[:16]}"
        )

    def _read(self, part: Part) -> Read:
        stated = {"time": part.begun.isoformat()} | ({"source": part.source} if part.source else {})
        wanted = [(number, stated | row) for number, row, problem in part.lines if not problem]
        refused = [(number, problem) for number, _, problem in part.lines if problem]
        try:
            facts: Sequence[StoredRow] = ROWS.validate_python([row for _, row in wanted])
            found = list(zip((number for number, _ in wanted), facts, strict=True))
        except ValidationError:
            found = []
            for number, row in wanted:
                try:
                    found.append((number, _ROW.validate_python(row)))
                except ValidationError as error:
                    refused.append((number, "; ".join(_told(error))))
        fit: list[tuple[int, StoredRow]] = []
        for number, fact in found:
            if problem := self._unfit(fact):
                refused.append((number, problem))
            else:
                fit.append((number, fact))
        return Read(tuple(number for number, _ in fit), tuple(fact for _, fact in fit), tuple(sorted(refused)))

    def _unfit(self, fact: StoredRow) -> str:
        if type(fact) not in bulk.SHAPES:
            return f"kind: a {fact.kind} is put in by itself, not with many others"
        return "time: this is still to come" if self._intake.registry.ahead(fact) else ""


def _told(error: ValidationError) -> Iterator[str]:
    """Where something is wrong and what, without what stands there; a name that nobody knows may be a value."""
    for each in islice(misfits(error, AnyRow), 5):
        where = "kind" if each.kind in NO_KIND else place_of(replace(each, at=each.at[1:]))
        yield f"{where}: {each}" if where else str(each)


def _counted(verdicts: Sequence[bulk.Verdict], refused: int) -> dict[str, int]:
    return {each.value: verdicts.count(each) for each in bulk.Verdict} | {"refused": refused}


def _reached(part: Part, before: ImportRow | None, counted: Mapping[str, int]) -> ImportRow:
    """How far the import has come with this batch."""
    done = {name: getattr(before, name) + count if before else count for name, count in counted.items()}
    return ImportRow(
        id=part.id,
        begun=part.begun,
        rows=part.at + len(part.lines),
        chain=part.chain,
        is_done=part.is_last,
        source=part.source or "shop",
        **done,
    )


async def fed(imports: Imports, how: How, parts: AsyncIterator[bytes], *, by: str) -> dict[str, Any]:
    """Takes a whole file in, and tells what came of it. Raises what `begin` and `put` raise, OtherFile and
    UnfitFile.
    """
    begun = await imports.begin({"id": how.id, "rehearsed": how.dry_run}, by=by)
    tally = Tally(begun)
    feed = Feed(how.form, members=begun["members"], kind=how.kind, skip=begun["rows"], chain=begun["chain"])
    async for data in parts:
        for batch in feed.push(data):
            tally.add(await imports.put(tally.part(batch, source=how.source, rehearsed=how.dry_run), by=by))
    for batch in feed.close():
        tally.add(await imports.put(tally.part(batch, source=how.source, rehearsed=how.dry_run), by=by))
    return tally.told()
