"""Cases outside contracts, as the steps that were taken in them, and whom they are about."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, select
from sqlalchemy.sql.dml import Insert

from gateway.registry.entered import PersonRow
from gateway.registry.stored import CaseRow
from gateway.registry.tables import CASE_PEOPLE, CASE_STEPS
from gateway.vocabulary import Scenario, SubjectRole


@dataclass(frozen=True, slots=True)
class Step:
    """What was done in a case, by whom and when; `sealed` is what they wrote about it, `entry` the id of its entry."""

    case: str
    number: int
    scenario: Scenario
    step: str
    by: str
    sealed: str
    at: datetime
    entry: str


def statements(row: CaseRow, at: datetime, entry: str | None) -> Iterator[Insert]:
    """What writes a step down, with whom the case is about where that is new."""
    yield insert(CASE_STEPS).values(
        case=row.case, number=row.number, scenario=row.scenario.value, step=row.step, by=row.by, sealed=row.sealed,
        source=row.source, at=at.astimezone(UTC).replace(tzinfo=None), entry=entry,
    )  # fmt: skip
    for each in row.people:
        yield insert(CASE_PEOPLE).values(
            case=row.case, subject=each.subject, role=each.role.value, jurisdiction=each.jurisdiction
        )


def steps(connection: Connection, asked: tuple[str | None, Scenario | None]) -> Sequence[Step]:
    """The steps of a case, or of all cases, or of those of one scenario; each case in its order."""
    case, scenario = asked
    chosen = select(CASE_STEPS).order_by(CASE_STEPS.c.case, CASE_STEPS.c.number)
    if case is not None:
        chosen = chosen.where(CASE_STEPS.c.case == case)
    if scenario is not None:
        chosen = chosen.where(CASE_STEPS.c.scenario == scenario.value)
    found = connection.execute(chosen)
    return [
        Step(
            row.case, row.number, Scenario(row.scenario), row.step, row.by, row.sealed,
            row.at.replace(tzinfo=UTC), row.entry or "",
        )
        for row in found
    ]  # fmt: skip


def people(connection: Connection, case: str) -> tuple[PersonRow, ...]:
    """Whom a case is about, without those who were erased since."""
    found = connection.execute(
        select(CASE_PEOPLE).where(CASE_PEOPLE.c.case == case).order_by(CASE_PEOPLE.c.subject, CASE_PEOPLE.c.role)
    )
    return tuple(
        PersonRow(role=SubjectRole(row.role), subject=row.subject, jurisdiction=row.jurisdiction) for row in found
    )
