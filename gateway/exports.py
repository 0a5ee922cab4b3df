"""The record handed out as it is stored, page by page: to whoever keeps a copy of it, or has it checked."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from gateway.errors import GatewayError, refuse
from gateway.ledger.archive import FORMAT
from gateway.ledger.database import or_refused
from gateway.ledger.housekeeping import Access
from gateway.ledger.ledger import Ledger
from gateway.ledger.store import PLACES, Filter
from gateway.misfit import Asked

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


class Page(Asked):
    """Entries, or subtrees, of an export from a place on."""

    export: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    first: Place


class Exports:
    """Every export leaves one entry, however many pages it has; no page is shown without it."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._open: OrderedDict[str, Begin] = OrderedDict()

    async def begin(self, asked: Mapping[str, Any], *, by: str) -> dict[str, Any]:
        """Puts on record that the log is copied, and tells how it is to be read. Raises Refusal and ValidationError."""
        wanted = Begin.model_validate(asked)
        head = await self._ledger.extent()
        size = head.size if head else 0
        if wanted.since > size:
            raise refuse("ledger.unavailable", f"the log is signed up to {size} entries")
        filters = [("since", str(wanted.since))] if wanted.since else []
        filters += [("links", "yes")] if wanted.links else []
        ledger = self._ledger
        export = await ledger.record(Access(by, wanted.action, tuple(filters), size - wanted.since))
        self._open[export] = wanted
        if len(self._open) > OPEN:
            self._open.popitem(last=False)
        policies = await ledger.entries(Filter(kind="policy", limit=1))
        policy = {name: policies[0].body[name] for name in ("version", "digest")} if policies else None
        with or_refused():
            peaks = await ledger.archive.peaks(wanted.since)
        about = {"format": FORMAT, "key": ledger.vkey, "first": wanted.since, "peaks": peaks, "links": wanted.links}
        return {"export": export, "about": {**about, "policy": policy}}

    async def end(self) -> int:
        """The size up to which entries belong to an export that has read all that there was when it began."""
        head = await self._ledger.extent()
        return head.size if head else 0

    async def entries(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """A page: lines, and of a check the places whose links do not fit them. Raises UnknownExport."""
        page, wanted = self._page(asked)
        archive = self._ledger.archive
        with or_refused():
            lines = await archive.lines(page.first, PAGE, links=wanted.links)
            strange = await archive.strange(page.first, PAGE) if wanted.action == "verify" else []
        return {"lines": lines, "strange": strange}

    async def subtrees(self, asked: Mapping[str, Any]) -> list[str]:
        """A page: kept subtrees that end within `SPAN` entries after a place. Raises UnknownExport."""
        page, _ = self._page(asked)
        with or_refused():
            return await self._ledger.archive.subtrees(page.first, page.first + SPAN)

    def _page(self, asked: Mapping[str, Any]) -> tuple[Page, Begin]:
        page = Page.model_validate(asked)
        if page.export not in self._open:
            raise UnknownExport("this export was not begun, or too many others were since")
        return page, self._open[page.export]
