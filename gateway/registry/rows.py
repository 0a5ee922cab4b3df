"""How facts become rows, and how nothing is left of a person."""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Table, and_, delete, exists, insert, update
from sqlalchemy.sql.dml import Delete, Insert, Update
from sqlalchemy.sql.elements import ColumnElement

from gateway.contract.announcing import called
from gateway.registry import cases, granted, notices, policies
from gateway.registry.entered import (
    AcceptanceRow,
    AgreementEndRow,
    AgreementRow,
    AttestationRow,
    ConsentRow,
    FlagRow,
    LinkRow,
    OrderRow,
    OrderStateRow,
    ReviewRow,
    SubjectRow,
    SubProcessorRow,
    SuspensionRow,
)
from gateway.registry.stored import (
    BulkLookRow,
    CaseRow,
    ImportRow,
    NoticeRow,
    NoticeStepRow,
    PolicyRow,
    RequestRow,
    RevocationRow,
    StoredRow,
    TellingRow,
    WaiverRow,
)
from gateway.registry.tables import (
    ACCEPTANCES,
    AGREEMENTS,
    ANNOUNCED,
    ATTESTED,
    CONSENTS,
    COUNTED,
    ENDED,
    FLAGS,
    IMPORTS,
    LINKS,
    OF_PEOPLE,
    PEOPLE,
    REQUESTS,
    REVIEWS,
    REVOKED,
    STATES,
    SUBJECTS,
    SUSPENSIONS,
)
from gateway.vocabulary import ConsentState, OrderState
from gateway.vocabulary.notices import Cause

Statement = Insert | Delete | Update
EVERY_OPERATION = ""
ERASED = ""  # whose a request was, once nobody is to know that any more
_WITHDRAWN = frozenset({ConsentState.WITHDRAWN, ConsentState.REVOKED})
EVERYTHING = ""  # a flag that is not for one purpose or vendor alone
# What of a consent has a column of its own; the rest of its record stands together.
_DECIDING = {
    "kind", "source", "time", "subject", "purpose", "vendor", "state", "explicit", "separate", "written", "expires",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Written:
    """When a row was put in, when it came to be if that was earlier, from where, and the id of its entry if any."""

    at: datetime
    happened: datetime | None
    source: str
    entry: str | None

    @property
    def columns(self) -> dict[str, object]:
        happened = stored(self.happened) if self.happened else None
        return {"source": self.source, "at": stored(self.at), "happened": happened}

    @property
    def on_record(self) -> dict[str, object]:
        return {**self.columns, "entry": self.entry}


def statements(row: StoredRow, at: datetime, entry: str | None = None) -> Iterator[Statement]:
    """What writes a fact down; `at` is when it was put in, `entry` the id of its entry where it has one."""
    yield from _WRITERS[row.kind](row, Written(at, row.time, row.source, entry))


def _order(row: OrderRow, written: Written) -> Iterator[Statement]:
    yield delete(PEOPLE).where(PEOPLE.c.order == row.order)
    people = [{"order": row.order, "role": each.role.value, "subject": each.subject} for each in row.people]
    yield insert(PEOPLE).values([each | written.columns for each in people])
    for each in row.people:
        if each.jurisdiction is not None:
            yield from _living(each.subject, each.jurisdiction, written)


def _order_state(row: OrderStateRow, written: Written) -> Iterator[Statement]:
    was_closed = exists().where(STATES.c.order == row.order, STATES.c.state == OrderState.CLOSED.value)
    if (asked := turned(row, written)) is not None:
        yield notices.asking(asked, ~was_closed if row.state is OrderState.CLOSED else was_closed)
    yield delete(STATES).where(STATES.c.order == row.order)
    yield insert(STATES).values({"order": row.order, "state": row.state.value} | written.on_record)


def turned(row: OrderStateRow, written: Written) -> dict[str, Any] | None:
    """What vendors are told where by this an order ends that had not, or goes on after its end."""
    cause = Cause.ORDER_CLOSED if row.state is OrderState.CLOSED else Cause.KEEP
    return notices.asked(written.entry, cause, written.at, row.source, order=row.order) if written.entry else None


def _subject(row: SubjectRow, written: Written) -> Iterator[Statement]:
    yield from _living(row.subject, row.jurisdiction, written)


def _living(subject: str, jurisdiction: str, written: Written) -> Iterator[Statement]:
    yield delete(SUBJECTS).where(SUBJECTS.c.subject == subject)
    yield insert(SUBJECTS).values({"subject": subject, "jurisdiction": jurisdiction} | written.columns)


def _consent(row: ConsentRow, written: Written) -> Iterator[Statement]:
    yield insert(CONSENTS).values(consent_values(row) | {"record": written.entry or uuid.uuid4().hex} | written.columns)
    if (asked := withdrawn(row, written)) is not None:
        yield notices.asking(asked)


def consent_values(row: ConsentRow) -> dict[str, object]:
    """What an answer says, column by column."""
    return {
        "subject": row.subject,
        "purpose": row.purpose.value,
        "vendor": row.vendor,
        "state": row.state.value,
        "explicit": row.explicit,
        "expires": stored(row.expires) if row.expires else None,
        "separate": row.separate,
        "written": row.written,
        "details": row.model_dump_json(exclude=_DECIDING, exclude_defaults=True),
    }


def withdrawn(row: ConsentRow, written: Written) -> dict[str, Any] | None:
    """What vendors are told of a withdrawal."""
    if row.state not in _WITHDRAWN or written.entry is None:
        return None
    about = {"subject": row.subject, "purpose": row.purpose.value, "vendor": row.vendor}
    return notices.asked(written.entry, Cause.WITHDRAWAL, written.at, row.source, **about)


def _acceptance(row: AcceptanceRow, written: Written) -> Iterator[Statement]:
    accepted = acceptance_values(row)
    yield delete(ACCEPTANCES).where(*(ACCEPTANCES.c[name] == value for name, value in accepted.items()))
    yield insert(ACCEPTANCES).values(accepted | written.on_record)


def acceptance_values(row: AcceptanceRow) -> dict[str, object]:
    return {"subject": row.subject, "policy": row.policy, "how": row.how.value}


def _flag(row: FlagRow, written: Written) -> Iterator[Statement]:
    yield delete(FLAGS).where(same_flag(row))
    yield insert(FLAGS).values(flag_key(row) | {"lifted": row.lifted} | written.on_record)


def same_flag(row: FlagRow) -> ColumnElement[bool]:
    """Which row in the table says something about the same."""
    return and_(*(FLAGS.c[name] == value for name, value in flag_key(row).items()))


def flag_key(row: FlagRow) -> dict[str, str]:
    purpose, vendor = row.purpose.value if row.purpose else EVERYTHING, row.vendor or EVERYTHING
    return {"subject": row.subject, "flag": row.flag.value, "purpose": purpose, "vendor": vendor}


def _link(row: LinkRow, written: Written) -> Iterator[Statement]:
    for one, other in ((row.subject, row.other), (row.other, row.subject)):
        yield delete(LINKS).where(LINKS.c.subject == one, LINKS.c.other == other)
        yield insert(LINKS).values({"subject": one, "other": other, "lifted": row.lifted} | written.on_record)


def _told(row: TellingRow | NoticeRow | NoticeStepRow, written: Written) -> Iterator[Statement]:
    yield from notices.statements(row, written.at, written.entry)


def _suspension(row: SuspensionRow, written: Written) -> Iterator[Statement]:
    operation = row.operation or EVERY_OPERATION
    where = (SUSPENSIONS.c.vendor == row.vendor) & (SUSPENSIONS.c.operation == operation)
    yield delete(SUSPENSIONS).where(where)
    if not row.lifted:
        yield insert(SUSPENSIONS).values({"vendor": row.vendor, "operation": operation} | written.on_record)


def _request(row: RequestRow, written: Written) -> Iterator[Statement]:
    """Whose it is and what was typed stand in `row`, which an erasure empties."""
    yield delete(REQUESTS).where(REQUESTS.c.request == row.request)
    stated = {"request": row.request, "subject": row.subject, "right": row.right.value, "status": row.status.value}
    times = {"received": stored(row.received), "due": stored(row.due)}
    yield insert(REQUESTS).values({**stated, **times, "row": row.model_dump_json()} | written.on_record)


def _agreement(row: AgreementRow, written: Written) -> Iterator[Statement]:
    paper = row.agreement.model_dump_json(by_alias=True, exclude_defaults=True)
    for table in (AGREEMENTS, ENDED):
        yield delete(table).where(same_paper(table, row.vendor, row.agreement.id))
    entered = {"vendor": row.vendor, "id": row.agreement.id, "paper": paper}
    yield insert(AGREEMENTS).values(entered | written.on_record)


def _agreement_end(row: AgreementEndRow, written: Written) -> Iterator[Statement]:
    yield delete(ENDED).where(same_paper(ENDED, row.vendor, row.agreement))
    yield insert(ENDED).values({"vendor": row.vendor, "id": row.agreement, "last": row.last} | written.on_record)


def same_paper(table: Table, vendor: str, paper: str) -> ColumnElement[bool]:
    """Which row in a table speaks of a paper."""
    return (table.c.vendor == vendor) & (table.c.id == paper)


def _review(row: ReviewRow, written: Written) -> Iterator[Statement]:
    held = {"vendor": row.vendor, "held": row.held, "next": row.next, "result": row.result}
    yield insert(REVIEWS).values(held | written.on_record)


def _attestation(row: AttestationRow, written: Written) -> Iterator[Statement]:
    same = (ATTESTED.c.vendor == row.vendor) & (ATTESTED.c.of == row.of.value) & (ATTESTED.c.given == row.given)
    yield delete(ATTESTED).where(same)
    said = {"vendor": row.vendor, "of": row.of.value, "given": row.given, "document": row.document}
    yield insert(ATTESTED).values(said | written.on_record)


def _sub_processor(row: SubProcessorRow, written: Written) -> Iterator[Statement]:
    yield delete(ANNOUNCED).where(same_company(row))
    said = {"name": row.name, "since": row.since, "state": row.state}
    yield insert(ANNOUNCED).values(_company(row) | said | written.on_record)


def same_company(row: SubProcessorRow) -> ColumnElement[bool]:
    """Which row in the table says something of the same company in the same country."""
    return and_(*(ANNOUNCED.c[name] == value for name, value in _company(row).items()))


def _company(row: SubProcessorRow) -> dict[str, object]:
    return {"vendor": row.vendor, "called": called(row.name), "country": row.country}


def _granted(row: WaiverRow | BulkLookRow, written: Written) -> Iterator[Statement]:
    yield from granted.statements(row, written.at, written.entry)


def _policy(row: PolicyRow, written: Written) -> Iterator[Statement]:
    yield from policies.statements(row, written.at, written.entry)


def _import(row: ImportRow, written: Written) -> Iterator[Statement]:
    yield delete(IMPORTS).where(IMPORTS.c.id == row.id)
    stated = row.model_dump(include={"id", "chain", "is_done", *COUNTED})
    yield insert(IMPORTS).values(stated | {"begun": stored(row.begun)} | written.columns)


def _revocation(row: RevocationRow, written: Written) -> Iterator[Statement]:
    yield delete(REVOKED).where(REVOKED.c.token == row.token)
    yield insert(REVOKED).values(token=row.token, at=stored(written.at), entry=written.entry)


def _case(row: CaseRow, written: Written) -> Iterator[Statement]:
    return cases.statements(row, written.at, written.entry)


_WRITERS: Mapping[str, Callable[[Any, Written], Iterator[Statement]]] = {
    "order": _order,
    "order_state": _order_state,
    "subject": _subject,
    "consent": _consent,
    "acceptance": _acceptance,
    "flag": _flag,
    "link": _link,
    "suspension": _suspension,
    "agreement": _agreement,
    "agreement_end": _agreement_end,
    "review": _review,
    "attestation": _attestation,
    "sub_processor": _sub_processor,
    "waiver": _granted,
    "bulk_look": _granted,
    "policy": _policy,
    "request": _request,
    "revocation": _revocation,
    "import": _import,
    "telling": _told,
    "notice": _told,
    "notice_step": _told,
    "case": _case,
}


def erasing(subject: str, linked: Sequence[str], at: datetime) -> Iterator[Statement]:
    """What leaves nothing by which a person is known; the references linked to theirs are linked to each other."""
    theirs = exists().where(PEOPLE.c.order == STATES.c.order, PEOPLE.c.subject == subject)
    others = exists().where(PEOPLE.c.order == STATES.c.order, PEOPLE.c.subject != subject)
    yield delete(STATES).where(theirs, ~others)
    for table in OF_PEOPLE:
        yield delete(table).where(table.c.subject == subject)
    yield delete(LINKS).where(LINKS.c.other == subject)
    # Which right it was, when, and how it ended stays; whose it was does not.
    yield update(REQUESTS).where(REQUESTS.c.subject == subject).values(subject=ERASED, row="")
    yield from notices.erasing(subject)
    for other in linked[1:]:
        yield from _link(LinkRow(kind="link", subject=linked[0], other=other), Written(at, None, "erasure", None))


def stored(moment: datetime) -> datetime:
    """UTC without an offset: SQLite keeps none."""
    try:
        return moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        # Where time ends there is no UTC for it, and some hours make no difference. Such were noted before they were
        # refused, and what cannot be carried on would keep back all that comes after it.
        return moment.replace(tzinfo=None)
