"""Forms that depend on more than the value, through real sockets: what arrives, and what comes back."""

import json
from collections.abc import Iterator

import pytest
from clearances import loaded
from running import Running, running
from shop_contracts import FILES
from vendors import answers

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
SET = {**FILES, "parcels/pages.yaml": PAGES}


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


async def test_the_examples_hold() -> None:
    files = {name: text.replace("@parcels@", "8443").replace("@payments@", "8444").replace("@faults@", "8445")
             for name, text in SET.items()}  # fmt: skip

    verdicts = await rehearsed(loaded(files), frozenset({"parcels/pages"}))

    assert [problem for verdict in verdicts for problem in verdict.problems] == []
    assert len(verdicts) == 1
