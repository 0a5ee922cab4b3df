"""The reports that there are, and what may be asked of each: which days, and one vendor, company, purpose or law."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import AfterValidator, StringConstraints, model_validator

from gateway.contract.load import ContractSet
from gateway.contract.words import Name
from gateway.errors import GatewayError
from gateway.misfit import Asked, Day
from gateway.report.activities import ACTIVITIES, Activities
from gateway.report.cases import INCIDENTS, NOTICES, WAIVERS, Incidents, Notices, Waivers
from gateway.report.demands import DEMANDS, TOTALS, Demands, Totals
from gateway.report.looks import BULK, LOOKS, WITHDRAWN, BulkLooks, Looks, Withdrawals, rested_on_it
from gateway.report.oversight import DRIFT, EXPIRING, MINIMISED, Drift, Expiring, Minimised, comes_apart
from gateway.report.policies import VERSIONS, Versions
from gateway.report.registers import SALES, TRANSFER, Sales, Transfers
from gateway.report.requests import REQUESTS, Requests
from gateway.report.seen import Fold, Known, Seen
from gateway.report.supervision import VENDORS, Vendors
from gateway.report.table import Form, Row, Table
from gateway.vocabulary import Purpose, is_jurisdiction, member_of


class UnknownReport(GatewayError):
    """There is no such report, or not of what is asked for."""


@dataclass(frozen=True, slots=True)
class Report:
    """A table and what fills it. `linked`: entries are told apart by people. `streams`: rows come with entries.

    `of` is what it can be about one of; of what its entries do not name, nobody could tell which they are about.
    `by_row` is what of that its rows tell rather than entries: an entry can be for several purposes, and about people
    who live under several laws. `is_wrong` tells a row that should not be there; of most reports none is. `whole_past`
    is whether it rests on what was said before the days that are asked for.
    """

    table: Table
    fold: Callable[[Known], Fold]
    of: frozenset[str] = frozenset()
    by_row: frozenset[str] = frozenset()
    linked: bool = False
    streams: bool = False
    is_wrong: Callable[[Row], bool] | None = None
    whole_past: bool = False


_VENDOR = frozenset({"vendor"})
_EITHER = frozenset({"vendor", "entity"})
_ANY = frozenset({"vendor", "entity", "purpose", "jurisdiction"})
REPORTS: Mapping[str, Report] = {
    "activities": Report(ACTIVITIES, Activities, _ANY, by_row=frozenset({"purpose"})),
    "transfers": Report(TRANSFER, Transfers, _ANY, by_row=frozenset({"jurisdiction"})),
    "sales": Report(SALES, Sales, _ANY, streams=True, is_wrong=bool),
    "vendors": Report(VENDORS, Vendors, _VENDOR, linked=True, whole_past=True),
    "minimisation": Report(MINIMISED, Minimised, _ANY),
    "drift": Report(DRIFT, Drift, _ANY, is_wrong=comes_apart),
    "expiring": Report(EXPIRING, Expiring, _VENDOR),
    "accesses": Report(LOOKS, Looks, streams=True),
    "bulk-looks": Report(BULK, BulkLooks),
    "demands": Report(DEMANDS, Demands),
    "demand-totals": Report(TOTALS, Totals),
    "incidents": Report(INCIDENTS, Incidents, _VENDOR, whole_past=True),
    "notices": Report(NOTICES, Notices, _VENDOR, whole_past=True),
    "policies": Report(VERSIONS, Versions),
    "requests": Report(REQUESTS, Requests, whole_past=True),
    "waivers": Report(WAIVERS, Waivers),
    "withdrawals": Report(WITHDRAWN, Withdrawals, _VENDOR, linked=True, is_wrong=rested_on_it, whole_past=True),
}


def _law(text: str) -> str:
    if text == "default" or not is_jurisdiction(text):
        raise ValueError("`EU`, `unknown`, or a code of ISO 3166 for a country or a part of one")
    return text


class Wanted(Asked):
    """Which report, and of which days, both inclusive, in the policy's time zone; of one vendor, company, purpose, or
    law under which people live only. `EU` is the law of every member, `US` that of each of the states.
    """

    report: Annotated[str, StringConstraints(pattern=r"^[a-z-]{1,40}$")]
    form: Form = "json"
    since: Day | None = None
    until: Day | None = None
    vendor: Name | None = None
    entity: Name | None = None
    purpose: Purpose | None = None
    jurisdiction: Annotated[str, AfterValidator(_law)] | None = None

    @model_validator(mode="after")
    def _is_in_order(self) -> "Wanted":
        if self.since is not None and self.until is not None and self.until < self.since:
            raise ValueError("it ends before it begins")
        return self

    def is_under(self, law: str) -> bool:
        """Whether somebody who lives under a law is meant."""
        asked = self.jurisdiction
        member = member_of(law)
        return asked in (None, law, law.partition("-")[0]) or (member is not None and asked in (member, "EU"))


def report_of(wanted: Wanted) -> Report:
    """Raises UnknownReport."""
    if (report := REPORTS.get(wanted.report)) is None:
        raise UnknownReport(f"there is no such report; there are {', '.join(sorted(REPORTS))}")
    asked = {name for name in sorted(_ANY) if getattr(wanted, name) is not None}
    if unfit := sorted(asked - report.of):
        raise UnknownReport(f"{wanted.report} cannot be made of one {unfit[0]}; leave `{unfit[0]}` out")
    return report


def narrowed(contracts: ContractSet, wanted: Wanted) -> ContractSet:
    """Those of the vendor and the company that are asked for: others have no row, also where they have nothing."""
    vendors = {name: each for name, each in contracts.vendors.items() if wanted.vendor in (None, name)}
    companies = contracts.entities.entities
    entities = {name: each for name, each in companies.items() if wanted.entity in (None, name)}
    return replace(
        contracts,
        vendors=vendors,
        terms=tuple(each for each in contracts.terms if each.vendor.vendor in vendors),
        entities=contracts.entities.model_copy(update={"entities": entities}),
    )


def is_wanted(seen: Seen, wanted: Wanted, report: Report) -> bool:
    """Disclosures of this vendor, company, purpose and law; of all else what does not name another."""
    for name in _ANY - report.by_row - {"jurisdiction"}:
        asked, said = getattr(wanted, name), seen.body.get(name) or None
        is_part = asked is not None and name == "purpose" and seen.kind == "intent" and asked in seen.purposes
        if asked not in (None, said) and not is_part and (said is not None or seen.kind == "intent"):
            return False
    if wanted.jurisdiction is None or "jurisdiction" in report.by_row or seen.kind != "intent":
        return True
    return any(wanted.is_under(ground["jurisdiction"]) for ground in seen.body.get("grounds", ()))


def is_row_wanted(row: Row, wanted: Wanted, report: Report) -> bool:
    """Whether a row is of the purpose and the law, where its entries are of several."""
    if "purpose" in report.by_row and wanted.purpose not in (None, row["purpose"]):
        return False
    return "jurisdiction" not in report.by_row or wanted.is_under(str(row["jurisdiction"]))
