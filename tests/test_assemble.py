"""From a call to documents, and from what is left of them to a request that holds nothing else."""

import gzip
from collections.abc import Sequence

import pytest
from bodies import operation
from calls import IN_FORCE, JSON, call, taken
from clearances import loaded
from shop_contracts import CHARGE, FILES, SECRETS

from gateway.assemble import match, read, write
from gateway.errors import Refusal
from gateway.frozen import changed
from gateway.inforce import InForce, in_force
from gateway.minimise import minimise
from gateway.outbound.send import Sending

FORM = ("content-type", "application/x-www-form-urlencoded")
PARCEL = b'{"reference":"A-1","weight":1}'


async def sent(
    method: str, target: str, *headers: tuple[str, str], body: bytes = b"", extra: dict[str, object] | None = None
) -> Sending:
    """What leaves of a call; `extra` is put into the body by a hand that no rule knows."""
    made = call(method, target, *headers, body=body)
    matched, incoming, media = await taken(made)
    outgoing = minimise(matched.prepared.sending, incoming)
    if extra is not None:
        kept = outgoing.documents["body"]
        assert isinstance(kept, dict)
        outgoing = changed(outgoing, documents={**outgoing.documents, "body": kept | extra})
    return write(made, matched, incoming, outgoing, media)


def refusal(refused: pytest.ExceptionInfo[Refusal]) -> str:
    return refused.value.code


@pytest.mark.parametrize(
    ("query", "why"),
    [("label=a4&label=a5", "query:label comes more than once"), ("label=%zz", "a form holds printable signs")],
)
def test_what_is_wrong_with_a_query_is_said(query: str, why: str) -> None:
    with pytest.raises(Refusal) as refused:
        match(call("POST", f"/parcels/shipments?{query}"), IN_FORCE)

    assert refused.value.failures[0].detail.startswith(f"in the query: {why}")


async def test_a_request_is_built_from_what_rules_let_out_and_from_nothing_else() -> None:
    sending = await sent(
        "POST", "/parcels/shipments?label=a4&debug=1", JSON, ("x-trace", "1"), ("parcels-version", "3"),
        body=b'{"reference":"A-1","weight":1.50,"who":"Zoe"}',
    )  # fmt: skip

    assert (sending.method, sending.target) == ("POST", "/api/shipments?label=a4")
    assert b'"weight":1.50' in sending.payload
    assert b"Zoe" not in sending.payload
    assert sending.headers == (
        ("content-type", "application/json"),
        ("accept", "application/json"),
        ("user-agent", "data-sharing-gateway"),
        ("parcels-version", "3"),
        ("authorization", "Bearer pk-parcels-7Qx2"),
    )


REPEATED = """
body: json
groups:
  - {why: The vendor wants to know how., category: parcel.measure, fields: [$.a, header:Prefer.*, header:X-Once]}
  - why: The vendor insures it for about so much.
    fields: {header:X-Worth.*: order.declared_value}
    form: {generalise: {number: 100}}
"""


async def test_of_a_header_that_repeats_those_lines_leave_of_which_something_is_left() -> None:
    shop = operation(REPEATED, REPEATED)
    lines = [
        ("prefer", "wait=5"),
        ("prefer", "a gtw-token-1"),
        ("prefer", "b"),
        ("x-worth", "250"),
        ("x-worth", "much"),
    ]

    sending, outgoing = await shop.sent(b'{"a":1}', JSON, *lines)

    left = [line for line in sending.headers if line[0] in ("prefer", "x-worth")]
    assert left == [("prefer", "wait=5"), ("prefer", "b"), ("x-worth", "200")]
    assert {str(place): place.reason for place in outgoing.withheld} == {
        "header:prefer.*": "field.secret", "header:x-worth.*": "field.type",
    }  # fmt: skip
    assert list(shop.back(200, b'{"a":1}', JSON, *lines[3:]).headers) == [("x-worth", "200")]
    with pytest.raises(Refusal, match=r"field\.repeated"):
        await shop.sent(b'{"a":1}', JSON, ("x-once", "1"), ("x-once", "2"))


@pytest.mark.parametrize("extra", [{"note": "hello"}, {"crm": {"segment": "gold"}}, {"weight": {"kg": 1}}])
async def test_what_no_rule_let_out_is_found_when_it_is_read_again(extra: dict[str, object]) -> None:
    with pytest.raises(Refusal) as refused:
        await sent("POST", "/parcels/shipments", JSON, body=PARCEL, extra=extra)

    assert refusal(refused) == "proof.failed"


async def test_a_credential_stands_at_the_end_of_the_query_and_the_callers_own_goes() -> None:
    sending = await sent("POST", "/faults/api/events?key=mine", JSON, body=b'{"release":"shop@1"}')

    assert sending.target == "/api/events?key=pk-faults-9Ry4"


@pytest.mark.parametrize("body", [b'{"extra":{"a":1}}', b"[]", b"null", b"0"])
async def test_a_body_of_which_nothing_is_left_does_not_go(body: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        await sent("POST", "/faults/api/events", JSON, body=body)

    assert refusal(refused) == "body.empty"


async def test_a_body_that_was_empty_may_go_empty() -> None:
    sending = await sent("POST", "/payments/charges/ch_1/refund")

    assert (sending.target, sending.payload) == ("/charges/ch_1/refund", b"")
    assert "content-type" not in dict(sending.headers)


async def test_an_empty_form_keeps_its_type() -> None:
    sending = await sent("POST", "/payments/charges/ch_1/refund", FORM)

    assert dict(sending.headers)["content-type"] == "application/x-www-form-urlencoded"


async def test_a_header_that_a_rule_names_comes_once() -> None:
    with pytest.raises(Refusal) as refused:
        match(call("POST", "/parcels/shipments", ("parcels-version", "1"), ("parcels-version", "2")), IN_FORCE)

    assert refusal(refused) == "field.repeated"


async def test_a_header_that_no_rule_names_may_come_twice() -> None:
    made = call("POST", "/parcels/shipments", ("x-a", "1"), ("x-a", "2"))

    assert match(made, IN_FORCE).terms.name == "parcels/ship"


async def test_headers_that_carry_the_message_and_tokens_are_neither_sent_nor_withheld() -> None:
    carrying = [("host", "gateway"), ("accept", "*/*"), ("content-length", "2"), ("date", "x"), ("gateway-token", "t")]

    matched, incoming, _ = await taken(
        call("POST", "/parcels/shipments", JSON, *carrying, ("authorization", "Bearer t"), ("x-a", "1"), body=PARCEL)
    )

    assert incoming["header"] == {"x-a": "1"}
    assert matched.headers == {"authorization": "Bearer t", "x-a": "1"}


async def test_a_body_is_read_no_further_than_its_contract_allows() -> None:
    asked: list[int] = []

    await taken(call("POST", "/parcels/shipments", JSON, body=PARCEL, asked=asked))

    assert asked == [8 * 1024]


@pytest.mark.parametrize("coding", ["identity", "Identity ", ""])
async def test_a_body_that_is_not_compressed_may_say_so(coding: str) -> None:
    matched, _, _ = await taken(call("POST", "/parcels/shipments", JSON, ("content-encoding", coding), body=PARCEL))

    assert matched.terms.name == "parcels/ship"


@pytest.mark.parametrize(
    ("coding", "code"), [("compress", "body.encoding"), ("br", "body.unreadable"), ("gzip", "body.unreadable")]
)
async def test_a_body_that_cannot_be_unpacked_is_refused_by_its_contract(coding: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        await taken(call("POST", "/parcels/shipments", JSON, ("content-encoding", coding), body=PARCEL))

    assert refusal(refused) == code
    assert refused.value.failures[0].where == "parcels/ship.yaml"


async def test_a_compressed_body_may_be_told_apart_by_what_is_in_it() -> None:
    packed = gzip.compress(b'{"kind":"supply","boxes":2}')

    matched, incoming, _ = await taken(call("POST", "/parcels/jobs", JSON, ("content-encoding", "gzip"), body=packed))

    assert matched.terms.name == "parcels/supply"
    assert incoming["body"] == {"kind": "supply", "boxes": 2}


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("/nobody/shipments", "vendor.unknown"),
        ("/parcels/else", "operation.unknown"),
        ("/parcels/depots/7?view=full&view=hours", "field.repeated"),
        ("/parcels/depots/7?view=%zz", "body.unreadable"),
        ("/parcels/depots/7?a[=1&view=full", ""),
    ],
)
def test_a_call_falls_under_one_contract_or_none(target: str, code: str) -> None:
    try:
        found: Sequence[str] = [match(call("GET", target), IN_FORCE).terms.name]
    except Refusal as refused:
        found = [refused.code]

    assert found == [code or "parcels/depot-full"]


def decided_by(text: str, call_by: str, field: str) -> InForce:
    """The shop's contracts, with a charge that is decided by one more place which no group names."""
    files = {**FILES, "payments/charge.yaml": CHARGE.replace(text, call_by).replace("$FIELD", field)}
    return in_force(loaded(files), secrets=SECRETS.get, vendor_key=lambda vendor: vendor.encode().ljust(32))


WHEN = ("      fields: [$.methods.*]\n", '      when: {"$FIELD": [live]}\n      fields: [$.methods.*]\n')
COUNTRY = ("{ref: $.customer,", '{ref: $.customer, jurisdiction: "$FIELD",')


@pytest.mark.parametrize(
    ("field", "target", "headers", "body"),
    [
        ("$.mode", "", (), b"mode=live&mode=test"),
        ("$.mode", "", (), b"mode=live&mode[x]=test"),
        ("$.mode", "", (), b"mode=live&%6Dode=live"),
        ("$.run.mode", "", (), b"run[mode]=live&run%5Bmode%5D=test"),
        ("query:mode", "?mode=live&mode=test", (), b""),
        ("header:x-mode", "", (("x-mode", "live"), ("x-mode", "test")), b""),
    ],
)
@pytest.mark.parametrize("by", [WHEN, COUNTRY])
async def test_what_decides_about_a_call_is_said_once(
    by: tuple[str, str], field: str, target: str, headers: tuple[tuple[str, str], ...], body: bytes
) -> None:
    contracts = decided_by(*by, field)
    made = call("POST", f"/payments/accounts/acct/charges{target}", FORM, *headers, body=b"amount=1&" + body)

    with pytest.raises(Refusal) as refused:
        await read(made, match(made, contracts))

    assert refusal(refused) == "field.repeated"


@pytest.mark.parametrize("body", [b"mode=live&amount=1", b"mode[x]=1&mode[y]=2", b"note=1&note=2&mode=live"])
async def test_what_decides_about_nothing_may_come_twice(body: bytes) -> None:
    made = call("POST", "/payments/accounts/acct/charges", FORM, body=body)

    _, incoming, _ = await read(made, match(made, decided_by(*WHEN, "$.mode")))

    assert "mode" in str(incoming["body"])


async def test_an_apostrophe_in_the_query_leaves_escaped() -> None:
    sending = await sent("POST", "/parcels/shipments?label=it's", JSON, body=PARCEL)

    assert sending.target == "/api/shipments?label=it%27s"
