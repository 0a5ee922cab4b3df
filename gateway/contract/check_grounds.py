"""What a contract must keep to about its grounds: bases that exist, and what they rest on."""

from collections.abc import Mapping

from gateway.contract.compile import Source
from gateway.contract.strict_yaml import Location
from gateway.contract.terms import Origin, Terms
from gateway.vocabulary import BASES, Evidence, LegalBasis, OrderLevel

_WHICH_ORDER = "say where the call has its number: evidence: {order: $.reference}"


def check_grounds(terms: Terms, source: Source) -> None:
    """What is wrong with the grounds of one operation, into its source."""
    _check_bases(terms, source)
    _check_orders(terms, source)
    _check_required(terms, source)


def _check_bases(terms: Terms, source: Source) -> None:
    evidence = terms.operation.evidence
    given = {
        Evidence.ORDER: bool(evidence.order),
        Evidence.ASSESSMENT: evidence.assessment is not None,
        Evidence.LAW: evidence.law is not None,
        Evidence.CONSENT: True,
    }
    written: list[tuple[Location, Mapping[str, LegalBasis]]] = []
    written += [(("subjects", str(each.role), "legal_basis"), each.bases) for each in terms.subjects]
    written += [(("sending", "groups", each.number, "legal_basis"), each.bases or {}) for each in terms.sending.groups]
    for at, bases in written:
        for jurisdiction, basis in bases.items():
            _check_basis(jurisdiction, basis, at, given, source)


def _check_orders(terms: Terms, source: Source) -> None:
    evidence = terms.operation.evidence
    if any(each.order for each in terms.subjects) and not evidence.order:
        source.find("contract.evidence", ("evidence",), "`ref: order` needs `evidence.order`", _WHICH_ORDER)
    if evidence.level is not OrderLevel.STATED and not evidence.order:
        source.find("contract.evidence", ("evidence", "level"), "`level` needs `evidence.order`", _WHICH_ORDER)


def _check_required(terms: Terms, source: Source) -> None:
    for rule in terms.sending.rules:
        if rule.origin is not Origin.GROUP:
            continue
        group = terms.sending.groups[rule.group]
        if rule.required and group.bases and LegalBasis.CONSENT in group.bases.values():
            line = ("sending", "groups", rule.group, "required")
            message = f"{rule.path} is required; what is necessary does not rest on consent"
            source.find("contract.basis", line, message, "take it out of `required`, or give another basis")


def _check_basis(
    jurisdiction: str, basis: LegalBasis, at: Location, given: Mapping[Evidence, bool], source: Source
) -> None:
    if basis is LegalBasis.PUBLIC_TASK:
        source.find("contract.basis", at, "`public_task` is not a ground of a shop", "give another")
    if jurisdiction == "CN" and BASES[basis].pipl is None:
        source.find("contract.basis", at, f"`{basis}` is no ground under the law of CN", "give another for CN")
    needs = BASES[basis].needs
    if needs is not None and not given[needs]:
        source.find("contract.evidence", at, f"`{basis}` needs `evidence.{needs}`", f"add `{needs}` under `evidence`")
