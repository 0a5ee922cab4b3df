"""What operators and reviewers do is itself on record, and every look at the record too."""

import asyncio
import pkgutil
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import pytest
from clearances import placed
from ledger_fakes import PURCHASER, shipment
from pydantic import ValidationError
from running import write_files
from shop_contracts import FILES

import gateway.ledger
from gateway.asked import Kind
from gateway.contract.load import load
from gateway.desk import Desk, NotInDoubt, UnknownEntry
from gateway.errors import Refusal
from gateway.intake import Intake
from gateway.ledger import Filter, Outcome
from gateway.ledger.entry import Intent
from gateway.naming import UnknownName
from gateway.registry.entered import NoFacts
from gateway.registry.facts import Mention
from gateway.settings import Settings
from gateway.stores import Stores, opened
from gateway.vocabulary import Role, SubjectRole

CONSENT = {"kind": "consent", "subject": "c-1", "purpose": "delivery", "state": "given", "vendor": "parcelgate"}


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    async with opened(Settings(data=tmp_path), lambda: "shop-eu") as stores:
        yield stores


async def record(stores: Stores, **wanted: Any) -> list[dict[str, Any]]:
    return [dict(entry.body) for entry in await stores.ledger.entries(Filter(**wanted))]


async def test_what_people_said_and_what_was_stopped_is_on_record_without_saying_who(stores: Stores) -> None:
    facts: list[dict[str, Any]] = [
        CONSENT,
        {"kind": "suspension", "vendor": "parcelgate"},
        {"kind": "suspension", "vendor": "parcelgate", "lifted": True},
        {"kind": "subject", "subject": "c-1", "jurisdiction": "DE"},
        {"kind": "order", "order": "A-1", "people": [{"role": "payer", "subject": "c-1"}]},
    ]

    count = await stores.desk.put_facts(facts, by="anna")

    told = [(each["fact"], each["state"], each["vendor"], each["by"]) for each in await record(stores, kind="fact")]
    assert count == 5
    assert told == [
        ("suspension", "lifted", "parcelgate", "anna"),
        ("suspension", "suspended", "parcelgate", "anna"),
        ("consent:delivery", "given", "parcelgate", "anna"),
    ]
    assert "c-1" not in repr(await record(stores))
    assert len(await record(stores, kind="fact", subject="c-1")) == 1


async def test_of_facts_that_are_wrong_none_is_put_in_and_none_is_on_record(stores: Stores) -> None:
    with pytest.raises(NoFacts):
        await stores.desk.put_facts([CONSENT, CONSENT | {"state": "maybe"}], by="anna")

    assert await record(stores, kind="fact") == []


async def test_thousands_of_facts_go_in_at_once(stores: Stores) -> None:
    count = await stores.desk.put_facts([CONSENT | {"subject": f"c-{n}"} for n in range(1_200)], by="import")

    assert count == 1_200
    assert len(await record(stores, kind="fact", limit=1_000)) == 1_000


async def test_a_token_is_issued_for_a_service_and_only_its_id_is_on_record(stores: Stores) -> None:
    issued = await stores.desk.issue_token({"service": "checkout", "vendor": "parcelgate", "days": 1}, by="anna")

    caller = stores.tokens.verify(issued["token"])
    assert (caller.service, caller.vendor, caller.entity, caller.environment) == (
        "checkout", "parcelgate", "shop-eu", "live",
    )  # fmt: skip
    [entry] = await record(stores, kind="token")
    assert (entry["token"], entry["service"], entry["state"]) == (issued["id"], "checkout", "issued")
    assert issued["token"] not in repr(entry)


async def test_a_token_may_be_for_another_company(stores: Stores) -> None:
    issued = await stores.desk.issue_token({"service": "checkout", "entity": "shop-uk"}, by="anna")

    assert stores.tokens.verify(issued["token"]).entity == "shop-uk"


async def test_an_operators_token_is_for_operators(stores: Stores) -> None:
    issued = await stores.desk.issue_token({"service": "anna", "role": "operator"}, by="root")

    assert stores.tokens.verify(issued["token"], roles=[Role.OPERATOR]).service == "anna"
    with pytest.raises(Refusal):
        stores.tokens.verify(issued["token"])


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"service": "Check Out"},
        {"service": "checkout", "days": 0},
        {"service": "checkout", "days": 401},
        {"service": "a", "x": 1},
    ],
)
async def test_a_token_is_not_issued_for_what_no_contract_could_name(stores: Stores, asked: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        await stores.desk.issue_token(asked, by="anna")

    assert await record(stores, kind="token") == []


@pytest.mark.parametrize(
    ("role", "days", "told"), [("auditor", 31, "30 days"), ("agent", 2, "a day"), ("subject", 1, "an hour")]
)
async def test_a_token_that_would_end_earlier_than_is_asked_for_is_not_issued(
    stores: Stores, role: str, days: int, told: str
) -> None:
    whom = {"subject": "c-1"} if role == "subject" else {"service": "anna"}

    with pytest.raises(ValidationError, match=f"{told} is the longest for the role {role}"):
        await stores.desk.issue_token({**whom, "role": role, "days": days}, by="root")

    assert await record(stores, kind="token") == []


async def test_a_revoked_token_proves_nobody_and_the_others_go_on(stores: Stores) -> None:
    old, new = [await stores.desk.issue_token({"service": "checkout"}, by="anna") for _ in range(2)]

    await stores.desk.revoke_token(old["id"], by="bob")

    with pytest.raises(Refusal):
        stores.tokens.verify(old["token"])
    assert stores.tokens.verify(new["token"]).service == "checkout"
    assert (await record(stores, kind="token"))[0]["state"] == "revoked"


async def test_every_look_is_on_record_with_its_filters_and_what_was_found(stores: Stores) -> None:
    await stores.desk.issue_token({"service": "checkout"}, by="anna")

    found = await stores.desk.entries({"kind": "token", "limit": 5}, by="rita")

    assert [entry["kind"] for entry in found["entries"]] == ["token"]
    [access] = await record(stores, kind="access")
    assert (access["reviewer"], access["action"], access["found"]) == ("rita", "list", 1)
    assert access["filters"] == [["kind", "token"]]


async def test_who_was_searched_for_stands_sealed_in_the_record_of_the_look(stores: Stores) -> None:
    await stores.desk.put_facts([CONSENT], by="anna")

    found = await stores.desk.entries({"subject": "c-1"}, by="rita")

    assert [entry["kind"] for entry in found["entries"]] == ["fact"]
    [access] = await record(stores, kind="access", subject="c-1")
    assert "c-1" not in repr(access)


async def test_one_entry_is_shown_by_its_id_and_that_is_on_record_too(stores: Stores) -> None:
    await stores.desk.issue_token({"service": "checkout"}, by="anna")
    [token] = await record(stores, kind="token")

    shown = await stores.desk.entry(token["id"], by="rita")

    assert shown["service"] == "checkout"
    assert (await record(stores, kind="access"))[0]["filters"] == [["entry", token["id"]]]


async def test_the_id_of_a_disclosure_leads_to_what_became_of_it(stores: Stores) -> None:
    begun = stores.ledger.new_id()
    for attempt, outcome in ((1, Outcome("not_sent")), (2, Outcome("sent"))):
        intent = Intent(begun, shipment().manner, attempt)
        stores.ledger.settle(await stores.ledger.intend(intent, [PURCHASER], b"{}", within=20), outcome)
    await stores.ledger.intend(shipment(stores.ledger.new_id()), [PURCHASER], b"{}", within=20)

    shown = await stores.desk.entry(begun, by="rita")

    assert (shown["disclosure"], shown["attempt"], shown["outcome"]["result"]) == (begun, 2, "sent")
    assert (await record(stores, kind="access"))[0]["found"] == 1


async def test_one_entry_is_shown_by_its_number(stores: Stores) -> None:
    assert (await stores.desk.entry("0", by="rita"))["kind"] == "genesis"
    assert (await stores.desk.entry("1", by="rita"))["seq"] == 1


@pytest.mark.parametrize("named", ["999999", "9" * 32, "9" * 15])
async def test_a_number_that_no_entry_has_is_not_that_of_the_last_one(stores: Stores, named: str) -> None:
    with pytest.raises(UnknownEntry):
        await stores.desk.entry(named, by="rita")


async def test_a_token_that_is_given_for_its_id_does_not_get_on_record(stores: Stores) -> None:
    issued = await stores.desk.issue_token({"service": "checkout"}, by="anna")

    with pytest.raises(ValidationError):
        await stores.desk.revoke_token(issued["token"], by="anna")

    assert issued["token"] not in repr(await record(stores))


async def test_an_entry_that_does_not_exist_is_not_found_and_the_look_is_on_record(stores: Stores) -> None:
    with pytest.raises(UnknownEntry):
        await stores.desk.entry("f" * 32, by="rita")

    assert (await record(stores, kind="access"))[0]["found"] == 0


async def doubtful(stores: Stores) -> tuple[int, str]:
    """An intent that is in doubt: its number, and the id of the entry that says so."""
    ledger = stores.ledger
    ticket = await ledger.intend(shipment(), [PURCHASER], b"{}", within=20)
    ledger.settle(ticket, Outcome("in_doubt"))
    [said] = await record(stores, kind="outcome", result="in_doubt")
    return ticket.seq, said["id"]


@pytest.mark.parametrize("by_its_intent", [True, False])
@pytest.mark.parametrize("result", ["sent", "not_sent"])
async def test_what_was_in_doubt_is_what_a_reviewer_found_out(stores: Stores, by_its_intent: bool, result: str) -> None:
    seq, id_ = await doubtful(stores)
    asked = {"entry": str(seq) if by_its_intent else id_, "result": result, "reason": "the vendor's log, line 12"}

    said = await stores.desk.resolve(asked, by="rita")

    [entry] = await record(stores, kind="resolve")
    assert (entry["id"], entry["by"], entry["result"], entry["reason"]) == (said, "rita", result, asked["reason"])
    shown = await stores.desk.entry(str(seq), by="rita")
    assert shown["outcome"]["result"] == result
    assert [each["id"] for each in await record(stores, kind="intent", result=result)] == [shown["id"]]
    assert await record(stores, kind="intent", result="in_doubt") == []
    assert await record(stores, kind="outcome", result="in_doubt") != []


async def test_what_is_not_in_doubt_is_not_resolved_and_nothing_is_twice(stores: Stores) -> None:
    seq, _ = await doubtful(stores)
    asked = {"result": "sent", "reason": "asked"}
    tries = [stores.desk.resolve({"entry": str(seq), **asked}, by=by) for by in ("rita", "anna")]

    done = await asyncio.gather(*tries, return_exceptions=True)

    assert [type(each) for each in done] == [str, NotInDoubt]
    for entry in ("0", str(seq)):
        with pytest.raises(NotInDoubt):
            await stores.desk.resolve({"entry": entry, **asked}, by="rita")
    assert len(await record(stores, kind="resolve")) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"result": "possibly"},
        {"reason": ""},
        {"reason": "zoe@example.com said so"},
        {"reason": "called +49 170 1234567"},
        {"reason": "account 4815 1623 42"},
        {"reason": "x" * 201},
        {"who": "c-1"},
    ],
)
async def test_a_reason_that_could_hold_a_value_is_not_taken(stores: Stores, wrong: dict[str, str]) -> None:
    seq, _ = await doubtful(stores)

    with pytest.raises(ValidationError):
        await stores.desk.resolve({"entry": str(seq), "result": "sent", "reason": "asked"} | wrong, by="rita")

    assert await record(stores, kind="resolve") == []


@pytest.mark.parametrize(
    "asked",
    [
        {"vendor": "zoe@example.com"},
        {"caller": "Zoe Müller"},
        {"id": "1"},
        {"limit": 0},
        {"limit": 1_001},
        {"before": -1},
        {"before": 2**63},
        {"since": 10**30},
        {"until": 10**30},
        {"who": "c-1"},
    ],
)
async def test_a_filter_that_could_hold_a_value_is_not_taken(stores: Stores, asked: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        await stores.desk.entries(asked, by="rita")


async def test_numbers_that_no_database_holds_are_not_taken(stores: Stores) -> None:
    with pytest.raises(ValidationError):
        await stores.desk.checkpoints({"size": 2**63}, by="rita")
    for asked in ({"old": 2**63}, {"old": 1, "new": 2**63}):
        with pytest.raises(ValidationError):
            await stores.desk.growth(asked, by="rita")
    page = await stores.desk.entries({"before": 2**63 - 1, "since": 0, "until": 2**63 - 1, "limit": 1}, by="rita")

    assert len(page["entries"]) == 1
    assert await stores.desk.checkpoints({"size": 2**63 - 1}, by="rita") == []


async def test_where_the_record_cannot_be_written_nobody_looks_and_nothing_is_put(stores: Stores) -> None:
    stores.ledger._writer._dead = True

    for deed in (
        stores.desk.entries({}, by="rita"),
        stores.desk.put_facts([CONSENT], by="anna"),
        stores.desk.issue_token({"service": "checkout"}, by="anna"),
    ):
        with pytest.raises(Refusal) as refused:
            await deed
        assert refused.value.code == "ledger.unavailable"

    stores.ledger._writer._dead = False


class Untold:
    """Notices that no vendor has answered."""

    async def still_open(self, _: str) -> list[str]:
        return ["parcels", "stripe"]


@pytest.mark.parametrize("asked", [{"kind": "intents"}, {"result": "gone"}, {"code": "consent.mising"}])
async def test_a_filter_that_fits_no_entry_by_its_spelling_is_refused(stores: Stores, asked: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        await stores.desk.entries(asked, by="rita")


def test_every_kind_of_entry_can_be_asked_for() -> None:
    modules = [import_module(f"gateway.ledger.{found.name}") for found in pkgutil.iter_modules(gateway.ledger.__path__)]
    kinds = {
        str(vars(each)["kind"])
        for module in modules
        for each in vars(module).values()
        if isinstance(each, type) and isinstance(vars(each).get("kind"), str)
    }

    assert set(get_args(Kind)) == kinds


def knowing(stores: Stores, folder: Path) -> Desk:
    """A desk that knows the contracts of the shop."""
    write_files(folder, placed(FILES))
    contracts = load(folder)
    nothing: Any = Untold()
    return Desk(
        Intake(stores.registry, stores.ledger, node="n1"), stores.ledger, stores.tokens,
        environment="live", entity=lambda: "shop-eu", people=stores.registry, notices=nothing, erasures=nothing,
        holds=nothing, direct=nothing, consignees=stores.consignees,
        foresight=stores.desk.foresight, policies=stores.desk.policies,
        known=lambda: contracts,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("stop", "where"),
    [
        ({"vendor": "parcel"}, "1.vendor: the contracts have no such name; they have faults, "),
        ({"vendor": "parcels", "operation": "shipp"}, "1.operation: the contracts have no such name; they have depot"),
        ({"vendor": "payments", "operation": "ship"}, "1.operation: the contracts have no such name; they have "),
    ],
)
async def test_a_stop_that_would_stop_nothing_is_refused_with_everything_beside_it(
    stores: Stores, tmp_path: Path, stop: dict[str, Any], where: str
) -> None:
    desk = knowing(stores, tmp_path)

    with pytest.raises(UnknownName, match=f"^{where}"):
        await desk.put_facts([CONSENT | {"vendor": "parcels"}, {"kind": "suspension", **stop}], by="anna")

    assert await record(stores, kind="fact") == []


async def test_the_end_of_a_paper_that_nobody_has_is_refused_and_so_is_its_rehearsal(
    stores: Stores, tmp_path: Path
) -> None:
    desk = knowing(stores, tmp_path)
    end = {"kind": "agreement_end", "vendor": "parcels", "agreement": "NDA-9"}
    paper = {"type": "nda", "id": "NDA-9", "signed": "2026-01-01", "until": "2095-12-31"}

    for asked in (desk.put_facts([end], by="anna"), desk.rehearse([end], by="anna")):
        with pytest.raises(UnknownName, match=r"^0\.agreement: .* they have DPA-1; did you mean `DPA-1`\?$"):
            await asked
    with pytest.raises(UnknownName, match=r"^0\.vendor: "):
        await desk.put_facts([end | {"vendor": "parcel"}], by="anna")
    taken = await desk.put_facts([{"kind": "agreement", "vendor": "parcels", "agreement": paper}, end], by="anna")
    again = await desk.put_facts([end], by="anna")

    assert (taken, again) == (2, 1)


@pytest.mark.parametrize(
    "fact",
    [
        {"kind": "review", "held": "2026-11-20", "next": "2027-11-20"},
        {"kind": "attestation", "of": "security", "given": "2026-11-20"},
        {"kind": "agreement", "agreement": {"type": "nda", "id": "N-1", "signed": "2026-01-01", "until": "2095-12-31"}},
    ],
    ids=lambda fact: str(fact["kind"]),
)
async def test_what_is_said_of_a_vendor_that_nobody_has_is_refused(
    stores: Stores, tmp_path: Path, fact: dict[str, Any]
) -> None:
    desk = knowing(stores, tmp_path)

    with pytest.raises(UnknownName, match=r"^0\.vendor: the contracts have no such name"):
        await desk.put_facts([fact | {"vendor": "parcel"}], by="anna")

    assert await desk.put_facts([fact | {"vendor": "parcels"}], by="anna") == 1


async def test_what_stops_something_is_taken_and_so_is_whatever_is_lifted(stores: Stores, tmp_path: Path) -> None:
    desk = knowing(stores, tmp_path)
    await noticing(stores).put_facts([{"kind": "suspension", "vendor": "gone"}], by="anna")
    stops: list[dict[str, Any]] = [
        {"vendor": "parcels"},
        {"vendor": "parcels", "operation": "ship"},
        {"vendor": "gone", "lifted": True},
    ]

    assert await desk.put_facts([{"kind": "suspension", **stop} for stop in stops], by="anna") == 3


SAID_OF = {
    "a withdrawal": {"kind": "consent", "subject": "c-1", "purpose": "delivery", "state": "withdrawn"},
    "an objection": {"kind": "flag", "subject": "c-1", "flag": "objected"},
    "the end of a stop": {"kind": "suspension", "lifted": True},
}


@pytest.mark.parametrize("fact", SAID_OF.values(), ids=SAID_OF)
async def test_what_is_said_of_a_vendor_that_nobody_ever_had_is_refused_with_the_name_that_may_be_meant(
    stores: Stores, tmp_path: Path, fact: dict[str, Any]
) -> None:
    desk = knowing(stores, tmp_path)

    with pytest.raises(UnknownName, match=r"^0\.vendor: .*; did you mean `parcels`\?$"):
        await desk.put_facts([fact | {"vendor": "parcel"}], by="anna")
    earlier = {"lifted": False} if "lifted" in fact else {}
    await noticing(stores).put_facts([fact | earlier | {"vendor": "parcel"}], by="anna")

    assert await desk.put_facts([fact | {"vendor": "parcel"}], by="anna") == 1


@pytest.mark.parametrize("rows", [[], {}, "x", None], ids=str)
async def test_where_there_is_no_fact_that_is_said(stores: Stores, rows: Any) -> None:
    with pytest.raises(NoFacts):
        await stores.desk.put_facts(rows, by="anna")


async def test_where_the_contracts_do_not_load_a_stop_is_taken_as_it_is(stores: Stores) -> None:
    assert await noticing(stores).put_facts([{"kind": "suspension", "vendor": "anybody"}], by="anna") == 1


@pytest.mark.parametrize("narrowed", [{"vendor": "parcel"}, {"entity": "shop-en"}])
async def test_no_token_is_issued_with_which_no_call_could_be_made(
    stores: Stores, tmp_path: Path, narrowed: dict[str, Any]
) -> None:
    with pytest.raises(UnknownName, match=f"^{next(iter(narrowed))}: "):
        await knowing(stores, tmp_path).issue_token({"service": "fulfilment", **narrowed}, by="anna")

    assert await record(stores, kind="token") == []


async def test_of_a_token_for_a_service_that_no_contract_names_that_is_said(stores: Stores, tmp_path: Path) -> None:
    desk = knowing(stores, tmp_path)

    named = await desk.issue_token({"service": "fulfilment", "vendor": "parcels", "entity": "shop-eu"}, by="anna")
    unnamed = await desk.issue_token({"service": "fulfillment"}, by="anna")
    staff = await desk.issue_token({"service": "rita", "role": "operator"}, by="anna")

    assert "no contract names this service" in unnamed["note"]
    assert not {"note"} & (named.keys() | staff.keys())


def noticing(stores: Stores) -> Desk:
    """A desk that vendors have not yet answered."""
    notices: Any = Untold()
    return Desk(
        Intake(stores.registry, stores.ledger, node="n1"), stores.ledger, stores.tokens,
        environment="live", entity=lambda: "shop-eu", people=stores.registry, notices=notices, erasures=notices,
        holds=stores.holds, direct=notices, consignees=stores.consignees,
        foresight=stores.desk.foresight, policies=stores.desk.policies,
    )  # fmt: skip


async def test_nobody_is_erased_before_vendors_were_told_unless_it_is_forced(stores: Stores) -> None:
    await stores.desk.put_facts([CONSENT], by="anna")
    desk, asked = noticing(stores), {"subject": "c-1", "reason": "request"}

    with pytest.raises(Refusal) as refused:
        await desk.erase(asked, by="anna")
    assert refused.value.code == "erasure.notices_open"
    assert "parcels, stripe" in refused.value.failures[0].detail
    assert len(await record(stores, kind="fact", subject="c-1")) == 1

    done = await desk.erase(asked | {"force": True}, by="anna")

    [_, begun] = await record(stores, kind="erase")
    assert (begun["id"], begun["forced"], begun["by"], begun["reason"]) == (done["entry"], True, "anna", "request")
    assert await record(stores, kind="fact", subject="c-1") == []


async def test_where_nobody_is_to_be_told_nothing_is_forced(stores: Stores) -> None:
    await stores.desk.erase({"subject": "c-1", "reason": "request", "force": True}, by="anna")

    [_, begun] = await record(stores, kind="erase")
    assert "forced" not in begun


async def test_a_hold_stands_even_against_force(stores: Stores) -> None:
    await stores.holds.hold({"subject": "c-1", "reason": "court-order", "until": "2999-12-31"}, by="anna")

    with pytest.raises(Refusal) as refused:
        await noticing(stores).erase({"subject": "c-1", "reason": "request", "force": True}, by="anna")

    with pytest.raises(Refusal) as untold:
        await noticing(stores).erase({"subject": "c-1", "reason": "request"}, by="anna")

    # Also before vendors are told anything: nobody is to be told to erase somebody who is held.
    assert (refused.value.code, untold.value.code) == ("erasure.held", "erasure.held")
    assert await stores.holds.release({"subject": "c-1"}, by="rita") == 1
    assert await stores.holds.release({"subject": "c-1"}, by="rita") == 0


async def test_what_decisions_look_up_is_gone_with_the_person(stores: Stores) -> None:
    people = [{"role": "payer", "subject": "c-1"}, {"role": "consignee", "subject": "c-2"}]
    order = {"kind": "order", "order": "A-1", "people": people}
    lives: dict[str, Any] = {"kind": "subject", "subject": "c-1", "jurisdiction": "DE"}
    await stores.desk.put_facts([CONSENT, order, CONSENT | {"subject": "c-2"}, lives], by="anna")
    mentions = [Mention(SubjectRole.PAYER, order="A-1"), Mention(SubjectRole.CONSIGNEE, order="A-1")]
    before = await stores.registry.about(mentions, consents=True, order=None)
    assert set(before.people) == {SubjectRole.PAYER, SubjectRole.CONSIGNEE}

    await stores.desk.erase({"subject": "c-1", "reason": "request"}, by="anna")

    after = await stores.registry.about(mentions, consents=True, order=None)
    assert {role: person.ref for role, person in after.people.items()} == {SubjectRole.CONSIGNEE: "c-2"}
    assert set(after.consents) == {"c-2"}
    assert await stores.registry.known() == {"c-2"}
