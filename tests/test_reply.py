"""What goes back to the caller: what the contract names of an answer, or a problem document that SDKs understand."""

import json
import random
import tracemalloc
from typing import Any

import pytest
from bodies import Operation, operation
from calls import JSON, call, taken
from clearances import TERMS
from packers import PACKERS

from gateway.assemble import Matched
from gateway.contract.terms import Terms
from gateway.errors import CODES, refuse
from gateway.forms.forms import Situation
from gateway.forms.relinks import Way
from gateway.frozen import changed
from gateway.outbound.send import Answer
from gateway.reply import Reply, accepted, answered, refused, returned

PARCELS, PAYMENTS = TERMS["ship"].vendor, TERMS["charge"].vendor


@pytest.fixture
async def matched() -> Matched:
    found, _, _ = await taken(call("POST", "/parcels/shipments", JSON, body=b'{"reference":"A-1","weight":1}'))
    return found


def reply(matched: Matched, status: int, payload: bytes, *headers: tuple[str, str]) -> Reply:
    return answered(returned(matched, Answer(status, headers, payload)), "d" * 32, 3)


def test_of_an_answer_comes_back_what_the_contract_names(matched: Matched) -> None:
    said = b'{"tracking":"T-1","status":"ok","driver":{"name":"Bob"},"reference":"A-1"}'

    back = reply(
        matched,
        201,
        said,
        JSON,
        ("x-request-id", "r-1"),
        ("parcels-depot", "7"),
        ("date", "Sun, 22 Nov 2026 10:00:00 GMT"),
        ("retry-after", "zoe@example.com"),
        ("set-cookie", "a=b"),
    )

    assert (back.status, back.payload) == (201, b'{"tracking":"T-1","status":"ok"}')
    assert dict(back.headers) == {
        "date": "Sun, 22 Nov 2026 10:00:00 GMT",
        "content-type": "application/json",
        "parcels-depot": "7",
        "gateway-sent": "yes",
        "gateway-disclosure": "d" * 32,
        "gateway-withheld": "3",
    }


def test_an_answer_is_never_refused_but_what_is_of_another_type_stays(matched: Matched) -> None:
    back = reply(matched, 200, b'{"tracking":{"number":"T-1"},"status":["zoe@example.com"]}', JSON)

    assert (back.status, back.payload) == (200, b"{}")


@pytest.mark.parametrize("secret", ["zoe@example.com", "4111 1111 1111 1111"])
def test_a_claim_that_does_not_hold_in_an_answer_keeps_the_field_here(matched: Matched, secret: str) -> None:
    back = reply(matched, 200, json.dumps({"status": secret, "tracking": "T-1"}).encode(), JSON)

    assert back.payload == b'{"tracking":"T-1"}'


UNREADABLE = {
    "not JSON": (b"<html>Zoe</html>", JSON),
    "another type": (b"Zoe", ("content-type", "text/html")),
    "no type": (b'{"tracking":"Zoe"}', ("x-a", "b")),
    "a key twice": (b'{"tracking":"Zoe","tracking":"b"}', JSON),
}


@pytest.mark.parametrize(("payload", "header"), UNREADABLE.values(), ids=UNREADABLE.keys())
@pytest.mark.parametrize("status", [200, 400, 500])
def test_an_answer_that_cannot_be_read_stays_and_its_status_passes(
    matched: Matched, payload: bytes, header: tuple[str, str], status: int
) -> None:
    back = reply(matched, status, payload, header)

    assert back.status == status
    assert b"Zoe" not in back.payload
    assert "the answer stays here" in dict(back.headers)["gateway-hint"]
    assert dict(back.headers)["gateway-sent"] == "yes"
    assert json.loads(back.payload) == {} if status == 200 else json.loads(back.payload)["status"] == status


@pytest.mark.parametrize(
    ("status", "headers"), [(200, ()), (204, ()), (304, ()), (304, (("content-encoding", "gzip"),))]
)
def test_an_empty_answer_comes_back_empty(matched: Matched, status: int, headers: tuple[tuple[str, str], ...]) -> None:
    back = reply(matched, status, b"", *headers)

    assert (back.status, back.payload) == (status, b"")
    assert "gateway-hint" not in dict(back.headers)


def test_of_an_empty_answer_the_named_headers_come_back(matched: Matched) -> None:
    back = reply(matched, 204, b"", ("parcels-depot", "7"), ("x-request-id", "r-1"))

    assert (back.status, back.payload) == (204, b"")
    assert dict(back.headers)["parcels-depot"] == "7"
    assert not {"x-request-id", "content-type"} & dict(back.headers).keys()


SAID = b'{"tracking":"T-1","status":"ok","driver":{"mail":"zoe@example.com"}}'


@pytest.mark.parametrize("coding", PACKERS)
def test_an_answer_that_came_compressed_is_minimised_as_if_it_had_not(matched: Matched, coding: str) -> None:
    back = reply(matched, 200, PACKERS[coding](SAID), JSON, ("content-encoding", coding), ("parcels-depot", "7"))

    assert (back.status, back.payload) == (200, b'{"tracking":"T-1","status":"ok"}')
    assert dict(back.headers)["parcels-depot"] == "7"
    assert "content-encoding" not in dict(back.headers)


@pytest.mark.parametrize("coding", PACKERS)
def test_an_error_that_came_compressed_is_minimised_too(matched: Matched, coding: str) -> None:
    packed = PACKERS[coding](b'{"error":{"code":"too_heavy","message":"Zoe"}}')

    back = reply(matched, 422, packed, JSON, ("content-encoding", coding))

    assert (back.status, back.payload) == (422, b'{"error":{"code":"too_heavy"}}')


BADLY_PACKED = {
    "cut off": (PACKERS["gzip"](SAID)[:-1], "gzip", "body.unreadable"),
    "with something behind": (PACKERS["br"](SAID) + b"\0", "br", "body.unreadable"),
    "not at all": (SAID, "zstd", "body.unreadable"),
    "twice": (PACKERS["gzip"](PACKERS["gzip"](SAID)), "gzip, gzip", "body.encoding"),
    "twice, said once": (PACKERS["gzip"](PACKERS["gzip"](SAID)), "gzip", "body.unreadable"),
    "as nobody knows": (SAID, "zoe", "body.encoding"),
    "a bomb": (PACKERS["zstd"](SAID + b" " * 1_000_000), "zstd", "body.too_large"),
    "longer than the contract takes": (PACKERS["gzip"](SAID + b" " * 300_000), "gzip", "body.too_large"),
}


@pytest.mark.parametrize(("payload", "coding", "code"), BADLY_PACKED.values(), ids=BADLY_PACKED.keys())
@pytest.mark.parametrize("status", [200, 422])
def test_an_answer_that_cannot_be_unpacked_stays_and_its_status_passes(
    matched: Matched, payload: bytes, coding: str, code: str, status: int
) -> None:
    back = reply(matched, status, payload, JSON, ("content-encoding", coding))

    assert back.status == status
    assert dict(back.headers)["gateway-hint"] == f"the answer stays here: {code}"
    assert json.loads(back.payload) == {} if status == 200 else json.loads(back.payload)["code"] == "vendor.answered"


def test_of_an_answer_no_more_is_unpacked_than_the_contract_takes(matched: Matched) -> None:
    packed = PACKERS["gzip"](random.Random(7).randbytes(4 * 1024 * 1024).hex().encode())
    tracemalloc.start()

    back = reply(matched, 200, packed, JSON, ("content-encoding", "gzip"))

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert dict(back.headers)["gateway-hint"] == "the answer stays here: body.too_large"
    assert peak < len(packed) + 2 * 1024 * 1024


REDIRECTS = [301, 302, 303, 307, 308]
ELSEWHERE = ("location", "https://elsewhere.test/zoe")


@pytest.mark.parametrize("status", REDIRECTS)
@pytest.mark.parametrize(
    ("payload", "media"), [(b"", ()), (b"<a href='https://elsewhere.test/zoe'>", (("content-type", "text/html"),))]
)
def test_a_redirect_is_told_and_not_where_it_leads(
    matched: Matched, status: int, payload: bytes, media: tuple[tuple[str, str], ...]
) -> None:
    back = reply(matched, status, payload, ELSEWHERE, ("parcels-depot", "7"), *media)

    assert (back.status, document(back)["code"], document(back)["status"]) == (status, "vendor.redirect", status)
    assert dict(back.headers)["gateway-hint"] == CODES["vendor.redirect"].title
    assert dict(back.headers)["gateway-sent"] == "yes"
    assert "elsewhere" not in repr(back)


def test_of_a_redirect_with_a_body_that_the_contract_reads_comes_back_what_it_names(matched: Matched) -> None:
    back = reply(matched, 307, SAID, JSON, ELSEWHERE)

    assert (back.status, back.payload) == (307, b'{"tracking":"T-1","status":"ok"}')
    assert "elsewhere" not in repr(back)


def located(form: str) -> Operation:
    return operation(
        "body: none\ngroups:\n",
        f"""
        body: json
        groups:
          - why: Where the parcel is shown.
            fields: {{header:Location: behav.search}}
            form: {form}
        """,
    )


@pytest.mark.parametrize(
    ("form", "created", "redirected"),
    [
        ("as_is", "https://shop.example/t?who=zoe", None),
        ("{generalise: url}", "https://shop.example/t", None),
        ("{truncate: 14}", "https://shop.e", None),
        ("{link: {hosts: [shop.example]}}", "https://shop.example/t", "https://shop.example/t"),
        ("{link: {hosts: [other.example]}}", None, None),
        ("{replace: https://shop.example}", "https://shop.example", "https://shop.example"),
    ],
)
def test_where_a_redirect_leads_comes_back_only_where_it_is_ours(
    form: str, created: str | None, redirected: str | None
) -> None:
    headers = [("location", "https://shop.example/t?who=zoe")]
    at = located(form)

    assert dict(at.back(201, b"", *headers).headers).get("location") == created
    for status in REDIRECTS:
        assert dict(at.back(status, b"", *headers).headers).get("location") == redirected


def test_a_header_that_comes_twice_stays_and_takes_nothing_with_it(matched: Matched) -> None:
    back = reply(matched, 200, SAID, JSON, ("parcels-depot", "7"), ("parcels-depot", "zoe"), ("x-a", "1"), ("x-a", "2"))

    assert back.payload == b'{"tracking":"T-1","status":"ok"}'
    assert "parcels-depot" not in dict(back.headers)


@pytest.mark.parametrize("status", REDIRECTS)
def test_a_redirect_within_the_vendor_may_lead_through_us(status: int) -> None:
    [prepared] = located("relink").contracts.prepared.values()
    host = prepared.host.origin

    def location(where: str) -> str | None:
        answer = Answer(status, (("location", where),), b"")
        way = Way("http://gateway.test", "/acme", prepared.doors)
        back = returned(Matched(prepared.terms, prepared, "/acme", {}, {}, {}), answer, Situation(way))
        return dict(back.headers).get("location")

    assert location(f"{host}{prepared.base}/ship/P-2?page=2") == "http://gateway.test/acme/ship/P-2?page=2"
    assert location("https://elsewhere.test/zoe") is None


def test_of_an_empty_error_the_named_headers_come_back() -> None:
    errors = """
        body: json
        groups: []
        errors:
          body: json
          groups:
            - why: The vendor's support asks for it.
              fields: {header:Request-Id: not_personal}
    """

    back = operation("body: none\ngroups:\n", errors).back(500, b"", ("request-id", "r-1"), ("x-by", "zoe"))

    assert back.headers == (("request-id", "r-1"),)
    assert json.loads(back.payload)["code"] == "vendor.answered"


@pytest.mark.parametrize(
    ("status", "payload", "headers", "expected"),
    [
        (200, SAID, (JSON,), {"e-mail address": 1}),
        (200, PACKERS["br"](SAID), (JSON, ("content-encoding", "br")), {"e-mail address": 1}),
        (200, b'{"tracking":"T-1"}', (JSON, ("x-by", "zoe@example.com")), {"e-mail address": 1}),
        (200, b"<p>zoe@example.com</p>", (("content-type", "text/html"),), {"e-mail address": 1}),
        (422, b'{"error":{"code":"bad","message":"zoe@example.com is wrong"}}', (JSON,), {"e-mail address": 1}),
        (200, b'{"tracking":"T-1","status":"ok"}', (JSON,), {}),
        (200, PACKERS["br"](SAID)[:-1], (JSON, ("content-encoding", "br")), {}),
    ],
)
def test_what_looks_personal_and_is_not_named_is_counted(
    matched: Matched, status: int, payload: bytes, headers: tuple[tuple[str, str], ...], expected: dict[str, int]
) -> None:
    assert returned(matched, Answer(status, headers, payload)).unnamed == expected


@pytest.mark.parametrize("coding", ["identity", *PACKERS])
async def test_it_is_counted_where_a_contract_names_nothing_at_all(coding: str) -> None:
    found, _, _ = await taken(call("POST", "/payments/charges/ch_1/refund"))
    payload = PACKERS.get(coding, bytes)(b'{"error":{"message":"the card of zoe@example.com"}}')

    back = returned(found, Answer(402, (JSON, ("content-encoding", coding)), payload))

    assert back.unnamed == {"e-mail address": 1}


def test_of_an_error_comes_back_what_sdks_choose_their_exception_by(matched: Matched) -> None:
    back = reply(
        matched, 422, b'{"error":{"code":"too_heavy","message":"Zoe weighs 90 kg"}}', JSON, ("retry-after", "5")
    )

    assert (back.status, back.payload) == (422, b'{"error":{"code":"too_heavy"}}')
    assert dict(back.headers)["retry-after"] == "5"


def test_an_error_of_which_nothing_is_left_is_a_document_of_ours_that_says_so(matched: Matched) -> None:
    back = reply(matched, 429, b'{"message":"Zoe asks too often"}', JSON, ("retry-after", "5"))

    document = json.loads(back.payload)
    assert (back.status, document["code"], document["status"]) == (429, "vendor.answered", 429)
    assert dict(back.headers)["gateway-hint"] == "no line of the contract lets any of this answer back"
    assert dict(back.headers)["retry-after"] == "5"
    assert b"Zoe" not in back.payload


def test_of_an_answer_of_which_nothing_is_left_that_is_said(matched: Matched) -> None:
    back = reply(matched, 200, b'{"driver":"Zoe"}', JSON)

    assert back.payload == b"{}"
    assert dict(back.headers)["gateway-hint"] == "no line of the contract lets any of this answer back"
    assert "gateway-hint" not in dict(reply(matched, 200, b"{}", JSON).headers)


async def test_an_error_of_a_vendor_without_an_error_block_is_a_document_of_ours() -> None:
    found, _, _ = await taken(call("POST", "/payments/charges/ch_1/refund"))

    back = reply(found, 402, b'{"error":{"message":"the card of Zoe"}}', JSON)

    document = json.loads(back.payload)
    assert (back.status, document["code"], document["status"]) == (402, "vendor.answered", 402)
    assert document["failure"]["reason"] == "vendor.answered"
    assert b"Zoe" not in back.payload


def document(made: Reply) -> Any:
    return json.loads(made.payload)


def test_a_refusal_carries_what_every_sdk_looks_for() -> None:
    made = refused(refuse("consent.missing", "consent of the purchaser", "parcels/ship.yaml:3"), PARCELS)

    said = document(made)
    assert (made.status, said["status"], said["code"]) == (403, 403, "consent.missing")
    assert said["error"]["code"] == "consent.missing"
    assert said["errors"] == [{"code": "consent.missing", "detail": "consent of the purchaser"}]
    assert said["where"] == "parcels/ship.yaml:3"
    assert dict(made.headers) == {
        "content-type": "application/problem+json",
        "gateway-sent": "no",
        "gateway-hint": CODES["consent.missing"].fix,
        "parcels-retry": "never",
    }


def test_a_refusal_has_the_shape_that_the_vendors_sdks_know() -> None:
    said = document(refused(refuse("consent.missing", "of the payer"), PAYMENTS))

    assert said["failure"] == {"reason": "consent.missing", "text": "No consent on record: of the payer"}


def test_a_template_may_say_it_in_a_sentence_and_in_place_of_our_own_words() -> None:
    template = {"detail": "$code: $message ($status)"}

    said = document(
        refused(refuse("consent.missing", "of the payer"), PAYMENTS.model_copy(update={"refusals": template}))
    )

    assert said["detail"] == "consent.missing: No consent on record: of the payer (403)"


def test_a_template_may_nest_and_holds_the_status_as_a_number() -> None:
    template = {"fault": [{"code": "$code", "http": "$status", "kind": "refused", "n": 1}]}

    said = document(refused(refuse("consent.missing"), PAYMENTS.model_copy(update={"refusals": template})))

    assert said["fault"] == [{"code": "consent.missing", "http": 403, "kind": "refused", "n": 1}]


@pytest.mark.parametrize(("code", "sent", "told"), [
    ("consent.missing", "no", True),
    ("ledger.unavailable", "no", False),
    ("vendor.unreachable", "no", False),
    ("vendor.timeout", "possibly", True),
])  # fmt: skip
def test_an_sdk_is_told_not_to_try_again_where_that_cannot_help_or_could_send_twice(
    code: str, sent: str, told: bool
) -> None:
    headers = dict(refused(refuse(code), PARCELS, sent=sent).headers)

    assert ("parcels-retry" in headers) is told
    assert headers["gateway-sent"] == sent
    assert ("retry-after" in headers) is (CODES[code].status == 503)


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_reply_with_its_status_and_its_fix(code: str) -> None:
    made = refused(refuse(code), disclosure="d" * 32, withheld=0)

    assert made.status == CODES[code].status >= 400
    assert document(made)["fix"] == CODES[code].fix
    assert dict(made.headers)["gateway-withheld"] == "0"


@pytest.mark.parametrize(("terms", "payload"), [(TERMS["report"], b"{}"), (changed(TERMS["report"], answer=None), b"")])
def test_a_report_that_is_taken_for_done_is_answered_with_nothing(terms: Terms, payload: bytes) -> None:
    made = accepted(terms, refuse("body.empty"))

    assert (made.status, made.payload) == (200, payload)
    assert dict(made.headers)["gateway-sent"] == "no"
