"""Whether data may cross the borders on its way to the vendor, and on what."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import TypeAlias

from gateway.clearance.consents import Marks, answer
from gateway.clearance.papers import binds, day
from gateway.clearance.question import GRANTED, Question, Route, Standing, covering, is_party, jurisdiction_of, present
from gateway.contract.announcing import Announced
from gateway.contract.papers import Transfer
from gateway.contract.terms import Terms
from gateway.errors import Failure
from gateway.vocabulary import EXPORT_RULES, TRANSFERS, TransferMechanism, territory_of

Pairs: TypeAlias = tuple[tuple[str, str], ...]
"""By whose law data goes, and on which mechanism."""

_EXPLICIT = Marks(explicit=True)

_DOMESTIC = TransferMechanism.NONE_DOMESTIC.value


def transferable(question: Question, standing: Standing) -> Iterator[Failure]:
    """What is missing for the borders that data crosses: under each person's law, and under that of the exporter."""
    for subject, person in present(question):
        route = route_of(question, standing, jurisdiction_of(person), is_bound=is_party(question, subject.role))
        yield from route.failures
        if route.consent and (code := answer(question, person, question.terms.operation.purpose, _EXPLICIT)[0]):
            yield Failure(code, f"data of the {subject.role} crosses the border on consent", question.terms.file)


def crossed(question: Question, standing: Standing) -> Pairs:
    """By whose law data goes on which mechanism, for everybody whom the call is about."""
    routes = [
        route_of(question, standing, jurisdiction_of(person), is_bound=is_party(question, subject.role))
        for subject, person in present(question)
    ]
    return routes[0].transfer if len(routes) == 1 else _together(routes)


def went(question: Question, standing: Standing, jurisdictions: Iterable[str]) -> tuple[Pairs, tuple[Failure, ...]]:
    """The same for people of these jurisdictions whose data has gone already, and what was missing for it."""
    routes = [route_of(question, standing, each) for each in sorted(set(jurisdictions))]
    return _together(routes), tuple(failure for route in routes for failure in route.failures)


def _together(routes: Iterable[Route]) -> Pairs:
    return tuple(sorted({pair for route in routes for pair in route.transfer}))


def route_of(question: Question, standing: Standing, jurisdiction: str, *, is_bound: bool = True) -> Route:
    """How data about somebody crosses the border: the same for all people of one jurisdiction who are party to the
    contract with the shop, and for all who are not, for a whole day.
    """
    key = jurisdiction, is_bound
    if (route := standing.routes.get(key)) is None:
        route = standing.routes[key] = _route(question, standing, jurisdiction, is_bound=is_bound)
    return route


def _route(question: Question, standing: Standing, jurisdiction: str, *, is_bound: bool) -> Route:
    terms, today = standing.terms or question.terms, day(question.policy, question.now)
    used: set[tuple[str, TransferMechanism]] = set()
    missing: dict[str, Failure] = {}
    asking = tuple(_asking(question, standing, jurisdiction))
    for label, law in asking:
        for importer in terms.importers:
            if territory_of(importer) == territory_of(law):
                continue
            line = _line(terms, question.entity, law, importer, today, is_bound=is_bound)
            if isinstance(line, Transfer):
                used.add((label, line.mechanism))
            else:
                detail = f"{terms.vendor.vendor} has no mechanism for people in {label}, to {importer}"
                missing.setdefault(label, Failure(line, detail, terms.file))
    pairs = {(label, mechanism.value) for label, mechanism in used}
    if jurisdiction not in {label for label, _ in pairs}:
        pairs.add((jurisdiction, _DOMESTIC))
    consent = any(TRANSFERS[mechanism].consent for _, mechanism in used)
    undeclared = _undeclared(terms, standing.announced, [law for _, law in asking])
    return Route(tuple(sorted(pairs)), (*missing.values(), *undeclared), consent)


def _undeclared(terms: Terms, announced: Iterable[Announced], laws: Iterable[str]) -> Iterator[Failure]:
    """What a vendor has announced and its file does not name: no mechanism was written for such a country."""
    territories = {territory_of(law) for law in laws}
    for each in announced:
        if each.country not in terms.importers and territories - {territory_of(each.country)}:
            where = f"{each.name} in {each.country}, since {each.since}"
            yield Failure("transfer.undeclared", f"{terms.vendor.vendor} announced {where}", terms.file)


def _asking(question: Question, standing: Standing, jurisdiction: str) -> Iterator[tuple[str, str]]:
    """The laws that are to be satisfied, each under the name by which it is written down: the person's, and ours.

    Where the law of a person is not known, those of all markets are satisfied at once.
    """
    laws = question.policy.markets if jurisdiction == "unknown" else (jurisdiction,)
    yield from ((jurisdiction, law) for law in laws if law != "default")
    own = territory_of(standing.exporter)
    if own in EXPORT_RULES and own not in {territory_of(law) for law in laws}:
        yield own, standing.exporter


def _line(terms: Terms, entity: str, law: str, importer: str, today: date, *, is_bound: bool) -> Transfer | str:
    """The first line by which data may go from a company to a country under a law, or the code of what is missing."""
    keys = dict.fromkeys((*covering(law)[:-1], territory_of(law), "default"))
    lines: Sequence[Transfer] = next((terms.transfer[key] for key in keys if key in terms.transfer), ())
    fitting = [line for line in lines if _fits(line, entity, law, importer) and (is_bound or not _binds(line))]
    codes = [_ended(line, terms, entity, today) for line in fitting]
    holding = (line for line, code in zip(fitting, codes, strict=True) if code == GRANTED)
    return next(holding, None) or next(iter(codes), "transfer.none")


def _binds(line: Transfer) -> bool:
    """Whether a line is for people who are party to the contract alone."""
    return line.mechanism is TransferMechanism.DEROGATION_CONTRACT


def _fits(line: Transfer, entity: str, law: str, importer: str) -> bool:
    """Whether a line speaks of this way at all, and names something that the law knows."""
    term, territory = TRANSFERS[line.mechanism], territory_of(law)
    is_known = territory in term.known_in or territory not in EXPORT_RULES
    is_there = (not line.to or importer in line.to) and term.only_to in ("", importer)
    return is_known and is_there and (not line.entities or entity in line.entities)


def _ended(line: Transfer, terms: Terms, entity: str, today: date) -> str:
    """Why a line does not hold on a day, or GRANTED."""
    if line.until is not None and line.until < today:
        return "transfer.expired"
    papers = [paper for paper in terms.vendor.agreements if paper.id == line.agreement]
    if line.agreement is not None and not any(binds(paper, entity, today) for paper in papers):
        return "transfer.expired" if papers else "transfer.none"
    return GRANTED
