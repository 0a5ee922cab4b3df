"""Forms that depend on more than the value, through real sockets: what arrives, and what comes back."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent

import apsw
import pytest
from clearances import loaded
from joserfc.jwe import decrypt_compact
from joserfc.jwk import ECKey, RSAKey
from running import Running, running
from shop_contracts import FILES
from vendors import answers, resets

from gateway.examples import rehearsed

PAGES = """\
operation: pages
version: 1
status: enforce
owner: fulfilment
match: GET /shipments
callers: [fulfilment]
purpose: delivery
subjects: none
retention: {vendor_keeps: P90D, why: As long as claims can come.}
sending:
  body: none
  groups:
    - why: Which page.
      category: not_personal
      fields: [query:page]
answer:
  body: json
  groups:
    - why: The shop follows it to the next page.
      category: not_personal
      fields: [$.next, $.back, $.previous, header:location, header:link]
      form: relink
examples:
  - name: one
    given: GET /shipments?page=2
    sends: GET /shipments?page=2
    answers: |
      200
      Location: https://api.parcels.test:@parcels@/api/shipments/3

      {"next": "https://api.parcels.test:@parcels@/api/shipments?page=3", "back": "/api/shipments?page=1", "previous": "https://evil.example/"}
    returns: |
      200
      Location: http://gateway.test/parcels/shipments/3

      {"next": "http://gateway.test/parcels/shipments?page=3", "back": "/parcels/shipments?page=1"}
"""
KEY, OTHER = ECKey.generate_key("P-256"), RSAKey.generate_key(2048)
SEALED = """\
operation: seal
version: 1
status: enforce
owner: fulfilment
match: POST /notices
callers: [fulfilment]
purpose: delivery
evidence: {order: $.reference}
subjects:
  purchaser: {ref: order, legal_basis: performance_of_contract}
retention: {vendor_keeps: P90D, why: As long as claims can come.}
retry: {attempts: 3, key: header:Idempotency-Key}
sending:
  body: json
  groups:
    - why: One try is one try.
      category: not_personal
      fields: [header:Idempotency-Key]
    - why: The driver calls, and nobody on the way reads the number.
      fields: {$.phone: contact.phone, header:Receiver: person.name, query:floor: address.unit}
      form: {encrypt: $PARCELS_JWE}
    - why: The depot finds the street.
      fields: {$.street: address.street}
      form: {encrypt: $DEPOT_JWE}
examples:
  - name: one
    given: |
      POST /notices?floor=3
      Receiver: Zoe

      {"reference": "A-1", "phone": "+4930901820", "street": null}
    sends: |
      POST /notices?floor=jwe_*
      Receiver: jwe_*

      {"phone": "jwe_*", "street": null}
"""
TOKENS = """\
operation: stop
version: 1
status: enforce
owner: fulfilment
match: POST /stops
callers: [fulfilment]
purpose: delivery
evidence: {order: $.reference}
subjects:
  purchaser: {ref: order, legal_basis: performance_of_contract}
retention: {vendor_keeps: P90D, why: As long as claims can come.}
sending:
  body: json
  groups:
    - why: Which order is stopped.
      fields: {$.reference: order.id}
      form: {pseudonymise: token}
      required: all
answer:
  body: json
  groups:
    - why: Back to our own order number.
      fields: {$.reference: order.id, $.forged: order.id}
      form: restore
examples:
  - name: one
    given: |
      POST /stops

      {"reference": "A-1"}
    sends: |
      POST /stops

      {"reference": "psn_*"}
    answers: |
      200

      {"reference": "psn_*", "forged": "psn_AAAAAAAAAAAAAAAAAAAAAA"}
    returns: |
      200

      {"reference": "A-1"}
"""
JWK = json.dumps({**OTHER.as_dict(private=False), "kid": "depot-7"})
KEYS = f"keys:\n  DEPOT_JWE: {JWK}\n  PARCELS_JWE: |\n{indent(KEY.as_pem(private=False).decode(), '    ')}"
SET = {
    **FILES,
    "parcels/pages.yaml": PAGES,
    "parcels/seal.yaml": SEALED,
    "parcels/stop.yaml": TOKENS,
    "parcels/vendor.yaml": FILES["parcels/vendor.yaml"] + KEYS,
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("forms"), files=SET) as gateway:
        yield gateway


@pytest.fixture
def gateway(shared: Running) -> Running:
    shared.reset()
    return shared


def test_links_of_the_vendor_lead_back_through_the_gateway_and_can_be_followed(gateway: Running) -> None:
    port = gateway.parcels.port
    said = {"next": f"https://api.parcels.test:{port}/api/shipments?page=3", "back": "/api/shipments?page=1",
            "previous": "https://evil.example/shipments"}  # fmt: skip
    link = f'<https://api.parcels.test:{port}/api/shipments?page=3>; rel="next"'
    headers = (f"location: https://api.parcels.test:{port}/api/shipments/3", f"link: {link}")
    gateway.parcels.script = answers(200, json.dumps(said).encode(), "content-type: application/json", *headers)

    reply = gateway.call("GET", "/parcels/shipments?page=2")

    assert json.loads(reply.payload) == {
        "next": "http://gateway.test/parcels/shipments?page=3",
        "back": "/parcels/shipments?page=1",
    }
    assert reply.headers["location"] == "http://gateway.test/parcels/shipments/3"
    # A header of several links is no link.
    assert "link" not in reply.headers
    assert gateway.call("GET", json.loads(reply.payload)["back"]).status == 200
    assert gateway.parcels.received[-1].line == "GET /api/shipments?page=1 HTTP/1.1"


def opened(sealed: str, key: ECKey | RSAKey) -> tuple[str, str]:
    """The text of an encrypted value, and the key id in its header."""
    read = decrypt_compact(sealed, key, algorithms=["ECDH-ES+A256KW", "RSA-OAEP-256", "A256GCM"])
    assert read.plaintext is not None
    return read.plaintext.decode(), str(read.headers()["kid"])


def test_the_vendor_alone_reads_what_is_encrypted_for_it_and_the_record_says_with_which_key(gateway: Running) -> None:
    body = {"reference": "A-10045", "phone": "+4930901820", "street": "Lindenstr. 7"}

    reply = gateway.call(
        "POST", "/parcels/notices?floor=Hinterhaus", "Receiver: Zoe Mueller", body=json.dumps(body).encode()
    )

    assert reply.status == 200
    [sent] = gateway.parcels.received
    document, header = json.loads(sent.payload), dict(sent.headers)
    assert opened(document["phone"], KEY) == ("+4930901820", KEY.thumbprint())
    assert opened(document["street"], OTHER) == ("Lindenstr. 7", "depot-7")
    assert opened(header["receiver"], KEY)[0] == "Zoe Mueller"
    assert opened(sent.line.split()[1].partition("floor=")[2], KEY)[0] == "Hinterhaus"
    wire = b"".join(gateway.received)
    assert not any(text in wire for text in (b"901820", b"Lindenstr", b"Mueller", b"Hinterhaus"))
    [*groups] = gateway.record(kind="intent")[0]["disclosed"]
    told = {(group["key"], path) for group in groups for path, _ in group["fields"]}
    assert told == {(KEY.thumbprint(), "$.phone"), (KEY.thumbprint(), "header:receiver"),
                    (KEY.thumbprint(), "query:floor"), (OTHER.thumbprint(), "$.street")}  # fmt: skip


def test_the_attempts_of_one_call_send_the_same_bytes(gateway: Running) -> None:
    """As a vendor demands that compares what comes under one idempotency key."""
    gateway.parcels.script = resets
    body = b'{"reference": "A-10045", "phone": "+4930901820", "street": "Lindenstr. 7"}'

    gateway.call("POST", "/parcels/notices", "Idempotency-Key: i-1", body=body)

    tries = [bytes(raw).partition(b"\r\n\r\n")[2] for raw in gateway.received]
    assert len(tries) == 3
    assert len(set(tries)) == 1
    assert opened(json.loads(tries[0])["phone"], KEY)[0] == "+4930901820"


def stopped(gateway: Running) -> str:
    """The token under which the vendor knows the order after this call."""
    assert gateway.call("POST", "/parcels/stops", body=b'{"reference": "A-10045"}').status == 200
    return str(json.loads(gateway.parcels.received[-1].payload)["reference"])


def test_a_token_is_one_for_one_order_and_comes_back_as_its_number_until_the_person_s_key_is_gone(
    tmp_path: Path,
) -> None:
    with running(tmp_path, files=SET) as gateway:
        token = stopped(gateway)
        assert re.fullmatch(r"psn_[0-9A-Za-z_-]{22}", token)
        assert stopped(gateway) == token
        assert b"A-10045" not in b"".join(gateway.received)

    with running(tmp_path, files=SET) as gateway:
        assert stopped(gateway) == token
        said = json.dumps({"reference": token, "forged": token[:-1] + "-"}).encode()
        gateway.parcels.script = answers(200, said, "content-type: application/json")
        reply = gateway.call("POST", "/parcels/stops", body=b'{"reference": "A-10045"}')
        assert json.loads(reply.payload) == {"reference": "A-10045"}

        apsw.Connection(str(tmp_path / "data" / "keys.db")).execute("DELETE FROM subject_key")
        reply = gateway.call("POST", "/parcels/stops", body=b'{"reference": "A-10045"}')
        assert json.loads(reply.payload) == {}


async def test_the_examples_hold() -> None:
    files = {name: text.replace("@parcels@", "8443").replace("@payments@", "8444").replace("@faults@", "8445")
             for name, text in SET.items()}  # fmt: skip

    verdicts = await rehearsed(loaded(files), frozenset({"parcels/pages", "parcels/seal", "parcels/stop"}))

    assert [problem for verdict in verdicts for problem in verdict.problems] == []
    assert len(verdicts) == 3
