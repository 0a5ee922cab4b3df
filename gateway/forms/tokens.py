"""Tokens for values that a vendor must tell apart and must not know: random, and kept under the person's key."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.errors import Unfit
from gateway.vocabulary import Category, SubjectRole


class Kept(Protocol):
    """Where tokens are kept, durably before anything leaves."""

    def tokenise(self, subject: str, scope: str, value: str) -> str: ...
    def behind(self, scope: str, token: str) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Lookup:
    """The tokens of one vendor in one call, whose people are known by their references."""

    kept: Kept
    vendor: str
    people: Mapping[SubjectRole, str]

    def scope(self, category: Category) -> str:
        """In which a value has one token: two vendors cannot join theirs, and neither can two categories."""
        return f"{self.vendor}\0{category.value}"

    def behind(self, category: Category, token: str) -> str | None:
        """What a token stood for that this vendor was sent, or None; the key of the person may be gone."""
        return self.kept.behind(self.scope(category), token)


def tokenised(lookup: Lookup | None, category: Category, roles: Sequence[SubjectRole]) -> Callable[[str], str]:
    """The token of a value of the first of the roles whose person is known.

    The change raises Unfit `subject.unresolved` where nobody is: without a person there is no key to keep it under.
    """

    def changed(text: str) -> str:
        people = lookup.people if lookup is not None else {}
        subject = next((people[role] for role in roles if role in people), None)
        if lookup is None or subject is None:
            raise Unfit("subject.unresolved")
        return lookup.kept.tokenise(subject, lookup.scope(category), text)

    return changed
