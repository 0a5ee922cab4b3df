"""Whether a vendor can be told in the way that its file says."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from gateway.contract.model import Vendor
from gateway.contract.terms import Origin, Rule, Terms
from gateway.errors import Finding
from gateway.vocabulary import Category, Purpose

SERVICE: Final = "gateway"
"""Who makes the calls that tell vendors: the gateway itself."""
_WRITTEN = frozenset({"json", "form", "none"})
_NUMBERS = frozenset({Category.ORDER_ID, Category.ACCOUNT_ID})
"""By which a vendor finds what it is told about."""


def check_notices(vendors: Mapping[str, Vendor], terms: Sequence[Terms]) -> Iterator[Finding]:
    """What is wrong with the `notices` of vendors, and with the operations that they name."""
    operations = {each.name: each for each in terms}
    for vendor in vendors.values():
        told, file = vendor.notices, f"{vendor.vendor}/vendor.yaml"
        if told.how == "task":
            continue
        if told.how == "mail" and told.to is None:
            yield Finding("contract.missing", file, 1, "`notices` by mail need `to`", "write the vendor's address")
        if told.operation is None:
            yield Finding("contract.missing", file, 1, f"`notices` by {told.how} need an `operation`", "name one")
        elif (operation := operations.get(f"{vendor.vendor}/{told.operation}")) is None:
            message = f"`notices` name the operation `{told.operation}`, which is not there"
            yield Finding("contract.value", file, 1, message, "write that operation, or name another")
        else:
            yield from _telling(operation, is_daily=told.daily, is_mail=told.how == "mail")
            yield from _unknown(operation, [each for each in terms if each.vendor.vendor == vendor.vendor])


def _unknown(telling: Terms, terms: Sequence[Terms]) -> Iterator[Finding]:
    """A note for each number of ours that a notice names as the vendor knows it from no other call."""
    known = [rule for each in terms if each is not telling for rule in _numbers(each)]
    for rule in _numbers(telling):
        forms = [each.form for each in known if each.category is rule.category]
        if forms and rule.form not in forms:
            file, _, line = rule.where.rpartition(":")
            message = f"{rule.path} leaves in a form in which the vendor gets no {rule.category} by any other operation"
            yield Finding("contract.value", file, int(line), message, "use the form of the others", "note")


def _numbers(terms: Terms) -> Iterator[Rule]:
    for rule in terms.sending.rules:
        if rule.origin is Origin.GROUP and rule.category in _NUMBERS and rule.form.name != "drop":
            yield rule


def _telling(terms: Terms, *, is_daily: bool, is_mail: bool) -> Iterator[Finding]:
    """What an operation must have to carry a notice, which it gets as JSON or as a form of the same members."""
    sending = terms.sending
    wrong = {
        "its purpose must be rights_fulfilment": terms.operation.purpose is not Purpose.RIGHTS_FULFILMENT,
        f"`callers` must have {SERVICE}": SERVICE not in terms.operation.callers,
        "its body must be json, form or none": sending.body not in _WRITTEN,
        "a mail needs a body": is_mail and sending.body == "none",
        "a daily list needs `batch`, and JSON": is_daily and (sending.batch is None or sending.body != "json"),
        "without `daily` there is one notice, and no `batch`": not is_daily and sending.batch is not None,
    }
    for fix, is_wrong in wrong.items():
        if is_wrong:
            yield Finding("contract.value", terms.file, 1, f"{terms.name} cannot carry notices", fix)
