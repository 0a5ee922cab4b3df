"""The record handed out as it is stored, page by page: to whoever keeps a copy of it, or has it checked."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from gateway.accesses import TOO_MUCH, Accesses
from gateway.errors import GatewayError, Refusal, refuse
from gateway.ledger.archive import FORMAT
from gateway.ledger.database import or_refused
from gateway.ledger.housekeeping import Access
from gateway.ledger.ledger import Ledger
from gateway.ledger.store import PLACES, Filter
from gateway.misfit import Asked, Id

PAGE = 500  # entries
SPAN = 256 * 1_000  # entries whose subtrees are one page
OPEN = 16  # exports under way; the one that was begun first makes room for the next


Place = Annotated[int, Field(ge=0, lt=PLACES)]


class UnknownExport(GatewayError):
    """It was not begun, or so long ago that others took its place."""


class Begin(Asked):
    """What for, from which size of the log on, and whether with the sealed links to people."""

    action: Literal["export", "verify"] = "export"
    since: Place = 0
    links: bool = False


class UnderWay(Asked):
    """An export that was begun."""

    export: Id


class Page(UnderWay):
    """Entries, or subtrees, of an export from a place on."""

    first: Place


@dataclass(slots=True)
class _Open:
    """An export under way: by whom, up to which size it is on record, and up to which it was told to go."""

    wanted: Begin
    by: str
    size: int
    end: int


class Exports:
    """Every export leaves an entry, however many pages it has, and no page is shown without it. One that goes on for
    more than a page of what came meanwhile leaves another one.
    """

    def __init__(self, ledger: Ledger, accesses: Accesses) -> None:
        self._ledger = ledger
        self._accesses = accesses
        self._open: OrderedDict[str, _Open] = OrderedDict()

    async def begin(self, asked: Mapping[str, Any], *, by: str) -> dict[str, Any]:
        """Puts on record that the log is copied, and tells how it is to be read. Raises Refusal and ValidationError."""
        wanted = Begin.model_validate(asked)
        size = await self._size()
        if wanted.since > size:
            raise refuse("ledger.unavailable", f"the log is signed up to {size} entries")
        filters = [("since", str(wanted.since))] if wanted.since else []
        filters += [("links", "yes")] if wanted.links else []
        ledger = self._ledger
        mark = await self._accesses.record(Access(by, wanted.action, tuple(filters), size - wanted.since))
        self._open[mark.look] = _Open(wanted, by, size, size)
        if len(self._open) > OPEN:
            self._open.popitem(last=False)
        policies = await ledger.entries(Filter(kind="policy", limit=1))
        policy = {name: policies[0].body[name] for name in ("version", "digest")} if policies else None
        with or_refused():
            peaks = await ledger.archive.peaks(wanted.since)
        about = {"format": FORMAT, "key": ledger.vkey, "first": wanted.since, "peaks": peaks, "links": wanted.links}
        return {"export": mark.look, "about": {**about, "policy": policy, "watermark": mark.members()}}

    async def end(self, asked: Mapping[str, Any]) -> int:
        """The size up to which entries belong to an export: as far as the log is signed, or as far as they did before
        where that is more than one person may take out. Raises UnknownExport and Refusal.
        """
        under_way = self._under_way(UnderWay.model_validate(asked))
        size = await self._size()
        if (more := size - under_way.size) > PAGE:
            filters = (("since", str(under_way.size)),)
            try:
                await self._accesses.record(Access(under_way.by, under_way.wanted.action, filters, more))
            except Refusal as refusal:
                if refusal.code != TOO_MUCH:
                    raise
                return under_way.end
            under_way.size = size
        under_way.end = size
        return size

    async def entries(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """A page: lines, and of a check the places whose links do not fit them. Raises UnknownExport."""
        page = Page.model_validate(asked)
        under_way, archive = self._under_way(page), self._ledger.archive
        wanted, limit = under_way.wanted, min(PAGE, under_way.size + PAGE - page.first)
        if page.first < wanted.since or limit <= 0:
            raise UnknownExport(f"this export goes from {wanted.since} to {under_way.end}")
        with or_refused():
            lines = await archive.lines(page.first, limit, links=wanted.links)
            strange = await archive.strange(page.first, limit) if wanted.action == "verify" else []
        return {"lines": lines, "strange": strange}

    async def subtrees(self, asked: Mapping[str, Any]) -> list[str]:
        """A page: kept subtrees that end within `SPAN` entries after a place. Raises UnknownExport."""
        page = Page.model_validate(asked)
        self._under_way(page)
        with or_refused():
            return await self._ledger.archive.subtrees(page.first, page.first + SPAN)

    def _under_way(self, asked: UnderWay) -> _Open:
        if (found := self._open.get(asked.export)) is None:
            raise UnknownExport("this export was not begun, or too many others were since")
        return found

    async def _size(self) -> int:
        head = await self._ledger.extent()
        return head.size if head else 0
