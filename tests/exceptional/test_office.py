"""Disclosures outside contracts, as staff make them: over real sockets, with tokens of their own."""

import base64
import json
import logging
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from demands import AGENCY, CANARY, DOCUMENT, EMERGENCY, FIELDS, LEGAL, RIGHTS, Staff, content, result
from joserfc.jwe import decrypt_compact
from joserfc.jwk import ECKey
from running import Running, running
from sockets import Reply

from gateway.exceptional.case import REVIEW, WINDOW
from gateway.identity import Caller
from gateway.report.wanted import REPORTS
from gateway.rights.report import WantReport
from gateway.vocabulary import Role

LEFT = b'{"orders":[{"number":"A-1","recipient":{"name":"Ann Qz7canary","city":"Berlin"}}]}'
ABROAD = LEGAL | {
    "recipient": AGENCY | {"country": "US", "kind": "judicial"},
    "demand": "agreement",
    "agreement": "Treaty of 2003",
    "crossing": "derogation_public_interest",
    "stored_in": ["DE"],
}
OPINION = {"dated": "2026-02-01", "favourable": True, "text": "It is covered."}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("exceptional")) as gateway:
        yield gateway


@pytest.fixture
def staff(gateway: Running) -> Iterator[Staff]:
    office, usual = gateway.gateway.office, gateway.gateway.office._now
    yield Staff(gateway)
    office._now = usual


def later(staff: Staff, by: timedelta) -> None:
    staff.gateway.gateway.office._now = lambda: datetime.now(UTC) + by


def approved(staff: Staff, asked: Mapping[str, Any] = LEGAL) -> str:
    case = staff.opened(asked)
    assert staff.take(case, "approve", {}).status == 200
    return case


def test_what_two_people_let_go_is_cut_written_down_and_handed_over(staff: Staff) -> None:
    case = approved(staff)

    reply = staff.send(case)

    assert content(reply) == LEFT
    assert (result(reply)["state"], result(reply)["fields"], result(reply)["withheld"]) == ("sent", 3, 4)
    [intent] = [
        each for each in staff.gateway.record(kind="intent", subject="c-1") if each["exceptional"]["case"] == case
    ]
    assert intent["outcome"]["result"] == "sent"
    assert intent["exceptional"] == {
        "case": case,
        "scenario": "legal_compulsion",
        "recipient": "law_enforcement",
        "country": "DE",
        "handover": "portal",
        "inquiry": True,
        "demand": "domestic",
    }
    assert intent["purpose"] == "legal_compulsion"
    assert intent["recipient"] == {"name": "Staatsanwaltschaft Berlin"}
    assert intent["retention"] == {"class": "legal_request"}
    assert intent["grounds"][0]["basis"] == "legal_obligation"
    assert intent["disclosed"] == [
        {
            "form": "as_is",
            "of": ["purchaser"],
            "fields": [[path, category] for path, category in FIELDS.items()],
        }
    ]


def test_every_step_is_an_entry_and_holds_nothing_that_somebody_wrote(staff: Staff) -> None:
    case = staff.opened(LEGAL | {"necessity": f"Because of {CANARY}."})
    staff.take(case, "refuse", {"why": f"No: {CANARY}."})

    steps = [each for each in staff.gateway.record(kind="exceptional") if each["case"] == case]

    assert [(each["step"], each["by"]) for each in reversed(steps)] == [("request", "stella"), ("refuse", "dora")]
    assert CANARY not in json.dumps(steps)
    assert steps[-1]["categories"] == ["address.city", "order.id", "person.name"]


def test_nothing_of_a_document_or_of_what_was_written_is_on_the_disk(staff: Staff) -> None:
    case = approved(staff, LEGAL | {"necessity": f"Because of {CANARY}."})
    staff.send(case)
    staff.gateway.entries()

    files = [file for file in (staff.gateway.folder / "data").rglob("*") if file.is_file()]

    assert len(files) > 3
    assert [file.name for file in files if CANARY.encode() in file.read_bytes()] == []
    assert [file.name for file in files if case.encode() in file.read_bytes()] != []


@pytest.mark.parametrize("scenario", ["marketing", "vendor", "", None])
def test_a_fourth_scenario_has_no_route(staff: Staff, scenario: object) -> None:
    before = len(staff.gateway.record(kind="exceptional"))

    replies = [staff.request(asked | {"scenario": scenario}) for asked in (LEGAL, RIGHTS, EMERGENCY)]

    assert [reply.status for reply in replies] == [422] * 3
    assert len(staff.gateway.record(kind="exceptional")) == before


def test_what_an_authority_did_not_say_is_told_all_at_once_and_opens_no_case(staff: Staff) -> None:
    incomplete = LEGAL | {"instrument": {"type": "call", "entire": True}, "demand": None, "necessity": None}
    before = len(staff.gateway.record(kind="exceptional"))

    reply = staff.request(incomplete)

    assert (reply.status, reply.code) == (422, "exceptional.incomplete")
    assert [each["detail"] for each in json.loads(reply.payload)["errors"]] == [
        "demand is missing",
        "necessity is missing",
        "instrument.number is missing",
        "instrument.dated is missing",
        "instrument.law is missing",
        "instrument.written",
        "instrument.reasoned",
        "instrument.entire",
    ]
    assert len(staff.gateway.record(kind="exceptional")) == before
    [refused, *_] = staff.gateway.record(kind="refusal")
    assert {"exceptional.not_written", "exceptional.entirety"} < set(refused["codes"])


def test_whoever_asks_does_not_approve(staff: Staff) -> None:
    case = staff.opened(LEGAL, "dora", Role.DECIDER)

    replies = [staff.take(case, step, {} if step == "approve" else {"why": "no"}) for step in ("approve", "refuse")]

    assert [(reply.status, reply.code) for reply in replies] == [(403, "exceptional.same_approver")] * 2
    assert staff.send(case).code == "exceptional.state"
    assert staff.take(case, "approve", {}, "emil").status == 200


def test_only_what_was_asked_for_can_be_approved_and_only_that_leaves(staff: Staff) -> None:
    case = staff.opened(LEGAL)

    wider = staff.take(case, "approve", {"fields": FIELDS | {"$.orders.*.note": "delivery.note"}})
    other = staff.take(case, "approve", {"fields": {"$.orders.*.number": "account.id"}})
    narrower = staff.take(case, "approve", {"fields": {"$.orders.*.number": "order.id"}})
    reply = staff.send(case)

    assert [wider.code, other.code, narrower.status] == ["exceptional.scope", "exceptional.scope", 200]
    assert content(reply) == b'{"orders":[{"number":"A-1"}]}'


def test_a_document_about_others_goes_nowhere(staff: Staff) -> None:
    case = approved(staff)
    others = json.dumps({"orders": [{"number": "A-1", "customer": "c-1"}, {"number": "B", "customer": "c-2"}]})

    replies = [
        staff.send(case, document=base64.b64encode(document).decode())
        for document in (others.encode(), b'{"orders":[]}', b"{", b'{"x":1}')
    ]

    assert [reply.code for reply in replies] == [
        "subject.mismatch",
        "subject.unresolved",
        "body.unreadable",
        "subject.unresolved",
    ]
    assert staff.send(case).status == 200


def test_a_document_may_name_a_person_by_a_reference_that_is_linked(staff: Staff) -> None:
    document = json.dumps({"orders": [{"number": "G-1", "customer": "guest-4711"}]}).encode()
    case = approved(staff)

    before = staff.send(case, document=base64.b64encode(document).decode())
    staff.gateway.put({"kind": "link", "subject": "c-1", "other": "guest-4711"})
    after = staff.send(case, document=base64.b64encode(document).decode())

    assert (before.code, after.status) == ("subject.mismatch", 200)
    assert content(after) == b'{"orders":[{"number":"G-1"}]}'


def test_before_a_third_country_the_officer_is_asked_and_never_approves(staff: Staff) -> None:
    case = approved(staff, ABROAD)

    early = staff.send(case)
    undated = staff.take(case, "opinion", OPINION | {"dated": "2095-01-01"}, "paula", Role.DPO)
    same = staff.take(case, "opinion", OPINION, "dora", Role.DPO)
    given = staff.take(case, "opinion", OPINION, "paula", Role.DPO)
    sent = staff.send(case)

    assert [early.code, undated.code] == ["exceptional.opinion", "exceptional.incomplete"]
    assert same.code == "exceptional.same_approver"
    assert (given.status, sent.status) == (200, 200)
    [intent, *_] = staff.gateway.record(kind="intent", subject="c-1")
    assert intent["transfer"] == [["DE", "derogation_public_interest"]]
    assert intent["countries"] == ["US"]
    # A demand of a third country is no inquiry under the law of the Union, so whoever made it is a recipient.
    assert "inquiry" not in intent["exceptional"]


def test_whoever_gave_the_opinion_does_not_approve_and_against_it_takes_a_reason(staff: Staff) -> None:
    case = staff.opened(ABROAD)
    staff.take(case, "opinion", OPINION | {"favourable": False}, "paula", Role.DPO)

    own = staff.take(case, "approve", {"despite": "It is urgent."}, "paula")
    silent = staff.take(case, "approve", {})
    reasoned = staff.take(case, "approve", {"despite": "The treaty leaves no choice."})

    assert [own.code, silent.code] == ["exceptional.same_approver", "exceptional.opinion"]
    assert (reasoned.status, staff.send(case).status) == (200, 200)


def test_where_the_opinion_against_it_comes_after_the_approval_it_is_approved_once_more_despite_that(
    staff: Staff,
) -> None:
    case = approved(staff, ABROAD)
    early = staff.take(case, "approve", {"despite": "Nobody has said anything yet."})
    staff.take(case, "opinion", OPINION | {"favourable": False}, "paula", Role.DPO)

    stopped, silent = staff.send(case), staff.take(case, "approve", {})
    reasoned = staff.take(case, "approve", {"despite": "The treaty leaves no choice."})
    again = staff.take(case, "approve", {"despite": "Twice."})

    assert [early.code, again.code] == ["exceptional.state"] * 2
    assert [stopped.code, silent.code] == ["exceptional.opinion"] * 2
    assert (reasoned.status, staff.send(case).status) == (200, 200)


def test_a_case_says_which_step_it_waits_for(staff: Staff) -> None:
    def awaits(reply: Reply) -> object:
        return result(reply)["awaits"]

    at_home, abroad = staff.opened(LEGAL), staff.opened(ABROAD)

    listed = {
        each["case"]: each["awaits"]
        for each in json.loads(staff.ask("dora", Role.DECIDER, "GET", "requests").payload)["result"]
    }
    assert (listed[at_home], listed[abroad]) == ("approve", "opinion")
    assert [awaits(staff.take(at_home, "approve", {})), awaits(staff.send(at_home))] == ["send", ""]
    # Approved before the officer was asked, who then is against it.
    assert awaits(staff.take(abroad, "approve", {})) == "opinion"
    against = OPINION | {"favourable": False}
    assert awaits(staff.take(abroad, "opinion", against, "paula", Role.DPO)) == "approve"
    assert awaits(staff.take(abroad, "approve", {"despite": "A court ordered it."})) == "send"
    assert awaits(staff.request(EMERGENCY, "eve")) == ""


def test_in_an_emergency_one_person_sends_and_another_reviews(staff: Staff) -> None:
    case = staff.opened(EMERGENCY, "eva")

    other = staff.send(case, "stella")
    sent = staff.send(case, "eva")
    own = staff.take(case, "review", {"judgement": "justified"}, "eva")
    reviewed = staff.take(case, "review", {"judgement": "justified"}, "dora")

    assert (other.code, own.code) == ("exceptional.window", "exceptional.same_approver")
    assert content(sent) == LEFT
    assert "review_due" in result(sent)
    assert "review_due" not in result(reviewed)
    [intent, *_] = staff.gateway.record(kind="intent", subject="c-1")
    assert (intent["exceptional"]["danger"], intent["grounds"][0]["basis"]) == ("life", "vital_interest")
    assert intent["exceptional"]["review_due"]


def test_the_window_of_an_emergency_closes(staff: Staff) -> None:
    case = staff.opened(EMERGENCY, "eva")
    later(staff, WINDOW + timedelta(seconds=5))

    reply = staff.send(case, "eva")

    assert (reply.status, reply.code) == (403, "exceptional.window")


def test_a_late_review_is_told_and_whoever_sent_opens_no_other_until_it_is_made(
    staff: Staff, caplog: pytest.LogCaptureFixture
) -> None:
    case = staff.opened(EMERGENCY, "otto")
    staff.send(case, "otto")
    later(staff, REVIEW + timedelta(minutes=1))

    with caplog.at_level(logging.WARNING):
        staff.gateway.do(staff.gateway.gateway.office.escalate)
        staff.gateway.do(staff.gateway.gateway.office.escalate)
    stopped, others = staff.request(EMERGENCY, "otto"), staff.request(EMERGENCY, "eva")
    [due] = [
        each
        for each in json.loads(staff.ask("dora", Role.DECIDER, "GET", "due").payload)["result"]
        if each["ref"] == case and each["what"] == "exceptional.review"
    ]
    staff.take(case, "review", {"judgement": "partly"}, "dora")

    assert (stopped.status, stopped.code, others.status) == (403, "exceptional.review_overdue", 200)
    assert due["role"] == "dpo"
    steps = [each["step"] for each in staff.gateway.record(kind="exceptional") if each["case"] == case]
    assert steps == ["review", "escalate", "send", "request"]
    assert f"case {case}" in caplog.text
    assert staff.request(EMERGENCY, "otto").status == 200


def test_a_danger_to_life_may_be_told_by_telephone_and_entered_afterwards(staff: Staff) -> None:
    told = {"happened_at": "2026-02-03T04:05:06+01:00", "person": f"Sgt {CANARY}", "called_back": "+49 30 112"}

    case = staff.opened(EMERGENCY | {"told": told}, "eva")

    [intent, *_] = staff.gateway.record(kind="intent", subject="c-1")
    assert (intent["exceptional"]["case"], intent["exceptional"]["handover"]) == (case, "oral")
    assert intent["exceptional"]["happened"] == "2026-02-03T03:05:06+00:00"
    assert intent["outcome"]["result"] == "sent"
    assert [path for path, _ in intent["disclosed"][0]["fields"]] == list(FIELDS)
    assert CANARY not in json.dumps(intent)
    kept = result(staff.ask("dora", Role.DECIDER, "GET", f"requests/{case}"))
    assert kept["asked"]["told"]["called_back"] == "+49 30 112"
    assert staff.send(case, "eva").code == "exceptional.state"


def test_only_a_danger_to_life_may_be_told_by_telephone(staff: Staff) -> None:
    told = {"happened_at": "2026-02-03T04:05:06+01:00", "person": "Sgt A", "called_back": "+49 30 112"}

    reply = staff.request(EMERGENCY | {"danger": "health", "told": told}, "eva")

    assert (reply.status, reply.code) == (403, "exceptional.oral")


def test_a_sealed_document_opens_with_the_recipients_key_alone(staff: Staff) -> None:
    key = ECKey.generate_key("P-256")
    case = approved(staff)

    without = staff.send(case, handover="sealed")
    unfit = staff.send(case, handover="sealed", key="no key")
    reply = staff.send(case, handover="sealed", key=key.as_pem(private=False).decode())

    assert (without.code, unfit.status) == ("exceptional.incomplete", 422)
    assert CANARY.encode() not in content(reply)
    assert decrypt_compact(content(reply).decode(), key, algorithms=["ECDH-ES+A256KW", "A256GCM"]).plaintext == LEFT
    [intent, *_] = staff.gateway.record(kind="intent", subject="c-1")
    assert intent["disclosed"][0]["form"] == "encrypt"
    assert intent["disclosed"][0]["key"] == key.thumbprint()


@pytest.mark.parametrize(("how", "name"), [("archive", "zip"), ("print", "html"), ("oral", "txt"), ("portal", "json")])
def test_who_has_no_key_gets_it_another_way_and_the_passphrase_stands_nowhere(
    staff: Staff, how: str, name: str
) -> None:
    case = approved(staff)

    given = result(staff.send(case, handover=how))
    again = staff.send(case, handover=how)

    [intent, *_] = staff.gateway.record(kind="intent", subject="c-1")
    files = [file for file in (staff.gateway.folder / "data").rglob("*") if file.is_file()]
    phrase = given.get("passphrase", "")
    assert given["name"] == f"{case}.{name}"
    assert given["digest"] == f"sha256:{sha256(LEFT).hexdigest()}"
    assert intent["exceptional"]["handover"] == how
    assert bool(phrase) is (how == "archive")
    assert not phrase or not any(phrase.encode() in file.read_bytes() for file in files)
    assert again.code == "exceptional.state"


def test_to_preserve_is_an_outcome_in_which_nothing_leaves(staff: Staff) -> None:
    asked = LEGAL | {"subjects": [{"subject": "c-77", "role": "purchaser", "jurisdiction": "DE"}]}
    case = staff.opened(asked)

    own = staff.take(case, "preserve", {"until": "2095-01-01", "why": "An order is coming."}, "stella")
    done = staff.take(case, "preserve", {"until": "2095-01-01", "why": "An order is coming."})
    [hold] = staff.gateway.record(kind="hold", subject="c-77")
    erased = staff.gateway.said(
        staff.gateway.raw(
            "POST",
            "/subjects/erase",
            body=b'{"subject":"c-77","reason":"request"}',
            token=staff.gateway.token("olga", role=Role.OPERATOR),
        ),
        operators=True,
    )

    assert own.status == 403
    assert (result(done)["state"], hold["reason"], hold["until"]) == ("preserved", "preservation-order", "2095-01-01")
    assert erased.code == "erasure.held"
    assert staff.send(case).code == "exceptional.state"
    assert staff.gateway.record(kind="intent", subject="c-77") == []
    assert staff.take(case, "approve", {}).status == 200


def test_suppression_ends_by_itself_and_telling_the_person_becomes_a_task(staff: Staff) -> None:
    until = datetime.now(UTC).date() + timedelta(days=10)
    suppress = {"until": until.isoformat(), "authority": "AG Tiergarten", "written": True}
    case = approved(staff, LEGAL | {"suppress": suppress})
    sent = result(staff.send(case))

    early = staff.take(case, "told", {"how": "by letter"}, "stella", Role.STEWARD)
    later(staff, timedelta(days=12))
    tasks = json.loads(staff.ask("dora", Role.DECIDER, "GET", "due").payload)["result"]
    done = staff.take(case, "told", {"how": "by letter"}, "stella", Role.STEWARD)
    left = json.loads(staff.ask("dora", Role.DECIDER, "GET", "due").payload)["result"]

    assert early.code == "exceptional.suppression"
    assert date.fromisoformat(sent["suppressed_until"][:10]) in (until, until + timedelta(days=1))
    assert {each["what"] for each in tasks if each["ref"] == case} == {
        "exceptional.tell",
        "exceptional.suppression_ends",
    }
    assert done.status == 200
    assert [each for each in left if each["ref"] == case] == []
    [intent, *_] = staff.gateway.record(kind="intent", subject="c-1")
    assert intent["exceptional"]["suppressed_until"] == sent["suppressed_until"]


def test_what_is_suppressed_stands_in_the_persons_report_from_the_day_it_ends_and_in_the_record_always(
    staff: Staff,
) -> None:
    until = datetime.now(UTC).date() + timedelta(days=10)
    suppress = {"until": until.isoformat(), "authority": "AG Tiergarten", "written": True}
    people = [{"subject": "c-44", "role": "purchaser", "jurisdiction": "DE"}]
    for more in ({}, {"suppress": suppress}):
        assert staff.send(approved(staff, LEGAL | {"subjects": people, "whose": None} | more)).status == 200
    caller = Caller("", "0" * 32, "shop-eu", "live", None, 2**40, Role.SUBJECT, subject="c-44")
    desk, usual = staff.gateway.gateway.disclosures, staff.gateway.gateway.disclosures._now

    def told(days: int) -> list[str]:
        desk._now = lambda: datetime.now(UTC) + timedelta(days=days)
        report = staff.gateway.do(lambda: desk.made(caller, WantReport()))
        return [line.recipient.name for line in report.disclosures]

    before, after = told(0), told(12)
    desk._now = usual

    assert before == ["Staatsanwaltschaft Berlin"]
    assert after == ["Staatsanwaltschaft Berlin"] * 2
    assert len(staff.gateway.record(kind="intent", subject="c-44")) == 2


def test_a_revoked_token_sends_nothing(staff: Staff) -> None:
    case = approved(staff)
    issued = staff.gateway.issued("rosa", role=Role.STEWARD)
    staff.gateway.do(lambda: staff.gateway.stores.desk.revoke_token(issued["id"], by="a test"))

    reply = staff.gateway.said(
        staff.gateway.raw("POST", f"/exceptional/requests/{case}/send", body=b"{}", token=issued["token"]),
        operators=True,
    )

    assert (reply.status, reply.code) == (401, "caller.unknown")


def test_a_case_is_looked_at_by_those_who_deal_with_it_and_the_look_is_an_entry(staff: Staff) -> None:
    case = staff.opened(RIGHTS)

    listed = staff.ask("rita", Role.REVIEWER, "GET", "requests")
    [newest, *_] = json.loads(listed.payload)["result"]
    hidden = staff.ask("rita", Role.REVIEWER, "GET", f"requests/{case}")
    shown = staff.ask("dora", Role.DECIDER, "GET", f"requests/{case}")
    unknown = staff.ask("dora", Role.DECIDER, "GET", "requests/nothing")

    assert (newest["case"], newest["people"]) == (case, 1)
    assert "c-1" not in listed.payload.decode()
    assert (hidden.status, hidden.code, unknown.status) == (403, "caller.role", 422)
    assert result(shown)["asked"]["assessment"] == "LIA-12"
    looks = [each for each in staff.gateway.record(kind="access") if each.get("filters") == [["case", case]]]
    assert [(look["reviewer"], look["action"]) for look in looks] == [("dora", "case")]


def test_who_was_erased_is_in_no_case_any_more(staff: Staff) -> None:
    case = staff.opened(LEGAL | {"subjects": [{"subject": "c-66", "role": "purchaser", "jurisdiction": "DE"}]})
    staff.take(case, "approve", {})
    staff.gateway.do(lambda: staff.gateway.stores.desk.erase({"subject": "c-66", "reason": "request"}, by="a test"))

    reply = staff.send(case)

    assert (reply.status, reply.code) == (403, "subject.erased")
    assert result(staff.ask("dora", Role.DECIDER, "GET", f"requests/{case}"))["subjects"] == []


@pytest.mark.parametrize("flag", ["restricted", "inactive"])
def test_the_law_may_demand_what_no_vendor_gets_any_more(staff: Staff, flag: str) -> None:
    about = {"kind": "flag", "subject": "c-89", "flag": flag}
    staff.gateway.put(about)
    case = approved(staff, LEGAL | {"subjects": [{"subject": "c-89", "role": "consignee"}], "whose": None})

    vendor, authority = staff.gateway.ship(), staff.send(case)
    staff.gateway.put(about | {"lifted": True})

    assert (vendor.status, vendor.code) == (403, f"subject.{flag}")
    assert authority.status == 200


def test_an_objection_stops_the_protection_of_rights_until_it_is_decided(staff: Staff) -> None:
    about = {"kind": "flag", "subject": "c-1", "flag": "objected", "purpose": "rights_protection"}
    case = approved(staff, RIGHTS)
    staff.gateway.put(about)

    opened, sent, legal = staff.request(RIGHTS), staff.send(case), staff.request(LEGAL)
    staff.gateway.put(about | {"lifted": True})

    assert (opened.code, sent.code, legal.status) == ("basis.objected", "basis.objected", 200)
    assert staff.send(case).status == 200


def test_reports_and_notices_know_recipients_that_are_no_vendors(staff: Staff) -> None:
    case = approved(staff, ABROAD | {"subjects": [{"subject": "c-55", "role": "purchaser"}], "whose": None})
    staff.take(case, "opinion", OPINION, "paula", Role.DPO)
    assert staff.send(case).status == 200

    async def read(name: str) -> str:
        wanted = {"report": name, "form": "csv"}
        made = await staff.gateway.gateway.reports.made(wanted, by="rita", role="reviewer")
        return "".join([piece async for piece in made.pieces])

    texts = {name: staff.gateway.do(partial(read, name)) for name in REPORTS}
    tell = {"cause": "erasure", "subject": "c-55"}
    told = staff.gateway.do(lambda: staff.gateway.stores.notices.tell(tell, by="stella"))

    assert "judicial" in texts["activities"]
    assert "GDPR 49(1)(d)" in texts["transfers"]
    assert "exceptional/legal_compulsion" in texts["minimisation"]
    assert told == []


def test_the_company_that_was_asked_discloses_whoever_sends_it(staff: Staff) -> None:
    case = approved(staff)
    body = {"document": base64.b64encode(DOCUMENT).decode(), "handover": "portal"}
    token = staff.gateway.token("ursula", role=Role.STEWARD, entity="shop-uk")
    raw = staff.gateway.raw("POST", f"/exceptional/requests/{case}/send", body=json.dumps(body).encode(), token=token)

    reply = staff.gateway.said(raw, operators=True)

    assert reply.status == 200
    [intent, *_] = staff.gateway.record(kind="intent", subject="c-1")
    assert (intent["exceptional"]["case"], intent["entity"], intent["caller"]) == (case, "shop-eu", "ursula")


def test_cases_outlive_the_process(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        case = approved(Staff(gateway))
    with running(tmp_path, facts=()) as gateway:
        reply = Staff(gateway).send(case)

    assert content(reply) == LEFT
    assert DOCUMENT not in content(reply)


def test_an_investigation_of_the_shops_own_keeps_a_line_from_the_person_where_that_is_set_until_its_day(
    tmp_path: Path, staff: Staff
) -> None:
    until = datetime.now(UTC).date() + timedelta(days=10)
    suppress = {"until": until.isoformat(), "authority": "Head of fraud prevention", "written": True}
    people = [{"subject": "c-45", "role": "purchaser", "jurisdiction": "DE"}]
    asked = RIGHTS | {"subjects": people, "whose": None, "suppress": suppress}
    caller = Caller("", "0" * 32, "shop-eu", "live", None, 2**40, Role.SUBJECT, subject="c-45")
    with running(tmp_path, exceptional_delay=True) as gateway:
        delaying, desk = Staff(gateway), gateway.gateway.disclosures
        case = delaying.opened(asked)
        own = delaying.take(case, "approve", {}, "stella").status
        assert delaying.take(case, "approve", {}).status == 200
        assert delaying.send(case).status == 200

        def told(days: int) -> int:
            desk._now = lambda: datetime.now(UTC) + timedelta(days=days)
            return len(gateway.do(lambda: desk.made(caller, WantReport())).disclosures)

        before, after = told(0), told(12)
        on_record = len(gateway.record(kind="intent", subject="c-45"))

    assert (own, before, after, on_record) == (403, 0, 1, 1)
    assert staff.send(approved(staff, asked | {"suppress": None})).status == 200
    assert staff.ask("stella", Role.STEWARD, "POST", "requests", asked).code == "exceptional.suppression"


def test_a_recipient_opens_a_sealed_file_as_the_page_says(
    staff: Staff, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "oversight.md").read_text("utf-8")
    [lines] = re.findall(r"```python\n(from joserfc.+?)```", page, re.DOTALL)
    key = ECKey.generate_key("P-256")
    reply = staff.send(approved(staff), handover="sealed", key=key.as_pem(private=False).decode())
    (tmp_path / "court.key").write_bytes(key.as_pem(private=True))
    (tmp_path / "CASE.jwe").write_bytes(content(reply))
    monkeypatch.chdir(tmp_path)

    exec(lines, {})

    assert capsys.readouterr().out.encode() == LEFT + b"\n"
