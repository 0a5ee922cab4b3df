"""What one version of the policy says, and what another one says otherwise."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from gateway.contract.model import PolicyDraft
from gateway.contract.papers import is_covered
from gateway.vocabulary import ALLOWANCE, Category, VendorKind, Verdict

NOBODYS = frozenset({Category.NOT_PERSONAL, Category.PARCEL_MEASURE})
"""What is about nobody, so that no policy has to speak of it."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is new in a field of a version, and what is gone. `receives.KIND` counts category by category."""

    field: str
    added: tuple[str, ...]
    removed: tuple[str, ...]

    @property
    def widens(self) -> bool:
        """Whether more may go: another text alone lets nothing more out."""
        return self.field != "document" and bool(self.added)

    def members(self) -> dict[str, Any]:
        return {"field": self.field, "added": list(self.added), "removed": list(self.removed)}


def says(version: PolicyDraft) -> tuple[object, ...]:
    """Everything that makes one version another, in whatever order it is written."""
    receives = frozenset((kind, frozenset(covers)) for kind, covers in version.receives.items())
    return version.document, frozenset(version.purposes), frozenset(version.vendor_kinds), receives


def receives(version: PolicyDraft, kind: VendorKind, category: Category) -> bool:
    """Whether it lets a kind of vendor have a category; one of which it says nothing has what the closed lists let."""
    covers = version.receives.get(kind)
    return covers is None or is_covered(category, covers)


def received(version: PolicyDraft, kind: VendorKind) -> tuple[Category, ...]:
    """All that a kind of vendor may have by a version and by the closed lists; nothing where it has no such kind."""
    if kind not in version.vendor_kinds:
        return ()
    lists = (each for each in Category if ALLOWANCE[each][kind].verdict not in (Verdict.NO, Verdict.NEVER))
    return tuple(each for each in lists if each not in NOBODYS and receives(version, kind, each))


def changes(old: PolicyDraft | None, new: PolicyDraft) -> Iterator[Change]:
    """What a version says otherwise than an older one, or than none; fields that say the same are left out."""
    yield from _compared("document", (old.document,) if old else (), (new.document,))
    yield from _compared("purposes", old.purposes if old else (), new.purposes)
    yield from _compared("vendor_kinds", old.vendor_kinds if old else (), new.vendor_kinds)
    # What a kind that comes or goes may have is not told twice.
    for kind in (each for each in new.vendor_kinds if old is not None and each in old.vendor_kinds):
        yield from _compared(f"receives.{kind}", received(old, kind) if old else (), received(new, kind))


def _compared(field: str, old: Collection[str], new: Collection[str]) -> Iterator[Change]:
    added = tuple(str(each) for each in dict.fromkeys(new) if each not in old)
    removed = tuple(str(each) for each in dict.fromkeys(old) if each not in new)
    if added or removed:
        yield Change(field, added, removed)
