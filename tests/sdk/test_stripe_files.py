import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest
import stripe
from stripe_shop import KEY, ORDER, Shop, shop

from gateway.body.multipart import boundary_in, parts_of
from gateway.sandbox.arrival import CREDENTIAL, Arrival
from gateway.sandbox.vendors import Sandbox

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stripe")]

CONTRACTS = Path(__file__).parents[2] / "contracts"
PAPER = b"%PDF-1.7\r\n" + bytes(range(256)) * 40 + b"\r\n--\r\nZo\xc3\xab M\xc3\xbcller"
FILE = {
    "id": "file_7",
    "object": "file",
    "created": 1795334632,
    "expires_at": 1818489600,
    "filename": "file.pdf",
    "purpose": "dispute_evidence",
    "size": len(PAPER),
    "title": "Zoë",
    "type": "pdf",
    "url": "https://files.stripe.com/v1/files/file_7/contents",
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with shop(tmp_path_factory.mktemp("files")) as running:
        yield running


@pytest.fixture
def storing(whole: Shop) -> Shop:
    whole.running.reset()
    whole.says(FILE)
    return whole


def stored(shop: Shop, file: IO[bytes], order: str = ORDER, **more: Any) -> stripe.File:
    """A paper as a careless service uploads it."""
    params: Any = {"purpose": "dispute_evidence", "file": file, "metadata": {"order_id": order, "note": "Zoë"}, **more}
    return shop.client().v1.files.create(params=params, options={"idempotency_key": "evidence-10045"})


def paper(folder: Path) -> IO[bytes]:
    file = folder / "delivery note Zoë Müller.pdf"
    file.write_bytes(PAPER)
    return file.open("rb")


def arrived(shop: Shop) -> list[tuple[str, str | None, str | None, bytes]]:
    """The parts of the one call that Stripe got: name, file name, type and content."""
    [received] = shop.received
    assert received.line == "POST /v1/files HTTP/1.1"
    headers = {name.lower(): value for name, value in received.headers}
    assert headers["content-type"] == f"multipart/form-data; boundary={boundary_in(received.payload)}"
    assert headers["authorization"] == f"Bearer {KEY}"
    return [
        (
            head["content-disposition.name"],
            head.get("content-disposition.filename"),
            head.get("content-type"),
            content,
        )
        for head, content in parts_of(received.payload)
    ]


def test_of_a_file_its_bytes_arrive_and_its_purpose(storing: Shop, tmp_path: Path) -> None:
    with paper(tmp_path) as file:
        stored(storing, file, file_link_data={"create": True, "metadata": {"note": "Zoë"}})

    assert arrived(storing) == [
        ("purpose", None, None, b"dispute_evidence"),
        ("file", "file.pdf", "application/octet-stream", PAPER),
    ]


def test_no_byte_of_what_stays_arrives(storing: Shop, tmp_path: Path) -> None:
    with paper(tmp_path) as file:
        stored(storing, file, file_link_data={"create": True})

    raw = storing.vendor.raw.replace(PAPER, b"")
    token = storing.running.token("checkout").encode()
    for value in (
        b"Zo\xc3\xab",
        b"delivery note",
        str(tmp_path).encode(),
        b"metadata",
        b"file_link_data",
        ORDER.encode(),
        token,
    ):
        assert value not in raw


def test_a_file_comes_back_as_the_sdks_own_object(storing: Shop) -> None:
    file = stored(storing, io.BytesIO(PAPER))

    assert isinstance(file, stripe.File)
    assert (file.id, file.purpose, file.size, file.type) == ("file_7", "dispute_evidence", len(PAPER), "pdf")
    assert file.last_response is not None
    assert file.last_response.request_id == "req_7"
    assert "url" not in file.to_dict()


def test_the_module_uploads_as_a_client_does(storing: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"http://127.0.0.1:{storing.running.ports[0]}"
    monkeypatch.setattr(stripe, "api_key", storing.running.token("checkout"))
    monkeypatch.setattr(stripe, "upload_api_base", f"{address}/stripe-files")
    more: Any = {"metadata": {"order_id": ORDER}}

    file = stripe.File.create(purpose="dispute_evidence", file=io.BytesIO(PAPER), **more)

    assert file.id == "file_7"
    assert [(name, content) for name, _, _, content in arrived(storing)] == [
        ("purpose", b"dispute_evidence"),
        ("file", PAPER),
    ]


def test_of_an_upload_it_is_written_down_that_a_file_left_and_that_its_name_stayed(
    storing: Shop, tmp_path: Path
) -> None:
    with paper(tmp_path) as file:
        stored(storing, file)

    intent = storing.running.record(kind="intent")[0]
    assert ["$.file", "address.full"] in [field for group in intent["disclosed"] for field in group["fields"]]
    assert "$.file.@filename" in [path for group in intent["withheld"] for path in group["paths"]]
    assert "delivery note" not in str(intent)


@pytest.mark.parametrize(
    ("more", "code", "kind"),
    [
        ({"purpose": "identity_document"}, "operation.unknown", stripe.PermissionError),
        ({"order": "never-heard-of"}, "subject.unresolved", stripe.PermissionError),
        ({"order": "10046"}, "consent.missing", stripe.PermissionError),
        ({"file": "no file"}, "", None),
        ({"file": io.BytesIO(bytes(5 * 1024 * 1024 + 1))}, "body.too_large", stripe.APIError),
    ],
    ids=["a purpose that no contract names", "nobody known", "without consent", "a text for a file", "too large"],
)
def test_a_file_that_may_not_go_is_an_error_of_the_sdk(
    storing: Shop, more: dict[str, Any], code: str, kind: type[stripe.StripeError] | None
) -> None:
    given = {"file": io.BytesIO(PAPER), **more}
    if kind is None:
        stored(storing, **given)
        assert arrived(storing)[1] == ("file", None, None, b"no file")
        return

    with pytest.raises(kind) as caught:
        stored(storing, **given)

    assert caught.value.error is not None
    assert caught.value.error.code == code
    assert storing.received == []


def test_a_played_stripe_takes_what_arrives_and_answers_from_the_contracts_example(storing: Shop) -> None:
    stored(storing, io.BytesIO(PAPER))
    [received] = storing.received
    headers = tuple((name.lower(), value.replace(KEY, CREDENTIAL)) for name, value in received.headers)
    sandbox = Sandbox.of(CONTRACTS)

    taken, says = sandbox.take(Arrival("stripe-files", "POST", "/v1/files", headers, received.payload))

    assert (taken.judged.operation, taken.judged.violations, taken.status) == ("create-file", (), 200)
    assert says is not None
    assert b'"id":"file_1"' in says.body
    assert taken.shown()["decoded"]["body"]["purpose"] == "dispute_evidence"


@pytest.mark.parametrize(
    ("old", "new", "violation"),
    [
        (b"file.pdf", b"zoe.pdf", "$.file.@filename: no contract line lets this out"),
        (b'name="purpose"', b'name="other"', "in no contract"),
        (b"Content-Type: application/octet-stream", b"Content-Type: text/html", "in no contract"),
        (b"Content-Type: application/octet-stream", b"X-Who: application/octet-stream", "$.file.@x-who"),
    ],
)
def test_a_played_stripe_says_what_should_not_have_arrived(
    storing: Shop, old: bytes, new: bytes, violation: str
) -> None:
    stored(storing, io.BytesIO(PAPER))
    [received] = storing.received
    headers = tuple((name.lower(), value.replace(KEY, CREDENTIAL)) for name, value in received.headers)
    payload = received.payload.replace(old, new)
    assert payload != received.payload

    taken, _ = Sandbox.of(CONTRACTS).take(Arrival("stripe-files", "POST", "/v1/files", headers, payload))

    assert taken.status in (404, 422)
    assert any(violation in each for each in taken.judged.violations)
