"""What the vendor itself refuses a call without, beside what the contract lets out."""

from collections.abc import Iterator

from gateway.contract.compile import Source
from gateway.contract.terms import Origin, Rule, Terms
from gateway.paths import Place

_STAY = frozenset({"drop", "refuse"})


def check_vendor_requires(terms: Terms, source: Source) -> None:
    """Each place must leave by some line; where it may stay all the same, the reviewer is told."""
    for number, place in enumerate(terms.sending.vendor_requires):
        at = ("sending", "vendor_requires", number)
        if place in terms.credentials:
            continue
        leaving = [each for each in terms.sending.rules if each.place == place and each.form.name not in _STAY]
        if not leaving:
            source.find(
                "contract.vendor_requires",
                at,
                f"the vendor refuses calls without {place}, and no line lets it out",
                "name it in a group; where it must stay, agree on a filler with the vendor: form {replace: …}",
            )
        elif not any(_always_leaves(each) for each in leaving):
            source.find(
                "contract.vendor_requires",
                at,
                f"{place} may stay, and the vendor refuses the call then",
                "put it under `required`, and the gateway says so first",
                note=True,
            )


def required_of_calls(terms: Terms) -> Iterator[Place]:
    """The places that calls must fill: with its credential the gateway does so itself."""
    return (each for each in terms.sending.vendor_requires if each not in terms.credentials)


def _always_leaves(rule: Rule) -> bool:
    """What is required leaves with every call that goes, as far as no condition keeps it."""
    return rule.origin is not Origin.GROUP or (rule.required and not rule.conditions)
