"""A rehearsal goes down the real path of a call, with nobody real on it."""

import json
from datetime import date

import pytest
from clearances import CONTRACTS, TERMS, loaded
from shop_contracts import FILES

from gateway.frozen import changed
from gateway.rehearse import Http1, Rehearsed, Stage, parse_http, staged
from gateway.vocabulary import Purpose

ON_STAGE = staged(CONTRACTS)
PARCEL = 'POST /shipments\n\n{"reference": "A-1", "weight": 1, "to": {"name": "Zoe", "email": "zoe@example.com"}}'
PAGE = 'POST /api/surveys\n\n{"user": "c-1", "page": "cart"}'


async def played(operation: str, text: str, **stage: object) -> Rehearsed:
    return await changed(Stage(ON_STAGE), **stage).play(TERMS[operation], parse_http(text))


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_message_is_read_with_plain_or_network_line_ends(line_end: str) -> None:
    text = line_end.join(("POST /a?b=c", "X-One: 1", "x-two:2", "", '{"a": 1}', ""))

    message = parse_http(text)

    assert message == Http1("POST /a?b=c", (("x-one", "1"), ("x-two", "2")), b'{"a": 1}')
    assert message.header("x-two") == "2"
    assert message.header("x-three") is None


@pytest.mark.parametrize(
    ("text", "body"), [("GET /a", b""), ("GET /a\n", b""), ("POST /a\n\nx\n\n", b"x\n"), ("POST /a\n\n\nx", b"\nx")]
)
def test_only_the_last_line_end_of_a_body_belongs_to_the_file(text: str, body: bytes) -> None:
    assert parse_http(text).body == body


async def test_a_rehearsal_shows_what_would_be_sent_recorded_and_answered() -> None:
    done = await played("ship", PARCEL)

    assert done.sent is not None
    assert json.loads(done.sent.payload)["to"] == {"name": "Zoe"}
    assert done.intent is not None
    assert done.intent.manner.environment == "sandbox"
    assert done.reply.status == 200


async def test_a_rehearsal_that_is_refused_sends_and_records_nothing() -> None:
    done = await played("ship", 'POST /shipments\n\n{"reference": "A-1"}')

    assert (done.reply.status, done.sent, done.intent) == (422, None, None)


async def test_people_on_stage_have_agreed_to_what_the_example_says_and_to_nothing_else() -> None:
    silent = await played("ship", PARCEL)
    agreed = await played("ship", PARCEL, consents=(Purpose.DELIVERY_NOTIFICATION,))

    assert silent.sent is not None
    assert agreed.sent is not None
    assert b"zoe@example.com" not in silent.sent.payload
    assert b"zoe@example.com" in agreed.sent.payload


async def test_people_on_stage_live_where_the_example_says() -> None:
    refused = await played("ship", PARCEL, jurisdiction="CN")

    assert json.loads(refused.reply.payload)["code"] == "consent.missing"


async def test_nobody_is_found_where_a_call_names_nobody() -> None:
    done = await played("survey", 'POST /api/surveys\n\n{"page": "cart"}', consents=(Purpose.FAULT_REPAIR,))

    assert json.loads(done.reply.payload)["code"] == "subject.unresolved"


async def test_who_is_named_beside_the_call_is_whom_it_names() -> None:
    agreed = frozenset({Purpose.FAULT_REPAIR})
    named = PAGE.replace("\n", "\nGateway-Subject: c-1\n", 1)

    same = await played("survey", named, consents=agreed)
    other = await played("survey", named.replace("Subject: c-1", "Subject: c-2"), consents=agreed)

    assert same.sent is not None
    assert other.sent is None
    assert json.loads(other.reply.payload)["code"] == "subject.mismatch"


async def test_the_vendor_on_stage_says_what_the_example_says_with_the_pseudonym_it_got() -> None:
    done = await played(
        "ship", PARCEL, answers='201\nparcels-depot: 7\n\n{"status": "ok", "tracking": "psn_*", "x": 1}'
    )

    assert done.sent is not None
    pseudonym = json.loads(done.sent.payload)["reference"]
    assert done.reply.status == 201
    assert json.loads(done.reply.payload) == {"status": "ok", "tracking": pseudonym}
    assert dict(done.reply.headers)["parcels-depot"] == "7"


async def test_drafts_and_ended_agreements_can_be_rehearsed() -> None:
    file = FILES["parcels/ship.yaml"].replace("status: enforce", "status: draft")
    vendor = FILES["parcels/vendor.yaml"].replace("2095-12-31", "2025-12-31")
    contracts = loaded(dict(FILES) | {"parcels/ship.yaml": file, "parcels/vendor.yaml": vendor})
    [terms] = [each for each in contracts.terms if each.name == "parcels/ship"]

    done = await Stage(staged(contracts)).play(terms, parse_http(PARCEL))

    assert terms.vendor.agreements[0].until == date(2025, 12, 31)
    assert done.sent is not None


async def test_whoever_is_on_a_stage_was_made_up() -> None:
    vendor = FILES["parcels/vendor.yaml"] + "test_subjects_only: true\n"
    contracts = loaded(dict(FILES) | {"parcels/vendor.yaml": vendor})
    [terms] = [each for each in contracts.terms if each.name == "parcels/ship"]

    done = await Stage(staged(contracts)).play(terms, parse_http(PARCEL))

    assert terms.vendor.test_subjects_only
    assert done.sent is not None


async def test_no_secret_is_needed_for_a_rehearsal() -> None:
    done = await played("charge", "POST /accounts/a/charges\n\namount=1&source=t&customer=c-1&metadata[order]=A-1")

    assert done.sent is not None
    assert done.sent.target == "/accounts/%24PAYMENTS_ACCOUNT/charges"
