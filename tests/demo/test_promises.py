import base64
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from demo_scenes import GOOD, PSEUDONYM, REFUSED_ENTRY, STAYED_HERE, STEP, arrived, got

from gateway.demo.promises import broken_by, found_in, personal, stayed, stored_in, tokens_in, unwritten
from gateway.demo.scene import Scene
from gateway.demo.story import AGREED, REFUSED, SENT, Step

BODY = arrived(STEP)["body"]


@pytest.mark.parametrize("scene", [GOOD, STAYED_HERE], ids=["sent", "refused"])
def test_what_is_as_promised_is_not_complained_about(scene: Scene) -> None:
    assert list(broken_by(scene)) == []


@pytest.mark.parametrize(
    ("scene", "said"),
    [
        (got(body=BODY.replace("Cosmetics", "Retinol Night Serum")), "the value at $.items.0.title was to stay"),
        (got(body=BODY.replace('"quantity": 1', '"quantity": 2')), "something else than the expected minimum"),
        (got(body=BODY.replace("0.50", "0.5")), "something else than the expected minimum"),
        (got(body=BODY.replace(PSEUDONYM, "A-10045")), "something else than the expected minimum"),
        (got(target="/v2/shipments?debug=1"), "something else than the expected minimum"),
        (
            got(headers=[["idempotency-key", PSEUDONYM], ["cookie", "session=4f1d9c27aa"]]),
            "the value at header:cookie was to stay",
        ),
        (got(violations=["$.a: no line"]), "parcelgate does not take it: $.a: no line"),
        (replace(GOOD, received=[]), "got 0 calls instead of one"),
        (replace(GOOD, received=GOOD.received * 2), "got 2 calls instead of one"),
        (replace(GOOD, status=200), "the reply is 200 instead of 201"),
        (replace(GOOD, headers={}), "does not say that it was sent"),
        (replace(GOOD, entry=None), "no settled entry"),
        (replace(GOOD, entry=REFUSED_ENTRY), "no settled entry"),
        (replace(GOOD, reply=b'{"driver":{"name":"Bob"}}'), "came back that the contract does not name"),
        (replace(STAYED_HERE, received=GOOD.received), "elbkurier got it, though it was to be refused"),
        (replace(STAYED_HERE, status=200), "the reply is 200 instead of 403"),
        (replace(STAYED_HERE, headers={"content-type": "application/problem+json"}), "nothing was sent"),
        (replace(STAYED_HERE, reply=b'{"code":"http.head"}'), "refused as http.head instead of agreement.expired"),
        (replace(STAYED_HERE, entry=None), "the refusal is not in the ledger"),
    ],
)  # fmt: skip
def test_what_is_not_as_promised_is_said(scene: Scene, said: str) -> None:
    assert any(said in text for text in broken_by(scene))


def test_no_complaint_repeats_a_value() -> None:
    scene = got(body=BODY.replace("Cosmetics", "Retinol Night Serum"), headers=[["cookie", "session=4f1d9c27aa"]])

    said = " ".join(broken_by(scene))

    assert "Retinol" not in said
    assert "4f1d9c27aa" not in said


@pytest.mark.parametrize("step", [step for step in (*SENT, AGREED) if "stay" in step.why or len(step.call) > 300])
def test_of_every_careless_call_something_is_looked_for(step: Step) -> None:
    assert stayed(step)


@pytest.mark.parametrize(
    "spelled",
    ["Zoë Müller", quote_plus("Zoë Müller"), "Zo%C3%AB%20M%C3%BCller", "Zo\\u00eb M\\u00fcller"],
    ids=["plain", "in a form", "in a path", "in JSON"],
)
def test_a_value_is_found_however_it_is_spelled(spelled: str) -> None:
    assert found_in(f"before{spelled}after".encode(), {"name": "Zoë Müller"}) == ["name"]


def test_a_value_that_is_not_there_is_not_found() -> None:
    assert found_in(b"Zo", {"name": "Zo\u00eb"}) == []


def test_a_token_that_reaches_a_vendor_is_noticed() -> None:
    received = arrived(STEP) | {"headers": [["authorization", "Bearer eyJ-the-token"]]}

    said = list(tokens_in([received], {"checkout": "eyJ-the-token", "support": "eyJ-another"}))

    assert said == ["the token of checkout reached parcelgate"]


def test_a_value_in_a_file_of_the_ledger_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "ledger.db-wal").write_bytes(b"\x00\x01zoe.mueller@example.com\x00")
    (tmp_path / "ledger.db").write_bytes(b"\x00\x01" + base64.b64encode(b"nothing") + b"A-10045-1")

    said = list(stored_in(tmp_path, {"email": "zoe.mueller@example.com", "order": "A-10045-1"}))

    assert said == ["ledger.db holds a value (order)", "ledger.db-wal holds a value (email)"]


def test_the_register_may_hold_orders_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "registry.db").write_bytes(b"A-10045 customer-88120 zoe.mueller@example.com")
    values = {"order": "A-10045", "person": "customer-88120", "email": "zoe.mueller@example.com"}

    assert list(stored_in(tmp_path, values)) == ["registry.db holds a value (email)"]


def test_names_addresses_and_orders_are_among_what_is_looked_for() -> None:
    values = set(personal([*SENT, *REFUSED, AGREED]).values())

    assert {"Zoë Müller", "Lindenstr. 7", "A-10045", "zoe.mueller@example.com", "4111 1111 1111 1111"} <= values
    assert "returned" not in values


def test_an_entry_that_is_missing_from_the_disk_is_noticed() -> None:
    scenes = [GOOD, STAYED_HERE]

    said = list(unwritten(scenes, [REFUSED_ENTRY]))

    assert said == ["A parcel: its entry is not on the disk"]


def test_an_entry_that_reads_differently_on_the_disk_is_noticed() -> None:
    altered = (GOOD.entry or {}) | {"purpose": "marketing"}

    assert list(unwritten([GOOD], [altered])) == ["A parcel: its entry is not on the disk"]
    assert list(unwritten([GOOD], [GOOD.entry or {}])) == []
