"""The commands that hand the record out as it is stored, and have it checked."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

import ledger_verify
from gateway.cli.asking import Ask, asking
from gateway.cli.console import Json, out
from gateway.errors import StartError
from gateway.exports import SPAN
from gateway.ledger.copies import copied
from gateway.ledger.database import locked
from gateway.settings import Settings
from ledger_verify import BadNote, Head, Row, Span, Unreadable

Since = Annotated[Path | None, typer.Option(help="A checkpoint that was kept: only what came after it is handed out.")]
Kept = Annotated[list[Path] | None, typer.Option("--since", help="A checkpoint that was kept elsewhere.")]


class Handed:
    """The log as the running gateway hands it out: what ledger_verify.py reads, without any file of the gateway."""

    name = "the log of this gateway"
    offered: str | None = None

    def __init__(self, ask: Ask, action: str, *, first: int = 0, links: bool = False) -> None:
        begun = ask("export", {"action": action, "since": first, "links": links})
        self._ask = ask
        self._export = begun["export"]
        self.about: dict[str, Any] = begun["about"]
        self.key: str | None = self.about["key"]
        self.first = first
        self.peaks = tuple(ledger_verify.exact_base64(each) for each in self.about["peaks"])
        self.has_links = links
        self.end = self._end()

    def pages(self, first: int, last: int | None = None) -> Iterator[tuple[list[str], frozenset[int]]]:
        """Lines, and the places of entries whose links do not fit; without a last place up to the end, which moves
        once: what was purged while pages were read is explained by an entry that came meanwhile."""
        moved = last is not None
        while first < (end := self.end if last is None else last + 1):
            page = self._ask("export-entries", {"export": self._export, "first": first})
            lines = [line for line in page["lines"] if _place(line) < end]
            if not lines:
                return
            if not moved and _place(lines[-1]) == end - 1:
                self.end, moved = self._end(), True
            first = _place(lines[-1]) + 1
            yield lines, frozenset(page["strange"])

    def _end(self) -> int:
        size: int = self._ask("export-end", {"export": self._export})
        return size

    def rows(self, *, bare: bool = False) -> Iterator[Row]:
        del bare
        for lines, strange in self.pages(self.first):
            for line in lines:
                row = ledger_verify.row_of(line.encode())
                yield row._replace(strange=True) if row.seq in strange else row

    def hashes(self, ranges: Sequence[Span]) -> Iterator[tuple[int, bytes]]:
        for first, last in ranges:
            for lines, _ in self.pages(first, last):
                yield from ((row.seq, row.hash) for row in map(ledger_verify.row_of, map(str.encode, lines)))

    def notes(self) -> Iterator[tuple[int, str]]:
        """Checkpoints, as far as entries are handed out."""
        size = max(self.first, 1)
        while found := self._ask("checkpoints", {"size": size}):
            for each in found:
                if each["size"] > self.end:
                    return
                yield each["size"], each["note"]
                size = each["size"] + 1

    def heads(self) -> Iterator[Head]:
        return (ledger_verify.head_of(size, note) for size, note in self.notes())

    def trees(self) -> Iterator[str]:
        """Kept subtrees, as lines."""
        first = self.first
        while first < self.end:
            yield from self._ask("export-subtrees", {"export": self._export, "first": first})
            first += SPAN

    def subtrees(self) -> Iterator[tuple[int, int, bytes]]:
        found = (ledger_verify.subtree_of(line.encode()) for line in self.trees())
        return (each for each in found if each[1] <= self.end)

    def purged(self) -> None:
        """What was purged is said by the purges alone."""

    def faults(self) -> Iterator[str]:
        return iter(())

    def link_faults(self) -> Iterator[str]:
        return iter(())


def export(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder, or an empty one.")],
    since: Since = None,
    links: Annotated[bool, typer.Option("--links", help="With the sealed links to people.")] = False,
    as_json: Json = False,
) -> None:
    """Write the record into a folder that ledger_verify.py checks on another machine."""
    first = _size_in(since) if since else 0
    if folder.exists() and any(folder.iterdir()):
        raise StartError(f"{folder} is not empty; give a new folder")
    with asking() as ask:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        told = _written(folder, Handed(ask, "export", first=first, links=links))
    if as_json:
        out.print_json(data=told)
    else:
        out.print(f"{told['entries']} entries and {told['checkpoints']} checkpoints are in {folder}")


def verify(
    key: Annotated[str | None, typer.Option(help="The public key of the log, as it is known elsewhere.")] = None,
    since: Kept = None,
    as_json: Json = False,
) -> None:
    """Check the record of this gateway with ledger_verify.py, and end with its exit code."""
    data = Settings().data
    lock = _locked(data) if (data / "ledger.db").exists() else None
    if lock is None:
        raise typer.Exit(_of_running(key, since or [], as_json=as_json))
    try:
        raise typer.Exit(_of_stopped(data, key, since or [], as_json=as_json))
    finally:
        os.close(lock)


def _locked(data: Path) -> int | None:
    try:
        return locked(data)
    except StartError:
        return None


def _of_running(key: str | None, since: Sequence[Path], *, as_json: bool) -> int:
    """Reads through the store of the gateway, so that no file is opened here."""
    try:
        given = ledger_verify.key_of(key) if key else None
        notes = [ledger_verify.note_at(path) for path in since]
        with asking() as ask:
            report = ledger_verify.verify(Handed(ask, "verify", links=True), key=given, since=notes)
    except (BadNote, Unreadable) as error:
        raise StartError(str(error)) from None
    typer.echo(ledger_verify.shown(report, as_json=as_json))
    return report.code


def _of_stopped(data: Path, key: str | None, since: Sequence[Path], *, as_json: bool) -> int:
    """A process of its own reads a snapshot: two libraries that open one file in one process undo their locks."""
    with tempfile.TemporaryDirectory(dir=data, prefix=".verify-") as folder:
        file, copy = data / "ledger.db", Path(folder) / "ledger.db"
        copied(file, copy)
        options = ["--name", str(file), *(["--key", key] if key else [])]
        options += [word for path in since for word in ("--since", str(path.absolute()))]
        options += ["--json"] if as_json else []
        command = [sys.executable, "-P", str(ledger_verify.__file__), str(copy), *options]
        return subprocess.run(command, check=False).returncode  # noqa: S603 - our own script, and paths


def _written(folder: Path, handed: Handed) -> dict[str, int]:
    """Puts an export into a folder. What says that it is one comes last, so that half of one is none."""
    entries, newest = 0, ""
    with (folder / "entries.jsonl").open("xb") as file:
        for lines, _ in handed.pages(handed.first):
            file.writelines(f"{line}\n".encode() for line in lines)
            entries += len(lines)
    checkpoints = 0
    with (folder / "checkpoints.jsonl").open("x", encoding="utf-8") as notes:
        for size, newest in handed.notes():
            notes.write(json.dumps({"size": size, "note": newest}, ensure_ascii=False) + "\n")
            checkpoints += 1
    with (folder / "subtrees.jsonl").open("x", encoding="utf-8") as trees:
        trees.writelines(
            f"{line}\n" for line in handed.trees() if ledger_verify.subtree_of(line.encode())[1] <= handed.end
        )
    (folder / "checkpoint").write_text(newest, "utf-8")
    (folder / "key").write_text(f"{handed.key}\n", "utf-8")
    (folder / "export.json").write_text(json.dumps(handed.about, indent=2) + "\n", "utf-8")
    return {"first": handed.first, "entries": entries, "checkpoints": checkpoints, "size": handed.end}


def _size_in(since: Path) -> int:
    try:
        return ledger_verify.checkpoint_of(ledger_verify.parts_of(ledger_verify.note_at(since))[0]).size
    except Unreadable as error:
        raise StartError(str(error)) from None
    except BadNote as error:
        raise StartError(f"{since}: {error}") from None


def _place(line: str) -> int:
    return int(line[len('{"seq":') : line.index(",")])
