"""Two deciders let named operations pass named codes for some hours, and nothing that a law demands."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from clearances import NOON, SHIP, agreed, asked, codes, given
from hypothesis import given as for_all
from hypothesis import strategies as st
from processes import Machine
from pydantic import ValidationError
from running import Running, running

from gateway.batch import check_people
from gateway.clearance import Question, clear
from gateway.errors import CODES, Refusal
from gateway.frozen import changed
from gateway.registry.facts import Mark, Papers, Suspension, Waiver
from gateway.vocabulary import AgreementStatus, Flag, Role
from gateway.vocabulary.waivable import MOST_HOURS, is_waivable
from gateway.waivers import Proposal

WAIVABLE = {"agreement.expired", "vendor.review_overdue", "order.state"}
NEVER = (
    "consent.",
    "subject.",
    "erasure.",
    "sale.",
    "purpose.",
    "policy.",
    "transfer.",
    "proof.",
    "ledger.",
    "basis.",
    "access.",
)
LAPSED = agreed(until=date(2026, 6, 1))
NAME = LAPSED.name
UNTIL = NOON + timedelta(hours=24)
WAIVER = Waiver("w-1", frozenset({NAME}), frozenset({"agreement.expired"}), UNTIL)


def lapsed(*waivers: Waiver, **members: object) -> Question:
    """The parcel, with a paper that has ended."""
    question = asked(LAPSED, facts=changed(given(), papers=Papers(waivers=waivers)))
    return changed(question, **members)


@pytest.mark.parametrize("code", sorted(CODES))
def test_over_the_whole_list_of_codes_only_these_can_be_waived(code: str) -> None:
    assert is_waivable(code) is (code in WAIVABLE or code.startswith("limit."))
    assert not (is_waivable(code) and code.startswith(NEVER))
    if not is_waivable(code):
        with pytest.raises(ValidationError):
            Proposal(operations=(NAME,), codes=(code,), reason="a good reason")


def test_what_is_waived_passes_and_its_clearance_names_the_waiver() -> None:
    assert codes(lapsed()) == ["agreement.expired"]
    assert clear(lapsed(WAIVER)).waivers == ("w-1",)


def test_where_nothing_was_in_the_way_no_waiver_is_named() -> None:
    question = asked(SHIP, facts=changed(given(), papers=Papers(waivers=(WAIVER,))))

    assert clear(question).waivers == ()


@pytest.mark.parametrize(
    "waiver",
    [
        changed(WAIVER, operations=frozenset({"parcels/other"})),
        changed(WAIVER, codes=frozenset({"order.state"})),
        changed(WAIVER, until=NOON),
    ],
    ids=["another operation", "another code", "over"],
)
def test_a_waiver_passes_nothing_else(waiver: Waiver) -> None:
    assert codes(lapsed(waiver)) == ["agreement.expired"]


def test_a_waiver_that_is_in_the_rows_all_the_same_passes_nothing_that_a_law_demands() -> None:
    forged = changed(WAIVER, codes=frozenset({"vendor.suspended", "subject.restricted"}))
    facts = changed(
        given(
            suspensions=frozenset({Suspension("parcels", None)}),
            marks={"c-88": (Mark(Flag.RESTRICTED, None, None, NOON),)},
        ),
        papers=Papers(waivers=(forged,)),
    )

    assert codes(asked(facts=facts)) == ["vendor.suspended", "subject.restricted"]


def test_a_waiver_ends_at_its_moment_although_nothing_else_changes() -> None:
    alike = lapsed(WAIVER)

    assert codes(changed(alike, now=UNTIL - timedelta(microseconds=1))) == []
    assert codes(changed(alike, now=UNTIL)) == ["agreement.expired"]


def test_beside_what_is_waived_everything_else_still_refuses() -> None:
    assert codes(lapsed(WAIVER, caller="nobody")) == ["caller.not_allowed"]


@pytest.mark.parametrize(
    ("lacks", "code"),
    [
        ({"clauses": ()}, "agreement.clause_missing"),
        ({"covers": ("parcel.measure",)}, "agreement.scope"),
        ({"status": AgreementStatus.DRAFTED}, "agreement.not_active"),
        ({"status": AgreementStatus.BREACHED}, "agreement.not_active"),
        ({"status": AgreementStatus.TERMINATED}, "agreement.not_active"),
        ({"starts": date(2030, 1, 1)}, "agreement.not_active"),
    ],
)
def test_what_a_paper_lacked_before_it_ended_is_not_waived_with_its_end(lacks: dict[str, object], code: str) -> None:
    ended = agreed(until=date(2026, 6, 1), **lacks)

    assert codes(changed(lapsed(), terms=ended)) == ["agreement.expired", code]
    assert codes(changed(lapsed(WAIVER), terms=ended)) == [code]


def test_while_a_new_paper_is_being_signed_the_end_of_the_old_one_is_waived() -> None:
    [paper] = LAPSED.vendor.agreements
    new = paper.model_copy(update={"id": "DPA-2", "until": None, "renewal": "P1Y", "status": AgreementStatus.DRAFTED})
    both = changed(LAPSED, vendor=LAPSED.vendor.model_copy(update={"agreements": (paper, new)}))

    assert codes(changed(lapsed(), terms=both)) == ["agreement.expired"]
    assert codes(changed(lapsed(WAIVER), terms=both)) == []


@for_all(named=st.frozensets(st.sampled_from(sorted(CODES))), caller=st.sampled_from(["fulfilment", "nobody"]))
def test_whatever_a_row_says_only_what_may_be_waived_ever_passes(named: frozenset[str], caller: str) -> None:
    forged = changed(WAIVER, codes=named)

    missing = [] if "agreement.expired" in named else ["agreement.expired"]
    assert codes(lapsed(forged, caller=caller)) == ([] if caller == "fulfilment" else ["caller.not_allowed"]) + missing


def test_more_people_than_a_contract_allows_pass_with_a_waiver_that_is_named() -> None:
    limits = SHIP.operation.limits.model_copy(update={"per_call": 1})
    terms = changed(SHIP, operation=SHIP.operation.model_copy(update={"limits": limits}))
    more = changed(WAIVER, operations=frozenset({SHIP.name}), codes=frozenset({"limit.subjects"}))

    assert check_people(terms, {"a", "b"}, [more]) == ("w-1",)
    assert check_people(terms, {"a"}, [more]) == ()
    with pytest.raises(Refusal):
        check_people(terms, {"a", "b"}, [WAIVER])


@pytest.mark.parametrize(
    "wrong",
    [
        {"hours": MOST_HOURS + 1},
        {"hours": 0},
        {"reason": ""},
        {"reason": "zoe@example.com asked"},
        {"reason": "called +49 170 1234567"},
        {"operations": ["parcels"]},
        {"operations": []},
        {"codes": []},
    ],
    ids=repr,
)
def test_what_a_waiver_cannot_be_is_not_taken(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Proposal.model_validate(
            {"operations": [NAME], "codes": ["agreement.expired"], "reason": "the new paper is being signed"} | wrong
        )


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("waivers")) as gateway:
        yield gateway


def done(gateway: Running, path: str, who: str, role: Role = Role.DECIDER, **body: object) -> dict[str, object]:
    request = gateway.raw("POST", path, body=json.dumps(body).encode(), token=gateway.token(who, role=role))
    told: dict[str, object] = json.loads(gateway.said(request, operators=True).payload)
    return told


def test_two_different_deciders_open_the_way_for_the_next_call_and_its_entry_says_so(gateway: Running) -> None:
    gateway.put({"kind": "agreement_end", "vendor": "parcels", "agreement": "DPA-1", "last": "2026-01-31"})
    closed = gateway.ship()
    proposed = done(
        gateway, "/waivers", "dora",
        operations=["parcels/ship"], codes=["agreement.expired"], reason="the new paper is being signed",
    )["result"]  # fmt: skip
    assert isinstance(proposed, dict)
    path = f"/waivers/{proposed['id']}/grant"
    still_closed = gateway.ship()
    alone = done(gateway, path, "dora")
    not_a_decider = done(gateway, path, "otto", Role.OPERATOR)
    granted = done(gateway, path, "dirk")["result"]
    assert isinstance(granted, dict)
    through = gateway.ship()
    [intent, *_] = gateway.record(kind="intent")
    steps = [each["state"] for each in gateway.record(kind="fact") if each["fact"] == f"waiver:{proposed['id']}"]
    done(gateway, f"/waivers/{proposed['id']}/end", "otto", Role.OPERATOR)
    closed_again = gateway.ship()

    assert (closed.code, still_closed.code, closed_again.code) == ("agreement.expired",) * 3
    assert alone["code"] == "exceptional.same_approver"
    assert not_a_decider["code"] == "caller.role"
    assert (granted["state"], granted["proposed_by"], granted["granted_by"]) == ("granted", "dora", "dirk")
    assert through.status == 200
    assert intent["waivers"] == [proposed["id"]]
    assert steps == ["granted", "proposed"]


@pytest.mark.slow
def test_a_waiver_is_proposed_and_granted_from_the_command_line(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    with machine.serving():
        tokens = [machine.asked("token", "issue", "--service", who, "--role", "decider")["token"] for who in ("a", "b")]
        proposed = machine.asked(
            "waiver", "propose", "parcels/ship", "--code", "agreement.expired", "--reason", "a new paper is coming",
            "--hours", "2", "--token", tokens[0],
        )  # fmt: skip
        same = machine.typed("waiver", "grant", proposed["id"], "--token", tokens[0])
        granted = machine.typed("waiver", "grant", proposed["id"], "--token", tokens[1])
        listed = machine.typed("waiver", "list", "--token", tokens[1])
        ended = machine.typed("waiver", "end", proposed["id"], "--token", tokens[1])

    assert proposed["state"] == "proposed"
    assert (same.returncode, granted.returncode, ended.returncode) == (1, 0, 0)
    assert " is granted until " in granted.stdout
    assert ended.stdout == f"{proposed['id']} is ended\n"
    assert "agreement.expired" in listed.stdout
