"""Whether data may cross the border to the vendor, and on what."""

from collections.abc import Iterator

from gateway.clearance.question import Question, covering, jurisdiction_of, present
from gateway.contract.terms import Terms
from gateway.errors import Failure


def transferable(question: Question) -> Iterator[Failure]:
    for _, person in present(question):
        jurisdiction = jurisdiction_of(person)
        if jurisdiction != "default" and not mechanism_for(question.terms, jurisdiction, question.policy.markets):
            vendor = question.terms.vendor.vendor
            yield Failure(
                "transfer.none", f"{vendor} has no mechanism for people in {jurisdiction}", question.terms.file
            )


def mechanism_for(terms: Terms, jurisdiction: str, markets: tuple[str, ...] = ()) -> str:
    """On what data of a person may cross the border to the vendor, or nothing."""
    if jurisdiction == "unknown":
        found = [mechanism_for(terms, market) for market in markets]
        return found[0] if found and all(found) else ""
    return next((terms.transfer[key].value for key in covering(jurisdiction) if key in terms.transfer), "")
