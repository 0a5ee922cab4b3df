"""The lines of a table in a text file (RFC 4180) as members of facts, whichever program wrote it."""

import csv
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from gateway.errors import GatewayError
from gateway.vocabulary import SubjectRole

_SEPARATORS = (",", ";", "\t")  # RFC 4180; a spreadsheet where the comma stands in numbers; its "Unicode Text" in UTF-8
_SAVE = "save it as `CSV UTF-8`"
_UTF16 = f"the file is UTF-16, as `Unicode Text` of a spreadsheet is: {_SAVE}, or convert it to UTF-8"
_NO_UTF8 = f"not UTF-8; {_SAVE}"
_ROLES = tuple(role.value for role in SubjectRole)
_LAW = "jurisdiction"
_BETWEEN = ";"
_SEVERAL = frozenset({"categories", "recipients", "rights"})
# What becomes of a long number in a cell that is no text.
_SHORTENED = re.compile(r"-?\d([.,]\d+)?E\+\d+")
# By what files begin that are no text, or one that nobody reads here.
_OTHERS: Mapping[bytes, str] = {
    b"\xff\xfe": _UTF16,
    b"\xfe\xff": _UTF16,
    b"PK\x03\x04": f"the file is a workbook or an archive: open it, and {_SAVE}",
    b"\xd0\xcf\x11\xe0": f"the file is a workbook: open it, and {_SAVE}",
    b"\x1f\x8b": "the file is compressed: unpack it, for example by `gunzip`",
}


class UnfitFile(GatewayError):
    """A file of which no line can be read as a fact."""


def demand_text(beginning: bytes) -> None:
    """Raises UnfitFile for the beginning of a file that is no text in UTF-8."""
    for magic, why in _OTHERS.items():
        if beginning.startswith(magic):
            raise UnfitFile(why)
    if b"\0" in beginning:
        raise UnfitFile(_UTF16)


def known_columns(members: Collection[str]) -> frozenset[str]:
    """What columns can be called, by the names of members that facts have."""
    return frozenset(members) - {"people"} | {*_ROLES, *(f"{role}.{_LAW}" for role in _ROLES)}


@dataclass(frozen=True, slots=True)
class Columns:
    """The first line of a table: the names of its columns, empty where there is none, and what stands between cells."""

    names: tuple[str, ...]
    separator: str

    @classmethod
    def of(cls, record: bytes, known: Collection[str]) -> "Columns":
        """Raises UnfitFile where a column has no name that a fact knows, or two have the same; none is quoted."""
        if b"\r" in record:
            raise UnfitFile("the lines end with CR alone: save the file with the line ends of Windows or Unix")
        if record.lstrip().startswith((b"{", b"[")):
            raise UnfitFile("the file is JSON and no table: say `--format jsonl`")
        try:
            text = record.decode("utf-8")
        except UnicodeDecodeError:
            raise UnfitFile(f"the first line is {_NO_UTF8}") from None
        found = [each for each in _SEPARATORS if each in text]
        if len(found) > 1:
            raise UnfitFile("the first line has commas, semicolons or tabs beside one another: take one of them alone")
        separator = found[0] if found else ","
        cells = _cells(text, separator)
        if cells is None:
            raise UnfitFile("the first line is not CSV, and should name the columns")
        names = tuple(cell.strip().lower() for cell in cells)
        for number, name in enumerate(names, 1):
            _demand_known(number, name, known)
            if name and names.index(name) < number - 1:
                raise UnfitFile(f"two columns are called `{name}`")
        return cls(names, separator)

    def read(self, record: bytes) -> tuple[dict[str, object], str]:
        """A line as members of a fact, or what is wrong with it. Empty cells are left out."""
        try:
            cells = _cells(record.decode("utf-8"), self.separator)
        except UnicodeDecodeError:
            return {}, _NO_UTF8
        if cells is None:
            return {}, "not CSV"
        if len(cells) != len(self.names):
            return {}, f"{'more' if len(cells) > len(self.names) else 'fewer'} cells than the first line has"
        stated = {name: text for name, text in zip(self.names, cells, strict=True) if text}
        if problem := next(filter(None, (_doubtful(name, text) for name, text in stated.items())), ""):
            return {}, problem
        return _members(stated), ""

    def is_empty(self, record: bytes) -> bool:
        """Whether a line has no cell with anything in it, as spreadsheets write them below a table."""
        return not record.strip(self.separator.encode() + b" \t\r")


def _demand_known(number: int, name: str, known: Collection[str]) -> None:
    if name and name not in known:
        like = get_close_matches(name, known, 1)
        hint = f"did you mean `{like[0]}`?" if like else "that line names the columns"
        raise UnfitFile(f"column {number} of the first line is no member of a fact: {hint}")


def _doubtful(name: str, text: str) -> str:
    if not name:
        return "a cell stands under no name"
    if text != text.strip():
        return f"{name}: the cell begins or ends with a space"
    if _SHORTENED.fullmatch(text):
        return f"{name}: a number that a spreadsheet has shortened; make its column one of text, and fill it anew"
    return ""


def _members(stated: Mapping[str, str]) -> dict[str, object]:
    """A column called like a role is a person of an order; `payer.jurisdiction` is whose law that one lives under."""
    people = [
        {"role": role, "subject": stated[role]} | ({_LAW: law} if (law := stated.get(f"{role}.{_LAW}")) else {})
        for role in _ROLES
        if role in stated
    ]
    persons = {column for role in _ROLES if role in stated for column in (role, f"{role}.{_LAW}")}
    row: dict[str, object] = {
        name: [each.strip() for each in text.split(_BETWEEN)] if name in _SEVERAL else text
        for name, text in stated.items()
        if name not in persons
    }
    return row | ({"people": people} if people else {})


def _cells(text: str, separator: str) -> Sequence[str] | None:
    try:
        [cells] = csv.reader([text], strict=True, delimiter=separator)
    except (csv.Error, ValueError):
        return None
    return cells
