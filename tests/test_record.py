"""What is written down of a call: paths, categories and counts; names that may be data only as keyed digests."""

from typing import Any

import pytest
from calls import CALLER, JSON, call, course, taken
from clearances import SHIP, asked

from gateway.clearance import clear
from gateway.errors import Failure, Refusal
from gateway.ledger import Intent, Outcome, Refused
from gateway.minimise import minimise
from gateway.outbound.send import Answer
from gateway.outbound.send import Outcome as Sent
from gateway.record import Course, Disclosure, Recorder, Trail, outcome_of
from gateway.reply import returned

KEY = b"k" * 32


def recorder(key: bytes | None = KEY) -> Recorder:
    return Recorder(key, environment="live", deadline_ms=2_000)


async def intent(body: bytes, *headers: tuple[str, str], made: Recorder | None = None, attempts: int = 0) -> Intent:
    taken_course = await course(call("POST", "/parcels/shipments?debug=1", JSON, *headers, body=body))
    outgoing = minimise(taken_course.matched.prepared.sending, taken_course.incoming)
    recorded, _ = (made or recorder()).intent(taken_course, clear(asked()), outgoing, Disclosure("d" * 32, attempts))
    return recorded


def withheld(recorded: Intent) -> dict[str, list[str]]:
    return {group.reason: [path for path, _ in group.paths] for group in recorded.manner.withheld}


PARCEL = b'{"reference":"A-1","weight":1,"to":{"name":"Zoe","zoe@example.com":1},"note":"x"}'


async def test_an_entry_says_who_sends_what_to_whom_for_what_and_on_what_grounds() -> None:
    recorded = await intent(PARCEL)
    manner = recorded.manner

    assert (manner.vendor, manner.operation, manner.contract) == ("parcels", "ship", "parcels/ship@1")
    assert (manner.entity, manner.caller, manner.token) == ("shop-eu", "fulfilment", "0" * 32)
    assert (manner.purpose, manner.policy, manner.agreements) == ("delivery", "1", ("DPA-1",))
    assert manner.recipient.name == "Parcels GmbH"
    assert manner.destination is not None
    assert manner.destination.path_template == "/api/shipments"
    assert manner.retention.vendor_keeps == "P90D"
    assert (recorded.disclosure, recorded.attempt) == ("d" * 32, 1)


async def test_each_attempt_has_the_next_number() -> None:
    assert (await intent(PARCEL, attempts=3)).attempt == 4


async def test_names_that_contracts_know_are_written_and_others_digested() -> None:
    stayed = withheld(await intent(PARCEL, ("x-zoe", "1"), ("cookie", "1")))

    assert stayed["drop"] == ["$.note"]
    unnamed = stayed["field.unnamed"]
    assert "header:cookie" in unnamed
    assert "zoe" not in repr(unnamed)
    assert [path.partition("#")[0] for path in unnamed if "#" in path] == ["$.to.*", "query:*", "header:*"]


async def test_one_name_has_one_digest_under_one_key() -> None:
    first, again, other = [
        withheld(await intent(PARCEL, made=recorder(key)))["field.unnamed"] for key in (KEY, KEY, b"o" * 32)
    ]

    assert first == again
    assert not set(first) & set(other)


async def test_an_entry_has_room_for_a_body_of_names_that_nobody_knows() -> None:
    names = b",".join(b'"zoe-%d":1' % number for number in range(500))

    recorded = await intent(b'{"reference":"A-1","weight":1,%s}' % names)

    (unnamed,) = [group for group in recorded.manner.withheld if group.reason == "field.unnamed"]
    assert len(unnamed.paths) < 300
    assert sum(count for _, count in unnamed.paths) == 501
    assert dict(unnamed.paths)["$.*"] > 250


async def test_a_rehearsal_shows_every_name() -> None:
    assert "$.to['zoe@example.com']" in withheld(await intent(PARCEL, made=recorder(None)))["field.unnamed"]


async def test_a_recorder_does_not_take_one_call_for_another_that_looks_alike() -> None:
    one = recorder()

    bare = await intent(b'{"reference":"A-1","weight":1}', made=one)
    full = await intent(PARCEL, made=one)
    again = await intent(b'{"reference":"A-1","weight":1}', made=one)

    assert bare == again
    assert bare.manner.disclosed != full.manner.disclosed
    assert bare.manner.withheld != full.manner.withheld


async def test_what_is_counted_is_what_left() -> None:
    items = b'{"reference":"A-1","weight":1,"items":[{"quantity":1},{"quantity":2},{"sku":"s"}]}'

    recorded = await intent(items)

    counts = {path: count for group in recorded.manner.disclosed for path, _, count in group.fields}
    assert counts["$.items.*.quantity"] == 2
    assert counts["$.reference"] == 1


async def test_a_refusal_names_codes_and_lines_and_nothing_else() -> None:
    matched, _, _ = await taken(call("POST", "/parcels/shipments", JSON, body=PARCEL))
    refusal = Refusal(
        Failure("field.required", "$.weight", "parcels/ship.yaml:7"),
        Failure("field.type", "$.x", "parcels/ship.yaml:7"),
        Failure("field.type", "$.y", "parcels/ship.yaml:8"),
    )

    recorded = recorder().refusal(refusal, CALLER, matched)

    assert recorded == Refused(
        caller="fulfilment",
        code="field.required",
        codes=("field.required", "field.type"),
        vendor="parcels",
        operation="ship",
        contract="parcels/ship@1",
        where=("parcels/ship.yaml:7", "parcels/ship.yaml:8"),
        environment="live",
        token="0" * 32,
    )


def test_a_call_without_a_proven_caller_has_no_entry(course_without_caller: Course) -> None:
    with pytest.raises(Refusal) as refused:
        _ = course_without_caller.caller

    assert refused.value.code == "caller.unknown"


@pytest.fixture
async def course_without_caller() -> Course:
    known = await course(call("POST", "/parcels/shipments", JSON, body=PARCEL))
    return Course(known.contracts, known.call, known.matched, Trail(), known.incoming, known.media)


@pytest.mark.parametrize(
    ("sent", "outcome"),
    [
        (Sent("not_sent", "vendor.unreachable"), Outcome("not_sent", "vendor.unreachable", dur_ms=250)),
        (Sent("possibly", "vendor.timeout"), Outcome("possibly", "vendor.timeout", dur_ms=250)),
    ],
)
def test_an_outcome_claims_no_more_than_is_known(sent: Sent, outcome: Outcome) -> None:
    assert outcome_of(sent, b"12345", 0.25, SHIP, None) == outcome


async def test_an_answer_is_on_record_by_category_and_count() -> None:
    matched, _, _ = await taken(call("POST", "/parcels/shipments", JSON, body=PARCEL))
    answer = Answer(200, (JSON,), b'{"tracking":"T-1","status":"ok","driver":"Bob","van":1}')
    left: Any = returned(matched, answer).minimised

    outcome = outcome_of(Sent("sent", answer=answer), b"12345", 0.0, matched.terms, left)

    assert outcome.answer is not None
    assert outcome.answer.members() == {
        "bytes": 55, "disclosed": (("shipment.tracking", 1), ("not_personal", 1)), "withheld": 2,
    }  # fmt: skip
    assert (outcome.bytes_sent, outcome.http_status) == (5, 200)
